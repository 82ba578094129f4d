// The ratchet tree that a Welcome brings, or a blob: its shape, its rules, and its growing and shrinking.
#include "check.h"
#include "mls/tree_validation.h"
#include "mutator.h"

using namespace sotto;
using namespace sotto::mls;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzedDataProvider input(data, size);
  const auto acts = input.ConsumeIntegralInRange<std::size_t>(0, 8);
  std::vector<std::uint32_t> steps(acts);
  for (auto& step : steps) step = input.ConsumeIntegral<std::uint16_t>();
  const auto bytes = input.ConsumeRemainingBytes<std::uint8_t>();

  auto tree = RatchetTree::parse(bytes);
  if (!tree.ok()) return 0;
  const auto written = tree->serialize();
  const auto again = RatchetTree::parse(written);
  fuzz::check(again.ok() && equal(again->serialize(), written), "a tree comes back");
  fuzz::check(again->leaf_count() == 0 || again->hash(again->root()) == tree->hash(tree->root()), "with its hash");
  fuzz::check(equal(written, bytes), "the encoding of a tree is unique");

  (void)verify_parent_hashes(*tree).ok();
  (void)verify_unmerged_leaves(*tree).ok();
  (void)verify_unique_keys(*tree).ok();
  (void)verify_capabilities(*tree, {}).ok();
  (void)verify_leaves(*tree, as_bytes("group")).ok();
  (void)verify_tree(*tree, as_bytes("group"), {}).ok();
  if (tree->leaf_count() == 0) return 0;

  // What is done over a tree and absorbed is what is done to it.
  auto overlay = RatchetTree::over(*tree);
  auto plain = std::move(*RatchetTree::parse(written));
  std::shared_ptr<const LeafNode> some;
  for (std::uint32_t i = 0; i < tree->leaf_count() && !some; ++i) some = tree->leaf({i});
  for (const auto step : steps) {
    const LeafIndex index{step / 4 % plain.leaf_count()};
    switch (step % 4) {
      case 0:
        plain.remove(index);
        overlay.remove(index);
        break;
      case 1:
        if (some) {
          const auto a = plain.add(some);
          const auto b = overlay.add(some);
          fuzz::check(a.ok() == b.ok() && (!a.ok() || *a == *b), "a leaf goes to the same place");
        }
        break;
      case 2:
        plain.blank_direct_path(index);
        overlay.blank_direct_path(index);
        break;
      default:
        if (some) {
          plain.update(index, some);
          overlay.update(index, some);
        }
        (void)plain.filtered_direct_path(index).size();
    }
    if (plain.leaf_count() == 0) break;
    fuzz::check(plain.hash(plain.root()) == overlay.hash(overlay.root()), "an overlay has the hash of a tree");
  }
  fuzz::check(equal(plain.serialize(), overlay.serialize()), "an overlay is written as a tree");
  tree->absorb(std::move(overlay));
  fuzz::check(equal(plain.serialize(), tree->serialize()), "what is absorbed is what was done");
  return 0;
}
