#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--via=audit of a server that accepts, answers and closes as fast as it can: each connection has its process, once."""
import collections
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../live"))
from lib import (CONNTRACE, STORM, Process, check, equal, main, must, parse_rows, scratch, short, skip_all, test, wait_file, wait_for)
from kernel_audit import STATUS_ENABLED, Audit

LIMIT = 240
COUNT = 200
ROUNDS = 3


def storm():
    port = scratch("port")
    server = Process([STORM, "server", "port-file=" + port, "connections=%d" % COUNT, "limit=%d" % LIMIT])
    number = wait_file(port)
    trace = Process([CONNTRACE, "--via=audit", "-j", "-z", "conns", "-p", str(server.pid)])
    wait_for(lambda: "auditd runs" in trace.err, "the rules: " + trace.err, LIMIT)
    must([STORM, "client", "port=" + number, "connections=%d" % COUNT, "threads=2", "limit=%d" % LIMIT], limit=LIMIT)
    equal((server.wait(LIMIT), trace.wait(LIMIT)), (0, 0), "exit status: " + trace.err)
    rows = parse_rows(trace.out)
    # The client has two addresses, and may have the same port at both.
    owned = collections.Counter((row["raddr"], row["rport"]) for row in rows if row["pid"] is not None)
    # A call that waited when the rules came has no record: of its connection only the final counters are known.
    unknown = [short(row) for row in rows if row["pid"] is None]
    equal(len({(row["raddr"], row["rport"]) for row in rows}), COUNT, "connections: %s %s" % (rows.summary, trace.err))
    equal([end for end, count in owned.items() if count > 1], [], "ends with several rows")
    check(len(owned) >= COUNT - 1, "connections without process: %s" % unknown)
    equal({(row["pid"] or server.pid, row["result"], row["dir"]) for row in rows}, {(server.pid, "ok", "in")}, "owner and result")
    wrong = [short(row) for row in rows if row["state"] == "closed" and
             (row["rx_bytes"] not in (100, None) or row["tx_bytes"] not in (200, None))]
    equal(wrong, [], "bytes")
    check(sum(rows.summary["lost"].values()) == 0, "lost: %s" % rows.summary)


@test("%d connections, %d times" % (COUNT, ROUNDS))
def rows_of_each():
    audit = Audit()
    audit.set(STATUS_ENABLED, enabled=1)
    for _ in range(ROUNDS):
        storm()
    audit.set(STATUS_ENABLED, enabled=0)


if __name__ == "__main__":
    if not os.environ.get("CONNTRACE_VM"):
        skip_all("only in the virtual machine of make check-vm")
    main()
