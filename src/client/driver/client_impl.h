// What a Client is made of.
#pragma once

#include <mutex>

#include "client/driver/engine_thread.h"
#include "client/tables/account_table.h"
#include "client/tables/message_table.h"
#include "sotto/client.h"

namespace sotto {

inline Account account_of(const client::AccountRow& row) {
  return {row.user, row.device, row.handle_moved ? std::string() : row.handle};
}

inline Error no_event_log() { return {ErrorCode::INVALID_ARGUMENT, "the client was opened without an event log"}; }

struct Client::Impl {
  std::shared_ptr<client::EngineThread> thread;
  std::shared_ptr<Executor> executor;
  bool keeps_event_log = false;

  mutable std::mutex mutex;
  std::string media_folder;
  /// For reads on the callers' threads.
  std::unique_ptr<store::Database> reader;
  mutable std::optional<Account> account;

  /// Puts a command in the queue; if that is not possible, its completion says why.
  template <typename Command>
  void submit(Command command) {
    auto done = command.done;
    if (const auto status = thread->enqueue(client::Input(std::move(command))); !status.ok())
      refuse(done, status.error());
  }
  template <typename T>
  void refuse(const Completion<T>& done, const Error& why) {
    if (done) executor->post([done, why] { done(why); });
  }
  Result<Account> own_account() const {
    const std::lock_guard lock(mutex);
    if (thread->stopped()) return ErrorCode::CLOSED;
    if (!account) load_account();
    if (!account) return ErrorCode::NOT_REGISTERED;
    return *account;
  }
  /// As it is now: a handle may have moved.
  Result<Account> stored_account() const {
    const std::lock_guard lock(mutex);
    if (thread->stopped()) return ErrorCode::CLOSED;
    load_account();
    if (!account) return ErrorCode::NOT_REGISTERED;
    return *account;
  }
  /// Under the mutex. A registration may also have ended without a completion of this run.
  void load_account() const {
    if (!reader) return;
    const auto row = client::AccountTable(*reader).load();
    if (row.ok() && *row && (*row)->registered) account = account_of(**row);
  }
  /// What was sent under the id already. Errors: INVALID_ARGUMENT for options that are none.
  Result<std::optional<Message>> known(const ChatId& chat, const Account& self, const SendOptions& options) const {
    if (options.id && options.id->is_zero()) return Error(ErrorCode::INVALID_ARGUMENT, "an id is not zero");
    if (options.releases && !keeps_event_log) return no_event_log();
    if (!options.id) return std::optional<Message>();
    return read([&](store::Database& db) { return client::MessageTable(db).find(chat, self.user, *options.id); });
  }
  /// Reads on this thread.
  template <typename Read>
  auto read(Read&& what) const -> std::invoke_result_t<Read, store::Database&> {
    const std::lock_guard lock(mutex);
    if (thread->stopped() || !reader) return ErrorCode::CLOSED;
    return what(*reader);
  }
};

}  // namespace sotto
