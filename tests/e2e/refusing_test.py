#!/usr/bin/env python3
"""Every reason for which a relay does not start has an exit code of its own and a message that names it; and a disk
that fills up while it runs is told of, and gotten over."""

import glob
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import time

from admin_test import get, metrics
from lifecycle_test import copy, make_certificate, need_openssl, wait_until
from processes import RELAY, Chat, Folder, Process, Relay, check, run

# docs/operating.md
USAGE, PORT, IN_USE, CERTIFICATE, NEWER, ADMIN_PORT, NOT_WRITABLE, DISK_FULL, DAMAGED = 2, 3, 4, 5, 6, 7, 8, 9, 10


def refused(code, words, arguments, before=()):
    """Starts a relay that must give up by itself with this code and a message with these words."""
    done = subprocess.run([*before, RELAY, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=300)
    said = done.stdout + done.stderr
    check(done.returncode == code, f"{arguments}: exit code {done.returncode} and not {code}: {said}")
    for word in words:
        check(word in said, f"{arguments}: the message does not name {word}: {said}")
    check("listening" not in said, f"{arguments}: it listened before it gave up")
    print(f"{code:2}  {said.strip().splitlines()[0]}")


def usage(folder):
    settings = os.path.join(folder, "relay.conf")

    def with_settings(words, text):
        with open(settings, "w", encoding="ascii") as file:
            file.write(text)
        refused(USAGE, words, ["--config", settings, "--data", os.path.join(folder, "x"), "--port", "0"])

    with_settings(["dta"], 'dta = "x"\n')
    with_settings(["max-connections"], "max-connections = many\n")
    refused(USAGE, ["missing.conf"], ["--config", os.path.join(folder, "missing.conf")])
    refused(USAGE, ["--wrong"], ["--wrong"])
    refused(USAGE, ["--data"], [])
    refused(USAGE, ["nowhere"], ["--data", os.path.join(folder, "x"), "--listen", "nowhere"])


def ports(folder):
    data = ["--data", os.path.join(folder, "ports")]
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        refused(PORT, [port], [*data, "--port", port])
        refused(ADMIN_PORT, [port, "admin"], [*data, "--port", "0", "--admin-port", port])


def certificates(folder):
    data = ["--data", os.path.join(folder, "tls"), "--port", "0"]
    one, other = make_certificate(folder, "one"), make_certificate(folder, "other")
    nothing = os.path.join(folder, "nothing.pem")
    refused(CERTIFICATE, [nothing, "No such file"], [*data, "--cert", nothing, "--key", one[1]])
    refused(CERTIFICATE, [nothing, "No such file"], [*data, "--cert", one[0], "--key", nothing])
    refused(CERTIFICATE, [one[1], "no certificate"], [*data, "--cert", one[1], "--key", one[1]])
    refused(CERTIFICATE, ["do not fit"], [*data, "--cert", one[0], "--key", other[1]])
    refused(USAGE, ["go together"], [*data, "--cert", one[0]])
    if os.geteuid() != 0:  # root reads everything
        os.chmod(one[1], 0)
        refused(CERTIFICATE, [one[1], "Permission denied"], [*data, "--cert", one[0], "--key", one[1]])
    old = make_certificate(folder, "old")
    done = subprocess.run(["openssl", "x509", "-in", old[0], "-signkey", old[1], "-days", "-1", "-out", old[0] + ".old"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    check(done.returncode == 0, f"openssl: {done.stderr}")
    relay = Relay(os.path.join(folder, "old"), arguments=["--cert", old[0] + ".old", "--key", old[1]]).ready()
    relay.wait_for(lambda lines: any("has expired" in line for line in lines), "the warning of an expired certificate")
    check(relay.terminate() == 0, "the relay does not exit 0 on SIGTERM")


def folders(folder):
    home = os.path.join(folder, "home")
    data = ["--data", home, "--port", "0"]
    relay = Relay(home).ready()
    refused(IN_USE, [home], data)
    check(relay.terminate() == 0, "the relay does not exit 0 on SIGTERM")
    store = os.path.join(home, "relay.db")

    database = sqlite3.connect(store)
    version = database.execute("PRAGMA user_version").fetchone()[0]
    database.execute(f"PRAGMA user_version = {version + 1}")
    database.close()
    refused(NEWER, [home], data)

    shutil.copyfile(store, store + ".copy")
    with open(store, "r+b") as file:
        file.write(os.urandom(4096))
    for path in glob.glob(store + "-*"):
        os.remove(path)
    refused(DAMAGED, [home], data)
    os.remove(store)
    database = sqlite3.connect(store)
    database.execute("CREATE TABLE cooking(recipe)")
    database.commit()
    database.close()
    refused(DAMAGED, ["another application"], data)

    in_a_file = os.path.join(folder, "file", "data")
    with open(os.path.join(folder, "file"), "w", encoding="ascii"):
        pass
    refused(NOT_WRITABLE, [in_a_file], ["--data", in_a_file, "--port", "0"])


def disk(folder, options):
    """What starts a program with a disk of its own at `folder`, which is gone with it."""
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["unshare", "--mount", *user, "sh", "-c",
            f'mount -t tmpfs -o {options} tmpfs "{folder}" && exec "$@"', "sh"]


def disks(folder):
    place = os.path.join(folder, "disk")
    os.mkdir(place)
    if subprocess.run([*disk(place, "size=100k"), "true"], capture_output=True).returncode != 0:
        print("SKIPPED: full and read-only disks, since no file system may be mounted here")
        return
    data = ["--data", os.path.join(place, "data"), "--port", "0"]
    refused(DISK_FULL, [place], data, disk(place, "size=16k"))
    refused(NOT_WRITABLE, [place, "Read-only"], data, disk(place, "ro"))

    # A disk that fills up while the relay runs.
    relay = Process.__new__(Relay)
    relay.folder = os.path.join(place, "data")
    Process.__init__(relay, [*disk(place, "size=8m"), RELAY, *data, "--admin-port", "0"])
    relay.ready()
    url = relay.admin()
    inside = f"/proc/{relay.child.pid}/root"  # its disk is not ours
    relay.ca = os.path.join(folder, "ca.pem")
    copy(f"{inside}{relay.folder}/cert.pem", relay.ca)
    ann = Chat("ann", os.path.join(folder, "ann"), relay).register()
    ben = Chat("ben", os.path.join(folder, "ben"), relay).register()
    ann.ask("/new ben")
    ben.ask("/find ann")
    ben.ask("/wait-chat ann")
    check(get(url + "/readyz")[0] == 200, "not ready before the disk is full")
    filler = f"{inside}{place}/filler"
    with open(filler, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    ann.write("/burst 100 while the disk is full")
    wait_until(lambda: get(url + "/readyz")[::2] == (503, "storage\n"), "/readyz says storage")
    check(get(url + "/healthz")[0] == 200, "/healthz is bad with a full disk")
    check(metrics(url)["sotto_commit_failures_total"] > 0, "no failure is counted")
    time.sleep(1)
    os.remove(filler)
    wait_until(lambda: get(url + "/readyz")[0] == 200, "/readyz is ready again")
    for chat in (ann, ben):
        chat.write("/connect")
    ben.ask("/wait 100")
    texts = [entry.text for entry in ben.texts()]
    check(texts == [f"while the disk is full {number}" for number in range(1, 101)], "the full disk cost a message")
    for process in (ann, ben):
        check(process.terminate() == 0, "a process did not end well")
    relay.child.send_signal(signal.SIGTERM)
    check(relay.exit_code() == 0, "the relay does not exit 0 on SIGTERM")
    print("a disk that was full for a while: told by /readyz, and nothing was lost")


def main():
    need_openssl()
    for part in (usage, ports, certificates, folders, disks):
        with Folder() as folder:
            part(folder)


if __name__ == "__main__":
    run(main)
