// This device's key packages, and those of others.
#include "client/key_packages.h"

#include "client/schema.h"
#include "unit/client/members.h"
#include "wire/limits.h"

using namespace sotto;
using namespace sotto::client;
using namespace sotto::test;

namespace {

struct Shelf : test::People {
  Shelf() : People(1), db(must(open_store(":memory:"))), context(*db, random, log, {}) {
    context.account = account_of(alice);
    context.now = noon;
  }
  [[nodiscard]] wire::CheckedCertificate certificate(const Member& of) const {
    return must(wire::check_credential(of.credential));
  }
  Bytes package() { return mls::to_message(make_key_package_for(*context.account, noon, random).key_package); }
  std::optional<ErrorCode> checked(ByteView message, Timestamp at = noon) {
    return check_key_package(message, certificate(alice), at).code();
  }
  std::int64_t rows(std::string_view where) {
    return must(db->one<std::int64_t>("SELECT count(*) FROM key_package WHERE " + std::string(where))).value();
  }

  Member& alice = member();
  Logger log;
  std::unique_ptr<store::Database> db;
  Context context;
};

}  // namespace

TEST_CASE("A key package is this device's, valid from a day ago for 90 days") {
  Shelf shelf;
  const auto package = shelf.package();
  const auto key_package = must(check_key_package(package, shelf.certificate(shelf.alice), noon));
  CHECK(must(check_leaf(key_package.leaf_node)).device == shelf.alice.device);
  CHECK_FALSE(shelf.checked(package, noon - std::chrono::hours(24)));
  CHECK_FALSE(shelf.checked(package, noon + std::chrono::hours(24 * 90)));
  const std::chrono::seconds second{1};
  CHECK(shelf.checked(package, noon - std::chrono::hours(24) - second) == ErrorCode::CERTIFICATE_REFUSED);
  CHECK(shelf.checked(package, noon + std::chrono::hours(24 * 90) + second) == ErrorCode::CERTIFICATE_REFUSED);
  CHECK(shelf.package() != package);
}

TEST_CASE("A key package of another device than the list's is refused") {
  Shelf shelf;
  auto& bob = shelf.member();
  CHECK(shelf.checked(mls::to_message(shelf.key_package(bob))) == ErrorCode::CERTIFICATE_REFUSED);
  auto& other_device = shelf.device(*shelf.alice.person);
  CHECK(shelf.checked(mls::to_message(shelf.key_package(other_device))) == ErrorCode::CERTIFICATE_REFUSED);
  auto& other_era = shelf.device(*shelf.alice.person, shelf.alice.device, 2);
  CHECK(shelf.checked(mls::to_message(shelf.key_package(other_era))) == ErrorCode::CERTIFICATE_REFUSED);
  SECTION("and so is one that names this device without its certificate") {
    bob.credential = shelf.alice.credential;
    CHECK(shelf.checked(mls::to_message(shelf.key_package(bob))) == ErrorCode::CERTIFICATE_REFUSED);
  }
}

TEST_CASE("A key package that is damaged, or of a client that knows no chats, is refused") {
  Shelf shelf;
  const auto package = shelf.package();
  auto damaged = package;
  damaged.back() ^= 1;
  CHECK(shelf.checked(damaged) == ErrorCode::BAD_SIGNATURE);
  CHECK(shelf.checked(ByteView(package).first(package.size() - 1)) == ErrorCode::MALFORMED);
  CHECK(shelf.checked({}) == ErrorCode::MALFORMED);
  mls::KeyPackageParams plain;
  plain.identity = shelf.alice.credential;
  plain.lifetime = {0, UINT64_MAX};
  const auto unable = mls::make_key_package(plain, shelf.alice.key, shelf.random);
  CHECK(shelf.checked(mls::to_message(unable.key_package)) == ErrorCode::UNSUPPORTED);
}

