#include "crypto/sign.h"
#include "support/catch.h"
#include "unit/relay/support/private_message.h"
#include "unit/relay/support/relay_world.h"
#include "wire/identity.h"

namespace sotto::relay::test {

// ---- Requests

wire::Request register_request(const Link& link, const std::string& handle, const wire::SignedDeviceList& list) {
  wire::Request request;
  request.mutable_register_()->set_handle(handle);
  *request.mutable_register_()->mutable_device_list() = list;
  const auto statement = wire::registration_statement(link.nonce, handle);
  request.mutable_register_()->set_signature(
      wire::field(crypto::sign(link.person->identity.private_key, statement).view()));
  return request;
}

namespace {

void add_welcome(wire::Commit& commit, const std::vector<wire::RosterChange>& adds, const DeviceRef* founder) {
  for (const auto& change : adds) {
    if (founder != nullptr && DeviceRef{change.user, change.device} == *founder) continue;
    auto& secret = *commit.mutable_welcome()->add_secrets();
    secret.set_device_id(to_string_bytes(change.device));
    secret.set_secret("secret of " + change.device.to_string());
    commit.mutable_welcome()->set_shared("the shared part");
  }
}

}  // namespace

wire::Request create_request(World& world, Group& group, const std::vector<DeviceRef>& devices,
                             const std::set<UserId>& admins, const DeviceRef& creator) {
  wire::CheckedCommitAad aad;
  aad.client_message_id = random_id<ClientMessageId>(world.random);
  aad.membership_changed = true;
  group.roster = {};
  std::set<UserId> users;
  for (const auto& device : devices) {
    aad.adds.push_back({device.user, device.device, 1});
    group.roster.devices[device.device] = {device.user, 1};
    users.insert(device.user);
  }
  aad.admins = admins;
  group.roster.admins = admins;
  aad.roster_digest = group.roster.digest();
  if (group.id.is_zero()) group.id = wire::random_group_id(world.random);
  wire::Request request;
  auto& create = *request.mutable_create_chat();
  create.set_chat_id(to_string_bytes(group.id));
  create.set_type(group.type);
  for (const auto& user : users) create.add_participants(to_string_bytes(user));
  create.mutable_commit()->set_generation(group.generation);
  create.mutable_commit()->set_founding_aad(wire::field(encode(aad)));
  add_welcome(*create.mutable_commit(), aad.adds, &creator);
  return request;
}

wire::CheckedCommitAad aad_of(World& world, const Group& group, const Change& change, wire::Roster* after) {
  wire::CheckedCommitAad aad;
  aad.client_message_id = random_id<ClientMessageId>(world.random);
  aad.membership_changed = change.membership_changed || !change.adds.empty() || !change.removes.empty();
  auto roster = group.roster;
  for (const auto& device : change.removes) {
    const auto it = roster.devices.find(device.device);
    aad.removes.push_back({device.user, device.device, it == roster.devices.end() ? 1 : it->second.era});
    roster.devices.erase(device.device);
  }
  for (const auto& device : change.adds) {
    aad.adds.push_back({device.user, device.device, change.era});
    roster.devices[device.device] = {device.user, change.era};
  }
  if (change.admins) {
    roster.admins = *change.admins;
  } else {
    std::erase_if(roster.admins, [&](const auto& admin) { return !roster.has_user(admin); });
  }
  aad.admins = roster.admins;
  aad.roster_digest = roster.digest();
  if (after != nullptr) *after = roster;
  return aad;
}

wire::Commit commit_of(World& world, const Group& group, const Change& change, wire::Roster* after) {
  const auto aad = aad_of(world, group, change, after);
  wire::Commit commit;
  commit.set_generation(group.generation);
  commit.set_prev_handshake(group.handshake);
  commit.set_message(wire::field(
      private_message(group.id, group.generation, wire::MlsContentType::commit, encode(aad), as_bytes("a commit"))));
  add_welcome(commit, aad.adds, nullptr);
  return commit;
}

wire::Request update_request(World& world, const Group& group, const Change& change) {
  wire::Request request;
  request.mutable_update_chat()->set_chat_id(to_string_bytes(group.id));
  *request.mutable_update_chat()->mutable_commit() = commit_of(world, group, change);
  return request;
}

wire::Request modify_request(World& world, const Group& group, const UserId& user, wire::Operation operation,
                             const Change& change) {
  wire::Request request;
  auto& modify = *request.mutable_modify_chat_participants();
  modify.set_chat_id(to_string_bytes(group.id));
  modify.set_user_id(to_string_bytes(user));
  modify.set_operation(operation);
  *modify.mutable_commit() = commit_of(world, group, change);
  return request;
}

wire::Request message_request(World& world, const Group& group, std::uint64_t n, const std::string& text) {
  const wire::CheckedMessageAad aad{random_id<ClientMessageId>(world.random), n};
  wire::Request request;
  auto& send = *request.mutable_send_message();
  send.set_chat_id(to_string_bytes(group.id));
  send.set_generation(group.generation);
  send.set_after_handshake(group.handshake);
  send.set_message(wire::field(
      private_message(group.id, group.generation, wire::MlsContentType::application, encode(aad), as_bytes(text))));
  return request;
}

wire::Request get_chat_request(const ChatId& chat) {
  wire::Request request;
  request.mutable_get_chat()->set_chat_id(to_string_bytes(chat));
  return request;
}

Group make_group(World& world, Link& creator, const std::vector<const Person*>& others) {
  Group group;
  std::vector<DeviceRef> devices{creator.device()};
  for (const auto* other : others) devices.push_back(other->device());
  const auto request = create_request(world, group, devices, {creator.person->id}, creator.device());
  REQUIRE(success(creator.ask(request)));
  return group;
}

void accepted(Group& group, const Change& change, std::uint64_t seq) {
  for (const auto& device : change.removes) group.roster.devices.erase(device.device);
  for (const auto& device : change.adds) group.roster.devices[device.device] = {device.user, change.era};
  if (change.admins) group.roster.admins = *change.admins;
  std::erase_if(group.roster.admins, [&](const auto& admin) { return !group.roster.has_user(admin); });
  group.handshake = seq;
}

ErrorCode status(const wire::Response& response) { return static_cast<ErrorCode>(response.status()); }
bool success(const wire::Response& response) { return response.status() == 0; }

}  // namespace sotto::relay::test
