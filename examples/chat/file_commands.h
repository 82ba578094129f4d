// Commands about attachments.
#pragma once

#include "chat/call.h"

namespace chat {

void send_any(const Call& call);
void send_voice(const Call& call);
void send_document(const Call& call);
void save(const Call& call);
void fetch(const Call& call);
void pause(const Call& call);
void cancel(const Call& call);
void ask(const Call& call);
void forward(const Call& call);

}  // namespace chat
