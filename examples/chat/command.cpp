#include "chat/command.h"

#include <algorithm>
#include <utility>

namespace chat {
namespace {

using sotto::Error;
using sotto::ErrorCode;
using sotto::Result;

struct Call {
  const Command& command;
  Session& session;
  View& view;

  void fail(const Error& error) const { view.failed(command.name, error); }
  void misuse(const std::string& text) const { fail(Error(ErrorCode::INVALID_ARGUMENT, text)); }
  /// A completion that ends the command; `detail` makes what is told of a value.
  template <typename T, typename Detail>
  sotto::Completion<T> finish(Detail detail) const {
    return [name = command.name, &view = view, detail](Result<T> result) {
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
  /// The chat that is open; says so and gives nothing if none is.
  [[nodiscard]] std::optional<sotto::ChatId> open_chat() const {
    if (!session.open_chat()) fail(Error(ErrorCode::NOT_FOUND, "no chat is open; see /list and /open"));
    return session.open_chat();
  }
};

void register_account(const Call& call) {
  // Options come last, since a name may have spaces.
  std::string handle = call.command.rest;
  sotto::RegisterOptions options;
  for (bool more = true; more;) {
    more = false;
    for (const auto& [name, value] :
         {std::pair{" --code ", &options.code}, {" --invite ", &options.invite}, {" --pin ", &options.pin}}) {
      const auto at = handle.rfind(name);
      if (at == std::string::npos || handle.find(' ', at + std::string_view(name).size()) != std::string::npos)
        continue;
      *value = handle.substr(at + std::string_view(name).size());
      handle.resize(at);
      more = true;
    }
  }
  call.session.register_account(std::move(handle), std::move(options),
                                call.finish<sotto::UserId>([](const auto& user) { return user.to_string(); }));
}

void code(const Call& call) {
  call.session.client().request_code(call.command.rest, call.finish<sotto::CodeSent>([](const auto& sent) {
    return std::to_string(sent.digits) + " digits";
  }));
}

void pin(const Call& call) {
  const auto& text = call.command.rest;
  call.session.client().set_pin(text.empty() ? std::nullopt : std::optional(text), call.finish_change());
}

void keep(const Call& call) { call.session.client().keep_handle(call.finish_change()); }

void findable(const Call& call) {
  const auto& answer = call.command.rest;
  if (answer != "yes" && answer != "no") return call.misuse("/findable yes or no");
  call.session.client().set_discoverable(answer == "yes", call.finish_change());
}

void replace(const Call& call) {
  const auto chat = call.open_chat();
  const auto words = call.command.words();
  if (!chat) return;
  const auto old_user = words.size() == 2 ? sotto::UserId::parse(words[0]) : std::nullopt;
  if (!old_user) return call.misuse("/replace USERID NAME");
  call.session.look_up(words[1], [&client = call.session.client(), chat = *chat, old = *old_user,
                                  done = call.finish_change()](Result<sotto::UserId> user) {
    if (!user.ok()) return done(user.error());
    client.replace_participant(chat, old, *user, done);
  });
}

void find(const Call& call) {
  call.session.look_up(call.command.rest,
                       call.finish<sotto::UserId>([](const auto& user) { return user.to_string(); }));
}

void list(const Call& call) {
  const auto chats = call.session.list();
  if (!chats.ok()) return call.fail(chats.error());
  call.view.show_chats(*chats);
  call.view.ok(call.command.name, std::to_string(chats->size()));
}

void open(const Call& call) {
  const auto chat = call.session.resolve(call.command.rest);
  if (!chat.ok()) return call.fail(chat.error());
  call.session.open(chat->id);
  call.view.show_opened(*chat);
  call.view.ok(call.command.name, chat->id.to_string());
}

void new_direct(const Call& call) { call.session.new_direct(call.command.rest, call.finish_new_chat()); }

void new_group(const Call& call) {
  auto words = call.command.words();
  if (words.size() < 2) return call.misuse("/group TITLE NAME NAME …");
  std::string title = std::move(words.front());
  words.erase(words.begin());
  call.session.new_group(std::move(title), std::move(words), call.finish_new_chat());
}

void add(const Call& call) {
  call.session.change(call.command.rest, sotto::ParticipantOperation::add, call.finish_change());
}

void remove(const Call& call) {
  call.session.change(call.command.rest, sotto::ParticipantOperation::remove, call.finish_change());
}

void rename(const Call& call) {
  if (const auto chat = call.open_chat()) {
    call.session.client().rename(*chat, call.command.rest, call.finish_change());
  }
}

void refresh(const Call& call) {
  if (const auto chat = call.open_chat()) call.session.client().refresh_keys(*chat, call.finish_change());
}

void who(const Call& call) {
  const auto chat = call.open_chat();
  if (!chat) return;
  const auto people = call.session.client().participants(*chat);
  if (!people.ok()) return call.fail(people.error());
  call.view.show_people(*people);
  call.view.ok(call.command.name, std::to_string(people->size()));
}

void more(const Call& call) {
  if (!call.open_chat()) return;
  call.view.show_older();
  call.view.ok(call.command.name, {});
}

void connect(const Call& call) {
  call.session.client().connect();
  call.view.ok(call.command.name, {});
}

void help(const Call& call) {
  call.view.show_help();
  call.view.ok(call.command.name, {});
}

void quit(const Call& call) {
  call.view.ok(call.command.name, {});
  call.view.quit();
}

void say(const Call& call) {
  const auto chat = call.open_chat();
  if (!chat) return;
  // The completion gets the id by way of this box, since `send` returns it only after taking the completion.
  auto id = std::make_shared<std::string>();
  const auto message = call.session.client().send(*chat, call.command.rest, call.finish<void>([id] { return *id; }));
  if (!message.ok()) return call.fail(message.error());
  *id = message->id.to_string();
}

/// "PATH CAPTION", with "double quotes" around a path with spaces.
void send_file(const Call& call, std::optional<sotto::AttachmentKind> kind) {
  const auto chat = call.open_chat();
  if (!chat) return;
  const auto words = call.command.words();
  if (words.empty()) return call.misuse("which file?");
  // The caption is what follows as it was typed.
  const auto& rest = call.command.rest;
  const auto end = rest.front() == '"' ? std::min(rest.find('"', 1), rest.size() - 1) + 1 : words.front().size();
  const auto caption = std::min(rest.find_first_not_of(' ', end), rest.size());
  call.session.attachments().send(*chat, words.front(), kind, rest.substr(caption),
                                  call.finish<std::string>([](const auto& id) { return id; }));
}

void send_any(const Call& call) { send_file(call, std::nullopt); }
void send_voice(const Call& call) { send_file(call, sotto::AttachmentKind::voice); }
void send_document(const Call& call) { send_file(call, sotto::AttachmentKind::document); }

/// "NUMBER PATH".
void save(const Call& call) {
  const auto& rest = call.command.rest;
  const auto end = std::min(rest.find(' '), rest.size());
  const auto path = std::min(rest.find_first_not_of(' ', end), rest.size());
  call.session.attachments().save(rest.substr(0, end), rest.substr(path),
                                  call.finish<std::string>([](const auto& saved) { return saved; }));
}

void fetch(const Call& call) {
  call.session.attachments().transfer(call.command.rest, sotto::TransferAction::start, call.finish_change());
}

void pause(const Call& call) {
  call.session.attachments().transfer(call.command.rest, sotto::TransferAction::pause, call.finish_change());
}

void cancel(const Call& call) {
  call.session.attachments().transfer(call.command.rest, sotto::TransferAction::cancel, call.finish_change());
}

void ask(const Call& call) { call.session.attachments().request(call.command.rest, call.finish_change()); }

struct Entry {
  std::string_view name;
  CommandHelp help;
  void (*run)(const Call&);
};

const std::vector<Entry>& entries() {
  static const std::vector<Entry> all{
      {"register",
       {"/register NAME", "make an account, under a name that others find you by; --code, --invite, --pin if wanted"},
       register_account},
      {"code", {"/code NUMBER", "have a code sent to a phone number, for /register"}, code},
      {"list", {"/list", "all chats, numbered"}, list},
      {"open", {"/open N or NAME", "look at a chat; what you type goes there"}, open},
      {"new", {"/new NAME", "write to somebody"}, new_direct},
      {"group", {"/group TITLE NAME …", "a new group; \"quotes\" around a title with spaces"}, new_group},
      {"who", {"/who", "the people of this chat"}, who},
      {"add", {"/add NAME", "add somebody to this group"}, add},
      {"remove", {"/remove NAME", "remove somebody from this group"}, remove},
      {"replace", {"/replace USERID NAME", "NAME comes into this group in the place of an old account"}, replace},
      {"rename", {"/rename TITLE", "give this group another name"}, rename},
      {"refresh", {"/refresh", "replace your keys in this chat now"}, refresh},
      {"find", {"/find NAME", "look somebody up; from then on the name is shown for the id"}, find},
      {"send", {"/send PATH TEXT", "send a picture, video, voice note or file, by its name's ending"}, send_any},
      {"voice", {"/voice PATH", "send a sound as a voice note"}, send_voice},
      {"file", {"/file PATH TEXT", "send anything as a file"}, send_document},
      {"save", {"/save N PATH", "fetch attachment N and write it into a file; without a path, into this folder"}, save},
      {"fetch", {"/fetch N", "fetch attachment N, or go on with it"}, fetch},
      {"pause", {"/pause N", "stop sending or fetching attachment N for now"}, pause},
      {"cancel", {"/cancel N", "do not send attachment N, or forget what was fetched of it"}, cancel},
      {"ask", {"/ask N", "ask the sender for attachment N, which the relay has no more"}, ask},
      {"pin",
       {"/pin PIN", "lock your name, so that it moves to another account with the PIN only; /pin alone unlocks"},
       pin},
      {"keep", {"/keep", "your name stays yours, if somebody else wants it"}, keep},
      {"findable", {"/findable yes or no", "whether others find you by your name"}, findable},
      {"connect", {"/connect", "try to reach the relay now, without waiting for the next try"}, connect},
      {"more", {"/more", "older messages (also: Page Up)"}, more},
      {"help", {"/help", "this text"}, help},
      {"quit", {"/quit", "end; what is not sent yet is sent next time"}, quit},
  };
  return all;
}

}  // namespace

const std::vector<CommandHelp>& command_help() {
  static const std::vector<CommandHelp> all = [] {
    std::vector<CommandHelp> out;
    for (const auto& entry : entries()) out.push_back(entry.help);
    return out;
  }();
  return all;
}

Command Command::parse(std::string_view line) {
  if (!line.starts_with('/')) return {"say", std::string(line)};
  if (line.starts_with("//")) return {"say", std::string(line.substr(1))};
  line.remove_prefix(1);
  const auto end = std::min(line.find(' '), line.size());
  const auto rest = std::min(line.find_first_not_of(' ', end), line.size());
  const auto last = line.find_last_not_of(' ') + 1;
  return {std::string(line.substr(0, end)), std::string(line.substr(rest, std::max(rest, last) - rest))};
}

std::vector<std::string> Command::words() const {
  std::vector<std::string> out;
  bool quoted = false;
  bool inside = false;
  for (const char c : rest) {
    if (c == '"') {
      quoted = !quoted;
      if (!inside) out.emplace_back();
      inside = true;
    } else if (c == ' ' && !quoted) {
      inside = false;
    } else {
      if (!inside) out.emplace_back();
      inside = true;
      out.back() += c;
    }
  }
  return out;
}

void run(const Command& command, Session& session, View& view) {
  const Call call{command, session, view};
  if (command.name == "say") return say(call);
  for (const auto& entry : entries()) {
    if (entry.name == command.name) return entry.run(call);
  }
  call.misuse("there is no /" + command.name + "; see /help");
}

}  // namespace chat
