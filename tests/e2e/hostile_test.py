#!/usr/bin/env python3
"""Peers that keep to no protocol, while two people, one in each encoding, go on writing to each other unharmed.

Usage: hostile_test.py [SEED [FRAMES]]"""

import os
import random
import socket
import ssl
import sys
import threading
import time

from admin_test import wait_until
from processes import PATIENCE, Failure, Folder, Relay, check, run
from relay_scene import Scene, raw_session
from wire_client import ENCODINGS, Connection, RawSocket, raw
from wire_people import Chat, Person

TEXT, BINARY = 0x81, 0x82
THREADS = 6

# How a hostile frame may end. What is changed at random may still be a frame, and even a request.
EXPECTED = {
    "random": {"survived", 1002, 1007}, "truncated": {"survived", 1002}, "changed": {"survived", 1002, 1007},
    "other type": {1003}, "oversize": {1009}, "endless": {1009}, "opcode": {1002}, "fragments": {"survived", 1002},
    "joined": {"survived", 1002}, "genuine": {"survived"}, "noise": {0, 1000, 1002, 1003, 1007, 1009},
}


class Conversation:
    """Ann (binary) and Ben (JSON) write in turn until they are stopped; each gets all that the other wrote, in order."""

    def __init__(self, relay):
        self.scenes = [Scene(relay, "binary"), Scene(relay, "json")]
        ann, ben = (scene.member() for scene in self.scenes)
        self.chat = self.scenes[0].group_of(ann, [ben.device])
        self.people = [ann, ben]
        self.rounds, self.failure, self.stopped = 0, None, threading.Event()
        ben.push("chatJoined")
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        try:
            seq = 1
            while not self.stopped.is_set():
                self.rounds += 1
                for sender, reader in (self.people, reversed(self.people)):
                    request = self.chat.message(self.rounds, ciphertext=os.urandom(300))
                    answer = sender.ask(request)
                    check(answer["status"] == "OK", f"a message: {answer}")
                    seq += 1
                    entry = reader.entries(self.chat, seq)[-1]
                    check(int(entry["seq"]) == seq, f"seq {entry['seq']}, not {seq}")
                    check(raw(entry["message"]) == request["sendMessage"]["message"], "another message")
                    for person in self.people:
                        person.ack(self.chat, seq)
                time.sleep(0.01)
        except Exception as failure:  # of any kind, not to be lost with its thread
            self.failure = failure

    def end(self):
        self.stopped.set()
        self.thread.join(PATIENCE)
        check(self.failure is None, f"two people were harmed: {type(self.failure).__name__}: {self.failure}")
        check(self.rounds > 10, f"two people wrote only {self.rounds} times")
        for scene in self.scenes:
            scene.end()
        return self.rounds


