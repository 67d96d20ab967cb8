#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--via=diag: connections of processes that are never stopped, as an ordinary user. diag_namespace.py plays it again."""
import json
import os
import signal
import subprocess

import lib
from lib import (CONNTRACE, MKCONN, Failure, Process, Trace, as_nobody, attach, check, equal, find_row, free_port, main, must, need,
                 parse_rows, read_file, require, run, scratch, short, status_field, tasks, test, tracer_of, wait_file,
                 wait_for, watch)
from watched import SERVE, Target, finish


def untouched(pids):
    """No thread of theirs is traced."""
    for pid in pids:
        for task in tasks(pid):
            equal((tracer_of(pid), status_field(pid, "TracerPid", task)), (0, "0"), "TracerPid of %d" % task)


def reported(trace, is_it, count=2):
    """Asks for reports until the last rows of one are it. Return: these."""
    def ask():
        trace.signal(signal.SIGUSR1)
        lines = read_file(trace.rows_path).splitlines(keepends=True)
        rows = [json.loads(line) for line in lines if line.endswith("\n")][-count:]
        return rows if len(rows) == count and is_it(rows) else None
    try:
        return wait_for(ask, "the rows")
    except Failure as failure:
        raise Failure("%s; there are: %s" % (failure, "; ".join(map(short, trace.rows()[-3:])))) from None


@test("a server's short connections: all of them, its PID, bytes exact; it is never traced")
def short_ones():
    target = Target(SERVE)
    trace = watch([target.pid])
    target.serve(60)
    untouched([target.pid])
    rows = finish(trace)
    equal(len(rows), 60, "rows (%s)" % rows.summary)
    for fact in target.truth():
        row = find_row(rows, fact)
        equal((row["dir"], row["result"], row["rx_bytes"], row["tx_bytes"], row["pid"], row["comm"], row["state"]),
              ("in", "ok", 10, 20, target.pid, "mkconn", "closed"), short(row))
        check("s" not in row["seen"] and "p" not in row["seen"], "SEEN: " + short(row))
    target.serve(1)


@test("several workers on one listener: all their connections, PID only where it is known")
def workers():
    target = Target(["fork=3"] + SERVE + ["done", "wait-stdin", "fork=2"] + SERVE + ["done", "join"],
                    stdin=subprocess.PIPE)

    def children():
        return lib.children(target.pid)
    wait_for(lambda: len(children()) == 3, "three workers")
    trace = watch([target.pid])    # the workers are found
    target.serve(30)
    target.line()
    wait_for(lambda: len(children()) == 5, "two more")
    target.serve(30)
    untouched([target.pid] + children())
    rows = finish(trace)
    pids = children()
    equal(len(rows), 60, "rows (%s)" % rows.summary)
    equal({row["pid"] in pids + [None] for row in rows}, {True}, "PID is a worker or unknown")
    equal({(row["dir"], row["rx_bytes"], row["tx_bytes"], row["comm"] or "mkconn") for row in rows},
          {("in", 10, 20, "mkconn")}, "DIR, bytes and COMM")
    equal(rows.summary["unattributed"], 0, "connections of the listener without a process")


@test("workers that have no children: COMM is what they have in common, where the PID is unknown")
def steady_workers():
    target = Target(["fork=3"] + SERVE + ["done", "join"])
    wait_for(lambda: len(lib.children(target.pid)) == 3, "three workers")
    trace = watch([target.pid])
    target.serve(30)
    rows = finish(trace)
    equal([row["comm"] for row in rows], ["mkconn"] * 30, "COMM")


