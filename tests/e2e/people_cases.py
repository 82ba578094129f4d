"""What the relay answers about profiles, blocks, ephemerals and read marks; see relay_cases.py."""

import os

from processes import check
from relay_scene import case, cases, take_until_limited
from wire_client import limit, raw
from wire_people import Chat, direct_chat_id, sha256

SHORT = b"15 bytes of 16."
TOKEN = b"t" * 32
SIGNALS = ("sendEphemeral", "setReadMark")


def set_profile(profile, version):
    return {"setProfile": {"profile": profile, "version": version, "tokenHash": sha256(TOKEN)}}


def get_profile(user, token=TOKEN):
    return {"getProfile": {"userId": user, "token": token}}


def signal(command, chat, payload=b"sealed", generation=1):
    return {command: {"chatId": chat if isinstance(chat, bytes) else chat.id, "generation": generation, "payload": payload}}

# ---- profiles


@case("setProfile", "OK")
def _(scene):
    """Set, and set again because the answer was lost; then a newer one."""
    connection = scene.online(scene.person())
    for _ in range(2):
        check(connection.ask(set_profile(b"one", 1))["status"] == "OK", "the first")
    return connection.ask(set_profile(b"two", 2))


@case("setProfile", "CONFLICT")
def _(scene):
    """A version that is not newer than the stored one."""
    connection = scene.online(scene.person())
    connection.ask(set_profile(b"two", 2))
    return connection.ask(set_profile(b"one", 1))


@case("setProfile", "TOO_LARGE")
def _(scene):
    """More than 64 KiB."""
    return scene.online(scene.person()).ask(set_profile(bytes(limit("profile_bytes") + 1), 1))


@case("setProfile", "INVALID_ARGUMENT")
def _(scene):
    """Version 0."""
    return scene.online(scene.person()).ask(set_profile(b"none", 0))


@case("setProfile", "RATE_LIMITED")
def _(scene):
    """A user changes it without end."""
    connection = scene.online(scene.person())
    for version in range(1, 100):
        answer = connection.ask(set_profile(b"x", version))
        if answer["status"] != "OK":
            break
    check(version > 20, f"limited after {version}")
    return answer


@case("getProfile", "OK")
def _(scene):
    """To who shows its token."""
    person = scene.person()
    scene.online(person).ask(set_profile(b"sealed", 7))
    answer = scene.online(scene.person()).ask(get_profile(person.user))
    check(raw(answer["profile"]["profile"]) == b"sealed" and answer["profile"]["version"] == "7", f"{answer}")
    return answer


@case("getProfile", "FORBIDDEN")
def _(scene):
    """Another token."""
    person = scene.person()
    scene.online(person).ask(set_profile(b"sealed", 1))
    return scene.online(scene.person()).ask(get_profile(person.user, os.urandom(32)))


@case("getProfile", "NOT_FOUND")
def _(scene):
    """A user that has none."""
    return scene.online(scene.person()).ask(get_profile(scene.person().user))


@case("getProfile", "INVALID_ARGUMENT")
def _(scene):
    """A token of the wrong size."""
    return scene.online(scene.person()).ask(get_profile(scene.person().user, SHORT))


@case("getProfile", "RATE_LIMITED")
def _(scene):
    """A user looks at profiles without end."""
    return take_until_limited(scene.online(scene.person()), get_profile(os.urandom(16)), at_least=1000)

# ---- blocks


@case("setBlockList", "OK")
def _(scene):
    """Who is blocked founds no chat with its blocker; the empty list ends it."""
    ann, ben = scene.member(), scene.member()
    direct = Chat(direct_chat_id(ann.user, ben.user), "DIRECT").creation(ann.device, [ben.device])
    check(ben.ask({"setBlockList": {"userIds": [ann.user]}})["status"] == "OK", "the list")
    check(ann.ask(direct)["status"] == "BLOCKED", "a chat with the blocker")
    answer = ben.ask({"setBlockList": {}})
    check(ann.ask(direct)["status"] == "OK", "after the block")
    return answer


@case("setBlockList", "LIMIT_EXCEEDED")
def _(scene):
    """More than 2,000 users."""
    users = [os.urandom(16) for _ in range(limit("blocked_users") + 1)]
    return scene.online(scene.person()).ask({"setBlockList": {"userIds": users}})


