// A relay that lies on the connections for attachments, too.
#pragma once

#include <vector>

#include "base/bytes.h"
#include "sim/dice.h"
#include "wire/message.h"

namespace sotto::sim {

class World;

class HostileMedia {
 public:
  explicit HostileMedia(World& world);
  /// False: it never arrives.
  bool on_way_down(Bytes& frame);
  void on_way_up(Bytes& frame);

 private:
  bool did(const char* attack);
  void change_answer(wire::Response& response);

  World& world_;
  Dice dice_;
  std::uint64_t calmness_;
  /// What was said before, to whomever.
  std::vector<wire::Envelope> heard_;
};

}  // namespace sotto::sim
