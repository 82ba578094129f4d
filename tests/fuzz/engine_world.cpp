#include "engine_world.h"

#include "check.h"
#include "crypto/sign.h"
#include "engine_craft.h"
#include "mls/key_package.h"
#include "wire/identity.h"

namespace sotto::fuzz {

namespace {

/// A device's connection to a relay core, by hand.
class Tap {
 public:
  Tap(EngineWorld& world, test::TestDevice& device)
      : world_(world), backend_(world.net.disk), core_(backend_, world.net.random) {
    const auto account = *must(client::AccountTable(*device.db).load());
    step(relay::Opened{1, "127.0.0.1"});
    check(!pushes.empty() && pushes.front().has_challenge(), "a challenge comes first");
    const auto challenge = pushes.front().challenge();
    incarnation = to_bytes(wire::view(challenge.incarnation()));
    pushes.clear();
    wire::Request request;
    auto& command = *request.mutable_authenticate();
    command.set_user_id(to_string_bytes(account.user));
    command.set_device_id(to_string_bytes(account.device));
    command.set_session(account.session + 1);
    command.set_ack_no(account.ack_no);
    command.set_signature(
        wire::field(crypto::sign(account.device_key.private_key,
                                 wire::authentication_statement(wire::view(challenge.nonce()), command))
                        .view()));
    check(ask(request).status() == 0, "authenticated");
  }

  wire::Response ask(const wire::Request& request) {
    wire::Envelope envelope;
    envelope.set_id(++last_);
    *envelope.mutable_request() = request;
    step(relay::Received{1, wire::encode(envelope)});
    check(answers.contains(last_), "an answer");
    return answers[last_];
  }

  std::vector<wire::Push> pushes;
  std::map<std::uint64_t, wire::Response> answers;
  Bytes incarnation;

 private:
  void step(relay::Input input) {
    std::vector<relay::Input> inputs{std::move(input)};
    for (bool more = true; more;) {
      const auto out = core_.step(world_.net.now, inputs);
      inputs.clear();
      for (const auto& action : out.actions) {
        if (const auto* send = std::get_if<relay::Send>(&action)) {
          for (const auto& envelope : must(wire::decode_frame(send->bytes))) {
            if (envelope.has_push()) pushes.push_back(envelope.push());
            if (envelope.has_response()) answers[envelope.id()] = envelope.response();
          }
          inputs.emplace_back(relay::Drained{1, 0});
        }
      }
      more = out.waits_for_drain || (out.next_timer && out.next_timer->count() == 0);
    }
  }

