// Own messages that the relay has not confirmed yet, and changes that are not in the log yet.
#pragma once

#include <optional>
#include <vector>

#include "base/ids.h"
#include "crypto/keys.h"
#include "sotto/message.h"
#include "store/database.h"
#include "wire/client_store.h"
#include "wire/message.h"

namespace sotto::client {

struct OutboxRow {
  ChatId chat;
  std::int64_t place = 0;
  ClientMessageId id;
  /// Given when the row is first encrypted; kept through retries and re-encryption.
  std::optional<std::uint64_t> n;
  /// What every retry sends again, byte for byte.
  std::optional<Bytes> ciphertext;
  std::uint32_t generation = 0;
  std::uint64_t after_handshake = 0;
  Urgency urgency = Urgency::normal;
};

class OutboxTable {
 public:
  explicit OutboxTable(store::Database& db) : db_(db) {}

  Status insert(const ChatId& chat, std::int64_t place, const ClientMessageId& id, Urgency urgency = Urgency::normal);
  /// The first rows of a chat, in order.
  Result<std::vector<OutboxRow>> head(const ChatId& chat, std::size_t limit);
  Result<std::optional<OutboxRow>> find(const ChatId& chat, const ClientMessageId& id);
  Result<std::optional<OutboxRow>> find(const ChatId& chat, std::int64_t place);
  Status set_encrypted(const OutboxRow& row);
  Status remove(const ChatId& chat, std::int64_t place);
  /// Rows from this place on are encrypted anew, under the n that they have.
  Status drop_ciphertexts(const ChatId& chat, std::int64_t from_place);
  /// Rows from this place on are encrypted anew under new numbers.
  Status drop_numbers(const ChatId& chat, std::int64_t from_place);
  /// All rows of a chat, for when it ends.
  Result<std::vector<ClientMessageId>> take_all(const ChatId& chat);
  Result<std::vector<ChatId>> chats();

 private:
  store::Database& db_;
};

/// What an intent is about. Numbers are stored.
enum class IntentKind : std::uint8_t {
  create = 1,
  add = 2,
  remove = 3,
  rename = 4,
  refresh = 5,
  repair = 6,
  /// `user` goes; who comes is named by the key packages.
  replace = 7,
};

struct IntentRow {
  std::int64_t id = 0;
  ChatId chat;
  IntentKind kind = IntentKind::create;
  std::optional<UserId> user;
  std::string text;
  wire::StoredPackages packages;
  std::optional<wire::StoredRequest> request;
  std::optional<crypto::Sha256Digest> stub_hash;
  std::optional<crypto::Sha256Digest> commit_id;
  std::uint32_t attempts = 0;
};

class IntentTable {
 public:
  explicit IntentTable(store::Database& db) : db_(db) {}

  /// Gives the intent its id.
  Result<std::int64_t> insert(const IntentRow& row, std::int64_t created_at);
  /// The next one to be carried out.
  Result<std::optional<IntentRow>> first(const ChatId& chat);
  Result<std::optional<IntentRow>> find(std::int64_t id);
  Result<std::optional<IntentRow>> find_by_stub(const ChatId& chat, const crypto::Sha256Digest& stub_hash);
  Result<std::optional<IntentRow>> find_by_commit(const ChatId& chat, const crypto::Sha256Digest& commit_id);
  Result<bool> has(const ChatId& chat, IntentKind kind);
  Status update(const IntentRow& row);
  /// What was staged for a slot that is decided; the founding of a chat stays.
  Status drop_staged(const ChatId& chat);
  Status remove(std::int64_t id);
  Result<std::vector<std::int64_t>> ids(const ChatId& chat);
  Result<std::vector<ChatId>> chats();

 private:
  store::Database& db_;
};

}  // namespace sotto::client
