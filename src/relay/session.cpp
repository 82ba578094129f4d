#include "relay/session.h"

#include <algorithm>

#include "base/test_hooks.h"
#include "crypto/sign.h"
#include "relay/delivery.h"
#include "relay/record_keys.h"
#include "wire/identity.h"

namespace sotto::relay {

namespace {

/// A notification extension and two transfers are the most that a device has use for; some more may be dying.
constexpr std::size_t peeks_a_device = 4;

std::optional<ConnectionKind> kind_of(wire::ConnectionKind kind) {
  switch (kind) {
    case wire::MAIN:
      return ConnectionKind::main;
    case wire::MEDIA:
      return ConnectionKind::media;
    case wire::PEEK:
      return ConnectionKind::peek;
    default:
      return std::nullopt;
  }
}

}  // namespace

void Session::greet(Connection& connection) {
  connection.nonce.resize(32);
  s_.random.fill(connection.nonce);
  wire::Push push;
  auto& challenge = *push.mutable_challenge();
  challenge.set_nonce(wire::field(connection.nonce));
  challenge.set_incarnation(wire::field(s_.backend.incarnation()));
  challenge.set_server_time(s_.wall);
  s_.outbox.push(connection, std::move(push));
}

Answer Session::register_user(Call& call, const wire::Register& request) {
  if (auto status = wire::check_handle(request.handle()); !status.ok()) return wire::refusal(status.error());
  const auto handle_key = keys::handle(request.handle());
  const auto handle = s_.record(call, s_.handles, handle_key);
  if (!handle) return handle.answer;
  const std::optional<HandleRecord> owner = *handle;
  if (auto limited = s_.limit('r', {as_bytes(call.connection.address)}, s_.config.registrations)) return limited;

  const auto checked = wire::check_device_list(request.device_list());
  if (!checked.ok()) return wire::refusal(checked.error());
  if (!crypto::verify(checked->identity_key, wire::registration_statement(call.connection.nonce, request.handle()),
                      wire::view(request.signature()))) {
    return refuse(ErrorCode::BAD_SIGNATURE);
  }
  if (owner && owner->user != checked->user) return refuse(ErrorCode::HANDLE_TAKEN);
  const auto user_key = keys::user(checked->user);
  const auto user = s_.record(call, s_.users, user_key);
  if (!user) return user.answer;
  const bool new_user = !user->has_value();
  if (new_user && checked->version != 1) return refuse(ErrorCode::LIST_CONFLICT, "a new user's list has version 1");

  if (new_user) s_.users.set(user_key, UserRecord(request.device_list(), *checked));
  if (!owner) s_.handles.set(handle_key, HandleRecord{checked->user});
  wire::Response response;
  response.mutable_registered()->set_user_id(to_string_bytes(checked->user));
  return response;
}

Answer Session::authenticate(Call& call, const wire::Authenticate& request) {
  auto& connection = call.connection;
  if (connection.kind != ConnectionKind::unauthenticated) {
    return refuse(ErrorCode::INVALID_ARGUMENT, "the connection has authenticated");
  }
  DeviceRef device;
  const auto kind = kind_of(request.kind());
  if (!kind || !assign_exact(device.user, wire::view(request.user_id())) ||
      !assign_exact(device.device, wire::view(request.device_id()))) {
    return refuse(ErrorCode::INVALID_ARGUMENT);
  }
  const auto user = s_.record(call, s_.users, keys::user(device.user));
  if (!user) return user.answer;
  if (!user->has_value()) return refuse(ErrorCode::UNKNOWN_USER);
  const auto* certified = (*user)->find(device.device);
  if (certified == nullptr) return refuse(ErrorCode::FORBIDDEN, "not in the user's device list");
  const auto key = certified->key;
  const Sender sender{device, certified->era};
  const auto list_version = (*user)->version;

  const auto device_key = keys::device(device);
  const auto stored = s_.record(call, s_.devices, device_key);
  if (!stored) return stored.answer;
  DeviceRecord record = stored->value_or(DeviceRecord{});
  const auto index = s_.record(call, s_.key_indexes, keys::key_package_index(device));
  if (!index) return index.answer;
  const auto key_packages = index->value_or(KeyPackageIndex{}).count();

  if (auto limited = s_.limit('a', {as_bytes(connection.address)}, s_.config.authentications)) return limited;
  if (!crypto::verify(key, wire::authentication_statement(connection.nonce, request),
                      wire::view(request.signature()))) {
    return refuse(ErrorCode::BAD_SIGNATURE);
  }
  // A device that took a new key after its store was rolled back counts anew.
  if (record.era != sender.era) record = DeviceRecord{sender.era, 0, 0, record.session_time};
  const auto receipts_since = record.session_time;

  if (*kind == ConnectionKind::main) {
    if (request.session() <= record.session || request.ack_no() < record.ack_no) return refuse(ErrorCode::ROLLED_BACK);
    record.session = request.session();
    record.ack_no = request.ack_no();
    record.session_time = s_.wall;
    s_.devices.set(device_key, record);
    // From here on the older session is refused; its Close and the new one's answer wait until this is durable.
    if (auto* older = s_.main_of(device)) older->blocked = true;
  } else if (*kind == ConnectionKind::peek) {
    const auto it = s_.online.find(device);
    if (it != s_.online.end() && it->second.size() > peeks_a_device) return refuse(ErrorCode::LIMIT_EXCEEDED);
  }

  call.barrier = true;
  call.committed = [this, id = connection.id, kind = *kind, sender, session = request.session(), receipts_since] {
    if (auto* target = s_.find(id)) begin(*target, kind, sender, session, receipts_since);
  };
  call.failed = [this, device] {
    auto* older = s_.main_of(device);
    if (older == nullptr) return;
    older->blocked = false;
    s_.make_runnable(*older);
  };
  wire::Response response;
  auto& answer = *response.mutable_authenticated();
  answer.set_incarnation(wire::field(s_.backend.incarnation()));
  answer.set_key_packages(static_cast<std::uint32_t>(key_packages));
  answer.set_device_list_version(list_version);
  return response;
}

void Session::begin(Connection& connection, ConnectionKind kind, const Sender& sender, std::uint64_t session,
                    std::uint64_t receipts_since) {
  if (kind == ConnectionKind::main) {
    if (auto* older = s_.main_of(sender.device)) {
      SOTTO_RARE(older_session_replaced);
      s_.close(*older, close_code::replaced, "replaced");
    }
  }
  --s_.counters.connections[Counters::index(connection.kind)];
  ++s_.counters.connections[Counters::index(kind)];
  ++s_.counters.sessions_accepted[Counters::index(kind)];
  connection.kind = kind;
  connection.sender = sender;
  connection.session = session;
  connection.nonce = {};
  if (kind == ConnectionKind::media) return;
  s_.set_online(connection);
  delivery_.start(connection, receipts_since);
}

void Session::enforce(const UserId& user, const UserRecord& record) {
  for (const auto& [id, connection] : s_.connections) {
    const auto& sender = connection->sender;
    if (connection->kind == ConnectionKind::unauthenticated || sender.device.user != user) continue;
    const auto* device = record.find(sender.device.device);
    if (device != nullptr && device->era == sender.era) continue;
    s_.close(*connection, close_code::revoked, "revoked");
  }
}

}  // namespace sotto::relay
