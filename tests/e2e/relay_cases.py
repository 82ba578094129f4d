"""What the relay answers, case by case. Each is a command, a code, and in its docstring what makes the relay say so.

A case is given a Scene and returns the answer that has the code. It is run for each encoding, over a relay that all share,
so each brings its own people and chats."""

import os
import time

from processes import check
from relay_scene import case, take_until_limited
from wire_client import limit, raw
from wire_people import Device, Person, sha256

SHORT = b"15 bytes of 16."

# ---- register


@case("register", "OK")
def _(scene):
    """A new user; the same again is answered as the first time."""
    person, connection = Person(scene.handle()), scene.connect()
    device_list = person.device_list()
    for _ in range(2):
        answer = connection.ask(person.registration(connection.nonce, device_list=device_list))
        check(raw(answer["registered"]["userId"]) == person.user, "another userId")
    return answer


@case("register", "HANDLE_TAKEN")
def _(scene):
    """The handle belongs to another identity key."""
    taken, connection = scene.person().handle, scene.connect()
    return connection.ask(Person(taken).registration(connection.nonce))


@case("register", "BAD_SIGNATURE")
def _(scene):
    """Signed over another nonce."""
    return scene.connect().ask(Person(scene.handle()).registration(bytes(32)))


@case("register", "BAD_SIGNATURE")
def _(scene):
    """The device list is signed by another identity."""
    person, connection = Person(scene.handle()), scene.connect()
    stolen = person.device_list() | {"signature": Person("").device_list()["signature"]}
    return connection.ask(person.registration(connection.nonce, device_list=stolen))


@case("register", "LIST_CONFLICT")
def _(scene):
    """A new user's list is not version 1."""
    person, connection = Person(scene.handle()), scene.connect()
    later = person.device_list(version=2, prev_hash=bytes(32))
    return connection.ask(person.registration(connection.nonce, device_list=later))


@case("register", "CERTIFICATE_REFUSED")
def _(scene):
    """The userId is not that of the identity key."""
    person, connection = Person(scene.handle()), scene.connect()
    return connection.ask(person.registration(connection.nonce, device_list=person.device_list(user=os.urandom(16))))


@case("register", "LIMIT_EXCEEDED")
def _(scene):
    """An 11th device."""
    person, connection = Person(scene.handle(), limit("devices_per_user") + 1), scene.connect()
    return connection.ask(person.registration(connection.nonce))


@case("register", "INVALID_ARGUMENT")
def _(scene):
    """A handle with a space at its end."""
    connection = scene.connect()
    return connection.ask(Person(scene.handle() + " ").registration(connection.nonce))


@case("register", "MALFORMED")
def _(scene):
    """A body that is no DeviceList."""
    person, connection = Person(scene.handle()), scene.connect()
    return connection.ask(person.registration(connection.nonce, device_list={"body": b"\xff", "signature": bytes(64)}))


@case("register", "RATE_LIMITED")
def _(scene):
    """An address registers without end; another one can still register."""
    crowd, other = scene.connect(address=scene.address()), scene.connect(address=scene.address())
    bad = {"register": {"handle": "x"}}
    limited = take_until_limited(crowd, bad, at_least=2000)
    person = Person(scene.handle())
    check(other.ask(person.registration(other.nonce))["status"] == "OK", "another address is limited, too")
    return limited

# ---- authenticate


@case("authenticate", "OK")
def _(scene):
    """A main connection; a newer one replaces it, and media and peek connections stand beside it."""
    person = scene.person()
    media, peek = scene.online(person, "MEDIA"), scene.online(person, "PEEK")
    older = scene.online(person)
    newer = scene.connect()
    answer = newer.ask(person.device.authentication(newer.nonce))
    check(raw(answer["authenticated"]["incarnation"]) == newer.incarnation, "another incarnation than the challenge's")
    check(answer["authenticated"]["deviceListVersion"] == "1", "another version of the device list")
    check(newer.push("heads") == {"last": True}, "heads without chats")
    check(older.closed() == 4001, f"the older one was closed with {older.close_code}")
    for beside in (media, peek):
        check(beside.close_code is None, "a media or peek connection was closed")
    return answer


@case("authenticate", "UNKNOWN_USER")
def _(scene):
    """A user that never registered."""
    connection = scene.connect()
    return connection.ask(Person("").device.authentication(connection.nonce))


@case("authenticate", "FORBIDDEN")
def _(scene):
    """A device that is not in its user's list."""
    connection = scene.connect()
    return connection.ask(Device(scene.person()).authentication(connection.nonce))


@case("authenticate", "BAD_SIGNATURE")
def _(scene):
    """Signed by another device's key."""
    connection = scene.connect()
    return connection.ask(scene.person().device.authentication(connection.nonce, key=Person("").device.key))


