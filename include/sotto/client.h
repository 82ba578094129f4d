// The client: one account on one device, its chats and messages, kept in a folder of its own.
//
// A complete program (examples/quickstart.cpp is its sibling with two users):
//
//     #include <iostream>
//     #include <sotto/blocking.h>
//     #include <sotto/client.h>
//
//     int main() {
//       sotto::ClientConfig config;
//       config.data_dir = "/tmp/alice";
//       config.relay_url = "wss://localhost:8443";
//       config.ca_file = "/tmp/sotto-dev/cert.pem";  // as `sotto-relay --dev --data /tmp/sotto-dev` names it
//       config.on_event = [](const sotto::Event& event) {
//         if (auto* added = std::get_if<sotto::MessageAdded>(&event)) std::cout << added->message.text << "\n";
//       };
//       auto opened = sotto::Client::open(std::move(config));
//       if (!opened.ok()) return std::cerr << opened.error().message << "\n", 1;
//       auto client = std::move(*opened);
//
//       using sotto::blocking;
//       auto me = blocking<sotto::UserId>([&](auto done) { client->register_account("alice", done); });
//       auto bob = blocking<sotto::UserId>([&](auto done) { client->find_user("bob", done); });
//       if (!me.ok() || !bob.ok()) return 1;
//       auto chat = client->create_direct_chat(*bob);
//       if (!chat.ok()) return 1;
//       auto message = client->send(*chat, "Hello!");  // written now, sent when Bob can be reached
//       std::cin.get();
//     }  // the destructor closes
//
// Threads: every call may be made from any thread. No call waits for the network. Calls that change something put a
// command in the client's queue and return; reads run on the caller's thread against a snapshot of the store.
// Completions and events run on the executor, in order, one at a time, never inside the call that caused them; they may
// call anything, `close` included.
//
// Durability: what a completion or an event tells is on disk. A process may be killed at any moment and lose nothing
// that was told; messages leave by themselves after the next start.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sotto/account.h"
#include "sotto/chat.h"
#include "sotto/event.h"
#include "sotto/event_log.h"
#include "sotto/executor.h"
#include "sotto/log.h"
#include "sotto/message.h"
#include "sotto/people.h"
#include "sotto/result.h"

namespace sotto {

/// Called exactly once, on the executor, unless the call that took it returned an error. After `close` it is called
/// with CLOSED if the outcome was not known; what was already on disk then still happens after the next `open`.
template <typename T>
using Completion = std::function<void(Result<T>)>;

/// How a client is opened. `data_dir` and `relay_url` are needed.
struct ClientConfig {
  /// Folder of the store, made if missing (mode 0700). One process at a time may use it. Exclude it from backups: an
  /// old copy of it must not be used again.
  std::string data_dir;
  /// `wss://host[:port][/path]`. Plain `ws://` is refused.
  std::string relay_url;
  /// PEM file of the authorities to trust instead of the system's; empty for the system's.
  std::string ca_file;
  /// Lower-case hex SHA-256 of SubjectPublicKeyInfos. If not empty, the relay's certificate must have one of these
  /// keys.
  std::vector<std::string> spki_pins;
  /// Where completions and events run; by default a thread of the client's own.
  std::shared_ptr<Executor> executor;
  /// Called on the executor for each event.
  std::function<void(const Event&)> on_event;
  /// Keeps a log of events for `events`. It costs a small row for each event, written with the change that it tells,
  /// and its deletion; so an app that does well with `on_event` leaves it off.
  bool keep_event_log = false;
  /// Called on the executor when events were logged, once for all that came together.
  std::function<void()> on_events_logged;
  /// Where log lines go, from the client's threads. Lines hold no content, no keys, and only hashes of ids.
  LogSink log;
  LogLevel log_level = LogLevel::warning;
  /// How much the files of attachments may take in `data_dir`, in bytes: beyond it the ones that were used least
  /// recently are removed and fetched again when they are asked for, as long as the relay has them (30 days).
  std::uint64_t attachment_cache_bytes = 2ULL << 30;
  /// Whether what this device sent is uploaded again when a member of its chat asks for it after the relay's 30 days:
  /// each attachment once a day for a device, and at most 100 a day for one. If false, such questions are left
  /// unanswered.
  bool answer_attachment_requests = true;
  /// If false, the client stays offline until `connect` is called.
  bool connect_at_open = true;
};

/// What a group starts with.
struct GroupSpec {
  /// The other users, 1 to 99, without duplicates and without the own user.
  std::vector<UserId> participants;
  /// UTF-8, at most 256 bytes.
  std::string name;
};

/// Which part of a history to read.
struct MessagePage {
  /// Entries before this position (`Message::position`), newest first; nothing: from the end.
  std::optional<std::int64_t> before;
  /// 1 to 200.
  std::size_t limit = 50;
};

/// What a message may be given when it is sent.
struct SendOptions {
  /// A new id of the app's own, not zero: sent again under it, the first message stays the only one in this chat. The
  /// relay sees ids, so they are best random.
  std::optional<ClientMessageId> id = std::nullopt;
  /// Releases the log's events up to this one (see `Client::release_events`) in the transaction that stores the
  /// message: an answer to an event is written once or the event comes again, never both.
  std::optional<EventCursor> releases = std::nullopt;
  /// Whether recipients who are not connected are told by push.
  Urgency urgency = Urgency::normal;
};

class SOTTO_API Client {
 public:
  /// Opens or creates the store and starts the client's thread; connects by itself if there is an account.
  /// Errors: INVALID_ARGUMENT (a URL, a folder, a pin), IN_USE (another process has the folder), NEWER_SCHEMA, CORRUPT,
  /// IO_ERROR, DISK_FULL.
  static Result<std::unique_ptr<Client>> open(ClientConfig config);

