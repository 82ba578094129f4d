// Vectors of messages and their protection: secret-tree, message-protection, messages, welcome.
#include "crypto/sign.h"
#include "mls/group.h"
#include "mls/key_schedule.h"
#include "mls/memory_storage.h"
#include "mls/message_protection.h"
#include "mls/ratchet_tree.h"
#include "vector_case.h"

namespace sotto::vectors {

using namespace mls;

namespace {

std::uint32_t width_for(std::size_t leaves) {
  std::uint32_t width = 1;
  while (width < leaves) width *= 2;
  return width;
}

void check_ratchet(Case& it, SecretTree& tree, LeafIndex leaf, RatchetType type, const json& test) {
  const std::string name = type == RatchetType::application ? "application" : "handshake";
  const auto generation = test.at("generation").get<std::uint32_t>();
  const auto at = name + " leaf " + std::to_string(leaf.value) + " generation " + std::to_string(generation);
  const auto key = tree.find(leaf, type, generation);
  if (!it.check(key.ok(), at + ": no key")) return;
  it.check_equal(key->key.key.view(), test.at(name + "_key"), at + " key");
  it.check_equal(key->key.nonce.view(), test.at(name + "_nonce"), at + " nonce");
  it.check(tree.use(*key).ok(), at + ": use");
  it.check(tree.find(leaf, type, generation).code() == ErrorCode::KEY_CONSUMED, at + ": the key is still there");
}

/// One content type of a message-protection entry.
class Protection {
 public:
  Protection(Case& it, ContentType type) : case_(it), type_(type) {
    const auto& entry = it.entry();
    context_.group_id = hex(entry.at("group_id"));
    context_.epoch = entry.at("epoch").get<std::uint64_t>();
    context_.tree_hash = hex(entry.at("tree_hash"));
    context_.confirmed_transcript_hash = hex(entry.at("confirmed_transcript_hash"));
  }

  void run(const std::string& name) {
    const auto& entry = case_.entry();
    raw_ = hex(entry.at(name));
    if (type_ != ContentType::application) {
      const auto given = parse<MlsMessage>(case_, entry.at(name + "_pub"), name + "_pub");
      if (given && std::holds_alternative<PublicMessage>(given->content)) {
        open(std::get<PublicMessage>(given->content), name + "_pub");
      } else {
        case_.check(false, name + "_pub is not a PublicMessage");
      }
    }
    seal_as_public(name);
    const auto given = parse<MlsMessage>(case_, entry.at(name + "_priv"), name + "_priv");
    if (given && std::holds_alternative<PrivateMessage>(given->content)) {
      open(std::get<PrivateMessage>(given->content), name + "_priv");
    } else {
      case_.check(false, name + "_priv is not a PrivateMessage");
    }
    for (const std::size_t padding : {std::size_t{0}, std::size_t{7}}) seal_as_private(name, padding);
  }

 private:
  Bytes key(const char* name) { return hex(case_.entry().at(name)); }

  void check_content(const AuthenticatedContent& content, const std::string& what) {
    case_.check(content.verify(key("signature_pub"), context_), what + ": signature");
    case_.check(content.content.sender.index == sender.value, what + ": sender");
    Bytes actual;
    if (const auto* data = std::get_if<ApplicationData>(&content.content.content)) actual = data->data;
    if (const auto* proposal = std::get_if<Proposal>(&content.content.content)) actual = encode(*proposal);
    if (const auto* commit = std::get_if<Commit>(&content.content.content)) actual = encode(*commit);
    case_.check(actual == raw_, what + ": content");
  }

  void open(const PublicMessage& message, const std::string& what) {
    const auto content = open_public(message, key("membership_key"), context_);
    if (case_.check(content.ok(), what + ": does not open")) check_content(*content, what);
    auto tampered = message;
    tampered.membership_tag.back() ^= 1;
    case_.check(!open_public(tampered, key("membership_key"), context_).ok(), what + ": opens with a wrong tag");
  }

