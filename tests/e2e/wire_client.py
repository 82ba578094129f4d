"""A client that speaks the relay's protocol as it is on the wire, in both encodings, and no MLS: for tests of the relay.

Requests and answers are dictionaries in the form of protobuf's JSON mapping, whatever the encoding: JSON goes out as it
is, binary by way of the classes that protoc makes for Python. In requests, bytes may stand as bytes."""

import asyncio
import base64
import json
import os
import re
import socket
import ssl
import threading
import time

import websockets
from google.protobuf import json_format

from processes import PATIENCE, Failure, check
from wire.proto import sotto_pb2 as pb

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
ENCODINGS = {"binary": "sotto.v1", "json": "sotto.v1.json"}


def read_source(path):
    with open(os.path.join(SOURCE, path), encoding="utf-8") as file:
        return file.read()


# The error codes by number, as the programs have them.
CODES = {int(number): name for name, number in
         re.findall(r"^SOTTO_ERROR\((\w+), (\d+),", read_source("include/sotto/error_codes.def"), re.MULTILINE)}


def limit(name):
    """A constant of src/wire/limits.h."""
    value = re.search(rf" {name} = ([\d'* ]+);", read_source("src/wire/limits.h"))
    check(value, f"limits.h has no {name}")
    product = 1
    for factor in value.group(1).replace("'", "").split("*"):
        product *= int(factor)
    return product


def plain(value):
    """A request with its bytes in base64."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def raw(text):
    """The bytes of a field of an answer."""
    return base64.b64decode(text)


def read_frame(encoding, message):
    """The envelopes of what the relay sent."""
    frame = json.loads(message) if encoding == "json" else json_format.MessageToDict(pb.Frame.FromString(message))
    return frame.get("envelopes", [])


class Loop:
    """One asyncio loop on a thread of its own, for all connections."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(PATIENCE)


LOOP = Loop()


def trusting(relay):
    """The TLS context for this relay, made once."""
    if not hasattr(relay, "tls"):
        relay.tls = ssl.create_default_context(cafile=relay.ca)
    return relay.tls


class Connection:
    """One WebSocket. Answers and pushes are collected as they come; what is asked for is waited for."""

    def __init__(self, relay, encoding, address="127.0.0.1", offer=None):
        self.encoding = encoding
        self.answers, self.pushes = {}, []
        self.close_code = None
        self.last_id = 0
        self.changed = threading.Condition()
        self.socket = LOOP.run(self._connect(relay, address, offer or [ENCODINGS[encoding]]))
        self.reader = asyncio.run_coroutine_threadsafe(self._read(), LOOP.loop)
        challenge = self.push("challenge")
        self.nonce, self.incarnation = raw(challenge["nonce"]), raw(challenge["incarnation"])

    @staticmethod
    async def _connect(relay, address, subprotocols):
        return await websockets.connect(
            relay.url, host="127.0.0.1", ssl=trusting(relay), local_addr=(address, 0), compression=None,
            subprotocols=subprotocols, ping_interval=None, max_size=None, max_queue=None)

    async def _read(self):
        try:
            async for message in self.socket:
                check(isinstance(message, str) == (self.encoding == "json"), "a message of the other kind")
                envelopes = read_frame(self.encoding, message)
                with self.changed:
                    for envelope in envelopes:
                        if "push" in envelope:
                            self.pushes.append(envelope["push"])
                        else:
                            self.answers[int(envelope["id"])] = envelope["response"]
                    self.changed.notify_all()
        except websockets.ConnectionClosed:
            pass
        with self.changed:
            self.close_code = self.socket.close_code
            self.changed.notify_all()

    def wait(self, found, what):
        """Waits until found() gives something that is not None, and returns it."""
        deadline = time.monotonic() + PATIENCE
        with self.changed:
            while True:
                result = found()
                if result is not None:
                    return result
                check(self.close_code is None, f"{what}: closed with {self.close_code}")
                left = deadline - time.monotonic()
                check(left > 0, f"{what}: not within {PATIENCE:.0f} s")
                self.changed.wait(left)

    def message(self, requests, ids):
        """The WebSocket message that holds these requests."""
        message = self.message_of(self.encoding, requests, ids)
        return message.decode() if self.encoding == "json" else message

    @staticmethod
    def message_of(encoding, requests, ids):
        """The bytes of it."""
        frame = {"envelopes": [{"id": id, "request": plain(request)} for id, request in zip(ids, requests)]}
        if encoding == "json":
            return json.dumps(frame).encode()
        # What the schema does not know is a request without a command then, as a newer client's would be.
        return json_format.ParseDict(frame, pb.Frame(), ignore_unknown_fields=True).SerializeToString()

    def ask_all(self, requests):
        """All in one message; their answers in the same order."""
        ids = range(self.last_id + 1, self.last_id + 1 + len(requests))
        self.last_id += len(requests)
        self.send_raw(self.message(requests, ids))
        return [self.answer(id) for id in ids]

    def answer(self, number):
        """The answer to a request; its status is a name of error_codes.def, or OK."""
        response = self.wait(lambda: self.answers.pop(number, None), f"the answer to request {number}")
        response["status"] = CODES[response["status"]] if "status" in response else "OK"
        return response

    def ask(self, request):
        return self.ask_all([request])[0]

    def tell(self, request):
        """A request that is not answered."""
        self.send_raw(self.message([request], [0]))

    def push(self, kind, fits=lambda push: True):
        """The next push of this kind that fits."""
        def find():
            for index, push in enumerate(self.pushes):
                if kind in push and fits(push[kind]):
                    return self.pushes.pop(index)[kind]
            return None
        return self.wait(find, f"a push {kind}")

    def send_raw(self, message):
        try:
            LOOP.run(self.socket.send(message))
        except websockets.ConnectionClosed:
            pass

    def closed(self):
        """Waits until the relay closes; the code."""
        deadline = time.monotonic() + PATIENCE
        with self.changed:
            while self.close_code is None:
                check(self.changed.wait(deadline - time.monotonic()), "the relay does not close")
            return self.close_code

    def close(self):
        LOOP.run(self.socket.close())


