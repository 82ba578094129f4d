// The bounds of the MLS layer, each with its reason.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sotto::mls::limits {

/// Past epochs whose application messages still open: receivers need 3 (PROTOCOL.md, Messages), 5 leave room.
inline constexpr std::uint64_t past_epochs = 5;
/// Keys of skipped messages that are kept, for one ratchet of one sender in one epoch; the oldest are dropped.
inline constexpr std::uint32_t skipped_keys = 256;
/// How far beyond the last seen generation a ratchet is moved for one message; bounds the work of a hostile one.
inline constexpr std::uint32_t forward_jump = 4096;
/// Leaves of a ratchet tree: 100 users of 10 devices need 1,000. Bounds the memory of a hostile tree.
inline constexpr std::uint32_t tree_leaves = 8192;
/// Elements of one vector on the wire; more than any valid message has. Bounds what a hostile one takes in memory.
inline constexpr std::size_t vector_elements = 16384;
/// The plaintext of one application message.
inline constexpr std::size_t plaintext_bytes = 16 * 1024 * 1024;
/// Epochs beyond this one are refused at joining: stores keep them as signed numbers, and none is ever reached
/// honestly.
inline constexpr std::uint64_t last_epoch = std::uint64_t{1} << 62;
/// Proposals of one epoch that are kept for a commit that may refer to them.
inline constexpr std::size_t stored_proposals = 256;
inline constexpr std::size_t stored_proposal_bytes = 1024 * 1024;
/// Own commits of one epoch that may wait for the log's decision at the same time.
inline constexpr std::size_t pending_commits = 64;

}  // namespace sotto::mls::limits
