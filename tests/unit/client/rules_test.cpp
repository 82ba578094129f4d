// Which commits are valid in a chat: for each rule one that keeps it and one that breaks it.
//
// Not here, because our MLS makes no such commit: one without a path, and one with a PSK.
#include "client/rules.h"

#include "unit/client/members.h"

using namespace sotto;
using namespace sotto::client;
using namespace sotto::test;

namespace {

/// What an honest client says of the commit that has these effects.
wire::CheckedCommitAad honest(const mls::CommitEffects& effects) {
  wire::CheckedCommitAad aad;
  aad.membership_changed = !effects.adds.empty() || !effects.removes.empty();
  if (auto state = read_chat_state(effects.extensions_after); state.ok()) aad.admins = state->admins;
  if (const auto devices = read_devices(effects.members_after); devices.ok()) {
    aad.roster_digest = roster_of(*devices, aad.admins).digest();
  }
  const auto name = [](const mls::LeafNode& leaf, std::vector<wire::RosterChange>& in) {
    if (const auto device = wire::read_credential(leaf.credential.identity); device.ok()) {
      in.push_back({device->user, device->device, device->era});
    }
  };
  for (const auto& add : effects.adds) name(add.key_package.leaf_node, aad.adds);
  for (const auto& removed : effects.removes) name(*removed.leaf, aad.removes);
  return aad;
}

std::string rule_of(const Result<Verdict>& verdict) {
  if (verdict.ok()) return "valid";
  CHECK(verdict.error().code == ErrorCode::INVALID_COMMIT);
  return verdict.error().message;
}

bool same(const Result<Verdict>& a, const Result<Verdict>& b) {
  if (a.ok() != b.ok()) return false;
  if (!a.ok()) return a.error().message == b.error().message;
  return a->sender == b->sender && a->sender_device == b->sender_device && a->before == b->before &&
         a->after == b->after && a->roster_after == b->roster_after && a->users_added == b->users_added &&
         a->users_removed == b->users_removed;
}

using Lie = std::function<void(wire::CheckedCommitAad&)>;

/// A group of alice, its admin, with two devices; bob with two; and carol.
struct Club : test::People {
  explicit Club(ChatType type = ChatType::group) : People(1) {
    state.rules_version = 1;
    state.type = type;
    state.created_at = 1000;
    if (type == ChatType::group) {
      state.name = "friends";
      state.admins = {alice.person->user};
    }
    found(alice, state);
    if (type == ChatType::group) {
      gather(alice, {&alice2, &bob, &bob2, &carol});
    } else {
      gather(alice, {&bob});
    }
  }

  /// Every member's judgement of this commit; `by` and `reader` come to the same one.
  Result<Verdict> judged(Member& by, Member& reader, const mls::CommitSpec& spec, const Lie& lie = {}) {
    const auto staged = must(by.group->stage_commit(spec, random));
    const auto pending = must(by.group->pending(staged.id));
    auto aad = honest(pending.effects);
    if (lie) lie(aad);
    auto own = judge(pending.effects, aad);
    auto opened = must(reader.group->open(staged.message));
    auto& commit = std::get<mls::ReceivedCommit>(opened);
    const auto others = judge(commit.effects(), aad);
    CHECK(same(own, others));
    CHECK(same(others, judge(commit.effects(), aad)));  // the same question, the same answer
    must(reader.group->reject(std::move(commit)));
    must(by.group->drop_pending(staged.id));
    return own;
  }
  std::string rule(Member& by, const mls::CommitSpec& spec, const Lie& lie = {}) {
    return rule_of(judged(by, &by == &bob ? alice : bob, spec, lie));
  }
  mls::CommitSpec with_state(const std::function<void(ChatStateView&)>& change) {
    auto after = state;
    change(after);
    mls::CommitSpec spec;
    spec.group_context_extensions = with_chat_state(alice.group->extensions(), after);
    return spec;
  }
  mls::CommitSpec adding(const std::vector<Member*>& who) {
    mls::CommitSpec spec;
    for (auto* member : who) spec.adds.push_back(key_package(*member));
    return spec;
  }
  static mls::CommitSpec removing(const Member& who) {
    mls::CommitSpec spec;
    spec.removes.push_back(who.group->own_leaf_index());
    return spec;
  }
  UserId user(const Member& of) { return of.person->user; }

