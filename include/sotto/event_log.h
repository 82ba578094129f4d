// The event log: what a client tells its app, kept on disk until the app says that it has done its part. For bots and
// for whoever must act once on each event, whatever is killed when; an app that only shows things needs no log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <variant>

#include "sotto/event.h"

namespace sotto {

/// The place of an event in the log: 1, 2, 3 … for the life of the store. Zero is before the first.
using EventCursor = std::int64_t;

/// Events that wait to be released, at most. Of more, the oldest are deleted, and an `EventsLost` stands in their
/// place.
inline constexpr std::size_t most_logged_events = 100'000;

/// Events stood here that are gone: more waited than the log keeps, or the store was opened for a time without its log.
/// What chats and messages became of them is in the store; read them anew.
struct EventsLost {};

/// An event of the log. What is logged is which chat or message it is about: the snapshot is of the time of reading, so
/// it may already show what a later event tells.
struct LoggedEvent {
  EventCursor cursor = 0;
  std::variant<EventsLost, ChatChanged, MessageAdded, MessageChanged> what;
};

}  // namespace sotto
