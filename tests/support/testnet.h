// Clients and a relay in one process on virtual time: the real engines, the real relay core, the real store, and a
// network that can be cut. Everything follows from the seed.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <queue>
#include <string>
#include <vector>

#include "client/engine.h"
#include "relay/backend/memory_backend.h"
#include "relay/core.h"
#include "store/database.h"
#include "support/temp_dir.h"

namespace sotto::test {

class TestNet;

/// One device: an engine over a store of its own, and what its app has seen.
class TestDevice {
 public:
  TestDevice(TestNet& net, std::uint64_t seed);

  void command(client::Input input);
  void register_account(const std::string& handle);
  /// The chat is known at once.
  ChatId direct_chat(const TestDevice& peer);
  ChatId group(const std::vector<TestDevice*>& others, const std::string& name);
  ClientMessageId send(const ChatId& chat, const std::string& text);
  /// A message with attachments.
  ClientMessageId send(const ChatId& chat, const std::string& text, std::vector<OutgoingAttachment> attachments);
  ClientMessageId forward(const ChatId& from, const ClientMessageId& message, const ChatId& to);
  /// Completes into `changes`.
  void transfer(const ChatId& chat, const ClientMessageId& message, std::uint32_t index, TransferAction action);
  /// Completes into `changes`.
  void request(const ChatId& chat, const ClientMessageId& message, std::uint32_t index = 0);
  [[nodiscard]] Message message(const ChatId& chat, const ClientMessageId& id);
  /// The decrypted bytes of an attachment that is present.
  [[nodiscard]] Result<Bytes> bytes_of(const ChatId& chat, const ClientMessageId& id, std::uint32_t index = 0);
  /// Completes into `changes`.
  void change(const ChatId& chat, client::ChangeKind kind, const UserId& user = {}, const std::string& name = {});

  /// The process dies and starts again: what was not committed is gone.
  void restart();
  /// The app closes the client; `restart` opens it again.
  void close();
  void go_offline();
  void go_online();

  [[nodiscard]] std::vector<Message> history(const ChatId& chat);
  /// The texts of a chat, oldest first.
  [[nodiscard]] std::vector<std::string> texts(const ChatId& chat);
  [[nodiscard]] Chat chat(const ChatId& chat);
  [[nodiscard]] std::size_t count(MessageKind kind, const ChatId& chat);
  /// Nothing of this device waits to be sent or fetched.
  [[nodiscard]] bool quiet();
  /// Of the group, as this device sees it now.
  [[nodiscard]] Bytes epoch_authenticator(const ChatId& chat);

  UserId user;
  DeviceId device;
  std::vector<Event> events;
  std::vector<Result<void>> changes;
  ConnectionState connection = ConnectionState::offline;
  std::unique_ptr<store::Database> db;
  std::uint64_t cache_bytes = 1ULL << 30;
  bool answers_requests = true;
  /// Where the files of its attachments are.
  [[nodiscard]] std::string folder() const { return folder_.path(); }
  /// Counts from the next start on.
  client::EventLogging event_log;

 private:
  friend class TestNet;
  enum class Line { main, media };
  void open();
  void step();
  void send(Line line, Bytes frame);
  void carry_out(Line line, client::NetworkAction action, std::vector<Bytes> frames);
  [[nodiscard]] relay::ConnectionId& id_of(Line line) { return line == Line::main ? connection_id_ : media_id_; }

  TestNet& net_;
  SeededRandom random_;
  Logger log_;
  std::unique_ptr<client::Engine> engine_;
  std::vector<client::Input> inputs_;
  std::optional<Timestamp> timer_;
  relay::ConnectionId connection_id_ = 0;
  relay::ConnectionId media_id_ = 0;
  bool reachable_ = true;
  TempDir folder_;
};

class TestNet {
 public:
  explicit TestNet(std::uint64_t seed, const relay::CoreConfig& config = {});

  TestDevice& add();
  /// A registered device.
  TestDevice& add(const std::string& handle);

  /// Runs until the condition holds; false if it does not within this virtual time.
  bool run_until(const std::function<bool()>& condition,
                 std::chrono::milliseconds most = std::chrono::milliseconds(120'000));
  void run_for(std::chrono::milliseconds time);
  /// Until nobody has anything to send and everybody is caught up.
  bool settle();

  void restart_relay();
  /// Cuts a device's connections, as a lost network does.
  void cut(TestDevice& device);
  /// Only the one for attachments.
  void cut_media(TestDevice& device);

  Timestamp now{std::chrono::milliseconds(1'800'000'000'000)};
  SeededRandom random;
  std::shared_ptr<relay::MemoryStore> disk;
  std::unique_ptr<relay::MemoryBackend> backend;
  std::deque<TestDevice> devices;
  /// What the relay had sent to phone numbers last.
  std::map<std::string, std::string> codes;
  /// What the push gateway was told.
  std::vector<relay::PushNotice> notices;
  /// Changes what clients say on its way to the relay: a hostile client.
  std::function<void(wire::Envelope&)> rewrite;
  /// Changes what the relay says on its way to clients, or drops it (false): a hostile relay.
  std::function<bool(wire::Envelope&)> to_client;

 private:
  friend class TestDevice;
  struct Due {
    Timestamp at;
    std::uint64_t order;
    std::function<void()> what;
    bool operator<(const Due& other) const { return at != other.at ? at > other.at : order > other.order; }
  };
  void later(std::function<void()> what, relay::ConnectionId fifo = 0, bool to_relay = true);
  void to_relay(relay::Input input);
  void step_relay();
  bool turn(Timestamp end);
  TestDevice* device_of(relay::ConnectionId id);

  relay::CoreConfig config_;
  std::unique_ptr<relay::Core> core_;
  std::vector<relay::Input> relay_inputs_;
  std::optional<Timestamp> relay_timer_;
  std::priority_queue<Due> due_;
  std::map<std::pair<relay::ConnectionId, bool>, Timestamp> last_;
  std::uint64_t order_ = 0;
  relay::ConnectionId last_connection_ = 0;
};

}  // namespace sotto::test
