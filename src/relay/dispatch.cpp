#include "relay/dispatch.h"

#include <algorithm>
#include <array>

namespace sotto::relay {

namespace {

constexpr unsigned bit(ConnectionKind kind) { return 1U << static_cast<unsigned>(kind); }
constexpr unsigned nobody = bit(ConnectionKind::unauthenticated);
constexpr unsigned main_only = bit(ConnectionKind::main);
/// A peek reads and changes nothing.
constexpr unsigned readers = main_only | bit(ConnectionKind::peek);
constexpr unsigned blob_writers = main_only | bit(ConnectionKind::media);
constexpr unsigned blob_readers = blob_writers | bit(ConnectionKind::peek);

struct Row {
  Command command;
  unsigned kinds;
  Answer (*handle)(Rooms&, Call&);
};

constexpr std::array<Row, 30> table{{
    {Command::kRequestCode, nobody,
     [](Rooms& r, Call& c) { return r.registration.request_code(c, c.request.request_code()); }},
    {Command::kRegister, nobody,
     [](Rooms& r, Call& c) { return r.registration.register_user(c, c.request.register_()); }},
    {Command::kAuthenticate, nobody | readers | blob_readers,
     [](Rooms& r, Call& c) { return r.session.authenticate(c, c.request.authenticate()); }},
    {Command::kPublishKeyPackages, main_only,
     [](Rooms& r, Call& c) { return r.directory.publish(c, c.request.publish_key_packages()); }},
    {Command::kTakeKeyPackages, main_only,
     [](Rooms& r, Call& c) { return r.directory.take(c, c.request.take_key_packages()); }},
    {Command::kFindUser, main_only, [](Rooms& r, Call& c) { return r.directory.find_user(c, c.request.find_user()); }},
    {Command::kGetDeviceList, readers,
     [](Rooms& r, Call& c) { return r.directory.get_device_list(c, c.request.get_device_list()); }},
    {Command::kPutDeviceList, main_only,
     [](Rooms& r, Call& c) { return r.directory.put_device_list(c, c.request.put_device_list()); }},
    {Command::kSetPin, main_only, [](Rooms& r, Call& c) { return r.handles.set_pin(c, c.request.set_pin()); }},
    {Command::kSetDiscovery, main_only,
     [](Rooms& r, Call& c) { return r.handles.set_discovery(c, c.request.set_discovery()); }},
    {Command::kKeepHandle, main_only, [](Rooms& r, Call& c) { return r.handles.keep(c); }},
    {Command::kDeleteAccount, main_only,
     [](Rooms& r, Call& c) { return r.deletion.delete_account(c, c.request.delete_account()); }},
    {Command::kLogOut, main_only, [](Rooms& r, Call& c) { return r.deletion.log_out(c); }},
    {Command::kSetPushToken, main_only,
     [](Rooms& r, Call& c) { return r.pushes.set_token(c, c.request.set_push_token()); }},
    {Command::kCreateChat, main_only, [](Rooms& r, Call& c) { return r.chat_log.create(c, c.request.create_chat()); }},
    {Command::kSendMessage, main_only, [](Rooms& r, Call& c) { return r.chat_log.send(c, c.request.send_message()); }},
    {Command::kModifyChatParticipants, main_only,
     [](Rooms& r, Call& c) { return r.chat_log.modify(c, c.request.modify_chat_participants()); }},
    {Command::kUpdateChat, main_only, [](Rooms& r, Call& c) { return r.chat_log.update(c, c.request.update_chat()); }},
    {Command::kGetChat, readers, [](Rooms& r, Call& c) { return r.chat_log.get(c, c.request.get_chat()); }},
    {Command::kAck, main_only, [](Rooms& r, Call& c) { return r.cursors.ack(c, c.request.ack()); }},
    {Command::kCreateAttachment, blob_writers,
     [](Rooms& r, Call& c) { return r.blobs.create(c, c.request.create_attachment()); }},
    {Command::kUploadAttachment, blob_writers,
     [](Rooms& r, Call& c) { return r.blobs.upload(c, c.request.upload_attachment()); }},
    {Command::kFetchAttachment, blob_readers,
     [](Rooms& r, Call& c) { return r.blobs.fetch(c, c.request.fetch_attachment()); }},
    {Command::kReferenceAttachment, blob_writers,
     [](Rooms& r, Call& c) { return r.blobs.reference(c, c.request.reference_attachment()); }},
    {Command::kAttachmentReceived, blob_writers,
     [](Rooms& r, Call& c) { return r.blobs.received(c, c.request.attachment_received()); }},
    {Command::kSetProfile, main_only,
     [](Rooms& r, Call& c) { return r.profiles.set_profile(c, c.request.set_profile()); }},
    {Command::kGetProfile, main_only,
     [](Rooms& r, Call& c) { return r.profiles.get_profile(c, c.request.get_profile()); }},
    {Command::kSetBlockList, main_only,
     [](Rooms& r, Call& c) { return r.profiles.set_block_list(c, c.request.set_block_list()); }},
    {Command::kSendEphemeral, main_only,
     [](Rooms& r, Call& c) { return r.signals.send(c, c.request.send_ephemeral()); }},
    {Command::kSetReadMark, main_only,
     [](Rooms& r, Call& c) { return r.signals.set_read_mark(c, c.request.set_read_mark()); }},
}};

}  // namespace

Rooms::Rooms(State& state)
    : s(state),
      delivery(state),
      handles(state),
      registration(state, handles),
      pushes(state),
      session(state, delivery, handles),
      directory(state, session),
      deletion(state, session),
      cursors(state, delivery),
      acks(state, delivery),
      expiry(state, cursors),
      chat_log(state, delivery, pushes, expiry),
      blobs(state),
      profiles(state),
      signals(state) {}

Answer dispatch(Rooms& rooms, Call& call) {
  const auto row = std::ranges::find(table, call.request.command_case(), &Row::command);
  if (row == table.end()) return refuse(ErrorCode::UNKNOWN_COMMAND);
  const auto kind = call.connection.kind;
  if ((row->kinds & bit(kind)) == 0) {
    if (kind == ConnectionKind::unauthenticated) return refuse(ErrorCode::UNAUTHENTICATED);
    return refuse(ErrorCode::FORBIDDEN, "not on a connection of this kind");
  }
  return row->handle(rooms, call);
}

}  // namespace sotto::relay
