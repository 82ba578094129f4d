"""The scripted conversation of scripts/demo: every person is a process of sotto-chat, all talk to one sotto-relay."""

import os
import pathlib
import socket
import sqlite3
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "e2e"))
from processes import BUILD, PATIENCE, Chat, Folder, Relay, check, check_history, run  # noqa: E402

PORT = 8443
ABSENT_TEXTS = 1000


def headline(text):
    print(f"\n== {text}")


class Conversation:
    """Who is who, and what was written in which order by whom."""

    def __init__(self, folder, relay):
        self.folder, self.relay = folder, relay
        self.people = {}

    def arrive(self, name):
        chat = Chat(name, os.path.join(self.folder, name), self.relay).register()
        self.people[name] = chat
        return chat

    def name(self, user):
        return next((name for name, chat in self.people.items() if chat.user == user), user[:8])

    def show(self, name):
        """Prints what somebody sees in the open chat."""
        print(f"  what {name} sees:")
        entries = self.people[name].dump()
        for index, entry in enumerate(entries):
            if len(entries) > 30 and 14 <= index < len(entries) - 4:
                if index == 14:
                    print(f"      … {len(entries) - 18} more …")
                continue
            mark = {"sent": " ✓", "delivered": " ✓✓", "received": ""}.get(entry.state, f" ({entry.state})")
            if entry.kind == "text":
                print(f"      {self.name(entry.sender):>6}: {entry.text}{mark}")
            else:
                words = [self.name(word) if len(word) == 32 else word for word in entry.text.split(" ")]
                print(f"      {'':>6}  · {self.name(entry.sender)}: {' '.join(words).replace('_', ' ')}")


def start_relay(folder):
    port = PORT
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", PORT))
        except OSError:
            print(f"Port {PORT} is taken, so the relay gets a free one.")
            port = 0
    relay = Relay(os.path.join(folder, "relay"), port, ["--dev"]).ready()
    print(f"sotto-relay --dev listens on {relay.url}, its data is in {relay.folder}")
    return relay


def direct_chat(talk):
    headline("A direct chat")
    alice, bob = talk.arrive("alice"), talk.arrive("bob")
    alice.ask("/new bob")
    alice.ask("Hello Bob, have you seen the needle in the haystack?")
    bob.ask("/find alice")
    bob.ask("/wait-chat alice")
    bob.ask("/wait 1")
    bob.ask("Not yet, Alice. I keep looking.")
    alice.ask("/wait 2")
    expected = {alice.user: ["Hello Bob, have you seen the needle in the haystack?"],
                bob.user: ["Not yet, Alice. I keep looking."]}
    for chat in (alice, bob):
        chat.wait_for(lambda lines: any(" text delivered " in line for line in lines), f"{chat.name} is told ✓✓")
        talk.show(chat.name)
        check_history(chat.name, chat.texts(), expected)


def group_chat(talk):
    headline("A group of 5, renamed, one removed")
    alice, bob = talk.people["alice"], talk.people["bob"]
    carol, dave, erin = talk.arrive("carol"), talk.arrive("dave"), talk.arrive("erin")
    alice.ask('/group "Hiking club" bob carol dave erin')
    everybody = [alice, bob, carol, dave, erin]
    expected = {}
    for count, chat in enumerate(everybody):
        chat.ask("/wait-chat Hiking club")
        chat.ask(f"/wait {count}")
        chat.ask(f"{chat.name} is in")
        expected[chat.user] = [f"{chat.name} is in"]
    for chat in everybody:
        chat.ask("/wait 5")
    alice.ask("/rename Climbing club")
    for chat in everybody:
        chat.ask("/wait-chat Climbing club")
    alice.ask("/remove erin")
    erin.ask("/wait-status removed")
    bob.ask("Erin is not with us any more.")
    rest = everybody[:-1]
    for chat in rest:
        chat.ask("/wait 6")
        chat.ask("/settle")
    for name in ("carol", "erin"):
        talk.show(name)
    check_history("erin", erin.texts(), expected)
    check(len(erin.texts()) == 5, "erin sees what was written after her removal")
    ok, detail, _ = erin.try_ask("let me in")
    check(not ok, "erin can still write")
    print(f"  what erin is told when she writes: {detail}")
    expected[bob.user].append("Erin is not with us any more.")
    for chat in rest:
        check_history(chat.name, chat.texts(), expected)
    return rest, expected


