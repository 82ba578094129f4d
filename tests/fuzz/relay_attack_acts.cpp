// What a hostile client asks of the relay.
#include "relay_attack.h"
#include "unit/relay/support/private_message.h"

namespace sotto::fuzz {

using namespace relay;
using namespace relay::test;

RelayWire* RelayAttack::some_wire() {
  std::vector<ConnectionId> open;
  for (const auto id : hostile_) {
    if (wires_[id].open) open.push_back(id);
  }
  return open.empty() ? nullptr : &wires_[pick(open, input_)];
}

void RelayAttack::act() {
  const auto what = input_.ConsumeIntegral<std::uint8_t>() % 16;
  auto* wire = some_wire();
  if (wire == nullptr && what < 12) return reconnect();
  const auto number = ++last_request_;
  switch (what) {
    case 0:
    case 1:
    case 2:
      send(wire->id, number, pick(s_.requests, input_));
      break;
    case 3:
    case 4:
    case 5:
      send(wire->id, number, mutated(pick(s_.requests, input_), input_));
      break;
    case 6:
      send(wire->id, number, built());
      break;
    case 7:
      send(wire->id, number, commit());
      break;
    case 8: {  // A frame that is changed, or no frame.
      const auto size = input_.ConsumeIntegral<std::uint8_t>();
      if (size % 2 == 0) {
        wire::Envelope envelope;
        envelope.set_id(number);
        *envelope.mutable_request() = pick(s_.requests, input_);
        send(wire->id, mutate_bytes(wire::encode(envelope), input_));
      } else {
        send(wire->id, input_.ConsumeBytes<std::uint8_t>(size));
      }
      break;
    }
    case 9: {  // Many at once, in one frame.
      Bytes joined;
      wire::Envelope envelope;
      *envelope.mutable_request() = pick(s_.requests, input_);
      const auto count = input_.ConsumeIntegralInRange<std::size_t>(1, 2000);
      for (std::size_t i = 0; i < count && joined.size() < 200'000; ++i) {
        envelope.set_id(++last_request_);
        append(joined, wire::encode(envelope));
      }
      send(wire->id, std::move(joined));
      break;
    }
    case 10:
      wire->drains = input_.ConsumeBool();
      if (wire->drains) wire->undrained = 0;
      inputs_.emplace_back(Drained{wire->id, wire->drains ? 0 : hostile_number(wire->undrained, input_)});
      break;
    case 11:
      if (input_.ConsumeBool()) {
        // The other side knows of the end only with the next step.
        inputs_.emplace_back(Closed{wire->id});
        wire->open = false;
        step();
      }
      break;
    case 12:
    case 13:
      reconnect();
      break;
    case 14:
      now_ += input_.ConsumeBool() ? input_.ConsumeIntegral<std::uint16_t>()
                                   : day_ms / 16 * (input_.ConsumeIntegral<std::uint8_t>() % 16);
      break;
    default:
      return;
  }
  if (input_.ConsumeIntegral<std::uint8_t>() % 4 != 0) step();
}

void RelayAttack::reconnect() {
  if (hostile_.size() >= 12) return;
  const auto id = connect("192.0.2.66");
  hostile_.push_back(id);
  const auto how = input_.ConsumeIntegral<std::uint8_t>();
  if (how % 8 == 0) return;  // A stranger.
  const auto kind = static_cast<wire::ConnectionKind>(how / 8 % 4);
  const auto phone = how % 8 == 1 ? 1U : 0U;
  const auto session = how % 8 == 2 ? hostile_number(session_, input_) : ++session_ + s_.mallory->phones[0].session;
  auto request = authentication(*s_.mallory, phone, wires_[id], kind, session);
  if (how % 8 == 3) request = mutated(request, input_);
  if (how % 8 == 4) request.mutable_authenticate()->set_user_id(to_string_bytes(s_.alice->id));
  send(id, ++last_request_, request);
  step();
}

std::string RelayAttack::some_id() {
  const auto what = input_.ConsumeIntegral<std::uint8_t>();
  switch (what % 12) {
    case 0:
    case 1:
      return to_string_bytes(s_.shared.id);
    case 2:
    case 3:
      return to_string_bytes(s_.own.id);
    case 4:
      return to_string_bytes(s_.pair.id);
    case 5:
      return to_string_bytes(s_.alice->id);
    case 6:
      return to_string_bytes(s_.bob->id);
    case 7:
      return to_string_bytes(s_.mallory->id);
    case 8:
      return to_string_bytes(s_.mallory->phones[what / 12 % 2].id);
    case 9:
      return s_.blob;
    case 10:
      return std::string(16, static_cast<char>(what));
    default:
      return input_.ConsumeBytesAsString(what % 18);
  }
}

wire::Request RelayAttack::built() {
  wire::Request out;
  const auto number = [&] { return hostile_number(3, input_); };
  switch (input_.ConsumeIntegral<std::uint8_t>() % 10) {
    case 0: {
      auto& ack = *out.mutable_ack();
      ack.set_ack_no(number());
      for (int i = input_.ConsumeIntegral<std::uint8_t>() % 4; i > 0; --i) {
        auto& cursor = *ack.add_cursors();
        cursor.set_chat_id(some_id());
        cursor.set_seq(number());
      }
      break;
    }
    case 1:
      out.mutable_get_chat()->set_chat_id(some_id());
      break;
    case 2:
      for (int i = input_.ConsumeIntegral<std::uint8_t>() % 24; i > 0; --i) {
        out.mutable_take_key_packages()->add_user_ids(some_id());
      }
      break;
    case 3:
      out.mutable_find_user()->set_handle(input_.ConsumeRandomLengthString(80));
      break;
    case 4: {
      auto& send = *out.mutable_send_message();
      send.set_chat_id(some_id());
      send.set_generation(static_cast<std::uint32_t>(number()));
      send.set_after_handshake(number());
      send.set_urgency(static_cast<wire::Urgency>(input_.ConsumeIntegral<std::uint8_t>() % 4));
      ChatId chat;
      if (const auto id = id_from<ChatId>(wire::view(some_id()))) chat = *id;
      const wire::CheckedMessageAad aad{random_id<ClientMessageId>(random_), number()};
      send.set_message(wire::field(
          private_message(chat, 1, static_cast<wire::MlsContentType>(input_.ConsumeIntegral<std::uint8_t>() % 4),
                          wire::encode(aad), Bytes(input_.ConsumeIntegral<std::uint16_t>()))));
      break;
    }
    case 5: {
      auto& create = *out.mutable_create_attachment();
      create.set_hash(std::string(32, 'h'));
      create.set_token_hash(std::string(32, 't'));
      create.set_size(number());
      break;
    }
    case 6: {
      auto& part = *out.mutable_upload_attachment();
      part.set_attachment_id(some_id());
      part.set_offset(number());
      part.set_data(std::string(input_.ConsumeIntegral<std::uint16_t>(), 'd'));
      break;
    }
    case 7: {
      auto& fetch = *out.mutable_fetch_attachment();
      fetch.set_attachment_id(some_id());
      fetch.set_token(input_.ConsumeRandomLengthString(40));
      fetch.set_offset(number());
      fetch.set_limit(static_cast<std::uint32_t>(number()));
      break;
    }
    case 8: {
      auto& keys = *out.mutable_publish_key_packages();
      const auto size = input_.ConsumeIntegralInRange<std::size_t>(0, 5000);
      for (int i = input_.ConsumeIntegral<std::uint8_t>() % 110; i > 0; --i)
        keys.add_key_packages(std::string(size, 'k'));
      keys.set_last_resort(std::string(size, 'l'));
      break;
    }
    default:
      out.mutable_get_device_list()->set_user_id(some_id());
  }
  return out;
}

wire::Request RelayAttack::commit() {
  auto group = input_.ConsumeBool() ? s_.shared : s_.own;
  group.handshake = input_.ConsumeBool() ? group.handshake : hostile_number(group.handshake, input_);
  const std::array devices{s_.mallory->device(0), s_.mallory->device(1), s_.alice->device(), s_.bob->device(),
                           DeviceRef{s_.mallory->id, s_.alice->phones[0].id}};
  Change change;
  for (int i = input_.ConsumeIntegral<std::uint8_t>() % 3; i > 0; --i) change.adds.push_back(pick(devices, input_));
  for (int i = input_.ConsumeIntegral<std::uint8_t>() % 3; i > 0; --i) {
    change.removes.push_back(pick(devices, input_));
  }
  if (input_.ConsumeBool()) change.admins = {s_.alice->id};
  change.membership_changed = input_.ConsumeBool();
  change.era = input_.ConsumeBool() ? 1 : input_.ConsumeIntegral<std::uint8_t>();
  World world(input_.ConsumeIntegral<std::uint8_t>());  // for its randomness only
  if (input_.ConsumeBool()) return update_request(world, group, change);
  const std::array users{s_.mallory->id, s_.alice->id, s_.bob->id};
  return modify_request(world, group, pick(users, input_), input_.ConsumeBool() ? wire::ADD : wire::REMOVE, change);
}

}  // namespace sotto::fuzz
