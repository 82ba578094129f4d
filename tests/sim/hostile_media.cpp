#include "sim/hostile_media.h"

#include <algorithm>

#include "sim/frames.h"
#include "sim/world.h"

namespace sotto::sim {

namespace {

constexpr std::size_t most_heard = 50;
/// From this version of the workload on.
constexpr unsigned since = 4;

}  // namespace

HostileMedia::HostileMedia(World& world)
    : world_(world), dice_(world.options().seed, 23), calmness_(dice_.skewed(2, 15)) {}

bool HostileMedia::did(const char* attack) { return world_.attack(attack); }

bool HostileMedia::on_way_down(Bytes& frame) {
  if (world_.options().workload < since) return true;
  auto envelopes = wire::decode_frame(frame);
  if (!envelopes.ok() || envelopes->empty()) return true;
  for (const auto& envelope : *envelopes) {
    if (heard_.size() < most_heard) {
      heard_.push_back(envelope);
    } else {
      heard_[static_cast<std::size_t>(dice_.below(most_heard))] = envelope;
    }
  }
  if (!dice_.chance(1, calmness_)) return true;
  const auto at = static_cast<std::size_t>(dice_.below(envelopes->size()));
  auto& envelope = (*envelopes)[at];
  switch (dice_.below(7)) {
    case 0:
      if (did("drops a frame about attachments")) return false;
      break;
    case 1:
      if (did("withholds an answer about attachments")) {
        envelopes->erase(envelopes->begin() + static_cast<std::ptrdiff_t>(at));
      }
      break;
    case 2:
      if (did("repeats an answer about attachments")) {
        auto again = envelope;
        envelopes->push_back(std::move(again));
      }
      break;
    case 3:
      if (did("says again what was said about attachments before, to somebody else, too")) {
        auto id = envelope.id();
        envelope = dice_.pick(heard_);
        // Else it answers nothing, and is passed over.
        if (envelope.has_response() && dice_.chance(3, 4)) envelope.set_id(id);
      }
      break;
    case 4:
      if (did("reorders what it says about attachments")) std::ranges::reverse(*envelopes);
      break;
    default:
      if (envelope.has_response()) change_answer(*envelope.mutable_response());
      if (envelope.push().has_challenge() && did("changes the challenge for attachments")) {
        flip(*envelope.mutable_push()->mutable_challenge()->mutable_nonce(), dice_);
      }
  }
  frame = encode_all(*envelopes);
  if (dice_.chance(1, 10) && !frame.empty() && did("flips a bit of a frame about attachments")) {
    frame[static_cast<std::size_t>(dice_.below(frame.size()))] ^= 1;
  }
  return !frame.empty();
}

void HostileMedia::change_answer(wire::Response& response) {
  switch (dice_.below(5)) {
    case 0: {
      static constexpr std::array codes = {ErrorCode::UNAVAILABLE,  ErrorCode::NOT_FOUND, ErrorCode::CONFLICT,
                                           ErrorCode::RATE_LIMITED, ErrorCode::FORBIDDEN, ErrorCode::LIMIT_EXCEEDED,
                                           ErrorCode::MALFORMED,    ErrorCode::TOO_LARGE, ErrorCode::UNAUTHENTICATED};
      const auto code = codes[static_cast<std::size_t>(dice_.below(codes.size()))];
      if (did("refuses what it did about attachments")) response = wire::refusal(Error(code));
      break;
    }
    case 1:
      if (response.has_attachment_created() && did("claims to have another part of a file")) {
        auto& created = *response.mutable_attachment_created();
        created.set_offset(dice_.chance(1, 3) ? dice_.below(UINT64_MAX) : dice_.below(2'000'000));
      }
      break;
    case 2:
      if (response.has_attachment_created() && did("names another file")) {
        flip(*response.mutable_attachment_created()->mutable_attachment_id(), dice_);
      }
      break;
    case 3:
      if (response.has_attachment_part() && did("gives a part of another size")) {
        auto& part = *response.mutable_attachment_part();
        if (dice_.chance(1, 2)) {
          part.set_size(dice_.below(UINT64_MAX));
        } else {
          part.mutable_data()->resize(static_cast<std::size_t>(dice_.below(part.data().size() + 10)));
        }
      }
      break;
    default:
      if (response.has_attachment_part() && did("forges a part of a file")) {
        flip(*response.mutable_attachment_part()->mutable_data(), dice_);
      }
  }
}

void HostileMedia::on_way_up(Bytes& frame) {
  if (world_.options().workload < since || !dice_.chance(1, calmness_ * 2)) return;
  auto envelopes = wire::decode_frame(frame);
  if (!envelopes.ok() || envelopes->empty()) return;
  const auto at = static_cast<std::size_t>(dice_.below(envelopes->size()));
  auto& request = *(*envelopes)[at].mutable_request();
  if (request.has_upload_attachment() && dice_.chance(1, 2)) {
    if (did("changes a part of a file before storing it")) {
      flip(*request.mutable_upload_attachment()->mutable_data(), dice_);
    }
  } else if (did("loses a request about attachments")) {
    envelopes->erase(envelopes->begin() + static_cast<std::ptrdiff_t>(at));
  }
  frame = encode_all(*envelopes);
}

}  // namespace sotto::sim
