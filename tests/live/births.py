#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How connections come about, or do not: every row is held against what the program itself knew."""
import os
import subprocess
import sys
import time

import at_once
from lib import (CONNTRACE, MKCONN, Trace, attach, between, check, enter_namespace, equal, find_row, firewall,
                 firewall_count, firewall_off, free_port, launch, mkconn, must, need, parse_rows, read_truth, scratch, short,
                 short_timeouts, sysctl, test, wait_file, wait_for)

BLACKHOLE, REJECTING = 7, 8      # ports the firewall cares for
TIMEOUT_MS = 2900                # short_timeouts(): two SYNs, after one second and two more; timers are coarse


def decided(row, truth, result, errno="0", asked=True):
    """A row says what became of the attempt, and how long that took, as the program knew it.

    When a program never asked (SO_ERROR) for the outcome of a non-blocking connect, it may be unknown, as may its time.
    """
    what = " of " + short(row)
    if asked or row["result"] != "unknown":
        equal(row["result"], result, "RESULT" + what)
        equal(row["errno"], errno, "ERRNO" + what)
    if truth["dir"] == "out" and truth["outcome_ns"] and (asked or row["connect_ms"] is not None):
        asked_after = (max(truth["outcome_ns"], truth["asked_ns"]) - truth["begin_ns"]) / 1e6
        # The program's clock is read outside the call, so its span is never shorter; the stops cost a little. On a busy
        # machine it runs seconds after it was woken, so the least is what the kernel's timers say, not that span.
        between(row["connect_ms"], TIMEOUT_MS if result == "timeout" else 0, asked_after + 5, "CONNECT_MS" + what)


def played(words, result, errno):
    """A scenario of attempts that all end alike."""
    rows, truth = launch(words)
    equal(len(rows), len(truth), "rows")
    for fact in truth:
        decided(find_row(rows, fact), fact, result, errno, "poll" not in words or "so-error" in words)
    return rows, truth


@test("a server with four threads: accept, accept4, accept on IPv6, accept(NULL, NULL): 8 of 8")
def four_threads():
    ports = [scratch("port") for _ in range(4)]
    kinds = (("127.0.0.1", "accept"), ("127.0.0.1", "accept4"), ("[::1]", "accept"), ("127.0.0.1", "accept-null"))
    truth, words = scratch("truth"), []
    for port, (address, kind) in zip(ports, kinds):
        words += ["threads=1", "listen=%s:0" % address, "port-file=" + port, "count=2", kind, "recv-all", "close",
                  "done", "done"]
    trace = Trace([], [MKCONN, "truth=" + truth] + words)
    clients = [mkconn(["connect=%s:@%s" % (address, port), "send=%d" % size, "close"])
               for port, (address, _) in zip(ports, kinds) for size in (10, 2000)]
    for client in clients:
        equal(client.wait(), 0, "a client's end")
    rows = trace.finish()
    fact = read_truth(truth)
    equal((len(rows), len(fact)), (8, 8), "rows, connections")
    for t in fact:
        row = find_row(rows, t)
        decided(row, t, "ok")
        equal((row["dir"], row["laddr"], row["lport"], row["tid"], row["fd"], row["rx_bytes"], row["tx_bytes"]),
              ("in", t["laddr"], t["lport"], t["tid"], t["fd"], t["rx_bytes"], 0), "fields of " + short(row))
        equal((row["peer"], row["port"]), (t["raddr"], t["lport"]), "PEER, PORT")
    peers = Trace([], report="peers", before=(), command=["true"]).finish()
    equal(len(peers), 0, "groups of a command that connects nowhere")


@test("both ends traced: two rows, each with its own process and direction, bytes not doubled")
def both_ends():
    rows, truth = launch(["listen=127.0.0.1:0", "fork=1", "accept4", "recv=1000", "send=30", "recv-all", "close",
                          "done", "connect=self", "send=1000", "recv=30", "close"])
    equal(len(rows), 2, "rows")
    for fact in truth:
        row = find_row(rows, fact)
        decided(row, fact, "ok")
        equal((row["rx_bytes"], row["tx_bytes"], row["pid"]), (fact["rx_bytes"], fact["tx_bytes"], fact["pid"]),
              "bytes, PID")
        # Without packets the handshake's length is the kernel's own round trip.
        between(row["hs_ms"], 0.001, 20, "HS_MS of " + short(row))


