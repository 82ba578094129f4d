#include "relay/backend/memory_store.h"

#include <algorithm>

#include "crypto/hash.h"

namespace sotto::relay {

namespace {

Bytes new_incarnation(Random& random) {
  Bytes out(16);
  random.fill(out);
  return out;
}

}  // namespace

MemoryStore::MemoryStore(Random& random) { contents_.incarnation = new_incarnation(random); }

std::shared_ptr<MemoryStore> MemoryStore::restored(Random& random) const {
  auto out = std::make_shared<MemoryStore>(random);
  const Bytes incarnation = out->contents_.incarnation;
  out->contents_ = contents_;
  out->contents_.incarnation = incarnation;
  return out;
}

Status MemoryStore::begin(std::size_t writes) {
  refused_.clear();
  if (writes == 0) return {};
  std::optional<ErrorCode> fault = faults_.all;
  if (!fault) fault = std::exchange(faults_.next_run, std::nullopt);
  if (faults_.write && faults_.write->first <= writes) {
    if (!fault) fault = faults_.write->second;
    faults_.write.reset();
  } else if (faults_.write) {
    faults_.write->first -= writes;
  }
  if (fault) return *fault;
  writes_ += writes;
  return {};
}

// ---- Logs

Result<std::uint64_t> MemoryStore::append(const LogId& log, std::uint64_t expected_last, ByteView record) {
  const auto found = contents_.logs.find(log);
  if ((found == contents_.logs.end() ? 0 : found->second.last()) != expected_last) {
    refused_.insert(log);
    return ErrorCode::CONFLICT;
  }
  auto& to = contents_.logs[log];
  to.entries.push_back(to_bytes(record));
  return to.last();
}

Result<std::vector<LogRecord>> MemoryStore::read(const LogId& log, std::uint64_t from, std::size_t limit,
                                                 std::size_t max_bytes) {
  if (faults_.log_reads) return *faults_.log_reads;
  std::vector<LogRecord> out;
  const auto found = contents_.logs.find(log);
  if (found == contents_.logs.end()) return out;
  std::size_t bytes = 0;
  for (std::uint64_t seq = std::max(from, found->second.first); seq <= found->second.last(); ++seq) {
    const Bytes& data = found->second.entries[static_cast<std::size_t>(seq - found->second.first)];
    if (out.size() >= limit) break;
    if (!out.empty() && (bytes >= max_bytes || data.size() > max_bytes - bytes)) break;
    bytes += data.size();
    out.push_back({seq, data});
  }
  return out;
}

Status MemoryStore::trim(const LogId& log, std::uint64_t up_to) {
  if (refused_.contains(log)) return ErrorCode::CONFLICT;
  const auto found = contents_.logs.find(log);
  if (up_to > (found == contents_.logs.end() ? 0 : found->second.snapshot_seq)) {
    return Error(ErrorCode::INVALID_ARGUMENT, "a snapshot must cover what is trimmed");
  }
  if (found == contents_.logs.end()) return {};
  for (auto& from = found->second; from.first <= up_to; ++from.first) from.entries.pop_front();
  return {};
}

Status MemoryStore::snapshot(const LogId& log, std::uint64_t seq, ByteView bytes) {
  if (refused_.contains(log)) return ErrorCode::CONFLICT;
  const auto found = contents_.logs.find(log);
  if (seq > (found == contents_.logs.end() ? 0 : found->second.last())) {
    return Error(ErrorCode::INVALID_ARGUMENT, "a snapshot of entries that are not there");
  }
  auto& to = contents_.logs[log];
  if (seq < to.snapshot_seq) return {};
  to.snapshot_seq = seq;
  to.snapshot = to_bytes(bytes);
  return {};
}

Result<LogState> MemoryStore::load(const LogId& log) {
  if (faults_.log_reads) return *faults_.log_reads;
  LogState out;
  const auto found = contents_.logs.find(log);
  if (found == contents_.logs.end()) return out;
  out.last = found->second.last();
  out.first = found->second.first;
  out.snapshot_seq = found->second.snapshot_seq;
  out.snapshot = found->second.snapshot;
  return out;
}

// ---- Records

Result<Record> MemoryStore::get(const RecordKey& key) {
  const auto found = contents_.records.find(key);
  if (found == contents_.records.end()) return Record{key, {}, 0};
  return Record{key, found->second.bytes, found->second.revision};
}

Result<std::uint64_t> MemoryStore::put(const RecordKey& key, ByteView value,
                                       std::optional<std::uint64_t> expected_revision) {
  const auto found = contents_.records.find(key);
  const std::uint64_t revision = found == contents_.records.end() ? 0 : found->second.revision;
  if (expected_revision && *expected_revision != revision) return ErrorCode::CONFLICT;
  contents_.records[key] = {++contents_.last_revision, to_bytes(value)};
  return contents_.last_revision;
}

Status MemoryStore::remove(const RecordKey& key) {
  contents_.records.erase(key);
  return {};
}

Result<std::vector<Record>> MemoryStore::scan(const RecordKey& prefix, const RecordKey& after, std::size_t limit) {
  std::vector<Record> out;
  const auto begins = [&](const RecordKey& key) {
    return key.size() >= prefix.size() && equal(ByteView(key).first(prefix.size()), prefix);
  };
  auto it = after < prefix ? contents_.records.lower_bound(prefix) : contents_.records.upper_bound(after);
  for (; it != contents_.records.end() && begins(it->first) && out.size() < limit; ++it) {
    out.push_back({it->first, it->second.bytes, it->second.revision});
  }
  return out;
}

// ---- Blobs

Result<BlobState> MemoryStore::blob_begin(const BlobId& blob, const NewBlob& what) {
  const auto found = contents_.blobs.find(blob);
  if (found != contents_.blobs.end()) {
    auto& known = found->second.what;
    if (known.size != what.size || known.hash != what.hash) return ErrorCode::CONFLICT;
    known.expires_at = std::max(known.expires_at, what.expires_at);
    return found->second.state();
  }
  std::uint64_t used = 0;
  for (const auto& [id, other] : contents_.blobs) used += other.what.owner == what.owner ? other.what.size : 0;
  if (what.size > what.owner_bytes || used > what.owner_bytes - what.size) return ErrorCode::LIMIT_EXCEEDED;
  auto& made = contents_.blobs[blob];
  made.what = what;
  return made.state();
}

Result<BlobState> MemoryStore::blob_write(const BlobId& blob, std::uint64_t offset, ByteView data,
                                          std::uint64_t expires_at) {
  const auto found = contents_.blobs.find(blob);
  if (found == contents_.blobs.end()) return ErrorCode::NOT_FOUND;
  auto& to = found->second;
  if (offset != to.bytes.size()) return ErrorCode::CONFLICT;
  if (data.size() > to.what.size - to.bytes.size()) return ErrorCode::TOO_LARGE;
  sotto::append(to.bytes, data);
  to.what.expires_at = std::max(to.what.expires_at, expires_at);
  if (to.state().finished() && crypto::sha256(to.bytes) != to.what.hash) {
    contents_.blobs.erase(found);
    return ErrorCode::BAD_SIGNATURE;
  }
  return to.state();
}

Result<std::optional<BlobState>> MemoryStore::blob_state(const BlobId& blob) {
  std::optional<BlobState> out;
  const auto found = contents_.blobs.find(blob);
  if (found != contents_.blobs.end()) out = found->second.state();
  return out;
}

Result<BlobState> MemoryStore::blob_update(const BlobId& blob, std::uint64_t revision, ByteView meta,
                                           std::uint64_t expires_at) {
  const auto found = contents_.blobs.find(blob);
  if (found == contents_.blobs.end()) return ErrorCode::NOT_FOUND;
  auto& to = found->second;
  if (to.revision != revision) return ErrorCode::CONFLICT;
  ++to.revision;
  to.what.meta = to_bytes(meta);
  to.what.expires_at = expires_at;
  return to.state();
}

Result<Bytes> MemoryStore::blob_read(const BlobId& blob, std::uint64_t offset, std::size_t limit) {
  const auto found = contents_.blobs.find(blob);
  if (found == contents_.blobs.end() || !found->second.state().finished()) return ErrorCode::NOT_FOUND;
  const ByteView all = found->second.bytes;
  if (offset >= all.size()) return Bytes();
  const ByteView rest = all.subspan(static_cast<std::size_t>(offset));
  return to_bytes(rest.first(std::min(limit, rest.size())));
}

Result<std::size_t> MemoryStore::blob_expire(std::uint64_t now, std::size_t limit) {
  // The oldest first, as every form does it.
  std::vector<std::pair<std::uint64_t, BlobId>> due;
  for (const auto& [id, blob] : contents_.blobs) {
    if (blob.what.expires_at <= now) due.emplace_back(blob.what.expires_at, id);
  }
  std::ranges::sort(due);
  due.resize(std::min(due.size(), limit));
  for (const auto& [time, id] : due) contents_.blobs.erase(id);
  return due.size();
}

}  // namespace sotto::relay
