// How the world looks before a scenario: made once by real clients and a real relay, then copied for each fault.
#pragma once

#include "support/testnet.h"

namespace sotto::test {

using Files = std::vector<std::pair<std::string, Bytes>>;

/// A device's store and the relay's, as two machines have them when both are switched off.
struct Scene {
  Files files;
  std::shared_ptr<relay::MemoryStore> relay;
  /// Of the relay that the device knows.
  Bytes incarnation;
  Timestamp now;
  ChatId chat;
  UserId self;
  UserId other;
};

inline constexpr char store_path[] = "/store.db";

/// Alice has a group with Bob, in which both have written. Carol has an account.
class SceneMaker {
 public:
  SceneMaker();
  /// What happens next happens without this device.
  void switch_off(TestDevice& device);
  /// The scene with this device as it was when it was switched off.
  Scene scene_of(const TestDevice& device);

  TestNet net{11};
  TestDevice& alice;
  TestDevice& bob;
  TestDevice& carol;
  ChatId chat;

 private:
  std::map<const TestDevice*, Files> stores_;
};

}  // namespace sotto::test