TEST_CASE("The relay's stock is filled up to 100, with one last resort") {
  Shelf shelf;
  const auto first = must(restock(shelf.context, 0));
  CHECK(first.key_packages_size() == 100);
  CHECK_FALSE(first.last_resort().empty());
  CHECK(shelf.rows("last_resort = 0") == 100);
  CHECK(shelf.rows("last_resort = 1") == 1);
  for (const auto& package : first.key_packages()) {
    CHECK(package.size() <= wire::limits::key_package_bytes);
    const auto checked = must(check_key_package(wire::view(package), shelf.certificate(shelf.alice), noon));
    const auto own = must(shelf.context.key_packages.find(checked.ref()));
    REQUIRE(own.has_value());
    CHECK(own->key_package.init_key == checked.init_key);
  }
  SECTION("what was not confirmed is given again as it was, and nothing new") {
    const auto again = must(restock(shelf.context, 20));
    CHECK(wire::serialize(again) == wire::serialize(first));
    CHECK(shelf.rows("1") == 101);
  }
  SECTION("one that came back in a Welcome confirms all that were sent with it") {
    const auto used = must(check_key_package(wire::view(first.key_packages(7)), shelf.certificate(shelf.alice), noon));
    must(shelf.context.key_packages.remove_one_time(used.ref()));
    CHECK(must(restock(shelf.context, 99)).key_packages_size() == 1);
  }
  must(shelf.context.key_packages.set_published());
  SECTION("what nobody can use any more is forgotten") {
    shelf.context.now += std::chrono::hours(24 * 126);
    CHECK(must(restock(shelf.context, 100)).key_packages_size() == 0);
    CHECK(shelf.rows("last_resort = 0") == 0);
    CHECK(shelf.rows("last_resort = 1") == 1);
  }
  SECTION("a relay that asks again and again gets a thousand at most") {
    for (int i = 0; i < 12; ++i) {
      must(restock(shelf.context, 0));
      must(shelf.context.key_packages.set_published());
    }
    CHECK(shelf.rows("last_resort = 0") == 1000);
  }
  SECTION("nothing is added to a full one") {
    CHECK(must(restock(shelf.context, 100)).key_packages_size() == 0);
    CHECK(must(restock(shelf.context, 1000)).key_packages_size() == 0);
    CHECK(shelf.rows("1") == 101);
  }
  SECTION("what is missing is added; the last resort is the one that there is") {
    const auto more = must(restock(shelf.context, 97));
    CHECK(more.key_packages_size() == 3);
    CHECK(more.last_resort() == first.last_resort());
    CHECK(shelf.rows("1") == 104);
  }
  SECTION("the last resort is replaced after a week; the old one still opens what was made with it") {
    CHECK_FALSE(must(last_resort_due(shelf.context)));
    shelf.context.now += std::chrono::hours(24 * 7) - std::chrono::seconds(1);
    CHECK_FALSE(must(last_resort_due(shelf.context)));
    shelf.context.now += std::chrono::seconds(1);
    CHECK(must(last_resort_due(shelf.context)));
    const auto more = must(restock(shelf.context, 100));
    CHECK_FALSE(more.last_resort().empty());
    CHECK(more.last_resort() != first.last_resort());
    CHECK_FALSE(must(last_resort_due(shelf.context)));
    CHECK(shelf.rows("last_resort = 1") == 2);
  }
}

TEST_CASE("A one-time key package is used once, a last-resort one stays") {
  Shelf shelf;
  auto& table = shelf.context.key_packages;
  const auto once = make_key_package_for(*shelf.context.account, noon, shelf.random);
  const auto last = make_key_package_for(*shelf.context.account, noon, shelf.random);
  must(table.insert(once, false, 1));
  CHECK_FALSE(must(table.last_resort()).has_value());
  CHECK_FALSE(must(table.last_resort_made_at()).has_value());
  must(table.insert(last, true, 5));
  CHECK(must(table.last_resort())->key_package.ref() == last.key_package.ref());
  CHECK(must(table.last_resort_made_at()) == 5);
  must(table.remove_one_time(once.key_package.ref()));
  must(table.remove_one_time(last.key_package.ref()));
  CHECK_FALSE(must(table.find(once.key_package.ref())).has_value());
  CHECK(must(table.find(last.key_package.ref())).has_value());
}
