// Blobs as files, with an SQLite file of their own that says what counts: blobs.db and the folder blobs.
//
// A row is there before its file and goes after it, so no file is forgotten. Of an upload the row says how many bytes
// are synced; it is written once a mebibyte and at the end, and the hash so far stands beside it, so that the last part
// of a gigabyte costs no second reading.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <span>

#include "crypto/hash.h"
#include "relay/backend/blob_store.h"
#include "store/file.h"
#include "store/migrations.h"
#include "store/transaction.h"

namespace sotto::relay {

inline constexpr std::int32_t sqlite_blob_application_id = 0x53544231;  // "STB1"
std::span<const store::Migration> sqlite_blob_migrations();

class SqliteBlobStore final : public BlobStore {
 public:
  struct Options {
    store::Synchronous synchronous = store::Synchronous::full;
    std::chrono::milliseconds busy_timeout{5000};
    std::string vfs;
    /// The folder for the files is the system's, and made here.
    bool make_folder = true;
  };
  /// `data_dir` is there, and its lease is held. Errors: NEWER_SCHEMA, CORRUPT, IO_ERROR, DISK_FULL.
  static Result<std::shared_ptr<SqliteBlobStore>> open(const std::string& data_dir, const Options& options);
  ~SqliteBlobStore() override;

  Status begin(std::size_t writes) override;
  Status commit() override;
  void roll_back() override;

  Result<BlobState> blob_begin(const BlobId& blob, const NewBlob& what) override;
  Result<BlobState> blob_write(const BlobId& blob, std::uint64_t offset, ByteView data,
                               std::uint64_t expires_at) override;
  Result<std::optional<BlobState>> blob_state(const BlobId& blob) override;
  Result<BlobState> blob_update(const BlobId& blob, std::uint64_t revision, ByteView meta,
                                std::uint64_t expires_at) override;
  Result<Bytes> blob_read(const BlobId& blob, std::uint64_t offset, std::size_t limit) override;
  Result<std::size_t> blob_expire(std::uint64_t now, std::size_t limit) override;

  /// Blobs stored, and the sum of their sizes. Any thread.
  [[nodiscard]] std::uint64_t count() const { return count_.load(); }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_.load(); }

 private:
  struct Row {
    std::int64_t file = 0;
    crypto::Sha256Digest hash;
    crypto::Sha256 hashed;
    BlobState state;
  };
  /// An upload under way: what of it came, saved or not.
  struct Upload {
    Row row;
    std::uint64_t saved = 0;
    store::File file;
    std::uint64_t used = 0;
  };
  struct Reader {
    store::File file;
    std::uint64_t used = 0;
  };

  explicit SqliteBlobStore(std::unique_ptr<store::Database> db, std::string folder, std::string vfs)
      : db_(std::move(db)), folder_(std::move(folder)), vfs_(std::move(vfs)) {}
  [[nodiscard]] std::string path_of(std::int64_t file) const { return folder_ + "/" + std::to_string(file); }

  /// As it is with what of it is in memory only.
  Result<std::optional<Row>> find(const BlobId& blob);
  Result<Upload*> upload_of(const BlobId& blob, Row row);
  Status save(const Row& row);
  Result<Reader*> reader_of(std::int64_t file);
  Result<Bytes> read_file(std::int64_t file, std::uint64_t offset, std::size_t size);
  Status remove(const BlobId& blob, std::int64_t file, std::uint64_t size);
  Status empty_trash();
  Status count_all();
  void forget_idle();

  std::unique_ptr<store::Database> db_;
  std::string folder_;
  std::string vfs_;
  std::optional<store::Transaction> transaction_;
  std::map<BlobId, Upload> uploads_;
  std::map<std::int64_t, Reader> readers_;
  /// Whose file turned out to be gone or cut, by what somebody did to the folder: as good as expired.
  std::set<BlobId> lost_;
  /// Uploads whose rows the open transaction says to be synced.
  std::map<BlobId, std::uint64_t> saving_;
  bool writing_ = false;
  std::atomic<std::uint64_t> count_{0};
  std::atomic<std::uint64_t> bytes_{0};
  /// By the open transaction.
  std::int64_t added_ = 0;
  std::int64_t added_bytes_ = 0;
  std::uint64_t clock_ = 0;
  /// There may be files to remove; a process before may have left some.
  bool trash_ = true;
};

}  // namespace sotto::relay
