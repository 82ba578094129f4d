#include "wire/frame.h"

#include <algorithm>

#include "base/utf8.h"
#include "wire/limits.h"

namespace sotto::wire {

namespace {

void append_varint(Bytes& to, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7U) to.push_back(static_cast<std::uint8_t>(value | 0x80U));
  to.push_back(static_cast<std::uint8_t>(value));
}

/// Protobuf's encoding of a field of bytes or of a message, up to its content.
void append_head(Bytes& to, int field, std::size_t size) {
  append_varint(to, static_cast<std::uint64_t>(field) << 3U | 2U);
  append_varint(to, size);
}

/// A head with a field number below 16.
std::size_t head_size(std::size_t size) {
  std::size_t out = 2;
  for (; size >= 0x80; size >>= 7U) ++out;
  return out;
}

}  // namespace

Bytes encode(const Envelope& envelope) {
  const std::size_t size = envelope.ByteSizeLong();
  Bytes out;
  out.reserve(size + 8);
  append_head(out, Frame::kEnvelopesFieldNumber, size);
  const std::size_t head = out.size();
  out.resize(head + size);
  envelope.SerializeWithCachedSizesToArray(out.data() + head);
  return out;
}

void EntriesFrame::begin(ByteView chat_id, std::uint32_t generation) {
  entries_.clear();
  append_head(entries_, Entries::kChatIdFieldNumber, chat_id.size());
  append(entries_, chat_id);
  if (generation == 0) return;
  append_varint(entries_, Entries::kGenerationFieldNumber << 3U);
  append_varint(entries_, generation);
}

void EntriesFrame::add(ByteView entry) {
  append_head(entries_, Entries::kEntriesFieldNumber, entry.size());
  append(entries_, entry);
}

Bytes EntriesFrame::encode() const {
  const std::size_t push = head_size(entries_.size()) + entries_.size();
  const std::size_t envelope = head_size(push) + push;
  Bytes out;
  out.reserve(head_size(envelope) + envelope);
  append_head(out, Frame::kEnvelopesFieldNumber, envelope);
  append_head(out, Envelope::kPushFieldNumber, push);
  append_head(out, Push::kEntriesFieldNumber, entries_.size());
  append(out, entries_);
  return out;
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
