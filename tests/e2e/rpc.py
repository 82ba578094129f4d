"""sotto-rpc processes: every line that goes in or comes out is checked against the schema."""

import json
import os
import threading
import time

import jsonschema

from processes import BUILD, PATIENCE, Failure, Process, check
from websocket import WebSocket

RPC = os.environ.get("SOTTO_RPC", os.path.join(BUILD, "examples", "sotto-rpc"))
SCHEMA = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "rpc.schema.json")

with open(SCHEMA, encoding="utf-8") as file:
    schema = json.load(file)
jsonschema.Draft202012Validator.check_schema(schema)


def validator(name):
    return jsonschema.Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": schema["$defs"]})


LINE, REQUEST = validator("line"), validator("request")
RESULTS = {name: validator(f"results/{name}") for name in schema["$defs"]["commands"]}


def conforms(checker, value, what):
    problem = jsonschema.exceptions.best_match(checker.iter_errors(value))
    check(problem is None, f"{what} does not fit the schema: {problem.message if problem else ''}: {value}")


class Lines:
    """What came over one conversation, and how to ask over it. `write` sends one text."""

    def begin(self):
        self.answers, self.events, self.others = {}, [], []
        self.asked = 0
        self.broken = None
        self.news = threading.Condition()

    def heard(self, text):
        """A line from sotto-rpc, on the thread that reads."""
        try:
            value = json.loads(text)
            conforms(LINE, value, "a line")
        except (ValueError, Failure) as problem:
            value = {"broken": str(problem)}
        with self.news:
            if "event" in value:
                self.events.append(value["event"])
            elif value.get("id") is not None:
                self.answers[value["id"]] = value
            elif "broken" in value:
                self.broken = value["broken"]
            else:
                self.others.append(value)
            self.news.notify_all()

    def until(self, found, what, patience=PATIENCE):
        deadline = time.monotonic() + patience
        with self.news:
            while True:
                check(self.broken is None, self.broken)
                result = found()
                if result:
                    return result
                left = deadline - time.monotonic()
                check(left > 0 and self.alive(), f"{what}: it never came; the last events: {self.events[-3:]}")
                self.news.wait(min(left, 0.5))

    def start_asking(self, command, fields):
        self.asked += 1
        self.write(json.dumps({"id": self.asked, command: fields}, ensure_ascii=False))
        return self.asked

    def try_ask(self, command, /, **fields):
        """The whole answer."""
        number = self.start_asking(command, fields)
        answer = self.until(lambda: self.answers.get(number), f"{command} {fields}")
        if "result" in answer:
            conforms(REQUEST, {"id": number, command: fields}, "a request that was carried out")
            conforms(RESULTS[command], answer["result"], f"what {command} gave")
        return answer

    def ask(self, command, /, **fields):
        answer = self.try_ask(command, **fields)
        check("error" not in answer, f"{command} {fields}: {answer}")
        return answer["result"]

    def refused(self, code, command, /, **fields):
        answer = self.try_ask(command, **fields)
        check(answer.get("error", {}).get("code") == code, f"{command} {fields}: {answer}, not {code}")
        return answer

    def event(self, fits, what):
        return self.until(lambda: next((event for event in self.events if fits(event)), None), what)

    def text_event(self, text):
        return self.event(lambda event: event["kind"] == "messageAdded" and event["message"].get("message") == text,
                          f"the text {text}")


class Rpc(Process, Lines):
    """sotto-rpc on standard input and output."""

    def __init__(self, name, folder, relay, arguments=()):
        self.name, self.folder, self.relay = name, folder, relay
        self.begin()
        super().__init__([RPC, "--data", folder, "--relay", relay.url, "--ca", relay.ca, *arguments])

    def took(self, line):
        if line.startswith("{"):  # else a line of its log
            self.heard(line)

    def alive(self):
        return not self.ended

    def write(self, text):
        try:
            self.child.stdin.write(text + "\n")
            self.child.stdin.flush()
        except BrokenPipeError:
            pass

    def register(self):
        self.user = self.ask("register", handle=self.name)["userId"]
        return self

    def again(self, arguments=()):
        return Rpc(self.name, self.folder, self.relay, arguments)

    def end_input(self):
        self.child.stdin.close()
        return self.exit_code()

    def token(self):
        """What a program on the WebSocket shows."""
        with open(os.path.join(self.folder, "rpc-token"), encoding="ascii") as file:
            return file.read().strip()

    def program(self):
        """One more conversation with this process, which was started with --listen."""
        self.until(lambda: self.others, "where it listens")
        return Program(self.others[0]["listening"], self.token())


class Program(Lines):
    """A program on the local WebSocket of a sotto-rpc."""

    def __init__(self, url, token):
        self.begin()
        self.closed = None
        self.socket = WebSocket(url, [f"Authorization: Bearer {token}"])
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while True:
            text = self.socket.receive()
            if isinstance(text, int):
                with self.news:
                    self.closed = text
                    self.news.notify_all()
                return
            self.heard(text)

    def alive(self):
        return self.closed is None

    def write(self, text):
        self.socket.send(text)
