#include "rpc/stdio_door.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>

namespace rpc {

StdioDoor::StdioDoor(Service& service) : peer_(std::make_shared<Peer>(service, static_cast<Sink&>(*this))) {
  service.add(peer_);
}

int StdioDoor::input_fd() const { return input_ended_ || !peer_->wants_input() ? -1 : STDIN_FILENO; }
int StdioDoor::output_fd() const { return output_.empty() ? -1 : STDOUT_FILENO; }

bool StdioDoor::ended() const { return reader_gone_ || peer_->closing() || (input_ended_ && input_.empty()); }

void StdioDoor::read() {
  std::array<char, 64 * 1024> buffer{};
  const auto count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (count <= 0) {
    input_ended_ = true;
    if (!input_.empty() && !skipping_) input_ += '\n';  // The last line may have no end.
    if (skipping_) input_.clear();
  } else {
    input_.append(buffer.data(), static_cast<std::size_t>(count));
  }
  go_on();
}

void StdioDoor::go_on() {
  std::size_t done = 0;
  while (peer_->wants_input()) {
    const auto end = input_.find('\n', done);
    if (end == std::string::npos) break;
    const auto line = std::string_view(input_).substr(done, end - done);
    done = end + 1;
    if (std::exchange(skipping_, false)) continue;
    if (line.size() > longest_line) {
      peer_->refuse(sotto::Error(sotto::ErrorCode::TOO_LARGE, "a line has at most 1 MiB"));
    } else if (line.find_first_not_of(" \t\r") != std::string_view::npos) {
      peer_->take(line);
    }
  }
  input_.erase(0, done);
  if (peer_->closing()) input_.clear();
  // A line without an end in sight is refused now, and passed over when its end comes.
  if (input_.size() > longest_line && input_.find('\n') == std::string::npos) {
    if (!std::exchange(skipping_, true)) {
      peer_->refuse(sotto::Error(sotto::ErrorCode::TOO_LARGE, "a line has at most 1 MiB"));
    }
  }
  if (skipping_ && input_.find('\n') == std::string::npos) input_.clear();
  peer_->on_events();
}

void StdioDoor::write(std::string line) {
  if (reader_gone_) return;
  output_ += line;
  output_ += '\n';
}

void StdioDoor::write_some() {
  // A descriptor that is ready takes PIPE_BUF bytes without blocking, whatever flags it shares with others.
  const auto count = ::write(STDOUT_FILENO, output_.data() + output_done_,
                             std::min<std::size_t>(output_.size() - output_done_, PIPE_BUF));
  if (count < 0) {
    if (errno != EINTR && errno != EAGAIN) lose_reader();
    return;
  }
  output_done_ += static_cast<std::size_t>(count);
  if (output_done_ == output_.size()) {
    output_.clear();
    output_done_ = 0;
  } else if (output_done_ >= most_waiting) {
    output_.erase(0, std::exchange(output_done_, 0));
  }
  if (waiting() < most_waiting) go_on();
}

/// Nobody reads answers any more, so nobody asks for any.
void StdioDoor::lose_reader() {
  reader_gone_ = true;
  peer_->detach();
  output_.clear();
  output_done_ = 0;
  input_.clear();
}

}  // namespace rpc
