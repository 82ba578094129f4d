// A value or an Error; the return type of everything in Sotto that can fail.
#pragma once

#include <cassert>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "sotto/error.h"

namespace sotto {

/// Either a `T` or an `Error`. No exception is thrown for an expected failure; `value()` on an error is a
/// programming error and asserts in debug builds.
template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)
  Result(ErrorCode code) : state_(std::in_place_index<1>, Error(code)) {}    // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool ok() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return ok(); }

  T& value() & { return *checked(); }
  const T& value() const& { return *checked(); }
  T&& value() && { return std::move(*checked()); }
  T& operator*() & { return *checked(); }
  const T& operator*() const& { return *checked(); }
  T&& operator*() && { return std::move(*checked()); }
  T* operator->() { return checked(); }
  const T* operator->() const { return checked(); }

  [[nodiscard]] const Error& error() const& {
    assert(!ok());
    return *std::get_if<1>(&state_);
  }
  Error&& error() && {
    assert(!ok());
    return std::move(*std::get_if<1>(&state_));
  }
  /// The code of the error, or nothing if this is a value.
  [[nodiscard]] std::optional<ErrorCode> code() const noexcept {
    if (ok()) return std::nullopt;
    return std::get_if<1>(&state_)->code;
  }

 private:
  T* checked() {
    assert(ok());
    return std::get_if<0>(&state_);
  }
  const T* checked() const {
    assert(ok());
    return std::get_if<0>(&state_);
  }
  std::variant<T, Error> state_;
};

/// Success without a value, or an `Error`.
template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)
  Result(ErrorCode code) : error_(Error(code)) {}    // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool ok() const noexcept { return !error_.has_value(); }
  explicit operator bool() const noexcept { return ok(); }
  [[nodiscard]] const Error& error() const& {
    assert(!ok());
    return *error_;
  }
  Error&& error() && {
    assert(!ok());
    return std::move(*error_);
  }
  [[nodiscard]] std::optional<ErrorCode> code() const noexcept {
    if (ok()) return std::nullopt;
    return error_->code;
  }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

}  // namespace sotto
