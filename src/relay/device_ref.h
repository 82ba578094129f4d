// A device as the relay names it: deviceIds are chosen by their owners, so only the pair is unique.
#pragma once

#include <compare>
#include <cstddef>
#include <functional>

#include "base/ids.h"

namespace sotto::relay {

struct DeviceRef {
  UserId user;
  DeviceId device;
  friend bool operator==(const DeviceRef&, const DeviceRef&) = default;
  friend auto operator<=>(const DeviceRef&, const DeviceRef&) = default;
};

}  // namespace sotto::relay

template <>
struct std::hash<sotto::relay::DeviceRef> {
  std::size_t operator()(const sotto::relay::DeviceRef& ref) const noexcept {
    return std::hash<sotto::UserId>{}(ref.user) * 31 + std::hash<sotto::DeviceId>{}(ref.device);
  }
};
