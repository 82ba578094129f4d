#!/usr/bin/env python3
"""Two people at sotto-chat send each other a picture, a voice note and a file, save them, and see the picture."""

import os
import random
import re
import struct
import zlib

from processes import Chat, Folder, Relay, check, run
from screen import Screen


def png(width, height):
    """The left half red, the right half blue."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    row = b"\0" + b"\xff\0\0" * (width // 2) + b"\0\0\xff" * (width - width // 2)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(row * height)) + chunk(b"IEND", b""))


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)
    return path


def read(path):
    with open(path, "rb") as file:
        return file.read()


class Attachment:
    def __init__(self, line):
        _, self.number, self.chat, self.id, self.index, self.kind, self.state, self.size, self.name = line.split(" ", 8)


def attachment(chat, fits, what):
    """The last line about an attachment that fits."""
    return chat.wait_for(lambda lines: next(
        (found for found in (Attachment(line) for line in reversed(lines) if line.startswith("attachment ")) if fits(found)),
        None), f"{chat.name}: {what}")


def exchange(ann, bob, folder, source):
    picture = write(os.path.join(folder, "my cat.png"), png(300, 200))
    ann.ask(f"/send \"{picture}\" look, my  cat")
    got = attachment(bob, lambda a: a.name == "my cat.png" and a.state == "present", "the picture")
    check(got.kind == "image" and int(got.size) == len(read(picture)), f"the picture: {vars(got)}")
    check([entry.text for entry in bob.texts()] == ["look, my  cat"], "its caption")
    out = os.path.join(folder, "out")
    os.mkdir(out)
    saved = bob.ask(f"/save {got.number} {out}")
    check(saved == os.path.join(out, "my cat.png") and read(saved) == read(picture), f"saved as {saved}")
    again = bob.ask(f"/save {got.number} {out}")
    check(again == os.path.join(out, "my cat (2).png") and read(again) == read(picture), f"saved again as {again}")

    note = write(os.path.join(folder, "note.wav"), source.randbytes(50_000))
    bob.ask(f"/voice {note}")
    got = attachment(ann, lambda a: a.kind == "voice" and a.state == "present", "the voice note")
    path = os.path.join(out, "note of bob.wav")
    check(ann.ask(f"/save {got.number} {path}") == path and read(path) == read(note), "the voice note")

    # A file waits until it is asked for.
    large = write(os.path.join(folder, "large.png"), source.randbytes(20 * 1024**2))
    bob.ask(f"/file {large} a large one")
    got = attachment(ann, lambda a: a.name == "large.png", "the file")
    check(got.kind == "document" and got.state == "remote", f"the file: {vars(got)}")
    path = ann.ask(f"/save {got.number} {out}")
    check(read(path) == read(large), "the file")
    for person, word in ((bob, "sent"), (ann, "fetched")):
        person.wait_for(lambda lines: any(line.startswith("progress ") for line in lines), f"progress of what is {word}")
    return got.number, out


def refused(chat, line, code):
    ok, detail, _ = chat.try_ask(line)
    check(not ok and detail.startswith(code), f"{line}: {detail}, not {code}")


def refusals(ann, number, out):
    for line, code in (("/send /nowhere/at/all", "NOT_FOUND"), ("/send", "INVALID_ARGUMENT"), (f"/send {out}", "NOT_FOUND"),
                       ("/send /dev/zero", "NOT_FOUND"), ("/save 99", "NOT_FOUND"), ("/save x", "NOT_FOUND"),
                       ("/save", "NOT_FOUND"), ("/fetch 0", "NOT_FOUND"), ("/pause 99999999999999999999", "NOT_FOUND"),
                       (f"/save {number} /nowhere/at/all", "INVALID_ARGUMENT"),
                       (f"/save {number} {out}/my cat.png", "ALREADY_EXISTS")):
        refused(ann, line, code)


def forward(ann, bob, number):
    """To another chat, without being uploaded again."""
    ann.ask("/group elsewhere bob")
    bob.ask("/wait-chat elsewhere")
    ann.ask("/wait-chat elsewhere")
    refused(ann, "/forward 99 elsewhere", "NOT_FOUND")
    refused(ann, f"/forward {number} nowhere", "NOT_FOUND")
    refused(ann, f"/forward {number}", "NOT_FOUND")
    before = len(ann.lines)
    message = ann.ask(f"/forward {number} elsewhere")
    got = attachment(bob, lambda a: a.id == message, "the file once more")
    check(got.name == "large.png" and got.state == "present", f"Bob has the file: {vars(got)}")
    check([entry.text for entry in bob.texts()] == ["a large one"], "its caption")
    check(not any(line.startswith("progress ") for line in ann.lines[before:]), "it was uploaded again")


def screen(bob, relay):
    """In a terminal that shows true colour, the picture is there in blocks; in another one, by its name."""
    for colours, blocks in (("truecolor", True), ("", False)):
        with Screen(bob.folder, relay, colours) as terminal:
            terminal.type("/open ann\r")
            for words in (("large.png", "file, "), ("my cat.png", "picture, "), ("voice note, 48 KiB",)):
                terminal.wait_for(*words)
            halves = re.search("38;2;255;0;0;48;2;255;0;0m▀{30}\x1b\\[38;2;0;0;255;48;2;0;0;255m▀{30}\x1b\\[0m", terminal.text)
            check(bool(halves) == blocks and ("▀" in terminal.text) == blocks, "the picture in blocks")
            terminal.quit()


def main():
    source = random.Random(7)
    with Folder() as folder:
        relay = Relay(os.path.join(folder, "relay")).ready()
        ann, bob = (Chat(name, os.path.join(folder, name), relay).register() for name in ("ann", "bob"))
        ann.ask("/new bob")
        bob.ask("/find ann")
        bob.ask("/wait-chat ann")
        number, out = exchange(ann, bob, folder, source)
        refusals(ann, number, out)
        forward(ann, bob, number)
        for person in (ann, bob):
            check(person.terminate() == 0, f"{person.name} did not end well")
        screen(bob, relay)
        print("a picture, a voice note and a file came as they were; the picture is shown in blocks")


if __name__ == "__main__":
    run(main)
