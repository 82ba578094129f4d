// Attachments between engines, over the real relay core, on virtual time.
#include "client/content.h"
#include "unit/client/media_scene.h"
#include "wire/frame.h"
#include "wire/limits.h"

using namespace sotto;
using namespace sotto::test;
using namespace std::chrono_literals;

TEST_CASE("A picture in memory is sent with a caption, fetched by itself, and read") {
  Pair p(1);
  const auto picture = pattern(300'000);
  const auto id = p.alice.send(p.chat, "look", {in_memory(picture)});
  REQUIRE(p.net.settle());
  const auto sent = p.alice.message(p.chat, id);
  CHECK(sent.state == MessageState::delivered);
  CHECK(sent.attachments.at(0).state == AttachmentState::present);
  const auto got = p.bob.message(p.chat, id);
  CHECK(got.text == "look");
  REQUIRE(got.attachments.size() == 1);
  const auto& attachment = got.attachments[0];
  CHECK(attachment.state == AttachmentState::present);
  CHECK(attachment.size == picture.size());
  CHECK(attachment.transferred == attachment.total);
  CHECK(attachment.info.name == "picture.jpg");
  CHECK(attachment.info.width == 640);
  CHECK(attachment.info.thumbnail == Bytes(100, 7));
  CHECK(must(p.bob.bytes_of(p.chat, id)) == picture);
  CHECK(must(p.alice.bytes_of(p.chat, id)) == picture);
}

TEST_CASE("Files of all sizes come as they were") {
  const auto size = GENERATE(1U, 65'535U, 65'536U, 65'537U, 131'072U, 1'048'577U, 3'000'000U);
  Pair p(2);
  const auto bytes = pattern(size);
  const Source source(bytes);
  const auto id = p.alice.send(p.chat, "", {source.attachment(AttachmentKind::image)});
  REQUIRE(p.net.settle());
  REQUIRE(p.state(p.bob, id) == AttachmentState::present);
  CHECK(must(p.bob.bytes_of(p.chat, id)) == bytes);
}

TEST_CASE("An empty file is a file") {
  Pair p(3);
  const Source source{Bytes()};
  const auto id = p.alice.send(p.chat, "", {source.attachment(AttachmentKind::image)});
  REQUIRE(p.net.settle());
  REQUIRE(p.state(p.bob, id) == AttachmentState::present);
  CHECK(must(p.bob.bytes_of(p.chat, id)).empty());
}

TEST_CASE("A text that was written later does not wait for an upload") {
  Pair p(4);
  const Source source(pattern(5'000'000));
  const auto film = p.alice.send(p.chat, "film", {source.attachment()});
  const auto text = p.alice.send(p.chat, "text");
  REQUIRE(p.net.run_until([&] { return p.has(p.bob, text); }));
  CHECK_FALSE(p.has(p.bob, film));
  CHECK(p.alice.message(p.chat, film).state == MessageState::queued);
  REQUIRE(p.net.settle());
  CHECK(p.bob.texts(p.chat) == std::vector<std::string>{"text", "film"});
}

TEST_CASE("The app's file may go once it is encrypted") {
  Pair p(5);
  const auto bytes = pattern(2'000'000);
  const Source source(bytes);
  p.alice.go_offline();
  const auto id = p.alice.send(p.chat, "", {source.attachment(AttachmentKind::image)});
  REQUIRE(p.net.run_until([&] { return p.has(p.alice, id) && p.state(p.alice, id) == AttachmentState::uploading; }));
  source.remove();
  p.alice.restart();
  p.alice.go_online();
  REQUIRE(p.net.settle());
  CHECK(must(p.bob.bytes_of(p.chat, id)) == bytes);
}

TEST_CASE("A file that is gone before that fails its message, and no other") {
  Pair p(6);
  const Source source(pattern(5'000'000));
  const auto id = p.alice.send(p.chat, "lost", {source.attachment(), in_memory(pattern(10))});
  REQUIRE(p.net.run_until([&] { return p.has(p.alice, id); }));
  source.remove();
  p.alice.restart();
  p.alice.send(p.chat, "after");
  REQUIRE(p.net.run_until([&] { return p.alice.message(p.chat, id).state == MessageState::failed; }, 24h));
  REQUIRE(p.net.settle());
  CHECK(p.alice.message(p.chat, id).attachments.at(0).state == AttachmentState::failed);
  CHECK(p.bob.texts(p.chat) == std::vector<std::string>{"after"});
}

TEST_CASE("A file that is gone or has another size when it is encrypted fails its message and says so") {
  Pair p(34);
  const auto size = GENERATE(4'000'000U, 6'000'000U, 0U);
  Source source(pattern(5'000'000));
  const auto id = p.alice.send(p.chat, "changed", {source.attachment()});
  REQUIRE(p.net.run_until([&] { return p.has(p.alice, id); }));
  REQUIRE(p.state(p.alice, id) == AttachmentState::preparing);
  source.remove();
  if (size > 0) source.write(pattern(size));
  p.alice.restart();
  REQUIRE(p.net.settle());
  const auto message = p.alice.message(p.chat, id);
  REQUIRE(message.state == MessageState::failed);
  CHECK(message.problem->code == (size > 0 ? ErrorCode::INVALID_ARGUMENT : ErrorCode::NOT_FOUND));
  CHECK_FALSE(message.problem->retryable);
  CHECK(message.attachments.at(0).state == AttachmentState::failed);
  CHECK(message.attachments.at(0).problem->message == message.problem->message);
  CHECK(files_of(p.alice) == 0);
}

TEST_CASE("A file that grows while it is encrypted fails its message") {
  Pair p(35);
  Source source(pattern(5'000'000));
  const auto id = p.alice.send(p.chat, "grown", {source.attachment()});
  REQUIRE(p.net.run_until([&] { return p.has(p.alice, id); }));
  REQUIRE(p.state(p.alice, id) == AttachmentState::preparing);
  source.write(pattern(5'000'001));
  REQUIRE(p.net.settle());
  CHECK(p.alice.message(p.chat, id).problem->code == ErrorCode::INVALID_ARGUMENT);
}

namespace {

/// What somebody did to an encrypted file of the client's.
enum class Harm { removed, shortened, changed };

void harm_files(const TestDevice& device, Harm harm) {
  for (const auto& file : std::filesystem::directory_iterator(device.folder())) {
    if (harm == Harm::removed) std::filesystem::remove(file);
    if (harm == Harm::shortened) std::filesystem::resize_file(file, file.file_size() / 2);
    if (harm == Harm::changed) std::fstream(file.path(), std::ios::in | std::ios::out | std::ios::binary) << "other";
  }
}

}  // namespace

TEST_CASE("An upload whose encrypted file is gone or damaged fails its message, and holds up no other") {
  Pair p(36);
  const auto harm = GENERATE(Harm::removed, Harm::shortened, Harm::changed);
  const Source source(pattern(3'000'000));
  p.alice.go_offline();
  const auto id = p.alice.send(p.chat, "lost", {source.attachment()});
  const auto second = p.alice.send(p.chat, "", {source.attachment(), in_memory(pattern(1000))});
  REQUIRE(p.net.run_until(
      [&] { return p.has(p.alice, second) && p.state(p.alice, second) == AttachmentState::uploading; }));
  harm_files(p.alice, harm);
  p.alice.restart();
  const auto bytes = pattern(700'000, 2);
  const auto after = p.alice.send(p.chat, "after", {in_memory(bytes)});
  p.alice.go_online();
  REQUIRE(p.net.settle());
  for (const auto& one : {id, second}) {
    const auto message = p.alice.message(p.chat, one);
    REQUIRE(message.state == MessageState::failed);
    CHECK(message.problem->code == (harm == Harm::removed ? ErrorCode::NOT_FOUND : ErrorCode::CORRUPT));
    CHECK(message.attachments.at(0).state == AttachmentState::failed);
  }
  CHECK(must(p.bob.bytes_of(p.chat, after)) == bytes);
  CHECK(p.bob.texts(p.chat) == std::vector<std::string>{"after"});
}

TEST_CASE("An encrypted file that is cut while it is uploaded ends that upload and no other") {
  Pair p(37);
  const Source source(pattern(8'000'000));
  const auto id = p.alice.send(p.chat, "lost", {source.attachment()});
  std::size_t parts = 0;
  std::size_t connections = 0;
  p.net.rewrite = [&](wire::Envelope& envelope) {
    parts += envelope.request().has_upload_attachment() ? 1 : 0;
    connections += envelope.request().has_authenticate() ? 1 : 0;
  };
  REQUIRE(p.net.run_until([&] { return parts > 2; }));
  harm_files(p.alice, Harm::shortened);
  connections = 0;
  const auto bytes = pattern(700'000, 2);
  const auto after = p.alice.send(p.chat, "after", {in_memory(bytes)});
  REQUIRE(p.net.settle());
  CHECK(p.alice.message(p.chat, id).problem->code == ErrorCode::CORRUPT);
  CHECK(must(p.bob.bytes_of(p.chat, after)) == bytes);
  CHECK(connections <= 1);  // Bob's for the picture; Alice's stays.
}

TEST_CASE("A file that cannot be read is refused at once") {
  Pair p(7);
  OutgoingAttachment missing;
  missing.path = "/nowhere/at/all";
  const auto id = p.alice.send(p.chat, "", {missing});
  REQUIRE(p.net.settle());
  REQUIRE(p.alice.changes.size() == 1);
  CHECK(p.alice.changes[0].code() == ErrorCode::NOT_FOUND);
  CHECK_FALSE(p.has(p.alice, id));
}

TEST_CASE("Uploads and downloads go on after cuts, restarts and crashes of all three") {
  const auto seed = GENERATE(10U, 11U, 12U, 13U);
  Pair p(seed);
  SeededRandom random(seed);
  const auto bytes = pattern(4'000'000, seed);
  const Source source(bytes);
  const auto id = p.alice.send(p.chat, "", {source.attachment(AttachmentKind::image)});
  for (int i = 0; i < 40; ++i) {
    p.net.run_for(std::chrono::milliseconds(random.below(400)));
    switch (random.below(6)) {
      case 0:
        p.alice.restart();
        break;
      case 1:
        p.bob.restart();
        break;
      case 2:
        p.net.restart_relay();
        break;
      case 3:
        p.net.cut(p.alice);
        break;
      case 4:
        p.net.cut_media(p.bob);
        break;
      default:
        p.net.cut_media(p.alice);
        break;
    }
  }
  REQUIRE(p.net.settle());
  CHECK(must(p.bob.bytes_of(p.chat, id)) == bytes);
  CHECK(p.bob.history(p.chat).size() == p.alice.history(p.chat).size());
}

TEST_CASE("A document waits until it is asked for; a pause keeps what came, a cancel does not") {
  Pair p(14);
  const auto bytes = pattern(3'000'000);
  const Source source(bytes);
  const auto id = p.alice.send(p.chat, "", {source.attachment()});
  REQUIRE(p.net.settle());
  CHECK(p.state(p.bob, id) == AttachmentState::remote);
  CHECK(files_of(p.bob) == 0);

  p.bob.transfer(p.chat, id, 0, TransferAction::start);
  REQUIRE(p.net.run_until([&] { return p.bob.message(p.chat, id).attachments[0].transferred >= 1'000'000; }));
  p.bob.transfer(p.chat, id, 0, TransferAction::pause);
  p.net.run_for(1min);
  auto paused = p.bob.message(p.chat, id).attachments[0];
  CHECK(paused.paused);
  CHECK(paused.transferred < paused.total);
  p.bob.restart();
  REQUIRE(p.net.settle());
  CHECK(p.bob.message(p.chat, id).attachments[0].transferred == paused.transferred);

  SECTION("started again it goes on") {
    std::uint64_t first = UINT64_MAX;
    p.net.rewrite = [&](wire::Envelope& envelope) {
      if (envelope.request().has_fetch_attachment()) {
        first = std::min<std::uint64_t>(first, envelope.request().fetch_attachment().offset());
      }
    };
    p.bob.transfer(p.chat, id, 0, TransferAction::start);
    REQUIRE(p.net.settle());
    CHECK(first == paused.transferred);
    CHECK(must(p.bob.bytes_of(p.chat, id)) == bytes);
    CHECK(p.bob.changes.back().ok());
  }
  SECTION("cancelled it is as before, and its file is gone") {
    p.bob.transfer(p.chat, id, 0, TransferAction::start);
    p.bob.transfer(p.chat, id, 0, TransferAction::cancel);
    REQUIRE(p.net.settle());
    CHECK(p.state(p.bob, id) == AttachmentState::remote);
    CHECK(files_of(p.bob) == 0);
    p.bob.transfer(p.chat, id, 0, TransferAction::start);
    REQUIRE(p.net.settle());
    CHECK(must(p.bob.bytes_of(p.chat, id)) == bytes);
  }
}

TEST_CASE("A cancelled upload fails its message with CANCELLED and leaves nothing") {
  Pair p(15);
  const Source source(pattern(5'000'000));
  const auto id = p.alice.send(p.chat, "", {source.attachment()});
  REQUIRE(p.net.run_until([&] { return p.has(p.alice, id) && p.state(p.alice, id) == AttachmentState::uploading; }));
  p.alice.transfer(p.chat, id, 0, TransferAction::cancel);
  REQUIRE(p.net.settle());
  CHECK(p.alice.message(p.chat, id).state == MessageState::failed);
  CHECK(p.alice.message(p.chat, id).problem->code == ErrorCode::CANCELLED);
  CHECK(files_of(p.alice) == 0);
  CHECK_FALSE(p.has(p.bob, id));
}

TEST_CASE("Forwarding uploads nothing, also of what was never fetched") {
  Pair p(16);
  auto& carol = p.net.add("carol");
  const auto bytes = pattern(500'000);
  const Source source(bytes);
  const auto id = p.alice.send(p.chat, "for you", {source.attachment()});
  REQUIRE(p.net.settle());
  const auto other = p.bob.direct_chat(carol);
  REQUIRE(p.net.settle());
  std::size_t uploads = 0;
  p.net.rewrite = [&](wire::Envelope& envelope) { uploads += envelope.request().has_upload_attachment() ? 1 : 0; };
  const auto copy = p.bob.forward(p.chat, id, other);
  REQUIRE(p.net.settle());
  CHECK(uploads == 0);
  CHECK(carol.message(other, copy).text == "for you");
  carol.transfer(other, copy, 0, TransferAction::start);
  REQUIRE(p.net.settle());
  CHECK(must(carol.bytes_of(other, copy)) == bytes);
}

TEST_CASE("Once all have it, the relay keeps it for a day; what is gone there can be forwarded from here") {
  Pair p(17);
  const auto bytes = pattern(200'000);
  const auto id = p.alice.send(p.chat, "", {in_memory(bytes)});
  REQUIRE(p.net.settle());
  auto& carol = p.net.add("carol");
  const auto other = p.bob.direct_chat(carol);
  REQUIRE(p.net.settle());
  p.net.run_for(48h);
  const auto third = p.alice.send(p.chat, "are you there?");
  REQUIRE(p.net.settle());
  CHECK(p.has(p.bob, third));
  const auto copy = p.bob.forward(p.chat, id, other);
  REQUIRE(p.net.settle());
  REQUIRE(p.state(p.bob, id) == AttachmentState::present);
  CHECK(must(carol.bytes_of(other, copy)) == bytes);
}

TEST_CASE("What has expired says so") {
  Pair p(18);
  const Source source(pattern(1000));
  const auto id = p.alice.send(p.chat, "", {source.attachment()});
  REQUIRE(p.net.settle());
  p.net.run_for(24h * 32);
  p.bob.transfer(p.chat, id, 0, TransferAction::start);
  REQUIRE(p.net.settle());
  CHECK(p.state(p.bob, id) == AttachmentState::expired);
  CHECK(p.bob.changes.back().code() == ErrorCode::NOT_FOUND);
}

namespace {

/// Alice's document for Bob, which the relay has forgotten before he looked at it.
struct Expired : Pair {
  explicit Expired(std::uint64_t seed, std::size_t size = 300'000) : Pair(seed), bytes(pattern(size)), source(bytes) {
    id = alice.send(chat, "for you", {source.attachment()});
    REQUIRE(net.settle());
    expire();
  }
  void expire() {
    net.run_for(24h * 32);
    bob.transfer(chat, id, 0, TransferAction::start);
    REQUIRE(net.settle());
    REQUIRE(state(bob, id) == AttachmentState::expired);
    bob.changes.clear();
  }
  std::optional<ErrorCode> ask(TestDevice& who) {
    who.request(chat, id);
    REQUIRE(net.settle());
    REQUIRE_FALSE(who.changes.empty());
    return who.changes.back().code();
  }
  Bytes bytes;
  Source source;
  ClientMessageId id;
};

}  // namespace

TEST_CASE("What has expired is asked for again, and nobody sees the question or the answer") {
  Expired p(23);
  const auto seen_by_alice = p.alice.history(p.chat).size();
  const auto seen_by_bob = p.bob.history(p.chat).size();
  const auto last_activity = p.alice.chat(p.chat).last_activity;
  p.alice.events.clear();
  p.bob.events.clear();
  CHECK_FALSE(p.bob.message(p.chat, p.id).attachments[0].requested);
  p.alice.go_offline();
  CHECK_FALSE(p.ask(p.bob).has_value());
  CHECK(p.bob.message(p.chat, p.id).attachments[0].requested);
  p.bob.restart();
  p.alice.go_online();
  REQUIRE(p.net.settle());
  REQUIRE(p.state(p.bob, p.id) == AttachmentState::present);
  CHECK(must(p.bob.bytes_of(p.chat, p.id)) == p.bytes);
  CHECK_FALSE(p.bob.message(p.chat, p.id).attachments[0].requested);
  CHECK(p.state(p.alice, p.id) == AttachmentState::present);
  CHECK(p.alice.message(p.chat, p.id).state == MessageState::delivered);
  CHECK(p.alice.history(p.chat).size() == seen_by_alice);
  CHECK(p.bob.history(p.chat).size() == seen_by_bob);
  CHECK(p.alice.chat(p.chat).last_activity == last_activity);
  for (const auto* device : {&p.alice, &p.bob}) {
    for (const auto& event : device->events) {
      CHECK_FALSE(std::holds_alternative<MessageAdded>(event));
      if (const auto* changed = std::get_if<MessageChanged>(&event)) CHECK(changed->message.id == p.id);
    }
  }
  // And the chat goes on.
  p.bob.send(p.chat, "thank you");
  REQUIRE(p.net.settle());
  CHECK(p.alice.texts(p.chat).back() == "thank you");
}

TEST_CASE("Asking again wakes nobody, since there is nothing to show") {
  Expired p(39);
  for (auto* device : {&p.alice, &p.bob}) device->command(client::SetPushTokenCommand{"token", Urgency::normal, {}});
  REQUIRE(p.net.settle());
  p.alice.go_offline();
  REQUIRE(p.net.settle());
  CHECK_FALSE(p.ask(p.bob).has_value());
  p.bob.go_offline();
  p.alice.go_online();
  REQUIRE(p.net.settle());
  CHECK(p.net.notices.empty());
  p.bob.go_online();
  REQUIRE(p.net.settle());
  CHECK(must(p.bob.bytes_of(p.chat, p.id)) == p.bytes);
}

TEST_CASE("What the relay still has is only told of, not uploaded again") {
  Expired p(24);
  auto& carol = p.net.add("carol");
  const auto other = p.alice.direct_chat(carol);
  REQUIRE(p.net.settle());
  p.alice.forward(p.chat, p.id, other);  // so it is there again
  REQUIRE(p.net.settle());
  std::size_t uploads = 0;
  p.net.rewrite = [&](wire::Envelope& envelope) { uploads += envelope.request().has_upload_attachment() ? 1 : 0; };
  CHECK_FALSE(p.ask(p.bob).has_value());
  CHECK(must(p.bob.bytes_of(p.chat, p.id)) == p.bytes);
  CHECK(uploads == 0);
}

TEST_CASE("Asking again goes through cuts and restarts of all three") {
  const auto seed = GENERATE(25U, 26U, 27U);
  Expired p(seed, 3'000'000);
  p.bob.request(p.chat, p.id);
  for (int i = 0; i < 30; ++i) {
    p.net.run_for(std::chrono::milliseconds(p.net.random.below(300)));
    switch (p.net.random.below(5)) {
      case 0:
        p.alice.restart();
        break;
      case 1:
        p.bob.restart();
        break;
      case 2:
        p.net.restart_relay();
        break;
      case 3:
        p.net.cut(p.alice);
        break;
      default:
        p.net.cut_media(p.alice);
        break;
    }
  }
  REQUIRE(p.net.settle());
  CHECK(must(p.bob.bytes_of(p.chat, p.id)) == p.bytes);
}

TEST_CASE("A sender who has the file no more says so") {
  Expired p(28);
  p.alice.cache_bytes = 0;
  p.alice.restart();
  // Something else that arrives makes the cache look at its limit.
  p.bob.send(p.chat, "", {in_memory(pattern(10))});
  REQUIRE(p.net.settle());
  REQUIRE(p.state(p.alice, p.id) == AttachmentState::remote);
  CHECK_FALSE(p.ask(p.bob).has_value());
  const auto attachment = p.bob.message(p.chat, p.id).attachments[0];
  CHECK(attachment.state == AttachmentState::expired);
  CHECK_FALSE(attachment.requested);
  REQUIRE(attachment.problem.has_value());
  CHECK(attachment.problem->message == "its sender does not have it any more");
  CHECK(p.state(p.alice, p.id) == AttachmentState::expired);
}

TEST_CASE("A file that was sent before and is gone from here cannot be given again, and its first message stays sent") {
  Expired p(38);
  harm_files(p.alice, Harm::removed);
  CHECK_FALSE(p.ask(p.bob).has_value());
  CHECK(p.bob.message(p.chat, p.id).attachments[0].problem->message == "its sender does not have it any more");
  CHECK(p.alice.message(p.chat, p.id).state == MessageState::delivered);
  CHECK(p.state(p.alice, p.id) == AttachmentState::remote);
}

TEST_CASE("Asking again has its limits") {
  Expired p(29);
  SECTION("an attachment once a day") {
    p.alice.answers_requests = false;
    p.alice.restart();
    CHECK_FALSE(p.ask(p.bob).has_value());
    CHECK(p.state(p.bob, p.id) == AttachmentState::expired);  // She does not answer by herself.
    CHECK(p.bob.message(p.chat, p.id).attachments[0].requested);
    CHECK(p.ask(p.bob) == ErrorCode::RATE_LIMITED);
    CHECK(p.bob.changes.back().error().retry_after > 23h);
    p.alice.answers_requests = true;
    p.alice.restart();
    p.net.run_for(24h);
    CHECK_FALSE(p.ask(p.bob).has_value());
    CHECK(p.state(p.bob, p.id) == AttachmentState::present);
  }
  SECTION("not what is there, one's own, or nothing") {
    CHECK(p.ask(p.alice) == ErrorCode::INVALID_ARGUMENT);
    p.bob.request(p.chat, p.id, 1);
    p.bob.request(p.chat, ClientMessageId{});
    p.bob.request(ChatId{}, p.id);
    REQUIRE(p.net.settle());
    for (const auto& change : p.bob.changes) CHECK(change.code() == ErrorCode::NOT_FOUND);
    CHECK_FALSE(p.ask(p.bob).has_value());
    CHECK(p.ask(p.bob) == ErrorCode::INVALID_ARGUMENT);
  }
}

TEST_CASE("An upload for somebody who asked again does not cost the sender its own file") {
  relay::CoreConfig config;
  config.blob_quota_bytes = 500'000;
  Pair p(30, config);
  const auto bytes = pattern(300'000);
  const Source source(bytes);
  const auto id = p.alice.send(p.chat, "for you", {source.attachment()});
  REQUIRE(p.net.settle());
  p.net.run_for(24h * 32);
  p.bob.transfer(p.chat, id, 0, TransferAction::start);
  REQUIRE(p.net.settle());
  const Source more(pattern(400'000, 2));
  p.alice.send(p.chat, "takes the quota", {more.attachment()});
  REQUIRE(p.net.settle());
  p.bob.request(p.chat, id);
  REQUIRE(p.net.settle());
  CHECK(p.state(p.bob, id) == AttachmentState::expired);
  CHECK(p.bob.message(p.chat, id).attachments[0].problem->message == "its sender does not have it any more");
  CHECK(p.alice.message(p.chat, id).state == MessageState::delivered);
  REQUIRE(p.state(p.alice, id) == AttachmentState::present);
  CHECK(must(p.alice.bytes_of(p.chat, id)) == bytes);
}

TEST_CASE("In a group all may fetch again what one asked for; what was forwarded is asked for of who forwarded it") {
  TestNet net(31);
  auto& alice = net.add("alice");
  auto& bob = net.add("bob");
  auto& carol = net.add("carol");
  const auto bytes = pattern(200'000);
  const Source source(bytes);
  const auto pair = alice.direct_chat(bob);
  REQUIRE(net.settle());
  const auto first = alice.send(pair, "for you", {source.attachment()});
  REQUIRE(net.settle());
  bob.transfer(pair, first, 0, TransferAction::start);
  const auto group = bob.group({&alice, &carol}, "three");
  REQUIRE(net.settle());
  const auto copy = bob.forward(pair, first, group);
  REQUIRE(net.settle());
  net.run_for(24h * 32);
  for (auto* device : {&carol}) {
    device->transfer(group, copy, 0, TransferAction::start);
    REQUIRE(net.settle());
    REQUIRE(device->message(group, copy).attachments[0].state == AttachmentState::expired);
  }
  carol.request(group, copy);
  REQUIRE(net.settle());
  CHECK(must(carol.bytes_of(group, copy)) == bytes);
  CHECK(alice.message(group, copy).attachments[0].state == AttachmentState::present);  // her own file
}

namespace {

/// A client that says what it likes.
void send_hidden(Pair& p, TestDevice& from, wire::Content content) {
  content.set_version(3);
  content.set_hidden(true);
  client::AccountTable accounts(*from.db);
  const auto place = must(accounts.take_place());
  client::MessageRow row;
  row.message.chat = p.chat;
  row.message.id = random_id<ClientMessageId>(p.net.random);
  row.message.kind = client::hidden_kind;
  row.message.sender = from.user;
  row.message.sender_device = from.device;
  row.message.position = client::position::of_waiting(place);
  row.content = wire::serialize(content);
  must(client::MessageTable(*from.db).insert(row));
  must(client::OutboxTable(*from.db).insert(p.chat, place, row.message.id));
  from.restart();
  REQUIRE(p.net.settle());
}

wire::Content request_for(const UserId& sender, const ClientMessageId& id, std::uint32_t index = 0) {
  wire::Content out;
  out.mutable_attachment_request()->set_sender_user(to_string_bytes(sender));
  out.mutable_attachment_request()->set_client_message_id(to_string_bytes(id));
  out.mutable_attachment_request()->set_index(index);
  return out;
}

}  // namespace

TEST_CASE("Hidden messages of a hostile member show nothing, cost little and stop nothing") {
  Expired p(32);
  const auto seen = p.alice.history(p.chat).size();
  std::size_t uploads = 0;
  p.net.rewrite = [&](wire::Envelope& envelope) { uploads += envelope.request().has_create_attachment() ? 1 : 0; };
  SECTION("one device's requests for one attachment are answered once a day") {
    for (int i = 0; i < 5; ++i) send_hidden(p, p.bob, request_for(p.alice.user, p.id));
    CHECK(uploads == 1);
  }
  SECTION("what is wrong, or not ours, is passed over") {
    send_hidden(p, p.bob, request_for(p.alice.user, p.id, 1));
    send_hidden(p, p.bob, request_for(p.alice.user, ClientMessageId{}));
    send_hidden(p, p.bob, request_for(p.bob.user, p.id));
    auto short_id = request_for(p.alice.user, p.id);
    short_id.mutable_attachment_request()->set_client_message_id("short");
    send_hidden(p, p.bob, short_id);
    auto no_user = request_for(p.alice.user, p.id);
    no_user.mutable_attachment_request()->clear_sender_user();
    send_hidden(p, p.bob, no_user);
    wire::Content text;
    text.mutable_text()->set_body("hidden text");
    send_hidden(p, p.bob, text);
    CHECK(uploads == 0);
  }
  SECTION("a kind of a newer version is kept, and not shown") {
    wire::Content unknown;
    REQUIRE(unknown.ParseFromString("\xEA\x04\x03new"));  // field 77, of bytes
    send_hidden(p, p.bob, unknown);
    const auto kept =
        must(p.alice.db->one<Bytes>("SELECT content FROM message WHERE kind = 100 AND sender_user = ?", p.bob.user));
    REQUIRE(kept.has_value());
    CHECK(as_text(*kept).find("new") != std::string_view::npos);
  }
  CHECK(p.alice.history(p.chat).size() == seen);
  for (const auto& entry : p.alice.history(p.chat)) CHECK(entry.kind != MessageKind::unknown);
  p.bob.send(p.chat, "and on");
  REQUIRE(p.net.settle());
  CHECK(p.alice.texts(p.chat).back() == "and on");
}

TEST_CASE("Only who sent an attachment can say where it is again") {
  Expired p(33);
  wire::Content answer;
  answer.mutable_attachment_answer()->set_client_message_id(to_string_bytes(p.id));
  answer.mutable_attachment_answer()->set_attachment_id(std::string(16, 'x'));
  send_hidden(p, p.bob, answer);  // of himself
  CHECK(p.state(p.bob, p.id) == AttachmentState::expired);
  CHECK(p.state(p.alice, p.id) == AttachmentState::present);

  // Alice says something that is not true: it is looked for, not found, and has expired as before.
  send_hidden(p, p.alice, answer);
  CHECK(p.state(p.bob, p.id) == AttachmentState::remote);
  p.bob.transfer(p.chat, p.id, 0, TransferAction::start);
  REQUIRE(p.net.settle());
  CHECK(p.state(p.bob, p.id) == AttachmentState::expired);
  answer.mutable_attachment_answer()->set_attachment_id("short");
  send_hidden(p, p.alice, answer);
  CHECK(p.state(p.bob, p.id) == AttachmentState::expired);
  CHECK_FALSE(p.ask(p.bob).has_value());
  CHECK(must(p.bob.bytes_of(p.chat, p.id)) == p.bytes);
}

TEST_CASE("An upload waits half a minute at most once the relay's disk has space again") {
  Pair p(40);
  p.net.disk->fail_all(ErrorCode::DISK_FULL);
  const auto id = p.alice.send(p.chat, "", {in_memory(pattern(100'000))});
  p.net.run_for(6h);
  CHECK(p.alice.message(p.chat, id).state == MessageState::queued);
  p.net.disk->fail_all(std::nullopt);
  REQUIRE(p.net.run_until([&] { return p.alice.message(p.chat, id).state >= MessageState::sent; }, 30s));
}

TEST_CASE("A relay that gives another file is noticed") {
  Pair p(19);
  const Source source(pattern(300'000));
  const auto id = p.alice.send(p.chat, "", {source.attachment()});
  REQUIRE(p.net.settle());
  p.net.to_client = [&](wire::Envelope& envelope) {
    if (envelope.response().has_attachment_part()) {
      (*envelope.mutable_response()->mutable_attachment_part()->mutable_data())[0] ^= 1;
    }
    return true;
  };
  p.bob.transfer(p.chat, id, 0, TransferAction::start);
  REQUIRE(p.net.settle());
  CHECK(p.state(p.bob, id) == AttachmentState::failed);
  CHECK(p.bob.bytes_of(p.chat, id).code().has_value());
  p.net.to_client = {};
  p.bob.transfer(p.chat, id, 0, TransferAction::start);
  REQUIRE(p.net.settle());
  CHECK(p.state(p.bob, id) == AttachmentState::present);
}

TEST_CASE("The cache has a limit: what was used least recently goes and comes again") {
  Pair p(20);
  p.bob.cache_bytes = 1'000'000;
  p.bob.restart();
  std::vector<ClientMessageId> ids;
  for (std::uint64_t i = 0; i < 4; ++i) {
    ids.push_back(p.alice.send(p.chat, "", {in_memory(pattern(400'000, i))}));
    REQUIRE(p.net.settle());
  }
  CHECK(p.state(p.bob, ids[0]) == AttachmentState::remote);
  CHECK(p.state(p.bob, ids[1]) == AttachmentState::remote);
  CHECK(p.state(p.bob, ids[3]) == AttachmentState::present);
  CHECK(files_of(p.bob) == 2);
  p.bob.transfer(p.chat, ids[0], 0, TransferAction::start);
  REQUIRE(p.net.settle());
  CHECK(must(p.bob.bytes_of(p.chat, ids[0])) == pattern(400'000, 0));
}

TEST_CASE("What is read stays in the cache longer than what is not, at the cost of a write a minute at most") {
  Pair p(22);
  p.bob.cache_bytes = 1'000'000;
  p.bob.restart();
  std::vector<ClientMessageId> ids;
  const auto send = [&](std::uint64_t seed) {
    ids.push_back(p.alice.send(p.chat, "", {in_memory(pattern(400'000, seed))}));
    REQUIRE(p.net.settle());
  };
  send(0);
  send(1);
  const auto read = [&](const ClientMessageId& id) {
    client::MediaTable media(*p.bob.db);
    const auto row = must(media.find(p.bob.message(p.chat, id), 0)).value();
    p.bob.command(client::AttachmentUsedCommand{row.id});
    p.net.run_for(1s);
    return must(media.find(row.id))->used_at - row.used_at;
  };
  CHECK(read(ids[0]) == 0);  // It came within this minute.
  p.net.run_for(1min);
  CHECK(read(ids[0]) > 0);
  CHECK(read(ids[0]) == 0);
  send(2);
  CHECK(p.state(p.bob, ids[0]) == AttachmentState::present);
  CHECK(p.state(p.bob, ids[1]) == AttachmentState::remote);
  p.bob.command(client::AttachmentUsedCommand{4711});  // of a message that is gone
  REQUIRE(p.net.settle());
}

TEST_CASE("Several attachments arrive in their order, and a quota that is full fails the message") {
  relay::CoreConfig config;
  config.blob_quota_bytes = 1'000'000;
  Pair p(21, config);
  const auto id = p.alice.send(
      p.chat, "three", {in_memory(pattern(100'000, 1)), in_memory(pattern(1000, 2)), in_memory(pattern(50'000, 3))});
  REQUIRE(p.net.settle());
  for (std::uint32_t i = 0; i < 3; ++i) {
    CHECK(must(p.bob.bytes_of(p.chat, id, i)) == pattern(i == 0 ? 100'000 : i == 1 ? 1000 : 50'000, i + 1));
  }
  const auto large = p.alice.send(p.chat, "too much", {in_memory(pattern(950'000))});
  REQUIRE(p.net.settle());
  CHECK(p.alice.message(p.chat, large).state == MessageState::failed);
  CHECK(p.alice.message(p.chat, large).problem->code == ErrorCode::LIMIT_EXCEEDED);
}
