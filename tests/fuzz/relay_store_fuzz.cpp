// What the relay reads back from its storage: entries, snapshots, records and keys, damaged in any way.
#include "check.h"
#include "mutator.h"
#include "relay/backend/young_entries.h"
#include "relay/chat_fold.h"
#include "relay/record_keys.h"
#include "relay/records.h"

using namespace sotto;
using namespace sotto::relay;

namespace {

template <typename T>
void check_error(const Result<T>& result) {
  if (result.ok()) return;
  fuzz::check(result.code() == ErrorCode::CORRUPT || result.code() == ErrorCode::NEWER_SCHEMA,
              "what is damaged is called so");
}

template <typename T>
void read_record(ByteView bytes) {
  const auto record = T::decode(bytes);
  check_error(record);
  if (!record.ok()) return;
  const auto written = record->encode();
  const auto again = T::decode(written);
  fuzz::check(again.ok() && equal(again->encode(), written), "a record comes back");
}

void read_keys(ByteView bytes) {
  if (const auto device = keys::device_of_cursor(bytes)) {
    const auto chat = *id_from<ChatId>(bytes.subspan(1, 16));
    fuzz::check(equal(ByteView(keys::cursor(chat, *device)).subspan(1), bytes.subspan(1)), "a key comes back");
  }
  (void)keys::chat_of_membership(bytes).has_value();
  (void)keys::parse_expiry(bytes).has_value();
}

void read_segment(ByteView bytes) {
  YoungEntries young;
  // What is damaged is not used.
  if (!young.load(1, to_bytes(bytes), [](const LogId& log) { return std::uint64_t{log.bytes[0]}; })) return;
  std::size_t entries = 0;
  if (const auto* segment = young.oldest()) {
    const auto told = young.each(*segment, [&](const LogId& log, std::uint64_t seq, ByteView record) -> Status {
      ++entries;
      fuzz::check(seq > log.bytes[0] && equal(young.at(log, seq), record), "what is there is what was read");
      return {};
    });
    fuzz::check(told.ok(), "and all of it");
  }
  fuzz::check(entries == young.count(), "each once");
}

void use(const ChatFold& fold) {
  for (const auto& [device, member] : fold.members) {
    const auto last = last_owed(member, fold.head);
    fuzz::check(last <= fold.head, "nothing is owed beyond the head");
    if (const auto next = next_owed(member, 0, fold.head)) fuzz::check(*next <= fold.head, "nor next");
    (void)begins_at(member, 1);
  }
  (void)fold.closed_ranges();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(data, size);
  read_record<HandleRecord>(bytes);
  read_record<UserRecord>(bytes);
  read_record<DeviceRecord>(bytes);
  read_record<CursorRecord>(bytes);
  read_record<KeyPackageIndex>(bytes);
  read_record<BlobMeta>(bytes);
  if (const auto user = UserRecord::decode(bytes); user.ok()) (void)wire::check_device_list(user->list()).ok();
  read_keys(bytes);
  read_segment(bytes);

  const auto entry = decode_entry(bytes);
  check_error(entry);
  if (entry.ok()) {
    const auto again = decode_entry(encode(*entry));
    fuzz::check(again.ok() && *again == *entry, "an entry comes back");
    (void)entry->commit_aad().ok();
  }
  auto fold = decode_fold(bytes);
  check_error(fold);
  if (fold.ok()) {
    const auto again = decode_fold(encode(*fold));
    fuzz::check(again.ok() && *again == *fold, "a snapshot comes back");
    use(*fold);
    fold->forget(fold->head);
    use(*fold);
  }

  // A whole log: a snapshot or nothing, and entries after it.
  FuzzedDataProvider input(data, size);
  const bool from_snapshot = input.ConsumeBool();
  ChatFold folded;
  for (int i = 0; i < 16 && input.remaining_bytes() > 0; ++i) {
    const auto length = input.ConsumeIntegral<std::uint16_t>();
    const auto piece = input.ConsumeBytes<std::uint8_t>(length);
    if (i == 0 && from_snapshot) {
      if (auto snapshot = decode_fold(piece); snapshot.ok()) folded = std::move(*snapshot);
      continue;
    }
    const auto next = decode_entry(piece);
    if (!next.ok()) continue;
    auto tried = folded;
    if (const auto status = tried.apply(*next); !status.ok()) {
      fuzz::check(status.code() == ErrorCode::CORRUPT, "an entry that does not fit is called damaged");
      continue;
    }
    folded = std::move(tried);
    use(folded);
  }
  return 0;
}
