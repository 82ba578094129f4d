// Devices whose relay sends codes to phone numbers, on virtual time.
#pragma once

#include "support/testnet.h"
#include "unit/client/members.h"

namespace sotto::test {

inline const std::string number = "+4930123456";

inline relay::CoreConfig mode(RegistrationMode registration) {
  relay::CoreConfig config;
  config.registration = registration;
  return config;
}

/// A net whose relay sends codes.
struct Net : TestNet {
  explicit Net(RegistrationMode registration = RegistrationMode::code) : TestNet(1, mode(registration)) {}

  /// What the registration comes to.
  Result<UserId> enrol(TestDevice& device, const std::string& handle, client::Credentials shown = {}) {
    std::optional<Result<UserId>> out;
    device.command(
        client::RegisterCommand{handle, [&](Result<UserId> result) { out = std::move(result); }, std::move(shown)});
    REQUIRE(run_until([&] { return out.has_value(); }));
    if (out->ok()) device.user = **out;
    return *out;
  }
  std::string code(TestDevice& device, const std::string& handle) {
    std::optional<Result<CodeSent>> out;
    device.command(client::RequestCodeCommand{handle, [&](Result<CodeSent> result) { out = std::move(result); }});
    REQUIRE(run_until([&] { return out.has_value(); }));
    CHECK(must(*out).digits == 6);
    return codes.at(handle);
  }
  Result<UserId> prove(TestDevice& device, const std::string& handle, const Bytes& pin = {}) {
    const auto text = code(device, handle);
    return enrol(device, handle, {text, {}, pin});
  }
  /// A device with an account.
  TestDevice& owner(const std::string& handle) {
    auto& device = add();
    REQUIRE(prove(device, handle).ok());
    return device;
  }
  Result<UserId> find(TestDevice& device, const std::string& handle) {
    std::optional<Result<UserId>> out;
    device.command(client::FindUserCommand{handle, [&](Result<UserId> result) { out = std::move(result); }});
    REQUIRE(run_until([&] { return out.has_value(); }));
    return *out;
  }
  std::optional<ErrorCode> ask(TestDevice& device, const std::function<void(wire::Request&)>& fill) {
    client::AskCommand command;
    fill(command.request);
    std::optional<Result<void>> out;
    command.done = [&](Result<void> result) { out = result; };
    device.command(std::move(command));
    REQUIRE(run_until([&] { return out.has_value(); }));
    return out->ok() ? std::nullopt : std::optional(*out->code());
  }
};

template <typename T>
std::vector<T> told(const TestDevice& device) {
  std::vector<T> out;
  for (const auto& event : device.events) {
    if (const auto* it = std::get_if<T>(&event)) out.push_back(*it);
  }
  return out;
}

template <typename T>
T last_told(const TestDevice& device) {
  const auto all = told<T>(device);
  REQUIRE_FALSE(all.empty());
  return all.back();
}

}  // namespace sotto::test
