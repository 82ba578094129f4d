#include "sim/disk.h"

#include "support/catch.h"
#include "unit/sim/disk_workload.h"

namespace sotto::sim {
namespace {

using store::Synchronous;
using Verdict = Disk::Verdict;
using Op = Disk::Op;

bool contains(const std::vector<Rows>& list, const Rows& rows) { return std::ranges::find(list, rows) != list.end(); }

auto at(std::uint64_t number, Verdict verdict) {
  return [=](const Disk::Operation& operation) { return operation.number == number ? verdict : Verdict::proceed; };
}

/// The n-th operation of this kind, counted from now on.
auto nth(Op op, std::uint64_t n, Verdict verdict) {
  return [=, seen = std::uint64_t{0}](const Disk::Operation& operation) mutable {
    return operation.op == op && ++seen == n ? verdict : Verdict::proceed;
  };
}

struct Totals {
  std::uint64_t runs = 0;
  std::uint64_t lossy = 0;
  std::uint64_t reordering = 0;
  std::uint64_t garbled = 0;
  std::uint64_t torn = 0;
  std::uint64_t truncations = 0;
  std::uint64_t commits_lost = 0;

  void add(const Disk& disk) {
    ++runs;
    lossy += disk.counts().lossy_cuts;
    reordering += disk.counts().reordering_cuts;
    garbled += disk.counts().sectors_garbled;
    torn += disk.counts().writes_torn;
    truncations += disk.counts().truncations_lost;
  }
};

/// Ends the workload at every `stride`th operation in turn (three seeds: with 3 at every one), and checks what a new
/// process finds.
Totals end_everywhere(Verdict how, Synchronous synchronous, bool powersafe_overwrite, std::uint64_t stride) {
  Totals totals;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    for (std::uint64_t number = seed;; number += stride) {
      INFO("seed " << seed << ", operation " << number);
      reset_sqlite_randomness(seed);
      Disk disk(seed * 1'000'003 + number);
      disk.powersafe_overwrite = powersafe_overwrite;
      Workload workload(disk, synchronous);
      disk.decide = at(number, how);
      const auto status = workload.run();
      if (!disk.dead()) {
        REQUIRE(status.ok());
        REQUIRE(number > disk.operations());
        break;
      }
      disk.decide = nullptr;
      disk.start();
      const auto found = workload.recover();
      REQUIRE(found.ok());
      const bool kept = found.value() == workload.history().back() || contains(workload.in_doubt(), found.value());
      if (how == Verdict::kill || synchronous == Synchronous::full) {
        REQUIRE(kept);
      } else {
        REQUIRE((kept || contains(workload.history(), found.value())));
      }
      totals.commits_lost += kept ? 0U : 1U;
      totals.add(disk);
      // And so does the one after it.
      const auto again = workload.recover();
      REQUIRE(again.ok());
      REQUIRE(again.value() == found.value());
    }
  }
  return totals;
}

}  // namespace

TEST_CASE("with synchronous=FULL every commit survives a power cut at any operation", "[sim][disk]") {
  const bool powersafe_overwrite = GENERATE(false, true);
  const auto totals = end_everywhere(Verdict::power_cut, Synchronous::full, powersafe_overwrite, 3);
  // The cuts did cut.
  CHECK(totals.runs > 500);
  CHECK(totals.lossy > 100);
  CHECK(totals.reordering > 20);
  CHECK(totals.garbled > 20);
  CHECK(totals.torn > 20);
  CHECK(totals.truncations > 0);
  CHECK(totals.commits_lost == 0);
}

TEST_CASE("with synchronous=NORMAL a power cut takes commits, never the file", "[sim][disk]") {
  const bool powersafe_overwrite = GENERATE(false, true);
  const auto totals = end_everywhere(Verdict::power_cut, Synchronous::normal, powersafe_overwrite, 5);
  CHECK(totals.commits_lost > 0);
}

TEST_CASE("a kill at any operation loses nothing committed", "[sim][disk]") {
  const auto synchronous = GENERATE(Synchronous::full, Synchronous::normal);
  end_everywhere(Verdict::kill, synchronous, false, 7);
}

TEST_CASE("a database of a dead process can be destroyed while its successor writes", "[sim][disk]") {
  const bool power = GENERATE(false, true);
  std::uint64_t number = 0;
  for (bool ended = true; ended;) {
    number += 7;
    INFO("operation " << number);
    Disk disk(number);
    Workload workload(disk, Synchronous::full);
    auto old = workload.open();
    REQUIRE(old.ok());
    REQUIRE((*old)->run("CREATE TABLE t(id INTEGER PRIMARY KEY, value BLOB NOT NULL)").ok());
    auto in_transaction = store::Transaction::begin(**old);
    REQUIRE(in_transaction.ok());
    const std::uint64_t start = disk.operations();
    disk.decide = at(start + number, power ? Verdict::power_cut : Verdict::kill);
    for (int i = 0; i < 200 && !disk.dead(); ++i) {
      (void)(*old)->run("INSERT INTO t VALUES(?, ?)", i, Bytes(1500, 1));
    }
    ended = disk.dead();
    if (!ended) break;
    disk.decide = nullptr;
    disk.start();
    auto young = workload.open();
    REQUIRE(young.ok());
    REQUIRE((*young)->run("INSERT INTO t VALUES(1000, x'aa')").ok());
    auto& transaction = *in_transaction;
    CHECK_FALSE(transaction.commit().ok());
    { const auto gone = std::move(transaction); }
    old = ErrorCode::CLOSED;  // destroys the old Database
    REQUIRE((*young)->run("INSERT INTO t VALUES(1001, x'bb')").ok());
    young = ErrorCode::CLOSED;
    const auto rows = workload.recover();
    REQUIRE(rows.ok());
    REQUIRE(rows.value().has_value());
    CHECK(rows.value()->size() == 2);
  }
  CHECK(number > 50);
}

