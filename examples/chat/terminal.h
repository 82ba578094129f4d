// The terminal: raw keys in, whole frames out, and everything as it was when the program ends.
#pragma once

#include <termios.h>

#include <string>
#include <vector>

namespace chat {

struct Size {
  std::size_t rows = 24;
  std::size_t columns = 80;
};

/// A picture of the whole screen: at most `rows` lines, each fitting into `columns`, and where the cursor stands.
struct Frame {
  std::vector<std::string> lines;
  std::size_t cursor_row = 0;
  std::size_t cursor_column = 0;
};

/// Whether colours of 24 bits are shown, as far as the terminal says so.
bool shows_true_colour();

/// Standard input and output in raw mode on the alternate screen, while it lives. One at a time.
class Terminal {
 public:
  Terminal();
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  [[nodiscard]] static Size size();
  /// Draws what differs from the frame before; all of it after `forget`.
  void draw(const Frame& frame);
  void forget() { shown_.clear(); }
  void bell();

 private:
  termios before_{};
  std::vector<std::string> shown_;
};

/// Catches SIGWINCH and the signals that end a program. The descriptor is readable after each.
int watch_signals();
/// Takes what arrived on that descriptor; true if one of the signals was SIGINT, SIGTERM or SIGHUP.
bool asked_to_end(int signal_fd);

}  // namespace chat
