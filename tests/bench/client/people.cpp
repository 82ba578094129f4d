#include "client/people.h"

namespace sotto::bench {

void Tally::add() {
  const std::lock_guard lock(mutex_);
  ++count_;
  changed_.notify_all();
}

void Tally::wait_for(std::uint64_t count) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, std::chrono::minutes(5), [&] { return count_ >= count; })) give_up("timed out");
}

std::uint64_t Tally::count() const {
  const std::lock_guard lock(mutex_);
  return count_;
}

void Person::open(bool connect) {
  ClientConfig config;
  config.data_dir = folder_;
  config.relay_url = url_;
  config.ca_file = ca_file_;
  config.connect_at_open = connect;
  config.on_event = [this](const Event& event) {
    if (const auto* added = std::get_if<MessageAdded>(&event)) {
      const auto& message = added->message;
      if (message.kind == MessageKind::text && message.state == MessageState::received) received.add();
    } else if (const auto* changed = std::get_if<MessageChanged>(&event)) {
      if (changed->message.state == MessageState::sent) sent.add();
    }
  };
  client_ = must(Client::open(std::move(config)), "open");
}

UserId Person::register_as(const std::string& handle) {
  return must(blocking<UserId>([&](auto done) { client_->register_account(handle, done); }), "register");
}

}  // namespace sotto::bench
