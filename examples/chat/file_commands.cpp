#include "chat/file_commands.h"

#include <algorithm>

namespace chat {

namespace {

/// "PATH CAPTION", with "double quotes" around a path with spaces.
void send_file(const Call& call, std::optional<sotto::AttachmentKind> kind) {
  const auto chat = call.open_chat();
  if (!chat) return;
  const auto words = call.command.words();
  if (words.empty()) return call.misuse("which file?");
  // The caption is what follows as it was typed.
  const auto& rest = call.command.rest;
  const auto end = rest.front() == '"' ? std::min(rest.find('"', 1), rest.size() - 1) + 1 : words.front().size();
  const auto caption = std::min(rest.find_first_not_of(' ', end), rest.size());
  call.session.attachments().send(*chat, words.front(), kind, rest.substr(caption),
                                  call.finish<std::string>([](const auto& id) { return id; }));
}

}  // namespace

void send_any(const Call& call) { send_file(call, std::nullopt); }
void send_voice(const Call& call) { send_file(call, sotto::AttachmentKind::voice); }
void send_document(const Call& call) { send_file(call, sotto::AttachmentKind::document); }

/// "NUMBER PATH".
void save(const Call& call) {
  const auto& rest = call.command.rest;
  const auto end = std::min(rest.find(' '), rest.size());
  const auto path = std::min(rest.find_first_not_of(' ', end), rest.size());
  call.session.attachments().save(rest.substr(0, end), rest.substr(path),
                                  call.finish<std::string>([](const auto& saved) { return saved; }));
}

void fetch(const Call& call) {
  call.session.attachments().transfer(call.command.rest, sotto::TransferAction::start, call.finish_change());
}

void pause(const Call& call) {
  call.session.attachments().transfer(call.command.rest, sotto::TransferAction::pause, call.finish_change());
}

void cancel(const Call& call) {
  call.session.attachments().transfer(call.command.rest, sotto::TransferAction::cancel, call.finish_change());
}

void ask(const Call& call) { call.session.attachments().request(call.command.rest, call.finish_change()); }

/// "NUMBER CHAT".
void forward(const Call& call) {
  const auto& rest = call.command.rest;
  const auto end = std::min(rest.find(' '), rest.size());
  const auto title = std::min(rest.find_first_not_of(' ', end), rest.size());
  const auto to = call.session.resolve(rest.substr(title));
  if (!to.ok()) return call.fail(to.error());
  call.session.attachments().forward(rest.substr(0, end), to->id,
                                     call.finish<std::string>([](const auto& id) { return id; }));
}

}  // namespace chat
