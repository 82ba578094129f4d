// Base64 with padding (RFC 4648, section 4), as bytes stand in JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace rpc {

std::string to_base64(const std::vector<std::uint8_t>& bytes);
/// Nothing if the text is anything else.
std::optional<std::vector<std::uint8_t>> from_base64(const std::string& text);

}  // namespace rpc
