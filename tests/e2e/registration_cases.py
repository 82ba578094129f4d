"""What the relay answers about accounts and handles where not everybody may register; as relay_cases.py."""

import re
import subprocess
import time

from processes import PATIENCE, RELAY, check
from relay_scene import Member, case, take_until_limited
from wire_people import Person

PIN, OTHER_PIN = b"p" * 32, b"q" * 32


def number(scene):
    return f"+4930{next(scene.numbers):07}"


def code_of(relay, handle, known=0):
    """The last code that the relay wrote into its log for this number, once there are more than are known."""
    return relay.wait_for(lambda lines: codes_in(lines, handle)[known:], "a code")[-1]


def codes_in(lines, handle):
    pattern = re.compile(re.escape(f"code for {handle}: ") + r"(\d{6})$")
    return [match.group(1) for line in lines if (match := pattern.search(line))]


class Applicant:
    """Somebody who asks for an account, at a connection of an address of their own."""

    def __init__(self, scene, handle):
        self.scene, self.handle = scene, handle
        self.person = Person(handle)
        self.device_list = self.person.device_list()
        self.connection = scene.connect(address=scene.address())

    def request_code(self):
        return self.connection.ask({"requestCode": {"handle": self.handle}})

    def code(self):
        """A code that was sent now. Codes to one number are a second apart at the relay "quick"."""
        deadline = time.monotonic() + PATIENCE
        known = len(codes_in(self.scene.relay.lines, self.handle))
        while (answer := self.request_code())["status"] == "RATE_LIMITED" and time.monotonic() < deadline:
            time.sleep(int(answer["retryAfterMs"]) / 1000)
        check(answer["status"] == "OK", f"requestCode: {answer}")
        return code_of(self.scene.relay, self.handle, known)

    def register(self, **shown):
        request = self.person.registration(self.connection.nonce, device_list=self.device_list)
        request["register"] |= shown
        return self.connection.ask(request)

    def member(self):
        """After registering."""
        self.person.took(self.device_list)
        return Member(self.person, self.scene.online(self.person))


def owner(scene, handle):
    applicant = Applicant(scene, handle)
    check(applicant.register(code=applicant.code())["status"] == "OK", "registering by code")
    return applicant.member()


def moved(scene):
    """Somebody whose handle has moved to another account."""
    handle = number(scene)
    old = owner(scene, handle)
    check(old.ask({"setPin": {"pinHash": PIN}})["status"] == "OK", "setPin")
    new = Applicant(scene, handle)
    check(new.register(code=new.code(), pinHash=PIN)["status"] == "OK", "registering with the PIN")
    notice = old.push("handleNotice")
    check(notice == {"handle": handle, "moved": True}, f"{notice}")
    return old


# ---- requestCode


@case("requestCode", "OK")
def _(scene):
    """A code is sent, of six digits and good for ten minutes; it registers the number."""
    applicant = Applicant(scene.at("code"), number(scene))
    answer = applicant.request_code()
    check(answer["codeSent"] == {"lifetimeMs": "600000", "digits": 6}, f"{answer}")
    done = applicant.register(code=code_of(applicant.scene.relay, applicant.handle))
    check(done["status"] == "OK", f"registering: {done}")
    check(applicant.register()["status"] == "OK", "repeated without the code")
    return answer


@case("requestCode", "UNSUPPORTED")
def _(scene):
    """The relay wants no codes."""
    return Applicant(scene, number(scene)).request_code()


@case("requestCode", "INVALID_ARGUMENT")
def _(scene):
    """A name is no phone number."""
    return Applicant(scene.at("code"), scene.handle()).request_code()


@case("requestCode", "RATE_LIMITED")
def _(scene):
    """Another code for the number, within a minute; another number is not affected."""
    applicant = Applicant(scene.at("code"), number(scene))
    check(applicant.request_code()["status"] == "OK", "requestCode")
    answer = applicant.request_code()
    check(0 < int(answer["retryAfterMs"]) <= 60_000, f"{answer}")
    applicant.handle = number(scene)
    check(applicant.request_code()["status"] == "OK", "another number")
    return answer


# ---- register


@case("register", "CODE_REQUIRED")
def _(scene):
    """The relay wants a code, and none is shown."""
    return Applicant(scene.at("code"), number(scene)).register()


@case("register", "WRONG_CODE")
def _(scene):
    """A code that was sent to another number."""
    scene = scene.at("code")
    one, other = Applicant(scene, number(scene)), Applicant(scene, number(scene))
    return other.register(code=one.code())


