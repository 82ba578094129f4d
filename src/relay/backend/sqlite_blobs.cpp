// The blobs of SqliteStore: tables blob and blob_part.
#include "base/try.h"
#include "crypto/hash.h"
#include "relay/backend/sqlite_store.h"

namespace sotto::relay {

namespace {

constexpr std::size_t part_bytes = 64 * 1024;

}  // namespace

Result<std::optional<SqliteStore::Blob>> SqliteStore::find_blob(const BlobId& blob) {
  SOTTO_TRY_ASSIGN(auto row, (db_->one<std::uint64_t, std::uint64_t, std::optional<crypto::Sha256Digest>, Bytes>(
                                 "SELECT size, received, hash, meta FROM blob WHERE id = ?", blob)));
  std::optional<Blob> out;
  if (row) {
    auto& found = out.emplace();
    std::tie(found.state.size, found.state.received, found.hash, found.state.meta) = std::move(*row);
    found.state.finished = found.hash.has_value();
  }
  return out;
}

Result<BlobState> SqliteStore::blob_begin(const BlobId& blob, std::uint64_t size, ByteView meta) {
  SOTTO_TRY_ASSIGN(auto found, find_blob(blob));
  if (found) {
    if (found->state.size != size || !equal(found->state.meta, meta)) return ErrorCode::CONFLICT;
    return std::move(found->state);
  }
  SOTTO_TRY(db_->run("INSERT INTO blob(id, size, received, meta) VALUES(?, ?, 0, ?)", blob, size, meta));
  ++totals_.blobs;
  BlobState out;
  out.size = size;
  out.meta = to_bytes(meta);
  return out;
}

Result<BlobState> SqliteStore::blob_write(const BlobId& blob, std::uint64_t offset, ByteView data) {
  SOTTO_TRY_ASSIGN(auto found, find_blob(blob));
  if (!found) return ErrorCode::NOT_FOUND;
  auto& state = found->state;
  if (offset != state.received) return ErrorCode::CONFLICT;
  if (data.size() > state.size - state.received) return ErrorCode::TOO_LARGE;
  while (!data.empty()) {
    const ByteView part = data.first(std::min(data.size(), part_bytes));
    SOTTO_TRY(db_->run("INSERT INTO blob_part(blob_id, start, data) VALUES(?, ?, ?)", blob, state.received, part));
    state.received += part.size();
    totals_.blob_bytes += part.size();
    data = data.subspan(part.size());
  }
  SOTTO_TRY(db_->run("UPDATE blob SET received = ? WHERE id = ?", state.received, blob));
  return std::move(state);
}

Result<Bytes> SqliteStore::blob_bytes(const BlobId& blob, std::uint64_t from, std::uint64_t to) {
  Bytes out;
  SOTTO_TRY(db_->query(
      "SELECT start, data FROM blob_part WHERE blob_id = ?1 AND start < ?3"
      " AND start >= coalesce((SELECT max(start) FROM blob_part WHERE blob_id = ?1 AND start <= ?2), 0)"
      " ORDER BY start",
      blob, from, to, [&](const store::Row& row) -> Status {
        const auto start = row.get<std::uint64_t>(0);
        const auto data = row.get<ByteView>(1);
        const std::uint64_t at = from + out.size();
        if (start > at || at - start > data.size()) return Error(ErrorCode::CORRUPT, "a blob has a hole");
        const ByteView rest = data.subspan(static_cast<std::size_t>(at - start));
        sotto::append(out, rest.first(static_cast<std::size_t>(std::min<std::uint64_t>(rest.size(), to - at))));
        return {};
      }));
  if (out.size() != to - from) return Error(ErrorCode::CORRUPT, "a blob has a hole");
  return out;
}

Status SqliteStore::blob_finish(const BlobId& blob, const crypto::Sha256Digest& hash) {
  SOTTO_TRY_ASSIGN(const auto found, find_blob(blob));
  if (!found) return ErrorCode::NOT_FOUND;
  if (found->hash) return *found->hash == hash ? Status() : Status(ErrorCode::BAD_SIGNATURE);
  if (found->state.received != found->state.size) return Error(ErrorCode::CONFLICT, "the upload is not complete");
  SOTTO_TRY_ASSIGN(const auto bytes, blob_bytes(blob, 0, found->state.size));
  if (crypto::sha256(bytes) != hash) {
    SOTTO_TRY(blob_remove(blob));
    return ErrorCode::BAD_SIGNATURE;
  }
  return db_->run("UPDATE blob SET hash = ? WHERE id = ?", hash, blob);
}

Result<std::optional<BlobState>> SqliteStore::blob_state(const BlobId& blob) {
  SOTTO_TRY_ASSIGN(auto found, find_blob(blob));
  std::optional<BlobState> out;
  if (found) out = std::move(found->state);
  return out;
}

Result<Bytes> SqliteStore::blob_read(const BlobId& blob, std::uint64_t offset, std::size_t limit) {
  SOTTO_TRY_ASSIGN(const auto found, find_blob(blob));
  if (!found || !found->state.finished) return ErrorCode::NOT_FOUND;
  if (offset >= found->state.size || limit == 0) return Bytes();
  return blob_bytes(blob, offset, offset + std::min<std::uint64_t>(limit, found->state.size - offset));
}

Status SqliteStore::blob_remove(const BlobId& blob) {
  SOTTO_TRY_ASSIGN(const auto found, find_blob(blob));
  if (!found) return {};
  --totals_.blobs;
  totals_.blob_bytes -= found->state.received;
  SOTTO_TRY(db_->run("DELETE FROM blob_part WHERE blob_id = ?", blob));
  SOTTO_TRY(db_->run("DELETE FROM blob WHERE id = ?", blob));
  residue_ = residue_ || db_->changes() > 0;
  return {};
}

}  // namespace sotto::relay
