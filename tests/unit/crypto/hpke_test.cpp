#include "crypto/hpke.h"

#include "crypto_test.h"

using namespace sotto;
using namespace sotto::crypto;

namespace {

struct Sealed {
  std::size_t sequence;
  std::string_view ciphertext;
};

/// One "Setup Information" of RFC 9180 appendix A.2. All share the info, the plaintext and "Count-<sequence>" as aad.
struct Vector {
  std::string_view ephemeral_ikm, ephemeral_private, ephemeral_public;
  std::string_view receiver_ikm, receiver_private, receiver_public;
  std::string_view psk, psk_id;
  std::vector<Sealed> sealed;
  std::vector<std::pair<std::string_view, std::string_view>> exported;  // context and value
};

const std::string_view info = "4f6465206f6e2061204772656369616e2055726e";
const std::string_view plaintext = "4265617574792069732074727574682c20747275746820626561757479";

const std::vector<Vector>& rfc9180_vectors() {
  static const std::vector<Vector> vectors = {
      // A.2.1, mode base
      {"909a9b35d3dc4713a5e72a4da274b55d3d3821a37e5d099e74a647db583a904b",
       "f4ec9b33b792c372c1d2c2063507b684ef925b8c75a42dbcbf57d63ccd381600",
       "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a",
       "1ac01f181fdf9f352797655161c58b75c656a6cc2716dcb66372da835542e1df",
       "8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb",
       "4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a",
       "",
       "",
       {{0, "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28"},
        {1, "6b53c051e4199c518de79594e1c4ab18b96f081549d45ce015be002090bb119e85285337cc95ba5f59992dc98c"},
        {2, "71146bd6795ccc9c49ce25dda112a48f202ad220559502cef1f34271e0cb4b02b4f10ecac6f48c32f878fae86b"},
        {4, "63357a2aa291f5a4e5f27db6baa2af8cf77427c7c1a909e0b37214dd47db122bb153495ff0b02e9e54a50dbe16"},
        {255, "18ab939d63ddec9f6ac2b60d61d36a7375d2070c9b683861110757062c52b8880a5f6b3936da9cd6c23ef2a95c"},
        {256, "7a4a13e9ef23978e2c520fd4d2e757514ae160cd0cd05e556ef692370ca53076214c0c40d4c728d6ed9e727a5b"}},
       {{"", "4bbd6243b8bb54cec311fac9df81841b6fd61f56538a775e7c80a9f40160606e"},
        {"00", "8c1df14732580e5501b00f82b10a1647b40713191b7c1240ac80e2b68808ba69"},
        {"54657374436f6e74657874", "5acb09211139c43b3090489a9da433e8a30ee7188ba8b0a9a1ccf0c229283e53"}}},
      // A.2.2, mode PSK
      {"35706a0b09fb26fb45c39c2f5079c709c7cf98e43afa973f14d88ece7e29c2e3",
       "0c35fdf49df7aa01cd330049332c40411ebba36e0c718ebc3edf5845795f6321",
       "2261299c3f40a9afc133b969a97f05e95be2c514e54f3de26cbe5644ac735b04",
       "26b923eade72941c8a85b09986cdfa3f1296852261adedc52d58d2930269812b",
       "77d114e0212be51cb1d76fa99dd41cfd4d0166b08caa09074430a6c59ef17879",
       "13640af826b722fc04feaa4de2f28fbd5ecc03623b317834e7ff4120dbe73062",
       "0247fd33b913760fa1fa51e1892d9f307fbe65eb171e8132c2af18555a738b82",
       "456e6e796e20447572696e206172616e204d6f726961",
       {{0, "4a177f9c0d6f15cfdf533fb65bf84aecdc6ab16b8b85b4cf65a370e07fc1d78d28fb073214525276f4a89608ff"},
        {1, "5c3cabae2f0b3e124d8d864c116fd8f20f3f56fda988c3573b40b09997fd6c769e77c8eda6cda4f947f5b704a8"},
        {2, "14958900b44bdae9cbe5a528bf933c5c990dbb8e282e6e495adf8205d19da9eb270e3a6f1e0613ab7e757962a4"},
        {4, "c2a7bc09ddb853cf2effb6e8d058e346f7fe0fb3476528c80db6b698415c5f8c50b68a9a355609e96d2117f8d3"},
        {255, "2414d0788e4bc39a59a26d7bd5d78e111c317d44c37bd5a4c2a1235f2ddc2085c487d406490e75210c958724a7"},
        {256, "c567ae1c3f0f75abe1dd9e4532b422600ed4a6e5b9484dafb1e43ab9f5fd662b28c00e2e81d3cde955dae7e218"}},
       {{"", "813c1bfc516c99076ae0f466671f0ba5ff244a41699f7b2417e4c59d46d39f40"},
        {"00", "2745cf3d5bb65c333658732954ee7af49eb895ce77f8022873a62a13c94cb4e1"},
        {"54657374436f6e74657874", "ad40e3ae14f21c99bfdebc20ae14ab86f4ca2dc9a4799d200f43a25f99fa78ae"}}},
  };
  return vectors;
}

KemKeyPair test_receiver(std::uint64_t seed = 11) {
  SeededRandom random(seed);
  return generate_kem_key(random);
}

}  // namespace

