"""People, devices and chats as the relay sees them: real signatures and a real clear header of MLS, no MLS behind it."""

import hashlib
import os

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from wire.proto import sotto_pb2 as pb

APPLICATION, COMMIT = 1, 3


def public(key):
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def u32(number):
    return number.to_bytes(4, "big")


def u64(number):
    return number.to_bytes(8, "big")


class Device:
    def __init__(self, person, era=1):
        self.person = person
        self.id = os.urandom(16)
        self.key = Ed25519PrivateKey.generate()
        self.era = era
        self.session = 0
        self.ack_no = 0

    def certificate(self, version):
        body = pb.DeviceCertificate(
            user_id=self.person.user, identity_key=public(self.person.identity), device_id=self.id,
            device_key=public(self.key), era=self.era, list_version=version, primary=True).SerializeToString()
        return pb.SignedCertificate(body=body, signature=self.person.identity.sign(b"sotto certificate" + body))

    def authentication(self, nonce, kind="MAIN", session=None, ack_no=None, key=None):
        """Authenticate, by default with the next session."""
        if session is None:
            self.session += kind == "MAIN"
            session = self.session if kind == "MAIN" else 0
        ack_no = self.ack_no if ack_no is None else ack_no
        statement = b"".join((b"sotto authenticate", nonce, self.person.user, self.id, u64(pb.ConnectionKind.Value(kind)),
                              u64(session), u64(ack_no)))
        return {"authenticate": {"userId": self.person.user, "deviceId": self.id, "kind": kind, "session": session,
                                 "ackNo": ack_no, "signature": (key or self.key).sign(statement)}}


class Person:
    def __init__(self, handle, devices=1):
        self.handle = handle
        self.identity = Ed25519PrivateKey.generate()
        self.user = sha256(b"sotto user", public(self.identity))[:16]
        self.devices = [Device(self) for _ in range(devices)]
        self.version, self.list_hash = 0, b""

    @property
    def device(self):
        return self.devices[0]

    def device_list(self, version=None, prev_hash=None, user=None, devices=None):
        """The next device list; what is given takes the place of what belongs there."""
        version = self.version + 1 if version is None else version
        body = pb.DeviceList(
            user_id=user or self.user, identity_key=public(self.identity), version=version,
            prev_hash=self.list_hash if prev_hash is None else prev_hash,
            devices=[device.certificate(min(version, self.version + 1)) for device in devices or self.devices],
        ).SerializeToString()
        return {"body": body, "signature": self.identity.sign(b"sotto device list" + body)}

    def took(self, device_list):
        """The relay has it."""
        self.version += 1
        self.list_hash = sha256(device_list["body"])

    def deletion(self, time, key=None):
        """DeleteAccount; `time` in milliseconds since 1970."""
        statement = b"sotto delete account" + self.user + u64(time)
        return {"deleteAccount": {"signature": (key or self.identity).sign(statement), "time": time}}

    def registration(self, nonce, handle=None, device_list=None):
        handle = self.handle if handle is None else handle
        return {"register": {"handle": handle, "deviceList": device_list or self.device_list(),
                             "signature": self.identity.sign(b"sotto register" + nonce + handle.encode())}}


def vector(content):
    """RFC 9420 section 2.1.2."""
    size = len(content)
    if size < 64:
        return bytes([size]) + content
    if size < 16384:
        return (0x4000 | size).to_bytes(2, "big") + content
    return u32(0x80000000 | size) + content


def private_message(chat, generation, content, aad, ciphertext=b"a ciphertext", version=1):
    """An MLS PrivateMessage (RFC 9420 section 6.3): its clear header is all that the relay reads."""
    return b"".join((version.to_bytes(2, "big"), b"\0\2", vector(chat + u32(generation)), u64(7), bytes([content]),
                     vector(aad), vector(b"sender data"), vector(ciphertext)))


def direct_chat_id(one, other):
    digest = bytearray(sha256(b"sotto direct", min(one, other), max(one, other))[:16])
    digest[0] &= 0x7F
    return bytes(digest)


