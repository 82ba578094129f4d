#!/usr/bin/env python3
"""Somebody is offline while 1,000 texts are written, is killed with -9 in the middle of catching up, and starts again:
everything is there once and in order, and the relay keeps nothing of it."""

import os
import sys

from processes import Chat, Folder, Relay, check, check_history, run


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with Folder() as folder:
        relay = Relay(os.path.join(folder, "relay")).ready()
        ann = Chat("ann", os.path.join(folder, "ann"), relay).register()
        ben = Chat("ben", os.path.join(folder, "ben"), relay).register()
        ann.ask("/new ben")
        ann.ask("hello")
        ben.ask("/find ann")
        ben.ask("/wait-chat ann")
        ben.ask("/wait 1")
        check(ben.terminate() == 0, "ben did not end well")

        ann.ask(f"/burst {count} while you were away")
        ann.ask("/settle")

        ben = ben.again()
        ben.wait_for(lambda _: ben.texts_arrived >= count // 4, "ben catches up")
        seen = ben.texts_arrived
        ben.kill()
        print(f"killed after {seen} of {count}")

        ben = ben.again()
        ben.ask("/wait-chat ann")
        ben.ask(f"/wait {count + 1}")
        expected = {ann.user: ["hello"] + [f"while you were away {i + 1}" for i in range(count)]}
        check_history("ben", ben.texts(), expected)
        check_history("ann", ann.texts(), expected)
        print(f"ben has all {count + 1}, once and in order")

        ann.wait_for(lambda lines: any(line.endswith(f"text delivered while you were away {count}") for line in lines),
                     "ann is told of the delivery")
        check(all(entry.state == "delivered" for entry in ann.texts()), "ann: not all are delivered")
        for process in (ann, ben, relay):
            check(process.terminate() == 0, "a process did not end well")


run(main)
