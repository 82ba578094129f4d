/* The handshake slot: commits by compare-and-set, lost answers, skipped commits, min_handshake, messages and a
 * removal, with crashes. What it proves, leaves out and costs: README.md.
 *
 * Of each member one request of each kind is on its way at a time. Sessions, frames and acks are what outbox.pml is
 * about: here a lost connection takes its requests with it, whether they were carried out or not. Only commits have
 * a seq here: others' messages change nothing at who reads them, so their place among the commits is checked where
 * the relay accepts them. -DBUG_... plants a mistake; tests/models/check_models.sh wants each one found.
 */
#ifndef UPDATES
#define UPDATES 2                 /* commits without a roster change that member 1 wants to make */
#endif
#ifndef OWN_UPDATES
#define OWN_UPDATES 1             /* the same of member 0, before the removal */
#endif
#ifndef GARBAGE
#define GARBAGE 1                 /* invalid commits of member 2, with or without a claim that the roster changed */
#endif
#ifndef WRITERS
#define WRITERS 1                 /* who writes a message, a bit each: 1 member 0, 2 member 1, 4 member 2 */
#endif
#ifndef LOSSES
#define LOSSES 1                  /* connections lost, crashes */
#endif
#define MEMBERS 3
#define REMOVED 2                 /* member 0, an admin, removes this one */
#define MOST (1 + OWN_UPDATES + 1 + UPDATES + GARBAGE)   /* entries */
#define ACCEPTED_BACK 4           /* messages may name one of the last 4 handshakes */
#define PAST_EPOCHS 3             /* what receivers are promised to need */

mtype = { NONE, UPDATE, REMOVE, JUNK };            /* commits */
mtype = { IDLE, SENT, ACCEPTED, CONFLICT, STALE, NOT_PARTICIPANT };  /* requests */

/* The log. An epoch is known by the seq of the commit that began it; entry 1 is the founding one. */
mtype commit_kind[MOST + 1];
byte by[MOST + 1];
bool stub[MEMBERS];               /* of a message, accepted and not yet read by its sender */
byte head = 1;
byte handshakes[ACCEPTED_BACK];   /* the last ones, newest first, 0 = none */
byte min_handshake = 1;
bool removed_at_relay;
#define handshake_seq  handshakes[0]

/* What the properties speak of: what a member that has read all is in. */
byte epoch_after[MOST + 1];
byte number[MOST + 1];            /* of an epoch, counted */
byte removal;                     /* seq of the removal, once it is in the log */
bool slot_taken[MOST + 1];

/* Durable at a member. */
byte cursor[MEMBERS] = 1, processed[MEMBERS] = 1, epoch[MEMBERS] = 1;
byte updates[MEMBERS], junk[MEMBERS], messages[MEMBERS];
bool wants_removal[MEMBERS], out[MEMBERS];
mtype staged[MEMBERS] = NONE;     /* the commit made for a slot */
byte staged_prev[MEMBERS], staged_base[MEMBERS];
byte text_base[MEMBERS];          /* the epoch of the first message's ciphertext, 0 = none */
byte text_after[MEMBERS];         /* and its after_handshake */

/* Of a connection. */
bool online[MEMBERS];
byte drain_to[MEMBERS], commit_from[MEMBERS], send_from[MEMBERS];
mtype commit_request[MEMBERS] = IDLE, message_request[MEMBERS] = IDLE;
byte commit_answer[MEMBERS], message_answer[MEMBERS];    /* the handshake_seq of a refusal */
#ifdef BUG_SEND_BEFORE_STAGED
bool unsaved[MEMBERS];
#endif

byte losses = LOSSES;
hidden byte i;

/* ---- relay ---- */

inline raise_min(what, claims) {
  handshakes[3] = handshakes[2]; handshakes[2] = handshakes[1]; handshakes[1] = handshakes[0];
  handshake_seq = head;
  if
#ifndef BUG_MIN_HANDSHAKE_NOT_RAISED
  :: what == REMOVE || claims -> min_handshake = head
#endif
  :: else ->
#ifndef BUG_MIN_HANDSHAKE_STAYS
       min_handshake = (handshakes[3] > min_handshake -> handshakes[3] : min_handshake);
#endif
       skip
  fi
}

inline judge_commit(m, what, claims) {
  if
  :: m == REMOVED && removed_at_relay -> commit_request[m] = NOT_PARTICIPANT
#ifdef BUG_NO_CAS
  :: else ->
#else
  :: !(m == REMOVED && removed_at_relay) && staged_prev[m] != handshake_seq ->
       commit_request[m] = CONFLICT; commit_answer[m] = handshake_seq
  :: else ->
#endif
       assert(!slot_taken[staged_prev[m]]);           /* one commit a slot */
       slot_taken[staged_prev[m]] = true;
       head++;
       commit_kind[head] = what; by[head] = m;
       epoch_after[head] = epoch_after[head - 1];
       if
       :: what != JUNK ->
            assert(staged_base[m] == epoch_after[head]);   /* of honest members it is the next epoch's */
            number[head] = number[epoch_after[head]] + 1;
            epoch_after[head] = head
       :: else                                             /* all skip it */
       fi;
       raise_min(what, claims);
       if
       :: what == REMOVE -> removal = head; removed_at_relay = true
       :: else
       fi;
       commit_request[m] = ACCEPTED
  fi
}

