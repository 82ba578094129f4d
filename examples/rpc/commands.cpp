#include "rpc/commands.h"

#include <charconv>
#include <map>

#include "rpc/account_commands.h"
#include "rpc/attachments.h"
#include "rpc/chat_commands.h"
#include "rpc/people_commands.h"

namespace rpc {

using sotto::ChatId;
using sotto::ClientMessageId;

namespace {

constexpr std::size_t most_attachments = 10;

// ---- Connection

void connect(Call& call) {
  if (call.refused()) return;
  call.client().connect();
  call.reply.done({});
}

void disconnect(Call& call) {
  if (call.refused()) return;
  call.client().disconnect();
  call.reply.done({});
}

void connection(Call& call) {
  if (call.refused()) return;
  call.reply.result({{"state", state_name(call.client().connection())}});
}

// ---- Messages

void send_message(Call& call) {
  const auto chat = call.fields.id<ChatId>("chatId");
  const auto attachments = call.fields.texts_if("attachments", most_attachments);
  // Attachments need no caption.
  auto text = attachments.empty() ? call.fields.text("message") : call.fields.text_if("message").value_or("");
  sotto::SendOptions options;
  options.id = call.fields.id_if<ClientMessageId>("messageId");
  options.releases = call.fields.number_if("releases", 0, INT64_MAX);
  options.urgency = call.fields
                        .choice_if<sotto::Urgency>("urgency", {{"normal", sotto::Urgency::normal},
                                                               {"high", sotto::Urgency::high},
                                                               {"none", sotto::Urgency::none}})
                        .value_or(sotto::Urgency::normal);
  if (call.refused()) return;
  if (!attachments.empty()) return send_with_attachments(call, chat, std::move(text), options, attachments);
  call.service.send(chat, std::move(text), {}, options, answer_sent(call.reply));
}

void messages(Call& call) {
  const auto chat = call.fields.id<ChatId>("chatId");
  sotto::MessagePage page;
  if (const auto before = call.fields.text_if("before")) {
    std::int64_t position = 0;
    const auto* end = before->data() + before->size();
    const auto [last, problem] = std::from_chars(before->data(), end, position);
    if (problem != std::errc{} || last != end) call.fields.refuse("before", "must be the position of a message");
    page.before = position;
  }
  page.limit = call.limit();
  if (!call.refused()) call.answer(call.client().messages(chat, page), "messages");
}

void message(Call& call) {
  const auto chat = call.fields.id<ChatId>("chatId");
  const auto id = call.fields.id<ClientMessageId>("messageId");
  if (!call.refused()) call.answer(call.client().message(chat, id));
}

void mark_read(Call& call) {
  const auto chat = call.fields.id<ChatId>("chatId");
  const auto up_to = call.fields.id_if<ClientMessageId>("messageId");
  if (!call.refused()) call.client().mark_read(chat, up_to, call.done());
}

void receipts(Call& call) {
  const auto chat = call.fields.id<ChatId>("chatId");
  const auto id = call.fields.id<ClientMessageId>("messageId");
  if (!call.refused()) call.answer(call.client().receipts(chat, id), "receipts");
}

// ---- Events

void subscribe(Call& call) {
  const auto after = call.fields.number_if("after", 0, INT64_MAX).value_or(0);
  if (call.refused()) return;
  const auto known = call.client().events(after, 1);
  if (!known.ok()) return call.reply.error(known.error());
  call.peer.subscribe(after);
  call.reply.result({{"after", after}});
  call.peer.on_events();
}

void events(Call& call) {
  const auto after = call.fields.number_if("after", 0, INT64_MAX).value_or(0);
  const auto rows = call.limit();
  if (!call.refused()) call.answer(call.client().events(after, rows), "events");
}

void release(Call& call) {
  const auto up_to = call.fields.number("upTo", 0, INT64_MAX);
  if (!call.refused()) call.client().release_events(up_to, call.done());
}

void close(Call& call) {
  if (call.refused()) return;
  call.reply.done({});
  call.peer.close();
}

}  // namespace

Handler find_command(const std::string& name) {
  static const std::map<std::string, Handler> all{
      {"register", register_account},
      {"changeHandle", change_handle},
      {"account", account},
      {"requestCode", request_code},
      {"setPin", set_pin},
      {"setDiscoverable", set_discoverable},
      {"keepHandle", keep_handle},
      {"setPushToken", set_push_token},
      {"logOut", log_out},
      {"deleteAccount", delete_account},
      {"connect", connect},
      {"disconnect", disconnect},
      {"connection", connection},
      {"findUser", find_user},
      {"person", person},
      {"block", block},
      {"blocked", blocked},
      {"profile", profile},
      {"setProfile", set_profile},
      {"privacy", privacy},
      {"setPrivacy", set_privacy},
      {"setAvailable", set_available},
      {"setTyping", set_typing},
      {"createChat", create_chat},
      {"modifyChatParticipants", modify_participants},
      {"replaceParticipant", replace_participant},
      {"rename", rename_chat},
      {"refreshKeys", refresh_keys},
      {"answerRequest", answer_request},
      {"chats", chats},
      {"chat", chat},
      {"participants", participants},
      {"sendMessage", send_message},
      {"createAttachment", create_attachment},
      {"downloadAttachment", download_attachment},
      {"transfer", transfer},
      {"requestAttachment", request_attachment},
      {"forward", forward},
      {"setDownloadPolicy", set_download_policy},
      {"messages", messages},
      {"message", message},
      {"markRead", mark_read},
      {"receipts", receipts},
      {"subscribe", subscribe},
      {"events", events},
      {"release", release},
      {"close", close},
  };
  const auto found = all.find(name);
  return found == all.end() ? nullptr : found->second;
}

}  // namespace rpc
