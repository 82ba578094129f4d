#include "mls/secret_tree.h"

#include "group_fixture.h"
#include "mls/limits.h"
#include "mls/memory_storage.h"

using namespace sotto;
using namespace sotto::mls;
using sotto::mls::test::must;

namespace {

Bytes key_bytes(const KeyUse& use) { return concat({use.key.key.view(), use.key.nonce.view()}); }

struct Trees {
  MemoryStorage sender_storage;
  MemoryStorage receiver_storage;
  SecretTree sender{sender_storage, 3, 8};
  SecretTree receiver{receiver_storage, 3, 8};
  Trees() {
    const Bytes secret(32, 7);
    must(sender.begin(secret));
    must(receiver.begin(secret));
  }
  Bytes send(LeafIndex leaf = {2}) {
    const auto use = must(sender.next(leaf, RatchetType::application));
    must(sender.use(use));
    return key_bytes(use);
  }
  Bytes receive(std::uint32_t generation, LeafIndex leaf = {2}) {
    const auto use = must(receiver.find(leaf, RatchetType::application, generation));
    must(receiver.use(use));
    return key_bytes(use);
  }
  std::optional<ErrorCode> failure(std::uint32_t generation) {
    return receiver.find({2}, RatchetType::application, generation).code();
  }
};

}  // namespace

TEST_CASE("Keys come in any order, each once", "[mls][secret_tree]") {
  Trees trees;
  std::vector<Bytes> sent;
  for (int i = 0; i < 6; ++i) sent.push_back(trees.send());
  for (const std::uint32_t generation : {3U, 0U, 5U, 1U, 4U, 2U}) {
    CHECK(trees.receive(generation) == sent[generation]);
    CHECK(trees.failure(generation) == ErrorCode::KEY_CONSUMED);
  }
  CHECK(trees.receiver_storage.rows_of(Table::skipped) == 0);
}

TEST_CASE("Looking a key up changes nothing", "[mls][secret_tree]") {
  Trees trees;
  MemoryStorage before;
  before.copy_from(trees.receiver_storage);
  for (int i = 0; i < 3; ++i) CHECK(trees.receiver.find({2}, RatchetType::application, 40).ok());
  CHECK(before == trees.receiver_storage);
}

TEST_CASE("Leaves and purposes have keys of their own, whatever the order of derivation", "[mls][secret_tree]") {
  Trees a;
  Trees b;
  std::map<std::uint32_t, Bytes> first;
  for (std::uint32_t leaf = 0; leaf < 8; ++leaf) first[leaf] = a.receive(0, {leaf});
  for (std::uint32_t leaf = 8; leaf-- > 0;) CHECK(b.receive(0, {leaf}) == first[leaf]);
  CHECK(key_bytes(must(a.receiver.find({0}, RatchetType::handshake, 0))) != first[0]);
  CHECK(a.receiver_storage.rows_of(Table::frontier) == 0);
  CHECK(a.receiver.find({8}, RatchetType::application, 0).code() == ErrorCode::KEY_CONSUMED);
}

TEST_CASE("A jump of 4096 is followed, one more is too far", "[mls][secret_tree]") {
  Trees trees;
  CHECK(trees.failure(limits::forward_jump + 1) == ErrorCode::GENERATION_TOO_FAR);
  CHECK(trees.failure(0xffffffff) == ErrorCode::GENERATION_TOO_FAR);
  trees.receive(limits::forward_jump);
  CHECK(trees.failure(2 * limits::forward_jump + 2) == ErrorCode::GENERATION_TOO_FAR);
  CHECK(trees.failure(2 * limits::forward_jump + 1) == std::nullopt);
}

TEST_CASE("At most 256 skipped keys are kept, the oldest go first", "[mls][secret_tree]") {
  Trees trees;
  trees.receive(1000);
  CHECK(trees.receiver_storage.rows_of(Table::skipped) == limits::skipped_keys);
  CHECK(trees.failure(743) == ErrorCode::KEY_CONSUMED);
  trees.receive(744);
  trees.receive(999);
  // Two are gone; ten more push out eight.
  trees.receive(1011);
  CHECK(trees.receiver_storage.rows_of(Table::skipped) == limits::skipped_keys);
  CHECK(trees.failure(752) == ErrorCode::KEY_CONSUMED);
  CHECK(trees.failure(753) == std::nullopt);
  trees.receive(1500);
  CHECK(trees.receiver_storage.rows_of(Table::skipped) == limits::skipped_keys);
  CHECK(trees.failure(1010) == ErrorCode::KEY_CONSUMED);
  CHECK(trees.failure(1244) == std::nullopt);
}

TEST_CASE("A message of a deep tree changes few and small records", "[mls][secret_tree]") {
  MemoryStorage storage;
  SecretTree tree(storage, 0, 512);
  must(tree.begin(Bytes(32, 1)));
  storage.reset_counters();
  must(tree.use(must(tree.find({300}, RatchetType::application, 0))));
  CHECK(storage.bytes_written() < 1024);
  storage.reset_counters();
  must(tree.use(must(tree.find({300}, RatchetType::application, 1))));
  CHECK(storage.bytes_written() < 100);
}
