// The peer on standard input and output.
#pragma once

#include <memory>
#include <string>

#include "rpc/peer.h"

namespace rpc {

/// Its owner polls the descriptors that `input_fd` and `output_fd` name, and calls `read` and `write_some` when they
/// are ready.
class StdioDoor final : private Sink {
 public:
  explicit StdioDoor(Service& service);

  /// -1 while nothing is to be read.
  [[nodiscard]] int input_fd() const;
  /// -1 while nothing is to be written.
  [[nodiscard]] int output_fd() const;
  void read();
  /// Writes as much as does not block.
  void write_some();
  /// Goes on with lines that were read, and with events, as far as the reader lets.
  void go_on();

  /// A line of the program itself.
  void say(std::string line) { write(std::move(line)); }

  /// Nothing more comes in, and all that came in was taken.
  [[nodiscard]] bool ended() const;
  [[nodiscard]] bool answered() const { return peer_->under_way() == 0; }
  [[nodiscard]] bool written() const { return output_.empty(); }

 private:
  void write(std::string line) override;
  [[nodiscard]] std::size_t waiting() const override { return output_.size() - output_done_; }
  void lose_reader();

  std::shared_ptr<Peer> peer_;
  std::string input_;
  /// The rest of a line that was refused.
  bool skipping_ = false;
  bool input_ended_ = false;
  std::string output_;
  std::size_t output_done_ = 0;
  bool reader_gone_ = false;
};

}  // namespace rpc
