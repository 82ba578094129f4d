#include "rpc/token.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

namespace rpc {

using sotto::Error;
using sotto::ErrorCode;

namespace {

constexpr std::size_t token_bytes = 32;

class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

sotto::Status make_token(const std::string& path) {
  std::array<unsigned char, token_bytes> secret{};
  if (::getrandom(secret.data(), secret.size(), 0) != static_cast<ssize_t>(secret.size())) {
    return Error(ErrorCode::IO_ERROR, "the system gives no random bytes");
  }
  std::string text;
  for (const auto byte : secret) {
    constexpr std::string_view digits = "0123456789abcdef";
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  text += '\n';
  // Whole or not at all, under its name.
  const auto draft = path + ".new";
  ::unlink(draft.c_str());
  {
    const File file(::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (file.fd() < 0 || ::write(file.fd(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
        ::fsync(file.fd()) != 0) {
      return Error(ErrorCode::IO_ERROR, "cannot write " + draft);
    }
  }
  if (::rename(draft.c_str(), path.c_str()) != 0) return Error(ErrorCode::IO_ERROR, "cannot write " + path);
  return {};
}

}  // namespace

sotto::Result<std::string> load_token(const std::string& path) {
  if (::access(path.c_str(), F_OK) != 0 && errno == ENOENT) {
    if (auto made = make_token(path); !made.ok()) return made.error();
  }
  const File file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  struct stat status {};
  if (file.fd() < 0 || ::fstat(file.fd(), &status) != 0) return Error(ErrorCode::IO_ERROR, "cannot read " + path);
  if (!S_ISREG(status.st_mode) || (status.st_mode & 077) != 0 || status.st_uid != ::geteuid()) {
    return Error(ErrorCode::FORBIDDEN, path + " must be a file of mode 0600 of your own");
  }
  std::string text(2 * token_bytes + 2, '\0');
  const auto count = ::read(file.fd(), text.data(), text.size());
  text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  if (text.ends_with('\n')) text.pop_back();
  const bool hex = std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (text.size() != 2 * token_bytes || !hex) {
    return Error(ErrorCode::CORRUPT, path + " holds no token; delete it to get a new one");
  }
  return text;
}

bool shows_token(std::string_view header, std::string_view token) {
  constexpr std::string_view scheme = "Bearer ";
  if (!header.starts_with(scheme)) return false;
  header.remove_prefix(scheme.size());
  if (header.size() != token.size()) return false;
  unsigned different = 0;
  for (std::size_t i = 0; i < token.size(); ++i) {
    different |= static_cast<unsigned char>(header[i]) ^ static_cast<unsigned char>(token[i]);
  }
  return different == 0;
}

}  // namespace rpc
