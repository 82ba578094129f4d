// One user's device: a machine on which an app with the real client engine runs, dies and is started again.
#pragma once

#include <deque>
#include <memory>
#include <set>

#include "client/engine.h"
#include "relay/io.h"
#include "sim/dice.h"
#include "sim/machine.h"
#include "store/database.h"

namespace sotto::sim {

/// One of those that people choose.
std::string random_pin(Dice& dice);

class Device final : public Machine {
 public:
  Device(World& world, std::size_t index, std::uint64_t seed);
  ~Device() override;

  [[nodiscard]] std::size_t index() const { return index_; }
  [[nodiscard]] bool running() const override { return engine_ != nullptr; }
  [[nodiscard]] bool registered() const { return !user.is_zero(); }
  [[nodiscard]] relay::ConnectionId connection() const { return connection_id_; }
  [[nodiscard]] bool online() const { return connection_ == ConnectionState::online; }

  /// Starts the process; tries again by itself if the disk does not let it.
  void start();
  /// Ends it as an app does that is closed.
  void close();
  /// The process (or the machine) dies now.
  void die(bool power_cut);
  /// From the network; passed over if it is about an older connection.
  void input(client::Input input, relay::ConnectionId connection);
  void media_input(client::Input input);
  void command(client::Input command);
  void connect();
  void disconnect();
  /// After this many of the things that the next step lets out, the process dies.
  void die_in_next_step(std::size_t after) { die_after_ = after; }

  // ---- What its user does; each is told to the oracle.
  void register_account();
  void find_user(const std::string& whom);
  void create_direct(Device& peer);
  void create_group(const std::vector<Device*>& others, const std::string& name);
  void send(const ChatId& chat, const std::string& text);
  /// A picture, handed over in memory or as a file of the app's.
  void send_picture(const ChatId& chat, const std::string& caption, const Bytes& picture, bool as_file);
  void mark_read(const ChatId& chat);
  void accept(const ChatId& chat);
  void type(const ChatId& chat, bool typing);
  void set_available(bool available);
  void show(const Profile& profile);
  void block(const UserId& peer, bool blocked);
  void log_out(LogOutData data);
  void delete_account();
  /// The owner of the handle objects to its move.
  void keep_handle();
  void replace(const ChatId& chat, const UserId& who, const UserId& by);
  void ask_for_attachment(const Message& message);
  void set_push_token(const std::string& token, Urgency at_least);
  /// Nothing but a notice by push, or a time, brings it back.
  void sleep(Milliseconds at_most, bool closed);
  /// A notice came.
  void wake();
  /// A number that was somebody else's.
  void take_number(const std::string& number);
  /// An operator's invitation reached its user.
  void take_invite(const std::string& text);
  [[nodiscard]] bool has_invite() const { return !invite_.empty(); }
  /// Another handle for the account; a number is its user's by now.
  void change_handle(const std::string& to);
  /// Locks the handle, or not any more.
  void set_pin(const std::optional<std::string>& pin);
  /// A text message came.
  void on_code(const std::string& number, const std::string& code);
  void change(const ChatId& chat, client::ChangeKind kind, const UserId& user = {}, const std::string& name = {});

  // ---- What its store says. Never disturbed by faults; only while running.
  [[nodiscard]] std::vector<Chat> chats();
  [[nodiscard]] std::vector<Participant> participants(const ChatId& chat);
  /// Nothing waits to be sent or changed in chats that can go on.
  [[nodiscard]] bool quiet();
  [[nodiscard]] store::Database& db() { return *db_; }

  UserId user;
  DeviceId device;
  std::string handle;
  /// Accounts that this device had before.
  std::vector<UserId> former;

 private:
  /// Whether the account is gone from the store, as it may be after it was asked for.
  void notice_the_end_of_an_account();
  void become(const UserId& id);
  void on_registration_refused(ErrorCode code);
  /// What is shown with a registration or another handle.
  [[nodiscard]] client::Credentials credentials() const;
  void forget_proofs();
  bool try_a_pin(const std::string& of);
  void ask_for_change();
  void on_changed(const std::string& to);
  void on_change_refused(const std::string& to, ErrorCode code);
  [[nodiscard]] std::string fresh_handle();
  void try_start();
  void step() override;
  /// Lets out what a step made; false if the process died on the way.
  bool let_out(client::Outputs out);
  bool let_out(relay::ConnectionId& connection, client::NetworkAction action, std::vector<Bytes> frames,
               std::optional<std::size_t>& left);
  void schedule_timer(const std::optional<Timestamp>& local);
  /// False: the process died.
  bool send(relay::ConnectionId connection, Bytes frame, std::optional<std::size_t>& left);
  void checkpoint();
  void lose_process();
  void on_event(const Event& event);
  /// A completion that must come exactly once, or not at all if the process dies first.
  template <typename T>
  Completion<T> expect(std::string what, std::function<void(const Result<T>&)> then = {});

  std::size_t index_;
  Dice random_;
  Logger log_;
  std::unique_ptr<store::Database> db_;
  std::unique_ptr<client::Engine> engine_;
  std::vector<client::Input> inputs_;
  std::uint64_t life_ = 0;
  std::int64_t minute_ = 0;
  std::uint64_t steps_in_minute_ = 0;
  bool wanted_running_ = false;
  bool wants_network_ = true;
  bool asleep_ = false;
  /// Erasing was asked for: to leave the relay's account behind, or to delete it.
  bool may_be_erased_ = false;
  bool deletes_ = false;
  /// Logged out, until the app connects.
  bool logged_out_ = false;
  std::uint64_t connects_ = 0;
  /// As it came, until it turns out to be wrong.
  std::string code_;
  std::string invite_;
  /// To be shown, once a PIN was wanted.
  std::string pin_;
  /// Those that its user remembers, by handle.
  std::map<std::string, std::string> pins_;
  std::string wanted_handle_;
  std::uint64_t account_asks_ = 0;
  bool checkpoint_planned_ = false;
  relay::ConnectionId connection_id_ = 0;
  /// For attachments.
  relay::ConnectionId media_id_ = 0;
  ConnectionState connection_ = ConnectionState::offline;
  std::optional<std::size_t> die_after_;
  std::map<std::uint64_t, std::string> pending_;
  std::uint64_t next_completion_ = 1;
};

}  // namespace sotto::sim
