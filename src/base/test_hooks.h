// Marks for the simulator (tests/sim): rare branches that it has to reach, bugs that it has to find, and keys that must
// not be used twice. Compiled in with SOTTO_TEST_HOOKS only; what is shipped has nothing of this.
#pragma once

#ifdef SOTTO_TEST_HOOKS

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "base/bytes.h"

namespace sotto::test_hooks {

enum class RareBranch : std::size_t {
#define SOTTO_RARE_BRANCH(name, what) name,
#include "base/test_hooks.def"
  count_
};

enum class Plant : std::size_t {
#define SOTTO_PLANT(since, name, what) name,
#include "base/test_hooks.def"
  count_
};

inline constexpr std::array rare_names = {
#define SOTTO_RARE_BRANCH(name, what) std::string_view(#name),
#include "base/test_hooks.def"
};
inline constexpr std::array plant_names = {
#define SOTTO_PLANT(since, name, what) std::string_view(#name),
#include "base/test_hooks.def"
};
inline std::optional<Plant> find_plant(std::string_view name) {
  for (std::size_t i = 0; i < plant_names.size(); ++i) {
    if (plant_names[i] == name) return static_cast<Plant>(i);
  }
  return std::nullopt;
}

struct Hooks {
  std::array<std::uint64_t, static_cast<std::size_t>(RareBranch::count_)> reached{};
  std::optional<Plant> planted;
  /// A message key was used: the key, and what it sealed.
  std::function<void(ByteView key, ByteView ciphertext)> sealed;
};

/// Of the thread that the simulation runs on.
inline thread_local Hooks* current = nullptr;

inline void reach(RareBranch branch) {
  if (current != nullptr) ++current->reached[static_cast<std::size_t>(branch)];
}
inline bool planted(Plant plant) { return current != nullptr && current->planted == plant; }
inline void sealed(ByteView key, ByteView ciphertext) {
  if (current != nullptr && current->sealed) current->sealed(key, ciphertext);
}

}  // namespace sotto::test_hooks

#define SOTTO_RARE(name) ::sotto::test_hooks::reach(::sotto::test_hooks::RareBranch::name)
#define SOTTO_PLANTED(name) ::sotto::test_hooks::planted(::sotto::test_hooks::Plant::name)
#define SOTTO_SEALED(key, ciphertext) ::sotto::test_hooks::sealed(key, ciphertext)

#else

#define SOTTO_RARE(name) static_cast<void>(0)
#define SOTTO_PLANTED(name) false
#define SOTTO_SEALED(key, ciphertext) static_cast<void>(0)

#endif
