#!/usr/bin/env python3
"""Attachments over sotto-rpc: a picture, a voice note and a large file between two programs, and what is refused."""

import base64
import hashlib
import os
import random
import stat

from processes import Folder, Relay, check, run
from rpc import Rpc

NOBODY = "0" * 31 + "1"


def text64(data):
    return base64.b64encode(data).decode()


def sha(data):
    return hashlib.sha256(data).hexdigest()


class File:
    def __init__(self, folder, name, data):
        self.path = os.path.join(folder, name)
        self.data = data
        self.write(data)

    def write(self, data):
        with open(self.path, "wb") as file:
            file.write(data)


def content(path):
    with open(path, "rb") as file:
        return file.read()


def attachment(who, chat, message, index=0):
    return who.ask("message", chatId=chat, messageId=message)["attachments"][index]


def in_state(who, chat, message, state, index=0):
    return who.event(lambda event: event["kind"] in ("messageAdded", "messageChanged") and
                     event["message"]["messageId"] == message and event["message"]["chatId"] == chat and
                     event["message"]["attachments"][index]["state"] == state, f"attachment {index} {state}")["message"]


def picture_and_voice(one, two, chat, source):
    """Both in one message: the picture by its bytes, the voice note as a file."""
    picture, voice = source.randbytes(100_000), File(one.folder, "note.ogg", source.randbytes(300_000))
    shown = {"kind": "image", "name": "Käse «1».jpg", "mimeType": "image/jpeg", "width": 640, "height": 480,
             "thumbnail": text64(b"thumb"), "preview": text64(b"preview" * 100)}
    spoken = {"kind": "voice", "name": "note.ogg", "mimeType": "audio/ogg", "durationMs": 2500,
              "waveform": text64(bytes(range(64)))}
    ids = [one.ask("createAttachment", body=text64(picture), hash=sha(picture), **shown)["attachmentId"],
           one.ask("createAttachment", path=voice.path, hash=sha(voice.data).upper(), **spoken)["attachmentId"]]
    sent = one.ask("sendMessage", chatId=chat, message="look", attachments=ids)
    check(sent["status"] == "SUCCESS", f"sending: {sent}")
    message = sent["messageId"]
    check([attachment(one, chat, message, index)["state"] for index in (0, 1)] == ["present"] * 2, "own ones are here")
    # Both are fetched by themselves.
    for index in (0, 1):
        in_state(two, chat, message, "present", index)
    got = next(each for each in two.ask("messages", chatId=chat)["messages"] if each["messageId"] == message)
    check(got["message"] == "look" and [each["index"] for each in got["attachments"]] == [0, 1], f"what came: {got}")
    for said, came, data in ((shown, got["attachments"][0], picture), (spoken, got["attachments"][1], voice.data)):
        check({name: came[name] for name in said} == said and came["size"] == len(data), f"{came} is not {said}")
        check(came["transferred"] == came["total"] > len(data), f"its ciphertext: {came}")
    body = two.ask("downloadAttachment", chatId=chat, messageId=message)
    check(base64.b64decode(body["body"]) == picture and body["hash"] == sha(picture), "the picture's bytes")
    saved = two.ask("downloadAttachment", chatId=chat, messageId=message, index=1,
                    path=os.path.join(two.folder, "saved.ogg"))
    check(content(saved["path"]) == voice.data and saved["hash"] == sha(voice.data), "the voice note as a file")
    check(stat.S_IMODE(os.stat(saved["path"]).st_mode) == 0o600, "a file of one's own")
    # Used once.
    one.refused("NOT_FOUND", "sendMessage", chatId=chat, attachments=ids[:1])
    return message


def lost(one, two, chat, message):
    """Somebody empties the folder of attachments, then damages what is there: it is fetched again."""
    original = one.ask("downloadAttachment", chatId=chat, messageId=message)
    media = os.path.join(two.folder, "media")
    for name in os.listdir(media):
        os.remove(os.path.join(media, name))
    got = two.ask("downloadAttachment", chatId=chat, messageId=message)
    check(got == original, "what was gone came again")
    (name,) = os.listdir(media)
    with open(os.path.join(media, name), "r+b") as file:
        file.seek(50_000)
        file.write(b"damaged")
    check(two.ask("downloadAttachment", chatId=chat, messageId=message) == original, "what was damaged came again")


