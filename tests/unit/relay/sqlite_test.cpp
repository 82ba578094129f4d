// The core over SQLite: what a message costs on disk, what is left of it, and that a restart finds everything.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "relay/backend/sqlite_backend.h"
#include "support/catch.h"
#include "unit/relay/support/relay_world.h"

namespace sotto::relay::test {

namespace {

class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sotto-relay-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

  [[nodiscard]] bool contains(const std::string& text) const {
    for (const auto& file : std::filesystem::directory_iterator(path_)) {
      std::ifstream in(file.path(), std::ios::binary);
      std::stringstream all;
      all << in.rdbuf();
      if (all.str().find(text) != std::string::npos) return true;
    }
    return false;
  }

 private:
  std::string path_;
};

}  // namespace

TEST_CASE("one message to a chat of 500 devices writes less than 64 KiB") {
  Folder folder;
  World world;
  auto backend = SqliteBackend::open(folder.path(), world.random);
  REQUIRE(backend.ok());
  world.start(**backend);
  auto& alice = world.newcomer("alice");
  std::vector<DeviceRef> devices{alice.device()};
  for (int user = 0; user < 50; ++user) {
    auto& link = world.newcomer("user" + std::to_string(user), user == 0 ? 9 : 10);
    for (std::size_t i = 0; i < link.person->phones.size(); ++i) devices.push_back(link.person->device(i));
  }
  REQUIRE(devices.size() == 500);
  Group group;
  REQUIRE(success(alice.ask(create_request(world, group, devices, {alice.person->id}, alice.device()))));
  REQUIRE((*backend)->checkpoint().ok());
  const auto before = (*backend)->wal_size();
  REQUIRE(success(alice.ask(message_request(world, group, 1, std::string(1000, 'x')))));
  CHECK((*backend)->wal_size() - before < 64 * 1024);
  world.core.reset();
}

TEST_CASE("a message that all have acked is nowhere in the files after the checkpoint") {
  Folder folder;
  World world;
  auto backend = SqliteBackend::open(folder.path(), world.random);
  REQUIRE(backend.ok());
  world.start(**backend);
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  const auto group = make_group(world, alice, {bob.person});
  const std::string text = "a text that is found by its letters";
  REQUIRE(success(alice.ask(message_request(world, group, 1, text))));
  CHECK(folder.contains(text));
  alice.ack(group.id, 2);
  bob.ack(group.id, 2);
  world.now_ms += 1000;
  REQUIRE(world.step().checkpoint);
  REQUIRE((*backend)->checkpoint().ok());
  CHECK_FALSE(folder.contains(text));
  world.core.reset();
}

}  // namespace sotto::relay::test
