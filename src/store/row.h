// One row of a result. Types are checked: what is not of the type asked for is damage, not a zero.
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/bytes.h"
#include "sotto/result.h"

struct sqlite3_stmt;

namespace sotto::store {

template <typename T>
struct is_optional : std::false_type {};
template <typename T>
struct is_optional<std::optional<T>> : std::true_type {};

/// A type of exactly `size_bytes` bytes: Id, ByteArray, SecretArray.
template <typename T>
concept FixedBytes = requires {
  T::size_bytes;
}
&&std::default_initializable<T>;

/// Columns count from 0. Asking for a type that the column does not hold (also NULL, unless an optional is asked for)
/// gives an empty value and a CORRUPT error, which `status()`, the next `step()` and `Database::query` report.
class Row {
 public:
  Row(const Row&) = delete;
  Row& operator=(const Row&) = delete;

  [[nodiscard]] int columns() const;
  [[nodiscard]] bool is_null(int column) const;
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] double real(int column) const;
  /// Views are valid until the statement is stepped, reset or destroyed.
  [[nodiscard]] ByteView blob_view(int column) const;
  [[nodiscard]] std::string_view text_view(int column) const;
  [[nodiscard]] Bytes blob(int column) const { return to_bytes(blob_view(column)); }
  [[nodiscard]] std::string text(int column) const { return std::string(text_view(column)); }

  /// Integers and enums (range-checked), bool, double, std::string, std::string_view, Bytes, ByteView, SecretBytes,
  /// Id, ByteArray, SecretArray (length-checked), and std::optional of each.
  template <typename T>
  [[nodiscard]] T get(int column) const;

  /// The first failed conversion, or success.
  [[nodiscard]] Status status() const {
    if (error_) return *error_;
    return {};
  }

 protected:
  explicit Row(sqlite3_stmt* statement) : stmt_(statement) {}
  Row(Row&& other) noexcept = default;
  Row& operator=(Row&&) = delete;
  ~Row() = default;

  void fail(int column, std::string_view what) const;

  sqlite3_stmt* stmt_;
  mutable std::optional<Error> error_;
};

template <typename T>
T Row::get(int column) const {
  if constexpr (is_optional<T>::value) {
    if (is_null(column)) return std::nullopt;
    return T(get<typename T::value_type>(column));
  } else if constexpr (std::is_enum_v<T>) {
    return static_cast<T>(get<std::underlying_type_t<T>>(column));
  } else if constexpr (std::same_as<T, bool>) {
    return integer(column) != 0;
  } else if constexpr (std::integral<T>) {
    const std::int64_t value = integer(column);
    if (!std::in_range<T>(value)) {
      fail(column, "integer out of range");
      return T{};
    }
    return static_cast<T>(value);
  } else if constexpr (std::same_as<T, double>) {
    return real(column);
  } else if constexpr (std::same_as<T, std::string> || std::same_as<T, std::string_view>) {
    return T(text_view(column));
  } else if constexpr (std::same_as<T, Bytes>) {
    return blob(column);
  } else if constexpr (FixedBytes<T>) {
    T out{};
    if (!assign_exact(out, blob_view(column))) fail(column, "blob of the wrong length");
    return out;
  } else {
    return T(blob_view(column));  // ByteView, SecretBytes
  }
}

}  // namespace sotto::store
