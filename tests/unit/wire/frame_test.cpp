// Frames: joined by concatenation, bounded, and never more than what was sent.
#include "wire/frame.h"

#include "base/random.h"
#include "support/catch.h"
#include "wire/limits.h"

namespace sotto::wire {
namespace {

Bytes random_bytes(Random& random, std::size_t size) {
  Bytes out(size);
  random.fill(out);
  return out;
}

Envelope random_envelope(Random& random) {
  Envelope out;
  out.set_id(random.below(1000));
  const auto payload = random_bytes(random, static_cast<std::size_t>(random.below(300)));
  switch (random.below(4)) {
    case 0:
      out.mutable_request()->mutable_send_message()->set_message(field(payload));
      break;
    case 1:
      out.mutable_response()->mutable_accepted()->set_seq(random.below(1'000'000));
      break;
    case 2:
      out.mutable_push()->mutable_entries()->add_entries()->set_handshake(field(payload));
      break;
    default:
      break;  // an envelope without a body
  }
  return out;
}

bool same(const Envelope& a, const Envelope& b) { return a.SerializeAsString() == b.SerializeAsString(); }

TEST_CASE("frames one after the other are one frame with the envelopes of all", "[wire][frame]") {
  SeededRandom random(1);
  for (int round = 0; round < 100; ++round) {
    std::vector<Envelope> sent;
    Bytes bytes;
    for (auto n = random.below(20); n > 0; --n) {
      sent.push_back(random_envelope(random));
      append(bytes, encode(sent.back()));
    }
    const auto got = decode_frame(bytes);
    REQUIRE(got.ok());
    REQUIRE(got->size() == sent.size());
    for (std::size_t i = 0; i < sent.size(); ++i) CHECK(same((*got)[i], sent[i]));
  }
}

TEST_CASE("a frame that is cut off is malformed, or holds the first envelopes only", "[wire][frame]") {
  SeededRandom random(2);
  std::vector<Envelope> sent;
  Bytes bytes;
  std::vector<std::size_t> ends{0};
  for (int i = 0; i < 5; ++i) {
    sent.push_back(random_envelope(random));
    append(bytes, encode(sent.back()));
    ends.push_back(bytes.size());
  }
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto got = decode_frame(ByteView(bytes).first(size));
    const auto whole = std::ranges::find(ends, size);
    if (whole == ends.end()) {
      CHECK(got.code() == ErrorCode::MALFORMED);
    } else {
      REQUIRE(got.ok());
      CHECK(got->size() == static_cast<std::size_t>(whole - ends.begin()));
    }
  }
}

TEST_CASE("a frame has at most 256 KiB and 1,024 envelopes", "[wire][frame]") {
  Envelope envelope;
  envelope.mutable_request()->mutable_send_message()->set_message(std::string(1000, 'x'));
  const auto overhead = encode(envelope).size() - 1000;
  // The length prefixes of a message of 256 KiB are a byte longer than those of one of 1000 bytes.
  envelope.mutable_request()->mutable_send_message()->set_message(std::string(limits::frame_bytes - overhead - 4, 'x'));
  REQUIRE(encode(envelope).size() == limits::frame_bytes);
  CHECK(decode_frame(encode(envelope)).ok());
  envelope.mutable_request()->mutable_send_message()->mutable_message()->push_back('x');
  CHECK(decode_frame(encode(envelope)).code() == ErrorCode::TOO_LARGE);

  Envelope small;
  small.set_id(1);
  Bytes bytes;
  for (std::size_t i = 0; i < limits::envelopes_per_frame; ++i) append(bytes, encode(small));
  CHECK(decode_frame(bytes)->size() == limits::envelopes_per_frame);
  append(bytes, encode(small));
  CHECK(decode_frame(bytes).code() == ErrorCode::MALFORMED);
  // As many as fit: two bytes each.
  Bytes most;
  while (most.size() + 2 <= limits::frame_bytes) append(most, from_hex("0a00"));
  CHECK(decode_frame(most).code() == ErrorCode::MALFORMED);
}

TEST_CASE("hostile bytes are malformed or a frame, never anything else", "[wire][frame]") {
  SeededRandom random(3);
  Bytes valid;
  for (int i = 0; i < 3; ++i) append(valid, encode(random_envelope(random)));
  for (int round = 0; round < 5000; ++round) {
    Bytes bytes = round % 2 == 0 ? random_bytes(random, static_cast<std::size_t>(random.below(64))) : valid;
    if (round % 2 == 1) bytes[random.below(bytes.size())] ^= static_cast<std::uint8_t>(1 + random.below(255));
    const auto got = decode_frame(bytes);
    CHECK((got.ok() || got.code() == ErrorCode::MALFORMED));
  }
  // A length far beyond the end allocates nothing.
  CHECK(decode_frame(from_hex("0affffffff07")).code() == ErrorCode::MALFORMED);
  CHECK(decode_frame(from_hex("0affffffffffffffffff01")).code() == ErrorCode::MALFORMED);
  // Text that is not UTF-8: Response.message.
  CHECK(decode_frame(from_hex("0a051a031201ff")).code() == ErrorCode::MALFORMED);
}

TEST_CASE("fields of a later version are ignored", "[wire][frame]") {
  // Field 100 of the frame, then an envelope with id 7 and a field 100.
  const auto got =
      decode_frame(from_hex("a2060161"
                            "0a06"
                            "0807"
                            "a2060162"));
  REQUIRE(got.ok());
  REQUIRE(got->size() == 1);
  CHECK(got->at(0).id() == 7);
}

TEST_CASE("an error goes over the wire as a refusal and comes back", "[wire][frame]") {
  Error error(ErrorCode::RATE_LIMITED, "slowly");
  error.retry_after = std::chrono::milliseconds(1500);
  const auto response = refusal(error);
  const Status back = status_of(response);
  REQUIRE_FALSE(back.ok());
  CHECK(back.error().code == ErrorCode::RATE_LIMITED);
  CHECK(back.error().message == "slowly");
  CHECK(back.error().retryable);
  CHECK(back.error().retry_after == std::chrono::milliseconds(1500));
  CHECK(status_of(Response()).ok());

  SECTION("from a hostile relay, too") {
    Response hostile;
    hostile.set_status(UINT32_MAX);
    hostile.set_retry_after_ms(UINT64_MAX);
    const Status told = status_of(hostile);
    REQUIRE_FALSE(told.ok());
    CHECK(told.error().retry_after == std::chrono::hours(24));
    CHECK_FALSE(told.error().retryable);
    CHECK(error_name(told.error().code) == "UNKNOWN");
    CHECK_FALSE(told.error().message.empty());
  }
  SECTION("a wait that is over is no wait") {
    error.retry_after = std::chrono::milliseconds(-1);
    CHECK(status_of(refusal(error)).error().retry_after == std::chrono::milliseconds(0));
  }
  SECTION("with a text that is no UTF-8 it is still a frame") {
    error.message = "bad \xFF\xC3 text";
    Envelope envelope;
    *envelope.mutable_response() = refusal(error);
    const auto got = decode_frame(encode(envelope));
    REQUIRE(got.ok());
    CHECK(status_of(got->at(0).response()).error().message == "bad ?? text");
  }
}

}  // namespace
}  // namespace sotto::wire
