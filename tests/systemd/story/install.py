"""Chapter one: the package is installed, and chatd serves."""

import grp
import os
import pwd
import stat
import sys

import stage
from stage import CONFIG, CONTROL, LOG, SERVICE, SOCKETS, STATE, UNITS, Journal
from stage import holds, must, run, same, show, state, step, systemd_version

PACKAGE = sys.argv.pop(1)


@step("apt install gives a service that is enabled and serves, and chatd has no complaints", settled=False)
def _():
    journal = Journal()
    # This Debian was made without documentation; the examples are documentation.
    os.remove("/etc/dpkg/dpkg.cfg.d/99mmdebstrap")
    must("apt-get", "install", "-y", "--no-install-recommends", "-o", "Dpkg::Use-Pty=0", PACKAGE, timeout=120)
    stage.remember_the_shipped_config()
    for unit in UNITS:
        same(unit, (state(unit), show(unit, "UnitFileState")), ("active", "enabled"))
    kind = "notify-reload" if systemd_version() >= 253 else "notify"
    same("Type", show(SERVICE, "Type"), kind)
    must("chatctl", "wait", "--timeout", "5s")
    same("complaints", [entry["MESSAGE"] for entry in journal.entries("--priority=warning", "_COMM=chatd")], [])
    # A member of the group and a stranger, for later.
    must("useradd", "--create-home", "--groups", "chatd", "mina")
    must("useradd", "--create-home", "otto")


@step("user, folders and sockets belong to whom they should")
def _():
    user = pwd.getpwnam("chatd")
    same("its group", grp.getgrgid(user.pw_gid).gr_name, "chatd")
    same("its shell", user.pw_shell, "/usr/sbin/nologin")
    for path, owner, group, mode in (
        (STATE, "chatd", "chatd", 0o700),
        (f"{STATE}/chatd.db", "chatd", "chatd", 0o600),
        (os.path.dirname(LOG), "chatd", "chatd", 0o700),
        (LOG, "chatd", "chatd", 0o600),
        (os.path.dirname(CONTROL), "root", "root", 0o755),
        (CONTROL, "root", "chatd", 0o660),
        (os.path.dirname(CONFIG), "root", "root", 0o755),
        (CONFIG, "root", "root", 0o644),
    ):
        found = os.stat(path)
        same(
            path,
            (pwd.getpwuid(found.st_uid).pw_name, grp.getgrgid(found.st_gid).gr_name, oct(stat.S_IMODE(found.st_mode))),
            (owner, group, oct(mode)),
        )


@step("systemctl status tells where it listens and who is there")
def _():
    status = show(SERVICE, "StatusText")
    holds("the status", status, "[::]:2428")


@step("systemd-analyze verify finds nothing that this systemd should know")
def _():
    ran = run("systemd-analyze", "verify", "--man=no", *UNITS)
    same("its status", ran.status, 0)
    # What came after 252, of which it says that it ignores it.
    later = ("notify-reload", "identity", "ImportCredential", "RestartSteps", "RestartMaxDelaySec")
    known = [
        line
        for line in ran.err.splitlines()
        if systemd_version() >= 257 or not any(word in line for word in later)
    ]
    same("what it says", known, [])


@step("its exposure is at most 0.3 of 10")
def _():
    out = must("systemd-analyze", "security", "--offline=true", "--threshold=3", "--no-pager",
               show(SERVICE, "FragmentPath"))
    print("       " + out.strip().splitlines()[-1].strip(), flush=True)
    # And as it is loaded, drop-ins and all.
    must("systemd-analyze", "security", "--threshold=3", "--no-pager", SERVICE)


@step("the sockets are the socket units', and chatd runs with as few rights as nobody")
def _():
    for unit in SOCKETS:
        same(unit, show(unit, "ActiveState", "SubState", "Triggers"), ["active", "running", SERVICE])
    same("the user", show(SERVICE, "User"), "chatd")
    same("open files", show(SERVICE, "LimitNOFILE"), "16384")
    same("core", show(SERVICE, "LimitCORE"), "0")
