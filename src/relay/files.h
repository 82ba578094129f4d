// Files and folders of the system, outside of any store.
#pragma once

#include <filesystem>

#include "sotto/result.h"

namespace sotto::relay {

/// DISK_FULL or IO_ERROR, with the path and what the system says; `why` is an errno.
Error file_error(const std::filesystem::path& path, int why);
/// A file's bytes, or the names in a folder, are on disk only after this.
Status sync_path(const std::filesystem::path& path);

}  // namespace sotto::relay
