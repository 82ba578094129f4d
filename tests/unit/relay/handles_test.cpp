// Whose a handle is: its move to another account, the PIN that locks it, and whether it is found.
#include "crypto/sign.h"
#include "relay/record_keys.h"
#include "relay/records.h"
#include "support/catch.h"
#include "unit/relay/support/registrations.h"

namespace sotto::relay::test {

namespace {

constexpr std::uint64_t minute = 60'000;
constexpr std::uint64_t hour = 60 * minute;
constexpr std::uint64_t day = 24 * hour;

const std::string number = "+4930123456";
const std::string pin(32, 'p');
const std::string wrong_pin(32, 'q');

CoreConfig by_code() {
  CoreConfig config;
  config.registration = RegistrationMode::code;
  config.authentication_ms = 365 * day;
  return config;
}

wire::Request set_pin(const std::string& hash) {
  wire::Request request;
  request.mutable_set_pin()->set_pin_hash(hash);
  return request;
}

wire::Request keep_handle() {
  wire::Request request;
  request.mutable_keep_handle();
  return request;
}

wire::Request hide(bool hidden) {
  wire::Request request;
  request.mutable_set_discovery()->set_hidden(hidden);
  return request;
}

wire::Request find(const std::string& handle) {
  wire::Request request;
  request.mutable_find_user()->set_handle(handle);
  return request;
}

std::vector<wire::HandleNotice> notices(const Link& link) {
  std::vector<wire::HandleNotice> out;
  for (const auto& push : link.pushes) {
    if (push.has_handle_notice()) out.push_back(push.handle_notice());
  }
  return out;
}

/// Alice has the number and is online; Bob comes to have it.
struct Scene {
  World world{1, by_code()};
  Applicant alice{world, world.person("alice")};
  Applicant bob{world, world.person("bob")};
  Applicant carol{world, world.person("carol")};

