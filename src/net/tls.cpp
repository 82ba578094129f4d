#include "net/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "base/try.h"
#include "net/openssl_owned.h"

namespace sotto::net {
namespace {

using Bio = OpensslOwned<BIO>;
using Certificate = OpensslOwned<X509>;
using Key = OpensslOwned<EVP_PKEY>;
using Chain = OpensslOwned<STACK_OF(X509)>;

/// Takes OpenSSL's error queue, which belongs to the thread, and leaves it empty.
Error tls_error(std::string doing) {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  if (code != 0) {
    char text[160] = {};
    ERR_error_string_n(code, text, sizeof text);
    doing += ": ";
    doing += text;
  }
  return {ErrorCode::TLS_FAILED, std::move(doing)};
}

/// An encrypted key is an error, not a question on the terminal.
int no_password(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) { return -1; }

Result<Bio> open_file(const std::string& path) {
  Bio file(BIO_new_file(path.c_str(), "r"));
  if (file) return file;
  const int why = errno;
  ERR_clear_error();
  return Error(ErrorCode::TLS_FAILED, path + ": " + std::generic_category().message(why));
}

Certificate next_certificate(BIO* from) { return Certificate(PEM_read_bio_X509(from, nullptr, no_password, nullptr)); }

Status add_roots(SSL_CTX* context, BIO* from, const std::string& name) {
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  int count = 0;
  while (const Certificate root = next_certificate(from)) {
    if (X509_STORE_add_cert(store, root.get()) != 1) return tls_error(name);
    ++count;
  }
  if (count == 0) return tls_error(name + " holds no certificate");
  ERR_clear_error();
  // Whatever is in the file is trusted, also an intermediate CA or the server's own certificate.
  X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
  return {};
}

}  // namespace

void SslContextDeleter::operator()(SSL_CTX* context) const { SSL_CTX_free(context); }

Result<SslContext> make_client_ssl_context(const TlsTrust& trust) {
  ERR_clear_error();
  SslContext context(SSL_CTX_new(TLS_client_method()));
  if (!context) return tls_error("TLS");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  switch (trust.roots) {
    case TrustRoots::system:
      if (SSL_CTX_set_default_verify_paths(context.get()) != 1) return tls_error("system CAs");
      break;
    case TrustRoots::file: {
      const Bio file(BIO_new_file(trust.ca.c_str(), "r"));
      if (!file) return tls_error(trust.ca);
      SOTTO_TRY(add_roots(context.get(), file.get(), trust.ca));
      break;
    }
    case TrustRoots::pem: {
      if (trust.ca.size() > 10'000'000) return Error(ErrorCode::TLS_FAILED, "CAs too large");
      const Bio text(BIO_new_mem_buf(trust.ca.data(), static_cast<int>(trust.ca.size())));
      if (!text) return tls_error("CAs");
      SOTTO_TRY(add_roots(context.get(), text.get(), "the PEM text"));
      break;
    }
    case TrustRoots::pins_only:
      break;
  }
  return context;
}

Status judge_chain(void* store_context, bool good_so_far, const TlsTrust& trust) {
  auto* context = static_cast<X509_STORE_CTX*>(store_context);
  if (good_so_far) return {};
  if (trust.roots == TrustRoots::pins_only) {
    X509_STORE_CTX_set_error(context, X509_V_OK);
    return {};
  }
  return Error(ErrorCode::TLS_FAILED, X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)));
}

Status check_server(const SSL* ssl, const Endpoint& endpoint) {
  const Certificate certificate(SSL_get1_peer_certificate(ssl));
  if (!certificate) return Error(ErrorCode::TLS_FAILED, "the server showed no certificate");
  const TlsTrust& trust = endpoint.trust;
  if (trust.roots != TrustRoots::pins_only) {
    const long verdict = SSL_get_verify_result(ssl);
    if (verdict != X509_V_OK) return Error(ErrorCode::TLS_FAILED, X509_verify_cert_error_string(verdict));
    // Done here and not by libwebsockets, which loses the name when it is an IPv6 address.
    const int match = is_address(endpoint.host)
                          ? X509_check_ip_asc(certificate.get(), endpoint.host.c_str(), 0)
                          : X509_check_host(certificate.get(), endpoint.host.data(), endpoint.host.size(),
                                            X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, nullptr);
    if (match != 1) return Error(ErrorCode::TLS_FAILED, "the certificate is not for " + endpoint.host);
  }
  if (trust.roots != TrustRoots::pins_only && trust.pins.empty()) return {};
  const SpkiHash hash = spki_hash(certificate.get());
  if (std::find(trust.pins.begin(), trust.pins.end(), hash) == trust.pins.end()) {
    return Error(ErrorCode::TLS_FAILED, "the server's key is not a pinned one");
  }
  return {};
}

struct CertificatePair::Parts {
  Certificate leaf;
  Chain chain;
  Key key;
};

CertificatePair::CertificatePair(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
CertificatePair::CertificatePair(CertificatePair&&) noexcept = default;
CertificatePair& CertificatePair::operator=(CertificatePair&&) noexcept = default;
CertificatePair::~CertificatePair() = default;

Result<CertificatePair> CertificatePair::load(const std::string& certificate_path, const std::string& key_path) {
  ERR_clear_error();
  auto parts = std::make_unique<Parts>();
  SOTTO_TRY_ASSIGN(const Bio certificates, open_file(certificate_path));
  parts->leaf = next_certificate(certificates.get());
  if (!parts->leaf) return tls_error(certificate_path + " holds no certificate");
  parts->chain.reset(sk_X509_new_null());
  while (Certificate next = next_certificate(certificates.get())) {
    if (sk_X509_push(parts->chain.get(), next.get()) > 0) static_cast<void>(next.release());
  }
  ERR_clear_error();  // the end of the file is an error to PEM_read_bio_X509

  SOTTO_TRY_ASSIGN(const Bio keys, open_file(key_path));
  parts->key.reset(PEM_read_bio_PrivateKey(keys.get(), nullptr, no_password, nullptr));
  if (!parts->key) return tls_error(key_path + " holds no private key without a password");

  CertificatePair pair(std::move(parts));
  const SslContext trial(SSL_CTX_new(TLS_server_method()));
  if (!trial) return tls_error("TLS");
  SOTTO_TRY(pair.apply(trial.get()));
  return pair;
}

Status CertificatePair::apply(SSL_CTX* context) const {
  ERR_clear_error();
  if (SSL_CTX_use_cert_and_key(context, parts_->leaf.get(), parts_->key.get(), parts_->chain.get(), 1) != 1) {
    return tls_error("certificate and key do not fit together");
  }
  return {};
}

void harden_server_ssl_context(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  // No client resumes; tickets and the cache would cost memory, and tickets weaken forward secrecy.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // Of libwebsockets; it looks for a vhost of the name, and there is but one.
  SSL_CTX_set_tlsext_servername_callback(context, nullptr);
  // Only what has forward secrecy and authenticates; few of them, since each costs memory in a handshake.
  SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20");
}

SpkiHash spki_hash(const X509* certificate) {
  SpkiHash hash;
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  if (size > 0) EVP_Digest(der, static_cast<std::size_t>(size), hash.bytes.data(), nullptr, EVP_sha256(), nullptr);
  OPENSSL_free(der);
  return hash;
}

bool is_address(const std::string& host) {
  in6_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1 || inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

}  // namespace sotto::net
