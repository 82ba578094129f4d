// The TLS presentation language as RFC 9420 section 2.1 uses it: integers are big-endian, vectors carry a
// variable-length header of 1, 2 or 4 bytes (minimal), optional values a presence byte.
//
// A struct either has `fields()` (a tuple of references to its members, in order), or `write(Writer&)` and
// `read(Reader&)` of its own. The reader never throws: after the first violation it stays failed and gives zeros, and
// `decode` reports MALFORMED. Every length is compared with what is left of the input before anything is allocated.
#pragma once

#include <optional>
#include <tuple>
#include <type_traits>
#include <vector>

#include "base/bytes.h"
#include "mls/limits.h"
#include "sotto/result.h"

namespace sotto::mls {

class Writer {
 public:
  Writer() = default;
  /// A writer that leaves no copy of what it wrote in freed memory; for structs that hold secrets.
  static Writer for_secrets() {
    Writer out;
    out.secret_ = true;
    return out;
  }
  Writer(Writer&&) = default;
  Writer& operator=(Writer&&) = default;
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer() {
    if (secret_) secure_zero(out_);
  }

  void integer(std::uint64_t value, std::size_t size);
  void raw(ByteView bytes) {
    grow(bytes.size());
    append(out_, bytes);
  }
  /// The header of a vector of `size` bytes (RFC 9420 section 2.1.2).
  void vector_header(std::size_t size);
  void opaque(ByteView bytes) {
    vector_header(bytes.size());
    raw(bytes);
  }
  [[nodiscard]] const Bytes& bytes() const { return out_; }
  [[nodiscard]] Bytes take() && { return std::move(out_); }
  [[nodiscard]] SecretBytes take_secret() && { return SecretBytes(std::move(out_)); }

  template <typename T>
  Writer& operator<<(const T& value);

 private:
  /// Makes room for `more` bytes; a secret writer zeroes the memory that it leaves.
  void grow(std::size_t more);
  Bytes out_;
  bool secret_ = false;
};

class Reader {
 public:
  explicit Reader(ByteView input) : input_(input) {}
  std::uint64_t integer(std::size_t size);
  ByteView raw(std::size_t size);
  /// A vector's length as its header says it.
  std::size_t vector_length();
  /// The same, at most what is left of the input.
  std::size_t vector_header();
  ByteView opaque() { return raw(vector_header()); }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::size_t left() const { return input_.size(); }
  [[nodiscard]] ByteView rest() const { return input_; }
  void fail() {
    ok_ = false;
    input_ = {};
  }

  template <typename T>
  Reader& operator>>(T& value);

 private:
  ByteView input_;
  bool ok_ = true;
};

template <typename T>
concept HasFields = requires(T& t) {
  t.fields();
};
template <typename T>
concept HasReadWrite = requires(const T& t, T& u, Writer& w, Reader& r) {
  t.write(w);
  u.read(r);
};

template <typename T>
struct IsVector : std::false_type {};
template <typename T>
struct IsVector<std::vector<T>> : std::true_type {};
template <typename T>
struct IsOptional : std::false_type {};
template <typename T>
struct IsOptional<std::optional<T>> : std::true_type {};

template <typename T>
Writer& Writer::operator<<(const T& value) {
  if constexpr (std::is_enum_v<T>) {
    integer(static_cast<std::uint64_t>(value), sizeof(T));
  } else if constexpr (std::is_integral_v<T>) {
    integer(value, sizeof(T));
  } else if constexpr (std::is_same_v<T, Bytes>) {
    opaque(value);
  } else if constexpr (std::is_same_v<T, SecretBytes>) {
    opaque(value.view());
  } else if constexpr (HasReadWrite<T>) {
    value.write(*this);
  } else if constexpr (IsVector<T>::value) {
    Writer inner;
    inner.secret_ = secret_;
    for (const auto& item : value) inner << item;
    opaque(inner.bytes());
  } else if constexpr (IsOptional<T>::value) {
    integer(value ? 1 : 0, 1);
    if (value) *this << *value;
  } else {
    std::apply([this](const auto&... field) { ((*this << field), ...); }, value.fields());
  }
  return *this;
}

template <typename T>
Reader& Reader::operator>>(T& value) {
  if constexpr (std::is_enum_v<T>) {
    value = static_cast<T>(integer(sizeof(T)));
  } else if constexpr (std::is_integral_v<T>) {
    value = static_cast<T>(integer(sizeof(T)));
  } else if constexpr (std::is_same_v<T, Bytes>) {
    value = to_bytes(opaque());
  } else if constexpr (std::is_same_v<T, SecretBytes>) {
    value = SecretBytes(opaque());
  } else if constexpr (HasReadWrite<T>) {
    value.read(*this);
  } else if constexpr (IsVector<T>::value) {
    Reader inner(opaque());
    value.clear();
    while (ok_ && inner.left() > 0) {
      if (value.size() >= limits::vector_elements) fail();
      inner >> value.emplace_back();
      if (!inner.ok()) fail();
    }
  } else if constexpr (IsOptional<T>::value) {
    value.reset();
    const auto present = integer(1);
    if (present > 1) fail();
    if (present == 1) *this >> value.emplace();
  } else {
    std::apply([this](auto&... field) { ((*this >> field), ...); }, value.fields());
  }
  return *this;
}

template <typename T>
Bytes encode(const T& value) {
  Writer writer;
  writer << value;
  return std::move(writer).take();
}

template <typename T>
SecretBytes encode_secret(const T& value) {
  auto writer = Writer::for_secrets();
  writer << value;
  return std::move(writer).take_secret();
}

/// The value that the whole of `input` encodes. Errors: MALFORMED (also with bytes left over).
template <typename T>
Result<T> decode(ByteView input) {
  Reader reader(input);
  T value{};
  reader >> value;
  if (!reader.ok() || reader.left() != 0) return ErrorCode::MALFORMED;
  return Result<T>(std::move(value));
}

/// Gives a struct its `fields()` in both forms.
#define SOTTO_MLS_FIELDS(...)                     \
  auto fields() { return std::tie(__VA_ARGS__); } \
  auto fields() const { return std::tie(__VA_ARGS__); }

}  // namespace sotto::mls
