// One input of the relay's target, carried out: a relay core as the setting left it, two honest connections, and a
// hostile client that does what the input says.
#pragma once

#include "check.h"
#include "mutator.h"
#include "relay_setting.h"

namespace sotto::fuzz {

/// One connection to the relay of one input.
struct RelayWire {
  relay::ConnectionId id = 0;
  bool hostile = true;
  bool open = true;
  Bytes nonce;
  std::vector<wire::Push> pushes;
  std::map<std::uint64_t, wire::Response> answers;
  std::size_t received = 0;
  std::size_t undrained = 0;
  bool drains = true;
};

class RelayAttack {
 public:
  RelayAttack(RelaySetting& setting, FuzzedDataProvider& input)
      : s_(setting),
        input_(input),
        disk_(setting.world.disk->restored(random_)),
        backend_(disk_),
        core_(backend_, random_, relay_config()),
        now_(setting.world.now_ms) {}

  void run();

 private:
  // ---- The relay and its surroundings

  relay::ConnectionId connect(const std::string& address);
  wire::Request authentication(const relay::test::Person& person, std::size_t phone, const RelayWire& wire,
                               wire::ConnectionKind kind, std::uint64_t session) const;
  relay::ConnectionId enter(const relay::test::Person& person, std::size_t phone, const std::string& address);
  wire::Response ask(relay::ConnectionId id, const wire::Request& request);
  void send(relay::ConnectionId id, std::uint64_t number, const wire::Request& request);
  void send(relay::ConnectionId id, Bytes bytes);
  void step();
  void take(const relay::Output& action);
  void check_owed(const wire::Push& push) const;
  void check_told(const wire::Response& response) const;
  std::vector<wire::Entry> entries(relay::ConnectionId id, const ChatId& chat);
  /// The honest pair, afterwards.
  void talk_on();

  // ---- What a hostile client can do (relay_attack_acts.cpp)

  RelayWire* some_wire();
  void act();
  void reconnect();
  std::string some_id();
  /// A request of any kind, made of fields.
  wire::Request built();
  /// A commit whose statement is right for its roster, and its roster anything.
  wire::Request commit();

  RelaySetting& s_;
  FuzzedDataProvider& input_;
  SeededRandom random_{11};
  std::shared_ptr<relay::MemoryStore> disk_;
  relay::MemoryBackend backend_;
  relay::Core core_;
  std::uint64_t now_;
  std::vector<relay::Input> inputs_;
  std::map<relay::ConnectionId, RelayWire> wires_;
  relay::ConnectionId last_ = 0;
  std::uint64_t last_request_ = 0;
  std::uint64_t session_ = 1;
  std::size_t sent_ = 0;
  std::size_t frames_ = 0;
  relay::ConnectionId alice_ = 0;
  relay::ConnectionId bob_ = 0;
  std::vector<relay::ConnectionId> hostile_;
};

}  // namespace sotto::fuzz