@test("a listener for both families: IPv4-mapped addresses are shown as IPv4")
def dual_stack():
    rows, truth = launch(["listen=[::]:0", "port-file=" + (port := scratch("port")), "threads=1", "count=3", "accept4",
                          "recv-all", "close", "done", "done", "connect=127.0.0.1:@" + port, "send=1", "close",
                          "connect=[::1]:@" + port, "send=2", "close", "connect=[::ffff:127.0.0.1]:@" + port, "send=3",
                          "close"])
    equal(len(rows), 6, "rows")
    for fact in truth:
        row = find_row(rows, fact)
        equal((row["laddr"], row["peer"]), (fact["laddr"], fact["raddr"]), "addresses")
        decided(row, fact, "ok")
    equal(sorted(row["raddr"] for row in rows), ["127.0.0.1"] * 4 + ["::1"] * 2, "RADDR")


@test("connect that succeeds: blocking or not, asked for its outcome or not")
def succeeds():
    for address in ("127.0.0.1", "[::1]"):
        for words in (["connect=self"], ["nonblock", "connect=self", "poll", "so-error"],
                      ["nonblock", "connect=self", "poll"], ["nonblock", "connect=self"]):
            rows, truth = launch(["listen=%s:0" % address] + words + ["send=10", "close", "block", "accept", "recv-all",
                                                                      "close"])
            equal(len(rows), 2, "rows of %s" % words)
            for fact in truth:
                decided(find_row(rows, fact), fact, "ok", asked="nonblock" not in words or "so-error" in words)


@test("refused: blocking, non-blocking with and without SO_ERROR, IPv6")
def refused():
    for address in ("127.0.0.1:%d" % free_port(), "[::1]:%d" % free_port("::1"),
                    "[::ffff:127.0.0.1]:%d" % free_port()):
        for words in (["connect=" + address], ["nonblock", "connect=" + address, "poll", "so-error"],
                      ["nonblock", "connect=" + address, "poll"]):
            played(words + ["close"], "refused", "ECONNREFUSED")


@test("timed out: one row however often the SYN was resent, and SYN_RTX says how often")
def timed_out():
    short_timeouts()
    address = "127.0.0.1:%d" % BLACKHOLE
    for words in (["connect=" + address], ["nonblock", "connect=" + address, "poll", "so-error"],
                  ["nonblock", "connect=" + address, "poll"]):
        firewall("tcp dport %d counter name seen drop" % BLACKHOLE)
        rows, _ = played(words + ["close"], "timeout", "ETIMEDOUT")
        equal(rows[0]["syn_rtx"], firewall_count() - 1, "SYN_RTX of " + short(rows[0]))
    # IPv6, and several at once.
    firewall("tcp dport %d drop" % BLACKHOLE)
    rows, _ = played(["threads=3", "connect=[::1]:%d" % BLACKHOLE, "close", "done"], "timeout", "ETIMEDOUT")
    equal(len(rows), 3, "rows")
    firewall_off()


@test("answered late: a resent SYN is still one connection")
def late():
    port, truth = scratch("port"), scratch("truth")
    server = mkconn(["listen=127.0.0.1:0", "port-file=" + port, "accept", "recv-all", "close"])
    number = wait_file(port)
    firewall("tcp dport %s counter name seen drop" % number)
    trace = Trace([], [MKCONN, "truth=" + truth, "connect=127.0.0.1:" + number, "send=5", "close"])
    wait_for(lambda: firewall_count() >= 1, "the first SYN")
    dropped = firewall_count()
    firewall_off()
    rows = trace.finish()
    server.wait()
    equal(len(rows), 1, "rows")
    fact = read_truth(truth)[0]
    decided(find_row(rows, fact), fact, "ok")
    equal((rows[0]["syn_rtx"], rows[0]["tx_bytes"]), (dropped, 5), "SYN_RTX, TX_BYTES")
    between(rows[0]["connect_ms"], 900, 10000, "CONNECT_MS")
    # In the kernel's ticks, of 10 ms at most.
    between(rows[0]["hs_ms"], 900, rows[0]["connect_ms"] + 10, "HS_MS of the handshake with a resent SYN")


