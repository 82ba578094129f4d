// A server that a benchmark starts, what it costs, and its end.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace sotto::bench {

/// What a process has used since it began.
struct Usage {
  double cpu_seconds = 0;
  std::uint64_t context_switches = 0;
};

class Process {
 public:
  /// Starts `arguments[0]`, found by PATH, with its output in the file `log`. The process dies with this one.
  Process(const std::vector<std::string>& arguments, std::string log);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  /// SIGTERM, and SIGKILL if that is not enough.
  ~Process();

  [[nodiscard]] pid_t id() const { return id_; }
  void kill();
  /// Waits until a file has a line that begins with this text, and gives what follows it.
  [[nodiscard]] std::string wait_for(const std::string& text, const std::string& file = {}) const;
  /// Waits until something listens on the port.
  void wait_for_port(std::uint16_t port) const;

  /// Its children included: PostgreSQL has one for each connection.
  [[nodiscard]] Usage usage() const;
  /// Private and shared memory in RAM, in bytes (Pss).
  [[nodiscard]] std::uint64_t memory() const;
  /// All in RAM, what it shares with others included (RSS).
  [[nodiscard]] std::uint64_t resident() const;

 private:
  void check_alive() const;
  std::string log_;
  pid_t id_ = -1;
};

/// Of this process.
Usage own_usage();
/// One that was free a moment ago.
std::uint16_t free_port();

/// A new folder under /tmp, removed at the end.
class TempFolder {
 public:
  TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder();
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace sotto::bench
