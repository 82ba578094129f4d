// The program in a terminal: the open chat above, a bar with its state, the line that is typed below.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "chat/command.h"
#include "chat/event_loop.h"
#include "chat/history.h"
#include "chat/line_editor.h"
#include "chat/session.h"
#include "chat/terminal.h"

namespace chat {

class ScreenMode final : public View {
 public:
  ScreenMode(Session& session, EventLoop& loop) : session_(session), loop_(loop) {}

  /// Runs until /quit, Ctrl-C or a signal; the exit code.
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
  void show_opened(const sotto::Chat& chat) override;
  void show_older() override;
  void quit() override { quit_ = true; }

 private:
  void greet();
  void enter();
  void wish(Wish wish);
  void scroll(bool up);
  void tell_typing();
  void mark_read();
  void clear_if_erased();
  /// A line of the program itself, below what is there now.
  void note(std::string text) { history_.note(std::move(text)); }
  /// Says what went wrong, if anything.
  void told(const sotto::Status& status);
  void notify(const sotto::Message& message);
  void notify(const sotto::Chat& chat);

  void draw();
  [[nodiscard]] std::string bar(std::size_t columns) const;

  Session& session_;
  EventLoop& loop_;
  Terminal terminal_;
  History history_{session_, shows_true_colour()};
  LineEditor editor_;
  bool quit_ = false;
  sotto::ConnectionChanged connection_;
  std::optional<sotto::Chat> open_;
  /// The chats that the person was told of.
  std::set<sotto::ChatId> known_;
  /// Lines that the view is scrolled up from the end.
  std::size_t scrolled_ = 0;
  /// Up to where the open chat was marked as read.
  sotto::ClientMessageId marked_;
  bool typing_ = false;
  bool had_account_ = false;
};

}  // namespace chat
