#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Slices of a run (-I, --align) and intervals of io,stat without packets: they add up to the whole, byte by byte."""
import json
import os
import re
import signal
import sys
import time

import at_once
from lib import (CONNTRACE, Failure, Process, Trace, between, check, enter_namespace, equal, parse_rows, read_file,
                 run, scratch, test, wait_file, wait_for, watch)
from watched import SERVE, Target

RUNS_MAX = 6
LONG, SHORT = 1000, 10
# One connection stays, and in each round another comes and goes; all of them within one process.
TRAFFIC = """
import socket, sys, threading, time
server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen(100)
def serve():
    while True:
        served = server.accept()[0]
        threading.Thread(target=answer, args=(served,), daemon=True).start()
def answer(served):
    while True:
        got = served.recv(65536)
        if not got:
            break
        served.sendall(got)
    served.close()
def echo(client, size):
    client.sendall(b"x" * size)
    while size:
        size -= len(client.recv(size))
threading.Thread(target=serve, daemon=True).start()
stays = socket.create_connection(server.getsockname())
echo(stays, 1)
open(sys.argv[2], "w").write("ready")
for i in range(int(sys.argv[1])):
    echo(stays, %d)
    client = socket.create_connection(server.getsockname())
    echo(client, %d)
    client.close()
    time.sleep(0.05)
stays.close()
time.sleep(0.3)
""" % (LONG, SHORT)

# Many connections within one process, so many that they are looked at in lists. Only hundreds of bytes are sent, and
# many a FIN comes right behind them.
HUNDREDS = """
import random, socket, sys, time
random.seed(1)
listener = socket.create_server(("127.0.0.1", 0), backlog=500)
def pair():
    client = socket.create_connection(listener.getsockname())
    return client, listener.accept()[0]
pairs, half = [pair() for i in range(300)], set()
open(sys.argv[1], "w").write("ready")
for i in range(int(sys.argv[2])):
    at, side = random.randrange(len(pairs)), random.randrange(2)
    one, other = pairs[at][side], pairs[at][1 - side]
    if at in half:
        half.remove(at)
        one.close()
        other.close()
        pairs[at] = pair()
        continue
    one.sendall(b"x" * 100)
    if random.random() < 0.3:
        one.shutdown(socket.SHUT_WR)
        half.add(at)
    else:
        other.recv(1000)
    time.sleep(0.0003)
"""


def program(rounds):
    """Return: the words that run it, and the file that says it is ready."""
    ready = scratch("ready")
    return [sys.executable, "-c", TRAFFIC, rounds, ready], ready


def bytes_of(rounds):
    """What both ends of all connections received."""
    return 2 * (1 + rounds * (LONG + SHORT))


def reports(rows, name):
    return [row for row in rows if row.get("report", name) == name]


class Unsure(Exception):
    """A number is unknown: on a busy machine a sample or final counters came late."""


def sure(rows, *names):
    if any(row[name] is None for row in rows for name in names):
        raise Unsure("%s in %s" % (names, rows))


def until_sure(function):
    """An unknown number is no wrong one, but says nothing: then it is tried once more."""
    def tried():
        for _ in range(RUNS_MAX - 1):
            try:
                return function()
            except Unsure:
                pass
        try:
            return function()
        except Unsure as why:
            raise Failure("unknown in %d of %d runs: %s" % (RUNS_MAX, RUNS_MAX, why)) from why
    return tried


@test("-I: each connection ends in one slice, and the slices add up to the run")
@until_sure
def slices():
    rounds = 30
    trace = Trace(["-I", "0.4", "-z", "peers", "-z", "groups"], program(rounds)[0])
    rows = trace.finish(limit=60)
    conns, peers, groups = (reports(rows, name) for name in ("conns", "peers", "groups"))
    sure(conns + peers, "rx_bytes", "tx_bytes")
    check(len({row["slice"] for row in conns}) >= 3, "slices: %s" % sorted({row["slice"] for row in conns}))
    ends = [(row["laddr"], row["lport"], row["dir"], row["rport"]) for row in conns if row["state"] == "closed"]
    equal(len(ends), len(set(ends)), "ends of connections, each in one slice")
    equal(len(ends), 2 * (rounds + 1), "connections that ended")
    for name in ("rx_bytes", "tx_bytes"):
        equal(sum(row[name] for row in conns), bytes_of(rounds), "%s of all rows of conns" % name)
        equal(sum(row[name] for row in peers), bytes_of(rounds), "%s of all rows of peers" % name)
    equal(sum(row["conns"] - row["pending"] for row in peers), 2 * (rounds + 1), "attempts in peers")
    equal(sum(row["ok"] for row in groups), 2 * (rounds + 1), "attempts in groups")
    stays = [row for row in conns if row["dir"] == "out" and row["rx_bytes"] > SHORT]
    check(len(stays) >= 3, "the one that stays is in each slice: %s" % stays)
    equal(len({(row["lport"], row["start"]) for row in stays}), 1, "connections that stay")


