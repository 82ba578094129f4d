// The real relay core, fed by a hostile client among honest ones: the input is a program of small acts. Whatever comes,
// an honest pair can talk on, nobody gets what is not owed, and what comes out is bounded.
#include <algorithm>

#include "check.h"
#include "crypto/hash.h"
#include "crypto/sign.h"
#include "mutator.h"
#include "unit/relay/support/private_message.h"
#include "unit/relay/support/relay_world.h"
#include "wire/attachment.h"
#include "wire/identity.h"

using namespace sotto;
using namespace sotto::relay;
using namespace sotto::relay::test;
using sotto::fuzz::check;
using sotto::fuzz::finding;
using sotto::fuzz::hostile_number;
using sotto::fuzz::must;
using sotto::fuzz::mutated;
using sotto::fuzz::pick;

namespace {

constexpr int most_acts = 48;
/// Stands in every secret of the honest: whoever else is told it was told too much.
constexpr std::string_view marker = "only between alice and bob";
constexpr std::uint64_t day_ms = 24ULL * 3600 * 1000;

CoreConfig config() {
  CoreConfig out;
  out.entry_lifetime_ms = 2 * day_ms;
  out.blob_lifetime_ms = 2 * day_ms;
  return out;
}

/// Made once: accounts, chats, a blob, and what a client of mallory's would say.
struct Setting {
  Setting() {
    auto& alice_link = world.newcomer("alice");
    auto& bob_link = world.newcomer("bob");
    auto& mallory_link = world.newcomer("mallory", 2);
    alice = alice_link.person;
    bob = bob_link.person;
    mallory = mallory_link.person;
    pair = make_group(world, alice_link, {bob});
    shared = make_group(world, mallory_link, {alice});
    own = make_group(world, mallory_link, {});
    for (std::uint64_t n = 1; n <= 3; ++n) {
      must_work(alice_link.ask(message_request(world, pair, n, std::string(marker))));
      must_work(alice_link.ask(message_request(world, shared, n)));
      must_work(mallory_link.ask(message_request(world, shared, n)));
    }
    upload(alice_link);
    publish(alice_link);
    publish(mallory_link);
    record(mallory_link);
    // Where the inputs begin.
    for (auto* link : {&alice_link, &bob_link, &mallory_link}) {
      for (const auto* group : {&pair, &shared, &own}) {
        if (const auto seqs = link->seqs(group->id); !seqs.empty()) link->ack(group->id, seqs.back());
      }
      world.disconnect(*link);
    }
  }

  static void must_work(const wire::Response& response) { check(success(response), "the setup works"); }

  void upload(Link& link) {
    const auto data = to_bytes(std::string(marker) + std::string(1000, '.'));
    wire::Request request;
    auto& create = *request.mutable_create_attachment();
    create.set_hash(wire::field(crypto::sha256(data).view()));
    create.set_size(data.size());
    create.set_token_hash(wire::field(crypto::sha256(as_bytes("a token")).view()));
    const auto created = link.ask(request);
    must_work(created);
    blob = created.attachment_created().attachment_id();
    auto& part = *request.mutable_upload_attachment();
    part.set_attachment_id(blob);
    part.set_data(wire::field(data));
    must_work(link.ask(request));
  }

  void publish(Link& link) {
    wire::Request request;
    for (int i = 0; i < 4; ++i) {
      request.mutable_publish_key_packages()->add_key_packages("key package " + std::to_string(i));
    }
    request.mutable_publish_key_packages()->set_last_resort("last resort");
    must_work(link.ask(request));
  }

