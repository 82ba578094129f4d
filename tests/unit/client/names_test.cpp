// The English names of states.
#include "sotto/event.h"
#include "support/catch.h"

using namespace sotto;

TEST_CASE("Every state has a name of its own") {
  CHECK(to_string(ChatStatus::creating) == "creating");
  CHECK(to_string(ChatStatus::must_rejoin) == "must rejoin");
  CHECK(to_string(ChatStatus::update_needed) == "update needed");
  CHECK(to_string(MessageState::queued) == "queued");
  CHECK(to_string(MessageState::delivered) == "delivered");
  CHECK(to_string(MessageState::received) == "received");
  CHECK(to_string(ConnectionState::catching_up) == "catching up");
  CHECK(to_string(ConnectionState::online) == "online");
  SECTION("and a number of a newer version is no crash") {
    CHECK(to_string(static_cast<ChatStatus>(99)) == "unknown");
    CHECK(to_string(static_cast<MessageState>(99)) == "unknown");
    CHECK(to_string(static_cast<ConnectionState>(99)) == "unknown");
  }
}
