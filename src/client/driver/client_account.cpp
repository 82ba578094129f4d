// The public calls that make an account, look after its handle and its push token, and end it.
#include "base/try.h"
#include "base/utf8.h"
#include "client/driver/client_impl.h"
#include "client/pin.h"
#include "wire/frame.h"
#include "wire/identity.h"
#include "wire/limits.h"

namespace sotto {

namespace {

/// Of a code or an invitation.
constexpr std::size_t most_credential_bytes = 128;

/// A PIN is hashed here.
Result<client::Credentials> credentials_for(const std::string& handle, RegisterOptions options) {
  client::Credentials shown{std::move(options.code), std::move(options.invite), {}};
  if (shown.code.size() > most_credential_bytes || shown.invite.size() > most_credential_bytes ||
      !is_valid_utf8(shown.code) || !is_valid_utf8(shown.invite)) {
    return Error(ErrorCode::INVALID_ARGUMENT, "a code or invitation is a short text");
  }
  if (!options.pin.empty()) {
    SOTTO_TRY_ASSIGN(shown.pin_hash, client::pin_hash(handle, options.pin));
  }
  return shown;
}

}  // namespace

void Client::register_account(std::string handle, Completion<UserId> done) {
  register_account(std::move(handle), RegisterOptions{}, std::move(done));
}

void Client::register_account(std::string handle, RegisterOptions options, Completion<UserId> done) {
  handle = wire::normalise_handle(handle);
  if (const auto status = wire::check_handle(handle); !status.ok()) return impl_->refuse(done, status.error());
  auto remember = [weak = std::weak_ptr<Impl>(impl_), done](Result<UserId> result) {
    if (const auto impl = weak.lock(); impl && result.ok()) {
      const std::lock_guard lock(impl->mutex);
      impl->load_account();
    }
    if (done) done(std::move(result));
  };
  auto shown = credentials_for(handle, std::move(options));
  if (!shown.ok()) return impl_->refuse(done, shown.error());
  impl_->submit(client::RegisterCommand{std::move(handle), std::move(remember), std::move(*shown)});
}

void Client::change_handle(std::string handle, RegisterOptions options, Completion<void> done) {
  handle = wire::normalise_handle(handle);
  if (const auto status = wire::check_handle(handle); !status.ok()) return impl_->refuse(done, status.error());
  if (const auto self = impl_->own_account(); !self.ok()) return impl_->refuse(done, self.error());
  auto shown = credentials_for(handle, std::move(options));
  if (!shown.ok()) return impl_->refuse(done, shown.error());
  impl_->submit(client::ChangeHandleCommand{std::move(handle), std::move(done), std::move(*shown)});
}

void Client::request_code(std::string handle, Completion<CodeSent> done) {
  handle = wire::normalise_handle(handle);
  if (const auto status = wire::check_handle(handle); !status.ok()) return impl_->refuse(done, status.error());
  if (!wire::is_phone_number(handle)) {
    return impl_->refuse(done, Error(ErrorCode::INVALID_ARGUMENT, "codes are sent to phone numbers"));
  }
  impl_->submit(client::RequestCodeCommand{std::move(handle), std::move(done)});
}

void Client::set_pin(std::optional<std::string> pin, Completion<void> done) {
  const auto self = impl_->stored_account();
  if (!self.ok()) return impl_->refuse(done, self.error());
  wire::Request request;
  auto& command = *request.mutable_set_pin();
  if (pin) {
    if (self->handle.empty()) return impl_->refuse(done, Error(ErrorCode::HANDLE_TAKEN, "the handle has moved"));
    const auto hash = client::pin_hash(self->handle, *pin);
    if (!hash.ok()) return impl_->refuse(done, hash.error());
    command.set_pin_hash(wire::field(*hash));
  }
  impl_->submit(client::AskCommand{std::move(request), std::move(done)});
}

void Client::set_discoverable(bool discoverable, Completion<void> done) {
  if (const auto self = impl_->own_account(); !self.ok()) return impl_->refuse(done, self.error());
  wire::Request request;
  request.mutable_set_discovery()->set_hidden(!discoverable);
  impl_->submit(client::AskCommand{std::move(request), std::move(done)});
}

void Client::keep_handle(Completion<void> done) {
  if (const auto self = impl_->own_account(); !self.ok()) return impl_->refuse(done, self.error());
  wire::Request request;
  request.mutable_keep_handle();
  impl_->submit(client::AskCommand{std::move(request), std::move(done)});
}

void Client::set_push_token(std::string token, Urgency at_least, Completion<void> done) {
  if (token.size() > wire::limits::push_token_bytes || !is_valid_utf8(token) || at_least == Urgency::none) {
    return impl_->refuse(done, Error(ErrorCode::INVALID_ARGUMENT, "a push token is UTF-8 of at most 4 KiB"));
  }
  impl_->submit(client::SetPushTokenCommand{std::move(token), at_least, std::move(done)});
}

void Client::delete_account(Completion<void> done) { impl_->submit(client::DeleteAccountCommand{std::move(done)}); }

void Client::log_out(LogOutData data, Completion<void> done) {
  impl_->submit(client::LogOutCommand{data, std::move(done)});
}

}  // namespace sotto
