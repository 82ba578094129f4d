// What the engine target plays with, made once: a client that was away for a while, everything that an honest relay
// would tell it now, and what a hostile member has made with all keys right.
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

  Bytes incarnation;
  wire::Heads heads;
  /// One entry, receipt or Welcome each, in the order of an honest relay.
  std::vector<wire::Push> owed;
  std::vector<wire::Push> owed_later;
  std::vector<wire::Push> crafted;
  /// Ciphertexts of ratchet trees, by attachmentId.
  std::map<std::string, Bytes> trees;
  std::map<std::string, wire::UserFound> found;
  std::map<std::string, wire::KeyPackagesTaken::User> taken;

 private:
  void live();
  void leave();
  void ask();
  void say(test::TestDevice& device, const ChatId& chat, const std::string& text);
  ChatId group(test::TestDevice& by, const std::vector<test::TestDevice*>& others, const std::string& name);
  void rename(test::TestDevice& device, const ChatId& chat, const std::string& name);

  ChatId mob_;
};

/// Messages, commits and Welcomes of mallory, who is a member of `mob` and may invite alice to whatever she likes.
/// `key_packages` are alice's.
void craft(EngineWorld& world, const ChatId& mob, std::vector<mls::KeyPackage> key_packages);

}  // namespace sotto::fuzz
