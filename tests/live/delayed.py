#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the kernel makes a socket later than the handshake: no time that is shown has the peer's thinking time in it.

    delayed.py HOW THINK        (played by the tests) a server and its client, which says something after THINK seconds
"""
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import at_once
from lib import (Process, Trace, between, capturing, check, enter_namespace, equal, firewall, firewall_off, need, sysctl, test,
                 wait_for)

LOOPBACK = "127.0.0.1"
THINK_MS = 600        # a time that has it in it is as long; what is shorter may be a busy machine's
TCP_DEFER_ACCEPT = 9


def play(how, think):
    listener = socket.socket()
    listener.bind((LOOPBACK, 0))
    if how == "deferred":
        listener.setsockopt(socket.IPPROTO_TCP, TCP_DEFER_ACCEPT, 30)
    listener.listen(0 if how == "full" else 5)
    client = socket.socket()
    client.bind((LOOPBACK, 0))
    if how == "full":
        firewall("tcp sport %d tcp flags == ack drop" % client.getsockname()[1])
    client.connect(listener.getsockname())
    # Its ACK was lost; with a backlog of 0 the next one fills the queue, and what the client says is dropped, too.
    filler = socket.create_connection(listener.getsockname()) if how == "full" else None

    def ask():
        time.sleep(think)
        if filler:
            firewall_off()
        client.sendall(bytes(100))
        if filler:
            listener.accept()[0].close()
            filler.close()
    thread = threading.Thread(target=ask)
    thread.start()
    if filler:
        thread.join()
    served, _ = listener.accept()
    served.recv(100)
    served.sendall(b"y")
    client.recv(1)
    client.close()
    served.close()
    thread.join()


def rows_of(how, options):
    trace = Trace(options, [sys.executable, os.path.abspath(__file__), how, str(THINK_MS / 1000)])
    rows = [row for row in trace.finish(limit=40) if row["rx_bytes"] == 100 or row["tx_bytes"] == 100]
    check(rows and {row["dir"] for row in rows} <= {"in", "out"}, "rows: %s" % rows)
    return [row for row in rows if row["dir"] == "in"]


def has_no_thinking(row, names, what):
    for name in names:
        check(row[name] is None or row[name] < THINK_MS, "%s of %s: %r" % (name, what, row[name]))


TIMES = ("hs_ms", "hs_ack_ms", "queue_ms", "rtt_ms", "minrtt_ms")


@test("TCP_DEFER_ACCEPT: no think time in HS_MS, HS_ACK_MS, RTT_MS and QUEUE_MS; with packets the handshake is known")
def deferred():
    for options in ([], ["--no-filter"], ["-i", "lo"], ["--via=diag"]):
        rows = rows_of("deferred", options)
        equal(len(rows), 1, "rows with " + str(options))
        for row in rows:
            has_no_thinking(row, TIMES, "a deferred one with %s" % options)
            if "--via=diag" not in options:
                between(row["queue_ms"], 0, THINK_MS, "QUEUE_MS with %s" % options)
            if "-i" in options:
                between(row["hs_ms"], 0, THINK_MS, "HS_MS with packets")
            else:
                equal((row["hs_ms"], row["rtt_ms"]), (None, None), "unmeasured values, with %s" % options)


@test("an accept queue that was full: the socket is made when data come again, and no time has that in it")
def overflown():
    need("nft")
    for options in ([], ["-i", "lo"]):
        for row in rows_of("full", options):
            has_no_thinking(row, TIMES, "one that found the queue full, with %s" % options)


@test("where the kernel makes the socket at once, its measures stand, whether data have come by then or not")
def without_delay():
    for options in ([], ["--no-filter"]):
        for row in rows_of("plain", options):
            between(row["hs_ms"], 0.001, THINK_MS, "HS_MS with %s" % options)
            between(row["rtt_ms"], 0.001, THINK_MS, "RTT_MS with %s" % options)


@test("SYN cookies: what the kernel did not measure is unknown")
def cookies():
    sysctl("net.ipv4.tcp_syncookies", 2)
    for options in ([], ["-i", "lo"]):
        for row in rows_of("plain", options):
            has_no_thinking(row, TIMES, "one by SYN cookie, with %s" % options)
    sysctl("net.ipv4.tcp_syncookies", 1)


LATE = """
import socket, sys, time
listener = socket.create_server(("127.0.0.1", 0))
sys.stdin.readline()
client = socket.create_connection(listener.getsockname())
client.sendall(b"x")
time.sleep(1.6)
served = listener.accept()[0]
print(listener.getsockname()[1], flush=True)
sys.stdin.readline()
"""


@test("-i alone: a connection that waits for more than a second to be accepted has its process")
def accepted_late():
    program = Process([sys.executable, "-c", LATE], stdin=subprocess.PIPE)
    trace = Trace(["-i", "lo"])
    capturing(trace)
    program.line()
    wait_for(lambda: program.out, "the accept")
    port = int(program.out)

    def is_known():
        trace.signal(signal.SIGUSR1)
        return {row["dir"] for row in trace.rows() if row["pid"] == program.pid and port in (row["lport"], row["rport"])} == {
            "in", "out"}
    wait_for(is_known, "the process of both ends")
    trace.interrupt()
    program.line()


if len(sys.argv) == 3:
    play(sys.argv[1], float(sys.argv[2]))
else:
    enter_namespace()
    at_once.main(4)
