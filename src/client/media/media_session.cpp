#include "client/media/media_session.h"

#include "base/try.h"
#include "client/session.h"
#include "wire/frame.h"
#include "wire/limits.h"

namespace sotto::client {

namespace {

constexpr std::chrono::seconds media_connect_timeout{30};
/// A part of 128 KiB passes in this time also on a slow line, with those before it.
constexpr std::chrono::seconds media_answer_timeout{120};
/// The next attachment of a conversation comes soon, or not.
constexpr std::chrono::seconds idle_timeout{30};

}  // namespace

void MediaSession::request(const wire::Request& request, OnAnswer on_answer) {
  wire::Envelope envelope;
  envelope.set_id(next_id_++);
  *envelope.mutable_request() = request;
  waiting_[envelope.id()] = {std::move(on_answer), c_.now + media_answer_timeout};
  c_.out.media.frames.push_back(wire::encode(envelope));
}

void MediaSession::want(bool work, bool main_is_there) {
  if (!main_is_there) {
    wanted_ = false;
    if (link_ != Link::offline) abandon(Error(ErrorCode::CANCELLED, "offline"));
    failures_ = 0;
    next_try_ = c_.now;
    return;
  }
  if (work != wanted_ && link_ == Link::ready) deadline_ = c_.now + idle_timeout;
  wanted_ = work;
  if (!wanted_ || link_ != Link::offline || c_.now < next_try_) return;
  link_ = Link::connecting;
  deadline_ = c_.now + media_connect_timeout;
  c_.out.media.network = NetworkAction::connect;
  c_.out.media.frames.clear();
}

void MediaSession::on_connected() {
  if (link_ == Link::connecting) link_ = Link::waiting_for_challenge;
}

Status MediaSession::on_frame(ByteView frame) {
  if (link_ < Link::waiting_for_challenge) return {};  // of a connection that was given up
  SOTTO_TRY_ASSIGN(const auto envelopes, wire::decode_frame(frame));
  for (const auto& envelope : envelopes) {
    if (link_ == Link::offline) return {};
    if (envelope.has_response()) {
      auto node = waiting_.extract(envelope.id());
      if (!node.empty()) SOTTO_TRY(node.mapped().on_answer(envelope.response()));
    } else if (envelope.has_push() && envelope.push().has_challenge()) {
      SOTTO_TRY(authenticate(envelope.push().challenge()));
    } else if (envelope.has_push() && envelope.push().has_going_away()) {
      abandon(Error(ErrorCode::UNAVAILABLE, "the relay is going away"));
    }
  }
  return {};
}

Status MediaSession::authenticate(const wire::Challenge& challenge) {
  if (link_ != Link::waiting_for_challenge || challenge.nonce().size() != 32) {
    return Error(ErrorCode::PROTOCOL_ERROR, "an unexpected challenge");
  }
  link_ = Link::authenticating;
  request(authentication(*c_.account, wire::view(challenge.nonce()), wire::MEDIA),
          [this](const wire::Response& response) { return on_authenticated(response); });
  return {};
}

Status MediaSession::on_authenticated(const wire::Response& response) {
  if (const auto status = wire::status_of(response); !status.ok()) {
    abandon(status.error());
    return {};
  }
  link_ = Link::ready;
  failures_ = 0;
  deadline_ = c_.now + idle_timeout;
  return {};
}

void MediaSession::on_lost(const Error& why) {
  if (link_ == Link::offline) return;
  link_ = Link::offline;
  waiting_.clear();
  c_.out.media.frames.clear();
  next_try_ = c_.now + backoff(++failures_, wire::limits::reconnect_first, wire::limits::reconnect_most, c_.random);
  c_.log.info("the connection for attachments ended: ", why.code);
}

void MediaSession::abandon(const Error& why) {
  if (link_ == Link::offline) return;
  c_.out.media.network = NetworkAction::close;
  on_lost(why);
}

void MediaSession::on_time() {
  if (link_ == Link::offline) return;
  if (link_ == Link::ready) {
    if (!waiting_.empty() && c_.now >= waiting_.begin()->second.deadline) {
      abandon(Error(ErrorCode::TIMED_OUT, "the relay does not answer"));
    } else if (!wanted_ && waiting_.empty() && c_.now >= deadline_) {
      abandon(Error(ErrorCode::CANCELLED, "nothing to do"));
      failures_ = 0;
      next_try_ = c_.now;
    }
  } else if (c_.now >= deadline_) {
    abandon(Error(ErrorCode::TIMED_OUT, "no connection in time"));
  }
}

std::optional<Timestamp> MediaSession::next_timer() const {
  if (link_ == Link::offline) return wanted_ ? std::optional(next_try_) : std::nullopt;
  if (link_ != Link::ready) return deadline_;
  if (!waiting_.empty()) return waiting_.begin()->second.deadline;
  return wanted_ ? std::nullopt : std::optional(deadline_);
}

void MediaSession::set_clock_back(std::chrono::milliseconds by) {
  next_try_ -= by;
  deadline_ -= by;
  for (auto& [id, waiting] : waiting_) waiting.deadline -= by;
}

}  // namespace sotto::client
