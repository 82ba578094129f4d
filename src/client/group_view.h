// What an MLS group says of a chat: its ChatState extension and whose devices its leaves are.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "mls/group.h"
#include "sotto/chat.h"
#include "wire/identity.h"
#include "wire/roster.h"

namespace sotto::client {

/// The GroupContext extension that holds a wire::ChatState.
inline constexpr mls::ExtensionType chat_state_extension = 0xF0A0;
/// The GroupInfo extension that holds a wire::TreeLocation.
inline constexpr mls::ExtensionType tree_location_extension = 0xF0A1;
/// The newest rules that this version can judge commits by.
inline constexpr std::uint32_t known_rules_version = 1;

/// A ChatState whose sizes were checked.
struct ChatStateView {
  std::uint32_t rules_version = 0;
  ChatType type = ChatType::group;
  std::string name;
  std::set<UserId> admins;
  std::uint64_t created_at = 0;
  friend bool operator==(const ChatStateView&, const ChatStateView&) = default;
};

/// Errors: MALFORMED (none, twice, or with parts of the wrong size).
Result<ChatStateView> read_chat_state(const mls::Extensions& extensions);
/// `extensions` with its ChatState replaced.
mls::Extensions with_chat_state(mls::Extensions extensions, const ChatStateView& state);

/// A leaf and whose it is.
struct GroupDevice {
  mls::LeafIndex leaf;
  wire::CheckedCertificate certificate;
};

/// Reads the certificates of leaves that were checked before. Errors: MALFORMED.
Result<std::vector<GroupDevice>> read_devices(const std::vector<mls::Member>& members);
/// Checks a leaf's certificate: signature, and that it certifies the leaf's key. Errors: as wire::check_credential,
/// CERTIFICATE_REFUSED.
Result<wire::CheckedCertificate> check_leaf(const mls::LeafNode& leaf);

/// The tree's roster.
wire::Roster roster_of(const std::vector<GroupDevice>& devices, const std::set<UserId>& admins);

}  // namespace sotto::client
