#include "client/acks.h"

#include <algorithm>

#include "base/try.h"
#include "wire/frame.h"

namespace sotto::client {

namespace limits = wire::limits;

Status Acks::add(const ChatId& chat, std::uint64_t seq, std::size_t bytes) {
  if (!raised_) {
    const auto ack_no = c_.account->ack_no + 1;
    SOTTO_TRY(c_.accounts.set_ack_no(ack_no));
    c_.account->ack_no = ack_no;
    raised_ = true;
  }
  auto& cursor = cursors_[chat];
  cursor = std::max(cursor, seq);
  ++entries_;
  bytes_ += bytes;
  return {};
}

bool Acks::due() const {
  return !c_.out.frames.empty() || c_.now >= sent_at_ + limits::ack_interval ||
         entries_ >= limits::acked_at_once_entries || bytes_ >= limits::acked_at_once_bytes;
}

void Acks::pump() {
  raised_ = false;
  if (!cursors_.empty() && due()) send();
}

void Acks::send() {
  if (!cursors_.empty()) session_.post(take());
}

void Acks::say_farewell() {
  if (cursors_.empty()) return;
  wire::Envelope envelope;
  *envelope.mutable_request() = take();
  c_.out.farewell = wire::encode(envelope);
}

void Acks::clear() {
  cursors_.clear();
  entries_ = bytes_ = 0;
  sent_at_ = {};
  raised_ = false;
}

wire::Request Acks::take() {
  wire::Request request;
  auto& ack = *request.mutable_ack();
  ack.set_ack_no(c_.account->ack_no);
  for (const auto& [chat, seq] : cursors_) {
    auto* cursor = ack.add_cursors();
    cursor->set_chat_id(to_string_bytes(chat));
    cursor->set_seq(seq);
  }
  cursors_.clear();
  entries_ = bytes_ = 0;
  sent_at_ = c_.now;
  return request;
}

std::optional<Timestamp> Acks::next_timer() const {
  if (cursors_.empty()) return std::nullopt;
  return sent_at_ + limits::ack_interval;
}

}  // namespace sotto::client
