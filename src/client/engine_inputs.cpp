// What each input sets off, and what it leaves behind if it fails.
#include "base/test_hooks.h"
#include "base/try.h"
#include "client/engine.h"
#include "client/failures.h"
#include "store/transaction.h"

namespace sotto::client {

namespace {

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

/// A command may have been given before its account was erased.
bool needs_account(const Input& input) {
  return std::visit(Overloaded{
                        [](const RegisterCommand&) { return false; },
                        [](const RequestCodeCommand&) { return false; },
                        [](const DownloadPolicyCommand&) { return false; },
                        [](const ReleaseEventsCommand&) { return false; },
                        [](const ChangeChatCommand&) { return false; },  // finds no chat
                        [](const TransferCommand&) { return false; },
                        [](const AttachmentUsedCommand&) { return false; },
                        [](const AttachmentLostCommand&) { return false; },
                        [](const MarkReadCommand&) { return false; },
                        [](const AnswerRequestCommand&) { return false; },
                        [](const PrivacyCommand&) { return false; },
                        [](const AvailableCommand&) { return false; },
                        [](const TypingCommand&) { return false; },
                        [](const ConnectCommand&) { return false; },
                        [](const DisconnectCommand&) { return false; },
                        [](const Connected&) { return false; },
                        [](const FrameReceived&) { return false; },
                        [](const ConnectionLost&) { return false; },
                        [](const MediaConnected&) { return false; },
                        [](const MediaFrameReceived&) { return false; },
                        [](const MediaConnectionLost&) { return false; },
                        [](const TimerDue&) { return false; },
                        [](const auto&) { return true; },
                    },
                    input);
}

}  // namespace

void Engine::take(Input& input) {
  if (!c_.account && needs_account(input)) return fail(c_, input, Error(ErrorCode::NOT_REGISTERED));
  const auto undo = c_.undo.size();
  const auto callbacks = c_.out.callbacks.size();
  const auto frames = c_.out.frames.size();
  Status status = [&]() -> Status {
    SOTTO_TRY_ASSIGN(auto savepoint, store::Savepoint::begin(c_.db));
    SOTTO_TRY(dispatch(input));
    return savepoint.release();
  }();
  if (status.ok()) return;
  SOTTO_RARE(input_undone);
  // The savepoint has undone what this input wrote; what it left in memory goes, too.
  c_.rewind(undo, callbacks);
  if (c_.out.frames.size() > frames) c_.out.frames.resize(frames);
  on_rollback(status.error());
  fail(c_, input, status.error());
}

namespace {
template <typename T>
void refuse(Context& context, const std::function<void(Result<T>)>& done, const Error& why) {
  context.complete<T>(done, why);
}
}  // namespace

void Engine::fail(Context& context, const Input& input, const Error& why) {
  std::visit(
      [&](const auto& command) {
        if constexpr (requires { command.done; }) refuse(context, command.done, why);
      },
      input);
}

Status Engine::dispatch(Input& input) {
  return std::visit(Overloaded{
                        [&](const RegisterCommand& command) { return session_.on_command(command); },
                        [&](const ChangeHandleCommand& command) { return session_.on_command(command); },
                        [&](const RequestCodeCommand& command) { return session_.on_command(command); },
                        [&](const AskCommand& command) {
                          account_requests_.on_command(command);
                          return Status{};
                        },
                        [&](const FindUserCommand& command) {
                          queries_.add(command);
                          return Status{};
                        },
                        [&](const CreateChatCommand& command) { return intents_.on_command(command); },
                        [&](const ChangeChatCommand& command) { return intents_.on_command(command); },
                        [&](const SendCommand& command) {
                          signals_.on_sent(command.message.chat);
                          return command.attachments.empty() ? outbox_.append(command) : media_.append(command);
                        },
                        [&](const ForwardCommand& command) { return media_.forward(command); },
                        [&](const TransferCommand& command) { return media_.control(command); },
                        [&](const DownloadPolicyCommand& command) {
                          media_.set_policy(command.policy, command.metered);
                          return Status{};
                        },
                        [&](const RequestAttachmentCommand& command) { return media_.request(command); },
                        [&](const AttachmentUsedCommand& command) { return media_.on_used(command.media); },
                        [&](const AttachmentLostCommand& lost) { return media_.on_lost(lost.media, lost.why); },
                        [&](const ReleaseEventsCommand& command) {
                          auto released = c_.events.release(command.up_to);
                          if (!released.ok() && must_undo(released.error())) return released;
                          c_.complete<void>(command.done, std::move(released));
                          return Status{};
                        },
                        [&](const MarkReadCommand& command) { return receipts_.on_command(command); },
                        [&](const AnswerRequestCommand& command) { return people_.on_command(command); },
                        [&](const BlockCommand& command) { return people_.on_command(command); },
                        [&](const ProfileCommand& command) { return people_.on_command(command); },
                        [&](const PrivacyCommand& command) { return people_.on_command(command); },
                        [&](const AvailableCommand& command) { return signals_.on_command(command); },
                        [&](const TypingCommand& command) { return signals_.on_command(command); },
                        [&](const SetPushTokenCommand& command) { return push_token_.on_command(command); },
                        [&](const DeleteAccountCommand& command) { return leaving_.on_command(command); },
                        [&](const LogOutCommand& command) { return leaving_.on_command(command); },
                        [&](const ConnectCommand&) -> Status {
                          SOTTO_TRY(leaving_.on_connect_wanted());
                          session_.on_connect_wanted();
                          return Status{};
                        },
                        [&](const DisconnectCommand&) {
                          acks_.say_farewell();
                          session_.on_disconnect_wanted();
                          on_lost(Error(ErrorCode::CANCELLED, "disconnected by the app"));
                          return Status{};
                        },
                        [&](const Connected&) {
                          session_.on_connected();
                          return Status{};
                        },
                        [&](const FrameReceived& frame) { return on_frame(frame.frame); },
                        [&](const ConnectionLost& lost) {
                          on_lost(lost.why);
                          return Status{};
                        },
                        [&](const MediaConnected&) {
                          media_session_.on_connected();
                          return Status{};
                        },
                        [&](const MediaFrameReceived& frame) { return on_media_frame(frame.frame); },
                        [&](const MediaConnectionLost& lost) {
                          media_session_.on_lost(lost.why);
                          media_.on_connection_lost();
                          return Status{};
                        },
                        [](const TimerDue&) { return Status{}; },
                    },
                    input);
}

}  // namespace sotto::client