@test("-d and -I: as many slices as fit; --align: they begin when the clock shows a multiple")
def aligned():
    words, ready = program(400)
    Process(words)
    wait_file(ready)
    for options, zone in ((["-I", "0.5"], "UTC"), (["-I", "1", "--align"], "Asia/Kolkata"),
                          (["-I", "1", "--align"], "UTC")):
        trace = Trace(options + ["-d", "2"], [sys.executable, "-c", TRAFFIC, "400", scratch("ready")],
                      env=dict(os.environ, TZ=zone))
        begins = sorted({row["slice"] for row in trace.finish(-signal.SIGTERM)})
        if "--align" not in options:
            # One in which a busy machine let nothing happen has no row.
            between(len(begins), 2, 4, "slices of half a second in two")
            check(all(abs((begin - begins[0]) / 0.5 - round((begin - begins[0]) / 0.5)) < 0.1 for begin in begins) and
                  begins[-1] - begins[0] < 1.9, "they are half a second apart: %s" % begins)
            continue
        check(2 <= len(begins) <= 3, "slices: %s" % begins)
        for begin in begins[1:]:
            check(begin % 1 < 0.25, "%s begins at %.6f" % (options, begin))
    now = time.time()
    rows = parse_rows(run([CONNTRACE, "-q", "-j", "-z", "io,stat,86400", "--align", "--", "true"],
                          env=dict(os.environ, TZ="Asia/Kolkata")).out)
    equal(len(rows), 1, "rows of a day")
    check(rows[0]["start"] >= now and rows[0]["dur_s"] < 10, "the first row begins with the run: %s" % rows[0])


def check_io(rows, conns, moved, opened, ended, what):
    """The rows of io,stat against what is true: the bytes of the accepting ends, each byte once."""
    names = "sum(rx_bytes)", "sum(tx_bytes)", "count(opened)", "count(ended)"
    sure(rows, *names)
    sure(conns or [], "rx_bytes")
    total = {name: sum(row[name] for row in rows) for name in names}
    equal(total, {"sum(rx_bytes)": moved // 2, "sum(tx_bytes)": moved // 2, "count(opened)": opened,
                  "count(ended)": ended}, what)
    equal({row["frames"] for row in rows} | {row["bytes"] for row in rows}, {None}, "frames of a run without packets")
    for one, two in zip(rows, rows[1:]):
        check(abs(one["start"] + one["dur_s"] - two["start"]) < 1e-6, "a row begins where the one before ends: %s" % two)
    if conns is not None:
        equal(sum(row["rx_bytes"] for row in conns), moved, "RX_BYTES of conns")


@test("io,stat without packets, launched: the intervals add up to the connections' bytes")
@until_sure
def io_launched():
    rounds = 20
    for options in ([], ["--align"], ["--via=diag", "--look-ms=20"]):
        rows = Trace(options + ["-z", "io,stat,0.5"], program(rounds)[0]).finish(limit=60)
        io, conns = reports(rows, "io,stat"), reports(rows, "conns")
        if options[:1] == ["--via=diag"]:
            # Without a tracer the shortest ones that it opens come and go unseen, and are in no report.
            sure(conns, "tx_bytes")
            sure(io, "sum(tx_bytes)")
            accepting = {(row["raddr"], row["rport"], row["lport"]) for row in conns if row["dir"] == "in"}
            counted = [row for row in conns if (row["laddr"], row["lport"], row["rport"]) not in accepting]
            equal(sum(row["sum(tx_bytes)"] for row in io), sum(row["tx_bytes"] for row in counted),
                  "sum of tx_bytes with %s" % options)
            equal(sum(row["count(ended)"] for row in io), len(conns), "ended with %s" % options)
            continue
        check(len(io) >= 3, "%d rows" % len(io))
        check_io(io, conns, bytes_of(rounds), 2 * (rounds + 1), 2 * (rounds + 1), "%s" % options)


@test("io,stat without packets, attached: what came since, as it comes")
@until_sure
def io_attached():
    rounds = 100
    words, ready = program(rounds)
    target = Process(words)
    wait_file(ready)
    trace = Trace(["-I", "0.3", "--via=ptrace", "-p", target.pid], report="io,stat,0.3")
    wait_for(lambda: len(parse_rows(read_file(trace.rows_path))) >= 3, "rows while it runs")
    rows = trace.finish(limit=60)
    sure(rows, "sum(rx_bytes)", "sum(tx_bytes)")
    moved = sum(row["sum(rx_bytes)"] for row in rows)
    check(0 < moved <= bytes_of(rounds), "%d bytes of at most %d" % (moved, bytes_of(rounds)))
    # What both ends had at the start is queried one after the other, and an echo may have passed in between.
    sent = sum(row["sum(tx_bytes)"] for row in rows)
    between(sent, moved - 2 * LONG, moved + 2 * LONG, "both ways")
    older = sum(row["count(ended)"] for row in rows) - sum(row["count(opened)"] for row in rows)
    check(2 <= older <= 4, "both ends of one or two connections are older than the run: %d" % older)


