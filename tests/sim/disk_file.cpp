#include "sim/disk_file.h"

#include <cstring>

namespace sotto::sim {
namespace {

void put(Bytes& to, std::uint64_t offset, ByteView bytes) {
  if (bytes.empty()) return;
  if (to.size() < offset + bytes.size()) to.resize(offset + bytes.size());
  std::memcpy(to.data() + offset, bytes.data(), bytes.size());
}

std::uint64_t sectors_of(std::uint64_t offset, std::size_t size) {
  return size == 0 ? 0 : (offset + size - 1) / sector_size - offset / sector_size + 1;
}

}  // namespace

void DiskFile::write(std::uint64_t offset, ByteView bytes, std::uint64_t number) {
  if (bytes.empty()) return;
  put(shown_, offset, bytes);
  unsynced_.push_back({number, false, offset, bytes.size(), log_.size()});
  log_.insert(log_.end(), bytes.begin(), bytes.end());
}

void DiskFile::truncate(std::uint64_t size, std::uint64_t number) {
  shown_.resize(size);
  unsynced_.push_back({number, true, size, 0, 0});
}

void DiskFile::sync() {
  for (const auto& change : unsynced_) apply(durable_, change);
  unsynced_.clear();
  log_.clear();
}

bool DiskFile::forget(Random& random) {
  // Sizes are kept in the file system's journal, whose writing did not fail: truncations stay.
  std::vector<Change> left;
  Cut cut;
  cut.kind = Cut::Kind::scattered;
  bool forgot = false;
  for (const auto& change : unsynced_) {
    if (change.truncates) {
      left.push_back(change);
    } else if (left.empty()) {
      forgot = apply_torn(change, cut, random).lost != 0 || forgot;
    } else {
      forgot = true;  // a part of it must not become durable before the truncation it follows
    }
  }
  unsynced_ = std::move(left);
  log_.clear();
  forgotten_ = forgotten_ || forgot;
  return forgot;
}

void DiskFile::drop_forgotten() {
  if (!forgotten_) return;
  shown_ = durable_;
  for (const auto& change : unsynced_) apply(shown_, change);
  forgotten_ = false;
}

DiskFile::Loss DiskFile::power_cut(const Cut& cut, Random& random, DiskCounts& counts) {
  Loss loss;
  for (const auto& change : unsynced_) {
    const std::uint64_t sectors = sectors_of(change.offset, change.size);
    const bool prefix = cut.kind == Cut::Kind::prefix;
    Outcome outcome;
    if (cut.kind == Cut::Kind::all_kept || (prefix && change.number < cut.number)) {
      apply(durable_, change);
      outcome.kept = sectors;
    } else if (cut.kind == Cut::Kind::all_lost || (prefix && change.number > cut.number)) {
      outcome.lost = sectors;
      if (change.truncates) ++counts.truncations_lost;
      loss.any = true;
    } else if (!change.truncates) {
      outcome = apply_torn(change, cut, random);
    } else if (random.below(2) == 0) {
      ++counts.truncations_lost;
      loss.any = true;
    } else {
      apply(durable_, change);
      loss.reordered = loss.reordered || loss.any;
    }
    counts.sectors_kept += outcome.kept;
    counts.sectors_lost += outcome.lost;
    counts.sectors_garbled += outcome.garbled;
    if (outcome.kept != 0 && outcome.kept != sectors) ++counts.writes_torn;
    loss.reordered = loss.reordered || (loss.any && outcome.kept != 0);
    loss.any = loss.any || outcome.kept != sectors;
  }
  unsynced_.clear();
  log_.clear();
  forgotten_ = false;
  shown_ = durable_;
  return loss;
}

void DiskFile::list_unsynced(std::vector<std::uint64_t>& numbers) const {
  for (const auto& change : unsynced_) numbers.push_back(change.number);
}

void DiskFile::apply(Bytes& to, const Change& change) const {
  if (change.truncates) {
    to.resize(change.offset);
  } else {
    put(to, change.offset, ByteView(log_).subspan(change.at, change.size));
  }
}

DiskFile::Outcome DiskFile::apply_torn(const Change& change, const Cut& cut, Random& random) {
  Outcome outcome;
  const std::uint64_t sectors = sectors_of(change.offset, change.size);
  const bool prefix = cut.kind == Cut::Kind::prefix;
  const std::uint64_t first_lost = prefix ? random.below(sectors + 1) : 0;
  // Whole writes must have a chance: sector by sector, long ones would hardly ever survive.
  const std::uint64_t whole = prefix ? 2 : random.below(4);
  const std::uint64_t end = change.offset + change.size;
  std::uint64_t begin = change.offset;
  for (std::uint64_t i = 0; i < sectors; ++i) {
    const std::uint64_t next = std::min(end, (begin / sector_size + 1) * sector_size);
    const bool keep = prefix ? i < first_lost : whole == 0 || (whole != 1 && random.below(8) < cut.keep_of_8);
    const bool torn = prefix ? i == first_lost : whole > 1 && random.below(4) == 0;
    if (keep) {
      apply_part(change, begin, next);
      ++outcome.kept;
    } else if (cut.garbage && torn) {
      garble(change, begin, next, !cut.powersafe_overwrite, random);
      ++outcome.garbled;
    } else {
      ++outcome.lost;
    }
    begin = next;
  }
  return outcome;
}

void DiskFile::apply_part(const Change& change, std::uint64_t begin, std::uint64_t end) {
  put(durable_, begin, ByteView(log_).subspan(change.at + (begin - change.offset), end - begin));
}

void DiskFile::garble(const Change& change, std::uint64_t begin, std::uint64_t end, bool whole_sector, Random& random) {
  apply_part(change, begin, end);  // the file has its length
  if (whole_sector) {
    begin = begin / sector_size * sector_size;
    end = std::min<std::uint64_t>(begin + sector_size, durable_.size());
  }
  random.fill(std::span(durable_).subspan(begin, end - begin));
}

}  // namespace sotto::sim
