#include "sotto/client.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <set>

#include "base/serial_executor.h"
#include "base/try.h"
#include "base/utf8.h"
#include "client/driver/client_impl.h"
#include "client/event_log.h"
#include "client/failures.h"
#include "client/media/cipher_file.h"
#include "client/schema.h"
#include "crypto/init.h"
#include "wire/identity.h"
#include "wire/limits.h"

namespace sotto {

namespace {

constexpr std::size_t most_rows = 200;

Status make_folder(const std::string& path) {
  if (path.empty()) return Error(ErrorCode::INVALID_ARGUMENT, "data_dir is empty");
  if (mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
  if (errno == ENOSPC) return Error(ErrorCode::DISK_FULL, "the data folder cannot be made");
  return Error(ErrorCode::INVALID_ARGUMENT, "the data folder cannot be made; its parent must exist");
}

Result<net::Endpoint> endpoint_of(const ClientConfig& config) {
  SOTTO_TRY_ASSIGN(auto endpoint, net::parse_endpoint(config.relay_url));
  if (!config.ca_file.empty()) {
    endpoint.trust.roots = net::TrustRoots::file;
    endpoint.trust.ca = config.ca_file;
  }
  for (const auto& pin : config.spki_pins) {
    net::SpkiHash hash;
    if (!assign_exact(hash, from_hex(pin))) {
      return Error(ErrorCode::INVALID_ARGUMENT, "a pin is 64 hexadecimal digits");
    }
    endpoint.trust.pins.push_back(hash);
  }
  return endpoint;
}

Status check_name(std::string_view name) {
  if (name.size() > wire::limits::chat_name_bytes || !is_valid_utf8(name)) {
    return Error(ErrorCode::INVALID_ARGUMENT, "a name is UTF-8 of at most 256 bytes");
  }
  return {};
}

Message new_message(const Account& self, const ChatId& chat, const SendOptions& options = {}) {
  SystemRandom random;
  Message message;
  message.chat = chat;
  message.id = options.id ? *options.id : random_id<ClientMessageId>(random);
  message.position = INT64_MAX;  // Known when it is on disk.
  message.sender = self.user;
  message.sender_device = self.device;
  message.sent_at = std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  return message;
}

}  // namespace

Client::Client(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Client>> Client::open(ClientConfig config) {
  SOTTO_TRY(crypto::initialize());
  SOTTO_TRY_ASSIGN(auto endpoint, endpoint_of(config));
  SOTTO_TRY(make_folder(config.data_dir));
  SipKey log_key{};
  SystemRandom().fill(log_key);

  auto impl = std::make_shared<Impl>();
  impl->executor = std::move(config.executor);
  client::EngineThread::Parts parts;
  const bool own_executor = !impl->executor;
  if (own_executor) {
    SOTTO_TRY_ASSIGN(impl->executor, SerialExecutor::start());
  }
  parts.own_executor = own_executor;
  SOTTO_TRY_ASSIGN(parts.db, client::open_store(config.data_dir + "/sotto.db"));
  SOTTO_TRY_ASSIGN(impl->reader, parts.db->open_reader());
  SOTTO_TRY_ASSIGN(const auto row, client::AccountTable(*parts.db).load());
  if (row && row->registered) impl->account = account_of(*row);
  parts.endpoint = std::move(endpoint);
  parts.executor = impl->executor;
  parts.on_event = std::move(config.on_event);
  impl->keeps_event_log = parts.event_log.on = config.keep_event_log;
  parts.event_log.on_logged = std::move(config.on_events_logged);
  parts.log = Logger(std::move(config.log), config.log_level, log_key);
  parts.on_erased = [weak = std::weak_ptr<Impl>(impl)] {
    const auto target = weak.lock();
    if (!target) return;
    const std::lock_guard lock(target->mutex);
    target->account.reset();
  };
  parts.connect_at_open = config.connect_at_open;
  parts.media.folder = config.data_dir + "/media";
  parts.media.cache_bytes = config.attachment_cache_bytes;
  parts.media.answers_requests = config.answer_attachment_requests;
  SOTTO_TRY(make_folder(parts.media.folder));
  impl->media_folder = parts.media.folder;
  SOTTO_TRY_ASSIGN(impl->thread, client::EngineThread::start(std::move(parts)));
  return std::unique_ptr<Client>(new Client(std::move(impl)));
}

Client::~Client() {
  close();
  impl_->thread->join();
}

void Client::close(std::function<void()> closed) {
  impl_->thread->stop(std::move(closed));
  const std::lock_guard lock(impl_->mutex);
  impl_->reader.reset();
}

Result<std::optional<Account>> Client::account() const {
  const std::lock_guard lock(impl_->mutex);
  if (impl_->thread->stopped()) return ErrorCode::CLOSED;
  impl_->load_account();
  auto account = impl_->account;
  if (account) {
    SOTTO_TRY_ASSIGN(const auto leaving, client::LeavingTable(*impl_->reader).load());
    account->logged_out = leaving == client::LeavingKind::logged_out;
  }
  return account;
}

void Client::connect() { (void)impl_->thread->enqueue(client::ConnectCommand{}).ok(); }
void Client::disconnect() { (void)impl_->thread->enqueue(client::DisconnectCommand{}).ok(); }
ConnectionState Client::connection() const { return impl_->thread->connection(); }

void Client::find_user(std::string handle, Completion<UserId> done) {
  handle = wire::normalise_handle(handle);
  if (const auto status = wire::check_handle(handle); !status.ok()) return impl_->refuse(done, status.error());
  if (const auto self = impl_->own_account(); !self.ok()) return impl_->refuse(done, self.error());
  impl_->submit(client::FindUserCommand{std::move(handle), std::move(done)});
}

Result<ChatId> Client::create_direct_chat(const UserId& user, Completion<Chat> done) {
  SOTTO_TRY_ASSIGN(const auto self, impl_->own_account());
  if (user == self.user || user.is_zero()) {
    return Error(ErrorCode::INVALID_ARGUMENT, "a direct chat is with another user");
  }
  const auto chat = wire::direct_chat_id(self.user, user);
  SOTTO_TRY(impl_->thread->enqueue(client::CreateChatCommand{chat, ChatType::direct, {user}, {}, std::move(done)}));
  return chat;
}

Result<ChatId> Client::create_group(GroupSpec spec, Completion<Chat> done) {
  SOTTO_TRY_ASSIGN(const auto self, impl_->own_account());
  SOTTO_TRY(check_name(spec.name));
  const std::set<UserId> users(spec.participants.begin(), spec.participants.end());
  if (users.empty() || users.size() != spec.participants.size() || users.contains(self.user) ||
      users.contains(UserId{})) {
    return Error(ErrorCode::INVALID_ARGUMENT, "participants are the other users, each once");
  }
  if (users.size() >= wire::limits::users_per_chat) {
    return Error(ErrorCode::LIMIT_EXCEEDED, "a group has at most 100 users");
  }
  SystemRandom random;
  const auto chat = wire::random_group_id(random);
  SOTTO_TRY(impl_->thread->enqueue(client::CreateChatCommand{chat, ChatType::group, std::move(spec.participants),
                                                             std::move(spec.name), std::move(done)}));
  return chat;
}

void Client::modify_participants(const ChatId& chat, const UserId& user, ParticipantOperation operation,
                                 Completion<void> done) {
  const auto kind = operation == ParticipantOperation::add ? client::ChangeKind::add : client::ChangeKind::remove;
  impl_->submit(client::ChangeChatCommand{chat, kind, user, {}, std::move(done)});
}

void Client::replace_participant(const ChatId& chat, const UserId& old_user, const UserId& new_user,
                                 Completion<void> done) {
  if (old_user == new_user || old_user.is_zero() || new_user.is_zero()) {
    return impl_->refuse(done, Error(ErrorCode::INVALID_ARGUMENT, "one user goes and another comes"));
  }
  impl_->submit(client::ChangeChatCommand{chat, client::ChangeKind::replace, old_user, {}, std::move(done), new_user});
}

void Client::rename(const ChatId& chat, std::string name, Completion<void> done) {
  if (const auto status = check_name(name); !status.ok()) return impl_->refuse(done, status.error());
  impl_->submit(client::ChangeChatCommand{chat, client::ChangeKind::rename, {}, std::move(name), std::move(done)});
}

void Client::refresh_keys(const ChatId& chat, Completion<void> done) {
  impl_->submit(client::ChangeChatCommand{chat, client::ChangeKind::refresh, {}, {}, std::move(done)});
}

Result<std::vector<Chat>> Client::chats(std::size_t limit, const std::optional<Chat>& after) const {
  if (limit == 0 || limit > most_rows) return Error(ErrorCode::INVALID_ARGUMENT, "limit is 1 to 200");
  return impl_->read([&](store::Database& db) { return client::ChatTable(db).page(limit, after); });
}

Result<Chat> Client::chat(const ChatId& id) const {
  return impl_->read([&](store::Database& db) -> Result<Chat> {
    SOTTO_TRY_ASSIGN(const auto row, client::ChatTable(db).find(id));
    if (!row) return Error(ErrorCode::NOT_FOUND, "no such chat");
    return row->view();
  });
}

Result<std::vector<Participant>> Client::participants(const ChatId& id) const {
  return impl_->read([&](store::Database& db) -> Result<std::vector<Participant>> {
    SOTTO_TRY_ASSIGN(auto all, client::ChatTable(db).participants(id));
    if (all.empty()) return Error(ErrorCode::NOT_FOUND, "no such chat");
    return all;
  });
}

Result<Message> Client::send(const ChatId& chat, std::string text, Completion<void> done) {
  return send(chat, std::move(text), SendOptions{}, std::move(done));
}

Result<Message> Client::send(const ChatId& chat, std::string text, SendOptions options, Completion<void> done) {
  SOTTO_TRY_ASSIGN(const auto self, impl_->own_account());
  if (text.empty() || text.size() > wire::limits::text_bytes || !is_valid_utf8(text)) {
    return Error(ErrorCode::INVALID_ARGUMENT, "a text is UTF-8 of 1 byte to 64 KiB");
  }
  SOTTO_TRY_ASSIGN(const auto known, impl_->known(chat, self, options));
  auto message = new_message(self, chat, options);
  message.text = std::move(text);
  SOTTO_TRY(
      impl_->thread->enqueue(client::SendCommand{message, {}, std::move(done), options.releases, options.urgency}));
  return known ? std::move(*known) : std::move(message);
}

Result<Message> Client::send(const ChatId& chat, std::string text, std::vector<OutgoingAttachment> attachments,
                             Completion<void> done) {
  return send(chat, std::move(text), std::move(attachments), SendOptions{}, std::move(done));
}

Result<Message> Client::send(const ChatId& chat, std::string text, std::vector<OutgoingAttachment> attachments,
                             SendOptions options, Completion<void> done) {
  SOTTO_TRY_ASSIGN(const auto self, impl_->own_account());
  SOTTO_TRY_ASSIGN(auto known, impl_->known(chat, self, options));
  if (known) {
    SOTTO_TRY(impl_->thread->enqueue(client::SendCommand{*known, {}, std::move(done), options.releases}));
    return std::move(*known);
  }
  if (attachments.empty()) return send(chat, std::move(text), options, std::move(done));
  if (text.size() > wire::limits::caption_bytes || !is_valid_utf8(text)) {
    return Error(ErrorCode::INVALID_ARGUMENT, "a caption is UTF-8 of at most 16 KiB");
  }
  SOTTO_TRY(client::check_infos(attachments));
  auto message = new_message(self, chat, options);
  message.text = std::move(text);
  for (auto& attachment : attachments) {
    if (!attachment.path.empty()) {
      // What is no file may never end; and another process's working folder may be another.
      std::error_code error;
      const auto path = std::filesystem::absolute(attachment.path, error);
      if (error || !std::filesystem::is_regular_file(path, error)) {
        return Error(ErrorCode::NOT_FOUND, "an attachment's path names no file");
      }
      attachment.path = path.string();
    }
    Attachment shown;
    shown.info = attachment.info;
    shown.state = AttachmentState::preparing;
    shown.size = attachment.bytes.size();
    message.attachments.push_back(std::move(shown));
  }
  SOTTO_TRY(impl_->thread->enqueue(
      client::SendCommand{message, std::move(attachments), std::move(done), options.releases, options.urgency}));
  return message;
}

Result<void> Client::check_attachment(const AttachmentInfo& info) { return client::check_info(info); }

Result<Message> Client::forward(const ChatId& from, const ClientMessageId& message, const ChatId& to,
                                Completion<void> done) {
  SOTTO_TRY_ASSIGN(const auto self, impl_->own_account());
  auto copy = new_message(self, to);
  SOTTO_TRY(impl_->thread->enqueue(client::ForwardCommand{from, message, copy, std::move(done)}));
  return copy;
}

void Client::transfer(const ChatId& chat, const ClientMessageId& message, std::uint32_t index, TransferAction action,
                      Completion<void> done) {
  impl_->submit(client::TransferCommand{chat, message, index, action, std::move(done)});
}

void Client::request_attachment(const ChatId& chat, const ClientMessageId& message, std::uint32_t index,
                                Completion<void> done) {
  impl_->submit(client::RequestAttachmentCommand{chat, message, index, std::move(done)});
}

void Client::set_download_policy(const DownloadPolicy& policy, bool metered) {
  (void)impl_->thread->enqueue(client::DownloadPolicyCommand{policy, metered}).ok();
}

namespace {
/// Who finds a file gone or damaged has it fetched again by the next `start`, which is told after this.
void tell_lost(client::EngineThread& thread, std::int64_t media, const Error& why) {
  (void)thread.enqueue(client::AttachmentLostCommand{media, why}).ok();  // The next reader tells it again.
}
}  // namespace

struct AttachmentReader::Impl {
  client::FileOpener file;
  std::int64_t media;
  /// Of the client that it may outlive.
  std::weak_ptr<client::EngineThread> thread;
};
AttachmentReader::AttachmentReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AttachmentReader::~AttachmentReader() = default;
AttachmentReader::AttachmentReader(AttachmentReader&&) noexcept = default;
AttachmentReader& AttachmentReader::operator=(AttachmentReader&&) noexcept = default;
std::uint64_t AttachmentReader::size() const { return impl_->file.size(); }
Result<std::vector<std::uint8_t>> AttachmentReader::read() {
  auto part = impl_->file.read();
  if (part.code() == ErrorCode::CORRUPT) {
    if (const auto thread = impl_->thread.lock()) tell_lost(*thread, impl_->media, part.error());
  }
  return part;
}

Result<AttachmentReader> Client::open_attachment(const ChatId& chat, const ClientMessageId& message,
                                                 std::uint32_t index) const {
  return impl_->read([&](store::Database& db) -> Result<AttachmentReader> {
    SOTTO_TRY_ASSIGN(const auto found, client::MessageTable(db).find(chat, message));
    if (!found) return Error(ErrorCode::NOT_FOUND, "no such message");
    SOTTO_TRY_ASSIGN(auto row, client::MediaTable(db).find(*found, index));
    if (!row) return Error(ErrorCode::NOT_FOUND, "no such attachment");
    if (!row->key || !row->hash ||
        (row->state != client::MediaState::present && row->state != client::MediaState::uploading)) {
      return Error(ErrorCode::NOT_FOUND, "the attachment is not on this device");
    }
    auto file = client::open_ciphertext(impl_->media_folder + "/" + std::to_string(row->id), row->size, {});
    if (!file.ok()) {
      if (!client::is_storage_failure(file.error())) tell_lost(*impl_->thread, row->id, file.error());
      return file.error();
    }
    const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    if (client::counts_as_use(row->used_at, now.time_since_epoch().count())) {
      (void)impl_->thread->enqueue(client::AttachmentUsedCommand{row->id}).ok();  // Only the cache's order is at stake.
    }
    return AttachmentReader(std::make_unique<AttachmentReader::Impl>(AttachmentReader::Impl{
        client::FileOpener(std::move(*file), row->size, std::move(*row->key), *row->hash), row->id, impl_->thread}));
  });
}

Result<std::vector<Message>> Client::messages(const ChatId& chat, const MessagePage& page) const {
  if (page.limit == 0 || page.limit > most_rows) return Error(ErrorCode::INVALID_ARGUMENT, "limit is 1 to 200");
  return impl_->read([&](store::Database& db) { return client::MessageTable(db).page(chat, page.before, page.limit); });
}

Result<Message> Client::message(const ChatId& chat, const ClientMessageId& id) const {
  return impl_->read([&](store::Database& db) -> Result<Message> {
    SOTTO_TRY_ASSIGN(auto found, client::MessageTable(db).find(chat, id));
    if (!found) return Error(ErrorCode::NOT_FOUND, "no such message");
    return std::move(*found);
  });
}

Result<std::vector<LoggedEvent>> Client::events(EventCursor after, std::size_t limit) const {
  if (limit == 0 || limit > most_rows) return Error(ErrorCode::INVALID_ARGUMENT, "limit is 1 to 200");
  if (!impl_->keeps_event_log) return no_event_log();
  return impl_->read([&](store::Database& db) { return client::read_events(db, after, limit); });
}

void Client::release_events(EventCursor up_to, Completion<void> done) {
  if (!impl_->keeps_event_log) return impl_->refuse(done, no_event_log());
  impl_->submit(client::ReleaseEventsCommand{up_to, std::move(done)});
}

}  // namespace sotto
