#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Control group, unit, container, parent and arguments of a process, in each way to watch, as ps(1) shows them.

    units.py play PORT ...        (played by the tests) connects to itself, and closes that, by lines of standard input
"""
import os
import signal
import socket
import subprocess
import sys

from lib import (attach, by_bpf, capturing, check, CONNTRACE, end_processes, equal, main, must, Process,
                 read_file, require, run, scratch, short, skip_all, test, Trace, wait_for, watch)

ID = "0123456789abcdef" * 4
NAME = "conntrace-%d.slice" % os.getpid()
# Of version 1, and of version 2; a process of the one is in the root of the other.
ROOTS = ("/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified", "/sys/fs/cgroup")
# Names of groups, and the unit and the container they are.
GROUPS = (("web.service", "web.service", None), ("docker-%s.scope" % ID, "docker-%s.scope" % ID, ID[:12]),
          ("machine-my\\x2dbox.scope", "machine-my\\x2dbox.scope", "my-box"), ("\x1b[2Jx", None, None))
HOSTILE = "-x \x1b[31m\t\"a b\""


def play(port):
    listener = socket.create_server(("127.0.0.1", port))
    for _ in sys.stdin:
        client = socket.create_connection(("127.0.0.1", port))
        served, _ = listener.accept()
        client.sendall(bytes(100))
        served.recv(100, socket.MSG_WAITALL)
        print("open", flush=True)
        sys.stdin.readline()
        client.close()
        served.recv(1)
        served.close()
        print("closed", flush=True)


class Group:
    """A control group that this test made."""

    def __init__(self, name, root):
        self.slice, self.inner = root + "/" + NAME, "/" + NAME + "/" + name
        self.path = root + self.inner
        os.makedirs(self.path)

    def runner(self):
        return ["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', self.path]

    def remove(self):
        end_processes()
        wait_for(lambda: not read_file(self.path + "/cgroup.procs"), "the group to be empty")
        os.rmdir(self.path)
        os.rmdir(self.slice)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def words(port):
    return [sys.executable, os.path.abspath(__file__), "play", str(port), HOSTILE]


def player(port, before):
    """One that runs outside of conntrace, and waits. Return: it."""
    process = Process(before + words(port), stdin=subprocess.PIPE)
    wait_for(lambda: "0100007F:%04X 00000000:0000 0A" % port in read_file("/proc/net/tcp") and
             read_file("/proc/%d/cgroup" % process.pid), "the listener")
    return process


def talk(process, trace, port):
    """A connection that is open until its process is known. Return: the rows at the end."""
    process.line()
    wait_for(lambda: "open" in process.out, "the connection")

    def known():
        require(trace.alive(), "conntrace ended: %s" % trace.err)
        trace.signal(signal.SIGUSR1)
        lines = [line for line in read_file(trace.rows_path).splitlines() if '"ppid":%d,' % os.getpid() in line and
                 'port":%d,' % port in line]
        return all(any('"dir":"%s"' % way in line for line in lines) for way in ("in", "out"))
    wait_for(known, "the process of the connection")
    process.line()
    wait_for(lambda: "closed" in process.out, "its end")
    return [row for row in trace.interrupt() if port in (row["lport"], row["rport"])][-2:]


def look_at(rows, what, group, unit, container, ps):
    equal(sorted(row["dir"] for row in rows), ["in", "out"], "rows, " + what)
    for row in rows:
        equal((row["cgroup"], row["unit"], row["container"]), (group, unit, container), what + ": " + short(row))
        equal(("%d %s" % (row["ppid"], row["parent"]), row["cmdline"]), ps, what + ": " + short(row))


def by_ps(pid):
    """Parent and arguments as ps(1) has them."""
    parent = run(["ps", "-o", "ppid=", "-p", pid]).out.strip()
    name = run(["ps", "-o", "comm=", "-p", parent]).out.strip()
    return "%s %s" % (parent, name), read_file("/proc/%s/cmdline" % pid).rstrip("\0").replace("\0", " ")


def each_group(function):
    for root in (root for root in ROOTS if os.path.exists(root + "/cgroup.procs")):
        for name, unit, container in GROUPS:
            group = Group(name, root)
            try:
                function(group, unit, container)
            finally:
                group.remove()


@test("processes that are traced, sampled, or known by packets have the group, unit, container and parent of ps")
def in_each_way():
    def one(group, unit, container):
        for way in ("attach", "bpf", "diag", "packets"):
            if way == "bpf" and run([CONNTRACE, "--via=bpf", "-q", "--", "true"]).status != 0:
                continue
            port = free_port()
            process = player(port, group.runner())
            ps = by_ps(str(process.pid))
            require(ps[0].split()[0] == str(os.getpid()), "ps: %r" % (ps,))
            if way == "attach":
                trace = attach([process.pid], ["--via=ptrace"], runner=[])
            elif way == "bpf":
                trace = by_bpf([process.pid])
            elif way == "diag":
                trace = watch([process.pid], before=[])
            else:
                trace = Trace(["-i", "lo", "--filter", "tcp port %d" % port])
                capturing(trace)
            look_at(talk(process, trace, port), way + " " + repr(group.inner), group.inner, unit, container, ps)
            process.end()
    each_group(one)


@test("a recording has them, and so do keys, CSV and the order; hostile bytes are escaped")
def recorded():
    def one(group, unit, container):
        port = free_port()
        record, rows = scratch("ev"), scratch("csv")
        options = ["--by=unit,container,parent,cgroup", "--format=csv", "-O", "UNIT,CONTAINER,PARENT,CGROUP,CONNS",
                   "--sort=UNIT,CONTAINER,CGROUP"]
        # The command is in the group of conntrace.
        trace = Process(group.runner() + [Trace([]).argv[0], "-q", "--record", record, "-o", rows] + options + ["--"] +
                        words(port), stdin=subprocess.PIPE)
        trace.line()
        trace.popen.stdin.close()
        equal(trace.wait(), 0, "status of " + group.inner)
        got = read_file(rows).splitlines()
        cells = [(unit or "-").replace("\\", "\\x5c"), container or "-", "conntrace"]
        check(len(got) == 2 and got[1].startswith(",".join(cells) + ",") and got[1].endswith(",2"), "rows %r" % got)
        check("\x1b" not in read_file(rows) and "\x1b" not in read_file(record), "escapes in %r" % got)
        again = must([trace.argv[4], "-q", "--replay", record] + options)
        equal(again.splitlines(), got, "replayed")
        table = must([trace.argv[4], "-q", "--replay", record, "-z", "conns", "-O", "+CMDLINE,CGROUP"])
        check("\x1b" not in table and "\\x1b[31m\\x09" in table, "table %r" % table)
    each_group(one)


if sys.argv[1:2] == ["play"]:
    play(int(sys.argv[2]))
elif os.getuid() != 0 or not any(os.access(root + "/cgroup.procs", os.W_OK) for root in ROOTS):
    skip_all("only root can make a control group here")
else:
    main()
