#!/usr/bin/env python3
"""examples/quickstart against a relay. Usage: quickstart_test.py PROGRAM"""

import os
import subprocess
import sys

from processes import Folder, Relay, check, run


def main():
    with Folder() as folder:
        relay = Relay(os.path.join(folder, "relay")).ready()
        done = subprocess.run([sys.argv[1], relay.url, relay.ca, folder], capture_output=True, text=True, timeout=300)
        print(done.stdout + done.stderr)
        check(done.returncode == 0, f"quickstart ended with {done.returncode}")
        check("Hello, Bob!" in done.stdout and "Hello, Alice!" in done.stdout, "a text is missing")
        check(relay.terminate() == 0, "the relay did not end well")


run(main)
