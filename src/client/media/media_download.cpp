// Attachments on their way in.
#include <algorithm>

#include "base/try.h"
#include "client/media/media.h"
#include "wire/frame.h"
#include "wire/limits.h"

namespace sotto::client {

namespace {

constexpr std::size_t downloads_at_once = 4;
constexpr std::size_t download_parts_at_once = 8;
constexpr std::size_t parts_of_one_download = 6;
/// How much of a download a crash may cost.
constexpr std::uint64_t save_bytes = 1024 * 1024;

}  // namespace

Status Media::begin_downloads() {
  SOTTO_TRY_ASSIGN(const auto ids, c_.media_rows.in_state(MediaState::downloading, 64));
  for (const auto id : ids) {
    if (downloads_.size() >= downloads_at_once) break;
    if (downloads_.contains(id) || waits(id)) continue;
    SOTTO_TRY_ASSIGN(auto row, c_.media_rows.find(id));
    if (!row || !row->attachment || !row->key || !row->hash) {
      return Error(ErrorCode::CORRUPT, "a download without its place");
    }
    auto file = store::File::open(path_of(id), store::File::Mode::write, c_.media.vfs);
    if (!file.ok()) {
      retry_later(id, file.error());
      continue;
    }
    auto token = attachment_token(row->key->view());
    const auto total = cipher_size(row->size);
    const auto there = file->size();
    if (!there.ok()) {
      retry_later(id, there.error());
      continue;
    }
    // Where it goes on, unless somebody took what there was.
    const bool goes_on = row->hash_state && row->fetched <= std::min(*there, total);
    const auto at = goes_on ? row->fetched : 0;
    const auto hash = goes_on ? crypto::Sha256(*row->hash_state) : crypto::Sha256();
    downloads_.emplace(
        id, Download{std::move(*row), std::move(*file), std::move(token), total, at, at, at, hash, 0, ++attempts_});
  }
  return {};
}

void Media::ask_parts(Download& download) {
  const auto id = download.row.id;
  while (download.asked < download.total && download.in_flight < parts_of_one_download &&
         parts_in_flight_ < download_parts_at_once) {
    const auto size = std::min<std::uint64_t>(wire::limits::attachment_part_bytes, download.total - download.asked);
    wire::Request request;
    auto& command = *request.mutable_fetch_attachment();
    command.set_attachment_id(to_string_bytes(*download.row.attachment));
    command.set_token(wire::field(download.token));
    command.set_offset(download.asked);
    command.set_limit(static_cast<std::uint32_t>(size));
    const auto offset = download.asked;
    download.asked += size;
    ++download.in_flight;
    ++parts_in_flight_;
    session_.request(request, [this, id, attempt = download.attempt, offset](const wire::Response& response) {
      return on_part(id, attempt, offset, response);
    });
  }
}

Status Media::on_part(std::int64_t id, std::uint64_t attempt, std::uint64_t offset, const wire::Response& response) {
  if (parts_in_flight_ > 0) --parts_in_flight_;
  const auto found = downloads_.find(id);
  if (found == downloads_.end() || found->second.attempt != attempt) return {};
  auto& download = found->second;
  if (download.in_flight > 0) --download.in_flight;
  if (const auto status = wire::status_of(response); !status.ok()) return download_failed(id, status.error());
  const auto& part = response.attachment_part();
  const auto expected =
      std::min<std::uint64_t>(wire::limits::attachment_part_bytes, download.total - download.received);
  if (offset != download.received || part.size() != download.total || part.data().size() != expected) {
    return download_failed(id, Error(ErrorCode::MALFORMED, "the relay has another file under this name"));
  }
  if (const auto written = download.file.write(offset, wire::view(part.data())); !written.ok()) {
    return download_failed(id, written.error());
  }
  download.hash.update(wire::view(part.data()));
  download.received += part.data().size();
  const bool complete = download.received == download.total;
  if (complete && download.hash.digest() != *download.row.hash) {
    return download_failed(id, Error(ErrorCode::MALFORMED, "the relay has another file under this name"));
  }
  if (complete || download.received - download.saved >= save_bytes) {
    if (const auto synced = download.file.sync(); !synced.ok()) return download_failed(id, synced.error());
    download.saved = download.received;
    SOTTO_TRY(c_.media_rows.set_fetched(id, download.received, download.hash.state()));
  }
  if (complete) return downloaded(id);
  return progress(id, download.received, download.total);
}

Status Media::downloaded(std::int64_t id) {
  auto node = downloads_.extract(id);
  auto& row = node.mapped().row;
  SOTTO_TRY(set_present(row, node.mapped().total));
  // Only advice to the relay: if it is lost, the file lives its whole time there.
  wire::Request request;
  request.mutable_attachment_received()->set_attachment_id(to_string_bytes(*row.attachment));
  request.mutable_attachment_received()->set_token(wire::field(node.mapped().token));
  session_.request(request, [](const wire::Response&) { return Status{}; });
  return tell_present(id);
}

Status Media::download_failed(std::int64_t id, const Error& why) {
  downloads_.erase(id);
  look_ = true;
  SOTTO_TRY_ASSIGN(auto row, c_.media_rows.find(id));
  if (!row) return {};
  row->problem = why;
  if (why.retryable) {
    retry_later(id, why);
    SOTTO_TRY(c_.media_rows.update(*row));
    return show(id);
  }
  c_.log.warning("an attachment cannot be fetched: ", why.code);
  // Without a file at the relay there is none under this name any more; a wrong one may be the right one next time.
  row->state = why.code == ErrorCode::NOT_FOUND ? MediaState::expired : MediaState::failed;
  row->fetched = 0;
  row->hash_state.reset();
  retries_.erase(id);
  SOTTO_TRY(c_.media_rows.update(*row));
  SOTTO_TRY(discard(id));
  complete(id, why);
  return show(id);
}

}  // namespace sotto::client
