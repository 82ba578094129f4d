#!/usr/bin/env python3
"""The end and the certificate of a relay that people are connected to: SIGTERM, twice if need be, and SIGHUP."""

import os
import shutil
import signal
import socket
import ssl
import subprocess
import time

from admin_test import get
from processes import PATIENCE, Chat, Failure, Folder, Relay, check, run

SKIPPED = 77


def wait_until(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        check(time.monotonic() < deadline, f"{what}: never")
        time.sleep(0.05)


def make_certificate(folder, name, *options):
    """A certificate for localhost and its key, self-signed."""
    certificate, key = (os.path.join(folder, f"{name}.{kind}") for kind in ("pem", "key"))
    done = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                           "-keyout", key, "-out", certificate, "-subj", f"/CN={name}", "-days", "30",
                           "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", *options],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    check(done.returncode == 0, f"openssl: {done.stderr}")
    return certificate, key


def copy(source, target):
    with open(source, "rb") as old:
        content = old.read()
    with open(target, "wb") as new:
        new.write(content)


def shown_certificate(relay):
    """What a new connection is shown."""
    return ssl.get_server_certificate(("127.0.0.1", relay.port), timeout=60)


def text_of(path):
    with open(path, encoding="ascii") as file:
        return file.read()


def silent_peer(relay):
    """A WebSocket that is open and never answers anything, so that its orderly close takes its time."""
    context = ssl.create_default_context(cafile=relay.ca)
    peer = context.wrap_socket(socket.create_connection(("127.0.0.1", relay.port), timeout=60),
                               server_hostname="localhost")
    peer.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                 b"Sec-WebSocket-Protocol: sotto.v1\r\n\r\n")
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += peer.recv(4096)
    check(answer.startswith(b"HTTP/1.1 101"), f"no WebSocket: {answer}")
    return peer


def frames_until_end(peer, start=b""):
    """The frames that a server sends until it closes: opcode and payload."""
    data = start
    try:
        while more := peer.recv(65536):
            data += more
    except (ssl.SSLError, ConnectionError):
        pass
    frames = []
    while len(data) >= 2:
        size, head = data[1] & 127, 2
        if size == 126:
            size, head = int.from_bytes(data[2:4], "big"), 4
        frames.append((data[0] & 15, data[head:head + size]))
        data = data[head + size:]
    return frames


def reload(folder):
    """SIGHUP: those who are connected stay so, new ones see the new certificate; a bad one changes nothing."""
    certificate, key = make_certificate(folder, "first")
    second = make_certificate(folder, "second")
    third = make_certificate(folder, "third")
    in_use = [os.path.join(folder, name) for name in ("use.pem", "use.key")]
    for source, target in zip((certificate, key), in_use):
        copy(source, target)
    trusted = os.path.join(folder, "trusted.pem")
    with open(trusted, "w", encoding="ascii") as file:
        file.write(text_of(certificate) + text_of(second[0]))
    relay = Relay(os.path.join(folder, "relay"), arguments=["--cert", in_use[0], "--key", in_use[1]]).ready()
    relay.ca = trusted
    ann = Chat("ann", os.path.join(folder, "ann"), relay).register()
    check(shown_certificate(relay) == text_of(certificate), "another certificate than the first")

    for source, target in zip(second, in_use):
        copy(source, target)
    relay.child.send_signal(signal.SIGHUP)
    relay.wait_for(lambda lines: any("certificate read again" in line for line in lines), "SIGHUP")
    check(shown_certificate(relay) == text_of(second[0]), "a new connection is shown the old certificate")
    ben = Chat("ben", os.path.join(folder, "ben"), relay).register()
    ann.ask("/new ben")
    ann.ask("still here")
    ben.ask("/find ann")
    ben.ask("/wait-chat ann")
    ben.ask("/wait 1")
    check(sum(line == "connection online" for line in ann.lines) == 1, "SIGHUP cost somebody the connection")

    def bad():
        return sum("the certificate stays as it was" in line for line in relay.lines)

    spoilt = [lambda: copy(third[0], in_use[0]), lambda: os.remove(in_use[0]),
              lambda: copy(third[1], in_use[0])]  # of another key; missing; no certificate at all
    for number, spoil in enumerate(spoilt):
        spoil()
        relay.child.send_signal(signal.SIGHUP)
        wait_until(lambda number=number: bad() == number + 1, f"bad certificate {number} is told")
        check(shown_certificate(relay) == text_of(second[0]), f"bad certificate {number} is in use")
    ann.ask("and still")
    ben.ask("/wait 2")
    check(sum(line == "connection online" for line in ann.lines) == 1, "a bad certificate cost the connection")
    for process in (ann, ben, relay):
        check(process.terminate() == 0, "a process did not end well")
    print("SIGHUP: the certificate changed under two people, who did not notice; bad ones changed nothing")


