#include "mls/labels.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/try.h"
#include "crypto/hpke.h"
#include "crypto/sign.h"

namespace sotto::mls {

namespace {

Bytes full_label(std::string_view label) { return to_bytes("MLS 1.0 " + std::string(label)); }

// SignContent and EncryptContext have the same form: opaque label<V>; opaque content<V>.
Bytes labelled(std::string_view label, ByteView content) {
  Writer writer;
  writer.opaque(full_label(label));
  writer.opaque(content);
  return std::move(writer).take();
}

// The u-coordinates of small order, with the unused top bit cleared (RFC 7748 sections 5 and 6.1).
constexpr std::array<std::string_view, 7> small_order_points = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
};

}  // namespace

bool is_usable_kem_key(ByteView public_key) {
  crypto::KemPublicKey key;
  if (!assign_exact(key, public_key)) return false;
  key.bytes.back() &= 0x7f;
  const auto hex = to_hex(key.view());
  return std::find(small_order_points.begin(), small_order_points.end(), hex) == small_order_points.end();
}

Bytes hash(ByteView data) { return to_bytes(crypto::sha256(data).view()); }
Bytes mac(ByteView key, ByteView data) { return to_bytes(crypto::hmac_sha256(key, {data}).view()); }
bool mac_equal(ByteView a, ByteView b) { return a.size() == b.size() && crypto::equal_constant_time(a, b); }

Bytes ref_hash(std::string_view label, ByteView value) {
  Writer writer;
  writer.opaque(as_bytes(label));
  writer.opaque(value);
  return hash(writer.bytes());
}

SecretBytes expand_with_label(ByteView secret, std::string_view label, ByteView context, std::size_t length) {
  // struct KDFLabel { uint16 length; opaque label<V>; opaque context<V>; }
  Writer writer;
  writer.integer(length, 2);
  writer.opaque(full_label(label));
  writer.opaque(context);
  return crypto::hkdf_expand(secret, writer.bytes(), length);
}

SecretBytes derive_secret(ByteView secret, std::string_view label) {
  return expand_with_label(secret, label, {}, hash_size);
}

SecretBytes derive_tree_secret(ByteView secret, std::string_view label, std::uint32_t generation, std::size_t length) {
  Writer context;
  context << generation;
  return expand_with_label(secret, label, context.bytes(), length);
}

Bytes sign_with_label(const crypto::SignaturePrivateKey& key, std::string_view label, ByteView content) {
  return to_bytes(crypto::sign(key, labelled(label, content)).view());
}

bool verify_with_label(ByteView signature_key, std::string_view label, ByteView content, ByteView signature) {
  crypto::SignaturePublicKey key;
  return assign_exact(key, signature_key) && signature.size() == crypto::Signature::size_bytes &&
         crypto::verify(key, labelled(label, content), signature);
}

Result<HpkeCiphertext> encrypt_with_label(ByteView public_key, std::string_view label, ByteView context,
                                          ByteView plaintext, Random& random) {
  crypto::KemPublicKey key;
  if (!assign_exact(key, public_key)) return ErrorCode::INVALID_KEY;
  SOTTO_TRY_ASSIGN(auto sealed, crypto::hpke_seal(key, labelled(label, context), {}, plaintext, random));
  return HpkeCiphertext{to_bytes(sealed.kem_output.view()), std::move(sealed.ciphertext)};
}

Result<SecretBytes> decrypt_with_label(const crypto::KemPrivateKey& key, std::string_view label, ByteView context,
                                       const HpkeCiphertext& ciphertext) {
  crypto::KemPublicKey kem_output;
  if (!assign_exact(kem_output, ciphertext.kem_output)) return ErrorCode::INVALID_KEY;
  SOTTO_TRY_ASSIGN(auto opened,
                   crypto::hpke_open(kem_output, key, labelled(label, context), {}, ciphertext.ciphertext));
  return SecretBytes(std::move(opened));
}

KeyAndNonce derive_key_and_nonce(ByteView secret, ByteView context) {
  KeyAndNonce out;
  assign_exact(out.key, expand_with_label(secret, "key", context, crypto::AeadKey::size_bytes).view());
  assign_exact(out.nonce, expand_with_label(secret, "nonce", context, crypto::AeadNonce::size_bytes).view());
  return out;
}

}  // namespace sotto::mls