  /// Requests that are right, or were.
  void record(const Link& link) {
    const auto me = link.device();
    const DeviceRef second{mallory->id, mallory->phones[1].id};
    const auto add = [&](const wire::Request& request) { requests.push_back(request); };
    for (std::uint64_t n = 3; n <= 6; ++n) add(message_request(world, shared, n));
    for (std::uint64_t n = 1; n <= 3; ++n) add(message_request(world, own, n, std::string(200, 'x')));
    add(message_request(world, pair, 1));
    add(update_request(world, shared));
    add(update_request(world, own));
    add(update_request(world, own, {{second}, {}, {}, false, 1}));
    add(update_request(world, pair));
    add(modify_request(world, shared, bob->id, wire::ADD, {{bob->device()}, {}, {}, false, 1}));
    add(modify_request(world, own, alice->id, wire::ADD, {{alice->device()}, {}, {}, false, 1}));
    add(modify_request(world, shared, alice->id, wire::REMOVE, {{}, {alice->device()}, {}, false, 1}));
    add(modify_request(world, shared, mallory->id, wire::REMOVE, {{}, {me}, std::set<UserId>{alice->id}, false, 1}));
    Group group;
    add(create_request(world, group, {me, bob->device()}, {mallory->id}, me));
    Group direct;
    direct.id = wire::direct_chat_id(mallory->id, bob->id);
    direct.type = wire::DIRECT;
    add(create_request(world, direct, {me, bob->device()}, {}, me));
    Group of_others;
    of_others.id = wire::direct_chat_id(alice->id, bob->id);
    of_others.type = wire::DIRECT;
    add(create_request(world, of_others, {alice->device(), bob->device()}, {}, me));
    for (const auto* known : {&pair, &shared, &own}) add(get_chat_request(known->id));
    wire::Request request;
    auto& take = *request.mutable_take_key_packages();
    for (const auto* person : {alice, bob, mallory}) take.add_user_ids(to_string_bytes(person->id));
    add(request);
    request.mutable_find_user()->set_handle("alice");
    add(request);
    request.mutable_get_device_list()->set_user_id(to_string_bytes(bob->id));
    add(request);
    *request.mutable_put_device_list()->mutable_device_list() = mallory->next_list();
    add(request);
    mallory->phones[1].era = 2;
    *request.mutable_put_device_list()->mutable_device_list() = mallory->next_list();
    add(request);
    auto& keys = *request.mutable_publish_key_packages();
    keys.add_key_packages(std::string(300, 'k'));
    keys.set_last_resort(std::string(300, 'l'));
    add(request);
    auto& ack = *request.mutable_ack();
    ack.set_ack_no(100);
    for (const auto* known : {&shared, &own, &pair}) {
      auto& cursor = *ack.add_cursors();
      cursor.set_chat_id(to_string_bytes(known->id));
      cursor.set_seq(3);
    }
    add(request);
    const auto data = std::string(600, 'd');
    const auto hash = crypto::sha256(as_bytes(data));
    const auto token = crypto::sha256(as_bytes("mallory's"));
    auto& create = *request.mutable_create_attachment();
    create.set_hash(wire::field(hash.view()));
    create.set_size(data.size());
    create.set_token_hash(wire::field(token.view()));
    add(request);
    const auto id = to_string_bytes(wire::attachment_id_of(mallory->id, hash, token));
    for (const auto offset : {0U, 300U}) {
      auto& part = *request.mutable_upload_attachment();
      part.set_attachment_id(id);
      part.set_offset(offset);
      part.set_data(data.substr(offset, 300));
      add(request);
    }
    for (const auto& name : {id, blob}) {
      auto& fetch = *request.mutable_fetch_attachment();
      fetch.set_attachment_id(name);
      fetch.set_token("mallory's");
      fetch.set_offset(0);
      fetch.set_limit(200);
      add(request);
    }
    request.mutable_register_()->set_handle("alice");
    *request.mutable_register_()->mutable_device_list() = mallory->next_list();
    add(request);
    auto& authenticate = *request.mutable_authenticate();
    authenticate.set_user_id(to_string_bytes(alice->id));
    authenticate.set_device_id(to_string_bytes(alice->phones[0].id));
    authenticate.set_session(1'000'000);
    authenticate.set_signature(std::string(64, 's'));
    add(request);
  }

  World world{7, config()};
  Person* alice = nullptr;
  Person* bob = nullptr;
  Person* mallory = nullptr;
  /// Of alice and bob; of alice and mallory; of mallory alone.
  Group pair;
  Group shared;
  Group own;
  std::string blob;
  std::vector<wire::Request> requests;
};

/// One connection to the relay of one input.
struct Wire {
  ConnectionId id = 0;
  bool hostile = true;
  bool open = true;
  Bytes nonce;
  std::vector<wire::Push> pushes;
  std::map<std::uint64_t, wire::Response> answers;
  std::size_t received = 0;
  std::size_t undrained = 0;
  bool drains = true;
};

class Attack {
 public:
  Attack(Setting& setting, FuzzedDataProvider& input)
      : s_(setting),
        input_(input),
        disk_(setting.world.disk->restored(random_)),
        backend_(disk_),
        core_(backend_, random_, config()),
        now_(setting.world.now_ms) {}

