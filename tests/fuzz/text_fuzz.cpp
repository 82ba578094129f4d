// Text from anybody: UTF-8, hexadecimal, ids, handles, the address of a relay, and the pieces of a WebSocket message.
#include <algorithm>

#include "base/ids.h"
#include "base/utf8.h"
#include "check.h"
#include "mutator.h"
#include "net/assembler.h"
#include "net/endpoint.h"
#include "wire/identity.h"
#include "wire/limits.h"

using namespace sotto;

namespace {

void read_utf8(std::string_view text) {
  std::size_t wrong = 0;
  for (auto left = text; !left.empty();) {
    const auto before = left.size();
    const auto point = take_code_point(left);
    fuzz::check(left.size() < before, "a code point takes something off");
    fuzz::check(!point || (*point <= 0x10FFFF && (*point < 0xD800 || *point > 0xDFFF)), "a code point is one");
    wrong += point ? 0 : 1;
  }
  fuzz::check((wrong == 0) == is_valid_utf8(text), "two readers of UTF-8 agree");
  const auto mended = valid_utf8(text);
  fuzz::check(is_valid_utf8(mended) && mended.size() == text.size(), "mended text is UTF-8");
  fuzz::check((mended == text) == (wrong == 0), "only what is wrong is mended");
}

void read_hex(std::string_view text) {
  const auto bytes = from_hex(text);
  if (bytes.empty()) return;
  fuzz::check(text.size() == 2 * bytes.size(), "hexadecimal has two digits a byte");
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) { return c >= 'A' && c <= 'F' ? char(c + 32) : c; });
  fuzz::check(to_hex(bytes) == lower, "hexadecimal comes back");
}

void read_endpoint(std::string_view text) {
  for (const auto& url : {std::string(text), "wss://" + std::string(text)}) {
    const auto endpoint = net::parse_endpoint(url);
    if (!endpoint.ok()) {
      fuzz::check(endpoint.code() == ErrorCode::INVALID_ARGUMENT, "a URL is refused in one way");
      continue;
    }
    const bool brackets = endpoint->host.find(':') != std::string::npos;
    const auto written = "wss://" + (brackets ? "[" + endpoint->host + "]" : endpoint->host) + ":" +
                         std::to_string(endpoint->port) + endpoint->path;
    // The port may make a longer URL of one at the limit.
    if (written.size() > 1024) continue;
    const auto again = net::parse_endpoint(written);
    fuzz::check(
        again.ok() && again->host == endpoint->host && again->port == endpoint->port && again->path == endpoint->path,
        "an endpoint is read as it is written");
    fuzz::check(endpoint->path.find_first_of("\r\n ") == std::string::npos, "a path ends no header");
  }
}

void assemble(FuzzedDataProvider& input) {
  constexpr std::size_t limit = 512;
  net::Assembler assembler;
  Bytes expected;
  bool first = true;
  while (input.remaining_bytes() > 0) {
    const auto flags = input.ConsumeIntegral<std::uint8_t>();
    const std::size_t announced = flags & 4 ? input.ConsumeIntegral<std::size_t>() : 0;
    const auto piece = input.ConsumeBytes<std::uint8_t>(flags >> 3);
    first = first || (flags & 1) != 0;
    if (first) expected.clear();
    append(expected, piece);
    const auto result = assembler.add(piece, first, (flags & 2) != 0, announced, limit);
    first = false;
    fuzz::check(result == net::Assembler::Result::too_large || expected.size() <= limit, "a message has a limit");
    if (result == net::Assembler::Result::more) continue;
    if (result == net::Assembler::Result::complete) {
      fuzz::check(equal(assembler.take(), expected), "a message is its pieces");
    }
    first = true;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(data, size);
  const auto text = as_text(bytes);
  read_utf8(text);
  read_hex(text);
  read_endpoint(text);
  fuzz::check(id_from<UserId>(bytes).has_value() == (size == 16), "an id has 16 bytes");
  if (wire::check_handle(text).ok()) {
    fuzz::check(is_valid_utf8(text) && !text.empty() && size <= wire::limits::handle_bytes, "a handle is short UTF-8");
  }
  FuzzedDataProvider input(data, size);
  assemble(input);
  return 0;
}
