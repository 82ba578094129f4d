#include "engine_attack.h"

#include <algorithm>

#include "client/tables/account_table.h"

namespace sotto::fuzz {

namespace {

constexpr int most_acts = 48;
/// Generous: what an act may bring out on average, and a step at most.
constexpr std::size_t bytes_per_step = 512 * 1024;
constexpr std::size_t callbacks_per_input = 20'000;
constexpr std::size_t stock = 4;
/// Six parts of an upload are on their way at a time, and what is asked of downloads is small.
constexpr std::size_t media_bytes_per_step = 6 * 128 * 1024 + 16 * 1024;

}  // namespace

Attack::Attack(EngineWorld& world, FuzzedDataProvider& input, bool fresh)
    : world_(world),
      input_(input),
      db_(*world.alice->db),
      texts_(world.texts),
      attachments_(world.attachments),
      names_(world.names),
      chats_(world.chats),
      fresh_(fresh),
      now_(world.net.now) {
  open();
}

void Attack::run() {
  if (fresh_) {
    command<UserId>([](auto done) { return client::RegisterCommand{"newcomer", done}; });
    step();
  }
  // Most programs begin when the engine has got through to the relay.
  if (!fresh_ && input_.ConsumeIntegral<std::uint8_t>() % 8 != 0) {
    connect();
    answer_honestly();
    push(heads_push());
    step();
  }
  for (int i = 0; i < most_acts && input_.remaining_bytes() > 0; ++i) act();
  step();
  check_store();
  go_on();
  auto last = engine_->close(inputs_);
  for (const auto& callback : last.callbacks) callback();
  for (const auto& done : completions_) check(*done == 1, "each command completes once");
}

void Attack::open() {
  engine_ = must(client::Engine::open(
      db_, random_, log_, [this](const Event& event) { see(event); }, true,
      client::MediaFiles{world_.alice->folder(), {}, 1 << 20, true}, stock));
  inputs_.clear();
  inputs_.emplace_back(client::TimerDue{});
}

void Attack::restart() {
  // Completions of the process that died never come.
  completions_.clear();
  connected_ = wants_connection_ = media_connected_ = wants_media_ = false;
  requests_.clear();
  media_requests_.clear();
  state_ = ConnectionState::offline;
  open();
}

void Attack::step() {
  auto inputs = std::exchange(inputs_, {});
  auto out = engine_->step(now_, inputs);
  ++steps_;
  timer_ = out.next_timer;
  if (out.network != client::NetworkAction::none) {
    requests_.clear();
    connected_ = false;
    wants_connection_ = out.network == client::NetworkAction::connect;
  }
  take_frames(out.frames);
  take_media(out.media);
  callbacks_ += out.callbacks.size();
  check(bytes_ <= bytes_per_step * steps_, "what comes out is bounded");
  check(callbacks_ <= callbacks_per_input, "what is told is bounded");
  for (const auto& callback : out.callbacks) callback();
}

void Attack::take_frames(const std::vector<Bytes>& frames) {
  for (const auto& frame : frames) {
    bytes_ += frame.size();
    for (const auto& envelope : must(wire::decode_frame(frame))) {
      check(envelope.has_request(), "a client asks");
      if (envelope.id() != 0) requests_.push_back(envelope);
      if (envelope.request().has_ack()) last_ack_ = envelope.request().ack();
      remember(envelope.request());
    }
  }
}

void Attack::take_media(const client::MediaOutputs& out) {
  if (out.network != client::NetworkAction::none) {
    media_requests_.clear();
    media_connected_ = false;
    wants_media_ = out.network == client::NetworkAction::connect;
  }
  std::size_t bytes = 0;
  for (const auto& frame : out.frames) {
    bytes += frame.size();
    for (const auto& envelope : must(wire::decode_frame(frame))) {
      check(envelope.has_request() && envelope.id() != 0, "a client asks of attachments");
      check(media_connected_, "and only on a connection");
      media_requests_.push_back(envelope);
    }
  }
  check(bytes <= media_bytes_per_step, "what is uploaded in one step is bounded");
}

void Attack::act() {
  const auto kind = input_.ConsumeIntegral<std::uint8_t>() % 30;
  switch (kind) {
    case 0:
    case 1:
    case 2:  // The next genuine entry.
      if (next_ < world_.owed.size()) push(world_.owed[next_++]);
      break;
    case 3: {  // A genuine one, where it is or anywhere.
      auto what = pick(world_.owed, input_);
      if (input_.ConsumeBool()) renumber(what);
      push(what);
      break;
    }
    case 4:
    case 5: {  // A hostile member's.
      auto what = pick(world_.crafted, input_);
      if (input_.ConsumeIntegral<std::uint8_t>() % 8 != 0) renumber(what);
      push(what);
      break;
    }
    case 6: {  // Either with a change.
      const auto& from = input_.ConsumeBool() ? world_.owed : world_.crafted;
      auto what = mutated(pick(from, input_), input_);
      if (input_.ConsumeBool()) renumber(what);
      push(what);
      break;
    }
    case 7:
      push(forged());
      break;
    case 8:
    case 9:
      answer_honestly();
      break;
    case 10: {  // An answer with a change, to any request.
      if (requests_.empty()) break;
      const auto index = input_.ConsumeIntegral<std::uint8_t>() % requests_.size();
      const auto request = requests_[index];
      if (input_.ConsumeBool()) requests_.erase(requests_.begin() + static_cast<std::ptrdiff_t>(index));
      answer(request.id(), mutated(honest_answer(request.request()), input_));
      break;
    }
    case 11: {  // A refusal.
      if (requests_.empty()) break;
      const auto request = pick(requests_, input_);
      answer(request.id(), refusal());
      break;
    }
    case 12: {  // The stub of something that was sent.
      if (stubs_.empty()) break;
      const auto& [chat, entry] = pick(stubs_, input_);
      wire::Push out;
      out.mutable_entries()->set_chat_id(chat);
      out.mutable_entries()->set_generation(1);
      auto& added = *out.mutable_entries()->add_entries();
      added = entry;
      added.set_message_id(std::string(16, 'm'));
      added.set_sender_user(to_string_bytes(world_.alice->user));
      added.set_sender_device(to_string_bytes(world_.alice->device));
      renumber(out);
      push(input_.ConsumeIntegral<std::uint8_t>() % 8 == 0 ? mutated(out, input_) : out);
      break;
    }
    case 13: {  // No protobuf at all, or a frame that is changed.
      const auto size = input_.ConsumeIntegral<std::uint8_t>();
      auto bytes = input_.ConsumeBytes<std::uint8_t>(size);
      if (size % 2 == 0) {
        wire::Envelope out;
        *out.mutable_push() = pick(world_.owed, input_);
        bytes = mutate_bytes(wire::encode(out), input_);
      }
      inputs_.emplace_back(client::FrameReceived{std::move(bytes)});
      break;
    }
    case 14:  // The connection is lost, or another one is made.
      if (connected_ && input_.ConsumeBool()) {
        lose_connection();
        break;
      }
      connect();
      if (input_.ConsumeBool()) {
        answer_honestly();
        push(heads_push());
      }
      break;
    case 15:
      now_ += std::chrono::milliseconds(input_.ConsumeIntegral<std::uint16_t>() * std::int64_t{64});
      if (timer_ && input_.ConsumeBool()) now_ = std::max(now_, *timer_);
      inputs_.emplace_back(client::TimerDue{});
      break;
    case 16:
    case 17:
      app();
      break;
    case 18:  // The process dies and starts again.
      if (input_.ConsumeIntegral<std::uint8_t>() % 4 != 0) return step();
      step();
      restart();
      break;
    case 20:
    case 21:
    case 22:
    case 23:
    case 24:
    case 25:
      act_of_media(kind - 20);
      break;
    case 26:
      app_media();
      break;
    case 27:
      app_people();
      break;
    case 28:
    case 29:
      signal();
      break;
    default:
      return;  // What is waiting goes into one step with what follows.
  }
  if (input_.ConsumeIntegral<std::uint8_t>() % 4 != 0) step();
}

}  // namespace sotto::fuzz
