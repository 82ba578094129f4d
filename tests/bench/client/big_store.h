// A store with very many messages, made of a small one.
#pragma once

#include <cstdint>
#include <string>

namespace sotto::bench {

/// Copies the one chat of the store until there are so many, each with so many messages (copies of its newest one).
void grow_store(const std::string& folder, std::uint64_t chats, std::uint64_t messages_a_chat);

}  // namespace sotto::bench
