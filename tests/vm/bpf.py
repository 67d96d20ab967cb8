#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--via=bpf on the kernel of the machine: the rows, and beside them those of tcplife (bpftrace), where it is installed."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../live"))
from lib import (CONNTRACE, MKCONN, Process, Skip, Trace, by_bpf, check, equal, find_row, main, read_truth, run, scratch, short,
                 skip_all, test, touch, wait_file, wait_for)

COUNT = 20
LIMIT = 300
TCPLIFE = ["/usr/sbin/tcplife.bt", "/usr/share/bpftrace/tools/tcplife.bt"]


def exact(rows, truth):
    made = read_truth(truth)
    equal((len(made), len(rows)), (2 * COUNT, 2 * COUNT), "connections made and rows")
    for one in made:
        row = find_row(rows, one)
        equal((row["rx_bytes"], row["tx_bytes"], row["pid"], row["fd"]), (one["rx_bytes"], one["tx_bytes"], one["pid"], one["fd"]),
              short(row))
        check("b" in row["seen"] and row["mss"] and row["cc"] and row["close"], short(row))
    equal(sum(rows.summary["lost"].values()), 0, "lost: %s" % rows.summary["lost"])


def words(truth, go):
    return [MKCONN, "limit=%d" % LIMIT, "truth=" + truth, "wait-file=" + go, "listen=127.0.0.1:0", "fork=1", "count=%d" % COUNT,
            "connect=self", "send=300", "shutdown", "recv-all", "close", "done", "done", "count=%d" % COUNT, "accept", "recv-all",
            "send=5000", "close", "done", "join"]


@test("attached by BPF: all rows, exact bytes, process and descriptor")
def attached():
    truth, go = scratch("truth"), scratch("go")
    process = Process(words(truth, go))
    trace = by_bpf([process.pid], ["-O", "+MSS"])
    touch(go)
    equal(process.wait(LIMIT), 0, "its end")
    exact(trace.finish(limit=LIMIT), truth)


@test("launched, by BPF: the same")
def launched():
    truth = scratch("truth")
    exact(Trace(["--via=bpf"], words(truth, "/dev/null")).finish(limit=LIMIT), truth)


@test("tcplife beside: it has the same connections, and lacks errno, handshake and the side that ended them")
def tcplife():
    path = [each for each in TCPLIFE if os.path.exists(each)]
    if not path:
        raise Skip("no tcplife of bpftrace here")
    truth, go = scratch("truth"), scratch("go")
    process = Process(words(truth, go))
    other = Process(["bpftrace", path[0]])
    wait_for(lambda: "PID" in other.out or not other.alive(), "tcplife to begin", LIMIT)
    if not other.alive():
        raise Skip("tcplife does not run here: " + other.err.strip()[-200:])
    trace = by_bpf([process.pid], ["-O", "+MSS"])
    touch(go)
    equal(process.wait(LIMIT), 0, "its end")
    exact(trace.finish(limit=LIMIT), truth)

    def lines():
        return re.findall(r"^\s*\d+ mkconn .*", other.out, re.MULTILINE)
    wait_for(lambda: len(lines()) >= 2 * COUNT or not other.alive(), "tcplife's lines", 60)
    equal(len(lines()), 2 * COUNT, "lines of tcplife: " + other.out[-2000:] + other.err)


if __name__ == "__main__":
    if not os.environ.get("CONNTRACE_VM"):
        skip_all("only in the virtual machine of make check-vm")
    if run([CONNTRACE, "--via=bpf", "-q", "--", "true"], limit=LIMIT).status:
        skip_all("no BPF in this conntrace, or in this kernel")
    main()
