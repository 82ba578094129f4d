// Attachments: parts in order, resume, token, hash, expiry.
#include "crypto/hash.h"
#include "support/catch.h"
#include "unit/relay/support/relay_world.h"

namespace sotto::relay::test {

namespace {

struct Blob {
  std::string bytes;
  std::string token = "token";

  [[nodiscard]] wire::Request create() const {
    wire::Request request;
    auto& create = *request.mutable_create_attachment();
    create.set_hash(wire::field(crypto::sha256(wire::view(bytes)).view()));
    create.set_size(bytes.size());
    create.set_token_hash(wire::field(crypto::sha256(wire::view(token)).view()));
    return request;
  }
  [[nodiscard]] wire::Request part(const std::string& id, std::size_t offset, std::size_t size) const {
    wire::Request request;
    request.mutable_upload_attachment()->set_attachment_id(id);
    request.mutable_upload_attachment()->set_offset(offset);
    request.mutable_upload_attachment()->set_data(bytes.substr(offset, size));
    return request;
  }
  [[nodiscard]] wire::Request fetch(const std::string& id, std::size_t offset, std::uint32_t limit) const {
    wire::Request request;
    request.mutable_fetch_attachment()->set_attachment_id(id);
    request.mutable_fetch_attachment()->set_token(token);
    request.mutable_fetch_attachment()->set_offset(offset);
    request.mutable_fetch_attachment()->set_limit(limit);
    return request;
  }
  [[nodiscard]] wire::Request reference(const std::string& id, std::uint32_t recipients) const {
    wire::Request request;
    request.mutable_reference_attachment()->set_attachment_id(id);
    request.mutable_reference_attachment()->set_token(token);
    request.mutable_reference_attachment()->set_recipients(recipients);
    return request;
  }
  [[nodiscard]] wire::Request received(const std::string& id) const {
    wire::Request request;
    request.mutable_attachment_received()->set_attachment_id(id);
    request.mutable_attachment_received()->set_token(token);
    return request;
  }
  /// Uploaded, and announced to so many.
  std::string upload(Link& from, std::uint32_t recipients) const {
    auto request = create();
    request.mutable_create_attachment()->set_recipients(recipients);
    const auto id = from.ask(request).attachment_created().attachment_id();
    REQUIRE(success(from.ask(part(id, 0, bytes.size()))));
    return id;
  }
};

constexpr std::uint64_t hour = 3600ULL * 1000;

std::string pattern(std::size_t size) {
  std::string out(size, ' ');
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>(i * 7 % 251);
  return out;
}

constexpr std::size_t part_size = 128 * 1024;

}  // namespace

TEST_CASE("a blob is uploaded on a media connection, resumed on another, and fetched by token") {
  World world;
  world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  auto& alice = world.person("alice");
  const Blob blob{pattern(300'000)};
  auto* media = &world.connect(alice);
  REQUIRE(success(media->authenticate(wire::MEDIA)));
  const auto created = media->ask(blob.create());
  REQUIRE(success(created));
  CHECK(created.attachment_created().offset() == 0);
  const auto id = created.attachment_created().attachment_id();
  REQUIRE(success(media->ask(blob.part(id, 0, part_size))));
  CHECK(status(bob.ask(blob.fetch(id, 0, 100))) == ErrorCode::NOT_FOUND);

  world.restart();
  media = &world.connect(alice);
  REQUIRE(success(media->authenticate(wire::MEDIA)));
  const auto resumed = media->ask(blob.create());
  CHECK(resumed.attachment_created().attachment_id() == id);
  REQUIRE(resumed.attachment_created().offset() == part_size);
  CHECK(status(media->ask(blob.part(id, 0, part_size))) == ErrorCode::CONFLICT);
  const auto second = media->queue(blob.part(id, part_size, part_size));
  const auto third = media->queue(blob.part(id, 2 * part_size, part_size));
  world.step();
  CHECK(success(media->answer(second)));
  REQUIRE(success(media->answer(third)));
  CHECK(media->answer(third).attachment_created().offset() == 300'000);

  auto& reader = world.online(*bob.person);
  std::string got;
  while (got.size() < blob.bytes.size()) {
    const auto part = reader.ask(blob.fetch(id, got.size(), 100'000));
    REQUIRE(success(part));
    CHECK(part.attachment_part().size() == 300'000);
    got += part.attachment_part().data();
  }
  CHECK(got == blob.bytes);
  auto wrong = blob;
  wrong.token = "guess";
  CHECK(status(reader.ask(wrong.fetch(id, 0, 100))) == ErrorCode::FORBIDDEN);
  CHECK(status(reader.ask(blob.fetch(std::string(16, 'x'), 0, 100))) == ErrorCode::NOT_FOUND);
}

TEST_CASE("a blob whose hash is another is refused and gone") {
  World world;
  auto& alice = world.newcomer("alice");
  Blob blob{pattern(1000)};
  const auto id = alice.ask(blob.create()).attachment_created().attachment_id();
  const Blob other{std::string(1000, 'x')};
  CHECK(status(alice.ask(other.part(id, 0, 1000))) == ErrorCode::BAD_SIGNATURE);
  CHECK(status(alice.ask(blob.fetch(id, 0, 1000))) == ErrorCode::NOT_FOUND);
  CHECK(success(alice.ask(blob.create())));
  CHECK(success(alice.ask(blob.part(id, 0, 1000))));
  CHECK(success(alice.ask(blob.fetch(id, 0, 1000))));
}

TEST_CASE("sizes, owners and quotas of blobs") {
  CoreConfig config;
  config.blob_bytes = {5'000'000, 1};
  World world(1, config);
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  const Blob blob{pattern(1000)};
  const auto id = alice.ask(blob.create()).attachment_created().attachment_id();
  CHECK(status(bob.ask(blob.part(id, 0, 1000))) == ErrorCode::FORBIDDEN);
  auto request = blob.create();
  request.mutable_create_attachment()->set_size(2ULL * 1024 * 1024 * 1024 + 1024 * 1024 + 1);
  CHECK(status(alice.ask(request)) == ErrorCode::TOO_LARGE);
  request.mutable_create_attachment()->set_size(0);
  CHECK(status(alice.ask(request)) == ErrorCode::INVALID_ARGUMENT);
  for (char c : {'a', 'b', 'c'}) {
    request.mutable_create_attachment()->set_size(2 * 1024 * 1024);
    request.mutable_create_attachment()->set_hash(std::string(32, c));
    CHECK(status(alice.ask(request)) == (c == 'c' ? ErrorCode::RATE_LIMITED : ErrorCode{}));
  }
}

TEST_CASE("a blob expires 30 days after it was announced last") {
  World world;
  auto& alice = world.newcomer("alice");
  const Blob blob{pattern(1000)};
  const auto id = alice.ask(blob.create()).attachment_created().attachment_id();
  REQUIRE(success(alice.ask(blob.part(id, 0, 1000))));
  constexpr std::uint64_t day = 24ULL * 3600 * 1000;
  world.advance(20 * day);
  REQUIRE(success(alice.ask(blob.create())));
  world.advance(20 * day);
  CHECK(success(alice.ask(blob.fetch(id, 0, 1000))));
  world.advance(12 * day);
  CHECK(status(alice.ask(blob.fetch(id, 0, 1000))) == ErrorCode::NOT_FOUND);
}

TEST_CASE("once all have a blob it lives for a day more, and whoever tells of it again gives it its whole time") {
  World world;
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  auto& carol = world.newcomer("carol");
  const Blob blob{pattern(1000)};
  const auto id = blob.upload(alice, 2);
  REQUIRE(success(bob.ask(blob.received(id))));
  REQUIRE(success(bob.ask(blob.received(id))));    // counts once
  REQUIRE(success(alice.ask(blob.received(id))));  // its own does not
  world.advance(30 * hour);
  CHECK(success(carol.ask(blob.fetch(id, 0, 10))));
  REQUIRE(success(carol.ask(blob.received(id))));
  world.advance(20 * hour);
  CHECK(success(carol.ask(blob.fetch(id, 0, 10))));

  SECTION("then it is gone") {
    world.advance(10 * hour);
    CHECK(status(carol.ask(blob.fetch(id, 0, 10))) == ErrorCode::NOT_FOUND);
    CHECK(status(carol.ask(blob.reference(id, 1))) == ErrorCode::NOT_FOUND);
    CHECK(status(carol.ask(blob.received(id))) == ErrorCode::NOT_FOUND);
  }
  SECTION("told of to one more, it waits for that one") {
    REQUIRE(success(carol.ask(blob.reference(id, 1))));
    world.advance(29 * 24 * hour);
    CHECK(success(bob.ask(blob.fetch(id, 0, 10))));
    world.advance(3 * 24 * hour);
    CHECK(status(bob.ask(blob.fetch(id, 0, 10))) == ErrorCode::NOT_FOUND);
  }
  SECTION("told of to nobody knows how many, it lives its whole time") {
    REQUIRE(success(carol.ask(blob.reference(id, 0))));
    REQUIRE(success(bob.ask(blob.received(id))));
    world.advance(20 * 24 * hour);
    CHECK(success(bob.ask(blob.fetch(id, 0, 10))));
  }
}

TEST_CASE("an upload that nobody goes on with is gone after three days, one that goes on is not") {
  World world;
  auto& alice = world.newcomer("alice");
  const Blob blob{pattern(1000)};
  const auto id = alice.ask(blob.create()).attachment_created().attachment_id();
  REQUIRE(success(alice.ask(blob.part(id, 0, 100))));
  world.advance(2 * 24 * hour);
  REQUIRE(success(alice.ask(blob.part(id, 100, 100))));
  world.advance(2 * 24 * hour);
  REQUIRE(success(alice.ask(blob.part(id, 200, 100))));
  world.advance(4 * 24 * hour);
  CHECK(status(alice.ask(blob.part(id, 300, 100))) == ErrorCode::NOT_FOUND);
  CHECK(alice.ask(blob.create()).attachment_created().offset() == 0);
}

TEST_CASE("a device has a quota of what is stored at a time") {
  CoreConfig config;
  config.blob_quota_bytes = 2500;
  World world(1, config);
  auto& alice = world.newcomer("alice");
  for (int i = 0; i < 2; ++i) (Blob{std::string(1000, static_cast<char>('a' + i))}).upload(alice, 0);
  CHECK(status(alice.ask(Blob{std::string(1000, 'x')}.create())) == ErrorCode::LIMIT_EXCEEDED);
  CHECK(success(alice.ask(Blob{std::string(500, 'x')}.create())));
  CHECK(success(world.newcomer("bob").ask(Blob{std::string(1000, 'x')}.create())));
}

}  // namespace sotto::relay::test
