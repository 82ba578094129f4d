// The writes between two runs of the backend, and what became of them.
#pragma once

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "sotto/error.h"
#include "wire/frame.h"

namespace sotto::relay {

/// What a request's answer rests on: a record's key, or `chat_dependency`.
using Dependency = Bytes;

/// What a failed write was for, and the worst that happened to it.
using Failures = std::map<Dependency, ErrorCode>;

/// The worst that happened to any of these; CONFLICT only if nothing else did.
inline std::optional<ErrorCode> fate_of(const std::vector<Dependency>& whats, const Failures& failures) {
  std::optional<ErrorCode> fate;
  if (failures.empty()) return fate;
  for (const auto& what : whats) {
    const auto it = failures.find(what);
    if (it != failures.end() && (!fate || it->second != ErrorCode::CONFLICT)) fate = it->second;
  }
  return fate;
}

inline void note(Failures& failures, const Dependency& what, ErrorCode code) {
  const auto [it, added] = failures.emplace(what, code);
  if (!added && code != ErrorCode::CONFLICT) it->second = code;
}
inline void merge(Failures& into, const Failures& from) {
  for (const auto& [what, code] : from) note(into, what, code);
}

/// Requests change what is cached at once; whether that is true is known when the writes are done. What rested on a
/// write that failed is then answered anew. While a run is under way, requests go on from what it is going to store;
/// their writes come with the next one.
class Batch {
 public:
  template <typename T>
  void finished(const Dependency& what, const T& result) {
    if (!result.ok()) failed(what, *result.code());
  }
  void failed(const Dependency& what, ErrorCode code) { note(failures_, what, code); }
  void failed(const Failures& failures) { merge(failures_, failures); }
  /// What failed since this was last called.
  Failures take_failures() { return std::exchange(failures_, {}); }

 private:
  Failures failures_;
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
