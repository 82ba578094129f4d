#!/usr/bin/env python3
"""The status page as a browser shows it: its script runs under its own policy, and shows what the relay counts."""

import os
import re
import shutil
import subprocess

from processes import Chat, Folder, Relay, check, run

SKIPPED = 77


def shown(browser, url, folder):
    """The text of the page's elements by their ids, once its script had time to fetch the figures."""
    done = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                           f"--user-data-dir={folder}", "--virtual-time-budget=10000", "--dump-dom", url],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600)
    check(done.returncode == 0, f"{browser}: {done.returncode}: {done.stderr[-2000:]}")
    check("Content Security Policy" not in done.stderr, f"the page breaks its own policy: {done.stderr[-2000:]}")
    return dict(re.findall(r'id="(\w+)"[^>]*>([^<]*)<', done.stdout))


def main():
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        print("SKIPPED: there is no chromium to show the status page")
        raise SystemExit(SKIPPED)
    with Folder() as folder:
        relay = Relay(os.path.join(folder, "relay"), arguments=["--admin-port", "0", "--push-webhook", "http://127.0.0.1:9/"]).ready()
        url = relay.admin()
        first = shown(browser, url, os.path.join(folder, "profile"))
        check(first["state"] == "ready" and first["connections_main"] == "0", first)
        ann, ben = (Chat(name, os.path.join(folder, name), relay).register() for name in ("ann", "ben"))
        ann.ask("/new ben")
        ann.ask("/burst 20 text")
        ann.ask("/settle")
        ben.ask("/find ann")
        ben.ask("/wait-chat ann")
        ben.ask("/wait 20")
        page = shown(browser, url, os.path.join(folder, "profile"))
        for name, value in {"state": "ready", "connections_main": "2", "entries_accepted": "21",
                            "entries_delivered": "42", "entries_expired": "0", "commit_failures": "0"}.items():
            check(page.get(name) == value, f"{name} is shown as {page.get(name)} and not {value}")
        check(page["push_notices"] == "0" and page["codes_sent"] == "", "the figures of a gateway")
        check(page["since"].startswith("version "), page["since"])
        for process in (ann, ben, relay):
            check(process.terminate() == 0, "a process did not end well")
        check("reading" not in page["state"], "the script did not run")
    print(f"{browser} shows what the relay counts")


if __name__ == "__main__":
    run(main)
