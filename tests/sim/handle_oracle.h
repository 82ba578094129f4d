// A number moves to another account only when its time has come, never against its owner, and its owner hears of it.
// From docs/protocol.md, "A handle moves".
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "sim/machine.h"
#include "sotto/types.h"

namespace sotto::sim {

class Device;

class HandleOracle {
 public:
  explicit HandleOracle(World& world) : world_(world) {}

  /// What the relay made durable; or, when it starts, what it finds.
  void on_record(ByteView key, const Bytes* value, bool starting);
  /// The owner objected at that time, and was told that this is so.
  void on_kept(const std::string& handle, const UserId& owner, Timestamp since);
  /// Once all is quiet.
  void check_handle(Device& device);

 private:
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
  World& world_;
  std::map<std::string, UserId> owners_;
  std::map<std::string, Claim> claims_;
  std::set<UserId> deleted_;
  std::vector<Move> moves_;
  std::map<std::pair<std::string, UserId>, Timestamp> kept_until_;
};

}  // namespace sotto::sim
