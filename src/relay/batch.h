// The writes between two runs of the backend, and what became of them.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "sotto/error.h"
#include "wire/frame.h"

namespace sotto::relay {

/// What a request's answer rests on: a record's key, or `chat_dependency`.
using Dependency = Bytes;

/// Requests change what is cached at once; whether that is true is known when the writes are done. What rested on a
/// write that failed is then answered anew.
class Batch {
 public:
  void started() { ++outstanding_; }
  void succeeded() { --outstanding_; }
  void failed(const Dependency& what, ErrorCode code) {
    --outstanding_;
    const auto [it, added] = failures_.emplace(what, code);
    if (!added && code != ErrorCode::CONFLICT) it->second = code;
  }
  template <typename T>
  void finished(const Dependency& what, const T& result) {
    result.ok() ? succeeded() : failed(what, *result.code());
  }

  [[nodiscard]] std::size_t outstanding() const { return outstanding_; }
  [[nodiscard]] const std::map<Dependency, ErrorCode>& failures() const { return failures_; }
  /// The worst that happened to any of these; CONFLICT only if nothing else did.
  [[nodiscard]] std::optional<ErrorCode> fate_of(const std::vector<Dependency>& whats) const {
    std::optional<ErrorCode> fate;
    if (failures_.empty()) return fate;
    for (const auto& what : whats) {
      const auto it = failures_.find(what);
      if (it != failures_.end() && (!fate || it->second != ErrorCode::CONFLICT)) fate = it->second;
    }
    return fate;
  }
  void clear() { failures_.clear(); }

 private:
  std::size_t outstanding_ = 0;
  std::map<Dependency, ErrorCode> failures_;
};

/// Something from a cache: there, or not yet (no value, no answer: ask again later), or not to be had (an answer).
template <typename T>
struct Need {
  T* value = nullptr;
  std::optional<wire::Response> answer;

  explicit operator bool() const { return value != nullptr; }
  T* operator->() const { return value; }
  T& operator*() const { return *value; }
};

/// The answer when the storage fails: nothing was stored, ask again.
inline wire::Response unavailable() {
  Error error(ErrorCode::UNAVAILABLE);
  error.retry_after = std::chrono::milliseconds(1000);
  return wire::refusal(error);
}

}  // namespace sotto::relay
