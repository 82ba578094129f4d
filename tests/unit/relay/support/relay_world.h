// A relay core over a backend in memory, a clock that stands still until it is moved, and devices that speak to it.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "crypto/keys.h"
#include "relay/backend/memory_backend.h"
#include "relay/core.h"
#include "relay/device_ref.h"
#include "wire/frame.h"
#include "wire/message.h"
#include "wire/roster.h"

namespace sotto::relay::test {

class World;

/// An account with its identity key and devices.
struct Person {
  std::string handle;
  crypto::SignatureKeyPair identity;
  UserId id;
  std::uint64_t version = 0;
  Bytes list_hash;

  struct Phone {
    DeviceId id;
    crypto::SignatureKeyPair key;
    std::uint32_t era = 1;
    std::uint64_t session = 0;
    std::uint64_t ack_no = 0;
  };
  std::vector<Phone> phones;
  /// What it registers with, by `Applicant`.
  wire::SignedDeviceList first_list;

  [[nodiscard]] DeviceRef device(std::size_t index = 0) const { return {id, phones[index].id}; }
  /// The next version of the device list with the phones as they are.
  wire::SignedDeviceList next_list();
};

/// One connection, and all that came over it.
struct Link {
  World& world;
  ConnectionId id = 0;
  Person* person = nullptr;
  std::size_t phone = 0;
  Bytes nonce;
  std::map<std::uint64_t, wire::Response> answers;
  std::deque<wire::Push> pushes;
  std::optional<Close> closed;
  std::uint64_t next_request = 1;
  std::size_t bytes = 0;
  std::size_t frames = 0;

  /// Puts a request into the next step; gives its id.
  std::uint64_t queue(const wire::Request& request);
  /// Queues, steps, and gives the answer.
  wire::Response ask(const wire::Request& request);
  /// The answer that came to a queued request; status UINT32_MAX if none did.
  [[nodiscard]] wire::Response answer(std::uint64_t request) const;

  wire::Response authenticate(wire::ConnectionKind kind = wire::MAIN);
  void ack(const ChatId& chat, std::uint64_t seq);
  void queue_ack(const ChatId& chat, std::uint64_t seq);

  /// All entries of a chat that came so far, ChatJoined ones included, in order.
  [[nodiscard]] std::vector<wire::Entry> entries(const ChatId& chat) const;
  [[nodiscard]] std::vector<std::uint64_t> seqs(const ChatId& chat) const;
  [[nodiscard]] std::vector<wire::ChatJoined> joins() const;
  [[nodiscard]] std::vector<wire::DeliveryReceipt> receipts() const;
  /// All heads told; empty before the last ones came.
  [[nodiscard]] std::optional<std::map<ChatId, wire::Heads::Head>> heads() const;
  [[nodiscard]] DeviceRef device() const { return person->device(phone); }
};

/// What a chat is to its members, for making requests.
struct Group {
  ChatId id;
  wire::ChatType type = wire::GROUP;
  std::uint32_t generation = 1;
  wire::Roster roster;
  std::uint64_t handshake = 1;
};

class World {
 public:
  explicit World(std::uint64_t seed = 1, CoreConfig config = {});

  SeededRandom random;
  CoreConfig config;
  std::shared_ptr<MemoryStore> disk;
  std::unique_ptr<MemoryBackend> backend;
  std::unique_ptr<Core> core;
  std::uint64_t now_ms = 1'700'000'000'000;
  /// All codes that were to be sent so far.
  std::vector<SendCode> codes;
  /// Nothing drains; otherwise everything does at once.
  bool network_is_slow = false;
  /// A run that is begun stays under way until `end_run`; otherwise it has ended by the next step.
  bool disk_is_slow = false;
  /// What the push gateway was told.
  std::vector<PushNotice> notices;

  /// A new core over the same disk; all connections are gone.
  void restart();
  /// Puts another backend under a new core.
  void start(Backend& other);

  Person& person(const std::string& handle, std::size_t phones = 1);
  /// Connects a phone without authenticating.
  Link& connect(Person& person, std::size_t phone = 0, const std::string& address = "192.0.2.1");
  /// Connects and authenticates; fails the test if that fails.
  Link& online(Person& person, std::size_t phone = 0);
  void disconnect(Link& link);
  /// A person that is registered and whose first phone is online.
  Link& newcomer(const std::string& handle, std::size_t phones = 1);

  void input(Input input) { inputs_.push_back(std::move(input)); }
  /// One step with what was queued, and further ones while the core says that there is more to do.
  Outputs step();
  /// Carries out the run under way, with `disk_is_slow`, and steps.
  void end_run();
  void advance(std::uint64_t ms);

 private:
  void deliver(const Outputs& outputs);
  std::vector<Input> inputs_;
  std::map<std::string, std::unique_ptr<Person>> people_;
  std::map<ConnectionId, std::unique_ptr<Link>> links_;
  std::vector<std::unique_ptr<Link>> gone_;
  ConnectionId next_link_ = 1;
};

// ---- Requests

wire::Request register_request(const Link& link, const std::string& handle, const wire::SignedDeviceList& list);
/// A commit's roster change, applied to a copy of the group's roster.
struct Change {
  std::vector<DeviceRef> adds;
  std::vector<DeviceRef> removes;
  std::optional<std::set<UserId>> admins;
  bool membership_changed = false;
  std::uint32_t era = 1;
};
wire::Request create_request(World& world, Group& group, const std::vector<DeviceRef>& devices,
                             const std::set<UserId>& admins, const DeviceRef& creator);
/// The CommitAad of a change, and the roster after it.
wire::CheckedCommitAad aad_of(World& world, const Group& group, const Change& change, wire::Roster* after = nullptr);
wire::Commit commit_of(World& world, const Group& group, const Change& change, wire::Roster* after = nullptr);
wire::Request update_request(World& world, const Group& group, const Change& change = {});
wire::Request modify_request(World& world, const Group& group, const UserId& user, wire::Operation operation,
                             const Change& change);
/// A message with the sender's number n.
wire::Request message_request(World& world, const Group& group, std::uint64_t n, const std::string& text = "hello");
wire::Request get_chat_request(const ChatId& chat);

/// A group with these people's first phones, made by the first one's.
Group make_group(World& world, Link& creator, const std::vector<const Person*>& others);
/// Applies an accepted change to a test's idea of the group.
void accepted(Group& group, const Change& change, std::uint64_t seq);

ErrorCode status(const wire::Response& response);
/// Status 0.
bool success(const wire::Response& response);

/// What the log of a chat still has.
std::vector<std::uint64_t> stored(World& world, const ChatId& chat);
/// Records of the family with this letter.
std::size_t records(World& world, char family);

}  // namespace sotto::relay::test
