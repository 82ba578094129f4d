#include "chat/account_commands.h"

#include <utility>

namespace chat {

namespace {

/// Takes the options off a handle. They come last, since a name may have spaces.
sotto::RegisterOptions take_options(std::string& handle) {
  sotto::RegisterOptions options;
  for (bool more = true; more;) {
    more = false;
    for (const auto& [name, value] :
         {std::pair{" --code ", &options.code}, {" --invite ", &options.invite}, {" --pin ", &options.pin}}) {
      const auto at = handle.rfind(name);
      if (at == std::string::npos || handle.find(' ', at + std::string_view(name).size()) != std::string::npos)
        continue;
      *value = handle.substr(at + std::string_view(name).size());
      handle.resize(at);
      more = true;
    }
  }
  return options;
}

}  // namespace

void register_account(const Call& call) {
  std::string handle = call.command.rest;
  auto options = take_options(handle);
  call.session.register_account(std::move(handle), std::move(options),
                                call.finish<sotto::UserId>([](const auto& user) { return user.to_string(); }));
}

void change_handle(const Call& call) {
  std::string handle = call.command.rest;
  auto options = take_options(handle);
  call.session.change_handle(std::move(handle), std::move(options), call.finish_change());
}

void code(const Call& call) {
  call.session.client().request_code(call.command.rest, call.finish<sotto::CodeSent>([](const auto& sent) {
    return std::to_string(sent.digits) + " digits";
  }));
}

void pin(const Call& call) {
  const auto& text = call.command.rest;
  call.session.client().set_pin(text.empty() ? std::nullopt : std::optional(text), call.finish_change());
}

void keep(const Call& call) { call.session.client().keep_handle(call.finish_change()); }

void findable(const Call& call) {
  const auto& answer = call.command.rest;
  if (answer != "yes" && answer != "no") return call.misuse("/findable yes or no");
  call.session.client().set_discoverable(answer == "yes", call.finish_change());
}

namespace {

/// Ends a command after which there may be no account any more.
sotto::Completion<void> ended(Session& session, sotto::Completion<void> done) {
  return [&session, done = std::move(done)](const sotto::Status& status) {
    session.refresh_account();
    done(status);
  };
}

}  // namespace

void log_out(const Call& call) {
  const auto& data = call.command.rest;
  if (!data.empty() && data != "erase") return call.misuse("/logout or /logout erase");
  call.confirm(data.empty() ? "Log out? Your chats stay here, and nothing comes in until /connect."
                            : "Log out and erase your account from this device? Nobody will ever get back into it, and "
                              "its name stays taken; /delete is what frees it.",
               [&session = call.session, kind = data.empty() ? sotto::LogOutData::keep : sotto::LogOutData::erase](
                   sotto::Completion<void> done) { session.client().log_out(kind, ended(session, std::move(done))); });
}

void delete_account(const Call& call) {
  call.confirm("Delete your account for ever, with all chats on this device? Your name will be free for others.",
               [&session = call.session](sotto::Completion<void> done) {
                 session.client().delete_account(ended(session, std::move(done)));
               });
}

}  // namespace chat
