// What the relay reads of an MLS message, and the authenticated data in it.
#include "wire/mls_header.h"
#include "wire/roster.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const sotto::ByteView bytes(data, size);
  if (const auto header = sotto::wire::read_mls_header(bytes); header.ok()) {
    (void)sotto::wire::parse_group_id(header->group_id).ok();
  }
  (void)sotto::wire::check_message_aad(bytes).ok();
  if (const auto aad = sotto::wire::check_commit_aad(bytes); aad.ok()) {
    // What was read is written and read back the same.
    const auto again = sotto::wire::check_commit_aad(sotto::wire::encode(*aad));
    if (!again.ok() || again->roster_digest != aad->roster_digest) __builtin_trap();
    (void)sotto::wire::Roster{}.after(*aad).ok();
  }
  return 0;
}
