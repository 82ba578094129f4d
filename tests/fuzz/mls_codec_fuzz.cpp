// Every MLS structure that comes from others. What parses must come out as it went in: the encoding is unique.
#include "mls/codec.h"
#include "mls/framing.h"
#include "mls/key_package.h"
#include "mls/welcome.h"

namespace {

template <typename T>
void round_trip(sotto::ByteView bytes) {
  const auto value = sotto::mls::decode<T>(bytes);
  if (value.ok() && !sotto::equal(sotto::mls::encode(*value), bytes)) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const sotto::ByteView bytes(data, size);
  using namespace sotto::mls;
  round_trip<MlsMessage>(bytes);
  round_trip<KeyPackage>(bytes);
  round_trip<GroupInfo>(bytes);
  round_trip<GroupSecrets>(bytes);
  round_trip<Commit>(bytes);
  (void)peek(bytes).ok();
  if (auto key_package = key_package_from_message(bytes); key_package.ok()) (void)key_package->validate().ok();
  return 0;
}
