// What the runners of the vector types share: one entry of a file, its values, and what was wrong with it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "mls/codec.h"
#include "mls/types.h"

namespace sotto::vectors {

using nlohmann::json;

/// One entry of a vector file while it is checked.
class Case {
 public:
  explicit Case(const json& entry) : entry_(entry) {}
  [[nodiscard]] const json& entry() const { return entry_; }

  /// Notes a failure unless `good`; gives `good` back.
  bool check(bool good, const std::string& what) {
    if (!good) failures_.push_back(what);
    return good;
  }
  bool check_equal(ByteView actual, const json& expected_hex, const std::string& what) {
    const auto expected = expected_hex.get<std::string>();
    return check(to_hex(actual) == expected, what + ": is " + to_hex(actual) + ", expected " + expected);
  }
  /// A later feature or another ciphersuite: the entry does not count.
  void skip(const std::string& why) { skipped_ = why; }

  [[nodiscard]] const std::vector<std::string>& failures() const { return failures_; }
  [[nodiscard]] const std::string& skipped() const { return skipped_; }

 private:
  const json& entry_;
  std::vector<std::string> failures_;
  std::string skipped_;
};

inline Bytes hex(const json& value) { return from_hex(value.get<std::string>()); }

/// The struct in a field, or nothing with a failure noted.
template <typename T>
std::optional<T> parse(Case& it, const json& hex_value, const std::string& what) {
  auto out = mls::decode<T>(hex(hex_value));
  if (!it.check(out.ok(), what + " does not parse")) return std::nullopt;
  return std::move(out).value();
}

template <typename Array>
Array array_from(const json& hex_value) {
  Array out;
  assign_exact(out, hex(hex_value));
  return out;
}

using Runner = void (*)(Case&);

// One function a type; those of another ciphersuite are skipped before they are called.
void run_tree_math(Case& it);
void run_crypto_basics(Case& it);
void run_secret_tree(Case& it);
void run_message_protection(Case& it);
void run_key_schedule(Case& it);
void run_psk_secret(Case& it);
void run_transcript_hashes(Case& it);
void run_welcome(Case& it);
void run_tree_operations(Case& it);
void run_tree_validation(Case& it);
void run_treekem(Case& it);
void run_messages(Case& it);
void run_deserialization(Case& it);
void run_passive_client(Case& it);

}  // namespace sotto::vectors
