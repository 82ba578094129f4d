// Whatever a text message of sotto.v1.json may hold, and every frame that can be written as one.
#include "check.h"
#include "wire/frame.h"
#include "wire/json_frame.h"

using namespace sotto;

namespace {

const wire::JsonFrames& json() {
  static const wire::JsonFrames instance;
  return instance;
}

/// The frames of all texts that stand for a frame, joined.
Bytes there_and_back(const std::vector<Bytes>& texts) {
  Bytes joined;
  for (const auto& text : texts) append(joined, fuzz::must(json().decode(as_text(text))));
  return joined;
}

/// As the generated classes write it.
Bytes written(const std::vector<wire::Envelope>& envelopes) {
  Bytes out;
  for (const auto& envelope : envelopes) append(out, wire::encode(envelope));
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(data, size);
  // Text from anybody: what is taken has a limit, and says the same as JSON again.
  if (const auto frame = json().decode(as_text(bytes)); frame.ok()) {
    fuzz::check(frame->size() <= size, "binary is never longer than the JSON it was made of");
    if (const auto envelopes = wire::decode_frame(*frame); envelopes.ok()) {
      const auto texts = json().encode(written(*envelopes));
      fuzz::check(texts.ok(), "what was read from JSON is written as JSON");
      // protobuf's parser takes a field named "" for another element of what it stands in, and writes a field that the
      // schema does not know; the first way back drops it.
      const auto known = there_and_back(*texts);
      fuzz::check(there_and_back(fuzz::must(json().encode(known))) == known, "and read again, it is the same");
    }
  }
  // A frame, if the bytes are one: what the relay says is written by the generated classes. These keep unknown fields,
  // JSON does not.
  if (const auto envelopes = wire::decode_frame(bytes); envelopes.ok()) {
    if (const auto texts = json().encode(written(*envelopes)); texts.ok()) {
      fuzz::check(wire::decode_frame(there_and_back(*texts)).ok(), "a frame is still one after JSON");
    }
  }
  (void)json().encode(bytes).ok();
  return 0;
}
