// What a form of the backend stores of blobs and how, one call at a time.
#pragma once

#include "relay/backend/backend.h"

namespace sotto::relay {

/// The functions mean what those of `Backend` mean; sizes were checked before. Calls come between `begin` and `commit`
/// or `roll_back` only, and a call that refuses has written nothing, but for BAD_SIGNATURE, which removes the blob. Any
/// other error of a write means that the storage failed.
class BlobStore {
 public:
  BlobStore() = default;
  BlobStore(const BlobStore&) = delete;
  BlobStore& operator=(const BlobStore&) = delete;
  virtual ~BlobStore() = default;

  /// Begins a run that calls `writes` writing functions; with 0 it only reads.
  virtual Status begin(std::size_t writes) = 0;
  /// Makes the writes of the run durable, all or (on an error) none; but of an upload under way only now and then.
  virtual Status commit() = 0;
  virtual void roll_back() = 0;

  virtual Result<BlobState> blob_begin(const BlobId& blob, const NewBlob& what) = 0;
  virtual Result<BlobState> blob_write(const BlobId& blob, std::uint64_t offset, ByteView data,
                                       std::uint64_t expires_at) = 0;
  virtual Result<std::optional<BlobState>> blob_state(const BlobId& blob) = 0;
  virtual Result<BlobState> blob_update(const BlobId& blob, std::uint64_t revision, ByteView meta,
                                        std::uint64_t expires_at) = 0;
  virtual Result<Bytes> blob_read(const BlobId& blob, std::uint64_t offset, std::size_t limit) = 0;
  virtual Result<std::size_t> blob_expire(std::uint64_t now, std::size_t limit) = 0;
};

/// At most this many bytes in a part of a blob.
inline constexpr std::size_t blob_part_bytes = 512 * 1024;
/// At most this many bytes in the meta and in the owner's name of a blob.
inline constexpr std::size_t blob_meta_bytes = 64 * 1024;
inline constexpr std::size_t blob_owner_bytes = 128;

}  // namespace sotto::relay
