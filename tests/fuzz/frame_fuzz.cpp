// Whatever a WebSocket may bring: a Frame, then every part of it that is checked later.
#include "wire/frame.h"
#include "wire/identity.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const sotto::ByteView bytes(data, size);
  if (const auto envelopes = sotto::wire::decode_frame(bytes); envelopes.ok()) {
    for (const auto& envelope : *envelopes) {
      (void)sotto::wire::status_of(envelope.response()).ok();
      (void)sotto::wire::check_device_list(envelope.request().register_().device_list()).ok();
    }
  }
  (void)sotto::wire::check_credential(bytes).ok();
  (void)sotto::wire::read_credential(bytes).ok();
  (void)sotto::wire::check_handle(sotto::as_text(bytes)).ok();
  return 0;
}
