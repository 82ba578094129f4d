#include "sim/oracle.h"

#include "client/tables/account_table.h"
#include "client/tables/chat_table.h"
#include "crypto/hash.h"
#include "sim/calm_store.h"
#include "sim/world.h"
#include "wire/frame.h"
#include "wire/mls_header.h"

namespace sotto::sim {

namespace {

/// A state that comes after another one. What failed, failed for good.
bool may_follow(MessageState before, MessageState after) {
  if (before == MessageState::failed || before == MessageState::received) return after == before;
  if (after == MessageState::failed) return before <= MessageState::sending;
  return after >= before;
}

}  // namespace

bool Oracle::is_hostile(const Device& device) const {
  const auto* hostile = world_.hostile_member();
  return hostile != nullptr && hostile->is(device);
}

// ---- What the app does and is told

void Oracle::on_send(Device& device, const Message& message) {
  texts_[message.id] = {{device.user, device.device}, message.chat, message.text, false};
}

void Oracle::on_attach(const ClientMessageId& id, ByteView picture) { pictures_[id] = crypto::sha256(picture); }

void Oracle::on_send_done(Device&, const ClientMessageId& id, const Result<void>& result) {
  if (result.ok()) texts_.at(id).durable = true;
}

void Oracle::check_shown(Device& device, const Message& message) {
  if (message.kind == MessageKind::text) {
    const auto found = texts_.find(message.id);
    if (found == texts_.end()) {
      violated("no false message", device.name() + " shows a text that nobody wrote: " + message.text);
    }
    const auto& text = found->second;
    const bool own = text.by.user == device.user;
    if (text.chat != message.chat || text.text != message.text || message.sender != text.by.user ||
        (!own && message.sender_device != text.by.device)) {
      violated("no false message", device.name() + " shows otherwise than it was written: " + message.text);
    }
    return;
  }
  const auto hostile = world_.options().hostile;
  if (hostile == Hostile::relay || is_hostile(device)) return;
  if (message.kind == MessageKind::notice && message.notice.kind == NoticeKind::must_rejoin) {
    violated("nobody is lost by what others do", device.name() + " in " + brief(message.chat.bytes));
  }
  if (hostile != Hostile::none) return;
  if (message.kind == MessageKind::placeholder || message.kind == MessageKind::unknown) {
    violated("nothing undecryptable among honest people",
             device.name() + " shows a placeholder in " + brief(message.chat.bytes) + ": " +
                 (message.problem ? std::string(error_name(message.problem->code)) : "no reason"));
  }
  if (message.kind == MessageKind::notice && message.notice.kind == NoticeKind::commit_ignored) {
    violated("no commit is skipped among honest people", device.name() + " in " + brief(message.chat.bytes));
  }
}

void Oracle::on_event(Device& device, const Event& event) {
  on_signal(device, event);
  const auto* added = std::get_if<MessageAdded>(&event);
  const auto* changed = std::get_if<MessageChanged>(&event);
  if (added == nullptr && changed == nullptr) return;
  const auto& message = added != nullptr ? added->message : changed->message;
  world_.trace(device.name(), std::string(added != nullptr ? "shows " : "changes ") + brief(message.id.bytes) + " in " +
                                  brief(message.chat.bytes) + " " + std::string(to_string(message.state)) + " " +
                                  std::to_string(static_cast<int>(message.kind)));
  if (message.problem) ++world_.counts.errors[message.problem->code];
  if (added != nullptr && message.kind == MessageKind::text) ++world_.counts.messages;
  if (is_hostile(device)) return;
  check_shown(device, message);
  const MessageOfDevice key{device.index(), message.chat, message.sender, message.id};
  const auto [known, fresh] = told_.try_emplace(key, message.state);
  if (fresh) return;
  if (added != nullptr) violated("a message is shown once", device.name() + " " + brief(message.id.bytes));
  if (!may_follow(known->second, message.state)) {
    violated("a state never goes back", device.name() + " " + brief(message.id.bytes) + " from " +
                                            std::string(to_string(known->second)) + " to " +
                                            std::string(to_string(message.state)));
  }
  known->second = message.state;
}

// ---- What processes do

void Oracle::on_started(Device& device) {
  if (is_hostile(device)) return;
  const World::Calm calm(world_);
  auto& db = device.db();
  client::MessageTable messages(db);
  client::ChatTable chats(db);
  for (const auto& [key, told] : told_) {
    const auto& [index, chat, sender, id] = key;
    if (index != device.index()) continue;
    const auto stored = must(messages.find(chat, sender, id), "message");
    if (!stored) violated("what was told is on disk", device.name() + " lost " + brief(id.bytes));
    if (!may_follow(told, stored->state)) {
      violated("what was told is on disk", device.name() + " " + brief(id.bytes) + " was " +
                                               std::string(to_string(told)) + ", is " +
                                               std::string(to_string(stored->state)));
    }
  }
  for (const auto& [id, text] : texts_) {
    if (text.by.user != device.user || !text.durable) continue;
    if (!must(messages.find(text.chat, device.user, id), "message")) {
      violated("what was told is on disk", device.name() + " lost its own " + brief(id.bytes));
    }
  }
  for (const auto& [key, seq] : acked_) {
    if (key.first != device.index()) continue;
    const auto row = must(chats.find(key.second), "chat");
    if (!row || row->cursor < seq) {
      violated("an ack leaves after the commit to disk",
               device.name() + " acked " + place(key.second, seq) + ", has " + std::to_string(row ? row->cursor : 0));
    }
  }
}

void Oracle::on_closed(Device& device, std::size_t pending) {
  if (pending != 0) violated("every completion exactly once", device.name() + " was closed with some left");
}

void Oracle::on_step_begins(Device&) { sealed_in_step_.clear(); }

void Oracle::on_sealed(ByteView key, ByteView ciphertext) {
  sealed_in_step_.emplace_back(to_bytes(key), crypto::sha256(ciphertext));
}

void Oracle::on_step_done(Device& device, bool failed) {
  // What an undone step sealed never left the process.
  for (auto& [key, hash] : std::exchange(sealed_in_step_, {})) {
    if (failed) continue;
    const auto [known, fresh] = sealed_.try_emplace(std::move(key), hash);
    if (!fresh && known->second != hash) violated("no key for two plaintexts", device.name());
  }
}

void Oracle::on_frame_up(Device& device, ByteView frame) {
  const auto envelopes = wire::decode_frame(frame);
  // Whoever proves a handle, and by what, counts: also of who is hostile.
  for (std::size_t i = 0; envelopes.ok() && i < envelopes->size(); ++i) {
    const auto& envelope = (*envelopes)[i];
    registrations_.erase({device.index(), envelope.id()});
    if (envelope.request().has_register_()) {
      on_register(envelope.request().register_(), {device.index(), envelope.id()});
    }
  }
  if (is_hostile(device)) return;
  for (const auto& envelope : must(envelopes, "an own frame")) {
    const auto& request = envelope.request();
    if (request.has_ack()) {
      const World::Calm calm(world_);
      for (const auto& cursor : request.ack().cursors()) {
        const auto chat = *id_from<ChatId>(wire::view(cursor.chat_id()));
        const auto row = must(client::ChatTable(device.db()).find(chat), "chat");
        if (!row || row->cursor < cursor.seq()) {
          violated("an ack leaves after the commit to disk", device.name() + " acks " + place(chat, cursor.seq()));
        }
        auto& acked = acked_[{device.index(), chat}];
        acked = std::max<std::uint64_t>(acked, cursor.seq());
      }
    } else if (request.has_send_message()) {
      const auto& command = request.send_message();
      const auto chat = *id_from<ChatId>(wire::view(command.chat_id()));
      const auto header = must(wire::read_mls_header(wire::view(command.message())), "an own header");
      const auto aad = must(wire::check_message_aad(header.authenticated_data), "own authenticated data");
      if (!texts_.contains(aad.client_message_id)) hidden_.insert(aad.client_message_id);
      send_requests_[{device.index(), envelope.id()}] = chat;
      const Sent now{aad.n, crypto::sha256(wire::view(command.message()))};
      const auto [known, fresh] = sent_.try_emplace({{device.index(), chat}, aad.client_message_id}, now);
      // A relay that lies can make a client seal anew; the keys are new ones then, which is checked elsewhere.
      const bool lied_to = world_.options().hostile == Hostile::relay;
      if (!fresh && !lied_to && (known->second.n != now.n || known->second.hash != now.hash)) {
        violated("retries are byte-identical", device.name() + " " + brief(aad.client_message_id.bytes));
      }
    }
  }
}

void Oracle::check_owed(Device& device, const wire::Entries& entries) {
  if (world_.options().hostile == Hostile::relay) return;
  const auto chat = *id_from<ChatId>(wire::view(entries.chat_id()));
  const auto& members = logs_[chat].members;
  const auto member = members.find({device.user, device.device});
  for (const auto& entry : entries.entries()) {
    if (member != members.end() && member->second.is_owed(entry.seq())) continue;
    violated("nobody else's data", device.name() + " gets " + place(chat, entry.seq()));
  }
}

void Oracle::on_register(const wire::Register& request, const std::pair<std::size_t, std::uint64_t>& id) {
  const auto list = wire::check_device_list(request.device_list());
  if (!list.ok()) return;
  Registration registration{{request.handle(), list->user, std::nullopt, world_.now()}, request.invite()};
  if (!request.pin_hash().empty()) registration.asked.pin = crypto::sha256(wire::view(request.pin_hash()));
  handles.on_asked(registration.asked);
  registrations_[id] = std::move(registration);
}

void Oracle::check_gap(Device& device, const wire::Gap& gap) {
  // What a frame of a lying relay says is not what the relay said.
  const auto chat = id_from<ChatId>(wire::view(gap.chat_id()));
  if (!chat || world_.options().hostile == Hostile::relay || is_hostile(device)) return;
  const auto log = logs_.find(*chat);
  for (auto seq = gap.from(); seq <= gap.to(); ++seq) {
    if (log == logs_.end() || seq > log->second.entries.size() || !may_have_expired(log->second.at(seq))) {
      violated("a gap is told of what has expired", device.name() + " " + place(*chat, seq));
    }
  }
}

void Oracle::on_frame_down(Device& device, ByteView frame) {
  const auto envelopes = wire::decode_frame(frame);
  if (!envelopes.ok()) return;
  for (const auto& envelope : *envelopes) {
    if (envelope.push().has_entries()) check_owed(device, envelope.push().entries());
    if (envelope.push().has_gap()) check_gap(device, envelope.push().gap());
    if (!envelope.has_response()) continue;
    const auto& response = envelope.response();
    if (response.has_authenticated()) push.on_authenticated(device, world_.network().opened_at(device.connection()));
    const auto status = wire::status_of(response);
    if (!status.ok()) ++world_.counts.errors[status.error().code];
    if (const auto registration = registrations_.extract({device.index(), envelope.id()});
        registration && !status.ok()) {
      const auto& what = registration.mapped();
      if (status.error().code == ErrorCode::PIN_REQUIRED) handles.on_pin_required(what.asked);
      if (status.error().code == ErrorCode::INVITE_REQUIRED) invites.on_refused(what.invite, what.asked.at);
    }
    const auto asked = send_requests_.extract({device.index(), envelope.id()});
    if (asked.empty()) continue;
    const auto chat = asked.mapped();
    const bool other_id = response.has_accepted() && !response.accepted().client_message_id().empty();
    if (status.ok() && !other_id) continue;
    // After a refusal rows may be encrypted anew, from the refused one on.
    std::erase_if(sent_, [&](const auto& entry) { return entry.first.first == ChatOfDevice{device.index(), chat}; });
  }
}

}  // namespace sotto::sim
