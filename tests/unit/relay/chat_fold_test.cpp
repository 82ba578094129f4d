// The fold is pure: from a snapshot and the rest, from the start, before and after bytes, it is the same.
#include "relay/chat_fold.h"

#include "relay/store_codec.h"
#include "support/must.h"
#include "unit/relay/support/private_message.h"
#include "unit/relay/support/relay_world.h"
#include "wire/identity.h"

namespace sotto::relay::test {

namespace {

/// Makes entries that follow each other as an honest chat's would, at random.
class RandomLog {
 public:
  explicit RandomLog(std::uint64_t seed) : world_(seed) {
    for (int user = 0; user < 6; ++user) {
      const auto id = random_id<UserId>(world_.random);
      for (int device = 0; device < 3; ++device) devices_.push_back({id, random_id<DeviceId>(world_.random)});
    }
    group_.id = wire::random_group_id(world_.random);
  }

  StoredEntry next() {
    StoredEntry entry;
    entry.message_id = random_id<MessageId>(world_.random);
    entry.time = 1000 + seq_;
    entry.generation = group_.generation;
    ++seq_;
    if (seq_ == 1) return founding(entry);
    return world_.random.below(3) == 0 ? commit(entry) : message(entry);
  }

 private:
  StoredEntry founding(StoredEntry entry) {
    const std::vector<DeviceRef> first(devices_.begin(), devices_.begin() + 5);
    const auto request = create_request(world_, group_, first, {first[0].user}, first[0]);
    entry.kind = EntryKind::founding;
    entry.type = wire::GROUP;
    entry.sender = first[0];
    entry.payload = to_bytes(wire::view(request.create_chat().commit().founding_aad()));
    return entry;
  }

  StoredEntry message(StoredEntry entry) {
    auto it = group_.roster.devices.begin();
    std::advance(it, static_cast<std::ptrdiff_t>(world_.random.below(group_.roster.devices.size())));
    entry.sender = {it->second.user, it->first};
    entry.n = ++last_n_[entry.sender];
    entry.payload = to_bytes("a message");
    return entry;
  }

  StoredEntry commit(StoredEntry entry) {
    Change change;
    for (const auto& device : devices_) {
      const bool in = group_.roster.devices.contains(device.device);
      const auto dice = world_.random.below(8);
      if (in && dice < 2 && group_.roster.devices.size() - change.removes.size() > 2) change.removes.push_back(device);
      if ((!in && dice == 0) || (in && dice == 1 && !change.removes.empty() && change.removes.back() == device)) {
        change.adds.push_back(device);
      }
    }
    wire::Roster after;
    const auto aad = aad_of(world_, group_, change, &after);
    entry.kind = EntryKind::handshake;
    entry.sender = {group_.roster.devices.begin()->second.user, group_.roster.devices.begin()->first};
    entry.payload = private_message(group_.id, 1, wire::MlsContentType::commit, encode(aad), as_bytes("a commit"));
    for (const auto& device : change.adds) last_n_[device] = 0;
    accepted(group_, change, seq_);
    return entry;
  }

  World world_;
  Group group_;
  std::vector<DeviceRef> devices_;
  std::map<DeviceRef, std::uint64_t> last_n_;
  std::uint64_t seq_ = 0;
};

}  // namespace

TEST_CASE("a fold from any snapshot on equals the fold from the start") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    RandomLog log(seed);
    std::vector<StoredEntry> entries;
    for (int i = 0; i < 120; ++i) entries.push_back(log.next());
    ChatFold whole;
    for (const auto& entry : entries) REQUIRE(whole.apply(entry).ok());
    for (std::size_t cut = 1; cut < entries.size(); cut += 7) {
      ChatFold first;
      for (std::size_t i = 0; i < cut; ++i) REQUIRE(first.apply(entries[i]).ok());
      auto rest = decode_fold(encode(first));
      REQUIRE(rest.ok());
      REQUIRE(*rest == first);
      for (std::size_t i = cut; i < entries.size(); ++i) REQUIRE(rest->apply(entries[i]).ok());
      REQUIRE(*rest == whole);
    }
  }
}

TEST_CASE("a fold that forgot what is acked goes on as one that did not") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    RandomLog log(seed);
    ChatFold whole;
    ChatFold forgetful;
    for (std::uint64_t i = 1; i <= 120; ++i) {
      const auto entry = log.next();
      REQUIRE(whole.apply(entry).ok());
      REQUIRE(forgetful.apply(entry).ok());
      if (i % 11 == 0) {
        forgetful.forget(i - 5);
        auto copy = whole;
        copy.forget(i - 5);
        REQUIRE(copy == forgetful);
      }
    }
    whole.forget(120);
    forgetful.forget(120);
    REQUIRE(whole == forgetful);
    REQUIRE(whole.closed_ranges() == 0);
  }
}

