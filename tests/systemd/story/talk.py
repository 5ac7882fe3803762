"""People talk, and admins steer."""

import json

from people import PASSWORD, Person, Talker
from stage import CONTROL, SERVICE, Journal
from stage import lay_aside, must, refused, run, same, show, step, systemd_version, until


@step("people register, talk and read with chat-client", settled=False)
def _():
    anna, boris = Person("anna").register(), Person("boris").register()
    Talker().ask("register", name="lena", password=PASSWORD)
    anna.says("good morning")
    boris.says("good evening, anna")
    heard = [(message["from"], message["text"]) for message in anna.heard()]
    same("the lobby", heard[-2:], [("anna", "good morning"), ("boris", "good evening, anna")])
    boris.says("between us", to="@anna")
    same("what was said to anna", anna.heard("@boris")[-1]["text"], "between us")
    lay_aside()


@step("people come by IPv6, too")
def _():
    talker = Talker(("::1", 2428))
    talker.login()
    same("the echo", talker.ask("echo", text="six")["text"], "six")


@step("who is online stands in the status")
def _():
    talker = Talker()
    talker.login()
    until("the status counts her", lambda: "1 online" in show(SERVICE, "StatusText"))
    same("people online", json.loads(must("chatctl", "--json", "status"))["usersOnline"], 1)


@step("chatctl answers root and members of the group chatd, and turns a stranger away with 4")
def _():
    journal = Journal()
    must("chatctl", "announce", "--yes", "from root")
    must("chatctl", "announce", "--yes", "from mina", user="mina")
    refused(4, "chatctl", "status", user="otto")
    refused(4, "chatctl", "--socket", CONTROL, "pause", "--yes", user="otto")
    callers = [entry["CHATD_UID"] for entry in journal.entries("CHATD_METHOD=Announce")]
    mina = run("id", "-u", "mina").out.strip()
    # 252 cannot show chatd anybody but root; there the mode of the socket is the gate, and who it was is not known.
    same("who called", callers, ["0", mina if systemd_version() >= 257 else "65534"])


@step("pause lets new people wait and resume lets them in")
def _():
    must("chatctl", "pause", "--yes")
    until("the status says so", lambda: "paused" in show(SERVICE, "StatusText"))
    waiting = Talker(greet=False)
    asked = waiting.send("hello", protocol=1, client="story/1")
    must("chatctl", "resume", "--yes")
    same("the answer to who waited", waiting.answer(asked)["type"], "hello")
    until("the status says that it serves", lambda: "serving" in show(SERVICE, "StatusText"))


@step("pause --refuse turns people away, though it is systemd that listens")
def _():
    must("chatctl", "pause", "--refuse", "--yes")
    turned_away = Talker(greet=False)
    same("what they are told", turned_away.next()["code"], "busy")
    same("what comes then", turned_away.next(), None)
    must("chatctl", "resume", "--yes")
    same("the echo", Talker().ask("echo", text="open again")["text"], "open again")
