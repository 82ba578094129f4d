#include "client/people.h"

#include <algorithm>

#include "base/try.h"
#include "client/failures.h"
#include "client/media/cipher_file.h"
#include "crypto/hash.h"
#include "crypto/stream.h"
#include "wire/frame.h"
#include "wire/limits.h"

namespace sotto::client {

namespace {

constexpr std::chrono::milliseconds fetch_retry_first{1000};
constexpr std::chrono::milliseconds fetch_retry_most{300'000};
constexpr std::size_t fetches_at_a_time = 4;
constexpr std::size_t most_people_heard = 10'000;

}  // namespace

Status People::seal_profile(bool new_key) {
  auto& self = c_.self;
  if (new_key || !self.profile_key) {
    self.profile_key.emplace();
    c_.random.fill(self.profile_key->mutable_view());
  }
  self.sealed_profile = crypto::seal_stream(*self.profile_key, self.profile, c_.random);
  ++self.profile_version;
  return c_.selves.save(self);
}

Status People::on_command(const ProfileCommand& command) {
  auto encoded = encode_profile(command.profile);
  if (!encoded.ok() || !c_.account) {
    c_.complete<void>(command.done, encoded.ok() ? Error(ErrorCode::NOT_REGISTERED) : encoded.error());
    return {};
  }
  if (*encoded != c_.self.profile || !c_.self.profile_key) {
    c_.self.profile = std::move(*encoded);
    SOTTO_TRY(seal_profile(false));
  }
  c_.complete<void>(command.done, Result<void>{});
  return {};
}

Status People::on_command(const BlockCommand& command) {
  const auto refuse = [&](ErrorCode code, const char* why) {
    c_.complete<void>(command.done, Error(code, why));
    return Status{};
  };
  if (!c_.account) return refuse(ErrorCode::NOT_REGISTERED, "");
  if (command.user == c_.account->user || command.user.is_zero()) {
    return refuse(ErrorCode::INVALID_ARGUMENT, "somebody else is blocked");
  }
  const bool changes = c_.blocked.contains(command.user) != command.blocked;
  if (changes && command.blocked && c_.blocked.size() >= wire::limits::blocked_users) {
    return refuse(ErrorCode::LIMIT_EXCEEDED, "2,000 users are blocked");
  }
  c_.complete<void>(command.done, Result<void>{});
  if (!changes) return {};
  SOTTO_TRY(c_.people.set_blocked(command.user, command.blocked));
  if (command.blocked) {
    c_.blocked.insert(command.user);
  } else {
    c_.blocked.erase(command.user);
  }
  ++c_.self.blocks_version;
  // Who is blocked knows the old key.
  if (command.blocked && c_.self.profile_key) {
    SOTTO_TRY(seal_profile(true));
  } else {
    SOTTO_TRY(c_.selves.save(c_.self));
  }
  c_.emit(PersonChanged{command.user});
  return {};
}

Status People::on_command(const PrivacyCommand& command) {
  c_.self.privacy = command.settings;
  SOTTO_TRY(c_.selves.save(c_.self));
  c_.complete<void>(command.done, Result<void>{});
  return {};
}

Status People::on_command(const AnswerRequestCommand& command) {
  SOTTO_TRY_ASSIGN(auto chat, c_.chats.find(command.chat));
  if (!chat) {
    c_.complete<void>(command.done, Error(ErrorCode::NOT_FOUND, "no such chat"));
    return {};
  }
  c_.complete<void>(command.done, Result<void>{});
  const bool accept = command.answer == RequestAnswer::accept;
  if (chat->request == ChatRequest::none && (accept || chat->invited_by.is_zero())) return {};
  chat->request = accept ? ChatRequest::none : ChatRequest::declined;
  SOTTO_TRY(c_.chats.update(*chat));
  if (accept && !chat->invited_by.is_zero()) SOTTO_TRY(c_.people.set_known(chat->invited_by));
  c_.emit_chat(*chat);
  receipts_.look_at(chat->id);
  return {};
}

Status People::on_profile_access(const UserId& user, const wire::ProfileAccess& access) {
  crypto::StreamKey key;
  constexpr std::uint64_t most = std::uint64_t{1} << 50;
  if (!assign_exact(key, wire::view(access.key())) || access.version() == 0 || access.version() > most) return {};
  if (const auto heard = heard_.find(user); heard != heard_.end() && heard->second >= access.version()) return {};
  if (heard_.size() >= most_people_heard) heard_.clear();
  heard_[user] = access.version();
  SOTTO_TRY_ASSIGN(const bool wanted, c_.people.want_profile(user, key, access.version()));
  look_ = look_ || wanted;
  return {};
}

bool People::taken(const wire::Response& response) {
  const auto status = wire::status_of(response);
  if (status.ok()) {
    failures_ = 0;
    return true;
  }
  c_.log.warning("the relay did not take what people are to see: ", status.error().code);
  not_before_ = c_.now + wait_after(status.error(), failures_++, fetch_retry_first, fetch_retry_most, c_.random);
  // What no try would change is not tried again.
  return !status.error().retryable;
}

Status People::pump() {
  if (!session_.ready() || not_before_ > c_.now) return {};
  SOTTO_TRY(tell_profile());
  SOTTO_TRY(tell_blocks());
  return fetch_profiles();
}

Status People::tell_profile() {
  if (telling_profile_ || c_.self.profile_told >= c_.self.profile_version) return {};
  telling_profile_ = true;
  wire::Request request;
  auto& command = *request.mutable_set_profile();
  command.set_profile(wire::field(c_.self.sealed_profile));
  command.set_token_hash(wire::field(crypto::sha256(attachment_token(c_.self.profile_key->view())).view()));
  command.set_version(c_.self.profile_version);
  session_.request(request, [this, version = c_.self.profile_version](const wire::Response& response) -> Status {
    telling_profile_ = false;
    if (!taken(response)) return {};
    c_.self.profile_told = version;
    return c_.selves.save(c_.self);
  });
  return {};
}

Status People::tell_blocks() {
  if (telling_blocks_ || c_.self.blocks_told >= c_.self.blocks_version) return {};
  telling_blocks_ = true;
  wire::Request request;
  auto& command = *request.mutable_set_block_list();
  for (const auto& user : c_.blocked) *command.add_user_ids() = to_string_bytes(user);
  session_.request(request, [this, version = c_.self.blocks_version](const wire::Response& response) -> Status {
    telling_blocks_ = false;
    if (!taken(response)) return {};
    c_.self.blocks_told = version;
    return c_.selves.save(c_.self);
  });
  return {};
}

Status People::fetch_profiles() {
  if (!look_ || fetching_.size() >= fetches_at_a_time) return {};
  SOTTO_TRY_ASSIGN(auto wanted, c_.people.wanted(fetches_at_a_time));
  look_ = wanted.size() >= fetches_at_a_time;
  for (auto& one : wanted) {
    if (fetching_.size() >= fetches_at_a_time || !fetching_.insert(one.user).second) continue;
    wire::Request request;
    request.mutable_get_profile()->set_user_id(to_string_bytes(one.user));
    request.mutable_get_profile()->set_token(wire::field(attachment_token(one.key.view())));
    auto shared = std::make_shared<PersonTable::Wanted>(std::move(one));
    session_.request(request, [this, shared](const wire::Response& response) { return on_profile(*shared, response); });
  }
  return {};
}

Status People::on_profile(const PersonTable::Wanted& wanted, const wire::Response& response) {
  fetching_.erase(wanted.user);
  look_ = true;
  if (!taken(response)) return {};
  std::optional<Bytes> profile;
  if (wire::status_of(response).ok()) {
    if (auto opened = crypto::open_stream(wanted.key, wire::view(response.profile().profile())); opened.ok()) {
      profile = std::move(*opened);
    }
  }
  SOTTO_TRY(c_.people.set_profile(wanted, profile));
  if (profile) c_.emit(PersonChanged{wanted.user});
  return {};
}

void People::on_connection_lost() {
  telling_profile_ = telling_blocks_ = false;
  fetching_.clear();
  look_ = true;
}

std::optional<Timestamp> People::next_timer() const {
  const bool waits =
      c_.self.profile_told < c_.self.profile_version || c_.self.blocks_told < c_.self.blocks_version || look_;
  if (!session_.ready() || !waits || not_before_ <= c_.now) return std::nullopt;
  return not_before_;
}

}  // namespace sotto::client
