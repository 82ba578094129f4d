// The relay as a server of its own: flags, environment or a file, log lines, and an orderly end.
//
//     sotto-relay --dev
//     sotto-relay --data /var/lib/sotto --listen 0.0.0.0 --port 443 --cert cert.pem --key key.pem
#include <sotto/relay.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

namespace {

/// What the shell gets, so that a supervisor can tell what happened.
enum ExitCode {
  exit_ok = 0,
  exit_other = 1,
  exit_usage = 2,
  exit_port = 3,
  exit_data = 4,
  exit_certificate = 5,
  exit_newer = 6
};

struct Flags {
  sotto::RelayConfig relay;
  std::string log_level = "info";
  int entry_lifetime_days = 30;
  bool dev = false;
};

int exit_code(sotto::ErrorCode code) {
  switch (code) {
    case sotto::ErrorCode::ADDRESS_IN_USE:
      return exit_port;
    case sotto::ErrorCode::IN_USE:
      return exit_data;
    case sotto::ErrorCode::TLS_FAILED:
      return exit_certificate;
    case sotto::ErrorCode::NEWER_SCHEMA:
      return exit_newer;
    default:
      return exit_other;
  }
}

std::string explain(const sotto::Error& error, const Flags& flags) {
  const auto& relay = flags.relay;
  switch (error.code) {
    case sotto::ErrorCode::ADDRESS_IN_USE:
      return "port " + std::to_string(relay.port) + " on " + relay.bind_address + " is taken";
    case sotto::ErrorCode::IN_USE:
      return "the data folder " + relay.data_dir + " is in use by another process";
    case sotto::ErrorCode::TLS_FAILED:
      return "certificate or key cannot be used: " + error.message;
    case sotto::ErrorCode::NEWER_SCHEMA:
      return "the data folder " + relay.data_dir + " was written by a newer version";
    default:
      return std::string(sotto::error_name(error.code)) + ": " + error.message;
  }
}

sotto::LogSink sink_to(std::shared_ptr<spdlog::logger> logger) {
  return [logger](sotto::LogLevel level, std::string_view line) {
    static constexpr spdlog::level::level_enum levels[] = {spdlog::level::debug, spdlog::level::info,
                                                           spdlog::level::warn, spdlog::level::err};
    logger->log(levels[static_cast<int>(level)], "{}", line);
  };
}

/// Where `--dev` keeps its data between starts.
std::string dev_folder() {
  const char* home = std::getenv("XDG_DATA_HOME");
  if (home != nullptr && *home != '\0') return (std::filesystem::path(home) / "sotto-relay-dev").string();
  home = std::getenv("HOME");
  const std::filesystem::path base = home != nullptr && *home != '\0' ? std::filesystem::path(home) / ".local/share"
                                                                      : std::filesystem::temp_directory_path();
  return (base / "sotto-relay-dev").string();
}

void define(CLI::App& app, Flags& flags) {
  app.set_config("--config", "", "Read settings from this file (name = value)");
  app.add_option("--data", flags.relay.data_dir, "Folder of the store")->envname("SOTTO_RELAY_DATA");
  app.add_option("--listen", flags.relay.bind_address, "Address to listen on")
      ->envname("SOTTO_RELAY_LISTEN")
      ->capture_default_str();
  app.add_option("--port", flags.relay.port, "TCP port; 0 lets the system choose")
      ->envname("SOTTO_RELAY_PORT")
      ->default_val(8443);
  app.add_option("--cert", flags.relay.certificate_file,
                 "Certificate chain (PEM); without one, a self-made one for localhost")
      ->envname("SOTTO_RELAY_CERT");
  app.add_option("--key", flags.relay.private_key_file, "Private key (PEM)")->envname("SOTTO_RELAY_KEY");
  app.add_option("--max-connections", flags.relay.max_connections, "Connections at the same time")
      ->envname("SOTTO_RELAY_MAX_CONNECTIONS")
      ->capture_default_str();
  app.add_option("--entry-lifetime", flags.entry_lifetime_days, "Days that a message waits for a device")
      ->envname("SOTTO_RELAY_ENTRY_LIFETIME")
      ->check(CLI::Range(1, 3650))
      ->capture_default_str();
  app.add_option("--log-level", flags.log_level, "debug, info, warning or error")
      ->envname("SOTTO_RELAY_LOG_LEVEL")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
      ->capture_default_str();
  app.add_flag("--dev", flags.dev,
               "Start at once for trying out: localhost, self-made certificate, data in a folder that is named");
}

int run(Flags& flags) {
  // Blocked before any thread exists, so that only sigwait below gets them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  auto logger = std::make_shared<spdlog::logger>("sotto-relay", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_level(spdlog::level::trace);
  logger->flush_on(spdlog::level::info);
  flags.relay.log = sink_to(logger);
  static const std::map<std::string, sotto::LogLevel> levels{{"debug", sotto::LogLevel::debug},
                                                             {"info", sotto::LogLevel::info},
                                                             {"warning", sotto::LogLevel::warning},
                                                             {"error", sotto::LogLevel::error}};
  flags.relay.log_level = levels.at(flags.log_level);
  flags.relay.entry_lifetime = std::chrono::hours(24) * flags.entry_lifetime_days;

  auto relay = sotto::Relay::start(flags.relay);
  if (!relay.ok()) {
    std::fprintf(stderr, "sotto-relay: %s\n", explain(relay.error(), flags).c_str());
    return exit_code(relay.error().code);
  }
  std::printf("listening on %s\ndata %s\ncertificate %s\n", (*relay)->url().c_str(), flags.relay.data_dir.c_str(),
              (*relay)->certificate_path().c_str());
  std::fflush(stdout);

  int signal = 0;
  sigwait(&signals, &signal);
  (*relay)->stop();
  std::printf("stopped\n");
  return exit_ok;
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags;
  CLI::App app("Sotto's relay: stores and orders what it cannot read");
  define(app, flags);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? exit_ok : exit_usage;
  }
  if (flags.relay.data_dir.empty() && flags.dev) flags.relay.data_dir = dev_folder();
  if (flags.relay.data_dir.empty()) {
    std::fprintf(stderr, "sotto-relay: --data names the folder of the store (or --dev to just try it)\n");
    return exit_usage;
  }
  return run(flags);
}
