// The lines that line_mode.h describes.
#pragma once

#include <string>
#include <vector>

#include "chat/session.h"

namespace chat {

/// "POSITION ID SENDER KIND STATE TEXT".
std::string entry_line(const sotto::Message& message);
std::vector<std::string> attachment_lines(const sotto::Message& message, Session& session);
std::string chat_line(std::size_t number, const sotto::Chat& chat, const Session& session);
std::vector<std::string> person_lines(const sotto::Person& person, const Session& session);
std::vector<std::string> profile_lines(const sotto::Profile& profile);
std::string receipt_line(const sotto::Receipt& receipt);
std::vector<std::string> event_lines(const sotto::Event& event, Session& session);

}  // namespace chat
