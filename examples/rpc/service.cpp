#include "rpc/service.h"

#include "rpc/fields.h"

namespace rpc {

using sotto::Completion;
using sotto::Error;
using sotto::ErrorCode;
using sotto::MessageState;
using sotto::Result;
using sotto::UserId;

namespace {

Error closed() { return {ErrorCode::CLOSED, "the message is on disk and is sent after the next start"}; }

bool is_settled(const sotto::Message& message) {
  switch (message.state) {
    case MessageState::queued:
    case MessageState::sending:
    case MessageState::received:
      return false;
    default:
      return true;
  }
}

}  // namespace

std::vector<std::shared_ptr<Listener>> Service::listeners() {
  std::erase_if(listeners_, [](const auto& listener) { return listener.expired(); });
  std::vector<std::shared_ptr<Listener>> out;
  for (const auto& listener : listeners_) {
    if (auto here = listener.lock()) out.push_back(std::move(here));
  }
  return out;
}

void Service::on_event(const sotto::Event& event) {
  if (const auto* changed = std::get_if<sotto::MessageChanged>(&event)) settle(changed->message);
  // An account that an earlier run began to delete goes without a command of this one.
  if (std::holds_alternative<sotto::ConnectionChanged>(event)) drop_if_erased();
  if (const auto passing = passing_event(event)) {
    for (const auto& listener : listeners()) listener->on_passing(*passing);
  }
}

void Service::on_events_logged() {
  for (const auto& listener : listeners()) listener->on_events();
}

void Service::settle(const sotto::Message& message) {
  if (!is_settled(message)) return;
  const auto waiting = unsettled_.extract({message.chat, message.id});
  if (waiting.empty()) return;
  for (const auto& settled : waiting.mapped()) settled(message);
}

Completion<void> Service::stored(const sotto::ChatId& chat, std::shared_ptr<const sotto::ClientMessageId> id,
                                 Settled settled) {
  return [this, chat, id = std::move(id), settled = std::move(settled)](const Result<void>& stored) {
    if (!stored.ok()) return settled(stored.error());
    if (closed_) return settled(closed());
    // Sent already, if it is a repeat. Its events come after this.
    auto message = client_->message(chat, *id);
    if (!message.ok() || is_settled(*message)) return settled(std::move(message));
    unsettled_[{chat, *id}].push_back(settled);
  };
}

void Service::send(const sotto::ChatId& chat, std::string text, std::vector<sotto::OutgoingAttachment> attachments,
                   const sotto::SendOptions& options, Settled settled) {
  // Known only when the call returns, and needed only when it is completed, which is later.
  auto id = std::make_shared<sotto::ClientMessageId>();
  const auto sent = client_->send(chat, std::move(text), std::move(attachments), options, stored(chat, id, settled));
  if (!sent.ok()) return settled(sent.error());
  *id = sent->id;
}

void Service::forward(const sotto::ChatId& from, const sotto::ClientMessageId& message, const sotto::ChatId& to,
                      Settled settled) {
  auto id = std::make_shared<sotto::ClientMessageId>();
  const auto sent = client_->forward(from, message, to, stored(to, id, settled));
  if (!sent.ok()) return settled(sent.error());
  *id = sent->id;
}

void Service::find(const std::string& name, Completion<UserId> done) {
  if (const auto id = UserId::parse(name)) return done(*id);
  const auto account = client_->account();
  if (!account.ok()) return done(account.error());
  if (*account && (*account)->handle == name) return done((*account)->user);
  client_->find_user(name, [name, done](Result<UserId> user) {
    if (user.ok()) return done(*user);
    Error why = user.error();
    why.message = shortened(name) + ": " + why.message;
    done(std::move(why));
  });
}

void Service::find_all(std::vector<std::string> names, Completion<std::vector<UserId>> done) {
  struct Search {
    std::vector<UserId> found;
    std::size_t open;
    Completion<std::vector<UserId>> done;
  };
  auto search = std::make_shared<Search>(Search{std::vector<UserId>(names.size()), names.size(), std::move(done)});
  for (std::size_t i = 0; i < names.size() && search->done; ++i) {
    find(names[i], [search, i](const Result<UserId>& user) {
      if (!search->done) return;  // It has failed before.
      if (!user.ok()) return std::exchange(search->done, nullptr)(user.error());
      search->found[i] = *user;
      if (--search->open == 0) std::exchange(search->done, nullptr)(std::move(search->found));
    });
  }
}

void Service::find_in(const sotto::ChatId& chat, const std::string& name, Completion<UserId> done) {
  if (const auto people = client_->participants(chat); people.ok()) {
    for (const auto& person : *people) {
      if (!person.handle.empty() && person.handle == name) return done(person.user);
    }
  }
  find(name, std::move(done));
}

void Service::settle_all(const Error& why) {
  const auto waiting = std::exchange(unsettled_, {});
  for (const auto& [key, all] : waiting) {
    for (const auto& settled : all) settled(why);
  }
}

void Service::drop_if_erased() {
  if (const auto account = client_->account(); account.ok() && !*account) {
    settle_all(Error(ErrorCode::CANCELLED, "the account was erased"));
  }
}

void Service::close() {
  closed_ = true;
  background_.close();
  settle_all(closed());
}

}  // namespace rpc
