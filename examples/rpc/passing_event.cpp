#include "rpc/passing_event.h"

namespace rpc {

namespace {

using Passing = std::optional<PassingEvent>;

/// One function for each kind of event, so that a new kind does not pass unseen.
struct ToPassing {
  // Logged.
  Passing operator()(const sotto::ChatChanged&) const { return std::nullopt; }
  Passing operator()(const sotto::MessageAdded&) const { return std::nullopt; }
  Passing operator()(const sotto::MessageChanged&) const { return std::nullopt; }

  // Those that may be left out: what others cause may be much.
  Passing operator()(const sotto::AttachmentProgress& progress) const {
    Out out{{"kind", "attachmentProgress"},
            {"chatId", progress.chat.to_string()},
            {"messageId", progress.message.to_string()},
            {"index", progress.index},
            {"transferred", progress.transferred},
            {"total", progress.total}};
    return PassingEvent{std::move(out), true};
  }
  Passing operator()(const sotto::TypingChanged& changed) const {
    Out out{{"kind", "typing"},
            {"chatId", changed.chat.to_string()},
            {"userId", changed.user.to_string()},
            {"typing", changed.typing}};
    return PassingEvent{std::move(out), true};
  }
  Passing operator()(const sotto::PresenceChanged& changed) const {
    Out out{{"kind", "presence"}, {"userId", changed.user.to_string()}, {"available", changed.available}};
    if (changed.last_seen) out["lastSeen"] = milliseconds(*changed.last_seen);
    return PassingEvent{std::move(out), true};
  }
  Passing operator()(const sotto::PersonChanged& changed) const {
    return PassingEvent{{{"kind", "personChanged"}, {"userId", changed.user.to_string()}}, true};
  }
  Passing operator()(const sotto::ReceiptsChanged& changed) const {
    Out out{{"kind", "receiptsChanged"}, {"chatId", changed.chat.to_string()}, {"userId", changed.user.to_string()}};
    return PassingEvent{std::move(out), true};
  }

  // Those that are few, and that nobody should miss.
  Passing operator()(const sotto::ConnectionChanged& change) const {
    Out out{{"kind", "connection"}, {"state", state_name(change.state)}};
    if (change.problem) out["problem"] = to_json(*change.problem);
    return PassingEvent{std::move(out), false};
  }
  Passing operator()(const sotto::RegistrationChanged& changed) const {
    Out out{{"kind", "registration"}, {"handle", changed.handle}};
    if (changed.user) out["userId"] = changed.user->to_string();
    if (changed.moves_at) out["movesAt"] = milliseconds(*changed.moves_at);
    if (changed.problem) out["problem"] = to_json(*changed.problem);
    return PassingEvent{std::move(out), false};
  }
  Passing operator()(const sotto::HandleClaimed& claimed) const {
    Out out{{"kind", "handleClaimed"}, {"handle", claimed.handle}, {"moved", claimed.moved}};
    if (claimed.moves_at) out["movesAt"] = milliseconds(*claimed.moves_at);
    return PassingEvent{std::move(out), false};
  }
  Passing operator()(const sotto::HandleMoved& moved) const {
    Out out{{"kind", "handleMoved"},
            {"handle", moved.handle},
            {"oldUserId", moved.old_user.to_string()},
            {"newUserId", moved.new_user.to_string()}};
    return PassingEvent{std::move(out), false};
  }
};

}  // namespace

Passing passing_event(const sotto::Event& event) { return std::visit(ToPassing(), event); }

}  // namespace rpc
