"""Secrets that come from outside: the first account, and the key to the names in the database."""

import os
import shutil

from examples import enable
from people import Talker
from stage import SERVICE, SOCKETS, STATE
from stage import holds, must, run, same, show, state, step, stop_all, systemctl, systemd_version

REAL = "/root/chatd.real"


def without_a_database(tell):
    """Tells a part of the story on an empty state folder, and puts the old one back."""
    stop_all()
    shutil.move(STATE, REAL)
    try:
        tell()
    finally:
        stop_all()
        shutil.rmtree(STATE, ignore_errors=True)
        shutil.move(REAL, STATE)


def keep(path, content, mode=0o600):
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)
    os.chmod(path, mode)


@step("zero-touch: a first admin in a credential has an account when chatd is first started")
def _():
    def tell():
        keep("/etc/credstore/chatd.first-admin", b"ada\nthe analytical engine\n")
        if systemd_version() < 254:
            enable("LoadCredential=chatd.first-admin:/etc/credstore/chatd.first-admin")
        systemctl("start", SERVICE)
        Talker().ask("login", name="ada", password="the analytical engine")
        # Once is enough: it is no way to set a password.
        keep("/etc/credstore/chatd.first-admin", b"ada\nanother password\n")
        systemctl("restart", SERVICE)
        Talker().ask("login", name="ada", password="the analytical engine")

    try:
        without_a_database(tell)
    finally:
        os.remove("/etc/credstore/chatd.first-admin")


@step("an identity key from an encrypted credential: the state folder has none, and names are read with it")
def _():
    def tell():
        keep("/root/key", os.urandom(32))
        os.makedirs("/etc/credstore.encrypted", mode=0o700, exist_ok=True)
        must("systemd-creds", "encrypt", "--with-key=host", "--name=chatd.identity-key", "/root/key",
             "/etc/credstore.encrypted/chatd.identity-key")
        if systemd_version() < 254:
            enable("LoadCredentialEncrypted=chatd.identity-key:/etc/credstore.encrypted/chatd.identity-key")
        systemctl("start", SERVICE)
        same("whether a key lies in the state folder", os.path.exists(f"{STATE}/identity.key"), False)
        must("chatctl", "user", "add", "ada", "--yes", input="the analytical engine\n")
        systemctl("restart", SERVICE)
        Talker().ask("login", name="ada", password="the analytical engine")
        stop_all()
        # Taken away, it is missed, and no other is made.
        os.remove("/etc/credstore.encrypted/chatd.identity-key")
        run("rm", "-r", "/etc/systemd/system/chatd.service.d")
        systemctl("daemon-reload")
        ran = run("systemctl", "start", SERVICE)
        same(f"whether it started: {ran}", ran.status == 0, False)
        same("the exit status", show(SERVICE, "ExecMainStatus"), "78")

    without_a_database(tell)


@step("a credential that is no key: 78, with its name")
def _():
    stop_all()
    keep("/etc/chatd/identity-key", b"too short\n")
    enable("LoadCredential=chatd.identity-key:/etc/chatd/identity-key")
    ran = run("systemctl", "start", SERVICE)
    os.remove("/etc/chatd/identity-key")
    same(f"whether it started: {ran}", ran.status == 0, False)
    same("the exit status", show(SERVICE, "ExecMainStatus", "NRestarts"), ["78", "0"])
    holds("systemctl status", run("systemctl", "status", "--no-pager", "--full", SERVICE).out, "chatd.identity-key")


@step("a credential that is named and missing: systemd says so, does not try for ever, and the sockets stay")
def _():
    stop_all()
    enable("LoadCredential=chatd.identity-key:/etc/chatd/identity-key")
    ran = run("systemctl", "start", SERVICE)
    same(f"whether it started: {ran}", ran.status == 0, False)
    same("the result", show(SERVICE, "ExecMainStatus", "NRestarts", "ActiveState"), ["243", "0", "failed"])
    same("the sockets", [state(unit) for unit in SOCKETS], ["active", "active"])
    holds("systemctl status", run("systemctl", "status", "--no-pager", SERVICE).out, "243/CREDENTIALS")
