// One member's view of one MLS group (RFC 9420), kept piecewise in a GroupStorage.
//
// How it is used:
//
//   create / begin_join + finish / load      →  Group
//   encrypt                                  →  an application message to send
//   open                                     →  an application message, a proposal, or a commit to be judged
//   apply / reject (ReceivedCommit)          →  the next epoch, or the same one
//   stage_commit → merge_pending | drop_pending      an own commit, before and after the log has decided its slot
//
// Storage, errors, memory: every call that changes something writes through to the storage at once, without a
// transaction of its own. If a call fails with IO_ERROR, DISK_FULL, CORRUPT or INTERNAL, or the caller's transaction
// rolls back, the object must be thrown away and loaded again. After any other error the object is as good as before,
// and the storage holds what it held (one exception: a commit that is refused after its signature verified has used up
// its handshake key).
//
// Not thread-safe; different groups are independent. The storage must outlive the group.
#pragma once

#include <memory>
#include <variant>

#include "base/random.h"
#include "mls/commit_effects.h"
#include "mls/framing.h"
#include "mls/limits.h"
#include "mls/psk.h"
#include "mls/storage.h"
#include "mls/welcome.h"
#include "sotto/types.h"

namespace sotto::mls {

class GroupState;   // the stored state; internal
struct CommitPlan;  // what a commit changes; internal

enum class Padding : std::uint8_t { none, padme };
enum class TreeInWelcome : std::uint8_t { included, left_out };

/// SHA-256 of the MLSMessage bytes of a commit.
using CommitId = crypto::Sha256Digest;

/// How the own leaf changes with an own commit. What is empty stays as it is; the encryption key always changes.
struct NewLeaf {
  std::optional<crypto::SignatureKeyPair> signature_key = {};
  std::optional<Credential> credential = {};
  std::optional<Capabilities> capabilities = {};
  std::optional<Extensions> extensions = {};
};

struct CommitSpec {
  /// Validated by stage_commit; the lifetime is checked by the caller.
  std::vector<KeyPackage> adds = {};
  std::vector<LeafIndex> removes = {};
  std::optional<Extensions> group_context_extensions = {};
  /// References (ProposalReceived::ref) of stored proposals to commit as well.
  std::vector<Bytes> proposal_refs = {};
  NewLeaf new_leaf = {};
  Bytes authenticated_data = {};
  Padding padding = Padding::padme;
};

struct StagedCommit {
  CommitId id;
  /// An MLSMessage with a PrivateMessage: what is sent. Not kept in the storage.
  Bytes message;
};

struct PendingCommit {
  CommitId id;
  /// As for a received commit; `sender` is the own leaf.
  CommitEffects effects;
  /// Of the epoch that the commit would start.
  SecretBytes epoch_authenticator;
};

struct ApplicationMessage {
  LeafIndex sender;
  /// The sender's leaf in the epoch of the message.
  std::shared_ptr<const LeafNode> sender_leaf;
  std::uint64_t epoch = 0;
  std::uint32_t generation = 0;
  Bytes authenticated_data;
  Bytes plaintext;
};

struct ProposalReceived {
  LeafIndex sender;
  Bytes ref;
  Proposal proposal;
  Bytes authenticated_data;
};

/// A commit that is valid as far as public state can tell. Bound to the Group that opened it and to its epoch: it is
/// given back to that object's `apply` or `reject`, or dropped (which equals `reject`).
class ReceivedCommit {
 public:
  ReceivedCommit(ReceivedCommit&&) noexcept;
  ReceivedCommit& operator=(ReceivedCommit&&) noexcept;
  ~ReceivedCommit();
  [[nodiscard]] const CommitEffects& effects() const;

 private:
  friend class Group;
  explicit ReceivedCommit(std::unique_ptr<CommitPlan> plan);
  std::unique_ptr<CommitPlan> plan_;
};

using Opened = std::variant<ApplicationMessage, ProposalReceived, ReceivedCommit>;

enum class ApplyOutcome : std::uint8_t {
  /// The group is in the next epoch.
  advanced,
  /// The commit removes this member: the group is inactive, and stays to read what was sent before.
  removed,
};

struct CreateParams {
  Bytes group_id;
  /// The own leaf, which becomes leaf 0. Its init key is not used.
  const KeyPackageBundle& own;
  const crypto::SignaturePrivateKey& signature_key;
  Extensions group_context_extensions;
};

/// A Welcome that was decrypted but not joined yet: its GroupInfo can be read to find the ratchet tree.
class Joining {
 public:
  Joining(Joining&&) noexcept;
  Joining& operator=(Joining&&) noexcept;
  ~Joining();

