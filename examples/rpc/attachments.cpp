#include "rpc/attachments.h"

namespace rpc {

namespace {

sotto::Error not_yet() { return {sotto::ErrorCode::UNSUPPORTED, "this version has no attachments yet"}; }

}  // namespace

void create_attachment(Call& call) {
  call.fields.text("body");
  call.fields.text("hash");
  if (call.refused()) return;
  call.reply.error(not_yet());
}

std::optional<sotto::Error> read_attachments(Fields& fields) {
  if (fields.has_items("attachments")) return not_yet();
  return std::nullopt;
}

}  // namespace rpc
