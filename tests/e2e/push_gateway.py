#!/usr/bin/env python3
"""A stand-in for a push gateway: prints what it is told, a line a notice. A real one would pass it on to APNs, FCM or a
UnifiedPush server (docs/operating.md, Push).

Usage: push_gateway.py [--port PORT] [--bearer TOKEN] [--busy COUNT]
Tokens that begin with "gone" are unknown to it; so many first requests are answered 503."""

import argparse
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--bearer")
parser.add_argument("--busy", type=int, default=0)
options = parser.parse_args()


class Gateway(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if options.bearer and self.headers["Authorization"] != f"Bearer {options.bearer}":
            return self.answer(401)
        if options.busy > 0:
            options.busy -= 1
            return self.answer(503)
        notice = json.loads(body)
        print("notice", json.dumps(notice), flush=True)
        return self.answer(410 if notice["token"].startswith("gone") else 204)

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass


server = ThreadingHTTPServer(("127.0.0.1", options.port), Gateway)
print("listening on", server.server_port, flush=True)
server.serve_forever()
