// What the core counts is what happened.
#include "relay/counters.h"

#include "relay/metrics.h"
#include "support/catch.h"
#include "unit/relay/support/relay_world.h"

namespace sotto::relay::test {

namespace {

constexpr std::uint64_t hour = 3600ULL * 1000;

std::uint64_t answered(const World& world, Command command, std::uint32_t status) {
  for (const auto& row : world.core->counters().requests.rows()) {
    if (row.command == command && row.status == status) return row.count;
  }
  return 0;
}

std::uint64_t open(const World& world, ConnectionKind kind) {
  return world.core->counters().connections[Counters::index(kind)];
}

/// Whether the text has this line.
bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("connections are counted by kind while they are there, sessions for good") {
  World world;
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  auto& stranger = world.connect(*alice.person);
  world.step();
  auto& media = world.connect(*alice.person);
  REQUIRE(success(media.authenticate(wire::MEDIA)));
  CHECK(open(world, ConnectionKind::main) == 2);
  CHECK(open(world, ConnectionKind::media) == 1);
  CHECK(open(world, ConnectionKind::peek) == 0);
  CHECK(open(world, ConnectionKind::unauthenticated) == 1);
  world.disconnect(bob);
  world.disconnect(stranger);
  world.disconnect(media);
  CHECK(open(world, ConnectionKind::main) == 1);
  CHECK(open(world, ConnectionKind::media) == 0);
  CHECK(open(world, ConnectionKind::unauthenticated) == 0);
  const auto& counters = world.core->counters();
  CHECK(counters.sessions_accepted[Counters::index(ConnectionKind::main)] == 2);
  CHECK(counters.sessions_accepted[Counters::index(ConnectionKind::media)] == 1);
  CHECK(counters.sessions_refused == 0);

  --alice.person->phones[0].session;
  auto& old = world.connect(*alice.person);
  --alice.person->phones[0].session;
  CHECK_FALSE(success(old.authenticate()));
  CHECK(world.core->counters().sessions_refused == 1);
}

TEST_CASE("entries are counted when they are durable, when they are sent, and when they are gone") {
  World world;
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  const auto group = make_group(world, alice, {bob.person});
  REQUIRE(success(alice.ask(message_request(world, group, 1))));
  CHECK(status(alice.ask(message_request(world, group, 3))) == ErrorCode::OUT_OF_ORDER);
  const auto& counters = world.core->counters();
  CHECK(counters.entries_accepted == 2);
  CHECK(counters.entries_delivered == 4);  // to both, since the sender gets its stub
  CHECK(counters.entries_acked == 0);
  CHECK(counters.chats_in_memory == 1);
  alice.ack(group.id, 2);
  bob.ack(group.id, 2);
  CHECK(counters.entries_acked == 2);
  CHECK(counters.entries_expired == 0);
  CHECK(answered(world, Command::kSendMessage, 0) == 1);
  CHECK(answered(world, Command::kSendMessage, static_cast<std::uint32_t>(ErrorCode::OUT_OF_ORDER)) == 1);
  CHECK(answered(world, Command::kCreateChat, 0) == 1);
  CHECK(answered(world, Command::kAck, 0) == 2);
}

TEST_CASE("an entry that the disk did not take is not counted as accepted") {
  World world;
  auto& alice = world.newcomer("alice");
  const auto group = make_group(world, alice, {});
  const auto before = world.core->counters().entries_accepted;
  world.disk->fail_next_run(ErrorCode::DISK_FULL);
  CHECK(status(alice.ask(message_request(world, group, 1))) == ErrorCode::UNAVAILABLE);
  CHECK(world.core->counters().entries_accepted == before);
  CHECK(answered(world, Command::kSendMessage, static_cast<std::uint32_t>(ErrorCode::UNAVAILABLE)) == 1);
}

TEST_CASE("what goes by its age is counted apart from what all have acked, and so is the gap") {
  CoreConfig config;
  config.entry_lifetime_ms = 30 * hour;
  World world(1, config);
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  const auto group = make_group(world, alice, {bob.person});
  bob.ack(group.id, 1);
  alice.ack(group.id, 1);
  world.disconnect(bob);
  REQUIRE(success(alice.ask(message_request(world, group, 1))));
  alice.ack(group.id, 2);
  for (int i = 0; i < 34; ++i) world.advance(hour);
  CHECK(stored(world, group.id).empty());
  CHECK(world.core->counters().entries_acked == 1);
  CHECK(world.core->counters().entries_expired == 1);
  world.online(*bob.person);
  CHECK(world.core->counters().gaps == 1);
}

TEST_CASE("a request that is one too many is counted as such") {
  CoreConfig config;
  config.finds = {1, 0.001};
  World world(1, config);
  auto& alice = world.newcomer("alice");
  wire::Request request;
  request.mutable_find_user()->set_handle("alice");
  REQUIRE(success(alice.ask(request)));
  CHECK(status(alice.ask(request)) == ErrorCode::RATE_LIMITED);
  CHECK(world.core->counters().rate_limited == 1);
  CHECK(answered(world, Command::kFindUser, static_cast<std::uint32_t>(ErrorCode::RATE_LIMITED)) == 1);
}

TEST_CASE("the stamp of a message comes back with each answer to what was in it") {
  World world;
  auto& alice = world.newcomer("alice");
  wire::Request request;
  request.mutable_find_user()->set_handle("alice");
  wire::Envelope envelope;
  *envelope.mutable_request() = request;
  envelope.set_id(500);
  auto bytes = wire::encode(envelope);
  envelope.set_id(501);
  append(bytes, wire::encode(envelope));
  world.input(Received{alice.id, std::move(bytes), 4711});
  CHECK(world.step().answered == std::vector<std::uint64_t>{4711, 4711});
}

TEST_CASE("every command has a name") {
  for (int number = 0; number <= Command::kAttachmentReceived; ++number) {
    CHECK_FALSE(command_name(static_cast<Command>(number)).starts_with("command_"));
  }
  // Without one, it is still told from the others.
  CHECK(command_name(static_cast<Command>(31)) == "command_31");
}

TEST_CASE("Prometheus gets every figure, and histograms that add up") {
  Metrics metrics;
  metrics.counters.connections[Counters::index(ConnectionKind::main)] = 3;
  metrics.counters.requests.add(Command::kSendMessage, 0);
  metrics.counters.requests.add(Command::kSendMessage, static_cast<std::uint32_t>(ErrorCode::RATE_LIMITED));
  metrics.counters.requests.add(Command::kSendMessage, 0);
  metrics.store.entries = 17;
  metrics.commits.writes.observe(1);
  metrics.commits.writes.observe(7);
  metrics.commits.writes.observe(1'000'000);
  const auto text = to_prometheus(metrics);
  CHECK(has_line(text, "sotto_connections{kind=\"main\"} 3"));
  CHECK(has_line(text, "sotto_requests_total{command=\"send_message\",status=\"SUCCESS\"} 2"));
  CHECK(has_line(text, "sotto_requests_total{command=\"send_message\",status=\"RATE_LIMITED\"} 1"));
  CHECK(has_line(text, "sotto_log_entries 17"));
  CHECK(has_line(text, "sotto_commit_writes_bucket{le=\"1\"} 1"));
  CHECK(has_line(text, "sotto_commit_writes_bucket{le=\"5\"} 1"));
  CHECK(has_line(text, "sotto_commit_writes_bucket{le=\"10\"} 2"));
  CHECK(has_line(text, "sotto_commit_writes_bucket{le=\"+Inf\"} 3"));
  CHECK(has_line(text, "sotto_commit_writes_count 3"));
  CHECK(has_line(text, "sotto_build_info{version=\"" + version() + "\"} 1"));
  CHECK(text.find("# TYPE sotto_commit_seconds histogram") != std::string::npos);
}

TEST_CASE("What gateways took is told of a relay that has them, and only there") {
  Metrics metrics;
  CHECK(to_prometheus(metrics).find("sotto_push") == std::string::npos);
  CHECK(to_prometheus(metrics).find("sotto_codes") == std::string::npos);
  CHECK(to_status_json(metrics, "").find("push_") == std::string::npos);
  CHECK(to_status_json(metrics, "").find("codes_") == std::string::npos);
  metrics.counters.push_notices = 9;
  metrics.push = net::WebhookCounts{1, 4, 2, 8, 0, 2};
  metrics.codes = net::WebhookCounts{3, 5, 1, 0, 2, 1};
  const auto text = to_prometheus(metrics);
  CHECK(has_line(text, "sotto_push_notices_total 9"));
  CHECK(has_line(text, "sotto_push_failed_total 4"));
  CHECK(has_line(text, "sotto_codes_sent_total 5"));
  CHECK(has_line(text, "sotto_codes_failed_total 2"));
  CHECK(has_line(text, "sotto_codes_replaced_total 2"));
  CHECK(has_line(text, "sotto_codes_waiting 3"));
  const auto status = to_status_json(metrics, "");
  CHECK(status.find(R"("push_notices":9,"push_delivered":4,"push_failed":4,"push_coalesced":0,"push_waiting":1)") !=
        std::string::npos);
  CHECK(status.find(R"("codes_sent":5,"codes_failed":2,"codes_waiting":3)") != std::string::npos);
}

}  // namespace sotto::relay::test
