#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a connection waits: MSS, CWND, RTTVAR_MS, RATE_BPS, BUSY_MS, RWND_MS, SNDBUF_MS, NOTSENT, UNREAD and CC are
those of ss(8) at the same moment, and WHY says rwnd, sndbuf and app.

    measures.py play KIND        (played by the tests) a connection to itself: "stall" is not read, "buffer" has a small
                                 send buffer, "talk" is idle; a line of standard input closes it
"""
import os
import re
import signal
import socket
import subprocess
import sys
import threading

from lib import Process, Skip, Trace, attach, between, check, enter_namespace, equal, fill, main, must, need, \
    packet_sockets, require, run, scratch, short, test, wait_for, watch

PORT = 22190


def play(kind):
    listener = socket.create_server(("127.0.0.1", PORT))
    client = socket.socket()
    if kind == "buffer":
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2048)
    client.connect(("127.0.0.1", PORT))
    served, _ = listener.accept()
    if kind == "talk":
        for _ in range(20):
            client.sendall(bytes(3000))
            served.recv(3000, socket.MSG_WAITALL)
            served.sendall(bytes(100))
            client.recv(100, socket.MSG_WAITALL)
    elif kind == "buffer":
        reader = threading.Thread(target=lambda: all(iter(lambda: served.recv(1 << 20), b"")), daemon=True)
        reader.start()
        for _ in range(300):
            client.sendall(bytes(1000))
    else:
        fill(client)
    print("ready", flush=True)
    sys.stdin.readline()
    client.close()
    served.close()


def by_ss():
    """Local port: what ss(8) shows of each end of the connection."""
    text = must(["ss", "-tinm", "state", "established"])
    found = {}
    for head, more in re.findall(r"^(\S.*)\n\s+(.*)", text, re.MULTILINE):
        words = head.split()
        if ":%d" % PORT not in head or not words[0].isdigit():
            continue

        def number(pattern, unknown=None, text=more):
            match = re.search(r"(?:^| )" + pattern + r"(?: |$|ms)", text)
            return float(match.group(1)) if match else unknown
        found[int(words[2].rsplit(":", 1)[1])] = {
            "mss": number(r"mss:(\d+)"), "cwnd": number(r"cwnd:(\d+)"), "rttvar_ms": number(r"rtt:[\d.]+/([\d.]+)"),
            "rate_bps": number(r"delivery_rate (\d+)bps"), "busy_ms": number(r"busy:(\d+)", 0),
            "rwnd_ms": number(r"rwnd_limited:(\d+)", 0), "sndbuf_ms": number(r"sndbuf_limited:(\d+)", 0),
            "notsent": number(r"notsent:(\d+)", 0), "unread": float(words[0]), "cc": re.search(
                r"skmem:\S+ (?:ts |sack |ecn |ecnseen |fastopen )*(\S+)", more).group(1)}
    return found


def compare(row, before, after, what):
    """Each figure is that of ss before and after, or between them."""
    port = row["lport"]
    require(port in before and port in after, "%s: ss has no port %d: %s" % (what, port, short(row)))
    for name, first in before[port].items():
        last, got = after[port][name], row[name]
        if isinstance(first, str) or first is None:
            equal(got, first, "%s %s of %s" % (what, name, row["dir"]))
        else:
            # ss and conntrace print microseconds as milliseconds.
            between(got, min(first, last) - 0.0005, max(first, last) + 0.0005, "%s %s of %s" % (what, name, row["dir"]))


def player(kind):
    # The kernel closes the sockets of the one before a moment after its end.
    wait_for(lambda: not must(["ss", "-Htan", "state", "connected", "exclude", "time-wait", "sport = :%d or dport = :%d" %
                               (PORT, PORT)]).strip(), "the connections of the process before to end")
    process = Process([sys.executable, os.path.abspath(__file__), "play", kind], stdin=subprocess.PIPE)
    wait_for(lambda: "ready" in process.out or process.popen.poll() is not None, "the connection")
    require("ready" in process.out, "%s ended: %r %s" % (kind, process.popen.poll(), process.err))
    return process


def settled():
    """Nothing is under way any more, but what the other side's window holds up."""
    wait_for(lambda: all(end["notsent"] or " unacked:" not in must(["ss", "-tinm"]) for end in by_ss().values()),
             "the sender to rest")


