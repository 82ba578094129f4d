// Files in messages: what an app gives to send one, and what it sees of one.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sotto/error.h"
#include "sotto/export.h"
#include "sotto/result.h"

namespace sotto {

/// How an app shows an attachment. Numbers are stable: they are stored and sent.
enum class AttachmentKind : std::uint8_t { document = 0, image = 1, video = 2, voice = 3 };

/// Where the bytes of an attachment are. Numbers are stable.
enum class AttachmentState : std::uint8_t {
  /// Own: being encrypted into the store, or waiting for that.
  preparing = 0,
  /// Own: on its way to the relay, or waiting for the network. Its message leaves when all its attachments are there.
  uploading = 1,
  /// On this device; an own one is at the relay, too.
  present = 2,
  /// At the relay; `Client::transfer` fetches it.
  remote = 3,
  /// Being fetched, or waiting for the network.
  downloading = 4,
  /// Not here, and no longer at the relay; `Client::request_attachment` asks its sender for it.
  expired = 5,
  /// Cannot be sent or read; `Attachment::problem` says why.
  failed = 6,
};

/// The name of a state in English. Any thread.
SOTTO_API std::string_view to_string(AttachmentState state) noexcept;

/// What is told of an attachment inside its message, end-to-end encrypted. All of it comes from the sender.
struct AttachmentInfo {
  AttachmentKind kind = AttachmentKind::document;
  /// A file name without a path; UTF-8, at most 255 bytes, may be empty. An app must not trust it as a path: Sotto
  /// refuses slashes and control characters in names that arrive.
  std::string name;
  /// Such as "image/jpeg"; printable ASCII, at most 127 bytes, may be empty.
  std::string mime_type;
  /// In pixels, of images and videos; 0 if unknown.
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  /// Of videos and voice messages; 0 if unknown.
  std::chrono::milliseconds duration{0};
  /// A small picture that is shown at once; at most 8 KiB, may be empty.
  std::vector<std::uint8_t> thumbnail;
  /// A larger one; at most 32 KiB, may be empty. All previews of a message together take at most 48 KiB.
  std::vector<std::uint8_t> preview;
  /// Loudness over time of a voice message, 0 to 255 each; at most 256 values.
  std::vector<std::uint8_t> waveform;
};

/// An attachment to be sent.
struct OutgoingAttachment {
  AttachmentInfo info;
  /// The file to read: it is encrypted into the client's own folder soon after `send` and may change or go once the
  /// attachment is `uploading`. 2 GiB at most.
  std::string path;
  /// In place of a file: the bytes themselves, at most 16 MiB.
  std::vector<std::uint8_t> bytes;
};

/// An attachment of a message as it is now; a value that does not change by itself.
struct Attachment {
  AttachmentInfo info;
  /// Bytes of the file.
  std::uint64_t size = 0;
  AttachmentState state = AttachmentState::remote;
  /// The app stopped it: it goes on when it is started again.
  bool paused = false;
  /// It has expired, this device asked its sender for it, and waits.
  bool requested = false;
  /// Bytes of the ciphertext that were encrypted, uploaded or downloaded so far, by state, and how many there are.
  std::uint64_t transferred = 0;
  std::uint64_t total = 0;
  /// Why it failed, or why the last try did.
  std::optional<Error> problem;
};

/// What an app may do with a transfer.
enum class TransferAction : std::uint8_t {
  /// Goes on, or begins: downloads what is `remote`, or `present` by name only since its file is gone from the client's
  /// folder; tries again what failed for a reason that can pass.
  start = 0,
  /// Stops, and keeps what was transferred. Survives restarts.
  pause = 1,
  /// An upload's message fails with CANCELLED; a download is forgotten and is `remote` again.
  cancel = 2,
};

/// Reads a present attachment from its beginning to its end, decrypting as it goes. One thread at a time; may outlive
/// its Client.
class SOTTO_API AttachmentReader {
 public:
  ~AttachmentReader();
  AttachmentReader(AttachmentReader&&) noexcept;
  AttachmentReader& operator=(AttachmentReader&&) noexcept;

  /// Bytes of the whole file.
  [[nodiscard]] std::uint64_t size() const;
  /// The next bytes, at most 64 KiB; none at the end. Errors: CORRUPT (the file in the client's folder is damaged: the
  /// attachment becomes `remote`, and `Client::transfer` fetches it again), DECRYPTION_FAILED (the file is what
  /// its sender announced, and does not open), IO_ERROR. To tell the first two apart, the whole file is read once.
  Result<std::vector<std::uint8_t>> read();

 private:
  friend class Client;
  struct Impl;
  explicit AttachmentReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Which attachments are fetched without being asked for.
struct DownloadPolicy {
  /// By kind, up to this many bytes; 0: never.
  std::uint64_t images = 16ULL << 20;
  std::uint64_t videos = 0;
  std::uint64_t voice = 4ULL << 20;
  std::uint64_t documents = 0;
  /// Whether that also holds while the app says that the network is metered.
  bool on_metered = false;
};

}  // namespace sotto