# What the own kernel refuses: words of mkconn after "block" or "nonblock", and the errno.
REFUSED_HERE = ((["connect=192.0.2.1:9"], "ENETUNREACH"),                           # no route
                (["bind=127.0.0.1:0", "connect=192.0.2.1:9"], "ENETUNREACH"),       # the same with a local port
                (["connect=198.51.100.1:9"], "EACCES"),                             # a prohibiting route
                (["connect=203.0.113.1:9"], "EHOSTUNREACH"),                        # an unreachable one
                (["connect=203.0.113.130:9"], "EINVAL"),                            # a black hole
                (["connect=255.255.255.255:9"], "ENETUNREACH"),
                (["connect=[2001:db8::1]:9"], "ENETUNREACH"),
                (["connect=[fe80::1]:9"], "EINVAL"))                                # no scope


def refusing_routes():
    for kind, network in (("prohibit", "198.51.100.0/24"), ("unreachable", "203.0.113.0/25"),
                          ("blackhole", "203.0.113.128/25")):
        must([need("ip"), "route", "replace", kind, network])


@test("refused by the own kernel: error, blocking or not, live and replayed; no port left")
def refused_here():
    refusing_routes()
    for words, errno in REFUSED_HERE:
        for block in ("block", "nonblock"):
            rows, _ = played([block] + words + ["close"], "error", errno)
            equal([(row["syn_rtx"], row["rx_bytes"], row["tx_bytes"], row["state"]) for row in rows],
                  [(0, 0, 0, "closed")], "SYN_RTX, bytes and STATE")
    recording = scratch("recording")
    sysctl("net.ipv4.ip_local_port_range", "40000 40001")
    try:
        trace = Trace(["--record=" + recording], [MKCONN, "listen=127.0.0.1:7003", "count=4", "connect=self", "keep",
                                                  "done"])
        rows = trace.finish()
    finally:
        sysctl("net.ipv4.ip_local_port_range", "32768 60999")
    out = sorted((row["result"], row["errno"]) for row in rows if row["dir"] == "out")
    equal(out, [("error", "EADDRNOTAVAIL")] * 2 + [("ok", "0")] * 2, "outcomes with two ports left")
    for report, options in (("conns", ["--only=failed"]), ("groups", []), ("peers", ["--dir=out"])):
        rows = parse_rows(must([CONNTRACE, "--replay=" + recording, "-z", report, "-j"] + options))
        if report == "conns":
            equal([(row["errno"], row["why"]) for row in rows], [("EADDRNOTAVAIL", ["failed"])] * 2, "--only=failed")
            continue
        row = [row for row in rows if row.get("group") != "RX"][0]
        equal((row["conns"], row["ok"], row["fail"], row["error"], row["unknown"]), (4, 2, 2, 2, 0), "the sums of " + report)


@test("EISCONN: a socket that has a connection attempts none, and its row goes on")
def is_connected():
    rows, _ = launch(["listen=127.0.0.1:0", "connect=self", "connect-again", "send=10", "close"])
    equal([(row["result"], row["tx_bytes"]) for row in rows if row["dir"] == "out"], [("ok", 10)], "rows")


@test("unreachable: ICMP and ICMPv6 errors")
def unreachable():
    firewall("tcp dport %d meta nfproto ipv4 reject with icmp type host-unreachable" % REJECTING,
             "tcp dport %d meta nfproto ipv6 reject with icmpv6 type admin-prohibited" % REJECTING)
    for address, errno in (("127.0.0.1", "EHOSTUNREACH"), ("[::1]", "EACCES")):
        address += ":%d" % REJECTING
        # Who closes without asking for SO_ERROR leaves no trace of the reason, so that scenario is not played.
        for words in (["connect=" + address], ["nonblock", "connect=" + address, "poll", "so-error"]):
            played(words + ["close"], "unreach", errno)
    firewall_off()


