// What every room of the engine works with: the store, the time, randomness, the account, and what is to come out of
// this step.
#pragma once

#include <set>

#include "base/log.h"
#include "base/random.h"
#include "base/test_hooks.h"
#include "base/try.h"
#include "client/content.h"
#include "client/outputs.h"
#include "client/tables/account_table.h"
#include "client/tables/chat_table.h"
#include "client/tables/event_table.h"
#include "client/tables/media_table.h"
#include "client/tables/message_table.h"
#include "client/tables/outbox_table.h"
#include "client/tables/people_table.h"
#include "client/tables/person_table.h"
#include "client/tables/request_table.h"
#include "wire/limits.h"

namespace sotto::client {

/// Where the files of attachments are. Without a folder a client has none.
struct MediaFiles {
  std::string folder;
  /// As in store::OpenOptions.
  std::string vfs;
  /// Of what is there already, the least recently used goes beyond this.
  std::uint64_t cache_bytes = 2ULL << 30;
  /// What others ask for again is uploaded again by itself.
  bool answers_requests = true;
};

/// Whether events are logged on disk.
struct EventLogging {
  bool on = false;
  /// Put into `Outputs::callbacks` of a step that logged some; may be empty.
  std::function<void()> on_logged;
  std::size_t most = most_logged_events;
};

struct Context {
  Context(store::Database& database, Random& rng, const Logger& logger, std::function<void(const Event&)> event_sink)
      : db(database),
        random(rng),
        log(logger),
        on_event(std::move(event_sink)),
        accounts(database),
        chats(database),
        messages(database),
        outbox(database),
        intents(database),
        users(database),
        key_packages(database),
        media_rows(database),
        requests(database),
        people(database),
        selves(database),
        events(database) {}

  store::Database& db;
  Random& random;
  const Logger& log;
  std::function<void(const Event&)> on_event;

  AccountTable accounts;
  ChatTable chats;
  MessageTable messages;
  OutboxTable outbox;
  IntentTable intents;
  UserTable users;
  KeyPackageTable key_packages;
  MediaTable media_rows;
  RequestTable requests;
  MediaFiles media;
  PersonTable people;
  SelfTable selves;
  EventTable events;

  EventLogging event_log;
  /// What this step logs; written before its commit.
  std::vector<EventRow> to_log;

  /// As on disk, or as it will be when this step's transaction commits; read anew after a rollback.
  std::optional<AccountRow> account;
  std::optional<HandleChange> handle_change;
  /// In the same way, what this user shows and whom it blocks.
  SelfRow self;
  std::set<UserId> blocked;

  /// Reads these.
  Status load_account() {
    account.reset();
    SOTTO_TRY_ASSIGN(account, accounts.load());
    SOTTO_TRY_ASSIGN(handle_change, accounts.handle_change());
    SOTTO_TRY_ASSIGN(self, selves.load());
    SOTTO_TRY_ASSIGN(const auto all_blocked, people.blocked());
    blocked = {all_blocked.begin(), all_blocked.end()};
    return {};
  }

  /// One-time key packages that the relay should hold of this device.
  std::size_t key_package_stock = wire::limits::key_packages_per_device;

  Timestamp now{};
  Outputs out;
  /// Chats whose outbox and intents are looked at before the step ends.
  std::set<ChatId> dirty;
  /// Requests that were accepted by writing in them: what was read there can be told.
  std::set<ChatId> accepted;

  /// How to take back what this step did to completions that are kept in memory, oldest first.
  std::vector<std::function<void()>> undo;

  /// Takes back what came into `undo` and `out.callbacks` since they had these sizes.
  void rewind(std::size_t undo_size, std::size_t callbacks) {
    for (; undo.size() > undo_size; undo.pop_back()) undo.back()();
    if (out.callbacks.size() > callbacks) out.callbacks.resize(callbacks);
  }

  /// Before an entry of a map that stands for what the app was told, or will be, is changed: it comes back with a step
  /// that is undone.
  template <typename Map>
  void keep(Map& map, const typename Map::key_type& key) {
    const auto it = map.find(key);
    if (it == map.end()) {
      undo.emplace_back([&map, key] { map.erase(key); });
    } else {
      undo.emplace_back([&map, key, value = it->second] { map.insert_or_assign(key, value); });
    }
  }

  [[nodiscard]] std::int64_t now_ms() const { return now.time_since_epoch().count(); }

  /// Tells the app, after the commit; but never of what is hidden.
  void emit(Event event) {
    if (is_hidden(event)) return;
    if (const auto row = event_log.on ? event_row(event) : std::nullopt) {
      to_log.push_back(*row);
      undo.emplace_back([this] { to_log.pop_back(); });
    }
    if (!on_event) return;
    out.callbacks.push_back([sink = on_event, what = std::move(event)] { sink(what); });
  }
  void emit_chat(const ChatRow& chat) { emit(ChatChanged{chat.view()}); }
  /// Completes an operation of the app, after the commit.
  template <typename T>
  void complete(const Completion<T>& done, Result<T> result) {
    if (!done) return;
    if (SOTTO_PLANTED(completed_twice))
      out.callbacks.push_back([done, what = result]() mutable { done(std::move(what)); });
    out.callbacks.push_back([done, what = std::move(result)]() mutable { done(std::move(what)); });
  }
};

}  // namespace sotto::client
