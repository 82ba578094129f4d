#!/usr/bin/env python3
"""An account over sotto-rpc until its end: a number that moves or stays, the push token, logging out with and without the
data, and the deletion."""

import json
import os
import re
import sys

from processes import Folder, Process, Relay, check, run
from rpc import Rpc

HERE = os.path.dirname(os.path.abspath(__file__))
NOBODY = "0" * 31 + "1"
NUMBER, ANOTHER = "+4930123456", "+4930888888"


def kind(kind_wanted, **fields):
    """Whether an event is of a kind and has these fields."""
    return lambda event: event["kind"] == kind_wanted and all(event.get(name) == fields[name] for name in fields)


def start(name, folder, relay, arguments=()):
    person = Rpc(name, os.path.join(folder, name), relay, arguments)
    person.ask("subscribe")
    return person


def end(*processes):
    for process in processes:
        check(process.terminate() == 0, "a process did not end well")


# ---- A number and its owners

def code_for(relay, person, number):
    """Has a code sent; it stands in the relay's log."""
    def codes():
        return re.findall(rf"code for {re.escape(number)}: (\d+)", "\n".join(relay.lines))

    before = len(codes())
    person.until(lambda: "result" in person.try_ask("requestCode", handle=number), "a code is sent")
    relay.wait_for(lambda _: len(codes()) > before, "the code in the log")
    return codes()[-1]


def numbers(folder):
    """A number is claimed and kept, then locked and moved with its PIN; who wrote with it is warned."""
    relay = Relay(os.path.join(folder, "relay"), arguments=(
        "--registration", "code", "--code-sender", "log", "--code-resend", "1")).ready()
    ann, ben, phone = (start(name, folder, relay) for name in ("ann", "ben", "phone"))
    ann.refused("CODE_REQUIRED", "register", handle=NUMBER)
    old = ann.ask("register", handle="+49 (30) 12-34-56", code=code_for(relay, ann, NUMBER))["userId"]
    ben.ask("register", handle="+4930999999", code=code_for(relay, ben, "+4930999999"))
    chat = ben.ask("createChat", participants=[NUMBER], name="talk")["chatId"]

    waits = phone.refused("HANDLE_PENDING", "register", handle=NUMBER, code=code_for(relay, phone, NUMBER))
    check(waits["error"]["retryAfterMs"] > 0, f"how long it waits: {waits}")
    check(phone.event(kind("registration", handle=NUMBER), "it waits")["movesAt"] > 0, "until when")
    claimed = ann.event(kind("handleClaimed", handle=NUMBER, moved=False), "somebody claims the number")
    check(claimed["movesAt"] > 0, f"when it would move: {claimed}")
    ann.ask("keepHandle")
    ann.event(lambda event: kind("handleClaimed", moved=False)(event) and "movesAt" not in event, "it stays")
    check(ann.ask("account")["handle"] == NUMBER, "the number is still Ann's")

    ann.ask("setPin", pin="2468")
    phone.refused("PIN_REQUIRED", "register", handle=NUMBER, code=code_for(relay, phone, NUMBER), pin="1357")
    new = phone.ask("register", handle=NUMBER, code=code_for(relay, phone, NUMBER), pin="2468")["userId"]
    ann.event(kind("handleClaimed", handle=NUMBER, moved=True), "it has moved")
    account = ann.ask("account")
    check((account["userId"], account["handle"]) == (old, ""), f"an account without a handle: {account}")
    ann.refused("HANDLE_TAKEN", "keepHandle")
    check(ben.ask("findUser", handle=NUMBER)["userId"] == new, "who has the number now")
    ben.event(kind("handleMoved", handle=NUMBER, oldUserId=old, newUserId=new), "Ben is warned")
    ben.ask("replaceParticipant", chatId=chat, oldUserId=old, newUserId=new)
    check({each["userId"] for each in ben.ask("participants", chatId=chat)["participants"]} ==
          {new, ben.ask("account")["userId"]}, "one for the other")
    # Ann gets another number, and is who she was.
    ann.refused("CODE_REQUIRED", "changeHandle", handle=ANOTHER)
    check(ann.ask("account") == account, "a refusal changes nothing")
    changed = ann.ask("changeHandle", handle="+49 30 888888", code=code_for(relay, ann, ANOTHER))
    check(changed == {**account, "handle": ANOTHER} == ann.ask("account"), f"another number: {changed}")
    check(ben.ask("findUser", handle=ANOTHER)["userId"] == old, "who has the other number")
    waits = ann.refused("HANDLE_PENDING", "changeHandle", handle="+4930999999", code=code_for(relay, ann, "+4930999999"))
    check(waits["error"]["retryAfterMs"] > 0, f"how long it waits: {waits}")
    check(ann.event(kind("registration", handle="+4930999999"), "it waits")["movesAt"] > 0, "until when")
    ben.event(kind("handleClaimed", handle="+4930999999", moved=False), "Ben may object")
    check(ann.ask("changeHandle", handle=ANOTHER) == changed, "Ann takes it back")
    end(ann, ben, phone, relay)


