#include "faults/stage.h"

#include <algorithm>

#include "client/media/cipher_file.h"
#include "client/schema.h"
#include "client/tables/person_table.h"
#include "support/must.h"
#include "wire/frame.h"

namespace sotto::test {

namespace {

/// More turns than this in one piece of virtual time are a loop that does not wait.
constexpr std::size_t most_turns = 3000;
/// Each costs signatures and rows; more of them show nothing more.
constexpr std::size_t key_packages = 2;

}  // namespace

Stage::Stage(const Scene& scene, Place place, sim::Disk* disk)
    : scene_(scene),
      place_(std::move(place)),
      disk_(disk),
      now_(scene.now),
      backend_(scene.relay->restored(relay_random_)),
      core_(backend_, relay_random_) {}

Status Stage::open() {
  const client::MediaFiles media{place_.media, place_.vfs};  // the app's own memory
  std::optional<AllocationFault::Armed> armed;
  if (arm_allocations) armed.emplace();
  const auto store = [&]() -> Status {
    SOTTO_TRY_ASSIGN(db, client::open_store(place_.path, place_.vfs, store::Sharing::no_lease));
    SOTTO_TRY_ASSIGN(engine, client::Engine::open(*db, random_, log_,
                                                  [this](const Event& event) {
                                                    if (const auto* changed = std::get_if<ConnectionChanged>(&event))
                                                      connection_ = changed->state;
                                                    events.push_back(event);
                                                  },
                                                  true, media, key_packages, {true, {}}));
    return {};
  }();
  if (!store.ok()) {
    engine.reset();
    db.reset();
    return store;
  }
  armed.reset();
  inputs_.clear();
  inputs_.emplace_back(client::TimerDue{});
  return {};
}

void Stage::hang_up() {
  for (const auto line : {Line::main, Line::media}) {
    if (id_of(line) != 0) relay_inputs_.emplace_back(relay::Closed{std::exchange(id_of(line), 0)});
  }
}

void Stage::end_process() {
  hang_up();
  inputs_.clear();
  timer_.reset();
  connection_ = ConnectionState::offline;
  engine.reset();
  db.reset();
}

std::shared_ptr<Call> Stage::call(const Wish& wish) {
  auto call = std::make_shared<Call>();
  inputs_.push_back(wish(scene_, [call](Result<void> result) {
    ++call->completions;
    if (!result.ok()) call->error = result.error();
  }));
  return call;
}

void Stage::cut() {
  cut(Line::main);
  cut(Line::media);
}

void Stage::cut(Line line) {
  if (id_of(line) == 0) return;
  relay_inputs_.emplace_back(relay::Closed{std::exchange(id_of(line), 0)});
  const Error why(ErrorCode::UNAVAILABLE, "cut");
  if (line == Line::main) {
    inputs_.emplace_back(client::ConnectionLost{why});
  } else {
    inputs_.emplace_back(client::MediaConnectionLost{why});
  }
}

bool Stage::quiet() {
  if (!inputs_.empty() || !relay_inputs_.empty()) return false;
  if (leaves) {
    const auto left =
        db->one<std::int64_t>("SELECT (SELECT count(*) FROM account) + (SELECT count(*) FROM media_trash)");
    // Whoever asked is told a step later, and a step that failed comes again.
    return left.ok() && *left == 0 && !timer_;
  }
  if (connection_ != ConnectionState::online) return false;
  const auto self = client::SelfTable(*db).load();
  if (!self.ok() || self->profile_told < self->profile_version) return false;
  client::ChatTable chats(*db);
  const auto marks = chats.with_untold_mark();
  if (!marks.ok()) return false;
  for (const auto& id : *marks) {
    const auto chat = chats.find(id);
    if (!chat.ok() || ((*chat)->status == ChatStatus::active && (*chat)->request == ChatRequest::none)) return false;
  }
  const auto messages = client::OutboxTable(*db).chats();
  const auto intents = client::IntentTable(*db).chats();
  client::MediaTable media(*db);
  const auto unready = media.unready(1);
  if (!unready.ok() || !unready->empty()) return false;
  for (const auto state :
       {client::MediaState::preparing, client::MediaState::uploading, client::MediaState::downloading}) {
    const auto some = media.in_state(state, 1);
    if (!some.ok() || !some->empty()) return false;
  }
  return messages.ok() && messages->empty() && intents.ok() && intents->empty();
}

bool Stage::settle(std::chrono::milliseconds most) {
  const auto end = now_ + most;
  for (std::size_t turns = 0; !quiet(); ++turns) {
    REQUIRE(turns < most_turns);
    if (!turn(end) || !engine) return false;
  }
  return true;
}

void Stage::pass(std::chrono::milliseconds time) {
  const auto end = now_ + time;
  while (turn(end)) {
  }
}

bool Stage::turn(Timestamp end) {
  if (!relay_inputs_.empty() || (relay_timer_ && *relay_timer_ <= now_)) step_relay();
  if (!inputs_.empty() || (timer_ && *timer_ <= now_)) {
    step_device();
    return true;
  }
  if (!relay_inputs_.empty()) return true;
  auto next = end;
  if (timer_) next = std::min(next, *timer_);
  if (relay_timer_) next = std::min(next, *relay_timer_);
  now_ = std::max(now_, next);
  return now_ < end;
}

void Stage::step_device() {
  auto inputs = std::exchange(inputs_, {});
  client::Outputs out;
  {
    std::optional<AllocationFault::Armed> armed;
    if (arm_allocations) armed.emplace();
    out = engine->step(now_, inputs);
  }
  if (disk_ != nullptr && disk_->dead()) return end_process();
  if (after_step) after_step();
  timer_ = out.next_timer;
  if (!out.farewell.empty() && id_of(Line::main) != 0) {
    relay_inputs_.emplace_back(relay::Received{id_of(Line::main), std::move(out.farewell)});
  }
  carry_out(Line::main, out.network, std::move(out.frames));
  carry_out(Line::media, out.media.network, std::move(out.media.frames));
  for (const auto& callback : out.callbacks) callback();
}

void Stage::carry_out(Line line, client::NetworkAction action, std::vector<Bytes> frames) {
  auto& id = id_of(line);
  if (action != client::NetworkAction::none && id != 0) {
    relay_inputs_.emplace_back(relay::Closed{std::exchange(id, 0)});
  }
  if (action == client::NetworkAction::connect) {
    id = ++last_connection_;
    relay_inputs_.emplace_back(relay::Opened{id, "127.0.0.1"});
    inputs_.push_back(line == Line::main ? client::Input(client::Connected{})
                                         : client::Input(client::MediaConnected{}));
  }
  for (auto& frame : frames) {
    if (id != 0) relay_inputs_.emplace_back(relay::Received{id, std::move(frame)});
  }
}

void Stage::step_relay() {
  auto inputs = std::exchange(relay_inputs_, {});
  auto out = core_.step(now_, inputs);
  relay_timer_.reset();
  if (out.next_timer) relay_timer_ = now_ + *out.next_timer;
  for (auto& action : out.actions) {
    if (auto* send = std::get_if<relay::Send>(&action)) {
      for (const auto line : {Line::main, Line::media}) {
        if (send->id == id_of(line)) to_device(line, send->bytes);
      }
      if (out.waits_for_drain) relay_inputs_.emplace_back(relay::Drained{send->id, 0});
      continue;
    }
    for (const auto line : {Line::main, Line::media}) {
      if (std::get<relay::Close>(action).id == id_of(line)) cut(line);
    }
  }
}

void Stage::to_device(Line line, Bytes frame) {
  auto envelopes = must(wire::decode_frame(frame));
  Bytes out;
  for (auto& envelope : envelopes) {
    // A copy of a relay's store has an incarnation of its own. Here it stands for the one that it was copied from.
    if (envelope.response().has_authenticated()) {
      envelope.mutable_response()->mutable_authenticated()->set_incarnation(wire::field(scene_.incarnation));
    }
    if (envelope.push().has_entries() || envelope.push().has_chat_joined()) ++pushes;
    append(out, wire::encode(envelope));
  }
  inputs_.push_back(line == Line::main ? client::Input(client::FrameReceived{std::move(out)})
                                       : client::Input(client::MediaFrameReceived{std::move(out)}));
}

namespace {

/// What an attachment's file decrypts to.
std::string fingerprint_of(store::Database& db, const Place& place, const Message& message, std::uint32_t index) {
  const auto row = must(client::MediaTable(db).find(message, index));
  REQUIRE(row.has_value());
  auto file = store::File::open(place.media + "/" + std::to_string(row->id), store::File::Mode::read, place.vfs);
  if (!file.ok()) return "no file";
  client::FileOpener opener(std::move(*file), row->size, row->key->clone(), *row->hash);
  crypto::Sha256 hash;
  for (;;) {
    const auto part = opener.read();
    if (!part.ok()) return std::string(error_name(part.error().code));
    if (part->empty()) return to_hex(hash.digest().view());
    hash.update(*part);
  }
}

}  // namespace

std::string describe(store::Database& db, const Place& place, const UserId& self) {
  std::string out;
  const auto number = [&](const char* name, auto value) {
    out += std::string(" ") + name + "=" + std::to_string(static_cast<std::int64_t>(value));
  };
  client::ChatTable chats(db);
  for (const auto& listed : must(chats.page(100, std::nullopt))) {
    const auto row = must(chats.find(listed.id));
    out += "chat " + row->name;
    number("status", row->status);
    number("cursor", row->cursor);
    number("handshake", row->handshake_seq);
    number("next_n", row->next_n);
    number("unread", row->unread);
    number("read", row->read_seq);
    for (const auto& member : must(chats.participants(row->id))) {
      number(member.user == self ? "self" : "member", member.admin);
    }
    client::SqlGroupStorage storage(db, row->id, row->generation);
    const auto group = mls::Group::load(storage);
    REQUIRE(group.ok());
    number("epoch", group->epoch());
    number("pending", group->list_pending().size());
    out += " " + row->problem + "\n";
    auto messages = must(client::MessageTable(db).page(row->id, std::nullopt, 200));
    std::ranges::reverse(messages);
    for (const auto& message : messages) {
      out += "  " + message.text + message.notice.text;
      number("at", message.position);
      number("kind", message.kind);
      number("state", message.state);
      number("own", message.sender == self);
      number("notice", message.notice.kind);
      for (std::uint32_t i = 0; i < message.attachments.size(); ++i) {
        number("attachment", message.attachments[i].state);
        out += " " + fingerprint_of(db, place, message, i);
      }
      out += "\n";
    }
  }
  const auto count = [&](const char* table) {
    number(table, *must(db.one<std::int64_t>(std::string("SELECT count(*) FROM ") + table)));
  };
  for (const auto* table : {"outbox", "intent", "key_package", "user", "mls", "media", "media_trash"}) count(table);
  const auto profile = must(client::SelfTable(db).load());
  out += " profile " + to_hex(crypto::sha256(profile.profile).view());
  number("told", profile.profile_told);
  // Each message is told once; a chat that is asked for again may be told of again.
  number("added", *must(db.one<std::int64_t>("SELECT count(*) FROM event WHERE kind = 2")));
  return out;
}

}  // namespace sotto::test
