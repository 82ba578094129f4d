// The secret that a program on this machine must show to use the WebSocket.
#pragma once

#include <sotto/result.h>

#include <string>
#include <string_view>

namespace rpc {

/// Reads the token from a file, or makes one: 64 hexadecimal digits, mode 0600. Errors: IO_ERROR, FORBIDDEN (others can
/// read the file), CORRUPT.
sotto::Result<std::string> load_token(const std::string& path);

/// Whether a header is `Bearer` and the token; takes as long for each wrong one.
bool shows_token(std::string_view header, std::string_view token);

}  // namespace rpc