# ---- Push

class Gateway(Process):
    def __init__(self):
        super().__init__([sys.executable, os.path.join(HERE, "push_gateway.py")])
        first = self.wait_for(lambda lines: [line for line in lines if line.startswith("listening on ")], "the gateway")
        self.url = f"http://127.0.0.1:{first[0].split()[-1]}/push"


def push(folder):
    """A device that is away is told by push of what is urgent enough, and no more once it has taken its token back."""
    gateway = Gateway()
    relay = Relay(os.path.join(folder, "relay"), arguments=("--push-webhook", gateway.url)).ready()
    ann, ben = (start(name, folder, relay).register() for name in ("ann", "ben"))
    for wrong in ({}, {"token": "x", "urgency": "none"}, {"token": "x", "urgency": 1}, {"token": "x" * 4097}):
        ben.refused("INVALID_ARGUMENT", "setPushToken", **wrong)
    ben.ask("setPushToken", token="ben's", urgency="high")
    chat = ann.ask("createChat", participants=["ben"])["chatId"]
    ann.ask("sendMessage", chatId=chat, message="here?")
    ben.text_event("here?")
    ben.ask("disconnect")
    ben.event(kind("connection", state="offline"), "away")
    ann.refused("INVALID_ARGUMENT", "sendMessage", chatId=chat, message="x", urgency="low")
    for urgency in ("none", "normal", "high"):
        ann.ask("sendMessage", chatId=chat, message=urgency, urgency=urgency)
    notice = gateway.wait_for(lambda lines: [line for line in lines if line.startswith("notice ")], "a notice")
    check(len(notice) == 1 and json.loads(notice[0].split(" ", 1)[1])["token"] == "ben's", f"told: {notice}")
    check(json.loads(notice[0].split(" ", 1)[1])["urgency"] == "high", f"of what is urgent: {notice}")
    ben.ask("connect")
    ben.text_event("high")
    ben.ask("setPushToken", token="")
    end(ann, ben, relay)
    gateway.kill()


# ---- The end

def logging_out(ann, ben, chat):
    """Offline with all data until `connect`; then as before."""
    for wrong in ({}, {"data": "some"}, {"data": True}):
        ben.refused("INVALID_ARGUMENT", "logOut", **wrong)
    ben.ask("logOut", data="keep")
    check(ben.ask("account")["loggedOut"] is True and ben.ask("connection")["state"] == "offline", "logged out")
    check([each["message"] for each in ben.ask("messages", chatId=chat)["messages"] if "message" in each] == ["hello"],
          "what is kept")
    check(ben.terminate() == 0, "a process did not end well")
    ben = ben.again()
    ben.ask("subscribe")
    check(ben.ask("account")["loggedOut"] is True and ben.ask("connection")["state"] == "offline", "still logged out")
    ann.ask("sendMessage", chatId=chat, message="meanwhile")
    ben.ask("connect")
    ben.text_event("meanwhile")
    check("loggedOut" not in ben.ask("account"), "logged in again")
    return ben


