// Waits for a completion; for small programs and tests. Never on the executor's thread: it would wait for itself.
#pragma once

#include <future>
#include <memory>

#include "sotto/result.h"

namespace sotto {

/// Calls `start` with a completion and waits until it is called.
///
///     auto user = sotto::blocking<sotto::UserId>([&](auto done) { client->find_user("bob", done); });
template <typename T, typename Start>
Result<T> blocking(Start&& start) {
  auto promise = std::make_shared<std::promise<Result<T>>>();
  auto future = promise->get_future();
  start([promise](Result<T> result) { promise->set_value(std::move(result)); });
  return future.get();
}

}  // namespace sotto
