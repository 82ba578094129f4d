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

sotto::RegisterOptions read_options(Fields& fields) {
  sotto::RegisterOptions out;
  out.code = fields.text_if("code").value_or("");
  out.invite = fields.text_if("invite").value_or("");
  out.pin = fields.text_if("pin").value_or("");
  return out;
}

/// Ends a command after which there may be no account any more.
sotto::Completion<void> gone(const Call& call) {
  return [reply = call.reply, &service = call.service](const Status& status) {
    service.drop_if_erased();
    reply.done(status);
  };
}

}  // namespace

void register_account(Call& call) {
  auto handle = call.fields.text("handle");
  auto options = read_options(call.fields);
  if (call.refused()) return;
  call.client().register_account(std::move(handle), std::move(options),
                                 [reply = call.reply, &client = call.client()](const Result<UserId>& user) {
                                   if (!user.ok()) return reply.error(user.error());
                                   answer_account(reply, client);
                                 });
}

void change_handle(Call& call) {
  auto handle = call.fields.text("handle");
  auto options = read_options(call.fields);
  if (call.refused()) return;
  call.client().change_handle(std::move(handle), std::move(options),
                              [reply = call.reply, &client = call.client()](const Status& status) {
                                if (!status.ok()) return reply.error(status.error());
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
  if (!call.refused()) call.client().set_pin(std::move(pin), call.done());
}

void set_discoverable(Call& call) {
  const bool discoverable = call.fields.flag("discoverable");
  if (!call.refused()) call.client().set_discoverable(discoverable, call.done());
}

void keep_handle(Call& call) {
  if (!call.refused()) call.client().keep_handle(call.done());
}

void set_push_token(Call& call) {
  auto token = call.fields.text("token");
  const auto at_least =
      call.fields
          .choice_if<sotto::Urgency>("urgency", {{"normal", sotto::Urgency::normal}, {"high", sotto::Urgency::high}})
          .value_or(sotto::Urgency::normal);
  if (!call.refused()) call.client().set_push_token(std::move(token), at_least, call.done());
}

void log_out(Call& call) {
  const auto data = call.fields.choice<sotto::LogOutData>(
      "data", {{"keep", sotto::LogOutData::keep}, {"erase", sotto::LogOutData::erase}});
  if (!call.refused()) call.client().log_out(data, gone(call));
}

void delete_account(Call& call) {
  if (!call.refused()) call.client().delete_account(gone(call));
}

}  // namespace rpc
