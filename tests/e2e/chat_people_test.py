#!/usr/bin/env python3
"""People at sotto-chat, line by line and in a terminal: requests, ticks and receipts, who types and who is there, profiles,
blocks, and the end of an account, which is asked about."""

import os
import re

from processes import Chat, Folder, Relay, check, run
from screen import Screen

HERE = os.path.dirname(os.path.abspath(__file__))


def refused(chat, line, code):
    ok, detail, _ = chat.try_ask(line)
    check(not ok and detail.split()[0] == code, f"{line}: {'ok' if ok else 'error'} {detail}, not {code}")


def shows(chat, line, *expected):
    """What a command shows, as far as it is said here."""
    ok, detail, shown = chat.try_ask(line)
    check(ok, f"{chat.name}: {line}: {detail}")
    for words in expected:
        check(any(words in each for each in shown), f"{chat.name}: {line} shows {shown}, not {words}")
    return shown


def until_shown(chat, line, words):
    """Asks again with each line that comes, until a command shows something."""
    while True:
        _, _, shown = chat.try_ask(line)
        if any(words in each for each in shown):
            return
        before = len(chat.lines)
        chat.wait_for(lambda lines: len(lines) > before, f"{line} to show {words}")


def heard(chat, line):
    chat.wait_for(lambda lines: line in lines, f"{chat.name}: {line}")


def documented(chat):
    """docs/chat.md and /help name the same commands."""
    with open(os.path.join(HERE, "..", "..", "docs", "chat.md"), encoding="utf-8") as file:
        page = {name for row in re.findall(r"^\| (`/.*?) \|", file.read(), re.MULTILINE) for name in re.findall(r"`/(\w+)", row)}
    helped = {line.split()[1][1:] for line in shows(chat, "/help") if line.startswith("help ")}
    check(page == helped, f"docs/chat.md or /help has not got {page ^ helped}")


def requests(ann, ben):
    """Ben does not know Ann: he declines, and accepts after all."""
    chat = ann.ask("/new ben")
    ann.ask("do you know me?")
    ben.ask(f"/wait-chat {ann.user[:8]}")
    ben.ask("/wait 1")
    shows(ben, "/list", f" direct 1 pending {ann.user[:8]}")
    ben.ask("/decline")
    shows(ben, "/list", " declined ")
    ben.ask("/accept")
    shows(ben, "/list", " none ")
    refused(ben, "/receipts", "NOT_FOUND")  # He has written nothing.
    ben.ask("now I do")
    ann.ask("/wait 2")
    heard(ann, f"changed-receipts {chat} {ben.user}")
    ben.ask("/read")
    until_shown(ann, "/receipts", f"receipt {ben.user} read")
    shows(ben, "/list", " direct 0 none ")
    refused(ann, "/receipts xyz", "INVALID_ARGUMENT")
    refused(ann, f"/receipts {'0' * 31}1", "NOT_FOUND")


def group(ann, ben, cat):
    """In a group for each by itself. Gives its id."""
    chat = ann.ask("/group three ben cat")
    ann.ask("to both")
    for other in (ben, cat):
        other.ask("/wait-chat three")
        other.ask("/wait 1")
        other.ask("/accept")
    ben.ask("/read")
    until_shown(ann, "/receipts", f"receipt {ben.user} read")
    until_shown(ann, "/receipts", f"receipt {cat.user} delivered")
    refused(cat, "/typing", "INVALID_ARGUMENT")
    cat.ask("/privacy typing no")
    shows(cat, "/privacy", "privacy typing no", "privacy presence yes", "privacy read yes")
    for wrong in ("/privacy typing", "/privacy typing maybe", "/privacy all no"):
        refused(cat, wrong, "INVALID_ARGUMENT")
    cat.ask("/typing yes")
    ben.ask("/typing yes")
    heard(ann, f"typing {chat} {ben.user} yes")
    ben.ask("typed")
    heard(ann, f"typing {chat} {ben.user} no")
    check(not [line for line in ann.lines if line.startswith(f"typing {chat} {cat.user}")], "Cat is silent")
    return chat


