// The public calls about people: what they show, who is blocked, what is read, who writes and who is there.
#include "base/try.h"
#include "client/driver/client_impl.h"
#include "client/tables/chat_table.h"
#include "client/tables/person_table.h"

namespace sotto {

Result<Person> Client::person(const UserId& user) const {
  return impl_->read([&](store::Database& db) { return client::PersonTable(db).find(user); });
}

Result<std::vector<UserId>> Client::blocked() const {
  return impl_->read([&](store::Database& db) { return client::PersonTable(db).blocked(); });
}

void Client::block(const UserId& user, bool blocked, Completion<void> done) {
  impl_->submit(client::BlockCommand{user, blocked, std::move(done)});
}

void Client::set_profile(Profile profile, Completion<void> done) {
  impl_->submit(client::ProfileCommand{std::move(profile), std::move(done)});
}

Result<Profile> Client::profile() const {
  return impl_->read([&](store::Database& db) -> Result<Profile> {
    SOTTO_TRY_ASSIGN(const auto self, client::SelfTable(db).load());
    return client::read_profile(self.profile);
  });
}

void Client::set_privacy(const PrivacySettings& settings, Completion<void> done) {
  impl_->submit(client::PrivacyCommand{settings, std::move(done)});
}

Result<PrivacySettings> Client::privacy() const {
  return impl_->read([&](store::Database& db) -> Result<PrivacySettings> {
    SOTTO_TRY_ASSIGN(const auto self, client::SelfTable(db).load());
    return self.privacy;
  });
}

void Client::set_available(bool available) { (void)impl_->thread->enqueue(client::AvailableCommand{available}).ok(); }

void Client::set_typing(const ChatId& chat, bool typing) {
  (void)impl_->thread->enqueue(client::TypingCommand{chat, typing}).ok();
}

void Client::answer_request(const ChatId& chat, RequestAnswer answer, Completion<void> done) {
  impl_->submit(client::AnswerRequestCommand{chat, answer, std::move(done)});
}

void Client::mark_read(const ChatId& chat, std::optional<ClientMessageId> up_to, Completion<void> done) {
  impl_->submit(client::MarkReadCommand{chat, up_to, std::move(done)});
}

Result<std::vector<Receipt>> Client::receipts(const ChatId& chat, const ClientMessageId& message) const {
  SOTTO_TRY_ASSIGN(const auto self, impl_->own_account());
  return impl_->read([&](store::Database& db) -> Result<std::vector<Receipt>> {
    SOTTO_TRY_ASSIGN(const auto found, client::MessageTable(db).find(chat, self.user, message));
    if (!found) return Error(ErrorCode::NOT_FOUND, "no such message of this user");
    // What is not in the log yet has a position that no seq comes up to.
    const auto seq = static_cast<std::uint64_t>(found->position / client::position::per_seq);
    SOTTO_TRY_ASSIGN(const auto all, client::ChatTable(db).reached_by_each_but(chat, self.user));
    std::vector<Receipt> out;
    for (const auto& [user, reached] : all) out.push_back({user, reached.delivered >= seq, reached.read >= seq});
    return out;
  });
}

}  // namespace sotto
