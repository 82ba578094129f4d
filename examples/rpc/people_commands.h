// The commands about people: who they are, what they are told of this user, and what they are not.
#pragma once

#include "rpc/commands.h"

namespace rpc {

void find_user(Call& call);
void person(Call& call);
void block(Call& call);
void blocked(Call& call);
void profile(Call& call);
void set_profile(Call& call);
void privacy(Call& call);
void set_privacy(Call& call);
void set_available(Call& call);
void set_typing(Call& call);

}  // namespace rpc
