#include "client/chat_group.h"

#include <algorithm>

#include "base/try.h"
#include "client/key_packages.h"
#include "client/media/cipher_file.h"
#include "client/rules.h"
#include "crypto/hash.h"
#include "crypto/stream.h"
#include "wire/attachment.h"
#include "wire/frame.h"
#include "wire/limits.h"
#include "wire/mls_header.h"

namespace sotto::client {

namespace {

/// Loaded groups at a time. A group of 100 leaves takes about 100 KiB.
constexpr std::size_t groups_in_memory = 64;

}  // namespace

mls::Group* ChatGroups::keep(const ChatId& chat, std::uint32_t generation, std::unique_ptr<SqlGroupStorage> storage,
                             mls::Group group) {
  evict(chat);
  while (loaded_.size() >= groups_in_memory) {
    loaded_.erase(order_.back());
    order_.pop_back();
  }
  order_.push_front(chat);
  auto& slot = loaded_[chat];
  slot = {generation, std::move(storage), std::make_unique<mls::Group>(std::move(group)), order_.begin()};
  return slot.group.get();
}

Result<mls::Group*> ChatGroups::load(const ChatId& chat, std::uint32_t generation) {
  if (const auto it = loaded_.find(chat); it != loaded_.end() && it->second.generation == generation) {
    order_.splice(order_.begin(), order_, it->second.used);
    return it->second.group.get();
  }
  auto storage = std::make_unique<SqlGroupStorage>(c_.db, chat, generation);
  SOTTO_TRY_ASSIGN(auto group, mls::Group::load(*storage));
  return keep(chat, generation, std::move(storage), std::move(group));
}

void ChatGroups::evict(const ChatId& chat) {
  const auto it = loaded_.find(chat);
  if (it == loaded_.end()) return;
  order_.erase(it->second.used);
  loaded_.erase(it);
}

void ChatGroups::evict_all() {
  loaded_.clear();
  order_.clear();
}

Status ChatGroups::compare_with_store() {
  for (const auto& [chat, loaded] : loaded_) {
    SqlGroupStorage storage(c_.db, chat, loaded.generation);
    const auto stored = mls::Group::load(storage);
    const auto& memory = *loaded.group;
    if (!stored.ok() || stored->epoch() != memory.epoch() || stored->tree_hash() != memory.tree_hash() ||
        stored->active() != memory.active() || stored->list_pending() != memory.list_pending() ||
        stored->past_epochs() != memory.past_epochs() ||
        !equal(stored->epoch_authenticator(), memory.epoch_authenticator())) {
      return Error(ErrorCode::INTERNAL, "a group");
    }
  }
  return {};
}

Result<mls::Group*> ChatGroups::create(const ChatRow& chat, const ChatStateView& state) {
  evict(chat.id);
  auto storage = std::make_unique<SqlGroupStorage>(c_.db, chat.id, chat.generation);
  SOTTO_TRY(mls::Group::erase(*storage));
  const auto own = make_key_package_for(*c_.account, c_.now, c_.random);
  mls::CreateParams params{wire::group_id_of(chat.id, chat.generation), own, c_.account->device_key.private_key,
                           with_chat_state({}, state)};
  SOTTO_TRY_ASSIGN(auto group, mls::Group::create(params, *storage, c_.random));
  return keep(chat.id, chat.generation, std::move(storage), std::move(group));
}

Result<wire::CheckedCommitAad> ChatGroups::aad_for(const ChatRow& chat, const mls::Group& group,
                                                   const CommitPlan& plan) {
  SOTTO_TRY_ASSIGN(auto devices, read_devices(group.members()));
  SOTTO_TRY_ASSIGN(const auto state, read_chat_state(group.extensions()));
  std::set<DeviceId> removed;
  for (const auto leaf : plan.removes) {
    const auto it = std::ranges::find(devices, leaf, &GroupDevice::leaf);
    if (it != devices.end()) removed.insert(it->certificate.device);
  }
  std::erase_if(devices, [&](const GroupDevice& d) { return removed.contains(d.certificate.device); });
  std::set<DeviceId> replaced;
  for (const auto& key_package : plan.adds) {
    SOTTO_TRY_ASSIGN(auto certificate, check_leaf(key_package.leaf_node));
    if (removed.contains(certificate.device)) replaced.insert(certificate.device);
    devices.push_back({mls::LeafIndex{}, std::move(certificate)});
  }
  wire::CheckedCommitAad aad;
  aad.client_message_id = random_id<ClientMessageId>(c_.random);
  aad.membership_changed = !plan.adds.empty() || !plan.removes.empty();
  aad.admins = plan.state ? plan.state->admins : state.admins;
  const auto target = roster_of(devices, aad.admins);
  aad.roster_digest = target.digest();
  // The difference to the relay's roster, not to the tree: so a valid commit repairs what a skipped one did.
  SOTTO_TRY_ASSIGN(const auto relay_roster, c_.chats.roster(chat.id));
  relay_roster.difference(target, replaced, aad.adds, aad.removes);
  // A leaf that is added is always named, also when the relay has had it since a skipped commit.
  for (const auto& key_package : plan.adds) {
    SOTTO_TRY_ASSIGN(const auto certificate, wire::read_credential(key_package.leaf_node.credential.identity));
    const wire::RosterChange change{certificate.user, certificate.device, certificate.era};
    if (std::ranges::find(aad.adds, change) != aad.adds.end()) continue;
    aad.adds.push_back(change);
    aad.removes.push_back(change);
  }
  aad.skipped = chat.skipped;
  return aad;
}

Result<Bytes> ChatGroups::seal_tree(ByteView tree, StagedChange& change) {
  crypto::StreamKey key;
  c_.random.fill(key.mutable_view());
  change.tree_ciphertext = crypto::seal_stream(key, tree, c_.random);
  const auto hash = crypto::sha256(change.tree_ciphertext);
  wire::TreeLocation location;
  location.set_key(wire::field(key.view()));
  location.set_size(change.tree_ciphertext.size());
  location.set_hash(wire::field(hash.view()));
  const auto token_hash = crypto::sha256(tree_token(location));
  change.tree_token_hash = to_bytes(token_hash.view());
  change.tree_attachment_id = to_bytes(wire::attachment_id_of(c_.account->user, hash, token_hash));
  location.set_attachment_id(wire::field(change.tree_attachment_id));
  return wire::serialize(location);
}

Result<StagedChange> ChatGroups::stage(const ChatRow& chat, const CommitPlan& plan, bool founding) {
  SOTTO_TRY_ASSIGN(auto* group, load(chat.id, chat.generation));
  SOTTO_TRY_ASSIGN(const auto aad, aad_for(chat, *group, plan));
  mls::CommitSpec spec;
  spec.adds = plan.adds;
  spec.removes = plan.removes;
  if (plan.state) spec.group_context_extensions = with_chat_state(group->extensions(), *plan.state);
  spec.authenticated_data = wire::encode(aad);
  SOTTO_TRY_ASSIGN(auto staged, group->stage_commit(spec, c_.random));

  StagedChange change;
  change.commit_id = staged.id;
  change.commit.set_generation(chat.generation);
  change.commit.set_prev_handshake(chat.handshake_seq);
  if (founding) {
    change.commit.set_founding_aad(wire::field(spec.authenticated_data));
    change.stub_hash = crypto::sha256(spec.authenticated_data);
  } else {
    change.commit.set_message(wire::field(staged.message));
    change.stub_hash = crypto::sha256(staged.message);
  }
  if (plan.adds.empty()) return change;

  SOTTO_TRY_ASSIGN(const auto tree, group->ratchet_tree_of_pending(staged.id));
  mls::Extensions info_extensions;
  auto tree_in_welcome = mls::TreeInWelcome::included;
  if (tree.size() > wire::limits::inline_tree_bytes) {
    tree_in_welcome = mls::TreeInWelcome::left_out;
    mls::Extension extension;
    extension.type = tree_location_extension;
    SOTTO_TRY_ASSIGN(extension.data, seal_tree(tree, change));
    info_extensions.push_back(std::move(extension));
  }
  SOTTO_TRY_ASSIGN(const auto welcome, group->make_welcome(staged.id, info_extensions, tree_in_welcome, c_.random));
  auto* bundle = change.commit.mutable_welcome();
  bundle->set_shared(wire::field(welcome.encrypted_group_info));
  for (std::size_t i = 0; i < plan.adds.size(); ++i) {
    SOTTO_TRY_ASSIGN(const auto certificate, wire::read_credential(plan.adds[i].leaf_node.credential.identity));
    auto* secret = bundle->add_secrets();
    secret->set_device_id(to_string_bytes(certificate.device));
    secret->set_secret(wire::field(mls::encode(welcome.secrets[i])));
  }
  return change;
}

Result<ChatGroups::Invitation> ChatGroups::open_welcome(const wire::Welcome& welcome) {
  mls::Welcome whole;
  SOTTO_TRY_ASSIGN(auto secrets, mls::decode<mls::EncryptedGroupSecrets>(wire::view(welcome.secret())));
  const Bytes ref = secrets.new_member;
  whole.secrets.push_back(std::move(secrets));
  whole.encrypted_group_info = to_bytes(wire::view(welcome.shared()));
  SOTTO_TRY_ASSIGN(const auto bundle, c_.key_packages.find(ref));
  if (!bundle) return Error(ErrorCode::NOT_FOUND, "a Welcome for a key package that is not here");
  SOTTO_TRY_ASSIGN(auto joining, mls::Group::begin_join(whole, *bundle));
  std::optional<wire::TreeLocation> location;
  if (!joining.has_ratchet_tree()) {
    const auto* data = mls::find_extension(joining.group_info().extensions, tree_location_extension);
    if (data == nullptr) return Error(ErrorCode::INVALID_COMMIT, "a Welcome without a ratchet tree");
    SOTTO_TRY_ASSIGN(location, wire::decode<wire::TreeLocation>(*data));
  }
  return Invitation{std::move(joining), ref, std::move(location)};
}

Result<mls::Group*> ChatGroups::join(const ChatId& chat, std::uint32_t generation, Invitation invitation,
                                     std::optional<ByteView> tree) {
  if (!equal(invitation.joining.group_info().group_context.group_id, wire::group_id_of(chat, generation))) {
    return Error(ErrorCode::INVALID_COMMIT, "a Welcome of another chat");
  }
  evict(chat);
  auto storage = std::make_unique<SqlGroupStorage>(c_.db, chat, generation);
  SOTTO_TRY(mls::Group::erase(*storage));
  SOTTO_TRY_ASSIGN(auto group, mls::Group::finish_join(std::move(invitation.joining), tree,
                                                       c_.account->device_key.private_key, *storage));
  for (const auto& member : group.members()) {
    if (!check_leaf(*member.leaf).ok()) return Error(ErrorCode::INVALID_COMMIT, "leaf: not certified by its user");
  }
  const auto state = read_chat_state(group.extensions());
  if (!state.ok()) return Error(ErrorCode::INVALID_COMMIT, "state: not a ChatState");
  SOTTO_TRY_ASSIGN(const auto devices, read_devices(group.members()));
  SOTTO_TRY(judge_group(*state, devices));
  SOTTO_TRY(c_.key_packages.remove_one_time(invitation.key_package_ref));
  return keep(chat, generation, std::move(storage), std::move(group));
}

Result<Bytes> ChatGroups::open_tree(const wire::TreeLocation& location, ByteView ciphertext) {
  crypto::StreamKey key;
  if (!assign_exact(key, wire::view(location.key()))) {
    return Error(ErrorCode::MALFORMED, "a ratchet tree's key of the wrong size");
  }
  return crypto::open_stream(key, ciphertext);
}

Bytes ChatGroups::tree_token(const wire::TreeLocation& location) {
  return attachment_token(wire::view(location.key()));
}

}  // namespace sotto::client
