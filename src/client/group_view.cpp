#include "client/group_view.h"

#include <algorithm>

#include "base/try.h"
#include "wire/frame.h"
#include "wire/limits.h"

namespace sotto::client {

Result<ChatStateView> read_chat_state(const mls::Extensions& extensions) {
  if (std::ranges::count(extensions, chat_state_extension, &mls::Extension::type) != 1) {
    return Error(ErrorCode::MALFORMED, "not exactly one ChatState");
  }
  SOTTO_TRY_ASSIGN(const auto state,
                   wire::decode<wire::ChatState>(*mls::find_extension(extensions, chat_state_extension)));
  if (state.type() > 1 || state.name().size() > wire::limits::chat_name_bytes || state.rules_version() == 0) {
    return Error(ErrorCode::MALFORMED, "a ChatState out of its limits");
  }
  ChatStateView out;
  out.rules_version = state.rules_version();
  out.type = static_cast<ChatType>(state.type());
  out.name = state.name();
  out.created_at = state.created_at();
  for (const auto& admin : state.admins()) {
    const auto user = id_from<UserId>(wire::view(admin));
    if (!user || !out.admins.insert(*user).second) return Error(ErrorCode::MALFORMED, "a ChatState with a bad admin");
  }
  return out;
}

mls::Extensions with_chat_state(mls::Extensions extensions, const ChatStateView& state) {
  wire::ChatState out;
  out.set_rules_version(state.rules_version);
  out.set_type(static_cast<std::uint32_t>(state.type));
  out.set_name(state.name);
  out.set_created_at(state.created_at);
  for (const auto& admin : state.admins) *out.add_admins() = to_string_bytes(admin);
  std::erase_if(extensions, [](const mls::Extension& e) { return e.type == chat_state_extension; });
  mls::Extension extension;
  extension.type = chat_state_extension;
  extension.data = wire::serialize(out);
  extensions.push_back(std::move(extension));
  return extensions;
}

Result<std::vector<GroupDevice>> read_devices(const std::vector<mls::Member>& members) {
  std::vector<GroupDevice> out;
  out.reserve(members.size());
  for (const auto& member : members) {
    SOTTO_TRY_ASSIGN(auto certificate, wire::read_credential(member.leaf->credential.identity));
    out.push_back({member.index, std::move(certificate)});
  }
  return out;
}

Result<wire::CheckedCertificate> check_leaf(const mls::LeafNode& leaf) {
  if (leaf.credential.type != mls::credential_type::basic) {
    return Error(ErrorCode::CERTIFICATE_REFUSED, "a leaf without a basic credential");
  }
  SOTTO_TRY_ASSIGN(auto certificate, wire::check_credential(leaf.credential.identity));
  if (!equal(certificate.device_key.view(), leaf.signature_key)) {
    return Error(ErrorCode::CERTIFICATE_REFUSED, "the certificate is for another key than the leaf's");
  }
  return certificate;
}

wire::Roster roster_of(const std::vector<GroupDevice>& devices, const std::set<UserId>& admins) {
  wire::Roster roster;
  for (const auto& device : devices) {
    roster.devices[device.certificate.device] = {device.certificate.user, device.certificate.era};
  }
  roster.admins = admins;
  return roster;
}

}  // namespace sotto::client
