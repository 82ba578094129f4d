// What must hold once all is quiet.
#include <algorithm>

#include "client/group_storage.h"
#include "client/group_view.h"
#include "client/tables/account_table.h"
#include "client/tables/chat_table.h"
#include "mls/limits.h"
#include "sim/calm_store.h"
#include "sim/oracle.h"
#include "sim/stored_entries.h"
#include "sim/world.h"
#include "store/transaction.h"
#include "support/history.h"

namespace sotto::sim {

namespace {

std::vector<Message> history_of(Device& device, const ChatId& chat) {
  return must(test::whole_history(device.db(), chat), "history");
}

std::optional<client::ChatRow> row_of(Device& device, const ChatId& chat) {
  return must(client::ChatTable(device.db()).find(chat), "chat");
}

std::uint64_t seq_of(const Message& message) {
  return static_cast<std::uint64_t>(message.position / client::position::per_seq);
}

std::int64_t count(Device& device, std::string_view sql) {
  return must(device.db().one<std::int64_t>(sql), "count").value_or(0);
}

}  // namespace

void Oracle::check_at_the_end() {
  const World::Calm calm(world_);
  const bool lying_relay = world_.options().hostile == Hostile::relay;
  for (auto& device : world_.devices()) {
    if (!device.running() || !device.registered() || is_hostile(device)) continue;
    on_started(device);  // all that was told is still so
    check_own_messages(device);
    check_bounds(device);
    if (must(client::AccountTable(device.db()).load(), "account")->rolled_back && !lying_relay) {
      violated("nobody is taken for an old copy", device.name());
    }
    for (const auto& chat : device.chats()) {
      for (const auto& message : history_of(device, chat.id)) check_shown(device, message);
      check_gaps_are_shown(device, chat.id);
    }
    if (lying_relay) continue;
    check_people(device);
    push.check_token(device);
    handles.check_handle(device);
    for (const auto& [chat, log] : logs_) {
      check_history(device, chat, log);
      check_pictures(device, chat);
      check_secrecy(device, chat, log);
    }
  }
  if (lying_relay) return;
  for (const auto& [chat, log] : logs_) check_agreement(chat, log);
  check_relay_forgot();
  check_relay_empty();
}

void Oracle::check_history(Device& device, const ChatId& chat, const TrueLog& log) {
  const auto found = log.members.find({device.user, device.device});
  if (found == log.members.end() || found->second.owed.empty()) return;
  const auto& member = found->second;
  const auto row = row_of(device, chat);
  if (row && row->status == ChatStatus::must_rejoin && world_.options().hostile != Hostile::none) return;
  if (!row) violated("at least once to each device", device.name() + " does not know " + brief(chat.bytes));
  std::map<std::uint64_t, Message> shown;
  std::uint64_t last = 0;
  for (auto& message : history_of(device, chat)) {
    if (message.kind != MessageKind::text || message.position >= client::position::waiting) continue;
    const auto seq = seq_of(message);
    if (seq < last) violated("one order a chat for all", device.name() + " at " + place(chat, seq));
    last = seq;
    if (!shown.emplace(seq, std::move(message)).second) {
      violated("exactly once in its store", device.name() + " at " + place(chat, seq));
    }
  }
  for (std::uint64_t seq = 1; seq <= log.entries.size(); ++seq) {
    const auto& entry = log.at(seq);
    if (entry.kind != relay::EntryKind::message || !member.is_owed(seq)) continue;
    if (!is_honest(entry.sender.user) || hidden_.contains(entry.id)) continue;
    const auto at = shown.find(seq);
    if (at == shown.end() && may_miss(device, entry.sender.user, chat)) continue;
    if (at == shown.end()) {
      violated("at least once to each device",
               device.name() + " lacks " + place(chat, seq) + " " + brief(entry.id.bytes));
    }
    if (at->second.id != entry.id || at->second.sender != entry.sender.user) {
      violated("one order a chat for all", device.name() + " has another message at " + place(chat, seq));
    }
    shown.erase(at);
  }
  std::erase_if(shown, [&](const auto& it) { return !is_honest(it.second.sender); });
  if (!shown.empty()) {
    violated("no false message",
             device.name() + " has a message at " + place(chat, shown.begin()->first) + " that the log has not");
  }
}

void Oracle::check_own_messages(Device& device) {
  client::MessageTable messages(device.db());
  for (const auto& [id, text] : texts_) {
    if (text.by.user != device.user) continue;
    const auto stored = must(messages.find(text.chat, device.user, id), "message");
    if (!stored) {
      if (text.durable) violated("what was told is on disk", device.name() + " lost its own " + brief(id.bytes));
      continue;
    }
    const auto row = row_of(device, text.chat);
    const bool working = row && row->status == ChatStatus::active;
    const bool waiting = stored->state == MessageState::queued || stored->state == MessageState::sending;
    if (waiting && working && world_.options().hostile != Hostile::relay) {
      violated("the app can always write",
               device.name() + " never sent " + brief(id.bytes) + " in " + brief(text.chat.bytes));
    }
    if (stored->state == MessageState::failed) {
      if (!stored->problem) violated("a failure has its reason", device.name() + " " + brief(id.bytes));
      if (working && world_.options().hostile == Hostile::none) {
        // It may have been written while its user was away from the chat, or before the peer could be invited.
        const auto code = stored->problem->code;
        if (code != ErrorCode::REMOVED && code != ErrorCode::NOT_PARTICIPANT && code != ErrorCode::NO_KEY_PACKAGES) {
          violated("a message of an honest person fails only with its chat",
                   device.name() + " " + brief(id.bytes) + ": " + std::string(error_name(code)));
        }
      }
    }
  }
}

void Oracle::check_agreement(const ChatId& chat, const TrueLog& log) {
  std::optional<Bytes> authenticator;
  std::string first;
  for (auto& device : world_.devices()) {
    if (!device.running() || is_hostile(device)) continue;
    const auto member = log.members.find({device.user, device.device});
    const bool on_roster = member != log.members.end() && member->second.on_roster();
    const auto row = row_of(device, chat);
    if (!row) continue;
    if (!on_roster) {
      if (row->status == ChatStatus::active) {
        violated("the removed know it", device.name() + " in " + brief(chat.bytes));
      }
      continue;
    }
    if (row->status == ChatStatus::must_rejoin && world_.options().hostile != Hostile::none) continue;
    if (row->status != ChatStatus::active) {
      violated("whoever is on the roster can use the chat", device.name() + " in " + brief(chat.bytes) + " is " +
                                                                std::string(to_string(row->status)) + ": " +
                                                                row->problem);
    }
    if (row->cursor != log.entries.size()) {
      violated("whoever is online is caught up",
               device.name() + " at " + place(chat, row->cursor) + " of " + std::to_string(log.entries.size()));
    }
    client::SqlGroupStorage storage(device.db(), chat, row->generation);
    const auto group = mls::Group::load(storage);
    if (!group.ok()) violated("a calm store can be read", device.name() + " group of " + brief(chat.bytes));
    const auto now = to_bytes(group->epoch_authenticator());
    if (authenticator && *authenticator != now) {
      violated("members agree on the epoch", first + " and " + device.name() + " in " + brief(chat.bytes));
    }
    authenticator = now;
    first = device.name();
    const auto devices = client::read_devices(group->members());
    const auto state = client::read_chat_state(group->extensions());
    if (!devices.ok() || !state.ok()) violated("a calm store can be read", "roster of " + brief(chat.bytes));
    const auto roster = client::roster_of(*devices, state->admins);
    if (roster.digest() != must(client::ChatTable(device.db()).roster(chat), "roster").digest() &&
        world_.options().hostile == Hostile::none) {
      violated("members and relay agree on the roster", device.name() + " in " + brief(chat.bytes));
    }
    if (roster.digest() != log.roster.digest() && world_.options().hostile == Hostile::none) {
      violated("members and relay agree on the roster", device.name() + " in " + brief(chat.bytes));
    }
  }
}

void Oracle::check_secrecy(Device& device, const ChatId& chat, const TrueLog& log) {
  const auto member = log.members.find({device.user, device.device});
  if (member != log.members.end() && member->second.on_roster()) return;
  const auto row = row_of(device, chat);
  if (!row) return;
  client::SqlGroupStorage storage(device.db(), chat, row->generation);
  const auto removed_at =
      member == log.members.end() || member->second.owed.empty() ? 0 : member->second.owed.back().second;
  for (auto seq = log.entries.size(); seq > removed_at && seq + 8 > log.entries.size(); --seq) {
    const auto& entry = log.at(seq);
    if (entry.kind != relay::EntryKind::message) continue;
    if (!is_honest(entry.sender.user)) continue;
    auto transaction = store::Transaction::begin(device.db());  // taken back: looking must not change anything
    auto group = mls::Group::load(storage);
    if (!group.ok()) return;
    const auto opened = group->open(entry.payload);
    if (opened.ok()) violated("nobody outside the group can read", device.name() + " opens " + place(chat, seq));
  }
}

void Oracle::check_gaps_are_shown(Device& device, const ChatId& chat) {
  // Among what is shown of another device, its own numbering has no hole without a placeholder near it.
  const auto log = logs_.find(chat);
  if (log == logs_.end()) return;
  // Out of its group, a device is owed no more than the relay says, with pauses, and the chat as a whole is shown as
  // out.
  const auto row = row_of(device, chat);
  if (row && (row->status == ChatStatus::must_rejoin || may_miss(device, row->peer, chat))) return;
  std::map<relay::DeviceRef, std::uint64_t> last_n;
  std::map<ClientMessageId, std::pair<relay::DeviceRef, std::uint64_t>> numbers;
  std::map<std::pair<relay::DeviceRef, std::uint64_t>, std::set<ClientMessageId>> ids;
  for (std::uint64_t seq = 1; seq <= log->second.entries.size(); ++seq) {
    const auto& entry = log->second.at(seq);
    if (entry.kind != relay::EntryKind::message) continue;
    // A sender that was lied to sends a message again under its next n.
    numbers.try_emplace(entry.id, entry.sender, entry.n);
    ids[{entry.sender, entry.n}].insert(entry.id);
  }
  const auto history = history_of(device, chat);
  std::set<ClientMessageId> shown;
  for (const auto& message : history) shown.insert(message.id);
  bool something_missing = false;
  // Placeholders of what did not open: a relay that swaps entries shows them elsewhere than the hole that they explain.
  std::uint64_t unread = 0;
  for (const auto& message : history) {
    if (message.kind == MessageKind::placeholder || message.kind == MessageKind::notice) {
      // A placeholder stands for one or more; a commit may have begun a new numbering.
      something_missing = true;
      if (message.problem && message.problem->code != ErrorCode::NOT_FOUND) ++unread;
      last_n.clear();
      continue;
    }
    const auto number = numbers.find(message.id);
    if (number == numbers.end() || number->second.first.user == device.user) continue;
    const auto& [sender, n] = number->second;
    const auto last = last_n.find(sender);
    std::uint64_t missing = 0;
    for (auto between = last == last_n.end() ? n : last->second + 1; between < n; ++between) {
      const auto& meant = ids[{sender, between}];
      if (std::ranges::none_of(meant, [&](const auto& id) { return shown.contains(id) || hidden_.contains(id); }))
        ++missing;
    }
    if (missing > 0 && !something_missing) {
      if (missing <= unread) {
        unread -= missing;
      } else {
        violated("no silent gap", device.name() + " in " + brief(chat.bytes) + " has n " + std::to_string(n) +
                                      " after " + std::to_string(last->second));
      }
    }
    // A relay that lies can change the order of what it withheld, once it is shown as missing.
    const bool lying_relay = world_.options().hostile == Hostile::relay;
    if (last != last_n.end() && n <= last->second && n != 1 && !lying_relay) {
      violated("one sender's messages in the order sent", device.name() + " in " + brief(chat.bytes));
    }
    // What such a relay gave late stands behind what came after it; the hole was shown where it was noticed.
    auto& newest = last_n[sender];
    newest = lying_relay && n != 1 ? std::max(newest, n) : n;
    something_missing = false;
  }
}

void Oracle::check_bounds(Device& device) {
  const auto check = [&](const char* what, std::int64_t is, std::int64_t most) {
    if (is > most) {
      violated("no table without its bound",
               device.name() + " " + what + ": " + std::to_string(is) + " > " + std::to_string(most));
    }
  };
  const auto chats = static_cast<std::int64_t>(device.chats().size());
  const auto people = static_cast<std::int64_t>(world_.devices().size() + past_.size());
  // Ratchets of each leaf in each epoch kept, the tree, and keys of messages that did not come.
  constexpr auto ratchets = static_cast<std::int64_t>(2 * (mls::limits::past_epochs + 1));
  check("mls rows", count(device, "SELECT count(*) FROM mls"),
        chats * (64 + people * (40 + ratchets * std::int64_t{mls::limits::skipped_keys})));
  check("users", count(device, "SELECT count(*) FROM user"), people);
  check("participants", count(device, "SELECT count(*) FROM participant"), chats * people);
  check("senders", count(device, "SELECT count(*) FROM sender"), chats * people);
  // What was taken and never used waits, as where a founding failed again and again: up to ten stocks.
  const auto stock = static_cast<std::int64_t>(world_.key_packages());
  check("key packages", count(device, "SELECT count(*) FROM key_package"), 11 * stock + 4);
}

void Oracle::check_relay_empty() {
  if (world_.options().hostile != Hostile::none) return;
  const auto db = world_.relay().open_reader();
  auto stored = stored_entries(*db);
  for (const auto& [chat, log] : logs_) {
    if (waits_for_nobody(log)) continue;
    const auto left = stored[chat].size();
    if (left != 0) {
      violated("not kept longer than necessary",
               std::to_string(left) + " entries of " + brief(chat.bytes) + " are left");
    }
  }
}

}  // namespace sotto::sim