  void open(const PrivateMessage& message, const std::string& what) {
    MemoryStorage storage;
    SecretTree tree(storage, context_.epoch, 2);
    case_.check(tree.begin(key("encryption_secret")).ok(), "secret tree");
    const auto from = open_sender_data(message, key("sender_data_secret"));
    if (!case_.check(from.ok(), what + ": sender data does not open")) return;
    const auto use = tree.find(from->leaf_index, ratchet(), from->generation);
    if (!case_.check(use.ok(), what + ": no key")) return;
    const auto content = open_private(message, *from, use->key);
    if (case_.check(content.ok(), what + ": does not open")) check_content(*content, what);
    auto tampered = message;
    tampered.authenticated_data.push_back(0);
    case_.check(!open_private(tampered, *from, use->key).ok(), what + ": opens with other authenticated data");
  }

  AuthenticatedContent make(WireFormat format) {
    AuthenticatedContent out;
    out.wire_format = format;
    out.content.group_id = context_.group_id;
    out.content.epoch = context_.epoch;
    out.content.sender = {SenderType::member, sender.value};
    out.content.authenticated_data = to_bytes("authenticated");
    if (type_ == ContentType::application) out.content.content = ApplicationData{raw_};
    if (type_ == ContentType::proposal) {
      if (auto value = decode<Proposal>(raw_); value.ok()) out.content.content = std::move(value).value();
    }
    if (type_ == ContentType::commit) {
      if (auto value = decode<Commit>(raw_); value.ok()) out.content.content = std::move(value).value();
      out.auth.confirmation_tag = Bytes(hash_size, 1);
    }
    out.sign(array_from<crypto::SignaturePrivateKey>(case_.entry().at("signature_priv")), context_);
    return out;
  }

  void seal_as_public(const std::string& name) {
    const auto sealed = seal_public(make(WireFormat::public_message), key("membership_key"), context_);
    if (type_ == ContentType::application) {
      case_.check(!sealed.ok(), name + ": application data in a PublicMessage");
      return;
    }
    if (!case_.check(sealed.ok(), name + ": cannot be sealed as a PublicMessage")) return;
    const auto again = decode<MlsMessage>(encode(MlsMessage{*sealed}));
    if (case_.check(again.ok(), name + ": own PublicMessage does not parse")) {
      open(std::get<PublicMessage>(again->content), name + " own PublicMessage");
    }
  }

  void seal_as_private(const std::string& name, std::size_t padding) {
    SystemRandom random;
    MemoryStorage storage;
    SecretTree tree(storage, context_.epoch, 2);
    case_.check(tree.begin(key("encryption_secret")).ok(), "secret tree");
    const auto use = tree.next(sender, ratchet());
    if (!case_.check(use.ok(), name + ": no key to seal with")) return;
    const auto sealed =
        seal_private(make(WireFormat::private_message), use->key, key("sender_data_secret"), padding, random);
    const auto again = decode<MlsMessage>(encode(MlsMessage{sealed}));
    if (case_.check(again.ok(), name + ": own PrivateMessage does not parse")) {
      open(std::get<PrivateMessage>(again->content), name + " own PrivateMessage");
    }
  }

  [[nodiscard]] RatchetType ratchet() const {
    return type_ == ContentType::application ? RatchetType::application : RatchetType::handshake;
  }

