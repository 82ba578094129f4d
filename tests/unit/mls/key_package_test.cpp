#include "mls/key_package.h"

#include "group_fixture.h"
#include "mls/labels.h"

using namespace sotto;
using namespace sotto::mls;
using namespace sotto::mls::test;

TEST_CASE("A fresh key package is valid, and survives storage with its keys", "[mls][key_package]") {
  World world;
  auto device = world.device("alice");
  must(device.key_package().validate());
  CHECK(device.key_package().ref().size() == 32);
  CHECK(device.key_package().leaf_node.lifetime.contains(500));
  CHECK_FALSE(device.key_package().leaf_node.lifetime.contains(1001));

  const auto again = must(KeyPackageBundle::parse(device.bundle.serialize().view()));
  CHECK(again.key_package.ref() == device.key_package().ref());
  CHECK(equal(again.init_key.view(), device.bundle.init_key.view()));
  CHECK(equal(again.encryption_key.view(), device.bundle.encryption_key.view()));
  CHECK(must(key_package_from_message(to_message(again.key_package))).ref() == again.key_package.ref());
  CHECK(KeyPackageBundle::parse(from_hex("00")).code() == ErrorCode::MALFORMED);
}

TEST_CASE("A key package that was changed or does not fit its own capabilities is refused", "[mls][key_package]") {
  World world;
  auto device = world.device("alice");
  auto key_package = device.key_package();
  const auto signed_again = [&] {
    key_package.leaf_node.sign(device.signature_key.private_key, {}, {});
    key_package.sign(device.signature_key.private_key);
    return key_package.validate().code();
  };
  SECTION("signature of the package") {
    key_package.signature.front() ^= 1;
    CHECK(key_package.validate().code() == ErrorCode::BAD_SIGNATURE);
  }
  SECTION("signature of the leaf") {
    key_package.leaf_node.credential.identity = to_bytes("mallory");
    key_package.sign(device.signature_key.private_key);
    CHECK(key_package.validate().code() == ErrorCode::BAD_SIGNATURE);
  }
  SECTION("another ciphersuite") {
    key_package.cipher_suite = 1;
    CHECK(signed_again() == ErrorCode::UNSUPPORTED);
  }
  SECTION("an extension that the capabilities do not list") {
    key_package.leaf_node.extensions = {{0xf00f, {}}};
    CHECK(signed_again() == ErrorCode::UNSUPPORTED);
  }
  SECTION("an extension twice") {
    key_package.leaf_node.extensions = {{0xf001, {}}, {0xf001, {}}};
    CHECK(signed_again() == ErrorCode::MALFORMED);
  }
  SECTION("a leaf of another source") {
    key_package.leaf_node.source = LeafNodeSource::update;
    CHECK(signed_again() == ErrorCode::MALFORMED);
  }
  SECTION("the same key for both purposes") {
    key_package.init_key = key_package.leaf_node.encryption_key;
    CHECK(signed_again() == ErrorCode::INVALID_KEY);
  }
  SECTION("a key to which nothing can be encrypted") {
    key_package.leaf_node.encryption_key = Bytes(32);
    CHECK(signed_again() == ErrorCode::INVALID_KEY);
  }
  SECTION("a key of the wrong size") {
    key_package.init_key.push_back(0);
    CHECK(signed_again() == ErrorCode::INVALID_KEY);
  }
}

TEST_CASE("A leaf must cover the group's extensions and required capabilities", "[mls][key_package]") {
  World world;
  const auto leaf = world.device("alice").key_package().leaf_node;
  must(leaf.supports({{0xf001, {}}}));
  CHECK(leaf.supports({{0xf002, {}}}).code() == ErrorCode::UNSUPPORTED);
  const auto required = [](RequiredCapabilities it) {
    return Extensions{{extension_type::required_capabilities, encode(it)}};
  };
  must(leaf.supports(required({{0xf001}, {proposal_type::add}, {credential_type::basic}})));
  CHECK(leaf.supports(required({{0xf002}, {}, {}})).code() == ErrorCode::UNSUPPORTED);
  CHECK(leaf.supports(required({{}, {99}, {}})).code() == ErrorCode::UNSUPPORTED);
  CHECK(leaf.supports(required({{}, {}, {credential_type::x509}})).code() == ErrorCode::UNSUPPORTED);
}