  void run() {
    alice_ = enter(*s_.alice, 0, "192.0.2.1");
    bob_ = enter(*s_.bob, 0, "192.0.2.2");
    hostile_.push_back(enter(*s_.mallory, 0, "192.0.2.66"));
    wires_[hostile_.front()].hostile = true;
    for (int i = 0; i < most_acts && input_.remaining_bytes() > 0; ++i) act();
    step();
    talk_on();
  }

 private:
  // ---- The relay and its surroundings

  ConnectionId connect(const std::string& address) {
    const auto id = ++last_;
    wires_[id].id = id;
    inputs_.emplace_back(Opened{id, address});
    step();
    auto& wire = wires_[id];
    check(wire.pushes.size() == 1 && wire.pushes.front().has_challenge(), "a challenge comes first");
    wire.nonce = to_bytes(wire::view(wire.pushes.front().challenge().nonce()));
    wire.pushes.clear();
    return id;
  }

  wire::Request authentication(const Person& person, std::size_t phone, const Wire& wire, wire::ConnectionKind kind,
                               std::uint64_t session) const {
    wire::Request request;
    auto& command = *request.mutable_authenticate();
    command.set_user_id(to_string_bytes(person.id));
    command.set_device_id(to_string_bytes(person.phones[phone].id));
    command.set_kind(kind);
    command.set_session(session);
    command.set_ack_no(person.phones[phone].ack_no);
    command.set_signature(wire::field(
        crypto::sign(person.phones[phone].key.private_key, wire::authentication_statement(wire.nonce, command))
            .view()));
    return request;
  }

  ConnectionId enter(const Person& person, std::size_t phone, const std::string& address) {
    const auto id = connect(address);
    wires_[id].hostile = false;
    const auto answer =
        ask(id, authentication(person, phone, wires_[id], wire::MAIN, person.phones[phone].session + 1));
    check(success(answer), "who is who is let in");
    return id;
  }

  wire::Response ask(ConnectionId id, const wire::Request& request) {
    const auto number = ++last_request_;
    send(id, number, request);
    step();
    auto& answers = wires_[id].answers;
    check(answers.contains(number), "the honest are answered");
    return answers[number];
  }

  void send(ConnectionId id, std::uint64_t number, const wire::Request& request) {
    wire::Envelope envelope;
    envelope.set_id(number);
    *envelope.mutable_request() = request;
    send(id, wire::encode(envelope));
  }
  void send(ConnectionId id, Bytes bytes) {
    sent_ += bytes.size();
    ++frames_;
    inputs_.emplace_back(Received{id, std::move(bytes)});
  }

  void step() {
    for (int turn = 0;; ++turn) {
      check(turn < 2000, "a step comes to an end");
      auto inputs = std::exchange(inputs_, {});
      const auto out = core_.step(Timestamp(std::chrono::milliseconds(now_)), inputs);
      for (const auto& action : out.actions) take(action);
      const bool more = out.next_timer && out.next_timer->count() == 0;
      if (!more && !(out.waits_for_drain && !inputs_.empty())) return;
    }
  }

