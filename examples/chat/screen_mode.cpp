#include "chat/screen_mode.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "chat/account_news.h"
#include "chat/format.h"
#include "chat/look.h"
#include "chat/text.h"

namespace chat {

using look::in;

int ScreenMode::run(int signal_fd) {
  greet();
  session_.client().set_available(true);
  while (!quit_) {
    draw();
    std::array<pollfd, 3> fds{{{STDIN_FILENO, POLLIN, 0}, {loop_.wake_fd(), POLLIN, 0}, {signal_fd, POLLIN, 0}}};
    ::poll(fds.data(), fds.size(), -1);
    if (fds[2].revents != 0) {
      quit_ = asked_to_end(signal_fd);
      terminal_.forget();
    }
    if (fds[0].revents != 0) {
      std::array<char, 4096> keys{};
      const auto count = ::read(STDIN_FILENO, keys.data(), keys.size());
      if (count <= 0) break;
      editor_.feed({keys.data(), static_cast<std::size_t>(count)}, [this](Wish w) { wish(w); });
      tell_typing();
    }
    loop_.run_ready();
  }
  session_.client().set_available(false);
  return 0;
}

void ScreenMode::greet() {
  connection_.state = session_.client().connection();
  if (!session_.account()) {
    note("Welcome to Sotto. Choose a name that others find you by: /register NAME");
    return;
  }
  note("Welcome back, " + printable_line(session_.account()->handle) + ". /help tells what you can do.");
  if (session_.account()->logged_out) note(in(look::bold, "You are logged out: /connect logs in again."));
  const auto chats = session_.list();
  if (!chats.ok()) return note(in(look::red, sentence(chats.error())));
  for (const auto& chat : *chats) known_.insert(chat.id);
  if (!chats->empty()) {
    show_chats(*chats);
  } else {
    note("No chats yet: /new NAME writes to somebody.");
  }
}

void ScreenMode::enter() {
  const std::string line = editor_.take_line();
  if (line.find_first_not_of(' ') == std::string::npos) return;
  scrolled_ = 0;
  chat::run(Command::parse(line), session_, *this);
}

void ScreenMode::wish(Wish wish) {
  switch (wish) {
    case Wish::enter:
      return enter();
    case Wish::page_up:
      return scroll(true);
    case Wish::page_down:
      return scroll(false);
    case Wish::redraw:
      return terminal_.forget();
    case Wish::quit:
      quit_ = true;
  }
}

void ScreenMode::tell_typing() {
  const auto& text = editor_.text();
  const bool writes = open_ && !text.empty() && (!text.starts_with('/') || text.starts_with("//"));
  if (!std::exchange(typing_, writes) && !writes) return;
  if (open_) session_.client().set_typing(open_->id, writes);
}

/// What stands on the screen is read.
void ScreenMode::mark_read() {
  if (!open_ || scrolled_ > 0 || session_.unread(open_->id) == 0) return;
  const auto newest = history_.newest_received();
  if (newest.is_zero() || std::exchange(marked_, newest) == newest) return;
  session_.client().mark_read(open_->id, newest);
}

/// By a command, or by one of an earlier run that had to wait for the network.
void ScreenMode::clear_if_erased() {
  const bool has_account = session_.account().has_value();
  if (!std::exchange(had_account_, has_account) || has_account) return;
  open_.reset();
  known_.clear();
  scrolled_ = 0;
  told(history_.show(std::nullopt));
  note("Nothing of your account is left here. /register NAME makes another one.");
}

void ScreenMode::scroll(bool up) {
  const auto size = Terminal::size();
  const auto page = size.rows / 2;
  if (!up) {
    scrolled_ -= std::min(scrolled_, page);
    return;
  }
  if (history_.lines(size.columns).size() < scrolled_ + page + size.rows) told(history_.load_page());
  const auto lines = history_.lines(size.columns).size();
  const auto view = size.rows - 2;
  scrolled_ = std::min(scrolled_ + page, lines > view ? lines - view : 0);
}

// ---- What commands tell

void ScreenMode::told(const sotto::Status& status) {
  if (!status.ok()) note(in(look::red, sentence(status.error())));
}

void ScreenMode::ok(std::string_view command, const std::string& detail) {
  static const std::map<std::string_view, std::string_view> sentences{
      {"register", "You are registered. /new NAME writes to somebody, /group makes a group."},
      {"find", "Found."},
      {"refresh", "Your keys in this chat are new."},
      {"accept", "Accepted."},
      {"decline", "Declined: what is sent here is dropped."},
      {"block", "Blocked: they are not heard in direct chats, and learn nothing of you."},
      {"unblock", "No longer blocked."},
      {"name", "Others see it with your next message to them."},
      {"about", "Others see it with your next message to them."},
      {"picture", "Others see it with your next message to them."},
      {"forward", "Forwarded."},
      {"yes", "Done."},
  };
  if (const auto found = sentences.find(command); found != sentences.end()) note(std::string(found->second));
  if (command == "save") note("Saved as " + printable_line(detail));
}

void ScreenMode::failed(std::string_view command, const sotto::Error& error) {
  note(in(look::red,
          (command == "say" ? "Not sent" : "/" + printable_line(command) + " failed") + ": " + sentence(error)));
}

void ScreenMode::show_help() {
  std::size_t widest = 0;
  for (const auto& help : command_help()) widest = std::max(widest, columns(help.usage));
  for (const auto& help : command_help()) {
    note(std::string(help.usage) + std::string(widest + 2 - columns(help.usage), ' ') + std::string(help.text));
  }
  note("… waiting   ✓ at the relay   ✓✓ on everybody's device   ✓✓ read   ✗ refused");
}

void ScreenMode::show_chats(const std::vector<sotto::Chat>& chats) {
  if (chats.empty()) note("No chats yet: /new NAME writes to somebody.");
  std::size_t number = 0;
  for (const auto& chat : chats) note(list_line(++number, chat, session_));
}

void ScreenMode::show_people(const std::vector<sotto::Participant>& people) {
  for (const auto& person : people) {
    std::string line = safe_name(person.user, session_);
    if (session_.account() && person.user == session_.account()->user) line += " (you)";
    note(line + (person.admin ? ", admin" : ""));
  }
}

void ScreenMode::show_receipts(const sotto::Message& message, const std::vector<sotto::Receipt>& receipts) {
  note("\"" + clipped(printable_line(message.text), 40) + "\" " + mark(message, reached(receipts)));
  for (const auto& receipt : receipts) {
    note("  " + safe_name(receipt.user, session_) +
         (receipt.read        ? ": read"
          : receipt.delivered ? ": has it"
                              : ": not yet"));
  }
}

void ScreenMode::show_person(const sotto::Person& person) {
  for (auto& line : person_in_words(person, session_)) note(std::move(line));
}

void ScreenMode::show_profile(const sotto::Profile& profile) {
  const auto lines = profile_in_words(profile);
  if (lines.empty()) note("Nothing but your id: /name, /about and /picture change that.");
  for (const auto& line : lines) note(line);
}

void ScreenMode::show_blocked(const std::vector<sotto::UserId>& users) {
  if (users.empty()) note("Nobody is blocked.");
  for (const auto& user : users) note(safe_name(user, session_) + "  " + user.to_string());
}

void ScreenMode::show_privacy(const sotto::PrivacySettings& settings) {
  const auto word = [](bool on) { return std::string(on ? "told" : "not told, and not seen of others"); };
  note("typing: " + word(settings.typing));
  note("presence: " + word(settings.presence));
  note("read: " + word(settings.read_receipts));
}

void ScreenMode::show_question(const std::string& question) {
  note(in(look::bold, question + " /yes does it, anything else does not."));
}

void ScreenMode::show_opened(const sotto::Chat& chat) {
  open_ = chat;
  scrolled_ = 0;
  marked_ = {};
  known_.insert(chat.id);
  told(history_.show(chat));
  if (const auto request = request_sentence(chat, session_); !request.empty()) note(in(look::bold, request));
  const auto people = session_.client().participants(chat.id);
  if (!people.ok()) return;
  const auto nameless = std::count_if(people->begin(), people->end(),
                                      [this](const sotto::Participant& p) { return !session_.has_name(p.user); });
  if (nameless == 0) return;
  note("Who is known here only by an id or a ~name of their own, as " + std::to_string(nameless) +
       (nameless == 1 ? " is" : " are") + ", gets a name by /find NAME.");
}

void ScreenMode::show_older() {
  told(history_.load_page());
  scroll(true);
}

// ---- What the client tells

void ScreenMode::on_event(const sotto::Event& event) {
  session_.on_event(event);
  history_.on_event(event);
  if (const auto* connection = std::get_if<sotto::ConnectionChanged>(&event)) connection_ = *connection;
  if (const auto* changed = std::get_if<sotto::ChatChanged>(&event)) {
    if (open_ && changed->chat.id == open_->id) open_ = changed->chat;
    notify(changed->chat);
  }
  if (const auto* added = std::get_if<sotto::MessageAdded>(&event)) notify(added->message);
  if (const auto news = account_sentence(event)) {
    note(printable_line(*news));
    terminal_.bell();
  }
}

void ScreenMode::notify(const sotto::Message& message) {
  if (message.state != sotto::MessageState::received || message.kind != sotto::MessageKind::text) return;
  if (open_ && message.chat == open_->id) return;
  const auto chat = session_.client().chat(message.chat);
  if (!chat.ok()) return;
  const std::string where = chat->type == sotto::ChatType::group ? " in " + safe_title(*chat, session_) : "";
  const std::string files =
      message.attachments.empty() ? "" : " [" + std::to_string(message.attachments.size()) + " attached]";
  note(in(look::dim, "● " + safe_name(message.sender, session_) + where + ": " + printable_line(message.text) + files));
  terminal_.bell();
}

void ScreenMode::notify(const sotto::Chat& chat) {
  if (chat.status != sotto::ChatStatus::active || !known_.insert(chat.id).second) return;
  const bool stranger = chat.type == sotto::ChatType::direct && !session_.has_name(chat.peer);
  const bool asks = chat.request == sotto::ChatRequest::pending;
  note(in(look::dim, "● a new chat: " + safe_title(chat, session_) +
                         (asks ? ", in which " + safe_name(chat.invited_by, session_) + " asks to talk with you" : "") +
                         (stranger ? " (/find NAME tells whether it is who you think)" : "")));
  terminal_.bell();
}

// ---- The picture

void ScreenMode::draw() {
  clear_if_erased();
  mark_read();
  const auto size = Terminal::size();
  const std::size_t view = size.rows - 2;
  const auto lines = history_.lines(size.columns);
  scrolled_ = std::min(scrolled_, lines.size() > view ? lines.size() - view : 0);
  const std::size_t end = lines.size() - scrolled_;
  const std::size_t start = end > view ? end - view : 0;

  Frame frame;
  frame.lines.assign(lines.begin() + static_cast<std::ptrdiff_t>(start),
                     lines.begin() + static_cast<std::ptrdiff_t>(end));
  frame.lines.resize(view);
  frame.lines.push_back(bar(size.columns));

  // The line scrolls sideways so that the cursor stays in sight.
  std::string_view text = editor_.text();
  std::size_t from = 0;
  while (columns(text.substr(from, editor_.cursor() - from)) + 3 > size.columns) next_code_point(text, from);
  frame.lines.push_back(in(look::bold, "> ") + clipped(text.substr(from), size.columns - 3));
  frame.cursor_row = size.rows - 1;
  frame.cursor_column = 2 + columns(text.substr(from, editor_.cursor() - from));
  terminal_.draw(frame);
}

std::string ScreenMode::bar(std::size_t width) const {
  std::string left = " ";
  if (!open_) {
    left += "Sotto";
  } else {
    left += safe_title(*open_, session_);
    if (open_->status != sotto::ChatStatus::active) left += " · " + std::string(to_string(open_->status));
    if (!open_->problem.empty()) left += " · " + printable_line(open_->problem);
    const auto typing = typing_sentence(open_->id, session_);
    const auto presence = open_->type == sotto::ChatType::direct ? presence_in_words(open_->peer, session_) : "";
    if (!typing.empty() || !presence.empty()) left += " · " + (typing.empty() ? presence : typing);
  }
  if (scrolled_ > 0) left += " · Page Down for newer";
  std::string right;
  if (const auto unread = session_.unread_elsewhere(); unread > 0) {
    right += "● " + std::to_string(unread) + " unread elsewhere · ";
  }
  if (!session_.account()) {
    right += "no account yet ";
  } else {
    right += session_.account()->logged_out ? "logged out " : std::string(to_string(connection_.state)) + " ";
  }
  left = clipped(left, width - std::min(width, columns(right) + 1));
  const std::size_t gap = width - std::min(width, columns(left) + columns(right));
  return in(look::inverse, left + std::string(gap, ' ') + right);
}

}  // namespace chat