@test("given up before an answer: by close, by exit, by a signal")
def abandoned():
    firewall("tcp dport %d counter name seen drop" % BLACKHOLE)
    attempt = ["nonblock", "connect=127.0.0.1:%d" % BLACKHOLE]
    for end, status in ((["abandon"], 0), (["exit=3"], 3), (["kill9"], -9)):
        rows, _ = launch(attempt + end, status=status)
        equal([row["result"] for row in rows], ["abort"], "RESULT after %s" % end)
        equal([row["errno"] for row in rows], [None], "ERRNO after %s" % end)
    firewall_off()


@test("still undecided when the run ends: pending, which is neither success nor failure")
def pending():
    firewall("tcp dport %d counter name seen drop" % BLACKHOLE)
    for report, column in (("conns", "result"), ("peers", "pending")):
        trace = Trace(["-d", "1"], [MKCONN, "nonblock", "connect=127.0.0.1:%d" % BLACKHOLE, "wait-stdin"],
                      report=report, stdin=subprocess.PIPE)
        wait_for(lambda t=trace: read_rows_text(t), "the report after -d")
        rows = trace.rows()
        equal([row[column] for row in rows], ["pending"] if column == "result" else [1], column)
        if report == "peers":
            equal([(row["ok"], row["fail"]) for row in rows], [(0, 0)], "OK, FAIL")
    firewall_off()


def read_rows_text(trace):
    return os.path.exists(trace.rows_path) and os.path.getsize(trace.rows_path) > 0


NO_DESCRIPTORS = """
import os, resource, socket
listener = socket.create_server(("127.0.0.1", 0), backlog=16)
clients = [socket.create_connection(listener.getsockname()) for _ in range(4)]
room = max(map(int, os.listdir("/proc/self/fd")))
resource.setrlimit(resource.RLIMIT_NOFILE, (room, room))
failed = 0
for _ in range(5):
    try:
        listener.accept()
    except OSError:
        failed += 1
print(failed)
"""


@test("accept(2) that fails is counted by errno and process, from a recording too")
def failed_accepts():
    recording = scratch("recording")
    trace = Trace(["--record=" + recording], [sys.executable, "-c", NO_DESCRIPTORS])
    rows = trace.finish()
    failed = int(trace.out)
    check(failed > 0, "no call failed")
    for accounts in (rows.summary, parse_rows(must([CONNTRACE, "--replay=" + recording, "-j"])).summary):
        equal(accounts["accept_failed"], failed, "accept_failed")
        equal([(kind["errno"], kind["count"]) for kind in accounts["accept_failures"]], [("EMFILE", failed)], "kinds")


@test("never accepted: counted when they die, and while they wait; a full queue is counted, too")
def never_accepted():
    for ends in (False, True):
        port = scratch("port")
        server = mkconn(["backlog=2", "listen=127.0.0.1:0", "port-file=" + port, "wait-stdin"], stdin=subprocess.PIPE)
        number = wait_file(port)
        trace = attach([server.pid], runner=())
        client = mkconn(["count=3", "connect=127.0.0.1:" + number, "keep", "done", "nonblock",
                         "connect=127.0.0.1:" + number, "abandon"])
        equal(client.wait(), 0, "the client's end")
        if ends:
            server.line()
            server.wait()
            rows = trace.finish()
        else:
            rows = trace.interrupt()
        accounts = rows.summary
        # Those that come and die between two questions are counted only.
        check(len(rows) <= 3 if ends else len(rows) == 3, "rows: %s" % [short(row) for row in rows])
        equal({(row["dir"], row["result"], row["pid"], row["queue_ms"]) for row in rows} | {("in", "ok", None, None)},
              {("in", "ok", None, None)}, "rows")
        equal((accounts["unaccepted"], accounts["accept_waiting"]), (3, 0) if ends else (0, 3), "never accepted, waiting")
        check(ends or accounts["accept_queues_full"] == 1, "full: %s" % accounts)
        check(accounts["listen_overflows"] > 0, "listen_overflows: %r" % accounts["listen_overflows"])
        server.end()


