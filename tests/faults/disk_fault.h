// Which operation of a simulated disk fails.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "sim/disk.h"

namespace sotto::test {

struct FaultKind {
  const char* name;
  /// Nothing: any.
  std::optional<sim::Disk::Op> op;
  sim::Disk::Verdict verdict;
};

inline constexpr std::array fault_kinds = {
    FaultKind{"read", sim::Disk::Op::read, sim::Disk::Verdict::fail},
    FaultKind{"write", sim::Disk::Op::write, sim::Disk::Verdict::fail},
    FaultKind{"full", sim::Disk::Op::write, sim::Disk::Verdict::full},
    FaultKind{"sync", sim::Disk::Op::sync, sim::Disk::Verdict::fail},
    FaultKind{"open", sim::Disk::Op::open, sim::Disk::Verdict::fail},
    FaultKind{"truncate", sim::Disk::Op::truncate, sim::Disk::Verdict::fail},
    FaultKind{"remove", sim::Disk::Op::remove, sim::Disk::Verdict::fail},
    // Until it is healed, this is a disk that is gone: what was undone cannot be read again, either.
    FaultKind{"any", std::nullopt, sim::Disk::Verdict::fail},
};

enum class Lasts { once, until_healed };

/// The Nth operation of a kind on this disk fails from now on; or the power is cut at the Nth of any kind.
class DiskFault {
 public:
  DiskFault(sim::Disk& disk, const FaultKind& kind, std::uint64_t nth, Lasts lasts) : disk_(disk) {
    disk_.decide = [this, kind, nth, lasts](const sim::Disk::Operation& operation) {
      if (!armed || (kind.op && operation.op != *kind.op)) return sim::Disk::Verdict::proceed;
      ++seen_;
      if (seen_ < nth || (seen_ > nth && lasts == Lasts::once)) return sim::Disk::Verdict::proceed;
      ++fired_;
      return kind.verdict;
    };
  }
  static constexpr struct PowerCut {
  } power_cut{};
  DiskFault(sim::Disk& disk, PowerCut, std::uint64_t nth) : disk_(disk) {
    disk_.decide = [this, nth](const sim::Disk::Operation&) {
      if (!armed || ++seen_ != nth) return sim::Disk::Verdict::proceed;
      ++fired_;
      return sim::Disk::Verdict::power_cut;
    };
  }
  DiskFault(const DiskFault&) = delete;
  DiskFault& operator=(const DiskFault&) = delete;
  ~DiskFault() { heal(); }

  void heal() { disk_.decide = {}; }
  [[nodiscard]] std::uint64_t fired() const { return fired_; }

  bool armed = true;

 private:
  sim::Disk& disk_;
  std::uint64_t seen_ = 0;
  std::uint64_t fired_ = 0;
};

/// Writes a file onto the disk, and makes it durable.
void put_file(const sim::Disk& disk, const std::string& name, ByteView bytes);

}  // namespace sotto::test
