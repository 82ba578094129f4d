#include "chat/file_commands.h"

#include <algorithm>
#include <utility>

namespace chat {

namespace {

/// The first word, and what follows it as it was typed.
std::pair<std::string, std::string> split(const std::string& rest) {
  const auto end = std::min(rest.find(' '), rest.size());
  const auto second = std::min(rest.find_first_not_of(' ', end), rest.size());
  return {rest.substr(0, end), rest.substr(second)};
}

void transfer(const Call& call, sotto::TransferAction action) {
  call.session.attachments().transfer(call.command.rest, action, call.finish_change());
}

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
  const auto [number, path] = split(call.command.rest);
  call.session.attachments().save(number, path, call.finish<std::string>([](const auto& saved) { return saved; }));
}

void fetch(const Call& call) { transfer(call, sotto::TransferAction::start); }
void pause(const Call& call) { transfer(call, sotto::TransferAction::pause); }
void cancel(const Call& call) { transfer(call, sotto::TransferAction::cancel); }

void ask(const Call& call) { call.session.attachments().request(call.command.rest, call.finish_change()); }

/// "NUMBER CHAT".
void forward(const Call& call) {
  const auto [number, title] = split(call.command.rest);
  const auto to = call.session.resolve(title);
  if (!to.ok()) return call.fail(to.error());
  call.session.attachments().forward(number, to->id, call.finish<std::string>([](const auto& id) { return id; }));
}

}  // namespace chat
