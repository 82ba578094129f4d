// Messages that wait to be written on one connection, joined when they are.
#pragma once

#include <memory>
#include <vector>

#include "base/bytes.h"
#include "net/transport.h"

namespace sotto::net {

/// Holds no memory while empty: a server has thousands of these, most of them idle.
class SendQueue {
 public:
  void push(std::shared_ptr<const Bytes> message) {
    if (message->empty()) return;
    bytes_ += message->size();
    waiting_.push_back(std::move(message));
  }
  [[nodiscard]] bool empty() const { return bytes_ == 0; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

  /// Moves the next WebSocket message to `out`, behind `prefix` bytes for its header: as many whole messages as fit
  /// into `most` bytes, at least one.
  void take(std::size_t prefix, Bytes& out, std::size_t most = coalesce_bytes) {
    out.resize(prefix);
    do {
      const Bytes& next = *waiting_[head_];
      append(out, next);
      bytes_ -= next.size();
      waiting_[head_++].reset();
    } while (head_ < waiting_.size() && out.size() - prefix + waiting_[head_]->size() <= most);
    if (head_ == waiting_.size()) {
      clear();
    } else if (head_ >= 64 && head_ * 2 >= waiting_.size()) {
      waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(head_));
      head_ = 0;
    }
  }

  void clear() {
    std::vector<std::shared_ptr<const Bytes>>().swap(waiting_);
    head_ = 0;
    bytes_ = 0;
  }

 private:
  std::vector<std::shared_ptr<const Bytes>> waiting_;  // those before head_ are taken already
  std::size_t head_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace sotto::net
