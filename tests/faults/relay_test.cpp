// The relay's storage fails at the Nth operation of each kind, or loses power at the Nth of any, for every N.
#include <iostream>

#include "crypto/hash.h"
#include "faults/checks.h"
#include "relay/backend/sqlite_backend.h"
#include "support/catch.h"

using namespace sotto;
using namespace sotto::test;

namespace {

using Backend = std::unique_ptr<relay::SqliteBackend>;

const relay::LogId& log_id() {
  static const auto id = [] {
    relay::LogId out;
    out.bytes.fill(1);
    return out;
  }();
  return id;
}
const relay::BlobId& blob_id() {
  static const auto id = [] {
    relay::BlobId out;
    out.bytes.fill(2);
    return out;
  }();
  return id;
}

/// The answers to what was asked of a backend.
class Answers {
 public:
  template <typename T>
  relay::Backend::Done<T> next() {
    ++asked_;
    return [this, number = asked_](const Result<T>& result) {
      REQUIRE(number == ++answered_);  // in order, and so each once
      if (!result.ok()) errors_.push_back(result.error());
    };
  }
  /// All are there; true if all are good.
  bool good() const {
    REQUIRE(answered_ == asked_);
    for (const auto& error : errors_) {
      INFO(error_name(error.code) << ": " << error.message);
      REQUIRE((is_storage_error(error) || error.code == ErrorCode::UNAVAILABLE));
    }
    return errors_.empty();
  }

