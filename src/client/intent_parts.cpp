// What an intent fetches and uploads before its commit can be sent: key packages, and the ratchet tree of a large
// group.
#include <algorithm>

#include "base/try.h"
#include "client/failures.h"
#include "client/intents.h"
#include "client/key_packages.h"
#include "crypto/hash.h"
#include "wire/frame.h"
#include "wire/limits.h"

namespace sotto::client {

Result<bool> Intents::take_packages(const IntentRow& intent) {
  std::vector<UserId> asked;
  wire::Request request;
  for (const auto& user : intent.packages.users()) {
    if (user.taken() || asked.size() == wire::limits::users_per_take) continue;
    const auto id = id_from<UserId>(wire::view(user.user_id()));
    if (!id) return Error(ErrorCode::CORRUPT, "a stored intent is damaged");
    asked.push_back(*id);
    request.mutable_take_key_packages()->add_user_ids(user.user_id());
  }
  if (asked.empty()) return false;
  runtimes_.of(intent.chat).intent_busy = true;
  session_.request(request, [this, id = intent.id, asked](const wire::Response& response) {
    return on_packages(id, asked, response);
  });
  return true;
}

Status Intents::on_packages(std::int64_t intent_id, const std::vector<UserId>& asked, const wire::Response& response) {
  SOTTO_TRY_ASSIGN(auto intent, c_.intents.find(intent_id));
  if (!intent) return {};
  runtimes_.of(intent->chat).intent_busy = false;
  c_.dirty.insert(intent->chat);
  auto outcome = wire::status_of(response);
  if (outcome.ok()) outcome = store_packages(*intent, asked, response.key_packages_taken());
  if (outcome.ok()) return c_.intents.update(*intent);
  const auto& why = outcome.error();
  if (must_undo(why)) return why;
  constexpr std::uint32_t most_attempts = 8;
  if (why.code == ErrorCode::NO_KEY_PACKAGES) {
    // Somebody who registered this very moment has published none yet.
    if (++intent->attempts >= most_attempts) return fail(*intent, why);
    SOTTO_TRY(c_.intents.update(*intent));
  }
  if (why.retryable) return retry_later(intent->chat, why);
  return fail(*intent, why);
}

Status Intents::store_packages(IntentRow& intent, const std::vector<UserId>& asked,
                               const wire::KeyPackagesTaken& taken) {
  for (const auto& user : asked) {
    const auto found = std::ranges::find_if(
        taken.users(), [&](const auto& entry) { return equal(wire::view(entry.user_id()), user.bytes); });
    if (found == taken.users().end()) {
      // Left out where an answer would be too large: asked for again.
      if (taken.users().empty()) return Error(ErrorCode::PROTOCOL_ERROR, "an answer without any of the users");
      continue;
    }
    if (found->device_list().body().empty()) {
      return Error(ErrorCode::UNKNOWN_USER, "a user that the relay does not know");
    }
    SOTTO_TRY_ASSIGN(const auto list, wire::check_device_list(found->device_list()));
    if (list.user != user) return Error(ErrorCode::CERTIFICATE_REFUSED, "the device list of another user");
    SOTTO_TRY(c_.users.meet(list, found->device_list(), std::nullopt, c_.now_ms()));
    const auto entry = std::ranges::find_if(*intent.packages.mutable_users(), [&](const auto& wanted) {
      return equal(wire::view(wanted.user_id()), user.bytes);
    });
    if (entry == intent.packages.mutable_users()->end()) continue;
    entry->clear_packages();
    for (const auto& device : list.devices) {
      const auto package = std::ranges::find_if(found->devices(), [&](const auto& d) {
        return equal(wire::view(d.device_id()), device.device.bytes) && !d.key_package().empty();
      });
      if (package == found->devices().end()) continue;  // It joins when it has published some.
      SOTTO_TRY(check_key_package(wire::view(package->key_package()), device, c_.now));
      auto* stored = entry->add_packages();
      stored->set_device_id(package->device_id());
      stored->set_key_package(package->key_package());
    }
    if (entry->packages().empty()) return Error(ErrorCode::NO_KEY_PACKAGES, "a user without key packages");
    entry->set_taken(true);
  }
  return {};
}

Status Intents::upload(const IntentRow& intent) {
  wire::Request request;
  auto& command = *request.mutable_create_attachment();
  const auto& ciphertext = intent.request->tree_ciphertext();
  command.set_hash(wire::field(crypto::sha256(wire::view(ciphertext)).view()));
  command.set_size(ciphertext.size());
  command.set_token_hash(intent.request->tree_token_hash());
  session_.request(request,
                   [this, id = intent.id](const wire::Response& response) { return on_upload_answer(id, response); });
  return {};
}

Status Intents::on_upload_answer(std::int64_t intent_id, const wire::Response& response) {
  SOTTO_TRY_ASSIGN(auto intent, c_.intents.find(intent_id));
  if (!intent || !intent->request) return {};
  if (const auto status = wire::status_of(response); !status.ok()) {
    if (status.error().retryable) return retry_later(intent->chat, status.error());
    return fail(*intent, status.error());
  }
  const auto& answer = response.attachment_created();
  const auto& ciphertext = intent->request->tree_ciphertext();
  if (answer.offset() >= ciphertext.size()) {
    intent->request->set_tree_uploaded(true);
    SOTTO_TRY(c_.intents.update(*intent));
    SOTTO_TRY_ASSIGN(const auto chat, c_.chats.find(intent->chat));
    if (chat) return send(*chat, *intent);
    return {};
  }
  if (answer.attachment_id() != intent->request->tree_attachment_id()) {
    return Error(ErrorCode::PROTOCOL_ERROR, "another attachmentId than the derived one");
  }
  wire::Request request;
  auto& part = *request.mutable_upload_attachment();
  part.set_attachment_id(answer.attachment_id());
  part.set_offset(answer.offset());
  part.set_data(ciphertext.substr(answer.offset(), wire::limits::attachment_part_bytes));
  session_.request(request,
                   [this, intent_id](const wire::Response& next) { return on_upload_answer(intent_id, next); });
  return {};
}

}  // namespace sotto::client