@test("figures are those of ss at the same moment, of processes that are traced, sampled, or known by packets")
def same_as_ss():
    need("ss")
    # A connection that is idle has no packet; one whose window is closed has probes.
    for kind, ways in (("talk", ("attach", "diag")), ("stall", ("attach", "diag", "packets"))):
        for way in ways:
            process = player(kind)
            settled()
            if way == "attach":
                trace = attach([process.pid], ["--via=ptrace"], runner=[])
            elif way == "diag":
                trace = watch([process.pid], before=[])
            else:
                trace = Trace(["-i", "lo", "--record", scratch("ev")])
                wait_for(packet_sockets, "the capture")
                wait_for(lambda: "kw" in shown(trace), "the kernel's counters of a connection in packets")
            before = by_ss()
            rows = trace.interrupt()
            after = by_ss()
            check(len([row for row in rows[-2:] if row["mss"]]) == 2, "%s %s: %d rows" % (kind, way, len(rows)))
            for row in rows[-2:]:
                compare(row, before, after, "%s, %s:" % (kind, way))
            process.end()


def shown(trace):
    """SEEN of all rows that SIGUSR1 brings."""
    require(trace.alive(), "conntrace ended: %r %s" % (trace.popen.poll(), trace.err))
    trace.signal(signal.SIGUSR1)
    return "".join(row["seen"] for row in trace.rows() if row["seen"].count("k"))


@test("a window that is closed is rwnd of the sender and app of the receiver; recorded, replayed, chosen, sorted")
def reasons():
    record = scratch("ev")
    process = player("stall")
    trace = watch([process.pid], ["--slow-ms=1", "--limited-ms=20", "--record", record], before=[])
    wait_for(lambda: all(end["rwnd_ms"] > 30 for end in by_ss().values() if end["notsent"]), "some time")
    rows = {row["dir"]: row for row in trace.interrupt()}
    equal({way: row["why"] for way, row in rows.items()}, {"out": ["rwnd"], "in": ["app"]}, "WHY")
    check(rows["out"]["notsent"] > 0 and rows["in"]["unread"] > 0 and rows["out"]["rwnd_ms"] > 30, "%r" % rows)
    tool = trace.argv[0]
    again = run([tool, "--replay", record, "-j", "-z", "conns", "--slow-ms=1", "--limited-ms=20"]).out
    for row in rows.values():
        check(all('"%s":%s' % (name, str(row[name]).lower()) in again for name in ("mss", "cwnd", "notsent", "unread")) and
              '"why":["%s"]' % row["why"][0] in again and '"cc":"%s"' % row["cc"] in again, "replayed: " + again)
    for words, wanted in ((["--only=rwnd", "--limited-ms=20"], "out"), (["--only=app", "--slow-ms=1"], "in"),
                          (["--suspicious", "--limited-ms=20", "--slow-ms=1", "--sort=NOTSENT:desc"], "out in"),
                          (["--suspicious", "--limited-ms=20", "--slow-ms=1", "--sort=NOTSENT"], "in out"),
                          (["--only=rwnd", "--limited-ms=0"], ""), (["--only=sndbuf", "--limited-ms=1"], "")):
        got = must([tool, "-q", "--replay", record, "-z", "conns", "-H", "-O", "DIR", "--format=csv"] + words)
        equal(got.split(), wanted.split(), " ".join(words))
    process.end()


@test("at the end the figures are those of before; sums that were not read then are unknown")
def at_the_end():
    process = player("talk")
    trace = watch([process.pid], before=[])
    settled()
    before = by_ss()
    process.line()
    require(process.wait() == 0, process.err)
    rows = trace.finish()
    equal(len(rows), 2, "rows")
    for row in rows:
        figures = before[row["lport"]]
        equal((row["mss"], row["cc"], row["rwnd_ms"], row["sndbuf_ms"], row["notsent"], row["unread"]),
              (figures["mss"], figures["cc"], 0, 0, 0, 0), short(row))
        check(row["cwnd"] and row["busy_ms"] >= figures["busy_ms"], "%r" % row)
    process = player("talk")
    trace = attach([process.pid], ["--via=ptrace"], runner=[])
    process.line()
    require(process.wait() == 0, process.err)
    for row in trace.finish():
        check(row["mss"] and row["cc"], "%r" % row)


@test("a send buffer that is too small for the delay is sndbuf")
def small_buffer():
    tc = need("tc")
    if run([tc, "qdisc", "add", "dev", "lo", "root", "netem", "delay", "10ms"]).status:
        raise Skip("no netem here")
    try:
        process = player("buffer")
        before = by_ss()
        trace = watch([process.pid], before=[])
        rows = {row["dir"]: row for row in trace.interrupt()}
        figures = before[rows["out"]["lport"]]
        check(figures["sndbuf_ms"] > 100, "ss: %r" % figures)
        equal((rows["out"]["why"], rows["in"]["why"]), (["sndbuf"], None), "WHY of %r" % rows)
        check(rows["out"]["sndbuf_ms"] >= figures["sndbuf_ms"], "%r" % rows["out"])
        process.end()
    finally:
        run([tc, "qdisc", "del", "dev", "lo", "root"])


if sys.argv[1:2] == ["play"]:
    play(sys.argv[2])
else:
    enter_namespace()
    main()
