#include "chat/history.h"

#include <algorithm>

#include "chat/look.h"
#include "chat/picture.h"
#include "chat/text.h"

namespace chat {

using look::in;

namespace {

constexpr std::size_t page_entries = 50;

}  // namespace

sotto::Status History::show(const std::optional<sotto::Chat>& chat) {
  chat_ = chat;
  messages_.clear();
  notes_.clear();
  reached_.clear();
  all_loaded_ = false;
  return load_page();
}

sotto::Status History::load_page() {
  if (!chat_ || all_loaded_) return {};
  sotto::MessagePage page;
  page.limit = page_entries;
  if (!messages_.empty()) page.before = messages_.front().position;
  auto older = session_.client().messages(chat_->id, page);
  if (!older.ok()) return older.error();
  all_loaded_ = older->size() < page.limit;
  std::reverse(older->begin(), older->end());
  messages_.insert(messages_.begin(), older->begin(), older->end());
  receipts_stale_ = true;
  return {};
}

void History::note(std::string text) {
  notes_[messages_.empty() ? sotto::ClientMessageId{} : messages_.back().id].push_back(std::move(text));
}

void History::on_event(const sotto::Event& event) {
  if (const auto* added = std::get_if<sotto::MessageAdded>(&event)) update(added->message);
  if (const auto* changed = std::get_if<sotto::MessageChanged>(&event)) update(changed->message);
  if (const auto* progress = std::get_if<sotto::AttachmentProgress>(&event)) update(*progress);
  if (const auto* receipts = std::get_if<sotto::ReceiptsChanged>(&event)) {
    receipts_stale_ = receipts_stale_ || (chat_ && receipts->chat == chat_->id);
  }
}

void History::update(const sotto::AttachmentProgress& progress) {
  for (auto& message : messages_) {
    if (message.chat != progress.chat || message.id != progress.message) continue;
    if (progress.index >= message.attachments.size()) continue;
    message.attachments[progress.index].transferred = progress.transferred;
    message.attachments[progress.index].total = progress.total;
  }
}

void History::update(const sotto::Message& message) {
  if (!chat_ || message.chat != chat_->id) return;
  receipts_stale_ = true;
  const auto by_id = [&](const sotto::Message& m) { return m.id == message.id; };
  const bool known = std::erase_if(messages_, by_id) > 0;
  // What is older than the pages loaded comes with its page.
  if (!known && !all_loaded_ && !messages_.empty() && message.position < messages_.front().position) return;
  const auto before = [](std::int64_t position, const sotto::Message& m) { return position < m.position; };
  messages_.insert(std::upper_bound(messages_.begin(), messages_.end(), message.position, before), message);
}

/// Once a picture, whatever came since the last one.
void History::count_receipts() {
  if (!std::exchange(receipts_stale_, false) || !chat_ || chat_->type != sotto::ChatType::group) return;
  for (const auto& message : messages_) {
    const bool on_the_way =
        message.state == sotto::MessageState::sent || message.state == sotto::MessageState::delivered;
    const auto receipts = on_the_way ? session_.client().receipts(chat_->id, message.id) : sotto::ErrorCode::NOT_FOUND;
    if (receipts.ok()) {
      reached_[message.id] = reached(*receipts);
    } else {
      reached_.erase(message.id);
    }
  }
}

sotto::ClientMessageId History::newest_received() const {
  const auto found = std::find_if(messages_.rbegin(), messages_.rend(), [](const sotto::Message& message) {
    return message.state == sotto::MessageState::received;
  });
  return found == messages_.rend() ? sotto::ClientMessageId{} : found->id;
}

std::vector<std::string> History::lines(std::size_t width) {
  count_receipts();
  std::vector<std::string> out;
  add_note_lines({}, width, out);
  for (const auto& message : messages_) {
    add_message_lines(message, width, out);
    add_note_lines(message.id, width, out);
  }
  return out;
}

void History::add_note_lines(const sotto::ClientMessageId& id, std::size_t width, std::vector<std::string>& out) const {
  const auto notes = notes_.find(id);
  if (notes == notes_.end()) return;
  for (const auto& text : notes->second) {
    const auto start = text.starts_with('\x1b') ? text.find('m') + 1 : 0;
    const auto end = start > 0 ? text.rfind('\x1b') : text.size();
    for (const auto& line : wrapped(std::string_view(text).substr(start, end - start), width - 2)) {
      out.push_back(in(start > 0 ? std::string_view(text).substr(0, start) : look::dim, "  " + line));
    }
  }
}

void History::add_message_lines(const sotto::Message& message, std::size_t width, std::vector<std::string>& out) const {
  const std::string time = time_of_day(message.stored_at.value_or(message.sent_at));
  if (message.kind == sotto::MessageKind::notice) {
    for (const auto& line : wrapped(time + "  " + body(message, session_), width)) out.push_back(in(look::dim, line));
    return;
  }
  const std::string name = clipped(safe_name(message.sender, session_), width / 3);
  const bool own = message.state != sotto::MessageState::received;
  const auto counted = reached_.find(message.id);
  const std::string sign =
      own ? " " + mark(message, counted == reached_.end() ? std::nullopt : std::optional(counted->second)) : "";
  const std::size_t indent = columns(time) + 2 + columns(name) + 2;
  const std::string head = in(look::dim, time) + "  " + in(own ? look::own_name : look::other_name, name) + "  ";
  const auto room = width > indent + columns(sign) + 1 ? width - indent - columns(sign) - 1 : 2;
  const auto lines = wrapped(body(message, session_), room);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::string line = (i == 0 ? head : std::string(indent, ' ')) + lines[i];
    if (i + 1 == lines.size() && own) {
      line += in(message.state == sotto::MessageState::failed ? look::red
                 : message.state == sotto::MessageState::read ? look::read
                                                              : look::dim,
                 sign);
    }
    out.push_back(std::move(line));
  }
  add_attachment_lines(message, indent, width, out);
}

void History::add_attachment_lines(const sotto::Message& message, std::size_t indent, std::size_t width,
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
      out.push_back(space + in(look::dim, line));
    }
  }
}

}  // namespace chat
