#include "relay/backend/operation_queue.h"

namespace sotto::relay {

bool is_refusal(ErrorCode code) {
  switch (code) {
    case ErrorCode::CONFLICT:
    case ErrorCode::TOO_LARGE:
    case ErrorCode::INVALID_ARGUMENT:
    case ErrorCode::NOT_FOUND:
    case ErrorCode::BAD_SIGNATURE:
    case ErrorCode::LIMIT_EXCEEDED:
      return true;
    default:
      return false;
  }
}

Error storage_error(const Error& cause) {
  switch (cause.code) {
    case ErrorCode::IO_ERROR:
    case ErrorCode::DISK_FULL:
    case ErrorCode::UNAVAILABLE:
      return cause;
    case ErrorCode::IN_USE:
      return {ErrorCode::UNAVAILABLE, cause.message};
    default:
      return {ErrorCode::IO_ERROR, std::string(error_name(cause.code)) + ": " + cause.message};
  }
}

}  // namespace sotto::relay
