// Attachments over the public API: two clients and a relay of their own, over wss on loopback.
#include <sys/resource.h>

#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <mutex>

#include "sotto/blocking.h"
#include "sotto/client.h"
#include "sotto/relay.h"
#include "support/catch.h"
#include "support/temp_dir.h"

namespace {

using namespace std::chrono_literals;
using sotto::blocking;

template <typename T>
T must(sotto::Result<T> result) {
  if (!result.ok()) FAIL(result.error().message);
  return std::move(*result);
}

/// Wakes whoever waits for something in the store.
class Changes {
 public:
  void note() {
    const std::lock_guard lock(mutex_);
    ++count_;
    changed_.notify_all();
  }
  template <typename Condition>
  bool wait(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + 300s;
    for (std::size_t seen = 0;;) {
      if (condition()) return true;
      std::unique_lock lock(mutex_);
      if (!changed_.wait_until(lock, end, [&] { return count_ != seen; })) return condition();
      seen = count_;
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t count_ = 0;
};

struct User {
  User(const sotto::Relay& relay, std::string folder, const std::string& handle) : data(std::move(folder)) {
    url = relay.url();
    ca = relay.certificate_path();
    open();
    id = must(blocking<sotto::UserId>([&](auto done) { client->register_account(handle, done); }));
  }
  void open() {
    sotto::ClientConfig config;
    config.data_dir = data;
    config.relay_url = url;
    config.ca_file = ca;
    config.on_event = [this](const sotto::Event&) { changes.note(); };
    client = must(sotto::Client::open(std::move(config)));
  }
  void restart() {
    client.reset();
    open();
  }
  sotto::Attachment attachment(const sotto::ChatId& chat, const sotto::ClientMessageId& message) const {
    const auto found = client->message(chat, message);
    return found.ok() && !found->attachments.empty() ? found->attachments[0] : sotto::Attachment{};
  }
  std::string data, url, ca;
  Changes changes;
  std::unique_ptr<sotto::Client> client;
  sotto::UserId id;
};

/// Alice and Bob at a relay of their own, in a direct chat.
struct Two {
  explicit Two(const sotto::test::TempDir& dir)
      : relay(must(sotto::Relay::start(config(dir)))),
        alice(*relay, dir.file("alice"), "alice"),
        bob(*relay, dir.file("bob"), "bob"),
        chat(must(alice.client->create_direct_chat(bob.id))) {}
  static sotto::RelayConfig config(const sotto::test::TempDir& dir) {
    sotto::RelayConfig out;
    out.data_dir = dir.file("relay");
    return out;
  }
  std::unique_ptr<sotto::Relay> relay;
  User alice;
  User bob;
  sotto::ChatId chat;
};

/// Bytes that no compression and no repetition makes cheap.
std::vector<std::uint8_t> block(std::uint64_t number) {
  std::vector<std::uint8_t> out(64 * 1024);
  std::uint64_t state = number * 0x9E3779B97F4A7C15ULL + 1;
  for (auto& byte : out) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    byte = static_cast<std::uint8_t>(state >> 32);
  }
  return out;
}

long peak_kib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

/// By hand, larger ones: SOTTO_ATTACHMENT_MIB.
std::uint64_t mebibytes() {
  const char* given = std::getenv("SOTTO_ATTACHMENT_MIB");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : 125;
}

}  // namespace

TEST_CASE("A large file goes through clients and relay in bounded memory, across restarts") {
  const std::uint64_t blocks = mebibytes() * 16;
  const sotto::test::TempDir dir;
  const auto source = dir.file("video.mp4");
  {
    std::ofstream file(source, std::ios::binary);
    for (std::uint64_t i = 0; i < blocks; ++i) {
      const auto bytes = block(i);
      file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    }
  }
  Two two(dir);
  auto& alice = two.alice;
  auto& bob = two.bob;
  const auto& chat = two.chat;
  REQUIRE(alice.changes.wait([&] {
    const auto found = alice.client->chat(chat);
    return found.ok() && found->status == sotto::ChatStatus::active;
  }));
  [[maybe_unused]] const auto before = peak_kib();

  sotto::OutgoingAttachment video;
  video.info.kind = sotto::AttachmentKind::video;
  video.info.name = "video.mp4";
  video.path = source;
  const auto sent = must(alice.client->send(chat, "look", {video}));
  const auto text = must(alice.client->send(chat, "meanwhile"));
  REQUIRE(bob.changes.wait([&] { return bob.client->message(chat, text.id).ok(); }));

  // In the middle of the upload.
  REQUIRE(alice.changes.wait([&] {
    const auto now = alice.attachment(chat, sent.id);
    return now.state == sotto::AttachmentState::uploading;
  }));
  alice.restart();
  REQUIRE(bob.changes.wait([&] { return bob.client->message(chat, sent.id).ok(); }));
  CHECK(alice.attachment(chat, sent.id).state == sotto::AttachmentState::present);
  CHECK(bob.attachment(chat, sent.id).state == sotto::AttachmentState::remote);
  CHECK(bob.client->open_attachment(chat, sent.id, 0).code() == sotto::ErrorCode::NOT_FOUND);

  // In the middle of the download.
  bob.client->transfer(chat, sent.id, 0, sotto::TransferAction::start);
  REQUIRE(bob.changes.wait([&] { return bob.attachment(chat, sent.id).transferred > 10'000'000; }));
  bob.restart();
  REQUIRE(bob.changes.wait([&] { return bob.attachment(chat, sent.id).state == sotto::AttachmentState::present; }));

  auto reader = must(bob.client->open_attachment(chat, sent.id, 0));
  CHECK(reader.size() == blocks * 64 * 1024);
  for (std::uint64_t i = 0; i < blocks; ++i) {
    const auto part = must(reader.read());
    if (part != block(i)) FAIL("block " << i << " is another");
  }
  CHECK(must(reader.read()).empty());
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  // Windows of two clients and a relay, their connections and caches; the file is three times as large.
  const auto more = peak_kib() - before;
  std::cout << mebibytes() << " MiB in " << more << " KiB more, at most " << peak_kib() << " KiB\n";
  CHECK(more < 40 * 1024);
#endif
}

TEST_CASE("A file that is gone or damaged on this device says so when it is read, and is fetched again") {
  const sotto::test::TempDir dir;
  Two two(dir);
  auto& alice = two.alice;
  auto& bob = two.bob;
  const auto& chat = two.chat;
  sotto::OutgoingAttachment picture;
  picture.info.kind = sotto::AttachmentKind::image;
  picture.bytes = block(1);
  const auto sent = must(alice.client->send(chat, "look", {picture}));
  const auto is_there = [&] { return bob.attachment(chat, sent.id).state == sotto::AttachmentState::present; };
  REQUIRE(bob.changes.wait(is_there));
  const auto file = [&] {
    const std::filesystem::directory_iterator files(bob.data + "/media");
    REQUIRE(std::distance(begin(files), end(files)) == 1);
    return std::filesystem::directory_iterator(bob.data + "/media")->path();
  };
  const auto fetch = [&] {
    return blocking<void>(
        [&](auto done) { bob.client->transfer(chat, sent.id, 0, sotto::TransferAction::start, done); });
  };

  std::filesystem::remove(file());
  CHECK(bob.client->open_attachment(chat, sent.id, 0).code() == sotto::ErrorCode::NOT_FOUND);
  CHECK(fetch().ok());
  CHECK(must(must(bob.client->open_attachment(chat, sent.id, 0)).read()) == block(1));

  {
    std::fstream bytes(file(), std::ios::binary | std::ios::in | std::ios::out);
    bytes.seekp(1000);
    bytes.write("damaged", 7);
  }
  auto reader = must(bob.client->open_attachment(chat, sent.id, 0));
  CHECK(reader.read().code() == sotto::ErrorCode::CORRUPT);
  CHECK(fetch().ok());
  CHECK(must(must(bob.client->open_attachment(chat, sent.id, 0)).read()) == block(1));

  bob.client.reset();
  CHECK(reader.read().code() == sotto::ErrorCode::CORRUPT);  // It outlives its client.
}
