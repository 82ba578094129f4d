// What makes a ratchet tree valid (RFC 9420 sections 7.3, 7.9.2 and 12.4.3.1).
#pragma once

#include "mls/ratchet_tree.h"

namespace sotto::mls {

/// Each parent that is not blank is chained to a leaf by parent hashes, by exactly one of its descendants.
/// Errors: INVALID_COMMIT.
Status verify_parent_hashes(const RatchetTree& tree);

/// Unmerged leaves are sorted, not blank, below their node, and listed by every node between. Errors: INVALID_COMMIT.
Status verify_unmerged_leaves(const RatchetTree& tree);

/// No encryption key and no signature key is used twice. Errors: INVALID_COMMIT.
Status verify_unique_keys(const RatchetTree& tree);

/// Every leaf supports the group's extensions and the credential types of all others. Errors: INVALID_COMMIT.
Status verify_capabilities(const RatchetTree& tree, const Extensions& group_extensions);

/// Each leaf by itself with its signature. Errors: INVALID_COMMIT, BAD_SIGNATURE.
Status verify_leaves(const RatchetTree& tree, ByteView group_id);

/// All of it, as somebody who joins must verify a tree.
Status verify_tree(const RatchetTree& tree, ByteView group_id, const Extensions& group_extensions);

}  // namespace sotto::mls
