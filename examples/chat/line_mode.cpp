#include "chat/line_mode.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <utility>

#include "chat/lines.h"
#include "chat/terminal.h"
#include "chat/text.h"

namespace chat {
namespace {

using sotto::Error;
using sotto::ErrorCode;

void print(const std::string& line) {
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fputc('\n', stdout);
}

void print(const std::vector<std::string>& lines) {
  for (const auto& line : lines) print(line);
}

std::optional<std::size_t> number(std::string_view text) {
  std::size_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<bool> yes_or_no(std::string_view text) {
  if (text != "yes" && text != "no") return std::nullopt;
  return text == "yes";
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
  if (command.name == "here") return here(command);
  const bool needs_chat = command.name == "burst" || command.name == "typing" || command.name == "dump" ||
                          command.name == "wait" || command.name == "wait-status" || command.name == "settle";
  if (!needs_chat) return chat::run(command, session_, *this);
  if (!session_.open_chat()) return failed(command.name, Error(ErrorCode::NOT_FOUND, "no chat is open"));
  if (command.name == "burst") return burst(command);
  if (command.name == "dump") return dump();
  if (command.name == "typing") return typing(command);
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
  for (const auto& chat : chats) print(chat_line(++number, chat, session_));
}

void LineMode::show_people(const std::vector<sotto::Participant>& people) {
  for (const auto& person : people) {
    print("user " + person.user.to_string() + (person.admin ? " admin " : " member ") +
          escaped(session_.name(person.user)));
  }
}

void LineMode::show_receipts(const sotto::Message&, const std::vector<sotto::Receipt>& receipts) {
  for (const auto& receipt : receipts) print(receipt_line(receipt));
}

void LineMode::show_person(const sotto::Person& person) { print(person_lines(person, session_)); }

void LineMode::show_profile(const sotto::Profile& profile) { print(profile_lines(profile)); }

void LineMode::show_blocked(const std::vector<sotto::UserId>& users) {
  for (const auto& user : users) print("blocked " + user.to_string() + " " + escaped(session_.name(user)));
}

void LineMode::show_privacy(const sotto::PrivacySettings& settings) {
  const auto word = [](bool on) { return std::string(on ? " yes" : " no"); };
  print("privacy typing" + word(settings.typing));
  print("privacy presence" + word(settings.presence));
  print("privacy read" + word(settings.read_receipts));
}

void LineMode::show_question(const std::string& question) { print("question " + escaped(question)); }

void LineMode::on_event(const sotto::Event& event) {
  events_came_ = true;
  session_.on_event(event);
  print(event_lines(event, session_));
  const auto* added = std::get_if<sotto::MessageAdded>(&event);
  const auto* changed = std::get_if<sotto::MessageChanged>(&event);
  if (added == nullptr && changed == nullptr) return;
  const auto& message = added != nullptr ? added->message : changed->message;
  if (watch_ && message.chat == session_.open_chat()) watch_(message);
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

void LineMode::here(const Command& command) {
  const auto answer = yes_or_no(command.rest);
  if (!answer) return failed("here", Error(ErrorCode::INVALID_ARGUMENT, "/here yes or no"));
  session_.client().set_available(*answer);
  ok("here", {});
}

void LineMode::typing(const Command& command) {
  const auto answer = yes_or_no(command.rest);
  if (!answer) return failed("typing", Error(ErrorCode::INVALID_ARGUMENT, "/typing yes or no"));
  session_.client().set_typing(*session_.open_chat(), *answer);
  ok("typing", {});
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
    print(attachment_lines(message, session_));
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