class Chat:
    """What a chat is to its members, and requests that fit it. `roster`: (user, era) of each device."""

    def __init__(self, id=None, kind="GROUP"):
        self.id = id or bytes([0x80 | os.urandom(1)[0]]) + os.urandom(15)
        self.kind = kind
        self.roster, self.admins = {}, set()
        self.handshake = 0

    def digest(self, roster, admins):
        rows = sorted((user, device, era) for device, (user, era) in roster.items())
        return sha256(*(user + device + u32(era) + bytes([user in admins]) for user, device, era in rows))

    def after(self, adds=(), removes=(), admins=None):
        roster = {device: member for device, member in self.roster.items() if device not in {d.id for d in removes}}
        roster |= {device.id: (device.person.user, device.era) for device in adds}
        users = {user for user, _ in roster.values()}
        return roster, users & self.admins if admins is None else {person.user for person in admins}

    def aad(self, adds=(), removes=(), admins=None, digest=None):
        """The CommitAad of a change."""
        roster, admin_users = self.after(adds, removes, admins)
        named = [[pb.CommitAad.Device(user_id=device.person.user, device_id=device.id, era=device.era)
                  for device in devices] for devices in (adds, removes)]
        return pb.CommitAad(
            client_message_id=os.urandom(16), roster_digest=digest or self.digest(roster, admin_users),
            membership_changed=bool(adds or removes), adds=named[0], removes=named[1],
            admins=sorted(admin_users)).SerializeToString()

    @staticmethod
    def welcome(devices):
        secrets = [{"deviceId": device.id, "secret": b"secret of " + device.id} for device in devices]
        return {"shared": b"shared", "secrets": secrets} if secrets else {}

    def creation(self, creator, devices, admins=None, participants=None, aad=None, **change):
        """createChat with these devices. The first admin is the creator's user."""
        adds = [creator, *devices]
        admins = ([creator.person] if self.kind == "GROUP" else []) if admins is None else admins
        users = participants or sorted({device.person.user for device in adds})
        return {"createChat": {"chatId": self.id, "type": self.kind, "participants": users, "commit": {
            "generation": 1, "foundingAad": aad or self.aad(adds, (), admins, **change), "welcome": self.welcome(devices)}}}

    def founded(self, creator, devices):
        """createChat was accepted."""
        self.roster, self.admins = self.after([creator, *devices], (), [creator.person] if self.kind == "GROUP" else [])
        self.handshake = 1
        return self

    def commit(self, adds=(), removes=(), admins=None, digest=None, aad=None, prev=None, generation=1, named=None,
               content=COMMIT, version=1, ciphertext=b"a commit", welcome=True):
        """A commit; what is given takes the place of what belongs there. `named`: the generation in its group_id."""
        aad = self.aad(adds, removes, admins, digest) if aad is None else aad
        return {"generation": generation, "prevHandshake": self.handshake if prev is None else prev,
                "message": private_message(self.id, named or generation, content, aad, ciphertext, version),
                "welcome": self.welcome(adds if welcome else ())}

    def update(self, **change):
        return {"updateChat": {"chatId": self.id, "commit": self.commit(**change)}}

    def add(self, person, **change):
        change = {"adds": person.devices} | change
        return {"modifyChatParticipants": {"chatId": self.id, "userId": person.user, "operation": "ADD",
                                           "commit": self.commit(**change)}}

    def remove(self, person, **change):
        change = {"removes": person.devices} | change
        return {"modifyChatParticipants": {"chatId": self.id, "userId": person.user, "operation": "REMOVE",
                                           "commit": self.commit(**change)}}

    def message(self, n, after=None, generation=1, named=None, content=APPLICATION, version=1, aad=None,
                ciphertext=b"a text"):
        if aad is None:
            aad = pb.MessageAad(client_message_id=os.urandom(16), n=n).SerializeToString()
        return {"sendMessage": {"chatId": self.id, "generation": generation,
                                "afterHandshake": self.handshake if after is None else after,
                                "message": private_message(self.id, named or generation, content, aad, ciphertext,
                                                           version)}}
