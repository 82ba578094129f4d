#include "wire/phone_number.h"

#include <algorithm>
#include <cstdint>

namespace sotto::wire {

namespace {

struct CodeRange {
  std::uint16_t first;
  std::uint16_t last;
};

// ITU-T E.164, list of assigned country codes (2016, and since then 997). No code is the beginning of another.
constexpr CodeRange one_digit[] = {{1, 1}, {7, 7}};
constexpr CodeRange two_digits[] = {
    {20, 20}, {27, 27}, {30, 34}, {36, 36}, {39, 41}, {43, 49}, {51, 58},
    {60, 66}, {81, 82}, {84, 84}, {86, 86}, {90, 95}, {98, 98},
};
constexpr CodeRange three_digits[] = {
    {211, 213}, {216, 216}, {218, 218}, {220, 258}, {260, 269}, {290, 291}, {297, 299}, {350, 359},
    {370, 383}, {385, 387}, {389, 389}, {420, 421}, {423, 423}, {500, 509}, {590, 599}, {670, 670},
    {672, 683}, {685, 692}, {800, 800}, {808, 808}, {850, 850}, {852, 853}, {855, 856}, {870, 870},
    {878, 878}, {880, 883}, {886, 886}, {888, 888}, {960, 968}, {970, 977}, {979, 979}, {992, 998},
};

template <std::size_t N>
bool begins_with_one_of(const CodeRange (&codes)[N], std::string_view digits, std::size_t length) {
  unsigned number = 0;
  for (const char digit : digits.substr(0, length)) number = number * 10 + static_cast<unsigned>(digit - '0');
  return std::ranges::any_of(codes, [&](const CodeRange& r) { return r.first <= number && number <= r.last; });
}

}  // namespace

Status check_phone_number(std::string_view digits) {
  const bool numeric = std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
  if (!numeric || digits.size() < 7 || digits.size() > 15) {
    return Error(ErrorCode::INVALID_ARGUMENT, "a phone number is + and 7 to 15 digits (E.164)");
  }
  if (!begins_with_one_of(one_digit, digits, 1) && !begins_with_one_of(two_digits, digits, 2) &&
      !begins_with_one_of(three_digits, digits, 3)) {
    return Error(ErrorCode::INVALID_ARGUMENT, "a phone number begins with + and a country code that is assigned");
  }
  return {};
}

}  // namespace sotto::wire
