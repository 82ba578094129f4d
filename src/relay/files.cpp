#include "relay/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace sotto::relay {

Error file_error(const std::filesystem::path& path, int why) {
  const ErrorCode code = why == ENOSPC || why == EDQUOT ? ErrorCode::DISK_FULL : ErrorCode::IO_ERROR;
  return {code, path.string() + ": " + std::generic_category().message(why)};
}

Status sync_path(const std::filesystem::path& path) {
  const int fd = ::open(path.empty() ? "." : path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return file_error(path, errno);
  const Status done = ::fsync(fd) == 0 ? Status() : Status(file_error(path, errno));
  ::close(fd);
  return done;
}

}  // namespace sotto::relay
