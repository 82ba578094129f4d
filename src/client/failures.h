// Which failures are about this device's disk or memory or our own code, and which are about what was received.
#pragma once

#include "sotto/error.h"

namespace sotto::client {

/// True if nothing may be concluded about the data: the step is undone and tried again, and what is in memory is
/// thrown away.
inline bool is_storage_failure(const Error& error) {
  return error.code == ErrorCode::IO_ERROR || error.code == ErrorCode::DISK_FULL || error.code == ErrorCode::IN_USE ||
         error.code == ErrorCode::OUT_OF_MEMORY;
}

/// True if what is stored of one chat cannot be used. Trying again changes nothing, so it must stop that chat only.
inline bool is_damage(const Error& error) {
  return error.code == ErrorCode::CORRUPT || error.code == ErrorCode::INTERNAL || error.code == ErrorCode::NEWER_SCHEMA;
}

/// True if the step, or the part of it that a savepoint covers, must be undone.
inline bool must_undo(const Error& error) { return is_storage_failure(error) || is_damage(error); }

}  // namespace sotto::client
