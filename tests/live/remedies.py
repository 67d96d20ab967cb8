#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A message names a remedy only where that remedy works; each is tried as it is printed. Needs root."""
import os
import re
import shutil

from lib import (CONNTRACE, NOBODY, Process, check, equal, main, need, need_all, run, scratch, skip_all, status_field, test,
                 wait_for)

AS_NOBODY = ["setpriv", "--reuid=%d" % NOBODY, "--regid=%d" % NOBODY, "--clear-groups"]
OWN_NET = ["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
CAPTURE = ["-i", "lo", "-d", "0.1"]


def message(words, expected=1):
    """The message of a run that is refused."""
    result = run(words)
    equal(result.status, expected, "exit status of %s: %s" % (words, result.err))
    return result.err


def copy_for_all():
    copy = scratch("conn trace")
    shutil.copy(CONNTRACE, copy)
    os.chmod(os.path.dirname(copy), 0o755)
    return copy


@test("no right to capture: setcap(8) as it is printed makes it work")
def file_capability():
    copy = copy_for_all()
    as_user = OWN_NET + AS_NOBODY + ["--", copy] + CAPTURE
    text = message(as_user)
    command = re.search(r'once as root: (setcap cap_net_raw\+ep "[^"]+")', text)
    check(command, text)
    need("setcap")
    equal(run(["sh", "-c", command[1]]).status, 0, "the command: " + command[1])
    equal(run(as_user).status, 0, "with it")


@test("no right to capture on a file system that ignores file capabilities: setcap(8) is not proposed")
def nosuid():
    copy, place = copy_for_all(), scratch("place")
    os.mkdir(place)
    script = 'mount -t tmpfs -o nosuid,mode=755 none "$1" && cp "$2" "$1/conntrace" && ip link set lo up && shift 2 && exec "$@"'
    text = message(["unshare", "-n", "-m", "sh", "-c", script, "sh", place, copy] + AS_NOBODY +
                   ["--", place + "/conntrace"] + CAPTURE)
    check("run as root" in text and "setcap" not in text, text)


@test("no right to capture and no_new_privs: no command run from here helps, and none is proposed")
def no_new_privileges():
    text = message(OWN_NET + AS_NOBODY + ["--no-new-privs", "--", copy_for_all()] + CAPTURE)
    check("no_new_privs" in text and "setcap" not in text, text)


@test("a capability that no process here can have: the container is named, not root")
def bounded():
    for words in ([], AS_NOBODY[1:]):
        text = message(OWN_NET + ["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"] + words +
                       ["--", copy_for_all()] + CAPTURE)
        check("--cap-add=NET_RAW" in text and "setcap" not in text and "run as root" not in text, text)


@test("another user's process: root where root has the right, else the container")
def attach():
    target = Process(["sleep", "60"])
    words = [copy_for_all(), "-d", "0.1", "-p", str(target.pid)]
    text = message(AS_NOBODY + ["--"] + words)
    check("run conntrace as that user or as root" in text and "--cap-add" not in text, text)
    equal(run(words).status, 0, "as root")
    text = message(AS_NOBODY + ["--bounding-set=-sys_ptrace", "--"] + words)
    check("--cap-add=SYS_PTRACE" in text and "as root" not in text, text)


def elsewhere():
    target = Process(["unshare", "-n", "sleep", "60"])
    wait_for(lambda: status_field(target.pid, "Name") == "sleep", "its namespace")
    return target


@test("another network namespace: nsenter(1) as it is printed works, and --via=ptrace; what would not is not proposed")
def namespace():
    need_all("nsenter", "unshare")
    pid = elsewhere().pid
    options = "--via=diag -d 0.1 -p %d" % pid
    equal(run([CONNTRACE] + options.split()).status, 0, "it is entered")
    # Packets are those of the present namespace.
    wire = ["-i", "lo"] + options.split()
    text = message([CONNTRACE] + wire)
    command = re.search(r"try (nsenter -t \d+ -n conntrace) \.\.\., or (--via=ptrace)", text)
    check(command, text)
    inside = "%s %s" % (command[1].replace("conntrace", '"$0"'), options)
    equal(run(["sh", "-c", inside, CONNTRACE]).status, 0, inside)
    equal(run([CONNTRACE, command[2], "-d", "0.1", "-p", str(pid)]).status, 0, command[2])
    without = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", "--", CONNTRACE] + options.split()
    text = message(without)
    check("nsenter" not in text and "try --via=ptrace" in text, text)
    script = 'mount --bind /dev/null "$(readlink -f "$1")" && shift && exec "$@"'
    text = message(["unshare", "-m", "sh", "-c", script, "sh", need("nsenter"), CONNTRACE] + wire)
    check("nsenter" not in text and "try --via=ptrace" in text, text)


# Each connection is reset by close(2), because it inherits SO_LINGER.
RESETTING = """
import socket, struct
listener = socket.create_server(("127.0.0.1", 0))
listener.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
for _ in range(5):
    with socket.create_connection(listener.getsockname()) as client:
        served = listener.accept()[0]
        client.sendall(b"x" * 100)
        served.recv(100, socket.MSG_WAITALL)
        served.close()
"""


@test("-u: bytes that a reset has cleared are counted as inexact, and the option that is named gives them")
def cleared():
    words = ["-u", "nobody", "-z", "conns", "-H", "--dir=in", "-O", "RX_BYTES", "--", "python3", "-c", RESETTING]
    first = run([CONNTRACE] + words)
    remedy = re.search(r"5 with inexact bytes \(100\.0 %\), exact by (--[a-z-]+)", first.err)
    check(remedy and first.out.split() == ["-"] * 5, first)
    result = run([CONNTRACE, remedy[1]] + words)
    check(result.out.split() == ["100"] * 5 and "inexact" not in result.err, result)


if __name__ == "__main__":
    if os.getuid() != 0:
        skip_all("root is needed")
    need_all("setpriv", "unshare", "ip")
    main()
