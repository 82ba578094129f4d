"""What the relay answers in chats and about attachments; see relay_cases.py."""

import os
import time

from processes import PATIENCE, check
from relay_scene import case, cases, take_until_limited
from wire_client import limit, raw
from wire_people import APPLICATION, COMMIT, Chat, Device, Person, direct_chat_id, sha256

SHORT = b"15 bytes of 16."
COMMITS = ("modifyChatParticipants", "updateChat")

# ---- createChat


@case("createChat", "OK")
def _(scene):
    """The creator gets a stub, the other a Welcome; the same again is answered as the first time."""
    ann, ben = scene.member(), scene.member()
    chat = Chat()
    request = chat.creation(ann.device, [ben.device])
    answer = ann.ask(request)
    check(ann.ask(request) == answer, "a repeat is answered otherwise")
    check(answer["chatCreated"]["seq"] == "1", f"{answer}")
    joined = ben.push("chatJoined")
    check(raw(joined["chatId"]) == chat.id and raw(joined["entry"]["welcome"]["secret"]) == b"secret of " + ben.device.id,
          f"{joined}")
    stub = ann.entries(chat, 1)[0]["stub"]
    check(raw(stub["sha256"]) == sha256(request["createChat"]["commit"]["foundingAad"]), f"{stub}")
    return answer


@case("createChat", "OK")
def _(scene):
    """A direct chat of two users, under the chatId that both can compute."""
    ann, ben = scene.member(), scene.member()
    return ann.ask(Chat(direct_chat_id(ann.user, ben.user), "DIRECT").creation(ann.device, [ben.device]))


@case("createChat", "EXISTS")
def _(scene):
    """Two people create the same direct chat."""
    ann, ben = scene.member(), scene.member()
    id = direct_chat_id(ann.user, ben.user)
    check(ann.ask(Chat(id, "DIRECT").creation(ann.device, [ben.device]))["status"] == "OK", "the first")
    return ben.ask(Chat(id, "DIRECT").creation(ben.device, [ann.device]))


@case("createChat", "TOO_LARGE")
def _(scene):
    """More than 192 KiB with its Welcomes."""
    ann = scene.member()
    request = Chat().creation(ann.device, [])
    request["createChat"]["commit"]["welcome"] = {"shared": bytes(limit("commit_bytes"))}
    return ann.ask(request)


@case("createChat", "LIMIT_EXCEEDED")
def _(scene):
    """A 101st user."""
    ann = scene.member()
    others = [Person("").device for _ in range(limit("users_per_chat"))]
    return ann.ask(Chat().creation(ann.device, others))


@case("createChat", "LIMIT_EXCEEDED")
def _(scene):
    """An 11th device of a user."""
    ann, crowd = scene.member(), Person("", limit("devices_per_user") + 1)
    return ann.ask(Chat().creation(ann.device, crowd.devices))


@case("createChat", "ROSTER_MISMATCH")
def _(scene):
    """A digest that is not that of the roster."""
    ann = scene.member()
    return ann.ask(Chat().creation(ann.device, [], digest=bytes(32)))


@case("createChat", "UNKNOWN_USER")
def _(scene):
    """With somebody who never registered."""
    ann = scene.member()
    return ann.ask(Chat().creation(ann.device, [Person("").device]))


@case("createChat", "CERTIFICATE_REFUSED")
def _(scene):
    """With a device that is not in its user's list."""
    ann = scene.member()
    return ann.ask(Chat().creation(ann.device, [Device(scene.person())]))


@case("createChat", "INVALID_ARGUMENT")
def _(scene):
    """A group under a chatId whose first bit says direct chat."""
    ann = scene.member()
    return ann.ask(Chat(bytes(16)).creation(ann.device, []))


@case("createChat", "INVALID_ARGUMENT")
def _(scene):
    """A group without an admin."""
    ann = scene.member()
    return ann.ask(Chat().creation(ann.device, [], admins=[]))


