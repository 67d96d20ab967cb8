#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Targets that end, fork and start threads just while they are attached to (TAP). ALL=1 does it more often."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

# pylint: disable=wrong-import-position
import lib  # noqa: E402
from lib import ALL, CONNTRACE, TOP_BUILD, check, main, require, scratch, test  # noqa: E402

ROUNDS = 16 if ALL else 5
PRELOAD = lib.built("preload_tracer.so", ["gcc", "-D_GNU_SOURCE", "-shared", "-fPIC"], ["preload_tracer.c"])
ENDING = os.path.join(TOP_BUILD, "tests/helpers/ending")


def preloaded(**variables):
    return dict(os.environ, LD_PRELOAD=PRELOAD(), **variables)


def attach_to(pid, *options):
    return subprocess.run([CONNTRACE, "-q", *options, "-o", scratch("rows"), "--via=ptrace", "-p", str(pid)], stderr=subprocess.PIPE,
                          timeout=60, check=False)


@test("a target that ends while it is attached to: status 0 or 1, one line at most, never a hang")
def ends_meanwhile():
    statuses = set()
    for number in range(ROUNDS):
        # From already ended to ending some milliseconds later.
        target = subprocess.Popen(["sh", "-c", "i=0; while [ $i -lt %d ]; do i=$((i+1)); done" % (number * 400)])
        result = attach_to(target.pid)
        target.wait(60)
        statuses.add(result.returncode)
        require(result.returncode in (0, 1), "status %d: %s" % (result.returncode, result.stderr))
        lines = [line for line in result.stderr.decode().splitlines() if "attached by ptrace" not in line]
        check(len(lines) <= 1, "one line: %r" % lines)
        if result.returncode == 1:
            check(lines and str(target.pid) in lines[0], "the message names the process: %r" % lines)
    check(statuses <= {0, 1}, "statuses %r" % statuses)


@test("a target that forks and starts programs all the time is followed and let go unharmed")
def forks_meanwhile():
    for _ in range(10 if ALL else 4):
        target = subprocess.Popen(["sh", "-c", "i=0; while [ $i -lt 60 ]; do i=$((i+1)); (:); /bin/true || exit 9; done"])
        result = attach_to(target.pid, "-d", "0.1")
        require(result.returncode in (0, 1), "status %d: %s" % (result.returncode, result.stderr))
        require(target.wait(60) == 0, "the target's own status is %d" % target.returncode)


def how_it_ended(words, options, rounds=ROUNDS, **keywords):
    """CLOSE of the connection that a busy process had open when it ended, of several runs."""
    seen = set()
    for _ in range(rounds):
        rows = scratch("rows")
        result = subprocess.run([CONNTRACE, "-q", "-z", "conns", "--dir=in", "-o", rows, "-O", "CLOSE", "-H", *options, ENDING,
                                 *words], stderr=subprocess.PIPE, timeout=60, check=False, **keywords)
        require(result.returncode == 0, "status %d: %s" % (result.returncode, result.stderr))
        seen.add(lib.read_file(rows).strip())
    return seen


@test("the first thread has ended, another ends the process, more are busy: it is the end of the process that ended it")
def ends_while_first_thread_ends():
    for options in ([], ["--no-filter"]):
        for threads in ("0", "2", "8"):
            lib.equal(how_it_ended(["exit", threads], options), {"exit"}, "%s threads, %s" % (threads, options))


@test("a busy process is killed: the end of the process, or unknown, but not the program's doing")
def killed_while_busy():
    for options in ([], ["--no-filter"]):
        for threads in ("0", "4"):
            seen = how_it_ended(["kill", threads], options)
            check("exit" in seen and seen <= {"exit", "-"}, "%s: %r" % (options, seen))


@test("killed between two reports that are taken together, its last stop comes too late to look: unknown who closed")
def killed_between_reports():
    # An end that is not by its killing, and as good as never.
    words = ["kill", "0", "500"]
    lib.equal(how_it_ended(words, ["--no-filter"], 5, env=preloaded(PRELOAD_KILL="1")), {"-"}, "CLOSE")


@test("a connection ends before the tracer has reported its begin: nothing is missing, and its duration is right")
def tracer_lags():
    # Longer than any event is held for others.
    words = ["listen=127.0.0.1:0", "threads=1", "accept", "recv=10", "close", "done", "connect=self", "send=10", "close", "join"]
    rows, truth = lib.launch(words, env=preloaded(PRELOAD_SLOW_MS="150"))
    for fact in truth:
        row = lib.find_row(rows, fact)
        lib.equal([row["rx_bytes"], row["tx_bytes"]], [fact["rx_bytes"], fact["tx_bytes"]], "bytes " + lib.short(row))
        lib.equal(row["state"], "closed", "STATE " + lib.short(row))
        lib.between(row["dur_s"], 0, 1, "DUR_S " + lib.short(row))


@test("the kernel reports no destroyed socket before the end: that is said, and that there was none is not")
def unheard_deaths():
    words = ["listen=127.0.0.1:0", "connect=self", "send=10", "close", "accept", "recv-all", "close"]
    deaf = preloaded(PRELOAD_NO_DEATHS="1")
    rows, _ = lib.launch(words, env=deaf)
    lib.equal((len(rows), rows.summary["lost"]["netlink"]), (2, None), "rows, reports lost")
    # Its connections come and go between two looks.
    target = lib.Process([lib.MKCONN, "wait-stdin"] + words, stdin=subprocess.PIPE)
    trace = lib.watch([target.pid], ["--look-ms=60000"], env=deaf, before=[])
    target.line()
    lib.equal(target.wait(), 0, "the target's end")
    rows = trace.finish()
    lib.equal(rows.summary["lost"]["netlink"], None, "reports lost, --via=diag")
    # A new listener has the sockets listed, and on a busy machine a connection is there by then.
    check(rows or "no TCP connection is known" in rows.summary["reason"], "reason: %s" % rows.summary["reason"])
    check("neither made nor accepted" not in trace.err, trace.err)


if __name__ == "__main__":
    main()
