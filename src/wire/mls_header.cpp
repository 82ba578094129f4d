#include "wire/mls_header.h"

namespace sotto::wire {

namespace {

constexpr std::uint16_t mls10 = 1;
constexpr std::uint16_t wire_format_private_message = 2;

/// A cursor over hostile bytes; after the first failure everything it reads is empty.
class Reader {
 public:
  explicit Reader(ByteView bytes) : rest_(bytes) {}

  std::uint64_t number(std::size_t size) {
    const ByteView raw = take(size);
    std::uint64_t value = 0;
    for (const auto byte : raw) value = value << 8 | byte;
    return value;
  }

  /// A vector with a variable-size length header (RFC 9420 section 2.1.2).
  ByteView vector() {
    const ByteView first = take(1);
    if (failed_) return {};
    const auto prefix = static_cast<unsigned>(first[0] >> 6);
    if (prefix == 3) return fail();
    std::uint64_t length = first[0] & 0x3FU;
    const std::size_t more = (std::size_t{1} << prefix) - 1;
    for (const auto byte : take(more)) length = length << 8 | byte;
    const bool minimal = prefix == 0 || (prefix == 1 && length >= 64) || (prefix == 2 && length >= 16384);
    if (failed_ || !minimal || length > rest_.size()) return fail();
    return take(static_cast<std::size_t>(length));
  }

  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }

 private:
  ByteView fail() {
    failed_ = true;
    rest_ = {};
    return {};
  }
  ByteView take(std::size_t size) {
    if (size > rest_.size()) return fail();
    const ByteView out = rest_.first(size);
    rest_ = rest_.subspan(size);
    return out;
  }
  ByteView rest_;
  bool failed_ = false;
};

}  // namespace

Result<MlsHeader> read_mls_header(ByteView message) {
  Reader in(message);
  const auto version = in.number(2);
  const auto wire_format = in.number(2);
  if (in.failed()) return Error(ErrorCode::MALFORMED, "an MLS message is cut off");
  if (version != mls10 || wire_format != wire_format_private_message) {
    return Error(ErrorCode::UNSUPPORTED, "not an MLS 1.0 PrivateMessage");
  }
  MlsHeader header;
  header.group_id = in.vector();
  header.epoch = in.number(8);
  const auto type = in.number(1);
  header.authenticated_data = in.vector();
  in.vector();  // encrypted_sender_data
  const ByteView ciphertext = in.vector();
  if (in.failed() || ciphertext.empty()) return Error(ErrorCode::MALFORMED, "an MLS message is cut off");
  if (!in.at_end()) return Error(ErrorCode::MALFORMED, "bytes after the end of an MLS message");
  if (type < 1 || type > 3) return Error(ErrorCode::MALFORMED, "an unknown MLS content type");
  header.content_type = static_cast<MlsContentType>(type);
  return header;
}

Bytes group_id_of(const ChatId& chat, std::uint32_t generation) {
  Bytes out = to_bytes(chat);
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(generation >> shift));
  return out;
}

Result<GroupName> parse_group_id(ByteView group_id) {
  if (group_id.size() != 20) return Error(ErrorCode::MALFORMED, "a group_id of another length than 20");
  GroupName name;
  assign_exact(name.chat, group_id.first(16));
  for (const auto byte : group_id.subspan(16)) name.generation = name.generation << 8 | byte;
  return name;
}

}  // namespace sotto::wire
