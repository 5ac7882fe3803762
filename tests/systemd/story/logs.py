"""What is logged: in the journal with its fields and explanations, in chatd's own file, and nowhere what people say."""

import json
import os
import re

from people import PASSWORD, Talker
from stage import LOG, SERVICE, Journal, Unlike
from stage import drop_in, holds, lacks, must, run, same, state, step, stop_all, systemctl, until

CATALOG = "/usr/lib/systemd/catalog/chatd.catalog"


def about(subject):
    """What finds the entries which the catalog explains under this subject."""
    with open(CATALOG) as file:
        found = re.search(rf"^-- ([0-9a-f]{{32}})\nSubject: {re.escape(subject)}$", file.read(), re.MULTILINE)
    if not found:
        raise Unlike(f"the catalog has no page {subject!r}")
    return f"MESSAGE_ID={found[1]}"


def login(password=PASSWORD):
    """lena logs in, or tries to."""
    talker = Talker()
    return talker, talker.answer(talker.send("login", name="lena", password=password))


@step("a login stands in the journal with who, from where, and which session")
def _():
    journal = Journal()
    login()
    entry = journal.waits_for(1, about("somebody has logged in"))[-1]
    same("CHATD_USER", entry["CHATD_USER"], "lena")
    holds("CHATD_PEER", entry["CHATD_PEER"], "127.0.0.1")
    holds("CHATD_SESSION", must("chatctl", "sessions"), entry["CHATD_SESSION"])
    same("PRIORITY", entry["PRIORITY"], "6")
    same("the unit", entry["_SYSTEMD_UNIT"], SERVICE)
    same("the identifier", entry["SYSLOG_IDENTIFIER"], "chatd")


@step("a refused login stands there with the name that was tried")
def _():
    journal = Journal()
    login(password="a wrong password")
    entry = journal.waits_for(1, about("a login was refused"))[-1]
    same("CHATD_USER", entry["CHATD_USER"], "lena")
    holds("CHATD_PEER", entry["CHATD_PEER"], "127.0.0.1")
    same("PRIORITY", entry["PRIORITY"], "6")


@step("journalctl -x explains what has happened and what to do")
def _():
    journal = Journal()
    login()
    matches = about("somebody has logged in")
    entry = journal.waits_for(1, matches)[-1]
    explained = journal.read("-x", matches)
    holds("the explanation", explained, "Subject: somebody has logged in", "lena gave the right password",
          f"chatctl session revoke {entry['CHATD_SESSION']}")
    lacks("the explanation", explained, "@")


@step("all that is in the catalog is read by journalctl")
def _():
    with open(CATALOG) as file:
        numbers = re.findall(r"^-- ([0-9a-f]{32})$", file.read(), re.MULTILINE)
    same("pages that journalctl has",
         len(re.findall(r"^Subject: ", must("journalctl", "--dump-catalog", *numbers), re.MULTILINE)), len(numbers))


@step("neither what people say nor passwords nor tokens are logged, at any level")
def _():
    journal = Journal()
    must("chatctl", "log", "level", "trace", "--yes")
    talker, welcome = login()
    talker.ask("send", to="lobby", text="hush-hush")
    token = welcome["token"]
    Talker().ask("resume", token=token)
    must("chatctl", "user", "add", "carla", "--yes", input="carla and her secret\n")
    run("chatctl", "user", "remove", "carla", "--yes")
    must("chatctl", "log", "level", "info", "--yes")
    with open(LOG) as file:
        logged = file.read() + json.dumps(journal.entries("--unit", SERVICE))
    lacks("the log", logged, "hush-hush", PASSWORD, token, "carla and her secret")
    holds("the log", logged, "lena")


@step("log off and log on act on chatd's own log")
def _():
    must("chatctl", "log", "off", "--yes")
    size = os.path.getsize(LOG)
    login()
    same("the size of the file", os.path.getsize(LOG), size)
    must("chatctl", "log", "on", "--yes")
    login()
    until("it grows again", lambda: os.path.getsize(LOG) > size)
    holds("log show", must("chatctl", "log", "show"), "lena")


@step("clear-log empties chatd's own log, and says what it has not cleared and how to")
def _():
    login()
    until("something is in it", lambda: os.path.getsize(LOG) > 0)
    told = must("chatctl", "clear-log", "--yes")
    holds("its answer", told, "journal", "journalctl")
    with open(LOG) as file:
        lacks("the file", file.read(), "lena")


@step("the example namespace.conf gives chatd a journal that can be cleared alone")
def _():
    from examples import follow

    follow("namespace.conf")
    login()

    def own(*words):
        must("journalctl", "--namespace=chatd", "--sync")
        return must("journalctl", "--namespace=chatd", "--no-pager", *words)

    until("the login is in the namespace", lambda: "lena" in own(about("somebody has logged in")))
    others = len(must("journalctl", "--no-pager", "--boot").splitlines())

    def cleared():
        # Only what is older than a second goes.
        must("journalctl", "--namespace=chatd", "--rotate", "--vacuum-time=1s")
        return "logged in" not in own()

    until("it is cleared", cleared)
    same("whether the journal of the others is whole",
         len(must("journalctl", "--no-pager", "--boot").splitlines()) >= others, True)


@step("without a journal chatd logs to its own file and to standard error, with priorities")
def _():
    stop_all()
    drop_in("no-journal.conf", "[Service]\nInaccessiblePaths=/run/systemd/journal\n")
    journal = Journal()
    systemctl("start", SERVICE)
    login(password="a wrong password")
    lines = journal.waits_for(3, "_TRANSPORT=stdout", "_COMM=chatd")
    told = {entry["PRIORITY"]: entry["MESSAGE"] for entry in lines}
    holds("the warning", told["4"], "journal")
    holds("what is normal", told["6"], "login refused", "lena")
    holds("log show", must("chatctl", "log", "show"), "lena")


@step("a log folder that is full costs lines and nothing else, and that is said once")
def _():
    stop_all()
    must("mount", "-t", "tmpfs", "-o", "size=4k,mode=700,uid=chatd,gid=chatd", "none", os.path.dirname(LOG))
    try:
        journal = Journal()
        systemctl("start", SERVICE)
        for _ in range(40):
            login()
        told = journal.waits_for(1, about("chatd's own log file cannot be written"))
        same("how often it is told", len(told), 1)
        holds("the line", told[0]["MESSAGE"], LOG)
        same("the service", state(), "active")
        holds("log show", must("chatctl", "log", "show"), "lena")
    finally:
        stop_all()
        must("umount", os.path.dirname(LOG))


@step("a log folder that is read-only is told, and chatd serves without its own file")
def _():
    stop_all()
    folder = os.path.dirname(LOG)
    must("mount", "-t", "tmpfs", "-o", "mode=700,uid=chatd,gid=chatd", "none", folder)
    must("mount", "-o", "remount,ro", folder)
    try:
        journal = Journal()
        systemctl("start", SERVICE)
        told = journal.waits_for(1, about("chatd's own log file cannot be written"))
        holds("the line", told[0]["MESSAGE"], LOG)
        same("the service", state(), "active")
        login()
    finally:
        stop_all()
        must("umount", folder)
