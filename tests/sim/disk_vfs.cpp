#include "sim/disk_vfs.h"

#include <cstring>
#include <new>

namespace sotto::sim {
namespace {

// SQLite's files are small; a size beyond this is a damaged length.
constexpr std::uint64_t max_file_size = std::uint64_t{1} << 32;
// 1970-01-01 in milliseconds of the Julian calendar, SQLite's epoch.
constexpr std::int64_t unix_epoch_ms = 210'866'760'000'000;
constexpr double ms_a_day = 86'400'000.0;

Disk& disk_of(sqlite3_vfs* vfs) { return static_cast<DiskVfs*>(vfs->pAppData)->disk; }
DiskHandle& handle_of(sqlite3_file* file) { return *static_cast<DiskHandle*>(file); }

int full_path_name(sqlite3_vfs*, const char* name, int size, char* out) {
  const std::size_t length = std::strlen(name);
  if (length >= static_cast<std::size_t>(size)) return SQLITE_CANTOPEN;
  std::memcpy(out, name, length + 1);
  return SQLITE_OK;
}

int sleep(sqlite3_vfs* vfs, int microseconds) {
  auto& disk = disk_of(vfs);
  if (disk.sleep) disk.sleep(microseconds);
  return microseconds;
}

int current_time_ms(sqlite3_vfs* vfs, sqlite3_int64* out) {
  *out = disk_of(vfs).now_ms() + unix_epoch_ms;
  return SQLITE_OK;
}

int current_time(sqlite3_vfs* vfs, double* out) {
  *out = static_cast<double>(disk_of(vfs).now_ms() + unix_epoch_ms) / ms_a_day;
  return SQLITE_OK;
}

int last_error(sqlite3_vfs*, int, char*) { return 0; }

int file_control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }

int sector_bytes(sqlite3_file*) { return static_cast<int>(sector_size); }

int characteristics(sqlite3_file* file) {
  return handle_of(file).disk.powersafe_overwrite ? SQLITE_IOCAP_POWERSAFE_OVERWRITE : 0;
}

constexpr sqlite3_io_methods methods{2,
                                     DiskVfs::close,
                                     DiskVfs::read,
                                     DiskVfs::write,
                                     DiskVfs::truncate,
                                     DiskVfs::sync,
                                     DiskVfs::file_size,
                                     disk_lock,
                                     disk_unlock,
                                     disk_check_reserved,
                                     file_control,
                                     sector_bytes,
                                     characteristics,
                                     disk_shm_map,
                                     disk_shm_lock,
                                     disk_shm_barrier,
                                     disk_shm_unmap,
                                     nullptr,
                                     nullptr};

}  // namespace

DiskVfs::DiskVfs(Disk& of) : disk(of) {
  for (int i = 1; name.empty() || sqlite3_vfs_find(name.c_str()) != nullptr; ++i) {
    name = "sotto-disk-" + std::to_string(i);
  }
  vfs.iVersion = 2;
  vfs.szOsFile = sizeof(DiskHandle);
  vfs.mxPathname = 512;
  vfs.zName = name.c_str();
  vfs.pAppData = this;
  vfs.xOpen = open;
  vfs.xDelete = remove;
  vfs.xAccess = access;
  vfs.xFullPathname = full_path_name;
  vfs.xRandomness = randomness;
  vfs.xSleep = sleep;
  vfs.xCurrentTime = current_time;
  vfs.xGetLastError = last_error;
  vfs.xCurrentTimeInt64 = current_time_ms;
  sqlite3_vfs_register(&vfs, 0);
}

DiskVfs::~DiskVfs() { sqlite3_vfs_unregister(&vfs); }

DiskVfs::Answer DiskVfs::ask(Disk& disk, Disk::Op op, std::string_view file, std::uint64_t offset, std::size_t size,
                             int failure) {
  if (disk.dead_) return {failure, Disk::Verdict::fail};
  const std::uint64_t life = disk.life_;
  const Disk::Verdict verdict = disk.ask(op, file, offset, size);
  if (disk.life_ != life) return {failure, Disk::Verdict::fail};  // `decide` killed it by itself
  switch (verdict) {
    case Disk::Verdict::proceed:
      return {SQLITE_OK, verdict};
    case Disk::Verdict::full:
      return {op == Disk::Op::write ? SQLITE_FULL : SQLITE_OK, verdict};
    case Disk::Verdict::fail:
      return {failure, verdict};
    case Disk::Verdict::kill:
      disk.kill();
      return {failure, verdict};
    case Disk::Verdict::power_cut:
      // In the middle of a change: the caller makes it, then cuts.
      if (op != Disk::Op::write && op != Disk::Op::truncate && op != Disk::Op::remove) disk.power_cut();
      return {failure, verdict};
  }
  return {failure, verdict};
}

