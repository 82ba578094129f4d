#include "sim/device.h"

#include <algorithm>

#include "client/media/cipher_file.h"
#include "client/schema.h"
#include "sim/calm_store.h"
#include "sim/world.h"

namespace sotto::sim {

namespace {

constexpr char store_name[] = "/store.db";
/// As the client's driver sleeps at most, lest a clock that was set makes it late.
constexpr Milliseconds longest_sleep{30'000};
constexpr Milliseconds checkpoint_interval{30'000};
/// Steps in a minute of which no workload here makes a fifth.
constexpr std::uint64_t busy = 5000;

}  // namespace

Device::Device(World& world, std::size_t index, std::uint64_t seed)
    : Machine(world, "d" + std::to_string(index), seed, false),
      handle("user" + std::to_string(index)),
      index_(index),
      random_(seed, 1),
      log_([this](LogLevel, std::string_view text) { trace("log " + std::string(text)); }, LogLevel::warning, {}) {}

Device::~Device() {
  engine_.reset();
  db_.reset();
}

// ---- The process

void Device::start() {
  wanted_running_ = true;
  if (!running()) try_start();
}

void Device::try_start() {
  if (running() || !wanted_running_) return;
  disk().start();
  const auto failed = [&](const Error& why) {
    trace("cannot start: " + std::string(error_name(why.code)));
    const bool storage = why.code == ErrorCode::IO_ERROR || why.code == ErrorCode::DISK_FULL;
    if (!storage && !disk().dead()) violated("a store can be opened after any failure", name() + ": " + why.message);
    engine_.reset();
    db_.reset();
    world_.after(Milliseconds(1000), [this] { try_start(); });
  };
  auto db = client::open_store(store_name, disk().vfs_name(), store::Sharing::no_lease);
  if (!db.ok()) return failed(db.error());
  db_ = std::move(*db);
  auto engine = client::Engine::open(
      *db_, random_, log_, [this](const Event& event) { on_event(event); }, wants_network_,
      client::MediaFiles{"/media", disk().vfs_name()}, world_.key_packages());
  if (!engine.ok()) return failed(engine.error());
  if (disk().dead()) return failed(Error(ErrorCode::IO_ERROR, "died"));
  engine_ = std::move(*engine);
  take_storage_failed();
  trace("started");
  world_.oracle().on_new_process(*this);
  world_.oracle().on_started(*this);
  inputs_.clear();
  inputs_.emplace_back(client::TimerDue{});
  schedule_step(world_.now());
}

void Device::lose_process() {
  ++life_;
  forget_steps();
  inputs_.clear();
  pending_.clear();
  die_after_.reset();
  engine_.reset();
  db_.reset();
  checkpoint_planned_ = false;
  connection_ = ConnectionState::offline;
  connection_id_ = media_id_ = 0;
}

void Device::close() {
  if (!running()) return;
  wanted_running_ = false;
  const auto connections = {connection_id_, media_id_};
  auto last = engine_->close(inputs_);
  for (const auto& callback : last.callbacks) callback();
  world_.oracle().on_closed(*this, pending_.size());
  for (const auto connection : connections) {
    if (connection != 0) world_.network().close_by_client(connection);
  }
  trace("closed");
  lose_process();
  if (disk().dead()) disk().start();
}

void Device::die(bool power_cut) {
  if (!running()) return;
  const auto connections = {connection_id_, media_id_};
  if (!disk().dead()) power_cut ? disk().power_cut() : disk().kill();
  trace(power_cut ? "power is cut" : "is killed");
  lose_process();
  for (const auto connection : connections) {
    if (connection != 0) world_.network().client_died(connection, power_cut);
  }
  world_.after(Milliseconds(world_.trouble.skewed(100, 120'000)), [this, life = life_] {
    if (life == life_) try_start();
  });
}

// ---- Steps

void Device::input(client::Input input, relay::ConnectionId connection) {
  if (!running() || connection == 0) return;
  if (connection == media_id_) return media_input(std::move(input));
  if (connection != connection_id_) return;
  if (std::holds_alternative<client::ConnectionLost>(input)) connection_id_ = 0;
  if (auto* frame = std::get_if<client::FrameReceived>(&input)) {
    if (auto* hostile = world_.hostile_relay()) {
      if (!hostile->on_way_down(*this, frame->frame)) return;
    }
    trace("gets " + fingerprint(frame->frame));
    world_.oracle().on_frame_down(*this, frame->frame);
  }
  inputs_.push_back(std::move(input));
  schedule_step(world_.now());
}

void Device::media_input(client::Input input) {
  if (auto* lost = std::get_if<client::ConnectionLost>(&input)) {
    media_id_ = 0;
    inputs_.emplace_back(client::MediaConnectionLost{std::move(lost->why)});
  } else if (auto* frame = std::get_if<client::FrameReceived>(&input)) {
    auto* hostile = world_.hostile_relay();
    if (hostile != nullptr && !hostile->media.on_way_down(frame->frame)) return;
    trace("gets " + fingerprint(frame->frame) + " for attachments");
    inputs_.emplace_back(client::MediaFrameReceived{std::move(frame->frame)});
  } else {
    inputs_.emplace_back(client::MediaConnected{});
  }
  schedule_step(world_.now());
}

void Device::command(client::Input command) {
  if (!running()) return;
  inputs_.push_back(std::move(command));
  schedule_step(world_.now());
}

void Device::connect() {
  wants_network_ = true;
  command(client::ConnectCommand{});
}

void Device::disconnect() {
  wants_network_ = false;
  command(client::DisconnectCommand{});
}

void Device::step() {
  const auto minute = world_.now().time_since_epoch() / Milliseconds(60'000);
  if (std::exchange(minute_, minute) != minute) steps_in_minute_ = 0;
  if (++steps_in_minute_ > busy) violated("nobody works in a busy loop", name());
  auto inputs = std::exchange(inputs_, {});
  world_.oracle().on_step_begins(*this);
  auto out = engine_->step(local_now(), inputs);
  const bool failed = take_storage_failed();
  world_.oracle().on_step_done(*this, failed || disk().dead());
  if (disk().dead()) return die(false);
#ifdef SOTTO_TEST_HOOKS
  if (failed) {
    const World::Calm calm(world_);
    if (const auto same = engine_->compare_with_store(); !same.ok()) {
      violated("memory equals disk", name() + ": " + same.error().message);
    }
  }
#endif
  if (!let_out(std::move(out))) return;
  if (!checkpoint_planned_ && db_->wal_size() > 0) {
    checkpoint_planned_ = true;
    world_.after(checkpoint_interval, [this, life = life_] {
      if (life == life_ && running()) checkpoint();
    });
  }
  if (disk().dead()) die(false);
}

bool Device::let_out(relay::ConnectionId& connection, client::NetworkAction action, std::vector<Bytes> frames,
                     std::optional<std::size_t>& left) {
  const bool main = &connection == &connection_id_;
  if (action != client::NetworkAction::none && connection != 0) {
    world_.network().close_by_client(std::exchange(connection, 0));
  }
  if (action == client::NetworkAction::connect) connection = world_.network().connect(*this);
  for (auto& frame : frames) {
    if (connection == 0) break;
    if (left && (*left)-- == 0 && world_.inject(Fault::kill_sending)) return die(false), false;
    auto* hostile_member = main ? world_.hostile_member() : nullptr;
    if (hostile_member != nullptr) hostile_member->on_way_up(*this, frame);
    trace("sends " + fingerprint(frame));
    if (main) world_.oracle().on_frame_up(*this, frame);
    auto* hostile_relay = world_.hostile_relay();
    if (hostile_relay != nullptr && main) hostile_relay->on_way_up(*this, frame);
    if (hostile_relay != nullptr && !main) hostile_relay->media.on_way_up(frame);
    world_.network().send_up(connection, std::move(frame));
  }
  return true;
}

bool Device::let_out(client::Outputs out) {
  auto left = std::exchange(die_after_, std::nullopt);
  if (!let_out(connection_id_, out.network, std::move(out.frames), left)) return false;
  if (!let_out(media_id_, out.media.network, std::move(out.media.frames), left)) return false;
  schedule_timer(out.next_timer);
  const auto life = life_;
  for (const auto& callback : out.callbacks) {
    if (left && (*left)-- == 0 && world_.inject(Fault::kill_sending)) return die(false), false;
    callback();
    if (life != life_) return false;
  }
  return true;
}

void Device::schedule_timer(const std::optional<Timestamp>& local) {
  std::optional<Milliseconds> sleep;
  if (local) sleep = std::max(*local - local_now(), Milliseconds(0));
  // A real driver wakes up every 30 s in any case. With nothing to do that changes nothing but after a clock was set.
  if (clock_was_set()) sleep = std::min(sleep.value_or(longest_sleep), longest_sleep);
  wake_after(sleep);
}

void Device::checkpoint() {
  checkpoint_planned_ = false;
  const auto done = db_->checkpoint(store::Checkpoint::truncate);
  trace(done.ok() && done->complete ? "checkpoint" : "no checkpoint");
  take_storage_failed();
  if (disk().dead()) die(false);
}

void Device::on_event(const Event& event) {
  if (const auto* changed = std::get_if<ConnectionChanged>(&event)) {
    connection_ = changed->state;
    trace("is " + std::string(to_string(changed->state)));
  }
  world_.oracle().on_event(*this, event);
}

// ---- What its user does

template <typename T>
Completion<T> Device::expect(std::string what, std::function<void(const Result<T>&)> then) {
  const auto id = next_completion_++;
  pending_[id] = what;
  return [this, id, what = std::move(what), then = std::move(then), life = life_](Result<T> result) {
    if (life != life_) violated("no completion after the end", name() + ": " + what);
    if (pending_.erase(id) == 0) violated("every completion exactly once", name() + ": " + what);
    const auto code = result.ok() ? std::optional<ErrorCode>() : std::optional(result.error().code);
    trace(what + (code ? " ended with " + std::string(error_name(*code)) : " is done"));
    if (code) ++world_.counts.errors[*code];
    if (then) then(result);
  };
}

void Device::register_account() {
  command(client::RegisterCommand{handle, expect<UserId>("register", [this](const Result<UserId>& result) {
                                    if (!result.ok()) return;
                                    const World::Calm calm(world_);
                                    user = *result;
                                    device = must(client::AccountTable(*db_).load(), "account")->device;
                                    trace("is user " + brief(user.bytes));
                                  })});
}

void Device::find_user(const std::string& whom) {
  command(client::FindUserCommand{whom, expect<UserId>("find " + whom)});
}

void Device::create_direct(Device& peer) {
  const auto id = wire::direct_chat_id(user, peer.user);
  command(client::CreateChatCommand{id, ChatType::direct, {peer.user}, {}, expect<Chat>("create " + brief(id.bytes))});
}

void Device::create_group(const std::vector<Device*>& others, const std::string& group_name) {
  client::CreateChatCommand create{wire::random_group_id(random_), ChatType::group, {}, group_name, {}};
  for (const auto* other : others) create.users.push_back(other->user);
  create.done = expect<Chat>("create " + brief(create.chat.bytes));
  command(std::move(create));
}

void Device::send(const ChatId& chat, const std::string& text) {
  Message message;
  message.chat = chat;
  message.id = random_id<ClientMessageId>(random_);
  message.text = text;
  message.sent_at = local_now();
  world_.oracle().on_send(*this, message);
  command(client::SendCommand{
      message, {}, expect<void>("send " + brief(message.id.bytes), [this, id = message.id](const Result<void>& result) {
        world_.oracle().on_send_done(*this, id, result);
      })});
}

void Device::send_picture(const ChatId& chat, const std::string& caption, const Bytes& picture, bool as_file) {
  Message message;
  message.chat = chat;
  message.id = random_id<ClientMessageId>(random_);
  message.text = caption;
  message.sent_at = local_now();
  OutgoingAttachment attachment;
  attachment.info.kind = AttachmentKind::image;
  attachment.info.name = "picture.jpg";
  attachment.bytes = picture;
  if (as_file) {
    // Of the app's own making, so that only a full disk stands against it.
    const World::Calm calm(world_);
    const auto path = "/picture-" + brief(message.id.bytes);
    auto file = store::File::open(path, store::File::Mode::write, disk().vfs_name());
    if (file.ok() && file->write(0, picture).ok() && file->sync().ok()) {
      attachment.path = path;
      attachment.bytes.clear();
    }
  }
  world_.oracle().on_send(*this, message);
  world_.oracle().on_attach(message.id, picture);
  command(client::SendCommand{
      message,
      {std::move(attachment)},
      expect<void>("send " + brief(message.id.bytes), [this, id = message.id](const Result<void>& result) {
        world_.oracle().on_send_done(*this, id, result);
      })});
}

void Device::mark_read(const ChatId& chat) {
  command(client::MarkReadCommand{chat, std::nullopt, expect<void>("mark " + brief(chat.bytes))});
}

void Device::accept(const ChatId& chat) {
  command(client::AnswerRequestCommand{chat, RequestAnswer::accept, expect<void>("accept " + brief(chat.bytes))});
}

void Device::type(const ChatId& chat, bool typing) {
  if (!running()) return;
  world_.oracle().on_type(*this, chat);
  command(client::TypingCommand{chat, typing});
}

void Device::set_available(bool available) { command(client::AvailableCommand{available}); }

void Device::show(const Profile& profile) {
  world_.oracle().on_show(*this, profile);
  command(client::ProfileCommand{profile, expect<void>("show a profile")});
}

void Device::block(const UserId& peer, bool blocked) {
  if (!running()) return;
  world_.oracle().on_block(*this, peer);
  command(client::BlockCommand{peer, blocked, expect<void>((blocked ? "block " : "unblock ") + brief(peer.bytes))});
}

void Device::change(const ChatId& chat, client::ChangeKind kind, const UserId& who, const std::string& new_name) {
  static constexpr std::array<const char*, 4> names = {"add ", "remove ", "rename ", "refresh "};
  command(client::ChangeChatCommand{chat, kind, who, new_name,
                                    expect<void>(names.at(static_cast<std::size_t>(kind)) + brief(chat.bytes))});
}

// ---- What its store says

std::vector<Chat> Device::chats() {
  const World::Calm calm(world_);
  std::vector<Chat> out;
  std::optional<Chat> after;
  for (;;) {
    auto page = must(client::ChatTable(*db_).page(200, after), "chats");
    if (page.empty()) break;
    after = page.back();
    out.insert(out.end(), page.begin(), page.end());
  }
  std::ranges::sort(out, {}, &Chat::id);
  return out;
}

std::vector<Participant> Device::participants(const ChatId& chat) {
  const World::Calm calm(world_);
  return must(client::ChatTable(*db_).participants(chat), "participants");
}

bool Device::quiet() {
  const World::Calm calm(world_);
  if (!inputs_.empty()) return false;
  const auto waits = [&](const std::vector<ChatId>& ids) {
    return std::ranges::any_of(ids, [&](const ChatId& id) {
      const auto chat = must(client::ChatTable(*db_).find(id), "chat");
      return chat && (chat->status == ChatStatus::active || chat->status == ChatStatus::creating);
    });
  };
  client::MediaTable media(*db_);
  using client::MediaState;
  for (const auto state : {MediaState::preparing, MediaState::uploading, MediaState::downloading}) {
    if (!must(media.in_state(state, 1), "media").empty()) return false;
  }
  // What only a relay that is there can be told of.
  const auto self = must(client::SelfTable(*db_).load(), "self");
  if (self.profile_told < self.profile_version || self.blocks_told < self.blocks_version) return false;
  if (!must(client::PersonTable(*db_).wanted(1), "people").empty()) return false;
  for (const auto& id : must(client::ChatTable(*db_).with_untold_mark(), "marks")) {
    const auto chat = must(client::ChatTable(*db_).find(id), "chat");
    if (chat->status == ChatStatus::active && chat->request == ChatRequest::none) return false;
  }
  return must(media.unready(1), "media").empty() && !waits(must(client::OutboxTable(*db_).chats(), "outbox")) &&
         !waits(must(client::IntentTable(*db_).chats(), "intents"));
}

}  // namespace sotto::sim