@test("connections older than the run: p; born and closed in it: not; PID, FD, direction and bytes")
def existing():
    peer = Target(["threads=2", "accept4", "recv=100", "send=200", "recv-all", "close", "done", "join"])
    target = Target(["connect=127.0.0.1:%d" % peer.port, "send=100", "recv=200", "keep", "wait-stdin",
                     "connect=127.0.0.1:%d" % peer.port, "send=100", "recv=200", "wait-stdin", "send=5", "close"],
                    listen=None, stdin=subprocess.PIPE)
    connected = lambda: must(["ss", "-Htn", "state", "established", "dport", "= :%d" % peer.port]).splitlines()
    need("ss")
    wait_for(lambda: len(connected()) == 1, "the first connection")
    trace = watch([target.pid])
    target.line()
    wait_for(lambda: len(connected()) == 2, "the second connection")
    rows = reported(trace, lambda rows: len({row["lport"] for row in rows if row["rx_bytes"] == 200}) == 2)
    for row in rows:
        equal((row["dir"], row["result"], row["pid"], row["rx_bytes"], row["tx_bytes"], row["state"], row["rport"]),
              ("out", "ok", target.pid, 200, 100, "ESTABLISHED", peer.port), short(row))
        check(row["fd"] is not None, "FD of " + short(row))
    equal(sorted("p" in row["seen"] for row in rows), [False, True], "older than the run")
    target.line()
    rows = trace.finish()[-2:]    # the target has ended
    last = [row for row in rows if "p" not in row["seen"]]
    equal([(r["tx_bytes"], r["rx_bytes"], r["state"]) for r in last], [(105, 200, "closed")], "the second one")


@test("outgoing connections: found by looking, or counted as too short")
def outgoing():
    peer = Target(SERVE)
    target = Target(["wait-stdin", "count=40", "connect=127.0.0.1:%d" % peer.port, "send=10", "recv=20", "close", "done"],
                    listen=None, stdin=subprocess.PIPE)
    trace = watch([target.pid], ["--look-ms=1"])
    target.line()
    rows = trace.finish()
    for row in rows:
        equal((row["dir"], row["pid"], row["rport"], row["tx_bytes"], row["rx_bytes"]),
              ("out", target.pid, peer.port, 10, 20), short(row))
    check(len(rows) + rows.summary["too_short"] >= 40, "%d found, %d counted" % (len(rows), rows.summary["too_short"]))


@test("others' listeners are none of the target's, shared ones are not guessed")
def others():
    other, target = Target(SERVE), Target(SERVE)
    trace = watch([target.pid])
    other.serve(20)
    target.serve(5)
    rows = finish(trace)
    equal([row["lport"] for row in rows], [target.port] * 5, "rows (%s)" % rows.summary)
    shared = Target(["fork=1"] + SERVE + ["done"] + SERVE)
    child = wait_for(lambda: lib.children(shared.pid), "the child")[0]
    trace = watch([shared.pid], ["--no-follow"])
    shared.serve(20)
    rows = finish(trace)
    check(len(rows) + rows.summary["too_short"] >= 20, "%d found, %d counted" % (len(rows), rows.summary["too_short"]))
    check({row["pid"] for row in rows} <= {shared.pid}, "none is the child's, %s: %s" % (child, list(map(short, rows))))


@test("launched: its own exit status, its connections and its children's")
def launched():
    peer = Target(SERVE)
    words = ["connect=127.0.0.1:%d" % peer.port, "send=10", "recv=20", "wait-file=" + scratch("go"), "close"]
    trace = Trace(["--via=diag"], ["sh", "-c", '"$@"; exit 7', "sh", MKCONN] + words, before=as_nobody())
    wait_for(lambda: must(["ss", "-Htn", "state", "established", "dport", "= :%d" % peer.port]).strip(), "it to connect")
    for pid in lib.children(trace.pid):
        equal(tracer_of(int(pid)), 0, "TracerPid")
    reported(trace, lambda rows: rows[0]["state"] == "ESTABLISHED", 1)
    os.close(os.open(words[3].split("=")[1], os.O_CREAT | os.O_WRONLY, 0o644))
    rows = trace.finish(status=7)[-1:]
    equal([(r["dir"], r["comm"], r["rport"], r["tx_bytes"], r["rx_bytes"], r["result"]) for r in rows],
          [("out", "mkconn", peer.port, 10, 20, "ok")], "rows")
    equal(run(as_nobody() + [CONNTRACE, "--via=diag", "--", "/no/such/file"]).status, 127, "no such command")
    result = run(as_nobody() + [CONNTRACE, "--via=diag", "-q", "--", "sh", "-c", "kill -9 $$"])
    equal(result.status, -9, "a command that was killed")