def erasing(ann, ben, chat):
    """Nothing is left, what waited is told, and another account can be made."""
    ben.ask("disconnect")
    ben.event(kind("connection", state="offline"), "away")
    waits = ben.start_asking("sendMessage", {"chatId": chat, "message": "never"})
    ben.until(lambda: any(each.get("message") == "never" for each in ben.ask("messages", chatId=chat)["messages"]), "written")
    ben.ask("logOut", data="erase")
    told = ben.until(lambda: ben.answers.get(waits), "what waited is told")
    check(told["error"]["code"] == "CANCELLED", f"what waited: {told}")
    check(ben.ask("account") is None and ben.ask("chats") == {"chats": []}, "nothing is left")
    ben.refused("NOT_FOUND", "message", chatId=chat, messageId=NOBODY)
    ben.refused("NOT_REGISTERED", "logOut", data="keep")
    ben.refused("HANDLE_TAKEN", "register", handle="ben")
    ben.ask("register", handle="ben2")
    again = ann.ask("createChat", participants=["ben2"])["chatId"]
    check(ann.ask("sendMessage", chatId=again, message="to the new one")["status"] == "SUCCESS", "sending")
    ben.text_event("to the new one")
    events = [event["cursor"] for event in ben.events if "cursor" in event]
    check(events == sorted(set(events)), "cursors go on")


def deleting(ann, relay, folder):
    """The handle is free, and leads to another user from then on."""
    cat = start("cat", folder, relay, ["--listen", "0"])
    cat.refused("NOT_REGISTERED", "deleteAccount")
    cat.refused("NOT_REGISTERED", "setPushToken", token="x")
    cat.register()
    cat.refused("UNSUPPORTED", "setPushToken", token="x")  # This relay has no push.
    chat = ann.ask("createChat", participants=["cat"])["chatId"]
    ann.ask("sendMessage", chatId=chat, message="hello")
    cat.text_event("hello")
    other = cat.program()
    cat.refused("INVALID_ARGUMENT", "deleteAccount", really=True)
    cat.ask("disconnect")  # The deletion needs the network, and asks for it.
    other.ask("deleteAccount")
    check(cat.ask("account") is None and cat.ask("chats") == {"chats": []}, "nothing is left")
    ann.refused("UNKNOWN_USER", "findUser", handle="cat")
    old = cat.user
    cat.register()
    check(cat.user != old, "another user")
    check(ann.ask("findUser", handle="cat")["userId"] == cat.user, "who is cat now")
    ann.event(kind("handleMoved", oldUserId=old, newUserId=cat.user), "Ann is warned")
    check(cat.terminate() == 0, "a process did not end well")


def ends(folder):
    relay = Relay(os.path.join(folder, "relay")).ready()
    ann, ben = (start(name, folder, relay).register() for name in ("ann", "ben"))
    chat = ann.ask("createChat", participants=["ben"])["chatId"]
    ann.ask("sendMessage", chatId=chat, message="hello")
    ben.text_event("hello")
    ben = logging_out(ann, ben, chat)
    erasing(ann, ben, chat)
    deleting(ann, relay, folder)
    end(ann, ben)
    # A start that stays offline, until it is told otherwise.
    offline = ann.again(["--offline", "--log-level", "info", "--cache-mib", "1", "--no-reupload"])
    check(offline.ask("connection")["state"] == "offline", "offline at first")
    offline.ask("connect")
    offline.until(lambda: offline.ask("connection")["state"] == "online", "online")
    end(offline)
    wrong_key = ann.again(["--spki-pin", "00" * 32])
    wrong_key.ask("subscribe")
    refused = wrong_key.event(lambda event: kind("connection", state="offline")(event) and "problem" in event, "no trust")
    check(refused["problem"]["code"] == "TLS_FAILED", f"another key: {refused}")
    end(wrong_key, relay)


def main():
    for test in (numbers, push, ends):
        with Folder() as folder:
            test(folder)
    print("a number is kept, locked and moved; push, logging out and the deletion are as docs/rpc.md says")


run(main)
