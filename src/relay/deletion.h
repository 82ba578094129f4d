// Accounts that end and devices that leave: what the relay forgets of them.
//
// An account's record stays as a tombstone, so that its userId never comes back. Its devices stay on the rosters of
// their chats until members remove them, but from now on nothing is kept for them: their cursors are released, chat by
// chat, which lets the logs be trimmed. That takes a while with many chats, survives a restart (a record names the
// account until it is done), and holds up nobody.
#pragma once

#include "relay/state.h"

namespace sotto::relay {

class Session;

/// An account whose devices are being released, the last one first.
struct DeletionJob {
  UserId user;
  std::vector<DeviceId> devices;
  /// Chats of the last device that are looked at, and where the scan for more goes on.
  std::vector<ChatId> chats;
  RecordKey after;
  bool scanned = false;
  /// The account is known to be deleted.
  bool checked = false;
  /// Something of the device was not done when it was looked at.
  bool again = false;
  /// … since it cannot be read.
  bool stuck = false;
};

class Deletion {
 public:
  Deletion(State& state, Session& session) : s_(state), session_(session) {}

  Answer delete_account(Call& call, const wire::DeleteAccount& request);
  Answer log_out(Call& call);

  /// A new step: so many chats may be released again.
  void look();
  /// Releases cursors. Before each run.
  void work();
  [[nodiscard]] std::optional<std::uint64_t> next_look() const;

 private:
  /// All that is kept of a user beyond its record. Who keeps more of a user adds it to both.
  bool read_user(Call& call, const UserId& user, const UserRecord& record, Answer& failure);
  void forget_user(const UserId& user, const UserRecord& record);
  /// The requests of the user's other connections wait, or go on.
  void block_others(const UserId& user, ConnectionId but, bool blocked);

  void find_job();
  void begin_job(const UserId& user, std::vector<DeviceId> devices);
  bool check_job();
  void scan_chats();
  void release_chats();
  void release(Chat& chat, const DeviceRef& device);
  void device_done();

  State& s_;
  Session& session_;
  std::optional<DeletionJob> job_;
  /// The accounts were looked through up to here.
  RecordKey after_;
  /// When to go on; 0: nothing is to be done.
  std::uint64_t due_ = 1;
  bool reading_ = false;
  std::size_t released_ = 0;
};

/// Reads what `forget_device` forgets. False: something is still being read, or `failure` is set.
bool read_devices(State& state, Call& call, const std::vector<DeviceRef>& devices, Answer& failure);
/// Key packages and push token of a device.
void forget_device(State& state, const DeviceRef& device, const Dependency& blame);

}  // namespace sotto::relay
