#include "client/big_store.h"

#include <sqlite3.h>

#include <filesystem>
#include <memory>
#include <vector>

#include "load/must.h"

namespace sotto::bench {

namespace {

struct Closer {
  void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
};
using Connection = std::unique_ptr<sqlite3, Closer>;

void run(sqlite3* db, const std::string& sql) {
  char* error = nullptr;
  if (sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &error) == SQLITE_OK) return;
  const std::string text = sql + ": " + error;
  sqlite3_free(error);
  give_up(text);
}

std::vector<std::string> column_of(sqlite3* db, const std::string& sql) {
  std::vector<std::string> out;
  const auto add = [](void* to, int, char** values, char**) {
    static_cast<std::vector<std::string>*>(to)->emplace_back(values[0]);
    return 0;
  };
  if (sqlite3_exec(db, sql.c_str(), add, &out, nullptr) != SQLITE_OK) give_up(sql);
  return out;
}

/// Rows of the template chat once for each new one, but for these columns.
void copy_rows(sqlite3* db, const std::string& table, const std::string& from, const std::string& position,
               const std::string& id) {
  std::string names;
  std::string values;
  for (const auto& column : column_of(db, "SELECT name FROM pragma_table_info('" + table + "')")) {
    names += (names.empty() ? "" : ", ") + column;
    values += values.empty() ? "" : ", ";
    if (column == "chat_id") {
      values += "new_chat.id";
    } else if (column == "position" && !position.empty()) {
      values += position;
    } else if (column == "client_message_id" && !id.empty()) {
      values += id;
    } else {
      values += "t." + column;
    }
  }
  run(db, "INSERT INTO " + table + "(" + names + ") SELECT " + values + " FROM " + from);
}

}  // namespace

void grow_store(const std::string& folder, std::uint64_t chats, std::uint64_t messages_a_chat) {
  std::string file;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".db") file = entry.path();
  }
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(file.c_str(), &raw, SQLITE_OPEN_READWRITE, nullptr);
  const Connection db(raw);
  if (code != SQLITE_OK) give_up("no store in " + folder);
  run(raw, "PRAGMA synchronous=OFF; PRAGMA cache_size=-262144; PRAGMA temp_store=MEMORY; BEGIN");
  run(raw, "CREATE TEMP TABLE old_chat AS SELECT chat_id FROM chat LIMIT 1");
  run(raw, "CREATE TEMP TABLE new_chat AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " +
               std::to_string(chats - 1) + ") SELECT randomblob(16) AS id, i FROM n");
  // In the order of their keys, as that is how the file is filled.
  run(raw,
      "CREATE TEMP TABLE sorted_chat AS SELECT id, i FROM new_chat ORDER BY id; DROP TABLE new_chat;"
      "ALTER TABLE sorted_chat RENAME TO new_chat");
  const auto tables = column_of(raw,
                                "SELECT m.name FROM sqlite_schema m WHERE m.type = 'table' AND EXISTS (SELECT 1 FROM"
                                " pragma_table_info(m.name) WHERE name = 'chat_id') ORDER BY m.name");
  for (const auto& table : tables) {
    if (table == "message" || table == "outbox") continue;
    copy_rows(raw, table, "new_chat JOIN " + table + " t WHERE t.chat_id = (SELECT chat_id FROM old_chat)", {}, {});
  }
  run(raw, "CREATE TEMP TABLE newest AS SELECT * FROM message ORDER BY position DESC LIMIT 1");
  run(raw, "CREATE TEMP TABLE number AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " +
               std::to_string(messages_a_chat) + ") SELECT i FROM n");
  copy_rows(raw, "message", "new_chat CROSS JOIN number CROSS JOIN newest t", "number.i", "randomblob(16)");
  run(raw, "COMMIT; PRAGMA wal_checkpoint(TRUNCATE)");
}

}  // namespace sotto::bench
