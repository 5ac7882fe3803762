"""chatd ends, in order and otherwise, and comes back; the sockets stay open and nothing acknowledged is lost."""

import os
import signal
import socket
import threading
import time

from people import Person, Talker
from stage import SERVICE, SOCKETS, UNITS, Journal
from stage import drop_in, holds, inodes, must, pid, refused, run, same, show, state, step, stop_all, systemctl, until


class Load:
    """Some people who talk as fast as they are answered, until the server is gone; `acknowledged` is what it took."""

    def __init__(self, people=4):
        self.acknowledged, self.began, self.talking = [], time.monotonic(), set()
        self.threads = [threading.Thread(target=self._talk, args=(number,)) for number in range(people)]
        for thread in self.threads:
            thread.start()
        all_talk = lambda: len(self.talking) == people and len(self.acknowledged) > 200
        until("all of them talk, and some was acknowledged", all_talk)

    def _talk(self, number):
        talker = Talker()
        talker.login()
        try:
            for count in range(100_000):
                text = f"load {self.began} {number} {count}"
                if talker.answer(talker.send("send", to="lobby", text=text, key=text))["type"] == "sent":
                    self.acknowledged.append(text)
                    self.talking.add(number)
        except (ConnectionError, OSError):
            pass

    def ends(self):
        for thread in self.threads:
            thread.join()


def stored(room="lobby"):
    """All texts of a room."""
    talker = Talker()
    talker.login()
    texts, after = [], 0
    while True:
        page = talker.ask("history", room=room, after=after, limit=200)
        texts += [message["text"] for message in page["messages"]]
        if not page["more"]:
            return texts
        after = page["messages"][-1]["seq"]


def struck(number):
    """The daemon gets this signal while people talk. Another one runs in the end, on the same sockets, and what was
    acknowledged is there, once."""
    sockets, old = inodes(), pid()
    load = Load()
    os.kill(old, number)
    load.ends()
    until("another one runs", lambda: state() == "active" and pid() not in (0, old))
    texts = [text for text in stored() if text.startswith("load")]
    missing = set(load.acknowledged) - set(texts)
    same("acknowledged and lost", sorted(missing)[:3], [])
    same("stored twice", len(texts) - len(set(texts)), 0)
    same("the sockets", inodes(), sockets)


@step("kill -9 under load: systemd starts it again, and what was acknowledged is there, once")
def _():
    struck(signal.SIGKILL)


@step("hanging under load it is ended by the watchdog and comes back, and nothing acknowledged is lost")
def _():
    drop_in("quick.conf", "[Service]\nWatchdogSec=2s\n")
    systemctl("restart", SERVICE)
    journal = Journal()
    struck(signal.SIGSTOP)
    holds("the journal", journal.text("--unit", SERVICE), "Watchdog timeout", "Failed with result 'watchdog'")


@step("the watchdog is fed: a daemon with nothing to do stays")
def _():
    drop_in("quick.conf", "[Service]\nWatchdogSec=1s\n")
    systemctl("restart", SERVICE)
    old = pid()
    # Three times as long as it would live unfed, and in front of somebody who waits.
    talker = Talker()
    for _ in range(3):
        last = show(SERVICE, "WatchdogTimestampMonotonic")
        until("it is fed again", lambda: show(SERVICE, "WatchdogTimestampMonotonic") != last)
    same("the process", pid(), old)
    same("the echo", talker.ask("echo", text="still")["text"], "still")


@step("systemctl restart refuses nobody: whoever connects meanwhile waits and is served")
def _():
    sockets, old = inodes(), pid()
    done = threading.Event()
    echoes, refusals = [], []

    def knock():
        while not done.is_set():
            try:
                echoes.append(Talker().ask("echo", text="knock")["text"])
            except ConnectionRefusedError as error:
                refusals.append(error)
            except ConnectionError:
                pass  # Was served by the one that stopped, and is to come again.

    knocking = threading.Thread(target=knock)
    knocking.start()
    systemctl("restart", SERVICE)
    before = len(echoes)
    until("somebody is served by the new one", lambda: len(echoes) > before + 3)
    done.set()
    knocking.join()
    same("refused", refusals, [])
    same("the sockets", inodes(), sockets)
    same("whether it is another one", pid() == old, False)


@step("whoever was talking is told good-bye, comes back by themselves, and misses nothing")
def _():
    follower = Person("boris").follow()
    until("boris is there", lambda: "boris" in run("chatctl", "who").out)
    anna = Person("anna")
    anna.says("before the restart")
    follower.hears("before the restart")
    systemctl("restart", SERVICE)
    anna.says("after the restart")
    follower.hears("after the restart")
    same("heard", follower.ends(), ["before the restart", "after the restart"])


@step("systemctl stop leaves the sockets open, and whoever connects starts it again")
def _():
    sockets = inodes()
    systemctl("stop", SERVICE)
    same("the service", show(SERVICE, "ActiveState", "Result"), ["inactive", "success"])
    same("the sockets", inodes(), sockets)
    same("the echo", Talker().ask("echo", text="you there?")["text"], "you there?")
    until("it is up", lambda: state() == "active")


@step("chatctl starts it, too, by its own socket")
def _():
    systemctl("stop", SERVICE)
    must("chatctl", "wait", "--timeout", "20s")
    until("it is up", lambda: state() == "active")


@step("chatctl shutdown ends it in order, and systemd leaves it so until somebody connects")
def _():
    journal = Journal()
    told = must("chatctl", "shutdown", "--yes", "--message", "back soon")
    holds("its answer", told, "systemctl stop chatd-client.socket chatd-control.socket")
    until("it has ended", lambda: state() == "inactive")
    same("the result", show(SERVICE, "Result", "NRestarts"), ["success", "0"])
    holds("the journal", journal.text("--unit", SERVICE), "Deactivated successfully")
    same("the echo", Talker().ask("echo", text="back?")["text"], "back?")


@step("stopped with its sockets nobody can connect; systemctl start brings all three")
def _():
    stop_all()
    same("the units", [state(unit) for unit in UNITS], ["inactive"] * 3)
    try:
        Talker()
        raise AssertionError("somebody was let in")
    except ConnectionRefusedError:
        pass
    refused(3, "chatctl", "status")
    systemctl("start", SERVICE)
    same("the units", [state(unit) for unit in UNITS], ["active"] * 3)
    must("chatctl", "status")


@step("disable and enable, as the unit explains them, take and bring all three")
def _():
    systemctl("disable", "--now", *SOCKETS, SERVICE)
    same("the units", [show(unit, "ActiveState", "UnitFileState") for unit in UNITS], [["inactive", "disabled"]] * 3)
    systemctl("enable", "--now", SERVICE)
    same("the units", [show(unit, "ActiveState", "UnitFileState") for unit in UNITS], [["active", "enabled"]] * 3)


@step("where IPv6 is switched off, 127.0.0.1 is served")
def _():
    stop_all()
    must("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
    try:
        systemctl("start", SERVICE)
        same("the echo", Talker().ask("echo", text="four")["text"], "four")
    finally:
        must("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=0")
        stop_all()


@step("sockets of which somebody else has the port say so, and chatd is not started without them")
def _():
    stop_all()
    with socket.create_server(("127.0.0.1", 2428)):
        journal = Journal()
        failed = run("systemctl", "start", SERVICE)
        same("whether it was started", failed.status == 0, False)
        holds("the journal", journal.text(), "Address already in use")
