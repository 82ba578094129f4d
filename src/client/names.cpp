// The English names of states in the public API.
#include "sotto/event.h"

namespace sotto {

std::string_view to_string(ChatStatus status) noexcept {
  switch (status) {
    case ChatStatus::creating:
      return "creating";
    case ChatStatus::active:
      return "active";
    case ChatStatus::must_rejoin:
      return "must rejoin";
    case ChatStatus::update_needed:
      return "update needed";
    case ChatStatus::removed:
      return "removed";
    case ChatStatus::failed:
      return "failed";
  }
  return "unknown";
}

std::string_view to_string(MessageState state) noexcept {
  switch (state) {
    case MessageState::queued:
      return "queued";
    case MessageState::sending:
      return "sending";
    case MessageState::sent:
      return "sent";
    case MessageState::delivered:
      return "delivered";
    case MessageState::read:
      return "read";
    case MessageState::failed:
      return "failed";
    case MessageState::received:
      return "received";
  }
  return "unknown";
}

std::string_view to_string(AttachmentState state) noexcept {
  switch (state) {
    case AttachmentState::preparing:
      return "preparing";
    case AttachmentState::uploading:
      return "uploading";
    case AttachmentState::present:
      return "present";
    case AttachmentState::remote:
      return "remote";
    case AttachmentState::downloading:
      return "downloading";
    case AttachmentState::expired:
      return "expired";
    case AttachmentState::failed:
      return "failed";
  }
  return "unknown";
}

std::string_view to_string(ConnectionState state) noexcept {
  switch (state) {
    case ConnectionState::offline:
      return "offline";
    case ConnectionState::connecting:
      return "connecting";
    case ConnectionState::catching_up:
      return "catching up";
    case ConnectionState::online:
      return "online";
  }
  return "unknown";
}

}  // namespace sotto
