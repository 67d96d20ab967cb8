#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The scripts of contrib/stap beside conntrace: both report the same connections of the same programs.

tests/vm/stap-modules has made the modules, because a compiler takes very long in an emulated machine.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../live"))
from lib import (CONNTRACE, MKCONN, URING, Process, Trace, check, equal, main, must, parse_rows, read_file, run, scratch,
                 skip_all, test, touch, wait_for)
from stap_script import MODULES, Script

LIMIT = 240


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


def wire(row):
    """A connection with what the kernel counted."""
    return tuple(str(row[column]) for column in ("dir", "laddr", "lport", "raddr", "rport", "result", "rx_bytes", "tx_bytes",
                                                 "retrans", "state", "close"))


def agreed(found, wanted):
    """What is known of each, without that of which @wanted does not know it."""
    unknown = {wire(row)[:6]: [part == "None" for part in wire(row)] for row in wanted}
    return [tuple("None" if skip else part for part, skip in zip(wire(row), unknown.get(wire(row)[:6], [False] * 11))) for row in found]


@test("conntrace-tcp.stp events=1: bytes, retransmissions and ends of each connection, and who opened it")
def counters():
    script = Script("conntrace_tcp_stp", "events=1")
    wanted, failed = [], []
    for address in ("127.0.0.1", "[::1]"):
        wanted += Trace(["--watch-close"], exchange(address, 10)).finish(limit=LIMIT)
    wanted += Trace(["--watch-close"], [MKCONN, "truth=" + scratch("truth"), "listen=127.0.0.1:0", "fork=1", "connect=self", "send=100",
                                        "recv=50", "rst", "done", "accept", "recv=100", "send=50", "recv-all", "close",
                                        "join"]).finish(limit=LIMIT)
    failed += Trace([], [MKCONN, "truth=" + scratch("truth"), "connect=127.0.0.1:7", "close", "nonblock", "connect=[::1]:8", "poll",
                         "so-error", "close"]).finish(limit=LIMIT)
    script.finish()
    result = run([CONNTRACE, "-j", "-z", "conns", "--replay", script.path], limit=LIMIT)
    equal(result.status, 0, "exit status: " + result.err)
    rows = parse_rows(result.out)
    ports = {row["lport"] for row in wanted}
    found = [row for row in rows if row["lport"] in ports and row["result"] == "ok"]
    # The RST may come before or after close(2): then conntrace does not know all of it.
    equal(sorted(agreed(found, wanted)), sorted(map(wire, wanted)), "connections by SystemTap and by conntrace; %s" % result.err)
    equal(sorted(map(key, found)), sorted(map(key, wanted)), "who accepted and who opened it")
    equal(sorted((row["pid"], row["raddr"], row["result"]) for row in rows if row["pid"] == failed[0]["pid"]),
          sorted((row["pid"], row["raddr"], row["result"]) for row in failed), "refused")


@test("-x PID: the process and the children that it makes, nobody else; port= and seconds= bound it")
def bounded():
    port, other, go = scratch("port"), scratch("port"), scratch("go")
    server = Process([MKCONN, "limit=%d" % LIMIT, "truth=" + scratch("truth"), "listen=127.0.0.1:0", "port-file=" + port, "wait-file=" + go,
                      "accept", "recv-all", "close", "fork=1", "accept", "recv-all", "close", "done", "join"])
    other_server = Process([MKCONN, "limit=%d" % LIMIT, "truth=" + scratch("truth"), "listen=127.0.0.1:0", "port-file=" + other,
                        "count=2", "accept", "recv-all", "close", "done"])
    wait_for(lambda: os.path.exists(port) and os.path.exists(other), "the servers", LIMIT)
    number = read_file(port).strip()
    script = Script("conntrace_stp", "events=1", options=["-x", str(server.pid)])
    touch(go)
    client = [MKCONN, "truth=" + scratch("truth"), "count=2", "connect=127.0.0.1:@" + port, "send=3", "close", "connect=127.0.0.1:@" + other,
              "close", "done"]
    must(client, limit=LIMIT)
    equal((server.wait(LIMIT), other_server.wait(LIMIT)), (0, 0), "exit status of the servers")
    script.finish()
    rows = parse_rows(run([CONNTRACE, "-j", "-z", "conns", "--replay", script.path], limit=LIMIT).out)
    equal([(row["dir"], row["lport"], row["result"]) for row in rows], [("in", int(number), "ok")] * 2, "connections: " + read_file(script.path))
    equal((rows[0]["pid"], rows[1]["pid"] != server.pid), (server.pid, True), "the process and its child")
    script = Script("conntrace_stp", "events=1", "port=7", "seconds=3")
    while script.process.alive():
        run([MKCONN, "truth=" + scratch("truth"), "connect=127.0.0.1:7", "connect=127.0.0.1:8"], limit=LIMIT)
    script.finish(by_itself=True)
    rows = parse_rows(run([CONNTRACE, "-j", "-z", "conns", "--replay", script.path], limit=LIMIT).out)
    equal({(row["rport"], row["result"]) for row in rows}, {(7, "refused")}, "one port")


@test("-c COMMAND: what it does, until it ends")
def command():
    script = Script("conntrace_stp", "events=1", options=["-c", " ".join(exchange("127.0.0.1", 3))])
    script.finish(by_itself=True)
    rows = parse_rows(run([CONNTRACE, "-j", "-z", "conns", "--replay", script.path], limit=LIMIT).out)
    equal(sorted((row["dir"], row["result"], row["comm"]) for row in rows), [("in", "ok", "mkconn")] * 3 + [("out", "ok", "mkconn")] * 3,
          "connections: " + read_file(script.path))


if __name__ == "__main__":
    if not os.environ.get("CONNTRACE_VM"):
        skip_all("only in the virtual machine of make check-vm")
    if not os.path.exists(os.path.join(MODULES, "conntrace_stp.ko")):
        skip_all("no module of contrib/stap for this kernel: tests/vm/stap-modules makes it")
    run(["mount", "-t", "debugfs", "debugfs", "/sys/kernel/debug"])
    run(["mount", "-t", "tracefs", "tracefs", "/sys/kernel/tracing"])
    main()
