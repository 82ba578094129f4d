// Messages: where they stand, what they become, how they are read.
#include "client/tables/message_table.h"

#include "client/schema.h"
#include "unit/client/members.h"
#include "wire/client_store.h"

using namespace sotto;
using namespace sotto::client;
using namespace sotto::test;

namespace {

const auto chat = id_of<ChatId>(1);
const auto alice = id_of<UserId>(1);
const auto bob = id_of<UserId>(2);

struct Fixture {
  std::unique_ptr<store::Database> db = must(open_store(":memory:"));
  MessageTable messages{*db};

  static MessageRow row(std::uint8_t id, std::int64_t position, const UserId& sender = alice) {
    MessageRow out;
    out.message.chat = chat;
    out.message.id = id_of<ClientMessageId>(id);
    out.message.position = position;
    out.message.sender = sender;
    out.message.sent_at = noon;
    wire::Content content;
    content.mutable_text()->set_body("text " + std::to_string(id));
    out.content = wire::serialize(content);
    return out;
  }
  std::vector<int> page(const std::optional<std::int64_t>& before, std::size_t limit) {
    std::vector<int> out;
    for (const auto& message : must(messages.page(chat, before, limit))) out.push_back(message.id.bytes[0]);
    return out;
  }
  MessageState state(std::uint8_t id) {
    return must(messages.find(chat, alice, id_of<ClientMessageId>(id))).value().state;
  }
};

}  // namespace

TEST_CASE("A message comes back as it was stored") {
  Fixture f;
  auto row = f.row(1, 100);
  row.message.sender_device = id_of<DeviceId>(3);
  row.message.state = MessageState::received;
  row.message.stored_at = noon + std::chrono::seconds(1);
  row.message.message_id = id_of<MessageId>(4);
  row.seq = 5;
  must(f.messages.insert(row));
  const auto back = must(f.messages.find(chat, row.message.id)).value();
  CHECK(back.position == 100);
  CHECK(back.sender == alice);
  CHECK(back.sender_device == row.message.sender_device);
  CHECK(back.text == "text 1");
  CHECK(back.kind == MessageKind::text);
  CHECK(back.state == MessageState::received);
  CHECK(back.sent_at == noon);
  CHECK(back.stored_at == row.message.stored_at);
  CHECK(back.message_id == row.message.message_id);
  CHECK_FALSE(back.problem.has_value());
  CHECK(must(f.messages.content(chat, alice, row.message.id)) == row.content);
  CHECK(f.messages.content(chat, bob, row.message.id).code() == ErrorCode::NOT_FOUND);
  CHECK_FALSE(must(f.messages.find(id_of<ChatId>(2), row.message.id)).has_value());
}

TEST_CASE("A notice and a placeholder come back with what they tell") {
  Fixture f;
  auto notice = f.row(1, 1);
  notice.message.kind = MessageKind::notice;
  wire::StoredNotice stored;
  stored.set_kind(static_cast<std::uint32_t>(NoticeKind::users_added));
  stored.add_users(to_string_bytes(bob));
  stored.set_text("text");
  notice.content = wire::serialize(stored);
  must(f.messages.insert(notice));
  auto placeholder = f.row(2, 2, {});
  placeholder.message.kind = MessageKind::placeholder;
  placeholder.message.problem = Error(ErrorCode::DECRYPTION_FAILED, "why");
  placeholder.content.clear();
  must(f.messages.insert(placeholder));

  const auto page = must(f.messages.page(chat, {}, 10));
  REQUIRE(page.size() == 2);
  CHECK(page[1].notice.kind == NoticeKind::users_added);
  CHECK(page[1].notice.users == std::vector<UserId>{bob});
  CHECK(page[1].notice.text == "text");
  CHECK(page[1].text.empty());
  REQUIRE(page[0].problem.has_value());
  CHECK(page[0].problem->code == ErrorCode::DECRYPTION_FAILED);
  CHECK(page[0].problem->message == "why");
}

TEST_CASE("A history is read newest first, page by page") {
  Fixture f;
  for (std::uint8_t i = 1; i <= 9; ++i) must(f.messages.insert(f.row(i, position::of_entry(i))));
  must(f.messages.insert(f.row(10, position::of_waiting(1))));
  must(f.messages.insert(f.row(11, position::of_waiting(2))));
  auto elsewhere = f.row(99, 1);
  elsewhere.message.chat = id_of<ChatId>(2);
  must(f.messages.insert(elsewhere));

  CHECK(f.page({}, 4) == std::vector<int>{11, 10, 9, 8});
  CHECK(f.page(position::of_entry(8), 4) == std::vector<int>{7, 6, 5, 4});
  CHECK(f.page(position::of_entry(3), 4) == std::vector<int>{2, 1});
  CHECK(f.page(position::of_entry(1), 4).empty());
  CHECK(f.page({}, 0).empty());
}

