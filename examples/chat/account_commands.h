// What a person does with the own account: how it is made, its name, and how it ends.
#pragma once

#include "chat/call.h"

namespace chat {

void register_account(const Call& call);
void change_handle(const Call& call);
void code(const Call& call);
void pin(const Call& call);
void keep(const Call& call);
void findable(const Call& call);
void log_out(const Call& call);
void delete_account(const Call& call);

}  // namespace chat
