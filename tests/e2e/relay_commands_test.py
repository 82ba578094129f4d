#!/usr/bin/env python3
"""Every command of the relay over wss with real processes, in both encodings: what it does and every refusal.

The cases stand in the files *_cases.py; here, what holds for all commands, and that no command and no code is
without a case. Usage: relay_commands_test.py binary|json [COMMAND]"""

import os
import re
import sys

import relay_cases  # noqa: F401 -- registers its cases
import chat_cases  # noqa: F401
import people_cases  # noqa: F401
import registration_cases  # noqa: F401
from processes import Failure, Folder, Relay, check, run
from relay_scene import CASES, Scene
from wire_client import CODES, read_source

# Which kinds of connection may ask what, as docs/protocol.md says.
MAIN = {"publishKeyPackages", "takeKeyPackages", "findUser", "putDeviceList", "createChat", "sendMessage",
        "modifyChatParticipants", "updateChat", "ack", "setProfile", "getProfile", "setBlockList", "sendEphemeral",
        "setReadMark", "setPushToken", "deleteAccount", "logOut", "setPin", "setDiscovery", "keepHandle"}
READERS = {"getDeviceList", "getChat"}
MEDIA = {"createAttachment", "uploadAttachment", "referenceAttachment", "attachmentReceived"}
ALLOWED = {
    None: {"requestCode", "register", "authenticate"},
    "MAIN": MAIN | READERS | MEDIA | {"authenticate", "fetchAttachment"},
    "MEDIA": MEDIA | {"authenticate", "fetchAttachment"},
    "PEEK": READERS | {"authenticate", "fetchAttachment"},
}

# Codes that the relay's sources name and no request brings about.
NOT_BROUGHT_ABOUT = {
    "ADDRESS_IN_USE": "at the start: refusing_test.py",
    "ALREADY_EXISTS": "backup and restore: maintenance_test.py",
    "CORRUPT": "damage on the disk: tests/faults and the simulation",
    "DISK_FULL": "the disk: refusing_test.py, tests/faults",
    "INTERNAL": "a promise broken inside",
    "IO_ERROR": "the disk: tests/faults",
    "NEWER_SCHEMA": "at the start: starting_test.py",
    "UNAVAILABLE": "a write that fails: tests/unit/relay/failure_test.cpp",
}


def commands():
    """Those of dispatch.cpp."""
    names = re.findall(r"\{Command::k(\w+),", read_source("src/relay/dispatch.cpp"))
    check(names, "no command found in dispatch.cpp")
    return {name[0].lower() + name[1:] for name in names}


def named_codes():
    """The error codes that the sources of relay and wire name."""
    codes = set()
    for folder in ("src/relay", "src/wire"):
        root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", folder)
        for name in os.listdir(root):
            if name.endswith((".h", ".cpp")):
                codes |= set(re.findall(r"ErrorCode::([A-Z_]+)\b", read_source(os.path.join(folder, name))))
    return codes


def documented():
    """The table "Answers by command" of docs/protocol.md: (command, code)."""
    section = read_source("docs/protocol.md").split("## Answers by command")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ([\w, ]+) \| (.+) \|$", section, re.MULTILINE)
    pairs = {(command, code) for names, codes in rows if names != "command"
             for command in names.split(", ") for code in re.findall(r"\b[A-Z]+(?:_[A-Z]+)*\b", codes) if len(code) > 3}
    check(len(pairs) > 40, f"the table was not understood: {pairs}")
    return pairs


def check_coverage():
    """A new command, a new code, or a new line of the documentation without a case is a failure."""
    covered = {(command, code) for command, code, _, _ in CASES}
    for command in commands():
        check((command, "OK") in covered, f"{command} has no case that succeeds")
        check(any(name == command and code != "OK" for name, code in covered) or command == "ack",
              f"{command} has no case that is refused")
        check(any(command in allowed for allowed in ALLOWED.values()), f"{command} is allowed nowhere")
    unknown = {command for command, _ in covered} - commands()
    check(not unknown, f"cases of commands that the relay has not: {unknown}")
    codes = {code for _, code in covered} | {"UNAUTHENTICATED", "FORBIDDEN", "UNKNOWN_COMMAND"}
    check(codes - {"OK"} <= set(CODES.values()), f"codes that are none: {codes - set(CODES.values())}")
    missing = named_codes() - codes - set(NOT_BROUGHT_ABOUT)
    check(not missing, f"codes of the relay without a case: {missing}")
    # createAttachment and uploadAttachment share a row, and each has only some of its codes.
    blobs = {pair for pair in documented() if pair[0] in ("createAttachment", "uploadAttachment")}
    together = {("createAttachment", code) for command, code in covered if command == "uploadAttachment"} | \
               {("uploadAttachment", code) for command, code in covered if command == "createAttachment"}
    missing = documented() - covered - (blobs & together)
    check(not missing, f"what docs/protocol.md says without a case: {sorted(missing)}")


