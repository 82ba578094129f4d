#include "wire/frame.h"

#include <algorithm>

#include "base/utf8.h"
#include "wire/limits.h"

namespace sotto::wire {

Bytes encode(const Envelope& envelope) {
  Frame frame;
  *frame.add_envelopes() = envelope;
  return serialize(frame);
}

Result<std::vector<Envelope>> decode_frame(ByteView message) {
  if (message.size() > limits::frame_bytes) return ErrorCode::TOO_LARGE;
  auto frame = decode<Frame>(message);
  if (!frame.ok()) return std::move(frame).error();
  if (static_cast<std::size_t>(frame->envelopes_size()) > limits::envelopes_per_frame) {
    return Error(ErrorCode::MALFORMED, "too many envelopes in a frame");
  }
  std::vector<Envelope> out;
  out.reserve(static_cast<std::size_t>(frame->envelopes_size()));
  for (auto& envelope : *frame->mutable_envelopes()) out.push_back(std::move(envelope));
  return out;
}

Response refusal(const Error& error) {
  Response response;
  response.set_status(static_cast<std::uint32_t>(error.code));
  // A string that is no UTF-8 would make the whole frame unreadable.
  response.set_message(valid_utf8(error.message));
  response.set_retry_after_ms(static_cast<std::uint64_t>(std::max<std::int64_t>(error.retry_after.count(), 0)));
  return response;
}

Status status_of(const Response& response) {
  if (response.status() == 0) return {};
  const auto code = static_cast<ErrorCode>(response.status());
  Error error(code, response.message().empty() ? std::string(error_text(code)) : response.message());
  // A hostile relay may give any number; more than a day of waiting is never honoured.
  constexpr std::uint64_t most = 24ULL * 3600 * 1000;
  error.retry_after = std::chrono::milliseconds(std::min<std::uint64_t>(response.retry_after_ms(), most));
  return error;
}

}  // namespace sotto::wire
