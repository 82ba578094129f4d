// What must hold whatever the relay does: what the app sees is true, and so is what is stored.
#include <algorithm>
#include <filesystem>

#include "client/media/cipher_file.h"
#include "client/tables/chat_table.h"
#include "client/tables/message_table.h"
#include "client/tables/person_table.h"
#include "crypto/hash.h"
#include "engine_attack.h"

namespace sotto::fuzz {

void Attack::see(const Event& event) {
  if (const auto* added = std::get_if<MessageAdded>(&event)) see(added->message);
  if (const auto* changed = std::get_if<MessageChanged>(&event)) see(changed->message);
  if (const auto* chat = std::get_if<ChatChanged>(&event)) see(chat->chat);
  if (const auto* connection = std::get_if<ConnectionChanged>(&event)) {
    state_ = connection->state;
    if (connection->problem) see(*connection->problem);
  }
  if (const auto* progress = std::get_if<AttachmentProgress>(&event)) {
    check(progress->transferred <= progress->total, "no more is transferred than there is");
  }
  if (const auto* typing = std::get_if<TypingChanged>(&event)) {
    check(!typing->typing || world_.typed.contains({typing->chat, typing->user}), "who is said to write has said so");
  }
  if (const auto* presence = std::get_if<PresenceChanged>(&event)) {
    check(!presence->available || world_.present.contains(presence->user), "who is said to be there has said so");
  }
  if (const auto* person = std::get_if<PersonChanged>(&event)) check_person(person->user);
  if (const auto* registration = std::get_if<RegistrationChanged>(&event)) {
    if (registration->problem) see(*registration->problem);
  }
}

void Attack::see(const Message& message) {
  if (message.kind == MessageKind::text) {
    check(texts_.contains({message.chat, message.sender, message.text}), "a text is shown that its sender wrote");
    check(message.state != MessageState::read || world_.read_by_all.contains(message.chat),
          "what is said to be read was read by all");
  }
  for (std::size_t i = 0; i < message.attachments.size(); ++i) {
    const auto& one = message.attachments[i];
    check(attachments_.contains(attachment_as_shown(message.chat, message.sender, message.text, i, one.info, one.size)),
          "an attachment is shown as its sender described it");
    check(one.transferred <= one.total, "no more of it is transferred than there is");
    if (one.problem) see(*one.problem);
  }
  if (message.kind == MessageKind::notice && message.notice.kind == NoticeKind::renamed) {
    check(names_[message.chat].contains(message.notice.text), "a new name is one that a member gave");
  }
  if (message.problem) see(*message.problem);
}

void Attack::see(const Chat& chat) {
  if (chat.status != ChatStatus::active || chat.type == ChatType::direct) return;
  check(names_[chat.id].contains(chat.name), "a chat has a name that a member gave");
}

void Attack::see(const Error& error) const {
  const bool damage = error.code == ErrorCode::INTERNAL || error.code == ErrorCode::CORRUPT;
  // By its word, a relay has got something else than was announced: the file here counts as damaged.
  const bool of_relay =
      said_.contains(error.code) || (error.code == ErrorCode::CORRUPT && said_.contains(ErrorCode::BAD_SIGNATURE));
  check(!damage || of_relay, "nothing is damaged");
}

void Attack::check_person(const UserId& user) {
  const auto person = must(client::PersonTable(db_).find(user));
  check(person.profile.name.empty() || world_.profile_names.contains({user, person.profile.name}),
        "a profile is shown that is its user's");
}

void Attack::check_store() {
  must(engine_->compare_with_store());
  std::vector<ChatId> all;
  must(db_.query("SELECT DISTINCT chat_id FROM message",
                 [&](const store::Row& row) { all.push_back(row.get<ChatId>(0)); }));
  for (const auto& chat : all) {
    for (const auto& message : must(client::MessageTable(db_).page(chat, std::nullopt, 200))) see(message);
  }
  for (const auto& chat : must(client::ChatTable(db_).page(200, std::nullopt))) see(chat);
  for (const auto* peer : peers_) check_person(peer->user);
  check_files();
}

void Attack::check_files() {
  client::MediaTable media(db_);
  const auto discarded = must(media.discarded());
  std::map<std::int64_t, std::uint64_t> sizes;
  for (const auto& file : std::filesystem::directory_iterator(world_.alice->folder())) {
    const auto id = std::stoll(file.path().filename().string());
    sizes[id] = file.file_size();
    const auto row = must(media.find(id));
    const bool goes = std::ranges::find(discarded, id) != discarded.end();
    const bool wanted =
        row && (row->state == client::MediaState::present || row->state == client::MediaState::uploading ||
                row->state == client::MediaState::downloading);
    check(goes || wanted, "a file is one of an attachment, or is to go");
    check(!row || sizes[id] <= client::cipher_size(row->size), "a file is no larger than was announced");
  }
  std::vector<std::int64_t> ids;
  must(
      db_.query("SELECT media_id FROM media", [&](const store::Row& row) { ids.push_back(row.get<std::int64_t>(0)); }));
  for (const auto id : ids) {
    auto row = must(media.find(id));
    if (row->state == client::MediaState::downloading) {
      check(row->fetched <= client::cipher_size(row->size), "no more is fetched than was announced");
      check(row->fetched <= (sizes.contains(id) ? sizes[id] : 0), "what counts as fetched is there");
    }
    if (row->state == client::MediaState::present) check_present(std::move(*row));
  }
}

void Attack::check_present(client::MediaRow row) {
  const auto path = world_.alice->folder() + "/" + std::to_string(row.id);
  auto file = must(store::File::open(path, store::File::Mode::read, {}));
  Bytes ciphertext(static_cast<std::size_t>(must(file.size())));
  must(file.read(0, ciphertext));
  check(ciphertext.size() == client::cipher_size(row.size), "what is there is all of it");
  check(crypto::sha256(ciphertext) == *row.hash, "what is there is what was announced");
  client::FileOpener opener(std::move(file), row.size, std::move(*row.key), *row.hash);
  std::uint64_t opened = 0;
  for (;;) {
    const auto part = opener.read();
    if (!part.ok()) {
      // Its sender sealed it wrongly. What was announced came, so it is no damage of here.
      check(part.code() == ErrorCode::DECRYPTION_FAILED, "a file that is there opens, or never did");
      return;
    }
    if (part->empty()) break;
    opened += part->size();
  }
  check(opened == row.size, "it is as long as its sender said");
}

}  // namespace sotto::fuzz
