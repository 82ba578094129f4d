// Who is away and has something waiting is woken, once; nobody else is, and nobody by whom it has blocked. From
// docs/protocol.md, "Push"; told of what the relay makes durable and of what it says to the gateway.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "relay/io.h"
#include "relay/records.h"
#include "relay/stored_entry.h"
#include "sim/machine.h"

namespace sotto::sim {

class Device;
struct TrueLog;

class PushOracle {
 public:
  explicit PushOracle(World& world) : world_(world) {}

  // ---- What the relay does
  /// Its process is a new one.
  void on_relay_started();
  void on_record(ByteView key, const Bytes* value);
  void on_append(const ChatId& chat, const TrueLog& log, std::uint64_t seq);
  void on_notice(const relay::PushNotice& notice);
  void on_failed(const relay::DeviceRef& device) { failed_.insert(device); }
  /// With `disturbed`, some of what it should have read or written failed.
  void on_relay_step_done(bool disturbed);
  // ---- What devices do
  void on_opened(const Device& device);
  /// … on a connection that was opened at that time.
  void on_authenticated(const Device& device, Timestamp opened);

  /// Once all is quiet: the relay has the token that the device told it.
  void check_token(Device& device);

 private:
  /// A durable value, when it became so, and what it was before that moment.
  template <typename T>
  struct Known {
    T now{};
    T before{};
    Timestamp since{};
    void set(T value, Timestamp at) {
      if (since != at) before = std::move(now);
      now = std::move(value);
      since = at;
    }
  };
  struct Notice {
    Timestamp at;
    bool high = false;
  };
  [[nodiscard]] bool something_waits(const relay::DeviceRef& device, const relay::PushToken& token) const;
  [[nodiscard]] bool blocks(const UserId& user, const UserId& other) const;
  [[nodiscard]] std::uint64_t acked(const ChatId& chat, const relay::DeviceRef& device) const;
  [[nodiscard]] std::optional<relay::PushToken> token_before(const relay::DeviceRef& device) const;
  /// Whether such an entry is told already by a notice that the device has not come for.
  [[nodiscard]] bool is_told(const relay::DeviceRef& device, bool high) const;

  World& world_;
  std::map<relay::DeviceRef, Known<std::optional<relay::PushToken>>> tokens_;
  std::map<UserId, Known<relay::BlockRecord>> blocks_;
  std::map<std::pair<ChatId, relay::DeviceRef>, Known<std::uint64_t>> cursors_;
  /// The last one to each; of those that the device has not come for since.
  std::map<relay::DeviceRef, Notice> notices_;
  /// … and to those that may have come.
  std::set<relay::DeviceRef> may_have_come_;
  /// In this step: who is to be told, and of whom the gateway said that it could not.
  std::vector<std::pair<relay::DeviceRef, bool>> expected_;
  std::set<relay::DeviceRef> failed_;
};

}  // namespace sotto::sim
