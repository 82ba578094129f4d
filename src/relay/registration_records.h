// What the relay remembers of registrations: codes, claims and invitations. As the values of records.h.
#pragma once

#include <algorithm>

#include "relay/records.h"

namespace sotto::relay {

struct CodeRecord {
  /// Of the code that is good; see `code_hash`.
  std::optional<crypto::Sha256Digest> hash;
  std::uint64_t expires_at = 0;
  std::uint32_t wrong_tries = 0;
  std::uint64_t sent_at = 0;
  DayCount sent;
  std::optional<UserId> used_by;

  /// Nothing of it matters any more.
  [[nodiscard]] bool over(std::uint64_t now) const { return now >= expires_at && sent.over(now); }
  [[nodiscard]] Bytes encode() const;
  static Result<CodeRecord> decode(ByteView bytes);
};

struct ClaimRecord {
  /// Who proved the handle.
  std::optional<UserId> claimant;
  std::uint64_t moves_at = 0;
  /// The owner keeps it: nobody may claim it before.
  std::uint64_t kept_until = 0;

  /// How long the claimant may still come back once the handle is free to move.
  static constexpr std::uint64_t patience_ms = 7ULL * 24 * 3600 * 1000;
  [[nodiscard]] bool pending(std::uint64_t now) const { return claimant && now < moves_at + patience_ms; }
  [[nodiscard]] bool over(std::uint64_t now) const { return !pending(now) && now >= kept_until; }
  [[nodiscard]] Bytes encode() const;
  static Result<ClaimRecord> decode(ByteView bytes);
};

struct InviteRecord {
  std::uint32_t uses = 1;
  std::uint64_t expires_at = 0;
  std::uint64_t created_at = 0;
  /// Who used it, or is about to.
  std::vector<UserId> used_by;

  [[nodiscard]] bool used(const UserId& user) const { return std::ranges::find(used_by, user) != used_by.end(); }
  [[nodiscard]] bool good(std::uint64_t now) const { return now < expires_at && used_by.size() < uses; }
  /// Kept for a month after its time, for whoever asks what became of it.
  [[nodiscard]] bool over(std::uint64_t now) const { return now >= expires_at + 30ULL * 24 * 3600 * 1000; }
  [[nodiscard]] Bytes encode() const;
  static Result<InviteRecord> decode(ByteView bytes);
};

/// What stands for a code in its record. It keeps nobody from trying all million; it keeps codes out of backups.
crypto::Sha256Digest code_hash(std::string_view handle, std::string_view code);
/// What names an invitation.
crypto::Sha256Digest invite_hash(std::string_view text);

}  // namespace sotto::relay
