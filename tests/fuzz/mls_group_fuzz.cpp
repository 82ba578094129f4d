// An MLS group whose member receives whatever an outsider sends, and whatever a hostile member signs: messages of
// garbage, commits and proposals that are genuine but for a few bytes, and Welcomes made with all keys right.
#include <set>
#include <variant>

#include "crypto/aead.h"
#include "crypto/init.h"
#include "mls/group_state.h"
#include "mls/labels.h"
#include "mls/message_protection.h"
#include "mutator.h"
#include "unit/mls/group_fixture.h"

using namespace sotto;
using namespace sotto::mls;
using sotto::fuzz::check;
using sotto::mls::test::must;

namespace {

/// What was signed inside a private message of the current epoch.
AuthenticatedContent content_of(Group& group, MemoryStorage& storage, ByteView bytes) {
  GroupState state(storage);
  must(state.load());
  const auto message = std::get<PrivateMessage>(must(decode<MlsMessage>(bytes)).content);
  const auto sender = must(open_sender_data(message, state.secrets.sender_data_secret.view()));
  SecretTree keys(storage, group.epoch(), state.tree->leaf_count());
  const auto key = must(keys.find(sender.leaf_index, RatchetType::handshake, sender.generation));
  return must(open_private(message, sender, key.key));
}

/// Made once: alice, who is attacked, bob, who is honest, and mallory, who is a member and is not.
struct Cast {
  Cast() {
    must(crypto::initialize());
    world.gather(bob, {&alice, &mallory, &dora});
    // The tree gets parents, a past epoch and a blank leaf.
    world.commit(alice, {}, {&bob, &mallory, &dora});
    old_message = world.say(bob, "of an epoch ago");
    CommitSpec removal;
    removal.removes = {{3}};
    world.commit(bob, removal, {&alice, &mallory});

    alice_storage.copy_from(*alice.storage);
    mallory_storage.copy_from(*mallory.storage);

    for (int i = 0; i < 3; ++i) messages.push_back(world.say(bob, "honest " + std::to_string(i)));
    messages.push_back(old_message);
    messages.push_back(must(bob.group->propose_remove({2}, as_bytes("aad"), world.random)));
    messages.push_back(must(bob.group->propose_update({}, as_bytes("aad"), world.random)));
    const auto stage = [&](const CommitSpec& spec) {
      const auto staged = must(mallory.group->stage_commit(spec, world.random));
      messages.push_back(staged.message);
      commits.push_back(content_of(*bob.group, *bob.storage, staged.message));
    };
    stage({});
    CommitSpec add;
    add.adds = {newcomer.key_package()};
    stage(add);
    stage(removal_of(0));
    CommitSpec extensions;
    extensions.group_context_extensions = Extensions{{0xf001, to_bytes("state")}};
    stage(extensions);
    for (const auto& proposal : std::vector<Proposal>{
             {Add{newcomer.key_package()}},
             {Remove{{1}}},
             {GroupContextExtensions{{{0xf001, to_bytes("x")}}}},
             {PreSharedKey{{PskType::external, to_bytes("psk"), {}, {}, 0, to_bytes("nonce")}}},
             {ReInit{to_bytes("other"), ProtocolVersion::mls10, ciphersuite, {}}},
             {ExternalInit{Bytes(32, 1)}},
         }) {
      proposals.push_back(proposal);
    }
    auto welcome_spec = CommitSpec{};
    welcome_spec.adds = {alice_again.key_package()};
    const auto staged = must(mallory.group->stage_commit(welcome_spec, world.random));
    welcome = must(mallory.group->make_welcome(staged.id, {}, TreeInWelcome::included, world.random));
    open_welcome();
  }

  static CommitSpec removal_of(std::uint32_t leaf) {
    CommitSpec out;
    out.removes = {{leaf}};
    return out;
  }

  /// Takes the genuine Welcome apart, so that it can be made again with other parts.
  void open_welcome() {
    const auto opened = must(decrypt_with_label(alice_again.bundle.init_key, "Welcome", welcome.encrypted_group_info,
                                                welcome.secrets.front().encrypted_group_secrets));
    group_secrets = encode(must(decode<GroupSecrets>(opened.view())));
    const auto secrets = must(decode<GroupSecrets>(group_secrets));
    const auto key =
        derive_key_and_nonce(derive_welcome_secret(secrets.joiner_secret.view(), psk_secret({}).view()).view(), {});
    group_info = must(decode<GroupInfo>(must(crypto::aead_open(key.key, key.nonce, {}, welcome.encrypted_group_info))));
  }

