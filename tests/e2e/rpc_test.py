#!/usr/bin/env python3
"""Every command of sotto-rpc, what it does and what it refuses: two programs and a person at sotto-chat in a group."""

import json
import os
import re
import subprocess

from processes import Chat, Folder, Relay, check, run
from rpc import RPC, SCHEMA, Rpc, schema

NOBODY = "0" * 31 + "1"


def documented(user):
    """Schema, page and program know the same commands and events."""
    with open(SCHEMA.replace("rpc.schema.json", "rpc.md"), encoding="utf-8") as file:
        page = set(re.findall(r"^\| `(\w+)` \|", file.read(), re.MULTILINE)) - {"kind"}  # the head of a table
    defs = schema["$defs"]
    commands = set(defs["commands"])
    check(commands == set(defs["results"]) == set(defs["request"]["properties"]) - {"id"}, "the schema's commands")
    events = {each["properties"]["kind"]["const"] for name in ("loggedEvent", "passingEvent") for each in defs[name]["oneOf"]}
    check(page == commands | events, f"docs/rpc.md or the schema has not got {page ^ (commands | events)}")
    for command in commands:
        user.refused("INVALID_ARGUMENT", command, nonsense=1)


def account(relay, folder):
    user1 = Rpc("user1", os.path.join(folder, "user1"), relay)
    check(user1.ask("account") is None, "an account before there is one")
    user1.refused("NOT_REGISTERED", "findUser", handle="user2")
    user1.refused("NOT_REGISTERED", "createChat", participants=["user2"])
    user1.refused("INVALID_ARGUMENT", "register", handle="")
    user1.register()
    check(user1.ask("account")["handle"] == "user1", "the account")
    check(user1.ask("register", handle="user1")["userId"] == user1.user, "registering again")
    user1.refused("ALREADY_EXISTS", "register", handle="another")
    user2 = Rpc("user2", os.path.join(folder, "user2"), relay)
    user2.refused("UNSUPPORTED", "requestCode", handle="+4930123456")
    user2.refused("HANDLE_TAKEN", "register", handle="user1")
    return user1, user2.register()


def people(user1, user2):
    check(user1.ask("findUser", handle="user2")["userId"] == user2.user, "who user2 is")
    user1.refused("UNKNOWN_USER", "findUser", handle="nobody")
    user1.refused("INVALID_ARGUMENT", "findUser")


def own_handle(user1, user2):
    user2.refused("UNSUPPORTED", "requestCode", handle="+4930123456")
    user1.refused("INVALID_ARGUMENT", "requestCode", handle="user1")
    user1.refused("INVALID_ARGUMENT", "changeHandle", handle="")
    user1.refused("HANDLE_TAKEN", "changeHandle", handle="user2")
    check(user1.ask("changeHandle", handle="user one")["handle"] == "user one", "another handle")
    check(user1.ask("changeHandle", handle="user1")["userId"] == user1.user, "and back again")
    user1.refused("INVALID_ARGUMENT", "setPin", pin="123")
    user1.ask("setPin", pin="2468")
    user1.ask("setPin")
    user1.ask("keepHandle")
    user1.refused("INVALID_ARGUMENT", "setDiscoverable", discoverable="no")
    user1.ask("setDiscoverable", discoverable=False)
    user2.refused("UNKNOWN_USER", "findUser", handle="user1")
    user1.ask("setDiscoverable", discoverable=True)
    check(user2.ask("findUser", handle="user1")["userId"] == user1.user, "to be found again")