  /// As `close`, and waits until the client's thread has ended and the folder is released; on the client's own executor
  /// thread it has also run what was posted. Inside a callback it does not wait: the thread then ends by itself.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Ends the client and returns at once: nothing more is sent but acks of what is stored, no event begins any more,
  /// each pending completion is called with CLOSED, and last `closed`, when the folder is released. Legal from any
  /// thread, in any state, inside any callback, and again (only the first call's `closed` counts). What was on disk
  /// goes on after the next `open`.
  void close(std::function<void()> closed = {});

  // ---- Account

  /// Makes an account on the relay: an identity, this device, and `handle`, an E.164 phone number ("+4930123456") or a
  /// name of 1 to 64 bytes. A phone number may be given as people write it ("+49 (30) 12-34 56", "0049 30 123456").
  /// Waits for the network if it must, also over restarts. Calling it again with the same handle gives the same answer.
  /// Errors: INVALID_ARGUMENT, HANDLE_TAKEN, ALREADY_EXISTS (the store has an account with another handle), and what
  /// the overload below says of a relay that wants more than a handle; CLOSED.
  void register_account(std::string handle, Completion<UserId> done);
  /// As above, and shows what the relay wants. A PIN is hashed on the calling thread, which takes some tenths of a
  /// second. After an error other than HANDLE_PENDING the store has no account, and the same code is still good, unless
  /// it was the wrong one.
  /// Errors (also): CODE_REQUIRED, WRONG_CODE, INVITE_REQUIRED, PIN_REQUIRED (the handle is locked: show the PIN that
  /// its account was given, with the same code), RATE_LIMITED (for longer than a minute; see `retry_after`),
  /// UNAVAILABLE (no memory to hash the PIN). HANDLE_PENDING: the number was proved, but an account that was active of
  /// late has it. Its devices are told, and may object for `retry_after` (a day). The client keeps what it showed and
  /// asks again by itself, also after a restart; `RegistrationChanged` tells when, and how it ended. Until then another
  /// handle may be registered instead.
  void register_account(std::string handle, RegisterOptions options, Completion<UserId> done);

  /// Gives the account another handle, as when its own has moved to somebody else (`HandleClaimed::moved`) or the
  /// person has a new phone number. UserId and chats stay; so does the old handle, until the relay has given the new
  /// one. Then the old one leads here still until somebody else proves it, and PIN and `keep_handle` are about the new
  /// one, which has no PIN yet. Shows what the relay wants for the new handle, as `register_account`. Waits for the
  /// network, also over restarts; connects anew to ask. A refusal leaves the account as it was. Errors: those of
  /// `register_account` but ALREADY_EXISTS; NOT_REGISTERED, CONFLICT (yet another handle is being asked for),
  /// ROLLED_BACK, CANCELLED (a later call took its place). HANDLE_PENDING is what it is there; until the handle moves,
  /// a call with another one takes the place of this one, and one with the present handle takes it back.
  void change_handle(std::string handle, RegisterOptions options, Completion<void> done = {});

