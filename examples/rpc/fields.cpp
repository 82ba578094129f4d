#include "rpc/fields.h"

#include "rpc/base64.h"

namespace rpc {

using sotto::Error;
using sotto::ErrorCode;

std::string shortened(std::string_view text) {
  constexpr std::size_t most = 64;
  if (text.size() <= most) return std::string(text);
  auto end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;  // not inside a code point
  return std::string(text.substr(0, end)) + "…";
}

void Fields::refuse(const std::string& name, const std::string& what) {
  if (!problem_) problem_ = Error(ErrorCode::INVALID_ARGUMENT, name + " " + what);
}

const Json* Fields::find(const std::string& name, Needed needed) {
  known_.insert(name);
  const auto found = object_.find(name);
  if (found != object_.end()) return &*found;
  if (needed == Needed::yes) refuse(name, "is missing");
  return nullptr;
}

std::optional<std::string> Fields::text_if(const std::string& name, Needed needed) {
  const auto* value = find(name, needed);
  if (value == nullptr) return std::nullopt;
  if (value->is_string()) return value->get<std::string>();
  refuse(name, "must be a string");
  return std::nullopt;
}

std::vector<std::string> Fields::list(const std::string& name, Needed needed, std::size_t least, std::size_t most) {
  const auto* value = find(name, needed);
  if (value == nullptr) return {};
  std::vector<std::string> out;
  const bool fits = value->is_array() && value->size() >= least && value->size() <= most;
  for (std::size_t i = 0; fits && i < value->size(); ++i) {
    if (!(*value)[i].is_string()) break;
    out.push_back((*value)[i].get<std::string>());
  }
  if (!fits || out.size() != value->size()) {
    refuse(name, "must be a list of " + std::to_string(least) + " to " + std::to_string(most) + " strings");
    return {};
  }
  return out;
}

std::optional<std::int64_t> Fields::integer(const std::string& name, Needed needed, std::int64_t least,
                                            std::int64_t most) {
  const auto* value = find(name, needed);
  if (value == nullptr) return std::nullopt;
  // An unsigned one above 2^63 would come out negative.
  const bool fits = value->is_number_integer() &&
                    !(value->is_number_unsigned() && value->get<std::uint64_t>() > std::uint64_t{INT64_MAX}) &&
                    value->get<std::int64_t>() >= least && value->get<std::int64_t>() <= most;
  if (fits) return value->get<std::int64_t>();
  refuse(name, "must be an integer from " + std::to_string(least) + " to " + std::to_string(most));
  return std::nullopt;
}

std::int64_t Fields::number(const std::string& name, std::int64_t least, std::int64_t most) {
  return integer(name, Needed::yes, least, most).value_or(least);
}

std::optional<std::int64_t> Fields::number_if(const std::string& name, std::int64_t least, std::int64_t most) {
  return integer(name, Needed::no, least, most);
}

bool Fields::flag(const std::string& name) {
  const auto* value = find(name, Needed::yes);
  if (value == nullptr) return false;
  if (!value->is_boolean()) refuse(name, "must be true or false");
  return value->is_boolean() && value->get<bool>();
}

std::optional<std::vector<std::uint8_t>> Fields::bytes_if(const std::string& name) {
  const auto text = text_if(name, Needed::no);
  if (!text) return std::nullopt;
  auto bytes = from_base64(*text);
  if (!bytes) refuse(name, "must be base64");
  return bytes;
}

std::optional<std::string> Fields::path_if(const std::string& name) {
  auto path = text_if(name, Needed::no);
  if (path && (path->empty() || path->front() != '/' || path->find('\0') != std::string::npos)) {
    refuse(name, "must be absolute");
  }
  return path;
}

std::optional<bool> Fields::flag_if(const std::string& name) {
  const auto* value = find(name, Needed::no);
  if (value == nullptr) return std::nullopt;
  if (value->is_boolean()) return value->get<bool>();
  refuse(name, "must be true or false");
  return std::nullopt;
}

std::optional<Error> Fields::problem() {
  if (problem_) return problem_;
  for (const auto& [name, value] : object_.items()) {
    if (!known_.contains(name)) return Error(ErrorCode::INVALID_ARGUMENT, "unknown field " + shortened(name));
  }
  return std::nullopt;
}

}  // namespace rpc
