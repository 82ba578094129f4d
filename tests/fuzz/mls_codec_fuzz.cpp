// Every MLS structure that comes from others, and every record that a group stores. What parses must come out as it
// went in: the encoding is unique.
#include "check.h"
#include "mls/group_records.h"
#include "mls/message_protection.h"
#include "mls/ratchet_tree.h"

using namespace sotto;
using namespace sotto::mls;

namespace {

template <typename T>
void round_trip(ByteView bytes) {
  const auto value = decode<T>(bytes);
  if (value.ok()) fuzz::check(equal(encode(*value), bytes), "an encoding is unique");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(data, size);
  round_trip<MlsMessage>(bytes);
  round_trip<AuthenticatedContent>(bytes);
  round_trip<LeafNode>(bytes);
  round_trip<KeyPackage>(bytes);
  round_trip<Welcome>(bytes);
  round_trip<EncryptedGroupSecrets>(bytes);
  round_trip<GroupInfo>(bytes);
  round_trip<GroupSecrets>(bytes);
  round_trip<Commit>(bytes);
  round_trip<UpdatePath>(bytes);
  round_trip<Proposal>(bytes);
  round_trip<SenderData>(bytes);
  round_trip<TreeNode>(bytes);
  round_trip<RequiredCapabilities>(bytes);
  round_trip<ExternalSenders>(bytes);
  round_trip<ExternalPub>(bytes);
  // Stored ones.
  round_trip<GroupRecord>(bytes);
  round_trip<PastEpochRecord>(bytes);
  round_trip<PendingRecord>(bytes);
  round_trip<ProposalRecord>(bytes);
  if (const auto bundle = KeyPackageBundle::parse(bytes); bundle.ok()) {
    fuzz::check(equal(bundle->serialize().view(), bytes), "a bundle comes back");
  }

  if (const auto header = peek(bytes); header.ok()) {
    if (const auto message = decode<MlsMessage>(bytes); message.ok()) {
      const auto* sealed = std::get_if<PrivateMessage>(&message->content);
      if (sealed != nullptr) {
        fuzz::check(sealed->group_id == header->group_id && sealed->epoch == header->epoch &&
                        sealed->authenticated_data == header->authenticated_data,
                    "a glance sees what is there");
      }
    }
  }
  if (auto key_package = key_package_from_message(bytes); key_package.ok()) {
    (void)key_package->validate().ok();
    fuzz::check(equal(to_message(*key_package), bytes), "a key package comes back");
  }
  if (const auto leaf = decode<LeafNode>(bytes); leaf.ok()) {
    (void)leaf->validate().ok();
    (void)leaf->supports(leaf->extensions).ok();
  }
  return 0;
}
