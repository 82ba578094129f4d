#include "rpc/created_attachments.h"

#include <sodium.h>

#include <array>

#include "rpc/fields.h"

namespace rpc {

using sotto::Error;
using sotto::ErrorCode;
using sotto::Result;

namespace {

/// As hard to guess as a key: who knows it can send the file.
std::string random_id() {
  std::array<std::uint8_t, 16> bytes{};
  randombytes_buf(bytes.data(), bytes.size());
  std::array<char, 2 * bytes.size() + 1> out{};
  return sodium_bin2hex(out.data(), out.size(), bytes.data(), bytes.size());
}

}  // namespace

void CreatedAttachments::drop_old() {
  const auto now = std::chrono::steady_clock::now();
  for (auto it = all_.begin(); it != all_.end();) {
    const bool old = now - it->second.created > created_lifetime;
    if (old) bytes_ -= it->second.attachment.bytes.size();
    it = old ? all_.erase(it) : std::next(it);
  }
}

void CreatedAttachments::insert(CreatedAttachment created) {
  bytes_ += created.attachment.bytes.size();
  auto id = created.id;
  all_.emplace(std::move(id), std::move(created));
}

Result<std::string> CreatedAttachments::add(sotto::OutgoingAttachment attachment, const chat::FileStamp& file) {
  drop_old();
  if (all_.size() >= most_created || bytes_ + attachment.bytes.size() > most_created_bytes) {
    return Error(ErrorCode::LIMIT_EXCEEDED, "too many attachments were created and not sent");
  }
  auto id = random_id();
  insert({id, std::move(attachment), file, std::chrono::steady_clock::now()});
  return id;
}

Result<std::vector<CreatedAttachment>> CreatedAttachments::take(const std::vector<std::string>& ids) {
  for (const auto& id : ids) {
    const auto found = all_.find(id);
    if (found == all_.end()) {
      return Error(ErrorCode::NOT_FOUND, "no attachment " + shortened(id) + ": create it again");
    }
    const auto& path = found->second.attachment.path;
    if (path.empty()) continue;
    const auto now = chat::look_at_file(path);
    if (!now.ok()) return now.error();
    if (*now != found->second.file) {
      return Error(ErrorCode::INVALID_ARGUMENT, "the file of " + id + " was changed: create it again");
    }
  }
  std::vector<CreatedAttachment> out;
  for (const auto& id : ids) {
    auto node = all_.extract(id);
    if (node.empty()) {  // Named twice.
      put_back(std::move(out));
      return Error(ErrorCode::INVALID_ARGUMENT, "attachments name one twice");
    }
    bytes_ -= node.mapped().attachment.bytes.size();
    out.push_back(std::move(node.mapped()));
  }
  return out;
}

void CreatedAttachments::put_back(std::vector<CreatedAttachment> taken) {
  for (auto& one : taken) insert(std::move(one));
}

}  // namespace rpc
