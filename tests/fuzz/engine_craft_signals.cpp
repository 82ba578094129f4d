// Typing, presence and read marks of a hostile member: those that are hers to say, and those that say something in
// another's name, for another chat, or of another time.
#include "check.h"
#include "crypto/sign.h"
#include "crypto/stream.h"
#include "engine_craft.h"

namespace sotto::fuzz {

namespace {

class SignalCrafter : HostileMember {
 public:
  SignalCrafter(EngineWorld& world, const ChatId& mob) : HostileMember(world, mob) {}

  void run() {
    world_.typed.emplace(mob_, account_.user);
    const auto typing = [&](std::uint64_t sent_at, bool active) {
      wire::Signal out;
      out.set_sent_at(sent_at);
      out.mutable_typing()->set_active(active);
      return wire::serialize(out);
    };
    const auto now = static_cast<std::uint64_t>(world_.net.now.time_since_epoch().count());
    for (const bool active : {true, false, true}) tell(seal(typing(next_time_++ + now, active)));
    for (const auto sent_at :
         {std::uint64_t{0}, now - 3'600'000, now + 3'600'000, std::uint64_t{INT64_MAX}, UINT64_MAX}) {
      tell(seal(typing(sent_at, true)));
    }
    wire::Signal signal;
    signal.set_sent_at(next_time_++ + now);
    tell(seal(wire::serialize(signal)));  // of a kind that is not known
    signal.mutable_presence()->set_available(true);
    signal.mutable_presence()->set_asks(true);
    tell(seal(wire::serialize(signal)));  // in a group
    for (const auto seq : {std::uint64_t{3}, UINT64_MAX}) {
      signal.mutable_read()->set_seq(seq);
      mark(seal(wire::serialize(signal)));
    }
    // Signed with another key, for another chat, of another epoch; and no signal at all.
    const auto another = crypto::generate_signature_key(random());
    const auto body = typing(next_time_++ + now, true);
    tell(seal(body, group_.epoch(), group_.group_id(), another.private_key));
    tell(seal(body, group_.epoch(), to_bytes(view(world_.chats.front())), account_.device_key.private_key));
    tell(seal(body, group_.epoch() + 1, group_.group_id(), account_.device_key.private_key));
    tell(seal(as_bytes("\xff\xff garbage")));
    tell(wire::serialize(wire::SealedSignal()));
    tell({});
    mark(to_bytes("\xff\xff garbage"));
    // Hers, but the relay says that bob has said it.
    for (const auto& payload : {seal(typing(next_time_++ + now, true)), seal(wire::serialize(signal))}) {
      world_.signals.push_back(world_.ephemeral(mob_, *world_.bob, payload));
      world_.signals.push_back(world_.read_mark(mob_, *world_.bob, payload));
    }
  }

 private:
  Bytes seal(ByteView body) { return seal(body, group_.epoch(), group_.group_id(), account_.device_key.private_key); }
  Bytes seal(ByteView body, std::uint64_t epoch, ByteView group, const crypto::SignaturePrivateKey& key) {
    auto statement = to_bytes("sotto signal");
    append(statement, group);
    for (int shift = 56; shift >= 0; shift -= 8) statement.push_back(static_cast<std::uint8_t>(epoch >> shift));
    append(statement, body);
    wire::SignedSignal inner;
    inner.set_body(wire::field(body));
    inner.set_signature(wire::field(crypto::sign(key, statement).view()));
    const auto secret = group_.export_secret("sotto signal", {}, crypto::StreamKey::size_bytes);
    crypto::StreamKey sealing;
    assign_exact(sealing, secret.view());
    wire::SealedSignal out;
    out.set_epoch(epoch);
    out.set_ciphertext(wire::field(crypto::seal_stream(sealing, wire::serialize(inner), random())));
    return wire::serialize(out);
  }
  void tell(const Bytes& payload) { world_.signals.push_back(world_.ephemeral(mob_, *world_.mallory, payload)); }
  void mark(const Bytes& payload) { world_.signals.push_back(world_.read_mark(mob_, *world_.mallory, payload)); }

  std::uint64_t next_time_ = 1;
};

}  // namespace

void craft_signals(EngineWorld& world, const ChatId& mob) { SignalCrafter(world, mob).run(); }

}  // namespace sotto::fuzz
