// What SQLite sees of the simulated disk.
#pragma once

#include <sqlite3.h>

#include <string>

#include "sim/disk_file.h"

namespace sotto::sim {

/// An open file. SQLite owns its memory.
struct DiskHandle : sqlite3_file {
  DiskHandle(Disk& on, std::shared_ptr<DiskFile> of, std::uint64_t born)
      : sqlite3_file{}, disk(on), file(std::move(of)), life(born) {}

  Disk& disk;
  std::shared_ptr<DiskFile> file;
  std::shared_ptr<SharedMemory> memory;
  std::uint64_t life;
  int lock_level = SQLITE_LOCK_NONE;
  /// Bit n: lock n of the shared memory.
  unsigned shared_locks = 0;
  unsigned exclusive_locks = 0;
  bool read_only = false;
  bool remove_on_close = false;
  bool sync_directory = false;
};

struct DiskVfs {
  /// Registers it under a name that is free.
  explicit DiskVfs(Disk& of);
  DiskVfs(const DiskVfs&) = delete;
  DiskVfs& operator=(const DiskVfs&) = delete;
  ~DiskVfs();

  Disk& disk;
  std::string name;
  sqlite3_vfs vfs{};

  static int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags);
  static int remove(sqlite3_vfs* vfs, const char* name, int sync_directory);
  static int access(sqlite3_vfs* vfs, const char* name, int flags, int* result);
  static int randomness(sqlite3_vfs* vfs, int size, char* out);
  static int close(sqlite3_file* file);
  static int read(sqlite3_file* file, void* out, int size, sqlite3_int64 offset);
  static int write(sqlite3_file* file, const void* from, int size, sqlite3_int64 offset);
  static int truncate(sqlite3_file* file, sqlite3_int64 size);
  static int sync(sqlite3_file* file, int flags);
  static int file_size(sqlite3_file* file, sqlite3_int64* size);

  struct Answer {
    /// SQLITE_OK to go on, else the operation's result.
    int code;
    Disk::Verdict verdict;
  };
  static Answer ask(Disk& disk, Disk::Op op, std::string_view file, std::uint64_t offset, std::size_t size,
                    int failure);
  /// Its process lives.
  static bool alive(const DiskHandle& handle) { return handle.life == handle.disk.life_; }
};

// The methods that lock, in disk_locks.cpp.
int disk_lock(sqlite3_file* file, int level);
int disk_unlock(sqlite3_file* file, int level);
int disk_check_reserved(sqlite3_file* file, int* reserved);
int disk_shm_map(sqlite3_file* file, int region, int size, int extend, void volatile** out);
int disk_shm_lock(sqlite3_file* file, int first, int count, int flags);
void disk_shm_barrier(sqlite3_file* file);
int disk_shm_unmap(sqlite3_file* file, int remove);

}  // namespace sotto::sim
