#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The first run after boot, where sock_diag is a module that nothing has loaded yet.

Must come first: every program that lists sockets loads the module.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../live"))
from lib import MKCONN, Trace, check, equal, find_row, main, read_file, read_truth, scratch, short, skip_all, test

COUNT = 55


def loaded():
    return [line.split()[0] for line in read_file("/proc/modules").splitlines() if line.split()[0].endswith("_diag")]


@test("final counters of all connections of the very first run")
def first_run():
    truth = scratch("truth")
    equal(loaded(), [], "modules of sock_diag before the run")
    trace = Trace([], [MKCONN, "truth=" + truth, "listen=127.0.0.1:0", "fork=1", "count=%d" % COUNT, "connect=self", "send=300",
                       "recv-all", "close", "done", "done", "count=%d" % COUNT, "accept", "recv=300", "send=5000", "close",
                       "done", "join"])
    rows = trace.finish(limit=120)
    check("tcp_diag" in loaded(), "modules afterwards: %s" % loaded())
    made = read_truth(truth)
    equal((len(made), len(rows)), (2 * COUNT, 2 * COUNT), "connections made and rows")
    for one in made:
        row = find_row(rows, one)
        equal((row["rx_bytes"], row["tx_bytes"]), (one["rx_bytes"], one["tx_bytes"]), short(row))
    equal(sum(rows.summary["lost"].values()), 0, "lost: %s" % rows.summary["lost"])


if __name__ == "__main__":
    if not os.environ.get("CONNTRACE_VM"):
        skip_all("only in the virtual machine of make check-vm")
    main()
