// Who somebody is: ids, certificates, device lists, and what is signed at a connection.
#include "wire/identity.h"

#include "crypto/hash.h"
#include "people.h"
#include "support/catch.h"
#include "wire/frame.h"

namespace sotto::wire::test {
namespace {

TEST_CASE("a userId is derived from the identity key", "[wire][identity]") {
  SeededRandom random(1);
  const User user(random);
  const auto digest = crypto::sha256({as_bytes("sotto user"), user.identity.public_key.view()});
  CHECK(to_bytes(user.id) == to_bytes(ByteView(digest.bytes).first(16)));
}

TEST_CASE("a direct chat's id is the same from both sides", "[wire][identity]") {
  SeededRandom random(2);
  const User a(random);
  const User b(random);
  const auto chat = direct_chat_id(a.id, b.id);
  CHECK(chat == direct_chat_id(b.id, a.id));
  CHECK(chat != direct_chat_id(a.id, a.id));
  const auto& [low, high] = std::minmax(a.id, b.id);
  const auto digest = crypto::sha256({as_bytes("sotto direct"), sotto::view(low), sotto::view(high)});
  CHECK(to_bytes(chat) == to_bytes(ByteView(digest.bytes).first(16)));
}

TEST_CASE("a certificate says what its identity key signed", "[wire][identity]") {
  SeededRandom random(3);
  const User user(random);
  const Device device = make_device(random);
  auto body = user.certificate(device);
  body.set_era(7);
  body.set_list_version(9);
  body.set_primary(true);
  const auto checked = check_certificate(user.sign(body));
  REQUIRE(checked.ok());
  CHECK(checked->user == user.id);
  CHECK(checked->identity_key == user.identity.public_key);
  CHECK(checked->device == device.id);
  CHECK(checked->device_key == device.key);
  CHECK(checked->era == 7);
  CHECK(checked->list_version == 9);
  CHECK(checked->primary);

  const auto from_credential = check_credential(serialize(user.sign(body)));
  REQUIRE(from_credential.ok());
  CHECK(from_credential->device == device.id);
  CHECK(check_credential(as_bytes("no certificate")).code() == ErrorCode::MALFORMED);
  CHECK_FALSE(check_credential({}).ok());
}

TEST_CASE("a certificate of which anything was changed is refused", "[wire][identity]") {
  SeededRandom random(4);
  const User user(random);
  const User other(random);
  const Device device = make_device(random);
  const auto good = user.sign(user.certificate(device));
  REQUIRE(check_certificate(good).ok());

  const auto with = [&](const auto& change) {
    auto body = user.certificate(device);
    change(body);
    SignedCertificate out = good;
    out.set_body(body.SerializeAsString());
    return check_certificate(out).code();
  };
  const auto key = to_string(other.identity.public_key.view());
  CHECK(with([&](auto& body) { body.set_user_id(to_string_bytes(other.id)); }) == ErrorCode::CERTIFICATE_REFUSED);
  CHECK(with([&](auto& body) { body.set_identity_key(key); }) == ErrorCode::CERTIFICATE_REFUSED);
  CHECK(with([&](auto& body) {
          body.set_identity_key(key);
          body.set_user_id(to_string_bytes(other.id));
        }) == ErrorCode::BAD_SIGNATURE);
  CHECK(with([&](auto& body) { body.set_device_id(std::string(16, 'x')); }) == ErrorCode::BAD_SIGNATURE);
  CHECK(with([&](auto& body) { body.set_device_key(key); }) == ErrorCode::BAD_SIGNATURE);
  CHECK(with([&](auto& body) { body.set_era(2); }) == ErrorCode::BAD_SIGNATURE);
  CHECK(with([&](auto& body) { body.set_era(0); }) == ErrorCode::CERTIFICATE_REFUSED);
  CHECK(with([&](auto& body) { body.set_list_version(2); }) == ErrorCode::BAD_SIGNATURE);
  CHECK(with([&](auto& body) { body.set_issued_at(1); }) == ErrorCode::BAD_SIGNATURE);
  CHECK(with([&](auto& body) { body.set_primary(true); }) == ErrorCode::BAD_SIGNATURE);
  // Ids and keys of another size.
  for (const auto& text : {std::string(), std::string(15, 'x'), std::string(17, 'x'), std::string(31, 'x')}) {
    CHECK(with([&](auto& body) { body.set_user_id(text); }) == ErrorCode::MALFORMED);
    CHECK(with([&](auto& body) { body.set_device_id(text); }) == ErrorCode::MALFORMED);
    CHECK(with([&](auto& body) { body.set_identity_key(text); }) == ErrorCode::MALFORMED);
    CHECK(with([&](auto& body) { body.set_device_key(text); }) == ErrorCode::MALFORMED);
  }
}

TEST_CASE("every flipped bit and every truncation of a certificate is noticed", "[wire][identity]") {
  SeededRandom random(5);
  const User user(random);
  const auto good = user.sign(user.certificate(make_device(random)));
  for (std::size_t bit = 0; bit < good.body().size() * 8; ++bit) {
    auto bad = good;
    (*bad.mutable_body())[bit / 8] = static_cast<char>(bad.body()[bit / 8] ^ (1 << (bit % 8)));
    REQUIRE_FALSE(check_certificate(bad).ok());
  }
  for (std::size_t bit = 0; bit < good.signature().size() * 8; ++bit) {
    auto bad = good;
    (*bad.mutable_signature())[bit / 8] = static_cast<char>(bad.signature()[bit / 8] ^ (1 << (bit % 8)));
    REQUIRE(check_certificate(bad).code() == ErrorCode::BAD_SIGNATURE);
  }
  const Bytes bytes = serialize(good);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    REQUIRE_FALSE(check_credential(ByteView(bytes).first(size)).ok());
  }
}

TEST_CASE("only the identity key of the user certifies", "[wire][identity]") {
  SeededRandom random(6);
  const User user(random);
  const User other(random);
  const auto device_key = crypto::generate_signature_key(random);
  const Device device{random_id<DeviceId>(random), device_key.public_key};
  CHECK(check_certificate(sign_certificate(user.certificate(device), other.identity.private_key)).code() ==
        ErrorCode::BAD_SIGNATURE);
  CHECK(check_certificate(sign_certificate(user.certificate(device), device_key.private_key)).code() ==
        ErrorCode::BAD_SIGNATURE);
  SignedCertificate unsigned_one;
  unsigned_one.set_body(user.certificate(device).SerializeAsString());
  CHECK(check_certificate(unsigned_one).code() == ErrorCode::BAD_SIGNATURE);
  // A signature over a device list is not one over a certificate, whatever the bytes.
  SignedDeviceList as_list = user.sign(user.list({device}));
  SignedCertificate crossed;
  crossed.set_body(user.certificate(device).SerializeAsString());
  crossed.set_signature(as_list.signature());
  CHECK(check_certificate(crossed).code() == ErrorCode::BAD_SIGNATURE);
}

TEST_CASE("a device list is what its identity key signed", "[wire][identity]") {
  SeededRandom random(7);
  const User user(random);
  const auto devices = make_devices(random, 3);
  const auto signed_list = user.sign(user.list(devices));
  const auto checked = check_device_list(signed_list);
  REQUIRE(checked.ok());
  CHECK(checked->user == user.id);
  CHECK(checked->version == 1);
  CHECK(checked->prev_hash.empty());
  CHECK(checked->hash == crypto::sha256(view(signed_list.body())));
  REQUIRE(checked->devices.size() == 3);
  for (const auto& device : devices) {
    const auto* found = checked->find(device.id);
    REQUIRE(found != nullptr);
    CHECK(found->device_key == device.key);
  }
  CHECK(checked->find(random_id<DeviceId>(random)) == nullptr);

  const User other(random);
  CHECK(check_device_list(sign_device_list(user.list(devices), other.identity.private_key)).code() ==
        ErrorCode::BAD_SIGNATURE);
  auto tampered = signed_list;
  tampered.mutable_body()->back() ^= 1;
  CHECK_FALSE(check_device_list(tampered).ok());
}

TEST_CASE("a device list has at most 10 devices, all different", "[wire][identity]") {
  SeededRandom random(8);
  const User user(random);
  auto devices = make_devices(random, 10);
  CHECK(check_device_list(user.sign(user.list(devices)))->devices.size() == 10);
  CHECK(check_device_list(user.sign(user.list({}))).ok());
  devices.push_back(make_device(random));
  CHECK(check_device_list(user.sign(user.list(devices))).code() == ErrorCode::LIMIT_EXCEEDED);
  CHECK(check_device_list(user.sign(user.list({devices[0], devices[1], devices[0]}))).code() ==
        ErrorCode::CERTIFICATE_REFUSED);
  // The same device with another key is the same device.
  Device renewed = make_device(random);
  renewed.id = devices[0].id;
  CHECK(check_device_list(user.sign(user.list({devices[0], renewed}))).code() == ErrorCode::CERTIFICATE_REFUSED);
}

TEST_CASE("a device list holds certificates of its own user and time only", "[wire][identity]") {
  SeededRandom random(9);
  const User user(random);
  const User other(random);
  const auto devices = make_devices(random, 2);
  auto list = user.list(devices);
  SECTION("of another user") {
    *list.add_devices() = other.sign(other.certificate(make_device(random)));
    CHECK(check_device_list(user.sign(list)).code() == ErrorCode::CERTIFICATE_REFUSED);
  }
  SECTION("of a later list") {
    auto later = user.certificate(make_device(random));
    later.set_list_version(2);
    *list.add_devices() = user.sign(later);
    CHECK(check_device_list(user.sign(list)).code() == ErrorCode::CERTIFICATE_REFUSED);
    list.set_version(2);
    list.set_prev_hash(std::string(32, 'h'));
    CHECK(check_device_list(user.sign(list)).ok());
  }
  SECTION("with a bad signature") {
    list.mutable_devices(1)->mutable_signature()->front() ^= 1;
    CHECK(check_device_list(user.sign(list)).code() == ErrorCode::BAD_SIGNATURE);
  }
  SECTION("under its own userId") {
    list.set_user_id(to_string_bytes(other.id));
    CHECK(check_device_list(user.sign(list)).code() == ErrorCode::CERTIFICATE_REFUSED);
  }
}

TEST_CASE("the first device list has no predecessor, and every other names its hash", "[wire][identity]") {
  SeededRandom random(10);
  const User user(random);
  auto list = user.list(make_devices(random, 1));
  const auto with = [&](std::uint64_t version, std::size_t hash_bytes) {
    list.set_version(version);
    list.set_prev_hash(std::string(hash_bytes, 'h'));
    return check_device_list(user.sign(list)).ok();
  };
  CHECK(with(1, 0));
  CHECK_FALSE(with(1, 32));
  CHECK_FALSE(with(0, 0));
  CHECK_FALSE(with(0, 32));
  CHECK_FALSE(with(2, 0));
  CHECK_FALSE(with(2, 31));
  CHECK_FALSE(with(2, 33));
  CHECK(with(2, 32));
  CHECK(with(UINT64_MAX, 32));
}

TEST_CASE("an authentication is signed over all that it says", "[wire][identity]") {
  Authenticate request;
  request.set_user_id(std::string(16, 'u'));
  request.set_device_id(std::string(16, 'd'));
  request.set_kind(MEDIA);
  request.set_session(0x0102030405060708);
  request.set_ack_no(9);
  const Bytes nonce(32, 0xAA);
  const Bytes statement = authentication_statement(nonce, request);
  CHECK(to_hex(statement) == to_hex(as_bytes("sotto authenticate")) + to_hex(nonce) + to_hex(Bytes(16, 'u')) +
                                 to_hex(Bytes(16, 'd')) + "0000000000000001" + "0102030405060708" + "0000000000000009");
  CHECK(to_hex(registration_statement(nonce, "+4930123456")) ==
        to_hex(as_bytes("sotto register")) + to_hex(nonce) + to_hex(as_bytes("+4930123456")));
}

TEST_CASE("a phone number as a person types it becomes E.164, and a name stays as it is", "[wire][identity]") {
  for (const auto& typed : {"+4930123456", "+49 30 123456", "+49 (30) 12-34-56", "0049 30 123456", "+49.30.123456",
                            "(00)4930123456", "+49\u00a030\u202f123456", "+49\u201130\u2013123456"}) {
    CAPTURE(typed);
    CHECK(normalise_handle(typed) == "+4930123456");
  }
  for (const auto& other : {"", "alice", "alice b", "007", "00 alice", "49 30 123456", "+99930123456", "+49 30 12a",
                            "+49 30", "4930+123456", "++4930123456", "\xff+4930123456", "+"}) {
    CAPTURE(other);
    CHECK(normalise_handle(other) == other);
  }
}

TEST_CASE("a handle is a phone number or a name", "[wire][identity]") {
  struct Row {
    std::string handle;
    bool good;
  };
  const std::vector<Row> table{
      // Phone numbers: + and 7 to 15 digits, the first not 0.
      {"+4930123456", true},
      {"+1234567", true},
      {"+123456789012345", true},
      {"+123456", false},
      {"+1234567890123456", false},
      {"+0123456789", false},
      {"+", false},
      {"+49 30123456", false},
      {"+4930123456x", false},
      {"++4930123456", false},
      // The country code is one that is assigned.
      {"+35312345678", true},
      {"+38312345678", true},
      {"+99812345678", true},
      {"+21012345678", false},
      {"+38412345678", false},
      {"+99912345678", false},
      {"4930123456", true},  // a name
      // Names: 1 to 64 bytes.
      {"", false},
      {"a", true},
      {std::string(64, 'a'), true},
      {std::string(65, 'a'), false},
      {"alice.b-c_d", true},
      {"Zoë", true},
      {"名前", true},
      {"\xF0\x9F\xA6\x8A", true},  // a fox, 4 bytes
      // Spaces inside, not at the ends.
      {"alice smith", true},
      {"alice  smith", false},
      {" alice", false},
      {"alice ", false},
      {" ", false},
      {"\xC2\xA0"
       "alice",
       false},                       // a no-break space
      {"alice\xE3\x80\x80", false},  // an ideographic space
      // Not printable.
      {std::string("a\0b", 3), false},
      {"a\nb", false},
      {"a\tb", false},
      {"a\x7F", false},
      {"a\xC2\x85", false},      // U+0085, a C1 control
      {"a\xE2\x80\x8B", false},  // U+200B, zero width
      {"a\xE2\x80\xAE"
       "b",
       false},  // U+202E, right to left
      {"a\xE2\x80\xA8"
       "b",
       false},  // U+2028, line separator
      {"a\xE2\x81\xA6"
       "b",
       false},  // U+2066, isolate
      {"\xEF\xBB\xBF"
       "a",
       false},                       // U+FEFF, byte order mark
      {"a\xEF\xBF\xBF", false},      // U+FFFF, no character
      {"a\xEE\x80\x80", false},      // U+E000, private use
      {"a\xF3\xA0\x81\x81", false},  // U+E0041, a tag
      // Not UTF-8.
      {"\xFF", false},
      {"a\x80", false},             // a continuation alone
      {"a\xC3", false},             // cut off
      {"a\xE2\x82", false},         // cut off
      {"a\xF0\x9F\xA6", false},     // cut off
      {"\xC0\x80", false},          // U+0000, overlong
      {"\xC1\xA1", false},          // 'a', overlong
      {"\xE0\x81\xA1", false},      // 'a', overlong
      {"\xF0\x80\x81\xA1", false},  // 'a', overlong
      {"\xED\xA0\x80", false},      // a surrogate
      {"\xF4\x90\x80\x80", false},  // above U+10FFFF
      {"\xF8\x88\x80\x80\x80", false},
  };
  for (const auto& row : table) {
    CAPTURE(row.handle, to_hex(as_bytes(row.handle)));
    const Status status = check_handle(row.handle);
    CHECK(status.ok() == row.good);
    if (!status.ok()) CHECK(status.code() == ErrorCode::INVALID_ARGUMENT);
  }
}

}  // namespace
}  // namespace sotto::wire::test
