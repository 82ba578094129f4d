#include "rpc/base64.h"

#include <sodium.h>

namespace rpc {

std::string to_base64(const std::vector<std::uint8_t>& bytes) {
  std::string out(sodium_base64_ENCODED_LEN(bytes.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(out.data(), out.size(), bytes.data(), bytes.size(), sodium_base64_VARIANT_ORIGINAL);
  out.pop_back();  // It ends with a zero.
  return out;
}

std::optional<std::vector<std::uint8_t>> from_base64(const std::string& text) {
  std::vector<std::uint8_t> out(text.size() / 4 * 3 + 1);  // libsodium wants an address, also for nothing
  std::size_t size = 0;
  const char* end = nullptr;
  if (sodium_base642bin(out.data(), out.size(), text.data(), text.size(), nullptr, &size, &end,
                        sodium_base64_VARIANT_ORIGINAL) != 0 ||
      end != text.data() + text.size()) {
    return std::nullopt;
  }
  out.resize(size);
  return out;
}

}  // namespace rpc
