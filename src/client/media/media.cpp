#include "client/media/media.h"

#include <algorithm>

#include "base/try.h"
#include "client/content.h"
#include "client/failures.h"
#include "wire/frame.h"
#include "wire/limits.h"

namespace sotto::client {

namespace {

constexpr std::chrono::milliseconds transfer_retry_first{1000};
constexpr std::chrono::milliseconds transfer_retry_most{10 * 60'000};
/// A relay that cannot store now, but answers, is soon well again: who waits should not notice.
constexpr std::chrono::milliseconds transfer_retry_unavailable_most{20'000};

std::uint64_t automatic_bytes(const DownloadPolicy& policy, AttachmentKind kind) {
  switch (kind) {
    case AttachmentKind::image:
      return policy.images;
    case AttachmentKind::video:
      return policy.videos;
    case AttachmentKind::voice:
      return policy.voice;
    case AttachmentKind::document:
      break;
  }
  return policy.documents;
}

}  // namespace

// ---- What the app asks for

Status Media::append(const SendCommand& command) {
  if (c_.media.folder.empty()) {
    c_.complete<void>(command.done, Error(ErrorCode::UNSUPPORTED, "this client keeps no files"));
    return {};
  }
  SOTTO_TRY_ASSIGN(const auto known, c_.messages.find(command.message.chat, c_.account->user, command.message.id));
  if (known) return outbox_.append(command);  // Asked for again: its files need not be there any more.
  std::vector<MediaRow> rows;
  wire::Content content;
  content.set_version(content_version_of_attachments);
  content.set_sent_at(static_cast<std::uint64_t>(command.message.sent_at.time_since_epoch().count()));
  if (!command.message.text.empty()) content.mutable_text()->set_body(command.message.text);
  for (const auto& attachment : command.attachments) {
    auto& row = rows.emplace_back();
    row.state = MediaState::preparing;
    row.used_at = c_.now_ms();
    row.size = attachment.bytes.size();
    if (!attachment.path.empty()) {
      row.source = attachment.path;
      auto file = store::File::open(attachment.path, store::File::Mode::read, c_.media.vfs);
      const auto size = file.ok() ? file->size() : Result<std::uint64_t>(file.error());
      Status fits = size.ok() ? Status() : Status(Error(ErrorCode::NOT_FOUND, "the file cannot be read"));
      if (size.ok() && *size > wire::limits::attachment_plain_bytes) {
        fits = Error(ErrorCode::TOO_LARGE, "an attachment has at most 2 GiB");
      }
      if (!fits.ok()) {
        c_.complete<void>(command.done, fits.error());
        return {};
      }
      row.size = *size;
    }
    write_info(*content.add_attachments(), attachment.info, row.size);
  }
  SOTTO_TRY_ASSIGN(const auto stored, outbox_.store(command, content));
  if (!stored) return {};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto& row = rows[i];
    SOTTO_TRY_ASSIGN(row.id, c_.media_rows.insert(row));
    SOTTO_TRY(c_.media_rows.insert(AttachmentRef{command.message.chat, c_.account->user, command.message.id,
                                                 static_cast<std::uint32_t>(i), row.id, false, command.urgency}));
    const auto& bytes = command.attachments[i].bytes;
    if (bytes.empty()) continue;
    // What was handed over in memory is encrypted at once: nobody else has it.
    SOTTO_TRY_ASSIGN(auto to, store::File::open(path_of(row.id), store::File::Mode::write, c_.media.vfs));
    FileSealer sealer(bytes, row.size, std::move(to), c_.random);
    SOTTO_TRY(sealer.work(row.size + 1));
    row.key = sealer.key();
    row.hash = sealer.hash();
    SOTTO_TRY(prepared(std::move(row)));
  }
  return added(command.message);
}

Status Media::forward(const ForwardCommand& command) {
  SOTTO_TRY_ASSIGN(const auto from, c_.messages.find(command.from, command.forwarded));
  if (!from || from->kind != MessageKind::text) {
    c_.complete<void>(command.done, Error(ErrorCode::NOT_FOUND, "no such message"));
    return {};
  }
  SOTTO_TRY_ASSIGN(const auto bytes, c_.messages.content(command.from, from->sender, from->id));
  SOTTO_TRY_ASSIGN(auto content, wire::decode_own<wire::Content>(bytes));
  content.set_sent_at(static_cast<std::uint64_t>(command.message.sent_at.time_since_epoch().count()));
  SendCommand send{command.message, {}, command.done};
  send.message.text = content.text().body();
  send.message.kind = MessageKind::text;
  SOTTO_TRY_ASSIGN(auto refs, c_.media_rows.of_message(command.from, from->sender, from->id));
  for (const auto& ref : refs) {
    SOTTO_TRY_ASSIGN(const auto row, c_.media_rows.find(ref.media));
    if (row && row->state != MediaState::expired && row->state != MediaState::failed) continue;
    c_.complete<void>(command.done, Error(ErrorCode::NOT_FOUND, "an attachment is not there any more"));
    return {};
  }
  if (refs.empty()) return outbox_.append(send);
  SOTTO_TRY_ASSIGN(const auto stored, outbox_.store(send, content));
  if (!stored) return {};
  for (auto& ref : refs) {
    ref = {send.message.chat, c_.account->user, send.message.id, ref.index, ref.media, false};
    SOTTO_TRY(c_.media_rows.insert(ref));
  }
  return added(send.message);
}

Status Media::added(const Message& written) {
  look_ = true;
  SOTTO_TRY_ASSIGN(auto message, c_.messages.find(written.chat, c_.account->user, written.id));
  if (message) c_.emit(MessageAdded{std::move(*message)});
  return {};
}

Status Media::control(const TransferCommand& command) {
  SOTTO_TRY_ASSIGN(const auto message, c_.messages.find(command.chat, command.message));
  std::optional<MediaRow> row;
  if (message) {
    SOTTO_TRY_ASSIGN(row, c_.media_rows.find(*message, command.index));
  }
  if (!row) {
    c_.complete<void>(command.done, Error(ErrorCode::NOT_FOUND, "no such attachment"));
    return {};
  }
  const auto id = row->id;
  const auto was = row->state;
  look_ = true;
  retries_.erase(id);
  const bool own = was == MediaState::preparing || was == MediaState::uploading;
  switch (command.action) {
    case TransferAction::start:
      if (was == MediaState::expired || (was == MediaState::failed && !row->attachment)) {
        c_.complete<void>(command.done, row->problem.value_or(Error(ErrorCode::NOT_FOUND)));
        return {};
      }
      row->paused = false;
      if (was == MediaState::present) {
        const auto file = open_own(*row);
        if (!file.ok() && is_storage_failure(file.error())) {
          c_.complete<void>(command.done, file.error());
          return {};
        }
        if (!file.ok()) SOTTO_TRY(drop_file(*row));
      }
      if (row->state == MediaState::remote || was == MediaState::failed) row->state = MediaState::downloading;
      if (row->state == MediaState::present) {
        c_.complete<void>(command.done, Result<void>{});
      } else if (command.done) {
        c_.undo.emplace_back([this, id, count = waiting_[id].size()] { waiting_[id].resize(count); });
        waiting_[id].push_back(command.done);
      }
      break;
    case TransferAction::pause:
      if (own || was == MediaState::downloading) row->paused = true;
      c_.complete<void>(command.done, Result<void>{});
      break;
    case TransferAction::cancel: {
      const Error why(ErrorCode::CANCELLED, "cancelled by the app");
      row->paused = false;
      SOTTO_TRY_ASSIGN(const bool keep, was_sent(id));
      if (own) {
        row->state = keep ? MediaState::present : MediaState::failed;
        row->problem = keep ? std::nullopt : std::optional(why);
        SOTTO_TRY(fail_messages(id, why));
      } else if (was == MediaState::downloading) {
        row->state = MediaState::remote;
      }
      if (own || was == MediaState::downloading) {
        if (!own || !keep) {
          row->fetched = 0;
          row->hash_state.reset();
          SOTTO_TRY(discard(id));
        }
        complete(id, why);
      }
      c_.complete<void>(command.done, Result<void>{});
      break;
    }
  }
  SOTTO_TRY(c_.media_rows.update(*row));
  // What is under way begins anew from the row.
  if (uploads_.contains(id) || downloads_.contains(id) || (sealing_ && sealing_->row.id == id)) {
    if (row->paused || row->state != was) on_rollback();
  }
  return show(id);
}

Status Media::on_arrived(const Message& message, const wire::Content& content) {
  if (content.attachments_size() > static_cast<int>(wire::limits::attachments_per_message)) {
    return Error(ErrorCode::MALFORMED, "more attachments than a message may have");
  }
  std::vector<MediaRow> rows;
  for (const auto& attachment : content.attachments()) {
    SOTTO_TRY_ASSIGN(auto row, read_location(attachment));
    rows.push_back(std::move(row));
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto& row = rows[i];
    SOTTO_TRY_ASSIGN(auto known, c_.media_rows.find(*row.attachment, *row.key, *row.hash));
    if (known && known->size == row.size) {
      row = std::move(*known);
    } else {
      row.used_at = c_.now_ms();
      SOTTO_TRY_ASSIGN(row.id, c_.media_rows.insert(row));
    }
    SOTTO_TRY(c_.media_rows.insert(
        AttachmentRef{message.chat, message.sender, message.id, static_cast<std::uint32_t>(i), row.id, true}));
    const auto kind = static_cast<AttachmentKind>(content.attachments(static_cast<int>(i)).kind());
    const bool wanted = row.size <= automatic_bytes(policy_, kind) && (!metered_ || policy_.on_metered);
    if (row.state != MediaState::remote || !wanted || c_.media.folder.empty()) continue;
    row.state = MediaState::downloading;
    SOTTO_TRY(c_.media_rows.update(row));
    look_ = true;
  }
  return {};
}

void Media::set_policy(const DownloadPolicy& policy, bool metered) {
  policy_ = policy;
  metered_ = metered;
}

Status Media::on_used(std::int64_t id) {
  SOTTO_TRY_ASSIGN(const auto row, c_.media_rows.find(id));
  if (!row || !counts_as_use(row->used_at, c_.now_ms())) return {};
  return c_.media_rows.set_used(id, c_.now_ms());
}

Status Media::on_lost(std::int64_t id, const Error& why) {
  SOTTO_TRY_ASSIGN(auto row, c_.media_rows.find(id));
  if (!row || row->state != MediaState::present) return {};  // The cache dropped it, or it is fetched again already.
  c_.log.warning("an encrypted attachment is gone or damaged: ", why.code);
  row->problem = why;
  SOTTO_TRY(drop_file(*row));
  return show(id);
}

// ---- What is done by itself

Status Media::pump(bool main_is_there) {
  if (c_.media.folder.empty()) return {};
  SOTTO_TRY(empty_trash());
  if (!c_.account) {
    // Nothing of an account that was erased is wanted any more.
    session_.want(false, false);
    return {};
  }
  more_ = false;
  // Those whose time to try again has come; how often they failed is remembered.
  bool look = std::exchange(look_, false);
  for (auto& [id, retry] : retries_) look = (retry.at <= c_.now && std::exchange(retry.waiting, false)) || look;
  SOTTO_TRY(prepare(look));
  if (look) {
    SOTTO_TRY(begin_uploads());
    // A file of the same number may still have to go.
    if (trash_ || discarded_) {
      look_ = true;
    } else {
      SOTTO_TRY(begin_downloads());
    }
    SOTTO_TRY_ASSIGN(unready_, c_.media_rows.unready(16));
    std::erase_if(unready_, [&](const AttachmentRef& ref) { return waits(ref.media); });
  }
  const bool was_online = !session_.offline();
  session_.want(!uploads_.empty() || !downloads_.empty() || !unready_.empty() || referring_, main_is_there);
  if (was_online && session_.offline()) on_connection_lost();
  if (session_.ready()) {
    for (auto& [id, upload] : uploads_) {
      if (!upload.announced) SOTTO_TRY(announce(upload));
    }
    SOTTO_TRY(refer());
    for (auto next = uploads_.begin(); next != uploads_.end();) {
      auto& upload = (next++)->second;  // It may end here.
      SOTTO_TRY(send_parts(upload));
    }
    for (auto& [id, download] : downloads_) {
      if (session_.ready()) ask_parts(download);
    }
  }
  more_ = more_ || discarded_ || (look_ && !trash_);
  trash_ = trash_ || std::exchange(discarded_, false);
  return {};
}

void Media::on_connection_lost() {
  uploads_.clear();
  downloads_.clear();
  parts_in_flight_ = 0;
  referring_ = false;
  look_ = true;
}

void Media::on_rollback() {
  session_.abandon(Error(ErrorCode::CANCELLED, "begins anew"));
  on_connection_lost();
  sealing_.reset();
  told_.clear();
  unready_.clear();
  trash_ = true;
  discarded_ = false;
  // At once, as far as it can be: the next file may get the number of one that is left, and be shorter.
  orphans_ = !remove_orphans().ok();
}

std::optional<Timestamp> Media::next_timer() const {
  if (c_.media.folder.empty()) return std::nullopt;
  if (more_ && c_.account) return c_.now;
  std::optional<Timestamp> out;
  const auto consider = [&](Timestamp at) { out = std::min(out.value_or(at), at); };
  for (const auto& [id, retry] : retries_) {
    if (retry.waiting && c_.account) consider(retry.at);
  }
  if (trash_) consider(c_.now + transfer_retry_first);  // A file could not be removed.
  return out;
}

void Media::set_clock_back(std::chrono::milliseconds by) {
  for (auto& [id, retry] : retries_) retry.at -= by;
}

void Media::close(const Error& why) {
  for (const auto& [id, waiting] : waiting_) {
    for (const auto& done : waiting) c_.complete<void>(done, why);
  }
  waiting_.clear();
}

bool Media::waits(std::int64_t id) const {
  const auto retry = retries_.find(id);
  return retry != retries_.end() && retry->second.waiting;
}

void Media::retry_later(std::int64_t id, const Error& why) {
  auto& retry = retries_[id];
  retry.waiting = true;
  const auto most = why.code == ErrorCode::UNAVAILABLE ? transfer_retry_unavailable_most : transfer_retry_most;
  retry.at = c_.now + wait_after(why, ++retry.failures, transfer_retry_first, most, c_.random);
}

}  // namespace sotto::client