int DiskVfs::open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  file->pMethods = nullptr;  // SQLite must not close what did not open
  auto& disk = disk_of(vfs);
  const std::string text = name != nullptr ? name : "";
  const auto answer = ask(disk, Disk::Op::open, text, 0, 0, SQLITE_CANTOPEN);
  if (answer.code != SQLITE_OK) return answer.code;
  auto found = text.empty() ? nullptr : disk.find(text);
  if (found && (flags & SQLITE_OPEN_EXCLUSIVE) != 0) return SQLITE_CANTOPEN;
  if (!found) {
    if ((flags & SQLITE_OPEN_CREATE) == 0) return SQLITE_CANTOPEN;
    found = disk.create(text);
  }
  auto& handle = *new (file) DiskHandle(disk, std::move(found), disk.life_);
  ++handle.file->handles;
  handle.read_only = (flags & SQLITE_OPEN_READONLY) != 0;
  handle.remove_on_close = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
  constexpr int journals = SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL;
  handle.sync_directory = (flags & SQLITE_OPEN_CREATE) != 0 && (flags & journals) != 0;
  handle.pMethods = &methods;
  if (out_flags != nullptr) *out_flags = flags;
  return SQLITE_OK;
}

int DiskVfs::remove(sqlite3_vfs* vfs, const char* name, int sync_directory) {
  auto& disk = disk_of(vfs);
  const auto answer = ask(disk, Disk::Op::remove, name, 0, 0, SQLITE_IOERR_DELETE);
  if (answer.verdict == Disk::Verdict::power_cut) {
    disk.remove(name);
    disk.power_cut();
  }
  if (answer.code != SQLITE_OK) return answer.code;
  if (!disk.find(name)) return SQLITE_IOERR_DELETE_NOENT;
  disk.remove(name);
  if (sync_directory != 0) disk.sync_directory(name);
  return SQLITE_OK;
}

int DiskVfs::access(sqlite3_vfs* vfs, const char* name, int flags, int* result) {
  auto& disk = disk_of(vfs);
  *result = 0;
  if (disk.dead_) return SQLITE_IOERR_ACCESS;
  const auto found = disk.find(name);
  // As in SQLite's Unix VFS, an empty file does not exist.
  *result = found && (flags != SQLITE_ACCESS_EXISTS || !found->shown().empty()) ? 1 : 0;
  return SQLITE_OK;
}

int DiskVfs::randomness(sqlite3_vfs* vfs, int size, char* out) {
  disk_of(vfs).sqlite_random_.fill({reinterpret_cast<std::uint8_t*>(out), static_cast<std::size_t>(size)});
  return size;
}

int DiskVfs::close(sqlite3_file* file) {
  auto& handle = handle_of(file);
  disk_shm_unmap(file, 0);
  disk_unlock(file, SQLITE_LOCK_NONE);
  if (alive(handle)) {
    auto& disk = handle.disk;
    if (handle.remove_on_close && disk.is_shown(*handle.file)) disk.remove(handle.file->name());
    disk.close(*handle.file);
  }
  handle.~DiskHandle();
  return SQLITE_OK;
}

int DiskVfs::read(sqlite3_file* file, void* out, int size, sqlite3_int64 offset) {
  auto& handle = handle_of(file);
  if (!alive(handle) || offset < 0 || size < 0) return SQLITE_IOERR_READ;
  const auto begin = static_cast<std::uint64_t>(offset);
  const auto wanted = static_cast<std::size_t>(size);
  const auto answer = ask(handle.disk, Disk::Op::read, handle.file->name(), begin, wanted, SQLITE_IOERR_READ);
  if (answer.code != SQLITE_OK) return answer.code;
  const ByteView shown = handle.file->shown();
  const std::size_t there = begin < shown.size() ? std::min(wanted, shown.size() - begin) : 0;
  if (there != 0) std::memcpy(out, shown.data() + begin, there);
  if (there == wanted) return SQLITE_OK;
  std::memset(static_cast<std::uint8_t*>(out) + there, 0, wanted - there);
  return SQLITE_IOERR_SHORT_READ;
}