def people(ann, ben, folder):
    """Who is here, what they show of themselves, and who is not heard."""
    for person in (ann, ben):
        person.ask("/here yes")
    heard(ann, f"presence {ben.user} here")
    ben.ask("/here no")
    heard(ann, f"presence {ben.user} gone")
    picture = os.path.join(folder, "ben.png")
    with open(picture, "wb") as file:
        file.write(bytes(1000))
    ben.ask("/name Ben  «B»")
    ben.ask("/about writes tests")
    ben.ask(f"/picture {picture}")
    for missing, code in (("/nowhere/at/all", "NOT_FOUND"), (folder, "NOT_FOUND")):
        refused(ben, f"/picture {missing}", code)
    with open(picture, "wb") as file:
        file.write(bytes(48 * 1024 + 1))
    refused(ben, f"/picture {picture}", "TOO_LARGE")
    refused(ben, f"/name {'x' * 129}", "INVALID_ARGUMENT")
    profile = ("name Ben  «B»", "about writes tests", "picture 1000 image/png")
    shows(ben, "/profile", *profile)
    ben.ask("look at me")
    until_shown(ann, "/info ben", profile[2])
    shows(ann, "/info ben", *profile, f"person {ben.user} known heard ", "handle ben")

    ann.ask("/open ben")
    ann.ask("/block")  # without a name: who this chat is with
    shows(ann, "/blocked", f"blocked {ben.user} ben")
    shows(ann, f"/info {ben.user}", f"person {ben.user} known blocked ")
    refused(ann, "not to be sent", "BLOCKED")
    ann.ask("/unblock ben")
    check(ann.ask("/blocked") == "0", "nobody is blocked")
    refused(ann, "/block ann", "INVALID_ARGUMENT")
    refused(ann, "/block nobody", "UNKNOWN_USER")


def terminal(ann, ben, cat, three, relay, folder):
    """Ann at a terminal: she sees how far her texts are, who types, who asks; what she looks at is read."""
    check(ann.terminate() == 0, "ann did not end well")
    cat.ask("/privacy typing yes")
    with Screen(ann.folder, relay) as screen:
        screen.type("/open three\r")
        screen.wait_for("three", "online")
        screen.type("seen by whom?\r")
        screen.wait_for("seen by whom?", end="✓✓")
        ben.ask("/read")
        screen.wait_for("seen by whom?", end="✓✓ read by 1 of 2")
        cat.ask("/read")
        screen.wait_for("seen by whom?", end="✓✓ read")
        screen.type("/receipts\r")
        screen.wait_for("ben: read")
        ben.ask("/typing yes")
        screen.wait_for("three · ben is typing…")
        cat.ask("/typing yes")
        screen.wait_for("three · ", "are typing…")
        # What is on the screen is read.
        ben.ask("read this")
        screen.wait_for("read this")
        until_shown(ben, "/receipts", f"receipt {ann.user} read")
        # While Ann types, the others see it.
        screen.type("half a sentence")
        heard(ben, f"typing {three} {ann.user} yes")
        screen.type("\x15")
        heard(ben, f"typing {three} {ann.user} no")
        # What is elsewhere is not read, and counts: one is from before.
        ben.ask("/find ann")
        ben.ask("/open ann")
        ben.ask("not looked at")
        screen.wait_for("● 2 unread elsewhere")
        screen.type("/list\r")
        screen.wait_for("ben  (direct)  ● 2 unread")
        screen.type("/open ben\r")
        screen.wait_for("not looked at")
        screen.wait_for("ben · last seen")
        ben.ask("/here yes")
        screen.wait_for("ben · here")
        until_shown(ben, "/receipts", f"receipt {ann.user} read")
        # Somebody unknown.
        dan = Chat("dan", os.path.join(folder, "dan"), relay).register()
        dan.ask("/new ann")
        dan.ask("/name Dan\x1b[2J")
        dan.ask("hello?")
        screen.wait_for("a new chat", "asks to talk with you")
        screen.wait_for("● 1 unread elsewhere")
        while not any("(direct, ~Dan\ufffd[2J asks)" in row for row in screen.rows()):  # The profile comes a moment later.
            screen.type("/list\r")
            screen.read(1)
        screen.type("/open 1\r")
        screen.wait_for("~Dan\ufffd[2J asks to talk with you: /accept or /decline")
        screen.type("/decline\r")
        screen.wait_for("Declined")
        screen.type("/logout\r")
        screen.wait_for("Log out?")
        screen.wait_for("/yes does it")
        screen.type("/help\r")
        screen.wait_for("/quit  ")
        screen.type("/yes\r")
        screen.wait_for("nothing was asked")
        screen.quit()
        check("Dan\x1b" not in screen.text, "a name steers the terminal")
        check(dan.terminate() == 0, "dan did not end well")
    return ann.again()


