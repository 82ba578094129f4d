// The program without a terminal: commands from standard input, one line of text for everything that happens.
//
// Words are separated by one space; the last one is text, escaped as chat/text.h says, and may hold spaces. `SENDER`
// and ids are 32 hexadecimal digits.
//
//     connection STATE                                              offline, connecting, catching_up or online
//     changed-chat CHAT STATUS TYPE UNREAD REQUEST TITLE            a chat is new or changed; none, pending or declined
//     changed-person USER NAME                                      a profile is another, or whether they are blocked
//     changed-receipts CHAT USER                                    a user has received or read more
//     typing CHAT USER yes|no
//     presence USER here|gone
//     registration made USER | waits MS | refused CODE, then HANDLE  of one whose command has ended
//     handle claimed MS | kept | moved | leads OLDUSER NEWUSER, then HANDLE
//     added CHAT POSITION ID SENDER KIND STATE TEXT                 an entry is new
//     changed CHAT POSITION ID SENDER KIND STATE TEXT               an entry changed
//     attachment NUMBER CHAT ID INDEX KIND STATE SIZE NAME          one of the entry that was added, changed or dumped
//     progress NUMBER TRANSFERRED TOTAL                             bytes of its ciphertext
//     chat NUMBER CHAT STATUS TYPE UNREAD REQUEST TITLE             of /list
//     user USER admin|member NAME                                   of /who
//     receipt USER sent|delivered|read                              of /receipts, which also takes an ID
//     person USER known|unknown heard|blocked MS|- NAME             of /info: when they were last seen; then what is
//     there: handle HANDLE / name NAME / about TEXT / picture SIZE TYPE    of /info, and but for the handle of /profile
//     blocked USER NAME                                             of /blocked
//     privacy typing|presence|read yes|no                           of /privacy
//     question TEXT                                                 what /yes would do
//     entry POSITION ID SENDER KIND STATE TEXT                      of /dump, oldest first
//     ok COMMAND DETAIL / error COMMAND CODE TEXT                   how a command ended; the next one runs after it
//
// Commands for scripts, beside those of chat/command.h:
//
//     /burst COUNT TEXT     writes "TEXT 1" to "TEXT COUNT"; ends when all are on disk
//     /dump                 all entries of the open chat
//     /wait COUNT           waits until the open chat has COUNT texts
//     /wait-chat TITLE      waits until there is an active chat of this title, and opens it
//     /wait-status STATUS   waits until the open chat has this status
//     /settle               waits until nothing in the open chat is on its way
//     /here yes|no          whether others see this person as present: a terminal does that by itself
//     /typing yes|no        whether others see this person as writing in the open chat: likewise
//
// What is looked at is read only by /read.
//
// Waiting ends with TIMED_OUT after the time given on the command line.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <set>
#include <string>

#include "chat/command.h"
#include "chat/event_loop.h"
#include "chat/session.h"

namespace chat {

class LineMode final : public View {
 public:
  LineMode(Session& session, EventLoop& loop, std::chrono::seconds patience)
      : session_(session), loop_(loop), patience_(patience) {}

  /// Runs until /quit, the end of the input or a signal; the exit code.
  int run(int signal_fd);
  void on_event(const sotto::Event& event);

  void ok(std::string_view command, const std::string& detail) override;
  void failed(std::string_view command, const sotto::Error& error) override;
  void show_help() override;
  void show_chats(const std::vector<sotto::Chat>& chats) override;
  void show_people(const std::vector<sotto::Participant>& people) override;
  void show_receipts(const sotto::Message& message, const std::vector<sotto::Receipt>& receipts) override;
  void show_person(const sotto::Person& person) override;
  void show_profile(const sotto::Profile& profile) override;
  void show_blocked(const std::vector<sotto::UserId>& users) override;
  void show_privacy(const sotto::PrivacySettings& settings) override;
  void show_question(const std::string& question) override;
  void show_opened(const sotto::Chat&) override {}
  void show_older() override {}
  void quit() override { quit_ = true; }

 private:
  /// A command that waits for a state of the store.
  struct Wait {
    std::string command;
    std::chrono::steady_clock::time_point deadline;
    /// Looks whether it has come; called after each turn of the loop in which an event arrived.
    std::function<bool()> done;
    std::function<std::string()> detail;
  };

  void take_input();
  void run_next();
  void start(const Command& command);
  void start_wait(const std::string& command, std::function<bool()> done, std::function<std::string()> detail);
  void check_wait(bool changed);
  [[nodiscard]] int poll_timeout() const;

  void burst(const Command& command);
  void here(const Command& command);
  void typing(const Command& command);
  void dump();
  void wait_for_texts(const Command& command);
  void wait_for_chat(const Command& command);
  void wait_for_status(const Command& command);
  void settle();
  /// Every entry of the open chat, newest first, page by page.
  sotto::Status each_entry(const std::function<void(const sotto::Message&)>& visit);

  Session& session_;
  EventLoop& loop_;
  std::chrono::seconds patience_;
  std::string input_;
  std::deque<std::string> lines_;
  bool input_ended_ = false;
  bool busy_ = false;
  bool quit_ = false;
  bool events_came_ = false;
  std::optional<Wait> wait_;
  /// What the running wait watches in the open chat: texts that are there, or own ones that are on their way.
  std::set<sotto::ClientMessageId> watched_;
  std::function<void(const sotto::Message&)> watch_;
};

}  // namespace chat