 private:
  std::size_t asked_ = 0;
  std::size_t answered_ = 0;
  std::vector<Error> errors_;
};

/// What a relay asks for in one run. Each run appends, so the log's last seq tells which of them are stored.
struct Run {
  std::uint64_t last_before;
  std::uint64_t last_after;
  std::function<void(relay::Backend&, Answers&)> ask;
};

const std::vector<Run>& runs() {
  static const std::vector<Run> all = {
      {0, 3,
       [](relay::Backend& backend, Answers& answers) {
         for (std::uint64_t i = 0; i < 3; ++i) {
           backend.append(log_id(), i, Bytes(3000, static_cast<std::uint8_t>(i)), answers.next<std::uint64_t>());
         }
         backend.put(to_bytes("cursor"), Bytes(100, 1), 0, answers.next<std::uint64_t>());
       }},
      {3, 4,
       [](relay::Backend& backend, Answers& answers) {
         backend.append(log_id(), 3, Bytes(10, 3), answers.next<std::uint64_t>());
         backend.snapshot(log_id(), 3, Bytes(2000, 9), answers.next<void>());
         // An ack: a cursor is stored, and what all have is trimmed.
         backend.put(to_bytes("cursor"), Bytes(100, 2), std::nullopt, answers.next<std::uint64_t>());
         backend.trim(log_id(), 2, answers.next<void>());
       }},
      {4, 5,
       [](relay::Backend& backend, Answers& answers) {
         backend.append(log_id(), 4, Bytes(20'000, 4), answers.next<std::uint64_t>());
         backend.load(log_id(), answers.next<relay::LogState>());
         backend.put(to_bytes("other"), Bytes(10, 1), 0, answers.next<std::uint64_t>());
         backend.remove(to_bytes("other"), answers.next<void>());
         backend.read(log_id(), 3, 10, 100'000, answers.next<std::vector<relay::LogRecord>>());
       }},
  };
  return all;
}

class Relay {
 public:
  explicit Relay(sim::Disk& disk) : disk_(disk) {}

  Status open() {
    relay::SqliteOptions options;
    options.vfs = disk_.vfs_name();
    options.sharing = store::Sharing::no_lease;
    auto opened = relay::SqliteBackend::open("/relay", random_, options);
    if (!opened.ok()) return opened.error();
    backend_ = std::move(*opened);
    return {};
  }
  void close() { backend_.reset(); }

  /// True if all of it is stored.
  bool carry_out(const Run& run) {
    Answers answers;
    run.ask(*backend_, answers);
    backend_->run();
    return answers.good();
  }
  /// As a client does it: asks where to go on, sends the rest. True if all of it is stored.
  bool upload() {
    const Bytes all(9000, 5);
    relay::NewBlob blob;
    blob.size = all.size();
    blob.hash = crypto::sha256(all);
    blob.owner_bytes = 10'000;
    blob.expires_at = 2'000'000;
    std::optional<std::uint64_t> received;
    const auto note = [&](const Result<relay::BlobState>& state) {
      received.reset();
      if (state.ok()) received = state->received;
    };
    backend_->blob_begin(blob_id(), std::move(blob), note);
    backend_->run();
    while (received && *received < all.size()) {
      const auto rest = ByteView(all).subspan(static_cast<std::size_t>(*received));
      backend_->blob_write(blob_id(), *received, to_bytes(rest.first(std::min<std::size_t>(rest.size(), 5000))), 0,
                           note);
      backend_->run();
    }
    return received.has_value();
  }
  /// Removes another blob, with its file.
  bool expire() {
    relay::BlobId other;
    other.bytes.fill(8);
    relay::NewBlob blob;
    blob.size = 3;
    blob.hash = crypto::sha256(Bytes(3, 7));
    blob.owner = to_bytes("other");
    blob.owner_bytes = 3;
    blob.expires_at = 10;
    bool good = true;
    backend_->blob_begin(other, std::move(blob), [&](const auto& state) { good = good && state.ok(); });
    backend_->blob_write(other, 0, Bytes(3, 7), 10, [&](const Result<relay::BlobState>& state) {
      good = good && (state.ok() || *state.code() == ErrorCode::CONFLICT);  // it was stored before
    });
    backend_->blob_expire(20, 10, [&](const auto& removed) { good = good && removed.ok(); });
    backend_->run();
    return good;
  }
  Status checkpoint() { return backend_->checkpoint(); }
  std::uint64_t last() {
    std::uint64_t out = 0;
    backend_->load(log_id(), [&](const Result<relay::LogState>& state) {
      REQUIRE(state.ok());
      out = state->last;
    });
    backend_->run();
    return out;
  }

  std::string describe() {
    std::string out;
    backend_->load(log_id(), [&](const Result<relay::LogState>& state) {
      REQUIRE(state.ok());
      out += std::to_string(state->first) + ".." + std::to_string(state->last) + " snapshot " +
             std::to_string(state->snapshot_seq) + " " + to_hex(state->snapshot);
    });
    backend_->read(log_id(), 1, 100, 1'000'000, [&](const Result<std::vector<relay::LogRecord>>& records) {
      REQUIRE(records.ok());
      for (const auto& record : *records) out += "\n" + std::to_string(record.seq) + " " + to_hex(record.data);
    });
    backend_->scan({}, {}, 100, [&](const Result<std::vector<relay::Record>>& records) {
      REQUIRE(records.ok());
      for (const auto& record : *records) out += "\n" + to_hex(record.key) + " " + to_hex(record.value);
    });
    backend_->blob_read(blob_id(), 0, 10'000, [&](const Result<Bytes>& bytes) {
      REQUIRE(bytes.ok());
      out += "\n" + to_hex(*bytes);
    });
    backend_->blob_expire(1'000'000, 10, [&](const Result<std::size_t>& removed) {
      REQUIRE(removed.ok());
      REQUIRE(*removed == 0);
    });
    backend_->run();
    return out;
  }

 private:
  sim::Disk& disk_;
  SeededRandom random_{3};
  Backend backend_;
};

std::string end_without_faults() {
  sim::Disk disk(1);
  Relay relay(disk);
  REQUIRE(relay.open().ok());
  for (const auto& run : runs()) REQUIRE(relay.carry_out(run));
  REQUIRE(relay.upload());
  REQUIRE(relay.expire());
  REQUIRE(relay.checkpoint().ok());
  return relay.describe();
}

/// False if the Nth never came.
bool fail_nth(const FaultKind& kind, std::uint64_t nth, Lasts lasts, const std::string& expected) {
  sim::Disk disk(nth);
  disk.powersafe_overwrite = true;  // With forgetting syncs: see disk.h.
  Relay relay(disk);
  DiskFault fault(disk, kind, nth, lasts);
  const auto until_it_works = [&](const std::function<bool()>& attempt) {
    for (int attempts = 1; !attempt(); ++attempts) {
      REQUIRE(fault.fired() > 0);
      REQUIRE(attempts < 4);
      if (attempts == 2) fault.heal();
    }
  };
  until_it_works([&] {
    const auto status = relay.open();
    if (!status.ok()) REQUIRE(is_storage_error(status.error()));
    return status.ok();
  });
  // A run that failed has stored nothing: else its repetition would be in conflict with it.
  for (const auto& run : runs()) until_it_works([&] { return relay.carry_out(run); });
  until_it_works([&] { return relay.upload(); });
  until_it_works([&] { return relay.expire(); });
  until_it_works([&] {
    const auto status = relay.checkpoint();
    if (!status.ok()) REQUIRE((is_storage_error(status.error()) || status.error().code == ErrorCode::UNAVAILABLE));
    return status.ok();
  });
  fault.armed = false;
  REQUIRE(relay.describe() == expected);
  fault.armed = true;
  relay.close();
  const bool came = fault.fired() > 0;
  fault.heal();
  REQUIRE(relay.open().ok());
  REQUIRE(relay.describe() == expected);
  return came;
}

/// False if the Nth never came.
bool cut_power_at_nth(std::uint64_t nth, const std::string& expected) {
  sim::Disk disk(nth);
  Relay relay(disk);
  DiskFault fault(disk, DiskFault::power_cut, nth);
  const auto restart_if_dead = [&] {
    if (!disk.dead()) return false;
    relay.close();
    disk.start();
    REQUIRE(relay.open().ok());
    return true;
  };
  const auto opened = relay.open();
  if (!restart_if_dead()) REQUIRE(opened.ok());
  for (const auto& run : runs()) {
    const bool stored = relay.carry_out(run);
    if (!restart_if_dead()) {
      REQUIRE(stored);
      continue;
    }
    // What was told is there; what was not is there as a whole or not at all.
    const auto last = relay.last();
    REQUIRE((last == run.last_after || (!stored && last == run.last_before)));
    if (last == run.last_before) REQUIRE(relay.carry_out(run));
  }
  for (const auto step : {&Relay::upload, &Relay::expire}) {
    const bool stored = (relay.*step)();
    if (!restart_if_dead()) {
      REQUIRE(stored);
    } else {
      REQUIRE((relay.*step)());
    }
  }
  static_cast<void>(relay.checkpoint());
  restart_if_dead();
  fault.armed = false;
  REQUIRE(relay.describe() == expected);
  fault.armed = true;
  relay.close();
  if (disk.dead()) disk.start();
  const bool came = fault.fired() > 0;
  fault.heal();
  REQUIRE(relay.open().ok());
  REQUIRE(relay.describe() == expected);
  return came;
}

}  // namespace

TEST_CASE("the relay's storage fails at every operation, once or until it is healed") {
  const auto expected = end_without_faults();
  for (const auto lasts : {Lasts::once, Lasts::until_healed}) {
    std::cout << "relay" << (lasts == Lasts::once ? ", fails once:" : ", fails until healed:");
    for (const auto& kind : fault_kinds) {
      if (!kind.op && lasts == Lasts::once) continue;  // each is in another kind
      const auto came = for_every_n([&](std::uint64_t nth) {
        INFO(kind.name << " " << nth);
        return fail_nth(kind, nth, lasts, expected);
      });
      if (came > 0) std::cout << " " << kind.name << " " << came;
    }
    std::cout << std::endl;
  }
}

TEST_CASE("the relay's machine loses power at every operation") {
  const auto expected = end_without_faults();
  const auto came = for_every_n([&](std::uint64_t nth) {
    INFO("power cut " << nth);
    return cut_power_at_nth(nth, expected);
  });
  std::cout << "relay, power cuts: " << came << std::endl;
}