  void take(const Output& action) {
    if (const auto* close = std::get_if<Close>(&action)) {
      auto& wire = wires_[close->id];
      if (!wire.hostile) finding("an honest connection is closed: " + close->reason);
      wire.open = false;
      inputs_.emplace_back(Closed{close->id});
      return;
    }
    const auto& send = std::get<Send>(action);
    auto& wire = wires_[send.id];
    check(wire.open, "nothing is sent after the end");
    wire.received += send.bytes.size();
    if (wire.drains) {
      inputs_.emplace_back(Drained{send.id, 0});
    } else {
      wire.undrained += send.bytes.size();
      inputs_.emplace_back(Drained{send.id, wire.undrained});
    }
    if (wire.hostile) {
      check(as_text(send.bytes).find(marker) == std::string_view::npos, "a secret of others is not told");
      // Above the mark it is not fed, and one answer more may be on its way.
      check(wire.undrained <= config().congested_bytes + 3 * 1024 * 1024, "a peer that does not read is not fed");
      check(wire.received <= 4 * 1024 * 1024 + 16 * sent_ + frames_ * 128 * 1024, "what comes out is bounded");
    }
    for (const auto& envelope : must(wire::decode_frame(send.bytes))) {
      if (envelope.has_push()) {
        if (wire.hostile) check_owed(envelope.push());
        wire.pushes.push_back(envelope.push());
      } else {
        if (wire.hostile) check_told(envelope.response());
        wire.answers[envelope.id()] = envelope.response();
      }
    }
    if (wire.hostile && wire.pushes.size() > 64) wire.pushes.clear();
  }

  void check_owed(const wire::Push& push) const {
    const auto pair = to_string_bytes(s_.pair.id);
    check(push.entries().chat_id() != pair && push.chat_joined().chat_id() != pair && push.gap().chat_id() != pair &&
              push.delivery_receipt().chat_id() != pair,
          "a chat of others is not pushed");
    for (const auto& head : push.heads().heads()) check(head.chat_id() != pair, "nor its head");
  }
  void check_told(const wire::Response& response) const {
    check(response.chat().chat_id() != to_string_bytes(s_.pair.id), "a chat of others is not told");
    check(response.status() != static_cast<std::uint32_t>(ErrorCode::INTERNAL) &&
              response.status() != static_cast<std::uint32_t>(ErrorCode::CORRUPT),
          "nothing is damaged");
  }

  // ---- What a hostile client can do

  Wire* some_wire() {
    std::vector<ConnectionId> open;
    for (const auto id : hostile_) {
      if (wires_[id].open) open.push_back(id);
    }
    return open.empty() ? nullptr : &wires_[pick(open, input_)];
  }

  void act() {
    const auto what = input_.ConsumeIntegral<std::uint8_t>() % 16;
    auto* wire = some_wire();
    if (wire == nullptr && what < 12) return reconnect();
    const auto number = ++last_request_;
    switch (what) {
      case 0:
      case 1:
      case 2:
        send(wire->id, number, pick(s_.requests, input_));
        break;
      case 3:
      case 4:
      case 5:
        send(wire->id, number, mutated(pick(s_.requests, input_), input_));
        break;
      case 6:
        send(wire->id, number, built());
        break;
      case 7:
        send(wire->id, number, commit());
        break;
      case 8: {  // A frame that is changed, or no frame.
        const auto size = input_.ConsumeIntegral<std::uint8_t>();
        if (size % 2 == 0) {
          wire::Envelope envelope;
          envelope.set_id(number);
          *envelope.mutable_request() = pick(s_.requests, input_);
          send(wire->id, fuzz::mutate_bytes(wire::encode(envelope), input_));
        } else {
          send(wire->id, input_.ConsumeBytes<std::uint8_t>(size));
        }
        break;
      }
      case 9: {  // Many at once, in one frame.
        Bytes joined;
        wire::Envelope envelope;
        *envelope.mutable_request() = pick(s_.requests, input_);
        const auto count = input_.ConsumeIntegralInRange<std::size_t>(1, 2000);
        for (std::size_t i = 0; i < count && joined.size() < 200'000; ++i) {
          envelope.set_id(++last_request_);
          append(joined, wire::encode(envelope));
        }
        send(wire->id, std::move(joined));
        break;
      }
      case 10:
        wire->drains = input_.ConsumeBool();
        if (wire->drains) wire->undrained = 0;
        inputs_.emplace_back(Drained{wire->id, wire->drains ? 0 : hostile_number(wire->undrained, input_)});
        break;
      case 11:
        if (input_.ConsumeBool()) {
          // The other side knows of the end only with the next step.
          inputs_.emplace_back(Closed{wire->id});
          wire->open = false;
          step();
        }
        break;
      case 12:
      case 13:
        reconnect();
        break;
      case 14:
        now_ += input_.ConsumeBool() ? input_.ConsumeIntegral<std::uint16_t>()
                                     : day_ms / 16 * (input_.ConsumeIntegral<std::uint8_t>() % 16);
        break;
      default:
        return;
    }
    if (input_.ConsumeIntegral<std::uint8_t>() % 4 != 0) step();
  }

