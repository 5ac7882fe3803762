"""The configuration is changed while chatd runs."""

import os
import signal

from people import Talker
from stage import CONFIG, SERVICE, Journal
from stage import configure, holds, pid, run, same, state, step, systemctl, until


def registration():
    return Talker().greeting["registration"]


@step("systemctl reload puts a changed file in force, and disturbs nobody")
def _():
    old, talker = pid(), Talker()
    talker.login()
    configure('registration = "closed"\n')
    systemctl("reload", SERVICE)
    same("registration", registration(), "closed")
    same("the process", pid(), old)
    same("the echo", talker.ask("echo", text="still here")["text"], "still here")


@step("a broken file makes systemctl reload fail with the reason; the old one stays in force")
def _():
    configure('registration = "closed"\n')
    systemctl("reload", SERVICE)
    journal, old = Journal(), pid()
    configure('registration = "open"\nregistratoin = 7\n')
    ran = run("systemctl", "reload", SERVICE)
    same(f"whether it failed: {ran}", ran.status != 0, True)
    same("the service", (state(), pid()), ("active", old))
    same("registration", registration(), "closed")
    holds("the journal", journal.text("--unit", SERVICE), CONFIG, "line 2", "registratoin")
    # Whoever looks at the service next sees it.
    holds("systemctl status", run("systemctl", "status", "--no-pager", "--full", SERVICE).out, "registratoin")


@step("the same by the signal: a broken file is told, and nothing else happens")
def _():
    journal, old = Journal(), pid()
    configure("listen = 7\n")
    os.kill(old, signal.SIGHUP)
    until("it is told", lambda: "cannot reload" in journal.text("--unit", SERVICE))
    holds("the journal", journal.text("--unit", SERVICE), f"'{CONFIG}', line 1")
    until("the service is up", lambda: state() == "active")
    same("the process", pid(), old)
    configure("")
    systemctl("reload", SERVICE)


@step("a reload reopens the log file, for those who rotate it")
def _():
    os.rename("/var/log/chatd/chatd.log", "/var/log/chatd/chatd.log.1")
    systemctl("reload", SERVICE)
    until("there is a new file", lambda: os.path.exists("/var/log/chatd/chatd.log"))
    Talker().login()
    until("something is in it", lambda: os.path.getsize("/var/log/chatd/chatd.log") > 0)
    os.remove("/var/log/chatd/chatd.log.1")
