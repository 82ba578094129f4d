#include "relay/state.h"

#include <algorithm>
#include <utility>

#include "base/test_hooks.h"
#include "wire/limits.h"

namespace sotto::relay {

namespace limits = wire::limits;

void Outbox::send(Connection& to, Bytes bytes) {
  to.unsent_bytes += bytes.size();
  bytes_ += bytes.size();
  if (const auto it = open_.find(to.id); it != open_.end()) {
    auto& open = std::get<Send>(actions_[it->second.action]).bytes;
    if (open.size() + bytes.size() <= limits::frame_bytes && it->second.envelopes < limits::envelopes_per_frame) {
      append(open, bytes);
      ++it->second.envelopes;
      return;
    }
  }
  actions_.emplace_back(Send{to.id, std::move(bytes)});
  open_[to.id] = {actions_.size() - 1, 1};
}

void Outbox::push(Connection& to, wire::Push push) {
  if (to.closing) return;
  wire::Envelope envelope;
  *envelope.mutable_push() = std::move(push);
  send(to, wire::encode(envelope));
}

void Outbox::push(Connection& to, const wire::EntriesFrame& entries) {
  if (!to.closing) send(to, entries.encode());
}

void Outbox::answer(Connection& to, std::uint64_t id, wire::Response response) {
  if (id == 0 || to.closing) return;
  wire::Envelope envelope;
  envelope.set_id(id);
  *envelope.mutable_response() = std::move(response);
  send(to, wire::encode(envelope));
}

void Outbox::close(Connection& connection, std::uint16_t code, std::string reason) {
  if (connection.closing) return;
  connection.closing = true;
  connection.waiting.clear();
  connection.waiting_bytes = 0;
  actions_.emplace_back(Close{connection.id, code, std::move(reason)});
}

std::vector<Output> Outbox::take() {
  open_.clear();
  bytes_ = 0;
  return std::exchange(actions_, {});
}

State::State(Backend& the_backend, Random& the_random, const CoreConfig& the_config, Logger the_log)
    : backend(the_backend),
      random(the_random),
      config(the_config),
      log(std::move(the_log)),
      message_ids(the_random),
      handles(backend, batch, config.cached_records),
      users(backend, batch, config.cached_records),
      devices(backend, batch, config.cached_records),
      key_indexes(backend, batch, config.cached_records),
      key_packages(backend, batch, config.cached_records / 10),
      profiles(backend, batch, config.cached_records / 100),
      blocks(backend, batch, config.cached_records),
      codes(backend, batch, config.cached_records / 10),
      claims(backend, batch, config.cached_records / 10),
      invites(backend, batch, config.cached_records / 10),
      push_tokens(backend, batch, config.cached_records),
      chats(backend, batch, config.cached_chats, config.cached_entry_bytes) {}

Connection* State::find(ConnectionId id) {
  const auto it = connections.find(id);
  return it == connections.end() ? nullptr : it->second.get();
}

Connection* State::main_of(const DeviceRef& device) {
  const auto it = online.find(device);
  if (it == online.end()) return nullptr;
  const auto main = std::ranges::find(it->second, ConnectionKind::main, &Connection::kind);
  return main == it->second.end() ? nullptr : *main;
}

void State::make_runnable(Connection& connection) {
  if (connection.runnable || connection.closing || connection.waiting.empty()) return;
  connection.runnable = true;
  runnable.push_back(connection.id);
}

void State::set_online(Connection& connection) {
  online[connection.sender.device].push_back(&connection);
  const bool forgets = connection.kind == ConnectionKind::main && !SOTTO_PLANTED(told_for_ever);
  if (forgets) pushed.erase(connection.sender.device);
}

void State::set_offline(Connection& connection) {
  const auto it = online.find(connection.sender.device);
  if (it == online.end()) return;
  std::erase(it->second, &connection);
  if (it->second.empty()) online.erase(it);
}

void State::close(Connection& connection, std::uint16_t code, std::string reason) {
  set_offline(connection);
  waits_for_drain.erase(connection.id);
  outbox.close(connection, code, std::move(reason));
}

Need<Chat> State::chat(Call& call, const ChatId& id) {
  call.depends.push_back(chat_dependency(id));
  return chats.need(id);
}

void State::want_checkpoint() {
  if (checkpoint_since == 0) checkpoint_since = now;
  checkpoint_due = std::min(now + config.checkpoint_ms, checkpoint_since + config.checkpoint_most_ms);
}

void State::put_plain(const RecordKey& key, Bytes value, const Dependency& blame) {
  backend.put(key, std::move(value), std::nullopt,
              [this, blame](const Result<std::uint64_t>& result) { batch.finished(blame, result); });
}

void State::remove_plain(const RecordKey& key, const Dependency& blame) {
  backend.remove(key, [this, blame](const Status& result) { batch.finished(blame, result); });
}

}  // namespace sotto::relay
