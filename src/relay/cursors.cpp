#include "relay/cursors.h"

#include <algorithm>

#include "relay/delivery.h"
#include "relay/profiles.h"
#include "relay/record_keys.h"

namespace sotto::relay {

namespace {

/// About what a snapshot takes: a member and a handshake are some 80 and 120 bytes of it.
std::size_t snapshot_size(const ChatFold& fold) {
  return 128 + fold.members.size() * 80 + fold.handshakes.size() * 120;
}

}  // namespace

Answer Cursors::ack(Call& call, const wire::Ack& request) {
  const auto device = call.connection.sender.device;
  const auto device_key = keys::device(device);
  const auto record = s_.record(call, s_.devices, device_key);
  if (!record) return record.answer;
  std::vector<std::pair<ChatId, std::uint64_t>> moves;
  bool ready = true;
  bool valid = true;
  for (const auto& cursor : request.cursors()) {
    const auto id = id_from<ChatId>(wire::view(cursor.chat_id()));
    if (!id) return refuse(ErrorCode::INVALID_ARGUMENT);
    const auto chat = s_.chat(call, *id);
    if (!chat) {
      if (chat.answer) return chat.answer;
      ready = false;
      continue;
    }
    const auto* member = chat->fold.find(device);
    // What was never owed is not acked; the other cursors of the request move nevertheless.
    if (member == nullptr || cursor.seq() > last_owed(*member, chat->durable_head)) {
      valid = false;
    } else {
      moves.emplace_back(*id, cursor.seq());
    }
  }
  if (!ready) return std::nullopt;

  DeviceRecord stored = record->value_or(DeviceRecord{});
  if (request.ack_no() > stored.ack_no) {
    stored.ack_no = request.ack_no();
    s_.devices.set(device_key, stored);
  }
  std::vector<ChatId> delivered;
  for (const auto& [id, seq] : moves) {
    Chat& chat = *s_.chats.find(id);
    if (seq <= chat.acked(device)) continue;
    const auto before = chat.delivered(device.user);
    auto& cursor = chat.cursors[device];
    cursor.record = {seq, s_.wall};
    chat.dirty_cursors.insert(device);
    s_.dirty_chats.insert(id);
    if (seq > before) delivered.push_back(id);
    const auto& member = *chat.fold.find(device);
    if (!member.on_roster && seq >= last_owed(member, chat.fold.head)) {
      s_.remove_plain(keys::membership(device, id), chat_dependency(id));
    }
  }
  call.committed = [this, id = call.connection.id, user = device.user, moves = std::move(moves),
                    delivered = std::move(delivered)] {
    if (auto* connection = s_.find(id)) {
      for (const auto& [chat, seq] : moves) delivery_.acked(*connection, chat, seq);
    }
    for (const auto& chat_id : delivered) {
      if (auto* chat = s_.chats.find(chat_id)) schedule_receipt(*chat, user);
    }
  };
  return valid ? wire::Response{} : refuse(ErrorCode::INVALID_ARGUMENT, "a cursor beyond what the device is owed");
}

void Cursors::flush() {
  // What was acked before a stop or a failure, and not trimmed any more.
  for (const auto& id : s_.chats.take_loaded()) {
    if (auto* chat = s_.chats.find(id); chat != nullptr && chat->lowest_needed() > chat->first) {
      schedule_trim(*chat, s_.now + s_.config.trim_ms);
    }
  }
  for (const auto& id : std::exchange(s_.dirty_chats, {})) {
    auto* chat = s_.chats.find(id);
    if (chat == nullptr) continue;
    const bool acked = !chat->dirty_cursors.empty();
    s_.chats.flush_cursors(*chat);
    const bool much = chat->fold.head - chat->snapshot_seq >= s_.config.entries_without_snapshot;
    const bool raised = acked && chat->lowest_needed() > chat->first;
    if (!raised && !much) continue;
    const bool appending = chat->durable_head != chat->fold.head;
    const bool small = raised && snapshot_size(chat->fold) <= s_.config.small_snapshot_bytes;
    // If its next trim is due soon anyway, it waits for that.
    if (small && !appending && chat->trim_due == 0) {
      trim(*chat);
    } else if (small) {
      // At times that all chats share: rows that lie side by side then go in one run, and so their pages only once.
      const auto interval = s_.config.busy_trim_ms;
      schedule_trim(*chat, (s_.now / interval + 2) * interval);
    } else {
      schedule_trim(*chat, s_.now + s_.config.trim_ms);
    }
  }
  for (const auto& id : std::exchange(trims_due_, {})) {
    if (auto* chat = s_.chats.find(id)) trim(*chat);
  }
}

void Cursors::trim(Chat& chat) {
  if (!chat.fold.exists()) return;
  const auto dependency = chat_dependency(chat.id);
  const auto acked_to = chat.lowest_needed() - 1;
  const auto up_to = std::max(acked_to, std::min(chat.expired, chat.durable_head));
  const auto id = chat.id;
  for (const auto& note : std::exchange(chat.expiry_notes, {})) s_.remove_plain(note, dependency);
  for (const auto& device : chat.fold.forget(up_to)) {
    chat.cursors.erase(device);
    s_.remove_plain(keys::cursor(id, device), dependency);
    s_.remove_plain(keys::membership(device, id), dependency);
  }
  const auto users = chat.fold.roster.users();
  for (auto mark = chat.read_marks.begin(); mark != chat.read_marks.end();) {
    if (users.contains(mark->first)) {
      ++mark;
      continue;
    }
    s_.remove_plain(keys::read_mark(id, mark->first), dependency);
    chat.dirty_read_marks.erase(mark->first);
    mark = chat.read_marks.erase(mark);
  }
  s_.backend.snapshot(id, chat.fold.head, encode(chat.fold),
                      [this, dependency](const Status& done) { s_.batch.finished(dependency, done); });
  chat.snapshot_seq = chat.fold.head;
  if (up_to < chat.first) return;
  const auto acked = std::max(acked_to + 1, chat.first) - chat.first;
  const auto expired = up_to + 1 - chat.first - acked;
  s_.backend.trim(id, up_to, [this, dependency, acked, expired](const Status& done) {
    s_.batch.finished(dependency, done);
    if (!done.ok()) return;
    s_.counters.entries_acked += acked;
    s_.counters.entries_expired += expired;
  });
  chat.first = up_to + 1;
  chat.drop_recent(up_to);
  s_.want_checkpoint();
}

void Cursors::expire(Chat& chat, std::uint64_t up_to, const RecordKey& note) {
  chat.expired = std::max(chat.expired, up_to);
  chat.expiry_notes.push_back(note);
  trims_due_.insert(chat.id);
}

void Cursors::schedule_trim(Chat& chat, std::uint64_t due) {
  if (chat.trim_due != 0) return;
  chat.trim_due = due;
  s_.timers.insert({due, chat.id});
}

void Cursors::schedule_receipt(Chat& chat, const UserId& user) {
  chat.receipts.insert(user);
  if (chat.receipt_due != 0) return;
  chat.receipt_due = std::max(s_.now, chat.receipts_at + s_.config.receipt_ms);
  s_.timers.insert({chat.receipt_due, chat.id});
}

void Cursors::on_timers() {
  while (!s_.timers.empty() && s_.timers.begin()->first <= s_.now) {
    const auto id = s_.timers.begin()->second;
    s_.timers.erase(s_.timers.begin());
    auto* chat = s_.chats.find(id);
    if (chat == nullptr) continue;
    if (chat->trim_due != 0 && chat->trim_due <= s_.now) {
      chat->trim_due = 0;
      trims_due_.insert(id);
    }
    if (chat->receipt_due != 0 && chat->receipt_due <= s_.now) {
      chat->receipt_due = 0;
      tell_receipts(*chat);
    }
  }
}

void Cursors::hurry() {
  for (const auto& [due, id] : std::exchange(s_.timers, {})) {
    auto* chat = s_.chats.find(id);
    if (chat == nullptr) continue;
    if (std::exchange(chat->trim_due, 0) != 0) trims_due_.insert(id);
    chat->receipt_due = 0;
  }
}

void Cursors::tell_receipts(Chat& chat) {
  chat.receipts_at = s_.now;
  for (const auto& user : std::exchange(chat.receipts, {})) {
    const auto hidden = hides_receipts(s_, chat, user);
    if (!hidden) schedule_receipt(chat, user);
    if (hidden.value_or(true)) continue;
    wire::Push push;
    auto& receipt = *push.mutable_delivery_receipt();
    receipt.set_chat_id(to_string_bytes(chat.id));
    receipt.set_user_id(to_string_bytes(user));
    receipt.set_seq(chat.delivered(user));
    for (const auto& [device, member] : chat.fold.members) {
      if (!member.on_roster || device.user == user) continue;
      if (auto* connection = s_.main_of(device)) s_.outbox.push(*connection, push);
    }
  }
}

}  // namespace sotto::relay
