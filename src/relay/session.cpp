#include "relay/session.h"

#include <algorithm>

#include "base/test_hooks.h"
#include "crypto/sign.h"
#include "relay/delivery.h"
#include "relay/handles.h"
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
  if (!exists(*user)) return refuse(ErrorCode::ACCOUNT_DELETED);
  const auto* certified = (*user)->find(device.device);
  if (certified == nullptr) return refuse(ErrorCode::FORBIDDEN, "not in the user's device list");
  const auto key = certified->key;
  const Sender sender{device, certified->era};
  const auto list_version = (*user)->version;
  const auto handle = (*user)->handle();

  const auto device_key = keys::device(device);
  const auto stored = s_.record(call, s_.devices, device_key);
  if (!stored) return stored.answer;
  DeviceRecord record = stored->value_or(DeviceRecord{});
  const auto index = s_.record(call, s_.key_indexes, keys::key_package_index(device));
  if (!index) return index.answer;
  const auto key_packages = index->value_or(KeyPackageIndex{}).count();
  Handles::Notice notice;
  if (*kind == ConnectionKind::main) {
    Answer failure;
    if (!handles_.look(call, device.user, handle, notice, failure)) return failure;
  }

  if (auto limited = s_.limit('a', {as_bytes(connection.address)}, s_.config.authentications)) return limited;
  if (!crypto::verify(key, wire::authentication_statement(connection.nonce, request),
                      wire::view(request.signature()))) {
    return refuse(ErrorCode::BAD_SIGNATURE);
  }
  // A device that took a new key after its store was rolled back counts anew.
  if (record.era != sender.era) record = DeviceRecord{sender.era, 0, 0, record.session_time};
  const auto receipts_since = request.receipts_since() != 0 ? request.receipts_since() : record.session_time;

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
  call.committed = [this, id = connection.id, kind = *kind, sender, session = request.session(), receipts_since,
                    notice = std::move(notice)] {
    auto* target = s_.find(id);
    if (target == nullptr) return;
    begin(*target, kind, sender, session, receipts_since);
    if (notice) handles_.tell(sender.device, *notice);
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
