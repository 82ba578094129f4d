// How a group begins for a member: created (RFC 9420 section 11), or joined by a Welcome (12.4.3.1).
#include "base/try.h"
#include "crypto/aead.h"
#include "crypto/hpke.h"
#include "crypto/sign.h"
#include "mls/group_state.h"
#include "mls/labels.h"
#include "mls/tree_validation.h"

namespace sotto::mls {

struct Joining::State {
  GroupInfo group_info;
  GroupSecrets secrets;
  SecretBytes psk_secret;
  LeafNode leaf;
  crypto::KemPrivateKey encryption_key;
};

Joining::Joining(std::unique_ptr<State> state) : state_(std::move(state)) {}
Joining::Joining(Joining&&) noexcept = default;
Joining& Joining::operator=(Joining&&) noexcept = default;
Joining::~Joining() = default;
const GroupInfo& Joining::group_info() const { return state_->group_info; }
bool Joining::has_ratchet_tree() const {
  return find_extension(state_->group_info.extensions, extension_type::ratchet_tree) != nullptr;
}

Result<Group> Group::create(const CreateParams& params, GroupStorage& storage, Random& random) {
  const auto& leaf = params.own.key_package.leaf_node;
  const auto bad = [](const char* why) { return Error(ErrorCode::INVALID_ARGUMENT, why); };
  if (!equal(crypto::public_key_of(params.own.encryption_key).view(), leaf.encryption_key) ||
      !equal(crypto::public_key_of(params.signature_key).view(), leaf.signature_key)) {
    return bad("the keys do not belong to the leaf");
  }
  if (has_duplicates(params.group_context_extensions)) return bad("an extension twice");
  if (!params.own.key_package.validate().ok() || !leaf.supports(params.group_context_extensions).ok()) {
    return bad("the leaf is not valid for the group");
  }
  auto state = std::make_unique<GroupState>(storage);
  SOTTO_TRY(state->tree->add(std::make_shared<LeafNode>(leaf)));
  state->node_keys.emplace(0, params.own.encryption_key.clone());
  state->signature_key = params.signature_key.clone();
  auto& context = state->context;
  context.group_id = params.group_id;
  context.extensions = params.group_context_extensions;
  context.tree_hash = state->tree->root_hash();
  SecretBytes epoch_secret(hash_size);
  random.fill(epoch_secret.mutable_view());
  state->secrets = split_epoch_secret(epoch_secret.view());
  state->interim_transcript_hash =
      interim_transcript_hash(context.confirmed_transcript_hash,
                              mac(state->secrets.confirmation_key.view(), context.confirmed_transcript_hash));
  SOTTO_TRY(state->save_new(state->secrets.encryption_secret.view()));
  state->secrets.encryption_secret.wipe();
  return Group(std::move(state));
}

Result<Joining> Group::begin_join(const Welcome& welcome, const KeyPackageBundle& bundle,
                                  std::span<const ExternalPsk> psks) {
  if (welcome.cipher_suite != ciphersuite || bundle.key_package.cipher_suite != ciphersuite) {
    return ErrorCode::UNSUPPORTED;
  }
  const auto* entry = welcome.find(bundle.key_package.ref());
  if (entry == nullptr) return Error(ErrorCode::NOT_FOUND, "the Welcome has no entry for this key package");
  SOTTO_TRY_ASSIGN(const auto opened, decrypt_with_label(bundle.init_key, "Welcome", welcome.encrypted_group_info,
                                                         entry->encrypted_group_secrets));
  auto state = std::make_unique<Joining::State>();
  SOTTO_TRY_ASSIGN(state->secrets, decode<GroupSecrets>(opened.view()));
  std::vector<PskInput> inputs;
  for (const auto& id : state->secrets.psks) {
    const ExternalPsk* known = nullptr;
    for (const auto& psk : psks) {
      if (id.type == PskType::external && psk.id == id.psk_id) known = &psk;
    }
    if (known == nullptr) return Error(ErrorCode::UNSUPPORTED, "a PSK that is not known");
    inputs.push_back({id, known->secret.clone()});
  }
  state->psk_secret = psk_secret(inputs);
  const auto welcome_secret = derive_welcome_secret(state->secrets.joiner_secret.view(), state->psk_secret.view());
  const auto key = derive_key_and_nonce(welcome_secret.view(), {});
  SOTTO_TRY_ASSIGN(const auto group_info, crypto::aead_open(key.key, key.nonce, {}, welcome.encrypted_group_info));
  SOTTO_TRY_ASSIGN(state->group_info, decode<GroupInfo>(group_info));
  const auto& context = state->group_info.group_context;
  if (context.version != ProtocolVersion::mls10 || context.cipher_suite != ciphersuite) return ErrorCode::UNSUPPORTED;
  if (context.epoch > limits::last_epoch) return Error(ErrorCode::MALFORMED, "an epoch that no group reaches");
  state->leaf = bundle.key_package.leaf_node;
  state->encryption_key = bundle.encryption_key.clone();
  return Joining(std::move(state));
}

namespace {

Result<LeafIndex> find_own_leaf(const RatchetTree& tree, const LeafNode& own) {
  for (LeafIndex i{0}; i.value < tree.leaf_count(); ++i.value) {
    const auto& leaf = tree.leaf(i);
    if (leaf && *leaf == own) return i;
  }
  return Error(ErrorCode::CANNOT_FOLLOW, "the own leaf is not in the tree");
}

/// The private keys of the nodes above both the own leaf and the signer's, from the path secret of the lowest one.
Result<NodePrivateKeys> keys_from_path_secret(const RatchetTree& tree, LeafIndex own, LeafIndex signer,
                                              const SecretBytes& path_secret) {
  std::vector<PathStep> steps;
  for (const auto node : direct_path(own, tree.leaf_count())) {
    if (is_above(node, signer) && !tree.node(node).blank()) steps.push_back({node, 0});
  }
  NodePrivateKeys out;
  for (auto& step : derive_path(path_secret.clone(), steps).steps) {
    if (!equal(step.key.public_key.view(), *tree.public_key(step.node))) {
      return Error(ErrorCode::CANNOT_FOLLOW, "a key derived from the path secret is not the one of the tree");
    }
    out.insert_or_assign(step.node, std::move(step.key.private_key));
  }
  return out;
}

}  // namespace

Result<Group> Group::finish_join(Joining joining, std::optional<ByteView> ratchet_tree,
                                 const crypto::SignaturePrivateKey& signature_key, GroupStorage& storage) {
  auto& from = *joining.state_;
  const auto& info = from.group_info;
  if (const auto* embedded = find_extension(info.extensions, extension_type::ratchet_tree)) ratchet_tree = *embedded;
  if (!ratchet_tree) return Error(ErrorCode::NOT_FOUND, "the Welcome needs a ratchet tree from elsewhere");
  SOTTO_TRY_ASSIGN(auto parsed, RatchetTree::parse(*ratchet_tree));
  auto state = std::make_unique<GroupState>(storage);
  *state->tree = std::move(parsed);
  const auto& tree = *state->tree;

  const auto invalid = [](const char* why) { return Error(ErrorCode::INVALID_COMMIT, why); };
  if (has_duplicates(info.extensions) || has_duplicates(info.group_context.extensions)) {
    return invalid("an extension twice");
  }
  if (tree.root_hash() != info.group_context.tree_hash) return invalid("the tree hash is not the one of GroupInfo");
  if (info.signer.value >= tree.leaf_count() || !tree.leaf(info.signer)) return invalid("the signer is a blank leaf");
  if (!info.verify(tree.leaf(info.signer)->signature_key)) return ErrorCode::BAD_SIGNATURE;
  SOTTO_TRY(verify_tree(tree, info.group_context.group_id, info.group_context.extensions));

  SOTTO_TRY_ASSIGN(state->own_leaf, find_own_leaf(tree, from.leaf));
  if (!equal(crypto::public_key_of(from.encryption_key).view(), from.leaf.encryption_key) ||
      !equal(crypto::public_key_of(signature_key).view(), from.leaf.signature_key)) {
    return Error(ErrorCode::CANNOT_FOLLOW, "the private keys do not belong to the own leaf");
  }
  if (from.secrets.path_secret) {
    SOTTO_TRY_ASSIGN(state->node_keys,
                     keys_from_path_secret(tree, state->own_leaf, info.signer, from.secrets.path_secret->path_secret));
  }
  state->node_keys.insert_or_assign(to_node(state->own_leaf), from.encryption_key.clone());
  state->signature_key = signature_key.clone();
  state->context = info.group_context;
  state->secrets = derive_epoch_secrets(from.secrets.joiner_secret.view(), from.psk_secret.view(), info.group_context);
  if (!mac_equal(mac(state->secrets.confirmation_key.view(), info.group_context.confirmed_transcript_hash),
                 info.confirmation_tag)) {
    return invalid("the confirmation tag of GroupInfo does not verify");
  }
  state->interim_transcript_hash =
      interim_transcript_hash(info.group_context.confirmed_transcript_hash, info.confirmation_tag);
  SOTTO_TRY(state->save_new(state->secrets.encryption_secret.view()));
  state->secrets.encryption_secret.wipe();
  return Group(std::move(state));
}

Result<Group> Group::join(const Welcome& welcome, const KeyPackageBundle& bundle, std::optional<ByteView> ratchet_tree,
                          const crypto::SignaturePrivateKey& signature_key, GroupStorage& storage,
                          std::span<const ExternalPsk> psks) {
  SOTTO_TRY_ASSIGN(auto joining, begin_join(welcome, bundle, psks));
  return finish_join(std::move(joining), ratchet_tree, signature_key, storage);
}

}  // namespace sotto::mls
