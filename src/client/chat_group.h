// The MLS groups of chats: a cache of loaded ones, and the making of new ones, commits and Welcomes.
#pragma once

#include <list>
#include <map>
#include <memory>

#include "client/context.h"
#include "client/group_storage.h"
#include "client/group_view.h"

namespace sotto::client {

/// What an own commit is to do.
struct CommitPlan {
  std::vector<mls::KeyPackage> adds;
  std::vector<mls::LeafIndex> removes;
  /// The ChatState after it, if it changes.
  std::optional<ChatStateView> state;
};

/// A commit that is staged in the group and ready to be sent.
struct StagedChange {
  wire::Commit commit;
  /// In the MLS group.
  mls::CommitId commit_id;
  /// What its stub will show.
  crypto::Sha256Digest stub_hash;
  /// The ratchet tree, encrypted, if it is too large for the Welcome; else empty.
  Bytes tree_ciphertext;
  Bytes tree_attachment_id;
  Bytes tree_token_hash;
};

class ChatGroups {
 public:
  explicit ChatGroups(Context& context) : c_(context) {}

  /// The group of a chat, from the cache or the store. Errors: NOT_FOUND (no group of this generation is stored),
  /// CORRUPT, NEWER_SCHEMA, storage. A pointer is valid until the next call of this class.
  Result<mls::Group*> load(const ChatId& chat, std::uint32_t generation);
  /// After a rollback, or when a group failed: what is in memory may differ from the disk.
  void evict(const ChatId& chat);
  void evict_all();
  /// INTERNAL if a group in memory is not what the store says.
  Status compare_with_store();

  /// Founds the group of a new chat, this device its only member, in place of what may be there.
  Result<mls::Group*> create(const ChatRow& chat, const ChatStateView& state);

  /// Stages a commit on top of the current epoch; also the founding commit (`founding`), whose message nobody reads.
  Result<StagedChange> stage(const ChatRow& chat, const CommitPlan& plan, bool founding);

  /// What a Welcome needs before the group can be joined.
  struct Invitation {
    mls::Joining joining;
    Bytes key_package_ref;
    /// Where the tree is, if GroupInfo does not hold it.
    std::optional<wire::TreeLocation> tree;
  };
  /// Opens a Welcome. Errors: NOT_FOUND (its key package is not ours), what mls::Group::begin_join gives.
  Result<Invitation> open_welcome(const wire::Welcome& welcome);
  /// Joins in place of an older state. Errors: what mls::Group::finish_join gives, INVALID_COMMIT (the group breaks the
  /// rules), storage.
  Result<mls::Group*> join(const ChatId& chat, std::uint32_t generation, Invitation invitation,
                           std::optional<ByteView> tree);

  /// Opens what `tree_ciphertext` holds. Errors: DECRYPTION_FAILED, MALFORMED.
  static Result<Bytes> open_tree(const wire::TreeLocation& location, ByteView ciphertext);
  /// The token that fetches the blob.
  static Bytes tree_token(const wire::TreeLocation& location);

 private:
  struct Loaded {
    std::uint32_t generation = 0;
    std::unique_ptr<SqlGroupStorage> storage;
    std::unique_ptr<mls::Group> group;
    std::list<ChatId>::iterator used;
  };
  mls::Group* keep(const ChatId& chat, std::uint32_t generation, std::unique_ptr<SqlGroupStorage> storage,
                   mls::Group group);
  Result<wire::CheckedCommitAad> aad_for(const ChatRow& chat, const mls::Group& group, const CommitPlan& plan);
  Result<Bytes> seal_tree(ByteView tree, StagedChange& change);

  Context& c_;
  std::map<ChatId, Loaded> loaded_;
  /// Most recently used first.
  std::list<ChatId> order_;
};

}  // namespace sotto::client
