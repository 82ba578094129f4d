#include "relay/blobs.h"

#include <algorithm>

#include "crypto/hash.h"
#include "relay/chat_rules.h"
#include "wire/attachment.h"
#include "wire/limits.h"

namespace sotto::relay {

namespace limits = wire::limits;

namespace {

constexpr std::size_t expiries_a_run = 100;
constexpr std::size_t blobs_known = 10'000;
constexpr int blob_conflicts_at_most = 3;
/// Of those that have a blob: so many are remembered. A blob that was announced to more lives its whole time.
constexpr std::size_t receivers_kept = 1000;

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
    case ErrorCode::LIMIT_EXCEEDED:
      return refuse(ErrorCode::LIMIT_EXCEEDED, "the device's quota of attachments");
    case ErrorCode::TOO_LARGE:
    case ErrorCode::NOT_FOUND:
    case ErrorCode::FORBIDDEN:
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

bool opens(const std::string& token, const BlobMeta& meta) {
  return crypto::equal_constant_time(crypto::sha256(wire::view(token)).view(), meta.token_hash.view());
}

}  // namespace

Answer Blobs::create(Call& call, const wire::CreateAttachment& request) {
  const auto& device = call.connection.sender.device;
  NewBlob what;
  BlobMeta meta;
  meta.user = device.user;
  meta.recipients = request.recipients();
  if (!assign_exact(what.hash, wire::view(request.hash())) ||
      !assign_exact(meta.token_hash, wire::view(request.token_hash())) || request.size() == 0) {
    return refuse(ErrorCode::INVALID_ARGUMENT);
  }
  if (request.size() > limits::attachment_bytes) return refuse(ErrorCode::TOO_LARGE);
  // The same announcement gives the same id: so an upload goes on where it was.
  const BlobId blob{wire::attachment_id_of(meta.user, what.hash, meta.token_hash).bytes};
  const auto& entry = known(blob);
  if (!entry.ready) return std::nullopt;
  if (!entry.state) {
    const auto limited = s_.limit('b', {view(device.user), view(device.device)}, s_.config.blob_bytes,
                                  static_cast<double>(request.size()));
    if (limited) return limited;
  }
  const bool finished = entry.state && entry.state->finished();
  what.size = request.size();
  what.meta = meta.encode();
  what.owner = concat({view(device.user), view(device.device)});
  what.owner_bytes = s_.config.blob_quota_bytes;
  what.expires_at = s_.wall + (finished ? s_.config.blob_lifetime_ms : s_.config.upload_lifetime_ms);
  call.late = std::make_shared<LateAnswer>();
  s_.backend.blob_begin(blob, std::move(what), [this, blob, late = call.late](const Result<BlobState>& state) {
    note(blob, state);
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
    if (entry != known_.end()) take(entry->second, state);
  });
  return it->second;
}

void Blobs::take(Known& known, const Result<std::optional<BlobState>>& state) {
  known.ready = true;
  known.failed = !state.ok();
  known.state.reset();
  if (known.failed || !*state) return;
  known.state = *state;
  auto meta = BlobMeta::decode((*state)->meta);
  known.failed = !meta.ok();
  if (meta.ok()) known.meta = std::move(*meta);
}

void Blobs::note(const BlobId& blob, const Result<BlobState>& state) {
  const auto entry = known_.find(blob);
  if (entry == known_.end()) return;
  // What failed is asked for anew.
  if (state.ok()) return take(entry->second, std::optional(*state));
  known_.erase(entry);
}

Answer Blobs::upload(Call& call, const wire::UploadAttachment& request) {
  const auto blob = id_from<BlobId>(wire::view(request.attachment_id()));
  if (!blob || request.data().empty()) return refuse(ErrorCode::INVALID_ARGUMENT);
  if (request.data().size() > limits::attachment_part_bytes) return refuse(ErrorCode::TOO_LARGE);
  const auto& entry = known(*blob);
  if (!entry.ready) return std::nullopt;
  if (entry.failed) return unavailable();
  if (!entry.state) return refuse(ErrorCode::NOT_FOUND);
  if (entry.meta.user != call.connection.sender.device.user) return refuse(ErrorCode::FORBIDDEN);

  const bool last = request.offset() + request.data().size() == entry.state->size;
  const auto lives = last ? s_.config.blob_lifetime_ms : s_.config.upload_lifetime_ms;
  // One part a connection is on its way to the disk; the others wait where they are counted.
  call.barrier = true;
  call.late = std::make_shared<LateAnswer>();
  s_.backend.blob_write(*blob, request.offset(), to_bytes(wire::view(request.data())), s_.wall + lives,
                        [this, id = *blob, late = call.late](const Result<BlobState>& state) {
                          note(id, state);
                          finish(late, state.ok() ? created(id, state->received) : failed(*state.code()));
                        });
  return wire::Response{};
}

Answer Blobs::fetch(Call& call, const wire::FetchAttachment& request) {
  const auto blob = id_from<BlobId>(wire::view(request.attachment_id()));
  if (!blob) return refuse(ErrorCode::INVALID_ARGUMENT);
  const auto& entry = known(*blob);
  if (!entry.ready) return std::nullopt;
  if (entry.failed) return unavailable();
  if (!entry.state) return refuse(ErrorCode::NOT_FOUND);
  if (!opens(request.token(), entry.meta)) return refuse(ErrorCode::FORBIDDEN);

  const auto limit = std::min<std::size_t>(request.limit(), limits::attachment_part_bytes);
  call.late = std::make_shared<LateAnswer>();
  s_.backend.blob_read(*blob, request.offset(), limit,
                       [late = call.late, size = entry.state->size](const Result<Bytes>& data) {
                         if (!data.ok()) return finish(late, failed(*data.code()));
                         wire::Response response;
                         response.mutable_attachment_part()->set_size(size);
                         response.mutable_attachment_part()->set_data(wire::field(*data));
                         finish(late, std::move(response));
                       });
  return wire::Response{};
}

Answer Blobs::reference(Call& call, const wire::ReferenceAttachment& request) {
  return change_by(call, request.attachment_id(),
                   [this, token = request.token(), more = request.recipients()](BlobMeta& meta,
                                                                                std::uint64_t& expires_at) -> Status {
                     if (!opens(token, meta)) return ErrorCode::FORBIDDEN;
                     const auto sum = std::uint64_t{meta.recipients} + more;
                     meta.recipients = static_cast<std::uint32_t>(std::min<std::uint64_t>(sum, UINT32_MAX));
                     // Announced to somebody unknown: nobody can tell when all have it.
                     if (more == 0) meta.recipients = 0;
                     expires_at = std::max(expires_at, s_.wall + s_.config.blob_lifetime_ms);
                     return {};
                   });
}

Answer Blobs::received(Call& call, const wire::AttachmentReceived& request) {
  return change_by(call, request.attachment_id(),
                   [this, token = request.token(), user = call.connection.sender.device.user](
                       BlobMeta& meta, std::uint64_t& expires_at) -> Status {
                     if (!opens(token, meta)) return ErrorCode::FORBIDDEN;
                     const bool counts = user != meta.user && meta.received.size() < receivers_kept;
                     if (counts && std::ranges::find(meta.received, user) == meta.received.end())
                       meta.received.push_back(user);
                     if (meta.recipients == 0 || meta.received.size() < meta.recipients) return {};
                     expires_at = std::min(expires_at, s_.wall + s_.config.blob_received_lifetime_ms);
                     return {};
                   });
}

Answer Blobs::change_by(Call& call, const std::string& attachment_id, Change what) {
  const auto blob = id_from<BlobId>(wire::view(attachment_id));
  if (!blob) return refuse(ErrorCode::INVALID_ARGUMENT);
  const auto& device = call.connection.sender.device;
  const auto limited = s_.limit('r', {view(device.user), view(device.device)}, s_.config.blob_changes);
  if (limited) return limited;
  call.late = std::make_shared<LateAnswer>();
  change(*blob, std::move(what), call.late, blob_conflicts_at_most);
  return wire::Response{};
}

void Blobs::change(const BlobId& blob, Change what, const Late& late, int tries) {
  s_.backend.blob_state(
      blob, [this, blob, what = std::move(what), late, tries](const Result<std::optional<BlobState>>& state) {
        if (!state.ok()) return finish(late, failed(*state.code()));
        if (!*state || !(*state)->finished()) return finish(late, refuse(ErrorCode::NOT_FOUND));
        auto meta = BlobMeta::decode((*state)->meta);
        if (!meta.ok()) return finish(late, unavailable());
        auto expires_at = (*state)->expires_at;
        if (const auto done = what(*meta, expires_at); !done.ok()) return finish(late, failed(*done.code()));
        s_.backend.blob_update(blob, (*state)->revision, meta->encode(), expires_at,
                               [this, blob, what, late, tries](const Result<BlobState>& changed) {
                                 note(blob, changed);
                                 if (changed.ok()) return finish(late, created(blob, changed->size));
                                 if (*changed.code() != ErrorCode::CONFLICT)
                                   return finish(late, failed(*changed.code()));
                                 if (tries <= 1) return finish(late, unavailable());
                                 change(blob, what, late, tries - 1);
                               });
      });
}

void Blobs::expire() {
  if (s_.now < next_expiry_) return;
  next_expiry_ = s_.now + s_.config.blob_expiry_ms;
  expire_some();
}

void Blobs::expire_some() {
  s_.backend.blob_expire(s_.wall, expiries_a_run, [this](const Result<std::size_t>& removed) {
    if (!removed.ok() || *removed == 0) return;
    known_.clear();
    if (*removed == expiries_a_run) expire_some();
  });
}

void Blobs::sweep(std::uint64_t step) {
  step_ = step;
  std::erase_if(known_,
                [](const auto& item) { return item.second.ready && (item.second.failed || !item.second.state); });
  if (known_.size() > blobs_known) std::erase_if(known_, [&](const auto& item) { return item.second.used + 1 < step; });
}

}  // namespace sotto::relay
