// Commits of others: judged by public state, then followed or skipped; and how one joins and leaves.
#include "group_fixture.h"
#include "mls/group_records.h"
#include "mls/message_protection.h"

using namespace sotto;
using namespace sotto::mls;
using namespace sotto::mls::test;

namespace {

ReceivedCommit judged(Device& device, ByteView message) {
  auto opened = must(device.group->open(message));
  REQUIRE(std::holds_alternative<ReceivedCommit>(opened));
  return std::get<ReceivedCommit>(std::move(opened));
}

/// A commit of a hostile member: whatever `change` makes of a good one, signed and encrypted as it should be.
Bytes tampered_commit(Device& sender, const Bytes& message, const Device& reader, World& world,
                      const std::function<void(AuthenticatedContent&)>& change) {
  const auto record = must(decode<GroupRecord>(must(reader.storage->get({Table::group, 0, 0, 0}))->view()));
  const auto parsed = must(decode<MlsMessage>(message));
  const auto& sealed = std::get<PrivateMessage>(parsed.content);
  const auto from = must(open_sender_data(sealed, record.secrets.sender_data_secret.view()));
  SecretTree keys(*reader.storage, record.context.epoch, record.leaf_count);
  const auto key = must(keys.find(from.leaf_index, RatchetType::handshake, from.generation));
  auto content = must(open_private(sealed, from, key.key));
  change(content);
  content.sign(sender.signature_key.private_key, record.context);
  return encode(MlsMessage{seal_private(content, key.key, record.secrets.sender_data_secret.view(), 0, world.random)});
}

Commit& commit_of(AuthenticatedContent& content) { return std::get<Commit>(content.content.content); }

}  // namespace

TEST_CASE("A received commit tells what it does before anything changes", "[mls][group]") {
  World world;
  auto alice = world.founder("alice", {{0xf001, to_bytes("old")}});
  auto bob = world.device("bob");
  auto carol = world.device("carol");
  auto dave = world.device("dave");
  world.gather(alice, {&bob, &carol});

  CommitSpec spec;
  spec.adds = {dave.key_package()};
  spec.removes = {carol.group->own_leaf_index()};
  spec.group_context_extensions = Extensions{{0xf001, to_bytes("new")}};
  spec.new_leaf.credential = Credential::basic(as_bytes("alice 2"));
  spec.authenticated_data = to_bytes("data");
  const auto staged = must(alice.group->stage_commit(spec, world.random));

  auto commit = judged(bob, staged.message);
  const auto pending = must(alice.group->pending(staged.id));
  for (const auto* effects : {&commit.effects(), &pending.effects}) {
    CHECK(effects->sender == alice.group->own_leaf_index());
    CHECK(effects->epoch == 1);
    CHECK(effects->sender_leaf_before->credential.identity == to_bytes("alice"));
    CHECK(effects->sender_leaf_after->credential.identity == to_bytes("alice 2"));
    REQUIRE(effects->adds.size() == 1);
    CHECK(effects->adds[0].index == carol.group->own_leaf_index());
    CHECK(effects->adds[0].key_package.ref() == dave.key_package().ref());
    REQUIRE(effects->removes.size() == 1);
    CHECK(effects->removes[0].leaf->credential.identity == to_bytes("carol"));
    CHECK(effects->changes_extensions);
    CHECK(effects->extensions_before == Extensions{{0xf001, to_bytes("old")}});
    CHECK(effects->extensions_after == Extensions{{0xf001, to_bytes("new")}});
    CHECK(effects->members_after.size() == 3);
    CHECK(effects->authenticated_data == to_bytes("data"));
    CHECK(effects->has_path);
    CHECK_FALSE(effects->has_proposals_by_reference);
    CHECK_FALSE(effects->has_psk);
    CHECK_FALSE(effects->removes_this_member);
  }
  CHECK(bob.group->epoch() == 1);
  CHECK(must(bob.group->apply(std::move(commit), at(1))) == ApplyOutcome::advanced);
  CHECK(equal(bob.group->epoch_authenticator(), pending.epoch_authenticator.view()));
  CHECK(bob.group->extensions() == Extensions{{0xf001, to_bytes("new")}});
}

TEST_CASE("A rejected commit leaves the epoch as it was, its key used up", "[mls][group]") {
  World world;
  auto alice = world.founder("alice");
  auto bob = world.device("bob");
  auto carol = world.device("carol");
  world.gather(alice, {&bob, &carol});
  const auto rejected = must(alice.group->stage_commit({}, world.random));
  for (auto* device : {&bob, &carol}) must(device->group->reject(judged(*device, rejected.message)));
  must(alice.group->drop_pending(rejected.id));
  CHECK(bob.group->open(rejected.message).code() == ErrorCode::KEY_CONSUMED);
  bob.reload();
  world.commit(carol, {}, {&alice, &bob, &carol});
  require_agreement({&alice, &bob, &carol});
  CHECK(World::read(alice, world.say(bob, "on")) == "on");
}

