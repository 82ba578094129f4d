// The fields of one command: each is read with its type and range, and what was not read is not known.
#pragma once

#include <sotto/client.h>

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rpc {

/// What comes in. Its objects are trees: one with many fields costs no more than its size.
using Json = nlohmann::json;

/// Reads never fail by themselves: the first thing that is wrong is kept, and `problem` tells it.
class Fields {
 public:
  template <typename T>
  using Words = std::initializer_list<std::pair<std::string_view, T>>;

  /// `object` must outlive this.
  explicit Fields(const Json& object) : object_(object) {}

  std::string text(const std::string& name) { return text_if(name, Needed::yes).value_or(std::string()); }
  std::optional<std::string> text_if(const std::string& name) { return text_if(name, Needed::no); }
  /// A list of texts with at least one and at most `most`.
  std::vector<std::string> texts(const std::string& name, std::size_t most) { return list(name, Needed::yes, 1, most); }
  /// The same, which may be missing or empty.
  std::vector<std::string> texts_if(const std::string& name, std::size_t most) {
    return list(name, Needed::no, 0, most);
  }
  /// Base64.
  std::optional<std::vector<std::uint8_t>> bytes_if(const std::string& name);
  std::optional<bool> flag_if(const std::string& name);
  std::int64_t number(const std::string& name, std::int64_t least, std::int64_t most);
  std::optional<std::int64_t> number_if(const std::string& name, std::int64_t least, std::int64_t most);
  bool flag(const std::string& name);
  /// A path that means the same to the program that names it and to this one.
  std::optional<std::string> path_if(const std::string& name);
  /// One of some words, each with what it stands for; the first one if the field is wrong.
  template <typename T>
  T choice(const std::string& name, Words<T> words) {
    return pick(name, text_if(name, Needed::yes), words).value_or(words.begin()->second);
  }
  template <typename T>
  std::optional<T> choice_if(const std::string& name, Words<T> words) {
    return pick(name, text_if(name, Needed::no), words);
  }

  template <typename AnyId>
  AnyId id(const std::string& name) {
    return parse_id<AnyId>(name, text_if(name, Needed::yes)).value_or(AnyId{});
  }
  template <typename AnyId>
  std::optional<AnyId> id_if(const std::string& name) {
    return parse_id<AnyId>(name, text_if(name, Needed::no));
  }
  /// A field that is read is wrong for the command.
  void refuse(const std::string& name, const std::string& what);

  /// The first thing that is wrong, a field that nobody has read included. Asked after all fields are read.
  std::optional<sotto::Error> problem();

 private:
  enum class Needed { no, yes };

  const Json* find(const std::string& name, Needed needed);
  std::optional<std::string> text_if(const std::string& name, Needed needed);
  std::vector<std::string> list(const std::string& name, Needed needed, std::size_t least, std::size_t most);
  std::optional<std::int64_t> integer(const std::string& name, Needed needed, std::int64_t least, std::int64_t most);

  template <typename T>
  std::optional<T> pick(const std::string& name, const std::optional<std::string>& text, Words<T> words) {
    if (!text) return std::nullopt;
    std::string all;
    for (const auto& [word, value] : words) {
      if (*text == word) return value;
      all += (all.empty() ? "" : ", ") + std::string(word);
    }
    refuse(name, "must be one of " + all);
    return std::nullopt;
  }
  template <typename AnyId>
  std::optional<AnyId> parse_id(const std::string& name, const std::optional<std::string>& text) {
    if (!text) return std::nullopt;
    const auto id = AnyId::parse(*text);
    if (!id) refuse(name, "must be 32 hexadecimal digits");
    return id;
  }

  const Json& object_;
  std::set<std::string> known_;
  std::optional<sotto::Error> problem_;
};

/// A text from a peer as it may stand in a message: not longer than names are, and valid UTF-8 as it was.
std::string shortened(std::string_view text);

}  // namespace rpc
