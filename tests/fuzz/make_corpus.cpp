// Writes the seed corpora: what is genuine of each kind, and programs for the targets that take programs.
//   fuzz_make_corpus tests/fuzz/corpus
#include "check.h"
#include "corpus.h"
#include "crypto/init.h"
#include "mls/group_records.h"
#include "relay/backend/young_entries.h"
#include "support/testnet.h"
#include "unit/mls/group_fixture.h"
#include "unit/relay/support/relay_world.h"
#include "wire/frame.h"
#include "wire/json_frame.h"
#include "wire/mls_header.h"

using namespace sotto;
using sotto::fuzz::Corpus;
using sotto::fuzz::must;

namespace {

void text(const std::filesystem::path& root) {
  Corpus out(root, "text");
  for (const auto* seed :
       {"wss://relay.example:8443/path?x=1", "relay.example:443/", "wss://[::1]:8443/", "[2001:db8::1]", "+4930123456",
        "alice", "two words", "00ff7Fab", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "\xc3\x28\xed\xa0\x80\xf4\x90",
        "0123456789abcdef"}) {
    out.add(seed);
  }
}

/// Listens to a conversation of clients: each kind of request, answer and push once.
void wire_traffic(const std::filesystem::path& root) {
  Corpus frames(root, "frame");
  Corpus texts(root, "json_frame");
  const wire::JsonFrames json;
  for (const auto* seed :
       {R"({"envelopes":[{"id":7,"request":{"find_user":{"handle":"caf\u00e9"}}}],"later":[{"x":null}]})",
        R"({"envelopes":[{"id":"18446744073709551615","push":{"goingAway":{"retryAfterMs":1e3}}},{}]})",
        R"({"envelopes":[{"request":{"authenticate":{"kind":2,"userId":"-_8"}}}]})"}) {
    texts.add(seed);
  }
  Corpus identity(root, "identity");
  Corpus headers(root, "clear_header");
  std::set<int> seen;
  const auto hear = [&](wire::Envelope& envelope) {
    int kind = 0;
    if (envelope.has_request()) kind = envelope.request().command_case();
    if (envelope.has_response()) kind = 1000 + envelope.response().result_case();
    if (envelope.has_push()) kind = 2000 + envelope.push().event_case();
    const auto header = [&](const std::string& bytes) {
      headers.add(wire::view(bytes));
      if (const auto read = wire::read_mls_header(wire::view(bytes)); read.ok()) headers.add(read->authenticated_data);
    };
    if (envelope.request().has_update_chat()) header(envelope.request().update_chat().commit().message());
    if (!seen.insert(kind).second) return true;
    if (envelope.request().has_send_message()) header(envelope.request().send_message().message());
    if (envelope.request().has_create_chat()) header(envelope.request().create_chat().commit().founding_aad());
    const auto list = envelope.request().register_().device_list();
    if (!list.body().empty()) {
      auto body = to_bytes(wire::view(list.body()));
      const auto parsed = must(wire::decode<wire::DeviceList>(body));
      frames.add(wire::serialize(parsed.devices(0)), "certificate");
      auto certificate = to_bytes(wire::view(parsed.devices(0).body()));
      certificate.push_back(1);
      identity.add(certificate, "certificate");
      body.push_back(7);
      identity.add(body, "list");
    }
    auto bytes = wire::encode(envelope);
    // A hundred key packages are one as well as another.
    if (envelope.request().has_publish_key_packages()) {
      auto one = envelope;
      auto& keys = *one.mutable_request()->mutable_publish_key_packages();
      keys.mutable_key_packages()->DeleteSubrange(1, keys.key_packages_size() - 1);
      bytes = wire::encode(one);
    }
    frames.add(bytes, "frame");
    for (const auto& text : must(json.encode(bytes))) texts.add(text, "frame");
    return true;
  };
  test::TestNet net(1);
  net.rewrite = [&](wire::Envelope& envelope) { (void)hear(envelope); };
  net.to_client = hear;
  auto& alice = net.add("alice");
  auto& bob = net.add("bob");
  auto& carol = net.add("carol");
  bool found = false;
  alice.command(client::FindUserCommand{"bob", [&](const Result<UserId>&) { found = true; }});
  alice.command(client::FindUserCommand{"nobody", {}});
  const auto chat = alice.group({&bob}, "group");
  alice.send(chat, "hello");
  must(net.settle() && found ? Status() : Status(ErrorCode::INTERNAL));
  bob.send(chat, "hi");
  alice.change(chat, client::ChangeKind::rename, {}, "renamed");
  alice.change(chat, client::ChangeKind::add, carol.user);
  bob.change(chat, client::ChangeKind::refresh);
  must(net.settle() ? Status() : Status(ErrorCode::INTERNAL));
}

void mls_bytes(const std::filesystem::path& root) {
  using namespace sotto::mls;
  Corpus codec(root, "mls_codec");
  Corpus trees(root, "mls_tree");
  mls::test::World world(1);
  auto alice = world.founder("alice");
  std::vector<mls::test::Device> others;
  for (const auto* name : {"b", "c", "d", "e"}) others.push_back(world.device(name));
  world.gather(alice, {&others[0], &others[1], &others[2], &others[3]});
  const auto tree = [&](std::initializer_list<int> steps) {
    auto bytes = alice.group->ratchet_tree();
    for (const auto step : steps) {
      bytes.push_back(static_cast<std::uint8_t>(step));
      bytes.push_back(0);
    }
    bytes.push_back(static_cast<std::uint8_t>(steps.size()));
    trees.add(bytes, "tree");
  };
  tree({});
  tree({4, 1, 9, 2, 3});
  world.commit(others[2], {}, {&alice, &others[0], &others[1], &others[3]});
  tree({0, 4, 8, 12, 16});
  auto removed = world.device("f");
  CommitSpec spec;
  spec.adds = {removed.key_package()};
  spec.removes = {{1}};
  const auto staged = must(alice.group->stage_commit(spec, world.random));
  codec.add(staged.message);
  const auto welcome = must(alice.group->make_welcome(staged.id, {}, TreeInWelcome::included, world.random));
  codec.add(encode(welcome));
  codec.add(encode(MlsMessage{welcome}));
  codec.add(encode(welcome.secrets.front()));
  codec.add(world.say(alice, "text"));
  codec.add(to_message(alice.key_package()));
  codec.add(encode(alice.key_package()));
  codec.add(encode(alice.key_package().leaf_node));
  codec.add(alice.bundle.serialize().view());
  for (const auto& proposal : std::vector<Proposal>{
           {Add{removed.key_package()}},
           {Update{removed.key_package().leaf_node}},
           {Remove{{1}}},
           {GroupContextExtensions{{{0xf001, to_bytes("x")}}}},
           {PreSharedKey{{PskType::resumption, {}, ResumptionPskUsage::branch, Bytes(8), 1, Bytes(8)}}},
           {ReInit{Bytes(8), ProtocolVersion::mls10, ciphersuite, {}}},
           {ExternalInit{Bytes(32)}}}) {
    codec.add(encode(proposal));
  }
  const auto removal = must(alice.group->propose_remove({1}, as_bytes("aad"), world.random));
  codec.add(removal);
  GroupInfo info;
  info.group_context = alice.group->context();
  info.confirmation_tag = Bytes(32);
  info.signature = Bytes(64);
  codec.add(encode(info));
  GroupSecrets secrets;
  secrets.joiner_secret = SecretBytes(32);
  secrets.path_secret.emplace().path_secret = SecretBytes(32);
  codec.add(encode(secrets));
  RequiredCapabilities required;
  required.extension_types = {0xf001};
  codec.add(encode(required));
  for (const auto table : {Table::group, Table::node, Table::past_epoch, Table::pending, Table::proposal}) {
    for (std::uint64_t epoch = 0; epoch < 4; ++epoch) {
      const auto rows = must(alice.storage->scan(table, epoch, std::nullopt));
      for (std::size_t i = 0; i < std::min<std::size_t>(rows.size(), 2); ++i) codec.add(rows[i].value.view(), "row");
    }
  }
}

void relay_store(const std::filesystem::path& root) {
  Corpus out(root, "relay_store");
  relay::test::World world(1);
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  auto group = relay::test::make_group(world, alice, {bob.person});
  const auto add = [&](const wire::Request& request) {
    fuzz::check(relay::test::success(alice.ask(request)), "accepted");
  };
  for (std::uint64_t n = 1; n <= 3; ++n) add(relay::test::message_request(world, group, n));
  add(relay::test::update_request(world, group));
  wire::Request request;
  request.mutable_publish_key_packages()->add_key_packages("key package");
  add(request);
  request.mutable_create_attachment()->set_hash(std::string(32, 'h'));
  request.mutable_create_attachment()->set_token_hash(std::string(32, 't'));
  request.mutable_create_attachment()->set_size(10);
  add(request);
  bob.ack(group.id, 3);
  alice.ack(group.id, 5);
  world.advance(5000);
  Bytes log;
  relay::YoungEntries young;
  Bytes tail{0};  // without a snapshot; then the length of each entry
  world.backend->read(group.id, 1, 100, 1 << 20, [&](const Result<std::vector<relay::LogRecord>>& records) {
    for (const auto& record : must(records)) {
      out.add(record.data, "entry");
      young.append(group.id, record.seq, record.data);
      append(log, record.data);
      tail.push_back(static_cast<std::uint8_t>(record.data.size() >> 8));
      tail.push_back(static_cast<std::uint8_t>(record.data.size()));
    }
  });
  world.backend->load(group.id,
                      [&](const Result<relay::LogState>& state) { out.add(must(state).snapshot, "snapshot"); });
  for (const char family : std::string("hudcmkilxbe")) {
    world.backend->scan({static_cast<std::uint8_t>(family)}, {}, 2,
                        [&](const Result<std::vector<relay::Record>>& records) {
                          for (const auto& record : must(records)) {
                            out.add(record.value, "record");
                            out.add(record.key, "key");
                          }
                        });
  }
  world.backend->run();
  out.add(young.appended().front()->bytes, "segment");
  std::reverse(tail.begin(), tail.end());
  append(log, tail);
  out.add(log, "log");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: fuzz_make_corpus FOLDER\n";
    return 2;
  }
  must(crypto::initialize());
  const std::filesystem::path root = argv[1];
  text(root);
  wire_traffic(root);
  mls_bytes(root);
  relay_store(root);
  fuzz::write_programs(root);
  return 0;
}