TEST_CASE("A commit that breaks a rule is invalid for all, and changes nothing", "[mls][group]") {
  World world;
  auto alice = world.founder("alice");
  auto bob = world.device("bob");
  auto carol = world.device("carol");
  world.gather(alice, {&bob, &carol});
  CommitSpec spec;
  auto dave = world.device("dave");
  spec.adds = {dave.key_package()};
  const auto good = must(alice.group->stage_commit(spec, world.random)).message;
  const auto result = [&](const std::function<void(AuthenticatedContent&)>& change) {
    return bob.group->open(tampered_commit(alice, good, carol, world, change)).code();
  };
  const auto proposed = [&](Proposal proposal) {
    return result([&](auto& it) { commit_of(it).proposals.push_back({std::move(proposal)}); });
  };
  SECTION("without a path though it removes") {
    CHECK(result([&](auto& it) {
            commit_of(it).proposals.push_back({Proposal{Remove{carol.group->own_leaf_index()}}});
            commit_of(it).path.reset();
          }) == ErrorCode::INVALID_COMMIT);
  }
  SECTION("removes its sender") { CHECK(proposed({Remove{{0}}}) == ErrorCode::INVALID_COMMIT); }
  SECTION("removes a blank leaf") { CHECK(proposed({Remove{{77}}}) == ErrorCode::INVALID_COMMIT); }
  SECTION("adds the same device twice") { CHECK(proposed({Add{dave.key_package()}}) == ErrorCode::INVALID_COMMIT); }
  SECTION("adds a member") { CHECK(proposed({Add{carol.key_package()}}) == ErrorCode::INVALID_COMMIT); }
  SECTION("an Update by value") { CHECK(proposed({Update{*alice.group->leaf({0})}}) == ErrorCode::INVALID_COMMIT); }
  SECTION("ExternalInit") { CHECK(proposed({ExternalInit{Bytes(32)}}) == ErrorCode::INVALID_COMMIT); }
  SECTION("an unknown reference") {
    CHECK(result([](auto& it) { commit_of(it).proposals.push_back({Bytes(32)}); }) == ErrorCode::INVALID_COMMIT);
  }
  SECTION("an extension that members do not support") {
    CHECK(proposed({GroupContextExtensions{{{0xf0f0, {}}}}}) == ErrorCode::INVALID_COMMIT);
  }
  SECTION("an extension twice") {
    CHECK(proposed({GroupContextExtensions{{{0xf001, {}}, {0xf001, {}}}}}) == ErrorCode::INVALID_COMMIT);
  }
  SECTION("a PSK that is not known") {
    PreSharedKeyId id;
    id.psk_nonce = Bytes(32);
    CHECK(proposed({PreSharedKey{id}}) == ErrorCode::UNSUPPORTED);
  }
  SECTION("a key package with a bad signature") {
    auto bad = world.device("eve").key_package();
    bad.signature.front() ^= 1;
    CHECK(proposed({Add{bad}}) == ErrorCode::INVALID_COMMIT);
  }
  SECTION("a path that is too short") {
    CHECK(result([](auto& it) { commit_of(it).path->nodes.pop_back(); }) == ErrorCode::INVALID_COMMIT);
  }
  SECTION("a path with a ciphertext too many") {
    CHECK(result([](auto& it) {
            auto& list = commit_of(it).path->nodes.front().encrypted_path_secret;
            list.push_back(list.front());
          }) == ErrorCode::INVALID_COMMIT);
  }
  SECTION("a path with another key") {
    CHECK(result([](auto& it) { commit_of(it).path->nodes.front().encryption_key.front() ^= 1; }) ==
          ErrorCode::INVALID_COMMIT);
  }
  SECTION("a leaf whose signature is wrong") {
    CHECK(result([](auto& it) { commit_of(it).path->leaf_node.credential.identity = to_bytes("eve"); }) ==
          ErrorCode::BAD_SIGNATURE);
  }
  SECTION("ReInit alone") {
    CHECK(result([](auto& it) { commit_of(it).proposals = {{Proposal{ReInit{}}}}; }) == ErrorCode::UNSUPPORTED);
  }
  CHECK(bob.group->epoch() == 1);
  world.commit(carol, {}, {&alice, &bob, &carol});
  require_agreement({&alice, &bob, &carol});
}

