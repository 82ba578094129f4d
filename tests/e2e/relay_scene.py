"""What the cases of relay_cases.py and chat_cases.py are made of."""

import itertools

from processes import check
from wire_client import ENCODINGS, Connection, RawSocket, raw, read_frame
from wire_people import Chat, Person

# (command, code, what the docstring says, function), in the order of the files.
CASES = []


def case(command, code):
    """Registers a case."""
    def register(function):
        CASES.append((command, code, function.__doc__, function))
        return function
    return register


def cases(commands, code):
    """Registers a case of several commands; the function gets the command, too."""
    def register(function):
        for command in commands:
            CASES.append((command, code, function.__doc__, lambda scene, command=command: function(scene, command)))
        return function
    return register


def take_until_limited(connection, request, at_least):
    """Asks again and again; the first refusal by rate, which must not come before so many."""
    asked, most = 0, 10 * at_least + 100
    while asked < most:
        for answer in connection.ask_all([request] * 50):
            if answer["status"] == "RATE_LIMITED":
                check(asked >= at_least, f"limited after {asked}, not {at_least}")
                check(int(answer.get("retryAfterMs", 0)) > 0, "limited without saying for how long")
                return answer
            asked += 1
    return {"status": f"not limited within {asked}"}


def raw_session(relay, encoding, person, kind="MAIN"):
    """A RawSocket that has authenticated, and read nothing that came after."""
    peer = RawSocket(relay).upgrade(ENCODINGS[encoding])
    challenge = read_frame(encoding, peer.next_frame()[1])[0]["push"]["challenge"]
    peer.ask(encoding, [person.device.authentication(raw(challenge["nonce"]), kind)])
    answer = read_frame(encoding, peer.next_frame()[1])[0]
    check("authenticated" in answer["response"], f"authenticating: {answer}")
    return peer


class Member:
    """A person in a chat, with a connection."""

    def __init__(self, person, connection):
        self.person, self.connection = person, connection
        self.ask, self.push = connection.ask, connection.push
        self.user, self.device = person.user, person.device

    def ack(self, chat, seq):
        self.device.ack_no += 1
        self.connection.tell({"ack": {"cursors": [{"chatId": chat.id, "seq": seq}], "ackNo": self.device.ack_no}})

    def entries(self, chat, up_to):
        """Takes pushes until the entry of this seq came; the entries of the last push."""
        return self.push("entries", lambda push: raw(push["chatId"]) == chat.id and
                         int(push["entries"][-1]["seq"]) >= up_to)["entries"]


class Scene:
    """A relay, one encoding, and people who do not know each other."""

    numbers = itertools.count(1)

    def __init__(self, relay, encoding, others=()):
        """`others`: relays that run otherwise, by name."""
        self.relay, self.encoding, self.others = relay, encoding, dict(others)
        self.connections = []

    def at(self, name):
        """The same at another relay."""
        scene = Scene(self.others[name], self.encoding)
        scene.connections = self.connections
        return scene

    def handle(self):
        return f"person {next(self.numbers)}"

    def address(self):
        """One of this machine's own that nobody else uses."""
        number = next(self.numbers)
        return f"127.1.{number // 250}.{number % 250 + 1}"

    def connect(self, encoding=None, **options):
        self.connections.append(Connection(self.relay, encoding or self.encoding, **options))
        return self.connections[-1]

    def person(self, devices=1, connection=None):
        """Somebody who is registered."""
        person = Person(self.handle(), devices)
        connection = connection or self.connect()
        device_list = person.device_list()
        answer = connection.ask(person.registration(connection.nonce, device_list=device_list))
        check(answer["status"] == "OK", f"registering: {answer}")
        person.took(device_list)
        return person

    def online(self, person, kind="MAIN", device=None, **options):
        connection = self.connect(**options)
        answer = connection.ask((device or person.device).authentication(connection.nonce, kind))
        check(answer["status"] == "OK", f"authenticating: {answer}")
        return connection

    def member(self):
        person = self.person()
        return Member(person, self.online(person))

    def group(self, size=2):
        """A chat of so many people, the first of them its admin, and these."""
        members = [self.member() for _ in range(size)]
        return self.group_of(members[0], [member.device for member in members[1:]]), *members

    @staticmethod
    def group_of(admin, devices):
        chat = Chat()
        answer = admin.ask(chat.creation(admin.device, devices))
        check(answer["status"] == "OK", f"creating a chat: {answer}")
        return chat.founded(admin.device, devices)

    def end(self):
        for connection in self.connections:
            connection.close()
        self.connections.clear()
