// From an intent to the commit that carries it out, and the request that carries the commit.
#include <algorithm>

#include "base/try.h"
#include "client/intents.h"
#include "wire/client_store.h"
#include "wire/frame.h"
#include "wire/limits.h"

namespace sotto::client {

/// One user goes and another comes, in one commit. What others did to either of them meanwhile is not done again.
Result<Intents::Next> Intents::prepare_replacement(IntentRow& intent, const wire::Roster& roster) {
  const auto ended = [](const Status& done) -> Result<Next> {
    SOTTO_TRY(done);
    return Next::ended;
  };
  const auto successor =
      id_from<UserId>(intent.packages.users().empty() ? ByteView() : wire::view(intent.packages.users(0).user_id()));
  const bool goes = roster.has_user(*intent.user);
  // With nobody to come (any more) it is a removal.
  const bool comes = successor && !roster.has_user(*successor);
  if (!goes && !comes) return ended(finish(intent, {}));
  if (*intent.user == c_.account->user) {
    return ended(fail(intent, Error(ErrorCode::FORBIDDEN, "an admin cannot remove itself")));
  }
  if (!goes && roster.users().size() >= wire::limits::users_per_chat) {
    return ended(fail(intent, Error(ErrorCode::LIMIT_EXCEEDED, "a group has at most 100 users")));
  }
  if (!comes) {
    intent.packages.clear_users();
    return Next::stage;
  }
  SOTTO_TRY_ASSIGN(const bool asked, take_packages(intent));
  return asked ? Next::asked : Next::stage;
}

Result<CommitPlan> Intents::plan_for(const IntentRow& intent, const mls::Group& group) {
  CommitPlan plan;
  for (const auto& user : intent.packages.users()) {
    for (const auto& package : user.packages()) {
      SOTTO_TRY_ASSIGN(auto key_package, mls::key_package_from_message(wire::view(package.key_package())));
      plan.adds.push_back(std::move(key_package));
    }
  }
  const bool removes = intent.kind == IntentKind::remove || intent.kind == IntentKind::replace;
  if (!removes && intent.kind != IntentKind::rename) return plan;
  SOTTO_TRY_ASSIGN(auto state, read_chat_state(group.extensions()));
  if (intent.kind == IntentKind::rename) {
    state.name = intent.text;
    plan.state = std::move(state);
    return plan;
  }
  SOTTO_TRY_ASSIGN(const auto devices, read_devices(group.members()));
  for (const auto& device : devices) {
    if (device.certificate.user == *intent.user) plan.removes.push_back(device.leaf);
  }
  if (state.admins.erase(*intent.user) > 0) plan.state = std::move(state);
  return plan;
}

Status Intents::plan_and_stage(ChatRow& chat, IntentRow& intent, const mls::Group& group, bool founding) {
  SOTTO_TRY_ASSIGN(const auto plan, plan_for(intent, group));
  SOTTO_TRY_ASSIGN(auto change, groups_.stage(chat, plan, founding));
  wire::Request request;
  const auto id = to_string_bytes(chat.id);
  if (founding) {
    auto& command = *request.mutable_create_chat();
    command.set_chat_id(id);
    command.set_type(static_cast<wire::ChatType>(chat.type));
    *command.add_participants() = to_string_bytes(c_.account->user);
    for (const auto& user : intent.packages.users()) command.add_participants(user.user_id());
    *command.mutable_commit() = std::move(change.commit);
  } else if (intent.kind == IntentKind::add || intent.kind == IntentKind::remove) {
    auto& command = *request.mutable_modify_chat_participants();
    command.set_chat_id(id);
    command.set_user_id(to_string_bytes(*intent.user));
    command.set_operation(intent.kind == IntentKind::add ? wire::ADD : wire::REMOVE);
    *command.mutable_commit() = std::move(change.commit);
  } else {
    auto& command = *request.mutable_update_chat();
    command.set_chat_id(id);
    *command.mutable_commit() = std::move(change.commit);
  }
  wire::StoredRequest stored;
  stored.set_request(request.SerializeAsString());
  if (!change.tree_ciphertext.empty()) {
    stored.set_tree_attachment_id(wire::field(change.tree_attachment_id));
    stored.set_tree_ciphertext(wire::field(change.tree_ciphertext));
    stored.set_tree_token_hash(wire::field(change.tree_token_hash));
  }
  intent.request = std::move(stored);
  intent.stub_hash = change.stub_hash;
  intent.commit_id = change.commit_id;
  return c_.intents.update(intent);
}

}  // namespace sotto::client
