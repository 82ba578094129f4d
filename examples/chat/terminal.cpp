#include "chat/terminal.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <string_view>

namespace chat {
namespace {

void write_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto count = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (count <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

// A signal handler can reach nothing but globals.
std::atomic<int> signal_pipe{-1};
static_assert(std::atomic<int>::is_always_lock_free);

void on_signal(int number) {
  const char byte = number == SIGWINCH ? 'w' : 'q';
  [[maybe_unused]] const auto written = ::write(signal_pipe.load(), &byte, 1);
}

}  // namespace

bool shows_true_colour() {
  const char* colours = std::getenv("COLORTERM");
  return colours != nullptr && (std::string_view(colours) == "truecolor" || std::string_view(colours) == "24bit");
}

Terminal::Terminal() {
  ::tcgetattr(STDIN_FILENO, &before_);
  termios raw = before_;
  ::cfmakeraw(&raw);
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
  write_all("\x1b[?1049h\x1b[?2004h\x1b[2J");  // alternate screen, marked pastes, clear
}

Terminal::~Terminal() {
  write_all("\x1b[?2004l\x1b[?1049l\x1b[0m\x1b[?25h");
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
}

Size Terminal::size() {
  winsize window{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_row < 4 || window.ws_col < 20) return {};
  return {window.ws_row, window.ws_col};
}

void Terminal::draw(const Frame& frame) {
  std::string out = "\x1b[?25l";
  if (shown_.size() != frame.lines.size()) {
    shown_.clear();
    out += "\x1b[2J";
  }
  for (std::size_t row = 0; row < frame.lines.size(); ++row) {
    if (!shown_.empty() && shown_[row] == frame.lines[row]) continue;
    out += "\x1b[" + std::to_string(row + 1) + ";1H\x1b[0m\x1b[2K" + frame.lines[row];
  }
  out += "\x1b[0m\x1b[" + std::to_string(frame.cursor_row + 1) + ";" + std::to_string(frame.cursor_column + 1) + "H";
  out += "\x1b[?25h";
  write_all(out);
  shown_ = frame.lines;
}

void Terminal::bell() { write_all("\a"); }

int watch_signals() {
  int ends[2] = {-1, -1};
  if (::pipe(ends) != 0) return -1;
  for (const int fd : ends) {
    ::fcntl(fd, F_SETFL, O_NONBLOCK);
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
  signal_pipe = ends[1];
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  for (const int number : {SIGWINCH, SIGINT, SIGTERM, SIGHUP}) ::sigaction(number, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return ends[0];
}

bool asked_to_end(int signal_fd) {
  bool end = false;
  for (char kind = 0; ::read(signal_fd, &kind, 1) == 1;) end = end || kind == 'q';
  return end;
}

}  // namespace chat
