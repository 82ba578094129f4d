// One connection to an SQLite file, with the settings that Sotto relies on. Knows nothing of what is stored.
//
//   SOTTO_TRY_ASSIGN(auto db, Database::open(path, {}));
//   SOTTO_TRY(migrate(*db, migrations, application_id));
//   SOTTO_TRY_ASSIGN(auto transaction, Transaction::begin(*db));
//   SOTTO_TRY(db->run("INSERT INTO chat(id, name) VALUES(?, ?)", chat_id, name));
//   SOTTO_TRY_ASSIGN(auto name, db->one<std::string>("SELECT name FROM chat WHERE id = ?", chat_id));  // optional
//   SOTTO_TRY(db->query("SELECT id FROM chat WHERE seq > ?", seq, [&](const Row& row) { ... row.get<ChatId>(0) ... }));
//   SOTTO_TRY(transaction.commit());
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>

#include "base/try.h"
#include "store/lease.h"
#include "store/statement.h"

struct sqlite3;

namespace sotto::store {

enum class Synchronous {
  /// A commit survives a crash of the process; a power cut may take the last ones, never the file.
  normal,
  /// A commit survives a power cut.
  full,
};

enum class Sharing {
  /// No lease is taken: for tests, and where the caller holds its own.
  no_lease,
  /// The write lease of the file is held as long as the Database lives; IN_USE if another holds it.
  lease,
};

struct OpenOptions {
  Synchronous synchronous = Synchronous::full;
  Sharing sharing = Sharing::no_lease;
  /// Of a new file; an existing one keeps its own. A power of two, 512..65536.
  int page_size = 4096;
  /// How long a statement waits for another connection's lock before IN_USE.
  std::chrono::milliseconds busy_timeout{5000};
  /// SQLite's page cache of this connection.
  int cache_kib = 2048;
  /// Pages in the WAL from which on a commit copies them into the file.
  int checkpoint_pages = 1000;
  /// A registered VFS (encryption, faults); empty: the system's. Ignored for ":memory:".
  std::string vfs;
};

enum class Checkpoint {
  /// Copies what no reader holds back; never waits, leaves the WAL's length.
  passive,
  /// Copies all and cuts the WAL to zero: what was deleted is then gone from the WAL, too.
  truncate,
};

struct CheckpointResult {
  /// False if a reader or a writer held it back: try again later.
  bool complete = false;
  int wal_frames = 0;
  int copied_frames = 0;
};

struct CachedStatement {
  sqlite3_stmt* statement = nullptr;
  bool lent = false;
};

/// Used by one thread at a time; other threads read through a reader of their own (`open_reader`).
class Database {
 public:
  /// Opens or creates `path` (":memory:" for a private database in memory, which `open_reader` can share): WAL,
  /// foreign keys, secure_delete, incremental auto-vacuum, temporary data in memory only, untrusted schema, mode 0600.
  /// CORRUPT if it is no database, IN_USE, IO_ERROR, DISK_FULL.
  static Result<std::unique_ptr<Database>> open(const std::string& path, const OpenOptions& options);

  /// A connection to an existing file that only reads, whoever else has it open for writing. No migration, no lease.
  /// NOT_FOUND if there is no such file; else as `open`.
  static Result<std::unique_ptr<Database>> open_existing(const std::string& path, const OpenOptions& options);

  /// A second, read-only connection to the same file, for another thread. Each of its statements (or read
  /// transactions) sees one committed state and never waits for the writer. In memory there is no WAL: there a reader
  /// must not overlap a write transaction (else IN_USE after the busy timeout). May be called from any thread, and the
  /// reader may outlive this Database.
  Result<std::unique_ptr<Database>> open_reader() const;

  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  /// Rolls back what is open. All Statements and Transactions must be gone.
  ~Database();

  /// The statement for one SQL command, from the cache if it is there; `args` are copied and bound from 1 on.
  template <typename... Args>
  Result<Statement> prepare(std::string_view sql, const Args&... args) {
    SOTTO_TRY_ASSIGN(auto statement, lend(sql));
    statement.bind_all(args...);
    return statement;
  }

  /// Runs one command to its end.
  template <typename... Args>
  Status run(std::string_view sql, const Args&... args) {
    SOTTO_TRY_ASSIGN(auto statement, lend(sql));
    borrow(statement, args...);
    return statement.run();
  }

  /// `query(sql, args..., callback)`: calls `callback(const Row&)` for each row. The callback returns nothing, or
  /// bool (false: stop here), or Status (an error stops and is returned). It may use this Database.
  template <typename... ArgsAndCallback>
  Status query(std::string_view sql, ArgsAndCallback&&... args_and_callback) {
    static_assert(sizeof...(ArgsAndCallback) > 0);
    constexpr std::size_t count = sizeof...(ArgsAndCallback) - 1;
    auto all = std::forward_as_tuple(args_and_callback...);
    SOTTO_TRY_ASSIGN(auto statement, lend(sql));
    [&]<std::size_t... I>(std::index_sequence<I...>) { borrow(statement, std::get<I>(all)...); }
    (std::make_index_sequence<count>{});
    return for_each(statement, std::get<count>(all));
  }

