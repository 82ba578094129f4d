// A conversation as a list of acts, to be run with crashes and failures in between: whatever happens, each device is
// to end with the same entries.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "unit/relay/support/relay_world.h"

namespace sotto::relay::test {

/// Three people, one group: messages, a commit, a removal, a return, acks.
class Conversation {
 public:
  explicit Conversation(World& world);

  [[nodiscard]] std::size_t acts() const { return acts_.size(); }
  /// Carries out one act, again and again (with the same bytes) as long as the relay says UNAVAILABLE.
  void act(std::size_t index);
  /// All connections are gone; the next act connects anew.
  void disconnected() { links_.clear(); }
  /// Everybody connects, takes all, and acks all.
  void settle();
  /// What each device has, by seq: everything but messageIds.
  [[nodiscard]] const std::map<std::string, std::map<std::uint64_t, std::string>>& received() const {
    return received_;
  }
  [[nodiscard]] const Group& group() const { return group_; }
  Link& link(const std::string& name);

 private:
  void ask(const std::string& name, const wire::Request& request);
  void message(const std::string& name);
  void take(const std::string& name);
  void ack(const std::string& name);

  World& world_;
  Group group_;
  std::map<std::string, Link*> links_;
  std::map<std::string, std::uint64_t> n_;
  std::map<std::string, std::map<std::uint64_t, std::string>> received_;
  std::vector<std::function<void()>> acts_;
};

}  // namespace sotto::relay::test
