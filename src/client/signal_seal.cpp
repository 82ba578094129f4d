#include "client/signal_seal.h"

#include "base/try.h"
#include "client/failures.h"
#include "crypto/sign.h"
#include "crypto/stream.h"
#include "wire/frame.h"
#include "wire/limits.h"

namespace sotto::client {

namespace {

/// Epochs of a chat whose keys are kept. A read mark that was sealed longer ago is not understood until its reader has
/// read more; what else is signalled says nothing by then.
constexpr std::uint64_t epochs_kept = 64;
/// Of a SignedSignal: what kind of signal it is does not show.
constexpr std::size_t signed_bytes = 160;

crypto::StreamKey key_in(const mls::Group& group) {
  const auto secret = group.export_secret("sotto signal", {}, crypto::StreamKey::size_bytes);
  crypto::StreamKey key;
  assign_exact(key, secret.view());
  return key;
}

Bytes statement(const mls::Group& group, std::uint64_t epoch, ByteView body) {
  Bytes out = to_bytes(as_bytes("sotto signal"));
  append(out, group.group_id());
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(epoch >> shift));
  append(out, body);
  return out;
}

}  // namespace

Status SignalSeal::on_epoch(const ChatRow& chat) {
  SOTTO_TRY_ASSIGN(const auto* group, groups_.load(chat.id, chat.generation));
  const auto epoch = group->epoch();
  SOTTO_TRY(
      c_.db.run("INSERT INTO signal_key(chat_id, generation, epoch, key) VALUES(?, ?, ?, ?) "
                "ON CONFLICT DO UPDATE SET key = excluded.key",
                chat.id, chat.generation, epoch, key_in(*group)));
  const auto first = epoch < epochs_kept ? 0 : epoch - epochs_kept;
  return c_.db.run("DELETE FROM signal_key WHERE chat_id = ? AND (generation < ? OR epoch < ?)", chat.id,
                   chat.generation, first);
}

Result<std::optional<crypto::StreamKey>> SignalSeal::key_of(const ChatRow& chat, const mls::Group& group,
                                                            std::uint64_t epoch) {
  if (epoch == group.epoch()) return std::optional(key_in(group));
  return c_.db.one<crypto::StreamKey>("SELECT key FROM signal_key WHERE chat_id = ? AND generation = ? AND epoch = ?",
                                      chat.id, chat.generation, epoch);
}

Result<Bytes> SignalSeal::seal(const ChatRow& chat, const wire::Signal& signal) {
  SOTTO_TRY_ASSIGN(const auto* group, groups_.load(chat.id, chat.generation));
  const auto body = wire::serialize(signal);
  wire::SignedSignal inner;
  inner.set_body(wire::field(body));
  inner.set_signature(
      wire::field(crypto::sign(c_.account->device_key.private_key, statement(*group, group->epoch(), body)).view()));
  const auto size = inner.ByteSizeLong() + 3;
  if (size < signed_bytes) inner.mutable_padding()->resize(signed_bytes - size);

  wire::SealedSignal sealed;
  sealed.set_epoch(group->epoch());
  sealed.set_ciphertext(wire::field(crypto::seal_stream(key_in(*group), wire::serialize(inner), c_.random)));
  return wire::serialize(sealed);
}

Result<bool> SignalSeal::is_early(const ChatRow& chat, ByteView payload) {
  const auto sealed = wire::decode<wire::SealedSignal>(payload);
  if (!sealed.ok()) return false;
  const auto loaded = groups_.load(chat.id, chat.generation);
  if (!loaded.ok()) {
    if (is_storage_failure(loaded.error())) return loaded.error();
    return true;  // There is no group yet.
  }
  return sealed->epoch() > (*loaded)->epoch();
}

Result<std::optional<SignalSeal::Opened>> SignalSeal::open(const ChatRow& chat, const UserId& user,
                                                           const DeviceId& device, ByteView payload) {
  const auto nobody = std::optional<Opened>();
  const auto sealed = wire::decode<wire::SealedSignal>(payload);
  if (!sealed.ok()) return nobody;
  const auto loaded = groups_.load(chat.id, chat.generation);
  if (!loaded.ok()) {
    if (is_storage_failure(loaded.error())) return loaded.error();
    return nobody;
  }
  const auto& group = **loaded;
  SOTTO_TRY_ASSIGN(const auto key, key_of(chat, group, sealed->epoch()));
  if (!key) return nobody;
  const auto plaintext = crypto::open_stream(*key, wire::view(sealed->ciphertext()));
  if (!plaintext.ok()) return nobody;
  const auto inner = wire::decode<wire::SignedSignal>(*plaintext);
  if (!inner.ok()) return nobody;
  const auto body = wire::view(inner->body());
  for (const auto& member : group.members()) {
    const auto certificate = wire::read_credential(member.leaf->credential.identity);
    if (!certificate.ok() || certificate->user != user || certificate->device != device) continue;
    if (!crypto::verify(certificate->device_key, statement(group, sealed->epoch(), body),
                        wire::view(inner->signature()))) {
      return nobody;
    }
    auto signal = wire::decode<wire::Signal>(body);
    if (!signal.ok()) return nobody;
    return std::optional(Opened{user, device, std::move(*signal)});
  }
  return nobody;
}

}  // namespace sotto::client
