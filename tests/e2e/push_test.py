#!/usr/bin/env python3
"""Push, with a gateway of its own process: a device that is not connected is told once, without content, and again only
after it has come and gone. Usage: push_test.py"""

import json
import os
import sys

from admin_test import get, metrics, wait_until
from processes import Folder, Process, Relay, check, run
from relay_scene import Member, Scene

HERE = os.path.dirname(os.path.abspath(__file__))
BEARER = "only.the-relay-knows"


class Gateway(Process):
    def __init__(self, *arguments):
        super().__init__([sys.executable, os.path.join(HERE, "push_gateway.py"), "--bearer", BEARER, *arguments])
        first = self.wait_for(lambda lines: [line for line in lines if line.startswith("listening on ")], "the gateway")
        self.port = int(first[0].split()[-1])

    def notices(self):
        with self.arrived:
            return [json.loads(line[len("notice "):]) for line in self.lines if line.startswith("notice ")]

    def wait_notices(self, count):
        self.wait_for(lambda _: len(self.notices()) >= count, f"{count} notices")
        return self.notices()


def relay_with(folder, gateway, *arguments):
    token_file = os.path.join(folder, "token")
    with open(token_file, "w", encoding="utf-8") as file:
        file.write(BEARER + "\n")
    return Relay(os.path.join(folder, "relay"), arguments=(
        "--push-webhook", f"http://127.0.0.1:{gateway.port}/push", "--push-token-file", token_file,
        "--admin-port", "0", *arguments)).ready()


def until(relay, name, value):
    wait_until(relay.admin(), {name: value})


class Pair:
    """Ann writes to Ben, whose device has a token."""

    def __init__(self, scene, token, at_least="NORMAL"):
        self.scene, self.ann, self.ben = scene, scene.member(), scene.member()
        self.chat = scene.group_of(self.ann, [self.ben.device])
        self.ben.push("chatJoined")
        self.ben.ack(self.chat, 1)
        answer = self.ben.ask({"setPushToken": {"token": token, "atLeast": at_least}})
        check(answer["status"] == "OK", f"setPushToken: {answer}")
        self.n = 0

    def leave(self):
        self.ben.connection.close()
        # The relay has seen it: what is accepted later is not for a connection that is ending.
        until(self.scene.relay, 'sotto_connections{kind="main"}', 1)

    def come(self):
        self.ben = Member(self.ben.person, self.scene.online(self.ben.person))
        self.ben.entries(self.chat, self.n + 1)
        self.ben.ack(self.chat, self.n + 1)
        check(self.ben.ask({"getChat": {"chatId": self.chat.id}})["status"] == "OK", "getChat")

    def write(self, count=1, urgency="NORMAL"):
        for _ in range(count):
            self.n += 1
            request = self.chat.message(self.n)
            request["sendMessage"]["urgency"] = urgency
            check(self.ann.ask(request)["status"] == "OK", "sendMessage")
            self.ann.ack(self.chat, self.n + 1)


def once_and_again(folder):
    gateway = Gateway()
    relay = relay_with(folder, gateway)
    scene = Scene(relay, "binary")
    pair = Pair(scene, "ben's token")
    pair.write()
    pair.ben.entries(pair.chat, 2)
    pair.ben.ack(pair.chat, 2)
    pair.leave()
    pair.write(10)
    normal = {"token": "ben's token", "urgency": "normal"}
    check(gateway.wait_notices(1) == [normal], f"{gateway.notices()}")
    pair.write(5, "NONE")
    pair.come()
    pair.leave()
    pair.write(3, "NONE")
    pair.write(3)
    check(gateway.wait_notices(2) == [normal] * 2, f"{gateway.notices()}")
    pair.write(1, "HIGH")
    check(gateway.wait_notices(3)[2] == {"token": "ben's token", "urgency": "high"}, f"{gateway.notices()}")
    until(relay, "sotto_push_delivered_total", 3)
    status = json.loads(get(relay.admin() + "/status.json")[2])
    shown = {name: status[f"push_{name}"] for name in ("notices", "delivered", "failed", "waiting")}
    check(shown == {"notices": 3, "delivered": 3, "failed": 0, "waiting": 0}, f"the status page shows {shown}")
    check(status["push_coalesced"] > 0 and "codes_sent" not in status, f"the status page shows {status}")

    # The token outlives the relay.
    scene.end()
    check(relay.terminate() == 0, "the relay does not exit 0 on SIGTERM")
    relay = relay_with(folder, gateway)
    scene.relay = pair.scene.relay = relay
    pair.ann = Member(pair.ann.person, scene.online(pair.ann.person))
    pair.write()
    check(gateway.wait_notices(4)[3] == normal, f"{gateway.notices()}")

    # Nothing else was told meanwhile, or on the way down.
    scene.end()
    check(relay.terminate() == 0, "the relay does not exit 0 on SIGTERM")
    check(len(gateway.notices()) == 4, f"{gateway.notices()}")
    check(not any(BEARER in line or "ben's" in line for line in relay.lines), "the log tells a token")
    gateway.terminate()


def gone_and_busy(folder):
    gateway = Gateway("--busy", "3")
    relay = relay_with(folder, gateway)
    scene = Scene(relay, "json")
    pair = Pair(scene, "gone: this phone was wiped")
    pair.leave()
    pair.write()
    until(relay, "sotto_push_tokens_gone_total", 1)
    check(metrics(relay.admin())["sotto_push_retries_total"] == 3, "a busy gateway is not asked again")
    pair.write(5, "HIGH")
    pair.come()
    check(pair.ben.ask({"setPushToken": {"token": "new"}})["status"] == "OK", "setPushToken")
    pair.leave()
    pair.write()
    check([notice["token"] for notice in gateway.wait_notices(2)] == ["gone: this phone was wiped", "new"],
          f"{gateway.notices()}")

    # While nobody listens there, everything else goes on.
    check(gateway.terminate() != 1, "the gateway failed")
    pair.come()
    pair.leave()
    pair.write(50)
    check(pair.ann.ask({"getChat": {"chatId": pair.chat.id}})["status"] == "OK", "getChat")
    scene.end()
    check(relay.terminate() == 0, "the relay does not exit 0 on SIGTERM")


def without(folder):
    relay = Relay(os.path.join(folder, "relay")).ready()
    scene = Scene(relay, "binary")
    connection = scene.online(scene.person())
    check(connection.ask({"setPushToken": {"token": "x"}})["status"] == "UNSUPPORTED", "a relay without push")
    check(connection.ask({"setPushToken": {"token": ""}})["status"] == "OK", "taking back what was never given")
    scene.end()
    check(relay.terminate() == 0, "the relay does not exit 0 on SIGTERM")
    for arguments, words in ((("--push-webhook", "http://example.com/"), "has to be https"),
                             (("--push-webhook", "example.com"), "not of the form"),
                             (("--push-webhook", "https://localhost/", "--push-token-file", "/nowhere"), "no token"),
                             (("--push-webhook", "https://localhost/", "--push-ca", "/nowhere"), "")):
        refused = Relay(os.path.join(folder, "refused"), arguments=arguments)
        check(refused.exit_code() == (5 if not words else 2), f"{arguments}: {refused.tail()}")
        check(words in refused.tail(), f"{arguments}: {refused.tail()}")


def main():
    for part in (once_and_again, gone_and_busy, without):
        with Folder() as folder:
            part(folder)
    print("ten messages to a device that is away: one notice, without content; a token that is gone is forgotten; a gateway "
          "that is busy or away holds nobody up")


if __name__ == "__main__":
    run(main)
