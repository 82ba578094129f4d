#include "support/testnet.h"

#include <algorithm>

#include "client/schema.h"
#include "client/tables/chat_table.h"
#include "crypto/init.h"
#include "support/history.h"
#include "support/must.h"
#include "wire/frame.h"
#include "wire/identity.h"

namespace sotto::test {

namespace {
Bytes rewritten(ByteView frame, const std::function<bool(wire::Envelope&)>& change) {
  auto envelopes = must(wire::decode_frame(frame));
  Bytes out;
  for (auto& envelope : envelopes) {
    if (change(envelope)) append(out, wire::encode(envelope));
  }
  return out;
}
}  // namespace

// ---- A device

TestDevice::TestDevice(TestNet& net, std::uint64_t seed) : net_(net), random_(seed) {
  db = must(client::open_store(":memory:"));
  open();
}

void TestDevice::open() {
  engine_ = must(client::Engine::open(
      *db, random_, log_,
      [this](const Event& event) {
        if (const auto* changed = std::get_if<ConnectionChanged>(&event)) connection = changed->state;
        events.push_back(event);
      },
      true, client::MediaFiles{folder_.path(), {}, cache_bytes, answers_requests},
      wire::limits::key_packages_per_device, event_log));
  inputs_.emplace_back(client::TimerDue{});
}

void TestDevice::command(client::Input input) { inputs_.push_back(std::move(input)); }

void TestDevice::register_account(const std::string& handle) {
  bool done = false;
  command(client::RegisterCommand{handle, [&](Result<UserId> result) {
                                    user = must(std::move(result));
                                    done = true;
                                  }});
  REQUIRE(net_.run_until([&] { return done; }));
  device = must(client::AccountTable(*db).load())->device;
}

ChatId TestDevice::direct_chat(const TestDevice& peer) {
  const auto id = wire::direct_chat_id(user, peer.user);
  command(client::CreateChatCommand{id, ChatType::direct, {peer.user}, {}, {}});
  return id;
}

ChatId TestDevice::group(const std::vector<TestDevice*>& others, const std::string& name) {
  client::CreateChatCommand create{wire::random_group_id(random_), ChatType::group, {}, name, {}};
  for (const auto* other : others) create.users.push_back(other->user);
  const auto id = create.chat;
  command(std::move(create));
  return id;
}

ClientMessageId TestDevice::send(const ChatId& chat, const std::string& text) {
  Message message;
  message.chat = chat;
  message.id = random_id<ClientMessageId>(random_);
  message.text = text;
  message.sent_at = net_.now;
  command(client::SendCommand{message, {}, {}});
  return message.id;
}

ClientMessageId TestDevice::send(const ChatId& chat, const std::string& text,
                                 std::vector<OutgoingAttachment> attachments) {
  Message message;
  message.chat = chat;
  message.id = random_id<ClientMessageId>(random_);
  message.text = text;
  message.sent_at = net_.now;
  command(client::SendCommand{message, std::move(attachments), [this](Result<void> done) { changes.push_back(done); }});
  return message.id;
}

ClientMessageId TestDevice::forward(const ChatId& from, const ClientMessageId& forwarded, const ChatId& to) {
  Message message;
  message.chat = to;
  message.id = random_id<ClientMessageId>(random_);
  message.sent_at = net_.now;
  command(client::ForwardCommand{from, forwarded, message, [this](Result<void> done) { changes.push_back(done); }});
  return message.id;
}

void TestDevice::transfer(const ChatId& chat, const ClientMessageId& id, std::uint32_t index, TransferAction action) {
  command(client::TransferCommand{chat, id, index, action, [this](Result<void> done) { changes.push_back(done); }});
}

void TestDevice::request(const ChatId& chat, const ClientMessageId& id, std::uint32_t index) {
  command(client::RequestAttachmentCommand{chat, id, index, [this](Result<void> done) { changes.push_back(done); }});
}

Message TestDevice::message(const ChatId& chat, const ClientMessageId& id) {
  auto found = must(client::MessageTable(*db).find(chat, id));
  REQUIRE(found.has_value());
  return std::move(*found);
}

Result<Bytes> TestDevice::bytes_of(const ChatId& chat, const ClientMessageId& id, std::uint32_t index) {
  client::MediaTable media(*db);
  const auto refs = must(media.of_message(chat, message(chat, id).sender, id));
  REQUIRE(index < refs.size());
  auto row = must(media.find(refs[index].media));
  REQUIRE(row.has_value());
  if (!row->key) return ErrorCode::NOT_FOUND;
  auto file = store::File::open(folder() + "/" + std::to_string(row->id), store::File::Mode::read, {});
  if (!file.ok()) return file.error();
  client::FileOpener opener(std::move(*file), row->size, std::move(*row->key), *row->hash);
  Bytes out;
  for (;;) {
    auto part = opener.read();
    if (!part.ok()) return part.error();
    if (part->empty()) return out;
    append(out, *part);
  }
}

void TestDevice::change(const ChatId& chat, client::ChangeKind kind, const UserId& who, const std::string& name) {
  command(client::ChangeChatCommand{chat, kind, who, name, [this](Result<void> result) { changes.push_back(result); }});
}

void TestDevice::restart() {
  net_.cut(*this);
  inputs_.clear();
  engine_.reset();
  connection = ConnectionState::offline;
  open();
}

void TestDevice::close() {
  auto last = engine_->close(inputs_);
  send(Line::main, std::move(last.farewell));
  for (const auto line : {Line::main, Line::media}) carry_out(line, client::NetworkAction::close, {});
  for (const auto& callback : last.callbacks) callback();
  inputs_.clear();
  timer_.reset();
  engine_.reset();
  connection = ConnectionState::offline;
}

void TestDevice::go_offline() {
  reachable_ = false;
  net_.cut(*this);
}

void TestDevice::go_online() {
  reachable_ = true;
  command(client::ConnectCommand{});
}

std::vector<Message> TestDevice::history(const ChatId& id) { return must(whole_history(*db, id)); }

std::vector<std::string> TestDevice::texts(const ChatId& id) {
  std::vector<std::string> out;
  for (const auto& message : history(id)) {
    if (message.kind == MessageKind::text) out.push_back(message.text);
  }
  return out;
}

Chat TestDevice::chat(const ChatId& id) {
  const auto row = must(client::ChatTable(*db).find(id));
  REQUIRE(row.has_value());
  return row->view();
}

std::size_t TestDevice::count(MessageKind kind, const ChatId& id) {
  return static_cast<std::size_t>(std::ranges::count(history(id), kind, &Message::kind));
}

bool TestDevice::quiet() {
  client::MediaTable media(*db);
  const auto none = [&](client::MediaState state) { return must(media.in_state(state, 1)).empty(); };
  return inputs_.empty() && must(client::OutboxTable(*db).chats()).empty() &&
         must(client::IntentTable(*db).chats()).empty() && none(client::MediaState::preparing) &&
         none(client::MediaState::uploading) && none(client::MediaState::downloading) && must(media.unready(1)).empty();
}

Bytes TestDevice::epoch_authenticator(const ChatId& id) {
  const auto row = must(client::ChatTable(*db).find(id));
  REQUIRE(row.has_value());
  client::SqlGroupStorage storage(*db, id, row->generation);
  const auto group = mls::Group::load(storage);
  REQUIRE(group.ok());
  return to_bytes(group->epoch_authenticator());
}

void TestDevice::step() {
  auto inputs = std::exchange(inputs_, {});
  auto out = engine_->step(net_.now, inputs);
  timer_ = out.next_timer;
  send(Line::main, std::move(out.farewell));
  carry_out(Line::main, out.network, std::move(out.frames));
  carry_out(Line::media, out.media.network, std::move(out.media.frames));
  for (const auto& callback : out.callbacks) callback();
}

void TestDevice::carry_out(Line line, client::NetworkAction action, std::vector<Bytes> frames) {
  auto& line_id = id_of(line);
  if (action != client::NetworkAction::none && line_id != 0) {
    const auto old = std::exchange(line_id, 0);
    net_.later([this, old] { net_.to_relay(relay::Closed{old}); }, old);
  }
  if (action == client::NetworkAction::connect) {
    const auto id = line_id = ++net_.last_connection_;
    net_.later(
        [this, id, line] {
          if (id_of(line) != id) return;
          if (!reachable_) {
            id_of(line) = 0;
            const Error why(ErrorCode::UNAVAILABLE);
            inputs_.push_back(line == Line::main ? client::Input(client::ConnectionLost{why})
                                                 : client::Input(client::MediaConnectionLost{why}));
            return;
          }
          net_.to_relay(relay::Opened{id, "127.0.0.1"});
          inputs_.push_back(line == Line::main ? client::Input(client::Connected{})
                                               : client::Input(client::MediaConnected{}));
        },
        id);
  }
  for (auto& frame : frames) send(line, std::move(frame));
}

/// What was sent before an end in good order still arrives; after a cut the relay knows of its end by then.
void TestDevice::send(Line line, Bytes frame) {
  const auto line_id = id_of(line);
  if (frame.empty() || line_id == 0) return;
  if (net_.rewrite)
    frame = rewritten(frame, [&](wire::Envelope& envelope) {
      net_.rewrite(envelope);
      return true;
    });
  net_.later(
      [this, line_id, bytes = std::move(frame)]() mutable {
        net_.to_relay(relay::Received{line_id, std::move(bytes)});
      },
      line_id);
}

// ---- The net

TestNet::TestNet(std::uint64_t seed, const relay::CoreConfig& config) : random(seed), config_(config) {
  REQUIRE(crypto::initialize().ok());
  disk = std::make_shared<relay::MemoryStore>(random);
  restart_relay();
}

void TestNet::restart_relay() {
  core_.reset();
  backend = std::make_unique<relay::MemoryBackend>(disk);
  core_ = std::make_unique<relay::Core>(*backend, random, config_);
  relay_inputs_.clear();
  for (auto& device : devices) cut(device);
}

TestDevice& TestNet::add() { return devices.emplace_back(*this, random.below(UINT64_MAX)); }

TestDevice& TestNet::add(const std::string& handle) {
  auto& device = add();
  device.register_account(handle);
  return device;
}

void TestNet::cut(TestDevice& device) {
  cut_media(device);
  const auto id = std::exchange(device.connection_id_, 0);
  if (id == 0) return;
  device.inputs_.emplace_back(client::ConnectionLost{Error(ErrorCode::UNAVAILABLE, "cut")});
  to_relay(relay::Closed{id});
}

void TestNet::cut_media(TestDevice& device) {
  const auto id = std::exchange(device.media_id_, 0);
  if (id == 0) return;
  device.inputs_.emplace_back(client::MediaConnectionLost{Error(ErrorCode::UNAVAILABLE, "cut")});
  to_relay(relay::Closed{id});
}

void TestNet::later(std::function<void()> what, relay::ConnectionId fifo, bool to_relay_side) {
  auto at = now + std::chrono::milliseconds(1 + random.below(20));
  auto& last = last_[{fifo, to_relay_side}];
  at = std::max(at, last);
  last = at;
  due_.push({at, ++order_, std::move(what)});
}

void TestNet::to_relay(relay::Input input) { relay_inputs_.push_back(std::move(input)); }

TestDevice* TestNet::device_of(relay::ConnectionId id) {
  const auto it =
      std::ranges::find_if(devices, [&](const TestDevice& d) { return d.connection_id_ == id || d.media_id_ == id; });
  return it == devices.end() ? nullptr : &*it;
}

void TestNet::step_relay() {
  auto inputs = std::exchange(relay_inputs_, {});
  auto out = core_->step(now, inputs);
  relay_timer_.reset();
  if (out.next_timer) relay_timer_ = now + *out.next_timer;
  for (auto& action : out.actions) {
    if (auto* send = std::get_if<relay::Send>(&action)) {
      later(
          [this, id = send->id, bytes = std::move(send->bytes)]() mutable {
            if (to_client) bytes = rewritten(bytes, to_client);
            auto* device = device_of(id);
            if (device == nullptr) return;
            device->inputs_.push_back(device->connection_id_ == id
                                          ? client::Input(client::FrameReceived{std::move(bytes)})
                                          : client::Input(client::MediaFrameReceived{std::move(bytes)}));
          },
          send->id, false);
      if (out.waits_for_drain) to_relay(relay::Drained{send->id, 0});
    } else if (const auto* code = std::get_if<relay::SendCode>(&action)) {
      codes[code->handle] = code->code;
    } else if (auto* notice = std::get_if<relay::PushNotice>(&action)) {
      notices.push_back(std::move(*notice));
    } else {
      const auto& close = std::get<relay::Close>(action);
      later(
          [this, id = close.id] {
            auto* device = device_of(id);
            if (device != nullptr) device->connection_id_ == id ? cut(*device) : cut_media(*device);
          },
          close.id, false);
    }
  }
}

bool TestNet::turn(Timestamp end) {
  bool busy = false;
  if (!relay_inputs_.empty() || (relay_timer_ && *relay_timer_ <= now)) {
    step_relay();
    busy = true;
  }
  for (auto& device : devices) {
    if (device.inputs_.empty() && !(device.timer_ && *device.timer_ <= now)) continue;
    device.step();
    busy = true;
  }
  if (busy) return true;
  auto next = end;
  if (!due_.empty()) next = std::min(next, due_.top().at);
  if (relay_timer_) next = std::min(next, *relay_timer_);
  for (const auto& device : devices) {
    if (device.timer_) next = std::min(next, *device.timer_);
  }
  now = std::max(now, next);
  while (!due_.empty() && due_.top().at <= now) {
    auto what = due_.top().what;
    due_.pop();
    what();
  }
  return now < end;
}

bool TestNet::run_until(const std::function<bool()>& condition, std::chrono::milliseconds most) {
  const auto end = now + most;
  while (!condition()) {
    if (!turn(end)) return condition();
  }
  return true;
}

void TestNet::run_for(std::chrono::milliseconds time) {
  const auto end = now + time;
  while (turn(end)) {
  }
}

bool TestNet::settle() {
  const bool quiet = run_until(
      [&] {
        return std::ranges::all_of(devices, [](TestDevice& d) {
          return d.quiet() && (!d.reachable_ || d.connection == ConnectionState::online);
        });
      },
      std::chrono::minutes(30));
  run_for(std::chrono::milliseconds(3000));
  return quiet;
}

}  // namespace sotto::test
