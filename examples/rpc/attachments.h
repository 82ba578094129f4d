// Where attachments belong, in commands and in messages. The library has none yet, so they are refused here, and only
// here.
#pragma once

#include "rpc/commands.h"

namespace rpc {

/// `createAttachment {body, hash}`.
void create_attachment(Call& call);

/// The attachments that a `sendMessage` names; an error if there are any.
std::optional<sotto::Error> read_attachments(Fields& fields);

}  // namespace rpc
