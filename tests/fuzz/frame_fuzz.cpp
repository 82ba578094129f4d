// Whatever a WebSocket may bring: a Frame, then every part of it that is checked later.
#include "check.h"
#include "wire/frame.h"
#include "wire/identity.h"
#include "wire/limits.h"

using namespace sotto;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(data, size);
  if (const auto envelopes = wire::decode_frame(bytes); envelopes.ok()) {
    fuzz::check(envelopes->size() <= wire::limits::envelopes_per_frame, "a frame has a limit");
    Bytes joined;
    for (const auto& envelope : *envelopes) {
      append(joined, wire::encode(envelope));
      if (const auto status = wire::status_of(envelope.response()); !status.ok()) {
        const auto again = wire::status_of(wire::refusal(status.error()));
        fuzz::check(!again.ok() && again.error().code == status.error().code, "a refusal says the same again");
      }
      (void)wire::check_device_list(envelope.request().register_().device_list()).ok();
    }
    // Frames joined are one Frame with the envelopes of all.
    const auto again = wire::decode_frame(joined);
    if (joined.size() <= wire::limits::frame_bytes) {
      fuzz::check(again.ok() && again->size() == envelopes->size(), "what is read is written and read again");
    }
  }
  (void)wire::check_credential(bytes).ok();
  (void)wire::read_credential(bytes).ok();
  return 0;
}
