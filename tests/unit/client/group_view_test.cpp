// What an MLS group says of a chat.
#include "client/group_view.h"

#include "unit/client/members.h"
#include "wire/limits.h"

using namespace sotto;
using namespace sotto::client;
using namespace sotto::test;

namespace {

ChatStateView some_state() {
  ChatStateView state;
  state.rules_version = 1;
  state.type = ChatType::group;
  state.name = "caf\xC3\xA9";
  state.admins = {id_of<UserId>(1), id_of<UserId>(2)};
  state.created_at = 1234;
  return state;
}

mls::Extensions raw(const std::function<void(wire::ChatState&)>& change) {
  wire::ChatState state;
  state.set_rules_version(1);
  state.set_type(1);
  state.set_name("name");
  state.add_admins(to_string_bytes(id_of<UserId>(1)));
  change(state);
  return {{chat_state_extension, wire::serialize(state)}};
}

}  // namespace

TEST_CASE("A ChatState comes back as it was put in") {
  const auto state = some_state();
  CHECK(must(read_chat_state(with_chat_state({}, state))) == state);
  SECTION("it replaces the one before and keeps the other extensions") {
    const mls::Extensions before = {{0xF0FE, to_bytes("x")}, {chat_state_extension, to_bytes("old")}};
    const auto after = with_chat_state(before, state);
    CHECK(after.size() == 2);
    CHECK(*mls::find_extension(after, 0xF0FE) == to_bytes("x"));
    CHECK(must(read_chat_state(after)) == state);
  }
  SECTION("equal states have equal bytes") {
    CHECK(with_chat_state({}, state) == with_chat_state(with_chat_state({}, ChatStateView{}), state));
  }
}

TEST_CASE("A ChatState out of its form is refused") {
  CHECK(read_chat_state(raw([](auto&) {})).ok());
  CHECK(read_chat_state({}).code() == ErrorCode::MALFORMED);
  auto twice = with_chat_state({}, some_state());
  twice.push_back(twice.front());
  CHECK(read_chat_state(twice).code() == ErrorCode::MALFORMED);
  CHECK(read_chat_state({{chat_state_extension, to_bytes("\xFF\xFF")}}).code() == ErrorCode::MALFORMED);

  CHECK(read_chat_state(raw([](auto& s) { s.set_type(2); })).code() == ErrorCode::MALFORMED);
  CHECK(read_chat_state(raw([](auto& s) { s.set_rules_version(0); })).code() == ErrorCode::MALFORMED);
  const std::string longest(wire::limits::chat_name_bytes, 'x');
  CHECK(read_chat_state(raw([&](auto& s) { s.set_name(longest); })).ok());
  CHECK(read_chat_state(raw([&](auto& s) { s.set_name(longest + "x"); })).code() == ErrorCode::MALFORMED);
  CHECK(read_chat_state(raw([](auto& s) { s.add_admins("short"); })).code() == ErrorCode::MALFORMED);
  CHECK(read_chat_state(raw([](auto& s) { s.add_admins(s.admins(0)); })).code() == ErrorCode::MALFORMED);
  SECTION("rules of a newer version are read, not refused") {
    CHECK(must(read_chat_state(raw([](auto& s) { s.set_rules_version(99); }))).rules_version == 99);
  }
}

TEST_CASE("A leaf tells whose it is") {
  test::People people(1);
  auto& alice = people.member();
  auto leaf = people.key_package(alice).leaf_node;
  const auto certificate = must(check_leaf(leaf));
  CHECK(certificate.user == alice.person->user);
  CHECK(certificate.device == alice.device);

  SECTION("not if it has another key than the certificate's") {
    leaf.signature_key = to_bytes(people.member().key.public_key.view());
    CHECK(check_leaf(leaf).code() == ErrorCode::CERTIFICATE_REFUSED);
  }
  SECTION("not if somebody else signed the certificate") {
    leaf.credential.identity = wire::serialize(
        certify(*alice.person, alice.device, 1, alice.key.public_key, people.person().identity.private_key));
    CHECK(check_leaf(leaf).code() == ErrorCode::BAD_SIGNATURE);
  }
  SECTION("not by an X.509 credential") {
    leaf.credential.type = mls::credential_type::x509;
    CHECK(check_leaf(leaf).code() == ErrorCode::CERTIFICATE_REFUSED);
  }
}

TEST_CASE("The roster of a group is its leaves' devices") {
  test::People people(2);
  auto& alice = people.member();
  auto& alice2 = people.device(*alice.person);
  auto& bob = people.device(people.person(), id_of<DeviceId>(5), 3);
  auto state = some_state();
  state.admins = {alice.person->user};
  people.found(alice, state);
  people.gather(alice, {&alice2, &bob}, false);
  const auto devices = must(read_devices(alice.group->members()));
  REQUIRE(devices.size() == 3);
  CHECK(devices[2].leaf.value == 2);
  CHECK(devices[2].certificate.device == bob.device);
  const auto roster = roster_of(devices, state.admins);
  CHECK(roster.users() == std::set<UserId>{alice.person->user, bob.person->user});
  CHECK(roster.devices.at(bob.device) == wire::RosterMember{bob.person->user, 3});
  CHECK(roster.is_admin(alice.person->user));
  CHECK_FALSE(roster.is_admin(bob.person->user));
}
