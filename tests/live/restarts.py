#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes chosen by name, unit, control group or container, before they start and over restarts.

    restarts.py thread NAME       (played by the tests) has this name, and a thread with another one, which connects
    restarts.py play NAME GROUP   (played by the tests) has this name, and is in this group if one is given; listens, and
                                  for each empty line of standard input opens a connection to itself, or closes it;
                                  other lines are names it takes
"""
import json
import os
import signal
import socket
import subprocess
import sys
import threading

import at_once
import lib
from control_groups import Group, roots
from lib import (CONNTRACE, MKCONN, NOBODY, check, equal, read_file, require, run, scratch, Process, short, Skip, skip_all,
                 test, Trace, wait_for)

# Other tests may run on this host at the same time.
ID = os.urandom(32).hex()
NAME = "ct%d" % os.getpid()
UNIT = NAME + ".service"


def take_name(name):
    with open("/proc/self/comm", "w", encoding="ascii") as file:
        file.write(name)


def play(name, group):
    if group:
        with open(group + "/cgroup.procs", "w", encoding="ascii") as file:
            file.write(str(os.getpid()))
    take_name(name)
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    client = served = None
    for line in sys.stdin:
        if line.strip():
            take_name(line.strip())
        elif client is None:
            client = socket.create_connection(listener.getsockname())
            served, _ = listener.accept()
        else:
            client.close()
            served.recv(1)
            served.close()
            client = None
        print("done", flush=True)


def play_thread(name):
    """A thread with a name of its own tries port 1."""
    take_name(name)

    def tries():
        with open("/proc/self/task/%d/comm" % threading.get_native_id(), "w", encoding="ascii") as own:
            own.write("own-name")
        socket.socket().connect_ex(("127.0.0.1", 1))
    sys.stdin.readline()
    thread = threading.Thread(target=tries)
    thread.start()
    thread.join()


class Player(Process):
    def __init__(self, name, group="", user=()):
        super().__init__(list(user) + [sys.executable, os.path.abspath(__file__), "play", name, group], stdin=subprocess.PIPE)
        self.port = int(wait_for(lambda: self.out.endswith("\n") and self.out, "the port of " + name))
        self.lines = 1

    def step(self, name=""):
        self.popen.stdin.write(name.encode() + b"\n")
        self.popen.stdin.flush()
        self.lines += 1
        wait_for(lambda: len(self.out.splitlines()) >= self.lines, "the connection of " + self.argv[-2])

    def end(self):
        self.popen.stdin.close()
        equal(self.wait(), 0, "the end of a player")


def ways():
    by_bpf = os.geteuid() == 0 and run([CONNTRACE, "--via=bpf", "-q", "--", "true"]).status == 0
    return ("bpf", "diag") if by_bpf else ("diag",)


def watching(way, options, before=()):
    trace = Trace(["--debug=sources", "--via=" + way] + options, before=before)
    wait_for(lambda: "debug: events" in trace.err or not trace.alive(), "conntrace to watch")
    require(trace.alive(), "conntrace ended: " + trace.err)
    return trace


def ends(trace, port):
    """The directions of the rows with this port."""
    trace.signal(signal.SIGUSR1)
    lines = [line for line in read_file(trace.rows_path).splitlines() if 'port":%d' % port in line]
    return {way for way in ("in", "out") for line in lines if '"dir":"%s"' % way in line}


def serve(trace, player, is_chosen=True):
    """A connection of the player to itself, which is open until both ends are in a report."""
    player.step()
    if is_chosen:
        wait_for(lambda: len(ends(trace, player.port)) == 2, "rows of the player")
    player.step()


def final(trace):
    """The rows of the last report, without those of SIGUSR1: all connections have ended before it."""
    rows = trace.interrupt()
    last = {}
    for row in rows:
        if row["result"] != "pending":
            last[row["dir"], row["lport"], row["rport"]] = row
    return list(last.values()), rows.summary


def restart(options, name, group="", other=("other", ""), users=((), ())):
    """Each way: one from before the run, its successor, one that is not chosen. Return: the rows of the chosen ones."""
    found = []
    for way in ways():
        first = Player(name, group, users[1])
        trace = watching(way, options, users[0])
        serve(trace, first)
        first.end()
        second = Player(name, group, users[1])
        # The kernel may give it the port that has become free, and then the rows of both would be those of each.
        while second.port == first.port:
            second.end()
            second = Player(name, group, users[1])
        another = Player(*other, users[1])
        serve(trace, another, False)
        serve(trace, second)
        rows, summary = final(trace)
        for player in (first, second):
            mine = [row for row in rows if player.port == row["lport" if row["dir"] == "in" else "rport"]]
            equal(sorted((row["dir"], row["result"]) for row in mine), [("in", "ok"), ("out", "ok")],
                  "rows of %s by %s: %s" % (name, way, [short(row) for row in rows]))
            # A listener that a sample finds together with a connection proves no PID.
            for row in mine:
                check(row["pid"] == player.pid or (way == "diag" and row["dir"] == "in" and row["pid"] is None), short(row))
        equal(len(rows), 4, "rows by %s: %s" % (way, [short(row) for row in rows]))
        equal(summary["connections"], 4, "connections of the summary")
        second.end()
        another.end()
        found += rows
    return found


@test("--comm: one that runs, and its successor; another name is left out, also one that begins with it")
def by_comm():
    for row in restart(["--comm=" + NAME], NAME, other=(NAME + "2", "")):
        equal(row["comm"], NAME, short(row))


@test("--comm beside packets: processes that are started later, too, and whose connections are short")
def beside_packets():
    if run([CONNTRACE, "-q", "-i", "lo", "-d", "0.1"]).status != 0:
        raise Skip("no packets can be captured here")
    name = NAME + "near"
    for row in restart(["-i", "lo", "--comm=" + name], name):
        equal(row["comm"], name, short(row))
    if "bpf" not in ways():
        return
    name = NAME + "tries"
    program = os.path.join(os.path.dirname(scratch()), name)
    os.symlink(MKCONN, program)
    trace = watching("bpf", ["-i", "lo", "--comm=" + name])
    run([program, "count=20", "connect=127.0.0.1:1", "done"])
    rows, _ = final(trace)
    equal([row["result"] for row in rows], ["refused"] * 20, "short ones")


@test("--comm of more bytes than the kernel keeps; repeated, one of the names is enough")
def by_long_comm():
    name = NAME + "-longer-than-15"
    restart(["--comm=" + name, "--comm=none"], name[:15])


@test("--unit with --comm, and --cgroup: a service that restarts stays watched")
def by_unit():
    for root in roots():
        with Group(UNIT, root) as group:
            for options in (["--unit=" + NAME, "--comm=conn-web"], ["--cgroup=" + os.path.dirname(group.inner)]):
                for row in restart(options, "conn-web", group.path, other=("conn-web", "")):
                    equal((row["unit"], row["cgroup"]), (UNIT, group.inner), short(row))


@test("--container: some digits of the identifier, and all of them")
def by_container():
    for root in roots():
        with Group("docker-%s.scope" % ID, root) as group:
            for word in (ID[:4], ID):
                for row in restart(["--container=" + word], "conn-box", group.path, other=("conn-box", "")):
                    equal(row["container"], ID[:12], short(row))


@test("by BPF: a process that gets another name, and a thread that has one, have the name of the process at that time")
def renamed():
    if "bpf" not in ways():
        raise Skip("no BPF here")
    program = Player("conn-one")
    thread = Process([sys.executable, os.path.abspath(__file__), "thread", NAME + "two"], stdin=subprocess.PIPE)
    trace = watching("bpf", ["--comm=" + NAME + "two"])
    serve(trace, program, False)
    program.step(NAME + "two")
    serve(trace, program)
    thread.line()
    equal(thread.wait(), 0, "the end of the thread")
    program.step()
    program.step(NAME + "three")
    program.step()
    program.end()
    rows, summary = final(trace)
    equal(sorted((row["comm"], row["pid"], row["dir"]) for row in rows),
          sorted([(NAME + "two", program.pid, "in"), (NAME + "two", program.pid, "out")] * 2 + [(NAME + "two", thread.pid, "out")]),
          "rows: %s" % [short(row) for row in rows])
    equal({row["close"] for row in rows if row["pid"] == program.pid}, {"lfin", "rfin"}, "CLOSE: %s" % [short(row) for row in rows])
    equal((summary["unmatched"], summary["lost"]["ring"]), (0, 0), "what the kernel reported: %s" % summary)


@test("an ordinary user: --all is all processes of that user, by samples, which a line says")
def as_user():
    user = [lib.need("setpriv"), "--reuid=%d" % NOBODY, "--regid=%d" % NOBODY, "--clear-groups", "--"]
    for options in (["--comm=conn-mine"], ["--all"]):
        player = Player("conn-mine", user=user)
        trace = Trace(["--debug=sources"] + options, before=user)
        wait_for(lambda: "debug: events" in trace.err or not trace.alive(), "conntrace to watch")
        wait_for(lambda: "watching your processes by samples" in trace.err, "the line")
        serve(trace, player)
        player.end()
        later = Player("conn-mine", user=user)
        serve(trace, later)
        rows, _ = final(trace)
        equal({row["pid"] for row in rows} - {None}, {player.pid, later.pid}, "processes with " + options[0])
        later.end()


@test("a launched command and a recording: --comm chooses among its processes, the rest is counted")
def among_children():
    record = scratch("ev")
    argv = [CONNTRACE, "-j", "-z", "conns", "--comm=conn-child"]
    script = '"$0" "$1" play conn-child "" </dev/null >/dev/null && exec "$2" connect=127.0.0.1:1'
    result = run(argv + ["--record", record, "--", "sh", "-c", script, sys.executable, os.path.abspath(__file__), MKCONN])
    summary = json.loads(result.out.splitlines()[-1])["summary"]
    equal((summary["connections"], summary["unmatched"], summary["unchosen"]), (0, 1, 0), result.out)
    for name, wanted in (("mkconn", (1, 0)), ("conn-child", (0, 1))):
        result = run([CONNTRACE, "-j", "-z", "conns", "--comm=" + name, "--replay", record])
        summary = json.loads(result.out.splitlines()[-1])["summary"]
        equal((summary["connections"], summary["unmatched"]), wanted, "replayed: " + result.out)


@test("packets alone know no process: what --comm cannot decide about is counted, and nothing is shown")
def unknown():
    capture, source = scratch("pcap"), os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "replay", "expected")
    lib.must([os.path.join(os.path.dirname(MKCONN), "mkpcap"), "-o", capture, os.path.join(source, "lossy.cap")])
    result = run([CONNTRACE, "-j", "-z", "conns", "--comm=nginx", "-r", capture])
    summary = json.loads(result.out.splitlines()[-1])["summary"]
    check(summary["unmatched"] > 0, "unmatched: %s" % summary)
    equal((summary["connections"], summary["unchosen"]), (0, summary["unmatched"]), "summary")


@test("words that choose nothing are usage errors, and so is stopping every process")
def refused():
    for options in (["--comm="], ["--cgroup=web"], ["--unit="], ["--container="], ["--all", "--via=ptrace"],
                    ["--comm=x", "--via=ptrace"]):
        result = run([CONNTRACE] + options)
        equal(result.status, 2, "status of %s: %s" % (options, result.err))


if __name__ == "__main__":
    if sys.argv[1:2] == ["play"]:
        play(*sys.argv[2:])
    elif sys.argv[1:2] == ["thread"]:
        play_thread(sys.argv[2])
    elif os.geteuid() == 0:
        lib.enter_namespace(flags="-n")
        at_once.main(4)
    else:
        skip_all("needs root, to have processes of several users and groups")