class RawSocket:
    """TLS and then whatever a test writes: for peers that keep to no protocol."""

    def __init__(self, relay, address="127.0.0.1"):
        plain_socket = socket.create_connection(("127.0.0.1", relay.port), timeout=PATIENCE,
                                                source_address=(address, 0))
        # Else what follows the handshake waits 40 ms for the relay's delayed ACK of its end.
        plain_socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.tls = trusting(relay).wrap_socket(plain_socket, server_hostname="localhost")

    @staticmethod
    def upgrade_request(protocol):
        return (f"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                f"Sec-WebSocket-Protocol: {protocol}\r\n\r\n").encode()

    def upgrade(self, protocol):
        self.tls.sendall(self.upgrade_request(protocol))
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = self.tls.recv(1)
            if not byte:
                raise Failure(f"no upgrade to {protocol}: {head}")
            head += byte
        check(head.startswith(b"HTTP/1.1 101"), f"no upgrade to {protocol}: {head}")
        return self

    @staticmethod
    def frame(first, payload):
        """A WebSocket frame with a mask of zeros; `first` is the byte with FIN and opcode."""
        size = len(payload)
        if size < 126:
            head = bytes([first, 0x80 | size])
        elif size < 65536:
            head = bytes([first, 0x80 | 126]) + size.to_bytes(2, "big")
        else:
            head = bytes([first, 0x80 | 127]) + size.to_bytes(8, "big")
        return head + bytes(4) + payload

    def ask(self, encoding, requests):
        """One message with these requests, whose ids count from 1."""
        message = Connection.message_of(encoding, requests, range(1, len(requests) + 1))
        self.tls.sendall(self.frame(0x81 if encoding == "json" else 0x82, message))

    def end_writing(self):
        """No more will come of us; what the relay says can still be read."""
        socket.socket.shutdown(self.tls, socket.SHUT_WR)

    def receive(self, size):
        got = b""
        while len(got) < size:
            piece = self.tls.recv(size - len(got))
            if not piece:
                raise ConnectionError("the relay hung up")
            got += piece
        return got

    def next_frame(self):
        """The next frame of the relay: its first byte and its payload."""
        first, size = self.receive(2)
        if size in (126, 127):
            size = int.from_bytes(self.receive(2 if size == 126 else 8), "big")
        return first, self.receive(size)

    def until(self, mark):
        """Reads to a message with these bytes ("survived"), or to the relay's Close (its code)."""
        while True:
            first, content = self.next_frame()
            if first == 0x88:
                return int.from_bytes(content[:2], "big")
            if mark in content:
                return "survived"

    def close(self):
        self.tls.close()
