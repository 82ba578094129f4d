/* Outbox, repeats, acceptance, delivery and ack, with crashes of all. What it proves, leaves out and costs:
 * README.md.
 *
 * Devices write into one chat and read each other. What is called durable below survives everything; the rest is
 * gone with a connection, as in src/client/runtime.h, so to lose the connection and to crash is one step here. A
 * step is what one transaction does and then says. That its words get lost is a loss right after it, so every order
 * of crash, commit and frame is there. -DBUG_... plants a mistake; tests/models/check_models.sh wants each one
 * found.
 */
#ifndef ROWS
#define ROWS 2                    /* rows of each device that writes */
#endif
#ifndef WRITERS
#define WRITERS 1                 /* device 0, or both */
#endif
#ifndef LOSSES
#define LOSSES 2                  /* connections lost, device crashes */
#endif
#ifndef RELAY_CRASHES
#define RELAY_CRASHES 1
#endif
#ifndef RETRIES
#define RETRIES 1                 /* "UNAVAILABLE, nothing was stored" */
#endif
#ifndef REFUSALS
#define REFUSALS 1                /* "refused for good" */
#endif
#ifndef CANCELS
#define CANCELS 1                 /* rows given up by the app */
#endif
#define DEVICES 2
#define IN_FLIGHT 2               /* the code: 32 messages to the relay, 256 entries to a device */
#define ALL (WRITERS * ROWS)

mtype = { AUTH, SEND, ACK, HEADS, ENTRY, ACCEPTED, OUT_OF_ORDER, RETRY, REFUSED };
mtype = { OFFLINE, CONNECTING, READY };

#define sender(row)    ((row) / ROWS)
#define bit_of(row)    (1 << (row))
#define own(d)         (d < WRITERS -> ((1 << ROWS) - 1) << ((d) * ROWS) : 0)
/* This row and those that its writer wrote later. */
#define from_on(row)   (((1 << ((sender(row) + 1) * ROWS)) - 1) & ~((1 << (row)) - 1))

/* Durable at a device. Sets of rows have one bit each. What is neither waiting nor failed is shown as sent. A row's
 * ciphertext is (n, key); key 0 means not encrypted. Keys of a ratchet count up. */
byte waiting = (1 << ALL) - 1, failed;
byte n_of[ALL], key_of[ALL];
byte next_n[DEVICES] = 1, ratchet[DEVICES];
byte session[DEVICES], cursor[DEVICES];
byte store[DEVICES];              /* the others' rows that it has */

/* Of a device's connection. */
mtype link[DEVICES] = OFFLINE;
byte drain_to[DEVICES], flying[DEVICES];
bool refused[DEVICES];

/* Durable at the relay. */
byte newest[DEVICES], acked[DEVICES], last_n[DEVICES];
byte head, first = 1;
byte log_row[ALL + 1], log_n[ALL + 1], log_key[ALL + 1];
/* Of its connections: the next entry for each device, 0 without one. */
byte feed[DEVICES];

/* What the properties speak of. */
byte stored;                      /* rows that are, or were, on the relay's disk */
byte last_key[DEVICES];           /* of each ratchet, in the log */
byte losses = LOSSES, relay_crashes = RELAY_CRASHES, retries = RETRIES, refusals = REFUSALS, cancels = CANCELS;

/* Of each device the uplinks of its connection and of the one before, by session % 2. */
chan up[2 * DEVICES] = [6] of { mtype, byte, byte, byte };
chan down[DEVICES] = [6] of { mtype, byte, byte };
#define uplink(d)      up[2 * (d) + session[d] % 2]

#ifdef BUG_ACK_BEFORE_COMMIT
byte uncommitted[DEVICES];        /* the entry that was acked first */
#endif
#ifdef BUG_SEND_BEFORE_COMMIT
byte unsaved[DEVICES];            /* 1 + the row that was sent first */
byte unsaved_n[DEVICES], unsaved_key[DEVICES];
#endif
#ifdef BUG_ANSWER_BEFORE_STORE
bool unstored;                    /* the last entry was answered first */
#define durable_head   (head - unstored)
#else
#define durable_head   head
#endif

hidden mtype kind; hidden byte a, b, c, i, j;   /* scratch of one step */

inline clear(channel) {
  do
  :: nempty(channel) -> channel?kind, _, _, _
  :: empty(channel) -> break
  od
}

