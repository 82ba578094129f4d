// Commands about chats and the messages in them.
#pragma once

#include "chat/call.h"

namespace chat {

void list(const Call& call);
void open(const Call& call);
void new_direct(const Call& call);
void new_group(const Call& call);
void who(const Call& call);
void add(const Call& call);
void remove(const Call& call);
void replace(const Call& call);
void rename(const Call& call);
void refresh(const Call& call);
void accept(const Call& call);
void decline(const Call& call);
void mark_read(const Call& call);
void receipts(const Call& call);
void more(const Call& call);
void say(const Call& call);

}  // namespace chat
