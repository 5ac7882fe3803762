"""What the story is told with: steps, commands, waiting, and the evidence when something is not as it should be.

Knows chatd's units and folders, and nothing of what it says to people; that is in `people.py`.
"""

import json
import os
import shutil
import subprocess
import sys
import time

# How long something may take on a machine that has much else to do. Reaching it fails the step.
PATIENCE = 30.0

SERVICE = "chatd.service"
SOCKETS = ("chatd-client.socket", "chatd-control.socket")
UNITS = (SERVICE, *SOCKETS)
CONFIG = "/etc/chatd/chatd.toml"
STATE = "/var/lib/chatd"
LOG = "/var/log/chatd/chatd.log"
CONTROL = "/run/chatd/io.chatd.Control"
EXAMPLES = "/usr/share/doc/chatd/examples"
ASIDE = "/root/chatd.aside"
DROP_INS = "/etc/systemd/system/chatd.service.d"

_steps = []


class Unlike(Exception):
    """Something is not as it should be."""


def step(title, settled=True):
    """Makes a function a step of the story, under the sentence that it shows. Steps are told in the order in which they
    are written, each on a chatd that serves with its default settings; `settled=False` leaves things as they are."""

    def keep(function):
        _steps.append((title, function, settled))
        return function

    return keep


def tell():
    """Goes through all steps, or through those whose titles contain one of the words that the program was given, and
    tells how many were not as they should be."""
    words = sys.argv[1:]
    begun_all, told, failed = time.monotonic(), 0, 0
    for number, (title, function, settled) in enumerate(_steps, start=1):
        if words and settled and not any(word in title for word in words):
            continue
        told += 1
        begun, since = time.monotonic(), time.time()
        try:
            if settled:
                settle()
            function()
            print(f"ok {number:3}  {title}  ({time.monotonic() - begun:.1f} s)", flush=True)
        except Exception as error:
            failed += 1
            what = str(error) if isinstance(error, Unlike) else repr(error)
            print(f"FAILED {number}  {title}: {what}", flush=True)
            print(indented(where(error) + evidence(since)), flush=True)
            put_right()
    took = time.monotonic() - begun_all
    print(f"{told} of {len(_steps)} steps, {failed} failed, in {took:.0f} s, {versions()}", flush=True)
    return failed


def where(error):
    """The lines of the story in which it happened."""
    lines, at = [], error.__traceback__
    while at:
        code = at.tb_frame.f_code
        lines.append(f"{os.path.basename(code.co_filename)}:{at.tb_lineno} in {code.co_name}")
        at = at.tb_next
    return "\n".join(lines) + "\n"


def evidence(since):
    """What systemd and the journal say of it."""
    status = run("systemctl", "status", "--no-pager", "--full", "--lines=0", SERVICE).out
    status += "".join(f"{unit}: {' '.join(show(unit, 'ActiveState', 'SubState', 'Result'))}\n" for unit in SOCKETS)
    journal = run("journalctl", "--no-pager", "--output=short-precise", f"--since=@{since:.6f}", "--lines=80").out
    return status + journal


def indented(text):
    return "\n".join("    | " + line for line in text.splitlines())


def versions():
    return run("systemctl", "--version").out.splitlines()[0]


def systemd_version():
    """252 or 257, as a number."""
    return int(versions().split()[1])


# --- Commands --------------------------------------------------------------------------------------------------------


class Ran:
    """A command that has ended: its status, what it wrote, and for the reader how it was called."""

    def __init__(self, command, done):
        self.command, self.status, self.out, self.err = command, done.returncode, done.stdout, done.stderr

    def __str__(self):
        return f"'{' '.join(self.command)}' ended with {self.status}: {(self.out + self.err).strip()}"


def run(*command, user=None, env=None, input="", timeout=PATIENCE):
    """Runs a command to its end, as root or as somebody else."""
    if user:
        command = ("setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", *command)
    try:
        done = subprocess.run(
            command, input=input, capture_output=True, text=True, timeout=timeout, env={**os.environ, **(env or {})}
        )
    except subprocess.TimeoutExpired as expired:
        raise Unlike(f"'{' '.join(command)}' has not ended after {timeout:.0f} s: {expired.stdout} {expired.stderr}")
    return Ran(command, done)


def must(*command, **more):
    """Runs a command that has to succeed, and gives back what it wrote."""
    ran = run(*command, **more)
    same(f"status of {ran}", ran.status, 0)
    return ran.out


def refused(status, *command, **more):
    """Runs a command that has to fail with this status, and gives back what it wrote to standard error."""
    ran = run(*command, **more)
    same(f"status of {ran}", ran.status, status)
    return ran.err


