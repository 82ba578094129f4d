// Makes this device's key packages and judges those of others before they are used.
#pragma once

#include "client/context.h"
#include "mls/key_package.h"
#include "wire/identity.h"

namespace sotto::client {

/// A fresh key package with this device's certificate, valid from a day ago (clocks differ) for 90 days.
mls::KeyPackageBundle make_key_package_for(const AccountRow& account, Timestamp now, Random& random);

/// Fills the relay's stock: makes one-time key packages up to `key_package_stock`, and a last-resort one if the one
/// there is is a week old; stores their private keys. What was not confirmed by the relay
/// (`KeyPackageTable::set_published`) is given again as it was, and nothing new: the relay knows a repeat of its last
/// request. Forgets what nobody can use any more.
Result<wire::PublishKeyPackages> restock(Context& context, std::size_t at_relay);
/// Whether the last-resort key package must be replaced.
Result<bool> last_resort_due(Context& context);

/// Checks a taken key package: well-formed, in its lifetime, and of exactly this certificate's device.
/// Errors: MALFORMED, BAD_SIGNATURE, UNSUPPORTED, CERTIFICATE_REFUSED.
Result<mls::KeyPackage> check_key_package(ByteView message, const wire::CheckedCertificate& certificate, Timestamp now);

}  // namespace sotto::client
