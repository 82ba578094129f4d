#!/usr/bin/env python3
"""People, and at times the relay, are killed with -9 while they register, found a group and change it. Whatever moment
it was, they go on after the next start, nothing exists twice, and all members agree.

Usage: changes_test.py [SEED [ROUNDS]]"""

import os
import random
import sys
import time

from processes import Chat, Folder, Relay, check, run


class Mischief:
    def __init__(self, seed, relay):
        self.random = random.Random(seed)
        self.relay = relay
        self.others = []

    def strike(self, chat):
        """Kills at a random moment and starts again."""
        time.sleep(self.random.uniform(0, 0.08))
        if self.random.random() < 0.3:
            self.relay.kill()
            self.relay = self.relay.again()
            for other in self.others:
                other.write("/connect")  # after so many losses the next try by itself may be a minute away
        chat.kill()
        return chat.again()


def chats(chat):
    """Title and id of each chat of somebody."""
    _, _, shown = chat.try_ask("/list")
    rows = [line.split(" ", 7) for line in shown if line.startswith("chat ")]
    return [(row[7], row[2]) for row in rows]


def open_of_round(chat, title):
    """Opens the chat of a round, whatever it is called by now; there must never be two."""
    while True:
        found = [chat_id for known, chat_id in chats(chat) if known in (title, f"{title}, renamed")]
        check(len(found) <= 1, f"{chat.name}: {title} is there twice")
        if found:
            return chat.ask(f"/open @{found[0]}")
        time.sleep(0.05)


def members(chat):
    _, _, shown = chat.try_ask("/who")
    return {line.split(" ")[1] for line in shown if line.startswith("user ")}


def one_round(folder, mischief, number, ann, ben, cleo):
    title = f"group {number}"
    guest = Chat(f"guest{number}", os.path.join(folder, f"guest{number}"), mischief.relay)
    mischief.others = [ben, cleo]
    guest.write(f"/register guest{number}")
    guest = mischief.strike(guest).register()

    mischief.others = [ben, cleo, guest]
    ann.write(f'/group "{title}" ben guest{number}')
    ann = mischief.strike(ann)
    if title not in [known for known, _ in chats(ann)]:
        ann.ask(f'/group "{title}" ben guest{number}')
    open_of_round(ann, title)
    ann.ask("/wait-status active")

    changes = ["/add cleo", f"/rename {title}, renamed", f"/remove guest{number}"]
    for change in changes:
        ann.write(change)
    ann = mischief.strike(ann)
    open_of_round(ann, title)
    for change in changes:
        ann.ask(change)  # what is done already succeeds again

    rest = [ann, ben, cleo]
    for chat in rest:
        chat.ask(f"/wait-chat {title}, renamed")
        open_of_round(chat, title)
        chat.ask(f"{chat.name} is here")
    open_of_round(guest, title)
    guest.ask("/wait-status removed")
    for chat in rest:
        chat.ask("/wait 3")
        chat.ask("/settle")
        check(members(chat) == {ann.user, ben.user, cleo.user}, f"{chat.name}: other members than the others")
    check(guest.terminate() == 0, "the guest did not end well")
    return ann


def main():
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 10
    print(f"seed {seed}, {rounds} rounds of 3 kills")
    with Folder() as folder:
        relay = Relay(os.path.join(folder, "relay")).ready()
        mischief = Mischief(seed, relay)
        ann, ben, cleo = (Chat(name, os.path.join(folder, name), relay).register() for name in ("ann", "ben", "cleo"))
        for number in range(1, rounds + 1):
            ann = one_round(folder, mischief, number, ann, ben, cleo)
        for process in (ann, ben, cleo, mischief.relay):
            check(process.terminate() == 0, "a process did not end well")
        print("every group is there once, with the same members and name for all")


run(main)