  EngineWorld& world_;
  relay::MemoryBackend backend_;
  relay::Core core_;
  std::uint64_t last_ = 0;
};

}  // namespace

EngineWorld::EngineWorld() {
  live();
  leave();
  ask();
}

std::string attachment_as_shown(const ChatId& chat, const UserId& sender, const std::string& caption, std::size_t index,
                                const AttachmentInfo& info, std::uint64_t size) {
  std::string out = chat.to_string() + sender.to_string();
  const auto add = [&](std::string_view field) { out.append(std::to_string(field.size())).append(":").append(field); };
  for (const auto number : {std::uint64_t{index}, size, std::uint64_t(info.kind), std::uint64_t{info.width},
                            std::uint64_t{info.height}, std::uint64_t(info.duration.count())}) {
    add(std::to_string(number));
  }
  for (const auto& text : {caption, info.name, info.mime_type}) add(text);
  for (const auto& bytes : {info.thumbnail, info.preview, info.waveform}) add(as_text(bytes));
  return out;
}

/// What the relay is told while the world lives.
void EngineWorld::hear(wire::Envelope& envelope) {
  const auto& request = envelope.request();
  if (request.has_upload_attachment()) {
    const auto& part = request.upload_attachment();
    auto& file = files[part.attachment_id()];
    file.resize(static_cast<std::size_t>(part.offset()));
    append(file, wire::view(part.data()));
  }
  if (request.has_set_profile())
    profiles[request.set_profile().token_hash()] = to_bytes(wire::view(request.set_profile().profile()));
  if (speaker_ == nullptr) return;
  const auto chat_of = [](const auto& command) { return *id_from<ChatId>(wire::view(command.chat_id())); };
  if (request.has_send_ephemeral()) {
    const auto& command = request.send_ephemeral();
    signals.push_back(ephemeral(chat_of(command), *speaker_, wire::view(command.payload())));
  }
  if (request.has_set_read_mark()) {
    const auto& command = request.set_read_mark();
    signals.push_back(read_mark(chat_of(command), *speaker_, wire::view(command.payload())));
  }
}

wire::Push EngineWorld::ephemeral(const ChatId& chat, const test::TestDevice& from, ByteView payload) const {
  wire::Push out;
  auto& push = *out.mutable_ephemeral();
  push.set_chat_id(to_string_bytes(chat));
  push.set_generation(1);
  push.set_sender_user(to_string_bytes(from.user));
  push.set_sender_device(to_string_bytes(from.device));
  push.set_payload(wire::field(payload));
  return out;
}

wire::Push EngineWorld::read_mark(const ChatId& chat, const test::TestDevice& from, ByteView payload) const {
  const auto as_ephemeral = ephemeral(chat, from, payload);
  wire::Push out;
  must(out.mutable_read_mark()->ParseFromString(as_ephemeral.ephemeral().SerializeAsString())
           ? Status()
           : Status(ErrorCode::INTERNAL));
  return out;
}

ClientMessageId EngineWorld::show(test::TestDevice& device, const ChatId& chat, const std::string& caption,
                                  std::size_t size, AttachmentKind kind) {
  OutgoingAttachment out;
  out.info.kind = kind;
  out.info.name = caption + ".bin";
  out.info.mime_type = "application/octet-stream";
  out.info.thumbnail = Bytes(40, 7);
  out.bytes.resize(size);
  net.random.fill(out.bytes);
  texts.emplace(chat, device.user, caption);
  attachments.insert(attachment_as_shown(chat, device.user, caption, 0, out.info, size));
  const auto id = device.send(chat, caption, {std::move(out)});
  net.run_for(std::chrono::seconds(1));
  return id;
}

void EngineWorld::say(test::TestDevice& device, const ChatId& chat, const std::string& text) {
  texts.emplace(chat, device.user, text);
  device.send(chat, text);
  net.run_for(std::chrono::milliseconds(100));
}

ChatId EngineWorld::group(test::TestDevice& by, const std::vector<test::TestDevice*>& others, const std::string& name) {
  const auto id = by.group(others, name);
  names[id].insert(name);
  chats.push_back(id);
  net.run_for(std::chrono::milliseconds(500));
  return id;
}

void EngineWorld::rename(test::TestDevice& device, const ChatId& chat, const std::string& name) {
  names[chat].insert(name);
  device.change(chat, client::ChangeKind::rename, {}, name);
  net.run_for(std::chrono::milliseconds(500));
}

void EngineWorld::live() {
  net.rewrite = [this](wire::Envelope& envelope) { hear(envelope); };
  alice = &net.add("alice");
  bob = &net.add("bob");
  carol = &net.add("carol");
  mallory = &net.add("mallory");
  const auto family = group(*alice, {bob, carol}, "family");
  const auto team = group(*bob, {alice, mallory}, "team");
  const auto brief = group(*bob, {alice}, "brief");
  mob_ = group(*mallory, {alice, bob}, "mob");
  const auto direct = alice->direct_chat(*bob);
  chats.push_back(direct);
  net.run_for(std::chrono::seconds(1));
  for (const auto& chat : {family, team, brief, mob_, direct}) say(*alice, chat, "hello");
  for (const auto& chat : {family, team, direct}) say(*bob, chat, "hi");
  say(*mallory, mob_, "hey");
  // What alice has, and what she has heard of.
  show(*alice, mob_, "of alice", 300);
  show(*alice, direct, "another of alice", 2000);
  const auto fetched = show(*bob, direct, "one of bob", 1500);
  show(*bob, direct, "another of bob", 1000);
  bob->command(client::ProfileCommand{{"Bob", "about bob", {}, {}}, {}});
  profile_names.emplace(bob->user, "Bob");
  alice->transfer(direct, fetched, 0, TransferAction::start);
  check(net.settle(), "settled");
  check(alice->bytes_of(direct, fetched).ok(), "alice has fetched it");
  alice->go_offline();
  net.run_for(std::chrono::seconds(1));

  // What alice wants meanwhile waits in her store.
  say(*alice, family, "waiting 1");
  say(*alice, family, "waiting 2");
  say(*alice, direct, "waiting 3");
  rename(*alice, family, "kin");
  alice->change(mob_, client::ChangeKind::refresh);
  show(*alice, direct, "waiting with a file", 140'000);  // two parts
  net.run_for(std::chrono::seconds(1));

  say(*bob, family, "from bob 1");
  carol->change(family, client::ChangeKind::refresh);
  net.run_for(std::chrono::seconds(1));
  say(*carol, family, "from carol");
  say(*bob, direct, "direct 1");
  say(*bob, direct, "direct 2");
  show(*bob, direct, "a new picture", 150'000, AttachmentKind::image);
  show(*bob, direct, "a new file", 400);
  say(*bob, team, "team 1");
  rename(*bob, team, "squad");
  bob->change(team, client::ChangeKind::add, carol->user);
  net.run_for(std::chrono::seconds(1));
  say(*carol, team, "new here");
  say(*mallory, team, "team 2");
  say(*bob, brief, "last words");
  bob->change(brief, client::ChangeKind::remove, alice->user);
  net.run_for(std::chrono::seconds(1));
  const auto fresh = group(*bob, {alice, carol}, "fresh");
  say(*bob, fresh, "welcome");
  const auto from_carol = carol->direct_chat(*alice);
  chats.push_back(from_carol);
  say(*carol, from_carol, "direct from carol");
  net.run_for(std::chrono::seconds(2));
  later = group(*carol, {alice}, "later");
  chats.pop_back();
  say(*carol, later, "still here");
  picture_later = show(*carol, later, "still in order", 3000);
  net.run_for(std::chrono::seconds(10));
  signal();
}

/// Bob writes and has read; carol does neither.
void EngineWorld::signal() {
  speaker_ = bob;
  const auto& direct = chats[4];
  for (const auto& chat : {direct, chats[0]}) {
    for (const bool active : {true, false, true}) {
      bob->command(client::TypingCommand{chat, active});
      net.run_for(std::chrono::milliseconds(50));
    }
    typed.emplace(chat, bob->user);
    bob->command(client::MarkReadCommand{chat, std::nullopt, {}});
    net.run_for(std::chrono::seconds(2));
  }
  read_by_all.insert(direct);
  bob->command(client::AvailableCommand{true});
  present.insert(bob->user);
  net.run_for(std::chrono::seconds(2));
  bob->command(client::AvailableCommand{false});
  net.run_for(std::chrono::seconds(1));
  speaker_ = nullptr;
  check(signals.size() >= 8, "bob has said something");
}

/// Takes all that the relay owes alice.
void EngineWorld::leave() {
  Tap tap(*this, *alice);
  incarnation = tap.incarnation;
  const auto is_later = [&](const std::string& chat) { return chat == to_string_bytes(later); };
  for (const auto& push : tap.pushes) {
    if (push.has_heads()) {
      for (const auto& head : push.heads().heads()) {
        if (!is_later(head.chat_id())) *heads.add_heads() = head;
      }
    } else if (push.has_entries()) {
      for (const auto& entry : push.entries().entries()) {
        auto one = push;
        one.mutable_entries()->clear_entries();
        *one.mutable_entries()->add_entries() = entry;
        (is_later(push.entries().chat_id()) ? owed_later : owed).push_back(one);
      }
    } else if (push.has_chat_joined()) {
      (is_later(push.chat_joined().chat_id()) ? owed_later : owed).push_back(push);
    } else {
      owed.push_back(push);
    }
  }
  heads.set_last(true);
  check(owed_later.size() == 3 && owed.size() > 12, "an honest relay has much to tell");

  wire::Request request;
  for (const auto* handle : {"bob", "carol", "mallory"}) {
    request.mutable_find_user()->set_handle(handle);
    found[handle] = tap.ask(request).user_found();
  }
  for (const auto* device : {bob, carol, mallory}) {
    request.mutable_take_key_packages()->add_user_ids(to_string_bytes(device->user));
  }
  const auto answer = tap.ask(request);
  for (const auto& user : answer.key_packages_taken().users()) taken[user.user_id()] = user;
  check(taken.size() == 3, "key packages");
}

/// Lets mallory take alice's key packages, and do with them what she can.
void EngineWorld::ask() {
  Tap tap(*this, *mallory);
  wire::Request request;
  request.mutable_take_key_packages()->add_user_ids(to_string_bytes(alice->user));
  std::vector<mls::KeyPackage> key_packages;
  for (int i = 0; i < 16; ++i) {
    const auto answer = tap.ask(request);
    const auto& bytes = answer.key_packages_taken().users(0).devices(0).key_package();
    key_packages.push_back(must(mls::key_package_from_message(wire::view(bytes))));
  }
  craft_chats(*this, mob_, std::move(key_packages));
  craft_attachments(*this, mob_);
  craft_signals(*this, mob_);
}

}  // namespace sotto::fuzz
