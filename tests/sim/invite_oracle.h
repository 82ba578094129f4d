// Where an invitation is wanted, nobody has an account or a handle without one, none is used more often than it may be
// or after it was revoked, and a good one is enough. From docs/protocol.md, "Who may register".
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/bytes.h"
#include "crypto/keys.h"
#include "sim/machine.h"
#include "sotto/types.h"

namespace sotto::sim {

class InviteOracle {
 public:
  explicit InviteOracle(World& world) : world_(world) {}

  // ---- What the operator was told
  void on_made(const std::string& text);
  void on_revoked(const std::string& text);
  /// Those that can be handed to people.
  [[nodiscard]] std::vector<std::string> texts() const;

  /// What the relay made durable; or, when it starts, what it finds.
  void on_record(ByteView key, const Bytes* value, bool starting);
  /// It has told all that it found.
  void on_relay_started() { check_admitted(); }

  /// A registration that was asked for then, with this invitation, was refused since one is wanted.
  void on_refused(const std::string& text, Timestamp asked_at);

 private:
  struct Invite {
    bool revoked = false;
    std::uint32_t uses = 0;
    std::size_t used = 0;
    /// All who ever were written down, also those whose use was given back.
    std::set<UserId> users;
    /// When its uses last became more.
    Timestamp good_since{};
  };
  void on_invite(Invite& invite, const Bytes* value);
  void check_admitted();

  World& world_;
  std::map<Bytes, Invite> invites_;
  std::map<std::string, Bytes> keys_;
  /// Who got an account or a handle and was not looked at yet.
  std::set<UserId> admitted_;
};

}  // namespace sotto::sim