TEST_CASE("A commit that is wrong for this member only cannot be followed, and the state stays", "[mls][group]") {
  World world;
  auto alice = world.founder("alice");
  auto bob = world.device("bob");
  auto carol = world.device("carol");
  world.gather(alice, {&bob, &carol});
  const auto good = must(alice.group->stage_commit({}, world.random)).message;
  std::function<void(AuthenticatedContent&)> change;
  SECTION("the confirmation tag") {
    change = [](auto& it) { it.auth.confirmation_tag.front() ^= 1; };
  }
  SECTION("a path secret") {
    change = [](auto& it) {
      for (auto& node : commit_of(it).path->nodes) {
        for (auto& sealed : node.encrypted_path_secret) sealed.ciphertext.front() ^= 1;
      }
    };
  }
  auto commit = judged(bob, tampered_commit(alice, good, carol, world, change));
  MemoryStorage before;
  before.copy_from(*bob.storage);
  CHECK(bob.group->apply(std::move(commit), at(1)).code() == ErrorCode::CANNOT_FOLLOW);
  CHECK(before == *bob.storage);
  world.commit(carol, {}, {&alice, &bob, &carol});
  require_agreement({&alice, &bob, &carol});
}

TEST_CASE("A commit is applied by the group and in the epoch that opened it only", "[mls][group]") {
  World world;
  auto alice = world.founder("alice");
  auto bob = world.device("bob");
  world.gather(alice, {&bob});
  const auto first = must(alice.group->stage_commit({}, world.random));
  const auto second = must(alice.group->stage_commit({}, world.random));
  auto one = judged(bob, first.message);
  auto two = judged(bob, second.message);
  must(bob.group->apply(std::move(one), at(1)));
  CHECK(bob.group->apply(std::move(two), at(1)).code() == ErrorCode::INVALID_ARGUMENT);
}

TEST_CASE("A removed member reads what was sent before and nothing after", "[mls][group]") {
  World world;
  auto alice = world.founder("alice");
  auto bob = world.device("bob");
  auto carol = world.device("carol");
  world.gather(alice, {&bob, &carol});
  const auto before = world.say(alice, "before");
  CommitSpec spec;
  spec.removes = {carol.group->own_leaf_index()};
  const auto staged = must(alice.group->stage_commit(spec, world.random));
  must(alice.group->merge_pending(staged.id, at(1)));
  World::follow(bob, staged.message);
  CHECK(World::follow(carol, staged.message) == ApplyOutcome::removed);
  const auto after = world.say(alice, "after");
  carol.reload();
  CHECK_FALSE(carol.group->active());
  CHECK(World::read(carol, before) == "before");
  CHECK(carol.group->open(after).code() == ErrorCode::WRONG_EPOCH);
  CHECK(carol.group->encrypt({}, {}, Padding::none, world.random).code() == ErrorCode::NOT_A_MEMBER);
  CHECK(carol.group->stage_commit({}, world.random).code() == ErrorCode::NOT_A_MEMBER);
  CHECK(World::read(bob, after) == "after");

  // The same device comes back with a new key package, under the same signature key.
  KeyPackageParams params;
  params.identity = to_bytes("carol");
  carol.bundle = make_key_package(params, carol.signature_key, world.random);
  must(Group::erase(*carol.storage));
  CHECK(carol.storage->rows() == 0);
  world.commit(bob, {.adds = {carol.key_package()}}, {&alice, &bob}, {&carol});
  require_agreement({&alice, &bob, &carol});
}

TEST_CASE("A device is replaced in one commit, in its own place", "[mls][group]") {
  World world;
  auto alice = world.founder("alice");
  auto bob = world.device("bob");
  auto carol = world.device("carol");
  world.gather(alice, {&bob, &carol});
  KeyPackageParams params;
  params.identity = to_bytes("bob again");
  auto again = world.device("bob again");
  again.signature_key = {bob.signature_key.private_key.clone(), bob.signature_key.public_key};
  again.bundle = make_key_package(params, again.signature_key, world.random);
  world.commit(alice, {.adds = {again.key_package()}, .removes = {bob.group->own_leaf_index()}}, {&alice, &carol},
               {&again});
  require_agreement({&alice, &carol, &again});
  CHECK(again.group->own_leaf_index() == bob.group->own_leaf_index());
}

