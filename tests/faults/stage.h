// One device over a disk that fails, and a real relay on the other end of its line. Virtual time, no network but that.
#pragma once

#include "client/engine.h"
#include "faults/allocations.h"
#include "faults/disk_fault.h"
#include "faults/scene.h"

namespace sotto::test {

/// A thing that the app wants: makes the command, given what is to be called with its outcome.
using Wish = std::function<client::Input(const Scene&, Completion<void>)>;

/// One call of the app, and how often and how it was answered.
struct Call {
  std::size_t completions = 0;
  std::optional<Error> error;
};

/// Where the device's files lie.
struct Place {
  std::string path;
  /// Empty: the system's.
  std::string vfs;
  /// The folder of attachments.
  std::string media = "/media";
};

class Stage {
 public:
  /// `disk` may be null: then the files are the system's.
  Stage(const Scene& scene, Place place, sim::Disk* disk);

  /// The process starts. An error if it cannot.
  Status open();
  /// The process ends as by a kill.
  void end_process();

  /// The app calls.
  std::shared_ptr<Call> call(const Wish& wish);
  void command(client::Input input) { inputs_.push_back(std::move(input)); }
  [[nodiscard]] ConnectionState connection() const { return connection_; }
  [[nodiscard]] const Place& place() const { return place_; }
  [[nodiscard]] const sim::Disk* disk() const { return disk_; }
  /// True once there is nothing to be done any more, by the device or the relay; false if it is not so by then, or
  /// if the machine has died.
  bool settle(std::chrono::milliseconds most = std::chrono::minutes(10));
  /// Until then, also what waits for company leaves, as acks do.
  void pass(std::chrono::milliseconds time);
  /// The line is cut; it comes back by itself.
  void cut();

  /// Allocations of the engine count.
  bool arm_allocations = false;
  /// It was asked to end the account: once that is done, it stays offline.
  bool leaves = false;
  /// Told of each step that came back, before anything of it is let out.
  std::function<void()> after_step;
  /// Entries and Welcomes that the relay has pushed.
  std::size_t pushes = 0;
  std::vector<Event> events;

  std::unique_ptr<store::Database> db;
  std::unique_ptr<client::Engine> engine;

 private:
  /// A connection to the relay: one for messages, one for attachments.
  enum class Line { main, media };
  bool turn(Timestamp end);
  void step_device();
  void carry_out(Line line, client::NetworkAction action, std::vector<Bytes> frames);
  void step_relay();
  void to_device(Line line, Bytes frame);
  void cut(Line line);
  /// The process is gone, and its connections with it.
  void hang_up();
  bool quiet();
  relay::ConnectionId& id_of(Line line) { return line == Line::main ? connected_ : media_connected_; }

  const Scene& scene_;
  Place place_;
  sim::Disk* disk_;
  Timestamp now_;
  SeededRandom random_{5};
  SeededRandom relay_random_{6};
  Logger log_;

  std::vector<client::Input> inputs_;
  std::optional<Timestamp> timer_;
  ConnectionState connection_ = ConnectionState::offline;

  relay::MemoryBackend backend_;
  relay::Core core_;
  std::vector<relay::Input> relay_inputs_;
  std::optional<Timestamp> relay_timer_;
  relay::ConnectionId connected_ = 0;
  relay::ConnectionId media_connected_ = 0;
  relay::ConnectionId last_connection_ = 0;
};

/// What a user and the other members could tell apart: messages, their attachments, chats, members, keys; nothing that
/// depends on chance.
std::string describe(store::Database& db, const Place& place, const UserId& self);

}  // namespace sotto::test