  void reconnect() {
    if (hostile_.size() >= 12) return;
    const auto id = connect("192.0.2.66");
    hostile_.push_back(id);
    const auto how = input_.ConsumeIntegral<std::uint8_t>();
    if (how % 8 == 0) return;  // A stranger.
    const auto kind = static_cast<wire::ConnectionKind>(how / 8 % 4);
    const auto phone = how % 8 == 1 ? 1U : 0U;
    const auto session = how % 8 == 2 ? hostile_number(session_, input_) : ++session_ + s_.mallory->phones[0].session;
    auto request = authentication(*s_.mallory, phone, wires_[id], kind, session);
    if (how % 8 == 3) request = mutated(request, input_);
    if (how % 8 == 4) request.mutable_authenticate()->set_user_id(to_string_bytes(s_.alice->id));
    send(id, ++last_request_, request);
    step();
  }

  std::string some_id() {
    const auto what = input_.ConsumeIntegral<std::uint8_t>();
    switch (what % 12) {
      case 0:
      case 1:
        return to_string_bytes(s_.shared.id);
      case 2:
      case 3:
        return to_string_bytes(s_.own.id);
      case 4:
        return to_string_bytes(s_.pair.id);
      case 5:
        return to_string_bytes(s_.alice->id);
      case 6:
        return to_string_bytes(s_.bob->id);
      case 7:
        return to_string_bytes(s_.mallory->id);
      case 8:
        return to_string_bytes(s_.mallory->phones[what / 12 % 2].id);
      case 9:
        return s_.blob;
      case 10:
        return std::string(16, static_cast<char>(what));
      default:
        return input_.ConsumeBytesAsString(what % 18);
    }
  }

  /// A request of any kind, made of fields.
  wire::Request built() {
    wire::Request out;
    const auto number = [&] { return hostile_number(3, input_); };
    switch (input_.ConsumeIntegral<std::uint8_t>() % 10) {
      case 0: {
        auto& ack = *out.mutable_ack();
        ack.set_ack_no(number());
        for (int i = input_.ConsumeIntegral<std::uint8_t>() % 4; i > 0; --i) {
          auto& cursor = *ack.add_cursors();
          cursor.set_chat_id(some_id());
          cursor.set_seq(number());
        }
        break;
      }
      case 1:
        out.mutable_get_chat()->set_chat_id(some_id());
        break;
      case 2:
        for (int i = input_.ConsumeIntegral<std::uint8_t>() % 24; i > 0; --i) {
          out.mutable_take_key_packages()->add_user_ids(some_id());
        }
        break;
      case 3:
        out.mutable_find_user()->set_handle(input_.ConsumeRandomLengthString(80));
        break;
      case 4: {
        auto& send = *out.mutable_send_message();
        send.set_chat_id(some_id());
        send.set_generation(static_cast<std::uint32_t>(number()));
        send.set_after_handshake(number());
        send.set_urgency(static_cast<wire::Urgency>(input_.ConsumeIntegral<std::uint8_t>() % 4));
        ChatId chat;
        if (const auto id = id_from<ChatId>(wire::view(some_id()))) chat = *id;
        const wire::CheckedMessageAad aad{random_id<ClientMessageId>(random_), number()};
        send.set_message(wire::field(
            private_message(chat, 1, static_cast<wire::MlsContentType>(input_.ConsumeIntegral<std::uint8_t>() % 4),
                            wire::encode(aad), Bytes(input_.ConsumeIntegral<std::uint16_t>()))));
        break;
      }
      case 5: {
        auto& create = *out.mutable_create_attachment();
        create.set_hash(std::string(32, 'h'));
        create.set_token_hash(std::string(32, 't'));
        create.set_size(number());
        break;
      }
      case 6: {
        auto& part = *out.mutable_upload_attachment();
        part.set_attachment_id(some_id());
        part.set_offset(number());
        part.set_data(std::string(input_.ConsumeIntegral<std::uint16_t>(), 'd'));
        break;
      }
      case 7: {
        auto& fetch = *out.mutable_fetch_attachment();
        fetch.set_attachment_id(some_id());
        fetch.set_token(input_.ConsumeRandomLengthString(40));
        fetch.set_offset(number());
        fetch.set_limit(static_cast<std::uint32_t>(number()));
        break;
      }
      case 8: {
        auto& keys = *out.mutable_publish_key_packages();
        const auto size = input_.ConsumeIntegralInRange<std::size_t>(0, 5000);
        for (int i = input_.ConsumeIntegral<std::uint8_t>() % 110; i > 0; --i)
          keys.add_key_packages(std::string(size, 'k'));
        keys.set_last_resort(std::string(size, 'l'));
        break;
      }
      default:
        out.mutable_get_device_list()->set_user_id(some_id());
    }
    return out;
  }

