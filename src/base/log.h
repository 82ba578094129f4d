// Writes lines to the app's sink. A line is put together only if somebody wants it.
#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <string>
#include <utility>

#include "base/siphash.h"
#include "sotto/error.h"
#include "sotto/log.h"
#include "sotto/types.h"

namespace sotto {

template <typename T>
inline constexpr bool is_id = false;
template <typename Tag>
inline constexpr bool is_id<Id<Tag>> = true;

/// What a line can be made of: text, whole numbers, truth values, error codes and ids. Bytes are none of these, so
/// logging a secret does not compile.
template <typename T>
concept LogPart = std::convertible_to<const T&, std::string_view> || std::same_as<T, ErrorCode> || is_id<T> ||
    (std::integral<T> && (sizeof(T) > 1 || std::same_as<T, bool>));

/// Immutable, so any thread may use one. A line is given in parts; ids are written as keyed hashes.
class Logger {
 public:
  /// Writes nothing.
  Logger() = default;
  /// Lines below `minimum` are dropped. `id_key` is random, and new for each client, so that hashes of ids tell nothing
  /// outside its own log.
  Logger(LogSink sink, LogLevel minimum, const SipKey& id_key)
      : sink_(std::move(sink)), minimum_(minimum), id_key_(id_key) {}

  [[nodiscard]] bool enabled(LogLevel level) const { return sink_ && level >= minimum_; }

  template <LogPart... Parts>
  void log(LogLevel level, const Parts&... parts) const {
    if (!enabled(level)) return;
    std::string line;
    (add(line, parts), ...);
    write(level, line);
  }
  template <LogPart... Parts>
  void debug(const Parts&... parts) const {
    log(LogLevel::debug, parts...);
  }
  template <LogPart... Parts>
  void info(const Parts&... parts) const {
    log(LogLevel::info, parts...);
  }
  template <LogPart... Parts>
  void warning(const Parts&... parts) const {
    log(LogLevel::warning, parts...);
  }
  template <LogPart... Parts>
  void error(const Parts&... parts) const {
    log(LogLevel::error, parts...);
  }

 private:
  static void add(std::string& line, std::string_view text) { line += text; }
  static void add(std::string& line, ErrorCode code) { line += error_name(code); }
  static void add(std::string& line, std::integral auto value) {
    if constexpr (std::same_as<decltype(value), bool>) {
      line += value ? "true" : "false";
    } else {
      std::array<char, 24> digits{};
      line.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr);
    }
  }
  template <typename Tag>
  void add(std::string& line, const Id<Tag>& id) const {
    add_id(line, id.bytes);
  }
  void add_id(std::string& line, ByteView id) const;
  void write(LogLevel level, std::string_view line) const;

  LogSink sink_;
  LogLevel minimum_ = LogLevel::error;
  SipKey id_key_{};
};

}  // namespace sotto