@case("register", "INVITE_REQUIRED")
def _(scene):
    """An invitation for one, shown by a second."""
    scene = scene.at("invite")
    done = subprocess.run([RELAY, "invite", "create", "--data", scene.relay.folder], capture_output=True, text=True,
                          check=True)
    invite = done.stdout.strip()
    first = Applicant(scene, scene.handle())
    for _ in range(2):
        answer = first.register(invite=invite)
        check(answer["status"] == "OK", f"the first: {answer}")
    check(Applicant(scene, scene.handle()).register()["status"] == "INVITE_REQUIRED", "without any")
    return Applicant(scene, scene.handle()).register(invite=invite)


@case("register", "PIN_REQUIRED")
def _(scene):
    """The number is locked, and another PIN is shown, with a code that is right."""
    scene = scene.at("quick")
    handle = number(scene)
    check(owner(scene, handle).ask({"setPin": {"pinHash": PIN}})["status"] == "OK", "setPin")
    claimant = Applicant(scene, handle)
    code = claimant.code()
    check(claimant.register(code=code)["status"] == "PIN_REQUIRED", "without a PIN")
    return claimant.register(code=code, pinHash=OTHER_PIN)


@case("register", "HANDLE_PENDING")
def _(scene):
    """The number is an active account's: it is told, and it moves a day later; asked again without the code."""
    scene = scene.at("quick")
    handle = number(scene)
    old = owner(scene, handle)
    claimant = Applicant(scene, handle)
    first = claimant.register(code=claimant.code())
    check(first["status"] == "HANDLE_PENDING" and int(first["retryAfterMs"]) == 86_400_000, f"{first}")
    notice = old.push("handleNotice")
    check(notice["handle"] == handle and int(notice["movesAt"]) > time.time() * 1000, f"{notice}")
    return claimant.register()


# ---- setPin, setDiscovery, keepHandle


@case("setPin", "OK")
def _(scene):
    """Who has the number next gets it at once with the PIN, and the old account is told."""
    handle = moved(scene.at("quick")).person.handle
    check(handle.startswith("+"), handle)
    return scene.member().ask({"setPin": {"pinHash": PIN}})


@case("setPin", "INVALID_ARGUMENT")
def _(scene):
    """No hash."""
    return scene.member().ask({"setPin": {"pinHash": b"2468"}})


@case("setPin", "HANDLE_TAKEN")
def _(scene):
    """The handle has moved to another account."""
    return moved(scene.at("quick")).ask({"setPin": {"pinHash": PIN}})


@case("setDiscovery", "OK")
def _(scene):
    """Who hides is found by nobody else, until they do no more."""
    hidden, other = scene.member(), scene.member()
    answer = hidden.ask({"setDiscovery": {"hidden": True}})
    find = {"findUser": {"handle": hidden.person.handle}}
    check(other.ask(find)["status"] == "UNKNOWN_USER", "found")
    check(hidden.ask(find)["status"] == "OK", "not found by themselves")
    check(hidden.ask({"setDiscovery": {}})["status"] == "OK", "setDiscovery")
    check(other.ask(find)["status"] == "OK", "not found")
    return answer


@case("setDiscovery", "RATE_LIMITED")
def _(scene):
    """Again and again; another user is not affected."""
    other = scene.member()
    limited = take_until_limited(scene.member().connection, {"setDiscovery": {}}, at_least=20)
    check(other.ask({"setDiscovery": {}})["status"] == "OK", "another user")
    return limited


@case("keepHandle", "OK")
def _(scene):
    """Whoever claims it is refused, also with a new code; with nobody who does, nothing happens."""
    scene = scene.at("quick")
    handle = number(scene)
    old = owner(scene, handle)
    check(old.ask({"keepHandle": {}})["status"] == "OK", "with no claim")
    claimant = Applicant(scene, handle)
    check(claimant.register(code=claimant.code())["status"] == "HANDLE_PENDING", "claiming")
    old.push("handleNotice")
    answer = old.ask({"keepHandle": {}})
    check(old.push("handleNotice") == {"handle": handle}, "the claim is over")
    check(claimant.register()["status"] == "HANDLE_TAKEN", "asked again")
    check(claimant.register(code=claimant.code())["status"] == "HANDLE_TAKEN", "with a new code")
    return answer


@case("keepHandle", "HANDLE_TAKEN")
def _(scene):
    """It has moved."""
    return moved(scene.at("quick")).ask({"keepHandle": {}})
