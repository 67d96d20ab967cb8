#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The scripts of contrib/stap beside conntrace: both report the same connections of the same programs.

tests/vm/stap-modules has made the modules, because a compiler takes very long in an emulated machine.
"""
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../live"))
from lib import (CONNTRACE, MKCONN, URING, Process, Trace, check, equal, main, must, need, parse_rows, read_file, run, scratch,
                 skip_all, test, wait_for)

LIMIT = 240
MODULES = os.path.join(os.path.abspath(os.environ.get("top_builddir", ".")), "tests/vm/stap", os.uname().release)


class Script:
    """A module that runs, its output in a file."""

    def __init__(self, name, *words):
        self.path = scratch("stap")
        must([need("cp"), os.path.join(MODULES, name + ".ko"), "/tmp/"])
        self.process = Process([need("staprun"), "-o", self.path, "/tmp/%s.ko" % name] + list(words))
        wait_for(lambda: os.path.exists(self.path) and ("all probes" in read_file(self.path) or "START" in read_file(self.path)),
                 "the module of " + name, LIMIT)

    def finish(self):
        self.process.signal(signal.SIGINT)
        equal(self.process.wait(LIMIT), 0, "exit status of staprun: " + self.process.err)
        return read_file(self.path)


def key(row):
    """A connection: the local port of a connect that was refused is free again when it is reported."""
    lport = row["lport"] if row["result"] == "ok" else None
    return tuple(str(part) for part in (row["pid"], row["comm"], row["dir"], row["raddr"], row["rport"], lport, row["result"]))


def compared(scenarios):
    """Plays each under conntrace, with the script beside. Return: text of the script, number of connections."""
    script = Script("conntrace_stp", "events=1")
    wanted = []
    for words in scenarios:
        rows = Trace([], words).finish(limit=LIMIT)
        wanted += [key(row) for row in rows]
    text = script.finish()
    result = run([CONNTRACE, "-j", "-z", "conns", "--replay", script.path], limit=LIMIT)
    pids = {row[0] for row in wanted}
    found = [key(row) for row in parse_rows(result.out) if str(row["pid"]) in pids]
    equal(sorted(found), sorted(wanted), "connections by SystemTap and by conntrace; %s%s" % (script.process.err, result.err))
    return text, len(wanted)


def exchange(address, count):
    return [MKCONN, "truth=" + scratch("truth"), "listen=%s:0" % address, "fork=1", "count=%d" % count, "connect=self", "send=10",
            "recv-all", "close", "done", "done", "count=%d" % count, "accept", "recv=10", "send=20", "close", "done", "join"]


@test("IPv4, IPv6, refused, without waiting: the same connections, results and owners")
def same():
    _, count = compared([
        exchange("127.0.0.1", 20), exchange("[::1]", 20),
        [MKCONN, "truth=" + scratch("truth"), "connect=127.0.0.1:7", "close", "nonblock", "connect=127.0.0.1:8", "poll", "so-error",
         "close", "connect=[::1]:9", "poll", "so-error", "close"]])
    equal(count, 83, "connections")


@test("io_uring: accepts and connects")
def uring():
    port = scratch("port")
    server = Process([URING(), "truth=" + scratch("truth"), "serve", "127.0.0.1", port, "3", "fd"])
    wait_for(lambda: os.path.exists(port), "the server", LIMIT)
    script = Script("conntrace_stp", "events=1")
    client = Process([URING(), "truth=" + scratch("truth"), "call", "127.0.0.1", port, "3", "fd"])
    equal((client.wait(LIMIT), server.wait(LIMIT)), (0, 0), "exit status of both ends")
    script.finish()
    rows = parse_rows(run([CONNTRACE, "-j", "-z", "conns", "--replay", script.path], limit=LIMIT).out)
    found = sorted((row["pid"], row["dir"], row["result"]) for row in rows if row["pid"] in (client.pid, server.pid))
    equal(found, sorted([(client.pid, "out", "ok")] * 3 + [(server.pid, "in", "ok")] * 3), "connections")


@test("text: a line for each connection and a summary in the columns of peers")
def text():
    script = Script("conntrace_stp")
    run(exchange("127.0.0.1", 5), limit=LIMIT)
    lines = [line.split() for line in script.finish().splitlines()]
    head = [line for line in lines if line[0] == "PEER"][0]
    equal(head, ["PEER", "DIR", "PORT", "CONNS", "FAIL", "HS_MS", "QUEUE_MS", "RETRANS", "RX_BYTES", "TX_BYTES", "COMMS"], "head")
    rows = {line[1]: line for line in lines if line[0] == "127.0.0.1" and len(line) == len(head)}
    equal([(rows[side][3], rows[side][4], rows[side][-1]) for side in ("in", "out")], [("5", "0", "mkconn")] * 2, "peers: %s" % lines)
    equal(len([line for line in lines if line[1:2] in (["in"], ["out"]) and line[-1] == "mkconn" and line[0][0] == "1" and
               "." in line[0] and line[0].count(".") == 1]), 10, "lines of connections")


@test("conntrace-tcp.stp: states and resets")
def states():
    script = Script("conntrace_tcp_stp")
    must(exchange("127.0.0.1", 3), limit=LIMIT)
    run([MKCONN, "truth=" + scratch("truth"), "connect=127.0.0.1:7", "close"], limit=LIMIT)
    said = script.finish()
    for part in ("CLOSED>SYN-SENT", "SYN-SENT>ESTABLISHED", "SYN-RECV>ESTABLISHED", "reset received", "RX_RST"):
        check(part in said, "%s in %s" % (part, said))
    peer = [line.split() for line in said.splitlines() if line.startswith("127.0.0.1 ")][0]
    check(int(peer[1]) >= 3 * 9 and int(peer[3]) >= 1, "changes and resets of the peer: %s" % peer)


if __name__ == "__main__":
    if not os.environ.get("CONNTRACE_VM"):
        skip_all("only in the virtual machine of make check-vm")
    if not os.path.exists(os.path.join(MODULES, "conntrace_stp.ko")):
        skip_all("no module of contrib/stap for this kernel: tests/vm/stap-modules makes it")
    run(["mount", "-t", "debugfs", "debugfs", "/sys/kernel/debug"])
    run(["mount", "-t", "tracefs", "tracefs", "/sys/kernel/tracing"])
    main()
