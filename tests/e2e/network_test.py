#!/usr/bin/env python3
"""The end-to-end check over networks that are bad in every way, and the kernel's own TCP.

For each scenario two hosts (network namespaces) are joined by a cable of its own. The relay and ann live on one; ben,
cleo and dora on the other. While the cable behaves badly ann, ben and cleo write to a group, ann and ben also to each
other, and dora only listens. Once it behaves again, everybody has every text once, in one order, and all are sent.

Usage: network_test.py [--seed N] [--rounds N] [--list] [SCENARIO...]     all scenarios, at the same time, by default"""

import argparse
import os
import random
import subprocess
import sys
import threading
import time

from hosts import Cable, Host, Unavailable, isolate
from processes import PATIENCE, Chat, Failure, Folder, Relay, check, check_history, run

SKIPPED = 77  # what ctest takes for "not run"
TITLE = "the weather"
RELAY_ADDRESS = "10.77.0.1"
CLIENT_ADDRESS = "10.77.0.2"
MENDED = {"loss": 0, "delay": 0, "reorder": 0, "rate": None}
SETTLED = ("sent", "delivered", "read")

scenarios = {}


def scenario(name, always=None):
    """Registers a scenario: a function that makes its network bad, writes meanwhile, and mends it.

    `always`: what holds in both directions from the start, so also while people register and found their chats."""
    def register(function):
        scenarios[name] = (function, always or {})
        return function
    return register


class Writer:
    """Somebody who writes "NAME 1", "NAME 2", … to some chats, counted for each."""

    def __init__(self, chat, chats):
        self.chat = chat
        self.written = dict.fromkeys(chats, 0)

    def write(self):
        for where in self.written:
            self.written[where] += 1
            if len(self.written) > 1:
                self.chat.write(f"/open @{where}")
            self.chat.write(f"{self.chat.name} {self.written[where]}")

    def texts(self, where):
        return [f"{self.chat.name} {i + 1}" for i in range(self.written.get(where, 0))]


