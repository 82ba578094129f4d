// E.164 phone numbers: "+", the country code, and the rest, 7 to 15 digits in all.
#pragma once

#include <string_view>

#include "sotto/result.h"

namespace sotto::wire {

/// The digits behind the "+". That the number is in use, or may be, nobody but the network knows: looked at are its
/// length and whether the ITU has assigned the country code. Errors: INVALID_ARGUMENT.
Status check_phone_number(std::string_view digits);

}  // namespace sotto::wire
