#include "sim/disk.h"

#include "sim/disk_file.h"
#include "sim/disk_vfs.h"

namespace sotto::sim {
namespace {

std::string_view directory_of(std::string_view name) {
  const auto slash = name.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : name.substr(0, slash);
}

}  // namespace

Disk::Disk(std::uint64_t seed)
    : random_(seed), sqlite_random_(seed ^ 0x53514c697465), vfs_(std::make_unique<DiskVfs>(*this)) {}

Disk::~Disk() = default;

const std::string& Disk::vfs_name() const { return vfs_->name; }

void Disk::kill() {
  ++counts_.kills;
  end_process();
  for (const auto& [name, file] : names_) file->drop_forgotten();
  count_used();
}

void Disk::power_cut() {
  ++counts_.power_cuts;
  end_process();
  const Cut one_for_all = choose_cut();
  const bool apart = random_.below(2) == 0;
  const auto next_cut = [&] { return apart ? choose_cut() : one_for_all; };
  DiskFile::Loss loss;
  const Cut names_cut = next_cut();
  settle_names([&](const NameChange& change) {
    const bool kept = names_cut.kind == Cut::Kind::all_kept ||
                      (names_cut.kind == Cut::Kind::prefix && change.number < names_cut.number) ||
                      (names_cut.kind == Cut::Kind::scattered && random_.below(2) == 0);
    if (!kept) ++(change.file ? counts_.creations_lost : counts_.removals_undone);
    loss.reordered = loss.reordered || (loss.any && kept);
    loss.any = loss.any || !kept;
    return kept;
  });
  name_changes_.clear();
  for (const auto& [name, file] : durable_names_) {
    const auto part = file->power_cut(next_cut(), random_, counts_);
    loss.any = loss.any || part.any;
    loss.reordered = loss.reordered || part.reordered;
  }
  if (loss.any) ++counts_.lossy_cuts;
  if (loss.reordered) ++counts_.reordering_cuts;
  names_ = durable_names_;
  count_used();
}

std::uint64_t Disk::file_size(std::string_view file) const {
  const auto found = find(file);
  return found ? found->shown().size() : 0;
}

std::vector<std::string> Disk::files() const {
  std::vector<std::string> out;
  for (const auto& [name, file] : names_) out.push_back(name);
  return out;
}

Bytes Disk::content(std::string_view file) const {
  const auto found = find(file);
  return found ? to_bytes(found->shown()) : Bytes();
}

Disk::Verdict Disk::ask(Op op, std::string_view file, std::uint64_t offset, std::size_t size) {
  const Operation operation{op, file, offset, size, ++operations_};
  return decide ? decide(operation) : Verdict::proceed;
}

std::shared_ptr<DiskFile> Disk::find(std::string_view name) const {
  const auto found = names_.find(name);
  return found == names_.end() ? nullptr : found->second;
}

std::shared_ptr<DiskFile> Disk::create(const std::string& name) {
  auto file = std::make_shared<DiskFile>(name);
  if (name.empty()) return file;
  names_.insert_or_assign(name, file);
  name_changes_.push_back({operations_, name, file});
  return file;
}

void Disk::remove(const std::string& name) {
  const auto found = names_.find(name);
  if (found == names_.end()) return;
  used_ -= found->second->shown().size();
  names_.erase(found);
  name_changes_.push_back({operations_, name, nullptr});
}

bool Disk::is_shown(const DiskFile& file) const {
  const auto found = names_.find(file.name());
  return found != names_.end() && found->second.get() == &file;
}

bool Disk::write(DiskFile& file, std::uint64_t offset, ByteView bytes) {
  const std::uint64_t size = file.shown().size();
  const std::uint64_t end = offset + bytes.size();
  if (end <= size || !is_shown(file)) {
    file.write(offset, bytes, operations_);
    return true;
  }
  const std::uint64_t room = capacity == 0 ? end - size : capacity > used_ ? capacity - used_ : 0;
  const std::uint64_t fits = std::min(end, size + room);
  if (fits > offset) file.write(offset, bytes.first(fits - offset), operations_);
  used_ += file.shown().size() - size;
  if (fits < end) ++counts_.full_writes;
  return fits == end;
}

void Disk::write_part(DiskFile& file, std::uint64_t offset, ByteView bytes) {
  const std::uint64_t size = random_.below(2) == 0 ? 0 : random_.below(bytes.size() + 1);
  if (size != 0) write(file, offset, bytes.first(size));
}

void Disk::truncate(DiskFile& file, std::uint64_t size) {
  if (is_shown(file)) used_ = used_ - file.shown().size() + size;
  file.truncate(size, operations_);
}

void Disk::sync(DiskFile& file) {
  file.sync();
  if (name_changes_.empty() || !is_shown(file)) return;
  settle_names([&](const NameChange& change) { return change.name == file.name(); });
}

void Disk::sync_directory(std::string_view name) {
  const auto directory = directory_of(name);
  settle_names([&](const NameChange& change) { return directory_of(change.name) == directory; });
}

void Disk::fail_sync(DiskFile& file) {
  ++counts_.failed_syncs;
  if (!failed_sync_forgets || random_.below(2) == 0) return;
  if (file.forget(random_)) ++counts_.forgetting_syncs;
}

void Disk::close(DiskFile& file) {
  if (--file.handles != 0) return;
  file.drop_forgotten();
  if (is_shown(file)) count_used();
}

template <typename Predicate>
void Disk::settle_names(Predicate&& keep) {
  std::erase_if(name_changes_, [&](const NameChange& change) {
    const bool kept = keep(change);
    if (kept) apply(change);
    return kept;
  });
}

void Disk::apply(const NameChange& change) {
  if (change.file) {
    durable_names_.insert_or_assign(change.name, change.file);
  } else {
    durable_names_.erase(change.name);
  }
}

Cut Disk::choose_cut() {
  constexpr std::array kinds{Cut::Kind::all_lost, Cut::Kind::all_kept, Cut::Kind::prefix, Cut::Kind::scattered};
  constexpr std::array<std::uint64_t, 3> keeps{1, 4, 7};
  Cut cut;
  cut.kind = kinds[random_.below(kinds.size())];
  cut.keep_of_8 = keeps[random_.below(keeps.size())];
  cut.garbage = random_.below(2) == 0;
  cut.powersafe_overwrite = powersafe_overwrite;
  if (cut.kind == Cut::Kind::prefix) {
    std::vector<std::uint64_t> numbers;
    for (const auto& [name, file] : names_) file->list_unsynced(numbers);
    for (const auto& change : name_changes_) numbers.push_back(change.number);
    std::ranges::sort(numbers);
    if (!numbers.empty()) cut.number = numbers[random_.below(numbers.size())];
  }
  return cut;
}

void Disk::end_process() {
  dead_ = true;
  ++life_;
  const auto end = [](DiskFile& file) {
    file.lock = {};
    file.memory.reset();  // dead connections still hold theirs
    file.handles = 0;
  };
  for (const auto& [name, file] : names_) end(*file);
  for (const auto& [name, file] : durable_names_) end(*file);
  for (const auto& change : name_changes_) {
    if (change.file) end(*change.file);
  }
}

void Disk::count_used() {
  used_ = 0;
  for (const auto& [name, file] : names_) used_ += file->shown().size();
}

}  // namespace sotto::sim
