"""People from other machines come over TLS. Another machine is one of its addresses here: chatd sees it as a network."""

import base64
import json
import os
import shutil

from examples import enable
from people import PASSWORD, Person, Talker
from stage import SERVICE, STATE, Journal
from stage import configure, drop_in, holds, lacks, must, refused, run, same, show, step, stop_all, systemctl
from stage import systemd_version

ELSEWHERE = "192.0.2.7"
FOLDER = "/etc/chatd/tls"


def come_from_elsewhere():
    must("ip", "address", "replace", f"{ELSEWHERE}/32", "dev", "lo")


def listens():
    """The sockets that listen, as `ss` writes them: `*` is every address, of IPv6 and IPv4."""
    lines = must("ss", "--no-header", "-tln", "sport = :2428").splitlines()
    return sorted(line.split()[3] for line in lines)


def fingerprint():
    return json.loads(must("chatctl", "--json", "status"))["certificate"]["fingerprint"]


def make_pair(certificate, key, days=400):
    must("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", str(days),
         "-subj", "/CN=chat.example.org", "-addext", "subjectAltName=DNS:chat.example.org", "-out", certificate,
         "-keyout", key)


def is_shown(certificate):
    """Whether people are shown the certificate of this file."""
    env = {**Person("boris").env, "CHAT_FINGERPRINT": fingerprint()}
    must("chat-client", "--server", "127.0.0.1", "echo", "-c", "1", env=env)
    written = must("openssl", "x509", "-in", certificate, "-noout", "-fingerprint", "-sha256")
    digits = base64.b64decode(fingerprint().removeprefix("SHA256:") + "=")
    return digits.hex().upper() == written.split("=")[1].strip().replace(":", "")


@step("from other machines people come over TLS, to a certificate that chatd has made")
def _():
    come_from_elsewhere()
    same("what listens", listens(), ["*:2428"])
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
    come_from_elsewhere()
    journal = Journal()
    for address in ("127.0.0.1", "::1"):
        Talker((address, 2428)).login()
    peers = [entry["CHATD_PEER"] for entry in journal.waits_for(2, "CHATD_USER=lena")]
    same("where she came from", sorted(peers), ["127.0.0.1", "::1"])
    talker = Talker((ELSEWHERE, 2428), greet=False)
    talker.send("hello", protocol=1, client="story/1")
    holds("what they are told", talker.next()["text"], "TLS only")


@step("OpenSSL agrees on TLS 1.3 and what a quantum computer cannot undo, and on nothing old")
def _():
    connect = ("openssl", "s_client", "-connect", "127.0.0.1:2428", "-alpn", "chat/1")
    said = must(*connect)
    holds("what was agreed on", said, "TLSv1.3", "ALPN protocol: chat/1")
    if systemd_version() >= 257:
        # Its OpenSSL, 3.5, is the first one that can.
        holds("the keys", said, "X25519MLKEM768")
    for old in ("-tls1", "-tls1_1"):
        ran = run(*connect, old, "-cipher", "ALL:@SECLEVEL=0")
        same(f"whether {old} is spoken", ran.status == 0, False)
    ran = run(*connect, "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES128-SHA256:@SECLEVEL=0")
    same("whether CBC is spoken", ran.status == 0, False)


@step("as the head of chatd-client.socket explains it, chatd listens for this machine alone")
def _():
    with open(show("chatd-client.socket", "FragmentPath")) as file:
        lines = [line.removeprefix("#   ") for line in file.read().splitlines() if line.startswith("#   ")]
    same("the example", lines, ["[Socket]", "ListenStream=", "ListenStream=127.0.0.1:2428", "ListenStream=[::1]:2428"])
    come_from_elsewhere()
    stop_all()
    drop_in("here.conf", "\n".join(lines) + "\n", unit="chatd-client.socket")
    systemctl("start", SERVICE)
    same("what listens", listens(), ["127.0.0.1:2428", "[::1]:2428"])
    holds("the status", show(SERVICE, "StatusText"), "127.0.0.1:2428", "[::1]:2428")
    try:
        Talker((ELSEWHERE, 2428), greet=False)
        raise AssertionError("somebody was let in")
    except ConnectionRefusedError:
        pass


