#include "chat/screen_mode.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "chat/account_news.h"
#include "chat/format.h"
#include "chat/picture.h"
#include "chat/text.h"

namespace chat {
namespace {

// Looks: SGR sequences around printable text.
constexpr std::string_view plain = "\x1b[0m";
constexpr std::string_view dim = "\x1b[2m";
constexpr std::string_view bold = "\x1b[1m";
constexpr std::string_view inverse = "\x1b[7m";
constexpr std::string_view red = "\x1b[31m";
constexpr std::string_view own_name = "\x1b[1;36m";
constexpr std::string_view other_name = "\x1b[1;33m";

constexpr std::size_t page_entries = 50;

std::string in(std::string_view look, const std::string& text) { return std::string(look) + text + std::string(plain); }

}  // namespace

int ScreenMode::run(int signal_fd) {
  greet();
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
    }
    loop_.run_ready();
  }
  return 0;
}

void ScreenMode::greet() {
  connection_.state = session_.client().connection();
  if (!session_.account()) {
    note("Welcome to Sotto. Choose a name that others find you by: /register NAME");
    return;
  }
  note("Welcome back, " + printable_line(session_.account()->handle) + ". /help tells what you can do.");
  const auto chats = session_.list();
  if (!chats.ok()) return note(in(red, sentence(chats.error())));
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

void ScreenMode::scroll(bool up) {
  const auto size = Terminal::size();
  const auto page = size.rows / 2;
  if (!up) {
    scrolled_ -= std::min(scrolled_, page);
    return;
  }
  if (history_lines(size.columns).size() < scrolled_ + page + size.rows) load_page();
  const auto lines = history_lines(size.columns).size();
  const auto view = size.rows - 2;
  scrolled_ = std::min(scrolled_ + page, lines > view ? lines - view : 0);
}

void ScreenMode::note(std::string text) {
  notes_[messages_.empty() ? sotto::ClientMessageId{} : messages_.back().id].push_back(std::move(text));
}

// ---- What commands tell

void ScreenMode::ok(std::string_view command, const std::string& detail) {
  if (command == "register") note("You are registered. /new NAME writes to somebody, /group makes a group.");
  if (command == "find") note("Found.");
  if (command == "refresh") note("Your keys in this chat are new.");
  if (command == "save") note("Saved as " + printable_line(detail));
}

void ScreenMode::failed(std::string_view command, const sotto::Error& error) {
  note(in(red, (command == "say" ? "Not sent" : "/" + printable_line(command) + " failed") + ": " + sentence(error)));
}

void ScreenMode::show_help() {
  std::size_t widest = 0;
  for (const auto& help : command_help()) widest = std::max(widest, columns(help.usage));
  for (const auto& help : command_help()) {
    note(std::string(help.usage) + std::string(widest + 2 - columns(help.usage), ' ') + std::string(help.text));
  }
  note("… waiting   ✓ at the relay   ✓✓ on everybody's device   ✗ refused");
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

void ScreenMode::show_opened(const sotto::Chat& chat) {
  open_ = chat;
  messages_.clear();
  notes_.clear();
  all_loaded_ = false;
  scrolled_ = 0;
  known_.insert(chat.id);
  load_page();
  const auto people = session_.client().participants(chat.id);
  if (!people.ok()) return;
  const auto nameless = std::count_if(people->begin(), people->end(),
                                      [this](const sotto::Participant& p) { return !session_.has_name(p.user); });
  if (nameless == 0) return;
  note("Who is known here only by an id, as " + std::to_string(nameless) + (nameless == 1 ? " is" : " are") +
       ", gets a name by /find NAME.");
}

void ScreenMode::show_older() {
  load_page();
  scroll(true);
}

void ScreenMode::load_page() {
  if (!open_ || all_loaded_) return;
  sotto::MessagePage page;
  page.limit = page_entries;
  if (!messages_.empty()) page.before = messages_.front().position;
  auto older = session_.client().messages(open_->id, page);
  if (!older.ok()) return note(in(red, sentence(older.error())));
  all_loaded_ = older->size() < page.limit;
  std::reverse(older->begin(), older->end());
  messages_.insert(messages_.begin(), older->begin(), older->end());
}

// ---- What the client tells

void ScreenMode::on_event(const sotto::Event& event) {
  if (const auto* connection = std::get_if<sotto::ConnectionChanged>(&event)) connection_ = *connection;
  if (const auto* changed = std::get_if<sotto::ChatChanged>(&event)) {
    if (open_ && changed->chat.id == open_->id) open_ = changed->chat;
    notify(changed->chat);
  }
  if (const auto* added = std::get_if<sotto::MessageAdded>(&event)) {
    session_.count_unread(added->message);
    update(added->message);
    notify(added->message);
  }
  if (const auto* changed = std::get_if<sotto::MessageChanged>(&event)) update(changed->message);
  if (const auto* progress = std::get_if<sotto::AttachmentProgress>(&event)) update(*progress);
  if (const auto news = account_sentence(event)) {
    if (const auto* moved = std::get_if<sotto::HandleMoved>(&event)) session_.forget_name(moved->old_user);
    if (std::holds_alternative<sotto::RegistrationChanged>(event)) session_.refresh_names();
    note(printable_line(*news));
    terminal_.bell();
  }
}

void ScreenMode::update(const sotto::AttachmentProgress& progress) {
  for (auto& message : messages_) {
    if (message.chat != progress.chat || message.id != progress.message) continue;
    if (progress.index >= message.attachments.size()) continue;
    message.attachments[progress.index].transferred = progress.transferred;
    message.attachments[progress.index].total = progress.total;
  }
}

void ScreenMode::update(const sotto::Message& message) {
  if (!open_ || message.chat != open_->id) return;
  const auto by_id = [&](const sotto::Message& m) { return m.id == message.id; };
  const auto known = std::find_if(messages_.begin(), messages_.end(), by_id);
  if (known != messages_.end()) messages_.erase(known);
  // What is older than the pages loaded comes with its page.
  if (known == messages_.end() && !all_loaded_ && !messages_.empty() && message.position < messages_.front().position) {
    return;
  }
  const auto before = [](std::int64_t position, const sotto::Message& m) { return position < m.position; };
  messages_.insert(std::upper_bound(messages_.begin(), messages_.end(), message.position, before), message);
}

void ScreenMode::notify(const sotto::Message& message) {
  if (message.state != sotto::MessageState::received || message.kind != sotto::MessageKind::text) return;
  if (open_ && message.chat == open_->id) return;
  const auto chat = session_.client().chat(message.chat);
  if (!chat.ok()) return;
  const std::string where = chat->type == sotto::ChatType::group ? " in " + safe_title(*chat, session_) : "";
  const std::string files =
      message.attachments.empty() ? "" : " [" + std::to_string(message.attachments.size()) + " attached]";
  note(in(dim, "● " + safe_name(message.sender, session_) + where + ": " + printable_line(message.text) + files));
  terminal_.bell();
}

void ScreenMode::notify(const sotto::Chat& chat) {
  if (chat.status != sotto::ChatStatus::active || !known_.insert(chat.id).second) return;
  const bool stranger = chat.type == sotto::ChatType::direct && !session_.has_name(chat.peer);
  note(in(dim, "● a new chat: " + safe_title(chat, session_) +
                   (stranger ? " (/find NAME tells whether it is who you think)" : "")));
  terminal_.bell();
}

// ---- The picture

void ScreenMode::draw() {
  const auto size = Terminal::size();
  const std::size_t view = size.rows - 2;
  const auto lines = history_lines(size.columns);
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
  frame.lines.push_back(in(bold, "> ") + clipped(text.substr(from), size.columns - 3));
  frame.cursor_row = size.rows - 1;
  frame.cursor_column = 2 + columns(text.substr(from, editor_.cursor() - from));
  terminal_.draw(frame);
}

std::vector<std::string> ScreenMode::history_lines(std::size_t width) const {
  std::vector<std::string> out;
  const auto add_notes = [&](const sotto::ClientMessageId& id) {
    const auto notes = notes_.find(id);
    if (notes == notes_.end()) return;
    for (const auto& text : notes->second) {
      // A look at the start of a note holds for all of its lines.
      const auto look = text.starts_with('\x1b') ? text.find('m') + 1 : 0;
      const auto end = look > 0 ? text.rfind('\x1b') : text.size();
      for (const auto& line : wrapped(std::string_view(text).substr(look, end - look), width - 2)) {
        out.push_back(in(look > 0 ? std::string_view(text).substr(0, look) : dim, "  " + line));
      }
    }
  };
  add_notes({});
  for (const auto& message : messages_) {
    add_message_lines(message, width, out);
    add_notes(message.id);
  }
  return out;
}

void ScreenMode::add_message_lines(const sotto::Message& message, std::size_t width,
                                   std::vector<std::string>& out) const {
  const std::string time = time_of_day(message.stored_at.value_or(message.sent_at));
  if (message.kind == sotto::MessageKind::notice) {
    for (const auto& line : wrapped(time + "  " + body(message, session_), width)) out.push_back(in(dim, line));
    return;
  }
  const std::string name = clipped(safe_name(message.sender, session_), width / 3);
  const bool own = message.state != sotto::MessageState::received;
  const std::string sign = own ? " " + mark(message) : "";
  const std::size_t indent = columns(time) + 2 + columns(name) + 2;
  const std::string head = in(dim, time) + "  " + in(own ? own_name : other_name, name) + "  ";
  const auto room = width > indent + 3 ? width - indent - 3 : 2;
  const auto lines = wrapped(body(message, session_), room);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::string line = (i == 0 ? head : std::string(indent, ' ')) + lines[i];
    if (i + 1 == lines.size() && own) {
      line += message.state == sotto::MessageState::failed ? in(red, sign) : in(dim, sign);
    }
    out.push_back(std::move(line));
  }
  add_attachment_lines(message, indent, width, out);
}

void ScreenMode::add_attachment_lines(const sotto::Message& message, std::size_t indent, std::size_t width,
                                      std::vector<std::string>& out) const {
  // Where names leave too little room, pictures begin at the left.
  const std::size_t left = width > indent + 20 ? indent : 2;
  const std::string space(left, ' ');
  for (std::size_t i = 0; i < message.attachments.size(); ++i) {
    const auto& attachment = message.attachments[i];
    const auto picture = true_colour_ ? from_thumbnail(attachment.info.thumbnail) : std::nullopt;
    if (picture) {
      for (const auto& line : half_blocks(shrunk(*picture, width - left, picture->height))) out.push_back(space + line);
    }
    const auto number = session_.attachments().number(message, i);
    for (const auto& line : wrapped(attachment_line(number, attachment), width - left)) {
      out.push_back(space + in(dim, line));
    }
  }
}

std::string ScreenMode::bar(std::size_t width) const {
  std::string left = " ";
  if (!open_) {
    left += "Sotto";
  } else {
    left += safe_title(*open_, session_);
    if (open_->status != sotto::ChatStatus::active) left += " · " + std::string(to_string(open_->status));
    if (!open_->problem.empty()) left += " · " + printable_line(open_->problem);
  }
  if (scrolled_ > 0) left += " · Page Down for newer";
  std::string right;
  if (const auto unread = session_.unread_elsewhere(); unread > 0) {
    right += "● " + std::to_string(unread) + " unread elsewhere · ";
  }
  right += session_.account() ? std::string(to_string(connection_.state)) + " " : "no account yet ";
  left = clipped(left, width - std::min(width, columns(right) + 1));
  const std::size_t gap = width - std::min(width, columns(left) + columns(right));
  return in(inverse, left + std::string(gap, ' ') + right);
}

}  // namespace chat
