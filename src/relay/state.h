// What all rooms of the core share: the caches, the connections, the time, and what is to go out.
#pragma once

#include <functional>
#include <map>
#include <set>

#include "base/ids.h"
#include "base/log.h"
#include "relay/batch.h"
#include "relay/chat_cache.h"
#include "relay/connection.h"
#include "relay/counters.h"
#include "relay/rate_limits.h"
#include "relay/record_cache.h"
#include "relay/records.h"
#include "relay/registration_records.h"
#include "wire/frame.h"

namespace sotto::relay {

/// An answer that the backend has to give after the request's turn (blobs).
struct LateAnswer {
  bool done = false;
  wire::Response response;
};

/// A request in its turn. What a handler looks at through it becomes what the answer rests on.
struct Call {
  Connection& connection;
  const wire::Request& request;
  std::vector<Dependency> depends;
  /// Run when all writes of the request are durable, before its answer leaves; or when they failed.
  std::function<void()> committed;
  std::function<void()> failed;
  /// The connection's next request has to wait for that.
  bool barrier = false;
  std::shared_ptr<LateAnswer> late;
};

/// Nothing: something is still being read, ask again. A handler writes only once it has read everything.
using Answer = std::optional<wire::Response>;

/// What goes out, joined into one frame a connection as far as it fits.
class Outbox {
 public:
  void push(Connection& to, wire::Push push);
  void push(Connection& to, const wire::EntriesFrame& entries);
  void answer(Connection& to, std::uint64_t id, wire::Response response);
  /// Leaves the relay by another way than a connection.
  void send_code(SendCode code) { actions_.emplace_back(std::move(code)); }
  void notify(PushNotice notice) { actions_.emplace_back(std::move(notice)); }
  /// Closes after what was sent; the connection accepts nothing any more.
  void close(Connection& connection, std::uint16_t code, std::string reason);
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  std::vector<Output> take();

 private:
  void send(Connection& to, Bytes frame);
  struct Open {
    std::size_t action = 0;
    std::size_t envelopes = 0;
  };
  std::vector<Output> actions_;
  std::unordered_map<ConnectionId, Open> open_;
  std::size_t bytes_ = 0;
};

struct State {
  State(Backend& backend, Random& random, const CoreConfig& config, Logger log);

  Backend& backend;
  Random& random;
  CoreConfig config;
  Logger log;
  SortableIds message_ids;

  /// Milliseconds since 1970, and milliseconds that never go back (from an hour on: what is 0 was long ago).
  std::uint64_t wall = 0;
  std::uint64_t now = 3'600'000;
  std::uint64_t step = 1;

  Batch batch;
  RecordCache<HandleRecord> handles;
  RecordCache<UserRecord> users;
  RecordCache<DeviceRecord> devices;
  RecordCache<KeyPackageIndex> key_indexes;
  RecordCache<KeyPackageRecord> key_packages;
  RecordCache<ProfileRecord> profiles;
  RecordCache<BlockRecord> blocks;
  RecordCache<CodeRecord> codes;
  RecordCache<ClaimRecord> claims;
  RecordCache<InviteRecord> invites;
  RecordCache<PushToken> push_tokens;
  ChatCache chats;
  RateLimits limits;
  Counters counters;

  std::unordered_map<ConnectionId, std::unique_ptr<Connection>> connections;
  /// Authenticated main and peek connections of a device.
  std::unordered_map<DeviceRef, std::vector<Connection*>> online;
  /// Devices that were told by push and have not come since.
  struct Pushed {
    bool high = false;
    std::uint64_t at = 0;
  };
  std::unordered_map<DeviceRef, Pushed> pushed;
  /// Connections whose next request may be tried.
  std::vector<ConnectionId> runnable;
  /// Chats whose cursors or fold were changed in this batch.
  std::set<ChatId> dirty_chats;
  /// Due times of chats' timers (Chat::receipt_due, Chat::trim_due).
  std::set<std::pair<std::uint64_t, ChatId>> timers;
  /// When the backend's files are to be emptied of what was trimmed, and since when they wait for it; 0: not.
  std::uint64_t checkpoint_due = 0;
  std::uint64_t checkpoint_since = 0;
  std::set<ConnectionId> waits_for_drain;
  Outbox outbox;

  /// Everything that is done to each cache of records alike.
  template <typename Do>
  void each_record_cache(Do&& act) {
    act(handles);
    act(users);
    act(devices);
    act(key_indexes);
    act(key_packages);
    act(profiles);
    act(blocks);
    act(codes);
    act(claims);
    act(invites);
    act(push_tokens);
  }

  Connection* find(ConnectionId id);
  /// The main connection of a device, or null.
  Connection* main_of(const DeviceRef& device);
  void make_runnable(Connection& connection);
  /// Whether so much waits on the connection that it is neither fed nor listened to until `Drained`.
  bool congested(const Connection& connection) {
    if (connection.unsent_bytes + connection.answer_bytes <= config.congested_bytes) return false;
    if (!connection.closing) waits_for_drain.insert(connection.id);
    return true;
  }
  void set_online(Connection& connection);
  void set_offline(Connection& connection);
  /// The connection accepts and gets nothing from here on.
  void close(Connection& connection, std::uint16_t code, std::string reason);

  // Reads for a request; its answer then rests on what it saw.
  Need<Chat> chat(Call& call, const ChatId& id);
  template <typename T>
  Need<const std::optional<T>> record(Call& call, RecordCache<T>& cache, const RecordKey& key) {
    call.depends.push_back(key);
    return cache.need(key);
  }
  /// A refusal if somebody did too much.
  Answer limit(char kind, std::initializer_list<ByteView> name, const Rate& rate, double cost = 1) {
    auto refusal = limits.take(kind, name, rate, now, cost);
    if (refusal) ++counters.rate_limited;
    return refusal;
  }
  /// Something was removed from the backend: its files are to be emptied of it once things are quiet.
  void want_checkpoint();
  /// Queues a write of a record that nobody reads through a cache.
  void put_plain(const RecordKey& key, Bytes value, const Dependency& blame);
  void remove_plain(const RecordKey& key, const Dependency& blame);
};

}  // namespace sotto::relay
