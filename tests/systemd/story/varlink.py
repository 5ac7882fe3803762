"""systemd's own Varlink client steers chatd: `varlinkctl`, which there is from systemd 255 on."""

import json
import shutil
import subprocess

from people import Talker
from stage import CONTROL, SERVICE, holds, must, pid, run, same, state, step, systemctl, until

INTERFACE = "io.chatd.Control"


def call(method, *words, **parameters):
    """The reply to a call."""
    return json.loads(must("varlinkctl", "--json=short", *words, "call", CONTROL, f"{INTERFACE}.{method}", json.dumps(parameters)))


def refuses(error, method, *words, **parameters):
    """Calls in vain; what stands in the error that it is refused with."""
    ran = run("varlinkctl", "--json=short", *words, "call", CONTROL, f"{INTERFACE}.{method}", json.dumps(parameters))
    same(f"status of {ran}", ran.status, 1)
    holds("the complaint", ran.err, error)
    return json.loads(ran.out or "{}")


def part_of(line):
    """One of the replies of a stream, each of which begins with a mark (RFC 7464)."""
    return json.loads(line.lstrip("\x1e"))


def descriptors():
    return int(must("sh", "-c", f"ls /proc/{pid()}/fd | wc -l"))


if not shutil.which("varlinkctl"):
    print("SKIPPED: varlinkctl on the control socket, because this systemd has none", flush=True)
else:

    @step("varlinkctl reads what the control socket can do, and understands all of it")
    def _():
        holds("the service", must("varlinkctl", "info", CONTROL), "chatd", INTERFACE)
        same("the interfaces", sorted(must("varlinkctl", "list-interfaces", CONTROL).split()), [INTERFACE, "org.varlink.service"])
        # It parses the description and writes it anew: nothing in it is more than text to it.
        described = must("varlinkctl", "introspect", CONTROL, INTERFACE)
        holds("the description", described, "method Status(", "error NoSuchUser(")

    @step("varlinkctl calls methods, and errors have a name and a sentence")
    def _():
        same("the state", call("Status")["state"], "serving")
        talker = Talker()
        talker.login()
        same("who was told", call("Announce", text="from varlinkctl")["connections"], 1)
        same("the room", call("CreateRoom", name="varlink", topic="tea")["name"], "varlink")
        message = refuses(f"{INTERFACE}.NoSuchRoom", "SetTopic", room="varlnk", topic="").get("message", "")
        holds("the sentence", message, "did you mean 'varlink'?")
        refuses("org.varlink.service.ExpectedMore", "Check")
        call("RemoveRoom", room="varlink")

    @step("varlinkctl reads streams to their end, and chatd forgets those that it leaves")
    def _():
        command = ["varlinkctl", "--json=short", "--more", "call", CONTROL]
        users = must(*command, f"{INTERFACE}.ExportUsers", "{}")
        named = [user["name"] for part in users.strip().split("\n") for user in part_of(part)["users"]]
        same("those who are exported", "anna" in named, True)
        before = descriptors()
        for _ in range(5):
            load = subprocess.Popen([*command, f"{INTERFACE}.FollowLoad", '{"seconds":1}'], stdout=subprocess.PIPE, text=True)
            same("the state", part_of(load.stdout.readline())["state"], "serving")
            load.kill()
            load.wait()
        until("nothing is left of them", lambda: descriptors() <= before)

    @step("varlinkctl is told when chatd stops in the midst of a stream")
    def _():
        command = ["varlinkctl", "--json=short", "--more", "call", CONTROL, f"{INTERFACE}.FollowLog", '{"lines":1}']
        follows = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        follows.stdout.readline()
        systemctl("restart", SERVICE)
        _, complaint = follows.communicate(timeout=30)
        same("how it ended", (follows.returncode, complaint), (0, ""))
        until("chatd is back", lambda: state() == "active")
        run("varlinkctl", "info", CONTROL)