@case("setBlockList", "INVALID_ARGUMENT")
def _(scene):
    """An id of the wrong size."""
    return scene.online(scene.person()).ask({"setBlockList": {"userIds": [SHORT]}})


@case("setBlockList", "RATE_LIMITED")
def _(scene):
    """A user changes it without end."""
    return take_until_limited(scene.online(scene.person()), {"setBlockList": {}}, at_least=50)


@case("createChat", "BLOCKED")
def _(scene):
    """With somebody who blocks its creator."""
    ann, ben = scene.member(), scene.member()
    ben.ask({"setBlockList": {"userIds": [ann.user]}})
    return ann.ask(Chat().creation(ann.device, [ben.device]))


@case("modifyChatParticipants", "BLOCKED")
def _(scene):
    """Adds somebody who blocks the admin."""
    chat, ann, _ = scene.group()
    ben = scene.member()
    ben.ask({"setBlockList": {"userIds": [ann.user]}})
    return ann.ask(chat.add(ben.person))


@case("updateChat", "BLOCKED")
def _(scene):
    """The same in the form of a repair."""
    chat, ann, _ = scene.group()
    ben = scene.member()
    ben.ask({"setBlockList": {"userIds": [ann.user]}})
    return ann.ask(chat.update(adds=ben.person.devices))

# ---- ephemerals and read marks


@case("sendEphemeral", "OK")
def _(scene):
    """The others get it, and who sent it does not; who connects later does not, either."""
    chat, ann, ben = scene.group()
    answer = ann.ask(signal("sendEphemeral", chat, b"typing"))
    push = ben.push("ephemeral")
    check(raw(push["payload"]) == b"typing" and raw(push["senderUser"]) == ann.user and
          raw(push["senderDevice"]) == ann.device.id, f"{push}")
    late = scene.online(ben.person)
    late.push("heads", lambda heads: heads.get("last"))
    ann.ask(signal("sendEphemeral", chat, b"again"))
    check(raw(late.push("ephemeral")["payload"]) == b"again", "what was said before came, too")
    return answer


@case("setReadMark", "OK")
def _(scene):
    """The others get it, at once or when they connect."""
    chat, ann, ben = scene.group()
    ann.ask(signal("setReadMark", chat, b"1"))
    check(raw(ben.push("readMark")["payload"]) == b"1", "the first")
    ben.connection.close()
    answer = ann.ask(signal("setReadMark", chat, b"2"))
    late = scene.online(ben.person)
    push = late.push("readMark")
    check(raw(push["payload"]) == b"2" and raw(push["senderUser"]) == ann.user, f"{push}")
    return answer


@cases(SIGNALS, "UNKNOWN_CHAT")
def _(scene, command):
    """A chat that is not there."""
    return scene.online(scene.person()).ask(signal(command, os.urandom(16)))


@cases(SIGNALS, "NOT_PARTICIPANT")
def _(scene, command):
    """Somebody who is not in the chat."""
    chat, *_ = scene.group()
    return scene.online(scene.person()).ask(signal(command, chat))


@cases(SIGNALS, "STALE_GENERATION")
def _(scene, command):
    """A generation that the chat does not have."""
    chat, ann, _ = scene.group()
    answer = ann.ask(signal(command, chat, generation=2))
    check(answer["generation"] == 1, f"{answer}")
    return answer


@cases(SIGNALS, "TOO_LARGE")
def _(scene, command):
    """More than 1 KiB."""
    chat, ann, _ = scene.group()
    return ann.ask(signal(command, chat, bytes(limit("signal_bytes") + 1)))


@cases(SIGNALS, "INVALID_ARGUMENT")
def _(scene, command):
    """Nothing in it."""
    chat, ann, _ = scene.group()
    return ann.ask(signal(command, chat, b""))


@cases(SIGNALS, "RATE_LIMITED")
def _(scene, command):
    """A user signals in a chat without end; the other one still may."""
    chat, ann, ben = scene.group()
    limited = take_until_limited(ann.connection, signal(command, chat), at_least=60)
    check(ben.ask(signal(command, chat))["status"] == "OK", "the other one is limited, too")
    return limited
