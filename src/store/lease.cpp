#include "store/lease.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace sotto::store {

Result<Lease> Lease::acquire(const std::string& path) {
  const std::string lock = path + ".lock";
  // Close-on-exec: a child that execs must not keep the lease of a parent that died.
  const int fd = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    const int why = errno;
    return Error(why == ENOSPC || why == EDQUOT ? ErrorCode::DISK_FULL : ErrorCode::IO_ERROR,
                 "open " + lock + ": " + std::generic_category().message(why));
  }
  Lease lease(fd);
  while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno == EWOULDBLOCK) return Error(ErrorCode::IN_USE);
    return Error(ErrorCode::IO_ERROR, "flock " + lock + ": " + std::generic_category().message(errno));
  }
  return lease;
}

Lease::Lease(Lease&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

Lease& Lease::operator=(Lease&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

Lease::~Lease() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace sotto::store