  /// Has the relay send a code to a phone number, for `register_account` or `change_handle`. Works before there is an
  /// account; with one, the client connects anew for it. Codes to a number are a minute apart, and five a day.
  /// Errors: INVALID_ARGUMENT (no phone number), UNSUPPORTED (the relay wants no codes), RATE_LIMITED (see
  /// `retry_after`; after a lost connection a code may be on its way all the same), UNAVAILABLE (no answer within
  /// 30 s), CANCELLED (the account was erased), CLOSED.
  void request_code(std::string handle, Completion<CodeSent> done);

  /// Locks the own handle with a PIN (UTF-8, 4 to 64 bytes): who proves the handle with a code gets it with the PIN, at
  /// once, and without it not at all. `nullopt` takes the lock away. The relay keeps a hash of the PIN's Argon2id,
  /// which is computed on the calling thread (some tenths of a second). Errors: INVALID_ARGUMENT, NOT_REGISTERED,
  /// HANDLE_TAKEN (the handle has moved), NOT_FOUND (the relay knows of no handle), RATE_LIMITED, UNAVAILABLE (no
  /// answer within 30 s: it may have been set), CLOSED.
  void set_pin(std::optional<std::string> pin, Completion<void> done = {});

  /// Whether others find this account by its handle (at first: yes). Who knows its userId can write to it all the same.
  /// Errors: NOT_REGISTERED, RATE_LIMITED, UNAVAILABLE (no answer within 30 s: it may have been set), CLOSED.
  void set_discoverable(bool discoverable, Completion<void> done = {});

  /// Answers `HandleClaimed`: the handle stays here, and nobody may claim it for a week. Idempotent.
  /// Errors: NOT_REGISTERED, HANDLE_TAKEN (it has moved), NOT_FOUND, RATE_LIMITED, UNAVAILABLE (no answer within 30 s),
  /// CLOSED.
  void keep_handle(Completion<void> done = {});

  /// The account, or nothing before `register_account` was called and after it was erased. Errors: IO_ERROR, CLOSED.
  [[nodiscard]] Result<std::optional<Account>> account() const;

  /// Tells the relay where its push gateway finds this device, and from which urgency on to tell it: normal or high.
  /// The token (UTF-8, at most 4 KiB) goes to the gateway as it is; empty: nowhere. It is kept, and told again by
  /// itself when the relay may have lost it; but the gateway may call it gone, so tell it at each start of the app.
  /// `done` says that the relay has it. Errors: INVALID_ARGUMENT, NOT_REGISTERED, UNSUPPORTED (the relay has no push),
  /// DISK_FULL, IO_ERROR, CLOSED (it is told after the next `open`).
  void set_push_token(std::string token, Urgency at_least, Completion<void> done = {});

  /// Deletes the account, for ever: at the relay, which frees the handle and forgets all that it keeps for it, and on
  /// this device. Waits for the network, also over restarts; from the relay's answer on nothing can stop it. Chats that
  /// others have stay with them, and they see this user until they remove it. `done`: the folder holds nothing of the
  /// account any more. Everything that was still waiting completes with CANCELLED. Errors: NOT_REGISTERED, CONFLICT (a
  /// `log_out` with `erase` is under way), INVALID_ARGUMENT (this device's clock is more than a day off), UNSUPPORTED,
  /// UNKNOWN_COMMAND (an older relay), IO_ERROR, CLOSED (it goes on after the next `open`).
  void delete_account(Completion<void> done = {});

  /// Logs this device out: the relay is told, if it can be reached within 10 s, that nobody should begin a chat with it
  /// nor tell it by push. With `keep` everything stays readable and the client offline, also after the next `open`,
  /// until `connect` logs in again and gets what came meanwhile. With `erase` the folder then holds nothing of the
  /// account any more: on an account's only device, as in this version all are, the account is lost for good, its
  /// handle stays taken, and its chats are owed to nobody who could read them; `delete_account` is what ends an
  /// account. Errors: NOT_REGISTERED, CONFLICT (being deleted), CANCELLED (`connect` was called before it was done),
  /// IO_ERROR, CLOSED (it goes on after the next `open`).
  void log_out(LogOutData data, Completion<void> done = {});

  // ---- Connection

  /// Connects now, without waiting for the next try; also a hint that the network changed: a connection that is open is
  /// tested, and replaced if the relay does not answer on it within 5 s. Idempotent.
  void connect();
  /// Stays offline until `connect`. What is stored is acknowledged to the relay first, as by `close`.
  void disconnect();
  [[nodiscard]] ConnectionState connection() const;

