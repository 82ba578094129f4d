#include "chat/files.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace chat {

using sotto::Error;
using sotto::ErrorCode;
using sotto::Result;
using sotto::Status;

namespace {

constexpr std::int64_t most_file_bytes = std::int64_t{2} << 30;  // of an attachment: sotto/attachment.h
constexpr std::size_t read_bytes = 1024 * 1024;

Error closed() { return {ErrorCode::CLOSED, "the program ends"}; }

class Hash {
 public:
  Hash() { crypto_hash_sha256_init(&state_); }
  void update(const std::uint8_t* bytes, std::size_t size) { crypto_hash_sha256_update(&state_, bytes, size); }
  std::string hex() {
    std::array<std::uint8_t, crypto_hash_sha256_BYTES> digest{};
    crypto_hash_sha256_final(&state_, digest.data());
    std::array<char, 2 * crypto_hash_sha256_BYTES + 1> out{};
    sodium_bin2hex(out.data(), out.size(), digest.data(), digest.size());
    return out.data();
  }

 private:
  crypto_hash_sha256_state state_{};
};

/// A descriptor that is closed.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

Result<FileStamp> stamp_of(const struct stat& file) {
  if (!S_ISREG(file.st_mode)) return Error(ErrorCode::NOT_FOUND, "the path names no file");
  if (file.st_size > most_file_bytes) return Error(ErrorCode::TOO_LARGE, "an attachment has at most 2 GiB");
  return FileStamp{file.st_dev, file.st_ino, file.st_size, file.st_mtim.tv_sec, file.st_mtim.tv_nsec};
}

Result<FileStamp> stamp_of(const Descriptor& file) {
  struct stat found {};
  if (file.get() < 0 || ::fstat(file.get(), &found) != 0) {
    return Error(ErrorCode::NOT_FOUND, "the file cannot be read");
  }
  return stamp_of(found);
}

/// What is no file must not be waited for.
Descriptor open_to_read(const std::string& path) {
  return Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
}

Error write_failed() {
  switch (errno) {
    case EEXIST:
      return {ErrorCode::ALREADY_EXISTS, "the path names something that is there"};
    case ENOSPC:
    case EDQUOT:
      return {ErrorCode::DISK_FULL, "the file cannot be written: the disk is full"};
    case EIO:
      return {ErrorCode::IO_ERROR, "the file cannot be written"};
    default:
      return {ErrorCode::INVALID_ARGUMENT, "a file cannot be written under the path"};
  }
}

Status write_all(int fd, const std::vector<std::uint8_t>& bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const auto count = ::write(fd, bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return write_failed();
    done += static_cast<std::size_t>(count);
  }
  return {};
}

Result<SavedFile> write_to(int fd, sotto::AttachmentReader& reader, const std::atomic<bool>& stop) {
  SavedFile out;
  Hash hash;
  while (true) {
    if (stop) return closed();
    const auto part = reader.read();
    if (!part.ok()) return part.error();
    if (part->empty()) break;
    hash.update(part->data(), part->size());
    out.size += part->size();
    if (const auto written = write_all(fd, *part); !written.ok()) return written.error();
  }
  if (::fsync(fd) != 0) return write_failed();
  out.sha256 = hash.hex();
  return out;
}

/// Gives a complete file its name, unless something has it.
Status give_name(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) != 0) {
    // Not every file system can do that.
    if (errno != EINVAL || ::link(from.c_str(), to.c_str()) != 0) return write_failed();
    ::unlink(from.c_str());
  }
  const Descriptor folder(::open(to.substr(0, to.rfind('/') + 1).c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY));
  if (folder.get() >= 0) ::fsync(folder.get());
  return {};
}

}  // namespace

std::string expanded(const std::string& path) {
  const char* home = std::getenv("HOME");
  if (home == nullptr || (path != "~" && !path.starts_with("~/"))) return path;
  return home + path.substr(1);
}

std::string sha256_hex(const std::vector<std::uint8_t>& bytes) {
  Hash hash;
  hash.update(bytes.data(), bytes.size());
  return hash.hex();
}

Result<FileStamp> look_at_file(const std::string& path) { return stamp_of(open_to_read(path)); }

Result<HashedFile> hash_file(const std::string& path, const std::atomic<bool>& stop) {
  const auto file = open_to_read(path);
  const auto stamp = stamp_of(file);
  if (!stamp.ok()) return stamp.error();
  Hash hash;
  std::vector<std::uint8_t> buffer(read_bytes);
  for (std::int64_t done = 0;;) {
    if (stop) return closed();
    const auto count = ::read(file.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Error(ErrorCode::IO_ERROR, "the file cannot be read");
    if (count == 0) break;
    done += count;
    if (done > stamp->size) break;  // It grows.
    hash.update(buffer.data(), static_cast<std::size_t>(count));
  }
  const auto now = stamp_of(file);
  if (!now.ok() || *now != *stamp) return Error(ErrorCode::CONFLICT, "the file changed while it was read");
  return HashedFile{*stamp, hash.hex()};
}

Result<std::vector<std::uint8_t>> read_file(const std::string& path, std::size_t most) {
  const auto file = open_to_read(path);
  if (const auto stamp = stamp_of(file); !stamp.ok()) return stamp.error();
  std::vector<std::uint8_t> out(most + 1);
  std::size_t done = 0;
  while (done < out.size()) {
    const auto count = ::read(file.get(), out.data() + done, out.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Error(ErrorCode::IO_ERROR, "the file cannot be read");
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  if (done > most) return Error(ErrorCode::TOO_LARGE, "the file has more than " + std::to_string(most) + " bytes");
  out.resize(done);
  return out;
}

Result<SavedFile> save_attachment(sotto::AttachmentReader reader, const std::string& path,
                                  const std::atomic<bool>& stop) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) == 0) {
    return Error(ErrorCode::ALREADY_EXISTS, "the path names something that is there");
  }
  // A name of its own, so that a long file name still fits.
  std::string part = path.substr(0, path.rfind('/') + 1) + ".sotto-XXXXXX";
  const Descriptor file(::mkostemp(part.data(), O_CLOEXEC));
  if (file.get() < 0) return write_failed();
  auto saved = write_to(file.get(), reader, stop);
  Status named = saved.ok() ? give_name(part, path) : Status();
  if (!saved.ok() || !named.ok()) ::unlink(part.c_str());
  if (!named.ok()) return named.error();
  return saved;
}

Result<ReadAttachment> read_attachment(sotto::AttachmentReader reader, std::uint64_t most) {
  if (reader.size() > most) return Error(ErrorCode::TOO_LARGE, "the attachment is too large for a line: give a path");
  ReadAttachment out;
  while (true) {
    const auto part = reader.read();
    if (!part.ok()) return part.error();
    if (part->empty()) break;
    out.bytes.insert(out.bytes.end(), part->begin(), part->end());
  }
  out.sha256 = sha256_hex(out.bytes);
  return out;
}

}  // namespace chat
