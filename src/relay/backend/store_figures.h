// What an operator wants to know of a store: how much is in it, and how its commits go.
#pragma once

#include <cstdint>

#include "relay/histogram.h"

namespace sotto::relay {

struct StoreTotals {
  std::uint64_t entries = 0;
  std::uint64_t blobs = 0;
  /// Sizes of all blobs, also of unfinished ones.
  std::uint64_t blob_bytes = 0;
};

struct CommitFigures {
  /// Writes in a transaction, and seconds from its begin until it is durable.
  Histogram writes{batch_bounds};
  Histogram seconds{seconds_bounds};
  std::uint64_t failures = 0;
  /// The last one failed.
  bool failing = false;
};

}  // namespace sotto::relay
