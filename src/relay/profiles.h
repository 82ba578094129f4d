// What a user gives of itself, and whom it does not want to hear of.
#pragma once

#include "relay/state.h"

namespace sotto::relay {

class Profiles {
 public:
  explicit Profiles(State& state) : s_(state) {}

  Answer set_profile(Call& call, const wire::SetProfile& request);
  Answer get_profile(Call& call, const wire::GetProfile& request);
  Answer set_block_list(Call& call, const wire::SetBlockList& request);

 private:
  State& s_;
};

}  // namespace sotto::relay