@test("what is not TCP is no connection")
def other_sockets():
    rows, _ = launch(["udp=127.0.0.1:9", "unix=/nonexistent", "udp=[::1]:9"])
    equal(rows, [], "rows")


@test("pre-forked workers: every connection once, with the worker that accepted it")
def workers():
    port, truth = scratch("port"), scratch("truth")
    trace = Trace([], [MKCONN, "truth=" + truth, "listen=127.0.0.1:0", "port-file=" + port, "fork=4", "count=25",
                       "accept4", "recv=10", "send=20", "recv-all", "close", "done", "done"])
    client = mkconn(["threads=4", "count=25", "connect=127.0.0.1:@" + port, "send=10", "recv=20", "close", "done",
                     "done"])
    equal(client.wait(), 0, "the client's end")
    rows = trace.finish()
    fact = read_truth(truth)
    equal((len(rows), len(fact)), (100, 100), "rows, connections")
    for t in fact:
        row = find_row(rows, t)
        equal((row["pid"], row["rx_bytes"], row["tx_bytes"], row["result"]), (t["pid"], 10, 20, "ok"), short(row))
    check(len({row["pid"] for row in rows}) == 4, "4 workers")


@test("a connection taken over by a child or by exec stays one connection")
def taken_over():
    rows, truth = launch(["listen=127.0.0.1:0", "port-file=" + (port := scratch("port")), "threads=1",
                          "connect=127.0.0.1:@" + port, "send=100", "recv=300", "close", "done", "accept", "recv=100",
                          "fork=1", "send=300", "drop", "done", "join", "close"])
    equal(len(rows), 2, "rows")
    server = find_row(rows, next(t for t in truth if t["dir"] == "in"))
    equal((server["rx_bytes"], server["tx_bytes"], server["result"]), (100, 300, "ok"), "bytes with a child's")
    rows, truth = launch(["listen=127.0.0.1:0", "fork=1", "accept", "recv-all", "close", "done", "connect=self",
                          "send=100", "exec", "send=50", "close"])
    equal(len(rows), 2, "rows")
    client = find_row(rows, next(t for t in truth if t["dir"] == "out"))
    equal((client["rx_bytes"], client["tx_bytes"], client["result"]), (0, 150, "ok"), "bytes across exec")


PASS_ON = """
import os, socket
here, there = socket.socketpair()
listener = socket.create_server(("127.0.0.1", 0))
if os.fork() == 0:
    here.close()
    listener.close()
    connection = socket.socket(fileno=socket.recv_fds(there, 10, 1)[1][0])
    connection.recv(70, socket.MSG_WAITALL)
    connection.sendall(bytes(300))
    connection.recv(1)
    os._exit(0)
there.close()
if os.fork() == 0:
    connection = socket.create_connection(listener.getsockname())
    connection.sendall(bytes(70))
    connection.recv(300, socket.MSG_WAITALL)
    os._exit(0)
connection = listener.accept()[0]
socket.send_fds(here, [b"c"], [connection.fileno()])
connection.close()
os.wait()
os.wait()
"""


@test("a connection passed to another process as a descriptor stays one connection")
def passed_on():
    rows = Trace([], [sys.executable, "-c", PASS_ON]).finish()
    equal(sorted((row["dir"], row["result"], row["rx_bytes"], row["tx_bytes"]) for row in rows),
          [("in", "ok", 70, 300), ("out", "ok", 300, 70)], "rows")
    check(len({row["pid"] for row in rows}) == 2, "two processes opened and accepted")


@test("QUEUE_MS is the time a finished handshake waited for accept(2)")
def queue():
    port, truth, go = scratch("port"), scratch("truth"), scratch("go")
    trace = Trace([], [MKCONN, "truth=" + truth, "listen=127.0.0.1:0", "port-file=" + port, "wait-file=" + go, "accept",
                       "recv-all", "close"])
    client = mkconn(["connect=127.0.0.1:@" + port, "send=10", "touch=" + port + ".connected", "close"])
    wait_file(port + ".connected")
    client.wait()
    time.sleep(0.3)    # this is what is measured
    open(go, "w", encoding="ascii").close()
    rows = trace.finish()
    fact, asked = read_truth(truth)[0], client.truth()[0]
    row = find_row(rows, fact)
    # One jiffy at HZ=100 either way, and what the stops cost.
    between(row["queue_ms"], (fact["begin_ns"] - asked["call_ns"]) / 1e6 - 11,
            (fact["call_ns"] - asked["begin_ns"]) / 1e6 + 11, "QUEUE_MS of " + short(row))


