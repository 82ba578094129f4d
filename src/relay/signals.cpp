#include "relay/signals.h"

#include "wire/limits.h"

namespace sotto::relay {

namespace {

/// Why somebody may not signal in a chat, if so. Nothing is stored of a signal but read marks, so this is all.
Answer refusal_of(const Chat& chat, const Sender& sender, std::uint32_t generation, std::size_t bytes) {
  if (!chat.fold.exists()) return refuse(ErrorCode::UNKNOWN_CHAT);
  if (chat.fold.on_roster(sender.device, sender.era) == nullptr) return refuse(ErrorCode::NOT_PARTICIPANT);
  if (generation != chat.fold.generation) {
    auto response = refuse(ErrorCode::STALE_GENERATION);
    response.set_generation(chat.fold.generation);
    return response;
  }
  if (bytes > wire::limits::signal_bytes) return refuse(ErrorCode::TOO_LARGE);
  if (bytes == 0) return refuse(ErrorCode::INVALID_ARGUMENT, "an empty signal");
  return std::nullopt;
}

template <typename Signal>
void fill(Signal& signal, const ChatId& chat, const DeviceRef& sender, std::uint32_t generation,
          const std::string& payload) {
  signal.set_chat_id(to_string_bytes(chat));
  signal.set_generation(generation);
  signal.set_sender_user(to_string_bytes(sender.user));
  signal.set_sender_device(to_string_bytes(sender.device));
  signal.set_payload(payload);
}

}  // namespace

wire::Push read_mark_push(const ChatId& chat, const ReadMarkRecord& mark) {
  wire::Push push;
  fill(*push.mutable_read_mark(), chat, mark.sender, mark.generation, wire::field(mark.payload));
  return push;
}

/// The chat of a signal that may be passed on; else what is to be answered.
template <typename Request>
Need<Chat> Signals::admit(Call& call, const Request& request, char kind, const Rate& rate) {
  const auto id = id_from<ChatId>(wire::view(request.chat_id()));
  if (!id) return {nullptr, refuse(ErrorCode::INVALID_ARGUMENT)};
  const auto chat = s_.chat(call, *id);
  if (!chat) return chat;
  const auto& sender = call.connection.sender;
  if (auto refusal = refusal_of(*chat, sender, request.generation(), request.payload().size())) {
    return {nullptr, std::move(refusal)};
  }
  if (auto limited = s_.limit(kind, {view(sender.device.user), view(*id)}, rate)) return {nullptr, std::move(limited)};
  return chat;
}

Answer Signals::send(Call& call, const wire::SendEphemeral& request) {
  const auto chat = admit(call, request, 'y', s_.config.ephemerals);
  if (!chat) return chat.answer;
  const auto sender = call.connection.sender.device;
  wire::Push push;
  fill(*push.mutable_ephemeral(), chat->id, sender, request.generation(), request.payload());
  call.committed = [this, id = chat->id, sender, push = std::move(push)] { push_to_others(id, sender, push); };
  return wire::Response{};
}

Answer Signals::set_read_mark(Call& call, const wire::SetReadMark& request) {
  const auto chat = admit(call, request, 'm', s_.config.read_marks);
  if (!chat) return chat.answer;
  const auto sender = call.connection.sender.device;
  auto& mark = chat->read_marks[sender.user].record;
  mark = {s_.wall, request.generation(), sender, to_bytes(wire::view(request.payload()))};
  chat->dirty_read_marks.insert(sender.user);
  s_.dirty_chats.insert(chat->id);
  call.committed = [this, id = chat->id, sender, push = read_mark_push(chat->id, mark)] {
    push_to_others(id, sender, push);
  };
  return wire::Response{};
}

void Signals::push_to_others(const ChatId& id, const DeviceRef& sender, const wire::Push& push) {
  const auto* chat = s_.chats.find(id);
  if (chat == nullptr) return;
  for (const auto& [device, member] : chat->fold.members) {
    if (!member.on_roster || device == sender) continue;
    auto* connection = s_.main_of(device);
    // A slow reader can do without them.
    if (connection == nullptr || s_.congested(*connection)) continue;
    s_.outbox.push(*connection, push);
  }
}

}  // namespace sotto::relay
