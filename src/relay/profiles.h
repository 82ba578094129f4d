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

/// Whether what a user has received is kept from the others: in a direct chat, from somebody who is blocked. Nothing
/// while that is being read.
std::optional<bool> hides_receipts(State& state, const Chat& chat, const UserId& user);

}  // namespace sotto::relay
