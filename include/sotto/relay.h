// The reference relay, embeddable: for tests, for a LAN, or as a server of its own (`sotto-relay` is a small `main`
// over it).
//
//     sotto::RelayConfig config;
//     config.data_dir = "/var/lib/sotto";
//     config.certificate_file = "/etc/sotto/cert.pem";
//     config.private_key_file = "/etc/sotto/key.pem";
//     auto relay = sotto::Relay::start(config);
//     if (!relay.ok()) return fail(relay.error());
//     ... (*relay)->port() ...
//     (*relay)->stop();
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sotto/export.h"
#include "sotto/log.h"
#include "sotto/result.h"

namespace sotto {

/// Who may make an account.
enum class RegistrationMode : std::uint8_t {
  /// Whoever comes, under any handle that is free.
  open = 0,
  /// Whoever shows an invitation, which counts its uses.
  invite = 1,
  /// Whoever shows the code that was sent to their phone number: handles are E.164 numbers only, and a number that has
  /// an account can move to another one.
  code = 2,
};

/// A program of the operator's that the relay tells something by HTTP POST.
struct RelayWebhook {
  /// `https://host[:port][/path]`; `http://…` only to this machine, unless `plain_beyond_loopback`. Empty: there is
  /// none.
  std::string url;
  /// Sent as `Authorization: Bearer …`; empty: no such header.
  std::string bearer_token;
  /// PEM file of the authorities to trust instead of the system's; empty for the system's.
  std::string ca_file;
  bool plain_beyond_loopback = false;
};

/// How a relay runs. All fields have working defaults except `data_dir`.
struct RelayConfig {
  /// Folder of the store, made if missing (mode 0700). One process at a time may use it.
  std::string data_dir;
  /// Address to listen on.
  std::string bind_address = "127.0.0.1";
  /// TCP port; 0 lets the system choose one, which `port()` then tells.
  std::uint16_t port = 0;
  /// PEM files. If both are empty, a self-made certificate for localhost is used, made in `data_dir` at the first
  /// start; clients must be given `certificate_path()` to trust.
  std::string certificate_file;
  std::string private_key_file;
  /// Connections at the same time; more are refused.
  std::uint32_t max_connections = 10'000;
  /// Connections of one address (of an IPv6 one, its /64) at the same time, and new ones a second, with ten seconds'
  /// worth at once; more are closed as they come. 0: no limit. All that comes by way of a proxy has the proxy's
  /// address.
  std::uint32_t max_connections_per_address = 1'000;
  std::uint32_t new_connections_per_address = 200;
  /// How long an entry waits for a device that does not fetch it, at least an hour; then it is deleted, up to a
  /// thirtieth of this later, and the device is told of the gap.
  std::chrono::hours entry_lifetime{30 * 24};
  /// Who may make an account.
  RegistrationMode registration = RegistrationMode::open;
  /// Mode `code` needs one of these: the program that sends text messages, which is sent
  /// `{"to":"+4930123456","code":"123456","ttl_seconds":600}`; or, for development only, the log, at level warning.
  RelayWebhook code_gateway;
  bool log_codes = false;
  /// Codes that the whole relay sends in a day, a quarter of them at once; the count begins anew with each start.
  std::uint32_t codes_a_day = 1000;
  /// Between two codes to one number, which gets five a day at most; a second to an hour.
  std::chrono::seconds code_resend{60};
  /// The admin port: health, readiness, Prometheus metrics and a status page over plain HTTP, to read only, without
  /// password. Nothing: there is none; 0 lets the system choose one, which `admin_port()` then tells.
  std::optional<std::uint16_t> admin_port;
  /// A loopback address, unless `admin_beyond_loopback`: whoever can reach the port learns how much is going on here.
  std::string admin_address = "127.0.0.1";
  bool admin_beyond_loopback = false;
  /// Told when something waits for a device that is not connected, as `{"token": "…", "urgency": "high" or "normal"}`
  /// with the token that the device gave (`Client::set_push_token`) and nothing else. An answer 404 or 410 means that
  /// the token is no longer good. Without one, devices are told that the relay has no push.
  RelayWebhook push_gateway;
  /// Where log lines go, from the relay's threads. Lines hold no content, no keys, and only hashes of ids.
  LogSink log;
  LogLevel log_level = LogLevel::info;
};

/// What `Relay::examine` found of one thing.
struct RelayFinding {
  enum class Verdict { ok, warn, fail };
  Verdict verdict = Verdict::ok;
  /// Such as "certificate", "disk sync".
  std::string what;
  /// One line in English.
  std::string found;
};

/// What `Relay::back_up` copies.
enum class RelayBackup {
  with_attachments,
  /// They live 30 days at most; without them a backup is small and quick.
  without_attachments,
};

/// An invitation, without its text, which only its maker has seen.
struct RelayInvite {
  /// Names it for `Relay::revoke_invite`.
  std::string id;
  std::uint32_t uses = 0;
  std::uint32_t used = 0;
  std::chrono::system_clock::time_point created_at;
  std::chrono::system_clock::time_point expires_at;
};

/// A running relay. All calls are safe from any thread.
class SOTTO_API Relay {
 public:
  /// Opens the store, listens, and returns when connections are accepted. Several relays may run in one process.
  /// Errors: INVALID_ARGUMENT, IN_USE (another process has the folder), ADDRESS_IN_USE (if it is the admin port, the
  /// message begins with "admin port"), TLS_FAILED (certificate), NEWER_SCHEMA, CORRUPT, IO_ERROR, DISK_FULL; a
  /// webhook's URL or token may be INVALID_ARGUMENT, its authorities TLS_FAILED. An expired certificate is a warning in
  /// the log.
  static Result<std::unique_ptr<Relay>> start(RelayConfig config);