class Net:
    """A relay, four people, and the cable between them."""

    def __init__(self, name, folder, seed, always):
        self.name, self.folder = name, folder
        self.random = random.Random(f"{seed} {name}")
        self.here, self.there = Host(), Host()
        self.here.set_address(RELAY_ADDRESS)
        self.there.set_address(CLIENT_ADDRESS)
        self.addresses_used = 0
        self.cable = Cable(self.here, self.there, f"{seed} {name}")
        self.cable.both(**always)

    def start(self, certificate, key):
        with self.here:
            self.relay = Relay(os.path.join(self.folder, "relay"), arguments=(
                "--listen", RELAY_ADDRESS, "--cert", certificate, "--key", key)).ready()
            self.relay.url = f"wss://{RELAY_ADDRESS}:{self.relay.port}"
            ann = self.chat("ann")
        with self.there:
            ben, cleo, dora = map(self.chat, ("ben", "cleo", "dora"))
        self.people = [ann, ben, cleo, dora]
        self.remote = [ben, cleo, dora]
        for chat in self.people:
            chat.register()
        for chat, names in ((cleo, ("ann", "ben", "dora")), (ben, ("ann",)), (ann, ("ben",))):
            for name in names:
                self.find(chat, name)
        self.group = cleo.ask(f'/group "{TITLE}" ann ben dora')
        self.direct = ben.ask("/new ann")
        check(ann.ask("/wait-chat ben") == self.direct, "the direct chat is not the same for both")
        for chat in self.people:
            check(chat.ask(f"/wait-chat {TITLE}") == self.group, f"{chat.name}: another group")
        self.writers = [Writer(ann, [self.group, self.direct]), Writer(ben, [self.group, self.direct]),
                        Writer(cleo, [self.group])]
        self.cleo = cleo

    def chat(self, name):
        return Chat(name, os.path.join(self.folder, name), self.relay)

    @staticmethod
    def find(chat, name):
        """A look-up is given up after a while, and behind all the key packages on a narrow line that may be too soon."""
        for _ in range(5):
            found, detail, _ = chat.try_ask(f"/find {name}")
            if found:
                return
            check(detail.startswith("UNAVAILABLE"), f"{chat.name}: /find {name}: {detail}")
        raise Failure(f"{chat.name}: /find {name}: never answered")

    def write_some(self):
        for writer in self.writers:
            writer.write()
        time.sleep(self.random.uniform(0.2, 1.0))

    def write_until(self, done, what):
        """Writes until done() holds."""
        deadline = time.monotonic() + PATIENCE
        while not done():
            check(time.monotonic() < deadline, f"{what}: not within {PATIENCE:.0f} s")
            self.write_some()

    def write_for(self, seconds):
        end = time.monotonic() + seconds
        self.write_until(lambda: time.monotonic() >= end, "writing")

    def offline_since(self, marks):
        """Whether each of the remote people said so after its line of that number."""
        return all(any(line.startswith("connection offline") for line in chat.lines[mark:])
                   for chat, mark in zip(self.remote, marks))

    def marks(self):
        return [len(chat.lines) for chat in self.remote]

    def verify(self):
        """Nothing lost, nothing twice, one order for all, all sent."""
        for chat in self.people:
            chat.ask(f"/open @{self.group}")
            chat.ask("/settle")
        total = self.verify_chat(self.group, self.people)
        for chat in self.people[:2]:
            chat.ask(f"/open @{self.direct}")
            chat.ask("/settle")
        direct = self.verify_chat(self.direct, self.people[:2])
        for writer in self.writers:
            answers = writer.chat.answered()
            check(not any(line.startswith("error ") for line in answers), f"{writer.chat.name}: {answers[-5:]}")
        return total, direct

    def verify_chat(self, where, people):
        expected = {writer.chat.user: writer.texts(where) for writer in self.writers if where in writer.written}
        total = sum(map(len, expected.values()))
        histories = []
        for chat in people:
            chat.ask(f"/wait {total}")
            entries = chat.dump()
            texts = [entry for entry in entries if entry.kind == "text"]
            check(all(entry.kind in ("text", "notice") for entry in entries), f"{chat.name}: placeholders")
            check(len(texts) == total, f"{chat.name} has {len(texts)} texts of {total}")
            check_history(chat.name, texts, expected)
            unsent = [entry.text for entry in texts if entry.sender == chat.user and entry.state not in SETTLED]
            check(not unsent, f"{chat.name}: not sent: {unsent[:5]}")
            histories.append([entry.text for entry in texts])
        check(all(history == histories[0] for history in histories), "the histories differ in their order")
        return total

    def end(self):
        for process in (*self.people, self.relay):
            check(process.terminate() == 0, f"a process did not end well: {process.tail()}")
        self.cable.end()


# What lasts: people register, found their chats, and write.

@scenario("loss", {"loss": 0.05, "delay": 0.01, "reorder": 0.2, "late": 0.05})
def loss(net):
    net.write_for(15)
    for what in ("lost", "overtaken"):
        check(net.cable.count(what) > 0, f"the link does not do what it is told: nothing was {what}")


@scenario("delay", {"delay": 0.3})
def delay(net):
    net.write_for(15)
    quickest = min(net.cable.each("quickest"))
    check(quickest >= 0.3, f"the link does not do what it is told: a frame took {quickest:.3f} s")


@scenario("narrow", {"rate": 64_000 / 8, "queue": 16_384})
def narrow(net):
    net.write_for(15)
    check(net.cable.count("overflowed") > 0, "the link does not do what it is told: its queue was never full")


@scenario("all-at-once", {"loss": 0.05, "delay": 0.3, "reorder": 0.2, "late": 0.1, "rate": 256_000 / 8})
def all_at_once(net):
    net.write_for(15)


# What passes.

def unplug(net, seconds):
    net.cable.set(plugged=False)
    carried = net.cable.count("carried")
    net.write_for(seconds)
    check(net.cable.count("carried") == carried, "the link does not do what it is told: it carried while unplugged")
    net.cable.set(plugged=True)


@scenario("unplugged-5s")
def unplugged_shortly(net):
    unplug(net, 5)


@scenario("unplugged-40s")
def unplugged_long(net):
    unplug(net, 40)


@scenario("unplugged-70s")
def unplugged_too_long(net):
    """Longer than a client waits for an answer."""
    unplug(net, 70)


