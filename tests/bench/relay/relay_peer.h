// sotto-relay as a server under test.
#pragma once

#include "relay/user.h"

namespace sotto::bench {

class RelayPeer final : public Peer, private User::Listener {
 public:
  explicit RelayPeer(const std::string& program) : relay_(program) {}

  void open(Loop& loop, Observer& observer, std::size_t pairs, std::uint64_t most) override;
  void send(std::size_t pair, std::uint64_t number) override;
  void go_offline() override;
  void come_online() override;
  void fetch() override;
  std::uint64_t stored() override { return static_cast<std::uint64_t>(relay_.metric("sotto_log_entries")); }
  [[nodiscard]] const Process& server() const override { return relay_.process(); }

  // For kill -9 and a new start:
  RelayProcess& relay() { return relay_; }
  /// All users connect again and send what was not answered.
  void reconnect();

 private:
  void on_accepted(User& user, std::uint64_t number) override;
  void on_delivered(User& user, std::uint64_t number) override;
  void run_until(const std::function<bool()>& done);

  RelayProcess relay_;
  SystemRandom random_;
  Loop* loop_ = nullptr;
  Observer* observer_ = nullptr;
  std::vector<std::unique_ptr<User>> senders_;
  std::vector<std::unique_ptr<User>> recipients_;
};

}  // namespace sotto::bench
