#!/usr/bin/env python3
"""What is written to sotto-rpc's standard input never ends it, and who does not read its output costs bounded memory."""

import json
import os
import random
import subprocess
import threading

from processes import Folder, Relay, check, run
from rpc import LINE, RPC, Rpc, conforms, schema


def hostile_lines(random_source):
    """Lines and whether an answer comes."""
    yield b"", False
    yield b"   \t\r", False
    for text in (b"{", b"\xff\xfe", b"{\"id\":1,\"account\":{}", b"nul", b"\0", b"[" * 1_000_000, b"x" * (1024 * 1024),
                 b"x" * (1024 * 1024 + 1), b"x" * (5 * 1024 * 1024), b"{\"id\":1,\"findUser\":{\"handle\":\"\xc3\x28\"}}",
                 b"{\"id\":1,\"findUser\":{\"handle\":\"\\ud800\"}}", b"1e999999", b"{\"id\":1e5,\"account\":{}}",
                 b"{\"id\":99999999999999999999999,\"account\":{}}", b"{\"id\":\"" + b"x" * 129 + b"\",\"account\":{}}",
                 b"{\"id\":1,\"account\":[]}", b"{\"id\":1,\"account\":{},\"chats\":{}}", b"{\"id\":1,\"" + b"n" * 500_000 + b"\":{}}",
                 b"{\"id\":1,\"account\":{\"" + "é".encode() * 200_000 + b"\":1}}",
                 b"{\"id\":1,\"account\":" + b"{\"a\":" * 1000 + b"1" + b"}" * 1000 + b"}"):
        yield text, True
    values = [None, True, -1, 0, 1.5, 2**63 - 1, 2**64, -2**63, "", "x", "\0", "0" * 32, "x" * 70_000, [], [[]], {}, {"x": 1}]
    for name, command in schema["$defs"]["commands"].items():
        if name in ("close", "register", "connect", "disconnect", "deleteAccount"):
            continue
        for _ in range(60):
            fields = {field: random_source.choice(values) for field in command["properties"] if random_source.random() < 0.8}
            yield json.dumps({"id": 7, name: fields}).encode(), True


def survive(rpc):
    random_source = random.Random(7)
    expected, got = 0, []
    for line, answered in hostile_lines(random_source):
        rpc.stdin.write(line + b"\n")
        rpc.stdin.flush()
        if answered:
            expected += 1
            answer = json.loads(rpc.stdout.readline())
            conforms(LINE, answer, "an answer")
            got.append("error" in answer)
    check(got[:20] == [True] * 20, f"hostile lines that were not refused: {got[:20]}")
    check(rpc.poll() is None, "sotto-rpc ended")
    return expected


def slow_reader(rpc):
    """Far more is asked for than fits, and nothing is read: it stops reading, and goes on when it is read."""
    count = 20_000
    line = json.dumps({"id": "x" * 100, "nonsense": {}}).encode() + b"\n"
    done = threading.Event()

    def write():
        for _ in range(count):
            rpc.stdin.write(line)
        rpc.stdin.flush()
        done.set()

    threading.Thread(target=write, daemon=True).start()
    check(not done.wait(5), "everything was taken, although nothing was read")
    for _ in range(count):
        check(json.loads(rpc.stdout.readline())["error"]["code"] == "UNKNOWN_COMMAND", "an answer")
    check(done.wait(60), "the rest was not taken")


def waiting(rpc):
    """Too many commands wait for the network."""
    rpc.stdin.write(b"".join(json.dumps({"id": number, "findUser": {"handle": f"u{number}"}}).encode() + b"\n"
                             for number in range(1100)))
    rpc.stdin.write(b'{"id":"last","connection":{}}\n')
    rpc.stdin.flush()
    refused = 0
    while True:
        answer = json.loads(rpc.stdout.readline())
        refused += answer.get("error", {}).get("code") == "LIMIT_EXCEEDED"
        if answer.get("id") == "last":
            return refused


def main():
    with Folder() as folder:
        relay = Relay(os.path.join(folder, "relay")).ready()
        user = Rpc("user", os.path.join(folder, "user"), relay).register()
        check(user.terminate() == 0, "sotto-rpc did not end well")
        with subprocess.Popen([RPC, "--data", user.folder, "--relay", relay.url, "--ca", relay.ca, "--grace", "0"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as rpc:
            try:
                print(f"{survive(rpc)} hostile lines were answered")
                slow_reader(rpc)
                check(relay.terminate() == 0, "the relay did not end well")
                print(f"{waiting(rpc)} of 1,101 commands were refused, since too many waited")
                rpc.stdout.close()  # Nobody reads any more: it ends in order.
                rpc.stdin.close()
                check(rpc.wait(60) == 0, "it did not end well without a reader")
            finally:
                rpc.kill()


run(main)