def create(user1, user2, ann):
    for wrong in ([], ["user1"], ["user2", "user2"], ["user2", user2.user], "user2", [1], ["x"] * 101):
        user1.refused("INVALID_ARGUMENT", "createChat", participants=wrong, name="x")
    user1.refused("INVALID_ARGUMENT", "createChat", participants=["user2"], name="x" * 257)
    check("nobody" in user1.refused("UNKNOWN_USER", "createChat", participants=["user2", "nobody"])["error"]["message"],
          "who it is that nobody knows")
    # The mission's own example, and a third by userId.
    chat = user1.ask("createChat", participants=["user1", "user2", ann.user], name="group name")["chatId"]
    direct = user1.ask("createChat", participants=["user1", "user2"])["chatId"]
    check(user1.ask("createChat", participants=["user2"])["chatId"] == direct, "the direct chat is there once")
    return chat, direct


def look(user1, user2, ann, chat, direct):
    user1.until(lambda: False if user1.ask("chat", chatId=chat)["status"] != "active" else True, "the chat is active")
    check(user1.ask("chat", chatId=direct)["peer"] == user2.user, "with whom the direct chat is")
    listed = user1.ask("chats")["chats"]
    check({each["chatId"] for each in listed} == {chat, direct}, "all chats")
    first = user1.ask("chats", limit=1)["chats"]
    check(len(first) == 1, "a page of one")
    rest = user1.ask("chats", after=first[0]["chatId"])["chats"]
    check([each["chatId"] for each in first + rest] == [each["chatId"] for each in listed], "the next page")
    members = {each["userId"]: each for each in user1.ask("participants", chatId=chat)["participants"]}
    check(set(members) == {user1.user, user2.user, ann.user}, "who is in the group")
    check([user for user in members if members[user]["admin"]] == [user1.user], "who is admin")
    for command in ("chat", "participants"):
        user1.refused("NOT_FOUND", command, chatId=NOBODY)
    user1.refused("NOT_FOUND", "chats", after=NOBODY)
    user1.refused("INVALID_ARGUMENT", "chats", limit=201)


def talk(user1, user2, ann, chat):
    sent = user1.ask("sendMessage", chatId=chat, message="hello, «всем» 🙂\n\"quoted\"", attachments=[])
    check(sent["status"] == "SUCCESS", f"sending: {sent}")
    got = user2.text_event("hello, «всем» 🙂\n\"quoted\"")["message"]
    check(got["messageId"] == sent["messageId"] and got["sender"] == user1.user, "an id for life, a sender")
    check(got["state"] == "received" and got["chatId"] == chat, "as it is seen by the other")
    ann.ask("/wait-chat group name")
    ann.ask("/wait 1")
    ann.ask("hello from ann")
    user2.text_event("hello from ann")
    user1.event(lambda event: event["kind"] == "messageChanged" and event["message"]["state"] == "delivered",
                "the text is delivered")

    mine = "11" * 16
    for text in ("once", "twice"):
        check(user2.ask("sendMessage", chatId=chat, message=text, messageId=mine)["messageId"] == mine, "a given id")
    check(user2.ask("message", chatId=chat, messageId=mine)["message"] == "once", "the first one stays")
    user1.text_event("once")
    user1.refused("NOT_FOUND", "message", chatId=chat, messageId=NOBODY)
    user1.refused("NOT_FOUND", "sendMessage", chatId=NOBODY, message="x")
    for wrong in ({"message": ""}, {"message": "x" * 65537}, {"message": 1}, {"message": "x", "messageId": "0" * 32},
                  {"message": "x", "messageId": "xyz"}, {"message": "x", "releases": -1},
                  {"message": "x", "releases": 10**6}, {"message": "x", "releases": 1.5}, {"message": "x", "mesage": "x"},
                  {"message": "x", "attachments": {}}, {}):
        user1.refused("INVALID_ARGUMENT", "sendMessage", chatId=chat, **wrong)
    user2.ask("sendMessage", chatId=chat, message="x" * 65536)
    check(not [each for each in user2.ask("messages", chatId=chat)["messages"] if each.get("message") == "x"],
          "what was refused is not there")