inline say(d, what, x, y, z) {
  assert(nfull(uplink(d)));
  uplink(d)!what, x, y, z
}

/* ---- device ---- */

inline drop_numbers(d, row) {     /* later rows move down and are encrypted anew */
  i = row;
  do
  :: i < (d + 1) * ROWS -> n_of[i] = 0; key_of[i] = 0; i++
  :: else -> break
  od
}

inline give_up(d, row) {
  assert(!(stored & bit_of(row)));            /* nobody ever gets what is shown as failed */
  waiting = waiting & ~bit_of(row); failed = failed | bit_of(row);
  if
  :: n_of[row] -> next_n[d] = n_of[row]
  :: else
  fi;
  drop_numbers(d, row);
  refused[d] = true
}

inline connect(d) {
  session[d]++;                               /* durable before it is used */
  clear(uplink(d));
  link[d] = CONNECTING;
  say(d, AUTH, 0, 0, 0)
}

/* j = the first of the rows i, of which there is one. */
inline first_row() {
  j = 0;
  do
  :: i & bit_of(j) -> break
  :: else -> j++
  od
}

#ifdef BUG_RESEND_BEFORE_DRAIN
#define drained(d)     (link[d] == READY)
#else
#define drained(d)     (link[d] == READY && cursor[d] >= drain_to[d])
#endif
#define idle_rows(d)   (waiting & own(d) & ~flying[d])
#define room(d)        ((flying[d] & (flying[d] - 1)) == 0)         /* IN_FLIGHT is 2 */
#define may_send(d)    (idle_rows(d) && drained(d) && (!refused[d] || !flying[d]) && room(d))

inline pump(d) {
  refused[d] = false;
  i = idle_rows(d);
  first_row();
  flying[d] = flying[d] | bit_of(j);
#ifdef BUG_SEND_BEFORE_COMMIT
  if
  :: !key_of[j] -> unsaved[d] = j + 1; unsaved_n[d] = next_n[d]; unsaved_key[d] = ratchet[d] + 1;
       say(d, SEND, j, unsaved_n[d], unsaved_key[d])
  :: else -> say(d, SEND, j, n_of[j], key_of[j])
  fi;
#else
  if
  :: !key_of[j] ->
       n_of[j] = next_n[d]; next_n[d]++;
       ratchet[d]++; key_of[j] = ratchet[d]
  :: else                                     /* the same bytes again */
  fi;
  say(d, SEND, j, n_of[j], key_of[j]);
#endif
  i = 0; j = 0
}

/* One transaction: what the entry says, and the cursor. */
inline take_entry(d, seq) {
  a = log_row[seq];
  if
  :: sender(a) == d ->                        /* the stub of an own row */
       assert(!(failed & bit_of(a)));
       waiting = waiting & ~bit_of(a)
  :: else ->                                  /* once, and in the order in which it was written */
       assert(!(store[d] & from_on(a)));
       store[d] = store[d] | bit_of(a)
  fi;
  cursor[d] = seq
}

inline on_entry(d, seq) {
  if
#ifdef BUG_NO_CURSOR
  :: true -> take_entry(d, seq); say(d, ACK, cursor[d], 0, 0)
#else
  :: seq <= cursor[d] -> say(d, ACK, cursor[d], 0, 0)      /* the ack was lost */
  :: seq > cursor[d] ->
       assert(seq == cursor[d] + 1);                       /* no holes */
#ifdef BUG_ACK_BEFORE_COMMIT
       uncommitted[d] = seq;
       say(d, ACK, seq, 0, 0)
#else
       take_entry(d, seq);
       say(d, ACK, cursor[d], 0, 0)
#endif
#endif
  fi
}

inline on_answer(d, what, row, accepted) {
  flying[d] = flying[d] & ~bit_of(row);
  if
  :: !(waiting & bit_of(row))                              /* its stub was faster */
  :: else ->
       if
       :: what == ACCEPTED && accepted == row ->
            assert(stored & bit_of(row));                  /* durable before SUCCESS */
            waiting = waiting & ~bit_of(row)
       :: what == ACCEPTED && accepted != row ->           /* its n is another row's: only in an old copy of a store */
            assert(false)
       :: what == REFUSED -> give_up(d, row)
       :: else -> refused[d] = true
       fi
  fi
}

