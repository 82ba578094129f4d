#include "relay/chat_cache.h"

#include <algorithm>

#include "relay/record_keys.h"

namespace sotto::relay {

namespace {
/// Of the log's tail and of the cursors, a read.
constexpr std::size_t tail_entries = 256;
constexpr std::size_t tail_bytes = 1024 * 1024;
constexpr std::size_t cursors_a_read = 500;
/// Counting all chats takes longer than most steps.
constexpr std::uint64_t steps_between_counts = 256;
}  // namespace

Dependency chat_dependency(const ChatId& chat) {
  Dependency out{'L'};
  append(out, view(chat));
  return out;
}

/// A chat that is being read; what is left of it when the chat is dropped meanwhile ends quietly.
struct ChatCache::Loading {
  std::weak_ptr<Chat> chat;
  std::uint64_t last = 0;
  int parts = 2;
};

Need<Chat> ChatCache::need(const ChatId& id) {
  auto& chat = chats_[id];
  if (!chat) {
    chat = std::make_shared<Chat>();
    chat->id = id;
    load(chat);
  }
  chat->used = step_;
  if (chat->state == Chat::State::failed) return {nullptr, unavailable()};
  if (chat->state == Chat::State::loading) return {};
  return {chat.get(), std::nullopt};
}

Chat* ChatCache::find(const ChatId& id) {
  const auto it = chats_.find(id);
  return it == chats_.end() || it->second->state != Chat::State::ready ? nullptr : it->second.get();
}

void ChatCache::finish(Loading& loading, bool ok) {
  const auto chat = loading.chat.lock();
  if (!chat || chat->state == Chat::State::failed) return;
  if (!ok) {
    chat->state = Chat::State::failed;
    failed_.push_back(chat->id);
  } else if (--loading.parts == 0) {
    chat->state = Chat::State::ready;
    loaded_.push_back(chat->id);
  }
}

void ChatCache::load(const ChatPtr& chat) {
  auto loading = std::make_shared<Loading>();
  loading->chat = chat;
  load_log(loading);
  load_cursors(loading, {});
}

void ChatCache::load_log(const std::shared_ptr<Loading>& loading) {
  backend_.load(loading->chat.lock()->id, [this, loading](Result<LogState> state) {
    const auto target = loading->chat.lock();
    if (!target) return;
    if (!state.ok()) return finish(*loading, false);
    if (!state->snapshot.empty()) {
      auto fold = decode_fold(state->snapshot);
      if (!fold.ok() || fold->head != state->snapshot_seq) return finish(*loading, false);
      target->fold = std::move(*fold);
    }
    target->first = state->first;
    target->snapshot_seq = state->snapshot_seq;
    target->durable_head = state->last;
    loading->last = state->last;
    read_tail(loading);
  });
}

void ChatCache::read_tail(const std::shared_ptr<Loading>& loading) {
  const auto chat = loading->chat.lock();
  if (chat->fold.head >= loading->last) return finish(*loading, chat->fold.head == loading->last);
  backend_.read(chat->id, chat->fold.head + 1, tail_entries, tail_bytes,
                [this, loading](Result<std::vector<LogRecord>> records) {
                  const auto target = loading->chat.lock();
                  if (!target) return;
                  if (!records.ok() || records->empty()) return finish(*loading, false);
                  for (const auto& record : *records) {
                    auto entry = decode_entry(record.data);
                    if (!entry.ok() || record.seq != target->fold.head + 1 || !target->fold.apply(*entry).ok()) {
                      return finish(*loading, false);
                    }
                    target->push_recent({record.seq, std::make_shared<const StoredEntry>(std::move(*entry)), {}});
                    if (record.seq == loading->last) break;
                  }
                  read_tail(loading);
                });
}

bool ChatCache::take_cursor_or_mark(Chat& chat, const Record& record) {
  if (const auto user = keys::user_of_read_mark(record.key)) {
    auto mark = ReadMarkRecord::decode(record.value);
    if (mark.ok()) chat.read_marks[*user] = {std::move(*mark), record.revision};
    return mark.ok();
  }
  const auto device = keys::device_of_cursor(record.key);
  const auto value = CursorRecord::decode(record.value);
  if (!device || !value.ok()) return false;
  chat.cursors[*device] = {*value, record.revision};
  return true;
}

void ChatCache::load_cursors(const std::shared_ptr<Loading>& loading, RecordKey after) {
  const auto chat = loading->chat.lock();
  backend_.scan(keys::cursors_of(chat->id), std::move(after), cursors_a_read,
                [this, loading](Result<std::vector<Record>> records) {
                  const auto target = loading->chat.lock();
                  if (!target) return;
                  if (!records.ok()) return finish(*loading, false);
                  for (const auto& record : *records) {
                    if (!take_cursor_or_mark(*target, record)) return finish(*loading, false);
                  }
                  if (records->size() < cursors_a_read) return finish(*loading, true);
                  load_cursors(loading, records->back().key);
                });
}

template <typename Id, typename Kept>
void ChatCache::put(Chat& chat, RecordKey key, std::map<Id, Kept> Chat::*all, const Id& which) {
  const auto& kept = (chat.*all)[which];
  backend_.put(std::move(key), kept.record.encode(), kept.revision,
               [this, id = chat.id, all, which](const Result<std::uint64_t>& result) {
                 batch_.finished(chat_dependency(id), result);
                 auto* target = find(id);
                 if (target == nullptr || !result.ok()) return;
                 const auto it = (target->*all).find(which);
                 if (it != (target->*all).end()) it->second.revision = *result;
               });
}

void ChatCache::flush_cursors(Chat& chat) {
  for (const auto& device : std::exchange(chat.dirty_cursors, {})) {
    put(chat, keys::cursor(chat.id, device), &Chat::cursors, device);
  }
  for (const auto& user : std::exchange(chat.dirty_read_marks, {})) {
    put(chat, keys::read_mark(chat.id, user), &Chat::read_marks, user);
  }
}

void ChatCache::sweep(std::uint64_t step) {
  step_ = step;
  for (const auto& id : failed_) {
    const auto it = chats_.find(id);
    if (it != chats_.end() && it->second->state == Chat::State::failed) chats_.erase(it);
  }
  failed_.clear();
  if (chats_.size() <= limit_ && step % steps_between_counts != 0) return;
  std::size_t bytes = 0;
  std::vector<std::uint64_t> uses;
  uses.reserve(chats_.size());
  for (const auto& [id, chat] : chats_) {
    bytes += chat->recent_bytes;
    uses.push_back(chat->used);
  }
  if (chats_.size() <= limit_ && bytes <= entry_bytes_) return;
  const auto middle = uses.begin() + static_cast<std::ptrdiff_t>(uses.size() / 2);
  std::nth_element(uses.begin(), middle, uses.end());
  std::erase_if(chats_, [&](const auto& item) {
    const Chat& chat = *item.second;
    const bool needed = chat.state == Chat::State::loading || chat.receipt_due != 0 || chat.trim_due != 0;
    return !needed && chat.used <= *middle && chat.used + 2 < step_;
  });
}

}  // namespace sotto::relay
