#include "unit/relay/support/relay_world.h"

#include <algorithm>
#include <limits>

#include "crypto/hash.h"
#include "crypto/init.h"
#include "crypto/sign.h"
#include "support/catch.h"
#include "wire/identity.h"

namespace sotto::relay::test {

wire::SignedDeviceList Person::next_list() {
  wire::DeviceList list;
  list.set_user_id(to_string_bytes(id));
  list.set_identity_key(wire::field(identity.public_key.view()));
  list.set_version(++version);
  list.set_prev_hash(wire::field(list_hash));
  for (const auto& phone : phones) {
    wire::DeviceCertificate certificate;
    certificate.set_user_id(to_string_bytes(id));
    certificate.set_identity_key(wire::field(identity.public_key.view()));
    certificate.set_device_id(to_string_bytes(phone.id));
    certificate.set_device_key(wire::field(phone.key.public_key.view()));
    certificate.set_era(phone.era);
    certificate.set_list_version(1);
    *list.add_devices() = wire::sign_certificate(certificate, identity.private_key);
  }
  auto out = wire::sign_device_list(list, identity.private_key);
  list_hash = to_bytes(crypto::sha256(wire::view(out.body())).view());
  return out;
}

// ---- Link

std::uint64_t Link::queue(const wire::Request& request) {
  wire::Envelope envelope;
  envelope.set_id(next_request);
  *envelope.mutable_request() = request;
  world.input(Received{id, wire::encode(envelope)});
  return next_request++;
}

wire::Response Link::ask(const wire::Request& request) {
  const auto number = queue(request);
  world.step();
  return answer(number);
}

wire::Response Link::answer(std::uint64_t request) const {
  const auto it = answers.find(request);
  if (it != answers.end()) return it->second;
  wire::Response none;
  none.set_status(std::numeric_limits<std::uint32_t>::max());
  return none;
}

wire::Response Link::authenticate(wire::ConnectionKind kind) {
  auto& device = person->phones[phone];
  wire::Request request;
  auto& authenticate = *request.mutable_authenticate();
  authenticate.set_user_id(to_string_bytes(person->id));
  authenticate.set_device_id(to_string_bytes(device.id));
  authenticate.set_kind(kind);
  if (kind == wire::MAIN) {
    authenticate.set_session(++device.session);
    authenticate.set_ack_no(device.ack_no);
  }
  const auto statement = wire::authentication_statement(nonce, authenticate);
  authenticate.set_signature(wire::field(crypto::sign(device.key.private_key, statement).view()));
  return ask(request);
}

void Link::queue_ack(const ChatId& chat, std::uint64_t seq) {
  wire::Envelope envelope;
  auto& ack = *envelope.mutable_request()->mutable_ack();
  ack.set_ack_no(++person->phones[phone].ack_no);
  auto& cursor = *ack.add_cursors();
  cursor.set_chat_id(to_string_bytes(chat));
  cursor.set_seq(seq);
  world.input(Received{id, wire::encode(envelope)});
}

void Link::ack(const ChatId& chat, std::uint64_t seq) {
  queue_ack(chat, seq);
  world.step();
}

std::vector<wire::Entry> Link::entries(const ChatId& chat) const {
  std::vector<wire::Entry> out;
  for (const auto& push : pushes) {
    if (push.has_chat_joined() && push.chat_joined().chat_id() == to_string_bytes(chat)) {
      out.push_back(push.chat_joined().entry());
    }
    if (!push.has_entries() || push.entries().chat_id() != to_string_bytes(chat)) continue;
    for (const auto& entry : push.entries().entries()) out.push_back(entry);
  }
  return out;
}

std::vector<std::uint64_t> Link::seqs(const ChatId& chat) const {
  std::vector<std::uint64_t> out;
  for (const auto& entry : entries(chat)) out.push_back(entry.seq());
  return out;
}

std::vector<wire::ChatJoined> Link::joins() const {
  std::vector<wire::ChatJoined> out;
  for (const auto& push : pushes) {
    if (push.has_chat_joined()) out.push_back(push.chat_joined());
  }
  return out;
}

std::vector<wire::DeliveryReceipt> Link::receipts() const {
  std::vector<wire::DeliveryReceipt> out;
  for (const auto& push : pushes) {
    if (push.has_delivery_receipt()) out.push_back(push.delivery_receipt());
  }
  return out;
}

std::optional<std::map<ChatId, wire::Heads::Head>> Link::heads() const {
  std::map<ChatId, wire::Heads::Head> out;
  bool last = false;
  for (const auto& push : pushes) {
    if (!push.has_heads()) continue;
    for (const auto& head : push.heads().heads()) out[*id_from<ChatId>(wire::view(head.chat_id()))] = head;
    last = push.heads().last();
  }
  if (!last) return std::nullopt;
  return out;
}

// ---- World

World::World(std::uint64_t seed, CoreConfig the_config)
    : random(seed), config(the_config), disk(std::make_shared<MemoryStore>(random)) {
  REQUIRE(crypto::initialize().ok());
  restart();
}

void World::restart() {
  core.reset();
  inputs_.clear();
  for (auto& [id, link] : links_) gone_.push_back(std::move(link));
  links_.clear();
  backend = std::make_unique<MemoryBackend>(disk);
  backend->defer();
  core = std::make_unique<Core>(*backend, random, config);
}

void World::start(Backend& other) {
  core.reset();
  core = std::make_unique<Core>(other, random, config);
}

Person& World::person(const std::string& handle, std::size_t phones) {
  auto& person = people_[handle];
  if (person) return *person;
  person = std::make_unique<Person>();
  person->handle = handle;
  person->identity = crypto::generate_signature_key(random);
  person->id = wire::user_id_of(person->identity.public_key);
  for (std::size_t i = 0; i < phones; ++i) {
    person->phones.push_back({random_id<DeviceId>(random), crypto::generate_signature_key(random), 1, 0, 0});
  }
  return *person;
}

Link& World::connect(Person& person, std::size_t phone, const std::string& address) {
  const auto id = next_link_++;
  links_[id] = std::make_unique<Link>(Link{*this, id, &person, phone, {}, {}, {}, {}, 1, 0, 0});
  auto& link = *links_[id];
  input(Opened{id, address});
  step();
  REQUIRE(link.pushes.size() == 1);
  REQUIRE(link.pushes.front().has_challenge());
  link.nonce = to_bytes(wire::view(link.pushes.front().challenge().nonce()));
  link.pushes.clear();
  return link;
}

Link& World::online(Person& person, std::size_t phone) {
  auto& link = connect(person, phone);
  REQUIRE(success(link.authenticate()));
  return link;
}

void World::disconnect(Link& link) {
  input(Closed{link.id});
  step();
  const auto it = links_.find(link.id);
  gone_.push_back(std::move(it->second));
  links_.erase(it);
}

Link& World::newcomer(const std::string& handle, std::size_t phones) {
  auto& who = person(handle, phones);
  auto& link = connect(who);
  REQUIRE(success(link.ask(register_request(link, handle, who.next_list()))));
  REQUIRE(success(link.authenticate()));
  return link;
}

Outputs World::step() {
  Outputs outputs;
  for (bool more = true; more;) {
    auto batch = std::exchange(inputs_, {});
    const bool checkpoint = outputs.checkpoint;
    outputs = core->step(Timestamp(std::chrono::milliseconds(now_ms)), batch);
    outputs.checkpoint = outputs.checkpoint || checkpoint;
    deliver(outputs);
    more = outputs.next_timer && outputs.next_timer->count() == 0;
    if (backend->waits_to_be_carried_out() && !disk_is_slow) {
      backend->carry_out();
      more = true;
    }
    if (network_is_slow) continue;
    for (const auto& output : outputs.actions) {
      if (const auto* send = std::get_if<Send>(&output)) input(Drained{send->id, 0});
    }
    more = more || outputs.waits_for_drain;
  }
  return outputs;
}

void World::end_run() {
  REQUIRE(backend->waits_to_be_carried_out());
  backend->carry_out();
  step();
}

void World::advance(std::uint64_t ms) {
  now_ms += ms;
  step();
}

void World::deliver(const Outputs& outputs) {
  for (const auto& output : outputs.actions) {
    if (const auto* close = std::get_if<Close>(&output)) {
      const auto it = links_.find(close->id);
      if (it != links_.end()) it->second->closed = *close;
      continue;
    }
    if (const auto* code = std::get_if<SendCode>(&output)) {
      codes.push_back(*code);
      continue;
    }
    if (const auto* notice = std::get_if<PushNotice>(&output)) {
      notices.push_back(*notice);
      continue;
    }
    const auto& send = std::get<Send>(output);
    const auto it = links_.find(send.id);
    if (it == links_.end()) continue;
    auto& link = *it->second;
    REQUIRE_FALSE(link.closed);
    const auto envelopes = wire::decode_frame(send.bytes);
    REQUIRE(envelopes.ok());
    link.bytes += send.bytes.size();
    ++link.frames;
    for (const auto& envelope : *envelopes) {
      if (envelope.has_push()) {
        REQUIRE(envelope.id() == 0);
        link.pushes.push_back(envelope.push());
      } else {
        REQUIRE(envelope.has_response());
        REQUIRE(link.answers.emplace(envelope.id(), envelope.response()).second);
      }
    }
  }
}

std::vector<std::uint64_t> stored(World& world, const ChatId& chat) {
  std::vector<std::uint64_t> out;
  world.backend->read(chat, 1, 10'000, 1 << 30, [&](const Result<std::vector<LogRecord>>& records) {
    REQUIRE(records.ok());
    for (const auto& record : *records) out.push_back(record.seq);
  });
  world.backend->run();
  return out;
}

std::size_t records(World& world, char family) {
  std::size_t count = 0;
  world.backend->scan({static_cast<std::uint8_t>(family)}, {}, 100'000, [&](const Result<std::vector<Record>>& found) {
    REQUIRE(found.ok());
    count = found->size();
  });
  world.backend->run();
  return count;
}

}  // namespace sotto::relay::test
