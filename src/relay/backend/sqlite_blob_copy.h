// The attachments of one folder, as of one moment, in another: for a backup and for its restore.
#pragma once

#include <string>

#include "sotto/result.h"

namespace sotto::relay {

/// Makes `to_dir`/blobs.db and the folder `to_dir`/blobs of those in `from_dir`, which a relay may be using: the
/// attachments whose upload has ended, each row with its file. What goes meanwhile, or has a row without all of its
/// file, is left out, row and all. Files are linked where both folders are on one file system (nobody writes into them
/// any more), else copied. All is synced but the names in `to_dir` itself. Without a `from_dir`/blobs.db nothing is
/// made. Errors: CORRUPT, NEWER_SCHEMA, IO_ERROR, DISK_FULL; then any part of it may be there.
Status copy_blobs(const std::string& from_dir, const std::string& to_dir);

}  // namespace sotto::relay
