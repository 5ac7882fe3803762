"""The last chapter: an upgrade with people connected, removal, purge."""

import grp
import os
import pwd
import shutil
import threading

from install import PACKAGE
from people import Person, Talker
from stage import SOCKETS, STATE, UNITS
from stage import configure, inodes, must, pid, run, same, settle, show, state, step, until


def rebuilt():
    """The same package with a higher version."""
    must("dpkg-deb", "-R", PACKAGE, "/root/rebuilt", timeout=120)
    with open("/root/rebuilt/DEBIAN/control") as file:
        control = file.read().splitlines()
    control = [line + "+rebuilt" if line.startswith("Version: ") else line for line in control]
    with open("/root/rebuilt/DEBIAN/control", "w") as file:
        file.write("\n".join(control) + "\n")
    must("dpkg-deb", "-Znone", "--root-owner-group", "-b", "/root/rebuilt", "/root/rebuilt.deb", timeout=120)
    shutil.rmtree("/root/rebuilt")
    return "/root/rebuilt.deb"


@step("an upgrade restarts the service and never the sockets; people come back and miss nothing")
def _():
    package = rebuilt()
    anna, boris = Person("anna"), Person("boris")
    follower = boris.follow()
    until("boris is there", lambda: "boris" in run("chatctl", "who").out)
    anna.says("before the upgrade")
    follower.hears("before the upgrade")
    sockets, old = inodes(), pid()
    since = [show(unit, "ActiveEnterTimestampMonotonic") for unit in SOCKETS]
    configure('registration = "closed"\n')
    talking = Talking(anna)
    must("apt-get", "install", "-y", "-o", "Dpkg::Use-Pty=0", package, timeout=120)
    said = talking.ends()
    same("the sockets", inodes(), sockets)
    same("since when they listen", [show(unit, "ActiveEnterTimestampMonotonic") for unit in SOCKETS], since)
    same("whether it is another process", pid() in (0, old), False)
    same("the version", must("dpkg-query", "-W", "-f=${Version}", "chatd").endswith("+rebuilt"), True)
    same("what the admin has set", Talker().greeting["registration"], "closed")
    anna.says("after the upgrade")
    follower.hears("after the upgrade")
    same("heard", follower.ends(), ["before the upgrade", *said, "after the upgrade"])


class Talking:
    """Somebody who goes on talking while something else is done."""

    def __init__(self, person):
        self.person, self.said, self.done = person, [], threading.Event()
        self.thread = threading.Thread(target=self._talk)
        self.thread.start()

    def _talk(self):
        while not self.done.is_set():
            text = f"during the upgrade {len(self.said)}"
            self.person.says(text)
            self.said.append(text)

    def ends(self):
        self.done.set()
        self.thread.join()
        return self.said


@step("removed, nothing listens and nothing runs, and what people said is kept", settled=False)
def _():
    settle()
    must("apt-get", "remove", "-y", "chatd", timeout=120)
    same("the units", [show(unit, "LoadState", "ActiveState") for unit in UNITS], [["not-found", "inactive"]] * 3)
    same("what listens", must("ss", "--no-header", "-tln", "sport = :2428"), "")
    same("the database", os.path.exists(f"{STATE}/chatd.db"), True)
    must("apt-get", "install", "-y", PACKAGE, timeout=120)
    same("the service", state(), "active")
    same("the first words in the lobby", Person("anna").first_words(), "good morning")


@step("purged, nothing is left", settled=False)
def _():
    must("apt-get", "purge", "-y", "chatd", timeout=120)
    for path in (STATE, "/var/log/chatd", "/etc/chatd", "/run/chatd", "/etc/credstore/chatd.first-admin"):
        same(path, os.path.exists(path), False)
    # The journal is the system's, also that of a namespace.
    left = must("find", "/etc", "/usr", "/var", "-name", "*chatd*", "-not", "-path", "/var/log/journal/*")
    same("files", left, "")
    same("the user", [user.pw_name for user in pwd.getpwall() if user.pw_name == "chatd"], [])
    same("the group", [group.gr_name for group in grp.getgrall() if group.gr_name == "chatd"], [])
    same("what has failed", must("systemctl", "--failed", "--plain", "--no-legend"), "")
    same("whether somebody can connect", refuses(), True)


def refuses():
    try:
        Talker()
    except ConnectionRefusedError:
        return True
    return False