@test("io,stat without packets: a row whose counters were read too late is unknown, and not too small")
def io_late():
    words, ready = program(1000)
    target = Process(words)
    wait_file(ready)
    trace = watch([target.pid], ["-I", "0.2"], report="io,stat,0.2", before=[])
    wait_for(lambda: len(parse_rows(read_file(trace.rows_path))) >= 2, "rows while it runs")
    trace.signal(signal.SIGSTOP)
    stopped = time.time()
    time.sleep(1)
    trace.signal(signal.SIGCONT)
    since = time.time()
    wait_for(lambda: parse_rows(read_file(trace.rows_path))[-1]["start"] > since + 0.5, "rows after that")
    rows = trace.interrupt()
    asleep = [row for row in rows if stopped + 0.3 < row["start"] < since - 0.5]
    check(asleep and all(row["sum(rx_bytes)"] is None for row in asleep), "while it stood still: %s" % asleep)
    check(any(row["sum(rx_bytes)"] for row in rows if row["start"] > since), "afterwards: %s" % rows)


@test("--via=diag: a destroyed socket is in its slice and in its row, also with rare samples")
def seldom_looks():
    target = Target(SERVE)
    # While nothing new turns up, the time between two looks grows.
    trace = watch([target.pid], ["--look-ms=500", "-I", "1", "-z", "io,stat,1"], before=[])
    wait_for(lambda: reports(parse_rows(read_file(trace.rows_path)), "io,stat"), "the first row")
    for _ in range(2):
        target.serve(20)
        served = time.time()
        wait_for(lambda: any(row["start"] > served for row in
                             reports(parse_rows(read_file(trace.rows_path)), "io,stat")), "the rows after it")
    # Before the end tells the rest.
    rows = parse_rows(read_file(trace.rows_path))
    conns, io = reports(rows, "conns"), reports(rows, "io,stat")
    equal((len(conns), len({row["rport"] for row in conns})), (40, 40), "connections in the slices so far")
    equal([sum(row[name] for row in io) for name in ("count(opened)", "count(ended)", "sum(tx_bytes)")],
          [40, 40, 40 * 20], "opened, ended and sent in the rows so far")
    for row in conns:
        check(row["slice"] - 0.5 <= row["end"] <= row["slice"] + 1.5, "the slice it died in: %s" % row)
    trace.interrupt()
    check("in no row" not in trace.err, "stderr: " + trace.err)


def next_look(pid):
    """Seconds until a conntrace looks, as its timer says."""
    for number in os.listdir("/proc/%d/fd" % pid):
        if os.readlink("/proc/%d/fd/%s" % (pid, number)) == "anon_inode:[timerfd]":
            value = re.search(r"it_value: \((\d+), (\d+)\)", read_file("/proc/%d/fdinfo/%s" % (pid, number)))
            return int(value.group(1)) + int(value.group(2)) / 1e9
    raise Failure("no timer")


@test("--via=diag: a long first sample does not delay the second")
def first_look():
    target = Target(SERVE)
    waits = []
    # One look of many may meet a busy machine.
    for _ in range(RUNS_MAX):
        trace = watch([target.pid], before=[])
        waits.append(next_look(trace.pid))
        trace.interrupt()
    check(min(waits) <= 0.2, "until the next look: %s" % waits)


@test("io,stat without packets: a filter of packets and too short an interval are refused, a picture is drawn")
@until_sure
def io_words():
    for word, part in (("io,stat,1,tcp port 80", "does nothing without packets"), ("io,stat,0.01", "at least 0.1"),
                       ("io,stat,1,COUNT(opened)port 80", "counts connections")):
        result = run([CONNTRACE, "-z", word, "--", "true"])
        equal(result.status, 2, "exit status of %s" % word)
        check(part in result.err, "message of %s: %s" % (word, result.err))
    result = run([CONNTRACE, "-q", "-z", "io,stat,0.3,SUM(payload)", "--format=plot", "--"] + program(20)[0],
                 env=dict(os.environ, LC_ALL="C"))
    if "SUM(payload): most 0," in result.out:
        raise Unsure(result.out)
    check("SUM(payload): most" in result.out and "#" in result.out, "picture: " + result.out)
    whole = json.loads(run([CONNTRACE, "-q", "-j", "-z", "io,stat,0,MAX(rtt_ms),SUM(payload)", "--"] + program(3)[0])
                       .out.splitlines()[0])
    sure([whole], "sum(payload)")
    equal(whole["sum(payload)"], bytes_of(3), "one row for all of it")


@test("many connections, FINs at any moment: at no look does one pass for a byte")
def no_fin_is_a_byte():
    for how in (["--via=diag"], []):
        ready = scratch("ready")
        rows = Trace(["-I", "0.1"] + how, [sys.executable, "-c", HUNDREDS, ready, "4000"]).finish(limit=60)
        numbers = [row[column] for row in rows for column in ("rx_bytes", "tx_bytes") if row[column] is not None]
        check(len(numbers) > 4000, "at least 600 numbers in each of several slices: %d" % len(numbers))
        wrong = [number for number in numbers if number % 100 != 0]
        equal(wrong[:5], [], "bytes that are no hundreds, with %s" % how)


if __name__ == "__main__":
    enter_namespace()
    at_once.main(4)
