"""What is wrong before chatd can serve: each is one clear line, the right exit status, and no loss."""

import os
import shutil

from people import Person, Talker
from stage import CONFIG, SERVICE, SOCKETS, STATE, Journal
from stage import configure, drop_in, holds, must, run, same, show, state, step, stop_all, systemctl, until


def fails(status, *words):
    """chatd does not start, ends with this status and says this, in one line of the journal and in its status; it is
    not tried again by itself, and its sockets stay open."""
    journal = Journal()
    ran = run("systemctl", "start", SERVICE)
    same(f"whether it started: {ran}", ran.status == 0, False)
    until("it has failed", lambda: state() == "failed")
    same("the exit status", show(SERVICE, "ExecMainStatus"), str(status))
    same("how often it was tried again", show(SERVICE, "NRestarts"), "0")
    same("the sockets", [state(unit) for unit in SOCKETS], ["active", "active"])
    seen = run("systemctl", "status", "--no-pager", "--full", "--lines=0", SERVICE).out
    holds("systemctl status", seen, *words)
    told = [entry["MESSAGE"] for entry in journal.entries("--unit", SERVICE, "_COMM=chatd")]
    same(f"how many lines chatd has for it ({told})", len(told), 1)
    holds("its line", told[0], *words)


def heals():
    """With what was wrong put right, it starts, and people's words are there."""
    systemctl("start", SERVICE)
    same("the service", state(), "active")
    same("the first words in the lobby", Person("anna").first_words(), "good morning")


@step("a broken configuration: 78, once, with the line; put right, it starts")
def _():
    stop_all()
    configure('server_name = "x"\nlisten = 7\n')
    fails(78, "line 2", CONFIG)
    configure("")
    heals()


@step("a setting that nobody knows: 78, with its name")
def _():
    stop_all()
    configure("[limits]\nconections = 7\n")
    fails(78, "conections", CONFIG)
    configure("")
    heals()


@step("an empty configuration, or none, is the default one")
def _():
    stop_all()
    configure("")
    heals()
    stop_all()
    os.remove(CONFIG)
    heals()
    configure("")


@step("a configuration that chatd may not read: 77, with its name")
def _():
    stop_all()
    os.chmod(CONFIG, 0o600)
    fails(77, CONFIG)
    os.chmod(CONFIG, 0o644)
    heals()


@step("with somebody waiting a broken configuration is tried again now and then, and they are served in the end")
def _():
    stop_all()
    configure("listen = 7\n")
    fails(78, CONFIG)
    journal = Journal()
    waiting = Talker(greet=False)
    asked = waiting.send("hello", protocol=1, client="story/1")
    tries = journal.waits_for(3, "--unit", SERVICE, "EXIT_STATUS=78")
    took = (int(tries[-1]["__MONOTONIC_TIMESTAMP"]) - int(tries[0]["__MONOTONIC_TIMESTAMP"])) / 1e6
    same(f"whether it took at least a second from one to the next ({took:.1f} s)", took >= 0.9 * (len(tries) - 1), True)
    same("the sockets", [state(unit) for unit in SOCKETS], ["active", "active"])
    configure("")
    same("the answer to who waited", waiting.answer(asked)["type"], "hello")
    heals()


@step("more connections than files may be open are told, and what fits is served")
def _():
    configure("[limits]\nconnections = 20_000\n")
    journal = Journal()
    systemctl("restart", SERVICE)
    told = journal.waits_for(1, "--priority=warning", "_COMM=chatd")
    holds("the warning", told[0]["MESSAGE"], "16384")
    holds("what journalctl says of it", journal.read("-x", "--priority=warning", "_COMM=chatd"), "LimitNOFILE=")
    same("the echo", Talker().ask("echo", text="few")["text"], "few")


@step("a database from the future: 78, and it is left as it is")
def _():
    stop_all()
    database = f"{STATE}/chatd.db"
    version = must("sqlite3", database, "PRAGMA user_version").strip()
    must("sqlite3", database, "PRAGMA user_version = 9999")
    fails(78, database, "newer")
    same("its version", must("sqlite3", database, "PRAGMA user_version").strip(), "9999")
    must("sqlite3", database, f"PRAGMA user_version = {version}")
    must("chown", "-R", "chatd:chatd", STATE)
    heals()


@step("a database that belongs to somebody else: 77, with its name")
def _():
    stop_all()
    database = f"{STATE}/chatd.db"
    os.chown(database, 0, 0)
    fails(77, database)
    must("chown", "chatd:chatd", database)
    heals()


@step("a state folder that belongs to somebody else is given back to chatd by systemd")
def _():
    stop_all()
    must("chown", "-R", "otto:otto", STATE)
    heals()
    same("the owner", must("stat", "-c", "%U %a", STATE).strip(), "chatd 700")


@step("an identity key that is lost: 78, and no new one is made for the old names")
def _():
    stop_all()
    key = f"{STATE}/identity.key"
    shutil.move(key, "/root/identity.key")
    fails(78, key)
    same("whether there is another key", os.path.exists(key), False)
    shutil.move("/root/identity.key", key)
    heals()


@step("a socket of a name that chatd does not know: 78, with the name")
def _():
    stop_all()
    drop_in("other.conf", "[Socket]\nFileDescriptorName=visitors\n", unit="chatd-client.socket")
    fails(78, "visitors")


@step("without its socket for people chatd cannot listen in its sandbox, and says what to do")
def _():
    stop_all()
    systemctl("mask", "--runtime", "chatd-client.socket")
    try:
        ran = run("systemctl", "start", SERVICE)
        same(f"whether it started: {ran}", ran.status == 0, False)
        seen = run("systemctl", "status", "--no-pager", "--full", SERVICE).out
        holds("systemctl status", seen, "chatd-client.socket")
    finally:
        stop_all()
        systemctl("unmask", "--runtime", "chatd-client.socket")
    heals()


@step("without its control socket chatd makes one for itself, in its state folder")
def _():
    stop_all()
    systemctl("mask", "--runtime", "chatd-control.socket")
    try:
        systemctl("start", SERVICE)
        must("chatctl", "--socket", f"{STATE}/run/io.chatd.Control", "status")
    finally:
        stop_all()
        systemctl("unmask", "--runtime", "chatd-control.socket")
        shutil.rmtree(f"{STATE}/run", ignore_errors=True)
    heals()


@step("a socket unit whose service is masked refuses to listen, instead of letting people wait for ever")
def _():
    stop_all()
    systemctl("mask", "--runtime", SERVICE)
    try:
        ran = run("systemctl", "start", "chatd-client.socket")
        same(f"whether it listens: {ran}", ran.status == 0, False)
    finally:
        systemctl("unmask", "--runtime", SERVICE)
    heals()
