// Messages and chats in words and signs for a person.
#pragma once

#include <string>

#include "chat/session.h"
#include "sotto/client.h"

namespace chat {

/// How far an own message is: … waiting, ✓ at the relay, ✓✓ on everybody's device, ✗ refused; empty for others' ones.
std::string mark(const sotto::Message& message);

/// "14:05", or "24 Nov 14:05" for another day, in local time.
std::string time_of_day(sotto::Timestamp time);

/// What an entry says, in printable characters only: the text, or a sentence about a notice or placeholder.
std::string body(const sotto::Message& message, const Session& session);

/// "bob" with all that could steer a terminal replaced.
std::string safe_name(const sotto::UserId& user, const Session& session);
std::string safe_title(const sotto::Chat& chat, const Session& session);

/// "2  Hiking  group  3 unread", a line of a list.
std::string list_line(std::size_t number, const sotto::Chat& chat, const Session& session);

/// "3  cat.jpg, picture, 120 KiB, fetching 43 %": an attachment of this number in printable characters.
std::string attachment_line(std::size_t number, const sotto::Attachment& attachment);

/// "1.5 MiB".
std::string size_in_words(std::uint64_t bytes);

/// An error as a person reads it: "UNKNOWN_USER: no user has this id or handle".
std::string sentence(const sotto::Error& error);

}  // namespace chat
