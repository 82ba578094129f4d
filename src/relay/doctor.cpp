#include "relay/doctor.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "net/certificate.h"
#include "net/server.h"
#include "net/server_listener.h"
#include "net/tls.h"
#include "relay/backend/sqlite_schema.h"
#include "store/database.h"

namespace sotto::relay {

namespace {

namespace fs = std::filesystem;
using Verdict = RelayFinding::Verdict;

constexpr int days_before_expiry = 14;
/// Descriptors of the relay besides those of its connections.
constexpr std::uint64_t own_files = 64;
constexpr std::uint64_t mebibyte = 1024 * 1024;
constexpr std::uint64_t little_space = 1024 * mebibyte;
constexpr std::uint64_t no_space = 64 * mebibyte;
/// A sync that takes longer makes every message slow; one that is quicker than any disk was not one.
constexpr double slow_sync_ms = 20;
constexpr double no_sync_ms = 0.01;
constexpr int syncs = 20;

std::string reason(int why) { return std::generic_category().message(why); }

std::string decimal(double value, const char* format) {
  char text[32] = {};
  std::snprintf(text, sizeof text, format, value);
  return text;
}

class Examination {
 public:
  explicit Examination(const RelayConfig& config) : config_(config) {}

  std::vector<RelayFinding> run() {
    clock();
    certificate();
    folder();
    store();
    space();
    sync();
    files();
    loop();
    ports();
    return std::move(findings_);
  }

 private:
  void add(Verdict verdict, const char* what, std::string found) {
    findings_.push_back({verdict, what, std::move(found)});
  }

  void clock() {
    timex state{};
    const int told = ::adjtimex(&state);
    if (told < 0) return add(Verdict::warn, "clock", "the system does not tell whether it is synchronised");
    if (told == TIME_ERROR || (state.status & STA_UNSYNC) != 0) {
      return add(Verdict::warn, "clock", "not synchronised by NTP; entries expire and certificates hold by this clock");
    }
    add(Verdict::ok, "clock", "synchronised");
  }

  void certificate() {
    std::string chain = config_.certificate_file;
    std::string key = config_.private_key_file;
    if (chain.empty() != key.empty())
      return add(Verdict::fail, "certificate", "certificate and private key go together");
    if (chain.empty()) {
      chain = fs::path(config_.data_dir) / "cert.pem";
      key = fs::path(config_.data_dir) / "key.pem";
      std::error_code error;
      if (!fs::exists(chain, error)) {
        return add(Verdict::warn, "certificate",
                   "none is given: a self-made one for localhost is made at the first start");
      }
    }
    if (const auto pair = net::CertificatePair::load(chain, key); !pair.ok()) {
      return add(Verdict::fail, "certificate", pair.error().message);
    }
    const auto facts = net::certificate_facts(chain);
    if (!facts.ok()) return add(Verdict::fail, "certificate", facts.error().message);
    const auto now = std::chrono::system_clock::now();
    const auto days = std::chrono::duration_cast<std::chrono::hours>(facts->valid_until - now).count() / 24;
    const std::string text = std::to_string(facts->chain) + (facts->chain == 1 ? " certificate" : " certificates") +
                             ", the key fits, valid for " + std::to_string(days) + " days";
    if (now < facts->valid_from) {
      add(Verdict::fail, "certificate", "not valid yet by this machine's clock");
    } else if (now > facts->valid_until) {
      add(Verdict::fail, "certificate", "expired");
    } else if (!facts->chain_in_order) {
      add(Verdict::fail, "certificate", text + ", but the chain is not in order, each signed by the next");
    } else if (days < days_before_expiry) {
      add(Verdict::warn, "certificate", text);
    } else if (facts->chain == 1 && facts->self_signed) {
      add(Verdict::ok, "certificate", text + ", self-signed: clients must be given it");
    } else if (facts->chain == 1) {
      add(Verdict::warn, "certificate", text + ", without the CA's intermediate one, which clients may miss");
    } else {
      add(Verdict::ok, "certificate", text);
    }
    struct stat status {};
    if (::stat(key.c_str(), &status) == 0 && (status.st_mode & (S_IROTH | S_IWOTH | S_IWGRP)) != 0) {
      add(Verdict::warn, "private key", key + " can be read or changed by others");
    }
  }

  void folder() {
    struct stat status {};
    if (::stat(config_.data_dir.c_str(), &status) != 0) {
      if (errno == ENOENT) return add(Verdict::ok, "data folder", "not there yet, made at the first start");
      return add(Verdict::fail, "data folder", reason(errno));
    }
    if (!S_ISDIR(status.st_mode)) return add(Verdict::fail, "data folder", "not a folder");
    if (::access(config_.data_dir.c_str(), R_OK | W_OK | X_OK) != 0) {
      return add(Verdict::fail, "data folder", "cannot be written by this user: " + reason(errno));
    }
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
      return add(Verdict::warn, "data folder", "open to others; mode 0700 is enough");
    }
    if (status.st_uid != ::geteuid()) return add(Verdict::warn, "data folder", "belongs to another user");
    add(Verdict::ok, "data folder", config_.data_dir);
  }

