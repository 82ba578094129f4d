// The client's store: how it is opened and brought to this version's schema.
#pragma once

#include <memory>
#include <string>

#include "store/database.h"

namespace sotto::client {

/// "SOTC": what `PRAGMA application_id` says of a client's store.
inline constexpr std::int32_t application_id = 0x534F5443;

/// Opens `path` with this process's write lease and migrates it. Errors: IN_USE, NEWER_SCHEMA, CORRUPT, IO_ERROR,
/// DISK_FULL.
Result<std::unique_ptr<store::Database>> open_store(const std::string& path, const std::string& vfs = {});

}  // namespace sotto::client
