// Random calls have the same answers from every form, whatever is in one run, and also across reopening.
#include "crypto/hash.h"
#include "forms.h"

namespace sotto::relay::test {
namespace {

std::string told(const BlobState& state) {
  return std::to_string(state.received) + "/" + std::to_string(state.size) + " until " +
         std::to_string(state.expires_at) + " @" + std::to_string(state.revision) + " " + to_hex(state.meta);
}
std::string told(const std::optional<BlobState>& state) { return state ? told(*state) : "none"; }
std::string told(std::uint64_t number) { return std::to_string(number); }
std::string told(const Bytes& bytes) { return to_hex(bytes); }
std::string told(const Record& record) {
  return to_hex(record.key) + "=" + to_hex(record.value) + "@" + std::to_string(record.revision);
}
std::string told(const LogRecord& record) { return std::to_string(record.seq) + ":" + to_hex(record.data); }
std::string told(const LogState& state) {
  return std::to_string(state.first) + ".." + std::to_string(state.last) + " snapshot " +
         std::to_string(state.snapshot_seq) + " " + to_hex(state.snapshot);
}
template <typename T>
std::string told(const std::vector<T>& list) {
  std::string out;
  for (const auto& entry : list) out += told(entry) + ", ";
  return out;
}

/// What the calls were and what they were answered, as text.
class Transcript {
 public:
  template <typename T>
  Backend::Done<T> note(std::string call) {
    return [this, call = std::move(call)](Result<T> result) {
      std::string line = call + " -> ";
      if (!result.ok()) {
        line += error_name(result.error().code);
      } else if constexpr (!std::is_void_v<T>) {
        line += told(*result);
      } else {
        line += "ok";
      }
      lines_.push_back(std::move(line));
    };
  }
  [[nodiscard]] const std::vector<std::string>& lines() const { return lines_; }

 private:
  std::vector<std::string> lines_;
};

void random_call(Backend& b, Random& random, Transcript& to) {
  const auto log = log_id(static_cast<std::uint8_t>(random.below(3)));
  const auto blob = blob_id(static_cast<std::uint8_t>(random.below(2)));
  const auto some = [&] { return random_bytes(random, static_cast<std::size_t>(random.below(6))); };
  // Bytes of few kinds, so that prefixes and orders matter.
  const auto key = [&] {
    Bytes out(1 + static_cast<std::size_t>(random.below(3)));
    for (auto& byte : out) byte = std::array<std::uint8_t, 4>{0, 1, 0xFE, 0xFF}[random.below(4)];
    return out;
  };
  const auto prefix = [&] {
    Bytes out = key();
    out.resize(static_cast<std::size_t>(random.below(out.size() + 1)));
    return out;
  };
  const auto number = random.below(12);
  switch (random.below(16)) {
    case 0:
    case 1:
    case 2:
      return b.append(log, number, some(), to.note<std::uint64_t>("append"));
    case 3:
      return b.read(log, number, static_cast<std::size_t>(random.below(5)), static_cast<std::size_t>(random.below(12)),
                    to.note<std::vector<LogRecord>>("read"));
    case 4:
      return b.trim(log, number, to.note<void>("trim"));
    case 5:
      return b.snapshot(log, number, some(), to.note<void>("snapshot"));
    case 6:
      return b.load(log, to.note<LogState>("load"));
    case 7:
      return b.get(key(), to.note<Record>("get"));
    case 8:
      return b.put(key(), some(), std::nullopt, to.note<std::uint64_t>("put any"));
    case 9:
      return b.put(key(), some(), random.below(20), to.note<std::uint64_t>("put expected"));
    case 10:
      return b.remove(key(), to.note<void>("remove"));
    case 11:
      return b.scan(prefix(), prefix(), static_cast<std::size_t>(random.below(6)),
                    to.note<std::vector<Record>>("scan"));
    case 12: {
      auto what = new_blob(Bytes(6, random.below(3) == 0 ? 2 : 1));
      what.expires_at = random.below(20);
      return b.blob_begin(blob, std::move(what), to.note<BlobState>("blob_begin"));
    }
    case 13: {
      const auto offset = random.below(4);
      return b.blob_write(blob, offset, Bytes(static_cast<std::size_t>(random.below(5)), 1), random.below(20),
                          to.note<BlobState>("blob_write"));
    }
    case 14:
      if (random.below(3) == 0) return b.blob_expire(random.below(20), 2, to.note<std::size_t>("blob_expire"));
      return b.blob_update(blob, 1 + random.below(3), some(), random.below(20), to.note<BlobState>("blob_update"));
    default:
      if (random.below(2) == 0) return b.blob_state(blob, to.note<std::optional<BlobState>>("blob_state"));
      return b.blob_read(blob, number, static_cast<std::size_t>(random.below(8)), to.note<Bytes>("blob_read"));
  }
}

template <typename Form>
std::vector<std::string> transcript(std::uint64_t seed) {
  Form form;
  SeededRandom random(seed);
  Transcript out;
  for (int step = 0; step < 2000; ++step) {
    random_call(form.backend(), random, out);
    if (random.below(4) == 0) form.backend().run();
    if (random.below(300) == 0) {
      form.backend().run();
      if (random.below(2) == 0) form.tidy();
      form.reopen();
    }
  }
  form.backend().run();
  return out.lines();
}

/// Where most entries get rows of their own soon.
struct RowsForm : SqliteForm {
  RowsForm() : SqliteForm(3) {}
};

TEST_CASE("all forms give the same answers", "[backend]") {
  const std::uint64_t seed = GENERATE(range(1U, 9U));
  CAPTURE(seed);
  const auto memory = transcript<MemoryForm>(seed);
  CHECK(memory.size() == 2000);
  CHECK(memory == transcript<SqliteForm>(seed));
  CHECK(memory == transcript<RowsForm>(seed));
}

}  // namespace
}  // namespace sotto::relay::test
