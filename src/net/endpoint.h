// Where a relay is, and whom a client believes that it is.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "sotto/result.h"

namespace sotto::net {

/// SHA-256 over a certificate's SubjectPublicKeyInfo in DER, as of RFC 7469.
using SpkiHash = ByteArray<struct SpkiHashTag, 32>;

enum class TrustRoots {
  /// The CAs of the operating system.
  system,
  /// The CAs in a PEM file.
  file,
  /// The CAs in a PEM text.
  pem,
  /// No CA: a pin is the whole proof. Chain, name and dates are not looked at.
  pins_only,
};

/// With roots other than `pins_only`, chain, dates and name must be right *and*, if there are pins, one must match the
/// server's own certificate.
struct TlsTrust {
  TrustRoots roots = TrustRoots::system;
  /// The path for `file`, the text for `pem`.
  std::string ca;
  std::vector<SpkiHash> pins;
};

struct Endpoint {
  /// A DNS name, or an address (IPv6 without brackets).
  std::string host;
  std::uint16_t port = 443;
  std::string path = "/";
  TlsTrust trust;
};

/// Parses "wss://host[:port][/path]"; IPv6 in brackets. INVALID_ARGUMENT for anything else: also for ws://, since Sotto
/// does not talk without TLS.
Result<Endpoint> parse_endpoint(std::string_view url);

}  // namespace sotto::net
