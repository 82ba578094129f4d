// What the operator's gateways make of what the relay hands them: text messages with codes and notices by push get
// lost, come late, or come twice.
#pragma once

#include <map>
#include <string>

#include "relay/io.h"
#include "sim/dice.h"
#include "sim/options.h"

namespace sotto::sim {

class World;
class Device;

class Gateways {
 public:
  explicit Gateways(World& world);

  void text(const relay::SendCode& code);
  void push(const relay::PushNotice& notice);

  /// A number gets into other hands.
  void give_number(const std::string& number, Device& to) { numbers_[number] = &to; }
  /// Whoever reads what is sent to a number; null: nobody.
  [[nodiscard]] Device* phone_of(const std::string& number) const;

 private:
  /// When something arrives that takes `usual` as a rule.
  void deliver(Fault late, std::uint64_t usual, std::function<void()> what);
  bool happens(Fault fault, std::uint64_t in, std::uint64_t of);

  World& world_;
  Dice dice_;
  std::map<std::string, Device*> numbers_;
};

}  // namespace sotto::sim
