#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The container options of doc/OPERATING.md are enough: a program and conntrace in the namespaces and with the
capabilities that an engine gives them."""
import os
import re
import signal
import sys

import at_once
from lib import CONNTRACE, NOBODY, Process, Skip, check, equal, main, need, need_all, parse_rows, read_file, require, run, scratch, \
    skip_all, test, wait_for

DOCUMENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../doc/OPERATING.md")
LINE = re.compile(r"^\| `(-[^`]*)` \| `(--[^`]*)` \|", re.MULTILINE)
# Those that docker(1) and podman(1) leave to a container.
DEFAULT = "chown,dac_override,fowner,fsetid,kill,setgid,setuid,setpcap,net_bind_service,net_raw,sys_chroot,mknod," \
          "audit_write,setfcap"
# One that another user may execute: not in the home directory of root.
PYTHON = os.path.realpath("/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable)
PROGRAM = """
import socket, threading, time
listener = socket.create_server(("127.0.0.1", 0))
def serve():
    while True:
        served = listener.accept()[0]
        served.recv(10)
        time.sleep(0.02)
        served.close()
threading.Thread(target=serve, daemon=True).start()
print(listener.getsockname()[1], flush=True)
while True:
    client = socket.create_connection(listener.getsockname())
    client.sendall(b"hello")
    client.recv(10)
    client.close()
"""


def capabilities(added=()):
    """The words that run a program as root of a container."""
    words = ",".join("+" + word for word in DEFAULT.split(",") + [name.lower() for name in added])
    return ["setpriv", "--bounding-set=-all," + words, "--inh-caps=-all"]


def container(user=0):
    """A program of a user that is PID 1 of its container. Return: the process of unshare(1), the PID outside, its port."""
    process = Process(["unshare", "-n", "-p", "-f", "--kill-child", "--mount-proc", "sh", "-c", 'ip link set lo up; exec "$@"',
                       "sh"] + capabilities() + ["--reuid=%d" % user, PYTHON, "-c", PROGRAM])
    wait_for(lambda: process.out.endswith("\n") or not process.alive(), "the program")
    require(process.alive(), "the program ended: " + process.err)
    return process, int(read_file("/proc/%d/task/%d/children" % (process.pid, process.pid)).split()[0]), process.out.strip()


def inside(options, pid):
    """The words that run a program where a container with these options runs it."""
    enter, new = [], ["-m"]
    if "--pid=container:NAME" in options:
        enter.append("-p")
    if "--network=container:NAME" in options:
        enter.append("-n")
    elif "--network=host" not in options:
        new.append("-n")
    words = ["nsenter", "-t", str(pid)] + enter if enter else []
    words += ["unshare"] + new + ["sh", "-c", 'mount -t proc proc /proc && exec "$@"', "sh"]
    return words + capabilities(re.findall(r"--cap-add=(\w+)", options))


def watched(way, options, pid, port, limit="60"):
    """conntrace in a container beside the program, for ten connections."""
    return run(inside(options, pid) + [CONNTRACE, "-j", "-z", "conns", "--dir=in", "--lport=" + port, "-c", "10", "-d", limit] +
               way.replace("PID", str(pid)).split())


def play(way, options):
    program, pid, port = container()
    try:
        result = watched(way, options, pid, port)
        equal(result.status, 0, "exit status (%s)" % result.err)
        rows = [row for row in parse_rows(result.out) if row["comm"] == "python3" or "python" in (row["exe"] or "")]
        wanted = 1 if "container:NAME" in options else pid
        found = [row for row in rows if row["pid"] == wanted and row["dir"] == "in" and row["result"] == "ok"]
        check(len(found) >= 3, "%d rows of PID %d: %s%s" % (len(found), wanted, result.out[-1000:], result.err))
    finally:
        program.signal(signal.SIGKILL)
        program.wait()


def define(way, options):
    @test("conntrace %s in a container with %s" % (way, options))
    def each():
        if "BPF" in options and run([CONNTRACE, "--via=bpf", "-q", "--", "true"]).status != 0:
            raise Skip("no BPF here")
        play(way, options)


def play_other_user(way, options):
    """A program of another user: the same, but it needs SYS_PTRACE."""
    program, pid, port = container(NOBODY)
    try:
        added, by_bpf = " --cap-add=SYS_PTRACE", "BPF" in options
        without = watched(way, options.replace(added, ""), pid, port, "60" if by_bpf else "0.5")
        result = watched(way, options.replace(added, "") + added, pid, port)
        def exes(done):
            return {row["exe"] for row in parse_rows(done.out) if row["pid"] is not None and row["result"] == "ok"}
        equal(exes(without), {None} if by_bpf else set(), "EXE without SYS_PTRACE (%s)" % without.err)
        check(by_bpf or "--cap-add=SYS_PTRACE" in without.err, "the remedy: " + without.err)
        equal(exes(result), {PYTHON}, "EXE with SYS_PTRACE (%s)" % result.err)
        check("cannot" not in result.err, "messages: " + result.err)
    finally:
        program.signal(signal.SIGKILL)
        program.wait()


def define_other_user(way, options):
    @test("conntrace %s in a container with %s: a program of another user" % (way, options))
    def each():
        if "BPF" in options and run([CONNTRACE, "--via=bpf", "-q", "--", "true"]).status != 0:
            raise Skip("no BPF here")
        play_other_user(way, options)


if __name__ == "__main__":
    if os.getuid() != 0:
        skip_all("needs root")
    need_all("unshare", "nsenter", "setpriv", "ip")
    if run(["unshare", "-n", "-p", "-f", "--mount-proc", "true"]).status != 0:
        skip_all("no namespaces here")
    lines = LINE.findall(read_file(DOCUMENT))
    require(len(lines) >= 5, "%d lines" % len(lines))
    for line in lines:
        define(*line)
        define_other_user(*line)
    at_once.main(3)
