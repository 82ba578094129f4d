// What is told of the account, its handle, and the handles of others.
#pragma once

#include <sotto/client.h>

#include <optional>
#include <string>

namespace chat {

/// A line for scripts (line_mode.h); nothing for other events. Handles may hold anything.
std::optional<std::string> account_line(const sotto::Event& event);
/// A sentence for people. Handles may hold anything.
std::optional<std::string> account_sentence(const sotto::Event& event);

}  // namespace chat
