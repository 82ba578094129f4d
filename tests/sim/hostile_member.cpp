#include "sim/hostile_member.h"

#include <algorithm>

#include "sim/frames.h"
#include "sim/world.h"
#include "wire/mls_header.h"

namespace sotto::sim {

namespace {
void flip_last(std::string& bytes) {
  if (!bytes.empty()) bytes.back() = static_cast<char>(bytes.back() ^ 1);
}
}  // namespace

HostileMember::HostileMember(World& world) : world_(world), dice_(world.options().seed, 21) {}

bool HostileMember::is(const Device& device) const { return device.index() == 0; }

void HostileMember::change_often() {
  world_.after(Milliseconds(dice_.between(1'000, 20'000)), [this] {
    if (world_.trouble_is_over()) return;
    change_often();
    auto& device = world_.devices().front();
    if (!device.running() || !device.registered()) return;
    auto chats = device.chats();
    std::erase_if(chats, [](const Chat& chat) { return chat.status != ChatStatus::active; });
    if (!chats.empty()) device.change(dice_.pick(chats).id, client::ChangeKind::refresh, {}, {});
  });
}

bool HostileMember::did(const char* attack) { return world_.attack(attack); }

void HostileMember::on_way_up(Device& device, Bytes& frame) {
  if (!is(device)) return;
  auto envelopes = wire::decode_frame(frame);
  if (!envelopes.ok()) return;
  bool changed = false;
  for (auto& envelope : *envelopes) {
    auto& request = *envelope.mutable_request();
    wire::Commit* commit = nullptr;
    if (request.has_update_chat()) commit = request.mutable_update_chat()->mutable_commit();
    if (request.has_modify_chat_participants()) commit = request.mutable_modify_chat_participants()->mutable_commit();
    if (commit != nullptr && dice_.chance(3, 4)) {
      changed = spoil_commit(*commit) || changed;
    } else if (request.has_send_message() && dice_.chance(1, 3)) {
      spoil_message(*request.mutable_send_message());
      changed = true;
    }
  }
  if (!changed) return;
  frame = encode_all(*envelopes);
}

bool HostileMember::spoil_commit(wire::Commit& commit) {
  if (commit.message().empty()) return false;
  if (dice_.chance(1, 2)) {
    if (!did("commits garbage")) return false;
    flip_last(*commit.mutable_message());
    return true;
  }
  // What the relay reads says something else than what the members would: the roster that it makes is a lie.
  const auto header = wire::read_mls_header(wire::view(commit.message()));
  if (!header.ok()) return false;
  auto aad = wire::check_commit_aad(header->authenticated_data);
  if (!aad.ok()) return false;
  const auto old = wire::encode(*aad);
  switch (dice_.below(3)) {
    case 0:
      if (!did("lies about admins")) return false;
      aad->admins.insert(world_.devices().front().user);
      break;
    case 1:
      if (!did("lies about the roster")) return false;
      aad->roster_digest.bytes[0] ^= 1;
      break;
    default:
      if (!did("lies about what was skipped")) return false;
      aad->skipped.push_back(dice_.below(20));
  }
  // Of the same length or not: MLS vectors carry their length in front.
  const auto changed = wire::encode(*aad);
  auto message = to_bytes(wire::view(commit.message()));
  const auto at = std::search(message.begin(), message.end(), old.begin(), old.end());
  if (at == message.end() || changed.size() != old.size()) {
    flip_last(*commit.mutable_message());
    return true;
  }
  std::ranges::copy(changed, at);
  commit.set_message(wire::field(message));
  return true;
}

void HostileMember::spoil_message(wire::SendMessage& message) {
  switch (dice_.below(3)) {
    case 0:
      if (did("sends what nobody can open")) flip_last(*message.mutable_message());
      break;
    case 1:
      if (did("names a handshake that it has not seen")) message.set_after_handshake(message.after_handshake() + 1);
      break;
    default:
      if (did("names an old handshake"))
        message.set_after_handshake(message.after_handshake() - std::min<std::uint64_t>(1, message.after_handshake()));
  }
}

}  // namespace sotto::sim