TEST_CASE("an operation that fails loses nothing committed", "[sim][disk]") {
  const Op op = GENERATE(Op::open, Op::read, Op::write, Op::truncate, Op::sync, Op::remove, Op::size);
  const auto then = GENERATE(Verdict::proceed, Verdict::kill, Verdict::power_cut);
  std::uint64_t errors = 0;
  std::uint64_t forgetting = 0;
  for (std::uint64_t n = 1;; n += 1 + n / 30) {
    INFO("operation kind " << static_cast<int>(op) << ", number " << n);
    reset_sqlite_randomness(n);
    Disk disk(n);
    disk.powersafe_overwrite = n % 2 == 0;
    Workload workload(disk, Synchronous::full);
    bool failed = false;
    std::uint64_t left = 1 + n * 7 % 60;  // operations from the failure to the end
    disk.decide = [&, fails = nth(op, n, Verdict::fail)](const Disk::Operation& operation) mutable {
      if (failed && --left == 0) return then;
      const auto verdict = failed ? Verdict::proceed : fails(operation);
      failed = failed || verdict == Verdict::fail;
      return verdict;
    };
    (void)workload.run(true);
    if (!failed) break;
    errors += workload.last_failure.ok() ? 0U : 1U;
    forgetting += disk.counts().forgetting_syncs;
    disk.decide = nullptr;
    disk.start();
    const auto found = workload.recover();
    REQUIRE(found.ok());
    REQUIRE((found.value() == workload.history().back() || contains(workload.in_doubt(), found.value())));
  }
  CHECK((errors > 0 || op == Op::truncate || op == Op::remove || op == Op::size));
  CHECK((forgetting > 0) == (op == Op::sync));
}

TEST_CASE("a database that opens is in WAL mode, whichever operation failed", "[sim][disk]") {
  std::uint64_t refused = 0;
  for (std::uint64_t number = 1;; ++number) {
    INFO("operation " << number);
    Disk disk(number);
    const Workload workload(disk, Synchronous::full);
    disk.decide = at(number, Verdict::fail);
    auto db = workload.open();
    if (disk.operations() < number) break;
    if (db.ok()) {
      CHECK((*db)->one<std::string>("PRAGMA journal_mode").value() == "wal");
    } else {
      ++refused;
    }
  }
  CHECK(refused > 5);
}

TEST_CASE("a commit whose sync fails is an error", "[sim][disk]") {
  Disk disk(1);
  Workload workload(disk, Synchronous::full);
  auto db = workload.open();
  REQUIRE(db.ok());
  REQUIRE((*db)->run("CREATE TABLE t(id INTEGER PRIMARY KEY, value BLOB NOT NULL)").ok());
  auto transaction = store::Transaction::begin(**db);
  REQUIRE(transaction.ok());
  REQUIRE((*db)->run("INSERT INTO t VALUES(1, x'01')").ok());
  disk.decide = nth(Op::sync, 1, Verdict::fail);
  const auto status = transaction->commit();
  REQUIRE_FALSE(status.ok());
  CHECK(status.code() == ErrorCode::IO_ERROR);
  CHECK(disk.counts().failed_syncs == 1);
}

TEST_CASE("a full disk is told, loses nothing, and the file goes on once there is room", "[sim][disk]") {
  Disk disk(1);
  Workload workload(disk, Synchronous::full);
  auto db = workload.open();
  REQUIRE(db.ok());
  REQUIRE((*db)->run("CREATE TABLE t(id INTEGER PRIMARY KEY, value BLOB NOT NULL)").ok());
  disk.capacity = disk.used() + 100'000;
  std::int64_t stored = 0;
  Status status;
  while (stored < 1000) {
    status = (*db)->run("INSERT INTO t VALUES(?, ?)", stored, Bytes(2000, 7));
    if (!status.ok()) break;
    ++stored;
  }
  REQUIRE_FALSE(status.ok());
  CHECK(status.code() == ErrorCode::DISK_FULL);
  CHECK(stored > 10);
  CHECK(disk.used() <= disk.capacity);
  CHECK(disk.counts().full_writes > 0);
  SECTION("after more room") { disk.capacity = 0; }
  SECTION("after a restart and more room") {
    disk.kill();
    disk.start();
    disk.capacity = 0;
    db = workload.open();
    REQUIRE(db.ok());
  }
  // After a restart the refused commit may be found: its record was written, the padding after it was not.
  const auto found = (*db)->one<std::int64_t>("SELECT count(*) FROM t").value().value_or(0);
  CHECK((found == stored || (found == stored + 1 && disk.counts().kills == 1)));
  CHECK((*db)->run("INSERT INTO t VALUES(?, ?)", found, Bytes(2000, 7)).ok());
  CHECK((*db)->one<std::string>("PRAGMA integrity_check").value() == "ok");
}

