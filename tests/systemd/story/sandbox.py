"""What chatd cannot do, shown from inside: the shipped unit is started with a probe in chatd's place, which tries."""

import json
import os

from stage import SERVICE, STATE, drop_in, must, pid, same, step, stop_all, systemctl, systemd_version

# Tries each thing and writes down what the system said: the name of the error, or "done".
PROBE = r"""
import ctypes, errno, json, mmap, os, socket, subprocess, sys

def tried(what):
    try:
        what()
        return "done"
    except OSError as error:
        return errno.errorcode[error.errno]

def call(name, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) == -1:
        raise OSError(ctypes.get_errno(), name)

STATE = os.environ["STATE_DIRECTORY"]
report = {
    "write its state": tried(lambda: open(f"{STATE}/probe", "w").close()),
    "write its log": tried(lambda: open(os.environ["LOGS_DIRECTORY"] + "/probe", "w").close()),
    "write its configuration": tried(lambda: open("/etc/chatd/chatd.toml", "a").close()),
    "write the system": tried(lambda: open("/usr/probe", "w").close()),
    "write beside the control socket": tried(lambda: open("/run/chatd/probe", "w").close()),
    "read the password file": tried(lambda: open("/etc/shadow").close()),
    "see homes": tried(lambda: os.listdir("/home")),
    "see other processes": sum(name.isdigit() for name in os.listdir("/proc")) > 1,
    "see /dev/kmsg": tried(lambda: os.stat("/dev/kmsg")),
    "make a TCP socket": tried(lambda: socket.socket(socket.AF_INET)),
    "make a netlink socket": tried(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)),
    "execute a program": tried(lambda: subprocess.run(["/usr/bin/true"])),
    "map memory to write and execute": tried(lambda: mmap.mmap(-1, 4096, prot=7)),
    "become root": tried(lambda: os.setuid(0)),
    "change its nice level": tried(lambda: os.nice(-1)),
    "make a user namespace": tried(lambda: call("unshare", 0x10000000)),
    "mount": tried(lambda: call("mount", b"none", b"/tmp", b"tmpfs", 0, None)),
    "trace": tried(lambda: call("ptrace", 16, os.getppid(), None, None)),
    "set the clock": tried(lambda: call("settimeofday", ctypes.create_string_buffer(16), None)),
    "set the host name": tried(lambda: socket.sethostname("probe")),
    "make a setuid file": tried(lambda: os.chmod(f"{STATE}/probe", 0o4700)),
}
with open(f"{STATE}/ran", "w") as file:
    file.write("#!/bin/sh\n")
os.chmod(f"{STATE}/ran", 0o700)
report["execute what it has written"] = tried(lambda: subprocess.run([f"{STATE}/ran"]))
with open(f"{STATE}/report", "w") as file:
    json.dump(report, file)
"""

MAY = {
    "write its state": "done",
    "write its log": "done",
    "write its configuration": "EACCES",
    "write the system": "EROFS",
    "write beside the control socket": "EACCES",
    "read the password file": "EACCES",
    "see homes": "EACCES",
    "see other processes": False,
    "see /dev/kmsg": "ENOENT",
    "make a TCP socket": "EAFNOSUPPORT",
    "make a netlink socket": "EAFNOSUPPORT",
    "execute a program": "EACCES",
    "execute what it has written": "EACCES",
    # 252 does this by its filter of system calls, 257 by a word with the kernel, which has another answer.
    "map memory to write and execute": "EPERM" if systemd_version() < 253 else "EACCES",
    "become root": "EPERM",
    "change its nice level": "EPERM",
    "make a user namespace": "EPERM",
    "mount": "EPERM",
    "trace": "EPERM",
    "set the clock": "EPERM",
    "set the host name": "EPERM",
    "make a setuid file": "EPERM",
}


@step("from inside the sandbox a probe can do what chatd needs, and nothing else")
def _():
    stop_all()
    with open("/usr/local/lib/probe.py", "w") as file:
        file.write(PROBE)
    python = os.path.realpath("/usr/bin/python3")
    drop_in("probe.conf", f"[Service]\nType=oneshot\nExecStart=\nExecStart={python} /usr/local/lib/probe.py\n"
                          f"ExecPaths={python}\nRestart=no\n")
    systemctl("start", SERVICE)
    with open(f"{STATE}/report") as file:
        found = json.load(file)
    for name in ("report", "probe", "ran"):
        os.remove(f"{STATE}/{name}")
    os.remove("/var/log/chatd/probe")
    same("what it could do", {what: found[what] for what in MAY}, MAY)


@step("the kernel confines the daemon itself: no capabilities, no network, a filter of system calls")
def _():
    me = pid()
    with open(f"/proc/{me}/status") as file:
        known = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        same(name, int(known[name], 16), 0)
    same("NoNewPrivs", known["NoNewPrivs"], "1")
    same("Seccomp", known["Seccomp"], "2")
    same("Umask", known["Umask"], "0077")
    for name in ("net", "user", "mnt", "ipc", "uts"):
        if os.readlink(f"/proc/{me}/ns/{name}") == os.readlink(f"/proc/1/ns/{name}"):
            raise AssertionError(f"chatd is in the {name} namespace of the system")
    interfaces = must("nsenter", f"--target={me}", "--net", "ip", "-oneline", "address")
    same("addresses that it has", [line for line in interfaces.splitlines() if " lo " not in line], [])
    connections = must("nsenter", f"--target={me}", "--net", "ss", "--no-header", "-tln")
    same("sockets in its own network", connections, "")