def refusals(one, two, chat, message):
    data = b"hello"
    good = {"body": text64(data), "hash": sha(data)}
    for wrong in ({"hash": sha(b"other")}, {"hash": "00"}, {"hash": "g" * 64}, {"hash": 1}, {"body": "a"}, {"body": "aGVsbG8"},
                  {"body": "aGVs bG8="}, {"body": ""}, {"body": 1}, {"path": "/etc/hostname"}, {"kind": "song"}, {"kind": 1},
                  {"name": "a/b"}, {"name": "x" * 256}, {"name": "a\0b"}, {"mimeType": "a b"}, {"width": -1},
                  {"height": 2**32}, {"durationMs": -1}, {"durationMs": 1.5}, {"thumbnail": text64(bytes(8193))},
                  {"preview": text64(bytes(32769))}, {"waveform": text64(bytes(257))}, {"thumbnail": "x"}, {"colour": 1}):
        one.refused("INVALID_ARGUMENT", "createAttachment", **{**good, **wrong})
    for missing in ("body", "hash"):
        one.refused("INVALID_ARGUMENT", "createAttachment", **{name: good[name] for name in good if name != missing})
    folder = File(one.folder, "changing.bin", b"first")
    for path, code in (("relative.jpg", "INVALID_ARGUMENT"), ("", "INVALID_ARGUMENT"), ("/etc/host\0name", "INVALID_ARGUMENT"),
                       ("/nowhere/at/all", "NOT_FOUND"), (one.folder, "NOT_FOUND"), ("/dev/zero", "NOT_FOUND"),
                       (folder.path, "INVALID_ARGUMENT")):
        one.refused(code, "createAttachment", path=path, hash=sha(data))
    fifo = os.path.join(one.folder, "fifo")
    os.mkfifo(fifo)
    one.refused("NOT_FOUND", "createAttachment", path=fifo, hash=sha(b""))
    if os.geteuid() != 0:  # root may read all
        locked = File(one.folder, "locked", data)
        os.chmod(locked.path, 0)
        one.refused("NOT_FOUND", "createAttachment", path=locked.path, hash=sha(data))
    huge = os.path.join(one.folder, "huge")
    with open(huge, "wb") as file:
        file.truncate(2 * 1024**3 + 1)
    one.refused("TOO_LARGE", "createAttachment", path=huge, hash=sha(data))

    # Ids.
    created = one.ask("createAttachment", **good)["attachmentId"]
    for wrong, code in (([NOBODY], "NOT_FOUND"), (["x" * 5000], "NOT_FOUND"), ([created, created], "INVALID_ARGUMENT"),
                        ([created, NOBODY], "NOT_FOUND"), ([1], "INVALID_ARGUMENT"), ("x", "INVALID_ARGUMENT"),
                        ([created] * 11, "INVALID_ARGUMENT")):
        one.refused(code, "sendMessage", chatId=chat, message="x", attachments=wrong)
    one.refused("INVALID_ARGUMENT", "sendMessage", chatId=chat, attachments=[])
    one.refused("NOT_FOUND", "sendMessage", chatId=NOBODY, attachments=[created])
    one.refused("INVALID_ARGUMENT", "sendMessage", chatId=chat, message="x" * 16385, attachments=[created])
    # What was refused can still be sent; a file that is another one now cannot.
    changing = one.ask("createAttachment", path=folder.path, hash=sha(b"first"))["attachmentId"]
    folder.write(b"second")
    one.refused("INVALID_ARGUMENT", "sendMessage", chatId=chat, attachments=[created, changing])
    folder.write(b"")
    os.remove(folder.path)
    one.refused("NOT_FOUND", "sendMessage", chatId=chat, attachments=[changing])
    check(one.ask("sendMessage", chatId=chat, attachments=[created])["status"] == "SUCCESS", "what was refused, at last")

    # Downloads.
    two.refused("NOT_FOUND", "downloadAttachment", chatId=chat, messageId=NOBODY)
    two.refused("NOT_FOUND", "downloadAttachment", chatId=NOBODY, messageId=message)
    two.refused("NOT_FOUND", "downloadAttachment", chatId=chat, messageId=message, index=2)
    for wrong in ({"index": 10}, {"index": -1}, {"path": "x"}, {"path": "/tmp/\0"}, {"path": 1}):
        two.refused("INVALID_ARGUMENT", "downloadAttachment", **{"chatId": chat, "messageId": message, **wrong})
    where = {"chatId": chat, "messageId": message}
    before = File(two.folder, "before", b"mine")
    dangling = os.path.join(two.folder, "dangling")
    os.symlink("/nowhere/at/all", dangling)
    for taken in (before.path, two.folder, dangling):
        two.refused("ALREADY_EXISTS", "downloadAttachment", **where, path=taken)
    check(content(before.path) == b"mine", "the file that was there")
    two.refused("INVALID_ARGUMENT", "downloadAttachment", **where, path="/nowhere/at/all")
    two.refused("INVALID_ARGUMENT", "downloadAttachment", **where, path=os.path.join(two.folder, "x" * 300))
    if os.path.exists("/dev/full"):
        two.refused("ALREADY_EXISTS", "downloadAttachment", **where, path="/dev/full")
    check(not [name for name in os.listdir(two.folder) if name.startswith(".sotto-")], "nothing half is left")
    for wrong in ({"action": "stop"}, {"action": 1}, {}):
        two.refused("INVALID_ARGUMENT", "transfer", **where, **wrong)
    two.refused("NOT_FOUND", "transfer", chatId=chat, messageId=message, index=5, action="start")
    two.refused("INVALID_ARGUMENT", "requestAttachment", **where)  # It has not expired.
    two.refused("NOT_FOUND", "requestAttachment", chatId=chat, messageId=NOBODY)
    two.refused("INVALID_ARGUMENT", "requestAttachment", **where, index=10)
    two.refused("NOT_FOUND", "forward", chatId=chat, messageId=NOBODY, toChatId=chat)
    two.refused("NOT_FOUND", "forward", chatId=chat, messageId=message, toChatId=NOBODY)
    for wrong in ({"images": -1}, {"metered": 1}, {"onMetered": "yes"}, {"songs": 1}):
        two.refused("INVALID_ARGUMENT", "setDownloadPolicy", **wrong)


