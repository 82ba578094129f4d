#include "base/log.h"

#include <stdexcept>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "support/catch.h"

using namespace sotto;

namespace {

struct Lines {
  std::vector<std::pair<LogLevel, std::string>> lines;
  LogSink sink() {
    return [this](LogLevel level, std::string_view line) { lines.emplace_back(level, std::string(line)); };
  }
};

std::string hashed(const Logger& logger, Lines& lines, const auto& id) {
  logger.info(id);
  return lines.lines.back().second;
}

}  // namespace

TEST_CASE("a line is put together from text, numbers, truth values and error codes") {
  Lines lines;
  const Logger logger(lines.sink(), LogLevel::debug, {});
  const std::string text = "text";
  logger.info("sent ", 3, " of ", std::size_t{18446744073709551615U}, ", ", std::int64_t{INT64_MIN}, ", ", true, " ",
              text, " ", std::string_view("view"), ": ", ErrorCode::RATE_LIMITED);
  REQUIRE(lines.lines.size() == 1);
  CHECK(lines.lines[0].first == LogLevel::info);
  CHECK(lines.lines[0].second == "sent 3 of 18446744073709551615, -9223372036854775808, true text view: RATE_LIMITED");
}

TEST_CASE("lines below the least level are dropped") {
  Lines lines;
  const Logger logger(lines.sink(), LogLevel::warning, {});
  logger.debug("d");
  logger.info("i");
  logger.warning("w");
  logger.error("e");
  CHECK(lines.lines == std::vector<std::pair<LogLevel, std::string>>{{LogLevel::warning, "w"}, {LogLevel::error, "e"}});
  CHECK(logger.enabled(LogLevel::warning));
  CHECK_FALSE(logger.enabled(LogLevel::info));
}

TEST_CASE("a logger without a sink writes nothing") {
  const Logger none;
  none.error("e");
  CHECK_FALSE(none.enabled(LogLevel::error));
  CHECK_FALSE(Logger(nullptr, LogLevel::debug, {}).enabled(LogLevel::error));
}

TEST_CASE("what a sink throws goes nowhere") {
  int calls = 0;
  const Logger logger(
      [&](LogLevel, std::string_view) {
        ++calls;
        throw std::runtime_error("the app's own trouble");
      },
      LogLevel::debug, {});
  logger.error("one");
  logger.error("two");
  CHECK(calls == 2);
}

TEST_CASE("ids appear as hashes under the key of the log") {
  Lines lines;
  SipKey key{};
  key[0] = 1;
  const Logger logger(lines.sink(), LogLevel::debug, key);
  UserId id;
  id.bytes.fill(0xAB);
  const auto hash = hashed(logger, lines, id);
  CHECK(hash.size() == 17);
  CHECK(hash[0] == '#');
  CHECK(hash.find(id.to_string().substr(0, 8)) == std::string::npos);
  CHECK(hashed(logger, lines, id) == hash);

  auto other = id;
  other.bytes[15] ^= 1;
  CHECK(hashed(logger, lines, other) != hash);
  const Logger of_another_client(lines.sink(), LogLevel::debug, {});
  CHECK(hashed(of_another_client, lines, id) != hash);
}

TEST_CASE("bytes and secrets are no part of a line") {
  STATIC_REQUIRE(LogPart<std::string>);
  STATIC_REQUIRE(LogPart<ChatId>);
  STATIC_REQUIRE(LogPart<char[4]>);
  STATIC_REQUIRE_FALSE(LogPart<Bytes>);
  STATIC_REQUIRE_FALSE(LogPart<ByteView>);
  STATIC_REQUIRE_FALSE(LogPart<SecretBytes>);
  STATIC_REQUIRE_FALSE(LogPart<SecretArray<struct TestTag, 32>>);
  STATIC_REQUIRE_FALSE(LogPart<ByteArray<struct TestTag, 32>>);
  STATIC_REQUIRE_FALSE(LogPart<std::uint8_t>);
}
