// Knows what everybody wrote and what the relay made durable, watches what everybody sees, and throws Violation when a
// promise of docs/protocol.md is broken.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "client/outputs.h"
#include "crypto/keys.h"
#include "relay/stored_entry.h"
#include "sim/handle_oracle.h"
#include "sim/invite_oracle.h"
#include "sim/push_oracle.h"
#include "store/database.h"
#include "wire/roster.h"

namespace sotto::sim {

class World;
class Device;

/// A chat's log as it became durable, and what it amounts to: written from docs/protocol.md, not from the relay's code.
struct TrueLog {
  struct Entry {
    relay::EntryKind kind = relay::EntryKind::message;
    relay::DeviceRef sender;
    /// Of a message: as its sender signed them.
    ClientMessageId id;
    std::uint64_t n = 0;
    std::uint64_t time = 0;
    /// Of the clear header of a message or commit.
    std::uint64_t epoch = 0;
    crypto::Sha256Digest record_hash;
    Bytes payload;
    wire::Urgency urgency = wire::NORMAL;
  };
  struct Member {
    /// First and last seq of each time on the roster; the last one is open (UINT64_MAX) while it lasts.
    std::vector<std::pair<std::uint64_t, std::uint64_t>> owed;
    std::uint64_t last_n = 0;
    [[nodiscard]] bool is_owed(std::uint64_t seq) const;
    [[nodiscard]] bool on_roster() const { return !owed.empty() && owed.back().second == UINT64_MAX; }
  };
  std::vector<Entry> entries;
  wire::Roster roster;
  std::map<relay::DeviceRef, Member> members;
  /// The epoch that the last commit led to, and that of the last change of membership.
  std::uint64_t epoch = 0;
  std::uint64_t epoch_of_membership = 0;
  std::set<std::pair<UserId, ClientMessageId>> ids;

  [[nodiscard]] const Entry& at(std::uint64_t seq) const { return entries[static_cast<std::size_t>(seq - 1)]; }
};

class Oracle {
 public:
  explicit Oracle(World& world) : push(world), handles(world), invites(world), world_(world) {}

  // ---- What the app does and is told
  void on_send(Device& device, const Message& message);
  /// … with this picture.
  void on_attach(const ClientMessageId& id, ByteView picture);
  void on_send_done(Device& device, const ClientMessageId& id, const Result<void>& result);
  void on_event(Device& device, const Event& event);
  void on_type(Device& device, const ChatId& chat);
  void on_show(Device& device, const Profile& profile);
  void on_block(Device& device, const UserId& peer);
  /// Its store has no account any more, as the app wanted.
  void on_erased(const Device& device);
  /// … and it was told that all is done.
  void check_erased(Device& device);
  void on_asked_again(const Device& device, const ClientMessageId& id) { ++asked_again_[{device.user, id}]; }
  [[nodiscard]] bool was_asked_again(const ClientMessageId& id) const {
    return std::ranges::any_of(asked_again_, [&](const auto& asked) { return asked.first.second == id; });
  }
  void on_told_deleted(const UserId& user) { told_deleted_.insert(user); }

  // ---- What processes do
  void on_started(Device& device);
  /// What only its memory knew is gone.
  void on_new_process(const Device& device);
  void on_closed(Device& device, std::size_t pending);
  void on_step_begins(Device& device);
  void on_step_done(Device& device, bool failed);
  void on_frame_up(Device& device, ByteView frame);
  void on_frame_down(Device& device, ByteView frame);
  void on_sealed(ByteView key, ByteView ciphertext);

  // ---- What the relay makes durable
  void on_append(const ChatId& chat, std::uint64_t seq, ByteView record);
  /// Or, when it starts, finds.
  void on_record(ByteView key, const Bytes* value, bool starting = false);
  void on_relay_started(store::Database& db);

  /// Everything, once all is quiet.
  void check_at_the_end();

  [[nodiscard]] const std::map<ChatId, TrueLog>& logs() const { return logs_; }
  /// The steps of this device are not judged: it is the hostile one.
  [[nodiscard]] bool is_hostile(const Device& device) const;

  PushOracle push;
  HandleOracle handles;
  InviteOracle invites;

