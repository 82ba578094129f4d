#!/usr/bin/env python3
"""A group of 100 people, each a process of its own: made, written in, one removed, re-keyed; the removed one gets
nothing more. Usage: big_group_test.py [PEOPLE]"""

import os
import sys

from processes import Chat, Folder, Relay, check, check_history, run


def main():
    people = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    with Folder() as folder:
        relay = Relay(os.path.join(folder, "relay")).ready()
        everybody = [Chat(f"user{i}", os.path.join(folder, f"user{i}"), relay) for i in range(people)]
        for chat in everybody:
            chat.register()
        owner, others, removed = everybody[0], everybody[1:], everybody[-1]
        owner.ask("/group crowd " + " ".join(chat.name for chat in others))
        owner.ask("/wait-chat crowd")
        owner.ask("to all of you")
        for chat in others:
            chat.ask("/wait-chat crowd")
            chat.ask("/wait 1")
        print(f"{people} people share a group and its first text")
        others[0].ask("from one of you")
        for chat in everybody:
            chat.ask("/wait 2")

        owner.ask(f"/remove {removed.name}")
        removed.ask("/wait-status removed")
        owner.ask("/refresh")
        owner.ask("not for the one who left")
        rest = everybody[:-1]
        for chat in rest:
            chat.ask("/wait 3")
        expected = {owner.user: ["to all of you", "not for the one who left"], others[0].user: ["from one of you"]}
        for chat in rest:
            check_history(chat.name, chat.texts(), expected)
            _, count, _ = chat.try_ask("/who")
            check(int(count) == people - 1, f"{chat.name} counts {count} people")
        check([entry.text for entry in removed.texts()] == ["to all of you", "from one of you"],
              "the removed one has more, or less, than what was written before")
        ok, detail, _ = removed.try_ask("let me in")
        check(not ok and detail.startswith("REMOVED"), f"the removed one writes: {detail}")
        print("one was removed, the keys are new, the rest goes on")

        for chat in everybody:
            check(chat.terminate() == 0, f"{chat.name} did not end well")
        check(relay.terminate() == 0, "the relay did not end well")


run(main)
