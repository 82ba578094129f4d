// Byte buffers. Plain ones for what anybody may see; secret ones are zeroed at their end and never copied by accident.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sotto {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
inline Bytes to_bytes(ByteView view) { return {view.begin(), view.end()}; }
inline Bytes to_bytes(std::string_view text) { return to_bytes(as_bytes(text)); }
inline std::string to_string(ByteView view) { return std::string(as_text(view)); }
inline void append(Bytes& to, ByteView what) { to.insert(to.end(), what.begin(), what.end()); }
inline Bytes concat(std::initializer_list<ByteView> parts) {
  Bytes out;
  for (const auto& part : parts) append(out, part);
  return out;
}

/// Equality of public bytes; secrets are compared by `crypto::equal_constant_time`.
inline bool equal(ByteView a, ByteView b) { return std::ranges::equal(a, b); }

/// Overwrites memory in a way that the compiler may not remove.
void secure_zero(std::span<std::uint8_t> memory) noexcept;

/// Lower-case hexadecimal, for logs of public values and for tests.
std::string to_hex(ByteView bytes);

/// Parses hexadecimal of any case; empty if a character or the length is wrong (an empty input gives an empty output).
Bytes from_hex(std::string_view text);

/// Secret bytes of a length known at run time. Moves leave the source empty; a copy must be asked for by `clone`.
class SecretBytes {
 public:
  SecretBytes() = default;
  explicit SecretBytes(std::size_t size) : bytes_(size) {}
  /// Copies from a view of secret bytes that somebody else owns.
  explicit SecretBytes(ByteView view) : bytes_(view.begin(), view.end()) {}
  /// Takes the bytes over.
  explicit SecretBytes(Bytes&& bytes) : bytes_(std::move(bytes)) {}
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  SecretBytes(SecretBytes&& other) noexcept : bytes_(std::move(other.bytes_)) { other.bytes_.clear(); }
  SecretBytes& operator=(SecretBytes&& other) noexcept {
    if (this != &other) {
      wipe();
      bytes_ = std::move(other.bytes_);
      other.bytes_.clear();
    }
    return *this;
  }
  ~SecretBytes() { wipe(); }

  [[nodiscard]] SecretBytes clone() const { return SecretBytes(view()); }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }
  [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }
  [[nodiscard]] ByteView view() const noexcept { return bytes_; }
  [[nodiscard]] std::span<std::uint8_t> mutable_view() noexcept { return bytes_; }
  /// Zeroes and empties now.
  void wipe() noexcept {
    secure_zero(bytes_);
    bytes_.clear();
  }

 private:
  Bytes bytes_;
};

/// Secret bytes of a fixed length, zeroed at their end, moved but never copied by accident. `Tag` keeps kinds apart:
/// a key of one kind is not accepted where another belongs.
template <typename Tag, std::size_t N>
class SecretArray {
 public:
  static constexpr std::size_t size_bytes = N;

  SecretArray() = default;
  explicit SecretArray(std::span<const std::uint8_t, N> from) { std::copy(from.begin(), from.end(), bytes_.begin()); }
  SecretArray(const SecretArray&) = delete;
  SecretArray& operator=(const SecretArray&) = delete;
  SecretArray(SecretArray&& other) noexcept : bytes_(other.bytes_) { other.wipe(); }
  SecretArray& operator=(SecretArray&& other) noexcept {
    if (this != &other) {
      bytes_ = other.bytes_;
      other.wipe();
    }
    return *this;
  }
  ~SecretArray() { wipe(); }

  [[nodiscard]] SecretArray clone() const { return SecretArray(std::span<const std::uint8_t, N>(bytes_)); }
  [[nodiscard]] std::span<const std::uint8_t, N> view() const noexcept { return bytes_; }
  [[nodiscard]] std::span<std::uint8_t, N> mutable_view() noexcept { return bytes_; }
  void wipe() noexcept { secure_zero(bytes_); }

 private:
  std::array<std::uint8_t, N> bytes_{};
};

/// Public bytes of a fixed length and one kind; ordered and hashable, so that it can be a key of a map.
template <typename Tag, std::size_t N>
struct ByteArray {
  static constexpr std::size_t size_bytes = N;
  std::array<std::uint8_t, N> bytes{};

  [[nodiscard]] ByteView view() const noexcept { return bytes; }
  friend bool operator==(const ByteArray&, const ByteArray&) = default;
  friend auto operator<=>(const ByteArray&, const ByteArray&) = default;
};

/// The bytes as a fixed array type, or nothing if the length differs.
template <typename Array>
bool assign_exact(Array& to, ByteView from) {
  if (from.size() != Array::size_bytes) return false;
  if constexpr (requires { to.bytes; }) {
    std::copy(from.begin(), from.end(), to.bytes.begin());
  } else {
    std::copy(from.begin(), from.end(), to.mutable_view().begin());
  }
  return true;
}

}  // namespace sotto
