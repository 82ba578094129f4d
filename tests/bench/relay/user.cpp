#include "relay/user.h"

#include <algorithm>

#include "base/ids.h"
#include "load/must.h"
#include "unit/relay/support/private_message.h"
#include "wire/frame.h"
#include "wire/limits.h"
#include "wire/mls_header.h"

namespace sotto::bench {

namespace {

/// Up to which a client joins what waits (src/net/transport.h).
constexpr std::size_t joined_bytes = 64 * 1024;
/// Ids of requests that are no messages begin here.
constexpr std::uint64_t other_ids = 1ULL << 60U;

}  // namespace

/// The connection of a user.
class User::Link final : public WebSocket {
 public:
  Link(User& user, SSL_CTX* context, std::uint16_t port) : WebSocket(context, port, "sotto.v1"), user_(user) {}
  using TlsStream::touch;
  using TlsStream::touch_at;

 private:
  void on_message(ByteView message) override { user_.on_frame(message); }
  void before_writing() override { user_.compose(); }
  void on_end() override { give_up("the relay hung up"); }
  User& user_;
};

User::User(RelayProcess& relay, Listener& listener, Random& random, std::size_t the_index)
    : index(the_index), relay_(relay), listener_(listener), account_(random) {}
User::~User() = default;

void User::connect() {
  heads_told_ = false;
  frames_.clear();
  link_ = std::make_unique<Link>(*this, relay_.ssl(), relay_.port());
  const auto challenge = must(wire::decode_frame(link_->receive_blocking()), "the challenge");
  nonce_ = to_bytes(wire::view(challenge.at(0).push().challenge().nonce()));
  if (registered_) return;
  wire::Envelope envelope;
  envelope.set_id(1);
  *envelope.mutable_request() = account_.registration(nonce_);
  Bytes frame;
  WebSocket::append_message(frame, wire::encode(envelope));
  link_->write_blocking(frame);
  const auto answer = must(wire::decode_frame(link_->receive_blocking()), "the answer");
  must(wire::status_of(answer.at(0).response()), "register");
  registered_ = true;
}

void User::authenticate(Loop& loop) {
  link_->attach(loop);
  ask(account_.authentication(nonce_, account_.devices.front(), ++session_, ack_no_));
}

void User::disconnect() { link_.reset(); }

wire::Request User::founding(const ChatId& chat, const std::vector<User*>& others) const {
  wire::CheckedCommitAad aad;
  aad.client_message_id = {};
  aad.membership_changed = true;
  wire::Roster roster;
  std::vector<const User*> all{this};
  all.insert(all.end(), others.begin(), others.end());
  wire::Request request;
  auto& create = *request.mutable_create_chat();
  auto& commit = *create.mutable_commit();
  for (const auto* user : all) {
    const auto& device = user->account_.devices.front().id;
    aad.adds.push_back({user->account_.id, device, 1});
    roster.devices[device] = {user->account_.id, 1};
    create.add_participants(to_string_bytes(user->account_.id));
    if (user == this) continue;
    commit.mutable_welcome()->set_shared("shared");
    auto& secret = *commit.mutable_welcome()->add_secrets();
    secret.set_device_id(to_string_bytes(device));
    secret.set_secret("secret");
  }
  std::ranges::sort(aad.adds);
  aad.admins = roster.admins = {account_.id};
  aad.roster_digest = roster.digest();
  create.set_chat_id(to_string_bytes(chat));
  create.set_type(wire::GROUP);
  commit.set_generation(1);
  commit.set_founding_aad(wire::field(wire::encode(aad)));
  return request;
}

void User::add_chat(const ChatId& chat) {
  chats_.push_back({chat});
  by_id_[to_string_bytes(chat)] = &chats_.back();
}

void User::ask(const wire::Request& request) {
  wire::Envelope envelope;
  envelope.set_id(other_ids);
  *envelope.mutable_request() = request;
  queue(wire::encode(envelope));
}

void User::send(std::size_t index_of_chat, std::uint64_t number) {
  auto& chat = chats_.at(index_of_chat);
  wire::CheckedMessageAad aad;
  std::copy_n(reinterpret_cast<const std::uint8_t*>(&number), sizeof number, aad.client_message_id.bytes.begin());
  aad.n = chat.next_n++;
  wire::Envelope envelope;
  envelope.set_id(number + 1);
  auto& message = *envelope.mutable_request()->mutable_send_message();
  message.set_chat_id(to_string_bytes(chat.id));
  message.set_generation(1);
  message.set_after_handshake(1);
  message.set_message(wire::field(relay::test::private_message(chat.id, 1, wire::MlsContentType::application,
                                                               wire::encode(aad), payload_of(number))));
  unanswered_.push_back({number, wire::encode(envelope)});
  queue(unanswered_.back().frame);
}

void User::send_unanswered() {
  for (const auto& one : unanswered_) queue(one.frame);
}

void User::queue(ByteView frame) {
  if (frames_.size() + frame.size() > joined_bytes) {
    link_->send_message(frames_);
    frames_.clear();
  }
  append(frames_, frame);
  link_->touch();
}

void User::compose() {
  const auto due = acked_at_ + wire::limits::ack_interval;
  const bool now = !frames_.empty() || Clock::now() >= due || entries_to_ack_ >= wire::limits::acked_at_once_entries ||
                   bytes_to_ack_ >= wire::limits::acked_at_once_bytes;
  if (!to_ack_.empty()) now ? queue_acks() : link_->touch_at(due);
  if (frames_.empty()) return;
  link_->send_message(frames_);
  frames_.clear();
}

void User::queue_acks() {
  wire::Envelope envelope;
  auto& ack = *envelope.mutable_request()->mutable_ack();
  ack.set_ack_no(++ack_no_);
  for (auto* chat : std::exchange(to_ack_, {})) {
    auto& cursor = *ack.add_cursors();
    cursor.set_chat_id(to_string_bytes(chat->id));
    cursor.set_seq(chat->cursor);
    chat->acked = chat->cursor;
  }
  acked_at_ = Clock::now();
  entries_to_ack_ = bytes_to_ack_ = 0;
  queue(wire::encode(envelope));
}

void User::on_frame(ByteView message) {
  const auto envelopes = must(wire::decode_frame(message), "a frame of the relay");
  for (const auto& envelope : envelopes) {
    if (envelope.has_response()) on_response(envelope);
    if (envelope.has_push()) on_push(envelope.push());
  }
}

void User::on_response(const wire::Envelope& envelope) {
  must(wire::status_of(envelope.response()), "an answer");
  if (envelope.id() == other_ids) {
    ++answered_;
    return;
  }
  if (unanswered_.empty() || unanswered_.front().number + 1 != envelope.id()) give_up("answers out of order");
  const auto number = unanswered_.front().number;
  unanswered_.pop_front();
  listener_.on_accepted(*this, number);
}

void User::on_push(const wire::Push& push) {
  if (push.has_entries()) {
    auto& chat = chat_of(push.entries().chat_id());
    for (const auto& entry : push.entries().entries()) on_entry(chat, entry);
  } else if (push.has_chat_joined()) {
    on_entry(chat_of(push.chat_joined().chat_id()), push.chat_joined().entry());
  } else if (push.has_heads()) {
    heads_told_ = heads_told_ || push.heads().last();
  } else if (push.has_gap()) {
    give_up("the relay tells of a gap");
  }
}

User::Chat& User::chat_of(const std::string& id) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) give_up("entries of an unknown chat");
  return *found->second;
}

void User::on_entry(Chat& chat, const wire::Entry& entry) {
  ++entries_to_ack_;
  bytes_to_ack_ += entry.ByteSizeLong();
  // Told again after a connection broke: the ack was lost, not the entry.
  const bool known = entry.seq() <= chat.cursor;
  if (!known && entry.seq() != chat.cursor + 1) give_up("a hole in a log");
  if (chat.acked >= chat.cursor || known) {
    if (std::ranges::find(to_ack_, &chat) == to_ack_.end()) to_ack_.push_back(&chat);
    link_->touch();
  }
  if (known) return;
  chat.cursor = entry.seq();
  if (!entry.has_message()) return;
  const auto message = wire::view(entry.message());
  if (message.size() < payload_bytes) give_up("a short message");
  listener_.on_delivered(*this, number_of(message.last(payload_bytes)));
}

}  // namespace sotto::bench
