// Attachments: encrypted into the store, uploaded, downloaded, forwarded.
//
// How does one leave?    `append` stores the message and what it shows; the file is encrypted slice by slice
// (`preparing`),
//                        then uploaded part by part (`uploading`). When all attachments of a message are at the relay,
//                        the message itself goes into the outbox. What was written later does not wait for it.
// How does one come?     The message names it; `start` or the app's policy fetches it, part by part, into a file.
// What is gone there?    It has expired; `request` asks its sender, who has it uploaded again and answers (hidden
// messages). What survives?         Files are synced once a mebibyte, and before the row that counts them is committed.
// Where an
//                        upload goes on is asked of the relay, so that nothing of it is stored here.
// What is in memory?     Two windows of parts, whatever the size of the file.
#pragma once

#include <map>

#include "client/media/attachment_content.h"
#include "client/media/cipher_file.h"
#include "client/media/media_session.h"
#include "client/outbox.h"

namespace sotto::client {

class Media {
 public:
  Media(Context& context, MediaSession& session, Outbox& outbox) : c_(context), session_(session), outbox_(outbox) {}

  /// A message with attachments.
  Status append(const SendCommand& command);
  /// The same attachments in another chat, without a new upload.
  Status forward(const ForwardCommand& command);
  Status control(const TransferCommand& command);
  /// A message with attachments arrived. Errors: MALFORMED.
  Status on_arrived(const Message& message, const wire::Content& content);
  void set_policy(const DownloadPolicy& policy, bool metered);
  Status on_used(std::int64_t id);
  /// Who read its file found it gone or damaged (`file_damage`).
  Status on_lost(std::int64_t id, const Error& why);

  /// Asks the sender of an attachment that has expired for it.
  Status request(const RequestAttachmentCommand& command);
  /// A hidden message arrived. Errors: MALFORMED.
  Status on_hidden(const ChatId& chat, const UserId& user, const DeviceId& device, const wire::Content& content);

  /// Goes on with what there is to do; `main_is_there` if the main connection is.
  Status pump(bool main_is_there);
  void on_connection_lost();
  /// The step was undone: what is in memory may not be on the disk.
  void on_rollback();
  [[nodiscard]] std::optional<Timestamp> next_timer() const;
  void set_clock_back(std::chrono::milliseconds by);
  void close(const Error& why);
  /// Files of what is gone are still there.
  [[nodiscard]] bool has_trash() const { return trash_ && !c_.media.folder.empty(); }

 private:
  struct Upload {
    MediaRow row;
    store::File file;
    std::uint64_t total = 0;
    std::uint64_t sent = 0;
    std::uint64_t confirmed = 0;
    bool announced = false;
    std::size_t in_flight = 0;
    /// Answers to what was asked before it began anew are passed over.
    std::uint64_t attempt = 0;
  };
  struct Download {
    MediaRow row;
    store::File file;
    Bytes token;
    std::uint64_t total = 0;
    std::uint64_t asked = 0;
    std::uint64_t received = 0;
    std::uint64_t saved = 0;
    crypto::Sha256 hash;
    std::size_t in_flight = 0;
    std::uint64_t attempt = 0;
  };
  struct Retry {
    std::uint32_t failures = 0;
    bool waiting = false;
    Timestamp at{};
  };

  [[nodiscard]] std::string path_of(std::int64_t id) const { return c_.media.folder + "/" + std::to_string(id); }
  // Preparing.
  Status prepare(bool look);
  Status prepared(MediaRow row);
  enum class Failed : std::uint8_t { source, own_file };
  Status not_prepared(MediaRow row, Failed what, const Error& why);

