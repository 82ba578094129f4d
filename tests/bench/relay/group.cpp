#include "relay/group.h"

#include <algorithm>

#include "load/must.h"
#include "wire/identity.h"

namespace sotto::bench {

namespace {

using namespace std::chrono_literals;

class Group final : private User::Listener {
 public:
  Group(RelayProcess& relay, std::size_t members) : relay_(relay) {
    for (std::size_t i = 0; i < members; ++i) {
      users_.push_back(std::make_unique<User>(relay, static_cast<User::Listener&>(*this), random_, i));
      users_.back()->connect();
      users_.back()->authenticate(loop_);
    }
    run_until([this] { return std::ranges::all_of(users_, &User::heads_told); });
    const auto chat = wire::random_group_id(random_);
    std::vector<User*> others;
    for (auto& user : users_) {
      user->add_chat(chat);
      if (user != users_.front()) others.push_back(user.get());
    }
    users_.front()->ask(users_.front()->founding(chat, others));
    run_until([this] { return users_.front()->answered() == 2; });
    wait_until_deleted();
  }

  Figures run(double rate, double seconds) {
    const auto total = static_cast<std::uint64_t>(rate * seconds);
    messages_.assign(total, {});
    const auto usage = relay_.process().usage();
    const auto from = Clock::now() + 10ms;
    for (std::uint64_t i = 0; i < total; ++i) {
      messages_[i].intended = from + std::chrono::duration_cast<Clock::duration>(
                                         std::chrono::duration<double>(static_cast<double>(i) / rate));
    }
    for (std::uint64_t i = 0; i < total;) {
      for (; i < total && messages_[i].intended <= Clock::now(); ++i) users_[i % users_.size()]->send(0, i);
      loop_.turn(i < total ? messages_[i].intended : Clock::now());
    }
    run_until([&] { return arrived_ == total; });
    const double cpu = relay_.process().usage().cpu_seconds - usage.cpu_seconds;
    wait_until_deleted();
    Figures out;
    last_.add_to(out);
    out.emplace_back("each_p99_ms", each_.quantile(0.99) * 1e3);
    out.emplace_back("deliveries", static_cast<double>(each_.count()));
    out.emplace_back("cpu_us_a_delivery", cpu * 1e6 / static_cast<double>(each_.count()));
    return out;
  }

 private:
  struct Message {
    Clock::time_point intended;
    std::size_t delivered = 0;
  };
  void on_accepted(User&, std::uint64_t) override {}
  void on_delivered(User&, std::uint64_t number) override {
    auto& message = messages_.at(number);
    const double took = std::chrono::duration<double>(Clock::now() - message.intended).count();
    each_.add(took);
    if (++message.delivered < users_.size() - 1) return;
    if (message.delivered == users_.size()) give_up("a message came twice");
    last_.add(took);
    ++arrived_;
  }
  void run_until(const std::function<bool()>& done) {
    const auto until = Clock::now() + 60s;
    while (!done()) {
      if (Clock::now() > until) give_up("the relay does not answer");
      loop_.turn(Clock::now() + 50ms);
    }
  }
  void wait_until_deleted() {
    run_until([this] { return relay_.metric("sotto_log_entries") == 0; });
  }

  RelayProcess& relay_;
  SystemRandom random_;
  Loop loop_;
  std::vector<std::unique_ptr<User>> users_;
  std::vector<Message> messages_;
  std::size_t arrived_ = 0;
  Latencies last_;
  Latencies each_;
};

}  // namespace

Figures group_messages(RelayProcess& relay, std::size_t members, double rate, double seconds) {
  return Group(relay, members).run(rate, seconds);
}

}  // namespace sotto::bench