def drain(folder):
    """SIGTERM: not ready, nobody new, all told when to come back, what was begun is finished; nothing is lost."""
    relay = Relay(os.path.join(folder, "relay"), arguments=["--admin-port", "0"]).ready()
    url = relay.admin()
    ann = Chat("ann", os.path.join(folder, "ann"), relay).register()
    ben = Chat("ben", os.path.join(folder, "ben"), relay).register()
    ann.ask("/new ben")
    ben.ask("/find ann")
    ben.ask("/wait-chat ann")
    peer = silent_peer(relay)
    ann.write("/burst 500 under way")
    ben.ask("/wait 5")
    relay.child.send_signal(signal.SIGTERM)
    wait_until(lambda: get(url + "/readyz")[::2] == (503, "draining\n"), "/readyz says draining")
    check(get(url + "/healthz")[0] == 200, "/healthz is bad while it drains")
    try:
        socket.create_connection(("127.0.0.1", relay.port), timeout=60).close()
        raise Failure("a new connection is taken while it drains")
    except ConnectionRefusedError:
        pass
    frames = frames_until_end(peer)
    # A push is field 4 of an envelope in field 1 of a frame, goingAway its field 8: the last message of all.
    said = [payload for opcode, payload in frames if opcode == 2]
    check(said and b"\x42" in said[-1][:8], f"no goingAway: {frames}")
    check(frames[-1] == (8, (1001).to_bytes(2, "big") + b"going away"), f"not closed with 1001: {frames[-1]}")
    peer.close()
    check(relay.exit_code() == 0, "the relay does not exit 0 on SIGTERM")
    relay = Relay(relay.folder, relay.port).ready()
    for chat in (ann, ben):
        chat.write("/connect")
    ben.ask("/wait 500")
    ann.ask("/settle")
    texts = [entry.text for entry in ben.texts()]
    check(texts == [f"under way {number}" for number in range(1, 501)], "a drain lost or doubled something")
    for process in (ann, ben, relay):
        check(process.terminate() == 0, "a process did not end well")
    print("SIGTERM: drained in the middle of 500 messages, all of which are there once")


def hurry(folder):
    """A second SIGTERM ends at once, although somebody keeps the relay waiting."""
    relay = Relay(os.path.join(folder, "relay"), arguments=["--admin-port", "0"]).ready()
    url = relay.admin()
    peer = silent_peer(relay)
    relay.child.send_signal(signal.SIGTERM)
    wait_until(lambda: get(url + "/readyz")[0] == 503, "/readyz")
    code = relay.terminate()
    peer.close()
    check(code == -signal.SIGTERM, f"ended with {code} at the second SIGTERM")
    print("a second SIGTERM: ended at once")


def need_openssl():
    if shutil.which("openssl") is None:
        print("SKIPPED: there is no program openssl to make certificates with")
        raise SystemExit(SKIPPED)


def main():
    need_openssl()
    for part in (reload, drain, hurry):
        with Folder() as folder:
            part(folder)


if __name__ == "__main__":
    run(main)