  mls::test::World world{1};
  mls::test::Device alice = world.device("alice");
  mls::test::Device bob = world.founder("bob");
  mls::test::Device mallory = world.device("mallory");
  mls::test::Device dora = world.device("dora");
  mls::test::Device newcomer = world.device("newcomer");
  mls::test::Device alice_again = world.device("alice again");
  MemoryStorage alice_storage;
  MemoryStorage mallory_storage;
  Bytes old_message;
  /// Genuine ones, of bob and mallory.
  std::vector<Bytes> messages;
  std::vector<AuthenticatedContent> commits;
  std::vector<Proposal> proposals;
  Welcome welcome;
  Bytes group_secrets;
  GroupInfo group_info;
};

class Attack {
 public:
  Attack(const Cast& cast, FuzzedDataProvider& input) : cast_(cast), input_(input) {
    storage_.copy_from(cast.alice_storage);
    group_.emplace(must(Group::load(storage_)));
    hostile_storage_.copy_from(cast.mallory_storage);
    must(hostile_.load());
  }

  void run() {
    for (int i = 0; i < 12 && input_.remaining_bytes() > 0; ++i) act();
    // What the member has in memory is what it has stored.
    const auto loaded = must(Group::load(storage_));
    check(equal(loaded.epoch_authenticator(), group_->epoch_authenticator()), "memory equals disk");
    check(loaded.active() == group_->active(), "memory equals disk");
    if (followed_) return;
    // Nobody but bob can use bob's keys up.
    for (std::size_t i = 0; i < 3; ++i) {
      if (opened_.contains(i)) continue;
      const auto opened = group_->open(cast_.messages[i]);
      check(opened.ok(), "what is honest still opens");
      const auto* message = std::get_if<ApplicationMessage>(&*opened);
      check(message != nullptr && as_text(message->plaintext) == "honest " + std::to_string(i),
            "and says what it said");
    }
  }

 private:
  void act() {
    switch (input_.ConsumeIntegral<std::uint8_t>() % 7) {
      case 0: {
        const auto index = input_.ConsumeIntegral<std::uint8_t>() % cast_.messages.size();
        opened_.insert(index);
        return receive(cast_.messages[index]);
      }
      case 1: {
        const auto index = input_.ConsumeIntegral<std::uint8_t>() % cast_.messages.size();
        const auto bytes = fuzz::mutate_bytes(cast_.messages[index], input_);
        if (bytes == cast_.messages[index]) opened_.insert(index);
        return receive(bytes);
      }
      case 2: {
        const auto size = input_.ConsumeIntegral<std::uint8_t>();
        return receive(input_.ConsumeBytes<std::uint8_t>(size));
      }
      case 3:
        return say(changed_commit());
      case 4:
        return say(built_commit());
      case 5: {
        auto content = own(cast_.commits.front());
        content.content.content = fuzz::pick(cast_.proposals, input_);
        if (input_.ConsumeBool()) {
          auto changed =
              decode<Proposal>(fuzz::mutate_bytes(encode(std::get<Proposal>(content.content.content)), input_));
          if (changed.ok()) content.content.content = std::move(*changed);
        }
        return say(std::move(content));
      }
      default:
        return join();
    }
  }

  AuthenticatedContent own(AuthenticatedContent content) const {
    content.content.group_id = hostile_.context.group_id;
    content.content.epoch = hostile_.context.epoch;
    content.content.sender = {SenderType::member, hostile_.own_leaf.value};
    return content;
  }

  AuthenticatedContent changed_commit() {
    auto content = own(fuzz::pick(cast_.commits, input_));
    auto bytes = encode(std::get<Commit>(content.content.content));
    for (int i = input_.ConsumeIntegral<std::uint8_t>() % 3; i > 0; --i) bytes = fuzz::mutate_bytes(bytes, input_);
    if (auto commit = decode<Commit>(bytes); commit.ok()) content.content.content = std::move(*commit);
    return content;
  }

  AuthenticatedContent built_commit() {
    auto content = own(fuzz::pick(cast_.commits, input_));
    auto& commit = std::get<Commit>(content.content.content);
    commit.proposals.clear();
    for (int i = input_.ConsumeIntegral<std::uint8_t>() % 4; i > 0; --i) {
      if (!refs_.empty() && input_.ConsumeBool()) {
        commit.proposals.push_back({fuzz::pick(refs_, input_)});
        continue;
      }
      auto proposal = fuzz::pick(cast_.proposals, input_);
      if (auto* removal = std::get_if<Remove>(&proposal.content)) {
        removal->removed.value = input_.ConsumeIntegral<std::uint8_t>() % 9;
      }
      commit.proposals.push_back({std::move(proposal)});
    }
    if (input_.ConsumeBool()) commit.path.reset();
    return content;
  }

