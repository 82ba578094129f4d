#include "relay/acks.h"

#include <algorithm>

#include "base/test_hooks.h"
#include "relay/delivery.h"

namespace sotto::relay {

namespace {

constexpr std::uint64_t retry_ms = 1000;
/// What waits is bounded: from so many chats on it is carried out at once.
constexpr std::size_t most_cursors = 1024;

bool well_formed(const wire::Ack& ack) {
  return !ack.cursors().empty() && std::ranges::all_of(ack.cursors(), [](const auto& cursor) {
    return id_from<ChatId>(wire::view(cursor.chat_id())).has_value();
  });
}

}  // namespace

bool Acks::hold(Connection& connection, const Waiting& request) {
  const bool joinable = request.id == 0 && !request.joined && connection.kind == ConnectionKind::main;
  const auto& ack = request.request.ack();
  if (!joinable || !well_formed(ack)) return false;
  auto& held = connection.held_acks;
  // After a while without any the first does not wait: who is not busy loses no time.
  if (held.cursors.empty() && held.due + s_.config.ack_ms <= s_.now) {
    held.due = s_.now;
    return false;
  }
  join(connection, ack, held.cursors.empty() ? held.due + s_.config.ack_ms : held.due);
  for (const auto& cursor : ack.cursors()) {
    delivery_.has_arrived(connection, *id_from<ChatId>(wire::view(cursor.chat_id())), cursor.seq());
  }
  if (held.cursors.size() >= most_cursors) release(connection);
  return true;
}

void Acks::again(Connection& connection, const Waiting& request) {
  SOTTO_RARE(ack_carried_out_again);
  const auto& held = connection.held_acks;
  join(connection, request.request.ack(), held.cursors.empty() ? s_.now + retry_ms : held.due);
}

void Acks::join(Connection& connection, const wire::Ack& ack, std::uint64_t due) {
  auto& held = connection.held_acks;
  held.ack_no = std::max(held.ack_no, ack.ack_no());
  for (const auto& cursor : ack.cursors()) {
    auto& seq = held.cursors[*id_from<ChatId>(wire::view(cursor.chat_id()))];
    seq = std::max(seq, cursor.seq());
  }
  held.due = due;
  if (!held.cursors.empty()) due_.emplace(due, connection.id);
}

void Acks::on_timers() {
  while (!due_.empty() && due_.begin()->first <= s_.now) {
    const auto id = due_.begin()->second;
    due_.erase(due_.begin());
    if (auto* connection = s_.find(id)) release(*connection);
  }
}

void Acks::release(Connection& connection) {
  auto& held = connection.held_acks;
  due_.erase({held.due, connection.id});
  if (held.cursors.empty() || connection.closing) return;
  Waiting request;
  request.joined = true;
  auto& ack = *request.request.mutable_ack();
  ack.set_ack_no(held.ack_no);
  for (const auto& [chat, seq] : std::exchange(held.cursors, {})) {
    auto& cursor = *ack.add_cursors();
    cursor.set_chat_id(to_string_bytes(chat));
    cursor.set_seq(seq);
  }
  held.due = s_.now;
  request.bytes = request.request.ByteSizeLong();
  connection.waiting_bytes += request.bytes;
  connection.waiting.push_front(std::move(request));
  s_.make_runnable(connection);
}

void Acks::release_all() {
  while (!due_.empty()) {
    const auto id = due_.begin()->second;
    due_.erase(due_.begin());
    if (auto* connection = s_.find(id)) release(*connection);
  }
}

std::optional<std::uint64_t> Acks::next_due() const {
  if (due_.empty()) return std::nullopt;
  return due_.begin()->first;
}

}  // namespace sotto::relay
