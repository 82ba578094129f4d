"""Relay and chat processes, for the end-to-end tests and for scripts/demo. Ends only what it started."""

import atexit
import os
import re
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import tempfile
import threading
import time

# Everything is waited for by its condition; this is only how long a test waits before it says that it never came.
PATIENCE = float(os.environ.get("SOTTO_E2E_PATIENCE", "300"))

BUILD = os.environ.get("SOTTO_BUILD_DIR", "")
CHAT = os.environ.get("SOTTO_CHAT", os.path.join(BUILD, "examples", "sotto-chat"))
RELAY = os.environ.get("SOTTO_RELAY", os.path.join(BUILD, "examples", "sotto-relay"))


class Failure(Exception):
    """Something that was promised did not hold."""


def check(condition, text):
    if not condition:
        raise Failure(text)


def stored_entries(folder_or_file):
    """How many log entries a relay's store has: those with rows of their own, and those of segments that are not trimmed."""
    file = os.path.join(folder_or_file, "relay.db") if os.path.isdir(folder_or_file) else folder_or_file
    database = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        count = database.execute("SELECT count(*) FROM log_entry").fetchone()[0]
        trimmed = dict(database.execute("SELECT log_id, trimmed FROM log_snapshot"))
        for (data,) in database.execute("SELECT data FROM log_segment"):
            at = 0
            while at < len(data):
                log, seq, size = struct.unpack_from("<16sQI", data, at)
                at += 28 + size
                count += seq > trimmed.get(log, 0)
        return count
    finally:
        database.close()


