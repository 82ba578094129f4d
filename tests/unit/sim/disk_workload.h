// A database's life on a simulated disk, and what must be left of it.
#pragma once

#include <map>
#include <optional>

#include "sim/disk.h"
#include "store/transaction.h"

namespace sotto::sim {

/// Rows of the table by id; nothing: there is no table yet.
using Rows = std::optional<std::map<std::int64_t, Bytes>>;

constexpr const char* database_name = "app/store.db";

class Workload {
 public:
  Workload(Disk& disk, store::Synchronous synchronous) : disk_(disk), synchronous_(synchronous) {}

  Result<std::unique_ptr<store::Database>> open() const {
    store::OpenOptions options;
    options.synchronous = synchronous_;
    options.page_size = 1024;
    options.cache_kib = 8;  // so that long transactions spill
    options.vfs = disk_.vfs_name();
    return store::Database::open(database_name, options);
  }

  /// Commits, checkpoints, VACUUM, closing and opening again. Errors end it, or (`stubborn`) the step only.
  Status run(bool stubborn = false) {
    const auto goes_on = [&](const Status& status) {
      if (!status.ok()) last_failure = status;
      return status.ok() || (stubborn && !disk_.dead());
    };
    for (int round = 0; round < 2; ++round) {
      auto db = open();
      if (!goes_on(db.ok() ? Status() : Status(db.error()))) return last_failure;
      if (!db.ok()) continue;
      for (int step = 0; step < 5; ++step) {
        if (!goes_on(change(**db, round * 6 + step))) return last_failure;
        if (step == 1 && !goes_on(checkpoint(**db, store::Checkpoint::passive))) return last_failure;
        if (step == 3 && !goes_on(checkpoint(**db, store::Checkpoint::truncate))) return last_failure;
      }
      if (!goes_on((*db)->run("VACUUM"))) return last_failure;
      if (!goes_on(change(**db, round * 6 + 5))) return last_failure;
      if (!goes_on((*db)->release_free_pages(100))) return last_failure;
    }
    return {};
  }

  /// One state more than commits that succeeded, from the empty one on.
  [[nodiscard]] const std::vector<Rows>& history() const { return history_; }
  /// What it tried to commit last, if it got an error for it.
  [[nodiscard]] const std::vector<Rows>& in_doubt() const { return in_doubt_; }
  Status last_failure;

  /// What a new process finds. The integrity check is an error of its own.
  Result<Rows> recover() const {
    SOTTO_TRY_ASSIGN(auto db, open());
    SOTTO_TRY_ASSIGN(const auto check, db->one<std::string>("PRAGMA integrity_check"));
    if (check != "ok") return Error(ErrorCode::CORRUPT, check.value_or(""));
    SOTTO_TRY_ASSIGN(const auto tables, db->one<std::int64_t>("SELECT count(*) FROM sqlite_schema WHERE name='t'"));
    if (tables == 0) return Rows();
    Rows rows(std::in_place);
    SOTTO_TRY(db->query("SELECT id, value FROM t",
                        [&](const store::Row& row) { rows->emplace(row.get<std::int64_t>(0), row.get<Bytes>(1)); }));
    return rows;
  }

 private:
  Status checkpoint(store::Database& db, store::Checkpoint kind) {
    const auto result = db.checkpoint(kind);
    return result.ok() ? Status() : Status(result.error());
  }

  Status change(store::Database& db, int step) {
    Rows rows = history_.back();
    const auto status = commit(db, step, rows);
    if (status.ok()) {
      history_.push_back(std::move(rows));
      in_doubt_.clear();
    } else {
      in_doubt_.push_back(std::move(rows));
    }
    return status;
  }

  /// `rows` becomes what is in doubt from the first moment on.
  static Status commit(store::Database& db, int step, Rows& rows) {
    const Rows before = rows;
    const bool creates = !rows;
    if (creates) rows.emplace();
    std::vector<std::pair<std::int64_t, Bytes>> added;
    for (int i = 0; i < (step % 4 == 3 ? 14 : 2); ++i) {
      const auto size = static_cast<std::size_t>((step * 131 + i * 577) % 1700);
      added.emplace_back(step * 100 + i, Bytes(size, static_cast<std::uint8_t>(step * 16 + i)));
    }
    std::optional<std::int64_t> deleted;
    if (step % 3 == 2 && !rows->empty()) deleted = rows->rbegin()->first;
    if (deleted) std::erase_if(*rows, [&](const auto& row) { return row.first > *deleted - 90; });
    for (const auto& [id, value] : added) rows->emplace(id, value);

    SOTTO_TRY_ASSIGN(auto transaction, store::Transaction::begin(db));
    if (creates) SOTTO_TRY(db.run("CREATE TABLE t(id INTEGER PRIMARY KEY, value BLOB NOT NULL)"));
    if (deleted) SOTTO_TRY(db.run("DELETE FROM t WHERE id > ?", *deleted - 90));
    for (const auto& [id, value] : added) SOTTO_TRY(db.run("INSERT INTO t(id, value) VALUES(?, ?)", id, value));
    return transaction.commit();
  }

  Disk& disk_;
  store::Synchronous synchronous_;
  std::vector<Rows> history_{Rows()};
  std::vector<Rows> in_doubt_;
};

}  // namespace sotto::sim
