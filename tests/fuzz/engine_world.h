// What the engine's target is fed with: a world in which alice went offline, all that an honest relay would tell her
// then, and all that a hostile member has made with all keys right.
#pragma once

#include <set>
#include <tuple>

#include "support/testnet.h"
#include "wire/frame.h"

namespace sotto::fuzz {

struct EngineWorld {
  EngineWorld();

  /// Everything that was truly written: nothing else may be shown as a text.
  using Text = std::tuple<ChatId, UserId, std::string>;

  test::TestNet net{1};
  test::TestDevice* alice = nullptr;
  test::TestDevice* bob = nullptr;
  test::TestDevice* carol = nullptr;
  test::TestDevice* mallory = nullptr;
  /// Chats that alice's store knows, and ones that it is told of now.
  std::vector<ChatId> chats;
  /// A chat to which alice was invited while she was away; hostile inputs never see it.
  ChatId later;
  std::set<Text> texts;
  std::map<ChatId, std::set<std::string>> names;
  /// Attachments that were truly shown (`attachment_as_shown`), those that break a limit not among them.
  std::set<std::string> attachments;
  /// Who truly said that they write, and where; that they are there; in which chats everybody has read.
  std::set<std::pair<ChatId, UserId>> typed;
  std::set<UserId> present;
  std::set<ChatId> read_by_all;
  std::set<std::pair<UserId, std::string>> profile_names;

  Bytes incarnation;
  wire::Heads heads;
  /// One entry, receipt or Welcome each, in the order of an honest relay.
  std::vector<wire::Push> owed;
  std::vector<wire::Push> owed_later;
  std::vector<wire::Push> crafted;
  /// Ephemerals and read marks, genuine and crafted.
  std::vector<wire::Push> signals;
  /// Ciphertexts of attachments and of ratchet trees, by attachmentId.
  std::map<std::string, Bytes> files;
  /// Sealed profiles, by the hash of their token.
  std::map<std::string, Bytes> profiles;
  std::map<std::string, wire::UserFound> found;
  std::map<std::string, wire::KeyPackagesTaken::User> taken;
  /// What carol shows in `later`.
  ClientMessageId picture_later;

  wire::Push ephemeral(const ChatId& chat, const test::TestDevice& from, ByteView payload) const;
  wire::Push read_mark(const ChatId& chat, const test::TestDevice& from, ByteView payload) const;

 private:
  void live();
  void signal();
  void leave();
  void ask();
  void hear(wire::Envelope& envelope);
  void say(test::TestDevice& device, const ChatId& chat, const std::string& text);
  ClientMessageId show(test::TestDevice& device, const ChatId& chat, const std::string& caption, std::size_t size,
                       AttachmentKind kind = AttachmentKind::document);
  ChatId group(test::TestDevice& by, const std::vector<test::TestDevice*>& others, const std::string& name);
  void rename(test::TestDevice& device, const ChatId& chat, const std::string& name);

  ChatId mob_;
  /// Whose signals and profile the relay hears now.
  test::TestDevice* speaker_ = nullptr;
};

/// What an app sees of an attachment in a message, but for how far it has come.
std::string attachment_as_shown(const ChatId& chat, const UserId& sender, const std::string& caption, std::size_t index,
                                const AttachmentInfo& info, std::uint64_t size);

}  // namespace sotto::fuzz
