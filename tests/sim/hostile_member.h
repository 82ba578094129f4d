// A member who breaks the rules: a device whose requests are spoilt on their way, as if its user had changed the
// program. It never founds a group, so it is an admin nowhere but in direct chats.
#pragma once

#include "base/bytes.h"
#include "sim/dice.h"
#include "wire/message.h"

namespace sotto::sim {

class World;
class Device;

class HostileMember {
 public:
  explicit HostileMember(World& world);
  [[nodiscard]] bool is(const Device& device) const;
  /// Its user has keys changed in some chat every few seconds.
  void change_often();
  void on_way_up(Device& device, Bytes& frame);

 private:
  bool did(const char* attack);
  bool spoil_commit(wire::Commit& commit);
  void spoil_message(wire::SendMessage& message);

  World& world_;
  Dice dice_;
};

}  // namespace sotto::sim