  static constexpr LeafIndex sender{1};
  Case& case_;
  ContentType type_;
  GroupContext context_;
  Bytes raw_;
};

template <typename T>
void round_trip(Case& it, const char* name) {
  const auto value = parse<T>(it, it.entry().at(name), name);
  if (value) it.check_equal(encode(*value), it.entry().at(name), std::string(name) + " encoded again");
}

void round_trip_message(Case& it, const char* name, WireFormat format, ContentType type = ContentType::reserved) {
  const auto value = parse<MlsMessage>(it, it.entry().at(name), name);
  if (!value) return;
  it.check_equal(encode(*value), it.entry().at(name), std::string(name) + " encoded again");
  it.check(value->wire_format() == format, std::string(name) + ": wire format");
  if (const auto* message = std::get_if<PublicMessage>(&value->content)) {
    it.check(message->content.content_type() == type, std::string(name) + ": content type");
  }
}

}  // namespace

void run_secret_tree(Case& it) {
  const auto& entry = it.entry();
  const auto& sender = entry.at("sender_data");
  const auto key = sender_data_key(hex(sender.at("sender_data_secret")), hex(sender.at("ciphertext")));
  it.check_equal(key.key.view(), sender.at("key"), "sender data key");
  it.check_equal(key.nonce.view(), sender.at("nonce"), "sender data nonce");
  const auto& leaves = entry.at("leaves");
  MemoryStorage storage;
  SecretTree tree(storage, 0, width_for(leaves.size()));
  it.check(tree.begin(hex(entry.at("encryption_secret"))).ok(), "begin");
  for (std::uint32_t i = 0; i < leaves.size(); ++i) {
    for (const auto& test : leaves.at(i)) {
      check_ratchet(it, tree, {i}, RatchetType::handshake, test);
      check_ratchet(it, tree, {i}, RatchetType::application, test);
    }
  }
}

void run_message_protection(Case& it) {
  Protection(it, ContentType::proposal).run("proposal");
  Protection(it, ContentType::commit).run("commit");
  Protection(it, ContentType::application).run("application");
}

void run_messages(Case& it) {
  round_trip_message(it, "mls_welcome", WireFormat::welcome);
  round_trip_message(it, "mls_group_info", WireFormat::group_info);
  round_trip_message(it, "mls_key_package", WireFormat::key_package);
  const auto tree = RatchetTree::parse(hex(it.entry().at("ratchet_tree")));
  if (it.check(tree.ok(), "ratchet_tree does not parse")) {
    it.check_equal(tree->serialize(), it.entry().at("ratchet_tree"), "ratchet_tree encoded again");
  }
  round_trip<GroupSecrets>(it, "group_secrets");
  round_trip<Add>(it, "add_proposal");
  round_trip<Update>(it, "update_proposal");
  round_trip<Remove>(it, "remove_proposal");
  round_trip<PreSharedKey>(it, "pre_shared_key_proposal");
  round_trip<ReInit>(it, "re_init_proposal");
  round_trip<ExternalInit>(it, "external_init_proposal");
  round_trip<GroupContextExtensions>(it, "group_context_extensions_proposal");
  round_trip<Commit>(it, "commit");
  round_trip_message(it, "public_message_application", WireFormat::public_message, ContentType::application);
  round_trip_message(it, "public_message_proposal", WireFormat::public_message, ContentType::proposal);
  round_trip_message(it, "public_message_commit", WireFormat::public_message, ContentType::commit);
  round_trip_message(it, "private_message", WireFormat::private_message);
}

void run_welcome(Case& it) {
  const auto& entry = it.entry();
  const auto message = parse<MlsMessage>(it, entry.at("welcome"), "welcome");
  auto key_package = key_package_from_message(hex(entry.at("key_package")));
  if (!message || !it.check(key_package.ok(), "key_package does not parse")) return;
  it.check(key_package->validate().ok(), "the key package is not valid");
  const auto* welcome = std::get_if<Welcome>(&message->content);
  if (!it.check(welcome != nullptr, "welcome is not a Welcome")) return;
  const auto init_key = array_from<crypto::KemPrivateKey>(entry.at("init_priv"));
  const auto* secrets = welcome->find(key_package->ref());
  if (!it.check(secrets != nullptr, "no entry for the key package")) return;
  const auto opened =
      decrypt_with_label(init_key, "Welcome", welcome->encrypted_group_info, secrets->encrypted_group_secrets);
  if (!it.check(opened.ok(), "the group secrets do not open")) return;
  const auto group_secrets = decode<GroupSecrets>(opened->view());
  if (!it.check(group_secrets.ok(), "the group secrets do not parse")) return;

  const KeyPackageBundle bundle{*key_package, init_key.clone(), {}};
  const auto joining = Group::begin_join(*welcome, bundle);
  if (!it.check(joining.ok(), "the group info does not open")) return;
  const auto& info = joining->group_info();
  it.check(info.verify(hex(entry.at("signer_pub"))), "signature of the group info");
  const auto epoch =
      derive_epoch_secrets(group_secrets->joiner_secret.view(), psk_secret({}).view(), info.group_context);
  it.check(mac_equal(mac(epoch.confirmation_key.view(), info.group_context.confirmed_transcript_hash),
                     info.confirmation_tag),
           "confirmation tag");
}

}  // namespace sotto::vectors