@case("createChat", "INVALID_ARGUMENT")
def _(scene):
    """Participants that are not the users of the roster."""
    ann = scene.member()
    return ann.ask(Chat().creation(ann.device, [], participants=[ann.user, bytes(16)]))


@case("createChat", "INVALID_ARGUMENT")
def _(scene):
    """Without a Welcome for a device that it adds."""
    ann, ben = scene.member(), scene.member()
    request = Chat().creation(ann.device, [ben.device])
    request["createChat"]["commit"]["welcome"] = {}
    return ann.ask(request)


@case("createChat", "MALFORMED")
def _(scene):
    """A founding_aad that is no CommitAad."""
    ann = scene.member()
    return ann.ask(Chat().creation(ann.device, [], aad=b"\xff"))


@case("createChat", "RATE_LIMITED")
def _(scene):
    """A user founds chats without end."""
    ann = scene.member()
    for count in range(700):
        answer = ann.ask(Chat().creation(ann.device, []))
        if answer["status"] != "OK":
            break
    check(count >= 500, f"limited after {count}")
    return answer

# ---- sendMessage


@case("sendMessage", "OK")
def _(scene):
    """Accepted, delivered to the other, a stub to the sender; a repeat is answered as the first time."""
    chat, ann, ben = scene.group()
    request = chat.message(1)
    answer = ann.ask(request)
    check(ann.ask(request) == answer, "a repeat is answered otherwise")
    check(answer["accepted"]["seq"] == "2" and answer["accepted"]["lastN"] == "1", f"{answer}")
    entry = ben.entries(chat, 2)[-1]
    check(raw(entry["message"]) == request["sendMessage"]["message"], "other bytes than were sent")
    check(raw(entry["senderUser"]) == ann.user and entry["messageId"] == answer["accepted"]["messageId"], f"{entry}")
    check(raw(ann.entries(chat, 2)[-1]["stub"]["sha256"]) == sha256(request["sendMessage"]["message"]), "another stub")
    return answer


@case("sendMessage", "OK")
def _(scene):
    """A repeat of what all have acked and the log no longer has: the last n is known, the seq is not."""
    chat, ann, ben = scene.group()
    request = chat.message(1)
    check(ann.ask(request)["status"] == "OK", "the first")
    ben.push("chatJoined")
    ben.ack(chat, 2)
    ann.ack(chat, 2)
    ann.push("deliveryReceipt", lambda receipt: receipt["seq"] == "2")
    # Logs are trimmed together, some moments after the last ack.
    deadline = time.monotonic() + PATIENCE
    while "seq" in (answer := ann.ask(request))["accepted"] and time.monotonic() < deadline:
        time.sleep(0.05)
    check(answer["accepted"] == {"lastN": "1"}, f"{answer}")
    return answer


@case("sendMessage", "OK")
def _(scene):
    """The largest message there may be."""
    chat, ann, _ = scene.group()
    empty = len(chat.message(1, ciphertext=b"")["sendMessage"]["message"]) + 3  # the length of what is that long
    return ann.ask(chat.message(1, ciphertext=bytes(limit("message_bytes") - empty)))


@case("sendMessage", "UNKNOWN_CHAT")
def _(scene):
    """To a chat that nobody made."""
    return scene.member().ask(Chat().message(1))


@case("sendMessage", "NOT_PARTICIPANT")
def _(scene):
    """By somebody else."""
    chat, _, _ = scene.group()
    return scene.member().ask(chat.message(1))


@case("sendMessage", "NOT_PARTICIPANT")
def _(scene):
    """By somebody who was removed."""
    chat, ann, ben = scene.group()
    check(ann.ask(chat.remove(ben.person))["status"] == "OK", "removing")
    return ben.ask(chat.message(1, after=2))


@case("sendMessage", "UNSUPPORTED")
def _(scene):
    """Another version of MLS."""
    chat, ann, _ = scene.group()
    return ann.ask(chat.message(1, version=2))


