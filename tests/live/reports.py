#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""When and where reports come: events, intervals, on demand, at limits, and when they cannot be written."""
import os
import signal
import subprocess

from lib import (CONNTRACE, MKCONN, Process, Trace, attach, check, enter_namespace, equal, main, mkconn, parse_rows,
                 read_file, read_truth, run, scratch, test, wait_file, wait_for)

SCENARIO = ["listen=127.0.0.1:0", "fork=1", "accept4", "recv-all", "close", "done", "connect=self", "send=10", "close",
         "join"]


class Server(Process):
    """Serves connections until the test ends."""

    def __init__(self):
        port, self.truth_path = scratch("port"), scratch("truth")
        super().__init__([MKCONN, "truth=" + self.truth_path, "listen=127.0.0.1:0", "port-file=" + port, "forever",
                          "accept4", "recv-all", "close", "done"])
        self.port = int(wait_file(port))

    def serve(self, count):
        """So many connections are made, served and closed."""
        before = len(read_truth(self.truth_path))
        client = mkconn(["count=%d" % count, "connect=127.0.0.1:%d" % self.port, "send=10", "close", "done"])
        equal(client.wait(), 0, "the client's end")
        wait_for(lambda: len(read_truth(self.truth_path)) >= before + count, "the server to close them")


def lines(trace):
    """The whole lines written so far."""
    text = read_file(trace.rows_path)
    return text[:text.rfind("\n") + 1].splitlines()


@test("--events: a line for each connection as it ends, while the command runs")
def events():
    trace = Trace(["--events"], [MKCONN, "listen=127.0.0.1:0", "threads=1", "count=3", "accept", "recv-all", "close",
                                 "done", "done", "count=3", "connect=self", "send=10", "close", "done", "join",
                                 "wait-stdin"],
                  stdin=subprocess.PIPE)
    wait_for(lambda: len(lines(trace)) >= 6, "six lines")
    check(trace.alive(), "the command still runs")
    rows = trace.rows()
    equal(sorted(row["dir"] for row in rows), ["in"] * 3 + ["out"] * 3, "DIR")
    equal({row["result"] for row in rows}, {"ok"}, "RESULT")
    trace.line()
    trace.finish()


@test("--events=handshakes: a line as soon as it is decided, once, whether the connection stays or fails")
def handshakes():
    trace = Trace(["--events=handshakes"], [MKCONN, "listen=127.0.0.1:0", "threads=1", "accept", "recv-all", "close",
                                            "done", "connect=self", "send=10", "wait-stdin", "close", "connect=127.0.0.1:1",
                                            "close", "join"],
                  report="peers", stdin=subprocess.PIPE)

    def fact():
        return [row for row in trace.rows() if row["report"] == "events"]
    wait_for(lambda: len(fact()) >= 2, "both ends of the one that stays")
    check(trace.alive(), "the command still runs")
    equal(sorted((row["dir"], row["result"], row["state"]) for row in fact()),
          [("in", "ok", "ESTABLISHED"), ("out", "ok", "ESTABLISHED")], "what has been decided")
    trace.line()
    rows = trace.finish()
    events_ = [(row["dir"], row["result"]) for row in rows if row["report"] == "events"]
    equal(sorted(events_), [("in", "ok"), ("out", "ok"), ("out", "refused")], "each once")
    equal(sum(row["conns"] for row in rows if row["report"] == "peers"), 3, "CONNS of the report")


@test("-c: ends after so many connections, the target serves on")
def count():
    server = Server()
    trace = attach([server.pid], ["-c", "3"])
    server.serve(5)
    rows = trace.finish(0)
    check(3 <= len(rows) <= 5, "%d rows" % len(rows))
    check(len([row for row in rows if row["state"] == "closed"]) >= 3, "three have ended")
    server.serve(1)
    check(server.alive(), "the target lives")


@test("-I: what is new, every interval; SIGUSR1: a report now; neither ends the run")
def intervals():
    server = Server()
    trace = attach([server.pid], ["-I", "0.2"])
    for before, count_ in ((0, 2), (2, 3)):
        server.serve(count_)
        # A connection is reported once.
        wait_for(lambda whole=before + count_: len(lines(trace)) >= whole, "%d rows" % (before + count_))
        equal(len({line for line in lines(trace)}), before + count_, "rows")
    check(trace.alive(), "the run goes on")
    trace.interrupt()
    server = Server()
    trace = attach([server.pid])
    server.serve(2)
    equal(lines(trace), [], "nothing is said unasked")

    def asked():
        # What happened a moment ago may still be on its way, so it is asked again.
        trace.signal(signal.SIGUSR1)
        return len(lines(trace)) >= 2
    wait_for(asked, "the report so far")
    check(trace.alive(), "the run goes on")
    server.serve(1)
    rows = trace.interrupt()
    equal(len({row["rport"] for row in rows[-3:]}), 3, "different connections in the last report")


