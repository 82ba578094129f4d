// Names for programs: they stand in what sotto-chat's line mode and sotto-rpc say, and do not change.
#pragma once

#include <string_view>

#include "sotto/message.h"

namespace chat {

inline std::string_view kind_name(sotto::MessageKind kind) {
  switch (kind) {
    case sotto::MessageKind::text:
      return "text";
    case sotto::MessageKind::notice:
      return "notice";
    case sotto::MessageKind::placeholder:
      return "placeholder";
    case sotto::MessageKind::unknown:
      break;
  }
  return "unknown";
}

}  // namespace chat
