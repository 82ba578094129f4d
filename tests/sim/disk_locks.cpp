// Locks and the WAL index, in memory: one process, any number of connections.
#include "sim/disk_vfs.h"

namespace sotto::sim {
namespace {

DiskHandle& handle_of(sqlite3_file* file) { return *static_cast<DiskHandle*>(file); }

}  // namespace

int disk_lock(sqlite3_file* file, int level) {
  auto& handle = handle_of(file);
  if (!DiskVfs::alive(handle)) return SQLITE_IOERR_LOCK;
  auto& lock = handle.file->lock;
  if (handle.lock_level >= level) return SQLITE_OK;
  const auto others = [&](const void* holder) { return holder != nullptr && holder != &handle; };
  if (level == SQLITE_LOCK_SHARED) {
    if (others(lock.pending)) return SQLITE_BUSY;
    ++lock.shared;
    handle.lock_level = SQLITE_LOCK_SHARED;
    return SQLITE_OK;
  }
  if (others(lock.reserved) || others(lock.pending)) return SQLITE_BUSY;
  if (level == SQLITE_LOCK_RESERVED) {
    lock.reserved = &handle;
    handle.lock_level = level;
    return SQLITE_OK;
  }
  // Pending keeps new readers out until those that are there have gone; it is kept when this attempt fails.
  lock.pending = &handle;
  handle.lock_level = SQLITE_LOCK_PENDING;
  if (level == SQLITE_LOCK_PENDING) return SQLITE_OK;
  if (lock.shared > 1) return SQLITE_BUSY;
  lock.exclusive = true;
  handle.lock_level = SQLITE_LOCK_EXCLUSIVE;
  return SQLITE_OK;
}

int disk_unlock(sqlite3_file* file, int level) {
  auto& handle = handle_of(file);
  if (!DiskVfs::alive(handle) || handle.lock_level <= level) return SQLITE_OK;
  auto& lock = handle.file->lock;
  if (lock.reserved == &handle) lock.reserved = nullptr;
  if (lock.pending == &handle) {
    lock.pending = nullptr;
    lock.exclusive = false;
  }
  if (level == SQLITE_LOCK_NONE) --lock.shared;
  handle.lock_level = level;
  return SQLITE_OK;
}

int disk_check_reserved(sqlite3_file* file, int* reserved) {
  const auto& handle = handle_of(file);
  *reserved = 0;
  if (!DiskVfs::alive(handle)) return SQLITE_IOERR_CHECKRESERVEDLOCK;
  const auto& lock = handle.file->lock;
  *reserved = lock.reserved != nullptr || lock.pending != nullptr ? 1 : 0;
  return SQLITE_OK;
}

int disk_shm_map(sqlite3_file* file, int region, int size, int extend, void volatile** out) {
  *out = nullptr;
  auto& handle = handle_of(file);
  if (!DiskVfs::alive(handle)) return SQLITE_IOERR_SHMMAP;
  if (!handle.memory) {
    if (!handle.file->memory) handle.file->memory = std::make_shared<SharedMemory>();
    handle.memory = handle.file->memory;
    ++handle.memory->users;
  }
  auto& regions = handle.memory->regions;
  const auto index = static_cast<std::size_t>(region);
  if (index >= regions.size()) {
    if (extend == 0) return SQLITE_OK;
    // The regions themselves never move: moving a vector keeps its elements.
    while (regions.size() <= index) regions.emplace_back(static_cast<std::size_t>(size) / sizeof(std::uint32_t));
  }
  *out = regions[index].data();
  return SQLITE_OK;
}

int disk_shm_lock(sqlite3_file* file, int first, int count, int flags) {
  auto& handle = handle_of(file);
  if (!DiskVfs::alive(handle) || !handle.memory) return SQLITE_IOERR_SHMLOCK;
  auto& locks = handle.memory->locks;
  const unsigned mask = ((1U << static_cast<unsigned>(count)) - 1U) << static_cast<unsigned>(first);
  const auto each = [&](auto&& action) {
    for (int i = first; i < first + count; ++i)
      action(locks[static_cast<std::size_t>(i)], 1U << static_cast<unsigned>(i));
  };
  if ((flags & SQLITE_SHM_UNLOCK) != 0) {
    each([&](int& lock, unsigned bit) {
      if ((handle.exclusive_locks & bit) != 0) lock = 0;
      if ((handle.shared_locks & bit) != 0) --lock;
    });
    handle.exclusive_locks &= ~mask;
    handle.shared_locks &= ~mask;
    return SQLITE_OK;
  }
  bool busy = false;
  if ((flags & SQLITE_SHM_SHARED) != 0) {
    each([&](int& lock, unsigned bit) { busy = busy || (lock < 0 && (handle.exclusive_locks & bit) == 0); });
    if (busy) return SQLITE_BUSY;
    each([&](int& lock, unsigned bit) {
      if (((handle.shared_locks | handle.exclusive_locks) & bit) == 0) ++lock;
    });
    handle.shared_locks |= mask & ~handle.exclusive_locks;
    return SQLITE_OK;
  }
  each([&](int& lock, unsigned bit) {
    const bool mine = (handle.exclusive_locks & bit) != 0 || ((handle.shared_locks & bit) != 0 && lock == 1);
    busy = busy || (lock != 0 && !mine);
  });
  if (busy) return SQLITE_BUSY;
  each([](int& lock, unsigned) { lock = -1; });
  handle.exclusive_locks |= mask;
  handle.shared_locks &= ~mask;
  return SQLITE_OK;
}

void disk_shm_barrier(sqlite3_file*) {}

int disk_shm_unmap(sqlite3_file* file, int) {
  auto& handle = handle_of(file);
  if (!handle.memory) return SQLITE_OK;
  if (DiskVfs::alive(handle)) {
    disk_shm_lock(file, 0, static_cast<int>(handle.memory->locks.size()), SQLITE_SHM_UNLOCK);
    // The file of the system's VFS would stay; whoever maps it first clears it.
    if (--handle.memory->users == 0) handle.file->memory.reset();
  }
  handle.memory.reset();
  return SQLITE_OK;
}

}  // namespace sotto::sim
