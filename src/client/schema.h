// The client's store: how it is opened and brought to this version's schema.
#pragma once

#include <memory>
#include <string>

#include "store/database.h"

namespace sotto::client {

/// "SOTC": what `PRAGMA application_id` says of a client's store.
inline constexpr std::int32_t application_id = 0x534F5443;

/// Opens `path` with this process's write lease and migrates it. Under a VFS whose files are not the system's the lease
/// is the VFS's business (`no_lease`). Errors: IN_USE, NEWER_SCHEMA, CORRUPT, IO_ERROR, DISK_FULL, OUT_OF_MEMORY.
Result<std::unique_ptr<store::Database>> open_store(const std::string& path, const std::string& vfs = {},
                                                    store::Sharing sharing = store::Sharing::lease);

}  // namespace sotto::client
