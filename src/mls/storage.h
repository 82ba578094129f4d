// Where a group keeps its state: typed tables of small records. A group writes through at once and holds no
// transaction of its own: the caller wraps each call in one, and after a failure or a rollback throws the Group object
// away and loads it again.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "sotto/result.h"

namespace sotto::mls {

/// Numbers are stored; a number is never given to another meaning.
enum class Table : std::uint8_t {
  group = 1,         // (0, 0, 0): format version, group context, epoch secrets, signature key
  node = 2,          // (0, node index, 0): one node of the ratchet tree; none for a blank one
  node_private = 3,  // (0, node index, 0): private key of a node on the own direct path
  past_epoch = 4,    // (epoch, 0, 0): what opens late messages
  past_leaf = 5,     // (epoch, leaf index, 0): the leaf as it was up to that epoch, empty if there was none
  frontier = 6,      // (epoch, node index, 0): a secret of the secret tree whose children are not derived yet
  ratchet = 7,       // (epoch, 2 * leaf index + (1 if application), 0): generation, secret, number of skipped keys
  skipped = 8,       // (epoch, as ratchet, generation): key and nonce of a message that has not come yet
  pending = 9,       // (epoch, number, 0): an own commit that waits for the log's decision
  proposal = 10,     // (epoch, number, 0): a proposal that a commit may refer to
};

struct StorageKey {
  Table table{};
  std::uint64_t epoch = 0;
  std::uint64_t index = 0;
  std::uint64_t generation = 0;
  friend bool operator==(const StorageKey&, const StorageKey&) = default;
  friend auto operator<=>(const StorageKey&, const StorageKey&) = default;
};

struct StorageRow {
  std::uint64_t index = 0;
  std::uint64_t generation = 0;
  SecretBytes value;
};

class GroupStorage {
 public:
  GroupStorage() = default;
  GroupStorage(const GroupStorage&) = delete;
  GroupStorage& operator=(const GroupStorage&) = delete;
  virtual ~GroupStorage() = default;

  /// The value, or nothing. An error means that it could not be read, never that it is absent.
  virtual Result<std::optional<SecretBytes>> get(const StorageKey& key) = 0;
  virtual Status put(const StorageKey& key, ByteView value) = 0;
  /// Erasing what is not there is no error.
  virtual Status erase(const StorageKey& key) = 0;
  /// Erases all rows of a table and epoch.
  virtual Status erase_all(Table table, std::uint64_t epoch) = 0;
  /// The rows of a table and epoch (with `index`: of that index only), ordered by (index, generation).
  virtual Result<std::vector<StorageRow>> scan(Table table, std::uint64_t epoch,
                                               std::optional<std::uint64_t> index = std::nullopt) = 0;
};

}  // namespace sotto::mls
