#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--audit-log with records that a kernel made: the same connections as conntrace reports of the same programs.

Without auditd(8) the kernel prints its records, and dmesg(1) is the log.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../live"))
from lib import CONNTRACE, MKCONN, Trace, check, equal, main, parse_rows, run, scratch, skip_all, test
from kernel_audit import Logged

LIMIT = 240


def key(row):
    """A connection as both know it: a log has no local port of a connect, and no outcome of one that did not wait."""
    return tuple(str(part) for part in (row["pid"], row["comm"], row["dir"], row["raddr"], row["rport"], row["result"], row["fd"]))


def exchange(address, count):
    return [MKCONN, "truth=" + scratch("truth"), "listen=%s:0" % address, "fork=1", "count=%d" % count, "connect=self", "send=10",
            "recv-all", "close", "done", "done", "count=%d" % count, "accept", "recv=10", "send=20", "close", "done", "join"]


@test("dmesg is the log: each connection over IPv4 and IPv6, accepted, opened and refused, with its owner")
def real():
    logged = Logged()
    wanted = []
    try:
        for words in (exchange("127.0.0.1", 5), exchange("[::1]", 5),
                      [MKCONN, "truth=" + scratch("truth"), "connect=127.0.0.1:7", "close", "connect=[::1]:9", "close"]):
            wanted += [key(row) for row in Trace([], words).finish(limit=LIMIT)]
    finally:
        log = logged.end()
    result = run([CONNTRACE, "-j", "-z", "conns", "--audit-log", log], limit=LIMIT)
    pids = {row[0] for row in wanted}
    found = [key(row) for row in parse_rows(result.out) if str(row["pid"]) in pids]
    equal(len(wanted), 22, "connections by conntrace")
    equal(sorted(found), sorted(wanted), "connections by audit and by conntrace; %s" % result.err)
    check("counted as TCP" not in result.err or "lost" in result.err, "sockets of unknown kind: " + result.err)


if __name__ == "__main__":
    if not os.environ.get("CONNTRACE_VM"):
        skip_all("only in the virtual machine of make check-vm")
    main()
