#!/usr/bin/env python3
"""People over sotto-rpc: requests, read marks and receipts, typing and presence, profiles and blocks, and what each
command refuses. One of the three is a program on the local WebSocket."""

import base64
import os

from processes import Folder, Relay, check, run
from rpc import Rpc

NOBODY = "0" * 31 + "1"


def kind(kind_wanted, **fields):
    """Whether an event is of a kind and has these fields."""
    return lambda event: event["kind"] == kind_wanted and all(event.get(name) == fields[name] for name in fields)


def state_of(who, message, state):
    who.event(lambda event: event["kind"] == "messageChanged" and event["message"]["messageId"] == message and
              event["message"]["state"] == state, f"the message is {state}")


def settled(who, chat):
    who.until(lambda: who.ask("chat", chatId=chat)["status"] == "active", "the chat is active")


def requests(ann, ben):
    """Ann is unknown to Ben: he declines, and then accepts."""
    chat = ann.ask("createChat", participants=["ben"])["chatId"]
    ann.ask("sendMessage", chatId=chat, message="do you know me?")
    ben.text_event("do you know me?")
    asked = ben.ask("chat", chatId=chat)
    check((asked["request"], asked["invitedBy"], asked["unread"]) == ("pending", ann.user, 1), f"a request: {asked}")
    check(not ben.ask("person", userId=ann.user)["known"], "known already")
    for wrong in ({}, {"answer": "maybe"}, {"answer": True}):
        ben.refused("INVALID_ARGUMENT", "answerRequest", chatId=chat, **wrong)
    ben.refused("NOT_FOUND", "answerRequest", chatId=NOBODY, answer="accept")
    ben.ask("answerRequest", chatId=chat, answer="decline")
    ben.event(lambda event: event["kind"] == "chatChanged" and event["chat"].get("request") == "declined", "declined")
    ann.ask("sendMessage", chatId=chat, message="into the void")
    ben.ask("answerRequest", chatId=chat, answer="accept")
    ben.event(lambda event: event["kind"] == "chatChanged" and event["chat"]["chatId"] == chat and
              "request" not in event["chat"], "accepted")
    check(ben.ask("person", userId=ann.user)["known"], "known once accepted")
    ann.ask("sendMessage", chatId=chat, message="now you do")
    ben.text_event("now you do")
    check(not [each for each in ben.ask("messages", chatId=chat)["messages"] if each.get("message") == "into the void"],
          "what came while it was declined")
    return chat


def direct_receipts(ann, ben, chat):
    """Delivered, then read; the unread count falls."""
    message = ann.ask("sendMessage", chatId=chat, message="read me")["messageId"]
    ben.text_event("read me")
    check(ben.ask("chat", chatId=chat)["unread"] > 0, "unread")
    state_of(ann, message, "delivered")
    check(ann.ask("receipts", chatId=chat, messageId=message)["receipts"] ==
          [{"userId": ben.user, "delivered": True, "read": False}], "delivered and not read")
    ben.ask("markRead", chatId=chat)
    ben.event(lambda event: event["kind"] == "chatChanged" and event["chat"]["chatId"] == chat and
              event["chat"]["unread"] == 0, "nothing is unread any more")
    state_of(ann, message, "read")
    ann.event(kind("receiptsChanged", chatId=chat, userId=ben.user), "Ben's receipts")
    check(ann.ask("receipts", chatId=chat, messageId=message)["receipts"][0]["read"], "read")
    for command, fields in (("markRead", {"chatId": NOBODY}), ("markRead", {"chatId": chat, "messageId": NOBODY}),
                            ("receipts", {"chatId": chat, "messageId": NOBODY}),
                            ("receipts", {"chatId": NOBODY, "messageId": message})):
        ann.refused("NOT_FOUND", command, **fields)
    ben.refused("NOT_FOUND", "receipts", chatId=chat, messageId=message)  # of another's
    ann.refused("INVALID_ARGUMENT", "receipts", chatId=chat)
    ann.refused("INVALID_ARGUMENT", "markRead", chatId="all")


