// What a terminal shows of a chat: its entries as far as they are loaded, and lines of the program itself between them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "chat/format.h"
#include "chat/session.h"

namespace chat {

class History {
 public:
  History(Session& session, bool true_colour) : session_(session), true_colour_(true_colour) {}

  /// Begins with the newest entries of a chat; without one, with nothing.
  sotto::Status show(const std::optional<sotto::Chat>& chat);
  /// One page more, of older ones.
  sotto::Status load_page();
  /// A line of the program itself, below what is there now. A look at its start holds for all of it.
  void note(std::string text);

  void on_event(const sotto::Event& event);

  /// Of the newest entry by somebody else; zero if there is none.
  [[nodiscard]] sotto::ClientMessageId newest_received() const;
  [[nodiscard]] std::vector<std::string> lines(std::size_t width);

 private:
  void update(const sotto::Message& message);
  void update(const sotto::AttachmentProgress& progress);
  void count_receipts();
  void add_note_lines(const sotto::ClientMessageId& id, std::size_t width, std::vector<std::string>& out) const;
  void add_message_lines(const sotto::Message& message, std::size_t width, std::vector<std::string>& out) const;
  void add_attachment_lines(const sotto::Message& message, std::size_t indent, std::size_t width,
                            std::vector<std::string>& out) const;

  Session& session_;
  const bool true_colour_;
  std::optional<sotto::Chat> chat_;
  /// Oldest first.
  std::vector<sotto::Message> messages_;
  bool all_loaded_ = false;
  /// By the entry that they stand below; zero: above all.
  std::map<sotto::ClientMessageId, std::vector<std::string>> notes_;
  /// Of own messages in a group that not all have read yet.
  std::map<sotto::ClientMessageId, Reached> reached_;
  bool receipts_stale_ = false;
};

}  // namespace chat