@case("sendMessage", "STALE_GENERATION")
def _(scene):
    """For another generation than the chat's, which the answer names."""
    chat, ann, _ = scene.group()
    answer = ann.ask(chat.message(1, generation=2))
    check(answer["generation"] == 1, f"{answer}")
    return answer


@case("sendMessage", "STALE_EPOCH")
def _(scene):
    """Encrypted before a removal, which the answer names; encrypted after it, it is accepted under the same n."""
    chat, ann, ben, cleo = scene.group(3)
    check(ann.ask(chat.remove(cleo.person))["status"] == "OK", "removing")
    answer = ben.ask(chat.message(1))
    check(answer["handshakeSeq"] == "2", f"{answer}")
    check(ben.ask(chat.message(1, after=2))["status"] == "OK", "encrypted anew")
    return answer


@case("sendMessage", "STALE_EPOCH")
def _(scene):
    """After a handshake that there is not."""
    chat, ann, _ = scene.group()
    return ann.ask(chat.message(1, after=2))


@case("sendMessage", "OUT_OF_ORDER")
def _(scene):
    """n = 2 before n = 1."""
    chat, ann, _ = scene.group()
    answer = ann.ask(chat.message(2))
    check(ann.ask(chat.message(1))["status"] == "OK", "n = 1")
    return answer


@case("sendMessage", "TOO_LARGE")
def _(scene):
    """More than 96 KiB."""
    chat, ann, _ = scene.group()
    return ann.ask(chat.message(1, ciphertext=bytes(limit("message_bytes"))))


@case("sendMessage", "INVALID_ARGUMENT")
def _(scene):
    """A chatId of the wrong size."""
    return scene.member().ask({"sendMessage": {"chatId": SHORT}})


@case("sendMessage", "INVALID_ARGUMENT")
def _(scene):
    """A commit in place of a message."""
    chat, ann, _ = scene.group()
    return ann.ask(chat.message(1, content=COMMIT))


@case("sendMessage", "INVALID_ARGUMENT")
def _(scene):
    """Another chat's message."""
    chat, ann, _ = scene.group()
    request = chat.message(1)
    request["sendMessage"]["message"] = Chat().message(1)["sendMessage"]["message"]
    return ann.ask(request)


@case("sendMessage", "INVALID_ARGUMENT")
def _(scene):
    """A generation that is not the one in the group_id."""
    chat, ann, _ = scene.group()
    return ann.ask(chat.message(1, named=2))


@case("sendMessage", "MALFORMED")
def _(scene):
    """An MLS message that is cut off."""
    chat, ann, _ = scene.group()
    request = chat.message(1)
    request["sendMessage"]["message"] = request["sendMessage"]["message"][:-1]
    return ann.ask(request)


@case("sendMessage", "MALFORMED")
def _(scene):
    """authenticated_data that is no MessageAad."""
    chat, ann, _ = scene.group()
    return ann.ask(chat.message(1, aad=b"\xff"))


@case("sendMessage", "RATE_LIMITED")
def _(scene):
    """A user writes to one chat without end; to another chat it still can."""
    chat, ann, _ = scene.group()
    status, n = "OK", 1
    while status == "OK" and n < 20_000:
        answers = ann.connection.ask_all([chat.message(n + i) for i in range(100)])
        refused = [answer for answer in answers if answer["status"] != "OK"]
        n += len(answers) - len(refused)
        ann.ack(chat, n)  # else what waits for it fills its window
        answer = refused[0] if refused else answers[-1]
        status = answer["status"]
    check(n > 2000, f"limited after {n}")
    check(ann.ask(scene.group_of(ann, []).message(1))["status"] == "OK", "another chat is limited, too")
    return answer

# ---- modifyChatParticipants and updateChat


def good(scene, command, chat, **change):
    """A request that would be accepted from an admin, but for what is changed."""
    if command == "updateChat":
        return chat.update(**change)
    return chat.add(scene.person(), **change)


