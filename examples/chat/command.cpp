#include "chat/command.h"

#include <algorithm>

#include "chat/account_commands.h"
#include "chat/chat_commands.h"
#include "chat/file_commands.h"
#include "chat/people_commands.h"

namespace chat {
namespace {

void connect(const Call& call) {
  call.session.client().connect();
  call.view.ok(call.command.name, {});
}

void disconnect(const Call& call) {
  call.session.client().disconnect();
  call.view.ok(call.command.name, {});
}

void yes(const Call& call) {
  const auto held = call.session.take_held();
  if (!held) return call.misuse("nothing was asked");
  held(call.finish_change());
}

void help(const Call& call) {
  call.view.show_help();
  call.view.ok(call.command.name, {});
}

void quit(const Call& call) {
  call.view.ok(call.command.name, {});
  call.view.quit();
}

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
      {"code", {"/code NUMBER", "have a code sent to a phone number, for /register or /handle"}, code},
      {"list", {"/list", "all chats, numbered"}, list},
      {"open", {"/open N or NAME", "look at a chat; what you type goes there"}, open},
      {"new", {"/new NAME", "write to somebody"}, new_direct},
      {"group", {"/group TITLE NAME …", "a new group; \"quotes\" around a title with spaces"}, new_group},
      {"accept", {"/accept", "talk with who asks to, in this chat; writing does it, too"}, accept},
      {"decline", {"/decline", "do not: what they send is dropped"}, decline},
      {"read", {"/read", "this chat is read to its end (what you look at in a terminal is, by itself)"}, mark_read},
      {"receipts", {"/receipts", "whom your last message here has reached, and who has read it"}, receipts},
      {"who", {"/who", "the people of this chat"}, who},
      {"add", {"/add NAME", "add somebody to this group"}, add},
      {"remove", {"/remove NAME", "remove somebody from this group"}, remove},
      {"replace", {"/replace USERID NAME", "NAME comes into this group in the place of an old account"}, replace},
      {"rename", {"/rename TITLE", "give this group another name"}, rename},
      {"refresh", {"/refresh", "replace your keys in this chat now"}, refresh},
      {"find", {"/find NAME", "look somebody up; from then on the name is shown for the id"}, find},
      {"info", {"/info NAME", "what is known of somebody"}, info},
      {"block", {"/block NAME", "hear nothing of somebody, and tell nothing"}, block},
      {"unblock", {"/unblock NAME", "end that"}, unblock},
      {"blocked", {"/blocked", "who is blocked"}, blocked},
      {"profile", {"/profile", "what others see of you"}, profile},
      {"name", {"/name TEXT", "the name that others see"}, set_name},
      {"about", {"/about TEXT", "a few words about you"}, set_about},
      {"picture", {"/picture PATH", "a picture of you, of at most 48 KiB; without a path, none"}, set_picture},
      {"privacy",
       {"/privacy WHAT yes or no",
        "tell others that you are typing, presence or read, or not; alone, shows what you tell"},
       privacy},
      {"send", {"/send PATH TEXT", "send a picture, video, voice note or file, by its name's ending"}, send_any},
      {"voice", {"/voice PATH", "send a sound as a voice note"}, send_voice},
      {"file", {"/file PATH TEXT", "send anything as a file"}, send_document},
      {"save", {"/save N PATH", "fetch attachment N and write it into a file; without a path, into this folder"}, save},
      {"forward", {"/forward N CHAT", "send the message with attachment N to another chat"}, forward},
      {"fetch", {"/fetch N", "fetch attachment N, or go on with it"}, fetch},
      {"pause", {"/pause N", "stop sending or fetching attachment N for now"}, pause},
      {"cancel", {"/cancel N", "do not send attachment N, or forget what was fetched of it"}, cancel},
      {"ask", {"/ask N", "ask the sender for attachment N, which the relay has no more"}, ask},
      {"pin",
       {"/pin PIN", "lock your name, so that it moves to another account with the PIN only; /pin alone unlocks"},
       pin},
      {"handle",
       {"/handle NAME", "another name that others find you by, in place of yours; options as for /register"},
       change_handle},
      {"keep", {"/keep", "your name stays yours, if somebody else wants it"}, keep},
      {"findable", {"/findable yes or no", "whether others find you by your name"}, findable},
      {"connect", {"/connect", "try to reach the relay now, without waiting for the next try"}, connect},
      {"offline", {"/offline", "stay offline until /connect"}, disconnect},
      {"logout", {"/logout", "log out and keep everything here; /logout erase keeps nothing"}, log_out},
      {"delete", {"/delete", "delete your account for ever"}, delete_account},
      {"yes", {"/yes", "do what you were just asked about"}, yes},
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
  // What was asked about is off with any other line.
  if (command.name != "yes") session.hold(nullptr);
  if (command.name == "say") return say(call);
  for (const auto& entry : entries()) {
    if (entry.name == command.name) return entry.run(call);
  }
  call.misuse("there is no /" + command.name + "; see /help");
}

}  // namespace chat