def history(user2, chat):
    whole = user2.ask("messages", chatId=chat)["messages"]
    pages, before = [], {}
    while True:
        page = user2.ask("messages", chatId=chat, limit=2, **before)["messages"]
        if not page:
            break
        pages += page
        before = {"before": page[-1]["position"]}
    check(pages == whole, "page by page it is the same history")
    for wrong in ("", "1x", "99999999999999999999", 5):
        user2.refused("INVALID_ARGUMENT", "messages", chatId=chat, before=wrong)


def change(user1, user2, ann, chat, direct):
    def refused(who, code, **fields):
        check(who.refused(code, "modifyChatParticipants", **fields).get("result") == "FAIL", f"no FAIL beside {code}")

    refused(user2, "FORBIDDEN", chatId=chat, userId=ann.user, operation="REMOVE")
    refused(user1, "FORBIDDEN", chatId=direct, userId=ann.user, operation="ADD")
    refused(user1, "NOT_FOUND", chatId=NOBODY, userId=ann.user, operation="ADD")
    refused(user1, "UNKNOWN_USER", chatId=chat, userId="nobody", operation="ADD")
    user1.refused("INVALID_ARGUMENT", "modifyChatParticipants", chatId=chat, userId="ann", operation="add")
    for operation in ("REMOVE", "ADD", "REMOVE"):
        done = user1.ask("modifyChatParticipants", chatId=chat, userId="ann", operation=operation)
        check(done == "SUCCESS", f"{operation}: {done}")
    ann.ask("/wait-status removed")
    user1.ask("replaceParticipant", chatId=chat, oldUserId=ann.user, newUserId=user2.user)  # as it is already
    user1.refused("FORBIDDEN", "replaceParticipant", chatId=direct, oldUserId=user2.user, newUserId=ann.user)
    user2.refused("FORBIDDEN", "replaceParticipant", chatId=chat, oldUserId=user1.user, newUserId=ann.user)
    user1.refused("INVALID_ARGUMENT", "replaceParticipant", chatId=chat, oldUserId=ann.user, newUserId=ann.user)
    user1.ask("rename", chatId=chat, name="new name")
    user2.event(lambda event: event["kind"] == "chatChanged" and event["chat"]["name"] == "new name", "the new name")
    user2.refused("FORBIDDEN", "rename", chatId=chat, name="another")
    user1.refused("INVALID_ARGUMENT", "rename", chatId=chat, name="x" * 257)
    user2.ask("refreshKeys", chatId=chat)
    user2.refused("NOT_FOUND", "refreshKeys", chatId=NOBODY)
    check(user1.ask("modifyChatParticipants", chatId=chat, userId=user2.user, operation="REMOVE") == "SUCCESS", "removed")
    user2.event(lambda event: event["kind"] == "chatChanged" and event["chat"]["status"] == "removed", "the removal")
    user2.refused("REMOVED", "sendMessage", chatId=chat, message="too late")


def connection(user2, direct):
    user2.ask("disconnect")
    # It was offline before, for a moment, to ask for a code: that event says nothing of now.
    user2.event(lambda event: event["kind"] == "connection" and event["state"] == "offline", "offline")
    user2.until(lambda: user2.ask("connection")["state"] == "offline", "the state offline")
    waits = user2.start_asking("sendMessage", {"chatId": direct, "message": "written offline"})
    written = user2.text_event("written offline")["message"]
    check(user2.ask("message", chatId=direct, messageId=written["messageId"])["state"] in ("queued", "sending"),
          "it waits")
    check(waits not in user2.answers, "SUCCESS before the relay has it")
    user2.ask("connect")
    answer = user2.until(lambda: user2.answers.get(waits), "it is sent")
    check(answer["result"]["status"] == "SUCCESS", f"written offline: {answer}")


