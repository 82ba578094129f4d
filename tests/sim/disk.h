// The simulated disk: files in memory behind an SQLite VFS, which can fail, fill up, and lose power.
//
//   Disk disk(seed);
//   options.vfs = disk.vfs_name();                      // store::OpenOptions; Sharing::no_lease
//   disk.decide = [&](const Disk::Operation& operation) {
//     return operation.number == 1234 ? Disk::Verdict::power_cut : Disk::Verdict::proceed;
//   };
//   ... until disk.dead(): destroy the databases (now or later), disk.start(), open them again
//
// What it models. A disk of sectors of 512 bytes, behind a page cache. Each file has what the OS shows, what is
// durable, and the changes in between (writes, truncations; of the directory: creations and removals) in their order. A
// kill of the process leaves what the OS shows. A power cut leaves what is durable and, of the changes since, one of:
//   - nothing;
//   - everything;
//   - those up to one of them, which is torn: its first sectors are there;
//   - any: each write whole, not at all, or each of its sectors by chance; so a later write may be there without an
//     earlier one, and a sector may hold an older one of several writes. Truncations, creations, removals: by chance.
// In the last two a sector that was being written may be full of garbage instead. One of these is chosen for the whole
// disk or for each file apart.
//   A sync makes the changes of its file durable, with its name in the directory. As SQLite's Unix VFS does, the first
// sync through a handle that may have created a journal or a WAL syncs the directory also; so does a removal with
// syncDir. Any other removal may be undone by a power cut until then.
//   A failing write (also of a full disk) may have written its first bytes. A failing sync either changes nothing, the
// changes wait for the next; or, as Linux does (`failed_sync_forgets`), some sectors became durable and the others are
// forgotten: still shown, but no later sync makes them durable, unless they are written again.
//
// What it does not model: bytes that rot at rest, garbage in sectors that nobody wrote, a sync that lies, shared
// memory that survives the process (SQLite's Unix VFS clears it, too, when the first process opens it), directories (a
// name is a name; its directory is what is before the last '/').
//
// Where SQLite ends. SQLite promises nothing of its files after a failed sync on a system that forgets; it survives
// what is simulated here, which is the harshest that it does survive:
//   - Forgotten bytes are shown until the last handle of their file is closed or the process is killed; then the OS
//     shows what a power cut would leave. If it went on showing them (a real page cache may), SQLite's recovery would
//     find the commit record of the transaction whose commit failed in the WAL and append to it; the checksums of all
//     later transactions then chain on frames that are not durable, and a power cut loses these, though committed.
//   - With synchronous=NORMAL it does not survive forgetting at all: committed frames wait in the WAL without sync; if
//     the checkpoint's sync forgets them, the next checkpoint copies them into the database as if they were durable,
//     and a power cut in the middle of that copy leaves a mix of old and new pages. Set `failed_sync_forgets` to false.
//   - With `powersafe_overwrite` false it does not survive forgetting either: the WAL is padded to a sector by frames
//     whose end is written after the commit's sync. If the next transaction's sync fails and forgets that end, the one
//     after it is appended behind a frame that is not durable, and a power cut loses it, though committed.
//   - Nor does it then survive two power cuts: if the first one loses the end of such a frame, recovery goes on right
//     behind the commit before it, in the middle of a sector; if the second damages that sector, the commit is lost.
//   - A second connection that checkpoints while the first writes a transaction larger than its cache has the same gap.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/random.h"

namespace sotto::sim {

class DiskFile;
struct DiskVfs;
struct Cut;

/// What happened so far: a run whose faults never bite has tested nothing.
struct DiskCounts {
  std::uint64_t kills = 0;
  std::uint64_t power_cuts = 0;
  /// Power cuts that lost any change, and those after which a later change was there without an earlier one.
  std::uint64_t lossy_cuts = 0;
  std::uint64_t reordering_cuts = 0;
  /// Sectors of unsynced writes; one that several writes touched counts for each.
  std::uint64_t sectors_kept = 0;
  std::uint64_t sectors_lost = 0;
  std::uint64_t sectors_garbled = 0;
  /// Writes of which a power cut left some sectors but not all.
  std::uint64_t writes_torn = 0;
  std::uint64_t truncations_lost = 0;
  std::uint64_t creations_lost = 0;
  std::uint64_t removals_undone = 0;
  std::uint64_t failed_syncs = 0;
  /// Failed syncs that forgot something.
  std::uint64_t forgetting_syncs = 0;
  /// Writes refused for want of space, by `capacity` or by a verdict.
  std::uint64_t full_writes = 0;
};

/// Used by one thread. Deterministic from the seed: no clock, no address, no hash order.
class Disk {
 public:
  enum class Op { open, read, write, truncate, sync, remove, size };
  struct Operation {
    Op op;
    std::string_view file;
    std::uint64_t offset;
    /// Bytes read or written.
    std::size_t size;
    /// Of this disk, from 1 on; restarts do not reset it.
    std::uint64_t number;
  };
  enum class Verdict {
    proceed,
    /// The operation's SQLITE_IOERR; SQLITE_CANTOPEN for `open`.
    fail,
    /// SQLITE_FULL for `write`; the others proceed.
    full,
    /// The process dies before the operation.
    kill,
    /// The machine dies before the operation or in the middle of it.
    power_cut,
  };

