"""People from other machines come over TLS. Another machine is one of its addresses here: chatd sees it as a network."""

import json
import os

from examples import enable
from people import PASSWORD, Person, Talker
from stage import SERVICE, STATE, drop_in, holds, must, refused, same, show, step, stop_all, systemctl

ELSEWHERE = "192.0.2.7"


def listen_everywhere():
    """As the head of chatd-client.socket explains it."""
    with open(show("chatd-client.socket", "FragmentPath")) as file:
        lines = [line.removeprefix("#   ") for line in file.read().splitlines() if line.startswith("#   ")]
    same("the example", lines, ["[Socket]", "ListenStream=", "ListenStream=2428"])
    stop_all()
    drop_in("everywhere.conf", "\n".join(lines) + "\n", unit="chatd-client.socket")
    must("ip", "address", "replace", f"{ELSEWHERE}/32", "dev", "lo")
    systemctl("start", SERVICE)


def fingerprint():
    return json.loads(must("chatctl", "--json", "status"))["certificate"]["fingerprint"]


@step("on a socket for every address others come over TLS, to a certificate that chatd has made")
def _():
    listen_everywhere()
    boris = Person("boris")
    echo = ("chat-client", "--server", ELSEWHERE, "echo", "-c", "1")
    must(*echo, env={**boris.env, "CHAT_FINGERPRINT": fingerprint()})
    refused(4, *echo, env=boris.env)
    login = {**boris.env, "CHAT_FINGERPRINT": fingerprint(), "CHAT_SERVER": ELSEWHERE, "CHAT_PASSWORD": PASSWORD}
    must("chat-client", "send", "lobby", "from elsewhere", env=login)
    same("what was said last", Person("anna").heard()[-1]["text"], "from elsewhere")
    same("its key", oct(os.stat(f"{STATE}/tls-key.pem").st_mode), "0o100600")


@step("on the same socket this machine is spoken to in the clear, by IPv4 and IPv6, and nobody else is")
def _():
    listen_everywhere()
    for address in ("127.0.0.1", "::1"):
        Talker((address, 2428)).login()
    talker = Talker((ELSEWHERE, 2428), greet=False)
    talker.send("hello", protocol=1, client="story/1")
    holds("what they are told", talker.next()["text"], "TLS only")


@step("certificate and key from credentials are those that people see")
def _():
    must("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "9",
         "-subj", "/CN=chat.example.org", "-addext", "subjectAltName=DNS:chat.example.org",
         "-out", "/root/chatd.certificate", "-keyout", "/root/chatd.key")
    enable("LoadCredential=chatd.tls-certificate:/root/chatd.certificate", "LoadCredential=chatd.tls-key:/root/chatd.key")
    before = fingerprint()
    systemctl("restart", SERVICE)
    same("whether it is another one", fingerprint() == before, False)
    env = {**Person("boris").env, "CHAT_FINGERPRINT": fingerprint()}
    must("chat-client", "--server", "127.0.0.1", "echo", "-c", "1", env=env)
    # One without the other is a mistake.
    enable("LoadCredential=chatd.tls-certificate:/root/chatd.certificate")
    stop_all()
    must("sh", "-c", "! systemctl start chatd")
    same("the exit status", show(SERVICE, "ExecMainStatus"), "78")
    holds("the status", show(SERVICE, "StatusText"), "chatd.tls-key")
