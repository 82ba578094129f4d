#include "relay/flags.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

namespace sotto_relay {

namespace {

/// Where `--dev` keeps its data between starts.
std::string dev_folder() {
  const char* home = std::getenv("XDG_DATA_HOME");
  if (home != nullptr && *home != '\0') return (std::filesystem::path(home) / "sotto-relay-dev").string();
  home = std::getenv("HOME");
  const std::filesystem::path base = home != nullptr && *home != '\0' ? std::filesystem::path(home) / ".local/share"
                                                                      : std::filesystem::temp_directory_path();
  return (base / "sotto-relay-dev").string();
}

/// The options of a gateway to which the relay posts.
void add_gateway(CLI::App& app, const std::string& name, const std::string& what, sotto::RelayWebhook& gateway,
                 std::string& token_file) {
  const std::string option = "--" + name;
  std::string variable = "SOTTO_RELAY_" + name;
  std::ranges::transform(variable, variable.begin(), [](unsigned char c) { return std::toupper(c); });
  app.add_option(option + "-webhook", gateway.url, what)->envname(variable + "_WEBHOOK");
  app.add_option(option + "-token-file", token_file, "File with the bearer token for the " + name + " gateway")
      ->envname(variable + "_TOKEN_FILE");
  app.add_option(option + "-ca", gateway.ca_file, "Authorities of the " + name + " gateway (PEM)")
      ->envname(variable + "_CA");
  app.add_flag(option + "-plain", gateway.plain_beyond_loopback,
               "Allow http:// to a " + name + " gateway on another machine")
      ->envname(variable + "_PLAIN");
}

/// The first line of a file.
bool read_token(const std::string& path, std::string& token) {
  std::ifstream file(path);
  if (std::getline(file, token) && !token.empty()) return true;
  std::fprintf(stderr, "sotto-relay: no token can be read from %s\n", path.c_str());
  return false;
}

}  // namespace

void define(CLI::App& app, Flags& flags) {
  app.set_config("--config", "", "Read settings from this file (name = value)");
  app.allow_config_extras(CLI::config_extras_mode::error);
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
  app.add_option("--max-connections-per-address", flags.relay.max_connections_per_address,
                 "Of them by one address, or IPv6 /64; 0: as many as there may be")
      ->envname("SOTTO_RELAY_MAX_CONNECTIONS_PER_ADDRESS")
      ->capture_default_str();
  app.add_option("--new-connections-per-address", flags.relay.new_connections_per_address,
                 "New ones a second by one address; 0: no limit")
      ->envname("SOTTO_RELAY_NEW_CONNECTIONS_PER_ADDRESS")
      ->capture_default_str();
  app.add_option("--entry-lifetime", flags.entry_lifetime_days, "Days that a message waits for a device")
      ->envname("SOTTO_RELAY_ENTRY_LIFETIME")
      ->check(CLI::Range(1, 3650))
      ->capture_default_str();
  app.add_option("--admin-port", flags.relay.admin_port,
                 "Port of health, metrics and status page over plain HTTP; 0 lets the system choose")
      ->envname("SOTTO_RELAY_ADMIN_PORT");
  app.add_option_function<std::string>(
         "--admin-listen",
         [&flags](const std::string& address) {
           flags.relay.admin_address = address;
           flags.relay.admin_beyond_loopback = true;
         },
         "Address of the admin port, also one that others can reach (default 127.0.0.1)")
      ->envname("SOTTO_RELAY_ADMIN_LISTEN");
  add_gateway(app, "push", "URL of a push gateway, told of devices that should connect", flags.relay.push_gateway,
              flags.push_token_file);
  app.add_option("--registration", flags.registration, "Who may make an account: open, invite or code")
      ->envname("SOTTO_RELAY_REGISTRATION")
      ->check(CLI::IsMember({"open", "invite", "code"}))
      ->capture_default_str();
  app.add_option("--code-sender", flags.code_sender,
                 "How codes leave: webhook, or log (for development: whoever reads the log can use them)")
      ->envname("SOTTO_RELAY_CODE_SENDER")
      ->check(CLI::IsMember({"webhook", "log"}));
  add_gateway(app, "code", "URL of a gateway that sends codes to phone numbers", flags.relay.code_gateway,
              flags.code_token_file);
  app.add_option("--code-resend", flags.code_resend_seconds, "Seconds between two codes to one number")
      ->envname("SOTTO_RELAY_CODE_RESEND")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  app.add_option("--codes-a-day", flags.relay.codes_a_day, "Codes that the whole relay sends in a day")
      ->envname("SOTTO_RELAY_CODES_A_DAY")
      ->check(CLI::Range(1, 10'000'000))
      ->capture_default_str();
  app.add_option("--log-level", flags.log_level, "debug, info, warning or error")
      ->envname("SOTTO_RELAY_LOG_LEVEL")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
      ->capture_default_str();
  app.add_flag("--dev", flags.dev,
               "Start at once for trying out: localhost, self-made certificate, data in a folder that is named");
}

bool complete(Flags& flags) {
  static const std::map<std::string, sotto::LogLevel> levels{{"debug", sotto::LogLevel::debug},
                                                             {"info", sotto::LogLevel::info},
                                                             {"warning", sotto::LogLevel::warning},
                                                             {"error", sotto::LogLevel::error}};
  flags.relay.log_level = levels.at(flags.log_level);
  flags.relay.entry_lifetime = std::chrono::hours(24) * flags.entry_lifetime_days;
  if (!flags.push_token_file.empty() && !read_token(flags.push_token_file, flags.relay.push_gateway.bearer_token)) {
    return false;
  }
  if (!flags.code_token_file.empty() && !read_token(flags.code_token_file, flags.relay.code_gateway.bearer_token)) {
    return false;
  }
  static const std::map<std::string, sotto::RegistrationMode> modes{{"open", sotto::RegistrationMode::open},
                                                                    {"invite", sotto::RegistrationMode::invite},
                                                                    {"code", sotto::RegistrationMode::code}};
  flags.relay.registration = modes.at(flags.registration);
  flags.relay.code_resend = std::chrono::seconds(flags.code_resend_seconds);
  flags.relay.log_codes = flags.code_sender == "log";
  if (flags.relay.data_dir.empty() && flags.dev) flags.relay.data_dir = dev_folder();
  if (!flags.relay.data_dir.empty()) return true;
  std::fprintf(stderr, "sotto-relay: --data names the folder of the store (or --dev to just try it)\n");
  return false;
}

}  // namespace sotto_relay
