// One conversation: lines of JSON come in, answers and events go out. docs/rpc.md says which.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "rpc/fields.h"
#include "rpc/service.h"

namespace rpc {

/// A line may have this many bytes; a longer one is refused whole.
inline constexpr std::size_t longest_line = 1024 * 1024;
/// While this much waits to be read by the other side, no line is taken and no event is read from the log.
inline constexpr std::size_t most_waiting = 1024 * 1024;
/// Commands of one peer whose answers wait for the network; more are refused.
inline constexpr std::size_t most_under_way = 1000;
/// Of these, how many are answered with the bytes of an attachment.
inline constexpr long most_bodies = 8;

/// Where the lines for the other side go; of a door.
class Sink {
 public:
  Sink() = default;
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  virtual ~Sink() = default;

  /// `line` has no line end.
  virtual void write(std::string line) = 0;
  /// Bytes that the other side has not taken yet.
  [[nodiscard]] virtual std::size_t waiting() const = 0;
};

class Peer;

/// What a command is answered with, once; later, if it waits for something. Nothing happens if the peer is gone.
class Reply {
 public:
  Reply(std::weak_ptr<Peer> peer, Json id) : peer_(std::move(peer)), id_(std::move(id)) {}

  void result(Out value) const;
  void error(const sotto::Error& why) const;
  /// A command of the mission whose answer itself says FAIL.
  void failed(Out value, const sotto::Error& why) const;
  /// The outcome of a command that gives nothing.
  void done(const sotto::Status& status) const;

 private:
  void send(Out answer) const;

  std::weak_ptr<Peer> peer_;
  Json id_;
};

class Peer final : public std::enable_shared_from_this<Peer>, public Listener {
 public:
  /// `sink` until `detach`.
  Peer(Service& service, Sink& sink) : service_(service), sink_(&sink) {}

  /// The other side is gone: what is still answered goes nowhere.
  void detach() { sink_ = nullptr; }

  /// Carries out one line. Called while `wants_input`.
  void take(std::string_view line);
  /// A line that could not be taken.
  void refuse(const sotto::Error& why);
  [[nodiscard]] bool wants_input() const { return sink_ != nullptr && !closing_ && sink_->waiting() < most_waiting; }

  /// Events after this cursor are written from now on.
  void subscribe(sotto::EventCursor after) { cursor_ = after; }
  /// Writes events while the other side takes them.
  void on_events() override;
  void on_passing(const PassingEvent& event) override;

  /// Held while the bytes of an attachment are on their way into an answer; null if too many are.
  std::shared_ptr<const void> body_slot() { return body_slots_.use_count() > most_bodies ? nullptr : body_slots_; }

  /// The other side asked for an end: it comes once everything is written.
  void close() { closing_ = true; }
  [[nodiscard]] bool closing() const { return closing_; }
  [[nodiscard]] std::size_t under_way() const { return under_way_; }

 private:
  friend class Reply;
  void write(const Out& line);

  Service& service_;
  Sink* sink_;
  /// The last event that was written; nothing: not subscribed.
  std::optional<sotto::EventCursor> cursor_;
  std::size_t under_way_ = 0;
  std::shared_ptr<const void> body_slots_ = std::make_shared<int>();
  bool closing_ = false;
};

}  // namespace rpc