def limits(one):
    """What is created and never sent is bounded, and gone with the process."""
    data = os.urandom(700_000)
    good = {"body": text64(data), "hash": sha(data)}
    held = 0
    while "error" not in (answer := one.try_ask("createAttachment", **good)):
        held += 1
        check(held < 200, "bodies without end are held")
    check(answer["error"]["code"] == "LIMIT_EXCEEDED" and held == 64 * 1024**2 // len(data), f"{held} held: {answer}")


def large(one, two, chat, source):
    """A file of 40 MiB: a text overtakes it, it stops, goes on after a restart, and comes whole."""
    video = File(one.folder, "video.mp4", source.randbytes(40 * 1024**2))
    created = one.ask("createAttachment", path=video.path, hash=sha(video.data), kind="video", name="video.mp4")
    sending = one.start_asking("sendMessage", {"chatId": chat, "attachments": [created["attachmentId"]],
                                               "messageId": "22" * 16})
    message = "22" * 16
    one.event(lambda event: event["kind"] == "messageAdded" and event["message"]["messageId"] == message, "the video")
    check(one.ask("sendMessage", chatId=chat, message="meanwhile")["status"] == "SUCCESS", "a text beside it")
    one.until(lambda: one.answers.get(sending), "the video is sent")
    check(one.answers[sending]["result"]["status"] == "SUCCESS", f"the video: {one.answers[sending]}")
    one.event(lambda event: event["kind"] == "attachmentProgress" and event["messageId"] == message, "progress of an upload")
    # Asked again, when its attachment is used up.
    again = one.ask("sendMessage", chatId=chat, messageId=message, attachments=[created["attachmentId"]])
    check(again == {"status": "SUCCESS", "messageId": message}, f"asked again: {again}")

    two.event(lambda event: event["kind"] == "messageAdded" and event["message"]["messageId"] == message, "the video")
    check(attachment(two, chat, message)["state"] == "remote", "videos wait until they are asked for")
    two.refused("TOO_LARGE", "downloadAttachment", chatId=chat, messageId=message)
    waits = two.start_asking("transfer", {"chatId": chat, "messageId": message, "action": "start"})
    two.event(lambda event: event["kind"] == "attachmentProgress" and event["messageId"] == message, "progress of a download")
    two.ask("transfer", chatId=chat, messageId=message, action="pause")
    state = attachment(two, chat, message)
    if state["state"] == "downloading":  # else it was faster
        check(state["paused"] and state["transferred"] < state["total"], f"a pause: {state}")
        check(waits not in two.answers, "a start was answered before its end")
    check(two.terminate() == 0, "SIGTERM")
    two = two.again()
    two.ask("subscribe")
    path = os.path.join(two.folder, "video.mp4")
    saved = two.ask("downloadAttachment", chatId=chat, messageId=message, path=path)
    check(saved["hash"] == sha(video.data) and content(path) == video.data, "the video")

    # Cancelled: the message fails, and says so.
    two.ask("disconnect")
    data = b"never"
    created = two.ask("createAttachment", body=text64(data), hash=sha(data))["attachmentId"]
    sending = two.start_asking("sendMessage", {"chatId": chat, "attachments": [created], "messageId": "33" * 16})
    in_state(two, chat, "33" * 16, "uploading")
    two.ask("transfer", chatId=chat, messageId="33" * 16, action="cancel")
    answer = two.until(lambda: two.answers.get(sending), "the end of a cancelled upload")
    check(answer["result"]["status"] == "FAIL" and answer["error"]["code"] == "CANCELLED", f"cancelled: {answer}")
    two.ask("connect")
    return two


def forward(one, two, relay, folder, chat, message):
    three = Rpc("three", os.path.join(folder, "three"), relay).register()
    three.ask("subscribe")
    other = two.ask("createChat", participants=["three"])["chatId"]
    sent = two.ask("forward", chatId=chat, messageId=message, toChatId=other)
    check(sent["status"] == "SUCCESS" and sent["messageId"] != message, f"forwarding: {sent}")
    in_state(three, other, sent["messageId"], "present")
    original = one.ask("downloadAttachment", chatId=chat, messageId=message)
    got = three.ask("downloadAttachment", chatId=other, messageId=sent["messageId"])
    check(got["body"] == original["body"], "the forwarded picture")
    # Nothing comes by itself when the program says so.
    three.ask("setDownloadPolicy", images=0)
    sent = two.ask("forward", chatId=chat, messageId=message, toChatId=other)["messageId"]
    three.event(lambda event: event["kind"] == "messageAdded" and event["message"]["messageId"] == sent, "once more")
    check(three.ask("close") == {} and three.exit_code() == 0, "the end")


def main():
    source = random.Random(7)
    with Folder() as folder:
        relay = Relay(os.path.join(folder, "relay")).ready()
        one, two = (Rpc(name, os.path.join(folder, name), relay).register() for name in ("one", "two"))
        for user in (one, two):
            user.ask("subscribe")
        chat = one.ask("createChat", participants=["two"])["chatId"]
        message = picture_and_voice(one, two, chat, source)
        lost(one, two, chat, message)
        refusals(one, two, chat, message)
        two = large(one, two, chat, source)
        forward(one, two, relay, folder, chat, message)
        limits(one)
        for user in (one, two):
            check(user.terminate() == 0, "the end")
        print("a picture, a voice note and a video came as they were, and what is wrong was refused")


run(main)