@case("authenticate", "BAD_SIGNATURE")
def _(scene):
    """What was signed for another connection."""
    return scene.connect().ask(scene.person().device.authentication(scene.connect().nonce))


@case("authenticate", "ROLLED_BACK")
def _(scene):
    """The same session twice."""
    person, connection = scene.person(), scene.connect()
    scene.online(person)
    return connection.ask(person.device.authentication(connection.nonce, session=person.device.session))


@case("authenticate", "ROLLED_BACK")
def _(scene):
    """An ack_no below the one that the relay has seen."""
    person = scene.person()
    first, second = scene.connect(), scene.connect()
    check(first.ask(person.device.authentication(first.nonce, ack_no=5))["status"] == "OK", "the first")
    return second.ask(person.device.authentication(second.nonce, ack_no=4))


@case("authenticate", "LIMIT_EXCEEDED")
def _(scene):
    """More peek connections than a device has use for."""
    person = scene.person()
    for _ in range(20):
        connection = scene.connect()
        answer = connection.ask(person.device.authentication(connection.nonce, "PEEK"))
        if answer["status"] != "OK":
            break
    return answer


@case("authenticate", "INVALID_ARGUMENT")
def _(scene):
    """A second time on one connection."""
    person = scene.person()
    connection = scene.online(person)
    return connection.ask(person.device.authentication(connection.nonce))


@case("authenticate", "INVALID_ARGUMENT")
def _(scene):
    """An id of the wrong size."""
    return scene.connect().ask({"authenticate": {"userId": SHORT, "deviceId": bytes(16)}})


@case("authenticate", "RATE_LIMITED")
def _(scene):
    """An address tries without end; another one can still authenticate."""
    person = scene.person()
    crowd = scene.connect(address=scene.address())
    forged = person.device.authentication(crowd.nonce, session=1, key=Person("").device.key)
    limited = take_until_limited(crowd, forged, at_least=10_000)
    scene.online(person, address=scene.address())
    return limited

# ---- key packages


@case("publishKeyPackages", "OK")
def _(scene):
    """Published, and published again because the answer was lost: they are not there twice."""
    connection = scene.online(scene.person())
    for _ in range(2):
        answer = connection.ask({"publishKeyPackages": {"keyPackages": [b"one", b"two"], "lastResort": b"last"}})
        check(answer["keyPackagesPublished"] == {"count": 2}, f"{answer}")
    return answer


@case("publishKeyPackages", "LIMIT_EXCEEDED")
def _(scene):
    """More in all than a device may have; nothing of it is taken."""
    connection = scene.online(scene.person())
    most = limit("key_packages_per_device")
    check(connection.ask({"publishKeyPackages": {"keyPackages": [b"one"] * (most - 1)}})["status"] == "OK", "99")
    answer = connection.ask({"publishKeyPackages": {"keyPackages": [b"a", b"b"]}})
    last = connection.ask({"publishKeyPackages": {"keyPackages": [b"c"]}})
    check(last["keyPackagesPublished"] == {"count": most}, f"something was taken: {last}")
    return answer


@case("publishKeyPackages", "TOO_LARGE")
def _(scene):
    """A key package of more than 4 KiB."""
    large = bytes(limit("key_package_bytes") + 1)
    return scene.online(scene.person()).ask({"publishKeyPackages": {"keyPackages": [large]}})


@case("publishKeyPackages", "INVALID_ARGUMENT")
def _(scene):
    """An empty key package."""
    return scene.online(scene.person()).ask({"publishKeyPackages": {"keyPackages": [b""]}})


@case("publishKeyPackages", "RATE_LIMITED")
def _(scene):
    """A user publishes without end."""
    return take_until_limited(scene.online(scene.person()), {"publishKeyPackages": {"lastResort": b"last"}}, 20)


@case("takeKeyPackages", "OK")
def _(scene):
    """Each is given once, then the last resort, again and again; a user that is not there has no list."""
    owner, taker = scene.person(), scene.online(scene.person())
    publisher = scene.online(owner)
    publisher.ask({"publishKeyPackages": {"keyPackages": [b"one", b"two"], "lastResort": b"last"}})
    taken = []
    for _ in range(4):
        answer = taker.ask({"takeKeyPackages": {"userIds": [owner.user, bytes(16)]}})
        known, unknown = answer["keyPackagesTaken"]["users"]
        check("deviceList" in known and "deviceList" not in unknown, f"{answer}")
        taken.append(raw(known["devices"][0]["keyPackage"]))
    check(taken == [b"one", b"two", b"last", b"last"], f"taken: {taken}")
    publisher.push("keyPackagesLow")
    return answer


@case("takeKeyPackages", "LIMIT_EXCEEDED")
def _(scene):
    """More than 20 users at once."""
    users = [os.urandom(16) for _ in range(limit("users_per_take") + 1)]
    return scene.online(scene.person()).ask({"takeKeyPackages": {"userIds": users}})


