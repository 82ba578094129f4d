// Where the app wants its callbacks to run.
#pragma once

#include <functional>

#include "sotto/export.h"

namespace sotto {

/// Runs the callbacks of a client, such as on the main thread of an app. Written by the app; a client that is given
/// none has a thread of its own for them.
class SOTTO_API Executor {
 public:
  Executor() = default;
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;
  virtual ~Executor() = default;

  /// Takes a task to be run later: never within this call, one at a time, in the order of the posts. Called from any
  /// thread, so it must be thread-safe, and soon return. The task throws nothing. An executor that is shut down may
  /// destroy a task without running it.
  virtual void post(std::function<void()> task) = 0;
};

}  // namespace sotto