@case("modifyChatParticipants", "OK")
def _(scene):
    """An admin adds somebody, who gets a Welcome, and removes somebody, who gets all up to that; repeats change nothing."""
    chat, ann, ben = scene.group()
    cleo = scene.member()
    request = chat.add(cleo.person)
    answer = ann.ask(request)
    check(ann.ask(request) == answer, "a repeat is answered otherwise")
    check(cleo.push("chatJoined")["entry"]["seq"] == "2", "the Welcome")
    commit = request["modifyChatParticipants"]["commit"]["message"]
    check(raw(ben.entries(chat, 2)[-1]["handshake"]) == commit, "the commit")
    chat.roster, chat.admins = chat.after([cleo.device])
    chat.handshake = 2
    answer = ann.ask(chat.remove(ben.person))
    check(ben.entries(chat, 3)[-1]["seq"] == "3", "the removal")
    check(ben.ask({"getChat": {"chatId": chat.id}})["status"] == "NOT_PARTICIPANT", "still there")
    return answer


@case("updateChat", "OK")
def _(scene):
    """A member renews its keys; a repeat is answered as the first time, also once somebody else has the next slot."""
    chat, ann, ben = scene.group()
    request = chat.update()
    answer = ben.ask(request)
    chat.handshake = 2
    check(ann.ask(chat.update())["accepted"]["seq"] == "3", "the next one")
    check(ben.ask(request) == answer, "a repeat is answered otherwise")
    check(answer["accepted"]["seq"] == "2", f"{answer}")
    return answer


@case("updateChat", "OK")
def _(scene):
    """A second admin."""
    chat, ann, ben = scene.group()
    answer = ann.ask(chat.update(admins=[ann.person, ben.person]))
    roster = ben.ask({"getChat": {"chatId": chat.id}})["chat"]["roster"]
    check(all(device["admin"] for device in roster), f"{roster}")
    return answer


@cases(COMMITS, "UNKNOWN_CHAT")
def _(scene, command):
    """To a chat that nobody made."""
    return scene.member().ask(good(scene, command, Chat()))


@cases(COMMITS, "NOT_PARTICIPANT")
def _(scene, command):
    """By somebody else."""
    chat, _, _ = scene.group()
    return scene.member().ask(good(scene, command, chat))


@cases(COMMITS, "UNSUPPORTED")
def _(scene, command):
    """Another version of MLS."""
    chat, ann, _ = scene.group()
    return ann.ask(good(scene, command, chat, version=2))


@cases(COMMITS, "STALE_GENERATION")
def _(scene, command):
    """For another generation than the chat's, which the answer names."""
    chat, ann, _ = scene.group()
    answer = ann.ask(good(scene, command, chat, generation=2))
    check(answer["generation"] == 1, f"{answer}")
    return answer


@cases(COMMITS, "TOO_LARGE")
def _(scene, command):
    """More than 192 KiB."""
    chat, ann, _ = scene.group()
    return ann.ask(good(scene, command, chat, ciphertext=bytes(limit("commit_bytes"))))


@cases(COMMITS, "EPOCH_CONFLICT")
def _(scene, command):
    """The slot is taken, which the answer says; in the next one it is accepted."""
    chat, ann, ben = scene.group()
    check(ben.ask(chat.update())["accepted"]["seq"] == "2", "the winner")
    answer = ann.ask(good(scene, command, chat))
    check(answer["handshakeSeq"] == "2", f"{answer}")
    check(ann.ask(good(scene, command, chat, prev=2))["status"] == "OK", "built anew")
    return answer


@cases(COMMITS, "EPOCH_CONFLICT")
def _(scene, command):
    """A slot that is not there yet."""
    chat, ann, _ = scene.group()
    return ann.ask(good(scene, command, chat, prev=2))


