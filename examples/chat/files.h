// Files of the person's: read to be sent or shown, and written when attachments have come.
#pragma once

#include <sotto/attachment.h>

#include <atomic>
#include <string>
#include <vector>

namespace chat {

/// A path as it was typed: "~" is what a shell would have replaced.
std::string expanded(const std::string& path);

/// SHA-256 in 64 lower-case hexadecimal digits.
std::string sha256_hex(const std::vector<std::uint8_t>& bytes);

/// A file at one moment: enough to see later whether it is still the same.
struct FileStamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t size = 0;
  std::int64_t changed_s = 0;
  std::int64_t changed_ns = 0;
  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

/// Errors: NOT_FOUND (no regular file, or not to be read), TOO_LARGE (above the 2 GiB of an attachment).
sotto::Result<FileStamp> look_at_file(const std::string& path);

struct HashedFile {
  FileStamp stamp;
  std::string sha256;
};
/// Reads a whole file. Errors: as `look_at_file`; CONFLICT (it changed meanwhile), CLOSED (`stop`), IO_ERROR.
sotto::Result<HashedFile> hash_file(const std::string& path, const std::atomic<bool>& stop);

/// Of a person's picture: sotto/people.h.
inline constexpr std::size_t most_avatar_bytes = 48 * 1024;

/// The bytes of a small file. Errors: NOT_FOUND (no regular file, or not to be read), TOO_LARGE (more than `most`),
/// IO_ERROR.
sotto::Result<std::vector<std::uint8_t>> read_file(const std::string& path, std::size_t most);

struct SavedFile {
  std::uint64_t size = 0;
  std::string sha256;
};
/// Writes an attachment into a new file of mode 0600, whole or not at all; it is on disk then. Never replaces a file.
/// Errors: ALREADY_EXISTS, INVALID_ARGUMENT (no such folder, or not to be written), DISK_FULL, IO_ERROR, CLOSED
/// (`stop`), and those of the reader.
sotto::Result<SavedFile> save_attachment(sotto::AttachmentReader reader, const std::string& path,
                                         const std::atomic<bool>& stop);

struct ReadAttachment {
  std::vector<std::uint8_t> bytes;
  std::string sha256;
};
/// The whole attachment. Errors: TOO_LARGE (more than `most` bytes), and those of the reader.
sotto::Result<ReadAttachment> read_attachment(sotto::AttachmentReader reader, std::uint64_t most);

}  // namespace chat
