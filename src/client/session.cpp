#include "client/session.h"

#include <algorithm>

#include "base/test_hooks.h"
#include "base/try.h"
#include "client/key_packages.h"
#include "crypto/sign.h"
#include "wire/frame.h"
#include "wire/identity.h"
#include "wire/limits.h"

namespace sotto::client {

namespace {

/// A relay that does not answer for this long is taken for dead.
constexpr std::chrono::seconds answer_timeout{60};
constexpr std::chrono::seconds connect_timeout{30};
/// When the app says that the network changed, a relay that is still there answers in this time.
constexpr std::chrono::seconds probe_timeout{5};
/// A connection that held for this long is followed by a new one soon; shorter ones ever later.
constexpr std::chrono::seconds good_connection{20};
/// Key packages that were refused for now: nobody can add this device once the relay's stock is used up.
constexpr std::chrono::milliseconds publish_first{2000};
constexpr std::chrono::milliseconds publish_most{10 * 60'000};

}  // namespace

wire::Request authentication(const AccountRow& account, ByteView nonce, wire::ConnectionKind kind) {
  wire::Request request;
  auto& command = *request.mutable_authenticate();
  command.set_user_id(to_string_bytes(account.user));
  command.set_device_id(to_string_bytes(account.device));
  command.set_kind(kind);
  if (kind == wire::MAIN) {
    command.set_session(account.session);
    command.set_ack_no(account.ack_no);
    command.set_receipts_since(account.receipts_since);
  }
  command.set_signature(
      wire::field(crypto::sign(account.device_key.private_key, wire::authentication_statement(nonce, command)).view()));
  return request;
}

std::chrono::milliseconds backoff(std::uint32_t failures, std::chrono::milliseconds first,
                                  std::chrono::milliseconds most, Random& random) {
  const auto ceiling = std::min(most, first * (std::int64_t{1} << std::min(failures, 20U)));
  return std::chrono::milliseconds(random.below(static_cast<std::uint64_t>(ceiling.count()) + 1));
}

std::chrono::milliseconds wait_after(const Error& why, std::uint32_t failures, std::chrono::milliseconds first,
                                     std::chrono::milliseconds most, Random& random) {
  return std::max(why.retry_after, backoff(failures, first, most, random));
}

void Session::request(const wire::Request& request, OnAnswer on_answer) {
  wire::Envelope envelope;
  envelope.set_id(next_id_++);
  *envelope.mutable_request() = request;
  waiting_[envelope.id()] = {std::move(on_answer), c_.now + answer_timeout};
  c_.out.frames.push_back(wire::encode(envelope));
}

void Session::post(const wire::Request& request) {
  wire::Envelope envelope;
  *envelope.mutable_request() = request;
  c_.out.frames.push_back(wire::encode(envelope));
}

void Session::on_connect_wanted() {
  wanted_ = true;
  failures_ = 0;
  next_try_ = c_.now;
  // A registered account has better to do than to ask for another handle once more.
  if (!c_.handle_change) patient_until_.reset();
  try_connect();
  probe();
}

/// A connection whose network is gone looks alive until something is not answered: so something is asked.
void Session::probe() {
  if (!authenticated() || probe_until_) return;
  probe_until_ = c_.now + probe_timeout;
  wire::Request request;
  request.mutable_get_device_list()->set_user_id(to_string_bytes(c_.account->user));
  this->request(request, [this](const wire::Response&) {
    probe_until_.reset();
    return Status{};
  });
}

void Session::on_disconnect_wanted() {
  wanted_ = false;
  if (link_ == Link::offline) return;
  c_.out.network = NetworkAction::close;
  on_lost(Error(ErrorCode::CANCELLED, "disconnected by the app"));
}

void Session::try_connect() {
  if (!wanted_ || !wants_connection() || link_ != Link::offline || c_.now < next_try_) return;
  link_ = Link::connecting;
  connecting_since_ = c_.now;
  c_.out.network = NetworkAction::connect;
  c_.out.frames.clear();
}

void Session::on_connected() {
  if (link_ == Link::connecting) link_ = Link::waiting_for_challenge;
}

void Session::on_lost(const Error& why) {
  if (link_ == Link::offline) return;
  const bool was_good = link_ == Link::ready && c_.now >= ready_since_ + good_connection;
  link_ = Link::offline;
  waiting_.clear();
  publishing_ = false;
  publish_again_.reset();
  probe_until_.reset();
  nonce_.clear();
  asking_for_handle_ = false;
  code_queries_.on_connection_lost();
  c_.out.frames.clear();
  failures_ = was_good ? 0 : failures_ + 1;
  next_try_ = c_.now + backoff(failures_, wire::limits::reconnect_first, wire::limits::reconnect_most, c_.random);
  problem_ = why;
  c_.log.info("connection ended: ", why.code);
}

void Session::abandon(const Error& why) {
  if (link_ == Link::offline) return;
  c_.out.network = NetworkAction::close;
  on_lost(why);
}

Status Session::on_challenge(const wire::Challenge& challenge) {
  if (link_ != Link::waiting_for_challenge) return Error(ErrorCode::PROTOCOL_ERROR, "an unexpected challenge");
  if (challenge.nonce().size() != 32) return Error(ErrorCode::PROTOCOL_ERROR, "a challenge of the wrong size");
  nonce_ = to_bytes(wire::view(challenge.nonce()));
  relay_time_at_begin_ = std::min<std::uint64_t>(challenge.server_time(), position::highest_seq);
  link_ = Link::registering;
  return register_or_authenticate();
}

Status Session::authenticate() {
  link_ = Link::authenticating;
  // Durable before it is used: the frame leaves after this step's commit.
  const auto session = c_.account->session + 1;
  SOTTO_TRY(c_.accounts.set_session(session));
  c_.account->session = session;
  request(authentication(*c_.account, nonce_, wire::MAIN),
          [this](const wire::Response& response) { return on_authenticated(response); });
  return {};
}

Status Session::on_authenticated(const wire::Response& response) {
  if (const auto status = wire::status_of(response); !status.ok()) {
    if (status.error().code == ErrorCode::ROLLED_BACK) {
      // For good: trying with ever higher session numbers would end with the relay believing this old copy.
      SOTTO_TRY(c_.accounts.set_rolled_back());
      c_.account->rolled_back = true;
    }
    account_deleted_ = status.error().code == ErrorCode::ACCOUNT_DELETED;
    // Trying again soon helps nobody, unless the relay only cannot store now.
    if (status.error().code != ErrorCode::UNAVAILABLE) failures_ = std::max(failures_, 6U);
    abandon(status.error());
    return {};
  }
  link_ = Link::waiting_for_heads;
  const auto& answer = response.authenticated();
  relay_restored_ =
      !c_.account->incarnation.empty() && !equal(c_.account->incarnation, wire::view(answer.incarnation()));
  c_.account->incarnation = to_bytes(wire::view(answer.incarnation()));
  SOTTO_TRY(c_.accounts.set_incarnation(c_.account->incarnation));
  SOTTO_TRY_ASSIGN(const bool due, last_resort_due(c_));
  if (due || answer.key_packages() <= wire::limits::key_packages_low) {
    return publish_key_packages(answer.key_packages());
  }
  return {};
}

Status Session::publish_key_packages(std::size_t at_relay) {
  key_packages_at_relay_ = at_relay;
  if (publishing_ || (publish_again_ && c_.now < *publish_again_)) return {};
  SOTTO_TRY_ASSIGN(auto stock, restock(c_, at_relay));
  publishing_ = true;
  publish_again_.reset();
  wire::Request request;
  *request.mutable_publish_key_packages() = std::move(stock);
  this->request(request, [this](const wire::Response& published) -> Status {
    publishing_ = false;
    if (const auto status = wire::status_of(published); !status.ok()) {
      const auto& why = status.error();
      c_.log.warning("key packages were not published: ", why.code);
      if (why.retryable) {
        publish_again_ = c_.now + wait_after(why, publish_failures_++, publish_first, publish_most, c_.random);
      }
      // LIMIT_EXCEEDED: it has enough without these, which no repeat would change.
      if (why.code != ErrorCode::LIMIT_EXCEEDED) return {};
    }
    publish_failures_ = 0;
    return c_.key_packages.set_published();
  });
  return {};
}

Status Session::pump() {
  if (link_ == Link::registering) SOTTO_TRY(register_or_authenticate());
  if (!publish_again_ || c_.now < *publish_again_) return {};
  return publish_key_packages(key_packages_at_relay_);
}

void Session::on_heads_known() {
  link_ = Link::ready;
  ready_since_ = c_.now;
}

void Session::on_going_away(const wire::GoingAway& going_away) {
  // Spread out over as long again, so that not everybody comes back at once.
  constexpr std::uint64_t most = 3600ULL * 1000;
  const auto wait = std::min<std::uint64_t>(going_away.retry_after_ms(), most);
  abandon(Error(ErrorCode::UNAVAILABLE, "the relay is going away"));
  next_try_ = c_.now + std::chrono::milliseconds(wait + c_.random.below(wait + 1));
}

Status Session::on_answer(std::uint64_t id, const wire::Response& response) {
  auto node = waiting_.extract(id);
  if (node.empty()) return {};  // of a request that was given up
  return node.mapped().on_answer(response);
}

void Session::on_time() {
  code_queries_.end_late();
  end_patience();
  if (link_ == Link::offline) {
    // A clock that was set back must not keep the client offline.
    next_try_ = std::min(next_try_, c_.now + wire::limits::reconnect_most);
    try_connect();
    return;
  }
  if (link_ < Link::registering && c_.now >= connecting_since_ + connect_timeout) {
    abandon(Error(ErrorCode::TIMED_OUT, "no connection in time"));
    return;
  }
  if (probe_until_ && c_.now >= *probe_until_) {
    SOTTO_RARE(probe_unanswered);
    abandon(Error(ErrorCode::TIMED_OUT, "the relay does not answer"));
    next_try_ = c_.now;
    return;
  }
  if (link_ >= Link::authenticating && asks_first()) {
    abandon(Error(ErrorCode::CANCELLED, "connecting anew to ask for a handle or a code"));
    failures_ = 0;
    next_try_ = c_.now;
    return;
  }
  // Ids grow, so the first one waits longest.
  if (!waiting_.empty() && c_.now >= waiting_.begin()->second.deadline) {
    abandon(Error(ErrorCode::TIMED_OUT, "the relay does not answer"));
  }
}

std::optional<Timestamp> Session::next_timer() const {
  if (link_ == Link::offline) {
    auto out = code_queries_.next_timer();
    if (!wanted_) return out;
    if (wants_connection()) return std::min(out.value_or(Timestamp::max()), next_try_);
    if (patient_until_) return std::min(out.value_or(Timestamp::max()), *patient_until_);
    return out;
  }
  auto out = code_queries_.next_timer();
  if (link_ < Link::registering) return std::min(out.value_or(Timestamp::max()), connecting_since_ + connect_timeout);
  if (probe_until_) out = std::min(out.value_or(Timestamp::max()), *probe_until_);
  if (publish_again_) out = std::min(out.value_or(Timestamp::max()), *publish_again_);
  if (c_.handle_change && patient_until_) out = std::min(out.value_or(Timestamp::max()), *patient_until_);
  if (!waiting_.empty()) out = std::min(out.value_or(Timestamp::max()), waiting_.begin()->second.deadline);
  return out;
}

void Session::set_clock_back(std::chrono::milliseconds by) {
  next_try_ -= by;
  connecting_since_ -= by;
  ready_since_ -= by;
  if (probe_until_) *probe_until_ -= by;
  if (publish_again_) *publish_again_ -= by;
  if (patient_until_) *patient_until_ -= by;
  code_queries_.set_clock_back(by);
  for (auto& [id, waiting] : waiting_) waiting.deadline -= by;
}

void Session::announce(bool caught_up) {
  auto state = ConnectionState::offline;
  if (link_ == Link::ready && caught_up) {
    state = ConnectionState::online;
  } else if (authenticated()) {
    state = ConnectionState::catching_up;
  } else if (link_ != Link::offline) {
    state = ConnectionState::connecting;
  }
  if (state == announced_) return;
  ConnectionChanged event{state, std::nullopt};
  if (state == ConnectionState::offline) event.problem = problem_;
  c_.emit(std::move(event));
  announced_ = state;
  c_.out.connection = state;
}

void Session::on_erased(const Error& why) {
  account_deleted_ = false;
  failures_ = 0;
  patient_until_.reset();
  close(why);
}

void Session::close(const Error& why) {
  finish_registration(why);
  code_queries_.close(why);
}

}  // namespace sotto::client
