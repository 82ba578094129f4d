// Attachments: the files that hold them, and the messages that show them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "crypto/hash.h"
#include "crypto/stream.h"
#include "sotto/message.h"
#include "sotto/types.h"
#include "store/database.h"
#include "wire/attachment.h"

namespace sotto::client {

/// Numbers are stored.
enum class MediaState : std::uint8_t {
  preparing = 1,
  uploading = 2,
  /// All of it is in the file.
  present = 3,
  remote = 4,
  downloading = 5,
  expired = 6,
  failed = 7,
};

struct MediaRow {
  std::int64_t id = 0;
  MediaState state = MediaState::remote;
  bool paused = false;
  std::optional<wire::AttachmentId> attachment;
  std::optional<crypto::StreamKey> key;
  std::optional<crypto::Sha256Digest> hash;
  std::uint64_t size = 0;
  std::optional<std::string> source;
  std::uint64_t fetched = 0;
  std::optional<crypto::Sha256::State> hash_state;
  std::int64_t used_at = 0;
  std::optional<Error> problem;
};

/// Whether reading a file is written down as a use of it: at most once a minute, so that reading costs few writes. A
/// clock that was set back counts anew.
inline bool counts_as_use(std::int64_t used_at, std::int64_t now) { return now < used_at || now - used_at >= 60'000; }

/// One attachment of one message.
struct AttachmentRef {
  ChatId chat;
  UserId sender;
  ClientMessageId message;
  std::uint32_t index = 0;
  std::int64_t media = 0;
  bool ready = false;
  /// Of an own message that is to leave once all of its attachments are ready.
  Urgency urgency = Urgency::normal;
};

class MediaTable {
 public:
  explicit MediaTable(store::Database& db) : db_(db) {}

  Result<std::int64_t> insert(const MediaRow& row);
  Status update(const MediaRow& row);
  Status set_fetched(std::int64_t id, std::uint64_t fetched, const crypto::Sha256::State& hash_state);
  Status set_used(std::int64_t id, std::int64_t now);
  Result<std::optional<MediaRow>> find(std::int64_t id);
  /// The same bytes under the same key, told of by another message.
  Result<std::optional<MediaRow>> find(const wire::AttachmentId& attachment, const crypto::StreamKey& key,
                                       const crypto::Sha256Digest& hash);
  /// Not paused ones, in order.
  Result<std::vector<std::int64_t>> in_state(MediaState state, std::size_t limit);

  Status insert(const AttachmentRef& ref);
  Result<std::vector<AttachmentRef>> of_message(const ChatId& chat, const UserId& sender, const ClientMessageId& id);
  /// The file of one of them.
  Result<std::optional<MediaRow>> find(const Message& message, std::uint32_t index);
  Result<std::vector<AttachmentRef>> of_media(std::int64_t id);
  /// Of own messages that wait, those whose file is at the relay already: it is to be told of their readers.
  Result<std::vector<AttachmentRef>> unready(std::size_t limit);
  Status set_ready(const AttachmentRef& ref);

  /// Its file is not needed any more.
  /// The greatest that a row ever had; 0 if there was none.
  Result<std::int64_t> last_id();
  Status discard(std::int64_t id);
  Result<std::vector<std::int64_t>> discarded();
  Status forget_discarded();

  /// The least recently used files that can go to bring what is on disk under `most`.
  Result<std::vector<std::int64_t>> beyond(std::uint64_t most);

 private:
  store::Database& db_;
};

}  // namespace sotto::client
