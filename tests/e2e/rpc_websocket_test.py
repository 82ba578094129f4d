#!/usr/bin/env python3
"""sotto-rpc on a local WebSocket: who gets in, several programs at a time, long and hostile messages, and the end."""

import os
import socket
import stat
import subprocess
import threading

from processes import Folder, Relay, check, run
from rpc import RPC, Program, Rpc
from websocket import Refused, WebSocket


def refused(url, headers, status):
    try:
        WebSocket(url, headers)
    except Refused as refusal:
        check(refusal.status == status, f"{headers}: HTTP {refusal.status}, not {status}")
        return
    check(False, f"{headers}: let in")


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def door(url, token):
    """Only who shows the token, and no page of a browser."""
    bearer = f"Authorization: Bearer {token}"
    refused(url, [], 401)
    for wrong in ("", token[:-1], token + "0", "0" * 64, token.upper()):
        refused(url, [f"Authorization: Bearer {wrong}"], 401)
    refused(url, [f"Authorization: Basic {token}"], 401)
    for origin in ("https://example.com", "http://localhost", "null"):
        refused(url, [bearer, f"Origin: {origin}"], 403)
    WebSocket(url, [bearer]).close()


def connect(url):
    if url.startswith("unix:"):
        out = socket.socket(socket.AF_UNIX)
        out.connect(url[5:])
        return out
    return socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])))


def plain_http(url):
    with connect(url) as plain:
        plain.sendall(b"GET /rpc-token HTTP/1.1\r\nHost: localhost\r\n\r\n")
        check(b" 404 " in plain.makefile("rb").readline(), "plain HTTP is served")


def crowd(url, token):
    """More sockets than it takes, of which none shows a token: it goes on for who does, once they are gone."""
    idle = [connect(url) for _ in range(80)]
    for each in idle:
        each.close()
    for _ in range(100):
        try:
            WebSocket(url, [f"Authorization: Bearer {token}"]).close()
            return
        except (Refused, OSError):
            threading.Event().wait(0.1)
    check(False, "nobody gets in any more")


def hostile(url, token):
    program = Program(url, token)
    program.asked = 1000  # other ids than those below
    for text in ("", "{", "[]", "null", '"x"', "{}", '{"id":1}', '{"id":[],"account":{}}', '{"id":1.5,"account":{}}',
                 '{"account":{}}', "x" * (1024 * 1024), "x" * (1024 * 1024 + 1), "x" * (3 * 1024 * 1024),
                 "[" * 100_000, '{"id":9,"account":' * 10_000):
        before = len(program.others) + len(program.answers)
        program.write(text)
        program.until(lambda: len(program.others) + len(program.answers) > before, f"an error about {text[:20]}")
    codes = [line["error"]["code"] for line in program.others]
    check(codes.count("TOO_LARGE") == 2, f"what is too large: {codes}")
    check(program.answers[1]["error"]["code"] == "INVALID_ARGUMENT", "no command")
    # A command in pieces, with a ping between.
    program.socket.send('{"id":77,"conn', opcode=1, final=False)
    program.socket.send("", opcode=9)
    program.socket.send('ection":{}}', opcode=0)
    program.until(lambda: program.answers.get(77), "a command in pieces")
    binary = Program(url, token)
    binary.socket.send(b"{}", opcode=2)
    binary.until(lambda: binary.closed, "the close of who sends bytes", 60)
    check(program.ask("connection")["state"] in ("online", "connecting", "catchingUp"), "the others go on")


def slow_reader(url, token):
    """Far more is asked for than fits, and nothing is read: it stops reading, and goes on when it is read."""
    count = 60_000
    reader = WebSocket(url, [f"Authorization: Bearer {token}"])
    done = threading.Event()

    def write():
        for _ in range(count):
            reader.send('{"id":"' + "x" * 100 + '","nonsense":{}}')
        done.set()

    threading.Thread(target=write, daemon=True).start()
    check(not done.wait(5), "everything was taken, although nothing was read")
    for _ in range(count):
        check("UNKNOWN_COMMAND" in reader.receive(), "an answer")
    check(done.wait(60), "the rest was not taken")
    reader.close()


def talk(url, token, user2):
    first, second = Program(url, token), Program(url, token)
    first.ask("subscribe")
    second.ask("subscribe")
    chat = first.ask("createChat", participants=["user2"])["chatId"]
    check(first.ask("sendMessage", chatId=chat, message="from one of two")["status"] == "SUCCESS", "sending")
    for program in (first, second):
        program.text_event("from one of two")
    user2.ask("subscribe")
    user2.text_event("from one of two")
    user2.ask("sendMessage", chatId=chat, message="to both")
    for program in (first, second):
        program.text_event("to both")
    # 2,000 commands at once, of which none is read before all are written.
    numbers = [first.start_asking("messages", {"chatId": chat, "limit": 200}) for _ in range(2000)]
    first.until(lambda: all(number in first.answers for number in numbers), "2,000 answers")
    second.ask("close")
    second.until(lambda: second.closed is not None or None, "the close", 60) if second.closed is None else None
    check(second.closed == 1000, f"closed with {second.closed}")
    first.ask("account")
    return first


def main():
    with Folder() as folder:
        relay = Relay(os.path.join(folder, "relay")).ready()
        user2 = Rpc("user2", os.path.join(folder, "user2"), relay).register()
        path = os.path.join(folder, "rpc.sock")
        for where in ("0", f"unix:{path}"):
            user1 = Rpc("user1", os.path.join(folder, "user1"), relay, ["--listen", where])
            user1.until(lambda: user1.others, "where it listens")
            url = user1.others[0]["listening"]
            user1.register()
            token_file = os.path.join(user1.folder, "rpc-token")
            token = user1.token()
            check(mode(token_file) == 0o600 and len(token) == 64, "the token's file")
            if where.startswith("unix:"):
                check(mode(path) == 0o600, "the socket's mode")
            door(url, token)
            plain_http(url)
            crowd(url, token)
            hostile(url, token)
            slow_reader(url, token)
            program = talk(url, token, user2)
            user1.child.stdin.close()  # The WebSocket goes on without standard input.
            program.ask("account")
            user1.child.send_signal(15)
            program.until(lambda: program.closed is not None, "the close", 60) if program.closed is None else None
            check(program.closed == 1001, f"at the end: {program.closed}")
            check(user1.exit_code() == 0, "sotto-rpc did not end well")
            check(not os.path.exists(path), "the socket stays behind")

        def fails(code, words, *arguments):
            done = subprocess.run([RPC, "--data", user1.folder, "--relay", relay.url, *arguments], input="",
                                  capture_output=True, text=True, timeout=120)
            check(done.returncode == code and words in done.stderr, f"{arguments}: {done}")

        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            fails(4, "ADDRESS_IN_USE", "--listen", str(taken.getsockname()[1]))
        with open(path, "w", encoding="ascii"):
            fails(4, "no socket", "--listen", f"unix:{path}")
        fails(1, "INVALID_ARGUMENT", "--listen", "localhost:1")
        os.chmod(token_file, 0o644)
        fails(1, "0600", "--listen", "0")
        for process in (user2, relay):
            check(process.terminate() == 0, "a process did not end well")
        print("the door opens for the token only, on TCP and on a unix socket")


run(main)
