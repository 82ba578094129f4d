// TreeKEM (RFC 9420 sections 7.4 to 7.6): a fresh path from a leaf to the root, told to all under the keys of the nodes
// beside it.
#pragma once

#include <functional>
#include <map>

#include "base/random.h"
#include "mls/proposal.h"
#include "mls/ratchet_tree.h"

namespace sotto::mls {

/// Private keys of nodes on the own direct path, the own leaf among them.
using NodePrivateKeys = std::map<NodeIndex, crypto::KemPrivateKey>;

/// The keys of a filtered direct path from one path secret upwards (section 7.4).
struct PathSecrets {
  struct Step {
    NodeIndex node = 0;
    SecretBytes path_secret;
    crypto::KemKeyPair key;
  };
  std::vector<Step> steps;
  SecretBytes commit_secret;
};
/// `nodes` are those from the one that `path_secret` belongs to, up to the last of the filtered direct path.
PathSecrets derive_path(SecretBytes path_secret, std::span<const PathStep> nodes);

/// Puts new public keys on a filtered direct path: blanks the direct path, sets keys and parent hashes, and gives the
/// parent hash for the leaf, which is still to be set.
Bytes set_path_keys(RatchetTree& tree, LeafIndex leaf, std::span<const PathStep> steps, std::span<const Bytes> keys);

/// To whom the path secret of a step is encrypted: the resolution of its copath child without leaves that the same
/// commit adds.
std::vector<NodeIndex> path_receivers(const RatchetTree& tree, const PathStep& step, std::span<const LeafIndex> added);

/// The UpdatePathNodes: each path secret encrypted to its receivers. `context` is the encoded provisional GroupContext.
/// Errors: INVALID_KEY.
Result<std::vector<UpdatePathNode>> encrypt_path(const RatchetTree& tree, std::span<const PathStep> steps,
                                                 const PathSecrets& secrets, std::span<const LeafIndex> added,
                                                 ByteView context, Random& random);

/// Checks an UpdatePath as far as public state goes and puts it into the tree: number of nodes and ciphertexts, key
/// sizes, parent hash. Not the leaf's own validity. Errors: INVALID_COMMIT.
Status apply_path(RatchetTree& tree, LeafIndex sender, const UpdatePath& path, std::span<const LeafIndex> added);

/// Decrypts the path secret that is meant for this member and derives the path from there; `tree` has the path in it
/// already. Errors: CANNOT_FOLLOW.
Result<PathSecrets> open_path(const RatchetTree& tree, LeafIndex sender, const UpdatePath& path, LeafIndex own,
                              const NodePrivateKeys& own_keys, std::span<const LeafIndex> added, ByteView context);

}  // namespace sotto::mls
