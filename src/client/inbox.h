// The inbox: entries of a chat, in the order of its log, each processed in one transaction with its cursor.
//
// What opens becomes a message, a notice or a change of the group. What does not open is never dropped silently: it
// leaves a placeholder with a reason. The cursor moves past every entry, and past nothing else.
#pragma once

#include "client/acks.h"
#include "client/intents.h"
#include "client/media/media.h"
#include "client/people.h"
#include "client/rules.h"
#include "client/signals.h"

namespace sotto::client {

class Inbox {
 public:
  Inbox(Context& context, Session& session, Acks& acks, ChatGroups& groups, Runtimes& runtimes, Outbox& outbox,
        Intents& intents, Media& media, Receipts& receipts, Signals& signals, People& people)
      : c_(context),
        session_(session),
        acks_(acks),
        groups_(groups),
        runtimes_(runtimes),
        outbox_(outbox),
        intents_(intents),
        media_(media),
        receipts_(receipts),
        signals_(signals),
        people_(people) {}

  Status on_heads(const wire::Heads& heads);
  Status on_entries(const wire::Entries& entries);
  Status on_chat_joined(const wire::ChatJoined& joined);
  Status on_gap(const wire::Gap& gap);
  void on_connection_lost();
  /// Whether everything that was owed at connect has been processed.
  [[nodiscard]] bool caught_up() const { return heads_known_ && draining_.empty(); }

 private:
  /// What is common to all entries, checked.
  struct Checked {
    std::uint64_t seq = 0;
    MessageId message_id;
    std::int64_t time = 0;
    UserId sender;
    DeviceId device;
    const wire::Entry* entry = nullptr;
  };
  static Result<Checked> check(const wire::Entry& entry);

  Status on_relay_restored();
  Status lost_by_relay(const ChatId& id);
  Status take(ChatRow& chat, const Checked& entry);
  Status process(ChatRow& chat, const Checked& entry);
  /// `bytes`: of the entry.
  Status advance(ChatRow& chat, std::uint64_t seq, std::size_t bytes);

  // Messages.
  Status on_message(ChatRow& chat, const Checked& entry);
  Status store_message(ChatRow& chat, const Checked& entry, const mls::ApplicationMessage& opened);
  Status take_hidden(const ChatRow& chat, const wire::CheckedCertificate& from, const wire::Content& content);
  Status count_n(const ChatId& chat, const Checked& entry, const DeviceId& device, std::uint64_t n);
  Status placeholder(const ChatId& chat, const Checked& entry, std::int64_t position, const Error& why);
  Status on_stub(ChatRow& chat, const Checked& entry);

  // Handshakes.
  Status on_handshake(ChatRow& chat, const Checked& entry);
  Status merge_own(ChatRow& chat, const Checked& entry, const mls::CommitId& commit);
  Status after_commit(ChatRow& chat, const Checked& entry, const Verdict& verdict, const wire::CheckedCommitAad& aad);
  Status skip_commit(ChatRow& chat, const Checked& entry, const std::optional<wire::CheckedCommitAad>& aad,
                     const Error& why);
  Status apply_roster(ChatRow& chat, const wire::CheckedCommitAad& aad);
  Status restart_numbers(ChatRow& chat, const wire::CheckedCommitAad& aad);
  Status must_rejoin(ChatRow& chat, const Checked& entry, const std::string& why);
  Status on_removed(ChatRow& chat);
  Status notice(const ChatId& chat, const Checked& entry, NoticeKind kind, const std::set<UserId>& users,
                const std::string& text);

  // Joining.
  struct PendingJoin {
    wire::ChatJoined joined;
    wire::TreeLocation location;
    Bytes tree;
    std::vector<wire::Entries> later;
  };
  Status join(const wire::ChatJoined& joined, std::optional<ByteView> tree);
  static Status check_joined(const wire::ChatJoined& joined, const mls::Group& group);
  Status check_inviter(const ChatRow& chat, const mls::Group& group, mls::LeafIndex signer);
  Status finish_join(ChatRow chat, bool is_new, const Checked& entry, mls::Group& group, mls::LeafIndex signer);
  Status join_failed(const wire::ChatJoined& joined, const Checked& entry, const Error& why);
  Status fetch_tree(const ChatId& chat);
  Status on_tree_part(const ChatId& chat, const wire::Response& response);

  Context& c_;
  Session& session_;
  Acks& acks_;
  ChatGroups& groups_;
  Runtimes& runtimes_;
  Outbox& outbox_;
  Intents& intents_;
  Media& media_;
  Receipts& receipts_;
  Signals& signals_;
  People& people_;

  // Of this connection.
  bool heads_known_ = false;
  /// Chats that have not reached the head announced at connect.
  std::map<ChatId, std::uint64_t> draining_;
  /// Joins that wait for a ratchet tree, with what has come for the chat since; bounded by the relay's window.
  std::map<ChatId, PendingJoin> joining_;
  /// Commits skipped or followed in this step leave notices at positions beside the entry.
  std::int64_t notices_of_entry_ = 0;
};

}  // namespace sotto::client
