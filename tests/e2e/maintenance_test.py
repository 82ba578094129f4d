#!/usr/bin/env python3
"""What an operator does beside serving: doctor, a backup while people write, and a restore that costs nobody what they
have, attachments among it."""

import os
import random
import re
import shutil
import sqlite3
import stat
import subprocess
import time

from admin_test import get, metrics
from chat_media_test import attachment, read, write
from lifecycle_test import make_certificate, need_openssl, wait_until
from processes import RELAY, Chat, Folder, Relay, check, check_history, run, stored_entries

EXAMINED = 11


def command(*arguments, code=0):
    """Runs the program with a command; what it printed."""
    done = subprocess.run([RELAY, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    said = done.stdout + done.stderr
    check(done.returncode == code, f"{arguments}: exit code {done.returncode} and not {code}: {said}")
    return said.strip()


def doctor(folder):
    home = os.path.join(folder, "home")
    first, other = make_certificate(folder, "first"), make_certificate(folder, "other")

    def findings(*arguments, code=0):
        said = command("doctor", "--data", home, *arguments, code=code)
        found = {}
        for line in said.splitlines():
            parts = re.fullmatch(r"(OK  |WARN|FAIL) ([a-z ]+): (.+)", line)
            check(parts, f"not a finding: {line}")
            found[parts.group(2)] = (parts.group(1).strip(), parts.group(3))
        check(("FAIL" in [verdict for verdict, _ in found.values()]) == (code != 0), said)
        return found

    pair = ["--cert", first[0], "--key", first[1]]
    good = findings(*pair)
    whats = {"clock", "certificate", "data folder", "store", "disk space", "disk sync", "open files", "event loop", "port"}
    check(set(good) == whats, f"looked at {set(good)}")
    check(good["certificate"] == ("OK", "1 certificate, the key fits, valid for 29 days, self-signed: clients must be "
                                  "given it"), good["certificate"])
    check(not os.path.exists(home), "the doctor made the data folder")
    for arguments, what, words in (
            (["--cert", first[0], "--key", other[1]], "certificate", "do not fit"),
            (["--cert", first[0] + ".none", "--key", other[1]], "certificate", "No such file"),
            ([*pair, "--max-connections", "4000000000"], "open files", "4000000064 needed"),
            ([*pair, "--listen", "nowhere"], "port", "not a numeric address")):
        verdict, found = findings(*arguments, code=EXAMINED)[what]
        check(verdict == "FAIL" and words in found, f"{arguments}: {verdict} {found}")
    soon = make_certificate(folder, "soon", "-days", "3")
    check(findings("--cert", soon[0], "--key", soon[1])["certificate"][0] == "WARN", "no warning of an expiry soon")

    relay = Relay(home).ready()
    during = findings("--port", str(relay.port))
    check(during["port"][0] == "WARN" and during["store"] == ("OK", "readable"), during)
    os.chmod(home, 0o755)
    check(findings()["data folder"][0] == "WARN", "no warning of an open folder")
    check(relay.terminate() == 0, "the relay does not exit 0 on SIGTERM")
    database = sqlite3.connect(os.path.join(home, "relay.db"))
    database.execute("PRAGMA user_version = 1000")
    database.close()
    check("newer" in findings(code=EXAMINED)["store"][1], "a newer store is not found")
    print("doctor: finds what is wrong, and changes nothing")


def incarnation(store):
    database = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    found = database.execute("SELECT hex(incarnation) FROM store").fetchone()[0]
    check(database.execute("PRAGMA integrity_check").fetchone()[0] == "ok", f"{store} is damaged")
    database.close()
    return found


def blobs(folder):
    """Name of the file, size, and how much was received, of each attachment."""
    database = sqlite3.connect(f"file:{folder}/blobs.db?mode=ro", uri=True)
    rows = database.execute("SELECT file, size, received FROM blob ORDER BY file").fetchall()
    database.close()
    return rows


def must_rejoin(chat):
    """Whether the one chat that somebody has says so."""
    _, _, shown = chat.try_ask("/list")
    rows = [line for line in shown if line.startswith("chat ")]
    check(len(rows) == 1, f"{chat.name} has {rows}")
    return " must rejoin " in rows[0]


def backup_and_restore(folder):
    home, copies = os.path.join(folder, "home"), os.path.join(folder, "copies")
    os.mkdir(copies)
    relay = Relay(home).ready()
    ann, ben = (Chat(name, os.path.join(folder, name), relay).register() for name in ("ann", "ben"))
    ann.ask("/new ben")
    ben.ask("/find ann")
    ben.ask("/wait-chat ann")

    # Backups while both write as fast as they can.
    ann.write("/burst 3000 by ann")
    ben.write("/burst 3000 by ben")
    files = []
    for number in range(4):
        ben.wait_for(lambda _, number=number: ben.texts_arrived > 300 * number, "texts arrive")
        files.append(command("backup", "--data", home, "--to", os.path.join(copies, f"{number}.db")))
        if number == 1:
            check(ben.texts_arrived < 3000, "all was over before the backup that is looked into below")
    for chat in (ann, ben):
        chat.ask("/wait 6000")
        chat.ask("/settle")
    expected = {ann.user: [f"by ann {n}" for n in range(1, 3001)], ben.user: [f"by ben {n}" for n in range(1, 3001)]}
    for chat in (ann, ben):
        check_history(chat.name, chat.texts(), expected)
    named = command("backup", "--data", home, "--to", copies)
    check(re.fullmatch(re.escape(copies) + r"/relay-\d{8}T\d{6}Z\.db", named), f"named {named}")
    for file in [*files, named]:
        check(stat.S_IMODE(os.stat(file).st_mode) == 0o600, f"{file} can be read by others")
        check(incarnation(file) == incarnation(os.path.join(home, "relay.db")), "a backup has another incarnation")
        check(stat.S_IMODE(os.stat(file + ".attachments").st_mode) == 0o700, f"{file}: its attachments are open to others")
    check(sorted(os.listdir(copies)) == sorted(os.path.basename(file) + end for file in [*files, named]
                                               for end in ("", ".attachments")), "something is left")

    # What must not be done.
    check("is there already" in command("backup", "--data", home, "--to", files[0], code=2), "a backup is written over")
    check("not an empty folder" in command("restore", "--from", files[0], "--data", home, code=2), "restored over a store")
    nowhere = os.path.join(folder, "nowhere")
    command("backup", "--data", nowhere, "--to", copies, code=2)
    command("restore", "--from", nowhere, "--data", nowhere, code=2)
    broken = os.path.join(folder, "broken.db")
    shutil.copyfile(files[0], broken)
    with open(broken, "r+b") as file:
        file.seek(4096)
        file.write(os.urandom(8192))
    check("sotto-relay: " in command("restore", "--from", broken, "--data", nowhere, code=10), "a damaged backup")
    check(not os.path.exists(nowhere), "a failed restore leaves something")

    # A backup of the middle makes a relay that serves, with what waited then.
    middle = os.path.join(folder, "middle")
    command("restore", "--from", files[1], "--data", middle)
    other = Relay(middle, arguments=["--admin-port", "0"]).ready()
    samples = metrics(other.admin())
    check(get(other.admin() + "/readyz")[0] == 200, "the restored relay is not ready")
    waiting = stored_entries(files[1])
    check(samples["sotto_log_entries"] == waiting, f"{samples['sotto_log_entries']} entries and not {waiting}")
    check(other.terminate() == 0, "the restored relay does not exit 0 on SIGTERM")

    # The machine burns after the last backup, which was made when nothing waited.
    ann.ask("the last before the fire")
    ann.ask("/settle")
    ben.ask("/wait 6001")
    expected[ann.user].append("the last before the fire")
    cleo = Chat("cleo", os.path.join(folder, "cleo"), relay).register()
    relay.kill()
    old = incarnation(named)
    keep = [os.path.join(home, name) for name in ("cert.pem", "key.pem")]
    new_home = os.path.join(folder, "restored")
    command("restore", "--from", named, "--data", new_home)
    check(stat.S_IMODE(os.stat(new_home).st_mode) == 0o700, "the restored folder is open to others")
    check(incarnation(os.path.join(new_home, "relay.db")) != old, "the restored store has the old incarnation")
    for path in keep:
        shutil.copy(path, new_home)
    relay = Relay(new_home, relay.port).ready()
    for chat in (ann, ben):
        chat.write("/connect")
        wait_until(lambda chat=chat: must_rejoin(chat), f"{chat.name}'s chat says that it must be rejoined")
        check_history(chat.name, chat.texts(), expected)
    # Who came after the backup is unknown to the relay, and told so.
    cleo.write("/connect")
    cleo.wait_for(lambda lines: "connection offline UNKNOWN_USER" in lines, "cleo is told that she is unknown")
    # Until chats can be reset, what goes on is a new one.
    ann.ask('/group "after the fire" ben')
    ann.ask("hello again")
    ben.ask("/wait-chat after the fire")
    ben.ask("/wait 1")
    for process in (ann, ben, cleo, relay):
        check(process.terminate() == 0, "a process did not end well")
    print("backup under load and restore: nobody lost what they had; the old chat must be rejoined, a new one works")


def attachments(folder):
    """What was sent before the backup can be fetched of the restored relay; what is not in it has expired."""
    home = os.path.join(folder, "home")
    relay = Relay(home).ready()
    source = random.Random(7)
    sent = [write(os.path.join(folder, f"film{n}"), source.randbytes(500_000 + n)) for n in range(4)]
    ann, ben = (Chat(name, os.path.join(folder, name), relay).register() for name in ("ann", "ben"))
    ann.ask("/new ben")
    ben.ask("/find ann")
    ben.ask("/wait-chat ann")

    # While both write, and while an upload is under way.
    for file in sent[:3]:
        ann.ask(f"/file {file}")
    for number in range(3):
        attachment(ben, lambda a, number=number: a.name == f"film{number}" and a.state == "remote", "a film")
    ann.write("/burst 1000 by ann")
    ben.wait_for(lambda _: ben.texts_arrived > 100, "texts arrive")
    ann.ask(f"/file {write(os.path.join(folder, 'large'), source.randbytes(30 * 1024**2))}")
    copy = command("backup", "--data", home, "--to", os.path.join(folder, "copy.db"))
    small = command("backup", "--data", home, "--to", os.path.join(folder, "small.db"), "--without-attachments")
    check(not os.path.exists(small + ".attachments"), "attachments in a backup without")
    ben.ask("/wait 1000")
    ann.ask(f"/file {sent[3]}")
    attachment(ben, lambda a: a.name == "film3" and a.state == "remote", "the last film")
    rows = blobs(copy + ".attachments")
    check(len(rows) >= 3 and all(received == size for _, size, received in rows), f"the copy has {rows}")
    check(sorted(os.listdir(copy + ".attachments/blobs")) == sorted(str(name) for name, _, _ in rows), "other files")

    # A file of the copy is lost, another one cut, and one belongs to nobody.
    ours = [name for name, size, _ in rows if size < 1024**2]
    check(len(ours) == 3, f"the films are {ours}")
    os.remove(f"{copy}.attachments/blobs/{ours[1]}")
    with open(f"{copy}.attachments/blobs/{ours[2]}", "r+b") as file:  # a link: the first relay's, too
        file.truncate(1000)
    write(f"{copy}.attachments/blobs/4711", b"nobody's")
    restored = os.path.join(folder, "restored")
    command("restore", "--from", copy, "--data", restored)
    kept = blobs(restored)
    check(set(kept) == {row for row in rows if row[0] not in ours[1:]}, f"{kept} of {rows}")
    check(sorted(os.listdir(restored + "/blobs")) == sorted(str(name) for name, _, _ in kept), "files without a row")

    # The first relay answers that what was cut under it is gone, and goes on.
    number = attachment(ben, lambda a: a.name == "film2", "the cut film").number
    check(not ben.try_ask(f"/fetch {number}")[0], "a cut film can be fetched")
    attachment(ben, lambda a: a.name == "film2" and a.state == "expired", "the cut film has expired")

    relay.kill()
    for name in ("cert.pem", "key.pem"):
        shutil.copy(os.path.join(home, name), restored)
    relay = Relay(restored, relay.port).ready()
    ben.write("/connect")
    for name, state in (("film0", "present"), ("film1", "expired"), ("film3", "expired")):
        number = attachment(ben, lambda a, name=name: a.name == name, name).number
        ben.write(f"/fetch {number}")
        attachment(ben, lambda a, name=name, state=state: a.name == name and a.state == state, f"{name} is {state}")
    saved = ben.ask(f"/save {attachment(ben, lambda a: a.name == 'film0', 'a film').number} {folder}/saved")
    check(read(saved) == read(sent[0]), "another film")
    for process in (ann, ben, relay):
        check(process.terminate() == 0, "a process did not end well")
    print("attachments go with a backup: what it has is fetched of the restored relay, the rest has expired")


def main():
    need_openssl()
    start = time.monotonic()
    for part in (doctor, backup_and_restore, attachments):
        with Folder() as folder:
            part(folder)
    print(f"{time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    run(main)