proctype Device(byte d) {
end:
  do
  :: atomic { link[d] == OFFLINE -> connect(d) }
#ifdef BUG_ACK_BEFORE_COMMIT
  :: atomic { uncommitted[d] -> take_entry(d, uncommitted[d]); uncommitted[d] = 0 }
  :: atomic { nempty(down[d]) && !uncommitted[d] ->
#else
  :: atomic { nempty(down[d]) ->
#endif
       down[d]?kind, a, b;
       if
       :: kind == HEADS ->
            link[d] = READY; drain_to[d] = a;
            if
            :: cursor[d] == a && cursor[d] > b -> say(d, ACK, cursor[d], 0, 0)
            :: else
            fi
       :: kind == ENTRY -> c = a; on_entry(d, c)
       :: else -> on_answer(d, kind, a, b)
       fi;
       a = 0; b = 0; c = 0; i = 0 }
#ifdef BUG_SEND_BEFORE_COMMIT
  :: atomic { unsaved[d] ->
       n_of[unsaved[d] - 1] = unsaved_n[d]; key_of[unsaved[d] - 1] = unsaved_key[d];
       next_n[d]++; ratchet[d]++; unsaved[d] = 0; unsaved_n[d] = 0; unsaved_key[d] = 0 }
  :: atomic { may_send(d) && !unsaved[d] ->
#else
  :: atomic { may_send(d) ->
#endif
       pump(d) }
  /* Given up only where the log has told all, and no answer is outstanding. */
  :: atomic { cancels && (waiting & own(d)) && drained(d) && !flying[d] ->
       cancels--;
       i = waiting & own(d);
       first_row();
       a = j; give_up(d, a);
       a = 0; i = 0; j = 0 }
  od
}

/* ---- relay ---- */

/* Answers of a connection that its device has given up reach nobody. */
inline answer(d, to, what, x, y) {
  if
  :: to == session[d] && link[d] != OFFLINE -> assert(nfull(down[d])); down[d]!what, x, y
  :: else
  fi
}

inline append(d, row, n, key) {
  assert(!(stored & bit_of(row)));                         /* a row is in the log once */
  assert(!(failed & bit_of(row)));
  assert(key > last_key[d]);                               /* and no key of a ratchet twice */
  last_key[d] = key;
  head++;
  log_row[head] = row; log_n[head] = n; log_key[head] = key;
  last_n[d] = n;
#ifdef BUG_ANSWER_BEFORE_STORE
  unstored = true
#else
  stored = stored | bit_of(row)
#endif
}

/* The row that was accepted under this n. It is still in the log, for its sender has not acked it. */
inline find_repeat(d, via, n) {
  i = first;
  do
  :: i <= head && (sender(log_row[i]) != d || log_n[i] != n) -> i++
  :: else -> break
  od;
  assert(i <= head || via != session[d])
}

inline on_send(d, via, row, n, key) {
  if
#ifndef BUG_NO_SESSION_CHECK
  :: via != newest[d]                                      /* nothing of an older session */
#endif
#ifdef BUG_NO_DEDUP
  :: else -> append(d, row, n, key); answer(d, via, ACCEPTED, row, row)
#else
  :: else ->
       if
       :: n <= last_n[d] -> find_repeat(d, via, n); answer(d, via, ACCEPTED, row, log_row[i])
#ifdef BUG_NO_ORDER
       :: n > last_n[d] ->
#else
       :: n > last_n[d] + 1 -> answer(d, via, OUT_OF_ORDER, row, 0)
       :: n == last_n[d] + 1 ->
#endif
            if
            :: append(d, row, n, key); answer(d, via, ACCEPTED, row, row)
            :: retries -> retries--; answer(d, via, RETRY, row, 0)
            :: refusals -> refusals--; answer(d, via, REFUSED, row, 0)
            fi
       fi
#endif
  fi;
  i = 0
}

/* Deletes what all have acked. That it happens later in the code is no difference: it is made up for after a crash. */
inline trim() {
#ifdef BUG_TRIM_AT_HIGHEST
  a = (acked[0] > acked[1] -> acked[0] : acked[1]);
#else
  a = (acked[0] < acked[1] -> acked[0] : acked[1]);
#endif
  do
  :: first <= a ->
       assert((store[0] | store[1]) & bit_of(log_row[first]));   /* nobody still lacks it */
       assert(!((waiting | failed) & bit_of(log_row[first])));
       log_row[first] = 0; log_n[first] = 0; log_key[first] = 0;
       first++
  :: else -> break
  od
}

inline on_ack(d, via, seq) {
  if
  :: via == newest[d] && seq > acked[d] ->
       assert(cursor[d] >= seq);                           /* durable before ack */
       acked[d] = seq;
       feed[d] = (feed[d] && feed[d] <= seq -> seq + 1 : feed[d]);
       trim()
  :: else
  fi
}

inline on_auth(d, via) {
  if
  :: via > newest[d] ->
       newest[d] = via;                                    /* from here on the older session is refused */
       feed[d] = (via == session[d] && link[d] != OFFLINE -> acked[d] + 1 : 0);
       answer(d, via, HEADS, head, acked[d])
  :: else
  fi
}

inline take_frame(channel, d, parity) {
  up[channel]?kind, a, b, c;
  j = (session[d] % 2 == parity -> session[d] : session[d] - 1);
  if
  :: kind == AUTH -> on_auth(d, j)
  :: kind == SEND -> on_send(d, j, a, b, c)
  :: kind == ACK -> on_ack(d, j, a)
  fi;
  a = 0; b = 0; c = 0; j = 0
}

#ifdef BUG_ANSWER_BEFORE_STORE
#define idle           (!unstored)
#else
#define idle           true
#endif
#define has_next(d)    (feed[d] && feed[d] <= durable_head && feed[d] <= acked[d] + IN_FLIGHT)

inline deliver(d) {
  assert(feed[d] >= first);                                /* what is owed is there */
  down[d]!ENTRY, feed[d], 0;
  feed[d]++
}

proctype Relay() {
end:
  do
  :: atomic { nempty(up[0]) && idle -> take_frame(0, 0, 0) }
  :: atomic { nempty(up[1]) && idle -> take_frame(1, 0, 1) }
  :: atomic { nempty(up[2]) && idle -> take_frame(2, 1, 0) }
  :: atomic { nempty(up[3]) && idle -> take_frame(3, 1, 1) }
  :: atomic { has_next(0) -> deliver(0) }
  :: atomic { has_next(1) -> deliver(1) }
#ifdef BUG_ANSWER_BEFORE_STORE
  :: atomic { unstored -> unstored = false; stored = stored | bit_of(log_row[head]) }
#endif
  od
}

/* ---- what goes wrong ---- */

/* A device loses its connection, or crashes. What is on the way to the relay may still arrive. */
inline lose(d) {
  link[d] = OFFLINE; drain_to[d] = 0; flying[d] = 0; refused[d] = false; feed[d] = 0;
  do
  :: nempty(down[d]) -> down[d]?kind, _, _
  :: empty(down[d]) -> break
  od;
#ifdef BUG_ACK_BEFORE_COMMIT
  uncommitted[d] = 0;
#endif
#ifdef BUG_SEND_BEFORE_COMMIT
  unsaved[d] = 0; unsaved_n[d] = 0; unsaved_key[d] = 0;
#endif
  skip
}

inline crash_relay() {
  lose(0); lose(1);
  clear(up[0]); clear(up[1]); clear(up[2]); clear(up[3]);
#ifdef BUG_ANSWER_BEFORE_STORE
  if
  :: unstored -> last_n[sender(log_row[head])]--; log_row[head] = 0; log_n[head] = 0; log_key[head] = 0;
       head--; unstored = false
  :: else
  fi;
#endif
  skip
}

#define old_uplink(d)  up[2 * (d) + (session[d] + 1) % 2]

/* Every run ends here, for it has no cycle and all else waits: all was delivered, and the relay keeps nothing. */
inline check_end() {
  assert(first == head + 1);
  assert(!waiting);
  assert((store[0] | store[1]) == (((1 << ALL) - 1) & ~failed))
}

proctype World() {
  do
  :: atomic { losses && link[0] != OFFLINE -> losses--; lose(0) }
  :: atomic { losses && link[1] != OFFLINE -> losses--; lose(1) }
  :: atomic { nempty(old_uplink(0)) -> clear(old_uplink(0)) }
  :: atomic { nempty(old_uplink(1)) -> clear(old_uplink(1)) }
  :: atomic { relay_crashes -> relay_crashes--; crash_relay() }
  :: atomic { timeout -> check_end(); break }
  od
}

init { atomic { run Device(0); run Device(1); run Relay(); run World() } }