def group_receipts(ann, ben, cat):
    """In a group each member by itself; who does not tell is not shown."""
    chat = ann.ask("createChat", participants=["ben", "cat"], name="three")["chatId"]
    first = ann.ask("sendMessage", chatId=chat, message="one for all")["messageId"]
    for other in (ben, cat):
        other.text_event("one for all")
        other.ask("answerRequest", chatId=chat, answer="accept")
    state_of(ann, first, "delivered")

    def read(message):
        return {each["userId"]: each["read"] for each in ann.ask("receipts", chatId=chat, messageId=message)["receipts"]}

    check(read(first) == {ben.user: False, cat.user: False}, "delivered to both, read by none")
    ben.ask("markRead", chatId=chat, messageId=first)
    ann.until(lambda: read(first) == {ben.user: True, cat.user: False}, "read by one of two")
    check(ann.ask("message", chatId=chat, messageId=first)["state"] == "delivered", "not read by all yet")
    cat.ask("markRead", chatId=chat)
    state_of(ann, first, "read")

    for wrong in ({}, {"typing": False}, {"typing": 1, "presence": True, "readReceipts": True},
                  {"typing": True, "presence": True, "readReceipts": True, "all": True}):
        cat.refused("INVALID_ARGUMENT", "setPrivacy", **wrong)
    silent = {"typing": False, "presence": False, "readReceipts": False}
    cat.ask("setPrivacy", **silent)
    check(cat.ask("privacy") == silent, "the settings")
    second = ann.ask("sendMessage", chatId=chat, message="and another")["messageId"]
    for other in (cat, ben):
        other.text_event("and another")
        other.ask("markRead", chatId=chat)
    ann.until(lambda: read(second)[ben.user], "Ben has read it")
    check(not read(second)[cat.user], "Cat does not tell")
    check(cat.ask("chat", chatId=chat)["unread"] == 0, "the own count falls all the same")
    return chat


def typing(ann, ben, cat, chat):
    """Typing is told to the others, to all of their programs that subscribed, and ends with the message."""
    programs = (ann, ann.program())
    programs[1].ask("subscribe")
    cat.ask("setTyping", chatId=chat, typing=True)
    ben.ask("setTyping", chatId=chat, typing=True)
    for program in programs:
        began = program.event(kind("typing", chatId=chat, userId=ben.user, typing=True), "Ben types")
        check("cursor" not in began, "typing is in no log")
    ben.ask("sendMessage", chatId=chat, message="typed")
    for program in programs:
        program.text_event("typed")
        program.event(kind("typing", chatId=chat, userId=ben.user, typing=False), "Ben has typed")
    check(not [event for event in ann.events if kind("typing", userId=cat.user)(event)], "Cat is silent")
    ben.refused("NOT_FOUND", "setTyping", chatId=NOBODY, typing=True)
    ben.refused("INVALID_ARGUMENT", "setTyping", chatId=chat)
    programs[1].ask("close")


def presence(ann, ben, cat):
    """Who is there, and since when not."""
    check("lastSeen" not in ann.ask("person", userId=ben.user), "seen before")
    to_cat = ann.ask("createChat", participants=["cat"])["chatId"]
    settled(ann, to_cat)
    cat.until(lambda: cat.try_ask("answerRequest", chatId=to_cat, answer="accept").get("result") == {}, "Ann's request")
    ann.ask("setAvailable", available=True)
    cat.ask("setAvailable", available=True)
    ben.ask("setAvailable", available=True)
    for one, other in ((ann, ben), (ben, ann)):
        one.event(kind("presence", userId=other.user, available=True), "the other is there")
    seen = ann.ask("person", userId=ben.user)["lastSeen"]
    ben.ask("setAvailable", available=False)
    gone = ann.event(kind("presence", userId=ben.user, available=False), "Ben is gone")
    check(gone["lastSeen"] >= seen and ann.ask("person", userId=ben.user)["lastSeen"] == gone["lastSeen"], "last seen")
    check(not [event for event in ann.events if kind("presence", userId=cat.user)(event)], "Cat is silent")
    ann.refused("INVALID_ARGUMENT", "setAvailable", available="yes")