@step("where net.ipv6.bindv6only is set, people come by IPv4 all the same")
def _():
    stop_all()
    must("sysctl", "-qw", "net.ipv6.bindv6only=1")
    try:
        systemctl("start", SERVICE)
        for address in ("127.0.0.1", "::1"):
            same("the echo", Talker((address, 2428)).ask("echo", text=address)["text"], address)
    finally:
        must("sysctl", "-qw", "net.ipv6.bindv6only=0")
        stop_all()


@step("where the kernel has no IPv6, the socket is one for IPv4")
def _():
    stop_all()
    # systemd goes by a file that is not there then, and remembers what it has seen.
    os.makedirs("/tmp/empty", exist_ok=True)
    must("mount", "--bind", "/tmp/empty", "/proc/1/net")
    try:
        systemctl("daemon-reexec")
        systemctl("start", SERVICE)
        holds("the status", show(SERVICE, "StatusText"), "0.0.0.0:2428")
        same("the echo", Talker().ask("echo", text="four")["text"], "four")
    finally:
        stop_all()
        must("umount", "/proc/1/net")
        systemctl("daemon-reexec")


@step("a certificate in a file is renewed by a reload, and a broken one is refused while people talk on")
def _():
    os.makedirs(FOLDER)
    try:
        renew_a_certificate_in_a_file(f"{FOLDER}/fullchain.pem", f"{FOLDER}/privkey.pem")
    finally:
        # What an admin has put there would outlive the package.
        shutil.rmtree(FOLDER)


def renew_a_certificate_in_a_file(certificate, key):

    def renew():
        make_pair(certificate, key)
        must("chgrp", "chatd", key)
        os.chmod(key, 0o640)

    renew()
    text = f'[tls]\ncertificate = "{certificate}"\nkey = "{key}"\n'
    configure(text)
    systemctl("reload", SERVICE)
    same("whether it is shown", is_shown(certificate), True)
    follower = Person("boris").follow()
    talker = Talker()
    talker.login()
    talker.ask("send", to="lobby", text="before it was renewed")
    follower.hears("before it was renewed")
    renew()
    same("whether it is shown before the reload", is_shown(certificate), False)
    systemctl("reload", SERVICE)
    same("whether it is shown", is_shown(certificate), True)

    before, journal = fingerprint(), Journal()
    make_pair(certificate, "/root/other.key")
    ran = run("systemctl", "reload", SERVICE)
    same("whether the reload was refused", ran.status == 0, False)
    holds("the journal", journal.text("--unit", SERVICE), "is not the key of the certificate")
    holds("the status", show(SERVICE, "StatusText"), "is not the key of")
    same("the certificate", fingerprint(), before)
    talker.ask("send", to="lobby", text="after all that")
    follower.hears("after all that")
    same("what was heard", follower.ends(), ["before it was renewed", "after all that"])


@step("certificate and key from credentials are those that people see, and others are after a restart")
def _():
    certificate, key = "/root/chatd.certificate", "/root/chatd.key"
    make_pair(certificate, key, days=9)
    enable(f"LoadCredential=chatd.tls-certificate:{certificate}", f"LoadCredential=chatd.tls-key:{key}")
    journal = Journal()
    systemctl("restart", SERVICE)
    same("whether it is shown", is_shown(certificate), True)
    # Nine days are more than a quarter of its time.
    lacks("the journal", journal.text("--unit", SERVICE), "renew it")
    make_pair(certificate, key, days=365)
    before = fingerprint()
    systemctl("reload", SERVICE)
    # Credentials are copies, made at the start.
    same("the certificate after a reload", fingerprint(), before)
    systemctl("restart", SERVICE)
    same("whether the new one is shown", is_shown(certificate), True)
    # One without the other is a mistake.
    enable(f"LoadCredential=chatd.tls-certificate:{certificate}")
    stop_all()
    must("sh", "-c", "! systemctl start chatd")
    same("the exit status", show(SERVICE, "ExecMainStatus"), "78")
    holds("the status", show(SERVICE, "StatusText"), "chatd.tls-key")
