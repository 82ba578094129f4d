#!/usr/bin/env python3
"""Readers that never ack, that never read, and that ask without ever reading the answers cost the relay bounded memory, in
both encodings; in the same chat an honest reader gets everything. Usage: slow_readers_test.py [MESSAGES]"""

import os
import re
import socket
import ssl
import sys
import threading
import time

from processes import PATIENCE, Folder, Relay, check, run
from relay_scene import Scene, raw_session
from wire_client import ENCODINGS, limit, raw
from wire_people import sha256

EACH = 3  # readers of a kind and encoding
TEXT_BYTES = 64 * 1024
# The relay keeps up to 64 MiB of entries in memory for whoever comes next, and 1 MiB of window and a few of queues for
# each reader. If it kept everything for each of them, it would be above a gigabyte.
MOST_BYTES = 250 * 1024 * 1024


def memory(relay, what):
    """Of the relay's process, in bytes: VmRSS or VmHWM, the most so far."""
    with open(f"/proc/{relay.child.pid}/status", encoding="utf-8") as file:
        return int(re.search(rf"{what}:\s+(\d+) kB", file.read()).group(1)) * 1024


def deaf(relay, encoding, person, kind="MAIN"):
    """A connection on which nothing is read from here on, and little waits in the kernel."""
    peer = raw_session(relay, encoding, person, kind)
    peer.tls.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    return peer


def greedy(relay, scene, id):
    """Asks for 128 KiB again and again and reads nothing, until the relay has enough of it."""
    encoding = scene.encoding
    peer = deaf(relay, encoding, scene.person(), "MEDIA")
    request = {"fetchAttachment": {"attachmentId": id, "token": b"a token", "limit": limit("attachment_part_bytes")}}
    deadline = time.monotonic() + PATIENCE
    try:
        while time.monotonic() < deadline:
            peer.ask(encoding, [request] * 300)
            time.sleep(0.1)
    except TimeoutError:
        return "no longer read"
    except (ssl.SSLError, ConnectionError):
        return "dropped"
    return None


class Chat:
    """A sender, an honest reader in each encoding, and the others."""

    def __init__(self, relay):
        self.scenes = {encoding: Scene(relay, encoding) for encoding in ENCODINGS}
        binary = self.scenes["binary"]
        self.sender = binary.member()
        self.honest = [scene.member() for scene in self.scenes.values()]
        self.lazy = [scene.member() for scene in self.scenes.values() for _ in range(EACH)]
        listless = [(encoding, binary.person()) for encoding in ENCODINGS for _ in range(EACH)]
        devices = [member.device for member in self.honest + self.lazy] + [person.device for _, person in listless]
        self.chat = binary.group_of(self.sender, devices)
        self.deaf = [deaf(relay, encoding, person) for encoding, person in listless]

    def read_all(self, member, last, failures):
        try:
            seq = 1
            while seq < last:
                for entry in member.entries(self.chat, seq + 1):
                    check(int(entry["seq"]) == seq + 1, f"seq {entry['seq']} after {seq}")
                    check(len(raw(entry["message"])) > TEXT_BYTES, "a short message")
                    seq += 1
                member.ack(self.chat, seq)
        except Exception as failure:
            failures.append(f"an honest reader: {type(failure).__name__}: {failure}")

    def write(self, count):
        failures = []
        readers = [threading.Thread(target=self.read_all, args=(member, count + 1, failures)) for member in self.honest]
        for reader in readers:
            reader.start()
        for first in range(1, count + 1, 3):
            numbers = range(first, min(first + 3, count + 1))
            answers = self.sender.connection.ask_all(
                [self.chat.message(n, ciphertext=os.urandom(TEXT_BYTES)) for n in numbers])
            check(all(answer["status"] == "OK" for answer in answers), f"{answers}")
            self.sender.ack(self.chat, numbers[-1] + 1)
        for reader in readers:
            reader.join()
        check(not failures, f"{failures}")


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1500
    # AddressSanitizer keeps what was freed for a while; that is not the relay's.
    os.environ["ASAN_OPTIONS"] = ":".join(filter(None, (os.environ.get("ASAN_OPTIONS"), "quarantine_size_mb=16")))
    with Folder() as folder:
        relay = Relay(os.path.join(folder, "relay")).ready()
        chat = Chat(relay)
        before = memory(relay, "VmRSS")
        chat.write(count)

        last = []
        window = limit("window_bytes") + limit("message_bytes")
        for member in chat.lazy:
            entries = [entry for push in member.connection.pushes if "entries" in push
                       for entry in push["entries"]["entries"]]
            got = sum(len(raw(entry["message"])) for entry in entries)
            check(len(entries) > 5, f"a reader that does not ack got only {len(entries)} entries")
            check(len(entries) <= limit("window_entries") and got <= window, f"it got {len(entries)} entries, {got} bytes")
            check(member.connection.close_code is None, "it was closed")
            last.append(int(entries[-1]["seq"]))

        owner, data = chat.sender, os.urandom(limit("attachment_part_bytes"))
        id = raw(owner.ask({"createAttachment": {"hash": sha256(data), "size": len(data), "tokenHash": sha256(b"a token")}})
                 ["attachmentCreated"]["attachmentId"])
        check(owner.ask({"uploadAttachment": {"attachmentId": id, "data": data}})["status"] == "OK", "uploading")
        ends = {}
        for encoding, scene in chat.scenes.items():
            ends[encoding] = greedy(relay, scene, id)
            check(ends[encoding], f"{encoding}: who asks and does not read is listened to for ever")
        most = memory(relay, "VmHWM") - before
        check(most < MOST_BYTES, f"the relay took {most / 2**20:.0f} MiB more than before")
        # Who acks at last gets on.
        for member, seq in zip(chat.lazy, last):
            member.ack(chat.chat, seq)
            member.entries(chat.chat, seq + 1)
        for scene in chat.scenes.values():
            scene.end()
        check(relay.terminate() == 0, "the relay does not exit 0 on SIGTERM")
        print(f"{count} messages of 64 KiB to {len(chat.lazy)} readers that never ack and {len(chat.deaf)} that never read: "
              f"the relay took at most {most / 2**20:.0f} MiB more; who asks and does not read is {ends}")


run(main)
