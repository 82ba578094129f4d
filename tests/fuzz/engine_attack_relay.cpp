// What a hostile relay can do on the main connection, and what an honest one would answer.
#include <algorithm>

#include "client/tables/chat_table.h"
#include "crypto/hash.h"
#include "engine_attack.h"
#include "wire/attachment.h"
#include "wire/mls_header.h"

namespace sotto::fuzz {

void Attack::push(const wire::Push& what) {
  wire::Envelope out;
  *out.mutable_push() = what;
  envelope(out);
}

void Attack::answer(std::uint64_t id, const wire::Response& response) {
  wire::Envelope out;
  out.set_id(id);
  *out.mutable_response() = response;
  if (response.status() != 0) said_.insert(static_cast<ErrorCode>(response.status()));
  envelope(out);
}

void Attack::connect() {
  if (!wants_connection_) step();
  if (!wants_connection_) return;
  wants_connection_ = false;
  connected_ = true;
  inputs_.emplace_back(client::Connected{});
  wire::Push challenge;
  challenge.mutable_challenge()->set_nonce(std::string(32, 'n'));
  challenge.mutable_challenge()->set_incarnation(wire::field(world_.incarnation));
  push(challenge);
  step();
}

void Attack::lose_connection() {
  inputs_.emplace_back(client::ConnectionLost{Error(ErrorCode::UNAVAILABLE)});
  connected_ = false;
  requests_.clear();
  step();
}

void Attack::answer_honestly() {
  if (requests_.empty()) return;
  const auto request = requests_.front();
  requests_.erase(requests_.begin());
  answer(request.id(), honest_answer(request.request()));
  step();
}

wire::Response Attack::honest_answer(const wire::Request& request) {
  wire::Response out;
  const auto accepted = [&](const std::string& chat, const std::string& bytes) {
    auto& answer = *out.mutable_accepted();
    answer.set_seq(cursor(chat) + 1);
    answer.set_message_id(std::string(16, 'm'));
    answer.set_last_n(1);
    const auto header = wire::read_mls_header(wire::view(bytes));
    if (!header.ok()) return;
    if (const auto aad = wire::check_message_aad(header->authenticated_data); aad.ok()) {
      answer.set_client_message_id(to_string_bytes(aad->client_message_id));
      answer.set_last_n(aad->n);
    }
  };
  switch (request.command_case()) {
    case wire::Request::kRegister:
      out.mutable_registered()->set_user_id(std::string(16, 'u'));
      break;
    case wire::Request::kAuthenticate:
      out.mutable_authenticated()->set_incarnation(wire::field(world_.incarnation));
      out.mutable_authenticated()->set_key_packages(100);
      out.mutable_authenticated()->set_device_list_version(1);
      break;
    case wire::Request::kPublishKeyPackages:
      out.mutable_key_packages_published()->set_count(100);
      break;
    case wire::Request::kTakeKeyPackages:
      for (const auto& user : request.take_key_packages().user_ids()) {
        auto& to = *out.mutable_key_packages_taken()->add_users();
        const auto it = world_.taken.find(user);
        if (it != world_.taken.end()) to = it->second;
        to.set_user_id(user);
      }
      break;
    case wire::Request::kFindUser: {
      const auto it = world_.found.find(request.find_user().handle());
      if (it == world_.found.end()) {
        out.set_status(static_cast<std::uint32_t>(ErrorCode::NOT_FOUND));
      } else {
        *out.mutable_user_found() = it->second;
      }
      break;
    }
    case wire::Request::kCreateChat:
      out.mutable_chat_created()->set_chat_id(request.create_chat().chat_id());
      out.mutable_chat_created()->set_seq(1);
      break;
    case wire::Request::kSendMessage:
      accepted(request.send_message().chat_id(), request.send_message().message());
      break;
    case wire::Request::kUpdateChat:
      accepted(request.update_chat().chat_id(), request.update_chat().commit().message());
      break;
    case wire::Request::kModifyChatParticipants:
      accepted(request.modify_chat_participants().chat_id(), request.modify_chat_participants().commit().message());
      break;
    case wire::Request::kGetProfile: {
      const auto token_hash = crypto::sha256(wire::view(request.get_profile().token()));
      const auto it = world_.profiles.find(wire::field(token_hash.view()));
      if (it == world_.profiles.end()) return wire::refusal(Error(ErrorCode::NOT_FOUND));
      out.mutable_profile()->set_profile(wire::field(it->second));
      break;
    }
    case wire::Request::kRequestCode:
      out.mutable_code_sent()->set_digits(6);
      break;
    default:
      return honest_answer_about_files(request);
  }
  return out;
}

wire::Response Attack::refusal() {
  wire::Response out;
  // Some of the codes that a relay does give, above all those of being busy, are beyond a byte.
  const std::uint32_t code = input_.ConsumeIntegral<std::uint8_t>();
  out.set_status(code < 240 ? code : code - 240 + 300);
  out.set_message("no");
  out.set_retry_after_ms(input_.ConsumeIntegral<std::uint16_t>());
  out.set_handshake_seq(input_.ConsumeIntegral<std::uint8_t>() % 32);
  for (int i = input_.ConsumeIntegral<std::uint8_t>() % 4; i > 0; --i) {
    auto& device = *out.add_roster();
    device.set_user_id(some_user());
    device.set_device_id(std::string(16, 'd'));
    device.set_era(1);
    device.set_admin(input_.ConsumeBool());
  }
  return out;
}

void Attack::remember(const wire::Request& request) {
  const auto sent = [&](const std::string& chat, const std::string& bytes) {
    wire::Entry entry;
    ByteView aad = wire::view(bytes);
    if (const auto header = wire::read_mls_header(aad); header.ok()) aad = header->authenticated_data;
    std::string id(16, '\0');
    if (const auto message = wire::check_message_aad(aad); message.ok()) {
      id = to_string_bytes(message->client_message_id);
    } else if (const auto commit = wire::check_commit_aad(aad); commit.ok()) {
      id = to_string_bytes(commit->client_message_id);
    }
    entry.mutable_stub()->set_client_message_id(id);
    entry.mutable_stub()->set_sha256(wire::field(crypto::sha256(wire::view(bytes)).view()));
    stubs_.emplace_back(chat, std::move(entry));
  };
  if (stubs_.size() > 256) return;
  if (request.has_send_message()) sent(request.send_message().chat_id(), request.send_message().message());
  if (request.has_update_chat()) sent(request.update_chat().chat_id(), request.update_chat().commit().message());
  if (request.has_modify_chat_participants()) {
    const auto& modify = request.modify_chat_participants();
    sent(modify.chat_id(), modify.commit().message());
  }
  if (request.has_create_chat()) {
    sent(request.create_chat().chat_id(), request.create_chat().commit().founding_aad());
  }
}

std::uint64_t Attack::cursor(const std::string& chat) {
  const auto id = id_from<ChatId>(wire::view(chat));
  const auto row = id ? must(client::ChatTable(db_).find(*id)) : std::nullopt;
  return row ? row->cursor : 0;
}

wire::Push Attack::heads_push() const {
  wire::Push out;
  *out.mutable_heads() = world_.heads;
  return out;
}

void Attack::renumber(wire::Push& what) {
  if (what.has_entries() && what.entries().entries_size() > 0) {
    auto next = cursor(what.entries().chat_id());
    for (auto& entry : *what.mutable_entries()->mutable_entries()) entry.set_seq(++next);
  } else if (what.has_chat_joined()) {
    what.mutable_chat_joined()->mutable_entry()->set_seq(cursor(what.chat_joined().chat_id()) + 1);
  }
}

std::string Attack::some_id() {
  const auto what = input_.ConsumeIntegral<std::uint8_t>();
  if (what >= 250) return input_.ConsumeBytesAsString(what % 18);
  if (what >= 240) return std::string(16, static_cast<char>(what));
  return to_string_bytes(chats_[what % chats_.size()]);
}

std::string Attack::some_user() {
  const auto what = input_.ConsumeIntegral<std::uint8_t>();
  const auto* device = std::array{world_.alice, world_.bob, world_.carol, world_.mallory}[what % 4];
  return what >= 250 ? std::string(what % 18, 'u') : to_string_bytes(device->user);
}

wire::Push Attack::forged() {
  wire::Push out;
  const auto id = some_id();
  const auto number = [&] { return hostile_number(cursor(id), input_); };
  switch (input_.ConsumeIntegral<std::uint8_t>() % 10) {
    case 0: {
      auto& head = *out.mutable_heads()->add_heads();
      head.set_chat_id(id);
      head.set_head(number());
      head.set_acked_seq(number());
      out.mutable_heads()->set_last(input_.ConsumeBool());
      break;
    }
    case 1: {
      auto& gap = *out.mutable_gap();
      gap.set_chat_id(id);
      gap.set_from(number());
      gap.set_to(number());
      gap.set_handshakes(input_.ConsumeBool() ? 0 : number());
      gap.set_last_n(number());
      break;
    }
    case 2: {
      auto& receipt = *out.mutable_delivery_receipt();
      receipt.set_chat_id(id);
      receipt.set_user_id(some_user());
      receipt.set_seq(number());
      break;
    }
    case 3:
      out.mutable_key_packages_low()->set_remaining(input_.ConsumeIntegral<std::uint8_t>());
      break;
    case 4:
      out.mutable_going_away()->set_retry_after_ms(number());
      break;
    case 5:
      out.mutable_challenge()->set_nonce(std::string(input_.ConsumeBool() ? 32 : 31, 'x'));
      break;
    case 6: {
      auto& joined = *out.mutable_chat_joined();
      joined.set_chat_id(id);
      joined.set_type(input_.ConsumeBool() ? wire::DIRECT : wire::GROUP);
      joined.set_generation(static_cast<std::uint32_t>(number()));
      *joined.mutable_entry() = some_entry(number());
      break;
    }
    case 7: {
      auto& notice = *out.mutable_handle_notice();
      notice.set_handle(input_.ConsumeIntegral<std::uint8_t>() % 4 != 0 ? "alice" : "bob");
      notice.set_moves_at(number());
      notice.set_moved(input_.ConsumeBool());
      break;
    }
    default: {
      auto& entries = *out.mutable_entries();
      entries.set_chat_id(id);
      entries.set_generation(1);
      for (int i = input_.ConsumeIntegral<std::uint8_t>() % 4; i >= 0; --i) {
        *entries.add_entries() = some_entry(number());
      }
      if (input_.ConsumeBool()) renumber(out);
    }
  }
  return out;
}

wire::Entry Attack::some_entry(std::uint64_t seq) {
  wire::Entry out;
  const auto& from = input_.ConsumeBool() ? world_.owed : world_.crafted;
  const auto& push = pick(from, input_);
  if (push.has_entries()) out = push.entries().entries(0);
  if (push.has_chat_joined()) out = push.chat_joined().entry();
  out.set_seq(seq);
  if (out.message_id().empty()) out.set_message_id(std::string(16, 'i'));
  out.set_sender_user(some_user());
  out.set_sender_device(std::string(16, 'd'));
  return out;
}

/// An ephemeral or a read mark: as it was said, or in another's name, of another chat, another generation, or changed.
void Attack::signal() {
  auto what = pick(world_.signals, input_);
  const auto change = [&](auto& said) {
    switch (input_.ConsumeIntegral<std::uint8_t>() % 8) {
      case 1:
        said.set_sender_user(some_user());
        break;
      case 2:
        said.set_sender_user(to_string_bytes(world_.carol->user));
        said.set_sender_device(to_string_bytes(world_.carol->device));
        break;
      case 3:
        said.set_chat_id(some_id());
        break;
      case 4:
        said.set_generation(static_cast<std::uint32_t>(hostile_number(1, input_)));
        break;
      case 5:
        said.set_payload(wire::field(mutate_message(wire::view(said.payload()), input_)));
        break;
      case 6:
        said.set_payload(wire::field(mutate_bytes(wire::view(said.payload()), input_)));
        break;
      default:
        break;
    }
  };
  if (what.has_ephemeral()) change(*what.mutable_ephemeral());
  if (what.has_read_mark()) change(*what.mutable_read_mark());
  push(what);
}

}  // namespace sotto::fuzz
