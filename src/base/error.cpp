#include "sotto/error.h"

namespace sotto {

std::string_view error_name(ErrorCode code) noexcept {
  switch (code) {
#define SOTTO_ERROR(name, number, retryable, text) \
  case ErrorCode::name:                            \
    return #name;
#include "sotto/error_codes.def"
#undef SOTTO_ERROR
  }
  return "UNKNOWN";
}

std::string_view error_text(ErrorCode code) noexcept {
  switch (code) {
#define SOTTO_ERROR(name, number, retryable, text) \
  case ErrorCode::name:                            \
    return text;
#include "sotto/error_codes.def"
#undef SOTTO_ERROR
  }
  return "an error of a newer version";
}

bool error_retryable(ErrorCode code) noexcept {
  switch (code) {
#define SOTTO_ERROR(name, number, retryable, text) \
  case ErrorCode::name:                            \
    return retryable;
#include "sotto/error_codes.def"
#undef SOTTO_ERROR
  }
  return false;
}

}  // namespace sotto
