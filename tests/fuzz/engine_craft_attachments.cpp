// Attachments that are not what they seem, hidden messages about attachments, and profiles.
#include "check.h"
#include "client/media/attachment_content.h"
#include "client/media/cipher_file.h"
#include "client/tables/message_table.h"
#include "client/tables/person_table.h"
#include "crypto/hash.h"
#include "crypto/stream.h"
#include "engine_craft.h"
#include "mls/padme.h"
#include "wire/limits.h"
#include "wire/mls_header.h"

namespace sotto::fuzz {

namespace limits = wire::limits;

namespace {

class AttachmentCrafter : HostileMember {
 public:
  AttachmentCrafter(EngineWorld& world, const ChatId& mob) : HostileMember(world, mob) {}

  void run() {
    places();
    descriptions();
    numbers();
    hidden();
    profiles();
  }

 private:
  using Change = std::function<void(wire::Attachment&)>;

  // ---- What may be shown, and what not

  wire::Content content(const std::string& caption) {
    wire::Content out;
    out.set_version(2);
    out.mutable_text()->set_body(caption);
    return out;
  }
  /// A message that may be shown.
  void say(const std::string& caption, const std::vector<wire::Attachment>& attachments) {
    auto out = content(caption);
    world_.texts.emplace(mob_, account_.user, caption);
    for (const auto& attachment : attachments) {
      world_.attachments.insert(attachment_as_shown(mob_, account_.user, caption,
                                                    static_cast<std::size_t>(out.attachments_size()),
                                                    client::read_info(attachment), attachment.size()));
      *out.add_attachments() = attachment;
    }
    message(wire::serialize(out), aad(next_n_++));
  }
  void say(const std::string& caption, const Change& change) {
    auto one = picture(caption);
    change(one);
    say(caption, {one});
  }
  /// One that breaks a limit: it must not.
  void break_limit(const Change& change) {
    auto out = content("beyond a limit");
    auto& one = *out.add_attachments() = picture("bad.jpg");
    change(one);
    message(wire::serialize(out), aad(next_n_++));
  }

  /// A file at the relay and how it is told of, with all in order.
  wire::Attachment file(ByteView plain) {
    crypto::StreamKey key;
    random().fill(key.mutable_view());
    auto padded = to_bytes(plain);
    padded.resize(std::max<std::size_t>(1, static_cast<std::size_t>(mls::padme(plain.size()))));
    wire::Attachment out;
    out.set_size(plain.size());
    place(out, key, crypto::seal_stream(key, padded, random()));
    return out;
  }
  void place(wire::Attachment& out, const crypto::StreamKey& key, const Bytes& ciphertext) {
    const auto hash = crypto::sha256(ciphertext);
    const auto token_hash = crypto::sha256(client::attachment_token(key.view()));
    out.set_attachment_id(to_string_bytes(wire::attachment_id_of(account_.user, hash, token_hash)));
    out.set_key(wire::field(key.view()));
    out.set_hash(wire::field(hash.view()));
    world_.files[out.attachment_id()] = ciphertext;
  }
  wire::Attachment picture(const std::string& name) {
    Bytes bytes(500);
    random().fill(bytes);
    auto out = file(bytes);
    out.set_kind(static_cast<std::uint32_t>(AttachmentKind::image));
    out.set_name(name);
    out.set_mime_type("image/jpeg");
    return out;
  }

  // ---- Each kind of lie

