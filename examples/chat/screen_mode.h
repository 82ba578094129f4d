// The program in a terminal: the open chat above, a bar with its state, the line that is typed below.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "chat/command.h"
#include "chat/event_loop.h"
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
  void show_opened(const sotto::Chat& chat) override;
  void show_older() override;
  void quit() override { quit_ = true; }

 private:
  void greet();
  void enter();
  void wish(Wish wish);
  void scroll(bool up);
  /// A line of the program itself, below what is there now.
  void note(std::string text);
  void update(const sotto::Message& message);
  void update(const sotto::AttachmentProgress& progress);
  void notify(const sotto::Message& message);
  void notify(const sotto::Chat& chat);
  void load_page();

  void draw();
  [[nodiscard]] std::vector<std::string> history_lines(std::size_t columns) const;
  [[nodiscard]] std::string bar(std::size_t columns) const;
  void add_message_lines(const sotto::Message& message, std::size_t columns, std::vector<std::string>& out) const;
  void add_attachment_lines(const sotto::Message& message, std::size_t indent, std::size_t columns,
                            std::vector<std::string>& out) const;

  Session& session_;
  EventLoop& loop_;
  Terminal terminal_;
  const bool true_colour_ = shows_true_colour();
  LineEditor editor_;
  bool quit_ = false;
  sotto::ConnectionChanged connection_;
  std::optional<sotto::Chat> open_;
  /// The chats that the person was told of.
  std::set<sotto::ChatId> known_;
  /// What is loaded of the open chat, oldest first.
  std::vector<sotto::Message> messages_;
  bool all_loaded_ = false;
  /// Lines of the program itself, by the entry that they stand below; zero: above all.
  std::map<sotto::ClientMessageId, std::vector<std::string>> notes_;
  /// Lines that the view is scrolled up from the end.
  std::size_t scrolled_ = 0;
};

}  // namespace chat
