"""The drop-ins that are shipped as examples, put in place by the commands that they explain themselves with."""

import os

from people import Talker
from stage import DROP_INS, EXAMPLES, SERVICE, Journal
from stage import configure, drop_in, holds, must, same, show, state, step, stop_all, systemctl, until


def commands(name):
    """The commands in the comment at the head of an example, up to the first blank line after them."""
    with open(f"{EXAMPLES}/{name}") as file:
        lines = file.read().splitlines()
    begin = next(at for at, line in enumerate(lines) if line.startswith("#   mkdir -p /etc/systemd/system/chatd"))
    end = next(at for at in range(begin, len(lines)) if not lines[at].startswith("#   "))
    return [line.removeprefix("#").strip() for line in lines[begin:end]]


def follow(name):
    """Does what the example says."""
    for command in commands(name):
        must("sh", "-ec", command)


def enable(*lines):
    """Takes lines of credentials.conf into force, with paths of their own."""
    with open(f"{EXAMPLES}/credentials.conf") as file:
        text = file.read()
    holds("credentials.conf", text, *("#" + line.split(":")[0] for line in lines))
    drop_in("credentials.conf", "\n".join(("[Service]", *lines)) + "\n")


@step("the example credentials.conf, as shipped, changes nothing and disturbs nobody")
def _():
    follow("credentials.conf")
    same("the service", state(), "active")
    holds("the drop-ins", show(SERVICE, "DropInPaths"), f"{DROP_INS}/credentials.conf")


@step("the example listen.conf lets chatd listen for itself, as its configuration says")
def _():
    configure('listen = ["127.0.0.1:2429"]\n')
    follow("listen.conf")
    try:
        same("the service", (state(), state("chatd-client.socket")), ("active", "inactive"))
        holds("the status", show(SERVICE, "StatusText"), "127.0.0.1:2429")
        talker = Talker(("127.0.0.1", 2429))
        talker.login()
        must("chatctl", "status")
        print("       " + must("systemd-analyze", "security", "--no-pager", SERVICE).strip().splitlines()[-1].strip())
    finally:
        stop_all()
        systemctl("unmask", "chatd-client.socket")
    os.remove(f"{DROP_INS}/listen.conf")
    configure("")
    systemctl("daemon-reload")
    systemctl("start", SERVICE)
    same("the echo", Talker().ask("echo", text="as before")["text"], "as before")


@step("with handed-in sockets and an address in the configuration, chatd says which of them counts")
def _():
    configure('listen = ["127.0.0.1:2429"]\n')
    journal = Journal()
    systemctl("restart", SERVICE)
    until("it is told", lambda: "chatd-client.socket" in journal.read("-x", "--unit", SERVICE))
    same("the echo", Talker().ask("echo", text="2428")["text"], "2428")