  Member& alice = member();
  Member& alice2 = device(*alice.person);
  Member& bob = member();
  Member& bob2 = device(*bob.person);
  Member& carol = member();
  ChatStateView state;
};

}  // namespace

TEST_CASE("A refresh of one's own keys is valid, by anyone") {
  Club chat;
  for (auto* by : {&chat.alice, &chat.carol}) {
    const auto verdict = must(chat.judged(*by, chat.bob, {}));
    CHECK(verdict.sender == chat.user(*by));
    CHECK(verdict.sender_device == by->device);
    CHECK(verdict.before == chat.state);
    CHECK(verdict.after == chat.state);
    CHECK(verdict.roster_after.devices.size() == 5);
    CHECK(verdict.users_added.empty());
    CHECK(verdict.users_removed.empty());
  }
}

TEST_CASE("Form: proposals come inside the commit, never by reference") {
  Club chat;
  const auto proposal_of = [&](Bytes message) {
    return std::get<mls::ProposalReceived>(must(chat.alice.group->open(message))).ref;
  };
  mls::CommitSpec spec;
  SECTION("an add") {
    auto& dave = chat.member();
    const auto message = must(chat.bob.group->propose_add(chat.key_package(dave), {}, chat.random));
    spec.proposal_refs = {proposal_of(message)};
    const auto staged = must(chat.alice.group->stage_commit(spec, chat.random));
    const auto pending = must(chat.alice.group->pending(staged.id));
    CHECK(rule_of(judge(pending.effects, honest(pending.effects))) == "form: a proposal by reference");
  }
  SECTION("an update") {
    const auto message = must(chat.bob.group->propose_update({}, {}, chat.random));
    spec.proposal_refs = {proposal_of(message)};
    const auto staged = must(chat.alice.group->stage_commit(spec, chat.random));
    auto effects = must(chat.alice.group->pending(staged.id)).effects;
    const auto aad = honest(effects);
    CHECK(rule_of(judge(effects, aad)) == "form: a proposal by reference");
    // Were it not for the reference, the update itself would be refused.
    effects.has_proposals_by_reference = false;
    CHECK(rule_of(judge(effects, aad)) == "form: an update proposal");
    effects.updates.clear();
    effects.has_path = false;
    CHECK(rule_of(judge(effects, aad)) == "form: no update path");
    effects.has_path = true;
    effects.has_psk = true;
    CHECK(rule_of(judge(effects, aad)) == "form: a PSK");
  }
}

TEST_CASE("Leaf: an added leaf is certified by its user") {
  Club chat;
  auto& dave = chat.member();
  CHECK(chat.rule(chat.alice, chat.adding({&dave})) == "valid");
  SECTION("not by somebody else") {
    dave.credential = wire::serialize(
        certify(*dave.person, dave.device, 1, dave.key.public_key, chat.alice.person->identity.private_key));
  }
  SECTION("for this key") {
    dave.credential = wire::serialize(
        certify(*dave.person, dave.device, 1, chat.bob.key.public_key, dave.person->identity.private_key));
  }
  SECTION("at all") { dave.credential = to_bytes("dave"); }
  CHECK(chat.rule(chat.alice, chat.adding({&dave})) == "leaf: not certified by its user");
}

TEST_CASE("Leaf: the sender stays the device that it is") {
  Club chat;
  mls::CommitSpec spec;
  SECTION("its capabilities may change") {
    spec.new_leaf.capabilities =
        mls::Capabilities::standard({chat_state_extension, test::People::other_extension, 0xF0F1});
    CHECK(chat.rule(chat.alice, spec) == "valid");
    return;
  }
  Member* becomes = nullptr;
  SECTION("not another device of its user") { becomes = &chat.device(*chat.alice.person); }
  SECTION("not a device of somebody else") { becomes = &chat.member(); }
  SECTION("not the same device of another era") { becomes = &chat.device(*chat.alice.person, chat.alice.device, 2); }
  spec.new_leaf.signature_key = crypto::SignatureKeyPair{becomes->key.private_key.clone(), becomes->key.public_key};
  spec.new_leaf.credential = mls::Credential::basic(becomes->credential);
  CHECK(chat.rule(chat.alice, spec) == "leaf: the sender becomes another device");
}

