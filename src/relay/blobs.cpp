#include "relay/blobs.h"

#include <algorithm>

#include "crypto/hash.h"
#include "relay/chat_rules.h"
#include "wire/attachment.h"
#include "wire/limits.h"

namespace sotto::relay {

namespace limits = wire::limits;

namespace {

constexpr std::uint64_t day_ms = 24ULL * 3600 * 1000;
constexpr std::uint64_t expiry_interval_ms = 3600ULL * 1000;
constexpr std::size_t expiries_a_read = 100;
constexpr std::size_t blobs_known = 10'000;

wire::Response created(const BlobId& blob, std::uint64_t offset) {
  wire::Response response;
  response.mutable_attachment_created()->set_attachment_id(to_string_bytes(blob));
  response.mutable_attachment_created()->set_offset(offset);
  return response;
}

wire::Response failed(ErrorCode code) {
  switch (code) {
    case ErrorCode::CONFLICT:
      return refuse(ErrorCode::CONFLICT, "another offset than what was received");
    case ErrorCode::TOO_LARGE:
    case ErrorCode::NOT_FOUND:
    case ErrorCode::BAD_SIGNATURE:
    case ErrorCode::INVALID_ARGUMENT:
      return refuse(code);
    default:
      return unavailable();
  }
}

void finish(const std::shared_ptr<LateAnswer>& late, wire::Response response) {
  late->response = std::move(response);
  late->done = true;
}

}  // namespace

Answer Blobs::create(Call& call, const wire::CreateAttachment& request) {
  BlobMeta meta;
  meta.user = call.connection.sender.device.user;
  if (!assign_exact(meta.hash, wire::view(request.hash())) ||
      !assign_exact(meta.token_hash, wire::view(request.token_hash())) || request.size() == 0) {
    return refuse(ErrorCode::INVALID_ARGUMENT);
  }
  if (request.size() > limits::attachment_bytes) return refuse(ErrorCode::TOO_LARGE);
  // The same announcement gives the same id: so an upload goes on where it was.
  const BlobId blob{wire::attachment_id_of(meta.user, meta.hash, meta.token_hash).bytes};
  const auto expiry_key = keys::blob_expiry(blob);
  const auto expiry = s_.record(call, expiries_, expiry_key);
  if (!expiry) return expiry.answer;
  if (!expiry->has_value()) {
    const auto& device = call.connection.sender.device;
    const auto limited = s_.limit('b', {view(device.user), view(device.device)}, s_.config.blob_bytes,
                                  static_cast<double>(request.size()));
    if (limited) return limited;
  }
  const auto expires_at = s_.wall + s_.config.blob_lifetime_ms;
  expiries_.set(expiry_key, BlobExpiry{expires_at});
  s_.put_plain(keys::blob_day(expires_at / day_ms, blob), {1}, expiry_key);
  known_.erase(blob);
  call.late = std::make_shared<LateAnswer>();
  s_.batch.started();
  s_.backend.blob_begin(blob, request.size(), meta.encode(),
                        [this, blob, late = call.late](const Result<BlobState>& state) {
                          s_.batch.succeeded();
                          finish(late, state.ok() ? created(blob, state->received) : failed(*state.code()));
                        });
  return wire::Response{};
}

const Blobs::Known& Blobs::known(const BlobId& blob) {
  const auto [it, added] = known_.try_emplace(blob);
  it->second.used = step_;
  if (!added) return it->second;
  s_.backend.blob_state(blob, [this, blob](const Result<std::optional<BlobState>>& state) {
    const auto entry = known_.find(blob);
    if (entry == known_.end()) return;
    auto& known = entry->second;
    known.ready = true;
    known.failed = !state.ok();
    if (known.failed || !*state) return;
    known.size = (*state)->size;
    auto meta = BlobMeta::decode((*state)->meta);
    known.failed = !meta.ok();
    if (meta.ok()) known.meta = *meta;
  });
  return it->second;
}

Answer Blobs::upload(Call& call, const wire::UploadAttachment& request) {
  const auto blob = id_from<BlobId>(wire::view(request.attachment_id()));
  if (!blob || request.data().empty()) return refuse(ErrorCode::INVALID_ARGUMENT);
  if (request.data().size() > limits::attachment_part_bytes) return refuse(ErrorCode::TOO_LARGE);
  const Known entry = known(*blob);
  if (!entry.ready) return std::nullopt;
  if (entry.failed) return unavailable();
  if (!entry.meta) return refuse(ErrorCode::NOT_FOUND);
  if (entry.meta->user != call.connection.sender.device.user) return refuse(ErrorCode::FORBIDDEN);

  call.late = std::make_shared<LateAnswer>();
  s_.batch.started();
  s_.backend.blob_write(*blob, request.offset(), to_bytes(wire::view(request.data())),
                        [this, id = *blob, hash = entry.meta->hash, late = call.late](const Result<BlobState>& state) {
                          s_.batch.succeeded();
                          if (!state.ok()) return finish(late, failed(*state.code()));
                          if (state->received < state->size) return finish(late, created(id, state->received));
                          s_.batch.started();
                          s_.backend.blob_finish(id, hash, [this, id, late, size = state->size](const Status& done) {
                            s_.batch.succeeded();
                            if (!done.ok()) known_.erase(id);
                            finish(late, done.ok() ? created(id, size) : failed(*done.code()));
                          });
                        });
  return wire::Response{};
}

Answer Blobs::fetch(Call& call, const wire::FetchAttachment& request) {
  const auto blob = id_from<BlobId>(wire::view(request.attachment_id()));
  if (!blob) return refuse(ErrorCode::INVALID_ARGUMENT);
  const Known entry = known(*blob);
  if (!entry.ready) return std::nullopt;
  if (entry.failed) return unavailable();
  if (!entry.meta) return refuse(ErrorCode::NOT_FOUND);
  const auto shown = crypto::sha256(wire::view(request.token()));
  if (!crypto::equal_constant_time(shown.view(), entry.meta->token_hash.view())) return refuse(ErrorCode::FORBIDDEN);

  const auto limit = std::min<std::size_t>(request.limit(), limits::attachment_part_bytes);
  call.late = std::make_shared<LateAnswer>();
  s_.backend.blob_read(*blob, request.offset(), limit,
                       [late = call.late, size = entry.size](const Result<Bytes>& data) {
                         if (!data.ok()) return finish(late, failed(*data.code()));
                         wire::Response response;
                         response.mutable_attachment_part()->set_size(size);
                         response.mutable_attachment_part()->set_data(wire::field(*data));
                         finish(late, std::move(response));
                       });
  return wire::Response{};
}

void Blobs::expire() {
  if (s_.now < next_expiry_) return;
  next_expiry_ = s_.now + expiry_interval_ms;
  expire_after({});
}

void Blobs::expire_after(RecordKey after) {
  s_.backend.scan(keys::blob_days(), std::move(after), expiries_a_read,
                  [this](const Result<std::vector<Record>>& records) {
                    if (!records.ok()) return;
                    for (const auto& record : *records) {
                      const auto due = keys::parse_blob_day(record.key);
                      // Days come in order; the present one is not over.
                      if (!due || due->day >= s_.wall / day_ms) return;
                      expire_one(*due, record.key);
                    }
                    if (records->size() == expiries_a_read) expire_after(records->back().key);
                  });
}

void Blobs::expire_one(const keys::BlobDay& due, const RecordKey& key) {
  s_.backend.remove(key, [](const Status&) {});
  const auto expiry_key = keys::blob_expiry(due.blob);
  s_.backend.get(expiry_key, [this, blob = due.blob, expiry_key](const Result<Record>& record) {
    if (!record.ok()) return;
    const auto expiry = BlobExpiry::decode(record->value);
    // Announced again meanwhile: it has another day.
    if (expiry.ok() && expiry->expires_at > s_.wall) return;
    known_.erase(blob);
    expiries_.drop(expiry_key);
    s_.backend.remove(expiry_key, [](const Status&) {});
    s_.backend.blob_remove(blob, [](const Status&) {});
    s_.want_checkpoint();
  });
}

void Blobs::sweep(std::uint64_t step) {
  step_ = step;
  expiries_.sweep(step);
  std::erase_if(known_,
                [](const auto& item) { return item.second.ready && (item.second.failed || !item.second.meta); });
  if (known_.size() > blobs_known) std::erase_if(known_, [&](const auto& item) { return item.second.used + 1 < step; });
}

}  // namespace sotto::relay
