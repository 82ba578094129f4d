// The account of a store.
#include "client/tables/account_table.h"

#include "client/schema.h"
#include "unit/client/members.h"

using namespace sotto;
using namespace sotto::client;
using namespace sotto::test;

TEST_CASE("An account comes back as it was stored, with its keys") {
  test::People people(1);
  const auto db = must(open_store(":memory:"));
  AccountTable accounts(*db);
  CHECK_FALSE(must(accounts.load()).has_value());
  CHECK(accounts.take_place().code() == ErrorCode::NOT_REGISTERED);

  const auto account = account_of(people.member());
  must(accounts.insert(account));
  CHECK(accounts.insert(account).code() == ErrorCode::ALREADY_EXISTS);  // one a store
  auto back = must(accounts.load()).value();
  CHECK(back.handle == account.handle);
  CHECK(back.user == account.user);
  CHECK(back.device == account.device);
  CHECK(equal(back.identity.private_key.view(), account.identity.private_key.view()));
  CHECK(equal(back.device_key.private_key.view(), account.device_key.private_key.view()));
  CHECK(back.device_list.body() == account.device_list.body());
  CHECK_FALSE(back.registered);
  CHECK(back.incarnation.empty());

  must(accounts.set_registered());
  must(accounts.set_session(7));
  must(accounts.set_ack_no(8));
  must(accounts.set_incarnation(as_bytes("relay")));
  back = must(accounts.load()).value();
  CHECK(back.registered);
  CHECK(back.session == 7);
  CHECK(back.ack_no == 8);
  CHECK(back.incarnation == to_bytes("relay"));

  CHECK(must(accounts.take_place()) == 1);
  CHECK(must(accounts.take_place()) == 2);
  must(accounts.remove());
  CHECK_FALSE(must(accounts.load()).has_value());
}
