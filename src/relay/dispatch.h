// Which command goes where, and on which kind of connection it is allowed.
#pragma once

#include "relay/acks.h"
#include "relay/blobs.h"
#include "relay/chat_log.h"
#include "relay/cursors.h"
#include "relay/deletion.h"
#include "relay/delivery.h"
#include "relay/directory.h"
#include "relay/expiry.h"
#include "relay/handles.h"
#include "relay/profiles.h"
#include "relay/push.h"
#include "relay/registration.h"
#include "relay/session.h"
#include "relay/signals.h"
#include "relay/state.h"

namespace sotto::relay {

/// The rooms of the core.
struct Rooms {
  explicit Rooms(State& state);

  State& s;
  Delivery delivery;
  Handles handles;
  Registration registration;
  Pushes pushes;
  Session session;
  Directory directory;
  Deletion deletion;
  Cursors cursors;
  Acks acks;
  Expiry expiry;
  ChatLog chat_log;
  Blobs blobs;
  Profiles profiles;
  Signals signals;
};

/// One turn of a request.
Answer dispatch(Rooms& rooms, Call& call);

}  // namespace sotto::relay
