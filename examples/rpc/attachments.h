// The commands about attachments, and where they belong in `sendMessage`.
#pragma once

#include "rpc/commands.h"

namespace rpc {

void create_attachment(Call& call);
void download_attachment(Call& call);
void transfer(Call& call);
void request_attachment(Call& call);
void forward(Call& call);
void set_download_policy(Call& call);

/// Sends what `sendMessage` says with the attachments that it names.
void send_with_attachments(Call& call, const sotto::ChatId& chat, std::string text, const sotto::SendOptions& options,
                           const std::vector<std::string>& ids);
/// How a command ends that sends a message.
Settled answer_sent(const Reply& reply);

}  // namespace rpc
