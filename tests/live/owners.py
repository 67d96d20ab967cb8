#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""No false owner: PIDs, ports and tuples are used again and again, listeners change hands, and no row has a wrong process.

Each connection carries a number of bytes that no other has, and both its programs write down who they were. A row's
process is that one, or unknown. OWNERS_COUNT is how many connections there are (20, with ALL=1 200).

    owners.py play WHAT DIRECTORY COUNT        (played by the tests)
"""
import ctypes
import json
import os
import socket
import subprocess
import sys
import time

from lib import (ALL, Process, Trace, attach, capturing, check, enter_namespace, read_file, main, require,
                 scratch, short, sysctl, test, touch, wait_file, wait_for, watch)

LOOPBACK = "127.0.0.1"
COUNT = int(os.environ.get("OWNERS_COUNT", "200" if ALL else "20"))
LIMIT_SEC = 120 + COUNT // 2
PIDS = 4            # numbers that are given out again and again
PORTS = 24          # of the clients
TAKEN_PORT = 30000  # it and the next are none of these
LAST_PID = "/proc/sys/kernel/ns_last_pid"


# --- the programs that are watched -----------------------------------------------------------------------------

def set_name(name):
    ctypes.CDLL(None).prctl(15, name.encode(), 0, 0, 0)


def tell(directory, who, number, peer, first=None):
    """One write, so that many may do it. first: the PID and name of who had it before this process."""
    me = (os.getpid(), read_file("/proc/self/comm").strip())
    line = json.dumps({"pid": (first or me)[0], "comm": (first or me)[1], "dir": who, "bytes": number, "peer": peer,
                       "last": me})
    with open(directory + "/truth", "ab", buffering=0) as file:
        file.write(line.encode() + b"\n")


def receive(served):
    """Return: how many bytes the other side sent."""
    got = 0
    while piece := served.recv(65536):
        got += len(piece)
        if piece.endswith(b"."):
            break
    served.sendall(b".")
    served.close()
    return got


def serve(directory, listener, until=None):
    """Accepts until it is stopped. It closes first, so that the client's port is free at once."""
    listener.settimeout(0.02)
    while not (until and until()):
        try:
            served, peer = listener.accept()
        except socket.timeout:
            continue
        served.settimeout(10)
        tell(directory, "in", receive(served), peer[1])


def call(directory, port, number):
    client = socket.socket()
    client.connect((LOOPBACK, port))
    client.sendall(b"x" * (number - 1) + b".")
    while client.recv(100):
        pass
    here = client.getsockname()[1]
    client.close()
    tell(directory, "out", number, here)


def listen(port=0, shared=False):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT if shared else socket.SO_REUSEADDR, 1)
    listener.bind((LOOPBACK, port))
    listener.listen(128)
    return listener


def announce(directory, listener):
    with open(directory + "/port.new", "w", encoding="ascii") as file:
        file.write(str(listener.getsockname()[1]))
    os.rename(directory + "/port.new", directory + "/port")


def child(number, does):
    """A short process with a name of its own, and a number that others had before."""
    try:
        with open(LAST_PID, "w", encoding="ascii") as file:
            file.write(str(1000 + number % PIDS))
    except OSError:
        pass
    pid = os.fork()
    if pid == 0:
        set_name("c%d" % number)
        does()
        os._exit(0)
    return pid


def play_clients(directory, count):
    """Short processes make a connection each."""
    port = int(wait_file(directory + "/port"))
    for number in range(1, count + 1):
        os.waitpid(child(number, lambda: call(directory, port, number)), 0)


def play_children(directory, count):
    """Short processes accept a connection each, on the listener of their parent, which accepts some itself."""
    listener = listen()
    announce(directory, listener)

    def once():
        served, peer = listener.accept()
        tell(directory, "in", receive(served), peer[1])
    for number in range(1, count + 1):
        if number % 3 == 0:
            once()
        else:
            os.waitpid(child(number, once), 0)


def play_passers(directory, count):
    """One process accepts, and passes each connection to a short one (SCM_RIGHTS), in descriptors used again and again."""
    listener = listen()
    announce(directory, listener)
    me = (os.getpid(), read_file("/proc/self/comm").strip())

    for number in range(1, count + 1):
        here, there = socket.socketpair()

        def does(there=there, here=here):
            listener.close()
            here.close()
            _, (descriptor,), _, _ = socket.recv_fds(there, 1, 1)
            served = socket.socket(fileno=descriptor)
            peer = served.getpeername()[1]
            tell(directory, "in", receive(served), peer, me)
        pid = child(number, does)
        there.close()
        served, _ = listener.accept()
        socket.send_fds(here, [b"x"], [served.fileno()])
        served.close()
        here.close()
        os.waitpid(pid, 0)


def play_takers(directory, count, shared=True):
    """Servers of one port, one after the other: if it is shared, each begins to listen before the one before it stops."""
    listener, known = listen(TAKEN_PORT + (not shared), shared), 0
    announce(directory, listener)
    port = listener.getsockname()[1]
    listener.close()
    children = []
    while not os.path.exists(directory + "/done"):
        known += 1

        def take(known=known):
            mine = listen(port, shared)
            touch("%s/up%d" % (directory, known))
            end = time.monotonic() + (0 if shared else 0.05)
            serve(directory, mine, lambda: os.path.exists("%s/up%d" % (directory, known + 1)) or
                  os.path.exists(directory + "/done") or not shared and time.monotonic() > end)
        children.append(child(known, take))
        if not shared:
            os.waitpid(children.pop(), 0)
        end = time.monotonic() + 0.05
        while shared and time.monotonic() < end and not os.path.exists(directory + "/done"):
            time.sleep(0.005)
    for pid in children:
        os.waitpid(pid, 0)


