// Whose a handle is: the PIN that locks it, its move to another account, and whether it is found.
//
// A handle moves only to who proved it (a code that was sent to the number), and then
//
//   locked with a PIN       at once with the PIN, else not
//   owner active of late    24 h after its devices were told, unless one of them objects
//   else                    at once
#pragma once

#include "relay/state.h"

namespace sotto::relay {

class Handles {
 public:
  explicit Handles(State& state) : s_(state) {}

  Answer set_pin(Call& call, const wire::SetPin& request);
  Answer set_discovery(Call& call, const wire::SetDiscovery& request);
  Answer keep(Call& call);

  /// Who has a handle that somebody else has proved.
  struct Owner {
    HandleRecord record;
    std::vector<DeviceRef> devices;
    /// When one of them connected last.
    std::uint64_t active_at = 0;
  };
  /// Reads the owner's devices. False: not yet, or `failure` is set.
  bool look(Call& call, const HandleRecord& record, Owner& owner, Answer& failure);
  /// Whether the handle moves to this user now; if not, the refusal. All reads must be done.
  Answer decide(Call& call, const wire::Register& request, const UserId& user, Owner owner,
                const std::optional<ClaimRecord>& claim);
  /// The refusal after the owner objected.
  static wire::Response kept();
  /// Tells the devices that it has moved.
  void moved(const std::string& handle, const std::vector<DeviceRef>& from);

  using Notice = std::optional<wire::HandleNotice>;
  /// What a device that connects has to know of its user's handle. False: not yet, or `failure` is set.
  bool look(Call& call, const UserId& user, const std::string& handle, Notice& notice, Answer& failure);
  void tell(const DeviceRef& device, const wire::HandleNotice& notice);

 private:
  struct Own {
    std::string handle;
    HandleRecord record;
    std::optional<ClaimRecord> claim;
    std::vector<DeviceRef> devices;
  };
  /// The sender's own handle. False: not yet, or `failure` is set.
  bool look(Call& call, Own& own, Answer& failure);
  Answer limit(Call& call);

  State& s_;
};

/// An error answer with advice to come back then; both in milliseconds since 1970.
wire::Response refuse_until(ErrorCode code, std::uint64_t now, std::uint64_t then);

}  // namespace sotto::relay
