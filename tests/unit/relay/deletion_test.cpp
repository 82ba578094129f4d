// Accounts that end, and devices that log out.
#include "crypto/sign.h"
#include "relay/record_keys.h"
#include "relay/records.h"
#include "support/catch.h"
#include "unit/relay/support/relay_world.h"
#include "wire/identity.h"

namespace sotto::relay::test {

namespace {

constexpr std::uint64_t day_ms = 24ULL * 3600 * 1000;

wire::Request deletion(const Person& person, std::uint64_t time) {
  wire::Request request;
  auto& command = *request.mutable_delete_account();
  command.set_time(time);
  command.set_signature(
      wire::field(crypto::sign(person.identity.private_key, wire::deletion_statement(person.id, time)).view()));
  return request;
}

wire::Request log_out() {
  wire::Request request;
  request.mutable_log_out();
  return request;
}

wire::Request publish(int count) {
  wire::Request request;
  auto& command = *request.mutable_publish_key_packages();
  for (int i = 0; i < count; ++i) command.add_key_packages("key package " + std::to_string(i));
  command.set_last_resort("last resort");
  return request;
}

wire::KeyPackagesTaken::User take(Link& link, const UserId& user) {
  wire::Request request;
  request.mutable_take_key_packages()->add_user_ids(to_string_bytes(user));
  const auto taken = link.ask(request);
  REQUIRE(taken.key_packages_taken().users_size() == 1);
  return taken.key_packages_taken().users(0);
}

ErrorCode find(Link& link, const std::string& handle) {
  wire::Request request;
  request.mutable_find_user()->set_handle(handle);
  return status(link.ask(request));
}

wire::Request token(const std::string& text) {
  wire::Request request;
  request.mutable_set_push_token()->set_token(text);
  return request;
}

CoreConfig with_push() {
  CoreConfig config;
  config.push = true;
  return config;
}

/// Waits for what the relay does by itself.
void settle(World& world) {
  for (int i = 0; i < 200; ++i) world.advance(500);
}

std::size_t of(World& world, const RecordKey& prefix) {
  std::size_t count = 0;
  world.backend->scan(prefix, {}, 100'000, [&](const Result<std::vector<Record>>& found) { count = found->size(); });
  world.backend->run();
  return count;
}

}  // namespace

TEST_CASE("a deleted account is forgotten at once, and its userId never comes back") {
  World world(1, with_push());
  auto& ann = world.newcomer("ann");
  auto& ben = world.newcomer("ben", 2);
  auto& tablet = world.online(*ben.person, 1);
  auto& media = world.connect(*ben.person);
  REQUIRE(success(media.authenticate(wire::MEDIA)));
  REQUIRE(success(ben.ask(publish(5))));
  REQUIRE(success(tablet.ask(publish(3))));
  REQUIRE(success(ben.ask(token("ben's"))));
  CHECK(records(world, 'k') == 8);
  auto& person = *ben.person;
  const auto list = person.next_list();

  REQUIRE(success(ben.ask(deletion(person, world.now_ms))));
  for (auto* link : {&ben, &tablet, &media}) {
    REQUIRE(link->closed);
    CHECK(link->closed->code == close_code::revoked);
  }
  settle(world);
  CHECK(records(world, 'k') == 0);
  CHECK(records(world, 'l') == 0);
  CHECK(records(world, 'P') == 0);
  CHECK(records(world, 'D') == 0);
  CHECK(records(world, 'h') == 1);
  CHECK(records(world, 'd') == 1);
  CHECK(records(world, 'u') == 2);  // Ann's, and the tombstone.

  for (int turn = 0; turn < 2; ++turn) {
    auto& friendly = turn == 0 ? ann : world.online(*ann.person);
    CHECK(find(friendly, "ben") == ErrorCode::UNKNOWN_USER);
    wire::Request request;
    request.mutable_get_device_list()->set_user_id(to_string_bytes(person.id));
    CHECK(status(friendly.ask(request)) == ErrorCode::UNKNOWN_USER);
    CHECK_FALSE(take(friendly, person.id).has_device_list());
    CHECK(status(world.connect(person).authenticate()) == ErrorCode::ACCOUNT_DELETED);
    for (const auto* handle : {"ben", "another"}) {
      auto& link = world.connect(person);
      CHECK(status(link.ask(register_request(link, handle, list))) == ErrorCode::ACCOUNT_DELETED);
    }
    world.restart();
  }
  auto& other = world.person("somebody else");
  auto& link = world.connect(other);
  CHECK(success(link.ask(register_request(link, "ben", other.next_list()))));
}

TEST_CASE("what a device asked for behind its deletion or its logging out brings nothing back") {
  const bool deletes = GENERATE(true, false);
  World world(1, with_push());
  auto& ben = world.newcomer("ben", 2);
  auto& tablet = world.online(*ben.person, 1);
  REQUIRE(success(ben.ask(publish(5))));
  wire::Request block;
  block.mutable_set_block_list()->add_user_ids(to_string_bytes(UserId{}));

  ben.queue(deletes ? deletion(*ben.person, world.now_ms) : log_out());
  for (auto* link : {&ben, &tablet}) {
    if (link == &tablet && !deletes) continue;
    link->queue(publish(3));
    link->queue(token("ben's"));
    link->queue(block);
    link->queue_ack(ChatId{}, 0);
  }
  world.step();
  settle(world);
  CHECK(ben.closed);
  for (const auto family : {'k', 'l', 'P'}) CHECK(records(world, family) == 0);
  if (deletes) {
    for (const auto family : {'b', 'd', 'i'}) CHECK(records(world, family) == 0);
  }
}

TEST_CASE("an account is deleted by its identity key alone, and within a day") {
  World world;
  auto& ben = world.newcomer("ben");
  auto& ann = world.newcomer("ann");
  auto request = deletion(*ann.person, world.now_ms);
  CHECK(status(ben.ask(request)) == ErrorCode::BAD_SIGNATURE);
  request = deletion(*ben.person, world.now_ms);
  request.mutable_delete_account()->set_time(world.now_ms + 1);
  CHECK(status(ben.ask(request)) == ErrorCode::BAD_SIGNATURE);
  CHECK(status(ben.ask(deletion(*ben.person, world.now_ms - day_ms - 1))) == ErrorCode::INVALID_ARGUMENT);
  CHECK(status(ben.ask(deletion(*ben.person, world.now_ms + day_ms + 1))) == ErrorCode::INVALID_ARGUMENT);
  CHECK(find(ann, "ben") == ErrorCode{});
  CHECK(success(ben.ask(deletion(*ben.person, world.now_ms - day_ms))));
}

TEST_CASE("a handle whose owner is deleted is free also where its deletion did not know of it") {
  World world;
  auto& ben = world.newcomer("ben");
  // As of a relay that did not note handles.
  world.backend->get(keys::user(ben.person->id), [&](const Result<Record>& record) {
    auto user = *UserRecord::decode(record->value);
    user.handles.clear();
    world.backend->put(keys::user(ben.person->id), user.encode(), std::nullopt, [](const auto&) {});
  });
  world.backend->run();
  world.backend->run();
  auto& person = *ben.person;
  world.restart();
  REQUIRE(success(world.online(person).ask(deletion(person, world.now_ms))));
  CHECK(records(world, 'h') == 1);
  auto& ann = world.newcomer("ann");
  CHECK(find(ann, "ben") == ErrorCode::UNKNOWN_USER);
  auto& other = world.person("somebody else");
  auto& link = world.connect(other);
  CHECK(success(link.ask(register_request(link, "ben", other.next_list()))));
  CHECK(find(ann, "ben") == ErrorCode{});
}

TEST_CASE("nothing is kept for a deleted account: logs are trimmed as others ack, until members remove it") {
  World world;
  auto* ann = &world.newcomer("ann");
  auto& ben = world.newcomer("ben");
  auto* cleo = &world.newcomer("cleo");
  auto group = make_group(world, *ann, {ben.person, cleo->person});
  const auto write = [&](std::uint64_t n) {
    REQUIRE(success(ann->ask(message_request(world, group, n))));
    ann->ack(group.id, n + 1);
    cleo->ack(group.id, n + 1);
  };
  write(1);
  world.advance(5000);
  CHECK(stored(world, group.id) == std::vector<std::uint64_t>{1, 2});  // Ben has acked nothing.
  auto& person = *ben.person;
  REQUIRE(success(ben.ask(deletion(person, world.now_ms))));
  settle(world);
  CHECK(stored(world, group.id).empty());
  CHECK(records(world, 'D') == 0);

  write(2);
  world.advance(5000);
  CHECK(stored(world, group.id).empty());
  auto& ann_person = *ann->person;
  auto& cleo_person = *cleo->person;
  world.restart();
  ann = &world.online(ann_person);
  cleo = &world.online(cleo_person);
  write(3);
  world.advance(5000);
  CHECK(stored(world, group.id).empty());
  // Nobody is told that he got it.
  for (const auto& receipt : ann->receipts()) CHECK(receipt.user_id() != to_string_bytes(person.id));

  // He is still on the roster, for members to decide.
  const auto info = ann->ask(get_chat_request(group.id));
  CHECK(info.chat().roster_size() == 3);
  Change change;
  change.removes = {person.device()};
  REQUIRE(success(ann->ask(modify_request(world, group, person.id, wire::REMOVE, change))));
  accepted(group, change, 5);
  ann->ack(group.id, 5);
  cleo->ack(group.id, 5);
  world.advance(5000);
  CHECK(stored(world, group.id).empty());
  CHECK(records(world, 'c') == 2);
  CHECK(records(world, 'm') == 2);
  // And never comes back.
  Change again;
  again.adds = {person.device()};
  CHECK(status(ann->ask(modify_request(world, group, person.id, wire::ADD, again))) == ErrorCode::UNKNOWN_USER);
}

TEST_CASE("an account with many chats is released in bounded steps, also over restarts") {
  World world;
  auto& ann = world.newcomer("ann");
  auto& ben = world.newcomer("ben");
  std::vector<Group> groups;
  constexpr std::size_t chats = 300;
  for (std::size_t i = 0; i < chats; ++i) {
    groups.push_back(make_group(world, ann, {ben.person}));
    ann.ack(groups.back().id, 1);
  }
  world.advance(world.config.ack_ms);
  auto& person = *ben.person;
  const auto waiting = [&] { return of(world, keys::memberships_of(person.device())); };
  REQUIRE(waiting() == chats);
  REQUIRE(success(ben.ask(deletion(person, world.now_ms))));
  // Some are released, and not all in one step.
  std::size_t steps = 0;
  for (auto left = waiting(); left == chats; left = waiting()) {
    REQUIRE(++steps < 100);
    world.advance(20);
  }
  CHECK(steps > 2);
  CHECK(waiting() > 0);
  for (int restart = 0; waiting() > 0; ++restart) {
    REQUIRE(restart < 100);
    world.restart();
    world.advance(20);
  }
  settle(world);
  CHECK(records(world, 'D') == 0);
  for (const auto& group : groups) CHECK(stored(world, group.id).empty());
}

TEST_CASE("who logs out is forgotten as far as others would send to it, and may come back") {
  World world(1, with_push());
  auto& ann = world.newcomer("ann");
  auto& ben = world.newcomer("ben");
  auto& media = world.connect(*ben.person);
  REQUIRE(success(media.authenticate(wire::MEDIA)));
  REQUIRE(success(ben.ask(publish(5))));
  REQUIRE(success(ben.ask(token("ben's"))));
  auto& person = *ben.person;
  REQUIRE(success(ben.ask(log_out())));
  for (auto* link : {&ben, &media}) {
    REQUIRE(link->closed);
    CHECK(link->closed->code == close_code::normal);
  }
  CHECK(records(world, 'k') == 0);
  CHECK(records(world, 'l') == 0);
  CHECK(records(world, 'P') == 0);
  const auto taken = take(ann, person.id);
  REQUIRE(taken.devices_size() == 1);
  CHECK(taken.devices(0).key_package().empty());
  world.disconnect(ben);
  auto& back = world.connect(person);
  const auto answer = back.authenticate();
  REQUIRE(success(answer));
  CHECK(answer.authenticated().key_packages() == 0);
  REQUIRE(success(back.ask(publish(2))));
  CHECK(take(ann, person.id).devices(0).key_package() == "key package 0");
}

}  // namespace sotto::relay::test
