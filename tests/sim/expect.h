// The completions of what a device's user asks for.
#pragma once

#include "sim/world.h"

namespace sotto::sim {

template <typename T>
Completion<T> Device::expect(std::string what, std::function<void(const Result<T>&)> then) {
  const auto id = next_completion_++;
  pending_[id] = what;
  return [this, id, what = std::move(what), then = std::move(then), life = life_](Result<T> result) {
    if (life != life_) violated("no completion after the end", name() + ": " + what);
    if (pending_.erase(id) == 0) violated("every completion exactly once", name() + ": " + what);
    const auto code = result.ok() ? std::optional<ErrorCode>() : std::optional(result.error().code);
    trace(what + (code ? " ended with " + std::string(error_name(*code)) : " is done"));
    if (code) ++world_.counts.errors[*code];
    if (then) then(result);
  };
}

}  // namespace sotto::sim
