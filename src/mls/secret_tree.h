// The secret tree of one epoch (RFC 9420 section 9), derived lazily and kept in the storage: the frontier holds the
// lowest secrets derived so far, each ratchet its next generation, and keys of messages that have not come wait
// one by one. Nothing from which a used key could be derived again is left.
#pragma once

#include <vector>

#include "crypto/keys.h"
#include "mls/storage.h"
#include "mls/tree_math.h"

namespace sotto::mls {

enum class RatchetType : std::uint8_t { handshake = 0, application = 1 };

struct MessageKey {
  std::uint32_t generation = 0;
  crypto::AeadKey key;
  crypto::AeadNonce nonce;
};

/// A key that was looked up, and what changes in the storage when it is used up.
struct KeyUse {
  MessageKey key;
  std::vector<std::pair<StorageKey, SecretBytes>> puts;
  std::vector<StorageKey> erases;
};

class SecretTree {
 public:
  SecretTree(GroupStorage& storage, std::uint64_t epoch, std::uint32_t leaf_count)
      : storage_(storage), epoch_(epoch), leaf_count_(leaf_count) {}

  /// Starts the tree of a new epoch.
  Status begin(ByteView encryption_secret);
  /// The key of one message; nothing changes yet. Errors: KEY_CONSUMED, GENERATION_TOO_FAR, storage.
  Result<KeyUse> find(LeafIndex leaf, RatchetType type, std::uint32_t generation);
  /// The next key of an own ratchet; nothing changes yet. Errors: KEY_CONSUMED, LIMIT_EXCEEDED, storage.
  Result<KeyUse> next(LeafIndex leaf, RatchetType type);
  /// Makes the change that comes with a key.
  Status use(const KeyUse& key);
  /// Erases the ratchets of a leaf: the own one, once the epoch is over.
  Status erase_ratchets(LeafIndex leaf);

  /// Erases all that is stored of an epoch.
  static Status erase_epoch(GroupStorage& storage, std::uint64_t epoch);

 private:
  struct Ratchet {
    std::uint64_t next_generation = 0;
    SecretBytes secret;
    std::uint32_t skipped = 0;
    SOTTO_MLS_FIELDS(next_generation, secret, skipped)
  };
  [[nodiscard]] StorageKey ratchet_key(LeafIndex leaf, RatchetType type) const;
  Result<Ratchet> load_ratchet(LeafIndex leaf, RatchetType type, KeyUse& use);
  Result<Ratchet> derive_ratchets(LeafIndex leaf, RatchetType type, KeyUse& use);
  Result<KeyUse> find_skipped(LeafIndex leaf, RatchetType type, std::uint32_t generation);
  Status drop_oldest_skipped(const StorageKey& ratchet, std::uint32_t count, KeyUse& use);

  GroupStorage& storage_;
  std::uint64_t epoch_;
  std::uint32_t leaf_count_;
};

}  // namespace sotto::mls
