#include "mls/codec.h"

#include "group_fixture.h"
#include "mls/framing.h"
#include "mls/ratchet_tree.h"

using namespace sotto;
using namespace sotto::mls;
using namespace sotto::mls::test;

TEST_CASE("A vector header takes the fewest bytes, and no other form is read", "[mls][codec]") {
  const std::pair<std::size_t, std::string> forms[] = {
      {0, "00"}, {63, "3f"}, {64, "4040"}, {16383, "7fff"}, {16384, "80004000"}};
  for (const auto& [length, header] : forms) {
    Writer writer;
    writer.vector_header(length);
    CHECK(to_hex(writer.bytes()) == header);
    const auto bytes = from_hex(header);
    CHECK(Reader(bytes).vector_length() == length);
  }
  for (const auto* longer : {"4000", "403f", "80000000", "80003fff", "c0000001", "ffffffff"}) {
    const auto bytes = from_hex(longer);
    Reader reader(bytes);
    reader.vector_length();
    CHECK_FALSE(reader.ok());
  }
}

TEST_CASE("A length beyond the input fails before anything is allocated", "[mls][codec]") {
  CHECK(decode<Bytes>(from_hex("bfffffff00")).code() == ErrorCode::MALFORMED);
  CHECK(decode<std::vector<Extension>>(from_hex("bfffffff00")).code() == ErrorCode::MALFORMED);
  CHECK(decode<Bytes>(from_hex("0201")).code() == ErrorCode::MALFORMED);
  CHECK(decode<Bytes>(from_hex("010203")).code() == ErrorCode::MALFORMED);
  CHECK(decode<Bytes>({}).code() == ErrorCode::MALFORMED);
}

TEST_CASE("An element that crosses the end of its vector fails", "[mls][codec]") {
  // One LeafIndex needs four bytes; the vector says five.
  CHECK(decode<std::vector<LeafIndex>>(from_hex("050000000100")).code() == ErrorCode::MALFORMED);
  CHECK(must(decode<std::vector<LeafIndex>>(from_hex("0400000001"))).front().value == 1);
}

TEST_CASE("A presence byte is 0 or 1", "[mls][codec]") {
  CHECK(decode<std::optional<std::uint8_t>>(from_hex("0205")).code() == ErrorCode::MALFORMED);
  CHECK(must(decode<std::optional<std::uint8_t>>(from_hex("0105"))) == 5);
}

TEST_CASE("Unknown extensions survive, unknown numbers in selectors do not parse", "[mls][codec]") {
  World world;
  auto device = world.device("alice");
  auto key_package = device.key_package();
  key_package.extensions = {{0xabcd, to_bytes("?")}};
  CHECK(must(decode<KeyPackage>(encode(key_package))).extensions == key_package.extensions);
  CHECK(decode<Proposal>(from_hex("0008")).code() == ErrorCode::MALFORMED);
  CHECK(decode<Credential>(from_hex("000300")).code() == ErrorCode::MALFORMED);
  CHECK(decode<Sender>(from_hex("0500000000")).code() == ErrorCode::MALFORMED);
  CHECK(decode<MlsMessage>(from_hex("00010006")).code() == ErrorCode::MALFORMED);
  CHECK(decode<MlsMessage>(from_hex("00020005")).code() == ErrorCode::MALFORMED);
}

TEST_CASE("Every prefix of a message is malformed, and no changed byte crashes a parser", "[mls][codec]") {
  World world(7);
  auto alice = world.founder("alice");
  auto bob = world.device("bob");
  CommitSpec spec;
  spec.adds = {bob.key_package()};
  const auto staged = must(alice.group->stage_commit(spec, world.random));
  const auto welcome = must(alice.group->make_welcome(staged.id, {}, TreeInWelcome::included, world.random));
  must(alice.group->merge_pending(staged.id, at(0)));
  const auto tree = alice.group->ratchet_tree();
  for (const auto& message :
       {to_message(bob.key_package()), encode(MlsMessage{welcome}), staged.message, world.say(alice, "hi")}) {
    REQUIRE(encode(must(decode<MlsMessage>(message))) == message);
    for (std::size_t size = 0; size < message.size(); ++size) {
      REQUIRE(decode<MlsMessage>(ByteView(message).first(size)).code() == ErrorCode::MALFORMED);
    }
    for (int i = 0; i < 2000; ++i) {
      auto changed = message;
      for (int k = 0; k < 3; ++k) {
        changed[world.random.below(changed.size())] = static_cast<std::uint8_t>(world.random.below(256));
      }
      if (const auto parsed = decode<MlsMessage>(changed); parsed.ok()) REQUIRE(encode(*parsed) == changed);
      (void)peek(changed);
    }
  }
  for (int i = 0; i < 2000; ++i) {
    auto changed = tree;
    changed[world.random.below(changed.size())] = static_cast<std::uint8_t>(world.random.below(256));
    if (const auto parsed = RatchetTree::parse(changed); parsed.ok()) REQUIRE(parsed->serialize() == changed);
  }
}

TEST_CASE("The clear parts of a message are read without keys", "[mls][codec]") {
  World world;
  auto alice = world.founder("alice");
  const auto header = must(peek(world.say(alice, "secret")));
  CHECK(header.wire_format == WireFormat::private_message);
  CHECK(header.group_id == to_bytes("group"));
  CHECK(header.epoch == 0);
  CHECK(header.content_type == ContentType::application);
  CHECK(header.authenticated_data == to_bytes("aad"));
  CHECK(peek(to_message(alice.key_package())).code() == ErrorCode::UNSUPPORTED);
  CHECK(peek(from_hex("0001")).code() == ErrorCode::MALFORMED);
}
