// An attachment's bytes as they travel and as they lie on the disk: a secretstream header and chunks of 64 KiB, over
// the file's bytes and zeros up to their Padmé length, so that sizes tell little.
#pragma once

#include <memory>
#include <optional>
#include <variant>

#include "base/random.h"
#include "crypto/hash.h"
#include "crypto/stream.h"
#include "store/file.h"

namespace sotto::client {

/// Bytes of the ciphertext of a file of `size` bytes.
std::uint64_t cipher_size(std::uint64_t size);

/// What is wrong with the file of an attachment in the client's own folder, in words for an app: NOT_FOUND if it is
/// gone, CORRUPT for all else.
Error file_damage(ErrorCode code);
/// Opens the ciphertext of a file of `size` bytes. Errors: `file_damage` if it is gone or too short; those of the disk.
Result<store::File> open_ciphertext(const std::string& path, std::uint64_t size, const std::string& vfs);

/// The token that fetches an attachment with this key.
Bytes attachment_token(ByteView key);

/// Encrypts a file slice by slice, under a new key.
class FileSealer {
 public:
  using Source = std::variant<store::File, Bytes>;
  FileSealer(Source source, std::uint64_t size, store::File to, Random& random);

  /// Goes on with about this many bytes; true at the end, when all is synced. Errors: those of the two files;
  /// INVALID_ARGUMENT if the source does not have its size.
  Result<bool> work(std::uint64_t bytes);
  [[nodiscard]] std::uint64_t written() const { return written_; }
  /// An error of `work` was that of reading what is to be encrypted.
  [[nodiscard]] bool source_failed() const { return source_failed_; }
  [[nodiscard]] crypto::StreamKey key() const { return key_.clone(); }
  /// Of the ciphertext, once it is complete.
  [[nodiscard]] crypto::Sha256Digest hash() const { return hash_.digest(); }

 private:
  Result<Bytes> next_chunk();
  Status check_source();
  Status write(ByteView bytes);

  Source source_;
  std::uint64_t size_;
  std::uint64_t padded_;
  store::File to_;
  crypto::StreamKey key_;
  std::optional<crypto::StreamSealer> sealer_;
  crypto::Sha256 hash_;
  std::uint64_t read_ = 0;
  std::uint64_t written_ = 0;
  bool source_failed_ = false;
};

/// Decrypts a file from its beginning to its end.
class FileOpener {
 public:
  /// `hash` of the whole ciphertext, as its sender announced it.
  FileOpener(store::File from, std::uint64_t size, crypto::StreamKey key, crypto::Sha256Digest hash)
      : from_(std::move(from)), size_(size), key_(std::move(key)), hash_(hash) {}

  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// The next bytes; none at the end. Errors: CORRUPT (the file is not the one that was announced any more),
  /// DECRYPTION_FAILED (it is, and does not open), IO_ERROR. Which of the two costs reading the whole file once.
  Result<Bytes> read();

 private:
  Result<Bytes> read_chunk();
  Result<bool> is_as_announced();

  store::File from_;
  std::uint64_t size_;
  crypto::StreamKey key_;
  crypto::Sha256Digest hash_;
  std::optional<crypto::StreamOpener> opener_;
  std::uint64_t offset_ = 0;
  std::uint64_t opened_ = 0;
};

}  // namespace sotto::client