inline judge_message(m) {
  if
  :: m == REMOVED && removed_at_relay -> message_request[m] = NOT_PARTICIPANT
  :: !(m == REMOVED && removed_at_relay) && (text_after[m] < min_handshake || text_after[m] > handshake_seq) ->
       message_request[m] = STALE; message_answer[m] = handshake_seq
  :: else ->
       stub[m] = true;
       assert(!removal || text_base[m] >= removal);        /* the removed cannot read it */
       assert(number[epoch_after[head]] - number[text_base[m]] <= PAST_EPOCHS);
       message_request[m] = ACCEPTED
  fi
}

/* What all have read need not tell one state from another any more. */
inline forget_read() {
  i = 2;
  do
  :: i <= cursor[0] && i <= cursor[1] && (i <= cursor[2] || out[2]) ->
       commit_kind[i] = 0; by[i] = 0;
       slot_taken[i - 1] = (i - 1 != handshake_seq -> false : slot_taken[i - 1]);
       i++
  :: else -> break
  od;
  i = 0
}

/* ---- member ---- */

inline forget_connection(m) {
  drain_to[m] = 0; commit_from[m] = 0; send_from[m] = 0;
  commit_request[m] = IDLE; message_request[m] = IDLE; commit_answer[m] = 0; message_answer[m] = 0
}

inline drop_staged(m) { staged[m] = NONE; staged_prev[m] = 0; staged_base[m] = 0 }

inline slot_decided(m) {
  processed[m] = cursor[m];
#ifdef BUG_STALE_COMMIT_KEPT
  staged_prev[m] = (staged[m] == NONE -> 0 : processed[m]);
#else
  drop_staged(m);
#endif
  commit_request[m] = IDLE; commit_answer[m] = 0
}

/* The intent behind a commit is done when the commit comes up in the log, not before. */
inline merge(m, what) {
  epoch[m] = cursor[m];
  if
  :: what == UPDATE -> updates[m]--
  :: what == REMOVE -> wants_removal[m] = false
  fi
}

inline on_commit(m, what) {
  if
  :: by[cursor[m]] == m && what == JUNK -> drop_staged(m); slot_decided(m)
  :: by[cursor[m]] == m && what != JUNK ->
       assert(staged[m] == what);                          /* its stub is of a commit that this store knows */
       assert(staged_base[m] == epoch[m] || epoch[m] == cursor[m]);
#ifndef BUG_MERGE_ON_ANSWER
       merge(m, what);
#endif
       drop_staged(m);
       slot_decided(m)
#ifdef BUG_INVALID_NOT_SKIPPED
  :: by[cursor[m]] != m && what == JUNK                    /* not named as the next commit's prev_handshake */
#else
  :: by[cursor[m]] != m && what == JUNK -> slot_decided(m)
#endif
  :: by[cursor[m]] != m && what != JUNK ->
       epoch[m] = cursor[m];
       slot_decided(m);
       if
       :: what == REMOVE && m == REMOVED ->                /* what waits here fails */
            out[m] = true; junk[m] = 0; messages[m] = 0; updates[m] = 0;
            text_base[m] = 0; text_after[m] = 0; stub[m] = false; drop_staged(m);
            forget_connection(m)
       :: else
       fi
  fi
}

inline read_entry(m) {
  cursor[m]++;
  on_commit(m, commit_kind[cursor[m]]);
#ifdef BUG_VALIDITY_NOT_PURE
  if
  :: m == 1 && commit_kind[cursor[m]] == JUNK -> epoch[m] = cursor[m]
  :: else
  fi;
#endif
  assert(epoch[m] == epoch_after[cursor[m]]);              /* one prefix, one epoch */
  drain_to[m] = (drain_to[m] <= cursor[m] -> 0 : drain_to[m]);
  commit_from[m] = (commit_from[m] <= cursor[m] -> 0 : commit_from[m]);
  send_from[m] = (send_from[m] <= cursor[m] -> 0 : send_from[m])
}

#define caught_up(m, from)  (online[m] && !out[m] && cursor[m] >= drain_to[m] && cursor[m] >= (from))
#define wants_commit(m)     (updates[m] || wants_removal[m] || junk[m])

inline stage(m) {
  if
  :: updates[m] -> staged[m] = UPDATE
  :: !updates[m] && wants_removal[m] -> staged[m] = REMOVE
  :: !updates[m] && !wants_removal[m] && junk[m] -> staged[m] = JUNK; junk[m]--
  fi;
  staged_prev[m] = processed[m]; staged_base[m] = epoch[m]
}

