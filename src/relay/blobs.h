// Attachments: encrypted bytes by id, uploaded in parts with resume, fetched by token, gone after their time.
#pragma once

#include <map>

#include "relay/state.h"

namespace sotto::relay {

class Blobs {
 public:
  explicit Blobs(State& state) : s_(state) {}

  Answer create(Call& call, const wire::CreateAttachment& request);
  Answer upload(Call& call, const wire::UploadAttachment& request);
  Answer fetch(Call& call, const wire::FetchAttachment& request);
  Answer reference(Call& call, const wire::ReferenceAttachment& request);
  Answer received(Call& call, const wire::AttachmentReceived& request);

  /// Removes what has expired; looks every `CoreConfig::blob_expiry_ms`.
  void expire();
  [[nodiscard]] std::uint64_t next_expiry() const { return next_expiry_; }
  void sweep(std::uint64_t step);

 private:
  /// What the backend said of a blob; no state if there is none.
  struct Known {
    bool ready = false;
    bool failed = false;
    std::optional<BlobState> state;
    BlobMeta meta;
    std::uint64_t used = 0;
  };
  using Late = std::shared_ptr<LateAnswer>;
  /// Changes a blob's meta and expiry; an error refuses.
  using Change = std::function<Status(BlobMeta&, std::uint64_t& expires_at)>;

  const Known& known(const BlobId& blob);
  static void take(Known& known, const Result<std::optional<BlobState>>& state);
  void note(const BlobId& blob, const Result<BlobState>& state);
  /// Answers the call with the outcome of a change, as far as this device may make another one now.
  Answer change_by(Call& call, const std::string& attachment_id, Change what);
  /// Reads, changes and writes; again if somebody else wrote meanwhile.
  void change(const BlobId& blob, Change what, const Late& late, int tries);
  void expire_some();

  State& s_;
  std::map<BlobId, Known> known_;
  std::uint64_t step_ = 0;
  std::uint64_t next_expiry_ = 0;
};

}  // namespace sotto::relay
