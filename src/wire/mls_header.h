// Reads the clear header of an MLS PrivateMessage (RFC 9420 sections 6 and 6.3), all that a relay sees of MLS.
#pragma once

#include "base/bytes.h"
#include "base/ids.h"
#include "sotto/result.h"

namespace sotto::wire {

enum class MlsContentType : std::uint8_t { application = 1, proposal = 2, commit = 3 };

struct MlsHeader {
  ByteView group_id;
  std::uint64_t epoch = 0;
  MlsContentType content_type = MlsContentType::application;
  ByteView authenticated_data;
};

/// The views point into `message`. Errors: MALFORMED, UNSUPPORTED (another version or wire format).
Result<MlsHeader> read_mls_header(ByteView message);

/// group_id = chatId ‖ generation (4 bytes, big-endian).
Bytes group_id_of(const ChatId& chat, std::uint32_t generation);

struct GroupName {
  ChatId chat;
  std::uint32_t generation = 0;
};
/// Errors: MALFORMED.
Result<GroupName> parse_group_id(ByteView group_id);

}  // namespace sotto::wire
