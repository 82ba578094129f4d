// The line that a person types: keys in, text and wishes out. Knows nothing of a screen.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace chat {

/// What a person wants besides changing the line.
enum class Wish { enter, page_up, page_down, redraw, quit };

class LineEditor {
 public:
  /// Takes bytes of the keyboard, which may end in the middle of a character or sequence. Calls `wish` for each;
  /// at `enter`, `take_line` gives the line.
  void feed(std::string_view bytes, const std::function<void(Wish)>& wish);
  std::string take_line();

  [[nodiscard]] const std::string& text() const { return text_; }
  /// A byte offset into the text, always at the start of a character.
  [[nodiscard]] std::size_t cursor() const { return cursor_; }

 private:
  /// Handles one key or sequence at the start of `pending_`; false if more bytes are needed.
  bool take_key(const std::function<void(Wish)>& wish);
  bool take_sequence(const std::function<void(Wish)>& wish);
  void control(char c, const std::function<void(Wish)>& wish);
  void insert(std::string_view text);
  void erase(std::size_t from, std::size_t to);
  void recall(std::size_t index);
  [[nodiscard]] std::size_t before_cursor() const;
  [[nodiscard]] std::size_t after_cursor() const;
  [[nodiscard]] std::size_t word_start() const;

  std::string pending_;
  std::string text_;
  std::size_t cursor_ = 0;
  bool pasting_ = false;
  std::vector<std::string> history_;
  std::size_t recalled_ = 0;
};

}  // namespace chat