  /// Registers a VFS.
  explicit Disk(std::uint64_t seed);
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;
  /// Every database on it must be closed.
  ~Disk();

  [[nodiscard]] const std::string& vfs_name() const;

  /// Asked at each operation; empty: proceed always.
  std::function<Verdict(const Operation&)> decide;
  /// Bytes of all files together above which no file grows; 0: no limit.
  std::uint64_t capacity = 0;
  /// Whether a failing sync may forget; see above.
  bool failed_sync_forgets = true;
  /// True: as SQLite assumes by default on Linux, a torn write damages only the bytes it writes. False: the whole
  /// sectors that it touches, for which SQLite pads its WAL. Set it while no database is open.
  bool powersafe_overwrite = false;
  /// SQLite's clock, Unix time in milliseconds.
  std::function<std::int64_t()> now_ms = [] { return std::int64_t{1'700'000'000'000}; };
  /// SQLite sleeps between attempts at a lock; empty: it does not wait.
  std::function<void(int microseconds)> sleep;

  /// The process dies now: every handle is dead for ever (its operations fail, it can still be closed), locks and
  /// shared memory are gone, the files are as the OS has them.
  void kill();
  /// As `kill`, and unsynced changes are lost in part.
  void power_cut();
  /// After one of these, until `start`; nothing can be opened.
  [[nodiscard]] bool dead() const { return dead_; }
  /// The process is started again.
  void start() { dead_ = false; }

  [[nodiscard]] std::uint64_t operations() const { return operations_; }
  [[nodiscard]] const DiskCounts& counts() const { return counts_; }
  /// Of what the OS shows.
  [[nodiscard]] std::uint64_t used() const { return used_; }
  /// 0 if there is no such file.
  [[nodiscard]] std::uint64_t file_size(std::string_view file) const;
  /// Sorted.
  [[nodiscard]] std::vector<std::string> files() const;
  /// What the OS shows; empty if there is no such file.
  [[nodiscard]] Bytes content(std::string_view file) const;

 private:
  friend struct DiskVfs;
  using Names = std::map<std::string, std::shared_ptr<DiskFile>, std::less<>>;
  /// Of the directory; without a file: a removal.
  struct NameChange {
    std::uint64_t number;
    std::string name;
    std::shared_ptr<DiskFile> file;
  };

  Verdict ask(Op op, std::string_view file, std::uint64_t offset, std::size_t size);
  [[nodiscard]] std::shared_ptr<DiskFile> find(std::string_view name) const;
  std::shared_ptr<DiskFile> create(const std::string& name);
  void remove(const std::string& name);
  [[nodiscard]] bool is_shown(const DiskFile& file) const;
  /// The part of `bytes` that fits is written; false if that is not all.
  bool write(DiskFile& file, std::uint64_t offset, ByteView bytes);
  void write_part(DiskFile& file, std::uint64_t offset, ByteView bytes);
  void truncate(DiskFile& file, std::uint64_t size);
  void sync(DiskFile& file);
  /// The directory of the file of this name.
  void sync_directory(std::string_view name);
  void fail_sync(DiskFile& file);
  void close(DiskFile& file);

  template <typename Predicate>
  void settle_names(Predicate&& keep);
  void apply(const NameChange& change);
  Cut choose_cut();
  void end_process();
  void count_used();

  SeededRandom random_;
  SeededRandom sqlite_random_;
  Names names_;
  Names durable_names_;
  std::vector<NameChange> name_changes_;
  DiskCounts counts_;
  std::uint64_t operations_ = 0;
  std::uint64_t used_ = 0;
  /// Which life of the process a handle belongs to.
  std::uint64_t life_ = 0;
  bool dead_ = false;
  std::unique_ptr<DiskVfs> vfs_;
};

/// Makes SQLite's own generator (salts of the WAL, random()) start from `seed`, whatever ran in this process before.
/// It is one for the process: no other thread may use SQLite meanwhile, nor during a run that must be repeatable.
void reset_sqlite_randomness(std::uint64_t seed);

}  // namespace sotto::sim
