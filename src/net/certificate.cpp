#include "net/certificate.h"

#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <memory>
#include <system_error>

#include "base/try.h"
#include "net/openssl_owned.h"
#include "net/tls.h"

namespace sotto::net {
namespace {

constexpr long valid_days = 825;
constexpr long seconds_a_day = 24 * 60 * 60;

Error failed(const char* what) { return {ErrorCode::TLS_FAILED, std::string("making a certificate: ") + what}; }

Status write_file(const std::string& path, ByteView content, mode_t mode) {
  const auto error = [&](const char* doing) {
    return Error(errno == ENOSPC ? ErrorCode::DISK_FULL : ErrorCode::IO_ERROR,
                 std::string(doing) + " " + path + ": " + std::generic_category().message(errno));
  };
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
  if (fd < 0) return error("open");
  // An existing file keeps its mode in open; it must not be readable before the key is in it.
  bool good = ::fchmod(fd, mode) == 0;
  while (good && !content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    good = written > 0;
    if (good) content = content.subspan(static_cast<std::size_t>(written));
  }
  good = good && ::fsync(fd) == 0;
  const Status status = good ? Status() : Status(error("write"));
  ::close(fd);
  return status;
}

Status write_bio(const std::string& path, BIO* bio, mode_t mode) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  if (size <= 0) return failed("encoding");
  return write_file(path, {reinterpret_cast<const std::uint8_t*>(data), static_cast<std::size_t>(size)}, mode);
}

/// OpenSSL's notation for subject alternative names, from names that cannot smuggle in another entry.
Result<std::string> alternative_names(const std::vector<std::string>& hostnames) {
  std::string out = "DNS:localhost,IP:127.0.0.1,IP:::1";
  for (const auto& name : hostnames) {
    constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._*";
    if (is_address(name)) {
      out += ",IP:" + name;
    } else if (!name.empty() && name.size() <= 253 && name.find_first_not_of(allowed) == std::string::npos) {
      out += ",DNS:" + name;
    } else {
      return Error(ErrorCode::INVALID_ARGUMENT, "not a host name: " + name);
    }
  }
  return out;
}

Status add_extension(X509* certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const OpensslOwned<X509_EXTENSION> extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  if (!extension || X509_add_ext(certificate, extension.get(), -1) != 1) return failed("extension");
  return {};
}

Status set_fields(X509* certificate, EVP_PKEY* key, const std::string& names) {
  std::array<std::uint8_t, 8> serial{};
  if (RAND_bytes(serial.data(), static_cast<int>(serial.size())) != 1) return failed("serial number");
  std::uint64_t number = 0;
  for (const auto byte : serial) number = number << 8 | byte;
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), number >> 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -60L * 60);  // clocks that are a little behind
  X509_gmtime_adj(X509_getm_notAfter(certificate), valid_days * seconds_a_day - 60L * 60);
  X509_set_pubkey(certificate, key);
  X509_NAME* subject = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("Sotto relay"), -1, -1,
                             0);
  X509_set_issuer_name(certificate, subject);
  SOTTO_TRY(add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE"));
  SOTTO_TRY(add_extension(certificate, NID_key_usage, "critical,digitalSignature"));
  SOTTO_TRY(add_extension(certificate, NID_ext_key_usage, "serverAuth"));
  return add_extension(certificate, NID_subject_alt_name, names);
}

}  // namespace

Status make_self_signed_certificate(const std::string& certificate_path, const std::string& key_path,
                                    const std::vector<std::string>& hostnames) {
  SOTTO_TRY_ASSIGN(const std::string names, alternative_names(hostnames));
  const OpensslOwned<EVP_PKEY> key(EVP_EC_gen("P-256"));
  const OpensslOwned<X509> certificate(X509_new());
  if (!key || !certificate) return failed("key");
  SOTTO_TRY(set_fields(certificate.get(), key.get(), names));
  if (X509_sign(certificate.get(), key.get(), EVP_sha256()) == 0) return failed("signing");

  const OpensslOwned<BIO> key_text(BIO_new(BIO_s_secmem()));
  const OpensslOwned<BIO> certificate_text(BIO_new(BIO_s_mem()));
  if (!key_text || !certificate_text ||
      PEM_write_bio_PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1 ||
      PEM_write_bio_X509(certificate_text.get(), certificate.get()) != 1) {
    return failed("encoding");
  }
  SOTTO_TRY(write_bio(key_path, key_text.get(), 0600));
  return write_bio(certificate_path, certificate_text.get(), 0644);
}

Result<CertificateFacts> certificate_facts(const std::string& certificate_path) {
  const OpensslOwned<BIO> file(BIO_new_file(certificate_path.c_str(), "r"));
  std::vector<OpensslOwned<X509>> chain;
  while (file) {
    OpensslOwned<X509> next(PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr));
    if (!next) break;
    chain.push_back(std::move(next));
  }
  ERR_clear_error();
  if (chain.empty()) return Error(ErrorCode::TLS_FAILED, certificate_path + " holds no certificate");
  CertificateFacts facts;
  const auto time = [](const ASN1_TIME* from) {
    std::tm utc{};
    ASN1_TIME_to_tm(from, &utc);
    return Timestamp(std::chrono::seconds(timegm(&utc)));
  };
  facts.valid_from = time(X509_get0_notBefore(chain.front().get()));
  facts.valid_until = time(X509_get0_notAfter(chain.front().get()));
  facts.chain = chain.size();
  facts.self_signed = X509_self_signed(chain.front().get(), 1) == 1;
  facts.chain_in_order = true;
  for (std::size_t i = 1; i < chain.size(); ++i) {
    EVP_PKEY* key = X509_get0_pubkey(chain[i].get());
    const bool named =
        X509_NAME_cmp(X509_get_issuer_name(chain[i - 1].get()), X509_get_subject_name(chain[i].get())) == 0;
    const bool signed_by = key != nullptr && X509_verify(chain[i - 1].get(), key) == 1;
    if (!named || !signed_by) facts.chain_in_order = false;
  }
  return facts;
}

Result<SpkiHash> spki_hash_of_file(const std::string& certificate_path) {
  const OpensslOwned<BIO> file(BIO_new_file(certificate_path.c_str(), "r"));
  const OpensslOwned<X509> certificate(file ? PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr) : nullptr);
  if (!certificate) return Error(ErrorCode::TLS_FAILED, certificate_path + " holds no certificate");
  return spki_hash(certificate.get());
}

}  // namespace sotto::net