@test("-d, -c, -I, --events, filters; a recording replays to the same rows")
def options():
    target = Target(SERVE)
    record = scratch("events")
    trace = watch([target.pid], ["-c", "30", "--events", "--record=" + record])
    # On a busy machine the first ones may be counted only.
    while trace.alive():
        target.serve(40)
    rows = [row for row in trace.finish() if row.get("rport")]
    check(len(rows) >= 30, "rows: %d" % len(rows))
    again = parse_rows(must([CONNTRACE, "-z", "conns", "--format=json", "--replay=" + record]))
    key = lambda row: (row["rport"], row["rx_bytes"], row["tx_bytes"], row["pid"], row["state"], row["seen"])
    equal({key(row) for row in rows} - {key(row) for row in again}, set(), "rows that the recording does not give")
    trace = watch([target.pid], ["--lport=%d" % (target.port ^ 1), "-I", "0.2", "-d", "1"])
    target.serve(3)
    equal(len(trace.finish()), 0, "rows that the filter lets pass")


@test("processes that cannot be watched: why, and what to do")
def refused():
    def why(pid, status=1, before=()):
        result = run(list(before) + [CONNTRACE, "--via=diag", "-d", "0.1", "-p", str(pid)])
        equal(result.status, status, "exit status for %s: %s" % (pid, result.err))
        return result.err
    check("no such process" in why(4194303), "no process has this number")
    if os.getuid() == 0 and as_nobody():
        check("belongs to user root" in why(os.getpid(), before=as_nobody()), "another user's process")
    target = Target(SERVE)
    if os.getuid() == 0:
        inside = Process([need("unshare"), "-n", "sleep", "60"])
        wait_for(lambda: os.readlink("/proc/%d/ns/net" % inside.pid) != os.readlink("/proc/self/ns/net"), "its namespace")
        text = why(inside.pid, before=["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", "--"])
        check("another network namespace" in text, "another namespace: " + text)
        both = run([CONNTRACE, "--via=diag", "-d", "0.1", "-p", "%d,%d" % (inside.pid, target.pid)])
        equal((both.status, "another network" in both.err), (0, True), "one of two")
    traced = attach([target.pid])
    equal(why(target.pid, status=0, before=as_nobody()).count("cannot"), 0, "one that is traced can be watched")
    check("--via=diag" in traced.err, "ptrace's note names it: " + traced.err)


@test("attempts that are refused at once have no row, and are counted with their other end")
def refused_attempts():
    port = free_port()
    connect = "connect=127.0.0.1:%d" % port
    target = Target(["wait-stdin", "count=10", connect, "close", "done", "nonblock", "count=30", connect, "poll", "so-error", "close",
                     "done", "wait-stdin"], listen=None, stdin=subprocess.PIPE)
    trace = watch([target.pid])
    target.line()
    wait_for(lambda: len(target.truth()) >= 40, "the attempts")
    rows = finish(trace)
    summary = rows.summary
    # Those of other programs on this host are counted, too: only a network namespace has no others.
    if os.environ.get(lib.IN_NAMESPACE):
        equal((len(rows), summary["too_short_failed"]), (0, 40), "rows, and attempts that failed")
        check("failed or were reset, the last one with 127.0.0.1 port %d" % port in summary["reason"], "reason: " + summary["reason"])
    else:
        equal(len(rows), 0, "rows")
        check(summary["too_short_failed"] >= 40, "attempts that failed: %s" % summary)
        check("failed or were reset, the last one with " in summary["reason"], "reason: " + summary["reason"])


@test("two targets that talk to each other: both ends, each its own")
def both_ends():
    server = Target(SERVE)
    client = Target(["wait-stdin", "connect=127.0.0.1:%d" % server.port, "send=10", "recv=20", "wait-stdin", "close"],
                    listen=None, stdin=subprocess.PIPE)
    trace = watch([server.pid, client.pid])
    client.line()
    reported(trace, lambda rows: {row["dir"] for row in rows} == {"in", "out"})
    client.line()
    wait_for(server.truth, "the end")
    rows = finish(trace)[-2:]
    equal(sorted((r["dir"], r["pid"], r["rx_bytes"], r["tx_bytes"]) for r in rows),
          [("in", server.pid, 10, 20), ("out", client.pid, 20, 10)], "rows")


