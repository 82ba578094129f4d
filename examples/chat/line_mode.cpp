#include "chat/line_mode.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <utility>

#include "chat/account_news.h"
#include "chat/terminal.h"
#include "chat/text.h"

namespace chat {
namespace {

using sotto::Error;
using sotto::ErrorCode;

std::string_view kind_name(sotto::MessageKind kind) {
  switch (kind) {
    case sotto::MessageKind::text:
      return "text";
    case sotto::MessageKind::notice:
      return "notice";
    case sotto::MessageKind::placeholder:
      return "placeholder";
    case sotto::MessageKind::unknown:
      break;
  }
  return "unknown";
}

std::string_view notice_name(sotto::NoticeKind kind) {
  static constexpr std::array<std::string_view, 7> names{
      "chat_created", "renamed", "users_added", "users_removed", "admins_changed", "commit_ignored", "must_rejoin"};
  const auto index = static_cast<std::size_t>(kind);
  return index < names.size() ? names[index] : "unknown";
}

std::string attachment_kind_name(sotto::AttachmentKind kind) {
  static constexpr std::array<std::string_view, 4> names{"document", "image", "video", "voice"};
  const auto index = static_cast<std::size_t>(kind);
  return std::string(index < names.size() ? names[index] : "unknown");
}

std::string type_name(sotto::ChatType type) { return type == sotto::ChatType::group ? "group" : "direct"; }

void print(const std::string& line) {
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fputc('\n', stdout);
}

std::string entry_text(const sotto::Message& message) {
  switch (message.kind) {
    case sotto::MessageKind::notice: {
      std::string out(notice_name(message.notice.kind));
      for (const auto& user : message.notice.users) out += " " + user.to_string();
      return message.notice.text.empty() ? out : out + " " + escaped(message.notice.text);
    }
    case sotto::MessageKind::text:
      if (!message.problem) return escaped(message.text);
      [[fallthrough]];
    default:
      return message.problem ? std::string(error_name(message.problem->code)) : "-";
  }
}

std::string entry_line(const sotto::Message& message) {
  std::string out = std::to_string(message.position) + " " + message.id.to_string() + " " + message.sender.to_string();
  out += " " + std::string(kind_name(message.kind)) + " " + std::string(to_string(message.state));
  return out + " " + entry_text(message);
}

std::optional<std::size_t> number(std::string_view text) {
  std::size_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool on_its_way(const sotto::Message& message) {
  return message.state == sotto::MessageState::queued || message.state == sotto::MessageState::sending;
}

}  // namespace

int LineMode::run(int signal_fd) {
  while (!quit_ && (!input_ended_ || busy_ || !lines_.empty())) {
    std::fflush(stdout);
    std::array<pollfd, 3> fds{{{loop_.wake_fd(), POLLIN, 0}, {signal_fd, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}}};
    if (input_ended_) fds[2].fd = -1;
    ::poll(fds.data(), fds.size(), poll_timeout());
    if (fds[1].revents != 0 && asked_to_end(signal_fd)) break;
    if (fds[2].revents != 0) take_input();
    loop_.run_ready();
    check_wait(std::exchange(events_came_, false));
    run_next();
  }
  return std::fflush(stdout) == 0 ? 0 : 1;
}

int LineMode::poll_timeout() const {
  if (!wait_) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(wait_->deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000));
}

void LineMode::take_input() {
  std::array<char, 4096> buffer{};
  const auto count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
  if (count <= 0) {
    input_ended_ = true;
    if (!input_.empty()) lines_.push_back(std::exchange(input_, {}));
    return;
  }
  for (const char c : std::string_view(buffer.data(), static_cast<std::size_t>(count))) {
    if (c != '\n') {
      input_ += c;
    } else if (!input_.empty()) {
      lines_.push_back(std::exchange(input_, {}));
    }
  }
}

void LineMode::run_next() {
  while (!busy_ && !quit_ && !lines_.empty()) {
    const auto command = Command::parse(lines_.front());
    lines_.pop_front();
    busy_ = true;
    start(command);
    check_wait(true);
  }
}

void LineMode::start(const Command& command) {
  if (command.name == "wait-chat") return wait_for_chat(command);
  const bool needs_chat = command.name == "burst" || command.name == "dump" || command.name == "wait" ||
                          command.name == "wait-status" || command.name == "settle";
  if (!needs_chat) return chat::run(command, session_, *this);
  if (!session_.open_chat()) return failed(command.name, Error(ErrorCode::NOT_FOUND, "no chat is open"));
  if (command.name == "burst") return burst(command);
  if (command.name == "dump") return dump();
  if (command.name == "wait") return wait_for_texts(command);
  if (command.name == "wait-status") return wait_for_status(command);
  settle();
}

void LineMode::ok(std::string_view command, const std::string& detail) {
  print("ok " + std::string(command) + (detail.empty() ? "" : " " + detail));
  busy_ = false;
}

void LineMode::failed(std::string_view command, const Error& error) {
  print("error " + std::string(command) + " " + std::string(error_name(error.code)) + " " + escaped(error.message));
  busy_ = false;
}

void LineMode::show_help() {
  for (const auto& help : command_help()) print("help " + std::string(help.usage) + " - " + std::string(help.text));
}

void LineMode::show_chats(const std::vector<sotto::Chat>& chats) {
  std::size_t number = 0;
  for (const auto& chat : chats) {
    print("chat " + std::to_string(++number) + " " + chat.id.to_string() + " " + std::string(to_string(chat.status)) +
          " " + type_name(chat.type) + " " + std::to_string(session_.unread(chat.id)) + " " +
          escaped(session_.title(chat)));
  }
}

void LineMode::show_people(const std::vector<sotto::Participant>& people) {
  for (const auto& person : people) {
    print("user " + person.user.to_string() + (person.admin ? " admin " : " member ") +
          escaped(session_.name(person.user)));
  }
}

void LineMode::on_event(const sotto::Event& event) {
  events_came_ = true;
  if (const auto* connection = std::get_if<sotto::ConnectionChanged>(&event)) {
    print("connection " + std::string(to_string(connection->state)) +
          (connection->problem ? " " + std::string(error_name(connection->problem->code)) : ""));
  } else if (const auto* changed = std::get_if<sotto::ChatChanged>(&event)) {
    const auto& chat = changed->chat;
    print("changed-chat " + chat.id.to_string() + " " + std::string(to_string(chat.status)) + " " +
          type_name(chat.type) + " " + escaped(session_.title(chat)));
  } else if (const auto* added = std::get_if<sotto::MessageAdded>(&event)) {
    session_.count_unread(added->message);
    print("added " + added->message.chat.to_string() + " " + entry_line(added->message));
    print_attachments(added->message);
    if (watch_ && added->message.chat == session_.open_chat()) watch_(added->message);
  } else if (const auto* message = std::get_if<sotto::MessageChanged>(&event)) {
    print("changed " + message->message.chat.to_string() + " " + entry_line(message->message));
    print_attachments(message->message);
    if (watch_ && message->message.chat == session_.open_chat()) watch_(message->message);
  } else if (const auto* progress = std::get_if<sotto::AttachmentProgress>(&event)) {
    print("progress " + std::to_string(session_.attachments().number(*progress)) + " " +
          std::to_string(progress->transferred) + " " + std::to_string(progress->total));
  } else if (const auto news = account_line(event)) {
    if (const auto* moved = std::get_if<sotto::HandleMoved>(&event)) session_.forget_name(moved->old_user);
    if (std::holds_alternative<sotto::RegistrationChanged>(event)) session_.refresh_names();
    print(escaped(*news));
  }
}

void LineMode::print_attachments(const sotto::Message& message) {
  for (std::size_t i = 0; i < message.attachments.size(); ++i) {
    const auto& attachment = message.attachments[i];
    print("attachment " + std::to_string(session_.attachments().number(message, i)) + " " + message.chat.to_string() +
          " " + message.id.to_string() + " " + std::to_string(i) + " " + attachment_kind_name(attachment.info.kind) +
          " " + std::string(to_string(attachment.state)) + " " + std::to_string(attachment.size) + " " +
          escaped(attachment.info.name));
  }
}

// ---- Commands for scripts

void LineMode::burst(const Command& command) {
  const auto space = command.rest.find(' ');
  const auto count = number(std::string_view(command.rest).substr(0, space));
  if (!count || *count == 0 || space == std::string::npos) {
    return failed("burst", Error(ErrorCode::INVALID_ARGUMENT, "/burst COUNT TEXT"));
  }
  const std::string text = command.rest.substr(space + 1);
  struct Progress {
    std::size_t written = 0;
    std::optional<Error> problem;
  };
  auto progress = std::make_shared<Progress>();
  const auto done = [this, progress, total = *count](const sotto::Status& status) {
    if (!status.ok()) progress->problem = status.error();
    if (++progress->written < total) return;
    if (progress->problem) return failed("burst", *progress->problem);
    ok("burst", std::to_string(total));
  };
  for (std::size_t i = 1; i <= *count; ++i) {
    const auto message = session_.client().send(*session_.open_chat(), text + " " + std::to_string(i), done);
    if (!message.ok()) done(message.error());
  }
}

sotto::Status LineMode::each_entry(const std::function<void(const sotto::Message&)>& visit) {
  sotto::MessagePage page;
  page.limit = 200;
  while (true) {
    const auto messages = session_.client().messages(*session_.open_chat(), page);
    if (!messages.ok()) return messages.error();
    for (const auto& message : *messages) visit(message);
    if (messages->size() < page.limit) return {};
    page.before = messages->back().position;
  }
}

void LineMode::dump() {
  std::vector<sotto::Message> entries;
  const auto status = each_entry([&](const sotto::Message& message) { entries.push_back(message); });
  if (!status.ok()) return failed("dump", status.error());
  std::for_each(entries.rbegin(), entries.rend(), [this](const sotto::Message& message) {
    print("entry " + entry_line(message));
    print_attachments(message);
  });
  ok("dump", std::to_string(entries.size()));
}

void LineMode::start_wait(const std::string& command, std::function<bool()> done, std::function<std::string()> detail) {
  wait_ = Wait{command, std::chrono::steady_clock::now() + patience_, std::move(done), std::move(detail)};
}

void LineMode::check_wait(bool changed) {
  if (!wait_) return;
  const bool late = std::chrono::steady_clock::now() >= wait_->deadline;
  const bool done = (changed || late) && wait_->done();
  if (!done && !late) return;
  const Wait ended = *std::exchange(wait_, std::nullopt);
  watch_ = nullptr;
  if (done) return ok(ended.command, ended.detail());
  failed(ended.command, Error(ErrorCode::TIMED_OUT, "still at " + ended.detail()));
}

void LineMode::wait_for_texts(const Command& command) {
  const auto count = number(command.rest);
  if (!count) return failed("wait", Error(ErrorCode::INVALID_ARGUMENT, "/wait COUNT"));
  watched_.clear();
  watch_ = [this](const sotto::Message& message) {
    if (message.kind == sotto::MessageKind::text) watched_.insert(message.id);
  };
  if (const auto status = each_entry(watch_); !status.ok()) return failed("wait", status.error());
  start_wait(
      "wait", [this, count] { return watched_.size() >= *count; }, [this] { return std::to_string(watched_.size()); });
}

void LineMode::settle() {
  watched_.clear();
  watch_ = [this](const sotto::Message& message) {
    if (on_its_way(message)) {
      watched_.insert(message.id);
    } else {
      watched_.erase(message.id);
    }
  };
  if (const auto status = each_entry(watch_); !status.ok()) return failed("settle", status.error());
  start_wait(
      "settle", [this] { return watched_.empty(); },
      [this] { return std::to_string(watched_.size()) + " on the way"; });
}

void LineMode::wait_for_chat(const Command& command) {
  start_wait(
      "wait-chat",
      [this, title = command.rest] {
        const auto chat = session_.resolve(title);
        if (!chat.ok() || chat->status != sotto::ChatStatus::active) return false;
        session_.open(chat->id);
        return true;
      },
      [this] { return session_.open_chat() ? session_.open_chat()->to_string() : "no chat"; });
}

void LineMode::wait_for_status(const Command& command) {
  const auto status = [this]() -> std::string {
    const auto chat = session_.client().chat(*session_.open_chat());
    return chat.ok() ? std::string(to_string(chat->status)) : std::string(error_name(chat.error().code));
  };
  start_wait(
      "wait-status", [status, wanted = command.rest] { return status() == wanted; }, status);
}

}  // namespace chat
