#!/usr/bin/env python3
"""Three people write in a group and replace their keys while the clients and the relay are killed with -9 at random
moments, 20 times each. In the end everybody has every text once, in the order written, and all have the same history.

Usage: chaos_test.py [SEED [KILLS]]"""

import os
import random
import sys
import time

from processes import Chat, Folder, Relay, check, check_history, run

TITLE = "the weather"


class Writer:
    """A person who writes "NAME 1", "NAME 2", … and knows which of them were promised to be on disk."""

    def __init__(self, chat):
        self.chat = chat
        self.written = 0  # on disk when this process began
        self.refreshes = 0
        self.start()

    def start(self):
        self.typed = 0  # to this process
        self.chat.ask(f"/wait-chat {TITLE}")

    def write(self, count):
        for _ in range(count):
            self.typed += 1
            self.chat.write(f"{self.chat.name} {self.written + self.typed}")

    def promised(self):
        """The last number of which the process said that it is on disk."""
        answers = self.chat.answered()
        check(not any(line.startswith("error ") for line in answers), f"{self.chat.name}: {answers[-5:]}")
        return self.written + sum(line.startswith("ok say ") for line in answers)

    def kill_and_start(self):
        self.chat.kill()
        promised, typed = self.promised(), self.written + self.typed
        self.chat = self.chat.again()
        self.start()
        own = [entry.text for entry in self.chat.texts() if entry.sender == self.chat.user]
        check(own == [f"{self.chat.name} {i + 1}" for i in range(len(own))],
              f"{self.chat.name}: own texts after a kill: {own[-5:]}")
        check(promised <= len(own) <= typed,
              f"{self.chat.name}: {promised} were promised and {typed} typed, but {len(own)} are there after a kill")
        self.written = len(own)

    def finish(self):
        self.chat.ask("/settle")
        self.written = self.promised()


def main():
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    kills = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    random_source = random.Random(seed)
    print(f"seed {seed}, {kills} kills of a client, {kills} kills of the relay")
    with Folder() as folder:
        relay = Relay(os.path.join(folder, "relay")).ready()
        chats = [Chat(name, os.path.join(folder, name), relay).register() for name in ("ann", "ben", "cleo")]
        chats[0].ask(f'/group "{TITLE}" ben cleo')
        writers = [Writer(chat) for chat in chats]

        victims = ["client"] * kills + ["relay"] * kills
        random_source.shuffle(victims)
        for victim in victims:
            for writer in writers:
                if writer.refreshes < 3 and random_source.random() < 0.25:
                    writer.refreshes += 1
                    writer.chat.write("/refresh")  # a commit among the messages; the relay lets 3 through at once
                writer.write(random_source.randint(1, 12))
            time.sleep(random_source.uniform(0, 0.4))
            if victim == "relay":
                relay.kill()
                for writer in writers:
                    writer.write(random_source.randint(0, 3))
                time.sleep(random_source.uniform(0, 0.2))
                relay = relay.again()
            else:
                random_source.choice(writers).kill_and_start()

        for writer in writers:
            writer.finish()
        total = sum(writer.written for writer in writers)
        expected = {writer.chat.user: [f"{writer.chat.name} {i + 1}" for i in range(writer.written)]
                    for writer in writers}
        histories = []
        for writer in writers:
            writer.chat.ask(f"/wait {total}")
            entries = writer.chat.dump()
            texts = [entry for entry in entries if entry.kind == "text"]
            check(len(texts) == total, f"{writer.chat.name} has {len(texts)} texts of {total}")
            check(all(entry.kind in ("text", "notice") for entry in entries), f"{writer.chat.name}: placeholders")
            check_history(writer.chat.name, texts, expected)
            histories.append([entry.text for entry in texts])
            print(f"{writer.chat.name}: wrote {writer.written}, has {len(texts)} of {total}, in order")
        check(histories[0] == histories[1] == histories[2], "the histories differ in their order")
        for writer in writers:
            check(writer.chat.terminate() == 0, f"{writer.chat.name} did not end well")
        check(relay.terminate() == 0, "the relay did not end well")
        print("nothing lost, nothing twice, one order for all")


run(main)
