// A large group of which one device is awake, without the cost of a relay and of the others' engines.
#pragma once

#include "client/group_storage.h"
#include "unit/client/line.h"
#include "wire/mls_header.h"

namespace sotto::test {

/// A line whose device is the only one awake in a group of `users`.
struct Crowd : Line {
  explicit Crowd(std::size_t users) {
    go_online();
    const auto own = account().value();
    Person person{{own.identity.private_key.clone(), own.identity.public_key}, own.user};
    auto& founder = people.device(person, own.device, own.era);
    founder.key = {own.device_key.private_key.clone(), own.device_key.public_key};
    founder.credential =
        wire::serialize(certify(person, own.device, own.era, own.device_key.public_key, own.identity.private_key));
    client::ChatStateView state;
    state.rules_version = 1;
    state.name = "crowd";
    state.admins = {own.user};
    std::vector<Member*> others;
    for (std::size_t i = 1; i < users; ++i) others.push_back(&people.member());

    chat.status = ChatStatus::active;
    chat.id = id_of<ChatId>(1);
    chat.cursor = chat.handshake_seq = chat.joined_seq = 1;
    must(client::ChatTable(*db).insert(chat));
    client::SqlGroupStorage storage(*db, chat.id, chat.generation);
    people.key_package(founder);
    mls::CreateParams params{wire::group_id_of(chat.id, 1), *founder.bundle, founder.key.private_key,
                             client::with_chat_state({}, state)};
    founder.group = must(mls::Group::create(params, storage, people.random));
    people.gather(founder, others, false);
    founder.group.reset();
    last = others.back()->person->user;
    must(client::ChatTable(*db).set_roster(chat.id, {}));
  }
  void change(client::ChangeKind kind, const UserId& user = {}) {
    step(
        client::ChangeChatCommand{chat.id, kind, user, {}, [this](Result<void> result) { changes.push_back(result); }});
  }

  People people{9};
  client::ChatRow chat;
  UserId last;
  std::vector<Result<void>> changes;
};

}  // namespace sotto::test