proctype Member(byte m) {
end:
  do
  /* At connect the relay tells its head; before that is read, nothing is made or sent. */
  :: atomic { !online[m] && !out[m] ->
       online[m] = true;
       drain_to[m] = (head > cursor[m] -> head : 0) }
  :: atomic { online[m] && !out[m] && cursor[m] < head -> read_entry(m); forget_read() }
  :: atomic { online[m] && !out[m] && stub[m] ->
       stub[m] = false; messages[m]--; text_base[m] = 0; text_after[m] = 0;
       message_request[m] = IDLE; message_answer[m] = 0 }

  :: atomic { caught_up(m, commit_from[m]) && commit_request[m] == IDLE && (staged[m] != NONE || wants_commit(m)) ->
       if
       :: staged[m] == NONE -> stage(m);
#ifdef BUG_SEND_BEFORE_STAGED
            unsaved[m] = true;
#endif
            skip
       :: else                                             /* the same bytes again */
       fi;
       commit_request[m] = SENT }
#ifdef BUG_SEND_BEFORE_STAGED
  :: atomic { unsaved[m] -> unsaved[m] = false }
#endif
  /* Not resent but built anew once the log has shown what won the slot. */
  :: atomic { commit_request[m] == CONFLICT ->
       commit_from[m] = (commit_answer[m] > cursor[m] -> commit_answer[m] : 0);
       commit_request[m] = IDLE; commit_answer[m] = 0 }
#ifdef BUG_MERGE_ON_ANSWER
  :: atomic { commit_request[m] == ACCEPTED && staged[m] != NONE && staged[m] != JUNK && epoch[m] != handshake_seq ->
       epoch[m] = handshake_seq;
       if
       :: staged[m] == UPDATE -> updates[m]--
       :: else -> wants_removal[m] = false
       fi }
#endif

  :: atomic { caught_up(m, send_from[m]) && message_request[m] == IDLE && messages[m] && !stub[m] ->
       if
       :: !text_base[m] -> text_base[m] = epoch[m]; text_after[m] = processed[m]
       :: else                                             /* the same bytes again */
       fi;
#ifdef BUG_AFTER_HANDSHAKE_AT_SEND
       text_after[m] = processed[m];
#endif
       message_request[m] = SENT }
  :: atomic { message_request[m] == STALE ->
       send_from[m] = (message_answer[m] > cursor[m] -> message_answer[m] : 0);
       message_request[m] = IDLE; message_answer[m] = 0;
#ifndef BUG_CIPHERTEXT_KEPT
       text_base[m] = 0; text_after[m] = 0;
#endif
       skip }
  od
}

proctype Relay() {
  byte m;
end:
  do
  :: atomic { commit_request[0] == SENT -> judge_commit(0, staged[0], false) }
  :: atomic { commit_request[1] == SENT -> judge_commit(1, staged[1], false) }
  :: atomic { commit_request[2] == SENT -> judge_commit(2, staged[2], false) }
  :: atomic { commit_request[2] == SENT && staged[2] == JUNK -> judge_commit(2, staged[2], true) }
  :: atomic { message_request[0] == SENT -> judge_message(0) }
  :: atomic { message_request[1] == SENT -> judge_message(1) }
  :: atomic { message_request[2] == SENT -> judge_message(2) }
  od
}

/* A connection is lost, or a member crashes: with the requests, or with their answers alone. */
inline lose(m) {
  losses--;
  online[m] = false;
  forget_connection(m);
#ifdef BUG_SEND_BEFORE_STAGED
  if
  :: unsaved[m] -> drop_staged(m); unsaved[m] = false
  :: else
  fi;
#endif
  skip
}

/* Every run ends here, for it has no cycle: the chat has moved on. */
inline check_end() {
  assert(!updates[0] && !updates[1] && !wants_removal[0] && !messages[0] && !messages[1]);
  assert(cursor[0] == head && cursor[1] == head && epoch[0] == epoch[1]);
  assert(removal && out[REMOVED] && cursor[REMOVED] == removal)
}

proctype World() {
  do
  :: atomic { losses && online[0] -> lose(0) }
  :: atomic { losses && online[1] -> lose(1) }
  :: atomic { losses && online[2] && !out[2] -> lose(2) }
  :: atomic { timeout -> check_end(); break }
  od
}

init {
  atomic {
    epoch_after[1] = 1; handshake_seq = 1;
    updates[0] = OWN_UPDATES; wants_removal[0] = true;
    updates[1] = UPDATES;
    junk[2] = GARBAGE;
    messages[0] = WRITERS & 1; messages[1] = (WRITERS >> 1) & 1; messages[2] = (WRITERS >> 2) & 1;
    online[0] = true; online[1] = true; online[2] = true;
    run Member(0); run Member(1); run Member(2); run Relay(); run World()
  }
}