TEST_CASE("DeriveKeyPair gives the keys of RFC 9180 appendix A.2") {
  for (const auto& vector : rfc9180_vectors()) {
    const auto ephemeral = derive_kem_key(from_hex(vector.ephemeral_ikm));
    CHECK(to_hex(ephemeral.private_key.view()) == vector.ephemeral_private);
    CHECK(to_hex(ephemeral.public_key.view()) == vector.ephemeral_public);
    const auto receiver = derive_kem_key(from_hex(vector.receiver_ikm));
    CHECK(to_hex(receiver.private_key.view()) == vector.receiver_private);
    CHECK(to_hex(receiver.public_key.view()) == vector.receiver_public);
    CHECK(public_key_of(receiver.private_key) == receiver.public_key);
  }
}

TEST_CASE("base and PSK mode seal, open and export as in RFC 9180 appendix A.2") {
  for (const auto& vector : rfc9180_vectors()) {
    const auto psk_bytes = from_hex(vector.psk);
    const auto psk_id = from_hex(vector.psk_id);
    std::optional<HpkePsk> psk;
    if (!psk_id.empty()) psk = HpkePsk{psk_bytes, psk_id};
    const auto ephemeral = derive_kem_key(from_hex(vector.ephemeral_ikm));
    const auto receiver = derive_kem_key(from_hex(vector.receiver_ikm));

    auto sender = hpke_setup_sender_with(receiver.public_key, from_hex(info), ephemeral, psk);
    REQUIRE(sender.ok());
    CHECK(to_hex(sender->kem_output.view()) == vector.ephemeral_public);
    auto context = hpke_setup_receiver(sender->kem_output, receiver.private_key, from_hex(info), psk);
    REQUIRE(context.ok());

    std::size_t sequence = 0;
    for (const auto& expected : vector.sealed) {
      for (; sequence <= expected.sequence; ++sequence) {
        const auto aad = to_bytes("Count-" + std::to_string(sequence));
        const auto ciphertext = sender->context.seal(aad, from_hex(plaintext));
        REQUIRE(ciphertext.ok());
        if (sequence == expected.sequence) CHECK(to_hex(ciphertext.value()) == expected.ciphertext);
        const auto opened = context->open(aad, ciphertext.value());
        REQUIRE(opened.ok());
        CHECK(to_hex(opened.value()) == plaintext);
      }
    }
    for (const auto& [exporter_context, value] : vector.exported) {
      CHECK(to_hex(sender->context.export_secret(from_hex(exporter_context), 32).view()) == value);
      CHECK(to_hex(context->export_secret(from_hex(exporter_context), 32).view()) == value);
    }
  }
}