  /// A commit whose statement is right for its roster, and its roster anything.
  wire::Request commit() {
    auto group = input_.ConsumeBool() ? s_.shared : s_.own;
    group.handshake = input_.ConsumeBool() ? group.handshake : hostile_number(group.handshake, input_);
    const std::array devices{s_.mallory->device(0), s_.mallory->device(1), s_.alice->device(), s_.bob->device(),
                             DeviceRef{s_.mallory->id, s_.alice->phones[0].id}};
    Change change;
    for (int i = input_.ConsumeIntegral<std::uint8_t>() % 3; i > 0; --i) change.adds.push_back(pick(devices, input_));
    for (int i = input_.ConsumeIntegral<std::uint8_t>() % 3; i > 0; --i) {
      change.removes.push_back(pick(devices, input_));
    }
    if (input_.ConsumeBool()) change.admins = {s_.alice->id};
    change.membership_changed = input_.ConsumeBool();
    change.era = input_.ConsumeBool() ? 1 : input_.ConsumeIntegral<std::uint8_t>();
    World world(input_.ConsumeIntegral<std::uint8_t>());  // for its randomness only
    if (input_.ConsumeBool()) return update_request(world, group, change);
    const std::array users{s_.mallory->id, s_.alice->id, s_.bob->id};
    return modify_request(world, group, pick(users, input_), input_.ConsumeBool() ? wire::ADD : wire::REMOVE, change);
  }

  // ---- Afterwards

  std::vector<wire::Entry> entries(ConnectionId id, const ChatId& chat) {
    std::vector<wire::Entry> out;
    for (const auto& push : wires_[id].pushes) {
      if (push.entries().chat_id() != to_string_bytes(chat)) continue;
      out.insert(out.end(), push.entries().entries().begin(), push.entries().entries().end());
    }
    return out;
  }

  void talk_on() {
    World world(99);  // for its randomness only
    const auto request = message_request(world, s_.pair, 4, std::string(marker) + ", afterwards");
    const auto answer = ask(alice_, request);
    if (!success(answer)) finding("the honest are refused: " + std::string(error_name(test::status(answer))));
    const auto got = entries(bob_, s_.pair.id);
    check(!got.empty() && got.back().message() == request.send_message().message(), "the honest are delivered to");
    const auto stubs = entries(alice_, s_.pair.id);
    check(!stubs.empty() && stubs.back().has_stub() && stubs.back().seq() == answer.accepted().seq(), "and told so");
    const auto chat = ask(bob_, get_chat_request(s_.pair.id));
    check(success(chat) && chat.chat().roster_size() == 2, "their chat is as it was");
    check(wires_[alice_].open && wires_[bob_].open, "nobody is thrown out");
  }

  Setting& s_;
  FuzzedDataProvider& input_;
  SeededRandom random_{11};
  std::shared_ptr<MemoryStore> disk_;
  MemoryBackend backend_;
  Core core_;
  std::uint64_t now_;
  std::vector<Input> inputs_;
  std::map<ConnectionId, Wire> wires_;
  ConnectionId last_ = 0;
  std::uint64_t last_request_ = 0;
  std::uint64_t session_ = 1;
  std::size_t sent_ = 0;
  std::size_t frames_ = 0;
  ConnectionId alice_ = 0;
  ConnectionId bob_ = 0;
  std::vector<ConnectionId> hostile_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Setting setting;
  FuzzedDataProvider input(data, size);
  Attack(setting, input).run();
  return 0;
}