@test("connections that were reset before they were accepted: each row says whose it was")
def reset_in_queue():
    for address in ("127.0.0.1", "[::1]"):
        port, truth, go = scratch("port"), scratch("truth"), scratch("go")
        trace = Trace([], [MKCONN, "truth=" + truth, "listen=%s:0" % address, "port-file=" + port, "wait-file=" + go,
                           "count=3", "accept", "close", "done"])
        for _ in range(3):
            mkconn(["connect=%s:@%s" % (address, port), "rst"]).wait()
        open(go, "w", encoding="ascii").close()
        rows = trace.finish()
        equal(len(rows), 3, "rows")
        for fact in read_truth(truth):
            row = find_row(rows, fact)
            equal((row["dir"], row["close"], row["rx_bytes"]), ("in", "rrst", 0), "row " + short(row))


@test("one connect after the other on one descriptor number: each a row of its own")
def reused():
    rows, truth = launch(["listen=127.0.0.1:0", "threads=1", "count=50", "accept", "recv-all", "close", "done", "done",
                          "count=50", "connect=self", "send=7", "close", "done"])
    equal(len([row for row in rows if row["dir"] == "out"]), 50, "rows out")
    equal(len([row for row in rows if row["dir"] == "in"]), 50, "rows in")
    for fact in truth:
        row = find_row(rows, fact)
        equal((row["rx_bytes"], row["tx_bytes"]), (fact["rx_bytes"], fact["tx_bytes"]), "bytes of " + short(row))


@test("a command in another network namespace: bytes exact or unknown, NETNS its own")
def other_namespace():
    truth = scratch("truth")
    trace = Trace([], ["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", MKCONN, "truth=" + truth,
                       "listen=127.0.0.1:0", "fork=1", "accept4", "recv-all", "close", "done", "connect=self",
                       "send=1234", "close", "join"])
    rows = trace.finish()
    equal(len(rows), 2, "rows")
    for fact in read_truth(truth):
        row = find_row(rows, fact)
        equal(row["result"], "ok", "RESULT of " + short(row))
        check(row["rx_bytes"] in (fact["rx_bytes"], None), "RX_BYTES of " + short(row))
        check(row["tx_bytes"] in (fact["tx_bytes"], None), "TX_BYTES of " + short(row))
        check(row["netns"] and row["netns"] != os.stat("/proc/self/ns/net").st_ino, "NETNS: %s" % row["netns"])


@test("a port used again at once: two connections, each with its own bytes and end")
def port_again():
    # The server ends it first and has TIME_WAIT, so the client's port is free for the next.
    truth, port, client_port = scratch("truth"), scratch("port"), free_port()
    trace = Trace([], [MKCONN, "truth=" + truth, "listen=127.0.0.1:0", "port-file=" + port, "count=5", "accept4",
                       "recv=10", "send=200", "close", "done"])
    client = mkconn(["count=5", "bind=127.0.0.1:%d" % client_port, "connect=127.0.0.1:@" + port, "send=10", "recv-all",
                     "close", "done"])
    equal(client.wait(), 0, "the client's end")
    rows = trace.finish()
    equal(len(read_truth(truth)), 5, "connections in the scenario")
    equal([(row["rport"], row["result"], row["rx_bytes"], row["tx_bytes"]) for row in rows],
          [(client_port, "ok", 10, 200)] * 5, "rows")
    # Who closed first shows in TIME_WAIT, and that is gone once the port is used again.
    for row in rows:
        check((row["state"], row["close"]) in (("closed", "lfin"), ("closed", None), (None, None)), "STATE, CLOSE of " + short(row))


if __name__ == "__main__":
    enter_namespace()
    at_once.main(4)
