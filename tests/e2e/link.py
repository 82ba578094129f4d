#!/usr/bin/env python3
"""A cable between two hosts that behaves as badly as it is told: carries Ethernet frames between two TAP devices.

Usage: link.py FD_A FD_B SEED       (the TAP devices, opened by the parent process)

Each line of standard input is a JSON object with any of these; each is answered with a line of counters, once it holds:

    "plugged": true or false        false: no carrier at both ends, and what is on the way is lost
    "to_a", "to_b": {...}           conditions of one direction
        "loss": 0.05                this share of the frames is lost
        "delay": 0.3                seconds on the way
        "reorder": 0.2              this share of the frames takes up to `late` seconds more, so that others overtake it
        "late": 0.05
        "rate": 8000                bytes a second; null for no limit
        "queue": 16384              bytes that may wait for their turn at that rate; what comes then is lost
        "silent": true              nothing gets through

Ends with its standard input."""

import dataclasses
import fcntl
import heapq
import json
import os
import random
import selectors
import struct
import sys
import time

TUNSETCARRIER = 0x400454E2  # linux/if_tun.h
LARGEST_FRAME = 65536
COMMAND_BYTES = 65536


@dataclasses.dataclass
class Conditions:
    loss: float = 0
    delay: float = 0
    reorder: float = 0
    late: float = 0.05
    rate: float | None = None
    queue: int = 16384
    silent: bool = False


class Direction:
    """Frames from one device to the other: those on the way in a heap, by the time at which they arrive."""

    def __init__(self, source, target, chance):
        self.source, self.target, self.chance = source, target, chance
        self.conditions = Conditions()
        self.on_the_way = []
        self.accepted = 0  # numbers the frames, also to keep those of one arrival time in order
        self.line_free_at = 0.0
        self.newest_out = 0
        self.counters = dict.fromkeys(("carried", "lost", "overtaken", "overflowed", "silenced", "unplugged"), 0)
        self.forget_times()

    def forget_times(self):
        self.counters["quickest"] = float("inf")  # seconds on the way, at least, of frames sent from now on
        self.timed_from = time.monotonic()

    def take(self, plugged):
        """Reads what the source has sent."""
        while True:
            try:
                frame = os.read(self.source, LARGEST_FRAME)
            except BlockingIOError:
                return
            self._accept(frame, plugged, time.monotonic())

    def _accept(self, frame, plugged, now):
        if not plugged:
            self.counters["unplugged"] += 1
            return
        if self.conditions.silent:
            self.counters["silenced"] += 1
            return
        if self.chance.random() < self.conditions.loss:
            self.counters["lost"] += 1
            return
        sent_at = now
        if self.conditions.rate is not None:
            starts = max(now, self.line_free_at)
            if (starts - now) * self.conditions.rate + len(frame) > self.conditions.queue:
                self.counters["overflowed"] += 1
                return
            sent_at = self.line_free_at = starts + len(frame) / self.conditions.rate
        arrives = sent_at + self.conditions.delay
        if self.chance.random() < self.conditions.reorder:
            arrives += self.chance.uniform(0, self.conditions.late)
        self.accepted += 1
        heapq.heappush(self.on_the_way, (arrives, self.accepted, now, frame))

    def give(self, now):
        """Hands over what has arrived."""
        while self.on_the_way and self.on_the_way[0][0] <= now:
            _, number, came, frame = heapq.heappop(self.on_the_way)
            if number < self.newest_out:
                self.counters["overtaken"] += 1
            self.newest_out = max(self.newest_out, number)
            try:
                os.write(self.target, frame)
                self.counters["carried"] += 1
                if came >= self.timed_from:
                    self.counters["quickest"] = min(self.counters["quickest"], now - came)
            except OSError:  # the device is down: as good as lost
                self.counters["lost"] += 1

    def set(self, changes):
        self.conditions = dataclasses.replace(self.conditions, **changes)
        self.forget_times()
        if self.conditions.silent:
            self.counters["silenced"] += len(self.on_the_way)
            self.on_the_way.clear()
        if self.conditions.rate is None:
            self.line_free_at = 0.0

    def cut(self):
        self.counters["unplugged"] += len(self.on_the_way)
        self.on_the_way.clear()
        self.line_free_at = 0.0


class Link:
    def __init__(self, a, b, seed):
        self.devices = (a, b)
        self.plugged = True
        # Each direction has a source of chance of its own: the draws of one do not depend on the traffic of the other.
        self.directions = {"to_b": Direction(a, b, random.Random(f"{seed} to b")),
                           "to_a": Direction(b, a, random.Random(f"{seed} to a"))}

    def plug(self, plugged):
        self.plugged = plugged
        for device in self.devices:
            fcntl.ioctl(device, TUNSETCARRIER, struct.pack("i", plugged))
        if not plugged:
            for direction in self.directions.values():
                direction.cut()

    def obey(self, command):
        for name, value in json.loads(command).items():
            if name == "plugged":
                self.plug(value)
            else:
                self.directions[name].set(value)
        print(json.dumps({name: direction.counters for name, direction in self.directions.items()}), flush=True)

    def next_arrival(self):
        return min((direction.on_the_way[0][0] for direction in self.directions.values() if direction.on_the_way),
                   default=None)

    def run(self):
        waiting = selectors.DefaultSelector()
        for direction in self.directions.values():
            os.set_blocking(direction.source, False)
            waiting.register(direction.source, selectors.EVENT_READ, direction)
        waiting.register(0, selectors.EVENT_READ)
        typed = b""
        while True:
            arrival = self.next_arrival()
            timeout = None if arrival is None else max(0.0, arrival - time.monotonic())
            for key, _ in waiting.select(timeout):
                if key.data is not None:
                    key.data.take(self.plugged)
                    continue
                piece = os.read(0, COMMAND_BYTES)
                if not piece:
                    return
                *lines, typed = (typed + piece).split(b"\n")
                for line in lines:
                    self.obey(line)
            now = time.monotonic()
            for direction in self.directions.values():
                direction.give(now)


if __name__ == "__main__":
    Link(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]).run()
