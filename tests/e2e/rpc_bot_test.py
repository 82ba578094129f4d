#!/usr/bin/env python3
"""The echo bot, its sotto-rpc, or both are killed with -9 at random moments while somebody writes 200 numbered texts. In
the end each has exactly one answer, in order.

Usage: rpc_bot_test.py BOT [SEED [KILLS]]"""

import os
import random
import signal
import sys
import threading
import time

from processes import PATIENCE, Folder, Process, Relay, check, run
from rpc import RPC, Rpc

BOT = sys.argv[1]
TEXTS = 200


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(child) for child in file.read().split()]


class Supervisor:
    """Starts the bot again whenever it ends, as a service manager does."""

    def __init__(self, folder, relay):
        self.command = [sys.executable, BOT, "bot", RPC, "--data", folder, "--relay", relay.url, "--ca", relay.ca]
        self.lock = threading.Lock()
        self.starts = 0
        self.stopped = False
        self.bot = None
        self.start()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def start(self):
        self.bot = Process(self.command)
        self.starts += 1

    def watch(self):
        while True:
            self.bot.child.wait()
            with self.lock:
                if self.stopped:
                    return
                self.start()
            time.sleep(0.02)  # a sotto-rpc whose bot died may still have the folder for a moment

    def strike(self, random_source):
        """Kills the bot, its sotto-rpc, or both."""
        bot = self.bot.child.pid
        try:
            rpc = children(bot)
            victims = random_source.choice([[bot], rpc, [bot] + rpc])
            for pid in victims:
                os.kill(pid, signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            return False  # Between two lives.
        return bool(victims)

    def stop(self):
        with self.lock:
            self.stopped = True
            rpc = children(self.bot.child.pid)
        self.bot.child.send_signal(signal.SIGKILL)  # its sotto-rpc ends with its input
        self.bot.exit_code()
        self.thread.join()
        deadline = time.monotonic() + PATIENCE
        while any(os.path.exists(f"/proc/{pid}") for pid in rpc):
            check(time.monotonic() < deadline, "a sotto-rpc outlives its bot")
            time.sleep(0.05)


def main():
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 7
    kills = int(sys.argv[3]) if len(sys.argv) > 3 else 25
    random_source = random.Random(seed)
    print(f"seed {seed}, {kills} kills")
    with Folder() as folder:
        relay = Relay(os.path.join(folder, "relay")).ready()
        ann = Rpc("ann", os.path.join(folder, "ann"), relay).register()
        ann.ask("subscribe")
        supervisor = Supervisor(os.path.join(folder, "bot"), relay)
        ann.until(lambda: "result" in ann.try_ask("findUser", handle="bot"), "the bot registers")
        chat = ann.ask("createChat", participants=["bot"])["chatId"]

        texts = [f"text {number}" for number in range(1, TEXTS + 1)]
        struck = 0
        for number, text in enumerate(texts):
            ann.start_asking("sendMessage", {"chatId": chat, "message": text})
            while struck * TEXTS < number * kills:  # spread over the texts
                time.sleep(random_source.uniform(0, 0.15))
                struck += supervisor.strike(random_source)

        def answers():
            added = [event["message"] for event in ann.events if event["kind"] == "messageAdded"]
            return [each["message"] for each in added if each["kind"] == "text" and each["state"] == "received"]

        ann.until(lambda: len(answers()) >= TEXTS, "every text is answered")
        time.sleep(1)  # for answers too many
        check(answers() == texts, f"answers: {answers()}")
        supervisor.stop()
        print(f"{struck} kills, {supervisor.starts} starts of the bot, {len(answers())} answers to {TEXTS} texts, in order")
        for process in (ann, relay):
            check(process.terminate() == 0, "a process did not end well")


run(main)