  // Uploading.
  Status begin_uploads();
  Status announce(Upload& upload);
  Upload* upload_of(std::int64_t id, std::uint64_t attempt);
  Status on_announced(std::int64_t id, std::uint64_t attempt, const wire::Response& response);
  Status send_parts(Upload& upload);
  Status on_part_taken(std::int64_t id, std::uint64_t attempt, const wire::Response& response);
  Status uploaded(std::int64_t id);
  /// For good: its messages fail, too. `kept`: what remains of one that others have got before.
  Status end_upload(MediaRow row, const Error& why, MediaState kept = MediaState::present);
  Status upload_failed(std::int64_t id, const Error& why);
  /// Its own file is the cause, not the relay.
  Status file_failed(std::int64_t id, const Error& why);

  // Forwarding.
  Status refer();
  Status on_referred(const AttachmentRef& ref, const wire::Response& response);

  // Downloading.
  Status begin_downloads();
  void ask_parts(Download& download);
  Status on_part(std::int64_t id, std::uint64_t attempt, std::uint64_t offset, const wire::Response& response);
  Status downloaded(std::int64_t id);
  Status download_failed(std::int64_t id, const Error& why);

  // Asking again.
  struct Shown {
    Message message;
    AttachmentRef ref;
    MediaRow row;
  };
  Result<std::optional<Shown>> find_shown(const ChatId& chat, const UserId& sender, const ClientMessageId& id,
                                          std::uint32_t index);
  Status on_request(const ChatId& chat, const DeviceId& device, const wire::AttachmentRequest& request);
  Status answer(const AttachmentRef& ref, const std::optional<wire::AttachmentId>& place);
  Status on_answer(const ChatId& chat, const UserId& user, const wire::AttachmentAnswer& answer);

  Result<store::File> open_own(const MediaRow& row) const {
    return open_ciphertext(path_of(row.id), row.size, c_.media.vfs);
  }
  /// Its file goes: what is left of it is at the relay.
  Status drop_file(MediaRow& row);
  /// All of it is in the file; then what waits for that is told.
  Status set_present(MediaRow& row, std::uint64_t total);
  Status tell_present(std::int64_t id);

  // Messages.
  Status added(const Message& written);
  Status ready(const AttachmentRef& ref);
  Status leave(const AttachmentRef& ref);
  Status fail_messages(std::int64_t media, const Error& why);
  Result<bool> was_sent(std::int64_t media);
  Status show(std::int64_t media);
  Status progress(std::int64_t media, std::uint64_t transferred, std::uint64_t total);
  Status discard(std::int64_t media);
  Status trim_cache();
  Status empty_trash();
  Status remove_orphans();

  [[nodiscard]] bool waits(std::int64_t id) const;
  void retry_later(std::int64_t id, const Error& why);
  /// How many users the messages of these are for; 0 if that is not one message.
  Result<std::uint32_t> readers_of(const std::vector<AttachmentRef>& refs);
  void complete(std::int64_t id, const Result<void>& result);

  Context& c_;
  MediaSession& session_;
  Outbox& outbox_;
  DownloadPolicy policy_;
  bool metered_ = false;

  /// Something may have come to do: the tables are looked at.
  bool look_ = true;
  /// There is more to encrypt at once.
  bool more_ = false;
  /// Files wait to be removed; some of them since this step, and these not before its commit.
  bool trash_ = true;
  bool discarded_ = false;
  /// A step that did not come to its end may have left files.
  bool orphans_ = true;
  struct Sealing {
    MediaRow row;
    FileSealer sealer;
  };
  std::optional<Sealing> sealing_;
  std::map<std::int64_t, Upload> uploads_;
  std::map<std::int64_t, Download> downloads_;
  std::size_t parts_in_flight_ = 0;
  std::uint64_t attempts_ = 0;
  /// Own attachments whose file is at the relay already; the first one is being told of.
  std::vector<AttachmentRef> unready_;
  bool referring_ = false;
  std::map<std::int64_t, Retry> retries_;
  std::map<std::int64_t, std::uint64_t> told_;
  std::map<std::int64_t, std::vector<Completion<void>>> waiting_;
};

}  // namespace sotto::client
