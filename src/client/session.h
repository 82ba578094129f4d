// The connection to the relay as the engine sees it: challenge, registration, authentication, requests and answers,
// and when to try again.
#pragma once

#include <map>

#include "client/queries.h"
#include "wire/message.h"

namespace sotto::client {

enum class Link : std::uint8_t {
  offline,
  connecting,
  /// The WebSocket is open; the relay speaks first.
  waiting_for_challenge,
  registering,
  authenticating,
  /// Authenticated, but not yet told what is owed.
  waiting_for_heads,
  /// Told what is owed.
  ready,
};

class Session {
 public:
  /// Called with the answer, inside a step. Forgotten without a call when the connection ends.
  using OnAnswer = std::function<Status(const wire::Response&)>;

  explicit Session(Context& context) : c_(context), code_queries_(context) {}

  [[nodiscard]] bool ready() const { return link_ == Link::ready; }
  [[nodiscard]] bool authenticated() const { return link_ >= Link::waiting_for_heads; }
  [[nodiscard]] Link link() const { return link_; }

  /// Sends a request and remembers what to do with its answer.
  void request(const wire::Request& request, OnAnswer on_answer);
  /// What `request` was asked for since `mark` is forgotten: its frames will not leave.
  [[nodiscard]] std::uint64_t mark() const { return next_id_; }
  void forget_since(std::uint64_t mark) { waiting_.erase(waiting_.lower_bound(mark), waiting_.end()); }
  /// Sends a request that is not answered.
  void post(const wire::Request& request);

  Status on_command(const RegisterCommand& command);
  Status on_command(const ChangeHandleCommand& command);
  Status on_command(const RequestCodeCommand& command);
  void on_connect_wanted();
  void on_disconnect_wanted();
  void on_connected();
  /// The connection ended, or never came to be.
  void on_lost(const Error& why);
  /// Ends it from this side, and tries again later.
  void abandon(const Error& why);

  /// Fills the relay's stock of this device's key packages. What it refuses for now goes again after a while.
  Status publish_key_packages(std::size_t at_relay);
  /// What is due again on this connection.
  Status pump();

  Status on_challenge(const wire::Challenge& challenge);
  Status on_answer(std::uint64_t id, const wire::Response& response);
  /// The last of the heads has come.
  void on_heads_known();
  /// Whether the relay's store is another one than before, as after a restore from a backup.
  [[nodiscard]] bool relay_restored() const { return relay_restored_; }
  /// The relay answered that the account was deleted.
  [[nodiscard]] bool account_deleted() const { return account_deleted_; }
  /// The store has no account any more; another one may come.
  void on_erased(const Error& why);
  void on_going_away(const wire::GoingAway& going_away);
  /// By the relay's clock, in milliseconds since 1970.
  [[nodiscard]] std::uint64_t relay_time_at_begin() const { return relay_time_at_begin_; }

  /// Reconnects when it is time; abandons a connection that does not answer.
  void on_time();
  [[nodiscard]] std::optional<Timestamp> next_timer() const;

  /// The clock that `Context::now` comes from was set back: waits go on as if it had not been.
  void set_clock_back(std::chrono::milliseconds by);

  /// Tells the app if the state that it sees has changed.
  void announce(bool caught_up);
  /// Operations that nobody will finish any more.
  void close(const Error& why);

 private:
  struct Waiting {
    OnAnswer on_answer;
    Timestamp deadline;
  };
  /// Whether there is anything to connect for.
  [[nodiscard]] bool wants_connection() const;
  void try_connect();
  void probe();
  Status authenticate();
  /// There is something to ask that the relay answers only on a connection that has not authenticated.
  [[nodiscard]] bool asks_first() const { return !code_queries_.empty() || wants_handle(); }
  [[nodiscard]] bool wants_handle() const;
  /// On such a connection: asks what there is to ask, then authenticates.
  Status register_or_authenticate();
  /// The change that is under way, or the registration in the form of one.
  [[nodiscard]] HandleChange asked_for() const;
  void ask_for_handle();
  Status on_registered(const wire::Response& response);
  Status on_refused(const Error& why);
  Status handle_waits(const Error& why);
  void be_patient(std::optional<Timestamp> until);
  void ask_for_codes();
  void on_code_answer(std::uint64_t id, const wire::Response& response);
  void end_patience();
  Status on_authenticated(const wire::Response& response);
  void finish_registration(const Result<UserId>& result);

  Context& c_;
  Link link_ = Link::offline;
  bool wanted_ = true;
  std::uint32_t failures_ = 0;
  Timestamp next_try_{};
  std::uint64_t next_id_ = 1;
  std::map<std::uint64_t, Waiting> waiting_;
  Bytes nonce_;
  std::uint64_t relay_time_at_begin_ = 0;
  /// Of the account, or of another handle for the one that there is.
  std::vector<Completion<UserId>> registrations_;
  /// A registration was sent on this connection, and is not answered.
  bool asking_for_handle_ = false;
  /// Until then the relay is not asked for the handle: as a rule, it moves here then.
  std::optional<Timestamp> patient_until_;
  Queries<RequestCodeCommand, CodeSent> code_queries_;
  ConnectionState announced_ = ConnectionState::offline;
  std::optional<Error> problem_;
  Timestamp connecting_since_{};
  /// The app said that the network changed, and the relay has until then to show that it did not.
  std::optional<Timestamp> probe_until_;
  Timestamp ready_since_{};
  bool relay_restored_ = false;
  bool publishing_ = false;
  std::size_t key_packages_at_relay_ = 0;
  std::uint32_t publish_failures_ = 0;
  std::optional<Timestamp> publish_again_;
  bool account_deleted_ = false;
};

/// Shows a connection's challenge signed; a main one also the account's session and ack numbers.
wire::Request authentication(const AccountRow& account, ByteView nonce, wire::ConnectionKind kind);

/// How long to wait after a refusal: `backoff`, but as long as the relay wishes at the least.
std::chrono::milliseconds wait_after(const Error& why, std::uint32_t failures, std::chrono::milliseconds first,
                                     std::chrono::milliseconds most, Random& random);

/// Full-jitter exponential backoff: a random time up to first * 2^failures, at most `most`.
std::chrono::milliseconds backoff(std::uint32_t failures, std::chrono::milliseconds first,
                                  std::chrono::milliseconds most, Random& random);

}  // namespace sotto::client