  void places() {
    const auto once = picture("once.jpg");
    say("in order", {once});
    say("the same again", {once});
    auto larger = once;
    larger.set_size(once.size() + 1);
    say("the same, of another size", {once, larger});
    say("wrong hash", [](auto& one) { (*one.mutable_hash())[0] ^= 1; });
    say("wrong key", [](auto& one) { (*one.mutable_key())[0] ^= 1; });
    say("nowhere", [](auto& one) { (*one.mutable_attachment_id())[0] ^= 1; });
    say("larger than it is", [](auto& one) { one.set_size(200'000); });
    say("as large as may be", [](auto& one) {
      one.set_size(limits::attachment_plain_bytes);
      one.set_kind(0);
    });
    say("of no size", [](auto& one) { one.set_size(0); });
    auto garbage = picture("garbage.jpg");
    crypto::StreamKey key;
    random().fill(key.mutable_view());
    place(garbage, key, Bytes(static_cast<std::size_t>(client::cipher_size(garbage.size())), 7));
    say("no ciphertext", {garbage});
    say("empty", {file({})});
    // Of alice's own file she was told by alice.
    for (const auto& own : must(client::MessageTable(*world_.mallory->db).page(mob_, std::nullopt, 50))) {
      if (own.attachments.empty()) continue;
      wire::Content told;
      const auto bytes = must(client::MessageTable(*world_.mallory->db).content(mob_, own.sender, own.id));
      check(told.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())), "a stored message");
      say("alice's own", {told.attachments(0)});
      of_alice_ = own.id;
    }
    check(of_alice_.has_value(), "alice has shown a file");
    break_limit([](auto& one) { one.mutable_attachment_id()->resize(15); });
    break_limit([](auto& one) { one.mutable_key()->resize(31); });
    break_limit([](auto& one) { one.mutable_hash()->resize(33); });
    break_limit([](auto& one) { one.set_size(limits::attachment_plain_bytes + 1); });
    break_limit([](auto& one) { one.set_size(UINT64_MAX); });
  }

  void descriptions() {
    say("at all limits", [](auto& one) {
      one.set_name(std::string(limits::file_name_bytes, 'n'));
      one.set_mime_type(std::string(limits::mime_type_bytes, 't'));
      one.set_thumbnail(std::string(limits::thumbnail_bytes, 't'));
      one.set_preview(std::string(limits::preview_bytes, 'p'));
      one.set_waveform(std::string(limits::waveform_bytes, 'w'));
      one.set_width(UINT32_MAX);
      one.set_height(UINT32_MAX);
      one.set_duration_ms(INT64_MAX);
    });
    say("without a name", [](auto& one) { one.set_name(""); });
    for (const auto& name :
         {std::string("../../etc/passwd"), std::string("a\\b"), std::string(".."), std::string("two\nlines"),
          std::string("a\0b", 3), std::string("\xc3\x28"), std::string(limits::file_name_bytes + 1, 'n')}) {
      break_limit([&](auto& one) { one.set_name(name); });
    }
    break_limit([](auto& one) { one.set_mime_type("image/jpeg; charset=utf-8"); });
    break_limit([](auto& one) { one.set_mime_type(std::string(limits::mime_type_bytes + 1, 't')); });
    break_limit([](auto& one) { one.set_kind(4); });
    break_limit([](auto& one) { one.set_kind(UINT32_MAX); });
    break_limit([](auto& one) { one.set_duration_ms(UINT64_MAX); });
    break_limit([](auto& one) { one.set_thumbnail(std::string(limits::thumbnail_bytes + 1, 't')); });
    break_limit([](auto& one) { one.set_preview(std::string(limits::preview_bytes + 1, 'p')); });
    break_limit([](auto& one) { one.set_waveform(std::string(limits::waveform_bytes + 1, 'w')); });
  }

  void numbers() {
    const auto one = picture("many.jpg");
    say("ten", std::vector(limits::attachments_per_message, one));
    auto eleven = content("eleven");
    for (std::size_t i = 0; i <= limits::attachments_per_message; ++i) *eleven.add_attachments() = one;
    message(wire::serialize(eleven), aad(next_n_++));
    auto newer = content("of a newer version");
    newer.set_version(9);
    *newer.add_attachments() = one;
    message(wire::serialize(newer), aad(next_n_++));
    auto unseen = content("hidden");
    unseen.set_hidden(true);
    *unseen.add_attachments() = one;
    message(wire::serialize(unseen), aad(next_n_++));
    say("", {one});
  }

  void hidden() {
    const auto say_hidden = [&](const std::function<void(wire::Content&)>& change) {
      wire::Content out;
      out.set_version(3);
      out.set_hidden(true);
      change(out);
      message(wire::serialize(out), aad(next_n_++));
    };
    const auto request = [&](const UserId& of, const std::string& id, std::uint32_t index) {
      say_hidden([&](auto& out) {
        out.mutable_attachment_request()->set_sender_user(to_string_bytes(of));
        out.mutable_attachment_request()->set_client_message_id(id);
        out.mutable_attachment_request()->set_index(index);
      });
    };
    const auto of_alice = to_string_bytes(*of_alice_);
    for (const auto index : {0U, 0U, 1U, UINT32_MAX}) request(world_.alice->user, of_alice, index);
    request(world_.bob->user, of_alice, 0);
    request(world_.alice->user, std::string(15, 'i'), 0);
    const auto answer = [&](const std::string& id, const std::string& place) {
      say_hidden([&](auto& out) {
        out.mutable_attachment_answer()->set_client_message_id(id);
        out.mutable_attachment_answer()->set_attachment_id(place);
      });
    };
    // A message whose file is nowhere, and what she says of it later.
    auto lost = content("lost");
    auto& at = *lost.add_attachments() = picture("lost.jpg");
    const auto place = at.attachment_id();
    at.set_attachment_id(std::string(16, 'l'));
    world_.texts.emplace(mob_, account_.user, "lost");
    world_.attachments.insert(attachment_as_shown(mob_, account_.user, "lost", 0, client::read_info(at), at.size()));
    const wire::CheckedMessageAad named{random_id<ClientMessageId>(random()), next_n_++};
    message(wire::serialize(lost), wire::encode(named));
    const auto id = to_string_bytes(named.client_message_id);
    answer(id, "");
    answer(id, place);
    answer(id, std::string(16, 'l'));
    answer(id, std::string(15, 'l'));
    answer(of_alice, place);
    answer(std::string(3, 'i'), place);
  }

  // ---- Profiles

  void profiles() {
    std::uint64_t version = 1;
    const auto tell = [&](const Bytes& profile, std::uint64_t as_version) {
      crypto::StreamKey key;
      random().fill(key.mutable_view());
      const auto token_hash = crypto::sha256(client::attachment_token(key.view()));
      world_.profiles[wire::field(token_hash.view())] = crypto::seal_stream(key, profile, random());
      auto out = content("of my profile " + std::to_string(as_version));
      world_.texts.emplace(mob_, account_.user, out.text().body());
      out.mutable_profile()->set_key(wire::field(key.view()));
      out.mutable_profile()->set_version(as_version);
      message(wire::serialize(out), aad(next_n_++));
    };
    const auto profile = [&](const std::function<void(wire::Profile&)>& change) {
      wire::Profile out;
      change(out);
      return wire::serialize(out);
    };
    world_.profile_names.emplace(account_.user, "Mallory");
    tell(profile([](auto& out) { out.set_name("Mallory"); }), version++);
    tell(profile([](auto& out) { out.set_name(std::string(limits::profile_name_bytes + 1, 'n')); }), version++);
    tell(profile([](auto& out) {
           out.set_name("with a large picture");
           out.set_avatar(std::string(limits::profile_bytes, 'a'));
         }),
         version++);
    tell(to_bytes("\xff\xff garbage"), version++);
    tell({}, version++);
    tell(profile([](auto& out) { out.set_name("of version 0"); }), 0);
    tell(profile([](auto& out) { out.set_name("of the last version"); }), UINT64_MAX);
  }

  std::uint64_t next_n_ = 100;
  std::optional<ClientMessageId> of_alice_;
};

}  // namespace

void craft_attachments(EngineWorld& world, const ChatId& mob) { AttachmentCrafter(world, mob).run(); }

}  // namespace sotto::fuzz
