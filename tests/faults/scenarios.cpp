#include "faults/scenarios.h"

#include "support/catch.h"

namespace sotto::test {

namespace {

ClientMessageId fixed_id() {
  ClientMessageId id;
  id.bytes.fill(7);
  return id;
}

client::Input send_text(const Scene& scene, Completion<void> done) {
  Message message;
  message.chat = scene.chat;
  message.id = fixed_id();
  message.text = "sent";
  message.sent_at = scene.now;
  return client::SendCommand{message, {}, std::move(done)};
}

/// The first thing in the log is what the device has received.
client::Input answer(const Scene& scene, Completion<void> done) {
  auto command = std::get<client::SendCommand>(send_text(scene, std::move(done)));
  command.releases = 1;
  return command;
}

OutgoingAttachment attachment() {
  OutgoingAttachment out;
  out.info.kind = AttachmentKind::image;
  out.info.name = "picture.jpg";
  out.bytes = scenario_picture();
  return out;
}

client::Input send_attachment(const Scene& scene, Completion<void> done) {
  auto command = std::get<client::SendCommand>(send_text(scene, std::move(done)));
  command.attachments.push_back(attachment());
  return command;
}

client::Input rename_chat(const Scene& scene, Completion<void> done) {
  return client::ChangeChatCommand{scene.chat, client::ChangeKind::rename, {}, "renamed", std::move(done)};
}

client::Input add_member(const Scene& scene, Completion<void> done) {
  return client::ChangeChatCommand{scene.chat, client::ChangeKind::add, scene.other, {}, std::move(done)};
}

client::Input create_chat(const Scene& scene, Completion<void> done) {
  client::CreateChatCommand command{{}, ChatType::group, {scene.other}, "created", {}};
  command.chat.bytes.fill(9);
  command.done = [done = std::move(done)](const Result<Chat>& made) {
    done(made.ok() ? Result<void>() : Result<void>(made.error()));
  };
  return command;
}

client::Input register_account(const Scene&, Completion<void> done) {
  return client::RegisterCommand{"dave", [done = std::move(done)](const Result<UserId>& user) {
                                   done(user.ok() ? Result<void>() : Result<void>(user.error()));
                                 }};
}

client::Input change_handle(const Scene&, Completion<void> done) {
  return client::ChangeHandleCommand{"robert", std::move(done)};
}

client::Input find_user(const Scene&, Completion<void> done) {
  return client::FindUserCommand{"carol", [done = std::move(done)](const Result<UserId>& user) {
                                   done(user.ok() ? Result<void>() : Result<void>(user.error()));
                                 }};
}

client::Input mark_read(const Scene& scene, Completion<void> done) {
  return client::MarkReadCommand{scene.chat, std::nullopt, std::move(done)};
}

client::Input show_profile(const Scene&, Completion<void> done) {
  return client::ProfileCommand{{"Bob", {}, Bytes(3'000, 7), {}}, std::move(done)};
}

client::Input log_out_and_erase(const Scene&, Completion<void> done) {
  return client::LogOutCommand{LogOutData::erase, std::move(done)};
}

client::Input delete_account(const Scene&, Completion<void> done) {
  return client::DeleteAccountCommand{std::move(done)};
}

std::vector<Scenario> make_scenarios() {
  std::vector<Scenario> out;
  SceneMaker maker;
  // Each scene is what the devices before it have left.
  maker.switch_off(maker.bob);
  auto nobody = maker.scene_of(maker.bob);
  nobody.files.clear();
  out.push_back({"register", std::move(nobody), register_account, false});
  out.push_back({"send", maker.scene_of(maker.bob), send_text});
  out.push_back({"send an attachment", maker.scene_of(maker.bob), send_attachment});
  out.push_back({"change the handle", maker.scene_of(maker.bob), change_handle});
  out.push_back({"find a user", maker.scene_of(maker.bob), find_user});
  maker.alice.send(maker.chat, "received");
  out.push_back({"receive", maker.scene_of(maker.bob), nullptr});
  out.push_back({"answer", maker.scene_of(maker.bob), answer});
  maker.bob.go_online();
  REQUIRE(maker.net.settle());

  maker.switch_off(maker.bob);
  maker.alice.send(maker.chat, "look", {attachment()});
  out.push_back({"receive an attachment", maker.scene_of(maker.bob), nullptr});
  maker.bob.go_online();
  REQUIRE(maker.net.settle());

  maker.switch_off(maker.bob);
  out.push_back({"mark as read", maker.scene_of(maker.bob), mark_read});
  out.push_back({"show a profile", maker.scene_of(maker.bob), show_profile});
  out.push_back({"log out and erase", maker.scene_of(maker.bob), log_out_and_erase, true, true});
  out.push_back({"delete the account", maker.scene_of(maker.bob), delete_account, true, true});
  maker.alice.change(maker.chat, client::ChangeKind::rename, {}, "family");
  out.push_back({"follow a commit", maker.scene_of(maker.bob), nullptr});
  maker.bob.go_online();
  REQUIRE(maker.net.settle());

  maker.switch_off(maker.alice);
  out.push_back({"rename", maker.scene_of(maker.alice), rename_chat});
  out.push_back({"add", maker.scene_of(maker.alice), add_member});
  out.push_back({"create", maker.scene_of(maker.alice), create_chat});
  maker.alice.go_online();
  REQUIRE(maker.net.settle());

  maker.switch_off(maker.carol);
  maker.alice.change(maker.chat, client::ChangeKind::add, maker.carol.user);
  out.push_back({"join", maker.scene_of(maker.carol), nullptr});
  return out;
}

}  // namespace

/// Two parts and a rest of a chunk.
Bytes scenario_picture() {
  SeededRandom random(3);
  Bytes out(150'000);
  random.fill(out);
  return out;
}

const std::vector<Scenario>& scenarios() {
  static const auto made = make_scenarios();
  return made;
}

}  // namespace sotto::test
