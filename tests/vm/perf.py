#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--via=perf on Debian's kernel: its perf_event_paranoid of 3 refuses ordinary users, 2 lets them under Yama's scope 1."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../live"))
import lib
from lib import (CONNTRACE, MKCONN, Process, as_nobody, check, equal, main, read_truth, run, scratch, short, skip_all, test,
                 wait_for)

PARANOID = "/proc/sys/kernel/perf_event_paranoid"
SCOPE = "/proc/sys/kernel/yama/ptrace_scope"
COUNT = 20
LIMIT = 300


class Set:
    """A number below /proc/sys, set for a while."""

    def __init__(self, path, number):
        self.path, self.number, self.before = path, number, lib.read_file(path)

    def __enter__(self):
        with open(self.path, "w", encoding="ascii") as file:
            file.write("%d\n" % self.number)
        equal(int(lib.read_file(self.path)), self.number, self.path)

    def __exit__(self, *_):
        with open(self.path, "w", encoding="ascii") as file:
            file.write(self.before)


def answer():
    """What --check says."""
    lines = [line for line in run(as_nobody() + [CONNTRACE, "--check"], limit=LIMIT).out.splitlines() if "--via=perf" in line]
    equal(len(lines), 1, "lines of --check")
    return lines[0]


def client(truth):
    """It waits, connects, and is refused."""
    words = ["limit=%d" % LIMIT, "truth=" + truth, "wait-stdin", "count=%d" % COUNT, "connect=127.0.0.1:1", "close", "done"]
    process = Process(as_nobody() + [MKCONN] + words, stdin=subprocess.PIPE)
    wait_for(lambda: lib.status_field(process.pid, "State")[:1] == "S" and lib.status_field(process.pid, "Name") ==
             os.path.basename(MKCONN)[:15], "the client to wait", limit=LIMIT)
    return process


@test("perf_event_paranoid 3: --via=perf is refused with the remedy, --check has it, and nothing takes it by itself")
def paranoid_3():
    with Set(PARANOID, 3), Set(SCOPE, 1):
        target = client(scratch("truth"))
        result = run(as_nobody() + [CONNTRACE, "--via=perf", "-d", "0.2", "-p", str(target.pid)], limit=LIMIT)
        equal(result.status, 1, "exit status (%s)" % result.err)
        for text in (result.err, answer()):
            check("perf_event_paranoid is 3" in text and "sysctl kernel.perf_event_paranoid=2" in text, text)
        check(answer().startswith("no "), answer())
        result = run(as_nobody() + [CONNTRACE, "-d", "0.2", "-p", str(target.pid)], limit=LIMIT)
        equal(result.status, 1, "exit status without --via")
        check("ptrace_scope is 1" in result.err, result.err)


@test("perf_event_paranoid 2, Yama's scope 1: an ordinary user sees each connect(2), with --via=perf and without")
def paranoid_2():
    with Set(PARANOID, 2), Set(SCOPE, 1):
        check(answer().startswith("yes "), answer())
        for options in (["--via=perf"], []):
            truth = scratch("truth")
            target = client(truth)
            trace = lib.Trace(options + ["--debug=sources", "-p", str(target.pid)], before=as_nobody())
            wait_for(lambda: "debug: events" in trace.err or not trace.alive(), "conntrace to watch", limit=LIMIT)
            target.line()
            equal(target.wait(LIMIT), 0, "the client's end")
            rows = trace.finish(limit=LIMIT)
            equal("attached by perf" in trace.err, not options, "the line of the way that was taken: " + trace.err)
            equal((len(rows), len(read_truth(truth))), (COUNT, COUNT), "rows and attempts")
            for row in rows:
                if not check((row["errno"], row["rport"], row["pid"], row["result"], row["seen"]) ==
                             ("ECONNREFUSED", 1, target.pid, "refused", "h"), short(row)):
                    break


if __name__ == "__main__":
    if not os.environ.get("CONNTRACE_VM"):
        skip_all("only in the virtual machine of make check-vm")
    if not os.path.exists(SCOPE) or not os.path.exists(PARANOID):
        skip_all("this kernel has no Yama, or no perf events")
    main()