def profiles(ann, ben, direct, folder):
    """A profile, with a picture of a file, comes with the next message."""
    check(ben.ask("profile") == {"name": "", "about": ""}, "an empty profile")
    picture = bytes(range(256)) * 20
    path = os.path.join(folder, "ben.png")
    with open(path, "wb") as file:
        file.write(picture)
    shown = {"name": "Ben «B»", "about": "writes\ntests", "avatarMimeType": "image/png"}
    ben.ask("setProfile", avatarPath=path, **shown)
    shown["avatar"] = base64.b64encode(picture).decode()
    check(ben.ask("profile") == shown, "the own profile")
    ben.ask("sendMessage", chatId=direct, message="look at me")
    ann.event(kind("personChanged", userId=ben.user), "Ben has a profile")
    ann.until(lambda: ann.ask("person", userId="ben").get("profile") == shown, "Ben's profile")
    check(ann.ask("person", userId=ben.user)["handle"] == "ben", "and the handle")
    check(ann.ask("person", userId=NOBODY) == {"userId": NOBODY, "known": False, "blocked": False}, "somebody never met")
    ann.refused("UNKNOWN_USER", "person", userId="nobody")

    large = os.path.join(folder, "large.png")
    with open(large, "wb") as file:
        file.write(bytes(48 * 1024 + 1))
    for code, wrong in (("INVALID_ARGUMENT", {"name": "x" * 129}), ("INVALID_ARGUMENT", {"about": "x" * 1025}),
                        ("INVALID_ARGUMENT", {"avatar": base64.b64encode(bytes(48 * 1024 + 1)).decode()}),
                        ("INVALID_ARGUMENT", {"avatar": "x"}), ("INVALID_ARGUMENT", {"avatar": "", "avatarPath": path}),
                        ("INVALID_ARGUMENT", {"avatarPath": "ben.png"}), ("INVALID_ARGUMENT", {"avatarMimeType": "ä"}),
                        ("INVALID_ARGUMENT", {"nickname": "x"}), ("NOT_FOUND", {"avatarPath": "/nowhere/at/all"}),
                        ("NOT_FOUND", {"avatarPath": folder}), ("NOT_FOUND", {"avatarPath": "/dev/zero"}),
                        ("TOO_LARGE", {"avatarPath": large})):
        ben.refused(code, "setProfile", **wrong)
    check(ben.ask("profile") == shown, "what was refused changed nothing")
    ben.ask("setProfile", name="Ben")
    check(ben.ask("profile") == {"name": "Ben", "about": ""}, "what is left out is empty")


def blocks(ann, ben, direct):
    """Who is blocked is not heard, and written to by nobody who blocks."""
    check(ann.ask("blocked") == {"users": []}, "nobody is blocked")
    before = len(ann.events)
    ann.ask("block", userId="ben", blocked=True)
    ann.until(lambda: any(map(kind("personChanged", userId=ben.user), ann.events[before:])), "Ben is another person now")
    check(ann.ask("blocked") == {"users": [ben.user]} and ann.ask("person", userId=ben.user)["blocked"], "Ben is blocked")
    ann.refused("BLOCKED", "sendMessage", chatId=direct, message="from one who blocks")
    ben.ask("sendMessage", chatId=direct, message="from one who is blocked")
    ann.ask("block", userId=ben.user, blocked=False)
    check(ann.ask("blocked") == {"users": []}, "nobody is blocked any more")
    ann.ask("block", userId=ben.user, blocked=False)  # as it is
    ben.ask("sendMessage", chatId=direct, message="heard again")
    ann.text_event("heard again")
    check(not [each for each in ann.ask("messages", chatId=direct)["messages"]
               if each.get("message") == "from one who is blocked"], "what was written while blocked")
    ann.refused("INVALID_ARGUMENT", "block", userId=ann.user, blocked=True)
    ann.refused("INVALID_ARGUMENT", "block", userId=ben.user)
    ann.refused("UNKNOWN_USER", "block", userId="nobody", blocked=True)


def before_an_account(relay, folder):
    new = Rpc("new", os.path.join(folder, "new"), relay)
    new.refused("NOT_REGISTERED", "setProfile", name="x")
    new.refused("NOT_REGISTERED", "block", userId=NOBODY, blocked=True)
    new.refused("NOT_REGISTERED", "receipts", chatId=NOBODY, messageId=NOBODY)
    new.refused("NOT_FOUND", "markRead", chatId=NOBODY)
    check(new.ask("privacy") == {"typing": True, "presence": True, "readReceipts": True}, "the defaults")
    check(new.terminate() == 0, "a process did not end well")


def main():
    with Folder() as folder:
        relay = Relay(os.path.join(folder, "relay")).ready()
        before_an_account(relay, folder)
        ann, ben, cat = (Rpc(name, os.path.join(folder, name), relay, ["--listen", "0"]).register()
                         for name in ("ann", "ben", "cat"))
        for person in (ann, ben, cat):
            person.ask("subscribe")
        direct = requests(ann, ben)
        direct_receipts(ann, ben, direct)
        group = group_receipts(ann, ben, cat)
        typing(ann, ben, cat, group)
        presence(ann, ben, cat)
        profiles(ann, ben, direct, folder)
        blocks(ann, ben, direct)
        for process in (ann, ben, cat, relay):
            check(process.terminate() == 0, "a process did not end well")
        print("requests, marks, receipts, typing, presence, profiles and blocks are as docs/rpc.md says")


run(main)
