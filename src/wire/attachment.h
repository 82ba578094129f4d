// Names of attachments: derived, so that one can be named inside a message before it is uploaded.
#pragma once

#include "base/ids.h"
#include "crypto/keys.h"
#include "sotto/types.h"

namespace sotto::wire {

using AttachmentId = Id<struct AttachmentTag>;

/// SHA-256("sotto attachment" ‖ uploading userId ‖ hash of the ciphertext ‖ hash of the access token)[0..16]. The same
/// announcement has the same id, so an interrupted upload goes on where it was; nobody can occupy another's id.
AttachmentId attachment_id_of(const UserId& uploader, const crypto::Sha256Digest& hash,
                              const crypto::Sha256Digest& token_hash);

}  // namespace sotto::wire
