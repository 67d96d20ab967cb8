#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs that may not be inspected: rows with what their calls tell, a notice, and nothing lost in silence.

    sealed.py play WHEN FILE        (played by the tests) is not dumpable from the START on, or MIDWAY; FILE gets the truth
"""
import ctypes
import json
import os
import shutil
import socket
import sys

from lib import (CONNTRACE, MKCONN, Process, Skip, Trace, as_nobody, attach, check, enter_namespace, equal, main, must,
                 read_file, read_truth, run, scratch, short, test, wait_for, unshared)

LOOPBACK = "127.0.0.1"
NOTICE = "it is not dumpable"


def seal():
    ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)


def pair(listener):
    client = socket.socket()
    client.connect(listener.getsockname())
    served, _ = listener.accept()
    client.sendall(bytes(1000))
    served.recv(1000, socket.MSG_WAITALL)
    return client, served


def play(when, path):
    """Two connections to itself, the second by a child that accepts, and a refused one; one before, if it seals midway."""
    truth = []

    def fact(direction, result, descriptor, port=None, pid=0):
        truth.append({"dir": direction, "result": result, "fd": descriptor, "lport": port, "pid": pid or os.getpid()})
    if when == "waiting":
        sys.stdin.readline()
    if when == "start":
        seal()
    listener = socket.create_server((LOOPBACK, 0))
    port = listener.getsockname()[1] if when != "start" else None
    before = pair(listener) if when != "start" else ()
    if when != "start":
        seal()
    client, served = pair(listener)
    fact("out", "ok", client.fileno())
    fact("in", "ok", served.fileno(), port)
    moved = os.dup(client.fileno())
    os.dup2(moved, 100)
    os.close(moved)
    client.close()
    os.close(100)
    served.close()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        served, _ = listener.accept()
        os.write(writing, b"%d" % served.fileno())
        os._exit(0)
    client = socket.create_connection(listener.getsockname())
    fact("out", "ok", client.fileno())
    os.waitpid(pid, 0)
    fact("in", "ok", int(os.read(reading, 10)), port, pid)
    client.close()
    client = socket.socket()
    check_errno = client.connect_ex((LOOPBACK, 1))
    fact("out", "refused" if check_errno else "ok", client.fileno())
    client.close()
    other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    other.connect((LOOPBACK, 9))
    other.close()
    for ended in before:
        ended.close()
    with open(path, "w", encoding="ascii") as file:
        json.dump(truth, file)


def words(when, path):
    return [sys.executable, os.path.abspath(__file__), "play", when, path]


def compare(rows, path, when, what):
    truth = json.loads(read_file(path))
    later = [row for row in rows if "k" not in row["seen"]]
    equal(sorted((row["dir"], row["result"], row["fd"], row["lport"], row["pid"]) for row in later),
          sorted((t["dir"], t["result"], t["fd"], t["lport"], t["pid"]) for t in truth) if when != "start" else
          sorted(((t["dir"], t["result"], t["fd"], None, t["pid"]) for t in truth), key=str), what)
    for row in later:
        equal((row["raddr"], row["rport"], row["rx_bytes"] if row["result"] == "ok" else None), (None, None, None),
              what + ": " + short(row))
        equal(row["errno"], "ECONNREFUSED" if row["result"] == "refused" else "0", what + ": " + short(row))
    exact = [row for row in rows if "k" in row["seen"]]
    equal(sorted((row["dir"], row["rx_bytes"], row["tx_bytes"]) for row in exact if row["rx_bytes"] is not None),
          [("in", 1000, 0), ("out", 0, 1000)] if when != "start" else [], what + ": what was there before")


def key(row):
    return tuple(str(value) for value in row)


@test("not dumpable from the start, or midway: a row for each connection, with what is known without its memory")
def launched():
    for when in ("start", "midway"):
        for options in ([], ["--no-filter"], ["--watch-close"]):
            path = scratch("truth")
            trace = Trace(options, words(when, path), as_nobody() + WITHOUT)
            rows = trace.finish(limit=40)
            compare(rows, path, when, "%s with %s" % (when, options))
            equal(trace.err.count(NOTICE) > 0, True, "the notice: " + trace.err)


@test("attached to a program that is not dumpable later; one that is so already is refused with the reason")
def attached():
    path = scratch("truth")
    program = Process(as_nobody() + WITHOUT + words("waiting", path), stdin=-1)
    wait_for(lambda: read_file("/proc/%d/wchan" % program.pid) or True, "the program")
    trace = attach([program.pid], runner=as_nobody() + WITHOUT)
    program.line()
    equal(program.wait(40), 0, "its end: " + program.err)
    rows = trace.finish()
    check(NOTICE in trace.err, "the notice: " + trace.err)
    truth = json.loads(read_file(path))
    mine = [t for t in truth if t["pid"] == program.pid]
    equal(len([row for row in rows if row["pid"] == program.pid and "k" not in row["seen"]]), len(mine), "its rows")


@test("--via=diag: a notice, and the connections are counted")
def looked_at():
    path = scratch("truth")
    trace = Trace(["--via=diag", "--look-ms=1"], words("start", path), as_nobody() + WITHOUT)
    rows = trace.finish(limit=40)
    check(NOTICE in trace.err, "the notice: " + trace.err)
    check(all(row["pid"] is None or row["dir"] == "in" for row in rows), "rows: %s" % [short(row) for row in rows])
    check(rows or rows.summary["too_short"] > 0, "connections are rows or counted: %s" % rows.summary)


@test("a program that may be executed and not read")
def unreadable():
    place = scratch("place")
    os.mkdir(place)
    os.chmod(place, 0o777)
    program = place + "/mkconn"
    must(as_nobody() + ["cp", MKCONN, program])
    must(as_nobody() + ["chmod", "0111", program])
    truth = scratch("truth")
    trace = Trace([], [program, "truth=" + truth, "listen=127.0.0.1:0", "fork=1", "accept", "recv-all", "close", "done",
                       "connect=self", "send=10", "close", "join"], as_nobody() + WITHOUT)
    rows = trace.finish(limit=40)
    fact = read_truth(truth)
    equal(sorted((row["dir"], row["result"], row["pid"], row["fd"]) for row in rows),
          sorted((t["dir"], t["result"], t["pid"], t["fd"]) for t in fact), "rows")
    check(NOTICE in trace.err, "the notice: " + trace.err)


@test("no /proc at all, or one that hides processes: all that the kernel tells is right")
def no_proc():
    unshare = unshared("-Urnpfm", "--mount-proc")
    for mount in ("umount -l /proc", "mount -t proc -o hidepid=2 proc /proc", "mount -t tmpfs none /proc"):
        truth = scratch("truth")
        out = scratch("rows")
        result = run(unshare + ["sh", "-c", "ip link set lo up; %s && exec \"$@\"" % mount,
                      "sh", CONNTRACE, "-z", "conns", "--format=json", "-o", out, "--", MKCONN, "truth=" + truth,
                      "listen=127.0.0.1:0", "fork=1", "accept", "recv-all", "close", "done", "connect=self", "send=10",
                      "close", "join"])
        if "mount" in result.err and not os.path.exists(out):
            raise Skip("cannot hide /proc here: " + result.err.splitlines()[0])
        equal(result.status, 0, "%s: %r" % (mount, result))
        rows = [json.loads(line) for line in read_file(out).splitlines()[:-1]]
        equal(sorted((row["dir"], row["result"], row["rx_bytes"], row["tx_bytes"]) for row in rows),
              [("in", "ok", 10, 0), ("out", "ok", 0, 10)], "rows with " + mount)


# As root of a namespace conntrace could look into everything; in one that is what we are.
WITHOUT = []
CAPABILITIES = "-sys_ptrace,-dac_override,-dac_read_search"
if sys.argv[1:2] == ["play"]:
    play(sys.argv[2], sys.argv[3])
else:
    if enter_namespace(required=False) and shutil.which("setpriv"):
        WITHOUT = [shutil.which("setpriv"), "--bounding-set=" + CAPABILITIES, "--inh-caps=" + CAPABILITIES,
                   "--"]
    main()
