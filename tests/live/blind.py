#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The packet process is killed or stopped: values that need packets are unknown then, which all outputs show."""
import os
import signal
import socket
import subprocess
import sys
import time

import at_once
from lib import (CONNTRACE, Process, Trace, check, children, enter_namespace, equal, packet_sockets, parse_rows,
                 require, run, scratch, status_field, test, wait_for)

WIRE = ("rx_pkts", "tx_pkts", "rx_wire", "tx_wire", "ooo", "gap_ms")


class Pair:
    """A connection on the loopback interface whose payload is known."""

    def __init__(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.client = socket.create_connection(listener.getsockname())
        self.server = listener.accept()[0]
        self.port = self.client.getsockname()[1]
        listener.close()

    def talk(self):
        self.client.sendall(b"x" * 1000)
        left = 1000
        while left:
            left -= len(self.server.recv(left))

    def close(self):
        self.client.close()
        check(self.server.recv(1) == b"", "the end of it")
        self.server.close()


def start(*options):
    trace = Trace(["-i", "lo", *options])
    wait_for(lambda: packet_sockets() >= 1, "conntrace to capture")
    packet = wait_for(lambda: [pid for pid in children(trace.pid) if status_field(pid, "Seccomp") == "2"],
                      "the packet process behind its filter")[0]
    return trace, packet


def rows_of(trace, port):
    return [row for row in trace.rows() if port in (row["lport"], row["rport"])]


def blind(trace, pair, why, has_counters):
    """The connection was open when packets were no longer read."""
    rows = rows_of(trace, pair.port)
    require(rows, "a row of the open connection: " + trace.err)
    for row in rows:
        equal([row[name] for name in WIRE], [None] * len(WIRE), "what only packets tell")
        # The kernel's counters hold what the wire cannot tell.
        for name in ("rx_bytes", "tx_bytes"):
            require(row[name] is None or has_counters, "%s should be unknown: %s" % (name, row[name]))
            require(row[name] in (None, 0, 1000, 2000), "%s is a part: %s" % (name, row[name]))
    equal(trace.rows().summary["lost"]["packet_process"], None, "the summary")
    check(why in trace.err, "stderr says why: " + trace.err)


@test("killed: the run ends with status 1; what had ended is exact, what was open is unknown")
def killed():
    trace, packet = start()
    over, held = Pair(), Pair()
    for pair in (over, held):
        pair.talk()
    over.close()
    # The end must have been read: until then it is as unknown as the rest.
    time.sleep(0.5)
    os.kill(packet, signal.SIGKILL)
    equal(trace.wait(), 1, "exit status")
    blind(trace, held, "signal 9", True)
    for row in rows_of(trace, over.port):
        equal((row["rx_bytes"] + row["tx_bytes"], row["close"], row["rx_pkts"] is not None), (1000, row["close"], True),
              "one that had ended")
    held.close()


# Says its ports: of a connection that it holds from before the kill until after it, and of one from then.
SCENARIO = """
import socket, sys
listener = socket.create_server(("127.0.0.1", 0))
def pair():
    client = socket.create_connection(listener.getsockname())
    return client, listener.accept()[0]
def talk(client, server):
    client.sendall(b"x" * 1000)
    left = 1000
    while left:
        left -= len(server.recv(left))
held = pair()
talk(*held)
print(held[0].getsockname()[1], flush=True)
sys.stdin.readline()
talk(*held)
later = pair()
talk(*later)
print(later[0].getsockname()[1], flush=True)
for client, server in (held, later):
    client.close()
    server.recv(1)
    server.close()
"""


@test("killed while a command is watched: the run goes on by calls and the kernel's counters")
def watched():
    trace = Trace(["-i", "lo"], [sys.executable, "-c", SCENARIO], stdin=subprocess.PIPE)
    wait_for(lambda: trace.out.count("\n") == 1, "the first connection")
    packet = [pid for pid in children(trace.pid) if "conntrace" in status_field(pid, "Name")]
    equal(len(packet), 1, "packet processes")
    os.kill(packet[0], signal.SIGKILL)
    # By which signal is not known where the tracer has waited for it.
    wait_for(lambda: "the packet process" in trace.err, "the message")
    trace.line()
    equal(trace.wait(), 1, "exit status: the command's success does not hide it")
    held, later = [rows_of(trace, int(port)) for port in trace.out.split()]
    for rows, size in ((held, 2000), (later, 1000)):
        equal({(row["rx_bytes"], row["tx_bytes"]) for row in rows}, {(size, 0), (0, size)}, "bytes")
        equal({row[name] for row in rows for name in WIRE}, {None}, "what only packets tell")
    equal(trace.rows().summary["lost"]["packet_process"], None, "the summary")


@test("stopped for a moment: nothing is lost, and every number exact")
def paused():
    trace, packet = start()
    pair = Pair()
    for _ in range(3):
        os.kill(packet, signal.SIGSTOP)
        pair.talk()
        time.sleep(0.3)
        os.kill(packet, signal.SIGCONT)
    pair.close()
    trace.signal(signal.SIGINT)
    equal(trace.wait(), 0, "exit status: " + trace.err)
    rows = rows_of(trace, pair.port)
    equal({(row["rx_bytes"], row["tx_bytes"]) for row in rows}, {(3000, 0), (0, 3000)}, "bytes")
    equal(trace.rows().summary["lost"]["packet_process"], 0, "the summary")


@test("stopped for good: it is given up after five seconds, and so it is at the end of a run")
def stopped():
    runs = [(start(), Pair()), (start(), Pair())]
    for _, pair in runs:
        pair.talk()
    # Without a packet that has been read there is no row.
    time.sleep(0.5)
    for (_, packet), _ in runs:
        os.kill(packet, signal.SIGSTOP)
    runs[1][0][0].signal(signal.SIGINT)
    began = time.monotonic()
    for (trace, packet), pair in runs:
        equal(trace.wait(), 1, "exit status")
        blind(trace, pair, "was stopped", True)
        check(not os.path.exists("/proc/%d" % packet), "the packet process is gone")
    check(time.monotonic() - began < 15, "in time")
    for _, pair in runs:
        pair.close()


@test("the table and a recording say so too")
def recorded():
    recording = scratch("recording")
    trace = Process([CONNTRACE, "-i", "lo", "-o", "/dev/null", "--record=" + recording])
    wait_for(lambda: packet_sockets() >= 1, "conntrace to capture")
    packet = wait_for(lambda: [pid for pid in children(trace.pid) if status_field(pid, "Seccomp") == "2"],
                      "the packet process behind its filter")[0]
    pair = Pair()
    pair.talk()
    os.kill(packet, signal.SIGKILL)
    equal(trace.wait(), 1, "exit status")
    check("lost an unknown number of packets (the reading of packets ended early)" in trace.err, trace.err)
    again = run([CONNTRACE, "--replay=" + recording, "-z", "conns", "-j"])
    equal(again.status, 0, "exit status of the replay")
    rows = parse_rows(again.out)
    equal(rows.summary["lost"]["packet_process"], None, "the replay's summary")
    equal([row["rx_pkts"] for row in rows], [None] * len(rows), "packets")


if __name__ == "__main__":
    enter_namespace()
    at_once.main(4)
