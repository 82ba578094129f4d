// What a hostile member can make with all keys right: messages that say nothing a client knows, commits that break a
// rule each, and Welcomes to groups that are not what they seem.
#include "check.h"
#include "client/group_view.h"
#include "client/key_packages.h"
#include "client/rules.h"
#include "crypto/hash.h"
#include "crypto/stream.h"
#include "engine_craft.h"
#include "mls/memory_storage.h"
#include "wire/attachment.h"
#include "wire/identity.h"
#include "wire/mls_header.h"
#include "wire/roster.h"

namespace sotto::fuzz {

namespace {

class Crafter : HostileMember {
 public:
  Crafter(EngineWorld& world, const ChatId& mob, std::vector<mls::KeyPackage> key_packages)
      : HostileMember(world, mob), key_packages_(std::move(key_packages)) {}

  void run() {
    messages();
    commits();
    welcomes();
  }

 private:
  Bytes text(const std::string& body, std::uint32_t version = 1) {
    world_.texts.emplace(mob_, account_.user, body);
    wire::Content content;
    content.set_version(version);
    content.set_sent_at(UINT64_MAX);
    content.mutable_text()->set_body(body);
    return wire::serialize(content);
  }

  void messages() {
    message(text("crafted"), aad(2));
    message(text("a hole before"), aad(9));
    message(text("a number again"), aad(2));
    message(text("the last number"), aad(UINT64_MAX));
    message(text("of a newer version", 7), aad(3));
    message(text(""), aad(4));
    message(text(std::string(4096, 'x')), aad(5));
    message(as_bytes("\x0a\xff\xff garbage"), aad(6));
    message({}, aad(7));
    message(text("without data"), {});
    message(text("with garbage data"), as_bytes("\x08\x01"));
    // An id that alice has given to a message of her own.
    for (const auto& own : world_.alice->history(mob_)) {
      if (own.kind == MessageKind::text && own.sender == world_.alice->user) {
        message(text("under alice's id"), wire::encode(wire::CheckedMessageAad{own.id, 8}));
      }
    }
    wire::Content unknown;
    unknown.set_version(1);
    message(wire::serialize(unknown), aad(10));
    wire::Entry proposal;
    proposal.set_message(wire::field(must(group_.propose_remove({1}, {}, random()))));
    world_.crafted.push_back(entries(mob_, proposal));
    proposal.set_handshake(wire::field(must(group_.propose_remove({2}, aad(11), random()))));
    world_.crafted.push_back(entries(mob_, proposal));
  }

  using Change = std::function<void(wire::CheckedCommitAad&)>;
  void commit(const mls::CommitSpec& what, const Change& change = {}) {
    mls::CommitSpec spec;
    spec.adds = what.adds;
    spec.removes = what.removes;
    spec.group_context_extensions = what.group_context_extensions;
    const auto state = must(
        client::read_chat_state(spec.group_context_extensions ? *spec.group_context_extensions : group_.extensions()));
    auto devices = must(client::read_devices(group_.members()));
    wire::CheckedCommitAad aad;
    aad.client_message_id = random_id<ClientMessageId>(random());
    aad.membership_changed = !spec.adds.empty() || !spec.removes.empty();
    aad.admins = state.admins;
    for (const auto leaf : spec.removes) {
      std::erase_if(devices, [&](const client::GroupDevice& device) {
        if (device.leaf != leaf) return false;
        aad.removes.push_back({device.certificate.user, device.certificate.device, device.certificate.era});
        return true;
      });
    }
    for (const auto& added : spec.adds) {
      const auto certificate = must(client::check_leaf(added.leaf_node));
      aad.adds.push_back({certificate.user, certificate.device, certificate.era});
      devices.push_back({{}, certificate});
    }
    aad.roster_digest = client::roster_of(devices, aad.admins).digest();
    if (change) change(aad);
    spec.authenticated_data = wire::encode(aad);
    stage(spec);
  }
  void stage(const mls::CommitSpec& spec) {
    wire::Entry entry;
    const auto staged = must(group_.stage_commit(spec, random()));
    entry.set_handshake(wire::field(staged.message));
    world_.crafted.push_back(entries(mob_, std::move(entry)));
    must(group_.drop_pending(staged.id));
  }
  mls::CommitSpec with_state(const std::function<void(client::ChatStateView&)>& change) {
    auto state = must(client::read_chat_state(group_.extensions()));
    change(state);
    mls::CommitSpec out;
    out.group_context_extensions = client::with_chat_state(group_.extensions(), state);
    return out;
  }
  [[nodiscard]] mls::LeafIndex leaf_of(const UserId& user) const {
    for (const auto& device : must(client::read_devices(group_.members()))) {
      if (device.certificate.user == user) return device.leaf;
    }
    finding("no such member");
  }

