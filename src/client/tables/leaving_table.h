// What becomes of this device at the relay: its push token, and whether it is leaving. One row each.
#pragma once

#include <optional>
#include <string>

#include "sotto/message.h"
#include "store/database.h"

namespace sotto::client {

/// Numbers are stored.
enum class LeavingKind : std::uint8_t { delete_account = 1, erase = 2, logged_out = 3 };

class LeavingTable {
 public:
  explicit LeavingTable(store::Database& db) : db_(db) {}

  Result<std::optional<LeavingKind>> load();
  Status set(std::optional<LeavingKind> kind);
  /// Empties all tables; files of attachments are left to be removed.
  Status erase_store();

 private:
  store::Database& db_;
};

struct PushTokenRow {
  std::string token;
  Urgency at_least = Urgency::normal;
  /// The incarnation of the relay that has it; nothing: none has.
  std::optional<Bytes> told_to;
};

class PushTokenTable {
 public:
  explicit PushTokenTable(store::Database& db) : db_(db) {}

  Result<std::optional<PushTokenRow>> load();
  /// One that no relay knows yet.
  Status set(const std::string& token, Urgency at_least);
  Status set_told_to(const std::optional<Bytes>& incarnation);
  Status remove();

 private:
  store::Database& db_;
};

}  // namespace sotto::client