class Folder:
    """A fresh folder, removed afterwards; kept when the test failed and SOTTO_E2E_KEEP is set."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="sotto-e2e-")
        return self.path

    def __exit__(self, kind, value, trace):
        if kind is None or "SOTTO_E2E_KEEP" not in os.environ:
            shutil.rmtree(self.path, ignore_errors=True)
        else:
            print("kept:", self.path)


started = []


@atexit.register
def end_all():
    """Leaves nothing behind, also after a failure."""
    for process in started:
        if process.running():
            process.child.kill()
            process.child.wait()


class Process:
    """A child whose lines of output are read by a thread, so that it never waits for us."""

    def __init__(self, arguments):
        self.lines = []
        self.arrived = threading.Condition()
        self.ended = False
        self.child = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, text=True, encoding="utf-8", errors="replace")
        started.append(self)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.child.stdout:
            with self.arrived:
                self.lines.append(line.rstrip("\n"))
                self.took(self.lines[-1])
                self.arrived.notify_all()
        with self.arrived:
            self.ended = True
            self.arrived.notify_all()

    def took(self, line):
        """Called for each line, on the reading thread."""

    def wait_for(self, found, what):
        """Waits until found(lines) gives something that is true, and returns it."""
        deadline = time.monotonic() + PATIENCE
        with self.arrived:
            while True:
                result = found(self.lines)
                if result:
                    return result
                if self.ended:
                    raise Failure(f"{what}: the process ended: {self.tail()}")
                left = deadline - time.monotonic()
                if left <= 0:
                    raise Failure(f"{what}: not within {PATIENCE:.0f} s: {self.tail()}")
                self.arrived.wait(left)

    def tail(self):
        return " | ".join(self.lines[-12:])

    def kill(self):
        """kill -9: it gets no chance to finish anything."""
        self.child.send_signal(signal.SIGKILL)
        return self._collect()

    def terminate(self):
        self.child.send_signal(signal.SIGTERM)
        return self._collect()

    def _collect(self):
        code = self.child.wait(timeout=PATIENCE)
        self.reader.join()
        self.child.stdin.close()
        self.child.stdout.close()
        return code

    def exit_code(self):
        """Waits for its end."""
        return self._collect()

    def running(self):
        return self.child.poll() is None


class Relay(Process):
    def __init__(self, folder, port=0, arguments=()):
        self.folder = folder
        super().__init__([RELAY, "--data", folder, "--port", str(port), *arguments])

    def ready(self):
        """Waits until it accepts connections."""
        pattern = re.compile(r"listening on (wss://localhost:(\d+))\ndata .*\ncertificate (.+)\n")
        said = self.wait_for(lambda lines: pattern.search("\n".join(lines) + "\n"), "relay")
        try:
            socket.getaddrinfo("localhost", None)
        except OSError as error:
            raise Failure("localhost cannot be resolved on this machine; is there no /etc/hosts?") from error
        self.url, self.port, self.ca = said.group(1), int(said.group(2)), said.group(3)
        return self

    def admin(self):
        """The address of the admin port; for a relay that was given one."""
        pattern = re.compile(r"^admin (http://\S+)$", re.MULTILINE)
        return self.wait_for(lambda lines: pattern.search("\n".join(lines)), "admin port").group(1)

    def again(self):
        """The same relay after its end: same folder, same port."""
        return Relay(self.folder, self.port).ready()


class Chat(Process):
    """sotto-chat, line by line (examples/chat/line_mode.h says what the lines are)."""

    def __init__(self, name, folder, relay):
        self.name, self.folder, self.relay = name, folder, relay
        self.user = None
        self.asked = 0
        self.answers = []  # where in lines the answers are
        self.texts_arrived = 0
        super().__init__([CHAT, "--lines", "--data", folder, "--relay", relay.url, "--ca", relay.ca,
                          "--wait-seconds", str(int(PATIENCE))])

    def took(self, line):
        if line.startswith(("ok ", "error ")):
            self.answers.append(len(self.lines) - 1)
        elif line.startswith("added ") and " text received " in line:
            self.texts_arrived += 1

    def again(self):
        """The same person after the process ended."""
        chat = Chat(self.name, self.folder, self.relay)
        chat.user = self.user
        return chat

    def write(self, line):
        """Types a line without waiting for its end; the number of its answer. Nothing happens after a kill."""
        try:
            self.child.stdin.write(line + "\n")
            self.child.stdin.flush()
        except BrokenPipeError:
            pass
        self.asked += 1
        return self.asked

    def answered(self):
        """The answers so far, in the order of the lines typed."""
        with self.arrived:
            return [self.lines[index] for index in self.answers]

    def try_ask(self, line):
        """Types a line and waits for its end: whether it was ok, its detail, and the lines that came before."""
        number = self.write(line)
        self.wait_for(lambda _: len(self.answers) >= number, f"{self.name}: {line}")
        with self.arrived:
            first = self.answers[number - 2] + 1 if number > 1 else 0
            shown = self.lines[first:self.answers[number - 1]]
            words = self.lines[self.answers[number - 1]].split(" ", 2)
        return words[0] == "ok", words[2] if len(words) > 2 else "", shown

    def ask(self, line):
        ok, detail, _ = self.try_ask(line)
        check(ok, f"{self.name}: {line}: {detail}")
        return detail

    def register(self):
        self.user = self.ask(f"/register {self.name}")
        return self

    def dump(self):
        """The entries of the open chat, oldest first."""
        ok, detail, shown = self.try_ask("/dump")
        check(ok, f"{self.name}: /dump: {detail}")
        return [Entry(line) for line in shown if line.startswith("entry ")]

    def texts(self):
        return [entry for entry in self.dump() if entry.kind == "text"]


class Entry:
    def __init__(self, line):
        _, position, self.id, self.sender, self.kind, self.state, self.text = line.split(" ", 6)
        self.position = int(position)


def check_history(chat, entries, expected):
    """Nothing lost, nothing twice, order kept. `expected`: for each sender's userId, its texts in the order written."""
    ids = [entry.id for entry in entries]
    check(len(ids) == len(set(ids)), f"{chat}: an entry is there twice")
    positions = [entry.position for entry in entries]
    check(positions == sorted(set(positions)), f"{chat}: entries share a place or are out of order")
    for sender, texts in expected.items():
        seen = [entry.text for entry in entries if entry.sender == sender]
        if seen == texts:
            continue
        lost = [text for text in texts if text not in seen]
        twice = sorted({text for text in seen if seen.count(text) > 1})
        alien = [text for text in seen if text not in texts]
        raise Failure(f"{chat}: of {len(texts)} texts by {sender[:8]} {len(seen)} are there; lost {lost[:5]}, "
                      f"twice {twice[:5]}, not written {alien[:5]}, or out of order")


def run(main):
    """Runs a test's main function; says what did not hold."""
    try:
        main()
    except Failure as failure:
        print("FAILED:", failure)
        raise SystemExit(1)