TEST_CASE("Leaf: the sender's credential stays certified") {
  Club chat;
  mls::CommitSpec spec;
  spec.new_leaf.credential = mls::Credential::basic(as_bytes("alice, believe me"));
  CHECK(chat.rule(chat.alice, spec) == "leaf: the sender becomes another device");
}

TEST_CASE("Places: a device has one leaf") {
  Club chat;
  auto& twin = chat.device(*chat.bob.person, chat.bob.device, 2);
  CHECK(chat.rule(chat.alice, chat.adding({&twin})) == "places: a device has two leaves");
  SECTION("unless the new one takes the old one's place") {
    auto spec = chat.adding({&twin});
    spec.removes.push_back(chat.bob.group->own_leaf_index());
    CHECK(rule_of(chat.judged(chat.alice, chat.carol, spec)) == "valid");
  }
}

TEST_CASE("Places: a user has at most 10 devices") {
  Club chat;
  std::vector<Member*> more;
  for (int i = 0; i < 8; ++i) more.push_back(&chat.device(*chat.bob.person));
  CHECK(chat.rule(chat.bob, chat.adding(more)) == "valid");
  more.push_back(&chat.device(*chat.bob.person));
  CHECK(chat.rule(chat.bob, chat.adding(more)) == "places: more than 10 devices of a user");
}

TEST_CASE("Places: a chat has at most 100 users") {
  Club chat;
  std::vector<Member*> more;
  for (int i = 0; i < 97; ++i) more.push_back(&chat.member());
  CHECK(chat.rule(chat.alice, chat.adding(more)) == "valid");
  more.push_back(&chat.member());
  CHECK(chat.rule(chat.alice, chat.adding(more)) == "places: more than 100 users");
}

TEST_CASE("Members: others come and go by an admin, one's own devices by oneself") {
  Club chat;
  auto& dave = chat.member();
  auto& carol2 = chat.device(*chat.carol.person);
  SECTION("adding") {
    const auto verdict = must(chat.judged(chat.alice, chat.bob, chat.adding({&dave, &carol2})));
    CHECK(verdict.users_added == std::set<UserId>{chat.user(dave)});  // carol was there
    CHECK(verdict.roster_after.devices.size() == 7);
    CHECK(chat.rule(chat.bob, chat.adding({&dave})) == "members: only an admin adds others");
    CHECK(chat.rule(chat.bob, chat.adding({&carol2})) == "members: only an admin adds others");
    CHECK(chat.rule(chat.carol, chat.adding({&carol2})) == "valid");
  }
  SECTION("removing") {
    const auto verdict = must(chat.judged(chat.alice, chat.bob, Club::removing(chat.carol)));
    CHECK(verdict.users_removed == std::set<UserId>{chat.user(chat.carol)});
    CHECK(must(chat.judged(chat.alice, chat.carol, Club::removing(chat.bob2))).users_removed.empty());
    CHECK(chat.rule(chat.bob, Club::removing(chat.carol)) == "members: only an admin removes others");
    CHECK(rule_of(chat.judged(chat.bob, chat.carol, Club::removing(chat.bob2))) == "valid");
  }
  SECTION("replacing is neither coming nor going") {
    auto& again = chat.device(*chat.carol.person, chat.carol.device, 2);
    auto spec = chat.adding({&again});
    spec.removes.push_back(chat.carol.group->own_leaf_index());
    const auto verdict = must(chat.judged(chat.alice, chat.bob, spec));
    CHECK(verdict.users_added.empty());
    CHECK(verdict.users_removed.empty());
  }
}

TEST_CASE("State: a group's name, admins and rules change by an admin only") {
  Club chat;
  std::function<void(ChatStateView&)> change;
  SECTION("name") {
    change = [](ChatStateView& s) { s.name = "enemies"; };
  }
  SECTION("admins") {
    change = [&](ChatStateView& s) { s.admins.insert(chat.user(chat.bob)); };
  }
  SECTION("rules") {
    change = [](ChatStateView& s) { s.rules_version = 2; };
  }
  const auto spec = chat.with_state(change);
  auto expected = chat.state;
  change(expected);
  CHECK(must(chat.judged(chat.alice, chat.bob, spec)).after == expected);
  CHECK(chat.rule(chat.bob, spec) == "state: only an admin changes it");
}