def check_kinds(scene):
    """Each command on each kind of connection where it does not belong."""
    person, count = scene.person(), 0
    for kind, allowed in ALLOWED.items():
        connection = scene.online(person, kind) if kind else scene.connect()
        for command in sorted(commands() - allowed):
            answer = connection.ask({command: {}})
            expected = "FORBIDDEN" if kind else "UNAUTHENTICATED"
            check(answer["status"] == expected, f"{command} on {kind}: {answer}")
            count += 1
        check(connection.ask({"laterCommand": {}})["status"] == "UNKNOWN_COMMAND", f"an unknown command on {kind}")
    return count


def check_frames(scene):
    """What is no frame ends its connection with the right code, and none other."""
    binary, json = b"\x0a\x05short", '{"envelopes":['
    requests = {"binary": b"\x0a\x02\x22\x00", "json": '{"envelopes":[{"push":{}}]}'}
    many = {"binary": b"\x0a\x00" * 20_000, "json": '{"envelopes":[' + "{}," * 20_000 + "{}]}"}
    large = {"binary": bytes(256 * 1024 + 1), "json": " " * (512 * 1024 + 1)}
    decoded = '{"envelopes":[{"request":{"uploadAttachment":{"data":"' + "A" * 360_000 + '"}}}]}'
    frames = [("no frame", binary if scene.encoding == "binary" else json, 1002),
              ("no request", requests[scene.encoding], 1002),
              ("too many envelopes", many[scene.encoding], 1002),
              ("too large", large[scene.encoding], 1009),
              ("the other kind", requests["json" if scene.encoding == "binary" else "binary"], 1003)]
    if scene.encoding == "json":
        frames += [("too large once decoded", decoded, 1009),
                   ("no JSON", "hello", 1002), ("no object", "[]", 1002), ("nothing", "", 1002),
                   ("nested too deep", '{"x":' * 40 + "1" + "}" * 40, 1002),
                   ("nested far too deep", "[" * 500_000, 1002)]
    witness = scene.member()
    for what, message, code in frames:
        for connection in (scene.connect(), scene.online(scene.person())):
            connection.send_raw(message)
            got = connection.closed()
            check(got == code, f"{what}: closed with {got}, not {code}")
    check(witness.ask({"findUser": {"handle": witness.person.handle}})["status"] == "OK", "the witness was harmed")
    return len(frames)


def check_negotiation(scene):
    """Who offers both gets the one that it names first."""
    for encoding, offer in (("binary", ["sotto.v1", "sotto.v1.json"]), ("json", ["sotto.v1.json", "sotto.v1"])):
        connection = scene.connect(encoding, offer=offer)
        check(connection.socket.subprotocol == offer[0], f"{offer}: {connection.socket.subprotocol}")


def main():
    encoding, only = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
    check_coverage()
    failures = []
    with Folder() as folder:
        # Nobody listens there, which is nothing to those who give their tokens.
        push = ("--push-webhook", "http://127.0.0.1:1/")
        relay = Relay(os.path.join(folder, "relay"), arguments=push).ready()
        by_code = ("--registration", "code", "--code-sender", "log")
        others = {name: Relay(os.path.join(folder, name), arguments=arguments).ready() for name, arguments in (
            ("invite", ("--registration", "invite")), ("code", by_code), ("quick", (*by_code, "--code-resend", "1")))}
        done = 0
        for command, code, why, function in CASES:
            if only not in (None, command):
                continue
            scene = Scene(relay, encoding, others)
            try:
                answer = function(scene)
                check(answer["status"] == code, f"it answers {answer}")
                done += 1
            except (Failure, KeyError, IndexError, TypeError) as failure:
                failures.append(f"{command}: {code}: {why} -- {type(failure).__name__}: {failure}")
                print("FAILED:", failures[-1], flush=True)
            check(relay.running(), f"{command}: {code}: the relay ended: {relay.tail()}")
            scene.end()
        scene = Scene(relay, encoding)
        kinds, frames = check_kinds(scene), check_frames(scene)
        check_negotiation(scene)
        scene.end()
        for each in (relay, *others.values()):
            check(each.terminate() == 0, "a relay does not exit 0 on SIGTERM")
    check(not failures, f"{len(failures)} cases")
    print(f"{encoding}: {done} cases of {len(commands())} commands, {kinds} commands on connections of another kind, "
          f"{frames} kinds of frames that are none")


run(main)
