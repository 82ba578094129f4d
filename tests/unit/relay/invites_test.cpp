// Invitations as an operator makes them, beside a relay that has the store open.
#include "relay/invites.h"

#include "relay/backend/sqlite_backend.h"
#include "relay/backend/sqlite_schema.h"
#include "relay/code_sender.h"
#include "relay/record_keys.h"
#include "relay/registration_records.h"
#include "support/catch.h"
#include "support/temp_dir.h"
#include "unit/relay/support/registrations.h"

namespace sotto::relay::test {

using sotto::test::TempDir;

namespace {

using sotto::test::TempDir;

const Timestamp now(std::chrono::milliseconds(1'700'000'000'000));

CoreConfig by_invite() {
  CoreConfig config;
  config.registration = RegistrationMode::invite;
  return config;
}

/// A relay over a store on disk, which stays open while invitations are made.
struct Scene {
  TempDir dir;
  World world{1, by_invite()};
  std::unique_ptr<SqliteBackend> store = must_open();

  Scene() { world.start(*store); }
  ~Scene() { world.core.reset(); }
  std::unique_ptr<SqliteBackend> must_open() {
    auto opened = SqliteBackend::open(dir.path(), world.random);
    REQUIRE(opened.ok());
    return std::move(*opened);
  }
  std::string create(std::uint32_t uses) {
    const auto text = create_invite(dir.path(), uses, std::chrono::hours(24), world.random, now);
    REQUIRE(text.ok());
    return *text;
  }
  ErrorCode register_with(const std::string& name, const std::string& text) {
    return status(Applicant(world, world.person(name)).invite(text).register_as(name));
  }
};

}  // namespace

TEST_CASE("an invitation that is made beside a running relay is good at once, and counts its uses") {
  Scene scene;
  CHECK(scene.register_with("alice", "") == ErrorCode::INVITE_REQUIRED);
  const auto text = scene.create(2);
  CHECK(text.size() == 20);
  CHECK(scene.register_with("alice", text) == ErrorCode{});
  CHECK(scene.register_with("bob", text) == ErrorCode{});
  CHECK(scene.register_with("carol", text) == ErrorCode::INVITE_REQUIRED);
  const auto all = list_invites(scene.dir.path());
  REQUIRE(all.ok());
  REQUIRE(all->size() == 1);
  CHECK((*all)[0].uses == 2);
  CHECK((*all)[0].used == 2);
  CHECK((*all)[0].created_at == now);
  CHECK((*all)[0].expires_at == now + std::chrono::hours(24));
}

TEST_CASE("an invitation is revoked by its id or its text") {
  Scene scene;
  const auto first = scene.create(1);
  const auto second = scene.create(1);
  CHECK(first != second);
  CHECK(revoke_invite(scene.dir.path(), first).ok());
  CHECK(revoke_invite(scene.dir.path(), first).code() == ErrorCode::NOT_FOUND);
  CHECK(scene.register_with("alice", first) == ErrorCode::INVITE_REQUIRED);
  const auto left = list_invites(scene.dir.path());
  REQUIRE(left.ok());
  REQUIRE(left->size() == 1);
  CHECK(revoke_invite(scene.dir.path(), (*left)[0].id).ok());
  CHECK(scene.register_with("alice", second) == ErrorCode::INVITE_REQUIRED);
}

TEST_CASE("the revision that the relay gives an invitation is above the one that it came with") {
  Scene scene;
  const auto text = scene.create(5);
  const auto revision = [&] {
    std::uint64_t out = 0;
    scene.store->get(keys::invite(invite_hash(text)), [&](const Result<Record>& record) {
      REQUIRE(record.ok());
      out = record->revision;
    });
    scene.store->run();
    return out;
  };
  const auto before = revision();
  CHECK(before > 0);
  CHECK(scene.register_with("alice", text) == ErrorCode{});
  CHECK(revision() > before);
}

TEST_CASE("invitations need a store, and sensible numbers") {
  TempDir dir;
  SeededRandom random(1);
  CHECK(create_invite(dir.path(), 1, std::chrono::hours(24), random, now).code() == ErrorCode::NOT_FOUND);
  CHECK(list_invites(dir.path()).code() == ErrorCode::NOT_FOUND);
  CHECK(create_invite(dir.path(), 0, std::chrono::hours(24), random, now).code() == ErrorCode::INVALID_ARGUMENT);
  CHECK(create_invite(dir.path(), 1001, std::chrono::hours(24), random, now).code() == ErrorCode::INVALID_ARGUMENT);
  CHECK(create_invite(dir.path(), 1, std::chrono::hours(0), random, now).code() == ErrorCode::INVALID_ARGUMENT);
}

TEST_CASE("a store whose first start was cut short takes no invitation") {
  TempDir dir;
  SeededRandom random(1);
  {
    auto db = store::Database::open(dir.path() + "/relay.db", {});
    REQUIRE(db.ok());
    REQUIRE(store::migrate(**db, sqlite_migrations(), sqlite_application_id).ok());
  }
  CHECK(create_invite(dir.path(), 1, std::chrono::hours(24), random, now).code() == ErrorCode::NOT_FOUND);
  REQUIRE(SqliteBackend::open(dir.path(), random).ok());
  CHECK(create_invite(dir.path(), 1, std::chrono::hours(24), random, now).ok());
}

TEST_CASE("codes go into the log only where that was asked for, and loudly") {
  std::vector<std::string> lines;
  const Logger log(
      [&](LogLevel level, std::string_view line) {
        if (level == LogLevel::warning) lines.emplace_back(line);
      },
      LogLevel::info, SipKey{});
  SeededRandom random(1);
  auto sender = CodeSender::start({}, random, log);
  REQUIRE(sender.ok());
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].find("development only") != std::string::npos);
  (*sender)->send({"+4930123456", "123456", 600'000});
  CHECK(lines.back() == "relay: code for +4930123456: 123456");
  CHECK(to_string(code_text({"+4930123456", "123456", 600'000})) ==
        R"({"to":"+4930123456","code":"123456","ttl_seconds":600})");
}

}  // namespace sotto::relay::test