  void commits() {
    commit({});
    commit({}, [](auto& aad) { aad.roster_digest = {}; });
    commit({}, [](auto& aad) { aad.membership_changed = true; });
    commit({}, [](auto& aad) { aad.admins.clear(); });
    commit({}, [](auto& aad) { aad.skipped.assign(200, UINT64_MAX); });
    commit({}, [&](auto& aad) { aad.adds.push_back({world_.alice->user, world_.alice->device, 1}); });
    commit({}, [&](auto& aad) { aad.removes.push_back({world_.alice->user, world_.alice->device, 1}); });
    commit({}, [&](auto& aad) { aad.adds.push_back({account_.user, random_id<DeviceId>(random()), 7}); });
    mls::CommitSpec without_aad;
    stage(without_aad);
    without_aad.authenticated_data = to_bytes("\xff\xff garbage");
    stage(without_aad);
    world_.names[mob_].insert("gang");
    commit(with_state([](auto& state) { state.name = "gang"; }));
    commit(with_state([](auto& state) { state.rules_version = 9; }));
    commit(with_state([](auto& state) { state.type = ChatType::direct; }));
    commit(with_state([](auto& state) { state.created_at = 1; }));
    commit(with_state([](auto& state) { state.admins.clear(); }));
    commit(with_state([&](auto& state) { state.admins.insert(world_.carol->user); }));
    commit(with_state([&](auto& state) { state.admins = {world_.alice->user}; }));
    mls::CommitSpec spec;
    spec.removes = {leaf_of(world_.alice->user)};
    commit(spec);
    spec.removes = {leaf_of(world_.bob->user)};
    commit(spec);
    spec.removes.clear();
    const auto& carol = world_.taken[to_string_bytes(world_.carol->user)].devices(0).key_package();
    spec.adds = {must(mls::key_package_from_message(wire::view(carol)))};
    commit(spec);
    spec.adds = {next_key_package()};  // alice in her own place
    spec.removes = {leaf_of(world_.alice->user)};
    commit(spec);
  }

  mls::KeyPackage next_key_package() {
    check(!key_packages_.empty(), "enough key packages");
    auto out = std::move(key_packages_.back());
    key_packages_.pop_back();
    return out;
  }

  enum class Tree : std::uint8_t { inside, blob, nowhere, garbage_location, too_large, another };
  struct Trap {
    ChatId chat;
    /// The chat that the group is made for, if another.
    std::optional<ChatId> made_for;
    client::ChatStateView state;
    wire::ChatType claimed = wire::GROUP;
    Tree tree = Tree::inside;
    bool with_state = true;
  };
  Trap trap(const std::string& name) {
    Trap out;
    out.chat = wire::random_group_id(random());
    out.state.rules_version = client::known_rules_version;
    out.state.type = ChatType::group;
    out.state.name = name;
    out.state.created_at = UINT64_MAX;
    out.state.admins = {account_.user};
    return out;
  }

