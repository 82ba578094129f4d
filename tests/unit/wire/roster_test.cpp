// Rosters as values: what a commit makes of one, and how two are told apart.
#include "wire/roster.h"

#include "base/random.h"
#include "crypto/hash.h"
#include "support/catch.h"

namespace sotto::wire {
namespace {

template <typename AnyId>
AnyId id(std::uint8_t number) {
  AnyId out;
  out.bytes.fill(number);
  return out;
}

/// Of few users and devices, so that two random rosters have much in common.
Roster random_roster(Random& random) {
  Roster out;
  for (auto n = random.below(12); n > 0; --n) {
    const auto device = id<DeviceId>(static_cast<std::uint8_t>(random.below(16)));
    const auto user = id<UserId>(static_cast<std::uint8_t>(random.below(4)));
    out.devices[device] = {user, 1 + static_cast<std::uint32_t>(random.below(2))};
  }
  for (const auto& user : out.users()) {
    if (random.below(2) == 0) out.admins.insert(user);
  }
  return out;
}

/// The commit that leads from one roster to the other.
CheckedCommitAad step(const Roster& from, const Roster& to, const std::set<DeviceId>& replaced = {}) {
  CheckedCommitAad out;
  from.difference(to, replaced, out.adds, out.removes);
  out.admins = to.admins;
  out.roster_digest = to.digest();
  return out;
}

TEST_CASE("a difference and then `after` give the target", "[wire][roster]") {
  SeededRandom random(1);
  for (int round = 0; round < 2000; ++round) {
    const Roster from = random_roster(random);
    const Roster to = random_roster(random);
    std::set<DeviceId> replaced;
    for (const auto& [device, member] : to.devices) {
      if (random.below(4) == 0) replaced.insert(device);
    }
    const auto aad = step(from, to, replaced);
    const auto got = from.after(aad);
    REQUIRE(got.ok());
    CHECK(*got == to);
    CHECK(got->digest() == to.digest());
    // And back.
    const auto back = to.after(step(to, from));
    REQUIRE(back.ok());
    CHECK(*back == from);
    if (!replaced.empty()) continue;
    // Nothing is named that need not be: what is in both lists has changed.
    for (const auto& add : aad.adds) CHECK(std::ranges::find(aad.removes, add) == aad.removes.end());
    if (from.devices == to.devices) CHECK((aad.adds.empty() && aad.removes.empty()));
  }
}

TEST_CASE("a replaced device is removed and added", "[wire][roster]") {
  Roster roster;
  roster.devices[id<DeviceId>(1)] = {id<UserId>(1), 1};
  roster.devices[id<DeviceId>(2)] = {id<UserId>(1), 1};
  const auto aad = step(roster, roster, {id<DeviceId>(2)});
  const std::vector<RosterChange> both{{id<UserId>(1), id<DeviceId>(2), 1}};
  CHECK(aad.adds == both);
  CHECK(aad.removes == both);
  CHECK(roster.after(aad).ok());
}

TEST_CASE("a commit that does not fit the roster is refused", "[wire][roster]") {
  const auto user = id<UserId>(1);
  const auto other = id<UserId>(2);
  Roster roster;
  roster.devices[id<DeviceId>(1)] = {user, 1};
  roster.devices[id<DeviceId>(2)] = {other, 3};
  roster.admins = {user};
  const Roster before = roster;
  CheckedCommitAad aad = step(roster, roster);
  REQUIRE(roster.after(aad).ok());

  SECTION("it removes a device that is not there") { aad.removes = {{user, id<DeviceId>(9), 1}}; }
  SECTION("it removes a device of another user") { aad.removes = {{user, id<DeviceId>(2), 3}}; }
  SECTION("it removes a device of another era") { aad.removes = {{other, id<DeviceId>(2), 2}}; }
  SECTION("it removes a device twice") { aad.removes = {{other, id<DeviceId>(2), 3}, {other, id<DeviceId>(2), 3}}; }
  SECTION("it adds a device that is there") { aad.adds = {{other, id<DeviceId>(2), 4}}; }
  SECTION("it adds a device twice") { aad.adds = {{user, id<DeviceId>(9), 1}, {user, id<DeviceId>(9), 1}}; }
  SECTION("it names an admin who is not there") { aad.admins.insert(id<UserId>(3)); }
  SECTION("it names an admin whom it removes") {
    Roster target = roster;
    target.devices.erase(id<DeviceId>(1));
    aad = step(roster, target);
  }
  SECTION("its digest is of other admins") { aad.admins = {user, other}; }
  SECTION("its digest is of another roster") { aad.adds = {{user, id<DeviceId>(9), 1}}; }
  CHECK(roster.after(aad).code() == ErrorCode::ROSTER_MISMATCH);
  CHECK(roster == before);
}

TEST_CASE("a digest tells rosters apart by user, device, era and admin", "[wire][roster]") {
  Roster roster;
  roster.devices[id<DeviceId>(1)] = {id<UserId>(1), 1};
  roster.devices[id<DeviceId>(2)] = {id<UserId>(2), 1};
  const auto digest = roster.digest();
  CHECK(Roster().digest() == crypto::sha256(Bytes()));

  auto other = roster;
  SECTION("another user") { other.devices[id<DeviceId>(2)].user = id<UserId>(3); }
  SECTION("another device") {
    other.devices.erase(id<DeviceId>(2));
    other.devices[id<DeviceId>(3)] = {id<UserId>(2), 1};
  }
  SECTION("another era") { other.devices[id<DeviceId>(2)].era = 2; }
  SECTION("an admin more") { other.admins.insert(id<UserId>(2)); }
  SECTION("a device less") { other.devices.erase(id<DeviceId>(2)); }
  CHECK(other.digest() != digest);
}

TEST_CASE("a digest is over sorted rows of 37 bytes", "[wire][roster]") {
  Roster roster;
  // In the order of devices the second user comes first.
  roster.devices[id<DeviceId>(1)] = {id<UserId>(2), 0x01020304};
  roster.devices[id<DeviceId>(2)] = {id<UserId>(1), 1};
  roster.devices[id<DeviceId>(3)] = {id<UserId>(1), 2};
  roster.admins = {id<UserId>(2)};
  const auto row = [](std::uint8_t user, std::uint8_t device, const char* era, std::uint8_t admin) {
    return concat({Bytes(16, user), Bytes(16, device), from_hex(era), Bytes(1, admin)});
  };
  CHECK(roster.digest() ==
        crypto::sha256({row(1, 2, "00000001", 0), row(1, 3, "00000002", 0), row(2, 1, "01020304", 1)}));
}

TEST_CASE("users are those with a device", "[wire][roster]") {
  Roster roster;
  roster.devices[id<DeviceId>(1)] = {id<UserId>(1), 1};
  roster.devices[id<DeviceId>(2)] = {id<UserId>(1), 1};
  roster.devices[id<DeviceId>(3)] = {id<UserId>(2), 1};
  roster.admins = {id<UserId>(2)};
  CHECK(roster.users() == std::set<UserId>{id<UserId>(1), id<UserId>(2)});
  CHECK(roster.has_user(id<UserId>(2)));
  CHECK_FALSE(roster.has_user(id<UserId>(3)));
  CHECK(roster.is_admin(id<UserId>(2)));
  CHECK_FALSE(roster.is_admin(id<UserId>(1)));
}

}  // namespace
}  // namespace sotto::wire
