#include "rpc/peer.h"

#include <new>

#include "rpc/commands.h"

namespace rpc {

using sotto::Error;
using sotto::ErrorCode;

namespace {

/// Commands have at most a list in an object in an object.
constexpr int deepest = 8;
constexpr std::size_t longest_id = 128;
/// Events that are read at once: a few texts of the largest size.
constexpr std::size_t events_at_once = 20;

/// Discarded if it is no JSON, or deeper than any command; what is too deep is not kept while it is read.
Json parse(std::string_view line) {
  bool too_deep = false;
  auto out = Json::parse(
      line,
      [&](int depth, Json::parse_event_t, Json&) {
        too_deep = too_deep || depth > deepest;
        return depth <= deepest;
      },
      false);
  if (too_deep) return Json(Json::value_t::discarded);
  return out;
}

bool is_id(const Json& value) {
  return value.is_number_integer() || (value.is_string() && value.get_ref<const std::string&>().size() <= longest_id);
}

}  // namespace

// ---- Answers

void Reply::result(Out value) const { send({{"result", std::move(value)}}); }
void Reply::error(const Error& why) const { send({{"error", to_json(why)}}); }
void Reply::failed(Out value, const Error& why) const { send({{"result", std::move(value)}, {"error", to_json(why)}}); }
void Reply::done(const sotto::Status& status) const {
  if (!status.ok()) return error(status.error());
  result(Out::object());
}

void Reply::send(Out answer) const {
  const auto peer = peer_.lock();
  if (!peer) return;
  --peer->under_way_;
  Out line{{"id", id_}};
  line.update(answer);
  peer->write(line);
}

// ---- The peer

void Peer::write(const Out& line) {
  if (sink_ == nullptr) return;
  // Texts come from other people's clients, which may send what is no UTF-8.
  sink_->write(line.dump(-1, ' ', false, Out::error_handler_t::replace));
}

void Peer::refuse(const Error& why) { write({{"id", nullptr}, {"error", to_json(why)}}); }

void Peer::take(std::string_view line) {
  const auto request = parse(line);
  if (request.is_discarded()) return refuse(Error(ErrorCode::MALFORMED, "the line is no JSON of a command"));
  const auto id = request.is_object() ? request.find("id") : request.end();
  if (id == request.end() || !is_id(*id)) {
    return refuse(Error(ErrorCode::INVALID_ARGUMENT, "a command is an object with an id, an integer or short string"));
  }
  ++under_way_;
  const Reply reply(weak_from_this(), *id);
  if (under_way_ > most_under_way) {
    return reply.error(Error(ErrorCode::LIMIT_EXCEEDED, "too many commands wait for the network"));
  }
  auto command = request.begin();
  if (command.key() == "id") ++command;
  if (command == request.end() || request.size() != 2) {
    return reply.error(Error(ErrorCode::INVALID_ARGUMENT, "a line has an id and one command"));
  }
  const auto handler = find_command(command.key());
  if (handler == nullptr) {
    return reply.error(Error(ErrorCode::UNKNOWN_COMMAND, "unknown command " + shortened(command.key())));
  }
  if (!command->is_object()) {
    return reply.error(Error(ErrorCode::INVALID_ARGUMENT, command.key() + " takes an object"));
  }
  try {
    Call call{service_, *this, Fields(*command), reply};
    handler(call);
  } catch (const std::bad_alloc&) {
    reply.error(Error(ErrorCode::OUT_OF_MEMORY));
  }
}

void Peer::on_events() {
  while (cursor_ && sink_ != nullptr && sink_->waiting() < most_waiting) {
    const auto events = service_.client().events(*cursor_, events_at_once);
    if (!events.ok()) {
      cursor_.reset();
      if (events.code() == ErrorCode::CLOSED) return;
      return write({{"event", {{"kind", "ended"}, {"problem", to_json(events.error())}}}});
    }
    if (events->empty()) return;
    for (const auto& event : *events) write({{"event", to_json(event)}});
    cursor_ = events->back().cursor;
  }
}

void Peer::on_passing(const PassingEvent& event) {
  if (!cursor_ || sink_ == nullptr) return;
  if (event.may_be_left_out && sink_->waiting() >= most_waiting) return;
  write({{"event", event.json}});
}

}  // namespace rpc
