// The oracle's view of what the relay makes durable.
#include "crypto/hash.h"
#include "relay/records.h"
#include "sim/calm_store.h"
#include "sim/oracle.h"
#include "sim/stored_entries.h"
#include "sim/world.h"
#include "wire/mls_header.h"

namespace sotto::sim {

bool TrueLog::Member::is_owed(std::uint64_t seq) const {
  return std::ranges::any_of(owed, [&](const auto& range) { return range.first <= seq && seq <= range.second; });
}

void Oracle::on_append(const ChatId& chat, std::uint64_t seq, ByteView record) {
  auto& log = logs_[chat];
  const auto stored = relay::decode_entry(record);
  if (!stored.ok()) violated("the relay stores what it can read", place(chat, seq));
  if (seq != log.entries.size() + 1) {
    violated("seq has no holes and no repeats", place(chat, seq) + " after " + std::to_string(log.entries.size()));
  }
  TrueLog::Entry entry{
      stored->kind,    stored->sender, stored->client_message_id, stored->n, stored->time, 0, crypto::sha256(record),
      stored->payload, stored->urgency};
  world_.trace("log", place(chat, seq) + " kind " + std::to_string(static_cast<int>(entry.kind)) + " " +
                          brief(entry.id.bytes) + " " + fingerprint(entry.payload));
  if (entry.kind == relay::EntryKind::message) {
    append_message(chat, log, seq, entry);
  } else {
    ++world_.counts.commits;
    append_commit(chat, log, seq, entry, *stored);
  }
  log.entries.push_back(std::move(entry));
  push.on_append(chat, log, seq);
}

void Oracle::append_message(const ChatId& chat, TrueLog& log, std::uint64_t seq, TrueLog::Entry& entry) {
  auto& member = log.members[entry.sender];
  if (!member.on_roster()) violated("only those on the roster write", place(chat, seq));
  const auto header = wire::read_mls_header(entry.payload);
  const auto aad = header.ok() ? wire::check_message_aad(header->authenticated_data) : header.error();
  if (!aad.ok()) violated("the relay checks what it can read", place(chat, seq));
  entry.epoch = header->epoch;
  entry.id = aad->client_message_id;
  entry.n = aad->n;
  if (aad->n != member.last_n + 1) {
    violated("one sender's messages in the order sent",
             place(chat, seq) + " has n " + std::to_string(aad->n) + " after " + std::to_string(member.last_n));
  }
  member.last_n = aad->n;
  // A relay that lies can make a sender send again; that is for the receivers to notice.
  const bool fresh = log.ids.emplace(entry.sender.user, aad->client_message_id).second;
  if (!fresh && world_.options().hostile != Hostile::relay) {
    violated("a message is stored once", place(chat, seq) + " repeats " + brief(aad->client_message_id.bytes));
  }
  // A removed member has the keys of the epochs before.
  if (is_honest(entry.sender.user) && entry.epoch < log.epoch_of_membership &&
      world_.options().hostile == Hostile::none) {
    violated("nobody outside the group can read", place(chat, seq) + " is of an epoch before the last removal");
  }
}

void Oracle::append_commit(const ChatId& chat, TrueLog& log, std::uint64_t seq, TrueLog::Entry& entry,
                           const relay::StoredEntry& stored) {
  const auto aad = stored.commit_aad();
  if (!aad.ok()) violated("the relay checks what it can read", place(chat, seq));
  if (entry.kind == relay::EntryKind::founding) {
    if (seq != 1) violated("a chat is founded once", place(chat, seq));
    log.epoch = log.epoch_of_membership = 1;
  } else {
    if (!log.members[entry.sender].on_roster()) violated("only those on the roster write", place(chat, seq));
    const auto header = wire::read_mls_header(entry.payload);
    if (!header.ok()) violated("the relay checks what it can read", place(chat, seq));
    entry.epoch = header->epoch;
    if (world_.options().hostile == Hostile::none) {
      if (entry.epoch != log.epoch) {
        violated(
            "exactly one valid commit an epoch",
            place(chat, seq) + " leaves epoch " + std::to_string(entry.epoch) + ", not " + std::to_string(log.epoch));
      }
      ++log.epoch;
      if (aad->membership_changed || !aad->adds.empty() || !aad->removes.empty()) log.epoch_of_membership = log.epoch;
    }
  }
  apply_roster_change(chat, log, seq, stored);
}

void Oracle::apply_roster_change(const ChatId& chat, TrueLog& log, std::uint64_t seq, const relay::StoredEntry& entry) {
  const auto aad = entry.commit_aad();
  auto roster = log.roster.after(*aad);
  if (!roster.ok()) violated("the relay's roster follows from the log", place(chat, seq));
  if (roster->digest() != aad->roster_digest) violated("a commit's roster is what its digest says", place(chat, seq));
  log.roster = std::move(*roster);
  for (const auto& change : aad->removes) {
    auto& owed = log.members[{change.user, change.device}].owed;
    if (!owed.empty()) owed.back().second = seq;
  }
  for (const auto& change : aad->adds) {
    auto& member = log.members[{change.user, change.device}];
    member.owed.emplace_back(seq, UINT64_MAX);
    member.last_n = 0;
    // It numbers its rows anew.
    if (const auto* device = world_.device_of(change.user)) {
      std::erase_if(sent_, [&](const auto& it) { return it.first.first == ChatOfDevice{device->index(), chat}; });
    }
  }
}

bool Oracle::may_have_expired(const TrueLog::Entry& entry) const {
  constexpr std::uint64_t nearly = 29ULL * 24 * 3600 * 1000;
  const auto now = static_cast<std::uint64_t>(world_.relay().local_now().time_since_epoch().count());
  return now > entry.time + nearly;
}

void Oracle::check_trimmed(const ChatId& chat, const TrueLog& log, std::uint64_t seq) {
  if (may_have_expired(log.at(seq)) || world_.options().hostile == Hostile::relay) return;
  for (const auto& [ref, member] : log.members) {
    if (!member.is_owed(seq)) continue;
    auto* device = world_.device_of(ref.user);
    // Nothing is kept for a deleted account, whose device may not know of it yet.
    if (device == nullptr || is_hostile(*device) || deleted_.contains(ref.user)) continue;
    const auto acked = acked_.find({device->index(), chat});
    if (acked == acked_.end() || acked->second < seq) {
      violated("nothing is deleted that somebody lacks", place(chat, seq) + " which " + device->name() + " is owed");
    }
  }
}

void Oracle::on_record(ByteView key, const Bytes* value, bool starting) {
  if (key.front() == 'u' && value != nullptr && must(relay::UserRecord::decode(*value), "a user").deleted) {
    if (const auto user = id_from<UserId>(key.subspan(1))) deleted_.insert(*user);
  }
  push.on_record(key, value);
  handles.on_record(key, value, starting);
  invites.on_record(key, value, starting);
}

void Oracle::on_relay_started(store::Database& db) {
  // Users first: a deleted one has no handle to lose. (Before workload 5 this would be other operations of the disk.)
  for (const auto* only : {"key >= x'75' AND key < x'76'", "key < x'75'"}) {
    if (world_.options().workload < 5) break;
    const auto records =
        db.query("SELECT key, value FROM record WHERE " + std::string(only), [&](const store::Row& row) {
          const auto value = row.get<Bytes>(1);
          on_record(row.get<Bytes>(0), &value, true);
        });
    if (!records.ok()) violated("the relay's store can be opened after any failure", records.error().message);
  }
  invites.on_relay_started();
  auto stored = stored_entries(db);
  for (const auto& [chat, entries] : stored) {
    const auto& log = logs_[chat];
    for (const auto& [seq, data] : entries) {
      if (seq > log.entries.size()) {
        on_append(chat, seq, data);  // durable, though the process died before it could say so
      } else if (log.at(seq).record_hash != crypto::sha256(data)) {
        violated("durable before SUCCESS", place(chat, seq) + " is another entry than before");
      }
    }
  }
  for (const auto& [chat, log] : logs_) {
    const auto& seqs = stored[chat];
    const auto snapshot = db.one<std::uint64_t>("SELECT seq FROM log_snapshot WHERE log_id = ?", chat);
    const auto last = std::max(seqs.empty() ? 0 : seqs.rbegin()->first, snapshot.ok() ? snapshot->value_or(0) : 0);
    if (last < log.entries.size()) {
      violated("durable before SUCCESS",
               place(chat, log.entries.size()) + " is gone, " + std::to_string(last) + " is there");
    }
    for (std::uint64_t seq = 1; seq <= log.entries.size(); ++seq) {
      if (!seqs.contains(seq)) check_trimmed(chat, log, seq);
    }
  }
  push.on_relay_started();
}

}  // namespace sotto::sim