  void set_trap(const Trap& trap) {
    world_.names[trap.chat].insert(trap.state.name);
    world_.chats.push_back(trap.chat);
    mls::MemoryStorage storage;
    const auto own = client::make_key_package_for(account_, world_.net.now, random());
    mls::Extensions extensions;
    if (trap.with_state) extensions = client::with_chat_state({}, trap.state);
    auto group = must(mls::Group::create(
        {wire::group_id_of(trap.made_for.value_or(trap.chat), 1), own, account_.device_key.private_key, extensions},
        storage, random()));
    mls::CommitSpec spec;
    spec.adds = {next_key_package()};
    const auto staged = must(group.stage_commit(spec, random()));
    const auto tree = must(group.ratchet_tree_of_pending(staged.id));
    mls::Extensions info;
    if (trap.tree != Tree::inside && trap.tree != Tree::nowhere) {
      info.push_back({client::tree_location_extension, locate(trap.tree, tree)});
    }
    const auto welcome = must(group.make_welcome(
        staged.id, info, trap.tree == Tree::inside ? mls::TreeInWelcome::included : mls::TreeInWelcome::left_out,
        random()));
    must(group.merge_pending(staged.id, world_.net.now));

    wire::Entry first;
    first.mutable_welcome()->set_shared(wire::field(welcome.encrypted_group_info));
    first.mutable_welcome()->set_secret(wire::field(mls::encode(welcome.secrets.front())));
    const auto seq = std::exchange(next_seq_, 1);
    const auto entry = entries(trap.chat, std::move(first));
    wire::Push push;
    auto& joined = *push.mutable_chat_joined();
    joined.set_chat_id(to_string_bytes(trap.chat));
    joined.set_type(trap.claimed);
    joined.set_generation(1);
    *joined.mutable_entry() = entry.entries().entries(0);
    world_.crafted.push_back(std::move(push));

    world_.texts.emplace(trap.chat, account_.user, "in a trap");
    wire::Content content;
    content.set_version(1);
    content.mutable_text()->set_body("in a trap");
    wire::Entry said;
    said.set_message(wire::field(must(group.encrypt(wire::serialize(content), aad(1), mls::Padding::padme, random()))));
    world_.crafted.push_back(entries(trap.chat, std::move(said)));
    next_seq_ = seq;
  }

  Bytes locate(Tree kind, ByteView tree) {
    if (kind == Tree::garbage_location) return to_bytes("\xff\xff\xff");
    crypto::StreamKey key;
    random().fill(key.mutable_view());
    crypto::StreamSealer sealer(key, random());
    auto sealed = to_bytes(sealer.header().view());
    append(sealed, sealer.seal_last(kind == Tree::another ? as_bytes("no tree at all") : tree));
    wire::TreeLocation location;
    location.set_key(wire::field(key.view()));
    location.set_size(kind == Tree::too_large ? UINT64_MAX : sealed.size());
    location.set_hash(wire::field(crypto::sha256(sealed).view()));
    location.set_attachment_id("tree " + std::to_string(world_.files.size()) + " of mallory.");
    world_.files[location.attachment_id()] = sealed;
    return wire::serialize(location);
  }

  void welcomes() {
    set_trap(trap("trap"));
    for (const auto tree : {Tree::blob, Tree::nowhere, Tree::garbage_location, Tree::too_large, Tree::another}) {
      auto other = trap("tree " + std::to_string(static_cast<int>(tree)));
      other.tree = tree;
      set_trap(other);
    }
    auto wrong = trap("made for another chat");
    wrong.made_for = wire::random_group_id(random());
    set_trap(wrong);
    wrong = trap("without a state");
    wrong.with_state = false;
    set_trap(wrong);
    wrong = trap("of another type");
    wrong.claimed = wire::DIRECT;
    set_trap(wrong);
    wrong = trap("of newer rules");
    wrong.state.rules_version = 9;
    set_trap(wrong);
    // A direct chat under a chatId that is not its users'.
    wrong = trap("");
    wrong.state.type = ChatType::direct;
    wrong.state.admins.clear();
    wrong.claimed = wire::DIRECT;
    set_trap(wrong);
    wrong.chat = wire::direct_chat_id(world_.alice->user, account_.user);
    set_trap(wrong);
    // In the place of a chat that alice is in.
    wrong = trap("mob");
    wrong.chat = mob_;
    set_trap(wrong);
  }

  std::vector<mls::KeyPackage> key_packages_;
};

}  // namespace

void craft_chats(EngineWorld& world, const ChatId& mob, std::vector<mls::KeyPackage> key_packages) {
  Crafter(world, mob, std::move(key_packages)).run();
}

}  // namespace sotto::fuzz
