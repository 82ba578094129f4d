// The little of OpenSSL that libwebsockets leaves to its user; inside net/ only.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "net/endpoint.h"

// As OpenSSL declares them.
using SSL = struct ssl_st;
using SSL_CTX = struct ssl_ctx_st;
using X509 = struct x509_st;

namespace sotto::net {

struct SslContextDeleter {
  void operator()(SSL_CTX* context) const;
};
using SslContext = std::unique_ptr<SSL_CTX, SslContextDeleter>;

/// For connections to servers with these roots: TLS 1.2 or later. TLS_FAILED if the CAs do not load.
Result<SslContext> make_client_ssl_context(const TlsTrust& trust);

/// For OpenSSL's verify callback: lets an error in the chain pass where only pins count, and says what it was where it
/// does not pass. `store_context` is the X509_STORE_CTX.
Status judge_chain(void* store_context, bool good_so_far, const TlsTrust& trust);

/// After the handshake, before anything is said: is this the server that `endpoint` means?
Status check_server(const SSL* ssl, const Endpoint& endpoint);

/// A certificate with its chain and key, read and known to fit together.
class CertificatePair {
 public:
  /// TLS_FAILED with the cause if the files cannot be read or do not fit.
  static Result<CertificatePair> load(const std::string& certificate_path, const std::string& key_path);
  CertificatePair(CertificatePair&&) noexcept;
  CertificatePair& operator=(CertificatePair&&) noexcept;
  ~CertificatePair();

  /// Uses it for connections from now on, in one step.
  Status apply(SSL_CTX* context) const;

 private:
  struct Parts;
  explicit CertificatePair(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

/// TLS 1.2 or later, no tickets, no session cache, no renegotiation.
void harden_server_ssl_context(SSL_CTX* context);

/// The pin of a certificate.
SpkiHash spki_hash(const X509* certificate);

/// True for a numeric IPv4 or IPv6 address.
bool is_address(const std::string& host);

}  // namespace sotto::net
