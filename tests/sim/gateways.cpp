#include "sim/gateways.h"

#include "sim/world.h"

namespace sotto::sim {

Gateways::Gateways(World& world) : world_(world), dice_(world.options().seed, 13) {}

Device* Gateways::phone_of(const std::string& number) const {
  const auto it = numbers_.find(number);
  return it == numbers_.end() ? nullptr : it->second;
}

bool Gateways::happens(Fault fault, std::uint64_t in, std::uint64_t of) {
  return dice_.chance(in, of) && world_.enabled(fault) && world_.inject(fault);
}

void Gateways::deliver(Fault late, std::uint64_t usual, std::function<void()> what) {
  const auto time = happens(late, 1, 5) ? dice_.skewed(usual, 120'000) : dice_.between(1, usual);
  world_.after(Milliseconds(time), std::move(what));
}

void Gateways::text(const relay::SendCode& code) {
  world_.trace("gateway", "a code for " + code.handle);
  const auto arrives = [this, code] {
    if (auto* device = phone_of(code.handle)) device->on_code(code.handle, code.code);
  };
  if (happens(Fault::code_lost, 1, 5)) return;
  if (happens(Fault::code_repeated, 1, 5)) deliver(Fault::code_late, 2'000, arrives);
  deliver(Fault::code_late, 2'000, arrives);
}

void Gateways::push(const relay::PushNotice& notice) {
  world_.trace("gateway", "a notice for " + notice.token);
  if (happens(Fault::notice_lost, 1, 8)) return;
  const bool refused = happens(Fault::notice_refused, 1, 8);
  deliver(Fault::notice_late, 500, [this, notice, refused] {
    auto* device = world_.device_of(notice.device.user);
    // An app that was erased is no more where it was.
    if (device == nullptr || refused) {
      return world_.relay().input(relay::PushFailed{notice.device, notice.token, device == nullptr});
    }
    device->wake();
  });
}

}  // namespace sotto::sim
