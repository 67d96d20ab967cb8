#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--via=audit: the connections of programs by the kernel's own audit, and what it leaves behind: nothing.

The first tests need a kernel in which audit has never been switched on.
"""
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../live"))
from lib import (CONNTRACE, MKCONN, Process, Trace, as_nobody, check, equal, main, parse_rows, read_truth, run, scratch,
                 short, skip_all, test, touch, wait_for)
from kernel_audit import EXCLUDE, NEVER_TASK, STATUS_ENABLED, STATUS_FAILURE, Audit

LIMIT = 240
VIA = ["--via=audit"]


def untouched(audit, before, what):
    equal(audit.status(), before, "enabled, failure, rate and backlog limit " + what)
    equal(audit.rules(), [], "rules " + what)


def exchange(address, count, truth):
    return [MKCONN, "truth=" + truth, "listen=%s:0" % address, "fork=1", "count=%d" % count, "connect=self", "send=10",
            "recv-all", "close", "done", "done", "count=%d" % count, "accept", "recv=10", "send=20", "close", "done", "join"]


def compared(rows, truth):
    """Each connection has its row, with its owner and peer; what the source could not know is unknown, and not wrong."""
    made = read_truth(truth)
    left = list(rows)
    for one in made:
        keys = ("pid", "dir", "fd") + (("raddr", "rport") if one["dir"] == "in" else ("rport",))
        fits = [row for row in left if all(str(row[key]) == str(one[key]) for key in keys)]
        if not check(fits, "a row for %s in\n%s" % (one, "\n".join(short(row) for row in rows))):
            continue
        exact = [row for row in fits if row["lport"] == one["lport"]]
        row = (exact or [row for row in fits if row["lport"] is None] or fits)[0]
        left.remove(row)
        for key in ("lport", "rx_bytes", "tx_bytes"):
            check(row[key] is None or row[key] == one[key], "%s of %s, truth %s" % (key, short(row), one[key]))
        equal(row["result"], "ok", "RESULT of " + short(row))
        check("a" in row["seen"], "SEEN of " + short(row))
    equal([short(row) for row in left], [], "rows of nothing")
    return made


@test("processes that are older than the first audit since boot: refused by the run that switches it on, reported where another program did")
def older():
    audit = Audit()
    before = audit.status()
    equal((before[0], audit.rules()), (0, []), "audit at boot")
    idle = Process(["sleep", "600"])
    port, go, truth = scratch("port"), scratch("go"), scratch("truth")
    target = Process([MKCONN, "limit=%d" % LIMIT, "truth=" + truth, "listen=127.0.0.1:0", "port-file=" + port, "accept", "recv=5",
                      "send=7", "close", "accept", "say=accepted", "wait-file=" + go])
    wait_for(lambda: os.path.exists(port), "the server", LIMIT)
    result = run([CONNTRACE] + VIA + ["-p", str(idle.pid)], limit=LIMIT)
    equal(result.status, 1, "exit status: " + result.err)
    check("before audit was first switched on since boot" in result.err and "audit=1" in result.err, result.err)
    untouched(audit, before, "afterwards")
    audit.set(STATUS_ENABLED, enabled=1)
    trace = Process([CONNTRACE] + VIA + ["-j", "-z", "conns", "-p", str(target.pid), "-p", str(idle.pid)])
    wait_for(lambda: "auditd runs" in trace.err and audit.rules(), "the rules: " + trace.err, LIMIT)
    run([MKCONN, "truth=" + truth, "connect=127.0.0.1:@" + port, "send=5", "recv=7", "close"], limit=LIMIT)
    client = Process([MKCONN, "limit=%d" % LIMIT, "truth=" + truth, "connect=127.0.0.1:@" + port, "wait-file=" + go])
    wait_for(lambda: "accepted" in target.out, "the second connection", LIMIT)
    trace.signal(signal.SIGINT)
    equal(trace.wait(LIMIT), 0, "exit status: " + trace.err)
    touch(go)
    equal((target.wait(LIMIT), client.wait(LIMIT)), (0, 0), "exit status")
    rows = [row for row in parse_rows(trace.out) if row["tx_bytes"] == 7]
    equal([(row["dir"], row["pid"], "u" in row["seen"]) for row in rows], [("in", None, True)], "the closed one: %s" % trace.out)
    check("PID %d is not audited: it has connections that are new" % target.pid in trace.err, trace.err)
    check("no record of audit came of PID %d: it made no connection, or" % idle.pid in trace.err, trace.err)
    audit.set(STATUS_ENABLED, enabled=0)


@test("a launched program and its children: every connection, over IPv4 and IPv6, accepted and opened, and refused ones")
def launched():
    audit = Audit()
    before = audit.status()
    for address in ("127.0.0.1", "[::1]"):
        truth = scratch("truth")
        rows = Trace(VIA, exchange(address, 5, truth)).finish(limit=LIMIT)
        equal(len(compared(rows, truth)), 10, "connections")
        equal(sum(rows.summary["lost"].values()), 0, "lost")
        untouched(audit, before, "after the run")
    rows = Trace(VIA, [MKCONN, "truth=" + scratch("truth"), "connect=127.0.0.1:7", "close", "nonblock", "connect=127.0.0.1:8", "poll",
                       "close", "connect=[::1]:9", "poll", "so-error", "close"]).finish(limit=LIMIT)
    equal([(row["raddr"], row["rport"]) for row in rows], [("127.0.0.1", 7), ("127.0.0.1", 8), ("::1", 9)], "peers")
    equal(rows[0]["result"], "refused", "a connect that waits")
    untouched(audit, before, "after the run")


@test("a process that runs: a server that is attached to, and its open connection; the run ends with it")
def attached():
    audit = Audit()
    before = audit.status()
    audit.set(STATUS_ENABLED, enabled=1)
    port, truth, go = scratch("port"), scratch("truth"), scratch("go")
    target = Process([MKCONN, "truth=" + truth, "listen=0.0.0.0:0", "port-file=" + port, "accept", "wait-file=" + go, "recv-all", "close",
                      "count=3", "accept", "recv-all", "send=7", "close", "done"])
    client = Process([MKCONN, "truth=" + scratch("truth"), "connect=127.0.0.1:@" + port, "say=open", "wait-file=" + go, "send=30", "close",
                      "count=3", "connect=127.0.0.1:@" + port, "send=9", "shutdown", "recv-all", "close", "done"])
    wait_for(lambda: "open" in client.out, "the connection", LIMIT)
    trace = Process([CONNTRACE] + VIA + ["-j", "-z", "conns", "-p", str(target.pid)])
    wait_for(lambda: "auditd runs" in trace.err and audit.rules(), "the rules: " + trace.err, LIMIT)
    equal(audit.status()[0], 1, "enabled")
    touch(go)
    equal((client.wait(LIMIT), target.wait(LIMIT), trace.wait(LIMIT)), (0, 0, 0), "exit status: " + trace.err)
    rows = parse_rows(trace.out)
    equal([row["dir"] for row in rows], ["in"] * 4, "rows")
    for row, counts in zip(rows, [(30, 0)] + [(9, 7)] * 3):
        # Whether the peer's FIN is among the bytes received is unknown of a socket that is closed before it is read.
        check(row["rx_bytes"] in (counts[0], None) and row["rx_least"] in (counts[0] - 1, counts[0]) and row["tx_bytes"] == counts[1],
              "%s of %s" % (counts, short(row)))
    check("p" in rows[0]["seen"] and "p" not in rows[1]["seen"], "older than the run: " + short(rows[0]))
    equal((audit.status()[0], audit.rules()), (1, []), "audit stays switched on, without rules")
    audit.set(STATUS_ENABLED, enabled=0)
    untouched(audit, before, "as before")


@test("the whole host: programs that are started during the run, and no others' rules")
def host():
    audit = Audit()
    before = audit.status()
    trace = Process([CONNTRACE] + VIA + ["--all", "-j", "-z", "conns"])
    wait_for(lambda: "auditd runs" in trace.err and len(audit.calls()) > 1, "the rules", LIMIT)
    truth = scratch("truth")
    run(exchange("127.0.0.1", 5, truth), limit=LIMIT)
    trace.signal(signal.SIGINT)
    equal(trace.wait(LIMIT), 0, "exit status: " + trace.err)
    pids = {str(one["pid"]) for one in read_truth(truth)}
    equal(len(compared([row for row in parse_rows(trace.out) if str(row["pid"]) in pids], truth)), 10, "connections")
    untouched(audit, before, "after the run")


@test("kill -9: the next run removes what is left and switches audit off; a run beside it is not disturbed")
def leftovers():
    audit = Audit()
    before = audit.status()
    target = Process(["sleep", "600"])
    runs = [Process([CONNTRACE] + VIA + ["-p", str(target.pid)]) for _ in range(1)]
    wait_for(lambda: "auditd runs" in runs[0].err and audit.calls(), "the rules: " + runs[0].err, LIMIT)
    runs.append(Process([CONNTRACE] + VIA + ["-p", str(target.pid)]))
    count = len(audit.calls())
    wait_for(lambda: "auditd runs" in runs[1].err and len(audit.calls()) >= 2 * count, "rules of both runs", LIMIT)
    runs[0].signal(signal.SIGKILL)
    runs[0].wait(LIMIT)
    equal(len(audit.calls()), 2 * count, "rules that were left")
    result = run([CONNTRACE] + VIA + ["--", "true"], limit=LIMIT)
    equal(result.status, 0, "exit status: " + result.err)
    check("%d rules of audit were removed that a killed conntrace had left" % (count + 1) in result.err, result.err)
    equal(audit.status()[0], 1, "enabled for the run that goes on")
    runs[1].signal(signal.SIGINT)
    equal(runs[1].wait(LIMIT), 0, "exit status: " + runs[1].err)
    untouched(audit, before, "after the last run")


@test("what forbids it is said: no right, records that are excluded, never,task, a kernel that would panic")
def refused():
    audit = Audit()
    before = audit.status()
    result = run(as_nobody() + [CONNTRACE] + VIA + ["--", "true"], limit=LIMIT)
    equal(result.status, 1, "exit status without the right: " + result.err)
    check("run conntrace as root" in result.err, result.err)
    for rule, words in ((NEVER_TASK, "auditctl -d never,task"),
                        (EXCLUDE, "excludes the records of calls")):
        audit.add(rule)
        target = Process(["sleep", "600"])
        result = run([CONNTRACE] + VIA + ["-p", str(target.pid)], limit=LIMIT)
        audit.remove(rule)
        equal(result.status, 1, "exit status: " + result.err)
        check(words in result.err, "%s in %s" % (words, result.err))
        untouched(audit, before, "after " + words)
    audit.set(STATUS_FAILURE, failure=2)
    result = run([CONNTRACE] + VIA + ["--", "true"], limit=LIMIT)
    audit.set(STATUS_FAILURE, failure=before[1])
    equal(result.status, 1, "exit status: " + result.err)
    check("auditctl -f 2" in result.err, result.err)
    untouched(audit, before, "after all")


if __name__ == "__main__":
    if not os.environ.get("CONNTRACE_VM"):
        skip_all("only in the virtual machine of make check-vm")
    main()
