#include "mls/secret_tree.h"

#include <algorithm>
#include <limits>

#include "base/test_hooks.h"
#include "base/try.h"
#include "mls/labels.h"
#include "mls/limits.h"

namespace sotto::mls {

namespace {

MessageKey message_key(ByteView ratchet_secret, std::uint32_t generation) {
  MessageKey out;
  out.generation = generation;
  assign_exact(out.key, derive_tree_secret(ratchet_secret, "key", generation, crypto::AeadKey::size_bytes).view());
  assign_exact(out.nonce,
               derive_tree_secret(ratchet_secret, "nonce", generation, crypto::AeadNonce::size_bytes).view());
  return out;
}

SecretBytes pack(const MessageKey& key) {
  auto writer = Writer::for_secrets();
  writer.raw(key.key.view());
  writer.raw(key.nonce.view());
  return std::move(writer).take_secret();
}

SecretBytes next_secret(ByteView ratchet_secret, std::uint32_t generation) {
  return derive_tree_secret(ratchet_secret, "secret", generation, hash_size);
}

}  // namespace

StorageKey SecretTree::ratchet_key(LeafIndex leaf, RatchetType type) const {
  return {Table::ratchet, epoch_, 2 * std::uint64_t{leaf.value} + (type == RatchetType::application ? 1 : 0), 0};
}

Status SecretTree::begin(ByteView encryption_secret) {
  return storage_.put({Table::frontier, epoch_, root_of(leaf_count_), 0}, encryption_secret);
}

Result<SecretTree::Ratchet> SecretTree::derive_ratchets(LeafIndex leaf, RatchetType type, KeyUse& use) {
  // The lowest stored secret above the leaf, if one is left.
  NodeIndex node = to_node(leaf);
  SecretBytes secret;
  while (true) {
    const StorageKey key{Table::frontier, epoch_, node, 0};
    SOTTO_TRY_ASSIGN(auto stored, storage_.get(key));
    if (stored) {
      secret = std::move(*stored);
      use.erases.push_back(key);
      break;
    }
    if (node == root_of(leaf_count_)) return ErrorCode::KEY_CONSUMED;
    node = parent_of(node);
  }
  while (!is_leaf(node)) {
    const auto left = left_child(node);
    const auto right = right_child(node);
    const bool go_left = is_above(left, leaf);
    auto left_secret = expand_with_label(secret.view(), "tree", as_bytes("left"), hash_size);
    auto right_secret = expand_with_label(secret.view(), "tree", as_bytes("right"), hash_size);
    use.puts.emplace_back(StorageKey{Table::frontier, epoch_, go_left ? right : left, 0},
                          go_left ? std::move(right_secret) : std::move(left_secret));
    secret = go_left ? std::move(left_secret) : std::move(right_secret);
    node = go_left ? left : right;
  }
  Ratchet handshake{0, expand_with_label(secret.view(), "handshake", {}, hash_size), 0};
  Ratchet application{0, expand_with_label(secret.view(), "application", {}, hash_size), 0};
  auto& other = type == RatchetType::handshake ? application : handshake;
  const auto other_type = type == RatchetType::handshake ? RatchetType::application : RatchetType::handshake;
  use.puts.emplace_back(ratchet_key(leaf, other_type), encode_secret(other));
  return type == RatchetType::handshake ? std::move(handshake) : std::move(application);
}

Result<SecretTree::Ratchet> SecretTree::load_ratchet(LeafIndex leaf, RatchetType type, KeyUse& use) {
  if (leaf.value >= leaf_count_) return ErrorCode::KEY_CONSUMED;
  SOTTO_TRY_ASSIGN(auto stored, storage_.get(ratchet_key(leaf, type)));
  if (!stored) return derive_ratchets(leaf, type, use);
  auto ratchet = decode<Ratchet>(stored->view());
  if (!ratchet.ok()) return ErrorCode::CORRUPT;
  return ratchet;
}

Result<KeyUse> SecretTree::find_skipped(LeafIndex leaf, RatchetType type, std::uint32_t generation) {
  KeyUse use;
  StorageKey key = ratchet_key(leaf, type);
  SOTTO_TRY_ASSIGN(auto ratchet, load_ratchet(leaf, type, use));
  if (ratchet.skipped > 0) --ratchet.skipped;
  use.puts.emplace_back(key, encode_secret(ratchet));
  key.table = Table::skipped;
  key.generation = generation;
  SOTTO_TRY_ASSIGN(const auto stored, storage_.get(key));
  if (!stored) return ErrorCode::KEY_CONSUMED;
  Reader reader(stored->view());
  use.key.generation = generation;
  if (!assign_exact(use.key.key, reader.raw(crypto::AeadKey::size_bytes)) ||
      !assign_exact(use.key.nonce, reader.raw(crypto::AeadNonce::size_bytes))) {
    return ErrorCode::CORRUPT;
  }
  use.erases.push_back(key);
  return use;
}

Status SecretTree::drop_oldest_skipped(const StorageKey& ratchet, std::uint32_t count, KeyUse& use) {
  SOTTO_TRY_ASSIGN(const auto rows, storage_.scan(Table::skipped, epoch_, ratchet.index));
  for (std::size_t i = 0; i < std::min<std::size_t>(count, rows.size()); ++i) {
    use.erases.push_back({Table::skipped, epoch_, ratchet.index, rows[i].generation});
  }
  return {};
}

Result<KeyUse> SecretTree::find(LeafIndex leaf, RatchetType type, std::uint32_t generation) {
  KeyUse use;
  SOTTO_TRY_ASSIGN(auto ratchet, load_ratchet(leaf, type, use));
  if (generation < ratchet.next_generation) return find_skipped(leaf, type, generation);
  if (generation - ratchet.next_generation > limits::forward_jump ||
      generation == std::numeric_limits<std::uint32_t>::max()) {
    return ErrorCode::GENERATION_TOO_FAR;
  }
  const auto key = ratchet_key(leaf, type);
  std::uint32_t added = 0;
  for (auto g = static_cast<std::uint32_t>(ratchet.next_generation); g < generation; ++g) {
    if (generation - g <= limits::skipped_keys) {
      use.puts.emplace_back(StorageKey{Table::skipped, epoch_, key.index, g},
                            pack(message_key(ratchet.secret.view(), g)));
      ++added;
    }
    ratchet.secret = next_secret(ratchet.secret.view(), g);
  }
  use.key = message_key(ratchet.secret.view(), generation);
  ratchet.secret = next_secret(ratchet.secret.view(), generation);
  ratchet.next_generation = std::uint64_t{generation} + 1;
  if (ratchet.skipped + added > limits::skipped_keys) {
    const auto dropped = ratchet.skipped + added - limits::skipped_keys;
    SOTTO_TRY(drop_oldest_skipped(key, dropped, use));
    ratchet.skipped -= dropped;
  }
  ratchet.skipped += added;
  use.puts.emplace_back(key, encode_secret(ratchet));
  return use;
}

Result<KeyUse> SecretTree::next(LeafIndex leaf, RatchetType type) {
  KeyUse ignored;
  SOTTO_TRY_ASSIGN(const auto ratchet, load_ratchet(leaf, type, ignored));
  if (ratchet.next_generation >= std::numeric_limits<std::uint32_t>::max()) return ErrorCode::LIMIT_EXCEEDED;
  return find(leaf, type, static_cast<std::uint32_t>(ratchet.next_generation));
}

Status SecretTree::use(const KeyUse& key) {
  if (SOTTO_PLANTED(key_not_used_up)) return {};
  for (const auto& erased : key.erases) SOTTO_TRY(storage_.erase(erased));
  for (const auto& [where, value] : key.puts) SOTTO_TRY(storage_.put(where, value.view()));
  return {};
}

Status SecretTree::erase_ratchets(LeafIndex leaf) {
  SOTTO_TRY(storage_.erase(ratchet_key(leaf, RatchetType::handshake)));
  return storage_.erase(ratchet_key(leaf, RatchetType::application));
}

Status SecretTree::erase_epoch(GroupStorage& storage, std::uint64_t epoch) {
  for (const auto table : {Table::frontier, Table::ratchet, Table::skipped}) {
    SOTTO_TRY(storage.erase_all(table, epoch));
  }
  return {};
}

}  // namespace sotto::mls
