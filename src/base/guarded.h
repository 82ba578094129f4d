// Where exceptions end: memory that is not there is an error like any other to whoever called.
#pragma once

#include <new>

#include "sotto/result.h"

namespace sotto {

/// What `work` gives, which is a Result; OUT_OF_MEMORY if it throws.
template <typename Work>
auto guarded(Work&& work) -> decltype(work()) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    return Error(ErrorCode::OUT_OF_MEMORY);
  }
}

}  // namespace sotto
