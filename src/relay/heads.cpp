// What a device learns right after it connected: the heads of its chats, and receipts that changed since it left.
#include <algorithm>

#include "relay/delivery.h"
#include "relay/profiles.h"
#include "relay/record_keys.h"
#include "relay/signals.h"
#include "wire/limits.h"

namespace sotto::relay {

namespace {

/// Memberships that are looked at together; their chats are loaded at the same time.
constexpr std::size_t page_chats = 256;
/// Receipts told after connecting; a device that was away for so many of them shows the rest as they change.
constexpr std::size_t most_receipts = 10'000;

}  // namespace

void Delivery::start(Connection& connection, std::uint64_t receipts_since) {
  connection.delivery = std::make_unique<DeliveryState>();
  connection.delivery->receipts_since = receipts_since;
  read_heads_page(connection);
  wake(connection);
}

void Delivery::read_heads_page(Connection& connection) {
  auto& d = *connection.delivery;
  d.heads_reading = true;
  s_.backend.scan(keys::memberships_of(connection.sender.device), d.heads_after, page_chats,
                  [this, id = connection.id](const Result<std::vector<Record>>& records) {
                    auto* target = s_.find(id);
                    if (target == nullptr || !target->delivery) return;
                    auto& state = *target->delivery;
                    state.heads_reading = false;
                    if (!records.ok()) {
                      s_.close(*target, close_code::going_away, "the storage cannot be read");
                      return;
                    }
                    for (const auto& record : *records) {
                      if (const auto chat = keys::chat_of_membership(record.key)) state.heads_page.push_back(*chat);
                    }
                    state.heads_page_is_last = records->size() < page_chats;
                    if (!records->empty()) state.heads_after = records->back().key;
                  });
}

/// Who in a direct chat has acked since this device left may have blocked its user: that is read before it is told.
bool Delivery::knows_whether_to_tell(const Connection& connection, const Chat& chat) {
  if (connection.kind != ConnectionKind::main || chat.fold.type != wire::DIRECT) return true;
  const auto users = chat.fold.roster.users();
  return std::ranges::all_of(users, [&](const UserId& user) {
    const bool silent = user == connection.sender.device.user || chat.delivered(user) == 0 ||
                        chat.delivered_time(user) < connection.delivery->receipts_since;
    return silent || hides_receipts(s_, chat, user).has_value();
  });
}

bool Delivery::tell_heads(Connection& connection) {
  auto& d = *connection.delivery;
  if (d.heads_reading) return false;
  bool ready = true;
  for (const auto& id : d.heads_page) {
    const auto chat = s_.chats.need(id);
    if (!chat && !chat.answer) ready = false;
    if (chat && !knows_whether_to_tell(connection, *chat)) ready = false;
  }
  if (!ready) return false;
  for (const auto& id : d.heads_page) {
    if (auto* chat = s_.chats.find(id)) {
      add_head(connection, *chat);
    } else {
      retry_later(connection, id);
    }
  }
  d.heads_page.clear();
  if (!d.heads_page_is_last) {
    read_heads_page(connection);
    return false;
  }
  finish_heads(connection);
  return true;
}

void Delivery::add_head(Connection& connection, Chat& chat) {
  auto& d = *connection.delivery;
  const auto& device = connection.sender.device;
  const auto* member = chat.fold.find(device);
  if (member == nullptr) return;
  const auto acked = chat.acked(device);
  if (next_owed(*member, acked, chat.durable_head)) {
    auto& head = *d.heads.add_heads();
    head.set_chat_id(to_string_bytes(chat.id));
    head.set_head(last_owed(*member, chat.durable_head));
    head.set_acked_seq(acked);
    open_feed(connection, chat, *member);
    if (static_cast<std::size_t>(d.heads.heads_size()) >= wire::limits::heads_per_push) {
      wire::Push push;
      push.mutable_heads()->Swap(&d.heads);
      s_.outbox.push(connection, std::move(push));
      d.heads.Clear();
    }
  }
  if (connection.kind != ConnectionKind::main || !member->on_roster) return;
  for (const auto& [user, mark] : chat.read_marks) {
    if (mark.record.sender == device || mark.record.time < d.receipts_since) continue;
    if (d.read_marks.size() >= most_receipts) break;
    d.read_marks.push_back(read_mark_push(chat.id, mark.record));
  }
  for (const auto& user : chat.fold.roster.users()) {
    if (user == device.user || d.receipts.size() >= most_receipts) continue;
    const auto seq = chat.delivered(user);
    if (seq == 0 || chat.delivered_time(user) < d.receipts_since) continue;
    if (hides_receipts(s_, chat, user).value_or(true)) continue;
    auto& receipt = d.receipts.emplace_back();
    receipt.set_chat_id(to_string_bytes(chat.id));
    receipt.set_user_id(to_string_bytes(user));
    receipt.set_seq(seq);
  }
}

void Delivery::finish_heads(Connection& connection) {
  auto& d = *connection.delivery;
  wire::Push push;
  push.mutable_heads()->Swap(&d.heads);
  push.mutable_heads()->set_last(true);
  s_.outbox.push(connection, std::move(push));
  d.heads.Clear();
  d.heads_told = true;
  for (auto& mark : std::exchange(d.read_marks, {})) s_.outbox.push(connection, mark);
  for (auto& receipt : std::exchange(d.receipts, {})) {
    wire::Push told;
    *told.mutable_delivery_receipt() = std::move(receipt);
    s_.outbox.push(connection, std::move(told));
  }
}

}  // namespace sotto::relay
