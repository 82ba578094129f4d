// One input of the engine's target, carried out: the engine over alice's store, and a hostile relay that does what the
// input says. What it does is spread over engine_attack_*.cpp.
#pragma once

#include "check.h"
#include "client/tables/media_table.h"
#include "engine_world.h"
#include "mutator.h"

namespace sotto::fuzz {

class Attack {
 public:
  /// The store and the folder are as alice left them; empty, if `fresh`.
  Attack(EngineWorld& world, FuzzedDataProvider& input, bool fresh);

  void run();

 private:
  // ---- The engine and its surroundings

  void open();
  void restart();
  void step();
  void take_frames(const std::vector<Bytes>& frames);
  void take_media(const client::MediaOutputs& out);
  void act();

  template <typename T, typename Make>
  void command(const Make& make) {
    auto count = std::make_shared<int>(0);
    completions_.push_back(count);
    inputs_.emplace_back(make([this, count](Result<T> result) {
      check(++*count == 1, "a command completes once");
      if (!result.ok()) see(result.error());
    }));
  }

  // ---- What a relay can do (engine_attack_relay.cpp)

  void envelope(const wire::Envelope& envelope) { inputs_.emplace_back(client::FrameReceived{wire::encode(envelope)}); }
  void push(const wire::Push& what);
  void answer(std::uint64_t id, const wire::Response& response);
  void connect();
  void lose_connection();
  /// What an honest relay would answer to the oldest request.
  void answer_honestly();
  wire::Response honest_answer(const wire::Request& request);
  wire::Response honest_answer_about_files(const wire::Request& request);
  wire::Response refusal();
  /// Notes what the stub of this request will look like.
  void remember(const wire::Request& request);
  [[nodiscard]] std::uint64_t cursor(const std::string& chat);
  [[nodiscard]] wire::Push heads_push() const;
  /// Makes an entry or a Welcome the next one of its log.
  void renumber(wire::Push& what);
  std::string some_id();
  std::string some_user();
  /// A push of any kind, made of fields.
  wire::Push forged();
  wire::Entry some_entry(std::uint64_t seq);
  void signal();

  // ---- The connection for attachments (engine_attack_media.cpp)

  void connect_media(bool honest);
  void lose_media();
  void answer_media(std::uint64_t id, const wire::Response& response);
  void answer_media_honestly();
  void answer_media_wrongly();
  void say_on_media();
  void act_of_media(int what);

  // ---- What the app may ask for (engine_attack_app.cpp)

  void app();
  void app_media();
  void app_people();
  UserId own_user();
  /// A message of alice's; `chat` may be any.
  Message written(const ChatId& chat);
  std::optional<Message> some_message(const ChatId& chat);

  // ---- What must hold (engine_attack_checks.cpp)

  void see(const Event& event);
  void see(const Message& message);
  void see(const Chat& chat);
  void see(const Error& error) const;
  void check_person(const UserId& user);
  /// What is stored is what was told.
  void check_store();
  /// What is said to be there is there, and nothing else.
  void check_files();
  void check_present(client::MediaRow row);

  // ---- What must go on (engine_attack_afterwards.cpp)

  /// An honest relay takes over, with a chat that the hostile one never touched.
  void go_on();
  void get_online();
  void answer_afterwards();
  void go_on_talking();
  void go_on_with_files();

  EngineWorld& world_;
  FuzzedDataProvider& input_;
  store::Database& db_;
  std::set<EngineWorld::Text> texts_;
  std::set<std::string> attachments_;
  std::map<ChatId, std::set<std::string>> names_;
  std::vector<ChatId> chats_;
  std::vector<test::TestDevice*> peers_{world_.bob, world_.carol, world_.mallory};
  SeededRandom random_{7};
  Logger log_{[](LogLevel, std::string_view line) { finding("an error is logged: " + std::string(line)); },
              LogLevel::error,
              {}};
  std::unique_ptr<client::Engine> engine_;
  bool fresh_;
  /// The app has left its account, so there is nothing to go on with.
  bool left_ = false;
  /// Codes that the relay has refused with: those may be told.
  std::set<ErrorCode> said_;
  Timestamp now_{};
  std::vector<client::Input> inputs_;
  std::vector<std::shared_ptr<int>> completions_;
  std::optional<Timestamp> timer_;
  ConnectionState state_ = ConnectionState::offline;
  bool connected_ = false;
  bool wants_connection_ = false;
  std::vector<wire::Envelope> requests_;
  bool media_connected_ = false;
  bool wants_media_ = false;
  std::vector<wire::Envelope> media_requests_;
  /// What the relay has of files, by attachmentId.
  std::map<std::string, Bytes> uploaded_;
  std::vector<std::pair<std::string, wire::Entry>> stubs_;
  wire::Ack last_ack_;
  std::size_t next_ = 0;
  /// Of the log of `later`, after the hostile relay.
  std::uint64_t last_seq_ = world_.owed_later.size();
  std::size_t steps_ = 0;
  std::size_t bytes_ = 0;
  std::size_t callbacks_ = 0;
};

}  // namespace sotto::fuzz
