// A prepared statement, lent by a Database.
#pragma once

#include <utility>

#include "store/row.h"

namespace sotto::store {

class Database;
struct CachedStatement;

/// Returned by `Database::prepare`; goes back to the database's cache, reset and without bindings, at the end of its
/// scope. Must not outlive its Database, and is used on the Database's thread.
class Statement final : public Row {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  /// Binds a copy of `value` to the parameter `index` (from 1). Takes integers and enums, bool, double, text, anything
  /// of bytes (Bytes, ByteView, Id, ByteArray, SecretBytes, SecretArray), nullptr, std::nullopt and std::optional.
  /// A failure is reported by the next `step`.
  template <typename T>
  Statement& bind(int index, const T& value) {
    bind_as(index, value, Lifetime::copied);
    return *this;
  }
  template <typename... Args>
  Statement& bind_all(const Args&... args) {
    int index = 0;
    (bind_as(++index, args, Lifetime::copied), ...);
    return *this;
  }

  /// True if there is a row, whose columns may be read now; false at the end.
  Result<bool> step();
  /// Steps to the end, whatever rows there are.
  Status run();
  /// Back to the start; keeps the bindings.
  void reset();

 private:
  friend class Database;
  /// `borrowed` values are not copied (so a secret leaves no second copy in SQLite's heap) and outlive the statement.
  enum class Lifetime { copied, borrowed };

  Statement(Database& db, sqlite3_stmt* statement, CachedStatement* cached);

  template <typename T>
  void bind_as(int index, const T& value, Lifetime lifetime) {
    if constexpr (is_optional<T>::value) {
      if (value.has_value()) {
        bind_as(index, *value, lifetime);
      } else {
        bind_null(index);
      }
    } else if constexpr (std::same_as<T, std::nullptr_t> || std::same_as<T, std::nullopt_t>) {
      bind_null(index);
    } else if constexpr (std::is_enum_v<T>) {
      bind_as(index, static_cast<std::underlying_type_t<T>>(value), lifetime);
    } else if constexpr (std::integral<T>) {
      if (std::in_range<std::int64_t>(widened(value))) {
        bind_integer(index, static_cast<std::int64_t>(value));
      } else {
        bind_failed(index, "an integer above 2^63 - 1");
      }
    } else if constexpr (std::floating_point<T>) {
      bind_real(index, static_cast<double>(value));
    } else if constexpr (std::convertible_to<const T&, std::string_view>) {
      bind_text(index, value, lifetime);
    } else if constexpr (std::convertible_to<const T&, ByteView>) {
      bind_blob(index, value, lifetime);
    } else if constexpr (requires { ByteView(value.bytes); }) {
      bind_blob(index, value.bytes, lifetime);
    } else {
      bind_blob(index, value.view(), lifetime);
    }
  }
  /// std::in_range takes neither bool nor char.
  template <typename T>
  static constexpr auto widened(T value) {
    if constexpr (std::is_signed_v<T>) {
      return static_cast<std::int64_t>(value);
    } else {
      return static_cast<std::uint64_t>(value);
    }
  }

  void bind_null(int index);
  void bind_integer(int index, std::int64_t value);
  void bind_real(int index, double value);
  void bind_text(int index, std::string_view value, Lifetime lifetime);
  void bind_blob(int index, ByteView value, Lifetime lifetime);
  void bind_failed(int index, std::string_view what);
  void check_bind(int code);

  Database* db_;
  CachedStatement* cached_;
};

}  // namespace sotto::store
