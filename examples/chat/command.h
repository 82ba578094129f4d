// The commands that a person or a script types, and what each does.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/session.h"

namespace chat {

/// What a face of the program does with the outcome of a command.
class View {
 public:
  View() = default;
  View(const View&) = delete;
  View& operator=(const View&) = delete;
  virtual ~View() = default;

  /// Every command ends with exactly one `ok` or `failed`.
  virtual void ok(std::string_view command, const std::string& detail) = 0;
  virtual void failed(std::string_view command, const sotto::Error& error) = 0;

  virtual void show_help() = 0;
  virtual void show_chats(const std::vector<sotto::Chat>& chats) = 0;
  virtual void show_people(const std::vector<sotto::Participant>& people) = 0;
  /// How far an own message has come with each of the others.
  virtual void show_receipts(const sotto::Message& message, const std::vector<sotto::Receipt>& receipts) = 0;
  virtual void show_person(const sotto::Person& person) = 0;
  /// The own one.
  virtual void show_profile(const sotto::Profile& profile) = 0;
  virtual void show_blocked(const std::vector<sotto::UserId>& users) = 0;
  virtual void show_privacy(const sotto::PrivacySettings& settings) = 0;
  /// `/yes` is the answer.
  virtual void show_question(const std::string& question) = 0;
  virtual void show_opened(const sotto::Chat& chat) = 0;
  virtual void show_older() = 0;
  virtual void quit() = 0;
};

struct CommandHelp {
  std::string_view usage;
  std::string_view text;
};
/// The commands of `run`, for help.
const std::vector<CommandHelp>& command_help();

/// "/open Hiking club" is the name "open" and the rest "Hiking club". Text without a slash, or after two, is `say`.
struct Command {
  std::string name;
  std::string rest;

  static Command parse(std::string_view line);
  /// The rest in words; "double quotes" keep spaces in a word.
  [[nodiscard]] std::vector<std::string> words() const;
};

/// Starts a command; the view is told how it ends, now or later.
void run(const Command& command, Session& session, View& view);

}  // namespace chat
