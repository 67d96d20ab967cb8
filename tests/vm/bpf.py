#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--via=bpf on the kernel of the machine: the rows, and beside them those of tcplife (bpftrace), where it is installed."""
import os
import re
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../live"))
from lib import (CONNTRACE, MKCONN, Process, Skip, Trace, by_bpf, check, equal, find_row, main, read_truth, run, scratch, short,
                 skip_all, test, touch, wait_file, wait_for)

COUNT = 20
LIMIT = 300
SAME = ("rx_bytes", "tx_bytes", "pid", "fd")
TCPLIFE = ["/usr/sbin/tcplife.bt", "/usr/share/bpftrace/tools/tcplife.bt"]


def exact(rows, truth):
    made = read_truth(truth)
    equal((len(made), len(rows)), (2 * COUNT, 2 * COUNT), "connections made and rows")
    for one in made:
        row = find_row(rows, one)
        equal([row[name] for name in SAME], [one[name] for name in SAME], short(row))
        check("b" in row["seen"] and row["mss"] and row["cc"] and row["close"], short(row))
    equal(sum(rows.summary["lost"].values()), 0, "lost: %s" % rows.summary["lost"])


def words(truth, go):
    return [MKCONN, "limit=%d" % LIMIT, "truth=" + truth, "wait-file=" + go, "listen=127.0.0.1:0", "fork=1",
            "count=%d" % COUNT, "connect=self", "send=300", "shutdown", "recv-all", "close", "done", "done",
            "count=%d" % COUNT, "accept", "recv-all", "send=5000", "close", "done", "join"]


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


@test("tcplife beside: each of its lines is a row, and no row is missing that it has")
def tcplife():
    path = [each for each in TCPLIFE if os.path.exists(each)]
    if not path:
        raise Skip("no tcplife of bpftrace here")
    truth, go = scratch("truth"), scratch("go")
    process = Process(words(truth, go))
    other = Process(["bpftrace", "-B", "line", path[0]])
    wait_for(lambda: "PID" in other.out or not other.alive(), "tcplife to begin", LIMIT)
    if not other.alive():
        raise Skip("tcplife does not run here: " + other.err.strip()[-200:])
    trace = by_bpf([process.pid], ["-O", "+MSS"])
    touch(go)
    equal(process.wait(LIMIT), 0, "its end")
    rows = trace.finish(limit=LIMIT)
    exact(rows, truth)
    other.signal(signal.SIGINT)
    other.wait(LIMIT)
    pairs = {(row["lport"], row["rport"]) for row in rows}
    lines = [(int(local), int(remote)) for local, remote in
             re.findall(r"^ *\d+ +\S+ +[\d.]+ +(\d+) +[\d.]+ +(\d+) ", other.out, re.MULTILINE)]
    print("# tcplife has %d of %d; without errno, handshake, descriptor and the side that ended them" % (len(lines), len(rows)))
    check(lines, "no line of tcplife: " + other.out[-500:] + other.err[-500:])
    equal([pair for pair in lines if pair not in pairs], [], "lines that are no rows")


if __name__ == "__main__":
    if not os.environ.get("CONNTRACE_VM"):
        skip_all("only in the virtual machine of make check-vm")
    if run([CONNTRACE, "--via=bpf", "-q", "--", "true"], limit=LIMIT).status:
        skip_all("no BPF in this conntrace, or in this kernel")
    main()
