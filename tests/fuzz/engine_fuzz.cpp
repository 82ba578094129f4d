// The real engine, with the store of a client that was away, fed by a hostile relay: the input is a program of small
// acts. Whatever comes, nothing false is shown, each command completes once, and an honest relay can go on afterwards.
#include <algorithm>

#include "check.h"
#include "client/group_storage.h"
#include "crypto/hash.h"
#include "engine_world.h"
#include "mutator.h"
#include "store/transaction.h"
#include "wire/identity.h"
#include "wire/mls_header.h"
#include "wire/roster.h"

using namespace sotto;
using namespace sotto::fuzz;

namespace {

constexpr int most_acts = 48;
/// Generous: what an act may bring out on average, and a step at most.
constexpr std::size_t bytes_per_step = 512 * 1024;
constexpr std::size_t callbacks_per_input = 20'000;
constexpr std::size_t stock = 4;

/// The store of the world's alice, brought back before each input.
class Store {
 public:
  explicit Store(store::Database& db) : db_(db) {
    must(db_.execute_script("ATTACH ':memory:' AS saved"));
    must(db_.query("SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_stat%'",
                   [&](const store::Row& row) { tables_.push_back(row.text(0)); }));
    for (const auto& table : tables_) {
      const auto copy = table == "sqlite_sequence" ? "intent_sequence" : table;
      must(db_.execute_script("CREATE TABLE saved." + copy + " AS SELECT * FROM main." + table));
      restore_ += "DELETE FROM main." + table + "; INSERT INTO main." + table + " SELECT * FROM saved." + copy + ";";
      clear_ += "DELETE FROM main." + table + ";";
    }
  }
  void restore() { must(db_.execute_script("BEGIN;" + restore_ + "COMMIT")); }
  void clear() { must(db_.execute_script("BEGIN;" + clear_ + "COMMIT")); }

 private:
  store::Database& db_;
  std::vector<std::string> tables_;
  std::string restore_;
  std::string clear_;
};

class Attack {
 public:
  Attack(EngineWorld& world, Store& store, FuzzedDataProvider& input)
      : world_(world), input_(input), db_(*world.alice->db), texts_(world.texts), names_(world.names) {
    fresh_ = input_.ConsumeIntegral<std::uint8_t>() % 16 == 15;
    if (fresh_) {
      store.clear();
    } else {
      store.restore();
    }
    chats_ = world.chats;
    now_ = world.net.now;
    open();
  }

