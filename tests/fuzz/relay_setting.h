// What the relay's target begins with: accounts, chats and a file at a relay, and what a hostile client may ask for.
#pragma once

#include "unit/relay/support/relay_world.h"

namespace sotto::fuzz {

/// Stands in every secret of the honest: whoever else is told it was told too much.
inline constexpr std::string_view secret_marker = "only between alice and bob";
inline constexpr std::uint64_t day_ms = 24ULL * 3600 * 1000;

relay::CoreConfig relay_config();

/// Made once.
struct RelaySetting {
  RelaySetting();

  relay::test::World world{7, relay_config()};
  relay::test::Person* alice = nullptr;
  relay::test::Person* bob = nullptr;
  relay::test::Person* mallory = nullptr;
  /// Of alice and bob; of alice and mallory; of mallory alone.
  relay::test::Group pair;
  relay::test::Group shared;
  relay::test::Group own;
  std::string blob;
  /// Requests of mallory's that are right, or were.
  std::vector<wire::Request> requests;

 private:
  void upload(relay::test::Link& link);
  void publish(relay::test::Link& link);
  void record(const relay::test::Link& link);
};

}  // namespace sotto::fuzz