def numbers(row):
    return (row["rport"], row["rx_bytes"], row["tx_bytes"], row["close"])


@test("a socket that is connected once more, to the same ends: two rows; the numbers of the first one are unknown")
def once_more():
    peer = Target(["accept", "recv=1000", "send=500", "wait-hup", "close", "accept", "recv=10", "send=20", "recv-all",
                   "close"])
    again = "connect=127.0.0.1:%d" % peer.port
    target = Target(["bind=127.0.0.7:%d" % peer.port, again, "send=1000", "recv=500", "wait-stdin", "disconnect",
                     again, "send=10", "recv=20", "wait-stdin", "close"], listen=None, stdin=subprocess.PIPE)
    trace = watch([target.pid])
    first = reported(trace, lambda rows: numbers(rows[0])[:3] == (peer.port, 500, 1000), 1)[0]
    target.line()
    second = reported(trace, lambda rows: numbers(rows[0])[:3] == (peer.port, 20, 10), 1)[0]
    target.line()
    rows = trace.finish()
    ended = {row["start"]: row for row in rows}    # of each the latest
    equal((first["cookie"], first["lport"]), (second["cookie"], second["lport"]), "one socket, the same ends")
    equal([numbers(ended[row["start"]]) for row in (first, second)],
          [(peer.port, None, None, None), (peer.port, 20, 10, "lfin")], "rows")
    equal({(row["dir"], row["pid"], row["result"]) for row in ended.values()}, {("out", target.pid, "ok")}, "whose")
    equal(len(ended), 2, "connections: " + "; ".join(map(short, ended.values())))


@test("direct descriptors of an io_uring: its PID while they live, no descriptor")
def direct():
    port, done = scratch("port"), scratch("done")
    target = Process(as_nobody() + [lib.URING(), "truth=" + scratch("truth"), "serve", "127.0.0.1", port, "1", "direct"])
    client = lib.mkconn(["connect=127.0.0.1:" + wait_file(port), "send=10", "wait-file=" + done, "shutdown", "recv-all",
                         "close"])
    trace = watch([target.pid])
    # While it waits in the accept queue, nothing shows who will have it.
    rows = reported(trace, lambda rows: rows[0]["rx_bytes"] == 10 and rows[0]["pid"] is not None, 1)
    lib.touch(done)
    client.wait()
    rows += trace.finish()[-1:]
    equal([(row["dir"], row["pid"], row["fd"], row["comm"], row["rx_bytes"], row["tx_bytes"]) for row in rows],
          [("in", target.pid, None, "uring", 10, 0), ("in", target.pid, None, "uring", 10, 20)], "rows")


@test("an overrun is said, and no number is wrong")
def overrun():
    storm = os.path.join(os.path.dirname(MKCONN), "storm")
    port, count = scratch("port"), 12000
    server = Process(as_nobody() + [storm, "server", "port-file=" + port, "connections=%d" % count])
    wait_file(port)
    trace = watch([server.pid])
    os.kill(trace.pid, signal.SIGSTOP)    # the kernel's messages are not read
    must([storm, "client", "port=" + wait_file(port), "connections=%d" % count, "sources=127.0.0.1,127.0.0.2"], limit=60)
    os.kill(trace.pid, signal.SIGCONT)
    rows = trace.finish()
    lost = rows.summary["lost"]["netlink"]
    if not lost and len(rows) == count:
        print("# the kernel's buffer held %d connections" % count)
    require(lost != 0 or len(rows) == count, "%d of %d connections, and nothing said: %s" % (len(rows), count,
                                                                                           rows.summary))
    for row in rows:
        if not check(row["rx_bytes"] in (100, None) and row["tx_bytes"] in (200, None), short(row)):
            break
    check(json.dumps(lost) == "null" or len(rows) + lost >= count, "rows %d, lost %s" % (len(rows), lost))


if __name__ == "__main__":
    main()
