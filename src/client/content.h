// The versions of wire::Content: what this one understands, and what it writes.
#pragma once

#include <cstdint>

#include "sotto/event.h"

namespace sotto::client {

inline constexpr std::uint32_t content_version = 3;
/// Each kind is written with the version that it came with, so that older clients read what they can.
inline constexpr std::uint32_t content_version_of_text = 1;
inline constexpr std::uint32_t content_version_of_attachments = 2;
inline constexpr std::uint32_t content_version_of_hidden = 3;

/// Messages of the clients' own use are stored beside the others, for they go the same way; the app never sees them. Of
/// this store only: a number far from those of MessageKind.
inline constexpr auto hidden_kind = static_cast<MessageKind>(100);

inline bool is_hidden(const Event& event) {
  const auto* added = std::get_if<MessageAdded>(&event);
  const auto* changed = std::get_if<MessageChanged>(&event);
  return (added != nullptr && added->message.kind == hidden_kind) ||
         (changed != nullptr && changed->message.kind == hidden_kind);
}

}  // namespace sotto::client
