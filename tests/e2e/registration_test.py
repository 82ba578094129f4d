#!/usr/bin/env python3
"""Registration as people meet it: by text message, by invitation, and with a PIN, over real processes.
Usage: registration_test.py"""

import os
import subprocess
import sys
import time

from admin_test import wait_until
from processes import RELAY, Chat, Failure, Folder, Process, Relay, check, run
from rpc import Rpc

HERE = os.path.dirname(os.path.abspath(__file__))
BEARER = "only.the-relay-knows"
ANN, BEN, ANOTHER = "+4930123456", "+4930123457", "+4930123460"


class Gateway(Process):
    def __init__(self, *arguments):
        super().__init__([sys.executable, os.path.join(HERE, "sms_gateway.py"), "--bearer", BEARER, *arguments])
        first = self.wait_for(lambda lines: [line for line in lines if line.startswith("listening on ")], "the gateway")
        self.port = int(first[0].split()[-1])

    def codes(self, number):
        with self.arrived:
            return [line.split()[2] for line in self.lines if line.startswith(f"sms {number} ")]

    def wait_code(self, number, count=1):
        """The count-th code for a number."""
        self.wait_for(lambda _: len(self.codes(number)) >= count, f"a code for {number}")
        return self.codes(number)[count - 1]


def relay_with(folder, gateway, port=0):
    token_file = os.path.join(folder, "token")
    with open(token_file, "w", encoding="utf-8") as file:
        file.write(BEARER + "\n")
    return Relay(os.path.join(folder, "relay"), port, arguments=(
        "--registration", "code", "--code-webhook", f"http://127.0.0.1:{gateway.port}/sms", "--code-token-file", token_file,
        "--code-resend", "20", "--admin-port", "0")).ready()


def refused(chat, line, code):
    ok, detail, _ = chat.try_ask(line)
    check(not ok and detail.split()[0] == code, f"{line}: {'ok' if ok else 'error'} {detail}, not {code}")


def by_code(folder):
    """Two register by text message, and talk; a number moves with its PIN, and the old account is told."""
    gateway = Gateway()
    relay = relay_with(folder, gateway)
    ann, ben = Chat("ann", os.path.join(folder, "ann"), relay), Chat("ben", os.path.join(folder, "ben"), relay)
    refused(ann, "/register ann", "INVALID_ARGUMENT")
    refused(ann, f"/register {ANN}", "CODE_REQUIRED")
    check(ann.ask("/code +49 (30) 12-34-56") == "6 digits", "how many digits?")
    refused(ann, f"/code {ANN}", "RATE_LIMITED")
    code = gateway.wait_code(ANN)
    refused(ann, f"/register {ANN} --code {'000000' if code != '000000' else '000001'}", "WRONG_CODE")
    old_user = ann.ask(f"/register 0049 30 123456 --code {code}")
    ben.ask(f"/code {BEN}")
    ben.ask(f"/register {BEN} --code {gateway.wait_code(BEN)}")
    ben.ask(f"/group talk {ANN}")
    ben.ask("hello")
    ann.ask("/wait-chat talk")
    ann.ask("/wait 1")

    # Ann gets another phone and has no code but the one that was sent for the first: it is hers alone.
    phone = Chat("phone", os.path.join(folder, "phone"), relay)
    refused(phone, f"/register {ANN} --code {code}", "WRONG_CODE")
    # The relay is killed in between: what it knows of codes, PIN and move is on disk.
    ann.ask("/pin 2468")
    relay.kill()
    relay = relay_with(folder, gateway, relay.port)
    phone.ask("/connect")
    code = another_code(phone, gateway)
    refused(phone, f"/register {ANN} --code {code}", "PIN_REQUIRED")
    refused(phone, f"/register {ANN} --code {code} --pin 1357", "PIN_REQUIRED")
    phone.ask(f"/register {ANN} --code {code} --pin 2468")
    ann.ask("/connect")
    ann.wait_for(lambda lines: f"handle moved {ANN}" in lines, "ann is told")
    ben.ask("/connect")
    ben.ask(f"/find {ANN}")
    ben.wait_for(lambda lines: [line for line in lines if line.startswith("handle leads ")], "ben is warned")
    # Ann is found under another number.
    refused(ann, f"/handle {ANOTHER}", "CODE_REQUIRED")
    ann.ask(f"/code {ANOTHER}")
    ann.ask(f"/handle {ANOTHER} --code {gateway.wait_code(ANOTHER)}")
    check(ben.ask(f"/find {ANOTHER}") == old_user, "who has the other number?")
    # The old account and its chat go on, until Ben knows who is who.
    ann.ask("still here")
    ben.ask("/wait 2")
    ben.ask(f"/replace {old_user} {ANN}")
    phone.ask("/wait-chat talk")
    ann.ask("/wait-status removed")
    for process in (ann, ben, phone):
        process.terminate()
    check(relay.terminate() == 0, "the relay does not exit 0")
    gateway.kill()


