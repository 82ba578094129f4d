// Users of a relay without MLS: what they encrypt is not, but its clear header is real, which is all that a relay looks
// at. So the generator costs little beside the relay.
#pragma once

#include <deque>
#include <functional>
#include <unordered_map>

#include "base/random.h"
#include "crypto/keys.h"
#include "load/peer.h"
#include "load/websocket.h"
#include "sotto/types.h"
#include "wire/identity.h"
#include "wire/message.h"
#include "wire/roster.h"

namespace sotto::bench {

/// A relay's process, and how to trust it.
class RelayProcess {
 public:
  explicit RelayProcess(std::string program);
  void start();
  void kill() { process_->kill(); }
  [[nodiscard]] const Process& process() const { return *process_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] SSL_CTX* ssl(TlsVersion version = TlsVersion::any);
  /// A number of the admin port's metrics.
  [[nodiscard]] double metric(const std::string& name) const;

 private:
  std::string program_;
  TempFolder folder_;
  std::uint16_t port_ = 0;
  std::uint16_t admin_port_ = 0;
  std::unique_ptr<Process> process_;
  SslContext any_;
  SslContext tls12_;
};

/// A user's keys and the device list that certifies `devices` of them.
struct Account {
  explicit Account(Random& random, std::size_t devices = 1);
  struct Device {
    DeviceId id;
    crypto::SignatureKeyPair key;
  };
  UserId id;
  crypto::SignatureKeyPair identity;
  std::vector<Device> devices;
  wire::SignedDeviceList list;

  [[nodiscard]] wire::Request registration(ByteView nonce) const;
  [[nodiscard]] wire::Request authentication(ByteView nonce, const Device& device, std::uint64_t session,
                                             std::uint64_t ack_no, wire::ConnectionKind kind = wire::MAIN) const;
};

/// One device of a user, online or not. What it has to remember over a crash of the relay is here, not in its
/// connection.
class User {
 public:
  struct Chat {
    ChatId id;
    /// The last seq that this device has, and what of it the relay was told.
    std::uint64_t cursor = 0;
    std::uint64_t acked = 0;
    std::uint64_t next_n = 1;
  };
  class Listener {
   public:
    virtual ~Listener() = default;
    /// The answer to the message of this number.
    virtual void on_accepted(User& user, std::uint64_t number) = 0;
    /// A message of somebody else, for the first time.
    virtual void on_delivered(User& user, std::uint64_t number) = 0;
  };

  User(RelayProcess& relay, Listener& listener, Random& random, std::size_t index);
  ~User();
  const std::size_t index;

  /// Connects, and registers the first time; blocks.
  void connect();
  /// Authenticates; what waits for the device comes from here on.
  void authenticate(Loop& loop);
  void disconnect();
  [[nodiscard]] bool online() const { return link_ != nullptr; }

  /// Founds a group of these users; blocks, before `authenticate`d by the loop … see `found_chats`.
  [[nodiscard]] wire::Request founding(const ChatId& chat, const std::vector<User*>& others) const;
  void add_chat(const ChatId& chat);
  [[nodiscard]] std::size_t chats() const { return chats_.size(); }
  /// A request whose answer is waited for by `answered`.
  void ask(const wire::Request& request);
  [[nodiscard]] std::uint64_t answered() const { return answered_; }
  /// Sends a message in the n-th chat.
  void send(std::size_t chat, std::uint64_t number);
  /// Sends again what was not answered, byte for byte.
  void send_unanswered();
  /// All heads of chats were told since the last `authenticate`.
  [[nodiscard]] bool heads_told() const { return heads_told_; }

 private:
  class Link;
  friend class Link;
  struct Unanswered {
    std::uint64_t number = 0;
    Bytes frame;
  };
  void on_frame(ByteView message);
  void on_response(const wire::Envelope& envelope);
  void on_push(const wire::Push& push);
  void on_entry(Chat& chat, const wire::Entry& entry);
  Chat& chat_of(const std::string& id);
  void queue(ByteView frame);
  /// What is queued and, if they are due, the acks of what came, as few WebSocket messages.
  void compose();
  void queue_acks();

  RelayProcess& relay_;
  Listener& listener_;
  Account account_;
  std::unique_ptr<Link> link_;
  Bytes nonce_;
  bool registered_ = false;
  bool heads_told_ = false;
  std::uint64_t session_ = 0;
  std::uint64_t ack_no_ = 0;
  std::uint64_t answered_ = 0;
  std::deque<Chat> chats_;
  std::unordered_map<std::string, Chat*> by_id_;
  std::vector<Chat*> to_ack_;
  /// Acks are held as in src/client/acks.h.
  Clock::time_point acked_at_{};
  std::size_t entries_to_ack_ = 0;
  std::size_t bytes_to_ack_ = 0;
  std::deque<Unanswered> unanswered_;
  Bytes frames_;
};

}  // namespace sotto::bench