class Attacker:
    """One connection after another, with a hostile frame at a time; after each a request tells whether it was survived."""

    def __init__(self, relay, seed):
        self.relay, self.random = relay, random.Random(seed)
        self.scene = Scene(relay, "binary")
        self.person = self.scene.person()
        self.outcomes = {}
        self.socket = None

    def connect(self):
        self.encoding = self.random.choice(list(ENCODINGS))
        self.socket = RawSocket(self.relay).upgrade(ENCODINGS[self.encoding])
        self.number = 0

    def genuine(self):
        """A request as a client would make it, of a kind that needs no secret to be looked at closely."""
        chat, device = Chat(), self.person.device
        request = self.random.choice([
            lambda: Person("mallory").registration(bytes(32)), lambda: device.authentication(bytes(32)),
            lambda: chat.creation(device, []), lambda: chat.message(1), lambda: chat.update(),
            lambda: chat.add(self.person), lambda: {"ack": {"ackNo": 1, "cursors": [{"chatId": chat.id, "seq": 1}]}},
            lambda: {"uploadAttachment": {"attachmentId": bytes(16), "data": self.random.randbytes(500)}},
            lambda: {"takeKeyPackages": {"userIds": [self.random.randbytes(16)] * 3}}])()
        return Connection.message_of(self.encoding, [request], [self.random.randrange(1, 1 << 64)])

    def hostile(self):
        """What is written, and what it is called."""
        pick, own, other = self.random, *((BINARY, TEXT) if self.encoding == "binary" else (TEXT, BINARY))
        kind = pick.choice(list(EXPECTED))
        frame, genuine = RawSocket.frame, self.genuine()
        if kind == "random":
            return kind, frame(own, pick.randbytes(pick.randrange(1, 2000)))
        if kind == "truncated":
            return kind, frame(own, genuine[:pick.randrange(len(genuine))])
        if kind == "changed":
            changed = bytearray(genuine)
            for _ in range(pick.randrange(1, 8)):
                changed[pick.randrange(len(changed))] = pick.randrange(256)
            return kind, frame(own, bytes(changed))
        if kind == "other type":
            return kind, frame(other, genuine)
        if kind == "oversize":
            return kind, frame(own, bytes(600 * 1024))[:20]
        if kind == "endless":
            return kind, bytes([own, 0xFF]) + b"\x7f" + b"\xff" * 7 + bytes(4) + pick.randbytes(30)
        if kind == "opcode":
            return kind, frame(0x80 | pick.randrange(3, 8), genuine)
        if kind == "fragments":
            middle = pick.randrange(len(genuine))
            return kind, (frame(own & 0x0F, genuine[:middle]) + frame(0x00, b"") * 3 +
                          frame(pick.choice([0x80, own, 0x00]), genuine[middle:]))
        if kind == "joined":
            return kind, frame(own, genuine * pick.randrange(2, 20))
        if kind == "genuine":
            return kind, frame(own, genuine)
        return kind, pick.randbytes(pick.randrange(1, 300))

    def attack(self):
        """One frame: survived, or closed with which code; 0 if the relay just hung up."""
        if self.socket is None:
            self.connect()
        kind, data = self.hostile()
        self.number += 1
        # What can be answered whatever is not authenticated: its answer shows that the core is past the hostile frame.
        id = 1 << 60 | self.number
        probe = Connection.message_of(self.encoding, [{"later": {}}], [id])
        mark = probe[2:12] if self.encoding == "binary" else str(id).encode()
        own = BINARY if self.encoding == "binary" else TEXT
        try:
            self.socket.tls.sendall(data + RawSocket.frame(own, probe))
            if kind == "noise":
                self.socket.end_writing()  # it may have announced what never comes
            outcome = self.socket.until(mark)
        except (ssl.SSLError, ConnectionError):
            outcome = 0
        self.outcomes[kind, outcome] = self.outcomes.get((kind, outcome), 0) + 1
        if outcome != "survived" or self.number == 50:
            self.socket.close()
            self.socket = None