def absent_member(talk, rest, expected):
    headline(f"Dave is offline while {ABSENT_TEXTS} messages are written")
    dave, bob = talk.people["dave"], talk.people["bob"]
    check(dave.terminate() == 0, "dave did not end well")
    start = time.monotonic()
    bob.ask(f"/burst {ABSENT_TEXTS} step")
    bob.ask("/settle")
    print(f"  the relay has all of bob's after {time.monotonic() - start:.1f} s")
    expected[bob.user] += [f"step {i + 1}" for i in range(ABSENT_TEXTS)]

    dave = dave.again()
    dave.wait_for(lambda _: dave.texts_arrived >= ABSENT_TEXTS // 3, "dave catches up")
    dave.kill()
    print(f"  dave comes back and is killed with -9 after {dave.texts_arrived} of {ABSENT_TEXTS}")
    dave = dave.again()
    talk.people["dave"] = dave
    rest[[chat.name for chat in rest].index("dave")] = dave
    dave.ask("/wait-chat Climbing club")
    start = time.monotonic()
    for chat in rest:
        chat.ask(f"/wait {6 + ABSENT_TEXTS}")
    print(f"  dave starts again; everybody has everything after {time.monotonic() - start:.1f} s")
    talk.show("dave")
    for chat in rest:
        check_history(chat.name, chat.texts(), expected)
        print(f"  {chat.name}: {len(chat.texts())} texts, none lost, none twice, all in order")
    orders = [[entry.text for entry in chat.texts()] for chat in rest]
    check(all(order == orders[0] for order in orders), "the histories differ")
    print("  all four histories are the same")


def files_with(folder, text):
    return [path for path in pathlib.Path(folder).rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


def entries_kept(relay):
    with sqlite3.connect(f"file:{relay.folder}/relay.db?mode=ro", uri=True) as database:
        count = database.execute("SELECT (SELECT count(*) FROM log_entry) + (SELECT count(*) FROM log_segment)").fetchone()[0]
    database.close()
    return count


def nothing_left(talk):
    headline("What the relay still has")
    relay = talk.relay
    deadline = time.monotonic() + PATIENCE
    while entries_kept(relay) > 0 and time.monotonic() < deadline:
        time.sleep(0.1)
    count = entries_kept(relay)
    check(count == 0, f"the relay's database still holds {count} entries")
    print(f"  entries in the chat logs of {relay.folder}/relay.db: {count}")
    for text in ("needle in the haystack", "Climbing club", "step 500"):
        found = files_with(relay.folder, text)
        check(not found, f"'{text}' stands in {found}")
        own = files_with(talk.people["alice"].folder, text)
        check(own, f"'{text}' is not even in alice's own folder")
        print(f"  '{text}': in no file of the relay (the same search finds it in alice's own folder)")


def main():
    with Folder() as folder:
        relay = start_relay(folder)
        talk = Conversation(folder, relay)
        direct_chat(talk)
        rest, expected = group_chat(talk)
        absent_member(talk, rest, expected)
        nothing_left(talk)
        headline("The end")
        for chat in talk.people.values():
            check(chat.terminate() == 0, f"{chat.name} did not end well")
        check(relay.terminate() == 0, "the relay did not end well")
        print("  all programs ended well; nothing lost, nothing twice, order kept")

    programs = os.path.relpath(os.path.join(BUILD, "examples"))
    port = "" if relay.port == PORT else f" --port {relay.port}"
    print(f"""
To chat by hand, in three terminals:
  {programs}/sotto-relay --dev --data /tmp/sotto-dev{port}
  {programs}/sotto-chat --data /tmp/alice --relay {relay.url} --ca /tmp/sotto-dev/cert.pem
  {programs}/sotto-chat --data /tmp/bob   --relay {relay.url} --ca /tmp/sotto-dev/cert.pem
then /register alice in one, /register bob in the other, /new bob, and type.""")


sys.stdout.reconfigure(line_buffering=True)
run(main)
