// Users are pinned at first sight, and their device lists never go back.
#include "client/tables/people_table.h"

#include "client/schema.h"
#include "unit/client/members.h"

using namespace sotto;
using namespace sotto::client;
using namespace sotto::test;

TEST_CASE("A device list older than one seen before is refused") {
  test::People people(1);
  const auto db = must(open_store(":memory:"));
  UserTable users(*db);
  const auto& person = people.person();
  const auto list_of = [&](std::uint64_t version) {
    wire::DeviceList list;
    list.set_user_id(to_string_bytes(person.user));
    list.set_identity_key(wire::field(person.identity.public_key.view()));
    list.set_version(version);
    if (version > 1) list.set_prev_hash(std::string(32, 'h'));
    *list.add_devices() =
        certify(person, id_of<DeviceId>(1), 1, person.identity.public_key, person.identity.private_key);
    return wire::sign_device_list(list, person.identity.private_key);
  };
  const auto meet = [&](std::uint64_t version, const std::optional<std::string>& handle) {
    const auto list = list_of(version);
    return users.meet(must(wire::check_device_list(list)), list, handle, 1).code();
  };
  CHECK(must(users.handle(person.user)).empty());
  CHECK_FALSE(meet(2, "bob"));
  CHECK(must(users.handle(person.user)) == "bob");
  CHECK(meet(1, "eve") == ErrorCode::CERTIFICATE_REFUSED);
  CHECK_FALSE(meet(2, std::nullopt));
  CHECK_FALSE(meet(3, std::nullopt));
  CHECK(meet(2, std::nullopt) == ErrorCode::CERTIFICATE_REFUSED);
  CHECK(must(users.handle(person.user)) == "bob");
  SECTION("a certificate in a chat changes nothing of what is known") {
    const auto seen = must(wire::check_certificate(
        certify(person, id_of<DeviceId>(1), 1, person.identity.public_key, person.identity.private_key)));
    must(users.meet(seen, 2));
    CHECK(meet(2, std::nullopt) == ErrorCode::CERTIFICATE_REFUSED);
    CHECK(must(users.handle(person.user)) == "bob");
  }
}
