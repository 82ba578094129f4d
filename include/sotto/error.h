// What failed, why, and whether trying again can help.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "sotto/export.h"

namespace sotto {

/// Stable numbers for everything that can go wrong; the list with its texts is `error_codes.def`.
enum class ErrorCode : std::int32_t {
#define SOTTO_ERROR(name, number, retryable, text) name = number,
#include "sotto/error_codes.def"
#undef SOTTO_ERROR
};

/// The name of a code, such as "EPOCH_CONFLICT"; "UNKNOWN" for a number of a newer version. Any thread.
SOTTO_API std::string_view error_name(ErrorCode code) noexcept;

/// One sentence in English about a code. Any thread.
SOTTO_API std::string_view error_text(ErrorCode code) noexcept;

/// Whether the same call may succeed later without anybody changing its arguments. Any thread.
SOTTO_API bool error_retryable(ErrorCode code) noexcept;

/// A failure: a code to decide on, and a message for a developer's log. Never holds secrets or content.
struct [[nodiscard]] Error {
  ErrorCode code = ErrorCode::INTERNAL;
  std::string message;
  /// True if trying again can succeed.
  bool retryable = false;
  /// How long to wait before trying again; zero if the callee gave no advice.
  std::chrono::milliseconds retry_after{0};

  Error() = default;
  /// An error with the text and the retryability that its code has by default.
  explicit Error(ErrorCode c) : Error(c, std::string(error_text(c))) {}
  Error(ErrorCode c, std::string m) : code(c), message(std::move(m)), retryable(error_retryable(c)) {}
};

}  // namespace sotto