TEST_CASE("a write that the disk has no room for loses nothing, whichever it is", "[sim][disk]") {
  std::uint64_t told = 0;
  for (std::uint64_t n = 1;; n += 1 + n / 30) {
    INFO("write " << n);
    Disk disk(n);
    Workload workload(disk, Synchronous::full);
    disk.decide = nth(Op::write, n, Verdict::full);
    (void)workload.run(true);
    if (disk.counts().full_writes == 0) break;
    // Not told: of what closing does, and of what is done again later.
    if (!workload.last_failure.ok()) {
      CHECK(workload.last_failure.code() == ErrorCode::DISK_FULL);
      ++told;
    }
    const auto found = workload.recover();
    REQUIRE(found.ok());
    REQUIRE((found.value() == workload.history().back() || contains(workload.in_doubt(), found.value())));
  }
  CHECK(told > 20);
}

TEST_CASE("several connections see each other's commits, and one writes at a time", "[sim][disk]") {
  Disk disk(1);
  Workload workload(disk, Synchronous::full);
  auto writer = workload.open();
  REQUIRE(writer.ok());
  REQUIRE((*writer)->run("CREATE TABLE t(id INTEGER PRIMARY KEY, value BLOB NOT NULL)").ok());
  auto reader = (*writer)->open_reader();
  REQUIRE(reader.ok());
  const auto count = [](store::Database& db) { return db.one<std::int64_t>("SELECT count(*) FROM t").value(); };

  auto view = store::Transaction::begin(**reader, store::TransactionKind::read);
  REQUIRE(view.ok());
  CHECK(count(**reader) == 0);
  REQUIRE((*writer)->run("INSERT INTO t VALUES(1, x'01')").ok());
  CHECK(count(**reader) == 0);
  // The reader holds the WAL.
  CHECK_FALSE((*writer)->checkpoint(store::Checkpoint::truncate)->complete);
  { const auto gone = std::move(view.value()); }
  CHECK(count(**reader) == 1);
  CHECK((*writer)->checkpoint(store::Checkpoint::truncate)->complete);
  CHECK(disk.file_size("app/store.db-wal") == 0);

  std::int64_t slept_us = 0;
  disk.sleep = [&](int microseconds) { slept_us += microseconds; };
  auto second = workload.open();
  REQUIRE(second.ok());
  auto transaction = store::Transaction::begin(**writer);
  REQUIRE(transaction.ok());
  const auto refused = (*second)->run("INSERT INTO t VALUES(2, x'02')");
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.code() == ErrorCode::IN_USE);
  CHECK(slept_us > 1'000'000);
  REQUIRE(transaction->commit().ok());
  CHECK((*second)->run("INSERT INTO t VALUES(2, x'02')").ok());
  CHECK(count(**writer) == 2);
}

TEST_CASE("what was deleted is not left in the files after a checkpoint", "[sim][disk]") {
  Disk disk(1);
  Workload workload(disk, Synchronous::full);
  auto db = workload.open();
  REQUIRE(db.ok());
  REQUIRE((*db)->run("CREATE TABLE t(id INTEGER PRIMARY KEY, value BLOB NOT NULL)").ok());
  const Bytes secret = to_bytes("a key that must not be found");
  const auto leaks = [&] {
    return std::ranges::any_of(disk.files(), [&](const std::string& file) {
      const Bytes content = disk.content(file);
      return std::search(content.begin(), content.end(), secret.begin(), secret.end()) != content.end();
    });
  };
  REQUIRE((*db)->run("INSERT INTO t VALUES(1, ?)", secret).ok());
  CHECK(leaks());
  REQUIRE((*db)->run("DELETE FROM t").ok());
  CHECK(leaks());
  REQUIRE((*db)->checkpoint(store::Checkpoint::truncate).ok());
  CHECK_FALSE(leaks());
}

TEST_CASE("the same seed gives the same bytes", "[sim][disk]") {
  const auto run = [](std::uint64_t seed) {
    reset_sqlite_randomness(seed);
    Disk disk(seed);
    Workload workload(disk, Synchronous::normal);
    disk.decide = at(300, Verdict::power_cut);
    (void)workload.run();
    REQUIRE(disk.dead());
    std::vector<std::pair<std::string, Bytes>> out;
    for (const auto& file : disk.files()) out.emplace_back(file, disk.content(file));
    return out;
  };
  const auto first = run(1);
  CHECK(first == run(1));
  CHECK(first != run(2));
}

}  // namespace sotto::sim