@case("takeKeyPackages", "INVALID_ARGUMENT")
def _(scene):
    """A user twice."""
    return scene.online(scene.person()).ask({"takeKeyPackages": {"userIds": [bytes(16)] * 2}})


@case("takeKeyPackages", "RATE_LIMITED")
def _(scene):
    """One user's key packages are taken without end by one other; a third one still gets them."""
    owner = scene.person()
    request = {"takeKeyPackages": {"userIds": [owner.user]}}
    limited = take_until_limited(scene.online(scene.person()), request, at_least=60)
    check(scene.online(scene.person()).ask(request)["status"] == "OK", "somebody else is limited, too")
    return limited

# ---- push tokens


def push_token(token, at_least="NORMAL"):
    return {"setPushToken": {"token": token, "atLeast": at_least}}


@case("setPushToken", "OK")
def _(scene):
    """A token, another one in its place, and none; push_test.py shows what the gateway is told."""
    connection = scene.online(scene.person())
    for token in ("t" * limit("push_token_bytes"), "another", "another"):
        check(connection.ask(push_token(token))["status"] == "OK", "not taken")
    return connection.ask(push_token(""))


@case("setPushToken", "TOO_LARGE")
def _(scene):
    """A token above 4 KiB."""
    return scene.online(scene.person()).ask(push_token("t" * (limit("push_token_bytes") + 1)))


@case("setPushToken", "INVALID_ARGUMENT")
def _(scene):
    """Who wants to hear of urgency none."""
    return scene.online(scene.person()).ask(push_token("t", "NONE"))


@case("setPushToken", "RATE_LIMITED")
def _(scene):
    """A device changes it without end."""
    return take_until_limited(scene.online(scene.person()), push_token("t"), at_least=20)

# ---- deleteAccount, logOut


def now():
    return int(time.time() * 1000)


@case("deleteAccount", "OK")
def _(scene):
    """All connections of the user end, the handle is free, others go on, and the userId never comes back."""
    person, witness = scene.person(devices=2), scene.member()
    tablet, media = scene.online(person, device=person.devices[1]), scene.online(person, "MEDIA")
    connection = scene.online(person)
    answer = connection.ask(person.deletion(now()))
    for gone in (connection, tablet, media):
        check(gone.closed() == 4003, f"a connection was closed with {gone.close_code}")
    check(witness.ask({"findUser": {"handle": person.handle}})["status"] == "UNKNOWN_USER", "it is found")
    check(witness.ask({"getDeviceList": {"userId": person.user}})["status"] == "UNKNOWN_USER", "it has a list")
    taken = witness.ask({"takeKeyPackages": {"userIds": [person.user]}})["keyPackagesTaken"]["users"]
    check("deviceList" not in taken[0], "it has key packages")
    other, fresh = Person(person.handle), scene.connect()
    check(fresh.ask(other.registration(fresh.nonce))["status"] == "OK", "the handle is not free")
    return answer


@case("deleteAccount", "BAD_SIGNATURE")
def _(scene):
    """Signed by the device's key."""
    person = scene.person()
    return scene.online(person).ask(person.deletion(now(), key=person.device.key))


@case("deleteAccount", "INVALID_ARGUMENT")
def _(scene):
    """Signed two days ago."""
    person = scene.person()
    return scene.online(person).ask(person.deletion(now() - 2 * 24 * 3600 * 1000))


def deleted(scene):
    person = scene.person()
    connection = scene.online(person)
    check(connection.ask(person.deletion(now()))["status"] == "OK", "not deleted")
    connection.closed()
    return person


@case("register", "ACCOUNT_DELETED")
def _(scene):
    """With the identity key of an account that was deleted, under whatever handle."""
    person, connection = deleted(scene), scene.connect()
    first = person.device_list(version=1, prev_hash=b"")
    check(connection.ask(person.registration(connection.nonce, device_list=first))["status"] == "ACCOUNT_DELETED", "again")
    return connection.ask(person.registration(connection.nonce, handle=scene.handle(), device_list=first))


@case("authenticate", "ACCOUNT_DELETED")
def _(scene):
    """A device of an account that was deleted."""
    person, connection = deleted(scene), scene.connect()
    return connection.ask(person.device.authentication(connection.nonce))


@case("logOut", "OK")
def _(scene):
    """Key packages are forgotten, all connections of the device end, and it may come back."""
    person, witness = scene.person(), scene.member()
    connection, media = scene.online(person), scene.online(person, "MEDIA")
    published = connection.ask({"publishKeyPackages": {"keyPackages": [b"one"], "lastResort": b"the last"}})
    check(published["status"] == "OK", f"publishing: {published}")
    answer = connection.ask({"logOut": {}})
    check(connection.closed() == 1000 and media.closed() == 1000, f"closed with {connection.close_code}")
    taken = witness.ask({"takeKeyPackages": {"userIds": [person.user]}})["keyPackagesTaken"]["users"][0]
    check("keyPackage" not in taken["devices"][0], "it has key packages")
    scene.online(person)
    return answer