TEST_CASE("State: what never changes") {
  Club chat;
  const auto by_admin = [&](const std::function<void(ChatStateView&)>& change) {
    return chat.rule(chat.alice, chat.with_state(change));
  };
  CHECK(by_admin([](ChatStateView& s) { ++s.created_at; }) == "state: type and creation time never change");
  CHECK(by_admin([](ChatStateView& s) { s.type = ChatType::direct; }) == "state: type and creation time never change");
  CHECK(by_admin([](ChatStateView& s) { s.admins.clear(); }) == "state: a group has an admin");
  CHECK(by_admin([](ChatStateView& s) { s.admins.insert(id_of<UserId>(7)); }) == "state: an admin is not a member");
}

TEST_CASE("State: rules never go back") {
  Club chat;
  auto effects = must(chat.alice.group->pending(must(chat.alice.group->stage_commit({}, chat.random)).id)).effects;
  auto newer = chat.state;
  newer.rules_version = 2;
  effects.extensions_before = with_chat_state(effects.extensions_before, newer);
  CHECK(rule_of(judge(effects, honest(effects))) == "state: rules never go back");
}

TEST_CASE("State: the last admin does not go") {
  Club chat;
  auto spec = Club::removing(chat.alice);
  spec.removes.push_back(chat.alice2.group->own_leaf_index());
  CHECK(rule_of(chat.judged(chat.carol, chat.bob, spec)) == "state: an admin is not a member");
}

TEST_CASE("State: there is one ChatState, and no other extension moves") {
  Club chat;
  mls::CommitSpec spec;
  spec.group_context_extensions = mls::Extensions{};
  CHECK(chat.rule(chat.alice, spec) == "state: not a ChatState");
  spec.group_context_extensions = mls::Extensions{{chat_state_extension, to_bytes("garbage")}};
  CHECK(chat.rule(chat.alice, spec) == "state: not a ChatState");
  spec.group_context_extensions = chat.alice.group->extensions();
  spec.group_context_extensions->push_back({test::People::other_extension, to_bytes("more")});
  CHECK(chat.rule(chat.alice, spec) == "state: another extension changes");
}

TEST_CASE("State: a direct chat has two users for ever, and nothing to change") {
  Club chat(ChatType::direct);
  CHECK(chat.rule(chat.alice, {}) == "valid");
  CHECK(chat.rule(chat.alice, chat.adding({&chat.alice2})) == "valid");
  CHECK(chat.rule(chat.alice, chat.adding({&chat.carol})) ==
        "state: a direct chat has two users, no admins and no name");
  CHECK(chat.rule(chat.alice, chat.adding({&chat.bob2})) == "members: only an admin adds others");
  CHECK(chat.rule(chat.alice, chat.with_state([](ChatStateView& s) { s.name = "us"; })) ==
        "state: a direct chat has nothing to change");
  CHECK(chat.rule(chat.alice, chat.with_state([&](ChatStateView& s) { s.admins = {chat.user(chat.alice)}; })) ==
        "state: a direct chat has nothing to change");
}

TEST_CASE("Roster: what the commit tells the relay is what the tree says") {
  Club chat;
  auto& dave = chat.member();
  const auto add = chat.adding({&dave});
  CHECK(chat.rule(chat.alice, add, [](auto& aad) { aad.roster_digest.bytes[0] ^= 1; }) ==
        "roster: another digest than the tree's");
  CHECK(chat.rule(chat.alice, add, [&](auto& aad) { aad.admins.insert(chat.user(chat.bob)); }) ==
        "roster: other admins than the group's state");
  CHECK(chat.rule(chat.alice, add, [](auto& aad) { aad.admins.clear(); }) ==
        "roster: other admins than the group's state");
  CHECK(chat.rule(chat.alice, add, [](auto& aad) { aad.membership_changed = false; }) ==
        "roster: membership_changed is not what the tree says");
  CHECK(chat.rule(chat.alice, {}, [](auto& aad) { aad.membership_changed = true; }) ==
        "roster: membership_changed is not what the tree says");
}