@cases(COMMITS, "ROSTER_MISMATCH")
def _(scene, command):
    """Another digest than that of the roster with the changes; the answer has the relay's roster."""
    chat, ann, _ = scene.group()
    answer = ann.ask(good(scene, command, chat, digest=bytes(32)))
    check({raw(device["deviceId"]) for device in answer["roster"]} == set(chat.roster), f"{answer}")
    return answer


@cases(COMMITS, "ROSTER_MISMATCH")
def _(scene, command):
    """It removes a device that is not there."""
    chat, ann, _ = scene.group()
    return ann.ask(good(scene, command, chat, removes=[Person("").device]))


@cases(COMMITS, "LIMIT_EXCEEDED")
def _(scene, command):
    """An 11th device of a user."""
    ann, crowd = scene.member(), scene.person(limit("devices_per_user"))
    chat = scene.group_of(ann, crowd.devices)
    change = {"adds": [Device(crowd)]}
    return ann.ask(chat.update(**change) if command == "updateChat" else chat.add(crowd, **change))


@cases(COMMITS, "INVALID_ARGUMENT")
def _(scene, command):
    """A message in place of a commit."""
    chat, ann, _ = scene.group()
    return ann.ask(good(scene, command, chat, content=APPLICATION))


@cases(COMMITS, "INVALID_ARGUMENT")
def _(scene, command):
    """A generation that is not the one in the group_id."""
    chat, ann, _ = scene.group()
    return ann.ask(good(scene, command, chat, named=2))


@cases(COMMITS, "MALFORMED")
def _(scene, command):
    """authenticated_data that is no CommitAad."""
    chat, ann, _ = scene.group()
    return ann.ask(good(scene, command, chat, aad=b"\xff"))


@cases(COMMITS, "UNKNOWN_USER")
def _(scene, command):
    """It adds somebody who never registered."""
    chat, ann, _ = scene.group()
    stranger = Person("")
    return ann.ask(chat.add(stranger) if command != "updateChat" else chat.update(adds=[stranger.device]))


@cases(COMMITS, "CERTIFICATE_REFUSED")
def _(scene, command):
    """It adds a device that is not in its user's list."""
    chat, ann, _ = scene.group()
    person = scene.person()
    change = {"adds": [Device(person)]}
    return ann.ask(chat.update(**change) if command == "updateChat" else chat.add(person, **change))


@cases(COMMITS, "FORBIDDEN")
def _(scene, command):
    """Somebody who is no admin adds another."""
    chat, _, ben = scene.group()
    person = scene.person()
    return ben.ask(chat.add(person) if command != "updateChat" else chat.update(adds=person.devices))


@cases(COMMITS, "FORBIDDEN")
def _(scene, command):
    """Somebody who is no admin removes another."""
    chat, _, ben, cleo = scene.group(3)
    return ben.ask(chat.remove(cleo.person) if command != "updateChat" else chat.update(removes=cleo.person.devices))


@cases(COMMITS, "FORBIDDEN")
def _(scene, command):
    """Somebody who is no admin makes itself one."""
    chat, _, ben = scene.group()
    return ben.ask(good(scene, command, chat, admins=[ben.person]))


@cases(COMMITS, "FORBIDDEN")
def _(scene, command):
    """A device removes itself."""
    chat, ann, _ = scene.group()
    return ann.ask(chat.remove(ann.person) if command != "updateChat" else chat.update(removes=[ann.device], admins=[]))


@case("modifyChatParticipants", "LIMIT_EXCEEDED")
def _(scene):
    """A 101st user."""
    ann, registrar = scene.member(), scene.connect()
    crowd = [scene.person(connection=registrar).device for _ in range(limit("users_per_chat") - 1)]
    chat = scene.group_of(ann, crowd)
    return ann.ask(chat.add(scene.person()))


@case("modifyChatParticipants", "INVALID_ARGUMENT")
def _(scene):
    """An operation that is none."""
    chat, ann, _ = scene.group()
    request = chat.add(scene.person())
    request["modifyChatParticipants"]["operation"] = "OPERATION_UNSPECIFIED"
    return ann.ask(request)