  /// The GroupInfo. Its signature and confirmation tag are verified by `Group::finish_join` only.
  [[nodiscard]] const GroupInfo& group_info() const;
  /// Whether GroupInfo carries the ratchet tree itself.
  [[nodiscard]] bool has_ratchet_tree() const;

 private:
  friend class Group;
  struct State;
  explicit Joining(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

class Group {
 public:
  Group(Group&&) noexcept;
  Group& operator=(Group&&) noexcept;
  ~Group();

  /// A new group of one member at epoch 0. The storage must be empty (erase the old group first).
  /// Errors: INVALID_ARGUMENT (keys do not belong together, extensions twice or not covered by capabilities), storage.
  static Result<Group> create(const CreateParams& params, GroupStorage& storage, Random& random);

  /// Opens a Welcome with the key package that it names. Nothing is stored.
  /// Errors: NOT_FOUND (no entry for this key package), UNSUPPORTED (ciphersuite, or PSKs that are not in `psks`),
  /// DECRYPTION_FAILED, MALFORMED, INVALID_KEY.
  static Result<Joining> begin_join(const Welcome& welcome, const KeyPackageBundle& bundle,
                                    std::span<const ExternalPsk> psks = {});
  /// Joins: everything of RFC 9420 section 12.4.3.1 is verified, then the state is stored. `ratchet_tree` (encoded
  /// `optional<Node> ratchet_tree<V>`) is needed if GroupInfo has none; if GroupInfo has one, that is used.
  /// The storage must be empty.
  /// Errors: NOT_FOUND (no ratchet tree), MALFORMED, BAD_SIGNATURE, INVALID_COMMIT (tree or GroupInfo breaks a rule),
  /// CANNOT_FOLLOW (own leaf or path secret does not fit), UNSUPPORTED, storage.
  static Result<Group> finish_join(Joining joining, std::optional<ByteView> ratchet_tree,
                                   const crypto::SignaturePrivateKey& signature_key, GroupStorage& storage);
  /// Both steps in one, for a Welcome with tree.
  static Result<Group> join(const Welcome& welcome, const KeyPackageBundle& bundle,
                            std::optional<ByteView> ratchet_tree, const crypto::SignaturePrivateKey& signature_key,
                            GroupStorage& storage, std::span<const ExternalPsk> psks = {});
  /// Errors: NOT_FOUND (no group is stored here), CORRUPT, NEWER_SCHEMA, storage.
  static Result<Group> load(GroupStorage& storage);
  /// Erases every row of the group that the storage holds.
  static Status erase(GroupStorage& storage);

  // --- State -------------------------------------------------------------------------------------------------------

  [[nodiscard]] const Bytes& group_id() const;
  [[nodiscard]] std::uint64_t epoch() const;
  [[nodiscard]] const Bytes& tree_hash() const;
  /// Of the GroupContext.
  [[nodiscard]] const Extensions& extensions() const;
  [[nodiscard]] const GroupContext& context() const;
  [[nodiscard]] LeafIndex own_leaf_index() const;
  [[nodiscard]] std::vector<Member> members() const;
  /// Null if the leaf is blank or beyond the tree.
  [[nodiscard]] std::shared_ptr<const LeafNode> leaf(LeafIndex index) const;
  /// False once a commit removed this member.
  [[nodiscard]] bool active() const;
  /// Equal for all members in an epoch (section 8.7).
  [[nodiscard]] ByteView epoch_authenticator() const;
  /// MLS-Exporter (section 8.5); at most 255 * 32 bytes.
  [[nodiscard]] SecretBytes export_secret(std::string_view label, ByteView context, std::size_t length) const;
  /// The encoded ratchet tree of the current epoch.
  [[nodiscard]] Bytes ratchet_tree() const;

  // --- Application messages and proposals --------------------------------------------------------------------------

  /// An MLSMessage with a PrivateMessage. The key is used up durably. Errors: NOT_A_MEMBER (inactive), LIMIT_EXCEEDED,
  /// storage.
  Result<Bytes> encrypt(ByteView plaintext, ByteView authenticated_data, Padding padding, Random& random);

  /// Proposals, sent as PrivateMessages and stored for a commit that refers to them. Errors: NOT_A_MEMBER,
  /// LIMIT_EXCEEDED, and what `stage_commit` says of the same changes.
  Result<Bytes> propose_add(const KeyPackage& key_package, ByteView authenticated_data, Random& random);
  Result<Bytes> propose_remove(LeafIndex removed, ByteView authenticated_data, Random& random);
  Result<Bytes> propose_update(const NewLeaf& new_leaf, ByteView authenticated_data, Random& random);
  Result<Bytes> propose_group_context_extensions(const Extensions& extensions, ByteView authenticated_data,
                                                 Random& random);

  // --- Receiving ---------------------------------------------------------------------------------------------------

  /// Opens an MLSMessage with a PrivateMessage or PublicMessage. An application message and a proposal are done with
  /// it; a commit is only judged, as far as public state tells, and waits for `apply` or `reject`.
  /// Errors: MALFORMED; UNSUPPORTED (wire format, external senders, PSKs that are not known, ReInit);
  /// INVALID_ARGUMENT (another group); WRONG_EPOCH; KEY_CONSUMED (a repeat, an own message, or one that was skipped too
  /// long ago); GENERATION_TOO_FAR; DECRYPTION_FAILED; NOT_A_MEMBER (a sender that is a blank leaf); BAD_SIGNATURE;
  /// INVALID_COMMIT (invalid for all members alike); LIMIT_EXCEEDED (too many proposals); storage.
  /// A message that fails before its signature verified uses no key up.
  Result<Opened> open(ByteView message);

  /// Follows a commit. `now` is noted as the time at which the current epoch was superseded.
  /// Errors: CANNOT_FOLLOW (invalid for this member: path secret, derived keys, confirmation tag; the state is as
  /// before), INVALID_ARGUMENT (of another group or epoch), storage.
  Result<ApplyOutcome> apply(ReceivedCommit&& commit, Timestamp now);
  /// Skips a commit: the state stays, and the next commit leaves the same epoch.
  Status reject(ReceivedCommit&& commit);

  // --- Own commits -------------------------------------------------------------------------------------------------

  /// Makes a commit, always with an update path, and stores what is needed to merge it. Several may wait in an epoch.
  /// The handshake key is used up durably, also if the commit is dropped later.
  /// Errors: NOT_A_MEMBER, INVALID_ARGUMENT (removes itself or a blank leaf, twice the same, a key in use),
  /// what KeyPackage::validate gives, UNSUPPORTED, NOT_FOUND (a reference), LIMIT_EXCEEDED, storage.
  Result<StagedCommit> stage_commit(const CommitSpec& spec, Random& random);
  /// Enters the next epoch by an own commit. Other pending commits of the old epoch are dropped with it.
  /// Errors: NOT_FOUND, storage.
  Status merge_pending(const CommitId& id, Timestamp now);
  /// Errors: NOT_FOUND, storage.
  Status drop_pending(const CommitId& id);
  /// In the order in which they were staged.
  [[nodiscard]] std::vector<CommitId> list_pending() const;
  [[nodiscard]] Result<PendingCommit> pending(const CommitId& id);
  /// The Welcome for all members that a pending commit adds: one entry each, in the order of CommitSpec::adds.
  /// `extensions` are GroupInfo's, beside the ratchet tree. Errors: NOT_FOUND, storage.
  Result<Welcome> make_welcome(const CommitId& id, const Extensions& extensions, TreeInWelcome tree, Random& random);
  /// The encoded ratchet tree after a pending commit, for members that do not get it in their Welcome.
  Result<Bytes> ratchet_tree_of_pending(const CommitId& id);

  // --- Past epochs -------------------------------------------------------------------------------------------------

  /// Erases what is kept of past epochs that were superseded before `time`, but for the newest `spared`, of which
  /// messages may still come. Errors: storage.
  Status erase_epochs_superseded_before(Timestamp time, std::size_t spared);
  /// The past epochs that still open messages, oldest first.
  [[nodiscard]] std::vector<std::uint64_t> past_epochs() const;

  /// External PSKs that commits may use; not stored. Without them such commits give UNSUPPORTED.
  void set_external_psks(std::vector<ExternalPsk> psks);

 private:
  friend class Joining;
  explicit Group(std::unique_ptr<GroupState> state);
  std::unique_ptr<GroupState> state_;
};

}  // namespace sotto::mls