  void run() {
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

 private:
  // ---- The engine and its surroundings

  void open() {
    engine_ = must(client::Engine::open(
        db_, random_, log_, [this](const Event& event) { see(event); }, true, {}, stock));
    inputs_.clear();
    inputs_.emplace_back(client::TimerDue{});
  }

  void see(const Event& event) {
    if (const auto* added = std::get_if<MessageAdded>(&event)) see(added->message);
    if (const auto* changed = std::get_if<MessageChanged>(&event)) see(changed->message);
    if (const auto* chat = std::get_if<ChatChanged>(&event)) see(chat->chat);
    if (const auto* connection = std::get_if<ConnectionChanged>(&event)) {
      state_ = connection->state;
      if (connection->problem) see(*connection->problem);
    }
  }
  void see(const Message& message) {
    if (message.kind == MessageKind::text) {
      check(texts_.contains({message.chat, message.sender, message.text}), "a text is shown that its sender wrote");
    }
    if (message.kind == MessageKind::notice && message.notice.kind == NoticeKind::renamed) {
      check(names_[message.chat].contains(message.notice.text), "a new name is one that a member gave");
    }
    if (message.problem) see(*message.problem);
  }
  void see(const Chat& chat) {
    if (chat.status != ChatStatus::active || chat.type == ChatType::direct) return;
    check(names_[chat.id].contains(chat.name), "a chat has a name that a member gave");
  }
  static void see(const Error& error) {
    check(error.code != ErrorCode::INTERNAL && error.code != ErrorCode::CORRUPT, "nothing is damaged");
  }

  template <typename T, typename Make>
  void command(const Make& make) {
    auto count = std::make_shared<int>(0);
    completions_.push_back(count);
    inputs_.emplace_back(make([count](Result<T> result) {
      check(++*count == 1, "a command completes once");
      if (!result.ok()) see(result.error());
    }));
  }

  void step() {
    auto inputs = std::exchange(inputs_, {});
    auto out = engine_->step(now_, inputs);
    ++steps_;
    timer_ = out.next_timer;
    if (out.network != client::NetworkAction::none) {
      requests_.clear();
      connected_ = false;
      wants_connection_ = out.network == client::NetworkAction::connect;
    }
    for (const auto& frame : out.frames) {
      bytes_ += frame.size();
      const auto envelopes = must(wire::decode_frame(frame));
      for (const auto& envelope : envelopes) {
        check(envelope.has_request(), "a client asks");
        if (envelope.id() != 0) requests_.push_back(envelope);
        if (envelope.request().has_ack()) last_ack_ = envelope.request().ack();
        remember(envelope.request());
      }
    }
    callbacks_ += out.callbacks.size();
    check(bytes_ <= bytes_per_step * steps_, "what comes out is bounded");
    check(callbacks_ <= callbacks_per_input, "what is told is bounded");
    for (const auto& callback : out.callbacks) callback();
  }

  void remember(const wire::Request& request) {
    const auto sent = [&](const std::string& chat, const std::string& bytes) {
      wire::Entry entry;
      ByteView aad = wire::view(bytes);
      if (const auto header = wire::read_mls_header(aad); header.ok()) aad = header->authenticated_data;
      std::string id(16, '\0');
      if (const auto message = wire::check_message_aad(aad); message.ok()) {
        id = to_string_bytes(message->client_message_id);
      } else if (const auto commit = wire::check_commit_aad(aad); commit.ok()) {
        id = to_string_bytes(commit->client_message_id);
      }
      entry.mutable_stub()->set_client_message_id(id);
      entry.mutable_stub()->set_sha256(wire::field(crypto::sha256(wire::view(bytes)).view()));
      stubs_.emplace_back(chat, std::move(entry));
    };
    if (stubs_.size() > 256) return;
    if (request.has_send_message()) sent(request.send_message().chat_id(), request.send_message().message());
    if (request.has_update_chat()) sent(request.update_chat().chat_id(), request.update_chat().commit().message());
    if (request.has_modify_chat_participants()) {
      const auto& modify = request.modify_chat_participants();
      sent(modify.chat_id(), modify.commit().message());
    }
    if (request.has_create_chat()) {
      sent(request.create_chat().chat_id(), request.create_chat().commit().founding_aad());
    }
  }

  // ---- What a relay can do

  void envelope(const wire::Envelope& envelope) { inputs_.emplace_back(client::FrameReceived{wire::encode(envelope)}); }
  void push(const wire::Push& what) {
    wire::Envelope out;
    *out.mutable_push() = what;
    envelope(out);
  }

  void connect() {
    if (!wants_connection_) step();
    if (!wants_connection_) return;
    wants_connection_ = false;
    connected_ = true;
    inputs_.emplace_back(client::Connected{});
    wire::Push challenge;
    challenge.mutable_challenge()->set_nonce(std::string(32, 'n'));
    challenge.mutable_challenge()->set_incarnation(wire::field(world_.incarnation));
    push(challenge);
    step();
  }

  /// What an honest relay would answer to the oldest request.
  void answer_honestly() {
    if (requests_.empty()) return;
    const auto request = requests_.front();
    requests_.erase(requests_.begin());
    answer(request.id(), honest_answer(request.request()));
    step();
  }
  void answer(std::uint64_t id, const wire::Response& response) {
    wire::Envelope out;
    out.set_id(id);
    *out.mutable_response() = response;
    envelope(out);
  }

  wire::Response honest_answer(const wire::Request& request) {
    wire::Response out;
    const auto accepted = [&](const std::string& chat, const std::string& bytes) {
      auto& answer = *out.mutable_accepted();
      answer.set_seq(cursor(chat) + 1);
      answer.set_message_id(std::string(16, 'm'));
      answer.set_last_n(1);
      const auto header = wire::read_mls_header(wire::view(bytes));
      if (!header.ok()) return;
      if (const auto aad = wire::check_message_aad(header->authenticated_data); aad.ok()) {
        answer.set_client_message_id(to_string_bytes(aad->client_message_id));
        answer.set_last_n(aad->n);
      }
    };
    switch (request.command_case()) {
      case wire::Request::kRegister:
        out.mutable_registered()->set_user_id(std::string(16, 'u'));
        break;
      case wire::Request::kAuthenticate:
        out.mutable_authenticated()->set_incarnation(wire::field(world_.incarnation));
        out.mutable_authenticated()->set_key_packages(100);
        out.mutable_authenticated()->set_device_list_version(1);
        break;
      case wire::Request::kPublishKeyPackages:
        out.mutable_key_packages_published()->set_count(100);
        break;
      case wire::Request::kTakeKeyPackages:
        for (const auto& user : request.take_key_packages().user_ids()) {
          auto& to = *out.mutable_key_packages_taken()->add_users();
          const auto it = world_.taken.find(user);
          if (it != world_.taken.end()) to = it->second;
          to.set_user_id(user);
        }
        break;
      case wire::Request::kFindUser: {
        const auto it = world_.found.find(request.find_user().handle());
        if (it == world_.found.end()) {
          out.set_status(static_cast<std::uint32_t>(ErrorCode::NOT_FOUND));
        } else {
          *out.mutable_user_found() = it->second;
        }
        break;
      }
      case wire::Request::kCreateChat:
        out.mutable_chat_created()->set_chat_id(request.create_chat().chat_id());
        out.mutable_chat_created()->set_seq(1);
        break;
      case wire::Request::kSendMessage:
        accepted(request.send_message().chat_id(), request.send_message().message());
        break;
      case wire::Request::kUpdateChat:
        accepted(request.update_chat().chat_id(), request.update_chat().commit().message());
        break;
      case wire::Request::kModifyChatParticipants:
        accepted(request.modify_chat_participants().chat_id(), request.modify_chat_participants().commit().message());
        break;
      case wire::Request::kFetchAttachment: {
        const auto& fetch = request.fetch_attachment();
        const auto it = world_.trees.find(fetch.attachment_id());
        if (it == world_.trees.end() || fetch.offset() > it->second.size()) {
          out.set_status(static_cast<std::uint32_t>(ErrorCode::NOT_FOUND));
          break;
        }
        auto part = ByteView(it->second).subspan(fetch.offset());
        // In pieces, as of a large one.
        part = part.first(std::min<std::size_t>(part.size(), 700));
        out.mutable_attachment_part()->set_size(it->second.size());
        out.mutable_attachment_part()->set_data(wire::field(part));
        break;
      }
      case wire::Request::kUploadAttachment:
        out.mutable_attachment_created()->set_attachment_id(request.upload_attachment().attachment_id());
        out.mutable_attachment_created()->set_offset(request.upload_attachment().offset() +
                                                     request.upload_attachment().data().size());
        break;
      default:
        break;
    }
    return out;
  }

  [[nodiscard]] std::uint64_t cursor(const std::string& chat) {
    const auto id = id_from<ChatId>(wire::view(chat));
    const auto row = id ? must(client::ChatTable(db_).find(*id)) : std::nullopt;
    return row ? row->cursor : 0;
  }

  wire::Push heads_push() {
    wire::Push out;
    *out.mutable_heads() = world_.heads;
    return out;
  }

  /// Makes an entry or a Welcome the next one of its log.
  void renumber(wire::Push& what) {
    if (what.has_entries() && what.entries().entries_size() > 0) {
      auto next = cursor(what.entries().chat_id());
      for (auto& entry : *what.mutable_entries()->mutable_entries()) entry.set_seq(++next);
    } else if (what.has_chat_joined()) {
      what.mutable_chat_joined()->mutable_entry()->set_seq(cursor(what.chat_joined().chat_id()) + 1);
    }
  }

  std::string some_id() {
    const auto what = input_.ConsumeIntegral<std::uint8_t>();
    if (what >= 250) return input_.ConsumeBytesAsString(what % 18);
    if (what >= 240) return std::string(16, static_cast<char>(what));
    return to_string_bytes(chats_[what % chats_.size()]);
  }
  std::string some_user() {
    const auto what = input_.ConsumeIntegral<std::uint8_t>();
    const auto* device = std::array{world_.alice, world_.bob, world_.carol, world_.mallory}[what % 4];
    return what >= 250 ? std::string(what % 18, 'u') : to_string_bytes(device->user);
  }

  /// A push of any kind, made of fields.
  wire::Push forged() {
    wire::Push out;
    const auto id = some_id();
    const auto number = [&] { return hostile_number(cursor(id), input_); };
    switch (input_.ConsumeIntegral<std::uint8_t>() % 9) {
      case 0: {
        auto& head = *out.mutable_heads()->add_heads();
        head.set_chat_id(id);
        head.set_head(number());
        head.set_acked_seq(number());
        out.mutable_heads()->set_last(input_.ConsumeBool());
        break;
      }
      case 1: {
        auto& gap = *out.mutable_gap();
        gap.set_chat_id(id);
        gap.set_from(number());
        gap.set_to(number());
        gap.set_handshakes(input_.ConsumeBool() ? 0 : number());
        gap.set_last_n(number());
        break;
      }
      case 2: {
        auto& receipt = *out.mutable_delivery_receipt();
        receipt.set_chat_id(id);
        receipt.set_user_id(some_user());
        receipt.set_seq(number());
        break;
      }
      case 3:
        out.mutable_key_packages_low()->set_remaining(input_.ConsumeIntegral<std::uint8_t>());
        break;
      case 4:
        out.mutable_going_away()->set_retry_after_ms(number());
        break;
      case 5:
        out.mutable_challenge()->set_nonce(std::string(input_.ConsumeBool() ? 32 : 31, 'x'));
        break;
      case 6: {
        auto& joined = *out.mutable_chat_joined();
        joined.set_chat_id(id);
        joined.set_type(input_.ConsumeBool() ? wire::DIRECT : wire::GROUP);
        joined.set_generation(static_cast<std::uint32_t>(number()));
        *joined.mutable_entry() = some_entry(number());
        break;
      }
      default: {
        auto& entries = *out.mutable_entries();
        entries.set_chat_id(id);
        entries.set_generation(1);
        for (int i = input_.ConsumeIntegral<std::uint8_t>() % 4; i >= 0; --i) {
          *entries.add_entries() = some_entry(number());
        }
        if (input_.ConsumeBool()) renumber(out);
      }
    }
    return out;
  }
  wire::Entry some_entry(std::uint64_t seq) {
    wire::Entry out;
    const auto& from = input_.ConsumeBool() ? world_.owed : world_.crafted;
    const auto& push = pick(from, input_);
    if (push.has_entries()) out = push.entries().entries(0);
    if (push.has_chat_joined()) out = push.chat_joined().entry();
    out.set_seq(seq);
    if (out.message_id().empty()) out.set_message_id(std::string(16, 'i'));
    out.set_sender_user(some_user());
    out.set_sender_device(std::string(16, 'd'));
    return out;
  }

  void act() {
    switch (input_.ConsumeIntegral<std::uint8_t>() % 20) {
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
        wire::Response refusal;
        refusal.set_status(input_.ConsumeIntegral<std::uint8_t>());
        refusal.set_message("no");
        refusal.set_retry_after_ms(input_.ConsumeIntegral<std::uint16_t>());
        refusal.set_handshake_seq(input_.ConsumeIntegral<std::uint8_t>() % 32);
        for (int i = input_.ConsumeIntegral<std::uint8_t>() % 4; i > 0; --i) {
          auto& device = *refusal.add_roster();
          device.set_user_id(some_user());
          device.set_device_id(std::string(16, 'd'));
          device.set_era(1);
          device.set_admin(input_.ConsumeBool());
        }
        answer(request.id(), refusal);
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
          inputs_.emplace_back(client::ConnectionLost{Error(ErrorCode::UNAVAILABLE)});
          connected_ = false;
          requests_.clear();
          step();
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
      default:
        return;  // What is waiting goes into one step with what follows.
    }
    if (input_.ConsumeIntegral<std::uint8_t>() % 4 != 0) step();
  }

  void restart() {
    // Completions of the process that died never come.
    completions_.clear();
    connected_ = wants_connection_ = false;
    requests_.clear();
    state_ = ConnectionState::offline;
    open();
  }

  /// What the app may ask for.
  void app() {
    const auto chat = id_from<ChatId>(wire::view(some_id())).value_or(world_.chats.front());
    if (fresh_ && !must(client::AccountTable(db_).load())) return;
    switch (input_.ConsumeIntegral<std::uint8_t>() % 8) {
      case 0:
      case 1:
      case 2: {
        Message message;
        message.chat = chat;
        message.id = random_id<ClientMessageId>(random_);
        message.text = "of alice " + std::to_string(texts_.size());
        message.sent_at = now_;
        texts_.emplace(chat, own_user(), message.text);
        command<void>([&](auto done) { return client::SendCommand{message, {}, done}; });
        break;
      }
      case 3: {
        const auto* peer = pick(peers_, input_);
        client::CreateChatCommand create;
        create.type = input_.ConsumeBool() ? ChatType::direct : ChatType::group;
        create.chat = create.type == ChatType::direct ? wire::direct_chat_id(own_user(), peer->user)
                                                      : wire::random_group_id(random_);
        create.users = {peer->user};
        if (create.type == ChatType::group) create.name = "new " + std::to_string(chats_.size());
        names_[create.chat].insert(create.name);
        chats_.push_back(create.chat);
        command<Chat>([&](auto done) {
          create.done = done;
          return create;
        });
        break;
      }
      case 4:
      case 5: {
        client::ChangeChatCommand change;
        change.chat = chat;
        change.kind = static_cast<client::ChangeKind>(input_.ConsumeIntegral<std::uint8_t>() % 4);
        if (change.kind == client::ChangeKind::rename) {
          change.name = "renamed " + std::to_string(names_.size());
          names_[chat].insert(change.name);
        } else {
          change.user = pick(peers_, input_)->user;
        }
        command<void>([&](auto done) {
          change.done = done;
          return change;
        });
        break;
      }
      case 6: {
        const auto handle = std::array{"bob", "carol", "nobody"}[input_.ConsumeIntegral<std::uint8_t>() % 3];
        command<UserId>([&](auto done) { return client::FindUserCommand{handle, done}; });
        break;
      }
      default:
        if (input_.ConsumeBool()) {
          inputs_.emplace_back(client::DisconnectCommand{});
        } else {
          inputs_.emplace_back(client::ConnectCommand{});
        }
    }
  }
  UserId own_user() { return fresh_ ? must(client::AccountTable(db_).load())->user : world_.alice->user; }

  // ---- Afterwards

  /// What is stored is what was told.
  void check_store() {
    must(engine_->compare_with_store());
    std::vector<ChatId> all;
    must(db_.query("SELECT DISTINCT chat_id FROM message",
                   [&](const store::Row& row) { all.push_back(row.get<ChatId>(0)); }));
    for (const auto& chat : all) {
      for (const auto& message : must(client::MessageTable(db_).page(chat, std::nullopt, 200))) see(message);
    }
    for (const auto& chat : must(client::ChatTable(db_).page(200, std::nullopt))) see(chat);
  }

  /// An honest relay takes over, with a chat that the hostile one never touched.
  void go_on() {
    const auto account = must(client::AccountTable(db_).load());
    if (fresh_ || !account || account->rolled_back) return;
    inputs_.emplace_back(client::ConnectionLost{Error(ErrorCode::UNAVAILABLE)});
    connected_ = false;
    requests_.clear();
    step();
    inputs_.emplace_back(client::ConnectCommand{});
    step();
    check(wants_connection_, "the engine connects again");
    connect();
    check(requests_.size() == 1 && requests_.front().request().has_authenticate(), "and authenticates");
    answer_honestly();
    wire::Push heads;
    auto& head = *heads.mutable_heads()->add_heads();
    head.set_chat_id(to_string_bytes(world_.later));
    head.set_head(2);
    heads.mutable_heads()->set_last(true);
    push(heads);
    for (const auto& what : world_.owed_later) push(what);
    step();
    check(state_ == ConnectionState::online, "it gets online");
    check(std::ranges::any_of(last_ack_.cursors(),
                              [&](const auto& cursor) {
                                return cursor.chat_id() == to_string_bytes(world_.later) && cursor.seq() == 2;
                              }),
          "it acks what it got");
    const auto chat = must(client::ChatTable(db_).find(world_.later));
    check(chat && chat->status == ChatStatus::active && chat->name == "later", "it joins what it is invited to");
    const auto history = must(client::MessageTable(db_).page(world_.later, std::nullopt, 10));
    check(std::ranges::any_of(history, [](const Message& m) { return m.text == "still here"; }), "and shows it");

    requests_.clear();
    Message message;
    message.chat = world_.later;
    message.id = random_id<ClientMessageId>(random_);
    message.text = "an answer";
    texts_.emplace(message.chat, world_.alice->user, message.text);
    command<void>([&](auto done) { return client::SendCommand{message, {}, done}; });
    std::optional<Result<UserId>> found;
    inputs_.emplace_back(client::FindUserCommand{"bob", [&](Result<UserId> result) { found = result; }});
    step();
    check(std::ranges::any_of(requests_,
                              [&](const auto& request) {
                                return request.request().has_send_message() &&
                                       request.request().send_message().chat_id() == to_string_bytes(world_.later);
                              }),
          "it sends");
    for (int i = 0; i < 300 && !requests_.empty() && !found; ++i) answer_honestly();
    check(found && found->ok() && **found == world_.bob->user, "and asks");
  }

  EngineWorld& world_;
  FuzzedDataProvider& input_;
  store::Database& db_;
  std::set<EngineWorld::Text> texts_;
  std::map<ChatId, std::set<std::string>> names_;
  std::vector<ChatId> chats_;
  std::vector<test::TestDevice*> peers_{world_.bob, world_.carol, world_.mallory};
  SeededRandom random_{7};
  Logger log_{[](LogLevel, std::string_view line) { finding("an error is logged: " + std::string(line)); },
              LogLevel::error,
              {}};
  std::unique_ptr<client::Engine> engine_;
  bool fresh_ = false;
  Timestamp now_{};
  std::vector<client::Input> inputs_;
  std::vector<std::shared_ptr<int>> completions_;
  std::optional<Timestamp> timer_;
  ConnectionState state_ = ConnectionState::offline;
  bool connected_ = false;
  bool wants_connection_ = false;
  std::vector<wire::Envelope> requests_;
  std::vector<std::pair<std::string, wire::Entry>> stubs_;
  wire::Ack last_ack_;
  std::size_t next_ = 0;
  std::size_t steps_ = 0;
  std::size_t bytes_ = 0;
  std::size_t callbacks_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static EngineWorld world;
  static Store store(*world.alice->db);
  FuzzedDataProvider input(data, size);
  Attack(world, store, input).run();
  return 0;
}
