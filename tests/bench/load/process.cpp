#include "load/process.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

#include "load/must.h"

namespace sotto::bench {

namespace {

using namespace std::chrono_literals;

constexpr auto patience = 30s;

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The number behind a line's name, as in /proc/PID/status.
std::uint64_t number_after(const std::string& text, const std::string& name) {
  const auto at = text.find(name);
  return at == std::string::npos ? 0 : std::strtoull(text.c_str() + at + name.size(), nullptr, 10);
}

/// The fields of /proc/PID/stat behind the name, which is in brackets and may hold anything: state, parent, …
std::vector<std::string> stat_of(pid_t id) {
  const auto stat = read_file("/proc/" + std::to_string(id) + "/stat");
  if (stat.empty()) return {};
  std::istringstream fields(stat.substr(stat.rfind(')') + 1));
  return {std::istream_iterator<std::string>(fields), {}};
}

std::vector<pid_t> children(pid_t parent) {
  std::vector<pid_t> out;
  for (const auto& folder : std::filesystem::directory_iterator("/proc")) {
    const auto id = static_cast<pid_t>(std::strtol(folder.path().filename().c_str(), nullptr, 10));
    if (id == 0) continue;
    if (const auto stat = stat_of(id); stat.size() > 1 && stat[1] == std::to_string(parent)) out.push_back(id);
  }
  return out;
}

/// Adds what a process, and those of its children that have ended, used.
void add_usage(pid_t id, Usage& to) {
  const auto stat = stat_of(id);
  std::uint64_t ticks = 0;
  // User and system time, of its own and of children that it waited for.
  for (std::size_t field = 11; field < 15 && field < stat.size(); ++field) ticks += std::stoull(stat[field]);
  to.cpu_seconds += static_cast<double>(ticks) / static_cast<double>(::sysconf(_SC_CLK_TCK));
  std::error_code ended;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/" + std::to_string(id) + "/task", ended)) {
    const auto status = read_file(thread.path().string() + "/status");
    to.context_switches += number_after(status, "\nvoluntary_ctxt_switches:");
    to.context_switches += number_after(status, "\nnonvoluntary_ctxt_switches:");
  }
}

int listener(std::uint16_t& port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    give_up("no free port");
  }
  port = ntohs(address.sin_port);
  return fd;
}

}  // namespace

Process::Process(const std::vector<std::string>& arguments, std::string log) : log_(std::move(log)) {
  const pid_t parent = ::getpid();
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  id_ = ::fork();
  if (id_ < 0) give_up("fork");
  if (id_ > 0) return;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);
  const int out = ::open(log_.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(out, STDERR_FILENO);
  ::execvp(argv[0], argv.data());
  ::_exit(127);
}

Process::~Process() {
  if (id_ < 0) return;
  ::kill(id_, SIGTERM);
  for (int i = 0; i < 1000; ++i) {
    if (::waitpid(id_, nullptr, WNOHANG) == id_) return;
    std::this_thread::sleep_for(10ms);
  }
  kill();
}

void Process::kill() {
  if (id_ < 0) return;
  ::kill(id_, SIGKILL);
  ::waitpid(id_, nullptr, 0);
  id_ = -1;
}

void Process::check_alive() const {
  siginfo_t info{};
  if (::waitid(P_PID, static_cast<id_t>(id_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == id_) {
    give_up("a server ended: " + read_file(log_));
  }
}

std::string Process::wait_for(const std::string& text, const std::string& file) const {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (std::chrono::steady_clock::now() < until) {
    const auto all = read_file(file.empty() ? log_ : file);
    if (const auto at = all.find(text); at != std::string::npos) {
      const auto end = all.find('\n', at);
      if (end != std::string::npos) return all.substr(at + text.size(), end - at - text.size());
    }
    check_alive();
    std::this_thread::sleep_for(5ms);
  }
  give_up("a server did not start: " + read_file(log_));
}

void Process::wait_for_port(std::uint16_t port) const {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (std::chrono::steady_clock::now() < until) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool there = ::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
    ::close(fd);
    if (there) return;
    check_alive();
    std::this_thread::sleep_for(5ms);
  }
  give_up("a server does not listen: " + read_file(log_));
}

Usage Process::usage() const {
  Usage out;
  add_usage(id_, out);
  for (const pid_t child : children(id_)) add_usage(child, out);
  return out;
}

std::uint64_t Process::memory() const {
  const auto rollup = read_file("/proc/" + std::to_string(id_) + "/smaps_rollup");
  return number_after(rollup, "\nPss:") * 1024;
}

std::uint64_t Process::resident() const {
  const auto rollup = read_file("/proc/" + std::to_string(id_) + "/smaps_rollup");
  return number_after(rollup, "\nRss:") * 1024;
}

Usage own_usage() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return {seconds(used.ru_utime) + seconds(used.ru_stime), static_cast<std::uint64_t>(used.ru_nvcsw + used.ru_nivcsw)};
}

std::uint16_t free_port() {
  std::uint16_t port = 0;
  ::close(listener(port));
  return port;
}

TempFolder::TempFolder() : path_((std::filesystem::temp_directory_path() / "sotto-bench-XXXXXX").string()) {
  if (::mkdtemp(path_.data()) == nullptr) give_up("no temporary folder");
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace sotto::bench
