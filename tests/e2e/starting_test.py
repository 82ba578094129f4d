#!/usr/bin/env python3
"""What a person meets when something is in the way: a taken port, a folder in use, no relay; and how programs end."""

import os
import socket
import subprocess

from processes import CHAT, RELAY, Chat, Folder, Relay, check, run


def refused(arguments, words):
    """Runs a program that must give up by itself, with a message that names the trouble; its exit code."""
    done = subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    said = done.stdout + done.stderr
    check(done.returncode > 0, f"{arguments}: ended with {done.returncode}: {said}")
    for word in words:
        check(word in said, f"{arguments}: the message does not name {word}: {said}")
    print(f"exit code {done.returncode}: {said.strip().splitlines()[-1]}")
    return done.returncode


def main():
    with Folder() as folder:
        home = os.path.join(folder, "relay")
        relay = Relay(home).ready()

        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            port_code = refused([RELAY, "--data", os.path.join(folder, "other"), "--port", str(port)], [str(port)])
        lock_code = refused([RELAY, "--data", home, "--port", "0"], [home])
        check(port_code != lock_code, "a taken port and a locked folder have the same exit code")

        ann = Chat("ann", os.path.join(folder, "ann"), relay).register()
        refused([CHAT, "--data", ann.folder, "--relay", relay.url, "--ca", relay.ca], ["IN_USE"])
        refused([CHAT, "--data", os.path.join(folder, "x"), "--relay", "ws://localhost:1"], ["INVALID_ARGUMENT"])

        ben = Chat("ann", os.path.join(folder, "ben"), relay)
        ok, detail, _ = ben.try_ask("/register ann")
        check(not ok and detail.startswith("HANDLE_TAKEN"), f"a taken name: {detail}")
        ok, detail, _ = ben.try_ask("/new ann")
        check(not ok and detail.startswith("NOT_REGISTERED"), f"writing without an account: {detail}")
        ben.ask("/register ben")
        ok, detail, _ = ben.try_ask("/new nobody")
        check(not ok and detail.startswith("UNKNOWN_USER"), f"writing to nobody: {detail}")

        # Without a relay everything can be written and read; it leaves when the relay is back.
        ben.ask("/new ann")
        ben.ask("/settle")
        check(relay.terminate() == 0, "the relay does not exit 0 on SIGTERM")
        ben.ask("written offline")
        check([entry.text for entry in ben.texts()] == ["written offline"], "reading offline")
        check(ben.texts()[0].state in ("queued", "sending"), "written offline, but not waiting")
        relay = relay.again()
        ben.ask("/settle")
        ann.ask("/find ben")
        ann.ask("/wait-chat ben")
        ann.ask("/wait 1")

        check(ann.terminate() == 0, "sotto-chat does not exit 0 on SIGTERM")
        ben.write("/quit")
        check(ben.exit_code() == 0, "sotto-chat does not exit 0 on /quit")
        check(relay.terminate() == 0, "the relay does not exit 0 on SIGTERM")


run(main)
