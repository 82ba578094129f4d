#!/usr/bin/env python3
"""A bot that answers each text with the same text, once, whatever is killed when; end-to-end encrypted.

    echo_bot.py HANDLE sotto-rpc --data DIR --relay URL [--ca FILE]

It may be killed at any moment: start it again, and it goes on where it was. See docs/rpc.md."""

import collections
import json
import subprocess
import sys

handle, *program = sys.argv[1:]
rpc = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")
events = collections.deque()  # that came while an answer was waited for


def read():
    line = rpc.stdout.readline()
    if not line:
        sys.exit("sotto-rpc has ended")
    return json.loads(line)


def ask(command, **fields):
    rpc.stdin.write(json.dumps({"id": 1, command: fields}) + "\n")
    rpc.stdin.flush()
    while "id" not in (answer := read()):
        events.append(answer["event"])
    return answer


# The bot itself.
ask("register", handle=handle)
ask("subscribe")
while True:
    event = events.popleft() if events else read()["event"]
    if event["kind"] != "messageAdded":
        continue
    message = event["message"]
    if message["state"] == "received" and message["kind"] == "text":
        # The answer is stored and the event released in one transaction: both happen, or the event comes again.
        ask("sendMessage", chatId=message["chatId"], message=message["message"], releases=event["cursor"])
