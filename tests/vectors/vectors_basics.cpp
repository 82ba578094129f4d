// Vectors without a tree or a group: tree-math, deserialization, crypto-basics, psk_secret, key-schedule,
// transcript-hashes.
#include "crypto/hpke.h"
#include "crypto/sign.h"
#include "mls/key_schedule.h"
#include "mls/labels.h"
#include "mls/psk.h"
#include "mls/tree_math.h"
#include "vector_case.h"

namespace sotto::vectors {

using namespace mls;

void run_tree_math(Case& it) {
  const auto& entry = it.entry();
  const auto leaves = entry.at("n_leaves").get<std::uint32_t>();
  it.check(node_width(leaves) == entry.at("n_nodes").get<std::uint32_t>(), "n_nodes");
  it.check(root_of(leaves) == entry.at("root").get<std::uint32_t>(), "root");
  const auto same = [&](const char* name, NodeIndex node, bool exists, NodeIndex value) {
    const auto& expected = entry.at(name).at(node);
    const bool good = exists ? expected.is_number() && expected.get<NodeIndex>() == value : expected.is_null();
    it.check(good, std::string(name) + " of node " + std::to_string(node));
  };
  for (NodeIndex node = 0; node < node_width(leaves); ++node) {
    const bool inner = !is_leaf(node);
    const bool below = node != root_of(leaves);
    same("left", node, inner, inner ? left_child(node) : 0);
    same("right", node, inner, inner ? right_child(node) : 0);
    same("parent", node, below, below ? parent_of(node) : 0);
    same("sibling", node, below, below ? sibling_of(node) : 0);
  }
}

void run_deserialization(Case& it) {
  const auto header = hex(it.entry().at("vlbytes_header"));
  const auto length = it.entry().at("length").get<std::size_t>();
  Reader reader(header);
  it.check(reader.vector_length() == length && reader.ok() && reader.left() == 0,
           "the header does not give the length");
  Writer writer;
  writer.vector_header(length);
  it.check_equal(writer.bytes(), it.entry().at("vlbytes_header"), "the header of this length");
}

void run_crypto_basics(Case& it) {
  const auto& entry = it.entry();
  const auto label_of = [](const json& test) { return test.at("label").get<std::string>(); };
  {
    const auto& test = entry.at("ref_hash");
    it.check_equal(ref_hash(label_of(test), hex(test.at("value"))), test.at("out"), "ref_hash");
  }
  {
    const auto& test = entry.at("expand_with_label");
    it.check_equal(expand_with_label(hex(test.at("secret")), label_of(test), hex(test.at("context")),
                                     test.at("length").get<std::size_t>())
                       .view(),
                   test.at("out"), "expand_with_label");
  }
  {
    const auto& test = entry.at("derive_secret");
    it.check_equal(derive_secret(hex(test.at("secret")), label_of(test)).view(), test.at("out"), "derive_secret");
  }
  {
    const auto& test = entry.at("derive_tree_secret");
    it.check_equal(derive_tree_secret(hex(test.at("secret")), label_of(test),
                                      test.at("generation").get<std::uint32_t>(), test.at("length").get<std::size_t>())
                       .view(),
                   test.at("out"), "derive_tree_secret");
  }
  {
    const auto& test = entry.at("sign_with_label");
    const auto key = array_from<crypto::SignaturePrivateKey>(test.at("priv"));
    const auto content = hex(test.at("content"));
    it.check_equal(crypto::public_key_of(key).view(), test.at("pub"), "public signature key");
    it.check(verify_with_label(hex(test.at("pub")), label_of(test), content, hex(test.at("signature"))),
             "verification");
    const auto own = sign_with_label(key, label_of(test), content);
    it.check(verify_with_label(hex(test.at("pub")), label_of(test), content, own), "verification of an own signature");
  }
  {
    const auto& test = entry.at("encrypt_with_label");
    SystemRandom random;
    const auto key = array_from<crypto::KemPrivateKey>(test.at("priv"));
    const auto context = hex(test.at("context"));
    it.check_equal(crypto::public_key_of(key).view(), test.at("pub"), "public HPKE key");
    const auto opened =
        decrypt_with_label(key, label_of(test), context, {hex(test.at("kem_output")), hex(test.at("ciphertext"))});
    if (it.check(opened.ok(), "decryption")) it.check_equal(opened->view(), test.at("plaintext"), "plaintext");
    const auto own =
        encrypt_with_label(hex(test.at("pub")), label_of(test), context, hex(test.at("plaintext")), random);
    if (!it.check(own.ok(), "encryption")) return;
    const auto again = decrypt_with_label(key, label_of(test), context, *own);
    if (it.check(again.ok(), "decryption of an own ciphertext")) {
      it.check_equal(again->view(), test.at("plaintext"), "plaintext of an own ciphertext");
    }
  }
}

void run_psk_secret(Case& it) {
  std::vector<PskInput> inputs;
  for (const auto& psk : it.entry().at("psks")) {
    PreSharedKeyId id;
    id.psk_id = hex(psk.at("psk_id"));
    id.psk_nonce = hex(psk.at("psk_nonce"));
    inputs.push_back({std::move(id), SecretBytes(hex(psk.at("psk")))});
  }
  it.check_equal(psk_secret(inputs).view(), it.entry().at("psk_secret"), "psk_secret");
}

void run_key_schedule(Case& it) {
  const auto& entry = it.entry();
  GroupContext context;
  context.group_id = hex(entry.at("group_id"));
  SecretBytes init_secret(hex(entry.at("initial_init_secret")));
  for (const auto& epoch : entry.at("epochs")) {
    const auto at = "epoch " + std::to_string(context.epoch) + " ";
    context.tree_hash = hex(epoch.at("tree_hash"));
    context.confirmed_transcript_hash = hex(epoch.at("confirmed_transcript_hash"));
    it.check_equal(encode(context), epoch.at("group_context"), at + "group_context");
    const auto psk = epoch.contains("psk_secret") && epoch.at("psk_secret").is_string() ? hex(epoch.at("psk_secret"))
                                                                                        : Bytes(hash_size);
    const auto joiner = derive_joiner_secret(init_secret.view(), hex(epoch.at("commit_secret")), context);
    it.check_equal(joiner.view(), epoch.at("joiner_secret"), at + "joiner_secret");
    it.check_equal(derive_welcome_secret(joiner.view(), psk).view(), epoch.at("welcome_secret"), at + "welcome_secret");
    auto secrets = derive_epoch_secrets(joiner.view(), psk, context);
    const std::pair<const char*, const SecretBytes*> outputs[] = {
        {"init_secret", &secrets.init_secret},
        {"sender_data_secret", &secrets.sender_data_secret},
        {"encryption_secret", &secrets.encryption_secret},
        {"exporter_secret", &secrets.exporter_secret},
        {"epoch_authenticator", &secrets.epoch_authenticator},
        {"external_secret", &secrets.external_secret},
        {"confirmation_key", &secrets.confirmation_key},
        {"membership_key", &secrets.membership_key},
        {"resumption_psk", &secrets.resumption_psk},
    };
    for (const auto& [name, secret] : outputs) it.check_equal(secret->view(), epoch.at(name), at + name);
    it.check_equal(crypto::derive_kem_key(secrets.external_secret.view()).public_key.view(), epoch.at("external_pub"),
                   at + "external_pub");
    const auto& exporter = epoch.at("exporter");
    it.check_equal(export_from(secrets.exporter_secret.view(), exporter.at("label").get<std::string>(),
                               hex(exporter.at("context")), exporter.at("length").get<std::size_t>())
                       .view(),
                   exporter.at("secret"), at + "exporter");
    init_secret = std::move(secrets.init_secret);
    ++context.epoch;
  }
}

void run_transcript_hashes(Case& it) {
  const auto& entry = it.entry();
  const auto content = parse<AuthenticatedContent>(it, entry.at("authenticated_content"), "authenticated_content");
  if (!content || !it.check(content->content.content_type() == ContentType::commit, "not a commit")) return;
  it.check_equal(encode(*content), entry.at("authenticated_content"), "encoded again");
  const auto confirmed = confirmed_transcript_hash(hex(entry.at("interim_transcript_hash_before")), *content);
  it.check_equal(confirmed, entry.at("confirmed_transcript_hash_after"), "confirmed_transcript_hash_after");
  it.check(mac_equal(mac(hex(entry.at("confirmation_key")), confirmed), content->auth.confirmation_tag),
           "confirmation_tag");
  it.check_equal(interim_transcript_hash(confirmed, content->auth.confirmation_tag),
                 entry.at("interim_transcript_hash_after"), "interim_transcript_hash_after");
}

}  // namespace sotto::vectors