@test("a closed pipe ends it quietly, the target serves on")
def pipe():
    server = Server()
    reader, writer = os.pipe()
    before = [CONNTRACE, "--events", "-H", "--via=ptrace", "-p", str(server.pid)]
    with os.fdopen(writer, "wb") as out:
        trace = Process(before, stdout=out)
    head = Process(["head", "-n", "1"], stdin=reader)
    os.close(reader)
    wait_for(lambda: traced(server), "attaching")

    def noticed():
        server.serve(1)
        return not trace.alive()
    # The rows that come before head has gone, however many at once, find it there still.
    wait_for(noticed, "conntrace to notice")
    equal(head.wait(), 0, "head's end")
    check(head.out.count("\n") == 1, "head got one line: %r" % head.out)
    check(trace.wait() in (0, -signal.SIGPIPE), "ends quietly: status %d" % trace.wait())
    check("roken pipe" not in trace.err, "no complaint: " + trace.err)
    server.serve(2)
    check(server.alive(), "the target lives")


def traced(server):
    return "TracerPid:\t0\n" not in read_file("/proc/%d/status" % server.pid)


@test("what cannot be written is an error: full disk, no such directory")
def cannot_write():
    for words in (["-o", "/dev/full"], ["--format=json", "-o", "/dev/full"], ["--events", "-o", "/dev/full"]):
        result = run([CONNTRACE] + words + ["--", MKCONN] + SCENARIO)
        equal(result.status, 1, "exit status with %s (%s)" % (words, result.err))
        check("No space left" in result.err, "stderr: " + result.err)
    with open("/dev/full", "wb") as full:
        process = Process([CONNTRACE, "--", MKCONN] + SCENARIO, stdout=full)
        equal(process.wait(), 1, "exit status with a full disk behind standard output")
    dump = scratch("dump")
    result = run([CONNTRACE, "-o", "/nonexistent/file", "--", "touch", dump])
    equal(result.status, 125, "exit status: conntrace's own failure")
    check("/nonexistent/file" in result.err, "stderr: " + result.err)
    check(not os.path.exists(dump), "the command was not run for nothing")


@test("the report goes to standard output, the accounts to standard error, -q silences them, -o moves the report")
def where():
    result = run([CONNTRACE, "-z", "conns", "--", MKCONN] + SCENARIO)
    equal(result.status, 0, "exit status")
    equal(len(result.out.splitlines()), 3, "lines: header, two rows:\n" + result.out)
    equal(len(result.err.splitlines()), 1, "lines on standard error: " + result.err)
    check("2 connections" in result.err, "the accounts: " + result.err)
    equal(run([CONNTRACE, "-q", "-z", "conns", "--", MKCONN] + SCENARIO).err, "", "standard error with -q")
    out = scratch("out")
    result = run([CONNTRACE, "-o", out, "-z", "conns", "--", MKCONN] + SCENARIO + ["say=hello"])
    equal(result.out, "hello\n", "standard output is the command's")
    equal(len(read_file(out).splitlines()), 3, "lines in the file")
    result = run([CONNTRACE, "-H", "--format=json", "--", MKCONN] + SCENARIO)
    rows = parse_rows(result.out)
    check(rows.summary is not None, "the last line is the summary")
    check(rows.summary.get("connections") == 2, "connections in the summary: %s" % rows.summary)


@test("chosen connections only: --dir, --peer, --rport, -6, and the counts of peers follow")
def chosen():
    scenario = ["listen=127.0.0.1:0", "threads=1", "count=3", "accept4", "recv-all", "close", "done", "done", "count=2",
             "connect=self", "send=10", "close", "done", "bind=127.0.0.5:0", "connect=self", "send=7", "close",
             "connect=[::1]:1", "close"]
    for options, wanted in (([], 7), (["--dir=in"], 3), (["--dir=out"], 4), (["--peer=127.0.0.5"], 1),
                            (["--peer=!127.0.0.5"], 6), (["--peer=127.0.0.4/30"], 1), (["--rport=1"], 1), (["-6"], 1),
                            (["-4"], 6), (["-4", "--dir=in", "--peer=127.0.0.1"], 2)):
        rows = Trace(options, [MKCONN] + scenario).finish()
        equal(len(rows), wanted, "rows with %s" % options)
        rows = Trace(options, [MKCONN] + scenario, report="peers").finish()
        equal(sum(row["conns"] for row in rows), wanted, "CONNS with %s" % options)


@test("peers: one row for each peer, direction and service port")
def peers():
    trace = Trace([], [MKCONN, "listen=127.0.0.1:0", "threads=1", "count=6", "accept4", "recv-all", "close", "done",
                       "done", "count=4", "connect=self", "send=10", "close", "done", "count=2", "bind=127.0.0.5:0",
                       "connect=self", "send=7", "close", "done", "connect=127.0.0.1:1", "close"], report="peers")
    rows = trace.finish()
    facts = sorted((row["dir"], row["peer"], row["conns"], row["ok"], row["fail"], row["refused"], row["rx_bytes"] or 0,
                    row["tx_bytes"] or 0) for row in rows)
    equal(facts, [("in", "127.0.0.1", 4, 4, 0, 0, 40, 0), ("in", "127.0.0.5", 2, 2, 0, 0, 14, 0),
                  ("out", "127.0.0.1", 1, 0, 1, 1, 0, 0), ("out", "127.0.0.1", 6, 6, 0, 0, 0, 54)], "groups")


if __name__ == "__main__":
    enter_namespace()
    main()
