#include "sim/hostile_relay.h"

#include <algorithm>

#include "sim/frames.h"
#include "sim/world.h"

namespace sotto::sim {

namespace {
constexpr std::size_t most_heard = 200;
}  // namespace

HostileRelay::HostileRelay(World& world)
    : media(world),
      world_(world),
      dice_(world.options().seed, 20),
      calmness_(world.options().workload >= 2 ? dice_.skewed(3, 60) : dice_.skewed(5, 200)),
      hiding_dice_(world.options().seed, 22) {
  hides_ = world.options().workload >= 2 && hiding_dice_.chance(1, 4);
}

bool HostileRelay::did(const char* attack) { return world_.attack(attack); }

bool HostileRelay::lacks_one(const Device& device, const std::string& chat) const {
  return hidden_.contains({device.index(), chat});
}

bool HostileRelay::hide(Device& device, std::vector<wire::Envelope>& envelopes) {
  bool changed = false;
  for (auto& envelope : envelopes) {
    if (envelope.push().has_entries()) {
      auto& entries = *envelope.mutable_push()->mutable_entries();
      auto& all = *entries.mutable_entries();
      for (int i = 0; i < all.size();) {
        if (lacks_one(device, entries.chat_id())) {
          all.Mutable(i)->set_seq(all.Get(i).seq() - 1);
          changed = true;
        } else if (all.Get(i).has_message() && hiding_dice_.chance(1, 4) &&
                   did("hides a message and closes the hole")) {
          // From there on the log that this device sees is shorter than everybody else's.
          all.DeleteSubrange(i, 1);
          hidden_.emplace(device.index(), entries.chat_id());
          changed = true;
          continue;
        }
        ++i;
      }
    } else if (envelope.push().has_heads()) {
      for (auto& head : *envelope.mutable_push()->mutable_heads()->mutable_heads()) {
        if (!lacks_one(device, head.chat_id())) continue;
        head.set_head(head.head() - std::min<std::uint64_t>(head.head(), 1));
        head.set_acked_seq(head.acked_seq() - std::min<std::uint64_t>(head.acked_seq(), 1));
        changed = true;
      }
    }
  }
  return changed;
}

bool HostileRelay::on_way_down(Device& device, Bytes& frame) {
  auto envelopes = wire::decode_frame(frame);
  if (!envelopes.ok() || envelopes->empty()) return true;
  for (const auto& envelope : *envelopes) {
    if (heard_.size() < most_heard)
      heard_.push_back(envelope);
    else
      heard_[static_cast<std::size_t>(dice_.below(most_heard))] = envelope;
  }
  bool changed = hides_ && hide(device, *envelopes);
  std::erase_if(*envelopes, [&](const wire::Envelope& envelope) {
    const auto& entries = envelope.push().entries();
    const bool drop = std::ranges::any_of(withheld_, [&](const auto& it) {
      return it.first == &device && envelope.push().has_entries() && it.second == entries.chat_id();
    });
    if (drop) changed = did("withholds a chat") || changed;
    return drop;
  });
  if (dice_.chance(1, calmness_) && !envelopes->empty()) {
    const auto at = static_cast<std::size_t>(dice_.below(envelopes->size()));
    auto& envelope = (*envelopes)[at];
    switch (dice_.below(8)) {
      case 0:
        if (did("drops a frame")) return false;
        break;
      case 1:
        if (did("drops an envelope")) envelopes->erase(envelopes->begin() + static_cast<std::ptrdiff_t>(at));
        break;
      case 2:
        if (did("repeats")) envelopes->push_back(envelope);
        break;
      case 3:
        if (did("reorders")) std::ranges::reverse(*envelopes);
        break;
      case 4:
        if (did("says again what was said before, to somebody else, too")) envelopes->push_back(dice_.pick(heard_));
        break;
      case 5:
        if (envelope.push().has_entries() && did("begins to withhold a chat")) {
          withheld_.emplace_back(&device, envelope.push().entries().chat_id());
        } else if (!withheld_.empty()) {
          withheld_.pop_back();
        }
        break;
      default:
        if (envelope.has_push()) {
          if (!change_push(*envelope.mutable_push())) return false;
        } else if (envelope.has_response()) {
          change_answer(*envelope.mutable_response());
        }
    }
    changed = true;
  }
  if (!changed) return true;
  frame = encode_all(*envelopes);
  if (dice_.chance(1, 50) && !frame.empty() && did("flips a bit of a frame")) {
    frame[static_cast<std::size_t>(dice_.below(frame.size()))] ^= 1;
  }
  return !frame.empty();
}

void HostileRelay::change_entry(wire::Entry& entry) {
  switch (dice_.below(7)) {
    case 0:
      if (did("renumbers")) entry.set_seq(entry.seq() + dice_.between(1, 3));
      break;
    case 1:
      if (did("renumbers backwards"))
        entry.set_seq(entry.seq() - std::min<std::uint64_t>(entry.seq(), dice_.between(1, 3)));
      break;
    case 2:
      if (did("forges a sender")) {
        const auto* other = &world_.devices()[static_cast<std::size_t>(dice_.below(world_.devices().size()))];
        entry.set_sender_user(to_string_bytes(other->user));
        entry.set_sender_device(to_string_bytes(other->device));
      }
      break;
    case 3:
      if (entry.has_message() && did("forges a message")) flip(*entry.mutable_message(), dice_);
      if (entry.has_handshake() && did("forges a commit")) flip(*entry.mutable_handshake(), dice_);
      break;
    case 4:
      if (entry.has_stub() && did("forges a stub")) {
        flip(dice_.chance(1, 2) ? *entry.mutable_stub()->mutable_sha256()
                                : *entry.mutable_stub()->mutable_client_message_id(),
             dice_);
      }
      break;
    case 5:
      if (did("forges time and messageId")) {
        entry.set_time(dice_.below(UINT64_MAX));
        flip(*entry.mutable_message_id(), dice_);
      }
      break;
    default:
      if (entry.has_message() && did("tells a message as a commit")) {
        const auto bytes = entry.message();
        entry.set_handshake(bytes);
      }
  }
}

bool HostileRelay::change_push(wire::Push& push) {
  switch (push.event_case()) {
    case wire::Push::kEntries: {
      auto& entries = *push.mutable_entries();
      if (entries.entries_size() == 0) return true;
      const auto at = static_cast<int>(dice_.below(static_cast<std::uint64_t>(entries.entries_size())));
      if (dice_.chance(1, 4) && did("drops an entry and closes the hole")) {
        auto* all = entries.mutable_entries();
        for (int i = at + 1; i < all->size(); ++i) all->Mutable(i)->set_seq(all->Get(i).seq() - 1);
        all->DeleteSubrange(at, 1);
      } else if (dice_.chance(1, 5) && entries.entries_size() > 1 && did("swaps two entries")) {
        auto* all = entries.mutable_entries();
        const auto other = (at + 1) % all->size();
        all->SwapElements(at, other);
        const auto seq = all->Get(at).seq();
        all->Mutable(at)->set_seq(all->Get(other).seq());
        all->Mutable(other)->set_seq(seq);
      } else if (dice_.chance(1, 6) && did("moves entries to another chat")) {
        flip(*entries.mutable_chat_id(), dice_);
      } else if (dice_.chance(1, 8) && did("tells another generation")) {
        entries.set_generation(entries.generation() + 1);
      } else {
        change_entry(*entries.mutable_entries(at));
      }
      return true;
    }
    case wire::Push::kChatJoined:
      if (did("forges a Welcome")) {
        auto& joined = *push.mutable_chat_joined();
        if (dice_.chance(1, 3))
          flip(*joined.mutable_chat_id(), dice_);
        else if (dice_.chance(1, 2))
          flip(*joined.mutable_entry()->mutable_welcome()->mutable_shared(), dice_);
        else
          flip(*joined.mutable_entry()->mutable_welcome()->mutable_secret(), dice_);
      }
      return true;
    case wire::Push::kHeads:
      if (did("tells other heads")) {
        for (auto& head : *push.mutable_heads()->mutable_heads()) head.set_head(head.head() + dice_.below(5));
      }
      return true;
    case wire::Push::kDeliveryReceipt:
      if (did("forges a receipt")) push.mutable_delivery_receipt()->set_seq(dice_.below(1000));
      return true;
    case wire::Push::kChallenge:
      if (did("changes the challenge")) flip(*push.mutable_challenge()->mutable_nonce(), dice_);
      return true;
    default:
      return !did("drops a frame");
  }
}

void HostileRelay::change_answer(wire::Response& response) {
  switch (dice_.below(4)) {
    case 0: {
      static constexpr std::array codes = {
          ErrorCode::UNAVAILABLE,     ErrorCode::STALE_EPOCH,  ErrorCode::EPOCH_CONFLICT,  ErrorCode::ROSTER_MISMATCH,
          ErrorCode::OUT_OF_ORDER,    ErrorCode::RATE_LIMITED, ErrorCode::NOT_PARTICIPANT, ErrorCode::UNKNOWN_CHAT,
          ErrorCode::NO_KEY_PACKAGES, ErrorCode::FORBIDDEN,    ErrorCode::EXISTS,          ErrorCode::STALE_GENERATION};
      const auto code = codes[static_cast<std::size_t>(dice_.below(codes.size()))];
      if (did("refuses what it did")) response = wire::refusal(Error(code));
      break;
    }
    case 1:
      if (did("claims success")) {
        wire::Response out;
        *out.mutable_accepted() = response.accepted();
        out.mutable_accepted()->set_seq(dice_.below(50));
        response = std::move(out);
      }
      break;
    case 2:
      if (response.has_accepted() && did("answers for another message")) {
        flip(*response.mutable_accepted()->mutable_client_message_id(), dice_);
      }
      break;
    default:
      if (response.has_key_packages_taken() && response.key_packages_taken().users_size() > 0 &&
          did("swaps key packages")) {
        auto& user = *response.mutable_key_packages_taken()->mutable_users(0);
        if (user.devices_size() > 0) flip(*user.mutable_devices(0)->mutable_key_package(), dice_);
      }
  }
}

void HostileRelay::count_as_others_do(Device& device, Bytes& frame) {
  auto envelopes = wire::decode_frame(frame);
  if (!envelopes.ok()) return;
  bool changed = false;
  for (auto& envelope : *envelopes) {
    if (!envelope.request().has_ack()) continue;
    for (auto& cursor : *envelope.mutable_request()->mutable_ack()->mutable_cursors()) {
      if (!lacks_one(device, cursor.chat_id())) continue;
      cursor.set_seq(cursor.seq() + 1);
      changed = true;
    }
  }
  if (changed) frame = encode_all(*envelopes);
}

void HostileRelay::on_way_up(Device& device, Bytes& frame) {
  if (!hidden_.empty()) count_as_others_do(device, frame);
  if (!dice_.chance(1, calmness_ * 2)) return;
  auto envelopes = wire::decode_frame(frame);
  if (!envelopes.ok() || envelopes->empty()) return;
  const auto at = static_cast<std::size_t>(dice_.below(envelopes->size()));
  auto& request = *(*envelopes)[at].mutable_request();
  // An ack that it invents itself would only make it lose entries, as dropping them does.
  if (request.has_ack()) return;
  if (request.has_send_message() && dice_.chance(1, 2)) {
    if (did("changes a message before storing it")) flip(*request.mutable_send_message()->mutable_message(), dice_);
  } else if (did("loses a request")) {
    envelopes->erase(envelopes->begin() + static_cast<std::ptrdiff_t>(at));
  }
  frame = encode_all(*envelopes);
}

}  // namespace sotto::sim
