// The commands about the account: how it is made, its PIN, its handle.
#pragma once

#include "rpc/commands.h"

namespace rpc {

void register_account(Call& call);
void account(Call& call);
void request_code(Call& call);
void set_pin(Call& call);
void set_discoverable(Call& call);
void keep_handle(Call& call);

}  // namespace rpc