def another_code(chat, gateway):
    """Codes to one number are some seconds apart."""
    while not chat.try_ask(f"/code {ANN}")[0]:
        check("RATE_LIMITED" in chat.answered()[-1], chat.answered()[-1])
        time.sleep(1)
    return gateway.wait_code(ANN, 2)


def lossy_gateway(folder):
    """A code that the gateway loses is asked for again; one that it does not take is tried again."""
    gateway = Gateway("--lose", "1")
    relay = relay_with(folder, gateway)
    ann, ben = Chat("ann", os.path.join(folder, "ann"), relay), Chat("ben", os.path.join(folder, "ben"), relay)
    ann.ask(f"/code {ANN}")
    gateway.wait_for(lambda lines: "lost" in lines, "a code that is lost")
    ben.ask(f"/code {BEN}")
    ben.ask(f"/register {BEN} --code {gateway.wait_code(BEN)}")
    check("busy" in gateway.lines, "the gateway was never busy")
    wait_until(relay.admin(), {"sotto_codes_sent_total": 2, "sotto_codes_failed_total": 0, "sotto_codes_waiting": 0})
    bot = Rpc("bot", os.path.join(folder, "bot"), relay)
    check(bot.ask("requestCode", handle="+49 30 123458") == {"lifetimeMs": 600_000, "digits": 6}, "requestCode")
    bot.refused("CODE_REQUIRED", "register", handle="+4930123458")
    bot.ask("register", handle="+4930123458", code=gateway.wait_code("+4930123458"))
    check(bot.ask("account")["handle"] == "+4930123458", "the bot's account")
    for process in (ann, ben, bot):
        process.terminate()
    check(relay.terminate() == 0, "the relay does not exit 0")
    gateway.kill()


def invite(relay_folder, *arguments):
    done = subprocess.run([RELAY, "invite", *arguments, "--data", relay_folder], capture_output=True, text=True,
                          check=False)
    return done.returncode, done.stdout.strip(), done.stderr.strip()


def by_invitation(folder):
    """Invitations are made, listed and revoked beside a relay that runs."""
    relay_folder = os.path.join(folder, "relay")
    code, _, said = invite(relay_folder, "create")
    check(code == 2 and "start the relay once" in said, f"without a store: {code} {said}")
    relay = Relay(relay_folder, arguments=("--registration", "invite")).ready()
    people = [Chat(name, os.path.join(folder, name), relay) for name in ("ann", "ben", "cat", "dan")]
    refused(people[0], "/register ann", "INVITE_REQUIRED")
    code, text, said = invite(relay_folder, "create", "--uses", "2", "--expires-days", "1")
    check(code == 0 and len(text) == 20, f"create: {code} {text} {said}")
    for person in people[:2]:
        person.ask(f"/register {person.name} --invite {text}")
    refused(people[2], f"/register cat --invite {text}", "INVITE_REQUIRED")
    code, listed, _ = invite(relay_folder, "list")
    check(code == 0 and " uses 2 used 2 " in listed and text not in listed, f"list: {listed}")
    code, other, _ = invite(relay_folder, "create")
    check(invite(relay_folder, "revoke", other)[0] == 0, "revoke by text")
    refused(people[2], f"/register cat --invite {other}", "INVITE_REQUIRED")
    check(invite(relay_folder, "revoke", listed.split()[0])[0] == 0, "revoke by id")
    check(invite(relay_folder, "revoke", "nothing")[0] == 2, "revoke what is not there")
    check(invite(relay_folder, "list")[1] == "", "all are revoked")
    # Of many at once each takes one use, whatever is killed in between.
    _, text, _ = invite(relay_folder, "create", "--uses", "1")
    people[2].write(f"/register cat --invite {text}")
    relay.kill()
    relay = Relay(relay_folder, relay.port, arguments=("--registration", "invite")).ready()
    people[2].write("/connect")
    people[2].wait_for(lambda _: len(people[2].answers) >= 4, "cat's registration")
    refused(people[3], f"/register dan --invite {text}", "INVITE_REQUIRED")
    for person in people:
        person.terminate()
    check(relay.terminate() == 0, "the relay does not exit 0")


def misconfigured(folder):
    """Codes that could not be sent are told of at the start."""
    relay = Relay(os.path.join(folder, "relay"), arguments=("--registration", "code"))
    check(relay.exit_code() == 2 and "needs a gateway" in relay.tail(), relay.tail())
    relay = Relay(os.path.join(folder, "relay"), arguments=("--registration", "code", "--code-sender", "log"))
    relay.wait_for(lambda lines: [line for line in lines if "for development only" in line], "a loud word")
    relay.ready()
    check(relay.terminate() == 0, "the relay does not exit 0")


def main():
    for test in (misconfigured, by_invitation, lossy_gateway, by_code):
        with Folder() as folder:
            try:
                test(folder)
            except Failure as failure:
                raise Failure(f"{test.__name__}: {failure}") from failure
        print(f"{test.__name__}: {test.__doc__}", flush=True)


run(main)
