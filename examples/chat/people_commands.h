// Commands about people: who they are, and what they are told.
#pragma once

#include "chat/call.h"

namespace chat {

void find(const Call& call);
void info(const Call& call);
void profile(const Call& call);
void set_name(const Call& call);
void set_about(const Call& call);
void set_picture(const Call& call);
void block(const Call& call);
void unblock(const Call& call);
void blocked(const Call& call);
void privacy(const Call& call);

}  // namespace chat
