// Attachments that were asked for again.
#pragma once

#include "client/tables/media_table.h"

namespace sotto::client {

/// A device that asked for an attachment of a message; `AttachmentRef::media` is not looked at.
struct RequestRow {
  AttachmentRef of;
  DeviceId device;
  std::int64_t asked_at = 0;
  /// An own one that is not answered yet.
  bool waiting = false;
};

class RequestTable {
 public:
  explicit RequestTable(store::Database& db) : db_(db) {}

  /// In the place of an earlier one.
  Status put(const RequestRow& row);
  Result<std::optional<RequestRow>> find(const AttachmentRef& of, const DeviceId& device);
  /// Whether this device asked, and waits.
  Result<bool> waits(const AttachmentRef& of);
  /// How many attachments a device asked for after this time.
  Result<std::size_t> count(const DeviceId& device, std::int64_t after);
  /// Those of other devices up to this time.
  Status forget_others(const DeviceId& own, std::int64_t up_to);

 private:
  store::Database& db_;
};

}  // namespace sotto::client