TEST_CASE("entries survive their bytes, and other bytes are CORRUPT") {
  RandomLog log(3);
  for (int i = 0; i < 30; ++i) {
    const auto entry = log.next();
    const auto bytes = encode(entry);
    const auto again = decode_entry(bytes);
    REQUIRE(again.ok());
    REQUIRE(*again == entry);
  }
  CHECK(decode_entry(Bytes{}).code() == ErrorCode::CORRUPT);
  CHECK(decode_entry(to_bytes("garbage")).code() == ErrorCode::CORRUPT);
  CHECK(decode_fold(Bytes{}).code() == ErrorCode::CORRUPT);
  CHECK(decode_fold(to_bytes("garbage")).code() == ErrorCode::CORRUPT);
  // Field 1, version, of a later build.
  CHECK(decode_entry(Bytes{0x08, 0x02}).code() == ErrorCode::NEWER_SCHEMA);
  CHECK(decode_fold(Bytes{0x08, 0x02}).code() == ErrorCode::NEWER_SCHEMA);
}

TEST_CASE("a snapshot that names a member twice is CORRUPT") {
  RandomLog log(4);
  ChatFold fold;
  for (int i = 0; i < 10; ++i) REQUIRE(fold.apply(log.next()).ok());
  auto snapshot = sotto::test::must(decode_stored<stored::ChatSnapshot>(encode(fold)));
  auto& twice = *snapshot.add_members();
  twice = snapshot.members(0);
  twice.set_on_roster(false);
  CHECK(decode_fold(wire::serialize(snapshot)).code() == ErrorCode::CORRUPT);
}

TEST_CASE("min_handshake is the last roster change, and at least the fourth-last handshake") {
  World world;
  Group group;
  group.id = wire::random_group_id(world.random);
  const DeviceRef a{random_id<UserId>(world.random), random_id<DeviceId>(world.random)};
  const DeviceRef b{random_id<UserId>(world.random), random_id<DeviceId>(world.random)};
  const auto request = create_request(world, group, {a}, {a.user}, a);
  StoredEntry founding;
  founding.kind = EntryKind::founding;
  founding.sender = a;
  founding.payload = to_bytes(wire::view(request.create_chat().commit().founding_aad()));
  ChatFold fold;
  REQUIRE(fold.apply(founding).ok());
  CHECK(fold.min_handshake == 1);
  const auto commit = [&](const Change& change) {
    StoredEntry entry;
    entry.kind = EntryKind::handshake;
    entry.sender = a;
    entry.payload = private_message(group.id, 1, wire::MlsContentType::commit, encode(aad_of(world, group, change)),
                                    as_bytes("a commit"));
    REQUIRE(fold.apply(entry).ok());
    accepted(group, change, fold.head);
  };
  commit({});
  commit({});
  CHECK(fold.min_handshake == 1);
  commit({});
  CHECK(fold.handshake_seq == 4);
  CHECK(fold.min_handshake == 1);
  commit({});
  CHECK(fold.min_handshake == 2);
  commit({{b}, {}, {}, false, 1});
  CHECK(fold.min_handshake == 6);
  Change leaves_changed;
  leaves_changed.membership_changed = true;
  commit(leaves_changed);
  CHECK(fold.min_handshake == 7);
}

TEST_CASE("what a device is owed: from joining to the commit that removes it, and again") {
  const ChatMember member{1, true, 20, 0, {{3, 9}, {20, open_end}}};
  CHECK(next_owed(member, 0, 30) == 3U);
  CHECK(next_owed(member, 5, 30) == 6U);
  CHECK(next_owed(member, 9, 30) == 20U);
  CHECK(next_owed(member, 15, 30) == 20U);
  CHECK_FALSE(next_owed(member, 9, 19));
  CHECK_FALSE(next_owed(member, 30, 30));
  CHECK(last_owed(member, 30) == 30);
  CHECK(last_owed(member, 15) == 9);
  CHECK(last_owed(member, 2) == 0);
  CHECK(begins_at(member, 3));
  CHECK(begins_at(member, 20));
  CHECK_FALSE(begins_at(member, 4));
}

}  // namespace sotto::relay::test
