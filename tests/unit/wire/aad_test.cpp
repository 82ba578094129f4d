// What a sender signs beside its ciphertext: MessageAad and CommitAad.
#include "base/random.h"
#include "support/catch.h"
#include "wire/frame.h"
#include "wire/limits.h"
#include "wire/roster.h"

namespace sotto::wire {
namespace {

Bytes random_bytes(Random& random, std::size_t size) {
  Bytes out(size);
  random.fill(out);
  return out;
}

RosterChange random_change(Random& random) {
  return {random_id<UserId>(random), random_id<DeviceId>(random), 1 + static_cast<std::uint32_t>(random.below(9))};
}

CheckedCommitAad random_commit(Random& random, std::uint64_t most = 8) {
  CheckedCommitAad out;
  out.client_message_id = random_id<ClientMessageId>(random);
  random.fill(out.roster_digest.bytes);
  out.membership_changed = random.below(2) == 1;
  for (auto n = random.below(most); n > 0; --n) out.adds.push_back(random_change(random));
  for (auto n = random.below(most); n > 0; --n) out.removes.push_back(random_change(random));
  for (auto n = random.below(most); n > 0; --n) out.admins.insert(random_id<UserId>(random));
  for (auto n = random.below(most); n > 0; --n) out.skipped.push_back(random.below(1000));
  for (auto n = random.below(most); n > 0; --n) {
    out.evidence.push_back(random_bytes(random, static_cast<std::size_t>(random.below(50))));
  }
  return out;
}

bool same(const CheckedCommitAad& a, const CheckedCommitAad& b) {
  return a.client_message_id == b.client_message_id && a.roster_digest == b.roster_digest &&
         a.membership_changed == b.membership_changed && a.adds == b.adds && a.removes == b.removes &&
         a.admins == b.admins && a.skipped == b.skipped && a.evidence == b.evidence;
}

TEST_CASE("a CommitAad comes back as it was", "[wire][aad]") {
  SeededRandom random(1);
  for (int round = 0; round < 200; ++round) {
    const auto sent = random_commit(random);
    const auto got = check_commit_aad(encode(sent));
    REQUIRE(got.ok());
    CHECK(same(*got, sent));
  }
}

TEST_CASE("a truncated CommitAad is never taken for the whole", "[wire][aad]") {
  SeededRandom random(2);
  auto sent = random_commit(random, 5);
  sent.evidence.push_back(Bytes(10, 1));
  const Bytes bytes = encode(sent);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto got = check_commit_aad(ByteView(bytes).first(size));
    if (got.ok()) CHECK_FALSE(same(*got, sent));
  }
}

TEST_CASE("a CommitAad has ids and digests of the right size, and admins once", "[wire][aad]") {
  SeededRandom random(3);
  CommitAad good;
  REQUIRE(good.ParseFromString(to_string(encode(random_commit(random)))));
  const auto with = [&](const auto& change) {
    auto bad = good;
    change(bad);
    return check_commit_aad(serialize(bad)).code();
  };
  const auto none = std::optional<ErrorCode>();
  const std::string id(16, 'i');
  const auto add = [&](CommitAad& aad, std::size_t user, std::size_t device, std::uint32_t era) {
    auto& to = *aad.add_adds();
    to.set_user_id(std::string(user, 'u'));
    to.set_device_id(std::string(device, 'd'));
    to.set_era(era);
  };
  CHECK(with([](CommitAad&) {}) == none);
  CHECK(with([](CommitAad& a) { a.set_client_message_id(std::string(15, 'x')); }) == ErrorCode::MALFORMED);
  CHECK(with([](CommitAad& a) { a.clear_client_message_id(); }) == ErrorCode::MALFORMED);
  CHECK(with([](CommitAad& a) { a.set_roster_digest(std::string(31, 'x')); }) == ErrorCode::MALFORMED);
  CHECK(with([](CommitAad& a) { a.clear_roster_digest(); }) == ErrorCode::MALFORMED);
  CHECK(with([&](CommitAad& a) { add(a, 16, 16, 1); }) == none);
  CHECK(with([&](CommitAad& a) { add(a, 15, 16, 1); }) == ErrorCode::MALFORMED);
  CHECK(with([&](CommitAad& a) { add(a, 16, 17, 1); }) == ErrorCode::MALFORMED);
  CHECK(with([&](CommitAad& a) { add(a, 16, 16, 0); }) == ErrorCode::MALFORMED);
  CHECK(with([&](CommitAad& a) { a.add_removes(); }) == ErrorCode::MALFORMED);
  CHECK(with([&](CommitAad& a) { a.add_admins("short"); }) == ErrorCode::MALFORMED);
  CHECK(with([&](CommitAad& a) {
          a.add_admins(id);
          a.add_admins(id);
        }) == ErrorCode::MALFORMED);
  CHECK(check_commit_aad({}).code() == ErrorCode::MALFORMED);
  CHECK(check_commit_aad(from_hex("0a")).code() == ErrorCode::MALFORMED);
}

TEST_CASE("a CommitAad has limits", "[wire][aad]") {
  SeededRandom random(4);
  constexpr std::size_t devices = limits::users_per_chat * limits::devices_per_user;
  CheckedCommitAad aad;
  SECTION("adds") {
    for (std::size_t i = 0; i < devices; ++i) aad.adds.push_back(random_change(random));
    CHECK(check_commit_aad(encode(aad)).ok());
    aad.adds.push_back(random_change(random));
  }
  SECTION("removes") {
    for (std::size_t i = 0; i < devices; ++i) aad.removes.push_back(random_change(random));
    CHECK(check_commit_aad(encode(aad)).ok());
    aad.removes.push_back(random_change(random));
  }
  SECTION("admins") {
    while (aad.admins.size() < limits::users_per_chat) aad.admins.insert(random_id<UserId>(random));
    CHECK(check_commit_aad(encode(aad)).ok());
    aad.admins.insert(random_id<UserId>(random));
  }
  SECTION("skipped") {
    aad.skipped.assign(limits::handshake_senders_kept, 1);
    CHECK(check_commit_aad(encode(aad)).ok());
    aad.skipped.push_back(1);
  }
  SECTION("evidence") {
    aad.evidence.assign(devices, Bytes(1));
    CHECK(check_commit_aad(encode(aad)).ok());
    aad.evidence.push_back(Bytes(1));
  }
  CHECK(check_commit_aad(encode(aad)).code() == ErrorCode::LIMIT_EXCEEDED);
}

TEST_CASE("a MessageAad comes back as it was", "[wire][aad]") {
  SeededRandom random(5);
  for (const std::uint64_t n : {std::uint64_t{1}, std::uint64_t{300}, UINT64_MAX}) {
    const CheckedMessageAad sent{random_id<ClientMessageId>(random), n};
    const Bytes bytes = encode(sent);
    const auto got = check_message_aad(bytes);
    REQUIRE(got.ok());
    CHECK(got->client_message_id == sent.client_message_id);
    CHECK(got->n == n);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const auto cut = check_message_aad(ByteView(bytes).first(size));
      CHECK(cut.code() == ErrorCode::MALFORMED);
    }
  }
}

TEST_CASE("a MessageAad has an id of 16 bytes and an n from 1 on", "[wire][aad]") {
  MessageAad aad;
  aad.set_client_message_id(std::string(16, 'x'));
  CHECK(check_message_aad(serialize(aad)).code() == ErrorCode::MALFORMED);  // n = 0
  aad.set_n(1);
  CHECK(check_message_aad(serialize(aad)).ok());
  for (const std::size_t size : {0U, 15U, 17U}) {
    aad.set_client_message_id(std::string(size, 'x'));
    CHECK(check_message_aad(serialize(aad)).code() == ErrorCode::MALFORMED);
  }
}

}  // namespace
}  // namespace sotto::wire