TEST_CASE("keys come from the Random that was passed in") {
  CHECK(test_receiver(1).public_key == test_receiver(1).public_key);
  CHECK_FALSE(test_receiver(1).public_key == test_receiver(2).public_key);
  const auto receiver = test_receiver();
  SeededRandom one(3);
  SeededRandom same(3);
  const auto first = hpke_seal(receiver.public_key, {}, {}, as_bytes("x"), one);
  const auto again = hpke_seal(receiver.public_key, {}, {}, as_bytes("x"), same);
  const auto next = hpke_seal(receiver.public_key, {}, {}, as_bytes("x"), one);
  CHECK(first->kem_output == again->kem_output);
  CHECK(first->ciphertext == again->ciphertext);
  CHECK_FALSE(first->kem_output == next->kem_output);
}

TEST_CASE("a one-shot seal opens only with the same key, info, aad and bytes") {
  const auto receiver = test_receiver();
  SeededRandom random(4);
  const auto sealed = hpke_seal(receiver.public_key, as_bytes("info"), as_bytes("aad"), as_bytes("secret"), random);
  REQUIRE(sealed.ok());
  const auto open = [&](const KemPublicKey& kem_output, std::string_view with_info, std::string_view aad,
                        ByteView ciphertext) {
    return hpke_open(kem_output, receiver.private_key, as_bytes(with_info), as_bytes(aad), ciphertext);
  };
  const auto opened = open(sealed->kem_output, "info", "aad", sealed->ciphertext);
  REQUIRE(opened.ok());
  CHECK(as_text(opened.value()) == "secret");

  CHECK(open(sealed->kem_output, "Info", "aad", sealed->ciphertext).code() == ErrorCode::DECRYPTION_FAILED);
  CHECK(open(sealed->kem_output, "info", "", sealed->ciphertext).code() == ErrorCode::DECRYPTION_FAILED);
  for (std::size_t i = 0; i < sealed->ciphertext.size(); ++i) {
    CHECK(open(sealed->kem_output, "info", "aad", flipped(sealed->ciphertext, i)).code() ==
          ErrorCode::DECRYPTION_FAILED);
    CHECK(open(sealed->kem_output, "info", "aad", ByteView(sealed->ciphertext).first(i)).code() ==
          ErrorCode::DECRYPTION_FAILED);
  }
  for (std::size_t i = 0; i < KemPublicKey::size_bytes; ++i) {
    auto kem_output = sealed->kem_output;
    kem_output.bytes[i] ^= 1;
    CHECK(open(kem_output, "info", "aad", sealed->ciphertext).code() == ErrorCode::DECRYPTION_FAILED);
  }
  CHECK(hpke_open(sealed->kem_output, test_receiver(12).private_key, as_bytes("info"), as_bytes("aad"),
                  sealed->ciphertext)
            .code() == ErrorCode::DECRYPTION_FAILED);
}

TEST_CASE("the same point in another encoding is another kem output") {
  // X25519 ignores the highest bit; the key schedule binds the bytes, so a copy with it set opens nothing.
  const auto receiver = test_receiver();
  SeededRandom random(5);
  const auto sealed = hpke_seal(receiver.public_key, {}, {}, as_bytes("secret"), random);
  auto kem_output = sealed->kem_output;
  kem_output.bytes[31] ^= 0x80;
  CHECK(hpke_open(kem_output, receiver.private_key, {}, {}, sealed->ciphertext).code() == ErrorCode::DECRYPTION_FAILED);
}

TEST_CASE("messages open in order, and a failure moves nothing") {
  const auto receiver = test_receiver();
  SeededRandom random(6);
  auto sender = hpke_setup_sender(receiver.public_key, {}, random);
  REQUIRE(sender.ok());
  auto context = hpke_setup_receiver(sender->kem_output, receiver.private_key, {});
  REQUIRE(context.ok());
  const auto first = sender->context.seal({}, as_bytes("first"));
  const auto second = sender->context.seal({}, as_bytes("second"));
  CHECK(context->open({}, second.value()).code() == ErrorCode::DECRYPTION_FAILED);
  CHECK(context->open({}, flipped(first.value(), 0)).code() == ErrorCode::DECRYPTION_FAILED);
  CHECK(context->open({}, first.value()).ok());
  CHECK(context->open({}, first.value()).code() == ErrorCode::DECRYPTION_FAILED);
  CHECK(context->open({}, second.value()).ok());
}