def same(what, is_, should):
    if is_ != should:
        raise Unlike(f"{what} is {is_!r} where {should!r} should be")


def holds(what, text, *words):
    """Every one of these is in the text."""
    for word in words:
        if word not in text:
            raise Unlike(f"{what} does not say {word!r}: {text!r}")


def lacks(what, text, *words):
    for word in words:
        if word in text:
            raise Unlike(f"{what} says {word!r}: {text!r}")


def until(what, ask):
    """Asks again and again until there is an answer that is true, and gives that back."""
    end = time.monotonic() + PATIENCE
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > end:
            raise Unlike(f"waited in vain until {what}")
        time.sleep(0.02)


# --- Units -----------------------------------------------------------------------------------------------------------


def systemctl(*words):
    return must("systemctl", *words)


def show(unit, *properties):
    """What systemd knows of a unit: one value, or several in the order asked for."""
    out = must("systemctl", "show", unit, *(f"--property={name}" for name in properties))
    known = dict(line.split("=", 1) for line in out.splitlines())
    values = [known.get(name, "") for name in properties]
    return values[0] if len(values) == 1 else values


def state(unit=SERVICE):
    return show(unit, "ActiveState")


def pid():
    return int(show(SERVICE, "MainPID"))


def inodes():
    """The listening sockets, by the numbers that the kernel has for them."""
    tcp = must("ss", "--no-header", "--extended", "-tln", "sport = :2428")
    unix = must("ss", "--no-header", "-xl", "src", CONTROL)
    return sorted(word for word in tcp.split() if word.startswith("ino:")) + [unix.split()[5]]


def configure(text):
    """Writes the configuration file, for everyone to read as it was."""
    with open(CONFIG, "w") as file:
        file.write(text)
    os.chmod(CONFIG, 0o644)


def drop_in(name, text, unit=SERVICE):
    """Adds a drop-in and lets systemd read it. It is gone at the next step."""
    folder = f"/etc/systemd/system/{unit}.d"
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/{name}", "w") as file:
        file.write(text)
    systemctl("daemon-reload")


def settle():
    """chatd serves, with its default settings; of what earlier steps have left there is only what people have said."""
    changed = False
    for unit in UNITS:
        folder = f"/etc/systemd/system/{unit}.d"
        if os.path.isdir(folder):
            shutil.rmtree(folder)
            changed = True
    if not os.path.exists(CONFIG) or open(CONFIG).read() != SHIPPED_CONFIG:
        configure(SHIPPED_CONFIG)
        changed = True
    os.chmod(CONFIG, 0o644)
    if changed:
        stop_all()
        systemctl("daemon-reload")
    systemctl("start", *UNITS)


def put_right():
    """A step has broken off: what it may have left in the way of the next ones is taken away, and what people had said
    at the beginning is put back."""
    run("systemctl", "stop", *SOCKETS, SERVICE)
    run("systemctl", "unmask", *UNITS)
    run("systemctl", "unmask", "--runtime", *UNITS)
    run("umount", os.path.dirname(LOG))
    if os.path.isdir(ASIDE):
        run("rm", "-rf", STATE)
        run("cp", "--archive", ASIDE, STATE)


def lay_aside():
    """Keeps what people have said, for `put_right`."""
    stop_all()
    must("cp", "--archive", STATE, ASIDE)


def stop_all():
    """The sockets first: somebody who waits there would start the service again, and that them."""
    systemctl("stop", *SOCKETS, SERVICE)


SHIPPED_CONFIG = ""


def remember_the_shipped_config():
    global SHIPPED_CONFIG
    SHIPPED_CONFIG = open(CONFIG).read()


# --- The journal -----------------------------------------------------------------------------------------------------


class Journal:
    """What was written to the journal from a certain moment on. By the time, because a cursor together with a match
    loses an entry on 252."""

    def __init__(self):
        self.since = f"--since=@{time.time():.6f}"

    def entries(self, *matches):
        return [json.loads(line) for line in self.read("--output=json", "--all", *matches).splitlines()]

    def text(self, *matches):
        return self.read("--output=cat", *matches)

    def read(self, *words):
        must("journalctl", "--sync")
        return must("journalctl", "--no-pager", "--quiet", self.since, *words)

    def waits_for(self, count, *matches):
        """Waits until there are so many, and gives back all that there are then."""

        def enough():
            found = self.entries(*matches)
            return found if len(found) >= count else None

        return until(f"{count} entries are in the journal with {' '.join(matches)}", enough)
