// The commands about the account: how it is made, its PIN, its handle, and how it ends.
#pragma once

#include "rpc/commands.h"

namespace rpc {

void register_account(Call& call);
void change_handle(Call& call);
void account(Call& call);
void request_code(Call& call);
void set_pin(Call& call);
void set_discoverable(Call& call);
void keep_handle(Call& call);
void set_push_token(Call& call);
void log_out(Call& call);
void delete_account(Call& call);

}  // namespace rpc