int DiskVfs::write(sqlite3_file* file, const void* from, int size, sqlite3_int64 offset) {
  auto& handle = handle_of(file);
  if (!alive(handle) || offset < 0 || size < 0) return SQLITE_IOERR_WRITE;
  if (handle.read_only) return SQLITE_READONLY;
  const ByteView bytes(static_cast<const std::uint8_t*>(from), static_cast<std::size_t>(size));
  const auto begin = static_cast<std::uint64_t>(offset);
  if (begin > max_file_size - bytes.size()) return SQLITE_FULL;
  auto& disk = handle.disk;
  const auto answer = ask(disk, Disk::Op::write, handle.file->name(), begin, bytes.size(), SQLITE_IOERR_WRITE);
  switch (answer.verdict) {
    case Disk::Verdict::proceed:
      return disk.write(*handle.file, begin, bytes) ? SQLITE_OK : SQLITE_FULL;
    case Disk::Verdict::full:
      ++disk.counts_.full_writes;
      disk.write_part(*handle.file, begin, bytes);
      break;
    case Disk::Verdict::fail:
      if (alive(handle)) disk.write_part(*handle.file, begin, bytes);
      break;
    case Disk::Verdict::kill:
      break;
    case Disk::Verdict::power_cut:
      disk.write(*handle.file, begin, bytes);
      disk.power_cut();
      break;
  }
  return answer.code;
}

int DiskVfs::truncate(sqlite3_file* file, sqlite3_int64 size) {
  auto& handle = handle_of(file);
  if (!alive(handle) || size < 0) return SQLITE_IOERR_TRUNCATE;
  const auto end = static_cast<std::uint64_t>(size);
  if (end > max_file_size) return SQLITE_FULL;
  auto& disk = handle.disk;
  const auto answer = ask(disk, Disk::Op::truncate, handle.file->name(), end, 0, SQLITE_IOERR_TRUNCATE);
  if (answer.verdict == Disk::Verdict::power_cut) {
    disk.truncate(*handle.file, end);
    disk.power_cut();
  }
  if (answer.code == SQLITE_OK) disk.truncate(*handle.file, end);
  return answer.code;
}

int DiskVfs::sync(sqlite3_file* file, int) {
  auto& handle = handle_of(file);
  if (!alive(handle)) return SQLITE_IOERR_FSYNC;
  auto& disk = handle.disk;
  const auto answer = ask(disk, Disk::Op::sync, handle.file->name(), 0, 0, SQLITE_IOERR_FSYNC);
  if (answer.verdict == Disk::Verdict::fail && alive(handle)) disk.fail_sync(*handle.file);
  if (answer.code != SQLITE_OK) return answer.code;
  disk.sync(*handle.file);
  if (handle.sync_directory) disk.sync_directory(handle.file->name());
  handle.sync_directory = false;
  return SQLITE_OK;
}

int DiskVfs::file_size(sqlite3_file* file, sqlite3_int64* size) {
  auto& handle = handle_of(file);
  *size = 0;
  if (!alive(handle)) return SQLITE_IOERR_FSTAT;
  const auto answer = ask(handle.disk, Disk::Op::size, handle.file->name(), 0, 0, SQLITE_IOERR_FSTAT);
  if (answer.code == SQLITE_OK) *size = static_cast<sqlite3_int64>(handle.file->shown().size());
  return answer.code;
}

void reset_sqlite_randomness(std::uint64_t seed) {
  // SQLite seeds its generator from the default VFS, so one stands in for it that gives nothing but randomness.
  SeededRandom random(seed);
  sqlite3_vfs* const usual = sqlite3_vfs_find(nullptr);
  sqlite3_vfs stand_in{};
  stand_in.iVersion = 1;
  stand_in.zName = "sotto-disk-seed";
  stand_in.pAppData = &random;
  stand_in.xRandomness = [](sqlite3_vfs* vfs, int size, char* out) {
    static_cast<SeededRandom*>(vfs->pAppData)
        ->fill({reinterpret_cast<std::uint8_t*>(out), static_cast<std::size_t>(size)});
    return size;
  };
  sqlite3_vfs_register(&stand_in, 1);
  sqlite3_randomness(0, nullptr);
  std::uint8_t first = 0;
  sqlite3_randomness(1, &first);  // seeds now
  sqlite3_vfs_unregister(&stand_in);
  sqlite3_vfs_register(usual, 1);
}

}  // namespace sotto::sim
