// sotto-relay as a server under test.
#pragma once

#include "relay/user.h"

namespace sotto::bench {

class RelayPeer final : public Peer, private User::Listener {
 public:
  /// `chats_in_turn`: that many chats a pair, each message in the next one; 0: one chat after the other.
  explicit RelayPeer(const std::string& program, std::size_t chats_in_turn = 0)
      : relay_(program), chats_in_turn_(chats_in_turn) {}

  void open(Loop& loop, Observer& observer, std::size_t pairs, std::uint64_t most) override;
  void send(std::size_t pair, std::uint64_t number) override;
  void go_offline() override;
  void come_online() override;
  void fetch() override;
  std::uint64_t stored() override { return static_cast<std::uint64_t>(relay_.metric("sotto_log_entries")); }
  /// Each chat has one.
  [[nodiscard]] bool one_order() const override { return false; }
  [[nodiscard]] const Process& server() const override { return relay_.process(); }

  /// kill -9, a new start on the same folder, and all users come back and send what was not answered.
  void kill_and_restart();

 private:
  void on_accepted(User& user, std::uint64_t number) override;
  void on_delivered(User& user, std::uint64_t number) override;
  void run_until(const std::function<bool()>& done);

  [[nodiscard]] std::size_t chat_of(std::uint64_t number) const;

  RelayProcess relay_;
  std::size_t chats_in_turn_;
  SystemRandom random_;
  Loop* loop_ = nullptr;
  Observer* observer_ = nullptr;
  std::vector<std::unique_ptr<User>> senders_;
  std::vector<std::unique_ptr<User>> recipients_;
  /// By pair and chat, the lowest number that may come next: within a chat they grow.
  std::vector<std::vector<std::uint64_t>> due_;
};

}  // namespace sotto::bench