def play_successors(directory, count):
    """Servers of one port, one after the other: each begins to listen when the one before it has ended."""
    play_takers(directory, count, False)


# --- the test --------------------------------------------------------------------------------------------------

def truth_of(directory):
    fact = {}
    for line in read_file(directory + "/truth").splitlines():
        entry = json.loads(line)
        fact[entry["dir"], entry["bytes"]] = entry
    return fact


def is_right(row, one, passed):
    """passed: a look finds who has the connection now, and not who had it before."""
    return any(row["pid"] in (None, pid) and row["comm"] in (None, comm)
               for pid, comm in [(one["pid"], one["comm"])] + ([one["last"]] if passed else []))


def compare(rows, directory, what, least, passed=False):
    """passed: the process that the connection was passed to is right, too.

    Return: how many rows had a process.
    """
    truth, owned, wrong = truth_of(directory), 0, []
    for row in rows:
        number = row["rx_bytes"] if row["dir"] == "in" else row["tx_bytes"]
        if row["pid"] is None and row["comm"] is None:
            continue
        fact = truth.get((row["dir"], number))
        if fact is None:
            # Without its bytes: it must be one of those that had these ports; a refused attempt, which the truth
            # does not contain, belongs to one that made others.
            peer = row["rport"] if row["dir"] == "in" else row["lport"]
            if not any(is_right(row, one, passed) and (one["peer"] == peer or row["result"] == "refused")
                       for one in truth.values() if one["dir"] == row["dir"]):
                wrong.append("no such: " + short(row))
        elif not is_right(row, fact, passed):
            wrong.append("%s, but it was %s" % (short(row), fact))
        owned += 1
    check(not wrong, "%s: %d wrong of %d rows:\n%s" % (what, len(wrong), len(rows), "\n".join(wrong[:5])))
    print("# %s: %d of %d rows have a process" % (what, owned, len(rows)))
    check(owned >= least, "%s: only %d of %d rows have a process" % (what, owned, len(rows)))
    return owned


def helper(what, directory):
    return Process([sys.executable, os.path.abspath(__file__), "play", what, directory, str(COUNT)])


def play(what, beside, way, least):
    """The program @what is watched by @way, or all of the host; @beside is what it needs."""
    directory = scratch("place")
    os.mkdir(directory)
    words = [sys.executable, os.path.abspath(__file__), "play", what, directory, str(COUNT)]
    if way == "launched":
        other = helper(beside, directory)
        trace = Trace([], words)
        rows = trace.finish(limit=LIMIT_SEC)
    else:
        program = Process(["sh", "-c", 'read go && exec "$@"', "sh"] + words, stdin=subprocess.PIPE)
        wait_for(lambda: read_file("/proc/%d/comm" % program.pid).strip() == "sh", "the program")
        if way == "attached":
            trace = attach([program.pid], runner=[])
        elif way == "diag":
            trace = watch([program.pid], before=[])
        else:
            trace = Trace(["-i", "lo"])
            capturing(trace)
        other = helper(beside, directory)
        program.line()
        require(program.wait(LIMIT_SEC) == 0, "%s: %s" % (what, program.err))
        rows = trace.interrupt() if way == "host" or trace.alive() else trace.finish()
    touch(directory + "/done")
    require(other.wait(60) == 0, "%s: %s" % (beside, other.err))
    compare(rows, directory, "%s, %s" % (what, way), least, way in ("diag", "host"))
    return rows


def play_beside(directory, _):
    """A server that is not watched, while it is needed."""
    listener = listen()
    announce(directory, listener)
    serve(directory, listener, lambda: os.path.exists(directory + "/done"))


def play_callers(directory, count):
    """One client, whose connections share few ports with those of earlier runs."""
    port = int(wait_file(directory + "/port"))
    for number in range(1, count + 1):
        while True:
            try:
                call(directory, port, number)
                break
            except (ConnectionRefusedError, ConnectionResetError):
                time.sleep(0.002)
    touch(directory + "/done")


WAYS = ("launched", "attached", "diag", "host")


@test("short processes with PIDs and ports that are used again: each connection has its own process, or none")
def clients():
    for way in WAYS:
        play("clients", "beside", way, COUNT if way in ("launched", "attached") else 0)


@test("short children that accept on their parent's listener, with PIDs that are used again")
def accepting():
    for way in WAYS:
        play("children", "callers", way, COUNT if way in ("launched", "attached") else 0)


@test("connections that are passed to short processes (SCM_RIGHTS), in descriptors that are used again")
def passed_on():
    for way in WAYS:
        play("passers", "callers", way, COUNT if way in ("launched", "attached") else 0)


@test("a port that is handed from one process to the next (SO_REUSEPORT) while connections come")
def handed_over():
    for way in WAYS:
        play("takers", "callers", way, COUNT if way in ("launched", "attached") else 0)


@test("a port whose servers follow one another, each after the end of the one before it")
def followed():
    for way in WAYS:
        play("successors", "callers", way, COUNT if way in ("launched", "attached") else 0)


if sys.argv[1:2] == ["play"]:
    globals()["play_" + sys.argv[2]](sys.argv[3], int(sys.argv[4]))
else:
    enter_namespace(flags="-Urnpf --mount-proc")
    sysctl("net.ipv4.ip_local_port_range", "40000 %d" % (40000 + PORTS - 1))
    main()