@case("modifyChatParticipants", "INVALID_ARGUMENT")
def _(scene):
    """An ADD that adds somebody else than its user."""
    chat, ann, _ = scene.group()
    return ann.ask(chat.add(scene.person(), adds=scene.person().devices))


@case("modifyChatParticipants", "INVALID_ARGUMENT")
def _(scene):
    """A REMOVE that leaves a device of the user."""
    ann, ben = scene.member(), scene.person(devices=2)
    chat = scene.group_of(ann, ben.devices)
    return ann.ask(chat.remove(ben, removes=ben.devices[:1]))


@case("modifyChatParticipants", "INVALID_ARGUMENT")
def _(scene):
    """An added device without a Welcome."""
    chat, ann, _ = scene.group()
    return ann.ask(chat.add(scene.person(), welcome=False))


@case("updateChat", "RATE_LIMITED")
def _(scene):
    """A user renews its keys without end; another one of the chat still can."""
    chat, ann, ben = scene.group()
    for _ in range(10):
        answer = ann.ask(chat.update())
        if answer["status"] != "OK":
            break
        chat.handshake += 1
    check(chat.handshake >= 4, f"limited after {chat.handshake - 1}")
    check(ben.ask(chat.update())["status"] == "OK", "somebody else is limited, too")
    return answer


@case("modifyChatParticipants", "RATE_LIMITED")
def _(scene):
    """An admin adds and removes without end."""
    chat, ann, ben = scene.group()
    for turn in range(100):
        answer = ann.ask(chat.add(ben.person) if turn % 2 else chat.remove(ben.person))
        if answer["status"] != "OK":
            break
        chat.roster, chat.admins = chat.after([ben.device] if turn % 2 else [], [] if turn % 2 else [ben.device])
        chat.handshake += 1
    check(turn >= 20, f"limited after {turn}")
    return answer

# ---- getChat and ack


@case("getChat", "OK")
def _(scene):
    """What the relay knows of a chat, also on a peek connection."""
    chat, ann, ben = scene.group()
    answer = scene.online(ben.person, "PEEK").ask({"getChat": {"chatId": chat.id}})
    info = answer["chat"]
    check((info["type"], info["generation"], info["head"], info["handshakeSeq"]) == ("GROUP", 1, "1", "1"), f"{info}")
    admins = {raw(device["userId"]): device.get("admin", False) for device in info["roster"]}
    check(admins == {ann.user: True, ben.user: False}, f"{info}")
    return answer


@case("getChat", "UNKNOWN_CHAT")
def _(scene):
    """A chat that nobody made."""
    return scene.member().ask({"getChat": {"chatId": Chat().id}})


@case("getChat", "NOT_PARTICIPANT")
def _(scene):
    """Somebody else's."""
    chat, _, _ = scene.group()
    return scene.member().ask({"getChat": {"chatId": chat.id}})


@case("getChat", "INVALID_ARGUMENT")
def _(scene):
    """A chatId of the wrong size."""
    return scene.member().ask({"getChat": {"chatId": SHORT}})


@case("ack", "OK")
def _(scene):
    """Not answered; the others are told, and what all have acked is not delivered again."""
    chat, ann, ben = scene.group()
    check(ann.ask(chat.message(1))["status"] == "OK", "a message")
    ben.entries(chat, 2)
    ben.ack(chat, 2)
    receipt = ann.push("deliveryReceipt")
    check(raw(receipt["userId"]) == ben.user and receipt["seq"] == "2", f"{receipt}")
    check(scene.online(ben.person).push("heads") == {"last": True}, "something is owed still")
    check(not ben.connection.answers, "an ack was answered")
    return {"status": "OK"}


