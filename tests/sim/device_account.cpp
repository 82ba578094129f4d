// What a device's user does with the account: makes it, moves it to another number, locks it, and leaves it.
#include <algorithm>

#include "client/tables/account_table.h"
#include "crypto/hash.h"
#include "sim/calm_store.h"
#include "sim/expect.h"

namespace sotto::sim {

/// Few, so that who guesses is right now and then.
std::string random_pin(Dice& dice) { return "000" + std::to_string(dice.below(10)); }

void Device::register_account() {
  if (!running()) return;
  if (world_.wants_codes() && code_.empty()) {
    command(client::RequestCodeCommand{handle, expect<CodeSent>("ask for a code")});
    // Who waits for a handle that is to move is asked for none.
    if (world_.workload.chance(3, 4)) return;
  }
  command(client::RegisterCommand{handle,
                                  expect<UserId>("register",
                                                 [this](const Result<UserId>& result) {
                                                   if (result.ok()) return become(*result);
                                                   on_registration_refused(result.error().code);
                                                 }),
                                  credentials()});
}

client::Credentials Device::credentials() const {
  client::Credentials out{code_, invite_, {}};
  if (!pin_.empty()) out.pin_hash = to_bytes(crypto::sha256(as_bytes(pin_)).view());
  return out;
}

void Device::become(const UserId& id) {
  const World::Calm calm(world_);
  user = id;
  device = must(client::AccountTable(*db_).load(), "account")->device;
  forget_proofs();
  trace("is user " + brief(user.bytes));
}

void Device::forget_proofs() {
  code_.clear();
  pin_.clear();
}

void Device::on_registration_refused(ErrorCode code) {
  if (code == ErrorCode::WRONG_CODE || code == ErrorCode::CODE_REQUIRED) code_.clear();
  if (code == ErrorCode::INVITE_REQUIRED) invite_.clear();
  if (code == ErrorCode::PIN_REQUIRED && try_a_pin(handle)) {
    return world_.after(Milliseconds(world_.workload.between(500, 5'000)), [this] {
      if (!registered()) register_account();
    });
  }
  // Its owner keeps it, or who has it knows its PIN.
  const bool locked = code == ErrorCode::PIN_REQUIRED || (code == ErrorCode::RATE_LIMITED && !pin_.empty());
  if (locked) forget_proofs();
  if ((code == ErrorCode::HANDLE_TAKEN && world_.wants_codes()) || locked) handle = fresh_handle();
}

/// What its user knows, or guesses.
bool Device::try_a_pin(const std::string& of) {
  const auto known = pins_.find(of);
  if (known != pins_.end() && pin_ != known->second) {
    pin_ = known->second;
    return true;
  }
  pin_ = random_pin(world_.workload);
  return world_.workload.chance(3, 4);
}

std::string Device::fresh_handle() {
  // A number that is still this person's is registered anew. Of other handles, whoever deletes an account gets its
  // back, and whoever leaves one behind does not.
  if (!world_.wants_codes()) {
    return deletes_ ? handle : "user" + std::to_string(index_) + " no. " + std::to_string(former.size() + 1);
  }
  if (world_.gateways().phone_of(handle) == this && world_.workload.chance(2, 3)) return handle;
  const auto number = "+4930" + std::to_string(100 + former.size()) + std::to_string(1000 + index_);
  world_.gateways().give_number(number, *this);
  return number;
}

void Device::on_code(const std::string& number, const std::string& code) {
  const bool changes = registered() && number == wanted_handle_;
  if (!changes && (number != handle || registered())) return;
  trace("reads a code");
  code_ = code;
  changes ? ask_for_change() : register_account();
}

void Device::take_invite(const std::string& text) {
  invite_ = text;
  if (!registered()) register_account();
}

void Device::take_number(const std::string& number) {
  handle = number;
  code_.clear();
  register_account();
}

// ---- Another handle

void Device::change_handle(const std::string& to) {
  if (!running()) return;
  forget_proofs();
  wanted_handle_ = to;
  if (world_.wants_codes()) {
    command(client::RequestCodeCommand{to, expect<CodeSent>("ask for a code")});
    if (world_.workload.chance(3, 4)) return;
  }
  ask_for_change();
}

void Device::ask_for_change() {
  if (!running()) return;
  ++account_asks_;
  command(client::ChangeHandleCommand{wanted_handle_,
                                      expect<void>("change the handle",
                                                   [this, to = wanted_handle_](const Result<void>& result) {
                                                     if (result.ok()) return on_changed(to);
                                                     on_change_refused(to, result.error().code);
                                                   }),
                                      credentials()});
}

void Device::on_changed(const std::string& to) {
  trace("has the handle " + to);
  handle = to;
  wanted_handle_.clear();
  forget_proofs();
  world_.oracle().handles.on_told(to, user);
}

void Device::on_change_refused(const std::string& to, ErrorCode code) {
  // It waits, or is over since another one is asked for.
  if (to != wanted_handle_ || code == ErrorCode::HANDLE_PENDING) return;
  if (code == ErrorCode::PIN_REQUIRED && try_a_pin(to)) {
    return world_.after(Milliseconds(world_.workload.between(500, 5'000)), [this, to] {
      if (registered() && to == wanted_handle_) ask_for_change();
    });
  }
  wanted_handle_.clear();
  forget_proofs();
}

void Device::set_pin(const std::optional<std::string>& pin) {
  if (!running()) return;
  const World::Calm calm(world_);
  // While another handle is asked for nobody knows which one is locked.
  const bool certain =
      !must(client::AccountTable(*db_).handle_change(), "account") && std::ranges::none_of(inputs_, [](const auto& it) {
        return std::holds_alternative<client::ChangeHandleCommand>(it);
      });
  client::AskCommand ask;
  auto& request = *ask.request.mutable_set_pin();
  std::optional<crypto::Sha256Digest> kept;
  if (pin) {
    const auto shown = crypto::sha256(as_bytes(*pin));
    request.set_pin_hash(wire::field(shown.view()));
    kept = crypto::sha256(shown.view());
    pins_[handle] = *pin;
  }
  world_.oracle().handles.on_lock_asked(handle, user);
  ask.done = expect<void>(
      pin ? "set a PIN" : "take the PIN away",
      [this, of = handle, owner = user, kept, certain, asks = ++account_asks_](const Result<void>& result) {
        if (result.ok() && certain && asks == account_asks_) world_.oracle().handles.on_locked(of, owner, kept);
      });
  command(std::move(ask));
}

void Device::keep_handle() {
  client::AskCommand ask;
  ask.request.mutable_keep_handle();
  ask.done = expect<void>("keep the handle",
                          [this, number = handle, owner = user, since = world_.now()](const Result<void>& result) {
                            if (result.ok()) world_.oracle().handles.on_kept(number, owner, since);
                          });
  command(std::move(ask));
}

// ---- Leaving

void Device::log_out(LogOutData data) {
  if (!running()) return;
  const bool erases = data == LogOutData::erase;
  // Of a deletion that was begun nothing takes it back.
  if (erases) may_be_erased_ = true;
  command(client::LogOutCommand{data, expect<void>(erases ? "log out and erase" : "log out",
                                                   [this, erases, connects = connects_](const Result<void>& result) {
                                                     if (!result.ok()) return;
                                                     if (erases) return world_.oracle().check_erased(*this);
                                                     logged_out_ = connects == connects_;
                                                   })});
}

void Device::delete_account() {
  if (!running()) return;
  may_be_erased_ = deletes_ = true;
  logged_out_ = false;
  ++connects_;
  command(
      client::DeleteAccountCommand{expect<void>("delete the account", [this, whose = user](const Result<void>& result) {
        if (!result.ok()) {
          // This device logs out already.
          if (result.error().code == ErrorCode::CONFLICT) deletes_ = false;
          return;
        }
        world_.oracle().on_told_deleted(whose);
        world_.oracle().check_erased(*this);
      })});
}

}  // namespace sotto::sim
