#include "chat/line_editor.h"

#include <algorithm>
#include <utility>

#include "chat/text.h"

namespace chat {
namespace {

/// As long as the longest message.
constexpr std::size_t max_line_bytes = 65536;
constexpr std::size_t max_history = 200;
/// Longer than any key of any terminal; what is longer is no sequence.
constexpr std::size_t max_sequence_bytes = 32;

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

std::size_t character_bytes(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  return byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC2 ? 2 : 1;
}

}  // namespace

void LineEditor::feed(std::string_view bytes, const std::function<void(Wish)>& wish) {
  pending_ += bytes;
  while (!pending_.empty() && take_key(wish)) {
  }
}

std::string LineEditor::take_line() {
  if (!text_.empty() && (history_.empty() || history_.back() != text_)) history_.push_back(text_);
  if (history_.size() > max_history) history_.erase(history_.begin());
  recalled_ = history_.size();
  cursor_ = 0;
  return std::exchange(text_, {});
}

bool LineEditor::take_key(const std::function<void(Wish)>& wish) {
  const char first = pending_[0];
  if (first == '\x1b') return take_sequence(wish);
  const auto byte = static_cast<unsigned char>(first);
  if (byte < 0x20 || byte == 0x7F) {
    pending_.erase(0, 1);
    control(first, wish);
    return true;
  }
  const auto length = character_bytes(first);
  if (pending_.size() < length) return false;
  insert(printable_line(pending_.substr(0, length)));
  pending_.erase(0, length);
  return true;
}

bool LineEditor::take_sequence(const std::function<void(Wish)>& wish) {
  if (pending_.size() < 2) return false;
  if (pending_[1] != '[' && pending_[1] != 'O') {
    pending_.erase(0, 1);  // Escape by itself, or Alt with a key: the key counts
    return true;
  }
  const auto last = std::find_if(pending_.begin() + 2, pending_.end(), [](char c) { return c >= 0x40 && c <= 0x7E; });
  if (last == pending_.end()) {
    if (pending_.size() <= max_sequence_bytes) return false;
    pending_.erase(0, 1);
    return true;
  }
  const std::string sequence(pending_.begin() + 2, last + 1);
  pending_.erase(pending_.begin(), last + 1);
  if (sequence == "200~" || sequence == "201~") pasting_ = sequence == "200~";
  if (sequence == "A" && recalled_ > 0) recall(recalled_ - 1);
  if (sequence == "B" && recalled_ < history_.size()) recall(recalled_ + 1);
  if (sequence == "C") cursor_ = after_cursor();
  if (sequence == "D") cursor_ = before_cursor();
  if (sequence == "H" || sequence == "1~" || sequence == "7~") cursor_ = 0;
  if (sequence == "F" || sequence == "4~" || sequence == "8~") cursor_ = text_.size();
  if (sequence == "3~") erase(cursor_, after_cursor());
  if (sequence == "5~") wish(Wish::page_up);
  if (sequence == "6~") wish(Wish::page_down);
  return true;
}

void LineEditor::control(char c, const std::function<void(Wish)>& wish) {
  const auto key = [](char letter) { return static_cast<char>(letter - 'A' + 1); };
  if (c == '\r' || c == '\n') {
    if (pasting_) return insert(" ");
    return wish(Wish::enter);
  }
  if (c == '\t') return insert(" ");
  if (pasting_) return;
  if (c == '\x7f' || c == '\b') erase(before_cursor(), cursor_);
  if (c == key('A')) cursor_ = 0;
  if (c == key('E')) cursor_ = text_.size();
  if (c == key('B')) cursor_ = before_cursor();
  if (c == key('F')) cursor_ = after_cursor();
  if (c == key('K')) erase(cursor_, text_.size());
  if (c == key('U')) erase(0, cursor_);
  if (c == key('W')) erase(word_start(), cursor_);
  if (c == key('L')) wish(Wish::redraw);
  if (c == key('C')) wish(Wish::quit);
  if (c == key('D')) text_.empty() ? wish(Wish::quit) : erase(cursor_, after_cursor());
}

void LineEditor::insert(std::string_view text) {
  if (text_.size() + text.size() > max_line_bytes) return;
  text_.insert(cursor_, text);
  cursor_ += text.size();
}

void LineEditor::erase(std::size_t from, std::size_t to) {
  text_.erase(from, to - from);
  cursor_ = from;
}

void LineEditor::recall(std::size_t index) {
  recalled_ = index;
  text_ = index < history_.size() ? history_[index] : std::string();
  cursor_ = text_.size();
}

std::size_t LineEditor::before_cursor() const {
  std::size_t at = cursor_;
  while (at > 0 && continues_character(text_[--at])) {
  }
  return at;
}

std::size_t LineEditor::after_cursor() const {
  std::size_t at = std::min(cursor_ + 1, text_.size());
  while (at < text_.size() && continues_character(text_[at])) ++at;
  return at;
}

std::size_t LineEditor::word_start() const {
  std::size_t at = cursor_;
  while (at > 0 && text_[at - 1] == ' ') --at;
  while (at > 0 && text_[at - 1] != ' ') --at;
  return at;
}

}  // namespace chat
