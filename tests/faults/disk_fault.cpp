#include "faults/disk_fault.h"

#include <sqlite3.h>

#include "support/catch.h"

namespace sotto::test {

void put_file(const sim::Disk& disk, const std::string& name, ByteView bytes) {
  auto* vfs = sqlite3_vfs_find(disk.vfs_name().c_str());
  // As SQLite does: the VFS puts its handle into memory of the size that it names.
  const std::unique_ptr<std::uint64_t[]> memory(new std::uint64_t[static_cast<std::size_t>(vfs->szOsFile) / 8 + 1]());
  auto* file = reinterpret_cast<sqlite3_file*>(memory.get());
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_WAL;
  REQUIRE(vfs->xOpen(vfs, name.c_str(), file, flags, nullptr) == SQLITE_OK);
  const bool written = file->pMethods->xWrite(file, bytes.data(), static_cast<int>(bytes.size()), 0) == SQLITE_OK &&
                       file->pMethods->xSync(file, SQLITE_SYNC_FULL) == SQLITE_OK;
  file->pMethods->xClose(file);
  REQUIRE(written);
}

}  // namespace sotto::test
