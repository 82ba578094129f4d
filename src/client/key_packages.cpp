#include "client/key_packages.h"

#include "base/test_hooks.h"
#include "base/try.h"
#include "client/group_view.h"
#include "wire/frame.h"
#include "wire/limits.h"

namespace sotto::client {

namespace {
constexpr std::chrono::hours tolerated_clock_difference{24};
constexpr std::chrono::hours key_package_lifetime{90 * 24};
constexpr std::chrono::hours last_resort_lifetime{7 * 24};
/// Stocks of one-time key packages kept for Welcomes that may still come; what a relay asks for beyond is not made.
constexpr std::size_t most_stocks_waiting = 10;
/// A Welcome waits at the relay for so long, and some days more in a relay that is configured otherwise.
constexpr std::chrono::hours welcome_lifetime{35 * 24};

std::uint64_t seconds(Timestamp time) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count());
}
}  // namespace

mls::KeyPackageBundle make_key_package_for(const AccountRow& account, Timestamp now, Random& random) {
  mls::KeyPackageParams params;
  wire::DeviceList list;
  // The list was made or checked by this device before it was stored.
  list.ParseFromString(account.device_list.body());
  for (const auto& certificate : list.devices()) {
    const auto checked = wire::check_certificate(certificate);
    if (checked.ok() && checked->device == account.device) params.identity = wire::serialize(certificate);
  }
  params.lifetime = {seconds(now - tolerated_clock_difference), seconds(now + key_package_lifetime)};
  params.capabilities = mls::Capabilities::standard({chat_state_extension});
  const crypto::SignatureKeyPair key{account.device_key.private_key.clone(), account.device_key.public_key};
  return mls::make_key_package(params, key, random);
}

namespace {
Status make_missing(Context& context, std::size_t at_relay) {
  SOTTO_TRY_ASSIGN(const auto waiting, context.key_packages.one_time_count());
  if (waiting >= most_stocks_waiting * context.key_package_stock) {
    // So many were taken and never used: the relay is lying, or somebody empties the stock. The last resort remains.
    SOTTO_RARE(key_packages_not_made);
    return {};
  }
  for (std::size_t i = at_relay; i < context.key_package_stock; ++i) {
    const auto bundle = make_key_package_for(*context.account, context.now, context.random);
    SOTTO_TRY(context.key_packages.insert(bundle, false, context.now_ms()));
  }
  return {};
}
}  // namespace

Result<wire::PublishKeyPackages> restock(Context& context, std::size_t at_relay) {
  wire::PublishKeyPackages request;
  const auto oldest = context.now - key_package_lifetime - welcome_lifetime;
  SOTTO_TRY(context.key_packages.remove_made_before(oldest.time_since_epoch().count()));
  SOTTO_TRY_ASSIGN(auto bundles, context.key_packages.unpublished());
  if (bundles.empty()) {
    SOTTO_TRY(make_missing(context, at_relay));
    SOTTO_TRY_ASSIGN(bundles, context.key_packages.unpublished());
  } else {
    SOTTO_RARE(key_packages_published_again);
  }
  // Not add_key_packages(value): without memory for it, protobuf leaves a message that cannot be destroyed.
  for (const auto& bundle : bundles) *request.add_key_packages() = wire::field(mls::to_message(bundle.key_package));
  // Sent every time, since whether the relay has it is not told.
  SOTTO_TRY_ASSIGN(const bool due, last_resort_due(context));
  auto last_resort = std::optional<mls::KeyPackageBundle>();
  if (due) {
    last_resort = make_key_package_for(*context.account, context.now, context.random);
    SOTTO_TRY(context.key_packages.insert(*last_resort, true, context.now_ms()));
  } else {
    SOTTO_TRY_ASSIGN(last_resort, context.key_packages.last_resort());
  }
  if (last_resort) request.set_last_resort(wire::field(mls::to_message(last_resort->key_package)));
  return request;
}

Result<bool> last_resort_due(Context& context) {
  SOTTO_TRY_ASSIGN(const auto made_at, context.key_packages.last_resort_made_at());
  return !made_at || context.now - Timestamp(std::chrono::milliseconds(*made_at)) >= last_resort_lifetime;
}

Result<mls::KeyPackage> check_key_package(ByteView message, const wire::CheckedCertificate& certificate,
                                          Timestamp now) {
  SOTTO_TRY_ASSIGN(auto key_package, mls::key_package_from_message(message));
  SOTTO_TRY(key_package.validate());
  if (!key_package.leaf_node.lifetime.contains(seconds(now))) {
    return Error(ErrorCode::CERTIFICATE_REFUSED, "a key package out of its lifetime");
  }
  SOTTO_TRY_ASSIGN(const auto leaf, check_leaf(key_package.leaf_node));
  if (leaf.device != certificate.device || leaf.user != certificate.user || leaf.era != certificate.era ||
      leaf.device_key != certificate.device_key) {
    return Error(ErrorCode::CERTIFICATE_REFUSED, "a key package of another device than the list's");
  }
  if (!key_package.leaf_node.capabilities.has_extension(chat_state_extension)) {
    return Error(ErrorCode::UNSUPPORTED, "a key package of a client that knows no ChatState");
  }
  return key_package;
}

}  // namespace sotto::client
