// Where the admin port listens; what it serves is tested by tests/e2e/admin_test.py.
#include "relay/admin.h"

#include "support/catch.h"

namespace sotto::relay::test {

namespace {

struct Nothing final : AdminSource {
  [[nodiscard]] Metrics metrics() const override { return {}; }
  [[nodiscard]] std::string unready() const override { return {}; }
};

}  // namespace

TEST_CASE("the admin port takes a free port, and tells of a taken one and of what is no address") {
  const Nothing source;
  const auto first = AdminServer::start({}, source);
  REQUIRE(first.ok());
  CHECK((*first)->port() != 0);
  const auto second = AdminServer::start({"127.0.0.1", (*first)->port()}, source);
  CHECK(second.code() == ErrorCode::ADDRESS_IN_USE);
  CHECK(second.error().message.starts_with("admin port"));
  CHECK(AdminServer::start({"localhost", 0}, source).code() == ErrorCode::INVALID_ARGUMENT);
}

TEST_CASE("what is of this machine only is known") {
  for (const char* address : {"127.0.0.1", "127.9.9.9", "::1"}) CHECK(is_loopback(address));
  for (const char* address : {"0.0.0.0", "::", "192.0.2.1", "localhost", "", "127.0.0.1.example.org"}) {
    CHECK_FALSE(is_loopback(address));
  }
}

}  // namespace sotto::relay::test