def events(user2):
    logged, after = [], 0
    while True:
        page = user2.ask("events", after=after, limit=7)["events"]
        if not page:
            break
        logged += page
        after = page[-1]["cursor"]
    seen = [event["cursor"] for event in user2.events if "cursor" in event]
    check(seen == [event["cursor"] for event in logged] == list(range(1, len(logged) + 1)),
          "each event once, in order, pushed as in the log")
    user2.refused("INVALID_ARGUMENT", "events", after=after + 1)
    user2.refused("INVALID_ARGUMENT", "subscribe", after=after + 1)
    user2.refused("INVALID_ARGUMENT", "release", upTo=after + 1)
    user2.refused("INVALID_ARGUMENT", "release")
    user2.ask("release", upTo=after - 3)
    left = user2.ask("events")["events"]
    check([event["cursor"] for event in left] == [after - 2, after - 1, after], "what is not released stays")
    # After a restart they come from the release point, or from where the reader says.
    check(user2.terminate() == 0, "SIGTERM")
    user2 = user2.again()
    user2.ask("subscribe", after=after - 1)
    user2.event(lambda event: event.get("cursor") == after, "from a cursor")
    user2.ask("subscribe")
    user2.until(lambda: [event["cursor"] for event in user2.events if "cursor" in event][:4] ==
                [after, after - 2, after - 1, after], "from the release point")
    user2.ask("release", upTo=after)
    check([event for event in user2.ask("events")["events"] if event["cursor"] <= after] == [], "all are released")
    return user2


def ending(user1, user2, relay):
    done = subprocess.run([RPC, "--data", user1.folder, "--relay", relay.url, "--ca", relay.ca], input="",
                          capture_output=True, text=True, timeout=120)
    check(done.returncode == 3 and "IN_USE" in done.stderr, f"a folder in use: {done}")
    user2.ask("close")
    check(user2.exit_code() == 0, "close")
    check(user1.end_input() == 0, "the end of the input")
    # A whole session through a pipe: what was asked is answered before the end.
    lines = [{"id": 1, "account": {}}, {"id": "2", "findUser": {"handle": "user2"}}]
    done = subprocess.run([RPC, "--data", user1.folder, "--relay", relay.url, "--ca", relay.ca],
                          input="\n".join(json.dumps(line) for line in lines), capture_output=True, text=True, timeout=120)
    answers = {answer["id"]: answer for answer in map(json.loads, done.stdout.splitlines())}
    check(done.returncode == 0 and answers["2"]["result"]["userId"] == user2.user, f"through a pipe: {done}")
    # Without a relay what waits is given up after the grace, and says that it is sent later.
    check(relay.terminate() == 0, "the relay did not end well")
    alone = user1.again(["--grace", "0"])
    direct = next(chat["chatId"] for chat in alone.ask("chats")["chats"] if chat["type"] == "direct")
    waits = alone.start_asking("sendMessage", {"chatId": direct, "message": "later"})
    alone.ask("messages", chatId=direct)
    check(alone.end_input() == 0, "the end of the input without a relay")
    check(alone.answers[waits]["error"]["code"] == "CLOSED", f"what waited: {alone.answers[waits]}")


def main():
    with Folder() as folder:
        relay = Relay(os.path.join(folder, "relay")).ready()
        ann = Chat("ann", os.path.join(folder, "ann"), relay).register()
        user1, user2 = account(relay, folder)
        for user in (user1, user2):
            check(user.ask("subscribe") == {"after": 0}, "subscribing")
        documented(user1)
        people(user1, user2)
        own_handle(user1, user2)
        chat, direct = create(user1, user2, ann)
        look(user1, user2, ann, chat, direct)
        talk(user1, user2, ann, chat)
        history(user2, chat)
        change(user1, user2, ann, chat, direct)
        connection(user2, direct)
        user2 = events(user2)
        user2.user = user2.ask("account")["userId"]
        check(ann.terminate() == 0, "sotto-chat did not end well")
        ending(user1, user2, relay)
        print("every command did what docs/rpc.md says, and all traffic fits the schema")


run(main)
