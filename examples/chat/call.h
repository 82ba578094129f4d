// One command on its way.
#pragma once

#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "chat/command.h"

namespace chat {

struct Call {
  const Command& command;
  Session& session;
  View& view;

  void fail(const sotto::Error& error) const { view.failed(command.name, error); }
  void misuse(const std::string& text) const { fail(sotto::Error(sotto::ErrorCode::INVALID_ARGUMENT, text)); }
  /// A completion that ends the command; `detail` makes what is told of a value.
  template <typename T, typename Detail>
  sotto::Completion<T> finish(Detail detail) const {
    return [name = command.name, &view = view, detail](sotto::Result<T> result) {
      if (!result.ok()) return view.failed(name, result.error());
      if constexpr (std::is_void_v<T>) {
        view.ok(name, detail());
      } else {
        view.ok(name, detail(*result));
      }
    };
  }
  [[nodiscard]] sotto::Completion<void> finish_change() const {
    return finish<void>([] { return std::string(); });
  }
  [[nodiscard]] sotto::Completion<sotto::Chat> finish_new_chat() const {
    return finish<sotto::Chat>([&view = view](const sotto::Chat& chat) {
      view.show_opened(chat);
      return chat.id.to_string();
    });
  }
  /// Asks first: `/yes` on the next line does it.
  void confirm(const std::string& question, Session::Held then) const {
    session.hold(std::move(then));
    view.show_question(question);
    view.ok(command.name, {});
  }
  /// The chat that is open; says so and gives nothing if none is.
  [[nodiscard]] std::optional<sotto::ChatId> open_chat() const {
    if (!session.open_chat()) fail(sotto::Error(sotto::ErrorCode::NOT_FOUND, "no chat is open; see /list and /open"));
    return session.open_chat();
  }
};

}  // namespace chat