TEST_CASE("public keys of small order are refused on both sides") {
  const auto receiver = test_receiver();
  for (const std::string_view point : {
           "0000000000000000000000000000000000000000000000000000000000000000",
           "0100000000000000000000000000000000000000000000000000000000000000",
           "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
           "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
           "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
           "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
           "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
           "0000000000000000000000000000000000000000000000000000000000000080",  // the highest bit is ignored
       }) {
    const auto key = array_from_hex<KemPublicKey>(point);
    SeededRandom random(7);
    CHECK(hpke_setup_sender(key, {}, random).code() == ErrorCode::INVALID_KEY);
    CHECK(hpke_seal(key, {}, {}, as_bytes("x"), random).code() == ErrorCode::INVALID_KEY);
    CHECK(hpke_setup_receiver(key, receiver.private_key, {}).code() == ErrorCode::INVALID_KEY);
    CHECK(hpke_open(key, receiver.private_key, {}, {}, Bytes(17)).code() == ErrorCode::INVALID_KEY);
  }
}

TEST_CASE("a PSK needs an id and at least 32 bytes, on both sides") {
  const auto receiver = test_receiver();
  const Bytes psk(32, 9);
  for (const auto& wrong :
       {HpkePsk{psk, {}}, HpkePsk{{}, as_bytes("id")}, HpkePsk{}, HpkePsk{ByteView(psk).first(31), as_bytes("id")}}) {
    SeededRandom random(8);
    CHECK(hpke_setup_sender(receiver.public_key, {}, random, wrong).code() == ErrorCode::INVALID_ARGUMENT);
    CHECK(hpke_setup_receiver(receiver.public_key, receiver.private_key, {}, wrong).code() ==
          ErrorCode::INVALID_ARGUMENT);
  }
}

TEST_CASE("a message under a PSK opens under no other PSK, id or mode") {
  const auto receiver = test_receiver();
  const Bytes psk(32, 9);
  SeededRandom random(9);
  auto sender = hpke_setup_sender(receiver.public_key, {}, random, HpkePsk{psk, as_bytes("id")});
  REQUIRE(sender.ok());
  const auto sealed = sender->context.seal({}, as_bytes("secret"));
  const auto open = [&](const std::optional<HpkePsk>& with) {
    auto context = hpke_setup_receiver(sender->kem_output, receiver.private_key, {}, with);
    REQUIRE(context.ok());
    return context->open({}, sealed.value()).ok();
  };
  CHECK(open(HpkePsk{psk, as_bytes("id")}));
  CHECK_FALSE(open(HpkePsk{psk, as_bytes("Id")}));
  CHECK_FALSE(open(HpkePsk{flipped(psk, 31), as_bytes("id")}));
  CHECK_FALSE(open(std::nullopt));
}

TEST_CASE("exported secrets differ by context and length and are the same on both sides") {
  const auto receiver = test_receiver();
  SeededRandom random(10);
  auto sender = hpke_setup_sender(receiver.public_key, {}, random);
  auto context = hpke_setup_receiver(sender->kem_output, receiver.private_key, {});
  const auto longest = sender->context.export_secret(as_bytes("a"), 255 * 32);
  CHECK(longest.size() == 255 * 32);
  CHECK(equal(longest.view(), context->export_secret(as_bytes("a"), 255 * 32).view()));
  const auto shorter = sender->context.export_secret(as_bytes("a"), 32);
  CHECK_FALSE(equal(shorter.view(), longest.view().first(32)));
  CHECK_FALSE(equal(shorter.view(), sender->context.export_secret(as_bytes("b"), 32).view()));
}
