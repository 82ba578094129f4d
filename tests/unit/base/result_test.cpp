#include "sotto/result.h"

#include <memory>
#include <string>

#include "base/try.h"
#include "support/catch.h"

using namespace sotto;

namespace {

Result<int> positive(int value) {
  if (value <= 0) return ErrorCode::INVALID_ARGUMENT;
  return value;
}

Status check(int value) {
  SOTTO_TRY(positive(value));
  return {};
}

Result<std::string> sum(int a, int b) {
  SOTTO_TRY_ASSIGN(const int first, positive(a));
  SOTTO_TRY_ASSIGN(const int second, positive(b));
  return std::to_string(first + second);
}

Result<std::unique_ptr<int>> boxed(int value) {
  SOTTO_TRY_ASSIGN(auto number, positive(value));
  return std::make_unique<int>(number);
}

Result<int> unboxed(int value) {
  SOTTO_TRY_ASSIGN(auto box, boxed(value));
  return *box;
}

}  // namespace

TEST_CASE("a result is a value or an error") {
  const Result<int> value = positive(3);
  CHECK(value.ok());
  CHECK(static_cast<bool>(value));
  CHECK(value.value() == 3);
  CHECK_FALSE(value.code().has_value());

  const Result<int> error = positive(0);
  CHECK_FALSE(error.ok());
  CHECK_FALSE(static_cast<bool>(error));
  CHECK(error.code() == ErrorCode::INVALID_ARGUMENT);
  CHECK(error.error().message == error_text(ErrorCode::INVALID_ARGUMENT));
}

TEST_CASE("a status is success or an error") {
  CHECK(Status{}.ok());
  CHECK_FALSE(Status{}.code().has_value());
  const Status failed = Error(ErrorCode::IO_ERROR, "disk");
  CHECK(failed.code() == ErrorCode::IO_ERROR);
  CHECK(failed.error().message == "disk");
}

TEST_CASE("SOTTO_TRY goes on after success and returns the error otherwise") {
  CHECK(check(1).ok());
  CHECK(check(0).code() == ErrorCode::INVALID_ARGUMENT);
}

TEST_CASE("SOTTO_TRY_ASSIGN gives the value or returns the error, twice in one function") {
  CHECK(sum(1, 2).value() == "3");
  CHECK(sum(0, 2).code() == ErrorCode::INVALID_ARGUMENT);
  CHECK(sum(1, 0).code() == ErrorCode::INVALID_ARGUMENT);
}

TEST_CASE("values that can only be moved pass through") {
  CHECK(unboxed(7).value() == 7);
  CHECK(unboxed(-7).code() == ErrorCode::INVALID_ARGUMENT);
  auto box = boxed(8);
  const std::unique_ptr<int> taken = std::move(box).value();
  CHECK(*taken == 8);
}

TEST_CASE("the whole error is passed on, with its message and its advice") {
  const auto source = []() -> Result<int> {
    Error error(ErrorCode::RATE_LIMITED, "slow down");
    error.retry_after = std::chrono::milliseconds(1500);
    return error;
  };
  const auto caller = [&]() -> Result<std::string> {
    SOTTO_TRY_ASSIGN(const int value, source());
    return std::to_string(value);
  };
  const auto result = caller();
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().code == ErrorCode::RATE_LIMITED);
  CHECK(result.error().message == "slow down");
  CHECK(result.error().retryable);
  CHECK(result.error().retry_after == std::chrono::milliseconds(1500));
}
