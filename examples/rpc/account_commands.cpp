#include "rpc/account_commands.h"

#include "rpc/values.h"

namespace rpc {

using sotto::Result;
using sotto::Status;
using sotto::UserId;

namespace {

void answer_account(const Reply& reply, sotto::Client& client) {
  const auto account = client.account();
  if (!account.ok()) return reply.error(account.error());
  reply.result(*account ? to_json(**account) : Out(nullptr));
}

sotto::Completion<void> done(const Call& call) {
  return [reply = call.reply](const Status& status) { reply.done(status); };
}

}  // namespace

void register_account(Call& call) {
  auto handle = call.fields.text("handle");
  sotto::RegisterOptions options;
  options.code = call.fields.text_if("code").value_or("");
  options.invite = call.fields.text_if("invite").value_or("");
  options.pin = call.fields.text_if("pin").value_or("");
  if (call.refused()) return;
  call.client().register_account(std::move(handle), std::move(options),
                                 [reply = call.reply, &client = call.client()](const Result<UserId>& user) {
                                   if (!user.ok()) return reply.error(user.error());
                                   answer_account(reply, client);
                                 });
}

void account(Call& call) {
  if (!call.refused()) answer_account(call.reply, call.client());
}

void request_code(Call& call) {
  auto handle = call.fields.text("handle");
  if (call.refused()) return;
  call.client().request_code(std::move(handle), [reply = call.reply](const Result<sotto::CodeSent>& sent) {
    if (!sent.ok()) return reply.error(sent.error());
    reply.result({{"lifetimeMs", sent->lifetime.count()}, {"digits", sent->digits}});
  });
}

void set_pin(Call& call) {
  auto pin = call.fields.text_if("pin");
  if (!call.refused()) call.client().set_pin(std::move(pin), done(call));
}

void set_discoverable(Call& call) {
  const bool discoverable = call.fields.flag("discoverable");
  if (!call.refused()) call.client().set_discoverable(discoverable, done(call));
}

void keep_handle(Call& call) {
  if (!call.refused()) call.client().keep_handle(done(call));
}

}  // namespace rpc
