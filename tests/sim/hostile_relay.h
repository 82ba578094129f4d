// A relay that lies: it stands between the honest core and the devices, and spoils what goes by.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "sim/dice.h"
#include "sim/hostile_media.h"
#include "sotto/types.h"
#include "wire/message.h"

namespace sotto::sim {

class World;
class Device;

class HostileRelay {
 public:
  explicit HostileRelay(World& world);
  /// False: it never arrives.
  bool on_way_down(Device& device, Bytes& frame);
  void on_way_up(Device& device, Bytes& frame);

  HostileMedia media;

 private:
  /// An ack by a device from which messages are hidden, in the numbers of the true log.
  void count_as_others_do(Device& device, Bytes& frame);
  [[nodiscard]] bool lacks_one(const Device& device, const std::string& chat) const;
  bool hide(Device& device, std::vector<wire::Envelope>& envelopes);
  bool did(const char* attack);
  bool change_push(wire::Push& push);
  void change_entry(wire::Entry& entry);
  void change_answer(wire::Response& response);

  World& world_;
  Dice dice_;
  std::uint64_t calmness_;
  /// What was said before, to whomever.
  std::vector<wire::Envelope> heard_;
  /// Whom it keeps which chat's messages from.
  std::vector<std::pair<const Device*, std::string>> withheld_;
  /// In a few runs it hides single messages well, one a device and chat: from which it did, by the device's index.
  Dice hiding_dice_;
  bool hides_ = false;
  std::set<std::pair<std::size_t, std::string>> hidden_;
};

}  // namespace sotto::sim
