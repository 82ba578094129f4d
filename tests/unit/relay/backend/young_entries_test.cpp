#include "relay/backend/young_entries.h"

#include "base/random.h"
#include "support/catch.h"
#include "unit/relay/backend/forms.h"

namespace sotto::relay::test {

namespace {

/// What is there, by log: the first seq and the entries.
using Model = std::map<LogId, std::map<std::uint64_t, Bytes>>;

Model contents(const YoungEntries& young, std::uint8_t logs) {
  Model out;
  for (std::uint8_t i = 0; i < logs; ++i) {
    const auto range = young.range(log_id(i));
    if (!range) continue;
    for (auto seq = range->first; seq <= range->second; ++seq) {
      out[log_id(i)][seq] = to_bytes(young.at(log_id(i), seq));
    }
  }
  return out;
}

std::size_t count(const Model& model) {
  std::size_t out = 0;
  for (const auto& [log, entries] : model) out += entries.size();
  return out;
}

}  // namespace

TEST_CASE("what is young is what was appended and not trimmed, whatever is rolled back or loaded again", "[backend]") {
  SeededRandom random(GENERATE(range(1U, 6U)));
  constexpr std::uint8_t logs = 4;
  auto young = std::make_unique<YoungEntries>();
  std::map<std::uint64_t, Bytes> disk;
  std::map<LogId, std::uint64_t> trimmed;
  std::array<std::uint64_t, logs> last{};
  Model model;
  for (int run = 0; run < 300; ++run) {
    const auto before = std::tuple(model, trimmed, last);
    for (auto calls = random.below(12); calls > 0; --calls) {
      const auto i = static_cast<std::uint8_t>(random.below(logs));
      const auto log = log_id(i);
      if (random.below(3) > 0) {
        Bytes record(static_cast<std::size_t>(random.below(40)));
        random.fill(record);
        young->append(log, ++last[i], record);
        model[log][last[i]] = record;
        continue;
      }
      const auto up_to = random.below(last[i] + 1);
      const auto expected = static_cast<std::size_t>(
          std::ranges::count_if(model[log], [&](const auto& entry) { return entry.first <= up_to; }));
      REQUIRE(young->trim(log, up_to) == expected);
      std::erase_if(model[log], [&](const auto& entry) { return entry.first <= up_to; });
      if (expected > 0) trimmed[log] = up_to;
    }
    std::erase_if(model, [](const auto& log) { return log.second.empty(); });
    REQUIRE(contents(*young, logs) == model);
    REQUIRE(young->count() == count(model));
    if (random.below(4) == 0) {
      young->roll_back();
      std::tie(model, trimmed, last) = before;
    } else {
      for (const auto id : young->dead()) REQUIRE(disk.erase(id) == 1);
      for (const auto* segment : young->appended()) REQUIRE(disk.emplace(segment->id, segment->bytes).second);
      young->commit();
    }
    REQUIRE(contents(*young, logs) == model);
    REQUIRE(young->segments() == disk.size());
    if (random.below(20) != 0) continue;
    young = std::make_unique<YoungEntries>();
    for (const auto& [id, bytes] : disk)
      REQUIRE(young->load(id, bytes, [&](const LogId& log) { return trimmed[log]; }));
    young->commit();
    REQUIRE(contents(*young, logs) == model);
    REQUIRE(young->segments() == disk.size());
  }
}

TEST_CASE("a damaged segment is told", "[backend]") {
  YoungEntries young;
  young.append(log_id(1), 1, text("a"));
  young.append(log_id(1), 2, text("b"));
  const auto bytes = young.appended().front()->bytes;
  const auto loads = [](const Bytes& damaged) {
    return YoungEntries().load(1, damaged, [](const LogId&) { return 0U; });
  };
  REQUIRE(loads(bytes));
  CHECK_FALSE(loads(Bytes(bytes.begin(), bytes.end() - 1)));
  CHECK_FALSE(loads(concat({bytes, bytes})));
  CHECK_FALSE(loads(concat({bytes, text("c")})));
  YoungEntries beyond;
  beyond.append(log_id(1), std::uint64_t{INT64_MAX} + 1, text("a"));
  CHECK_FALSE(loads(beyond.appended().front()->bytes));
}

}  // namespace sotto::relay::test
