// After a hostile relay an honest one takes over: texts, questions and files go their way.
#include <algorithm>

#include "client/tables/account_table.h"
#include "client/tables/chat_table.h"
#include "client/tables/message_table.h"
#include "crypto/hash.h"
#include "engine_attack.h"

namespace sotto::fuzz {

void Attack::go_on() {
  const auto account = must(client::AccountTable(db_).load());
  if (fresh_ || left_ || !account || account->rolled_back) return;
  lose_connection();
  lose_media();
  inputs_.emplace_back(client::ConnectCommand{});
  step();
  check(wants_connection_, "the engine connects again");
  get_online();
  go_on_talking();
  go_on_with_files();
}

void Attack::get_online() {
  connect();
  // Another handle, or a code for one, is asked for first.
  for (int i = 0; i < 10 && !requests_.empty() && !requests_.front().request().has_authenticate(); ++i) {
    answer_honestly();
  }
  check(requests_.size() == 1 && requests_.front().request().has_authenticate(), "it authenticates");
  answer_honestly();
  wire::Push heads;
  auto& head = *heads.mutable_heads()->add_heads();
  head.set_chat_id(to_string_bytes(world_.later));
  head.set_head(world_.owed_later.size());
  heads.mutable_heads()->set_last(true);
  push(heads);
  for (const auto& what : world_.owed_later) push(what);
  step();
  check(state_ == ConnectionState::online, "it gets online");
}

/// What an honest relay answers that knows nothing of the chats of the hostile one.
void Attack::answer_afterwards() {
  const auto request = requests_.front();
  requests_.erase(requests_.begin());
  const auto& asked = request.request();
  const auto later = to_string_bytes(world_.later);
  const bool of_others = (asked.has_send_message() && asked.send_message().chat_id() != later) ||
                         (asked.has_set_read_mark() && asked.set_read_mark().chat_id() != later) ||
                         asked.has_update_chat() || asked.has_modify_chat_participants() || asked.has_create_chat();
  auto response = of_others ? wire::refusal(Error(ErrorCode::UNKNOWN_CHAT)) : honest_answer(asked);
  if (response.has_accepted()) response.mutable_accepted()->set_seq(++last_seq_);
  answer(request.id(), response);
  step();
}

void Attack::go_on_talking() {
  check(std::ranges::any_of(last_ack_.cursors(),
                            [&](const auto& cursor) {
                              return cursor.chat_id() == to_string_bytes(world_.later) &&
                                     cursor.seq() == world_.owed_later.size();
                            }),
        "it acks what it got");
  const auto chat = must(client::ChatTable(db_).find(world_.later));
  check(chat && chat->status == ChatStatus::active && chat->name == "later", "it joins what it is invited to");
  const auto history = must(client::MessageTable(db_).page(world_.later, std::nullopt, 10));
  check(std::ranges::any_of(history, [](const Message& m) { return m.text == "still here"; }), "and shows it");

  const auto message = written(world_.later);
  command<void>([&](auto done) { return client::SendCommand{message, {}, done}; });
  std::optional<Result<UserId>> found;
  inputs_.emplace_back(client::FindUserCommand{"bob", [&](Result<UserId> result) { found = result; }});
  step();
  check(std::ranges::any_of(requests_,
                            [&](const auto& request) {
                              return request.request().has_send_message() &&
                                     request.request().send_message().chat_id() == to_string_bytes(world_.later);
                            }),
        "it sends");
  for (int i = 0; i < 300 && !requests_.empty() && !found; ++i) answer_afterwards();
  check(found && found->ok() && **found == world_.bob->user, "and asks");
}

/// A file comes and one leaves, however many others the hostile ones have left waiting.
void Attack::go_on_with_files() {
  command<void>([&](auto done) {
    return client::TransferCommand{world_.later, world_.picture_later, 0, TransferAction::start, done};
  });
  OutgoingAttachment file;
  file.info.name = "still mine";
  file.bytes = Bytes(2000, 4);
  const auto message = written(world_.later);
  attachments_.insert(attachment_as_shown(message.chat, message.sender, message.text, 0, file.info, file.bytes.size()));
  command<void>([&](auto done) { return client::SendCommand{message, {file}, done}; });
  step();
  client::MessageTable messages(db_);
  client::MediaTable media(db_);
  const auto done = [&] {
    const auto got = messages.find(world_.later, world_.picture_later);
    const auto sent = messages.find(world_.later, message.id);
    check(got.ok() && *got && sent.ok() && *sent, "both are stored");
    return (*got)->attachments.at(0).state == AttachmentState::present && (*sent)->state == MessageState::sent;
  };
  // Others are tried again after minutes, and their turns come first.
  for (int i = 0; i < 2000 && !done(); ++i) {
    if (wants_connection_) {
      get_online();
    } else if (!requests_.empty()) {
      answer_afterwards();
    } else if (wants_media_) {
      connect_media(true);
    } else if (!media_requests_.empty()) {
      answer_media_honestly();
    } else {
      if (timer_) now_ = std::max(now_, *timer_);
      inputs_.emplace_back(client::TimerDue{});
      step();
    }
  }
  check(done(), "files come and leave");
  const auto row = must(media.find(*must(messages.find(world_.later, message.id)), 0));
  check(row && row->attachment && uploaded_.contains(to_string_bytes(*row->attachment)), "the relay has it");
  check(crypto::sha256(uploaded_[to_string_bytes(*row->attachment)]) == *row->hash, "and all of it");
  check_files();
}

}  // namespace sotto::fuzz
