#!/usr/bin/env python3
"""What everybody has acked is nowhere any more: no rows, no files, no bytes, and the file is as small as before. Usage:
retention_test.py [MESSAGES]"""

import os
import sqlite3
import sys
import time

from processes import PATIENCE, Folder, Relay, check, run, stored_entries
from relay_scene import Member, Scene
from wire_client import raw

CHATS = 10
MARK = b"to be found nowhere afterwards"
TEXT_BYTES = 16 * 1024
# A file of up to 4 MiB is written anew when things are quiet; what it may grow by is a few pages of numbers.
ROOM_BYTES = 128 * 1024
FIXED = {"relay.db", "relay.db-wal", "relay.db-shm", "blobs.db", "blobs.db-wal", "blobs.db-shm", "blobs", "cert.pem", "key.pem"}


def sizes(folder):
    return {name: os.path.getsize(os.path.join(folder, name)) for name in os.listdir(folder)
            if os.path.isfile(os.path.join(folder, name))}


def rows(folder, query):
    database = sqlite3.connect(f"file:{folder}/relay.db?mode=ro", uri=True)
    try:
        return database.execute(query).fetchone()[0]
    finally:
        database.close()


def contains(folder, mark):
    for path, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(path, name), "rb") as file:
                if mark in file.read():
                    return name
    return None


def wait_until(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        check(time.monotonic() < deadline, what)
        time.sleep(0.1)


def quiet(folder):
    """Nothing waits for the checkpoint."""
    return stored_entries(folder) == 0 and rows(folder, "SELECT count(*) FROM log_segment") == 0 and sizes(folder).get("relay.db-wal", 0) == 0


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    with Folder() as top:
        folder = os.path.join(top, "relay")
        relay = Relay(folder).ready()
        scene = Scene(relay, "binary")
        writer, reader = scene.member(), scene.member()
        chats = [scene.group_of(writer, [reader.device]) for _ in range(CHATS)]
        for chat in chats:
            writer.ack(chat, 1)
            reader.ack(chat, 1)
        wait_until(lambda: quiet(folder), "the founding entries are still there")
        before = sizes(folder)["relay.db"]
        records = rows(folder, "SELECT count(*) FROM record")

        reader.connection.close()
        for n in range(1, count // CHATS + 1):
            answers = writer.connection.ask_all(
                [chat.message(n, ciphertext=MARK + os.urandom(TEXT_BYTES)) for chat in chats])
            check(all(answer["status"] == "OK" for answer in answers), f"{answers}")
            for chat in chats:
                writer.ack(chat, n + 1)
        last = count // CHATS + 1
        check(stored_entries(folder) == CHATS * (last - 1), "entries went before their time")
        most = sum(sizes(folder).values())
        check(most > CHATS * (last - 1) * TEXT_BYTES, "the store is smaller than what is in it")
        check(contains(folder, MARK), "the mark is not found where it has to be")

        reader = Member(reader.person, scene.online(reader.person))
        reached = {chat.id: 1 for chat in chats}
        while any(seq < last for seq in reached.values()):
            push = reader.push("entries")
            chat = next(chat for chat in chats if chat.id == raw(push["chatId"]))
            reached[chat.id] = int(push["entries"][-1]["seq"])
            reader.ack(chat, reached[chat.id])
        wait_until(lambda: quiet(folder) and sizes(folder)["relay.db"] <= before + ROOM_BYTES,
                   "the store does not give back its space")
        check(contains(folder, MARK) is None, f"a message is still in {contains(folder, MARK)}")
        check(rows(folder, "SELECT count(*) FROM record") == records, "records are left")
        check(rows(folder, "SELECT count(*) FROM log_snapshot") == CHATS, "a chat's state for each chat")
        after = sizes(folder)["relay.db"]
        strangers = {name for name in os.listdir(folder) if name not in FIXED and "lock" not in name and "lease" not in name}
        check(not strangers, f"files that are left: {strangers}")
        check(not os.path.isdir(os.path.join(folder, "blobs")) or not os.listdir(os.path.join(folder, "blobs")), "blobs")
        scene.end()
        check(relay.terminate() == 0, "the relay does not exit 0 on SIGTERM")
        print(f"{CHATS * (last - 1)} messages took {most / 2**20:.1f} MiB; acked by all, the store is {after / 2**10:.0f} KiB, "
              f"{(after - before) / 2**10:+.0f} from before")


run(main)
