#include "wire/attachment.h"

#include "crypto/hash.h"

namespace sotto::wire {

AttachmentId attachment_id_of(const UserId& uploader, const crypto::Sha256Digest& hash,
                              const crypto::Sha256Digest& token_hash) {
  const auto digest = crypto::sha256({as_bytes("sotto attachment"), view(uploader), hash.view(), token_hash.view()});
  return *id_from<AttachmentId>(digest.view().first(AttachmentId::size_bytes));
}

}  // namespace sotto::wire
