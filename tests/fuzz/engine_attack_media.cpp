// The connection for attachments: what an honest relay answers about files, and what a hostile one does instead.
#include <algorithm>

#include "crypto/hash.h"
#include "engine_attack.h"
#include "wire/attachment.h"
#include "wire/limits.h"

namespace sotto::fuzz {

void Attack::connect_media(bool honest) {
  if (!wants_media_) return;
  wants_media_ = false;
  media_connected_ = true;
  inputs_.emplace_back(client::MediaConnected{});
  wire::Envelope out;
  out.mutable_push()->mutable_challenge()->set_nonce(std::string(honest ? 32 : 31, 'n'));
  out.mutable_push()->mutable_challenge()->set_incarnation(wire::field(world_.incarnation));
  inputs_.emplace_back(client::MediaFrameReceived{wire::encode(out)});
  step();
}

void Attack::lose_media() {
  inputs_.emplace_back(client::MediaConnectionLost{Error(ErrorCode::UNAVAILABLE)});
  media_connected_ = false;
  media_requests_.clear();
  step();
}

void Attack::answer_media(std::uint64_t id, const wire::Response& response) {
  if (response.status() != 0) said_.insert(static_cast<ErrorCode>(response.status()));
  wire::Envelope out;
  out.set_id(id);
  *out.mutable_response() = response;
  inputs_.emplace_back(client::MediaFrameReceived{wire::encode(out)});
}

void Attack::answer_media_honestly() {
  if (media_requests_.empty()) return;
  const auto request = media_requests_.front();
  media_requests_.erase(media_requests_.begin());
  answer_media(request.id(), honest_answer(request.request()));
  step();
}

wire::Response Attack::honest_answer_about_files(const wire::Request& request) {
  wire::Response out;
  const auto file_of = [&](const std::string& id) -> const Bytes* {
    for (const auto* files : {&world_.files, &uploaded_}) {
      if (const auto it = files->find(id); it != files->end()) return &it->second;
    }
    return nullptr;
  };
  if (request.has_fetch_attachment()) {
    const auto& fetch = request.fetch_attachment();
    const auto* file = file_of(fetch.attachment_id());
    if (file == nullptr || fetch.offset() > file->size()) return wire::refusal(Error(ErrorCode::NOT_FOUND));
    auto part = ByteView(*file).subspan(static_cast<std::size_t>(fetch.offset()));
    // A ratchet tree comes on the main connection; in pieces, as of a large one.
    part = part.first(std::min<std::size_t>(part.size(), fetch.limit() == 0 ? 700 : fetch.limit()));
    out.mutable_attachment_part()->set_size(file->size());
    out.mutable_attachment_part()->set_data(wire::field(part));
  } else if (request.has_create_attachment()) {
    const auto& create = request.create_attachment();
    crypto::Sha256Digest hash;
    crypto::Sha256Digest token_hash;
    check(assign_exact(hash, wire::view(create.hash())) && assign_exact(token_hash, wire::view(create.token_hash())),
          "what is announced has a hash");
    const auto id = to_string_bytes(wire::attachment_id_of(own_user(), hash, token_hash));
    const auto* file = file_of(id);
    out.mutable_attachment_created()->set_attachment_id(id);
    out.mutable_attachment_created()->set_offset(file == nullptr ? 0 : file->size());
  } else if (request.has_upload_attachment()) {
    const auto& upload = request.upload_attachment();
    check(!upload.data().empty() && upload.data().size() <= wire::limits::attachment_part_bytes,
          "a part has a size that parts have");
    auto& file = uploaded_[upload.attachment_id()];
    if (upload.offset() != file.size()) return wire::refusal(Error(ErrorCode::CONFLICT));
    append(file, wire::view(upload.data()));
    out.mutable_attachment_created()->set_attachment_id(upload.attachment_id());
    out.mutable_attachment_created()->set_offset(file.size());
  } else if (request.has_reference_attachment() && file_of(request.reference_attachment().attachment_id()) == nullptr) {
    return wire::refusal(Error(ErrorCode::NOT_FOUND));
  }
  return out;
}

void Attack::answer_media_wrongly() {
  if (media_requests_.empty()) return;
  const auto index = input_.ConsumeIntegral<std::uint8_t>() % media_requests_.size();
  const auto request = media_requests_[index];
  if (input_.ConsumeBool()) media_requests_.erase(media_requests_.begin() + static_cast<std::ptrdiff_t>(index));
  auto response = honest_answer(request.request());
  auto id = request.id();
  const auto number = [&](std::uint64_t around) { return hostile_number(around, input_); };
  switch (input_.ConsumeIntegral<std::uint8_t>() % 9) {
    case 0:
      response = mutated(response, input_);
      break;
    case 1: {
      auto& created = *response.mutable_attachment_created();
      created.set_offset(number(input_.ConsumeBool() ? created.offset() : 131'072));
      break;
    }
    case 2:
      response.mutable_attachment_part()->set_size(number(response.attachment_part().size()));
      break;
    case 3: {
      auto& data = *response.mutable_attachment_part()->mutable_data();
      data.resize(static_cast<std::size_t>(std::min<std::uint64_t>(number(data.size()), 140'000)));
      break;
    }
    case 4: {
      auto& data = *response.mutable_attachment_part()->mutable_data();
      if (!data.empty()) data[input_.ConsumeIntegral<std::uint16_t>() % data.size()] ^= 1;
      break;
    }
    case 5: {  // Another file, or another part of it.
      auto file = world_.files.begin();
      std::advance(file, input_.ConsumeIntegral<std::uint8_t>() % world_.files.size());
      const auto size = std::min<std::size_t>(file->second.size(), wire::limits::attachment_part_bytes);
      const auto from = input_.ConsumeBool() ? 0 : file->second.size() - size;
      response.mutable_attachment_part()->set_data(wire::field(ByteView(file->second).subspan(from, size)));
      break;
    }
    case 6:  // The answer to something else.
      if (!media_requests_.empty()) id = pick(media_requests_, input_).id();
      break;
    case 7:  // What would answer a request of the main connection.
      if (!requests_.empty()) response = honest_answer(pick(requests_, input_).request());
      break;
    default:  // Twice.
      answer_media(id, response);
  }
  answer_media(id, response);
}

/// What is no answer: pushes, frames that are changed, and no frames at all.
void Attack::say_on_media() {
  wire::Envelope out;
  const auto kind = input_.ConsumeIntegral<std::uint8_t>() % 6;
  switch (kind) {
    case 0:
      out.mutable_push()->mutable_challenge()->set_nonce(std::string(32, 'x'));
      break;
    case 1:
      out.mutable_push()->mutable_going_away()->set_retry_after_ms(hostile_number(1000, input_));
      break;
    case 2:
      *out.mutable_push() = pick(world_.owed, input_);
      break;
    case 3:
      *out.mutable_push() = pick(world_.signals, input_);
      break;
    case 4:
      if (media_requests_.empty()) return;
      out = pick(media_requests_, input_);  // Back to who asked.
      break;
    default: {
      const auto size = input_.ConsumeIntegral<std::uint8_t>();
      inputs_.emplace_back(client::MediaFrameReceived{input_.ConsumeBytes<std::uint8_t>(size)});
      return;
    }
  }
  auto bytes = wire::encode(out);
  if (input_.ConsumeIntegral<std::uint8_t>() % 4 == 0) bytes = mutate_bytes(bytes, input_);
  inputs_.emplace_back(client::MediaFrameReceived{std::move(bytes)});
}

void Attack::act_of_media(int what) {
  switch (what) {
    case 0:
      if (media_connected_ && input_.ConsumeBool()) return lose_media();
      connect_media(input_.ConsumeIntegral<std::uint8_t>() % 8 != 0);
      answer_media_honestly();
      break;
    case 1:
    case 2:
      answer_media_honestly();
      break;
    case 3:
      answer_media_wrongly();
      break;
    case 4: {
      if (media_requests_.empty()) break;
      const auto id = pick(media_requests_, input_).id();
      answer_media(id, refusal());
      break;
    }
    default:
      say_on_media();
  }
}

}  // namespace sotto::fuzz
