// Events that are told once and kept nowhere, as JSON; docs/rpc.md says what each field means.
#pragma once

#include "rpc/values.h"

namespace rpc {

struct PassingEvent {
  Out json;
  /// Left out while the other side does not read: the next one tells more, or it can be asked for.
  bool may_be_left_out = false;
};

/// Nothing for those that are logged.
std::optional<PassingEvent> passing_event(const sotto::Event& event);

}  // namespace rpc
