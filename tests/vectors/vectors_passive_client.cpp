// passive-client: a member that joins by a Welcome and follows what others do.
#include "crypto/hpke.h"
#include "crypto/sign.h"
#include "mls/group.h"
#include "mls/memory_storage.h"
#include "vector_case.h"

namespace sotto::vectors {

using namespace mls;

namespace {

std::vector<ExternalPsk> read_psks(const json& entry) {
  std::vector<ExternalPsk> out;
  for (const auto& psk : entry.at("external_psks")) {
    out.push_back({hex(psk.at("psk_id")), SecretBytes(hex(psk.at("psk")))});
  }
  return out;
}

/// True if it is fine; otherwise the case is failed, or skipped if a later feature is needed.
template <typename T>
bool good(Case& it, const Result<T>& result, const std::string& what) {
  if (result.ok()) return true;
  if (result.code() == ErrorCode::UNSUPPORTED) {
    it.skip(what + ": " + result.error().message);
  } else {
    it.check(false, what + ": " + std::string(error_name(*result.code())) + ", " + result.error().message);
  }
  return false;
}

bool follow_epoch(Case& it, Group& group, const json& epoch, const std::string& at) {
  for (const auto& proposal : epoch.at("proposals")) {
    const auto opened = group.open(hex(proposal));
    if (!good(it, opened, at + "proposal")) return false;
    it.check(std::holds_alternative<ProposalReceived>(*opened), at + "not a proposal");
  }
  auto opened = group.open(hex(epoch.at("commit")));
  if (!good(it, opened, at + "commit")) return false;
  auto* commit = std::get_if<ReceivedCommit>(&opened.value());
  if (!it.check(commit != nullptr, at + "not a commit")) return false;
  const auto outcome = group.apply(std::move(*commit), Timestamp{});
  if (!good(it, outcome, at + "apply")) return false;
  it.check(*outcome == ApplyOutcome::advanced, at + "the member was removed");
  return it.check_equal(group.epoch_authenticator(), epoch.at("epoch_authenticator"), at + "epoch_authenticator");
}

}  // namespace

void run_passive_client(Case& it) {
  const auto& entry = it.entry();
  auto key_package = key_package_from_message(hex(entry.at("key_package")));
  const auto message = parse<MlsMessage>(it, entry.at("welcome"), "welcome");
  if (!it.check(key_package.ok(), "key_package does not parse") || !message) return;
  const auto signature_key = array_from<crypto::SignaturePrivateKey>(entry.at("signature_priv"));
  KeyPackageBundle bundle{std::move(key_package).value(), array_from<crypto::KemPrivateKey>(entry.at("init_priv")),
                          array_from<crypto::KemPrivateKey>(entry.at("encryption_priv"))};
  const auto& leaf = bundle.key_package.leaf_node;
  it.check(equal(crypto::public_key_of(signature_key).view(), leaf.signature_key), "signature_priv");
  it.check(equal(crypto::public_key_of(bundle.encryption_key).view(), leaf.encryption_key), "encryption_priv");
  it.check(equal(crypto::public_key_of(bundle.init_key).view(), bundle.key_package.init_key), "init_priv");
  const auto* welcome = std::get_if<Welcome>(&message->content);
  if (!it.check(welcome != nullptr, "welcome is not a Welcome")) return;

  Bytes tree;
  std::optional<ByteView> external_tree;
  if (entry.contains("ratchet_tree") && entry.at("ratchet_tree").is_string()) {
    tree = hex(entry.at("ratchet_tree"));
    external_tree = tree;
  }
  MemoryStorage storage;
  auto joined = Group::join(*welcome, bundle, external_tree, signature_key, storage, read_psks(entry));
  if (!good(it, joined, "join")) return;
  it.check_equal(joined->epoch_authenticator(), entry.at("initial_epoch_authenticator"), "initial_epoch_authenticator");
  int number = 0;
  for (const auto& epoch : entry.at("epochs")) {
    // Loaded again for each epoch: what is stored must be all there is.
    auto group = Group::load(storage);
    if (!it.check(group.ok(), "load")) return;
    group->set_external_psks(read_psks(entry));
    if (!follow_epoch(it, *group, epoch, "epoch " + std::to_string(number++) + " ")) return;
  }
}

}  // namespace sotto::vectors
