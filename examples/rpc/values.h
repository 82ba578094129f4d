// What goes out, as JSON; docs/rpc.md says what each field means.
#pragma once

#include <sotto/client.h>

#include <nlohmann/json.hpp>

namespace rpc {

/// Keeps the order in which fields were put in.
using Out = nlohmann::ordered_json;

Out to_json(const sotto::Error& error);
Out to_json(const sotto::Account& account);
Out to_json(const sotto::Chat& chat);
Out to_json(const sotto::Participant& participant);
Out to_json(const sotto::Message& message);
Out to_json(const sotto::Attachment& attachment, std::size_t index);
Out to_json(const sotto::LoggedEvent& event);
Out to_json(const sotto::Receipt& receipt);
Out to_json(const sotto::Profile& profile);
Out to_json(const sotto::Person& person);
Out to_json(const sotto::PrivacySettings& settings);
template <typename Tag>
Out to_json(const sotto::Id<Tag>& id) {
  return id.to_string();
}

std::string_view kind_name(sotto::AttachmentKind kind);
std::string_view state_name(sotto::ConnectionState state);
std::int64_t milliseconds(sotto::Timestamp time);

template <typename T>
Out list_of(const std::vector<T>& values) {
  auto out = Out::array();
  for (const auto& value : values) out.push_back(to_json(value));
  return out;
}

}  // namespace rpc
