#include "relay/backend/sqlite_store.h"

#include "base/test_hooks.h"
#include "base/try.h"
#include "relay/backend/sqlite_schema.h"

namespace sotto::relay {

namespace {

constexpr std::size_t incarnation_bytes = 16;
/// Given back a call, so that a call stays short: 8 MiB of pages of 4 KiB.
constexpr std::int64_t pages_released = 2048;

}  // namespace

Result<std::shared_ptr<SqliteStore>> SqliteStore::open(std::unique_ptr<store::Database> db, Random& random,
                                                       bool restored, std::size_t young_segments) {
  std::shared_ptr<SqliteStore> out(new SqliteStore(std::move(db), young_segments));
  SOTTO_TRY(store::migrate(*out->db_, sqlite_migrations(), sqlite_application_id));
  SOTTO_TRY(out->load_identity(random, restored));
  SOTTO_TRY(out->load_young());
  SOTTO_TRY(out->count_all());
  return out;
}

Status SqliteStore::load_identity(Random& random, bool restored) {
  SOTTO_TRY_ASSIGN(auto transaction, store::Transaction::begin(*db_));
  SOTTO_TRY_ASSIGN(const auto row, (db_->one<Bytes, std::uint64_t>("SELECT incarnation, last_revision FROM store")));
  if (row && !restored) {
    std::tie(incarnation_, last_revision_) = *row;
    if (incarnation_.size() != incarnation_bytes) return Error(ErrorCode::CORRUPT, "incarnation of the wrong size");
    return {};
  }
  incarnation_.resize(incarnation_bytes);
  random.fill(incarnation_);
  if (row) last_revision_ = std::get<1>(*row);
  SOTTO_TRY(
      db_->run("INSERT INTO store(id, incarnation, last_revision) VALUES(1, ?, ?)"
               " ON CONFLICT(id) DO UPDATE SET incarnation = excluded.incarnation",
               incarnation_, last_revision_));
  return transaction.commit();
}

Status SqliteStore::count_all() {
  // By an index.
  SOTTO_TRY_ASSIGN(const auto entries, db_->one<std::uint64_t>("SELECT count(*) FROM log_entry"));
  totals_.entries = entries.value_or(0) + young_.count();
  return {};
}

Status SqliteStore::begin(std::size_t writes) {
  revision_moved_ = false;
  refused_.clear();
  writes_ = writes;
  began_ = std::chrono::steady_clock::now();
  totals_before_ = totals_;
  auto transaction =
      store::Transaction::begin(*db_, writes > 0 ? store::TransactionKind::write : store::TransactionKind::read);
  if (!transaction.ok()) {
    write_ended(false);
    return transaction.error();
  }
  transaction_.emplace(std::move(*transaction));
  return {};
}

void SqliteStore::write_ended(bool well) {
  if (!well) totals_ = totals_before_;
  const auto writes = std::exchange(writes_, 0);
  if (writes == 0) return;
  commits_.failing = !well;
  if (!well) {
    ends_.clear();
    SOTTO_PLANTED(segment_not_rolled_back) ? young_.commit() : young_.roll_back();
    ++commits_.failures;
    return;
  }
  young_.commit();
  commits_.writes.observe(static_cast<double>(writes));
  commits_.seconds.observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count());
}

Status SqliteStore::probe() {
  SOTTO_TRY(begin(1));
  const auto written = db_->run("UPDATE store SET last_revision = ?", last_revision_);
  if (written.ok()) return commit();
  roll_back();
  return written;
}

Status SqliteStore::commit() {
  if (!transaction_) return Error(ErrorCode::INTERNAL, "no run was begun");
  Status done = store_young();
  if (done.ok() && revision_moved_) done = db_->run("UPDATE store SET last_revision = ?", last_revision_);
  if (done.ok()) done = transaction_->commit();
  transaction_.reset();
  write_ended(done.ok());
  return done;
}

void SqliteStore::roll_back() {
  transaction_.reset();
  write_ended(false);
}

Status SqliteStore::clean_up(std::uint64_t rewrite_bytes) {
  if (transaction_) return Error(ErrorCode::INTERNAL, "a run is open");
  const Status tidied = tidy_young();
  SOTTO_TRY_ASSIGN(const auto pages, db_->one<std::uint64_t>("PRAGMA page_count"));
  SOTTO_TRY_ASSIGN(const auto page_size, db_->one<std::uint64_t>("PRAGMA page_size"));
  // secure_delete zeroes a row where it lies; but where SQLite moved rows to a neighbouring page before, a copy may
  // stand in the unused part of the old page until that is written anew. Rewriting the file leaves no such part.
  Status freed;
  untidy_ = false;
  if (residue_ && pages.value_or(0) * page_size.value_or(0) <= rewrite_bytes) {
    freed = db_->execute_script("VACUUM");
    if (freed.ok()) residue_ = false;
  } else {
    SOTTO_TRY_ASSIGN(const auto free, db_->free_pages());
    freed = db_->release_free_pages(std::min(free, pages_released));
    untidy_ = freed.ok() && free > pages_released;
  }
  // Also with a full disk: it is the checkpoint that makes room.
  SOTTO_TRY_ASSIGN(const auto result, db_->checkpoint(store::Checkpoint::truncate));
  if (!result.complete) return Error(ErrorCode::UNAVAILABLE, "a reader holds the checkpoint back");
  if (untidy_) return Error(ErrorCode::UNAVAILABLE, "more space is to be given back");
  return freed.ok() ? tidied : freed;
}

}  // namespace sotto::relay
