#include "sotto/relay.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/try.h"
#include "crypto/init.h"
#include "net/certificate.h"
#include "relay/backup.h"
#include "relay/doctor.h"
#include "relay/invites.h"
#include "relay/service.h"

namespace sotto {

namespace {

constexpr char own_certificate[] = "cert.pem";
constexpr char own_key[] = "key.pem";

/// Takes the certificate that is given, or makes one for localhost at the first start.
Status choose_certificate(RelayConfig& config) {
  namespace fs = std::filesystem;
  if (config.certificate_file.empty() != config.private_key_file.empty()) {
    return Error(ErrorCode::INVALID_ARGUMENT, "certificate and private key go together");
  }
  if (!config.certificate_file.empty()) return {};
  const fs::path folder(config.data_dir);
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return Error(ErrorCode::IO_ERROR, "the data folder cannot be made");
  fs::permissions(folder, fs::perms::owner_all, error);
  config.certificate_file = folder / own_certificate;
  config.private_key_file = folder / own_key;
  if (fs::exists(config.certificate_file, error) && fs::exists(config.private_key_file, error)) return {};
  return net::make_self_signed_certificate(config.certificate_file, config.private_key_file, {});
}

}  // namespace

namespace {

/// An expired certificate does not keep the relay from starting: pins may be all that its clients look at.
void warn_of_dates(const std::string& certificate_file, const Logger& log) {
  const auto facts = net::certificate_facts(certificate_file);
  if (!facts.ok()) return;
  const auto now = std::chrono::system_clock::now();
  if (now > facts->valid_until) log.warning("relay: the certificate has expired");
  if (now < facts->valid_from) log.warning("relay: the certificate is not valid yet, or the clock is wrong");
}

net::WebhookConfig webhook_config(std::string name, const RelayWebhook& webhook) {
  net::WebhookConfig out;
  out.name = std::move(name);
  out.url = webhook.url;
  out.bearer_token = webhook.bearer_token;
  out.ca_file = webhook.ca_file;
  out.plain_beyond_loopback = webhook.plain_beyond_loopback;
  return out;
}

}  // namespace

struct Relay::Impl {
  RelayConfig config;
  Logger log;
  std::unique_ptr<relay::Service> service;
  std::uint16_t port = 0;
};

Result<std::unique_ptr<Relay>> Relay::start(RelayConfig config) {
  SOTTO_TRY(crypto::initialize());
  if (config.data_dir.empty()) return Error(ErrorCode::INVALID_ARGUMENT, "no data folder is given");
  if (config.entry_lifetime < std::chrono::hours(1)) {
    return Error(ErrorCode::INVALID_ARGUMENT, "entries live for an hour at least");
  }
  if (config.admin_port && !config.admin_beyond_loopback && !relay::is_loopback(config.admin_address)) {
    return Error(ErrorCode::INVALID_ARGUMENT, "the admin port is for a loopback address, unless told otherwise");
  }
  const bool by_code = config.registration == RegistrationMode::code;
  if (by_code && config.code_gateway.url.empty() != config.log_codes) {
    return Error(ErrorCode::INVALID_ARGUMENT, "registration by code needs a gateway, or the log, to send codes by");
  }
  if (config.code_resend < std::chrono::seconds(1) || config.code_resend > std::chrono::hours(1)) {
    return Error(ErrorCode::INVALID_ARGUMENT, "codes to one number are a second to an hour apart");
  }
  SOTTO_TRY(choose_certificate(config));

  relay::ServiceConfig service;
  service.data_dir = config.data_dir;
  service.server.bind_address = config.bind_address;
  service.server.port = config.port;
  service.server.certificate_path = config.certificate_file;
  service.server.key_path = config.private_key_file;
  service.server.max_connections = config.max_connections;
  service.server.per_address = {config.max_connections_per_address, 10.0 * config.new_connections_per_address,
                                1.0 * config.new_connections_per_address};
  service.core.entry_lifetime_ms =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(config.entry_lifetime).count());
  if (!config.push_gateway.url.empty()) service.push = webhook_config("push", config.push_gateway);
  service.core.registration = config.registration;
  service.core.code_resend_ms = static_cast<std::uint64_t>(std::chrono::milliseconds(config.code_resend).count());
  service.core.codes_relay = {std::max(1.0, config.codes_a_day / 4.0), config.codes_a_day / 86400.0};
  if (by_code) service.codes.emplace();
  if (by_code && !config.log_codes) service.codes->gateway = webhook_config("codes", config.code_gateway);
  if (config.admin_port) service.admin = relay::AdminConfig{config.admin_address, *config.admin_port};
  SystemRandom random;
  SipKey id_key;
  random.fill(id_key);
  service.log = Logger(config.log, config.log_level, id_key);

  auto impl = std::make_unique<Impl>();
  impl->log = service.log;
  SOTTO_TRY_ASSIGN(impl->service, relay::Service::start(std::move(service)));
  impl->port = impl->service->port();
  warn_of_dates(config.certificate_file, impl->log);
  impl->config = std::move(config);
  return std::unique_ptr<Relay>(new Relay(std::move(impl)));
}

std::vector<RelayFinding> Relay::examine(const RelayConfig& config) { return relay::examine(config); }

Result<std::string> Relay::back_up(const std::string& data_dir, const std::string& to, RelayBackup what) {
  const auto now = std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  return relay::back_up(data_dir, to, what, now);
}

Status Relay::restore(const std::string& from, const std::string& data_dir) {
  SystemRandom random;
  return relay::restore(from, data_dir, random);
}

Result<std::string> Relay::create_invite(const std::string& data_dir, std::uint32_t uses, std::chrono::hours lifetime) {
  SOTTO_TRY(crypto::initialize());
  SystemRandom random;
  const auto now = std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  return relay::create_invite(data_dir, uses, lifetime, random, now);
}

Result<std::vector<RelayInvite>> Relay::invites(const std::string& data_dir) { return relay::list_invites(data_dir); }

Status Relay::revoke_invite(const std::string& data_dir, const std::string& invite) {
  SOTTO_TRY(crypto::initialize());
  return relay::revoke_invite(data_dir, invite);
}

Relay::Relay(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Relay::~Relay() = default;
std::uint16_t Relay::port() const { return impl_->port; }
std::string Relay::url() const { return "wss://localhost:" + std::to_string(impl_->port); }
std::optional<std::uint16_t> Relay::admin_port() const { return impl_->service->admin_port(); }

Status Relay::reload_certificate() {
  const auto status = impl_->service->reload_certificate();
  if (status.ok()) {
    impl_->log.info("relay: certificate read again");
    warn_of_dates(impl_->config.certificate_file, impl_->log);
  } else {
    impl_->log.error("relay: the certificate stays as it was: ", status.error().message);
  }
  return status;
}

std::string Relay::certificate_path() const { return impl_->config.certificate_file; }
void Relay::stop(std::chrono::milliseconds deadline) { impl_->service->stop(deadline); }

}  // namespace sotto
