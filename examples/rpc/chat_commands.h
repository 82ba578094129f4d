// The commands about chats: who is in them, what they are called, and what becomes of requests.
#pragma once

#include "rpc/commands.h"

namespace rpc {

void create_chat(Call& call);
void modify_participants(Call& call);
void replace_participant(Call& call);
void rename_chat(Call& call);
void refresh_keys(Call& call);
void answer_request(Call& call);
void chats(Call& call);
void chat(Call& call);
void participants(Call& call);

}  // namespace rpc
