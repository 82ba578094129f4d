#!/usr/bin/env python3
"""Stands in for a gateway of text messages: takes what sotto-relay posts, and prints a line `sms NUMBER CODE` for each.
Usage: sms_gateway.py [--bearer TOKEN] [--lose N] -- the first N are taken and lost, the next N refused with 503."""

import argparse
import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

arguments = argparse.ArgumentParser()
arguments.add_argument("--bearer")
arguments.add_argument("--lose", type=int, default=0)
options = arguments.parse_args()
came = 0


def say(line):
    print(line, flush=True)


def problem_with(body):
    """What is not as docs/operating.md says."""
    try:
        sms = json.loads(body)
    except ValueError:
        return "no JSON"
    if set(sms) != {"to", "code", "ttl_seconds"}:
        return f"other fields: {sorted(sms)}"
    if not re.fullmatch(r"\+[1-9]\d{6,14}", sms["to"]) or not re.fullmatch(r"\d{6}", sms["code"]):
        return "no number, or no code"
    return None if sms["ttl_seconds"] == 600 else "another lifetime"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self):
        global came
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if options.bearer and self.headers.get("Authorization") != f"Bearer {options.bearer}":
            say("refused: no bearer token")
            return self.answer(401)
        problem = problem_with(body)
        if problem or self.path != "/sms" or self.headers.get("Content-Type") != "application/json":
            say(f"refused: {problem or self.path}")
            return self.answer(400)
        came += 1
        if came <= options.lose:
            say("lost")
            return self.answer(200)
        if came <= 2 * options.lose:
            say("busy")
            return self.answer(503)
        sms = json.loads(body)
        self.answer(202)
        return say(f"sms {sms['to']} {sms['code']}")


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
say(f"listening on {server.server_address[1]}")
try:
    server.serve_forever()
except KeyboardInterrupt:
    sys.exit(0)