def ends(ann, ben, cat):
    """Nothing is logged out or deleted before it is asked about."""
    for line in ("/logout", "/logout erase", "/delete"):
        shows(ann, line, "question ")
        ann.ask("/help")
        refused(ann, "/yes", "INVALID_ARGUMENT")
    refused(ann, "/logout everything", "INVALID_ARGUMENT")
    ann.ask("/logout")
    ann.ask("/yes")
    refused(ann, "/yes", "INVALID_ARGUMENT")
    check(int(ann.ask("/list")) > 0, "all stays")
    before = len(ann.lines)
    ann.ask("/connect")
    ann.wait_for(lambda lines: "connection online" in lines[before:], "logged in again")
    ann.ask("/offline")
    ann.wait_for(lambda lines: any(line.startswith("connection offline") for line in lines[before:]), "offline")
    ann.ask("/connect")
    for person, line in ((ann, "/delete"), (cat, "/logout erase")):
        person.ask(line)
        person.ask("/yes")
        check(person.ask("/list") == "0", "nothing is left")
    refused(cat, "/register cat", "HANDLE_TAKEN")
    cat.ask("/register cat2")
    old = ann.user
    ann.register()
    ben.ask("/find ann")
    heard(ben, f"handle leads {old} {ann.user} ann")


def deleted_in_a_terminal(ben, relay):
    """Nothing of the account stays on the screen, either."""
    ben.ask("/logout")
    ben.ask("/yes")
    check(ben.terminate() == 0, "ben did not end well")
    with Screen(ben.folder, relay) as screen:
        screen.wait_for("You are logged out")
        screen.type("/open three\r")
        screen.wait_for("three", "logged out")
        screen.wait_for("read this")
        screen.type("/delete\r")
        screen.wait_for("Delete your account for ever")
        screen.wait_for("/yes does it")
        screen.type("/yes\r")
        screen.wait_for("Nothing of your account is left here")
        screen.wait_for("Sotto", "no account yet")
        check(not any("read this" in row for row in screen.rows()), "texts of the account are still shown")
        screen.quit()


def main():
    with Folder() as folder:
        relay = Relay(os.path.join(folder, "relay")).ready()
        ann, ben, cat = (Chat(name, os.path.join(folder, name), relay).register() for name in ("ann", "ben", "cat"))
        documented(ann)
        requests(ann, ben)
        three = group(ann, ben, cat)
        people(ann, ben, folder)
        ann = terminal(ann, ben, cat, three, relay, folder)
        ends(ann, ben, cat)
        deleted_in_a_terminal(ben, relay)
        for process in (ann, cat, relay):
            check(process.terminate() == 0, "a process did not end well")
        print("people see who asks, what arrived and was read, who types and who is there; nothing ends before it is asked about")


run(main)
