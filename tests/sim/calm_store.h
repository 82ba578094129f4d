// What checks read: stores that no fault disturbs at the time, so that nothing but a broken promise makes them fail.
#pragma once

#include "sim/trace.h"
#include "sotto/result.h"
#include "sotto/types.h"

namespace sotto::sim {

template <typename T>
T must(Result<T> result, const char* what) {
  if (!result.ok()) violated("a calm store can be read", std::string(what) + ": " + result.error().message);
  return std::move(*result);
}

/// An entry, for people.
inline std::string place(const ChatId& chat, std::uint64_t seq) {
  return brief(chat.bytes) + "/" + std::to_string(seq);
}

}  // namespace sotto::sim