@scenario("new-address")
def new_address(net):
    """The clients' host gets another address: its connections are dead, and nobody tells either end."""
    marks = net.marks()
    net.addresses_used += 1
    old, new = (f"10.77.0.{number}" for number in (net.addresses_used + 1, net.addresses_used + 2))
    net.there.set_address(new)
    net.write_until(lambda: net.offline_since(marks), "clients notice that their address is gone")
    net.write_until(lambda: net.here.connections_with(new) == len(net.remote), "clients are back with the new address")
    net.write_until(lambda: net.here.connections_with(old) == 0, "the relay gives up the old connections")


@scenario("relay-unheard")
def relay_unheard(net):
    """Nothing comes from the relay any more; what clients send still gets there."""
    silence(net, "to_b")


@scenario("clients-unheard")
def clients_unheard(net):
    """Nothing comes from the clients any more; what the relay sends still gets there."""
    silence(net, "to_a")


def silence(net, direction):
    """One way is silent until both ends, also dora's, which has nothing to send, have noticed by their pings."""
    marks = net.marks()
    net.cable.set(**{direction: {"silent": True}})
    net.write_until(lambda: net.offline_since(marks), "clients notice the silence")
    net.write_until(lambda: net.here.connections_with(CLIENT_ADDRESS) == 0, "the relay notices the silence")
    check(net.cable.count("silenced") > 0, "the link does not do what it is told: nothing was silenced")
    net.cable.set(**{direction: {"silent": False}})


def run_scenario(name, folder, arguments, certificate, key):
    function, always = scenarios[name]
    net = Net(name, folder, arguments.seed, always)
    net.start(certificate, key)
    for _ in range(arguments.rounds):
        began = time.monotonic()
        function(net)
        net.cleo.write("/refresh")  # a commit among the messages
        net.write_some()
        net.cable.both(**MENDED)
        bad, mended = time.monotonic() - began, time.monotonic()
        group, direct = net.verify()
        print(f"{name}: {group} + {direct} texts, nothing lost, nothing twice, one order for all; bad for {bad:.0f} s, "
              f"then done in {time.monotonic() - mended:.0f} s; frames: {net.cable.frames()}", flush=True)
        net.cable.both(**always)
    net.end()


def make_certificate(folder):
    """A certificate for the relay's address, and its key."""
    certificate, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
               "-days", "30", "-subj", "/CN=relay", "-addext", f"subjectAltName=IP:{RELAY_ADDRESS}",
               "-keyout", key, "-out", certificate]
    made = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    check(made.returncode == 0, f"openssl: {made.stderr}")
    return certificate, key


def main():
    # LeakSanitizer looks for its threads in /proc, which here shows another PID namespace. The other tests look for leaks.
    os.environ["ASAN_OPTIONS"] = ":".join(filter(None, (os.environ.get("ASAN_OPTIONS"), "detect_leaks=0")))
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("scenarios", nargs="*")
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(scenarios))
        return
    names = arguments.scenarios or list(scenarios)
    unknown = [name for name in names if name not in scenarios]
    check(not unknown, f"no scenario is called {unknown}; see --list")
    with Folder() as folder:
        try:
            isolate()
            Host()
        except Unavailable as why:
            print(f"SKIPPED: real networks: {why}", flush=True)
            raise SystemExit(SKIPPED)
        run_scenarios(names, folder, arguments)


def run_scenarios(names, folder, arguments):
    """All at the same time: they mostly wait."""
    print(f"seed {arguments.seed}, rounds {arguments.rounds}", flush=True)
    certificate, key = make_certificate(folder)
    failures = []

    def attempt(name):
        try:
            run_scenario(name, os.path.join(folder, name), arguments, certificate, key)
        except Exception as failure:  # of any kind, not to be lost with its thread
            failures.append(f"{name}: {type(failure).__name__}: {failure}")
            print("FAILED:", failures[-1], flush=True)

    threads = [threading.Thread(target=attempt, args=(name,)) for name in names]
    for name in names:
        os.mkdir(os.path.join(folder, name))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(not failures, f"{len(failures)} of {len(names)} scenarios")


run(main)
