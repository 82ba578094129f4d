// Messages and chats in words and signs for a person.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "chat/session.h"
#include "sotto/client.h"

namespace chat {

/// How many of the others an own message has reached.
struct Reached {
  std::size_t others = 0;
  std::size_t delivered = 0;
  std::size_t read = 0;
};
Reached reached(const std::vector<sotto::Receipt>& receipts);

/// How far an own message is: … waiting, ✓ at the relay, ✓✓ on everybody's device, "✓✓ read" by all, ✗ refused; empty
/// for others' ones. In a group also how many it has reached: "✓ 1 of 3", "✓✓ read by 2 of 3".
std::string mark(const sotto::Message& message, const std::optional<Reached>& group = std::nullopt);

/// "ann is typing…", "ann and bob are typing…", "3 people are typing…"; empty if nobody is.
std::string typing_sentence(const sotto::ChatId& chat, const Session& session);

/// "here", "last seen 14:05"; empty if it is not known.
std::string presence_in_words(const sotto::UserId& user, Session& session);

/// A person in some lines of printable characters.
std::vector<std::string> person_in_words(const sotto::Person& person, Session& session);
/// A profile in some lines of printable characters; none if it is empty.
std::vector<std::string> profile_in_words(const sotto::Profile& profile);

/// "14:05", or "24 Nov 14:05" for another day, in local time.
std::string time_of_day(sotto::Timestamp time);

/// What an entry says, in printable characters only: the text, or a sentence about a notice or placeholder.
std::string body(const sotto::Message& message, const Session& session);

/// "bob" with all that could steer a terminal replaced.
std::string safe_name(const sotto::UserId& user, const Session& session);
std::string safe_title(const sotto::Chat& chat, const Session& session);

/// "2  Hiking  (group, ann asks)  ● 3 unread", a line of a list.
std::string list_line(std::size_t number, const sotto::Chat& chat, const Session& session);

/// What is to be said of a chat that somebody unknown began; empty if it is none.
std::string request_sentence(const sotto::Chat& chat, const Session& session);

/// "3  cat.jpg, picture, 120 KiB, fetching 43 %": an attachment of this number in printable characters.
std::string attachment_line(std::size_t number, const sotto::Attachment& attachment);

/// "1.5 MiB".
std::string size_in_words(std::uint64_t bytes);

/// An error as a person reads it: "UNKNOWN_USER: no user has this id or handle".
std::string sentence(const sotto::Error& error);

}  // namespace chat