  /// Mallory signs and seals it, as a private or a public message.
  void say(AuthenticatedContent content) {
    if (input_.ConsumeBool()) {
      content.wire_format = WireFormat::private_message;
      content.sign(hostile_.signature_key, hostile_.context);
      const auto sealed = hostile_.seal_own(content, input_.ConsumeIntegral<std::uint8_t>(), random_);
      if (sealed.ok()) receive(*sealed);
      return;
    }
    content.wire_format = WireFormat::public_message;
    content.sign(hostile_.signature_key, hostile_.context);
    const auto sealed = seal_public(content, hostile_.secrets.membership_key.view(), hostile_.context);
    if (sealed.ok()) receive(encode(MlsMessage{*sealed}));
  }

  void receive(ByteView bytes) {
    const auto before = to_bytes(group_->epoch_authenticator());
    auto opened = group_->open(bytes);
    if (!opened.ok()) {
      check(opened.code() != ErrorCode::INTERNAL && opened.code() != ErrorCode::CORRUPT, "nothing is damaged");
    } else if (auto* proposal = std::get_if<ProposalReceived>(&*opened)) {
      refs_.push_back(proposal->ref);
    } else if (auto* commit = std::get_if<ReceivedCommit>(&*opened)) {
      if (input_.ConsumeBool()) {
        must(group_->reject(std::move(*commit)));
      } else {
        const auto outcome = group_->apply(std::move(*commit), mls::test::at(5));
        followed_ = followed_ || outcome.ok();
        if (outcome.ok()) return;
        check(outcome.code() == ErrorCode::CANNOT_FOLLOW, "a commit is followed or not");
      }
    }
    check(equal(before, group_->epoch_authenticator()), "only a commit that is followed changes the epoch");
  }

  /// A Welcome whose parts are changed, with signature, confirmation tag and encryption right again.
  void join() {
    const auto secrets = decode<GroupSecrets>(input_.ConsumeBool() ? fuzz::mutate_bytes(cast_.group_secrets, input_)
                                                                   : cast_.group_secrets);
    if (!secrets.ok()) return;
    auto info = cast_.group_info;
    std::optional<Bytes> tree;
    for (auto& extension : info.extensions) {
      if (extension.type == extension_type::ratchet_tree) {
        if (input_.ConsumeBool()) extension.data = fuzz::mutate_bytes(extension.data, input_);
        if (input_.ConsumeBool()) {
          tree = extension.data;
          extension.type = 0xf001;
        }
        // A tree that is changed is one of its own hash.
        if (const auto parsed = RatchetTree::parse(extension.data); parsed.ok() && parsed->leaf_count() > 0) {
          info.group_context.tree_hash = parsed->root_hash();
        }
      }
    }
    if (input_.ConsumeBool()) {
      if (auto changed = decode<GroupInfo>(fuzz::mutate_bytes(encode(info), input_)); changed.ok()) info = *changed;
    }
    const auto psks = psk_secret({});
    const auto joiner = secrets->joiner_secret.view();
    const auto epoch = derive_epoch_secrets(joiner, psks.view(), info.group_context);
    info.confirmation_tag = mac(epoch.confirmation_key.view(), info.group_context.confirmed_transcript_hash);
    info.sign(cast_.mallory.signature_key.private_key);

    Welcome welcome;
    const auto key = derive_key_and_nonce(derive_welcome_secret(joiner, psks.view()).view(), {});
    welcome.encrypted_group_info = crypto::aead_seal(key.key, key.nonce, {}, encode(info));
    welcome.secrets.push_back({cast_.alice_again.key_package().ref(),
                               must(encrypt_with_label(cast_.alice_again.key_package().init_key, "Welcome",
                                                       welcome.encrypted_group_info, encode(*secrets), random_))});
    auto bytes = encode(welcome);
    if (input_.ConsumeBool()) bytes = fuzz::mutate_bytes(bytes, input_);
    const auto parsed = decode<Welcome>(bytes);
    if (!parsed.ok()) return;
    MemoryStorage storage;
    const auto joined =
        Group::join(*parsed, cast_.alice_again.bundle, tree ? std::optional<ByteView>(*tree) : std::nullopt,
                    cast_.alice_again.signature_key.private_key, storage);
    if (!joined.ok()) {
      check(joined.code() != ErrorCode::INTERNAL && joined.code() != ErrorCode::CORRUPT, "nothing is damaged");
      return;
    }
    const auto loaded = must(Group::load(storage));
    check(equal(loaded.epoch_authenticator(), joined->epoch_authenticator()), "a joined group is stored");
    (void)loaded.ratchet_tree();
  }

  const Cast& cast_;
  FuzzedDataProvider& input_;
  SeededRandom random_{2};
  MemoryStorage storage_;
  std::optional<Group> group_;
  MemoryStorage hostile_storage_;
  GroupState hostile_{hostile_storage_};
  std::vector<Bytes> refs_;
  std::set<std::size_t> opened_;
  bool followed_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Cast cast;
  FuzzedDataProvider input(data, size);
  Attack(cast, input).run();
  return 0;
}
