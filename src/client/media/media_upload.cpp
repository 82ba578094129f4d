// Attachments on their way out: encrypted, announced, uploaded; or only told of again.
#include <algorithm>

#include "base/try.h"
#include "client/failures.h"
#include "client/media/media.h"
#include "wire/frame.h"
#include "wire/limits.h"

namespace sotto::client {

namespace {

/// Encrypted in one step: some milliseconds in which no message moves.
constexpr std::uint64_t slice_bytes = 1024 * 1024;
constexpr std::size_t uploads_at_once = 4;
/// All parts that wait for an answer have to fit what the relay lets wait.
constexpr std::size_t upload_parts_at_once = 6;
constexpr std::size_t parts_of_one_upload = 4;
/// An app's file that cannot be read for so many tries will not be.
constexpr std::uint32_t tries_to_prepare = 6;

}  // namespace

// ---- Preparing

Status Media::prepare(bool look) {
  if (!sealing_) {
    if (!look) return {};
    SOTTO_TRY_ASSIGN(const auto ids, c_.media_rows.in_state(MediaState::preparing, 16));
    const auto id = std::ranges::find_if(ids, [&](std::int64_t one) { return !waits(one); });
    if (id == ids.end()) return {};
    SOTTO_TRY_ASSIGN(auto row, c_.media_rows.find(*id));
    if (!row || !row->source) return Error(ErrorCode::CORRUPT, "an attachment without its source");
    auto from = store::File::open(*row->source, store::File::Mode::read, c_.media.vfs);
    if (!from.ok()) return not_prepared(std::move(*row), Failed::source, from.error());
    auto to = store::File::open(path_of(row->id), store::File::Mode::write, c_.media.vfs);
    if (!to.ok()) return not_prepared(std::move(*row), Failed::own_file, to.error());
    const auto size = row->size;
    sealing_.emplace(Sealing{std::move(*row), FileSealer(std::move(*from), size, std::move(*to), c_.random)});
  }
  const auto done = sealing_->sealer.work(slice_bytes);
  auto& row = sealing_->row;
  if (!done.ok()) {
    auto failed = std::move(row);
    const auto what = sealing_->sealer.source_failed() ? Failed::source : Failed::own_file;
    sealing_.reset();
    return not_prepared(std::move(failed), what, done.error());
  }
  more_ = true;
  if (!*done) return progress(row.id, sealing_->sealer.written(), cipher_size(row.size));
  row.key = sealing_->sealer.key();
  row.hash = sealing_->sealer.hash();
  auto finished = std::move(row);
  sealing_.reset();
  const auto id = finished.id;
  SOTTO_TRY(prepared(std::move(finished)));
  return show(id);
}

Status Media::prepared(MediaRow row) {
  row.state = MediaState::uploading;
  row.source.reset();
  row.problem.reset();
  const auto token_hash = crypto::sha256(attachment_token(row.key->view()));
  row.attachment = wire::attachment_id_of(c_.account->user, *row.hash, token_hash);
  row.used_at = c_.now_ms();
  retries_.erase(row.id);
  look_ = true;
  return c_.media_rows.update(row);
}

Status Media::not_prepared(MediaRow row, Failed what, const Error& why) {
  const auto id = row.id;
  row.problem = what == Failed::source && why.code == ErrorCode::NOT_FOUND
                    ? Error(ErrorCode::NOT_FOUND, "its file is not there any more")
                    : why;
  // The store's own disk is waited for, as with everything else.
  if (is_storage_failure(why) && (what == Failed::own_file || retries_[id].failures < tries_to_prepare)) {
    retry_later(id, why);
    return c_.media_rows.update(row);
  }
  c_.log.warning("an attachment cannot be read: ", why.code);
  const auto problem = *row.problem;
  return end_upload(std::move(row), problem);
}

Status Media::end_upload(MediaRow row, const Error& why, MediaState kept) {
  const auto id = row.id;
  retries_.erase(id);
  SOTTO_TRY_ASSIGN(const bool keep, was_sent(id));
  row.state = keep ? kept : MediaState::failed;
  if (keep) row.problem.reset();
  SOTTO_TRY(c_.media_rows.update(row));
  if (row.state != MediaState::present) SOTTO_TRY(discard(id));
  SOTTO_TRY(fail_messages(id, why));
  complete(id, why);
  return show(id);
}

// ---- Uploading

Status Media::begin_uploads() {
  SOTTO_TRY_ASSIGN(const auto ids, c_.media_rows.in_state(MediaState::uploading, 64));
  for (const auto id : ids) {
    if (uploads_.size() >= uploads_at_once) break;
    if (uploads_.contains(id) || waits(id)) continue;
    SOTTO_TRY_ASSIGN(auto row, c_.media_rows.find(id));
    if (!row || !row->key || !row->hash) return Error(ErrorCode::CORRUPT, "an upload without its file");
    auto file = open_own(*row);
    if (!file.ok()) {
      SOTTO_TRY(file_failed(id, file.error()));
      continue;
    }
    const auto total = cipher_size(row->size);
    uploads_.emplace(id, Upload{std::move(*row), std::move(*file), total, 0, 0, false, 0, ++attempts_});
  }
  return {};
}

Status Media::announce(Upload& upload) {
  const auto id = upload.row.id;
  upload.announced = true;
  SOTTO_TRY_ASSIGN(const auto refs, c_.media_rows.of_media(id));
  SOTTO_TRY_ASSIGN(const auto readers, readers_of(refs));
  wire::Request request;
  auto& command = *request.mutable_create_attachment();
  command.set_hash(wire::field(upload.row.hash->view()));
  command.set_size(upload.total);
  command.set_token_hash(wire::field(crypto::sha256(attachment_token(upload.row.key->view())).view()));
  command.set_recipients(readers);
  ++upload.in_flight;  // No part leaves before the answer says where to go on.
  session_.request(request, [this, id, attempt = upload.attempt](const wire::Response& response) {
    return on_announced(id, attempt, response);
  });
  return {};
}

Media::Upload* Media::upload_of(std::int64_t id, std::uint64_t attempt) {
  const auto found = uploads_.find(id);
  return found != uploads_.end() && found->second.attempt == attempt ? &found->second : nullptr;
}

Status Media::on_announced(std::int64_t id, std::uint64_t attempt, const wire::Response& response) {
  auto* found = upload_of(id, attempt);
  if (found == nullptr) return {};
  auto& upload = *found;
  upload.in_flight = 0;
  if (const auto status = wire::status_of(response); !status.ok()) return upload_failed(id, status.error());
  const auto& created = response.attachment_created();
  if (!equal(wire::view(created.attachment_id()), view(*upload.row.attachment)) || created.offset() > upload.total) {
    return Error(ErrorCode::PROTOCOL_ERROR, "another attachment than was announced");
  }
  upload.sent = upload.confirmed = created.offset();
  if (upload.confirmed == upload.total) return uploaded(id);
  return {};
}

Status Media::send_parts(Upload& upload) {
  const auto id = upload.row.id;
  // While the announcement is not answered, one is in flight and nothing is confirmed to have been sent.
  while (upload.sent < upload.total && upload.in_flight < parts_of_one_upload &&
         parts_in_flight_ < upload_parts_at_once && (upload.sent > 0 || upload.in_flight == 0)) {
    Bytes part(static_cast<std::size_t>(
        std::min<std::uint64_t>(wire::limits::attachment_part_bytes, upload.total - upload.sent)));
    if (const auto read = upload.file.read(upload.sent, part); !read.ok()) {
      return file_failed(id, read.error());
    }
    wire::Request request;
    auto& command = *request.mutable_upload_attachment();
    command.set_attachment_id(to_string_bytes(*upload.row.attachment));
    command.set_offset(upload.sent);
    command.set_data(wire::field(part));
    upload.sent += part.size();
    ++upload.in_flight;
    ++parts_in_flight_;
    session_.request(request, [this, id, attempt = upload.attempt](const wire::Response& response) {
      return on_part_taken(id, attempt, response);
    });
  }
  return {};
}

Status Media::on_part_taken(std::int64_t id, std::uint64_t attempt, const wire::Response& response) {
  if (parts_in_flight_ > 0) --parts_in_flight_;
  auto* found = upload_of(id, attempt);
  if (found == nullptr) return {};
  auto& upload = *found;
  if (upload.in_flight > 0) --upload.in_flight;
  if (const auto status = wire::status_of(response); !status.ok()) return upload_failed(id, status.error());
  const auto offset = response.attachment_created().offset();
  if (offset <= upload.confirmed || offset > upload.sent) {
    return Error(ErrorCode::PROTOCOL_ERROR, "a part was taken that was not sent");
  }
  upload.confirmed = offset;
  if (upload.confirmed == upload.total) return uploaded(id);
  return progress(id, upload.confirmed, upload.total);
}

Status Media::uploaded(std::int64_t id) {
  auto node = uploads_.extract(id);
  SOTTO_TRY(set_present(node.mapped().row, node.mapped().total));
  SOTTO_TRY_ASSIGN(const auto refs, c_.media_rows.of_media(id));
  for (const auto& ref : refs) {
    if (!ref.ready) SOTTO_TRY(ready(ref));
  }
  return tell_present(id);
}

Status Media::upload_failed(std::int64_t id, const Error& why) {
  uploads_.erase(id);
  look_ = true;
  SOTTO_TRY_ASSIGN(auto row, c_.media_rows.find(id));
  if (!row) return {};
  row->problem = why;
  // CONFLICT: the relay lost what a crash cost it; the next announcement tells where to go on.
  if (why.retryable || why.code == ErrorCode::CONFLICT || why.code == ErrorCode::NOT_FOUND) {
    retry_later(id, why);
    SOTTO_TRY(c_.media_rows.update(*row));
    return show(id);
  }
  // It was uploaded whole, and is not what was announced.
  if (why.code == ErrorCode::BAD_SIGNATURE) return file_failed(id, why);
  c_.log.warning("an attachment cannot be uploaded: ", why.code);
  return end_upload(std::move(*row), why);
}

Status Media::file_failed(std::int64_t id, const Error& why) {
  if (is_storage_failure(why)) return upload_failed(id, why);
  uploads_.erase(id);
  look_ = true;
  SOTTO_TRY_ASSIGN(auto row, c_.media_rows.find(id));
  if (!row) return {};
  c_.log.warning("an encrypted attachment is gone or damaged: ", why.code);
  const auto problem = file_damage(why.code);
  row->problem = problem;
  row->fetched = 0;
  row->hash_state.reset();
  return end_upload(std::move(*row), problem, MediaState::remote);
}

// ---- Forwarding

Status Media::refer() {
  if (referring_ || unready_.empty()) return {};
  const auto ref = unready_.front();
  SOTTO_TRY_ASSIGN(const auto row, c_.media_rows.find(ref.media));
  if (!row || !row->attachment || !row->key) return Error(ErrorCode::CORRUPT, "an attachment without its file");
  SOTTO_TRY_ASSIGN(const auto readers, readers_of({ref}));
  referring_ = true;
  wire::Request request;
  auto& command = *request.mutable_reference_attachment();
  command.set_attachment_id(to_string_bytes(*row->attachment));
  command.set_token(wire::field(attachment_token(row->key->view())));
  command.set_recipients(readers);
  session_.request(request, [this, ref](const wire::Response& response) { return on_referred(ref, response); });
  return {};
}

Status Media::on_referred(const AttachmentRef& ref, const wire::Response& response) {
  referring_ = false;
  look_ = true;
  const auto status = wire::status_of(response);
  if (status.ok()) return ready(ref);
  if (status.error().retryable) {
    retry_later(ref.media, status.error());
    return {};
  }
  SOTTO_TRY_ASSIGN(auto row, c_.media_rows.find(ref.media));
  if (!row) return {};
  if (row->state == MediaState::present && status.error().code == ErrorCode::NOT_FOUND) {
    // It is gone from the relay, but not from here: as our own it goes up again.
    SOTTO_TRY(prepared(std::move(*row)));
    return show(ref.media);
  }
  SOTTO_TRY(fail_messages(ref.media, status.error()));
  if (status.error().code != ErrorCode::NOT_FOUND) return {};
  row->state = MediaState::expired;
  SOTTO_TRY(c_.media_rows.update(*row));
  return show(ref.media);
}

}  // namespace sotto::client