@case("ack", "OK")
def _(scene):
    """A cursor beyond what is owed does not move; the others of the same ack do."""
    chat, ann, ben = scene.group()
    other = scene.group_of(ann, [ben.device])
    ben.push("chatJoined", lambda joined: raw(joined["chatId"]) == other.id)
    ben.connection.tell({"ack": {"ackNo": 1, "cursors": [{"chatId": chat.id, "seq": 9}, {"chatId": other.id, "seq": 1}]}})
    receipt = ann.push("deliveryReceipt")
    check(raw(receipt["chatId"]) == other.id, f"{receipt}")
    ben.device.ack_no = 1
    heads = scene.online(ben.person).push("heads")["heads"]
    check([raw(head["chatId"]) for head in heads] == [chat.id], f"{heads}")
    return {"status": "OK"}

# ---- attachments

TOKEN = b"a token"


def announced(member, data, hash=None, size=None):
    return member.ask({"createAttachment": {"hash": hash or sha256(data), "size": len(data) if size is None else size,
                                            "tokenHash": sha256(TOKEN)}})


def attachment(member, data, **wrong):
    answer = announced(member, data, **wrong)
    check(answer["status"] == "OK", f"{answer}")
    return raw(answer["attachmentCreated"]["attachmentId"])


def part(id, offset, data):
    return {"uploadAttachment": {"attachmentId": id, "offset": offset, "data": data}}


@case("createAttachment", "OK")
def _(scene):
    """Under an id that its maker can compute; the same again says where the upload goes on."""
    ann, data = scene.member(), os.urandom(1000)
    id = attachment(ann, data)
    check(id == sha256(b"sotto attachment", ann.user, sha256(data), sha256(TOKEN))[:16], "another id")
    check(ann.ask(part(id, 0, data[:400]))["attachmentCreated"]["offset"] == "400", "the first part")
    answer = announced(ann, data)
    check(answer["attachmentCreated"]["offset"] == "400", f"{answer}")
    return answer


@case("createAttachment", "TOO_LARGE")
def _(scene):
    """More than an attachment may have."""
    return announced(scene.member(), b"", size=limit("attachment_bytes") + 1)


@case("createAttachment", "INVALID_ARGUMENT")
def _(scene):
    """Nothing."""
    return announced(scene.member(), b"")


@case("createAttachment", "RATE_LIMITED")
def _(scene):
    """A device announces more than its quota."""
    ann, size = scene.member(), limit("attachment_bytes")
    for _ in range(1000):
        answer = announced(ann, b"", hash=os.urandom(32), size=size)
        if answer["status"] != "OK":
            break
    return answer


@case("uploadAttachment", "OK")
def _(scene):
    """In parts, over a media connection."""
    person = scene.person()
    media, data = scene.online(person, "MEDIA"), os.urandom(limit("attachment_part_bytes") + 5)
    id = attachment(media, data)
    media.ask(part(id, 0, data[:-5]))
    answer = media.ask(part(id, len(data) - 5, data[-5:]))
    check(answer["attachmentCreated"]["offset"] == str(len(data)), f"{answer}")
    return answer


@case("uploadAttachment", "TOO_LARGE")
def _(scene):
    """A part of more than 128 KiB."""
    ann, data = scene.member(), bytes(limit("attachment_part_bytes") + 1)
    return ann.ask(part(attachment(ann, data), 0, data))


@case("uploadAttachment", "CONFLICT")
def _(scene):
    """Another offset than what was received."""
    ann = scene.member()
    return ann.ask(part(attachment(ann, b"four"), 1, b"our"))


@case("uploadAttachment", "NOT_FOUND")
def _(scene):
    """What was never announced."""
    return scene.member().ask(part(os.urandom(16), 0, b"data"))


@case("uploadAttachment", "FORBIDDEN")
def _(scene):
    """Another user's."""
    return scene.member().ask(part(attachment(scene.member(), b"four"), 0, b"four"))


