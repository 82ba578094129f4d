#include "relay/acks.h"

#include <algorithm>

#include "base/test_hooks.h"
#include "relay/delivery.h"

namespace sotto::relay {

namespace {

constexpr std::uint64_t retry_ms = 1000;
/// What waits is bounded: from so many chats on it is carried out at once.
constexpr std::size_t most_cursors = 1024;

/// Nothing, if one of them names no chat.
std::map<ChatId, std::uint64_t> cursors_of(const wire::Ack& ack) {
  std::map<ChatId, std::uint64_t> out;
  for (const auto& cursor : ack.cursors()) {
    const auto id = id_from<ChatId>(wire::view(cursor.chat_id()));
    if (!id) return {};
    auto& seq = out[*id];
    seq = std::max(seq, cursor.seq());
  }
  return out;
}

}  // namespace

bool Acks::hold(Connection& connection, const Waiting& request) {
  const bool joinable = request.id == 0 && !request.joined && connection.kind == ConnectionKind::main;
  if (!joinable) return false;
  const auto cursors = cursors_of(request.request.ack());
  if (cursors.empty()) return false;
  auto& held = connection.held_acks;
  // After a while without any the first does not wait: who is not busy loses no time.
  if (held.cursors.empty() && held.due + s_.config.ack_ms <= s_.now) {
    held.due = s_.now;
    return false;
  }
  join(connection, request.request.ack().ack_no(), cursors, held.due + s_.config.ack_ms);
  for (const auto& [chat, seq] : cursors) delivery_.has_arrived(connection, chat, seq);
  if (held.cursors.size() >= most_cursors) release(connection);
  return true;
}

void Acks::again(Connection& connection, const Waiting& request) {
  SOTTO_RARE(ack_carried_out_again);
  const auto& ack = request.request.ack();
  join(connection, ack.ack_no(), cursors_of(ack), s_.now + retry_ms);
}

void Acks::join(Connection& connection, std::uint64_t ack_no, const std::map<ChatId, std::uint64_t>& cursors,
                std::uint64_t due) {
  auto& held = connection.held_acks;
  held.ack_no = std::max(held.ack_no, ack_no);
  if (cursors.empty()) return;
  if (held.cursors.empty()) {
    held.due = due;
    due_.emplace(due, connection.id);
  }
  for (const auto& [chat, acked] : cursors) {
    auto& seq = held.cursors[chat];
    seq = std::max(seq, acked);
  }
}

void Acks::release_until(std::uint64_t time) {
  while (!due_.empty() && due_.begin()->first <= time) {
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

void Acks::release_last(Connection& connection) {
  if (connection.kind == ConnectionKind::main) {
    for (const auto& waiting : connection.waiting) {
      if (!waiting.request.has_ack()) continue;
      join(connection, waiting.request.ack().ack_no(), cursors_of(waiting.request.ack()), s_.now);
    }
  }
  release(connection);
}

std::optional<std::uint64_t> Acks::next_due() const {
  if (due_.empty()) return std::nullopt;
  return due_.begin()->first;
}

}  // namespace sotto::relay
