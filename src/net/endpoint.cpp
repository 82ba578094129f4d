#include "net/endpoint.h"

#include <charconv>

namespace sotto::net {
namespace {

constexpr std::size_t max_url_bytes = 1024;
constexpr std::size_t max_host_bytes = 120;  // libwebsockets cuts names for TLS at 127

bool all_of(std::string_view text, std::string_view more) {
  return text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" + std::string(more)) ==
         std::string_view::npos;
}

}  // namespace

Result<Endpoint> parse_endpoint(std::string_view url) {
  constexpr std::string_view scheme = "wss://";
  const Error invalid(ErrorCode::INVALID_ARGUMENT, "not of the form wss://host[:port][/path]");
  if (!url.starts_with(scheme) || url.size() > max_url_bytes) return invalid;
  url.remove_prefix(scheme.size());

  Endpoint out;
  const auto slash = url.find('/');
  if (slash != std::string_view::npos) {
    out.path = url.substr(slash);
    url = url.substr(0, slash);
  }
  if (!all_of(out.path, "/-._~%!$&'()*+,;=:@?")) return invalid;

  std::string_view port;
  if (url.starts_with('[')) {
    const auto end = url.find(']');
    if (end == std::string_view::npos) return invalid;
    out.host = url.substr(1, end - 1);
    port = url.substr(end + 1);
    if (out.host.find_first_not_of("0123456789abcdefABCDEF:.") != std::string::npos) return invalid;
  } else {
    const auto colon = url.find(':');
    out.host = url.substr(0, colon);
    if (colon != std::string_view::npos) port = url.substr(colon);
    if (!all_of(out.host, "-._")) return invalid;
  }
  if (out.host.empty() || out.host.size() > max_host_bytes) return invalid;

  if (!port.empty()) {
    if (port[0] != ':') return invalid;
    port.remove_prefix(1);
    const auto [end, failed] = std::from_chars(port.data(), port.data() + port.size(), out.port);
    if (failed != std::errc() || end != port.data() + port.size() || out.port == 0) return invalid;
  }
  return out;
}

}  // namespace sotto::net
