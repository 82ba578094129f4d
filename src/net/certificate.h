// Certificates: a self-signed one to start with, and the hash that a client pins.
#pragma once

#include <string>
#include <vector>

#include "net/endpoint.h"

namespace sotto::net {

/// Writes a new ECDSA P-256 key (mode 0600) and a certificate signed by itself, valid 825 days (what Apple's clients
/// accept at most), for localhost, 127.0.0.1, ::1 and `hostnames` (DNS names or addresses). Both are PEM and replace
/// files of these names. A client trusts it by its file (`TrustRoots::file`) or its pin.
Status make_self_signed_certificate(const std::string& certificate_path, const std::string& key_path,
                                    const std::vector<std::string>& hostnames);

/// The pin of the first certificate in a PEM file.
Result<SpkiHash> spki_hash_of_file(const std::string& certificate_path);

}  // namespace sotto::net