  Scene() {
    REQUIRE(success(alice.prove(number)));
    REQUIRE(success(alice.link().authenticate()));
    REQUIRE(success(carol.prove("+4930123457")));
    REQUIRE(success(carol.link().authenticate()));
    world.advance(minute);
  }
  /// Whom others find.
  UserId owner() {
    const auto found = carol.link().ask(find(number));
    REQUIRE(success(found));
    return *id_from<UserId>(wire::view(found.user_found().user_id()));
  }
  void restart() {
    world.restart();
    for (auto* one : {&alice, &bob, &carol}) one->reconnect();
    REQUIRE(success(carol.link().authenticate()));
  }
};

}  // namespace

TEST_CASE("an active owner is told, and the handle moves a day later to who proved it, without another code") {
  Scene scene;
  const auto first = scene.bob.prove(number);
  REQUIRE(status(first) == ErrorCode::HANDLE_PENDING);
  CHECK(first.retry_after_ms() == day);
  const auto told = notices(scene.alice.link());
  REQUIRE(told.size() == 1);
  CHECK(told[0].handle() == number);
  CHECK(told[0].moves_at() == scene.world.now_ms + day);
  CHECK_FALSE(told[0].moved());
  CHECK(scene.owner() == scene.alice.person().id);

  scene.world.advance(day - minute);
  scene.restart();
  const auto early = scene.bob.code("").register_as(number);
  CHECK(status(early) == ErrorCode::HANDLE_PENDING);
  CHECK(early.retry_after_ms() == minute);
  REQUIRE(success(scene.alice.link().authenticate()));
  REQUIRE(notices(scene.alice.link()).size() == 1);  // told again after connecting
  CHECK(notices(scene.alice.link())[0].moves_at() == scene.world.now_ms + minute);

  scene.world.advance(minute);
  REQUIRE(success(scene.bob.register_as(number)));
  CHECK(scene.owner() == scene.bob.person().id);
  const auto moved = notices(scene.alice.link());
  REQUIRE(moved.size() == 2);
  CHECK(moved[1].moved());
  CHECK(moved[1].handle() == number);
  CHECK(success(scene.bob.register_as(number)));  // its answer was lost
  CHECK(notices(scene.alice.link()).size() == 2);
  CHECK(records(scene.world, 'H') == 0);
}

TEST_CASE("who lost a handle keeps the account, and is told when it connects") {
  Scene scene;
  REQUIRE(status(scene.bob.prove(number)) == ErrorCode::HANDLE_PENDING);
  scene.world.disconnect(scene.alice.link());
  scene.world.advance(day);
  REQUIRE(success(scene.bob.register_as(number)));
  scene.restart();
  REQUIRE(success(scene.alice.link().authenticate()));
  const auto told = notices(scene.alice.link());
  REQUIRE(told.size() == 1);
  CHECK(told[0].moved());
  CHECK(status(scene.alice.link().ask(set_pin(pin))) == ErrorCode::HANDLE_TAKEN);
  CHECK(status(scene.alice.link().ask(keep_handle())) == ErrorCode::HANDLE_TAKEN);
  // It can take another one, and is at peace.
  scene.alice.reconnect();
  REQUIRE(success(scene.alice.prove("+4930123458")));
  REQUIRE(success(scene.alice.link().authenticate()));
  CHECK(notices(scene.alice.link()).empty());
}

TEST_CASE("an account registers further handles: each leads to it, and PIN, claim and notice are of the last one") {
  Scene scene;
  const std::string second = "+4930123458";
  REQUIRE(success(scene.alice.link().ask(set_pin(pin))));
  const auto user_of = [&](const std::string& handle) {
    const auto found = scene.carol.link().ask(find(handle));
    REQUIRE(success(found));
    return *id_from<UserId>(wire::view(found.user_found().user_id()));
  };
  scene.alice.reconnect();  // No PIN and no wait: the handle is free, and proved.
  REQUIRE(success(scene.alice.prove(second)));
  CHECK(user_of(number) == scene.alice.person().id);
  CHECK(user_of(second) == scene.alice.person().id);

  // The first one stays locked; the new one is not, and can be.
  REQUIRE(success(scene.alice.link().authenticate()));
  scene.world.advance(minute);  // Codes to a number are so far apart.
  CHECK(status(scene.bob.prove(number)) == ErrorCode::PIN_REQUIRED);
  REQUIRE(status(scene.bob.prove(second)) == ErrorCode::HANDLE_PENDING);
  REQUIRE(notices(scene.alice.link()).size() == 1);
  CHECK(notices(scene.alice.link())[0].handle() == second);
  REQUIRE(success(scene.alice.link().ask(keep_handle())));
  REQUIRE(success(scene.alice.link().ask(set_pin(wrong_pin))));

  // The first one goes by its own PIN; that is no loss of the account's handle.
  REQUIRE(success(scene.bob.pin(pin).prove("+4930123459")));
  scene.world.advance(minute);
  scene.bob.reconnect();
  REQUIRE(success(scene.bob.pin(pin).prove(number)));
  CHECK(user_of(number) == scene.bob.person().id);
  CHECK(user_of(second) == scene.alice.person().id);
  CHECK(success(scene.alice.link().ask(set_pin(pin))));
  scene.restart();
  REQUIRE(success(scene.alice.link().authenticate()));
  CHECK(notices(scene.alice.link()).empty());
}

TEST_CASE("a former handle that still leads to the account is its handle again once it is registered anew") {
  Scene scene;
  const std::string second = "+4930123458";
  scene.alice.reconnect();
  REQUIRE(success(scene.alice.prove(second)));
  scene.alice.reconnect();
  REQUIRE(success(scene.alice.code("").register_as(number)));  // Who has it is asked for nothing.
  REQUIRE(success(scene.alice.link().authenticate()));
  REQUIRE(success(scene.alice.link().ask(set_pin(pin))));
  scene.world.advance(minute);  // Codes to a number are so far apart.
  CHECK(status(scene.bob.prove(number)) == ErrorCode::PIN_REQUIRED);
  CHECK(status(scene.bob.prove(second)) == ErrorCode::HANDLE_PENDING);
}

TEST_CASE("an account of before handles were kept with it has no PIN until it registers its handle once more") {
  Scene scene;
  const auto key = keys::user(scene.alice.person().id);
  scene.world.backend->get(key, [&](const Result<Record>& record) {
    auto user = *UserRecord::decode(record->value);
    user.handles.clear();
    scene.world.backend->put(key, user.encode(), std::nullopt, [](const auto&) {});
  });
  scene.world.backend->run();
  scene.world.backend->run();
  scene.restart();
  REQUIRE(success(scene.alice.link().authenticate()));
  CHECK(status(scene.alice.link().ask(set_pin(pin))) == ErrorCode::NOT_FOUND);
  CHECK(status(scene.alice.link().ask(keep_handle())) == ErrorCode::NOT_FOUND);
  CHECK(scene.owner() == scene.alice.person().id);
  scene.alice.reconnect();
  REQUIRE(success(scene.alice.code("").register_as(number)));  // Who has it is asked for nothing.
  REQUIRE(success(scene.alice.link().authenticate()));
  CHECK(success(scene.alice.link().ask(set_pin(pin))));
  CHECK(status(scene.bob.prove(number)) == ErrorCode::PIN_REQUIRED);
}

TEST_CASE("the owner keeps the handle: nobody claims it for a week, and then with a new code only") {
  Scene scene;
  REQUIRE(status(scene.bob.prove(number)) == ErrorCode::HANDLE_PENDING);
  REQUIRE(success(scene.alice.link().ask(keep_handle())));
  CHECK(success(scene.alice.link().ask(keep_handle())));
  const auto told = notices(scene.alice.link());
  REQUIRE(told.size() == 2);
  CHECK(told[1].moves_at() == 0);
  CHECK_FALSE(told[1].moved());

  CHECK(status(scene.bob.register_as(number)) == ErrorCode::HANDLE_TAKEN);
  scene.world.advance(day);
  scene.restart();
  CHECK(status(scene.bob.code("").register_as(number)) == ErrorCode::HANDLE_TAKEN);
  CHECK(status(scene.bob.prove(number)) == ErrorCode::HANDLE_TAKEN);
  REQUIRE(success(scene.alice.link().authenticate()));
  CHECK(notices(scene.alice.link()).empty());
  CHECK(scene.owner() == scene.alice.person().id);

  scene.world.advance(6 * day);
  CHECK(status(scene.bob.code("").register_as(number)) == ErrorCode::CODE_REQUIRED);
  CHECK(status(scene.bob.prove(number)) == ErrorCode::HANDLE_PENDING);
}

TEST_CASE("the handle of an owner who has not connected for 30 days moves at once") {
  Scene scene;
  scene.world.disconnect(scene.alice.link());
  SECTION("not yet") {
    scene.world.advance(30 * day - 2 * minute);
    CHECK(status(scene.bob.prove(number)) == ErrorCode::HANDLE_PENDING);
  }
  SECTION("now") {
    scene.world.advance(30 * day);
    CHECK(success(scene.bob.prove(number)));
    CHECK(scene.owner() == scene.bob.person().id);
  }
}

TEST_CASE("an owner who has registered and not connected yet has time to object, too") {
  World world(1, by_code());
  Applicant alice(world, world.person("alice"));
  Applicant bob(world, world.person("bob"));
  REQUIRE(success(alice.prove(number)));
  world.advance(minute);
  CHECK(status(bob.prove(number)) == ErrorCode::HANDLE_PENDING);
}

TEST_CASE("a session that lasts for longer than 30 days is activity") {
  Scene scene;
  scene.world.advance(40 * day);
  CHECK(status(scene.bob.prove(number)) == ErrorCode::HANDLE_PENDING);
}

TEST_CASE("who proves the number last is the one it waits for") {
  Scene scene;
  Applicant dave(scene.world, scene.world.person("dave"));
  REQUIRE(status(scene.bob.prove(number)) == ErrorCode::HANDLE_PENDING);
  scene.world.advance(hour);
  const auto second = dave.prove(number);
  REQUIRE(status(second) == ErrorCode::HANDLE_PENDING);
  CHECK(second.retry_after_ms() == day);
  CHECK(notices(scene.alice.link()).size() == 2);
  scene.world.advance(day);
  CHECK(status(scene.bob.code("").register_as(number)) == ErrorCode::CODE_REQUIRED);
  CHECK(success(dave.code("").register_as(number)));
}

TEST_CASE("a claim whose claimant does not come back ends a week after its time") {
  Scene scene;
  REQUIRE(status(scene.bob.prove(number)) == ErrorCode::HANDLE_PENDING);
  scene.world.advance(8 * day);
  CHECK(status(scene.bob.code("").register_as(number)) == ErrorCode::CODE_REQUIRED);
  scene.world.advance(2 * hour);
  CHECK(records(scene.world, 'H') == 0);
}

TEST_CASE("a handle that is locked moves with the PIN alone, and then at once") {
  Scene scene;
  REQUIRE(success(scene.alice.link().ask(set_pin(pin))));
  REQUIRE(status(scene.bob.prove(number)) == ErrorCode::PIN_REQUIRED);
  // The same code is shown again: it is not used up.
  CHECK(status(scene.bob.pin(wrong_pin).register_as(number)) == ErrorCode::PIN_REQUIRED);
  CHECK(status(scene.bob.pin("short").register_as(number)) == ErrorCode::PIN_REQUIRED);
  CHECK(notices(scene.alice.link()).empty());
  scene.restart();
  REQUIRE(success(scene.alice.link().authenticate()));
  REQUIRE(success(scene.bob.pin(pin).register_as(number)));
  CHECK(scene.owner() == scene.bob.person().id);
  REQUIRE(notices(scene.alice.link()).size() == 1);
  CHECK(notices(scene.alice.link())[0].moved());
  // The lock was the old account's.
  CHECK(status(Applicant(scene.world, scene.world.person("erin")).pin(pin).register_as(number)) ==
        ErrorCode::CODE_REQUIRED);
}

TEST_CASE("wrong PINs are five a day, also over a restart") {
  Scene scene;
  REQUIRE(success(scene.alice.link().ask(set_pin(pin))));
  REQUIRE(status(scene.bob.prove(number)) == ErrorCode::PIN_REQUIRED);
  for (int tries = 0; tries < 5; ++tries) {
    CHECK(status(scene.bob.pin(wrong_pin).register_as(number)) == ErrorCode::PIN_REQUIRED);
  }
  scene.restart();
  const auto refused = scene.bob.pin(pin).register_as(number);
  CHECK(status(refused) == ErrorCode::RATE_LIMITED);
  CHECK(refused.retry_after_ms() == day);
  scene.world.advance(day);
  scene.bob.pin("");
  REQUIRE(status(scene.bob.prove(number)) == ErrorCode::PIN_REQUIRED);
  CHECK(success(scene.bob.pin(pin).register_as(number)));
}

TEST_CASE("a PIN is set, changed and taken away by its owner") {
  Scene scene;
  CHECK(status(scene.alice.link().ask(set_pin("1234"))) == ErrorCode::INVALID_ARGUMENT);
  REQUIRE(success(scene.alice.link().ask(set_pin(pin))));
  REQUIRE(success(scene.alice.link().ask(set_pin(wrong_pin))));
  REQUIRE(status(scene.bob.pin(pin).prove(number)) == ErrorCode::PIN_REQUIRED);
  REQUIRE(success(scene.alice.link().ask(set_pin(""))));
  CHECK(status(scene.bob.pin("").register_as(number)) == ErrorCode::HANDLE_PENDING);
}

TEST_CASE("a move that cannot be stored moves nothing, and can be tried again") {
  Scene scene;
  REQUIRE(status(scene.bob.prove(number)) == ErrorCode::HANDLE_PENDING);
  scene.world.advance(day);
  for (std::size_t at = 1; at <= 3; ++at) {
    CAPTURE(at);
    scene.world.disk->fail_write(at, ErrorCode::IO_ERROR);
    REQUIRE(status(scene.bob.register_as(number)) == ErrorCode::UNAVAILABLE);
    scene.restart();
    CHECK(scene.owner() == scene.alice.person().id);
  }
  CHECK(success(scene.bob.register_as(number)));
  CHECK(scene.owner() == scene.bob.person().id);
}

TEST_CASE("a handle that a PIN kept from moving waits for nobody") {
  Scene scene;
  REQUIRE(status(scene.bob.prove(number)) == ErrorCode::HANDLE_PENDING);
  REQUIRE(success(scene.alice.link().ask(set_pin(pin))));
  scene.world.advance(day);
  CHECK(status(scene.bob.register_as(number)) == ErrorCode::PIN_REQUIRED);
  CHECK(success(scene.bob.pin(pin).register_as(number)));
}

TEST_CASE("where handles are not proved they do not move") {
  World world;
  world.newcomer(number);
  Applicant bob(world, world.person("bob"));
  CHECK(status(bob.register_as(number)) == ErrorCode::HANDLE_TAKEN);
}

TEST_CASE("who hides is not found by others, and a new device list changes nothing of it") {
  World world;
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  REQUIRE(success(alice.ask(hide(true))));
  for (const bool again : {false, true}) {
    if (again) {
      alice.person->phones.push_back(
          {random_id<DeviceId>(world.random), crypto::generate_signature_key(world.random), 1, 0, 0});
      wire::Request list;
      *list.mutable_put_device_list()->mutable_device_list() = alice.person->next_list();
      REQUIRE(success(alice.ask(list)));
    }
    CHECK(status(bob.ask(find("alice"))) == ErrorCode::UNKNOWN_USER);
    CHECK(success(alice.ask(find("alice"))));
  }
  REQUIRE(success(alice.ask(hide(false))));
  CHECK(success(bob.ask(find("alice"))));
}

TEST_CASE("looking users up is limited by day and by address") {
  CoreConfig config;
  config.finds_a_day = {3, 0};
  config.finds_address = {4, 0};
  World world(1, config);
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  for (int i = 0; i < 3; ++i) CHECK(success(alice.ask(find("bob"))));
  CHECK(status(alice.ask(find("bob"))) == ErrorCode::RATE_LIMITED);
  CHECK(success(bob.ask(find("alice"))));
  CHECK(status(bob.ask(find("alice"))) == ErrorCode::RATE_LIMITED);
}

}  // namespace sotto::relay::test