@case("uploadAttachment", "BAD_SIGNATURE")
def _(scene):
    """Bytes that have not the hash that was announced."""
    ann = scene.member()
    return ann.ask(part(attachment(ann, b"four"), 0, b"five"))


@case("uploadAttachment", "INVALID_ARGUMENT")
def _(scene):
    """An empty part."""
    ann = scene.member()
    return ann.ask(part(attachment(ann, b"four"), 0, b""))


def fetch(id, token=TOKEN, offset=0, most=1000):
    return {"fetchAttachment": {"attachmentId": id, "token": token, "offset": offset, "limit": most}}


@case("fetchAttachment", "OK")
def _(scene):
    """By anybody who has the token, in pieces, also on a media or peek connection."""
    ann, ben, data = scene.member(), scene.person(), os.urandom(1500)
    id = attachment(ann, data)
    ann.ask(part(id, 0, data))
    for kind in ("MAIN", "MEDIA", "PEEK"):
        connection = scene.online(ben, kind)
        first, second = connection.ask(fetch(id)), connection.ask(fetch(id, offset=1000))
        got = raw(first["attachmentPart"]["data"]) + raw(second["attachmentPart"]["data"])
        check(got == data and first["attachmentPart"]["size"] == "1500", "other bytes")
    return second


@case("fetchAttachment", "NOT_FOUND")
def _(scene):
    """What is not there."""
    return scene.member().ask(fetch(os.urandom(16)))


@case("fetchAttachment", "FORBIDDEN")
def _(scene):
    """Another token."""
    ann = scene.member()
    id = attachment(ann, b"four")
    ann.ask(part(id, 0, b"four"))
    return scene.member().ask(fetch(id, b"another token"))


@case("fetchAttachment", "INVALID_ARGUMENT")
def _(scene):
    """An id of the wrong size."""
    return scene.member().ask(fetch(SHORT))


def uploaded(member, data=b"four"):
    id = attachment(member, data)
    check(member.ask(part(id, 0, data))["status"] == "OK", "an upload")
    return id


def reference(id, token=TOKEN):
    return {"referenceAttachment": {"attachmentId": id, "token": token, "recipients": 1}}


@case("referenceAttachment", "OK")
def _(scene):
    """By anybody who has the token: it is there whole."""
    id = uploaded(scene.member())
    answer = scene.member().ask(reference(id))
    check(answer["attachmentCreated"]["offset"] == "4", f"{answer}")
    return answer


@case("referenceAttachment", "NOT_FOUND")
def _(scene):
    """What is not there, or not whole."""
    ann = scene.member()
    check(ann.ask(reference(os.urandom(16)))["status"] == "NOT_FOUND", "a name of nothing")
    return ann.ask(reference(attachment(ann, b"four")))


@case("referenceAttachment", "FORBIDDEN")
def _(scene):
    """Another token."""
    ann = scene.member()
    return ann.ask(reference(uploaded(ann), b"another token"))


@case("referenceAttachment", "INVALID_ARGUMENT")
def _(scene):
    """An id of the wrong size."""
    return scene.member().ask(reference(SHORT))


def received(id, token=TOKEN):
    return {"attachmentReceived": {"attachmentId": id, "token": token}}


@case("attachmentReceived", "OK")
def _(scene):
    """As often as one likes; it can be fetched for a day still."""
    id, ben = uploaded(scene.member()), scene.member()
    ben.ask(received(id))
    answer = ben.ask(received(id))
    check(ben.ask(fetch(id))["status"] == "OK", "gone at once")
    return answer


@case("attachmentReceived", "NOT_FOUND")
def _(scene):
    """What is not there."""
    return scene.member().ask(received(os.urandom(16)))


@case("attachmentReceived", "FORBIDDEN")
def _(scene):
    """Another token."""
    return scene.member().ask(received(uploaded(scene.member()), b"another token"))


@case("attachmentReceived", "INVALID_ARGUMENT")
def _(scene):
    """An id of the wrong size."""
    return scene.member().ask(received(SHORT))
