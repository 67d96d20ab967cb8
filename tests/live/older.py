#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Connections older than the run: the same in each way to watch, p in SEEN, in CONNS and OK and not among those opened.

    older.py play|echo   (played by the tests) does what the lines on stdin say
"""
import json
import os
import signal
import socket
import subprocess
import sys

from lib import (MKCONN, TOP_BUILD, Process, Trace, attach, capturing, check, enter_namespace, equal, main, packet_sockets, parse_rows,
                 read_file, run, scratch, short, test, wait_for, watch)

LOOPBACK = "127.0.0.1"


def play():
    """Two connections from before, one of which speaks one way only, and a new one."""
    listener = socket.create_server((LOOPBACK, 0))

    def pair():
        client = socket.create_connection(listener.getsockname())
        return client, listener.accept()[0]
    one, both = pair(), pair()
    print("ready", flush=True)
    sys.stdin.readline()
    one[0].sendall(bytes(100))
    one[1].recv(100)
    both[0].sendall(bytes(200))
    both[1].recv(200)
    both[1].sendall(bytes(300))
    both[0].recv(300)
    new = pair()
    new[0].sendall(bytes(10))
    new[1].recv(10)
    print("said %d" % listener.getsockname()[1], flush=True)
    sys.stdin.readline()
    for client, served in (one, both, new):
        client.close()
        served.recv(1)
        served.close()


def on_the_wire(_, options, before=()):
    """It watches when it tells of a connection of ours, older as well, that speaks until then."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        probe = socket.create_connection(listener.getsockname())
        served, _ = listener.accept()
        trace = Trace(["-i", "lo"] + options + ["-z", "conns"], before=before)
        wait_for(packet_sockets, "the capture")

        def is_told():
            probe.send(b"x")
            # The report of a signal may come late, and would be taken for a slice.
            if "-I" not in options:
                trace.signal(signal.SIGUSR1)
            return '"lport":%d' % probe.getsockname()[1] in read_file(trace.rows_path)
        wait_for(is_told, "it to see packets")
        served.close()
        probe.close()
    return trace


def unasked(pids, options):
    """The same in a container that forbids to ask the kernel for sockets."""
    deny = os.path.join(os.path.dirname(MKCONN), "deny")
    return on_the_wire(pids, options, [deny, "socket:%d=EPERM" % socket.AF_NETLINK, "--"])


def played(way, options):
    """Return: the program's port, the trace, which has ended, and its words."""
    program = Process([sys.executable, os.path.abspath(__file__), "play"], stdin=subprocess.PIPE)
    wait_for(lambda: "ready" in program.out, "the program")
    if way is attach:
        trace = attach([program.pid], options, runner=[])
    elif way is watch:
        trace = watch([program.pid], options, before=[])
    else:
        trace = way([program.pid], options)
    program.line()
    wait_for(lambda: "said" in program.out, "the program to speak")
    program.line()
    equal(program.wait(), 0, "its end")
    rows = trace.interrupt() if way in (on_the_wire, unasked) else trace.finish()
    # Earlier reports are repeated.
    last = {(row.get("report"), row.get("dir"), row.get("lport"), row.get("rport"), row.get("port")): row for row in rows}
    return int(program.out.split()[-1]), list(last.values())


@test("by ptrace, by diag and on the wire: RESULT ok and p for those from before, none of them opened")
def alike():
    for way in (attach, watch, on_the_wire):
        name = way.__name__
        port, rows = played(way, [])
        rows = [row for row in rows if port in (row["lport"], row["rport"])]
        older = [row for row in rows if "p" in row["seen"]]
        equal(len(older), 4, "%s: rows of before: %s" % (name, [short(row) for row in rows]))
        equal({row["result"] for row in rows}, {"ok"}, name + ": RESULT")
        equal(sorted(row["dir"] or "?" for row in older), ["in", "in", "out", "out"], name + ": DIR")
        if way is on_the_wire:
            check(all(row["hs_ms"] is None for row in older), name + ": no handshake of theirs was seen")
        if way is not watch:
            equal(len(rows), 6, name + ": rows")


@test("-z io,stat: COUNT(opened) counts the new one alone; peers counts all in CONNS and OK")
def counted():
    for way in (attach, on_the_wire):
        options = ["-z", "io,stat,0,COUNT(opened)", "-z", "peers"]
        port, rows = played(way, options)
        opened = [row for row in rows if row["report"].startswith("io")]
        equal(opened[-1]["count(opened)"], 2, "%s: opened, in %s" % (way.__name__, json.dumps(opened)))
        peers = [row for row in rows if row["report"] == "peers" and row["port"] == port]
        equal((sum(row["conns"] for row in peers), sum(row["ok"] for row in peers)), (6, 6), way.__name__ + ": peers")


@test("conntrace-stat and --metrics say how many of those established are older than the run")
def in_answers():
    for way in (attach, watch, on_the_wire):
        name, place = way.__name__, scratch("control")
        program = Process([sys.executable, os.path.abspath(__file__), "play"], stdin=subprocess.PIPE)
        wait_for(lambda program=program: "ready" in program.out, "the program")
        keywords = {attach: {"runner": []}, watch: {"before": []}}.get(way, {})
        trace = way([program.pid], ["--control=" + place, "--metrics=" + place + ".prom"], **keywords)
        program.line()

        def answers(place=place):
            text = run([os.path.join(TOP_BUILD, "conntrace-stat"), "-j", "-U", place]).out or "[]"
            return [group[kind]["success"] for group, kind in zip(json.loads(text), ("RX", "TX"))]
        # Those that were there, one of on_the_wire() among them, and the new one.
        older = 3 if way is on_the_wire else 2
        wait_for(lambda: [(one["total"], one["older"]) for one in answers()] == [(older + 1, older)] * 2,
                 name + ": the answers")
        trace.interrupt()
        metrics = read_file(place + ".prom")
        for group in "RX", "TX":
            check('conntrace_group_older_connections_total{group="%s"} %d\n' % (group, older) in metrics, name + metrics)
        program.end()


