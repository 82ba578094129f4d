"""A WebSocket client for tests, over a plain socket: RFC 6455 as far as they need it."""

import base64
import os
import socket
import struct


class Refused(Exception):
    def __init__(self, status):
        super().__init__(f"HTTP {status}")
        self.status = status


class WebSocket:
    """`url` is ws://127.0.0.1:PORT or unix:PATH."""

    def __init__(self, url, headers):
        if url.startswith("unix:"):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(url[5:])
        else:
            host, port = url.removeprefix("ws://").split(":")
            self.socket = socket.create_connection((host, int(port)))
        self.stream = self.socket.makefile("rb")
        key = base64.b64encode(os.urandom(16)).decode()
        lines = ["GET / HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: Upgrade",
                 f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", *headers, "", ""]
        self.socket.sendall("\r\n".join(lines).encode())
        status = self.stream.readline().split()
        if len(status) < 2 or status[1] != b"101":
            self.socket.close()
            raise Refused(int(status[1]) if len(status) > 1 else 0)
        while self.stream.readline() not in (b"\r\n", b""):
            pass

    def send(self, text, opcode=1, final=True):
        data = text.encode() if isinstance(text, str) else text
        size = len(data)
        head = bytes([(0x80 if final else 0) | opcode])
        if size < 126:
            head += bytes([0x80 | size])
        elif size < 65536:
            head += bytes([0x80 | 126]) + struct.pack(">H", size)
        else:
            head += bytes([0x80 | 127]) + struct.pack(">Q", size)
        mask = os.urandom(4)
        masked = (int.from_bytes(data, "big") ^ int.from_bytes((mask * (size // 4 + 1))[:size], "big")).to_bytes(size, "big")
        self.socket.sendall(head + mask + masked)

    def receive(self):
        """A text, or the code of the close."""
        whole = b""
        while True:
            head = self.stream.read(2)
            if len(head) < 2:
                return 1006
            size = head[1] & 127
            if size == 126:
                size = struct.unpack(">H", self.stream.read(2))[0]
            elif size == 127:
                size = struct.unpack(">Q", self.stream.read(8))[0]
            data = self.stream.read(size)
            opcode = head[0] & 15
            if opcode == 8:
                return struct.unpack(">H", data[:2])[0] if len(data) >= 2 else 1005
            if opcode in (0, 1):
                whole += data
                if head[0] & 0x80:
                    return whole.decode()

    def close(self):
        self.socket.close()
