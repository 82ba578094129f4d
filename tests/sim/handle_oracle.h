// A handle moves to another account only when its time has come or by its PIN, never against its owner, and its owner
// hears of it; who is told something of it is told the truth. From docs/protocol.md, "A handle moves".
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "crypto/keys.h"
#include "sim/machine.h"
#include "sotto/types.h"

namespace sotto::relay {
struct HandleRecord;
}

namespace sotto::sim {

class Device;

class HandleOracle {
 public:
  explicit HandleOracle(World& world) : world_(world) {}

  /// What the relay made durable; or, when it starts, what it finds.
  void on_record(ByteView key, const Bytes* value, bool starting);

  // ---- What devices ask and are told
  using Pin = std::optional<crypto::Sha256Digest>;
  /// A registration, or another handle for an account, that was asked for: with this PIN, as the relay keeps it.
  struct Asked {
    std::string handle;
    UserId user;
    Pin pin;
    Timestamp at;
  };
  void on_asked(const Asked& asked);
  /// … and refused since a PIN is wanted.
  void on_pin_required(const Asked& asked);
  /// It was given to this account.
  void on_told(const std::string& handle, const UserId& user);
  /// Its owner wants it locked, or not any more; and is told that it is so now.
  void on_lock_asked(const std::string& handle, const UserId& user) { locked_.erase({handle, user}); }
  void on_locked(const std::string& handle, const UserId& user, const Pin& pin);
  void on_found(const std::string& handle, const UserId& user, Timestamp since);
  /// The owner objected at that time, and was told that this is so.
  void on_kept(const std::string& handle, const UserId& owner, Timestamp since);

  /// Once all is quiet.
  void check_handle(Device& device);

 private:
  struct Owner {
    UserId user;
    Pin pin;
    /// Since when it is locked so.
    Timestamp locked_at{};
    /// Wrong PINs since then: those that were answered so, and those that the relay has counted.
    std::uint32_t wrong_pins = 0;
    std::uint32_t wrong_at_relay = 0;
  };
  struct Move {
    std::string handle;
    UserId from;
    Timestamp at;
  };
  struct Claim {
    UserId by;
    /// By the relay's clock.
    Timestamp moves_at;
  };
  using OfUser = std::pair<std::string, UserId>;

  void on_owner(const std::string& handle, const relay::HandleRecord& record, bool starting);
  void check_move(const std::string& handle, const Owner& before, const UserId& to, bool starting);
  [[nodiscard]] bool is_or_was(const std::string& handle, const UserId& user, Timestamp since) const;

  World& world_;
  std::map<std::string, Owner> owners_;
  std::map<std::string, Claim> claims_;
  std::set<UserId> deleted_;
  std::vector<Move> moves_;
  std::map<OfUser, Timestamp> kept_until_;
  std::map<OfUser, std::set<crypto::Sha256Digest>> pins_shown_;
  /// The last that an owner was told.
  std::map<OfUser, Pin> locked_;
};

}  // namespace sotto::sim