@test("packets alone, for the kernel may not be asked: RESULT ok and p for those from before, none of them opened")
def packets_alone():
    port, rows = played(unasked, ["-z", "io,stat,0,COUNT(opened)"])
    # The connection that waits for the capture began before it, too.
    opened = [row for row in rows if row["report"].startswith("io")]
    equal(opened[-1]["count(opened)"], 2, "opened, in %s" % json.dumps(opened))
    rows = [row for row in rows if row["report"] == "conns" and port in (row["lport"], row["rport"])]
    equal(sorted((row["result"], "p" in row["seen"]) for row in rows), [("ok", False)] * 2 + [("ok", True)] * 4,
          "rows: %s" % [short(row) for row in rows])
    check(all(row["rx_bytes"] is None for row in rows if "p" in row["seen"]), "what they moved before is unknown")


def joined(pids, options):
    """By ptrace, with packets of the loopback interface."""
    trace = attach(pids, ["-i", "lo"] + options, runner=[])
    capturing(trace)
    return trace


@test("-I: the first slice has the life of those from before, the slices after it what moved, with and without packets")
def in_slices():
    for way in (attach, watch, joined):
        name = way.__name__
        program = Process([sys.executable, os.path.abspath(__file__), "echo"], stdin=subprocess.PIPE)
        wait_for(lambda: "ready" in program.out, "the program")
        port = int(program.out.split()[1])
        options = ["-I", "0.3", "-z", "peers"]
        keywords = {attach: {"runner": []}, watch: {"before": []}}.get(way, {})
        trace = way([program.pid], options, **keywords)

        def of(report):
            rows = [row for row in parse_rows(read_file(trace.rows_path)) if row["report"] == report]
            return [row for row in rows if port in (row.get("port"), row.get("lport"), row.get("rport"))]

        def moved(said):
            program.line()
            wait_for(lambda: program.out.count("moved") == said, "the program to speak")
        wait_for(lambda: len(of("conns")) >= 2, "the slice with the connection")
        first, total = 1000, 1020
        for said in range(1, 3):
            moved(said)
        wait_for(lambda: sum(row["rx_bytes"] or 0 for row in of("peers") if row["dir"] == "in") >= total, "all slices")
        trace.interrupt()
        for report in "conns", "peers":
            found = of(report)
            for way_of in "in", "out":
                numbers = [row["rx_bytes" if way_of == "in" else "tx_bytes"] for row in found if row["dir"] == way_of]
                equal((numbers[0], sum(numbers)), (first, total), "%s: bytes of %s, %s" % (name, report, way_of))
        equal([sum(row[key] for row in of("peers")) for key in ("conns", "ok")], [2, 2], name + ": CONNS and OK")
        equal({row["result"] for row in of("conns")}, {"ok"}, name + ": RESULT")
        check(all("p" in row["seen"] for row in of("conns")), name + ": p in SEEN")
        program.end()


@test("-I on the wire: the slice in which one from before is first seen has its bytes, and none is in no slice")
def in_slices_of_packets():
    for interval in "0.3", "0.1":
        program = Process([sys.executable, os.path.abspath(__file__), "echo"], stdin=subprocess.PIPE)
        wait_for(lambda: "ready" in program.out, "the program")
        port = int(program.out.split()[1])
        trace = on_the_wire([program.pid], ["-I", interval, "-z", "peers"])

        def of(report):
            rows = [row for row in parse_rows(read_file(trace.rows_path)) if row["report"] == report]
            return [row for row in rows if port in (row.get("port"), row.get("lport"), row.get("rport"))]
        for said in range(1, 4):
            program.line()
            wait_for(lambda: program.out.count("moved") == said, "the program to speak")
            moved = 1000 + 10 * said
            wait_for(lambda: sum(row["rx_bytes"] or 0 for row in of("peers") if row["dir"] == "in") >= moved or
                     any(row["rx_bytes"] is None for row in of("conns")), "the slice with what moved")
        trace.interrupt()
        for report in "conns", "peers":
            for dir_of, name in ("in", "rx_bytes"), ("out", "tx_bytes"):
                numbers = [row[name] for row in of(report) if row["dir"] == dir_of]
                check(None not in numbers, "%s, %s: %s" % (report, dir_of, numbers))
                equal((numbers[0], sum(filter(None, numbers))), (1010, 1030), "bytes of %s, %s" % (report, dir_of))
        program.end()


def echo():
    """A connection that has moved 1000 bytes, and 10 more for each line on stdin."""
    listener = socket.create_server((LOOPBACK, 0))
    client = socket.create_connection(listener.getsockname())
    served = listener.accept()[0]
    client.sendall(bytes(1000))
    served.recv(1000, socket.MSG_WAITALL)
    print("ready %d" % listener.getsockname()[1], flush=True)
    for _ in sys.stdin:
        client.sendall(bytes(10))
        served.recv(10, socket.MSG_WAITALL)
        print("moved", flush=True)


if sys.argv[1:] == ["play"]:
    play()
elif sys.argv[1:] == ["echo"]:
    echo()
else:
    enter_namespace()
    main()
