// Attachments whose file somebody removed from the client's folder, or damaged there.
#include "client/media/cipher_file.h"
#include "unit/client/media_scene.h"

using namespace sotto;
using namespace sotto::test;
using namespace std::chrono_literals;

namespace {

/// A picture that Bob has, and somebody at his disk.
struct Lost : Pair {
  explicit Lost(std::uint64_t seed) : Pair(seed), id(alice.send(chat, "look", {in_memory(picture)})) {
    REQUIRE(net.settle());
    REQUIRE(state(bob, id) == AttachmentState::present);
  }
  [[nodiscard]] client::MediaRow row(TestDevice& of) const {
    return must(client::MediaTable(*of.db).find(of.message(chat, id), 0)).value();
  }
  [[nodiscard]] std::string file(TestDevice& of) const { return of.folder() + "/" + std::to_string(row(of).id); }
  void flip_byte(TestDevice& of, std::streamoff at) const {
    std::fstream bytes(file(of), std::ios::binary | std::ios::in | std::ios::out);
    bytes.seekg(at);
    const auto was = static_cast<char>(bytes.get());
    bytes.seekp(at);
    bytes.put(static_cast<char>(was ^ 1));
  }
  [[nodiscard]] Attachment shown(TestDevice& of) const { return of.message(chat, id).attachments.at(0); }
  /// As Client::open_attachment and its reader do: what is gone or damaged is told before the app knows.
  Result<Bytes> read(TestDevice& of) {
    const auto now = row(of);
    auto opened = client::open_ciphertext(file(of), now.size, {});
    auto bytes = opened.ok() ? of.bytes_of(chat, id) : Result<Bytes>(opened.error());
    if (!bytes.ok()) of.command(client::AttachmentLostCommand{now.id, bytes.error()});
    return bytes;
  }
  /// What `start` completes with.
  std::optional<ErrorCode> start(TestDevice& of) {
    const auto before = of.changes.size();
    of.transfer(chat, id, 0, TransferAction::start);
    REQUIRE(net.settle());
    REQUIRE(of.changes.size() == before + 1);
    return of.changes.back().code();
  }
  Bytes picture = pattern(300'000);
  ClientMessageId id;
};

}  // namespace

TEST_CASE("A file that is gone from the client's folder is fetched again when it is started") {
  Lost p(60);
  auto& who = GENERATE(false, true) ? p.alice : p.bob;  // Who sent it may fetch it, too.
  std::filesystem::remove(p.file(who));
  SECTION("at once") {}
  SECTION("after a reader found it gone") {
    const auto found = p.read(who);
    REQUIRE(found.code() == ErrorCode::NOT_FOUND);
    CHECK(found.error().message == "its encrypted file is gone from the client's folder");
    REQUIRE(p.net.settle());
    const auto shown = p.shown(who);
    CHECK(shown.state == AttachmentState::remote);
    CHECK(shown.problem->message == found.error().message);
    CHECK(shown.transferred == 0);
  }
  SECTION("after a restart") { who.restart(); }
  CHECK_FALSE(p.start(who).has_value());
  CHECK(p.shown(who).state == AttachmentState::present);
  CHECK_FALSE(p.shown(who).problem.has_value());
  CHECK(must(p.read(who)) == p.picture);
}

TEST_CASE("A file that is too short is fetched again when it is started") {
  Lost p(61);
  std::filesystem::resize_file(p.file(p.bob), GENERATE(0U, 1U, 300'000U));
  SECTION("at once") {}
  SECTION("after a reader found it damaged") {
    const auto found = p.read(p.bob);
    REQUIRE(found.code() == ErrorCode::CORRUPT);
    CHECK(found.error().message == "its encrypted file in the client's folder is damaged");
  }
  CHECK_FALSE(p.start(p.bob).has_value());
  CHECK(must(p.read(p.bob)) == p.picture);
}

TEST_CASE("A file with other bytes in it says that it is damaged once it is read, and is fetched again then") {
  Lost p(62);
  p.flip_byte(p.bob, GENERATE(0, 24, 200'000));
  CHECK_FALSE(p.start(p.bob).has_value());  // Nobody has read it: all of it would have to be.
  CHECK(p.read(p.bob).code() == ErrorCode::CORRUPT);
  CHECK_FALSE(p.start(p.bob).has_value());
  CHECK(must(p.read(p.bob)) == p.picture);
  CHECK(files_of(p.bob) == 1);
}

TEST_CASE("A file that is as its sender announced it, and does not open, is not fetched in vain") {
  Lost p(63);
  const auto row = p.row(p.bob);
  crypto::StreamKey other;
  SeededRandom(9).fill(other.mutable_view());
  client::FileOpener opener(must(client::open_ciphertext(p.file(p.bob), row.size, {})), row.size, std::move(other),
                            *row.hash);
  CHECK(opener.read().code() == ErrorCode::DECRYPTION_FAILED);
}

TEST_CASE("A file that is gone here and at the relay has expired, and its sender is asked for it") {
  Lost p(64);
  p.net.run_for(24h * 32);
  std::filesystem::remove(p.file(p.bob));
  CHECK(p.start(p.bob) == ErrorCode::NOT_FOUND);
  REQUIRE(p.state(p.bob, p.id) == AttachmentState::expired);
  p.bob.request(p.chat, p.id);
  REQUIRE(p.net.settle());
  CHECK(must(p.read(p.bob)) == p.picture);
}

TEST_CASE("What a reader says of a file that the cache has dropped, or of none, changes nothing") {
  Lost p(65);
  const auto row = p.row(p.bob);
  const Error gone = client::file_damage(ErrorCode::NOT_FOUND);
  p.bob.command(client::AttachmentLostCommand{row.id, gone});
  p.bob.command(client::AttachmentLostCommand{4711, gone});
  REQUIRE(p.net.settle());
  REQUIRE(p.state(p.bob, p.id) == AttachmentState::remote);
  CHECK(files_of(p.bob) == 0);
  p.bob.events.clear();
  p.bob.command(client::AttachmentLostCommand{row.id, gone});
  REQUIRE(p.net.settle());
  CHECK(p.bob.events.empty());
}

TEST_CASE("A download whose first part somebody took begins anew") {
  Pair p(66);
  const auto film = pattern(6'000'000);
  const Source source(film);
  const auto id = p.alice.send(p.chat, "film", {source.attachment()});
  REQUIRE(p.net.settle());
  p.bob.transfer(p.chat, id, 0, TransferAction::start);
  REQUIRE(p.net.run_until([&] { return p.bob.message(p.chat, id).attachments[0].transferred >= 2'000'000; }));
  p.bob.transfer(p.chat, id, 0, TransferAction::pause);
  REQUIRE(p.net.settle());
  REQUIRE(files_of(p.bob) == 1);
  const auto file = std::filesystem::directory_iterator(p.bob.folder())->path();
  SECTION("all of it") { std::filesystem::remove(file); }
  SECTION("its end") { std::filesystem::resize_file(file, 100'000); }
  p.bob.transfer(p.chat, id, 0, TransferAction::start);
  REQUIRE(p.net.settle());
  REQUIRE(p.state(p.bob, id) == AttachmentState::present);
  CHECK(must(p.bob.bytes_of(p.chat, id)) == film);
}