TEST_CASE("A Welcome can name a tree that comes from elsewhere", "[mls][group]") {
  World world;
  auto alice = world.founder("alice");
  auto bob = world.device("bob");
  const auto staged = must(alice.group->stage_commit({.adds = {bob.key_package()}}, world.random));
  const Extensions where{{0xf123, to_bytes("blob 17")}};
  const auto welcome = must(alice.group->make_welcome(staged.id, where, TreeInWelcome::left_out, world.random));
  const auto tree = must(alice.group->ratchet_tree_of_pending(staged.id));
  must(alice.group->merge_pending(staged.id, at(1)));
  CHECK(alice.group->ratchet_tree() == tree);

  auto joining = must(Group::begin_join(welcome, bob.bundle));
  CHECK_FALSE(joining.has_ratchet_tree());
  CHECK(*find_extension(joining.group_info().extensions, 0xf123) == to_bytes("blob 17"));
  const auto& key = bob.signature_key.private_key;
  CHECK(Group::finish_join(must(Group::begin_join(welcome, bob.bundle)), {}, key, *bob.storage).code() ==
        ErrorCode::NOT_FOUND);
  auto other_tree = tree;
  other_tree[10] ^= 1;
  CHECK_FALSE(Group::join(welcome, bob.bundle, other_tree, key, *bob.storage).ok());
  CHECK(Group::join(welcome, bob.bundle, tree, alice.signature_key.private_key, *bob.storage).code() ==
        ErrorCode::CANNOT_FOLLOW);
  CHECK(bob.storage->rows() == 0);
  bob.group.emplace(must(Group::finish_join(std::move(joining), tree, key, *bob.storage)));
  require_agreement({&alice, &bob});
  CHECK(Group::join(welcome, bob.bundle, tree, key, *bob.storage).code() == ErrorCode::ALREADY_EXISTS);
}

TEST_CASE("A Welcome opens for whom it is for, whole or reduced to one entry", "[mls][group]") {
  World world;
  auto alice = world.founder("alice");
  auto bob = world.device("bob");
  auto carol = world.device("carol");
  const auto staged = must(alice.group->stage_commit({.adds = {bob.key_package(), carol.key_package()}}, world.random));
  const auto welcome = must(alice.group->make_welcome(staged.id, {}, TreeInWelcome::included, world.random));
  must(alice.group->merge_pending(staged.id, at(1)));
  auto dave = world.device("dave");
  CHECK(Group::begin_join(welcome, dave.bundle).code() == ErrorCode::NOT_FOUND);
  world.join(bob, welcome);
  const auto reduced = welcome.only_for(carol.key_package().ref());
  REQUIRE(reduced.has_value());
  CHECK(reduced->secrets.size() == 1);
  world.join(carol, *reduced);
  require_agreement({&alice, &bob, &carol});
  auto changed = welcome;
  changed.encrypted_group_info.back() ^= 1;
  CHECK(Group::begin_join(changed, bob.bundle).code() == ErrorCode::DECRYPTION_FAILED);
}

TEST_CASE("Proposals by reference are committed by another member", "[mls][group]") {
  World world;
  auto alice = world.founder("alice");
  auto bob = world.device("bob");
  auto carol = world.device("carol");
  auto dave = world.device("dave");
  world.gather(alice, {&bob, &carol});
  NewLeaf new_leaf;
  new_leaf.signature_key = crypto::generate_signature_key(world.random);
  new_leaf.credential = Credential::basic(as_bytes("bob 2"));
  const std::vector<Bytes> proposals = {
      must(bob.group->propose_update(new_leaf, {}, world.random)),
      must(bob.group->propose_add(dave.key_package(), {}, world.random)),
      must(bob.group->propose_group_context_extensions({{0xf001, to_bytes("x")}}, {}, world.random)),
  };
  bob.reload();
  CommitSpec spec;
  for (const auto& message : proposals) {
    for (auto* device : {&alice, &carol}) {
      const auto opened = must(device->group->open(message));
      const auto& proposal = std::get<ProposalReceived>(opened);
      CHECK(proposal.sender == bob.group->own_leaf_index());
      if (device == &alice) spec.proposal_refs.push_back(proposal.ref);
    }
  }
  carol.reload();
  const auto effects = world.commit(alice, spec, {&alice, &bob, &carol}, {&dave});
  CHECK(effects.has_proposals_by_reference);
  CHECK(effects.updates.size() == 1);
  require_agreement({&alice, &bob, &carol, &dave});
  bob.reload();
  CHECK(World::read(dave, world.say(bob, "new key")) == "new key");
  world.commit(bob, {}, {&alice, &bob, &carol, &dave});
  require_agreement({&alice, &bob, &carol, &dave});
}

TEST_CASE("Proposals that nobody commits are bounded in number", "[mls][group]") {
  World world;
  auto alice = world.founder("alice");
  auto bob = world.device("bob");
  world.gather(alice, {&bob});
  for (std::size_t i = 0; i < limits::stored_proposals; ++i) {
    must(bob.group->open(must(alice.group->propose_remove({0}, Bytes(i), world.random))));
  }
  CHECK(alice.group->propose_remove({0}, {}, world.random).code() == ErrorCode::LIMIT_EXCEEDED);
  world.commit(alice, {}, {&alice, &bob});
  CHECK(bob.storage->rows_of(Table::proposal) == 0);
  must(alice.group->propose_remove({0}, {}, world.random));
}
