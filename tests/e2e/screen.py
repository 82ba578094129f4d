"""sotto-chat in a terminal of its own: what is typed goes in, what it draws comes out."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import threading
import time

from processes import CHAT, PATIENCE, check


class Screen:
    """A person at a terminal of 60 lines and 100 columns. Ends only what it started."""

    def __init__(self, folder, relay, colours=""):
        self.main, side = pty.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 60, 100, 0, 0))
        self.child = subprocess.Popen([CHAT, "--data", folder, "--relay", relay.url, "--ca", relay.ca], stdin=side, stdout=side,
                                      stderr=side, env={**os.environ, "COLORTERM": colours, "TERM": "xterm-256color"})
        os.close(side)
        self.drawn = b""

    def __enter__(self):
        self.wait_for("/help tells what you can do")  # What is typed before it is ready goes nowhere.
        return self

    def __exit__(self, *_):
        self.child.kill()
        self.child.wait()
        os.close(self.main)

    @property
    def text(self):
        """All that was drawn so far, with its looks."""
        return self.drawn.decode(errors="replace")

    def rows(self):
        """What stands on the screen, without its looks."""
        rows = {}
        for row, line in re.findall(r"\x1b\[(\d+);1H\x1b\[0m\x1b\[2K(.*?)(?=\x1b\[\d+;\d+H|\Z)", self.text, re.DOTALL):
            rows[int(row)] = re.sub(r"\x1b\[[0-9;]*m", "", line)
        return [rows[row] for row in sorted(rows)]

    def type(self, keys):
        os.write(self.main, keys.encode())

    def wait_for(self, *words, end=""):
        """Waits until a row has all of these words, and ends with the last ones."""
        deadline = time.monotonic() + PATIENCE
        while not any(all(word in row for word in words) and row.rstrip().endswith(end) for row in self.rows()):
            check(time.monotonic() < deadline and self.child.poll() is None,
                  f"{words} {end} on the screen:\n" + "\n".join(row for row in self.rows() if row.strip()))
            self.read(1)

    def read(self, patience):
        if not select.select([self.main], [], [], patience)[0]:
            return
        try:
            self.drawn += os.read(self.main, 65536)
        except OSError:  # the end
            threading.Event().wait(0.1)

    def quit(self):
        self.type("/quit\r")
        deadline = time.monotonic() + PATIENCE
        while self.child.poll() is None:
            check(time.monotonic() < deadline, "the end of the screen")
            self.read(0.1)
        check(self.child.returncode == 0, f"the screen ended with {self.child.returncode}")