@case("logOut", "FORBIDDEN")
def _(scene):
    """On a media connection."""
    return scene.online(scene.person(), "MEDIA").ask({"logOut": {}})

# ---- directory


@case("findUser", "OK")
def _(scene):
    """By the handle."""
    person = scene.person()
    answer = scene.online(scene.person()).ask({"findUser": {"handle": person.handle}})
    check(raw(answer["userFound"]["userId"]) == person.user, "another user")
    return answer


@case("findUser", "UNKNOWN_USER")
def _(scene):
    """A handle that nobody has."""
    return scene.online(scene.person()).ask({"findUser": {"handle": scene.handle()}})


@case("findUser", "INVALID_ARGUMENT")
def _(scene):
    """A phone number of six digits."""
    return scene.online(scene.person()).ask({"findUser": {"handle": "+491234"}})


@case("findUser", "RATE_LIMITED")
def _(scene):
    """A user tries handles without end."""
    return take_until_limited(scene.online(scene.person()), {"findUser": {"handle": "x"}}, at_least=100)


@case("getDeviceList", "OK")
def _(scene):
    """Also on a peek connection."""
    person, reader = scene.person(), scene.person()
    for kind in ("MAIN", "PEEK"):
        answer = scene.online(reader, kind).ask({"getDeviceList": {"userId": person.user}})
        check(sha256(raw(answer["deviceList"]["deviceList"]["body"])) == person.list_hash, "another list")
    return answer


@case("getDeviceList", "UNKNOWN_USER")
def _(scene):
    """A user that is not there."""
    return scene.online(scene.person()).ask({"getDeviceList": {"userId": os.urandom(16)}})


@case("getDeviceList", "INVALID_ARGUMENT")
def _(scene):
    """An id of the wrong size."""
    return scene.online(scene.person()).ask({"getDeviceList": {"userId": SHORT}})


def put(scene, person, device_list):
    return scene.online(person).ask({"putDeviceList": {"deviceList": device_list}})


@case("putDeviceList", "OK")
def _(scene):
    """A second device; the same list again is no conflict; a device that is taken out is closed with 4003."""
    person = scene.person()
    person.devices.append(Device(person))
    added = person.device_list()
    connection = scene.online(person)
    for _ in range(2):
        answer = connection.ask({"putDeviceList": {"deviceList": added}})
        check(answer["status"] == "OK", f"{answer}")
    person.took(added)
    second = scene.online(person, device=person.devices[1])
    removed = person.device_list(devices=person.devices[:1])
    answer = connection.ask({"putDeviceList": {"deviceList": removed}})
    check(second.closed() == 4003, f"closed with {second.close_code}")
    return answer


@case("putDeviceList", "LIST_CONFLICT")
def _(scene):
    """A version that does not follow the stored one."""
    person = scene.person()
    return put(scene, person, person.device_list(version=3))


@case("putDeviceList", "LIST_CONFLICT")
def _(scene):
    """prev_hash is not that of the stored version."""
    person = scene.person()
    return put(scene, person, person.device_list(prev_hash=bytes(32)))


@case("putDeviceList", "CERTIFICATE_REFUSED")
def _(scene):
    """A device with a new key under its old era."""
    person = scene.person()
    person.devices.append(changed := Device(person))
    changed.id = person.device.id
    return put(scene, person, person.device_list(devices=[changed]))


@case("putDeviceList", "LIMIT_EXCEEDED")
def _(scene):
    """An 11th device."""
    person = scene.person(devices=limit("devices_per_user"))
    return put(scene, person, person.device_list(devices=[*person.devices, Device(person)]))


@case("putDeviceList", "FORBIDDEN")
def _(scene):
    """Another user's list."""
    return put(scene, scene.person(), scene.person().device_list())


@case("putDeviceList", "BAD_SIGNATURE")
def _(scene):
    """A signature that does not fit."""
    person = scene.person()
    return put(scene, person, person.device_list() | {"signature": bytes(64)})


@case("putDeviceList", "MALFORMED")
def _(scene):
    """A body that is no DeviceList."""
    return put(scene, scene.person(), {"body": b"\xff", "signature": bytes(64)})


@case("putDeviceList", "RATE_LIMITED")
def _(scene):
    """A user changes its list without end."""
    person = scene.person()
    connection = scene.online(person)
    for _ in range(100):
        device_list = person.device_list()
        answer = connection.ask({"putDeviceList": {"deviceList": device_list}})
        if answer["status"] != "OK":
            break
        person.took(device_list)
    check(person.version > 20, f"limited after {person.version}")
    return answer