  // ---- People

  /// Looks a handle up, in the forms of `register_account`. The user's identity key is pinned at first sight. If this
  /// store has met another user under the handle, the event `HandleMoved` comes before the completion.
  /// Errors: NOT_REGISTERED, UNKNOWN_USER, RATE_LIMITED, UNAVAILABLE (no answer within 30 s), CLOSED.
  void find_user(std::string handle, Completion<UserId> done);

  /// What is known of a user; of one who was never met, only the id. Errors: IO_ERROR, CLOSED.
  [[nodiscard]] Result<Person> person(const UserId& user) const;
  /// All who are blocked, sorted by id. Errors: IO_ERROR, CLOSED.
  [[nodiscard]] Result<std::vector<UserId>> blocked() const;
  /// Blocks a user, or ends that. Who is blocked cannot begin chats with this user nor add it to groups (the relay is
  /// told), does not learn what arrived, what was read, or when this user is there; what they write in a direct chat is
  /// dropped on arrival, also later. In groups they are heard on. A profile gets a new key, which they do not have.
  /// `done` says that it is on disk; the relay is told when it can be reached.
  /// Errors: INVALID_ARGUMENT (the own user), LIMIT_EXCEEDED (2,000), NOT_REGISTERED, DISK_FULL, IO_ERROR, CLOSED.
  void block(const UserId& user, bool blocked, Completion<void> done = {});

  /// What this user shows of itself; it travels to people with the next message to them. `done` says that it is on
  /// disk. Errors: INVALID_ARGUMENT (limits of `Profile`), NOT_REGISTERED, DISK_FULL, IO_ERROR, CLOSED.
  void set_profile(Profile profile, Completion<void> done = {});
  /// The own profile. Errors: IO_ERROR, CLOSED.
  [[nodiscard]] Result<Profile> profile() const;
  /// What others are told of this user, from now on. Errors: DISK_FULL, IO_ERROR, CLOSED.
  void set_privacy(const PrivacySettings& settings, Completion<void> done = {});
  /// Errors: IO_ERROR, CLOSED.
  [[nodiscard]] Result<PrivacySettings> privacy() const;

  /// Tells people in direct chats that this user is here, and asks whether they are, until it is called with false, or
  /// the client is closed. To be called when the app comes to the front and leaves it. Not stored.
  void set_available(bool available);
  /// Tells a chat that this user is writing: to be called with each change of what is written; it is told at most
  /// every 4 s. Sending ends it. Not stored; nothing happens in a chat that is not active, or offline.
  void set_typing(const ChatId& chat, bool typing);

  // ---- Chats

  /// The direct chat with a user: a new one, or the one there is. The id is known at once; the chat is in the store
  /// when `done` is called, and reaches the other user when the relay can be reached.
  /// Errors (returned): INVALID_ARGUMENT (the own user), NOT_REGISTERED, CLOSED.
  Result<ChatId> create_direct_chat(const UserId& user, Completion<Chat> done = {});

  /// A new group, of which the own user is the admin. `done` is called when it is in the store; events tell when the
  /// relay confirmed it (`ChatStatus::active`) or refused it for good (`failed`).
  /// Errors (returned): INVALID_ARGUMENT, LIMIT_EXCEEDED (more than 100 users), NOT_REGISTERED, CLOSED.
  Result<ChatId> create_group(GroupSpec spec, Completion<Chat> done = {});

  /// Adds a user to a group, or removes one. Waits for the network, rebuilds itself if somebody else changes the group
  /// at the same time, survives restarts. May be given while another change is under way; changes of one chat happen
  /// in order. `done` tells the outcome; adding someone who is there already, or removing someone who is not, succeeds.
  /// Errors: NOT_FOUND, FORBIDDEN (not an admin, a direct chat), LIMIT_EXCEEDED (101st user), UNKNOWN_USER,
  /// NO_KEY_PACKAGES, REMOVED, CLOSED.
  void modify_participants(const ChatId& chat, const UserId& user, ParticipantOperation operation,
                           Completion<void> done = {});

  /// Removes all devices of one user and adds those of another, in one change: for a person whose handle leads to a new
  /// account (`HandleMoved`). As `modify_participants`; what of it others did already is not done again. Who was an
  /// admin is not one as the new user. A direct chat stays with the old user for ever: open one with the new one.
  /// Errors: as `modify_participants`; INVALID_ARGUMENT (no two users).
  void replace_participant(const ChatId& chat, const UserId& old_user, const UserId& new_user,
                           Completion<void> done = {});

