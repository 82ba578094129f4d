"""Hosts of their own on this machine: unnamed network namespaces, joined by link.py over TAP devices.

Nothing of this has a name outside, and nothing outlives the test, however it ends: the namespaces last as long as their
processes and file descriptors, and all processes live in a PID namespace whose first one is the test."""

import ctypes
import fcntl
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading

from processes import Failure, check

CLONE_NEWUSER = 0x10000000  # linux/sched.h
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1  # linux/prctl.h
TUNSETIFF = 0x400454CA  # linux/if_tun.h
IFF_TAP = 0x0002
IFF_NO_PI = 0x1000
TCP_ESTABLISHED = 1  # net/tcp_states.h
TUN = "/dev/net/tun"
DEVICE = "cable"
PREFIX = 24

libc = ctypes.CDLL(None, use_errno=True)


def _system_call(name, *arguments):
    if getattr(libc, name)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), name)


def _write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def _own_network():
    """The network namespace of this thread."""
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


class Unavailable(Exception):
    """This machine does not let us have hosts of their own."""


def isolate():
    """Goes on as the first process of a PID namespace, which ends with this process and takes all others with it.

    Anybody may do so where user namespaces are allowed; root needs none."""
    for tool in ("ip", "openssl"):
        if shutil.which(tool) is None:
            raise Unavailable(f"there is no program {tool}")
    user, group = os.geteuid(), os.getegid()
    try:
        _system_call("unshare", CLONE_NEWPID | CLONE_NEWNET | (CLONE_NEWUSER if user != 0 else 0))
        if user != 0:
            _write("/proc/self/setgroups", "deny")
            _write("/proc/self/uid_map", f"0 {user} 1")
            _write("/proc/self/gid_map", f"0 {group} 1")
    except OSError as error:
        raise Unavailable(f"namespaces are refused: {error}") from error
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        _system_call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL)
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    except BaseException:  # asked to end: the caller tidies up after both
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    if code < 0:  # killed, so that it has not tidied up
        raise SystemExit(1)
    os._exit(code)


class Host:
    """A network namespace with one device. `with host:` lets this thread, and what it starts, live there."""

    def __init__(self):
        made = []
        thread = threading.Thread(target=lambda: made.append(self._make()))  # a thread of its own: it stays inside
        thread.start()
        thread.join()
        if isinstance(made[0], OSError):
            raise Unavailable(f"no network of its own with a TAP device: {made[0]}") from made[0]
        self.network, self.device = made[0]
        self.outside = []
        with self:
            self.ip("link", "set", "lo", "up")
            self.ip("link", "set", DEVICE, "addrgenmode", "none", "up")  # no IPv6 chatter

    @staticmethod
    def _make():
        try:
            _system_call("unshare", CLONE_NEWNET)
            device = os.open(TUN, os.O_RDWR | os.O_CLOEXEC)
            fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", DEVICE.encode(), IFF_TAP | IFF_NO_PI))
            return _own_network(), device
        except OSError as error:
            return error

    def __enter__(self):
        self.outside.append(_own_network())
        _system_call("setns", self.network, CLONE_NEWNET)
        return self

    def __exit__(self, *_):
        outside = self.outside.pop()
        _system_call("setns", outside, CLONE_NEWNET)
        os.close(outside)

    @staticmethod
    def ip(*arguments):
        """The ip command, in the network of this thread."""
        done = subprocess.run(["ip", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        check(done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr.strip()}")

    def set_address(self, address):
        """Gives the host this address, and takes away any other that it had."""
        with self:
            self.ip("address", "flush", "dev", DEVICE)
            self.ip("address", "add", f"{address}/{PREFIX}", "dev", DEVICE)

    def connections_with(self, address):
        """How many TCP connections the kernel of this host takes for established with a peer of this address."""
        wanted = f"{struct.unpack('=I', socket.inet_aton(address))[0]:08X}"
        with self, open("/proc/thread-self/net/tcp", encoding="ascii") as table:
            rows = [line.split() for line in table.readlines()[1:]]
        return sum(row[2].split(":")[0] == wanted and int(row[3], 16) == TCP_ESTABLISHED for row in rows)


class Cable:
    """Joins two hosts by a link.py; `set` says under which conditions."""

    def __init__(self, a, b, seed):
        devices = [host.device for host in (a, b)]
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "link.py")
        self.child = subprocess.Popen([sys.executable, script, *map(str, devices), str(seed)], pass_fds=devices,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for device in devices:
            os.close(device)

    def set(self, **conditions):
        """Returns when the conditions hold; what happened to frames so far, by direction."""
        try:
            print(json.dumps(conditions), file=self.child.stdin, flush=True)
            return json.loads(self.child.stdout.readline())
        except ValueError as error:
            raise Failure("the link ended") from error

    def both(self, **conditions):
        return self.set(to_a=conditions, to_b=conditions)

    def each(self, what):
        """This counter of each direction."""
        return [counters[what] for counters in self.set().values()]

    def count(self, what):
        """How many frames met this, in both directions."""
        return sum(self.each(what))

    def frames(self):
        """What happened to frames, for people to read."""
        whats = [what for what in self.set()["to_a"] if what != "quickest"]
        return ", ".join(f"{self.count(what)} {what}" for what in whats if self.count(what) > 0)

    def end(self):
        self.child.stdin.close()
        check(self.child.wait() == 0, "the link did not end well")
        self.child.stdout.close()
