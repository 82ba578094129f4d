#include "load/pairs.h"

#include <cstring>
#include <thread>

#include "load/must.h"

namespace sotto::bench {

namespace {

using namespace std::chrono_literals;

constexpr auto patience = 60s;

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

Clock::duration of_seconds(double seconds) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

/// What the server and the generator used meanwhile, a message.
void add_costs(Figures& figures, const Usage& before, const Usage& after, const Usage& own_before,
               const Usage& own_after, std::uint64_t messages) {
  const double per_message = 1.0 / static_cast<double>(std::max<std::uint64_t>(messages, 1));
  figures.emplace_back("cpu_us", (after.cpu_seconds - before.cpu_seconds) * 1e6 * per_message);
  figures.emplace_back("generator_cpu_us", (own_after.cpu_seconds - own_before.cpu_seconds) * 1e6 * per_message);
  figures.emplace_back("context_switches",
                       static_cast<double>(after.context_switches - before.context_switches) * per_message);
}

}  // namespace

Bytes payload_of(std::uint64_t number) {
  Bytes out(payload_bytes, 'x');
  std::memcpy(out.data(), &number, sizeof number);
  return out;
}

std::uint64_t number_of(ByteView payload) {
  std::uint64_t number = 0;
  if (payload.size() != payload_bytes) give_up("a message of another size");
  std::memcpy(&number, payload.data(), sizeof number);
  return number;
}

Pairs::Pairs(Loop& loop, Peer& peer, std::size_t pairs, std::uint64_t most)
    : loop_(loop), peer_(peer), pairs_(pairs), most_(most), last_progress_(Clock::now()) {
  peer_.open(loop_, *this, pairs, most);
}

void Pairs::send(std::size_t pair) {
  if (pairs_[pair].sent == most_) give_up("more messages than the pairs were made for");
  ++sent_;
  peer_.send(pair, pairs_[pair].sent++);
}

void Pairs::accepted(std::size_t pair) {
  last_progress_ = Clock::now();
  auto& one = pairs_[pair];
  if (one.accepted == one.sent) give_up("an answer that nobody waits for");
  if (answers_ != nullptr) answers_->add(seconds_between(one.intended[one.accepted], last_progress_));
  ++one.accepted;
  ++accepted_;
  while (one.sent - one.accepted < window_) send(pair);
}

void Pairs::delivered(std::size_t pair, std::uint64_t number) {
  last_progress_ = Clock::now();
  auto& one = pairs_[pair];
  if (number >= one.sent || (peer_.one_order() && number != one.delivered)) {
    give_up("message " + std::to_string(number) + " came where " + std::to_string(one.delivered) + " was due");
  }
  if (one.came.size() <= number) one.came.resize(number + 1);
  if (one.came[number]) give_up("message " + std::to_string(number) + " came twice");
  one.came[number] = true;
  if (latencies_ != nullptr) latencies_->add(seconds_between(one.intended[number], last_progress_));
  ++one.delivered;
  ++delivered_;
}

void Pairs::check_alive() const {
  if (Clock::now() - last_progress_ < patience) return;
  give_up("nothing moves: sent " + std::to_string(sent_) + ", accepted " + std::to_string(accepted_) + ", delivered " +
          std::to_string(delivered_));
}

void Pairs::finish(bool all) {
  window_ = 0;
  last_progress_ = Clock::now();
  while (accepted_ < sent_ || (all && delivered_ < sent_)) {
    turn();
    check_alive();
  }
}

void Pairs::wait_until_deleted() {
  const auto until = Clock::now() + patience;
  std::uint64_t stored = 0;
  while ((stored = peer_.stored()) != 0) {
    if (Clock::now() > until) give_up("stored after all acknowledgements: " + std::to_string(stored));
    turn();
  }
}

Figures Pairs::closed_loop(std::uint64_t window, double seconds) {
  last_progress_ = Clock::now();
  window_ = window;
  for (std::size_t pair = 0; pair < pairs_.size(); ++pair) {
    for (std::uint64_t i = 0; i < window; ++i) send(pair);
  }
  const auto run_until = [this](Clock::time_point until) {
    while (Clock::now() < until) {
      turn(until);
      check_alive();
    }
  };
  run_until(Clock::now() + 1s);
  const auto from = Clock::now();
  const auto accepted = accepted_;
  const auto delivered = delivered_;
  const auto usage = peer_.server().usage();
  const auto own = own_usage();
  run_until(from + of_seconds(seconds));
  const double took = seconds_between(from, Clock::now());
  // What is accepted is not done before it was delivered.
  const auto done = std::min(accepted_ - accepted, delivered_ - delivered);
  Figures out{{"messages_a_second", static_cast<double>(done) / took}};
  add_costs(out, usage, peer_.server().usage(), own, own_usage(), done);
  finish(true);
  wait_until_deleted();
  out.emplace_back("messages", static_cast<double>(delivered_));
  return out;
}

Figures Pairs::open_loop(double rate, double seconds) {
  last_progress_ = Clock::now();
  const auto total = static_cast<std::uint64_t>(rate * seconds);
  Latencies latencies;
  Latencies answers;
  latencies_ = &latencies;
  answers_ = &answers;
  const auto usage = peer_.server().usage();
  const auto own = own_usage();
  const auto from = Clock::now() + 10ms;
  const auto due_of = [&](std::uint64_t i) { return from + of_seconds(static_cast<double>(i) / rate); };
  for (std::uint64_t i = 0; i < total;) {
    for (const auto now = Clock::now(); i < total && due_of(i) <= now; ++i) {
      const auto pair = static_cast<std::size_t>(i % pairs_.size());
      pairs_[pair].intended.push_back(due_of(i));
      send(pair);
    }
    turn(due_of(i));
    check_alive();
  }
  finish(true);
  const double took = seconds_between(from, Clock::now());
  Figures out{{"messages_a_second", static_cast<double>(total) / took}};
  latencies.add_to(out);
  out.emplace_back("answer_p99_ms", answers.quantile(0.99) * 1e3);
  add_costs(out, usage, peer_.server().usage(), own, own_usage(), total);
  wait_until_deleted();
  latencies_ = nullptr;
  answers_ = nullptr;
  return out;
}

Figures Pairs::interrupted(std::uint64_t window, int times, double seconds, const std::function<void()>& interrupt) {
  last_progress_ = Clock::now();
  window_ = window;
  for (std::size_t pair = 0; pair < pairs_.size(); ++pair) {
    for (std::uint64_t i = 0; i < window; ++i) send(pair);
  }
  double longest = 0;
  for (int i = 0; i <= times; ++i) {
    for (const auto until = Clock::now() + of_seconds(seconds); Clock::now() < until;) turn(until);
    if (i == times) break;
    const auto from = Clock::now();
    interrupt();
    const auto before = delivered_;
    while (delivered_ == before) {
      turn();
      check_alive();
    }
    longest = std::max(longest, seconds_between(from, Clock::now()));
  }
  finish(true);
  wait_until_deleted();
  return {{"messages", static_cast<double>(sent_)},
          {"answered", static_cast<double>(accepted_)},
          {"delivered_once", static_cast<double>(delivered_)},
          {"interruptions", times},
          {"longest_s", longest}};
}

Figures Pairs::store_and_drain(std::uint64_t window, std::uint64_t messages) {
  peer_.go_offline();
  last_progress_ = Clock::now();
  const auto from = Clock::now();
  // Not `window_`: here the number of messages ends the sending.
  std::vector<std::uint64_t> end(pairs_.size());
  for (std::size_t pair = 0; pair < pairs_.size(); ++pair) end[pair] = pairs_[pair].sent + messages;
  for (bool more = true; more;) {
    more = false;
    for (std::size_t pair = 0; pair < pairs_.size(); ++pair) {
      auto& one = pairs_[pair];
      while (one.sent < end[pair] && one.sent - one.accepted < window) send(pair);
      more = more || one.accepted < end[pair];
    }
    turn();
    check_alive();
  }
  finish(false);
  const double stored_after = seconds_between(from, Clock::now());
  const auto total = static_cast<double>(messages * pairs_.size());
  Figures out{{"stored_a_second", total / stored_after}};
  peer_.come_online();
  const auto back = Clock::now();
  peer_.fetch();
  finish(true);
  out.emplace_back("drained_a_second", total / seconds_between(back, Clock::now()));
  wait_until_deleted();
  return out;
}

}  // namespace sotto::bench