def attack(relay, seed, frames):
    """So many hostile frames; how they ended."""
    attackers = [Attacker(relay, f"{seed} {number}") for number in range(THREADS)]
    failures = []

    def work(attacker, count):
        try:
            for _ in range(count):
                attacker.attack()
        except Exception as failure:
            failures.append(f"{type(failure).__name__}: {failure}")

    threads = [threading.Thread(target=work, args=(attacker, frames // THREADS + 1)) for attacker in attackers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(not failures, f"attackers: {failures}")
    outcomes = {}
    for attacker in attackers:
        attacker.scene.end()
        for (kind, outcome), count in attacker.outcomes.items():
            outcomes.setdefault(kind, {})
            outcomes[kind][outcome] = outcomes[kind].get(outcome, 0) + count
    return outcomes


def slow_peers(relay):
    """Peers that never come to an end, each on a thread; called again, waits until the relay has hung up on all."""
    upgrade = RawSocket.upgrade_request("sotto.v1")
    endless = RawSocket.frame(BINARY, bytes(100_000))
    scene = Scene(relay, "binary")
    ended = {}

    def trickle(name, peer, data):
        def write():
            try:
                for byte in data:
                    peer.sendall(bytes([byte]))
                    time.sleep(1)
            except (OSError, ssl.SSLError):
                pass
        threading.Thread(target=write, daemon=True).start()
        try:
            got = b""
            while piece := peer.recv(65536):
                got += piece
        except (ssl.SSLError, ConnectionError):
            pass
        except TimeoutError:
            got = None
        ended[name] = got

    def plain():
        return socket.create_connection(("127.0.0.1", relay.port), timeout=PATIENCE)

    peers = {"says nothing": (plain(), b""),
             "begins TLS byte by byte": (plain(), b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500)),
             "asks for the upgrade byte by byte": (RawSocket(relay).tls, upgrade),
             "asks for nothing after TLS": (RawSocket(relay).tls, b""),
             "does not authenticate": (RawSocket(relay).upgrade("sotto.v1").tls, b""),
             "sends a frame byte by byte": (raw_session(relay, "binary", scene.person()).tls, endless),
             "sends a text byte by byte": (raw_session(relay, "json", scene.person()).tls,
                                           RawSocket.frame(TEXT, b" " * 100_000)),
             "never ends its fragments": (raw_session(relay, "binary", scene.person()).tls,
                                          RawSocket.frame(0x02, b"x") + RawSocket.frame(0x00, b"x") * 1000)}
    threads = [threading.Thread(target=trickle, args=(name, *peer)) for name, peer in peers.items()]
    for thread in threads:
        thread.start()

    def wait():
        for thread in threads:
            thread.join()
        for name in peers:
            check(ended[name] is not None, f"a peer that {name} is not dropped")
        for name in ("asks for the upgrade byte by byte", "says nothing"):
            check(b"101" not in ended[name], f"a peer that {name} was let in")
        return len(peers)
    return wait


def places(folder):
    """Connections beyond the most are closed as they come; a place that is given up is taken again."""
    relay = Relay(os.path.join(folder, "small"), arguments=("--max-connections", "3")).ready()
    held = [RawSocket(relay).upgrade("sotto.v1") for _ in range(3)]
    try:
        RawSocket(relay)
        raise Failure("a fourth connection of three")
    except (ssl.SSLError, ConnectionError):
        pass
    held[0].close()
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            RawSocket(relay).upgrade("sotto.v1")
            break
        except (ssl.SSLError, ConnectionError):
            check(time.monotonic() < deadline, "a place that was given up is not taken again")
            time.sleep(0.1)
    check(relay.terminate() == 0, "the relay does not exit 0 on SIGTERM")


def places_of_an_address(folder):
    """Beyond its own most, an address is refused, and others are not."""
    relay = Relay(os.path.join(folder, "crowded"),
                  arguments=("--max-connections-per-address", "2", "--admin-port", "0")).ready()
    scene = Scene(relay, "binary")
    crowd = [scene.connect(address=scene.address()) for _ in range(3)]
    held = [RawSocket(relay).upgrade("sotto.v1") for _ in range(2)]
    try:
        RawSocket(relay)
        raise Failure("a third connection of an address that may have two")
    except (ssl.SSLError, ConnectionError):
        pass
    check(all(connection.close_code is None for connection in crowd), "others were harmed")
    wait_until(relay.admin(), {'sotto_connections_refused_total{reason="address"}': 1})
    for connection in held:
        connection.close()
    scene.end()
    check(relay.terminate() == 0, "the relay does not exit 0 on SIGTERM")

    relay = Relay(os.path.join(folder, "hasty"), arguments=("--new-connections-per-address", "1", "--admin-port", "0")).ready()
    made = 0
    try:
        for _ in range(200):
            RawSocket(relay).close()
            made += 1
    except (ssl.SSLError, ConnectionError):
        pass
    check(10 <= made < 200, f"{made} connections at once")
    wait_until(relay.admin(), {'sotto_connections_refused_total{reason="rate"}': 1})
    check(relay.terminate() == 0, "the relay does not exit 0 on SIGTERM")


def main():
    seed = sys.argv[1] if len(sys.argv) > 1 else "7"
    frames = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    with Folder() as folder:
        # All of them come from one address.
        relay = Relay(os.path.join(folder, "relay"), arguments=("--new-connections-per-address", "0")).ready()
        conversation = Conversation(relay)
        slow = slow_peers(relay)
        outcomes = attack(relay, seed, frames)
        for kind, ends in sorted(outcomes.items()):
            print(f"{kind}: {', '.join(f'{count} × {end}' for end, count in sorted(ends.items(), key=str))}")
        count = sum(sum(ends.values()) for ends in outcomes.values())
        check(count >= frames, f"only {count} hostile frames")
        check(outcomes.keys() == EXPECTED.keys(), f"kinds of frames: {outcomes.keys()}")
        for kind, ends in outcomes.items():
            check(ends.keys() <= EXPECTED[kind], f"{kind}: {ends}")
        dropped = slow()
        places(folder)
        places_of_an_address(folder)
        rounds = conversation.end()
        check(relay.terminate() == 0, "the relay does not exit 0 on SIGTERM")
        print(f"seed {seed}: {count} hostile frames and {dropped} slow peers; meanwhile two people wrote {rounds} times each")


run(main)
