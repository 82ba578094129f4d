// Certificates: a self-signed one to start with, and the hash that a client pins.
#pragma once

#include <string>
#include <vector>

#include "net/endpoint.h"
#include "sotto/types.h"

namespace sotto::net {

/// Writes a new ECDSA P-256 key (mode 0600) and a certificate signed by itself, valid 825 days (what Apple's clients
/// accept at most), for localhost, 127.0.0.1, ::1 and `hostnames` (DNS names or addresses). Both are PEM and replace
/// files of these names. A client trusts it by its file (`TrustRoots::file`) or its pin.
Status make_self_signed_certificate(const std::string& certificate_path, const std::string& key_path,
                                    const std::vector<std::string>& hostnames);

/// What the first certificate of a PEM file says.
struct CertificateFacts {
  Timestamp valid_from;
  Timestamp valid_until;
  /// Certificates in the file, its own included.
  std::size_t chain = 0;
  /// Signed by the key that it certifies.
  bool self_signed = false;
  /// Each certificate is signed by the next one; true for one alone.
  bool chain_in_order = false;
};

/// TLS_FAILED if the file cannot be read or holds no certificate.
Result<CertificateFacts> certificate_facts(const std::string& certificate_path);

/// The pin of the first certificate in a PEM file.
Result<SpkiHash> spki_hash_of_file(const std::string& certificate_path);

}  // namespace sotto::net