  /// The first row: `one<T>` gives optional<T>, `one<T, U...>` optional<tuple<T, U...>>; nothing if there is no row.
  /// The types are those of `Row::get`, views excepted.
  template <typename First, typename... Rest, typename... Args>
  auto one(std::string_view sql, const Args&... args)
      -> Result<std::optional<std::conditional_t<sizeof...(Rest) == 0, First, std::tuple<First, Rest...>>>> {
    static_assert(!std::is_same_v<First, ByteView> && !std::is_same_v<First, std::string_view>);
    using Value = std::conditional_t<sizeof...(Rest) == 0, First, std::tuple<First, Rest...>>;
    SOTTO_TRY_ASSIGN(auto statement, lend(sql));
    borrow(statement, args...);
    SOTTO_TRY_ASSIGN(const bool found, statement.step());
    if (!found) return std::optional<Value>();
    std::optional<Value> value;
    if constexpr (sizeof...(Rest) == 0) {
      value.emplace(statement.template get<First>(0));
    } else {
      [&]<std::size_t... I>(std::index_sequence<I...>) {
        value.emplace(Value{statement.template get<std::tuple_element_t<I, Value>>(static_cast<int>(I))...});
      }
      (std::make_index_sequence<sizeof...(Rest) + 1>{});
    }
    SOTTO_TRY(statement.status());
    return value;
  }

  /// Runs several commands, as of a migration; no parameters, rows are ignored.
  Status execute_script(std::string_view sql);

  /// Rows that the last INSERT, UPDATE or DELETE touched.
  [[nodiscard]] std::int64_t changes() const;
  [[nodiscard]] std::int64_t last_insert_id() const;
  [[nodiscard]] bool in_transaction() const;

  /// Waits at most `patience` for readers; "held back" is a result, not an error. Not inside a transaction.
  Result<CheckpointResult> checkpoint(Checkpoint kind,
                                      std::chrono::milliseconds patience = std::chrono::milliseconds(0));
  /// Writes one committed state, with all that was ever deleted left out, to the new file `path` (mode 0600) and syncs
  /// it. Others may write meanwhile; checkpoints wait until it is done. ALREADY_EXISTS, DISK_FULL, IO_ERROR, CORRUPT;
  /// after an error there is no file. Not inside a transaction.
  Status copy_to(const std::string& path);
  /// CORRUPT with SQLite's first finding if the file's structure is damaged. Reads the whole file.
  Status check_structure();
  /// Bytes of the WAL file now; 0 in memory.
  [[nodiscard]] std::uint64_t wal_size() const;
  /// Pages that hold nothing.
  Result<std::int64_t> free_pages();
  /// Gives up to `max_pages` of them back to the file system; the file shrinks at the next checkpoint.
  Status release_free_pages(std::int64_t max_pages);

 private:
  friend class Statement;
  friend class Transaction;
  friend class Savepoint;
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };

  Database(sqlite3* handle, std::string name, OpenOptions options);
  static Result<std::unique_ptr<Database>> connect(const std::string& name, const OpenOptions& options, int flags);
  Status configure_common();
  Status configure_writer();

  Result<Statement> lend(std::string_view sql);
  template <typename... Args>
  static void borrow(Statement& statement, const Args&... args) {
    [[maybe_unused]] int index = 0;
    (statement.bind_as(++index, args, Statement::Lifetime::borrowed), ...);
  }
  template <typename Callback>
  Status for_each(Statement& statement, Callback& callback) {
    using Returned = std::invoke_result_t<Callback&, const Row&>;
    for (;;) {
      SOTTO_TRY_ASSIGN(const bool found, statement.step());
      if (!found) return {};
      const Row& row = statement;
      if constexpr (std::is_void_v<Returned>) {
        callback(row);
      } else if constexpr (std::is_same_v<Returned, bool>) {
        if (!callback(row)) return statement.status();
      } else {
        SOTTO_TRY(callback(row));
      }
      SOTTO_TRY(statement.status());
    }
  }

  [[nodiscard]] sqlite3* handle() const { return handle_; }
  /// An error once SQLite has rolled back the open Transaction by itself (full disk, I/O error): what follows in it
  /// must not run outside of it.
  [[nodiscard]] Status usable() const;
  void note_failure(const Error& error);
  /// The open Transaction can only be rolled back any more.
  void lose_transaction(int code) noexcept;

  sqlite3* handle_;
  std::string name_;
  OpenOptions options_;
  std::optional<Lease> lease_;
  std::unordered_map<std::string, CachedStatement, TextHash, std::equal_to<>> cache_;
  bool transaction_open_ = false;
  std::optional<Error> transaction_lost_;
};

}  // namespace sotto::store
