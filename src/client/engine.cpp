#include "client/engine.h"

#include <algorithm>

#include "base/guarded.h"
#include "base/test_hooks.h"
#include "base/try.h"
#include "client/failures.h"
#include "store/transaction.h"
#include "wire/frame.h"
#include "wire/limits.h"

namespace sotto::client {

namespace {

/// After a step that was undone: what failed fails again at once, and a time that is due must not make a busy loop.
constexpr std::chrono::milliseconds pause_after_failure{500};

}  // namespace

Engine::Engine(store::Database& db, Random& random, const Logger& log, std::function<void(const Event&)> on_event)
    : c_(db, random, log, std::move(on_event)),
      session_(c_),
      acks_(c_, session_),
      account_requests_(c_, session_),
      groups_(c_),
      outbox_(c_, session_, groups_, runtimes_),
      media_session_(c_),
      media_(c_, media_session_, outbox_),
      intents_(c_, session_, groups_, runtimes_, outbox_),
      seal_(c_, groups_),
      receipts_(c_, session_, seal_),
      signals_(c_, session_, seal_),
      people_(c_, session_, receipts_),
      inbox_(c_, session_, acks_, groups_, runtimes_, outbox_, intents_, media_, receipts_, signals_, people_),
      push_token_(c_, session_),
      leaving_(c_, session_, acks_, push_token_),
      queries_(c_) {}

Result<std::unique_ptr<Engine>> Engine::open(store::Database& db, Random& random, const Logger& log,
                                             std::function<void(const Event&)> on_event, bool connect_at_open,
                                             const MediaFiles& media, std::size_t key_package_stock,
                                             EventLogging event_log) {
  return guarded([&]() -> Result<std::unique_ptr<Engine>> {
    std::unique_ptr<Engine> engine(new Engine(db, random, log, std::move(on_event)));
    engine->c_.media = media;
    engine->c_.key_package_stock = key_package_stock;
    engine->c_.event_log = std::move(event_log);
    if (!engine->c_.event_log.on) SOTTO_TRY(engine->c_.events.note_pause());
    SOTTO_TRY(engine->c_.load_account());
    SOTTO_TRY(engine->leaving_.load());
    const bool stays_away = engine->leaving_.logged_out() && !SOTTO_PLANTED(logged_out_forgotten);
    if (!connect_at_open || stays_away) engine->session_.on_disconnect_wanted();
    engine->c_.out = {};
    return engine;
  });
}

Outputs Engine::step(Timestamp now, std::span<Input> inputs) {
  if (now < c_.now) set_clock_back(c_.now - now);
  c_.now = now;
  c_.out = {};
  c_.dirty.clear();
  c_.to_log.clear();
  const auto status = guarded([&] { return run(inputs); });
  if (!status.ok()) {
    SOTTO_RARE(step_undone);
    c_.log.error("a step was undone: ", status.error().code);
    c_.rewind(0, 0);
    if (SOTTO_PLANTED(ack_before_commit)) return std::move(c_.out);
    c_.out.frames.clear();
    on_rollback(status.error());
    for (const auto& input : inputs) {
      fail(c_, input, status.error());
      // What the app wants of the network is not in the store, and completes nothing that would tell of a failure.
      if (std::holds_alternative<ConnectCommand>(input)) session_.on_connect_wanted();
      if (std::holds_alternative<DisconnectCommand>(input)) session_.on_disconnect_wanted();
    }
  }
  c_.undo.clear();
  if (status.ok() && leaving_.erase_due()) {
    // What fails here, for want of memory, is done by the next step.
    static_cast<void>(guarded([&]() -> Status {
      on_erased();
      return {};
    }));
  }
  // What was committed is let out in any case; what cannot be announced now is in the next step.
  const auto announced = guarded([&]() -> Status {
    session_.announce(inbox_.caught_up());
    return {};
  });
  c_.out.next_timer = next_timer();
  const auto soon = c_.now + pause_after_failure;
  if (!announced.ok() || account_stale_) {
    c_.out.next_timer = soon;
  } else if (!status.ok() && c_.out.next_timer) {
    c_.out.next_timer = std::max(*c_.out.next_timer, soon);
  }
  return std::move(c_.out);
}

Status Engine::run(std::span<Input> inputs) {
  SOTTO_TRY_ASSIGN(auto transaction, store::Transaction::begin(c_.db, store::TransactionKind::write));
  SOTTO_TRY(reload_account());
  for (auto& input : inputs) {
    take(input);
    SOTTO_TRY(reload_account());
  }
  const auto was = session_.link();
  session_.on_time();
  SOTTO_TRY(session_.pump());
  if (was != Link::offline && session_.link() == Link::offline) on_lost(Error(ErrorCode::TIMED_OUT));
  if (const bool was_online = !media_session_.offline(); was_online) {
    media_session_.on_time();
    if (media_session_.offline()) media_.on_connection_lost();
  }
  account_requests_.pump();
  pump_queries();
  SOTTO_TRY(media_.pump(session_.ready()));
  SOTTO_TRY(push_token_.pump());
  SOTTO_TRY(pump());
  if (session_.ready() && inbox_.caught_up()) SOTTO_TRY(receipts_.note_caught_up());
  SOTTO_TRY(receipts_.pump());
  SOTTO_TRY(signals_.pump());
  SOTTO_TRY(people_.pump());
  const bool was_linked = session_.link() != Link::offline;
  SOTTO_TRY(leaving_.pump());
  if (was_linked && session_.link() == Link::offline) on_lost(Error(ErrorCode::CANCELLED, "logged out"));
  if (leaving_.finishing() && !media_.has_trash()) leaving_.finish();
  if (leaving_.erase_due()) SOTTO_TRY(leaving_.erase());
  acks_.pump();
  SOTTO_TRY(log_events());
  return transaction.commit();
}

void Engine::on_rollback(const Error& why) {
  c_.out.farewell.clear();
  if (!SOTTO_PLANTED(memory_ahead_of_disk)) groups_.evict_all();
  account_stale_ = true;
  static_cast<void>(reload_account());  // If it fails, the next step begins with it.
  session_.abandon(why);
  on_lost(why);
  media_.on_rollback();
  people_.on_rollback();
  push_token_.on_connection_lost();
  leaving_.on_rollback();
}

void Engine::on_erased() {
  const Error why(ErrorCode::CANCELLED, "the account was erased");
  groups_.evict_all();
  session_.abandon(why);
  on_lost(why);
  session_.on_erased(why);
  runtimes_ = {};
  c_.self = {};
  c_.blocked.clear();
  people_.on_rollback();
  receipts_.on_erased();
  signals_.on_erased();
  account_requests_.close(why);
  intents_.close(why);
  media_.close(why);
  media_.on_rollback();
  push_token_.close(why);
  queries_.close(why);
  leaving_.erased();
  c_.undo.clear();
  c_.out.erased = true;
}

/// All that waits for a time waits as long as before.
void Engine::set_clock_back(std::chrono::milliseconds by) {
  SOTTO_RARE(clock_set_back);
  session_.set_clock_back(by);
  acks_.set_clock_back(by);
  runtimes_.set_clock_back(by);
  media_session_.set_clock_back(by);
  media_.set_clock_back(by);
  receipts_.set_clock_back(by);
  signals_.set_clock_back(by);
  people_.set_clock_back(by);
  account_requests_.set_clock_back(by);
  push_token_.set_clock_back(by);
  leaving_.set_clock_back(by);
  queries_.set_clock_back(by);
}

Status Engine::reload_account() {
  if (!account_stale_) return {};
  SOTTO_TRY(c_.load_account());
  SOTTO_TRY(leaving_.load());
  account_stale_ = false;
  return {};
}

void Engine::on_lost(const Error& why) {
  session_.on_lost(why);
  acks_.clear();
  inbox_.on_connection_lost();
  runtimes_.on_connection_lost();
  receipts_.on_connection_lost();
  signals_.on_connection_lost();
  people_.on_connection_lost();
  account_requests_.on_connection_lost();
  push_token_.on_connection_lost();
  leaving_.on_connection_lost();
  queries_.on_connection_lost();
}

Status Engine::on_frame(ByteView frame) {
  if (session_.link() < Link::waiting_for_challenge) return {};  // of a connection that was given up
  SOTTO_TRY_ASSIGN(const auto envelopes, wire::decode_frame(frame));
  for (const auto& envelope : envelopes) {
    if (session_.link() == Link::offline) return {};
    switch (envelope.body_case()) {
      case wire::Envelope::kResponse:
        SOTTO_TRY(session_.on_answer(envelope.id(), envelope.response()));
        break;
      case wire::Envelope::kPush:
        SOTTO_TRY(on_push(envelope.push()));
        break;
      default:
        break;  // Of a newer version; nothing of it concerns this one.
    }
  }
  if (session_.link() == Link::offline) on_lost(Error(ErrorCode::PROTOCOL_ERROR));
  return {};
}

Status Engine::on_media_frame(ByteView frame) {
  const auto status = media_session_.on_frame(frame);
  if (!status.ok() && must_undo(status.error())) return status;
  if (!status.ok()) media_session_.abandon(status.error());
  if (media_session_.offline()) media_.on_connection_lost();
  return {};
}

Status Engine::on_push(const wire::Push& push) {
  if (push.event_case() == wire::Push::kChallenge) return session_.on_challenge(push.challenge());
  if (!session_.authenticated()) return Error(ErrorCode::PROTOCOL_ERROR, "a push before authentication");
  switch (push.event_case()) {
    case wire::Push::kHeads:
      SOTTO_TRY(inbox_.on_heads(push.heads()));
      return push.heads().last() ? receipts_.on_ready() : Status{};
    case wire::Push::kEntries:
      return inbox_.on_entries(push.entries());
    case wire::Push::kChatJoined:
      return inbox_.on_chat_joined(push.chat_joined());
    case wire::Push::kGap:
      return inbox_.on_gap(push.gap());
    case wire::Push::kDeliveryReceipt:
      return receipts_.on_delivered(push.delivery_receipt());
    case wire::Push::kReadMark:
      return receipts_.on_read_mark(push.read_mark());
    case wire::Push::kEphemeral:
      return signals_.on_ephemeral(push.ephemeral());
    case wire::Push::kKeyPackagesLow:
      return session_.publish_key_packages(push.key_packages_low().remaining());
    case wire::Push::kHandleNotice:
      return account_requests_.on_notice(push.handle_notice());
    case wire::Push::kGoingAway:
      session_.on_going_away(push.going_away());
      return {};
    default:
      return {};
  }
}

Status Engine::pump() {
  const auto due = runtimes_.due(c_.now);
  c_.dirty.insert(due.begin(), due.end());
  // One chat's step may make it dirty again, such as an intent that ends and uncovers the next.
  while (!c_.dirty.empty() && session_.ready()) {
    const auto chats = std::exchange(c_.dirty, {});
    for (const auto& id : chats) {
      SOTTO_TRY(pump_chat(id));
    }
  }
  return {};
}

Status Engine::pump_chat(const ChatId& id) {
  const auto mark = session_.mark();
  const auto undo = c_.undo.size();
  const auto callbacks = c_.out.callbacks.size();
  const auto frames = c_.out.frames.size();
  const auto status = [&]() -> Status {
    SOTTO_TRY_ASSIGN(auto savepoint, store::Savepoint::begin(c_.db));
    SOTTO_TRY_ASSIGN(auto chat, c_.chats.find(id));
    if (chat) SOTTO_TRY(intents_.pump(*chat));
    SOTTO_TRY_ASSIGN(chat, c_.chats.find(id));
    if (chat) SOTTO_TRY(outbox_.pump(*chat));
    return savepoint.release();
  }();
  if (status.ok() || is_storage_failure(status.error())) return status;
  // This chat cannot go on; all others do.
  c_.log.error("a chat cannot be used: ", status.error().code);
  c_.rewind(undo, callbacks);
  if (c_.out.frames.size() > frames) c_.out.frames.resize(frames);
  session_.forget_since(mark);
  groups_.evict(id);
  SOTTO_TRY_ASSIGN(auto chat, c_.chats.find(id));
  if (!chat) return {};
  chat->status = ChatStatus::must_rejoin;
  chat->problem = status.error().message;
  SOTTO_TRY(c_.chats.update(*chat));
  SOTTO_TRY(intents_.end_all(id, status.error()));
  c_.emit_chat(*chat);
  return {};
}

void Engine::pump_queries() {
  queries_.end_late();
  if (!session_.authenticated()) return;
  queries_.ask([this](std::uint64_t id, const FindUserCommand& command) {
    wire::Request request;
    request.mutable_find_user()->set_handle(command.handle);
    session_.request(request, [this, id](const wire::Response& response) { return on_found(id, response); });
  });
}

Status Engine::on_found(std::uint64_t id, const wire::Response& response) {
  const auto* query = queries_.find(id);
  if (query == nullptr) return {};
  const auto& command = *query;
  auto found = [&]() -> Result<UserId> {
    SOTTO_TRY(wire::status_of(response));
    SOTTO_TRY_ASSIGN(const auto list, wire::check_device_list(response.user_found().device_list()));
    if (!equal(wire::view(response.user_found().user_id()), list.user.bytes)) {
      return Error(ErrorCode::CERTIFICATE_REFUSED, "the device list of another user");
    }
    SOTTO_TRY(c_.users.meet(list, response.user_found().device_list(), command.handle, c_.now_ms()));
    SOTTO_TRY_ASSIGN(const auto before, c_.users.take_handle(command.handle, list.user));
    if (before) c_.emit(HandleMoved{command.handle, *before, list.user});
    return list.user;
  }();
  if (!found.ok() && must_undo(found.error())) return found.error();
  queries_.end(id, found);
  return {};
}

Status Engine::log_events() {
  if (c_.to_log.empty()) return {};
  SOTTO_TRY(c_.events.append(c_.to_log, c_.event_log.most));
  if (c_.event_log.on_logged) c_.out.callbacks.push_back(c_.event_log.on_logged);
  return {};
}

std::optional<Timestamp> Engine::next_timer() const {
  auto out = session_.next_timer();
  const auto consider = [&](std::optional<Timestamp> time) {
    if (time && (!out || *time < *out)) out = time;
  };
  if (session_.ready()) consider(runtimes_.next_timer());
  consider(acks_.next_timer());
  consider(queries_.next_timer());
  consider(account_requests_.next_timer());
  consider(push_token_.next_timer());
  consider(leaving_.next_timer());
  consider(media_session_.next_timer());
  consider(media_.next_timer());
  consider(receipts_.next_timer());
  consider(signals_.next_timer());
  consider(people_.next_timer());
  return out;
}

Outputs Engine::close(std::span<const Input> never_stepped) {
  c_.out = {};
  const Error why(ErrorCode::CLOSED, "the client was closed");
  acks_.say_farewell();
  session_.close(why);
  account_requests_.close(why);
  intents_.close(why);
  media_.close(why);
  push_token_.close(why);
  leaving_.close(why);
  queries_.close(why);
  for (const auto& input : never_stepped) fail(c_, input, why);
  return std::move(c_.out);
}

Status Engine::compare_with_store() {
  SOTTO_TRY_ASSIGN(const auto stored, c_.accounts.load());
  if (account_stale_) return groups_.compare_with_store();
  if (stored.has_value() != c_.account.has_value()) return Error(ErrorCode::INTERNAL, "an account");
  if (stored) {
    const auto& memory = *c_.account;
    if (stored->session != memory.session || stored->ack_no != memory.ack_no || stored->user != memory.user ||
        stored->registered != memory.registered || stored->rolled_back != memory.rolled_back ||
        stored->incarnation != memory.incarnation || stored->receipts_since != memory.receipts_since ||
        stored->code != memory.code || stored->handle_moves_at != memory.handle_moves_at ||
        stored->handle_moved != memory.handle_moved || stored->handle != memory.handle) {
      return Error(ErrorCode::INTERNAL, "the account");
    }
  }
  SOTTO_TRY_ASSIGN(const auto change, c_.accounts.handle_change());
  if (change != c_.handle_change) return Error(ErrorCode::INTERNAL, "a handle that is asked for");
  return groups_.compare_with_store();
}

}  // namespace sotto::client