TEST_CASE("Positions: entries by seq, with room beside each, and what waits comes last") {
  CHECK(position::of_entry(1) > 0);
  CHECK(position::of_entry(2) - position::of_entry(1) == position::per_seq);
  CHECK(position::of_entry(position::highest_seq) < position::of_waiting(0));
  CHECK(position::of_waiting(1) < position::of_waiting(2));
  CHECK(position::of_waiting(INT64_MAX / 4) > position::of_waiting(0));
}

TEST_CASE("An id is one message of one sender in one chat") {
  Fixture f;
  must(f.messages.insert(f.row(1, 1)));
  CHECK(f.messages.insert(f.row(1, 2)).code() == ErrorCode::ALREADY_EXISTS);
  CHECK(f.messages.insert(f.row(2, 1)).code() == ErrorCode::ALREADY_EXISTS);  // a position is taken once
  must(f.messages.insert(f.row(1, 3, bob)));                                  // ids are the sender's own
  CHECK(must(f.messages.find(chat, bob, id_of<ClientMessageId>(1)))->position == 3);
  SECTION("and the own one is meant where none is named") {
    auto copied = f.row(7, 4, bob);
    copied.message.state = MessageState::received;
    must(f.messages.insert(copied));
    must(f.messages.insert(f.row(7, 5)));
    CHECK(must(f.messages.find(chat, id_of<ClientMessageId>(7)))->sender == alice);
  }
}

TEST_CASE("A state never goes back") {
  Fixture f;
  const auto id = id_of<ClientMessageId>(1);
  must(f.messages.insert(f.row(1, position::of_waiting(1))));
  CHECK(must(f.messages.raise_state(chat, alice, id, MessageState::sending)));
  CHECK_FALSE(must(f.messages.raise_state(chat, alice, id, MessageState::sending)));
  CHECK(must(f.messages.raise_state(chat, alice, id, MessageState::delivered)));
  CHECK_FALSE(must(f.messages.raise_state(chat, alice, id, MessageState::sent)));
  must(f.messages.set_accepted(chat, alice, id, 7, id_of<MessageId>(1), 5));
  CHECK(f.state(1) == MessageState::delivered);
  CHECK_FALSE(must(f.messages.raise_state(chat, bob, id, MessageState::read)));
}

TEST_CASE("What the relay accepted takes its place in the log") {
  Fixture f;
  const auto id = id_of<ClientMessageId>(1);
  must(f.messages.insert(f.row(1, position::of_waiting(1))));
  must(f.messages.set_accepted(chat, alice, id, 7, id_of<MessageId>(3), 1000));
  must(f.messages.set_accepted(chat, alice, id, 7, id_of<MessageId>(3), std::nullopt));
  const auto message = must(f.messages.find(chat, id)).value();
  CHECK(message.position == position::of_entry(7));
  CHECK(message.state == MessageState::sent);
  CHECK(message.message_id == id_of<MessageId>(3));
  CHECK(message.stored_at->time_since_epoch().count() == 1000);
}

TEST_CASE("What the relay refused keeps its place and says why") {
  Fixture f;
  const auto id = id_of<ClientMessageId>(1);
  must(f.messages.insert(f.row(1, position::of_waiting(1))));
  must(f.messages.set_failed(chat, alice, id, Error(ErrorCode::TOO_LARGE, "no")));
  const auto message = must(f.messages.find(chat, id)).value();
  CHECK(message.state == MessageState::failed);
  CHECK(message.position == position::of_waiting(1));
  CHECK(message.problem->code == ErrorCode::TOO_LARGE);
}

TEST_CASE("Delivered marks reach what was sent up to a seq, once") {
  Fixture f;
  for (std::uint8_t i = 1; i <= 4; ++i) {
    must(f.messages.insert(f.row(i, position::of_waiting(i))));
    if (i < 4) must(f.messages.set_accepted(chat, alice, id_of<ClientMessageId>(i), i, id_of<MessageId>(i), 1));
  }
  auto received = f.row(5, position::of_entry(10), bob);
  received.message.state = MessageState::received;
  received.seq = 2;
  must(f.messages.insert(received));

  const auto delivered = must(f.messages.mark_reached(chat, 2, 0));
  REQUIRE(delivered.size() == 2);
  CHECK(delivered[0].id == id_of<ClientMessageId>(1));
  CHECK(delivered[1].state == MessageState::delivered);
  CHECK(f.state(2) == MessageState::delivered);
  CHECK(f.state(3) == MessageState::sent);
  CHECK(f.state(4) == MessageState::queued);
  CHECK(must(f.messages.mark_reached(chat, 2, 0)).empty());
  CHECK(must(f.messages.mark_reached(chat, 100, 0)).size() == 1);
  CHECK(f.state(4) == MessageState::queued);
}