  /// Gives a group a new name (UTF-8, at most 256 bytes). As `modify_participants`.
  /// Errors: NOT_FOUND, FORBIDDEN (not an admin, a direct chat), INVALID_ARGUMENT, REMOVED, CLOSED.
  void rename(const ChatId& chat, std::string name, Completion<void> done = {});

  /// Replaces this device's keys in a chat now, so that what was stolen before opens nothing sent after.
  /// As `modify_participants`. Errors: NOT_FOUND, REMOVED, CLOSED.
  void refresh_keys(const ChatId& chat, Completion<void> done = {});

  /// All chats, latest activity first. At most 200 a call; `after` is the last one of the page before.
  /// Errors: INVALID_ARGUMENT (limit), IO_ERROR, CLOSED.
  [[nodiscard]] Result<std::vector<Chat>> chats(std::size_t limit = 200,
                                                const std::optional<Chat>& after = std::nullopt) const;
  /// Errors: NOT_FOUND, IO_ERROR, CLOSED.
  [[nodiscard]] Result<Chat> chat(const ChatId& id) const;
  /// Accepts or declines a chat that is a request (`Chat::request`). Errors: NOT_FOUND, DISK_FULL, IO_ERROR, CLOSED.
  void answer_request(const ChatId& chat, RequestAnswer answer, Completion<void> done = {});
  /// Everything up to a message (without one: everything) was seen by this user; it never goes back. The others are
  /// told, unless `PrivacySettings::read_receipts` is off or the chat is a request. `done` says that it is on disk.
  /// Errors: NOT_FOUND (no such chat or message), DISK_FULL, IO_ERROR, CLOSED.
  void mark_read(const ChatId& chat, std::optional<ClientMessageId> up_to = std::nullopt, Completion<void> done = {});
  /// How far an own message has come with each of the other users now in the chat, sorted by id.
  /// Errors: NOT_FOUND (no such message, or not an own one), IO_ERROR, CLOSED.
  [[nodiscard]] Result<std::vector<Receipt>> receipts(const ChatId& chat, const ClientMessageId& message) const;
  /// The users of a chat, this one included, sorted by id. Errors: NOT_FOUND, IO_ERROR, CLOSED.
  [[nodiscard]] Result<std::vector<Participant>> participants(const ChatId& id) const;

  // ---- Messages

  /// Writes a text (UTF-8, 1 byte to 64 KiB) in a chat and returns it at once, its id included, in state `queued`.
  /// `done` says that it is on disk: from then on it is sent by itself, whatever happens to the process. Works offline.
  /// Errors (returned): INVALID_ARGUMENT, NOT_REGISTERED, CLOSED, LIMIT_EXCEEDED (10,000 commands waiting).
  /// Errors (completed): NOT_FOUND (no such chat), REMOVED, BLOCKED (a direct chat with somebody whom this user has
  /// blocked), DISK_FULL, IO_ERROR, CLOSED.
  Result<Message> send(const ChatId& chat, std::string text, Completion<void> done = {});
  /// As above. What is known already under `options.id` comes back as it is; `done` then only says that the release is
  /// on disk. Errors (also): INVALID_ARGUMENT, returned if the id is zero or the log is not kept, completed if no event
  /// has the cursor yet. What is refused releases nothing.
  Result<Message> send(const ChatId& chat, std::string text, SendOptions options, Completion<void> done = {});