  void store() {
    const std::string path = fs::path(config_.data_dir) / "relay.db";
    const auto db = store::Database::open_existing(path, {});
    if (db.code() == ErrorCode::NOT_FOUND) return add(Verdict::ok, "store", "not there yet, made at the first start");
    if (!db.ok()) return add(Verdict::fail, "store", db.error().message);
    const auto application = (*db)->one<std::int32_t>("PRAGMA application_id");
    const auto version = store::schema_version(**db);
    if (!application.ok() || !version.ok()) return add(Verdict::fail, "store", "cannot be read");
    if (*application != sqlite_application_id) return add(Verdict::fail, "store", path + " is no store of a relay");
    const int newest = sqlite_migrations().back().version;
    if (*version > newest) return add(Verdict::fail, "store", "written by a newer version");
    add(Verdict::ok, "store",
        *version < newest ? "of an older version, brought up to date at the next start" : "readable");
  }

  /// The folder, or the nearest one above it that is there.
  [[nodiscard]] fs::path existing_folder() const {
    std::error_code error;
    fs::path path = fs::absolute(config_.data_dir, error);
    while (!fs::is_directory(path, error) && path.has_relative_path()) path = path.parent_path();
    return path;
  }

  void space() {
    struct statvfs status {};
    if (::statvfs(existing_folder().c_str(), &status) != 0) return add(Verdict::fail, "disk space", reason(errno));
    const std::uint64_t free = std::uint64_t{status.f_bavail} * status.f_frsize;
    const auto verdict = free < no_space ? Verdict::fail : free < little_space ? Verdict::warn : Verdict::ok;
    add(verdict, "disk space", std::to_string(free / mebibyte) + " MiB free");
  }

  void sync() {
    std::string path = existing_folder() / ".sync-XXXXXX";
    const int fd = ::mkostemp(path.data(), O_CLOEXEC);
    if (fd < 0) return add(Verdict::fail, "disk sync", "no file can be made: " + reason(errno));
    ::unlink(path.c_str());
    static constexpr std::array<char, 4096> page{};
    std::vector<double> times;
    for (int i = 0; i < syncs; ++i) {
      const auto before = std::chrono::steady_clock::now();
      if (::write(fd, page.data(), page.size()) != static_cast<ssize_t>(page.size()) || ::fdatasync(fd) != 0) break;
      times.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - before).count());
    }
    ::close(fd);
    if (times.size() < syncs) return add(Verdict::fail, "disk sync", "a write failed: " + reason(errno));
    std::ranges::sort(times);
    const double median = times[times.size() / 2];
    const auto text = "fdatasync of 4 KiB takes " + decimal(median, "%.3f") + " ms (median), " +
                      decimal(times.back(), "%.3f") + " at most";
    if (median < no_sync_ms)
      return add(Verdict::warn, "disk sync", text + ": too quick for a disk that keeps its word");
    add(median > slow_sync_ms ? Verdict::warn : Verdict::ok, "disk sync", text);
  }

  void files() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return add(Verdict::fail, "open files", reason(errno));
    const std::uint64_t needed = config_.max_connections + own_files;
    const auto text = std::to_string(limit.rlim_cur) + " allowed, " + std::to_string(needed) + " needed for " +
                      std::to_string(config_.max_connections) + " connections";
    add(limit.rlim_cur < needed ? Verdict::fail : Verdict::ok, "open files", text);
  }

  void loop() {
    const auto status = net::check_event_loop();
    add(status.ok() ? Verdict::ok : Verdict::fail, "event loop",
        status.ok() ? "libwebsockets has its libev plug-in" : status.error().message);
  }

  void ports() {
    if (config_.port != 0) port("port", config_.bind_address, config_.port);
    if (config_.admin_port && *config_.admin_port != 0) port("admin port", config_.admin_address, *config_.admin_port);
  }
  void port(const char* what, const std::string& address, std::uint16_t number) {
    const auto trial = net::Listener::open(address, number);
    const auto place = std::to_string(number) + " on " + address;
    if (trial.ok()) return add(Verdict::ok, what, place + " is free");
    if (trial.code() == ErrorCode::ADDRESS_IN_USE)
      return add(Verdict::warn, what, place + " is taken; is a relay running?");
    add(Verdict::fail, what, trial.error().message);
  }

  const RelayConfig& config_;
  std::vector<RelayFinding> findings_;
};

}  // namespace

std::vector<RelayFinding> examine(const RelayConfig& config) { return Examination(config).run(); }

}  // namespace sotto::relay
