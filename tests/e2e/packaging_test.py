#!/usr/bin/env python3
"""What goes with the relay fits it: the dashboard asks for metrics that there are, settings and unit name flags that
there are, and systemd is told when the relay is ready and when it ends."""

import json
import os
import re
import socket
import subprocess

from admin_test import metrics
from processes import RELAY, Chat, Folder, Relay, check, run

FILES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "relay")
CERTIFICATE_IS_MISSING = 11


def text_of(name):
    with open(os.path.join(FILES, name), encoding="utf-8") as file:
        return file.read()


def dashboard(folder):
    nobody = "http://127.0.0.1:9/"
    relay = Relay(os.path.join(folder, "relay"), arguments=["--admin-port", "0", "--push-webhook", nobody]).ready()
    ann = Chat("ann", os.path.join(folder, "ann"), relay).register()
    exported = {sample.split("{")[0] for sample in metrics(relay.admin())}
    other = Relay(os.path.join(folder, "other"), arguments=["--admin-port", "0", "--registration", "code",
                                                            "--code-webhook", nobody]).ready()
    exported |= {sample.split("{")[0] for sample in metrics(other.admin())}
    check(other.terminate() == 0, "a relay did not end well")
    panels = json.loads(text_of("grafana.json"))["panels"]
    asked = set()
    for panel in panels:
        for target in panel["targets"]:
            names = set(re.findall(r"\b(?:sotto|process)_[a-z_]+", target["expr"]))
            check(names, f"{panel['title']} asks for nothing")
            asked |= names
    check(asked <= exported, f"the dashboard asks for {asked - exported}, which the relay does not have")
    unseen = {name for name in exported if name.startswith("sotto_")} - asked
    rest = {name for name in unseen if not re.search(r"_(bucket|sum|count)$", name)}
    check(rest <= {"sotto_build_info", "sotto_blobs"}, f"no panel shows {rest}")
    check(ann.terminate() == 0 and relay.terminate() == 0, "a process did not end well")
    print(f"{len(panels)} panels ask for {len(asked)} of {len(exported)} series")


def settings(folder):
    """Every name in the sample is one that the relay knows; only the certificate is not there."""
    done = subprocess.run([RELAY, "doctor", "--config", os.path.join(FILES, "relay.conf"), "--max-connections", "10",
                           "--data", os.path.join(folder, "data")], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=300)
    check(done.returncode == CERTIFICATE_IS_MISSING, f"relay.conf: {done.returncode} {done.stdout}{done.stderr}")
    check("FAIL certificate: /etc/sotto/cert.pem" in done.stdout, done.stdout)
    known = subprocess.run([RELAY, "--help"], capture_output=True, text=True, timeout=300).stdout
    start = re.search(r"^ExecStart=\S+ (.+)$", text_of("sotto-relay.service.in"), re.MULTILINE).group(1)
    for flag in re.findall(r"--[a-z-]+", start):
        check(flag in known, f"the unit has a flag {flag} that the relay does not know")
    print("settings and unit name what the relay knows")


def supervisor(folder):
    """The protocol of sd_notify(3), by a path and by a name without a file."""
    for name in (os.path.join(folder, "notify"), "@" + os.path.join(folder, "hidden")):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
            told.settimeout(300)
            told.bind(name.replace("@", "\0", 1))
            os.environ["NOTIFY_SOCKET"] = name
            relay = Relay(os.path.join(folder, "relay"))
            check(told.recv(100) == b"READY=1", "not told that it is ready")
            relay.ready()
            check(relay.terminate() == 0, "the relay does not exit 0 on SIGTERM")
            check(told.recv(100) == b"STOPPING=1", "not told that it ends")
            del os.environ["NOTIFY_SOCKET"]
    print("systemd is told what it waits for")


def main():
    for part in (dashboard, settings, supervisor):
        with Folder() as folder:
            part(folder)


if __name__ == "__main__":
    run(main)
