#include "faults/scene.h"

#include "client/schema.h"
#include "sim/disk.h"
#include "support/catch.h"

namespace sotto::test {

namespace {

/// The device's store in memory, as a file with the settings of one.
Files files_of(const TestDevice& device) {
  sim::Disk disk(1);
  const auto copied =
      device.db->execute_script("VACUUM INTO 'file:" + std::string(store_path) + "?vfs=" + disk.vfs_name() + "'");
  INFO((copied.ok() ? std::string() : copied.error().message));
  REQUIRE(copied.ok());
  REQUIRE(client::open_store(store_path, disk.vfs_name(), store::Sharing::no_lease).ok());
  Files out;
  for (const auto& name : disk.files()) out.emplace_back(name, disk.content(name));
  return out;
}

}  // namespace

SceneMaker::SceneMaker() : alice(net.add("alice")), bob(net.add("bob")), carol(net.add("carol")) {
  chat = alice.group({&bob}, "friends");
  alice.send(chat, "hello");
  REQUIRE(net.settle());
  bob.send(chat, "hello, too");
  REQUIRE(net.settle());
}

void SceneMaker::switch_off(TestDevice& device) {
  device.go_offline();
  net.run_for(std::chrono::milliseconds(1000));
  stores_[&device] = files_of(device);
}

Scene SceneMaker::scene_of(const TestDevice& device) {
  REQUIRE(net.settle());
  const auto& other = &device == &carol ? alice : carol;
  return {stores_.at(&device), net.disk->restored(net.random), net.disk->incarnation(), net.now, chat, device.user,
          other.user};
}

}  // namespace sotto::test
