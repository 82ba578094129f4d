// The clear header of MLS PrivateMessages, on crafted ones.
#include "wire/mls_header.h"

#include "base/random.h"
#include "support/catch.h"

namespace sotto::wire {
namespace {

Bytes number(std::uint64_t value, int bytes) {
  Bytes out;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(value >> shift));
  return out;
}

/// A length header of 1, 2 or 4 bytes (RFC 9420 section 2.1.2), whether that is the shortest or not.
Bytes length_in(std::size_t length, int bytes) {
  Bytes out = number(length, bytes);
  out[0] = static_cast<std::uint8_t>(out[0] | (bytes == 1 ? 0x00 : bytes == 2 ? 0x40 : 0x80));
  return out;
}
Bytes vector(ByteView content) {
  const int bytes = content.size() < 64 ? 1 : content.size() < 16384 ? 2 : 4;
  return concat({length_in(content.size(), bytes), content});
}

struct Parts {
  Bytes version = number(1, 2);
  Bytes wire_format = number(2, 2);
  Bytes group_id = vector(Bytes(20, 0xA1));
  Bytes epoch = number(0x0102030405060708, 8);
  Bytes content_type = number(3, 1);
  Bytes authenticated_data = vector(Bytes(100, 0xB2));
  Bytes sender_data = vector(Bytes(28, 0xC3));
  Bytes ciphertext = vector(Bytes(20'000, 0xD4));
  Bytes after;

  [[nodiscard]] Bytes message() const {
    return concat(
        {version, wire_format, group_id, epoch, content_type, authenticated_data, sender_data, ciphertext, after});
  }
};

TEST_CASE("the header of a PrivateMessage is read", "[wire][mls]") {
  const Bytes message = Parts().message();
  const auto header = read_mls_header(message);
  REQUIRE(header.ok());
  CHECK(to_bytes(header->group_id) == Bytes(20, 0xA1));
  CHECK(header->epoch == 0x0102030405060708);
  CHECK(header->content_type == MlsContentType::commit);
  CHECK(to_bytes(header->authenticated_data) == Bytes(100, 0xB2));
  // Views, not copies.
  CHECK(header->group_id.data() == message.data() + 5);
}

TEST_CASE("every truncation of a PrivateMessage is malformed", "[wire][mls]") {
  const Bytes message = Parts().message();
  for (std::size_t size = 0; size < message.size(); ++size) {
    REQUIRE(read_mls_header(ByteView(message).first(size)).code() == ErrorCode::MALFORMED);
  }
}

TEST_CASE("a message with bytes after its end is malformed", "[wire][mls]") {
  Parts parts;
  parts.after = Bytes(1);
  CHECK(read_mls_header(parts.message()).code() == ErrorCode::MALFORMED);
}

TEST_CASE("other versions and wire formats are unsupported", "[wire][mls]") {
  Parts parts;
  SECTION("version 0") { parts.version = number(0, 2); }
  SECTION("version 2") { parts.version = number(2, 2); }
  SECTION("PublicMessage") { parts.wire_format = number(1, 2); }
  SECTION("Welcome") { parts.wire_format = number(3, 2); }
  SECTION("an unknown one") { parts.wire_format = number(0xFFFF, 2); }
  CHECK(read_mls_header(parts.message()).code() == ErrorCode::UNSUPPORTED);
}

TEST_CASE("content types are application, proposal and commit", "[wire][mls]") {
  Parts parts;
  for (unsigned type = 0; type < 256; ++type) {
    parts.content_type = number(type, 1);
    const auto header = read_mls_header(parts.message());
    if (type >= 1 && type <= 3) {
      REQUIRE(header.ok());
      CHECK(static_cast<unsigned>(header->content_type) == type);
    } else {
      CHECK(header.code() == ErrorCode::MALFORMED);
    }
  }
}

TEST_CASE("a length that is not written in its shortest form is malformed", "[wire][mls]") {
  const std::size_t size = GENERATE(0U, 1U, 63U, 64U, 16383U, 16384U);
  const int bytes = GENERATE(1, 2, 4);
  CAPTURE(size, bytes);
  if (bytes == 1 && size > 63) return;
  if (bytes == 2 && size > 16383) return;
  const int shortest = size < 64 ? 1 : size < 16384 ? 2 : 4;
  Parts parts;
  parts.authenticated_data = concat({length_in(size, bytes), Bytes(size, 0xB2)});
  const auto header = read_mls_header(parts.message());
  CHECK(header.ok() == (bytes == shortest));
  if (header.ok()) CHECK(header->authenticated_data.size() == size);
}

TEST_CASE("lengths that cannot be are malformed", "[wire][mls]") {
  Parts parts;
  SECTION("the reserved prefix 11") { parts.group_id = concat({from_hex("c0000000"), Bytes(20)}); }
  SECTION("the longest length there is") { parts.group_id = concat({from_hex("bfffffff"), Bytes(20)}); }
  SECTION("a byte more than there is") { parts.ciphertext = concat({length_in(21, 1), Bytes(20)}); }
  SECTION("an empty ciphertext") { parts.ciphertext = vector({}); }
  CHECK(read_mls_header(parts.message()).code() == ErrorCode::MALFORMED);
}

TEST_CASE("hostile bytes give an error or views into the message", "[wire][mls]") {
  SeededRandom random(7);
  Parts parts;
  parts.ciphertext = vector(Bytes(30));
  const Bytes valid = parts.message();
  for (int round = 0; round < 20'000; ++round) {
    Bytes bytes = valid;
    for (auto n = 1 + random.below(3); n > 0; --n) {
      bytes[random.below(bytes.size())] = static_cast<std::uint8_t>(random.below(256));
    }
    const auto header = read_mls_header(bytes);
    if (!header.ok()) continue;
    for (const auto& part : {header->group_id, header->authenticated_data}) {
      if (part.empty()) continue;
      CHECK(part.data() >= bytes.data());
      CHECK(part.data() + part.size() <= bytes.data() + bytes.size());
    }
  }
}

TEST_CASE("a group_id is the chat and the generation", "[wire][mls]") {
  SeededRandom random(8);
  const auto chat = random_id<ChatId>(random);
  for (const std::uint32_t generation : {0U, 1U, 0x01020304U, UINT32_MAX}) {
    const Bytes group_id = group_id_of(chat, generation);
    const auto name = parse_group_id(group_id);
    REQUIRE(name.ok());
    CHECK(name->chat == chat);
    CHECK(name->generation == generation);
  }
  CHECK(to_hex(ByteView(group_id_of(chat, 0x01020304)).last(4)) == "01020304");
  for (std::size_t size = 0; size < 25; ++size) {
    CHECK(parse_group_id(Bytes(size)).ok() == (size == 20));
  }
}

}  // namespace
}  // namespace sotto::wire
