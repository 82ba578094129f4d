// Handles, device lists, key packages.
#include "crypto/sign.h"
#include "support/catch.h"
#include "unit/relay/support/relay_world.h"

namespace sotto::relay::test {

namespace {

wire::Request publish(int count, const std::string& last_resort = {}) {
  static int number = 0;
  wire::Request request;
  for (int i = 0; i < count; ++i) {
    request.mutable_publish_key_packages()->add_key_packages("key package " + std::to_string(++number));
  }
  request.mutable_publish_key_packages()->set_last_resort(last_resort);
  return request;
}

wire::Request take(const std::vector<UserId>& users) {
  wire::Request request;
  request.mutable_take_key_packages();
  for (const auto& user : users) request.mutable_take_key_packages()->add_user_ids(to_string_bytes(user));
  return request;
}

wire::Request put_list(const wire::SignedDeviceList& list) {
  wire::Request request;
  *request.mutable_put_device_list()->mutable_device_list() = list;
  return request;
}

}  // namespace

TEST_CASE("a user is found by handle, with the device list as it was signed") {
  World world;
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("+4930123456");
  wire::Request request;
  request.mutable_find_user()->set_handle("+4930123456");
  const auto found = alice.ask(request);
  REQUIRE(success(found));
  CHECK(found.user_found().user_id() == to_string_bytes(bob.person->id));
  wire::Request list;
  list.mutable_get_device_list()->set_user_id(to_string_bytes(bob.person->id));
  CHECK(alice.ask(list).device_list().device_list().SerializeAsString() ==
        found.user_found().device_list().SerializeAsString());
  request.mutable_find_user()->set_handle("nobody");
  CHECK(status(alice.ask(request)) == ErrorCode::UNKNOWN_USER);
  list.mutable_get_device_list()->set_user_id(to_string_bytes(random_id<UserId>(world.random)));
  CHECK(status(alice.ask(list)) == ErrorCode::UNKNOWN_USER);
  list.mutable_get_device_list()->set_user_id("short");
  CHECK(status(alice.ask(list)) == ErrorCode::INVALID_ARGUMENT);
}

TEST_CASE("a device list is put by compare-and-set") {
  World world;
  auto& alice = world.newcomer("alice");
  auto& person = *alice.person;
  person.phones.push_back({random_id<DeviceId>(world.random), crypto::generate_signature_key(world.random), 1, 0, 0});
  const auto saved_hash = person.list_hash;
  const auto second = person.next_list();
  CHECK(success(alice.ask(put_list(second))));
  CHECK(success(alice.ask(put_list(second))));  // a repeat
  CHECK(success(world.connect(person, 1).authenticate()));

  person.version = 1;
  person.list_hash = saved_hash;
  person.phones.pop_back();
  CHECK(status(alice.ask(put_list(person.next_list()))) == ErrorCode::LIST_CONFLICT);
  auto& bob = world.newcomer("bob");
  CHECK(status(bob.ask(put_list(second))) == ErrorCode::FORBIDDEN);
  auto broken = second;
  broken.mutable_signature()->front() ^= 1;
  CHECK(status(alice.ask(put_list(broken))) == ErrorCode::BAD_SIGNATURE);
}

TEST_CASE("a device that leaves the list is cut off, and its key packages are gone") {
  World world;
  auto& alice = world.newcomer("alice", 2);
  auto& person = *alice.person;
  auto& tablet = world.online(person, 1);
  auto& bob = world.newcomer("bob");
  REQUIRE(success(tablet.ask(publish(5, "last resort"))));
  const auto gone = person.phones[1].id;
  person.phones.pop_back();
  REQUIRE(success(alice.ask(put_list(person.next_list()))));
  REQUIRE(tablet.closed);
  CHECK(tablet.closed->code == close_code::revoked);
  CHECK_FALSE(alice.closed);

  // Back under another key and era: nothing of the old one is handed out.
  person.phones.push_back({gone, crypto::generate_signature_key(world.random), 2, 0, 0});
  REQUIRE(success(alice.ask(put_list(person.next_list()))));
  const auto taken = bob.ask(take({person.id}));
  REQUIRE(success(taken));
  REQUIRE(taken.key_packages_taken().users(0).devices_size() == 2);
  CHECK(taken.key_packages_taken().users(0).devices(1).key_package().empty());
}

TEST_CASE("a device with a new key takes the next era") {
  World world;
  auto& alice = world.newcomer("alice");
  alice.person->phones[0].key = crypto::generate_signature_key(world.random);
  CHECK(status(alice.ask(put_list(alice.person->next_list()))) == ErrorCode::CERTIFICATE_REFUSED);
}

TEST_CASE("each key package is given once, in order, then the last resort") {
  World world;
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  auto& carol = world.newcomer("carol");
  const auto nothing = alice.ask(take({bob.person->id}));
  REQUIRE(success(nothing));
  CHECK(nothing.key_packages_taken().users(0).devices(0).key_package().empty());

  const auto published = bob.ask(publish(3, "last resort"));
  REQUIRE(success(published));
  CHECK(published.key_packages_published().count() == 3);
  // Two takers in one step get different ones.
  const auto first = alice.queue(take({bob.person->id}));
  const auto second = carol.queue(take({bob.person->id}));
  world.step();
  std::set<std::string> seen;
  const auto package = [](const wire::Response& response) { return response.key_packages_taken().users(0).devices(0); };
  CHECK(seen.insert(package(alice.answer(first)).key_package()).second);
  CHECK(seen.insert(package(carol.answer(second)).key_package()).second);
  world.restart();
  auto& back = world.online(*alice.person);
  CHECK(seen.insert(package(back.ask(take({bob.person->id}))).key_package()).second);
  for (int i = 0; i < 2; ++i) {
    const auto last = package(back.ask(take({bob.person->id})));
    CHECK(last.last_resort());
    CHECK(last.key_package() == "last resort");
  }
}

TEST_CASE("a failed taking gives none away") {
  World world;
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  REQUIRE(success(bob.ask(publish(1))));
  world.backend->fail_next_run();
  CHECK(status(alice.ask(take({bob.person->id}))) == ErrorCode::UNAVAILABLE);
  const auto taken = alice.ask(take({bob.person->id}));
  CHECK_FALSE(taken.key_packages_taken().users(0).devices(0).key_package().empty());
  // The same for publishing, also if somebody takes in the same step.
  world.backend->fail_next_run();
  const auto published = bob.queue(publish(1));
  const auto early = alice.queue(take({bob.person->id}));
  world.step();
  CHECK(status(bob.answer(published)) == ErrorCode::UNAVAILABLE);
  CHECK(alice.answer(early).key_packages_taken().users(0).devices(0).key_package().empty());
  REQUIRE(success(bob.ask(publish(1))));
  CHECK_FALSE(alice.ask(take({bob.person->id})).key_packages_taken().users(0).devices(0).key_package().empty());
}

TEST_CASE("a device is told when its key packages run low") {
  World world;
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  REQUIRE(success(bob.ask(publish(21))));
  const auto low = [&] {
    std::vector<std::uint32_t> out;
    for (const auto& push : bob.pushes) {
      if (push.has_key_packages_low()) out.push_back(push.key_packages_low().remaining());
    }
    return out;
  };
  REQUIRE(success(alice.ask(take({bob.person->id}))));
  CHECK(low().empty());
  REQUIRE(success(alice.ask(take({bob.person->id}))));
  CHECK(low() == std::vector<std::uint32_t>{19});
  world.disconnect(bob);
  auto& back = world.connect(*bob.person);
  CHECK(back.authenticate().authenticated().key_packages() == 19);
}

TEST_CASE("the limits of publishing and taking") {
  CoreConfig config;
  config.takes = {3, 1.0 / 3600};
  World world(1, config);
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  CHECK(status(bob.ask(publish(101))) == ErrorCode::LIMIT_EXCEEDED);
  wire::Request large;
  large.mutable_publish_key_packages()->add_key_packages(std::string(4097, 'x'));
  CHECK(status(bob.ask(large)) == ErrorCode::TOO_LARGE);
  REQUIRE(success(bob.ask(publish(60))));
  CHECK(status(bob.ask(publish(41))) == ErrorCode::LIMIT_EXCEEDED);
  CHECK(success(bob.ask(publish(40))));

  CHECK(status(alice.ask(take(std::vector<UserId>(21, bob.person->id)))) == ErrorCode::LIMIT_EXCEEDED);
  CHECK(status(alice.ask(take({bob.person->id, bob.person->id}))) == ErrorCode::INVALID_ARGUMENT);
  const auto stranger = alice.ask(take({random_id<UserId>(world.random)}));
  REQUIRE(success(stranger));
  CHECK_FALSE(stranger.key_packages_taken().users(0).has_device_list());
  for (int i = 0; i < 3; ++i) REQUIRE(success(alice.ask(take({bob.person->id}))));
  CHECK(status(alice.ask(take({bob.person->id}))) == ErrorCode::RATE_LIMITED);
}

TEST_CASE("an answer with key packages fits a frame; the rest is asked for again") {
  World world;
  auto& alice = world.newcomer("alice");
  std::vector<UserId> users;
  for (int i = 0; i < 20; ++i) {
    auto& link = world.newcomer("user" + std::to_string(i), 5);
    users.push_back(link.person->id);
    for (std::size_t phone = 0; phone < 5; ++phone) {
      auto& device = phone == 0 ? link : world.online(*link.person, phone);
      wire::Request request;
      request.mutable_publish_key_packages()->add_key_packages(std::string(4096, 'k'));
      REQUIRE(success(device.ask(request)));
    }
  }
  std::size_t got = 0;
  while (got < users.size()) {
    const auto answer = alice.ask(take({users.begin() + static_cast<std::ptrdiff_t>(got), users.end()}));
    REQUIRE(success(answer));
    REQUIRE(answer.key_packages_taken().users_size() > 0);
    for (const auto& user : answer.key_packages_taken().users()) {
      CHECK(user.user_id() == to_string_bytes(users[got++]));
      for (const auto& device : user.devices()) CHECK(device.key_package().size() == 4096);
    }
  }
}

}  // namespace sotto::relay::test
