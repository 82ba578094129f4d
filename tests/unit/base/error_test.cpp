#include "sotto/error.h"

#include <map>
#include <set>

#include "support/catch.h"

using namespace sotto;

namespace {

struct Listed {
  ErrorCode code;
  std::string_view name;
  int number;
  bool retryable;
  std::string_view text;
};

const std::vector<Listed>& listed() {
  static const std::vector<Listed> all = {
#define SOTTO_ERROR(name, number, retryable, text) {ErrorCode::name, #name, number, retryable, text},
#include "sotto/error_codes.def"
#undef SOTTO_ERROR
  };
  return all;
}

// Sent, stored, and compiled into apps: a number that is here never changes its meaning.
const std::map<std::string_view, int>& published() {
  static const std::map<std::string_view, int> numbers = {
      {"INVALID_ARGUMENT", 1}, {"NOT_FOUND", 2},         {"ALREADY_EXISTS", 3},        {"IN_USE", 4},
      {"CLOSED", 5},           {"CANCELLED", 6},         {"NOT_REGISTERED", 7},        {"IO_ERROR", 8},
      {"DISK_FULL", 9},        {"CORRUPT", 10},          {"NEWER_SCHEMA", 11},         {"INTERNAL", 12},
      {"LIMIT_EXCEEDED", 13},  {"CONFLICT", 14},         {"OUT_OF_MEMORY", 15},        {"MALFORMED", 100},
      {"UNSUPPORTED", 101},    {"BAD_SIGNATURE", 102},   {"DECRYPTION_FAILED", 103},   {"INVALID_COMMIT", 104},
      {"CANNOT_FOLLOW", 105},  {"WRONG_EPOCH", 106},     {"KEY_CONSUMED", 107},        {"GENERATION_TOO_FAR", 108},
      {"INVALID_KEY", 109},    {"NOT_A_MEMBER", 110},    {"UNAUTHENTICATED", 200},     {"UNKNOWN_COMMAND", 201},
      {"FORBIDDEN", 202},      {"NOT_PARTICIPANT", 203}, {"UNKNOWN_CHAT", 204},        {"UNKNOWN_USER", 205},
      {"HANDLE_TAKEN", 206},   {"EXISTS", 207},          {"STALE_GENERATION", 208},    {"STALE_EPOCH", 209},
      {"EPOCH_CONFLICT", 210}, {"ROSTER_MISMATCH", 211}, {"OUT_OF_ORDER", 212},        {"TOO_LARGE", 213},
      {"RATE_LIMITED", 214},   {"ROLLED_BACK", 215},     {"LIST_CONFLICT", 216},       {"NO_KEY_PACKAGES", 217},
      {"SUSPENDED", 218},      {"LEAVE_PENDING", 219},   {"CERTIFICATE_REFUSED", 220}, {"REPLACED", 221},
      {"UNAVAILABLE", 300},    {"TIMED_OUT", 301},       {"TLS_FAILED", 302},          {"PROTOCOL_ERROR", 303},
      {"ADDRESS_IN_USE", 304}, {"MUST_REJOIN", 400},     {"UPDATE_NEEDED", 401},       {"NOT_JOINED", 402},
      {"REMOVED", 403},
  };
  return numbers;
}

}  // namespace

TEST_CASE("error codes have names and numbers of their own") {
  std::set<std::string_view> names;
  std::set<int> numbers;
  for (const auto& error : listed()) {
    CHECK(names.insert(error.name).second);
    CHECK(numbers.insert(error.number).second);
    CHECK(error.number > 0);
    CHECK(static_cast<int>(error.code) == error.number);
  }
}

TEST_CASE("published error codes keep their numbers") {
  std::map<std::string_view, int> now;
  for (const auto& error : listed()) now[error.name] = error.number;
  for (const auto& [name, number] : published()) {
    INFO(std::string(name));
    REQUIRE(now.contains(name));
    CHECK(now[name] == number);
  }
}

TEST_CASE("every code tells its name, its text and whether to try again") {
  for (const auto& error : listed()) {
    CHECK(error_name(error.code) == error.name);
    CHECK(error_text(error.code) == error.text);
    CHECK_FALSE(error_text(error.code).empty());
    CHECK(error_retryable(error.code) == error.retryable);
  }
}

TEST_CASE("a number of a newer version has a name too") {
  const auto newer = static_cast<ErrorCode>(99999);
  CHECK(error_name(newer) == "UNKNOWN");
  CHECK_FALSE(error_text(newer).empty());
  CHECK_FALSE(error_retryable(newer));
}

TEST_CASE("an error has the text and the retryability of its code") {
  const Error plain(ErrorCode::EPOCH_CONFLICT);
  CHECK(plain.message == error_text(ErrorCode::EPOCH_CONFLICT));
  CHECK(plain.retryable);
  CHECK(plain.retry_after.count() == 0);
  const Error detailed(ErrorCode::MALFORMED, "at byte 7");
  CHECK(detailed.message == "at byte 7");
  CHECK_FALSE(detailed.retryable);
}
