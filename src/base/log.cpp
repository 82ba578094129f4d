#include "base/log.h"

namespace sotto {

void Logger::add_id(std::string& line, ByteView id) const {
  const std::uint64_t hash = siphash(id_key_, id);
  line += '#';
  for (int shift = 60; shift >= 0; shift -= 4) line += "0123456789abcdef"[(hash >> shift) & 15];
}

void Logger::write(LogLevel level, std::string_view line) const {
  try {
    sink_(level, line);
  } catch (...) {  // NOLINT(bugprone-empty-catch): the app's own code; a lost line must not stop the engine.
  }
}

}  // namespace sotto
