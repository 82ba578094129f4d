// The local socket on which the WebSocket is offered: 127.0.0.1, or a unix socket of mode 0600.
#pragma once

#include <sotto/result.h>

#include <string>

namespace rpc {

class LocalListener {
 public:
  /// `where` is a TCP port (0: the system chooses) or `unix:PATH`. What a dead process left at PATH is replaced.
  /// Errors: INVALID_ARGUMENT, ADDRESS_IN_USE, IO_ERROR.
  static sotto::Result<LocalListener> open(const std::string& where);

  LocalListener(LocalListener&& other) noexcept;
  LocalListener& operator=(LocalListener&&) = delete;
  /// Removes the unix socket.
  ~LocalListener();

  [[nodiscard]] int fd() const { return fd_; }
  /// A connection that waits, or -1.
  [[nodiscard]] int accept() const;
  /// `ws://127.0.0.1:PORT` or `unix:PATH`.
  [[nodiscard]] const std::string& url() const { return url_; }

 private:
  LocalListener(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  static sotto::Result<LocalListener> open_port(const std::string& text);
  static sotto::Result<LocalListener> open_path(const std::string& path);

  int fd_;
  std::string path_;
  std::string url_;
};

}  // namespace rpc
