// Attachments: encrypted bytes by id, uploaded in parts with resume, fetched by token, gone after their time.
#pragma once

#include <map>

#include "relay/record_keys.h"
#include "relay/state.h"

namespace sotto::relay {

class Blobs {
 public:
  explicit Blobs(State& state) : s_(state), expiries_(state.backend, state.batch, state.config.cached_records / 10) {}

  Answer create(Call& call, const wire::CreateAttachment& request);
  Answer upload(Call& call, const wire::UploadAttachment& request);
  Answer fetch(Call& call, const wire::FetchAttachment& request);

  /// Removes what has expired; looks once an hour.
  void expire();
  [[nodiscard]] std::uint64_t next_expiry() const { return next_expiry_; }
  void flush() { expiries_.flush(); }
  void drop(const Dependency& key) { expiries_.drop(key); }
  void sweep(std::uint64_t step);

 private:
  /// What was announced of a blob; nothing if there is none.
  struct Known {
    bool ready = false;
    bool failed = false;
    std::optional<BlobMeta> meta;
    std::uint64_t size = 0;
    std::uint64_t used = 0;
  };
  const Known& known(const BlobId& blob);
  void expire_after(RecordKey after);
  void expire_one(const keys::BlobDay& due, const RecordKey& key);

  State& s_;
  RecordCache<BlobExpiry> expiries_;
  std::map<BlobId, Known> known_;
  std::uint64_t step_ = 0;
  std::uint64_t next_expiry_ = 0;
};

}  // namespace sotto::relay