  /// Writes a message with attachments, with or without a text (the caption, at most 16 KiB). As `send` of a text: it
  /// is returned at once and leaves by itself, when its attachments are uploaded; messages written later do not wait
  /// for it. Files are encrypted into the client's folder in the background (`AttachmentState::preparing`); until then
  /// they must stay as they are. `done` says that the message is on disk, not that its files are. Errors (returned):
  /// INVALID_ARGUMENT, LIMIT_EXCEEDED, TOO_LARGE, NOT_REGISTERED, CLOSED. Errors (completed): as `send`; NOT_FOUND also
  /// for a file that cannot be read, TOO_LARGE for one above 2 GiB.
  Result<Message> send(const ChatId& chat, std::string text, std::vector<OutgoingAttachment> attachments,
                       Completion<void> done = {});
  /// As above, with an id or a release, see `send` of a text. What is known already under `options.id` comes back as it
  /// is, whatever else is given: its files need not be there any more.
  Result<Message> send(const ChatId& chat, std::string text, std::vector<OutgoingAttachment> attachments,
                       SendOptions options, Completion<void> done = {});
  /// Whether `send` would take what is said of an attachment, for who wants to know before. Errors: INVALID_ARGUMENT,
  /// naming what is wrong.
  static Result<void> check_attachment(const AttachmentInfo& info);
  /// Writes what another message says and shows once more, in this or another chat, without uploading anything again.
  /// Errors (returned): NOT_REGISTERED, CLOSED. Errors (completed): NOT_FOUND (no such chat or message, or an
  /// attachment that has expired), REMOVED, DISK_FULL, IO_ERROR, CLOSED.
  Result<Message> forward(const ChatId& from, const ClientMessageId& message, const ChatId& to,
                          Completion<void> done = {});

  /// Starts, pauses or cancels the transfer of a message's attachment, counted from 0. `done` of a `start` is called
  /// when the file is `present` (or, of an own one, uploaded), or when it cannot be; of the others at once. After
  /// CLOSED the transfer goes on with the next `open`. Errors: NOT_FOUND (no such attachment, or expired), CANCELLED,
  /// DISK_FULL, IO_ERROR, CLOSED, and what the relay says.
  void transfer(const ChatId& chat, const ClientMessageId& message, std::uint32_t index, TransferAction action,
                Completion<void> done = {});
  /// Asks the sender of an attachment that has expired for it. A device of the sender that still has the file uploads
  /// it again by itself, unless its app does not want that (`ClientConfig::answer_attachment_requests`), and it is then
  /// fetched here; if the sender has none any more, `Attachment::problem` says so. The question is not shown to
  /// anybody, but the other members' clients see it. `done` says that it is on disk: it leaves by itself. Errors
  /// (completed): NOT_FOUND (no such attachment, or its sender has left the chat), INVALID_ARGUMENT (an own one, or one
  /// that has not expired), RATE_LIMITED (asked for within this day), REMOVED, DISK_FULL, IO_ERROR, CLOSED.
  void request_attachment(const ChatId& chat, const ClientMessageId& message, std::uint32_t index,
                          Completion<void> done = {});
  /// Which attachments of messages that arrive from now on are fetched by themselves; `metered` says whether the
  /// network is. Not stored: to be told after each `open`, unless the defaults suit.
  void set_download_policy(const DownloadPolicy& policy, bool metered);
  /// Opens a present attachment for reading, which is also a use of it (see `ClientConfig::attachment_cache_bytes`).
  /// Errors: NOT_FOUND (no such attachment, it is not present, or its file is gone from the client's folder), CORRUPT
  /// (its file there is too short), IO_ERROR, CLOSED. One whose file is gone or damaged becomes `remote`, with
  /// the reason as its `problem`: `transfer` fetches it again, as long as the relay has it.
  [[nodiscard]] Result<AttachmentReader> open_attachment(const ChatId& chat, const ClientMessageId& message,
                                                         std::uint32_t index) const;

  /// One page of a chat's history, newest first. Errors: INVALID_ARGUMENT (limit), IO_ERROR, CLOSED.
  [[nodiscard]] Result<std::vector<Message>> messages(const ChatId& chat, const MessagePage& page = {}) const;
  /// One message. Errors: NOT_FOUND, IO_ERROR, CLOSED.
  [[nodiscard]] Result<Message> message(const ChatId& chat, const ClientMessageId& id) const;

  // ---- The event log (`ClientConfig::keep_event_log`): one reader, who goes through it in order

  /// Events after a cursor (0: all that were not released), in order; none at the log's end. On the caller's thread.
  /// Errors: INVALID_ARGUMENT (limit is 1 to 200; no event has the cursor yet; no log is kept), IO_ERROR, CLOSED.
  [[nodiscard]] Result<std::vector<LoggedEvent>> events(EventCursor after, std::size_t limit = 50) const;
  /// The reader has done its part with all up to this event: they are deleted and never come again, also after a
  /// restart. Errors (completed): INVALID_ARGUMENT (no event has the cursor yet; no log is kept), DISK_FULL, IO_ERROR,
  /// CLOSED.
  void release_events(EventCursor up_to, Completion<void> done = {});

 private:
  struct Impl;
  explicit Client(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace sotto
