// The commands by name.
#pragma once

#include <string>

#include "rpc/fields.h"
#include "rpc/peer.h"

namespace rpc {

/// Rows of a list that are given at once, and how many if a command does not say.
inline constexpr std::int64_t most_rows = 200;
inline constexpr std::int64_t usual_rows = 50;

/// One command on its way.
struct Call {
  Service& service;
  Peer& peer;
  Fields fields;
  Reply reply;

  sotto::Client& client() { return service.client(); }
  /// Answers if a field is wrong; then nothing is carried out.
  bool refused() {
    const auto problem = fields.problem();
    if (problem) reply.error(*problem);
    return problem.has_value();
  }
  std::size_t limit() { return static_cast<std::size_t>(fields.number_if("limit", 1, most_rows).value_or(usual_rows)); }

  /// Ends a command that gives nothing.
  [[nodiscard]] sotto::Completion<void> done() const {
    return [to = reply](const sotto::Status& status) { to.done(status); };
  }
  template <typename T>
  void answer(const sotto::Result<T>& value) const {
    if (!value.ok()) return reply.error(value.error());
    reply.result(to_json(*value));
  }
  template <typename T>
  void answer(const sotto::Result<std::vector<T>>& values, const char* name) const {
    if (!values.ok()) return reply.error(values.error());
    reply.result({{name, list_of(*values)}});
  }
};

using Handler = void (*)(Call&);

/// Null if there is no such command.
Handler find_command(const std::string& name);

}  // namespace rpc