 private:
  struct Text {
    relay::DeviceRef by;
    ChatId chat;
    std::string text;
    bool durable = false;
  };
  struct Sent {
    std::uint64_t n = 0;
    crypto::Sha256Digest hash;
  };
  struct Registration {
    HandleOracle::Asked asked;
    std::string invite;
  };
  using ChatOfDevice = std::pair<std::size_t, ChatId>;
  using MessageOfDevice = std::tuple<std::size_t, ChatId, UserId, ClientMessageId>;

  void check_shown(Device& device, const Message& message);
  void on_register(const wire::Register& request, const std::pair<std::size_t, std::uint64_t>& id);
  void check_owed(Device& device, const wire::Entries& entries);
  void check_gap(Device& device, const wire::Gap& gap);
  void apply_roster_change(const ChatId& chat, TrueLog& log, std::uint64_t seq, const relay::StoredEntry& entry);
  void append_message(const ChatId& chat, TrueLog& log, std::uint64_t seq, TrueLog::Entry& entry);
  void append_commit(const ChatId& chat, TrueLog& log, std::uint64_t seq, TrueLog::Entry& entry,
                     const relay::StoredEntry& stored);
  void check_trimmed(const ChatId& chat, const TrueLog& log, std::uint64_t seq);
  [[nodiscard]] bool may_have_expired(const TrueLog::Entry& entry) const;

  // At the end (oracle_end.cpp)
  void check_history(Device& device, const ChatId& chat, const TrueLog& log);
  void check_own_messages(Device& device);
  void check_pictures(Device& device, const ChatId& chat);
  void check_answered(Device& device, const Message& message);
  // (oracle_people.cpp)
  void on_signal(Device& device, const Event& event);
  void check_people(Device& device);
  void check_read(Device& device, const Chat& chat);
  /// A message in a direct chat was dropped if its receiver had blocked its sender when it came.
  [[nodiscard]] bool may_miss(const Device& device, const UserId& sender, const ChatId& chat) const;
  void check_agreement(const ChatId& chat, const TrueLog& log);
  void check_secrecy(Device& device, const ChatId& chat, const TrueLog& log);
  void check_bounds(Device& device);
  void check_relay_empty();
  // (oracle_leaving.cpp)
  [[nodiscard]] bool is_honest(const UserId& user) const;
  void check_relay_forgot();
  [[nodiscard]] bool waits_for_nobody(const TrueLog& log) const;
  void check_gaps_are_shown(Device& device, const ChatId& chat);

  World& world_;
  std::map<ChatId, TrueLog> logs_;
  std::map<ClientMessageId, Text> texts_;
  std::map<ClientMessageId, crypto::Sha256Digest> pictures_;
  /// Accounts of honest people that their devices do not have any more, and those that are deleted.
  std::set<UserId> past_;
  std::set<UserId> deleted_;
  std::set<UserId> told_deleted_;
  /// How often who asked for the attachment of a message again.
  std::map<std::pair<UserId, ClientMessageId>, int> asked_again_;
  /// Messages of the clients' own, which nobody is shown.
  std::set<ClientMessageId> hidden_;
  std::set<std::pair<ChatId, UserId>> typed_;
  std::map<UserId, std::vector<Profile>> shown_;
  /// Who has blocked whom at some time.
  std::set<std::pair<std::size_t, UserId>> blocked_;
  /// Who is shown to write, by the device that shows it, as long as its process lives.
  std::map<std::size_t, std::set<std::pair<ChatId, UserId>>> typing_;
  std::map<MessageOfDevice, MessageState> told_;
  std::map<std::pair<ChatOfDevice, ClientMessageId>, Sent> sent_;
  std::map<std::pair<std::size_t, std::uint64_t>, ChatId> send_requests_;
  std::map<std::pair<std::size_t, std::uint64_t>, Registration> registrations_;
  std::map<ChatOfDevice, std::uint64_t> acked_;
  std::vector<std::pair<Bytes, crypto::Sha256Digest>> sealed_in_step_;
  std::map<Bytes, crypto::Sha256Digest> sealed_;
};

}  // namespace sotto::sim
