// Attachments that were created and not yet sent. In memory: after a restart they are created again.
#pragma once

#include <sotto/client.h>

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "chat/files.h"

namespace rpc {

/// Held at a time, and the bytes of those without a file.
inline constexpr std::size_t most_created = 1000;
inline constexpr std::size_t most_created_bytes = 64 * 1024 * 1024;
/// What nobody sends makes room for others.
inline constexpr std::chrono::hours created_lifetime{1};

struct CreatedAttachment {
  std::string id;
  sotto::OutgoingAttachment attachment;
  /// Of a file, when its hash was checked.
  chat::FileStamp file;
  std::chrono::steady_clock::time_point created;
};

class CreatedAttachments {
 public:
  /// Gives its id. Errors: LIMIT_EXCEEDED.
  sotto::Result<std::string> add(sotto::OutgoingAttachment attachment, const chat::FileStamp& file);
  /// Those with these ids, in this order: all of them, or none. Errors: NOT_FOUND, naming the id; INVALID_ARGUMENT if a
  /// file is another than the one whose hash was checked.
  sotto::Result<std::vector<CreatedAttachment>> take(const std::vector<std::string>& ids);
  /// The message was refused: they can be sent with another.
  void put_back(std::vector<CreatedAttachment> taken);

 private:
  void insert(CreatedAttachment created);
  void drop_old();

  std::map<std::string, CreatedAttachment> all_;
  std::size_t bytes_ = 0;
};

}  // namespace rpc
