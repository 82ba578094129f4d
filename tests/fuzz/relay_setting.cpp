#include "relay_setting.h"

#include "check.h"
#include "crypto/hash.h"
#include "wire/attachment.h"
#include "wire/identity.h"

namespace sotto::fuzz {

using namespace relay;
using namespace relay::test;

namespace {

void must_work(const wire::Response& response) { check(success(response), "the setup works"); }

}  // namespace

relay::CoreConfig relay_config() {
  CoreConfig out;
  out.entry_lifetime_ms = 2 * day_ms;
  out.blob_lifetime_ms = 2 * day_ms;
  return out;
}

RelaySetting::RelaySetting() {
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
    must_work(alice_link.ask(message_request(world, pair, n, std::string(secret_marker))));
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

void RelaySetting::upload(Link& link) {
  const auto data = to_bytes(std::string(secret_marker) + std::string(1000, '.'));
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

void RelaySetting::publish(Link& link) {
  wire::Request request;
  for (int i = 0; i < 4; ++i) {
    request.mutable_publish_key_packages()->add_key_packages("key package " + std::to_string(i));
  }
  request.mutable_publish_key_packages()->set_last_resort("last resort");
  must_work(link.ask(request));
}

void RelaySetting::record(const Link& link) {
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

}  // namespace sotto::fuzz
