// Telling devices that are not connected that something waits for them, by way of a push gateway.
//
// What is told?    That there is something, and whether it is urgent: no chat, no sender, no number.
// How often?       Once until the device has connected again; once more by an entry that comes long after. An urgent
//                  entry does not wait behind a notice that was not.
// What if it is lost, in a crash or at the gateway?  The next entry tells it again.
#pragma once

#include <deque>
#include <map>

#include "relay/state.h"

namespace sotto::relay {

class Pushes {
 public:
  explicit Pushes(State& state) : s_(state) {}

  Answer set_token(Call& call, const wire::SetPushToken& request);
  /// An entry is durable: those who are owed it and are not connected are told.
  void appended(const ChatId& chat, std::uint64_t seq);
  /// A connection ended. What it was sent and has not acked may not have arrived.
  void left(const Connection& connection);
  void failed(const PushFailed& what);
  /// Makes notices for those whose tokens are read. Before each run.
  void work();
  /// Called at the end of each step.
  void sweep();

 private:
  void ask(const DeviceRef& device, bool high);
  void notify(const DeviceRef& device, bool high, const PushToken& token);
  /// Whether a notice is on its way that also tells of such an entry.
  [[nodiscard]] bool told(const DeviceRef& device, bool high) const;

  State& s_;
  /// Devices to be told, and whether it is urgent.
  std::map<DeviceRef, bool> asked_;
  /// Tokens that the gateway does not know any more.
  std::map<DeviceRef, std::string> gone_;
  /// When `State::pushed` can forget a device.
  std::deque<std::pair<std::uint64_t, DeviceRef>> forget_;
};

}  // namespace sotto::relay