  /// Looks at what such a relay needs of this machine: clock, certificate and key, folder, store, disk (free space, and
  /// how long a sync takes), file limits, event loop, ports. Changes nothing, and may be called while a relay runs with
  /// this configuration. Blocks for a second or so. Any thread.
  static std::vector<RelayFinding> examine(const RelayConfig& config);

  /// Copies the store of `data_dir`, also while a relay uses it, as of one moment: to the new file `to`, or into the
  /// folder `to` under a name with the time. Gives the file's name; its mode is 0600. Attachments go into the folder
  /// of that name and ".attachments" (mode 0700) beside it: all whose upload has ended, as hard links if that is on the
  /// same file system, else as copies. What the store does not hold, such as a self-made certificate, is not in it.
  /// Blocks; a running relay does not wait, but gives back no disk space meanwhile. Errors: NOT_FOUND (no store),
  /// ALREADY_EXISTS, CORRUPT, NEWER_SCHEMA, IO_ERROR, DISK_FULL, INVALID_ARGUMENT. Any thread.
  static Result<std::string> back_up(const std::string& data_dir, const std::string& to,
                                     RelayBackup what = RelayBackup::with_attachments);

  /// Makes the folder `data_dir`, which must be missing or empty, of the backup file `from`, and of the attachments
  /// beside it, if there are any; one whose file is missing there is as good as expired. The store gets a new
  /// incarnation, by which clients see that the relay may have forgotten something. All or nothing. Errors: NOT_FOUND,
  /// ALREADY_EXISTS (folder not empty), CORRUPT, NEWER_SCHEMA, IO_ERROR, DISK_FULL, INVALID_ARGUMENT. Any thread.
  static Status restore(const std::string& from, const std::string& data_dir);

  /// Makes an invitation to the relay of `data_dir` that 1 to 1,000 people can use until its lifetime (an hour to ten
  /// years) is over, and gives its text: 20 letters and digits, of which the store has a hash only. Also while the
  /// relay runs, which takes it from the next registration on. Errors: INVALID_ARGUMENT, NOT_FOUND (no store: the relay
  /// has not been started yet), IN_USE (the store is busy for longer than five seconds: try again), NEWER_SCHEMA,
  /// CORRUPT, IO_ERROR, DISK_FULL. Blocks. Any thread.
  static Result<std::string> create_invite(const std::string& data_dir, std::uint32_t uses,
                                           std::chrono::hours lifetime);
  /// All invitations that are stored: until 30 days after their time. Errors: as `create_invite`.
  static Result<std::vector<RelayInvite>> invites(const std::string& data_dir);
  /// Takes an invitation back, by its id or its text: nobody can use it any more, who has is not affected. Errors: as
  /// `create_invite`; NOT_FOUND.
  static Status revoke_invite(const std::string& data_dir, const std::string& invite);

  /// As `stop`.
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  /// The port it listens on.
  [[nodiscard]] std::uint16_t port() const;
  /// `wss://localhost:<port>`.
  [[nodiscard]] std::string url() const;
  /// The port of the admin pages, if there are any.
  [[nodiscard]] std::optional<std::uint16_t> admin_port() const;
  /// The PEM file of the certificate in use.
  [[nodiscard]] std::string certificate_path() const;

  /// Reads certificate and key again, from the same files, for connections from now on; those that are there stay. If
  /// the files cannot be used (TLS_FAILED), the old ones stay in use. CLOSED after `stop`.
  Status reload_certificate();

  /// Stops accepting, finishes the commits under way, answers them, tells all clients when to come back, closes
  /// all connections with 1001, and returns when all is on disk, at the latest after `deadline`. The admin port answers
  /// on, and says that the relay is not ready. Idempotent.
  void stop(std::chrono::milliseconds deadline = std::chrono::milliseconds(5000));

 private:
  struct Impl;
  explicit Relay(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sotto