TEST_CASE("Roster: every added leaf is named") {
  Club chat;
  auto& dave = chat.member();
  const auto add = chat.adding({&dave});
  const auto unnamed = "roster: an added leaf is not named in adds";
  CHECK(chat.rule(chat.alice, add, [](auto& aad) { aad.adds.clear(); }) == unnamed);
  CHECK(chat.rule(chat.alice, add, [](auto& aad) { aad.adds[0].device.bytes[0] ^= 1; }) == unnamed);
  CHECK(chat.rule(chat.alice, add, [&](auto& aad) { aad.adds[0].user = chat.user(chat.bob); }) == unnamed);
  CHECK(chat.rule(chat.alice, add, [](auto& aad) { ++aad.adds[0].era; }) == unnamed);

  // The difference to the relay's roster may be another than to the tree: more names are no lie.
  CHECK(chat.rule(chat.alice, add, [](auto& aad) {
    aad.adds.push_back(aad.adds[0]);
    aad.removes.push_back(aad.adds[0]);
  }) == "valid");

  auto& twin = chat.device(*chat.bob.person, chat.bob.device, 2);
  auto replace = chat.adding({&twin});
  replace.removes.push_back(chat.bob.group->own_leaf_index());
  CHECK(rule_of(chat.judged(chat.alice, chat.carol, replace, [](auto& aad) { aad.removes.clear(); })) == unnamed);
}

TEST_CASE("A founding commit is judged as the group that it makes") {
  test::People people(2);
  auto& alice = people.member();
  auto& bob = people.member();
  ChatStateView state;
  state.rules_version = 1;
  const auto founded = [&](const std::vector<Member*>& others) {
    must(mls::Group::erase(*alice.storage));
    people.found(alice, state);
    mls::CommitSpec spec;
    for (auto* other : others) spec.adds.push_back(people.key_package(*other));
    const auto staged = must(alice.group->stage_commit(spec, people.random));
    return founding_verdict(must(alice.group->pending(staged.id)).effects);
  };
  CHECK(rule_of(founded({&bob})) == "state: a group has an admin");
  state.admins = {alice.person->user};
  const auto verdict = must(founded({&bob}));
  CHECK(verdict.sender == alice.person->user);
  CHECK(verdict.roster_after.users() == std::set<UserId>{alice.person->user, bob.person->user});
  CHECK(verdict.roster_after.admins == state.admins);
  bob.credential = to_bytes("bob");
  CHECK(rule_of(founded({&bob})) == "leaf: not certified by its user");
}

TEST_CASE("A joiner judges the whole group") {
  test::People people(3);
  std::vector<GroupDevice> devices;
  const auto add = [&](const Member& member) {
    devices.push_back(
        {mls::LeafIndex{static_cast<std::uint32_t>(devices.size())}, must(wire::check_credential(member.credential))});
  };
  auto& alice = people.member();
  auto& bob = people.member();
  add(alice);
  add(bob);
  ChatStateView group;
  group.admins = {alice.person->user};
  ChatStateView direct;
  direct.type = ChatType::direct;
  const auto rule = [&](const ChatStateView& state) {
    const auto status = judge_group(state, devices);
    return status.ok() ? "valid" : status.error().message;
  };
  CHECK(rule(group) == "valid");
  CHECK(rule(direct) == "valid");

  SECTION("its state") {
    group.admins.insert(id_of<UserId>(9));
    CHECK(rule(group) == "state: an admin is not a member");
    group.admins.clear();
    CHECK(rule(group) == "state: a group has an admin");
    direct.name = "us";
    CHECK(rule(direct) == "state: a direct chat has two users, no admins and no name");
  }
  SECTION("a device twice") {
    add(bob);
    CHECK(rule(group) == "places: a device has two leaves");
  }
  SECTION("two identity keys of one user") {
    // userIds are 16 bytes of a hash: whoever found two keys with one of them would not get far.
    add(people.device(*bob.person));
    devices.back().certificate.identity_key = alice.person->identity.public_key;
    CHECK(rule(group) == "places: a user with two identity keys");
  }
  SECTION("a third user in a direct chat") {
    add(people.member());
    CHECK(rule(group) == "valid");
    CHECK(rule(direct) == "state: a direct chat has two users, no admins and no name");
  }
  SECTION("the most that fits") {
    for (int i = 1; i < 10; ++i) add(people.device(*bob.person));
    for (int i = 2; i < 100; ++i) add(people.member());
    CHECK(rule(group) == "valid");
    add(people.member());
    CHECK(rule(group) == "places: more than 100 users");
    devices.pop_back();
    add(people.device(*bob.person));
    CHECK(rule(group) == "places: more than 10 devices of a user");
  }
}
