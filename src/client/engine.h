// The client's engine: a state machine without a thread, a socket, a clock or randomness of its own.
//
//   outputs = engine.step(now, inputs)
//
// One step is one transaction: what comes out of it is released only after the commit. So an ack leaves after what it
// acknowledges is on disk, and nothing leaves before it is stored. If the commit fails, the connection is dropped, what
// is in memory is read anew, and the commands of the step complete with the error: memory equals disk.
#pragma once

#include <memory>
#include <span>

#include "client/account.h"
#include "client/inbox.h"
#include "client/leaving.h"

namespace sotto::client {

class Engine {
 public:
  /// The store, randomness and logger must outlive the engine. `on_event` is put into `Outputs::callbacks`. The folder
  /// of `media` is there.
  static Result<std::unique_ptr<Engine>> open(store::Database& db, Random& random, const Logger& log,
                                              std::function<void(const Event&)> on_event, bool connect_at_open,
                                              const MediaFiles& media = {},
                                              std::size_t key_package_stock = wire::limits::key_packages_per_device,
                                              EventLogging event_log = {});

  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  Outputs step(Timestamp now, std::span<Input> inputs);

  /// Completes with CLOSED what is still waiting, and commands that were never stepped. Nothing may be stepped
  /// afterwards.
  Outputs close(std::span<const Input> never_stepped = {});

  /// For tests: INTERNAL if what is in memory is not what the store says. Changes nothing.
  Status compare_with_store();

 private:
  Engine(store::Database& db, Random& random, const Logger& log, std::function<void(const Event&)> on_event);

  /// Carries one input out; an error undoes it.
  void take(Input& input);
  Status dispatch(Input& input);
  Status on_frame(ByteView frame);
  Status on_media_frame(ByteView frame);
  Status on_push(const wire::Push& push);
  Status run(std::span<Input> inputs);
  Status pump();
  Status pump_chat(const ChatId& id);
  void pump_queries();
  Status on_found(std::uint64_t query, const wire::Response& response);
  Status log_events();
  void on_lost(const Error& why);
  void on_rollback(const Error& why);
  void set_clock_back(std::chrono::milliseconds by);
  /// The store is empty since this step's commit: so is what is in memory.
  void on_erased();
  /// Reads the account anew if a rollback could not.
  Status reload_account();
  static void fail(Context& context, const Input& input, const Error& why);
  [[nodiscard]] std::optional<Timestamp> next_timer() const;

  Context c_;
  Session session_;
  Acks acks_;
  AccountRequests account_requests_;
  Runtimes runtimes_;
  ChatGroups groups_;
  Outbox outbox_;
  MediaSession media_session_;
  Media media_;
  Intents intents_;
  SignalSeal seal_;
  Receipts receipts_;
  Signals signals_;
  People people_;
  Inbox inbox_;
  PushToken push_token_;
  Leaving leaving_;
  Queries<FindUserCommand, UserId> queries_;
  /// The account was in a step that was undone, and could not be read since: there is none in memory.
  bool account_stale_ = false;
};

}  // namespace sotto::client
