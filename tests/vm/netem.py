#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A network with delay, loss and reordering (netem): the times and counts of both ends against what was set.

The client's end of a veth pair is in a network namespace of its own. The machine is emulated and slow: a span may be longer
than the network makes it, and is never shorter. So a lower bound holds for each row, an upper one for the best row, and
tcpdump in the same place says what each handshake really took.
"""
import os
import re
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../live"))
from lib import (MKCONN, Process, Skip, Trace, between, check, equal, main, must, need, run, scratch, short, skip_all, test,
                 wait_for)

HERE, THERE = "198.18.0.1", "198.18.0.2"
COUNT = 5
BYTES = 200000
LIMIT = 240
SCHEDULER_MS = 60       # what a slow machine may add to the best of several handshakes
SEGMENT = re.compile(r"^(\d+\.\d+) IP \S+\.(\d+) > \S+\.(\d+): Flags \[([^]]+)\]")


class Network:
    """Two hosts and the cable between them; there is the other host's prefix of commands."""

    def __init__(self, here, there):
        run(["ip", "link", "delete", "here"])
        holder = Process(["unshare", "-n", "sh", "-c", "ip link set lo up && echo ready && exec sleep 600"])
        wait_for(lambda: "ready" in holder.out, "the other namespace", LIMIT)
        self.there = ["nsenter", "--net=/proc/%d/ns/net" % holder.pid, "--"]
        must(["ip", "link", "add", "here", "type", "veth", "peer", "name", "there", "netns", str(holder.pid)])
        for word, address, before, delay in (("here", HERE, [], here), ("there", THERE, self.there, there)):
            must(before + ["ip", "address", "add", address + "/24", "dev", word])
            must(before + ["ip", "link", "set", word, "up"])
            if delay:
                result = run(before + ["tc", "qdisc", "add", "dev", word, "root", "netem"] + delay.split())
                if result.status:
                    raise Skip("no netem: " + result.err.strip())

    def transfer(self, options, client_options):
        """Both ends watched at the same time. Return: the server's rows, the client's rows."""
        port = scratch("port")
        server = Trace(options, [MKCONN, "limit=%d" % LIMIT, "listen=%s:0" % HERE, "port-file=" + port, "count=%d" % COUNT,
                                 "accept", "recv=1000", "send=%d" % BYTES, "recv-all", "close", "done"])
        wait_for(lambda: os.path.exists(port), "the server", LIMIT)
        client = Trace(client_options, [MKCONN, "limit=%d" % LIMIT, "count=%d" % COUNT, "connect=%s:@%s" % (HERE, port),
                                        "send=1000", "recv=%d" % BYTES, "close", "done"], before=self.there)
        rows = client.finish(limit=LIMIT), server.finish(limit=LIMIT)
        for side in rows:
            equal(len(side), COUNT, "rows")
        return rows[1], rows[0]


def payload(server, client):
    for row in server:
        check(row["rx_bytes"] in (1000, None) and row["tx_bytes"] == BYTES, "server: " + short(row))
    for row in client:
        check(row["tx_bytes"] == 1000 and row["rx_bytes"] in (BYTES, None), "client: " + short(row))


def handshakes(capture):
    """Return: by the client's port, the milliseconds from its SYN to its first ACK as tcpdump saw them."""
    begin, spans = {}, {}
    for line in capture.splitlines():
        found = SEGMENT.match(line)
        if found is None:
            continue
        at, port, flags = float(found.group(1)), int(found.group(2)), found.group(4)
        if flags == "S":
            begin.setdefault(port, at)
        elif flags == "." and port in begin:
            spans.setdefault(port, (at - begin[port]) * 1000)
    return spans


@test("50 ms each way, without packets: HS_MS and MINRTT_MS of both ends are the round trip")
def delay():
    server, client = Network("delay 50ms", "delay 50ms").transfer([], [])
    payload(server, client)
    for side in (server, client):
        for column in ("hs_ms", "minrtt_ms"):
            for row in side:
                check(row[column] is not None and row[column] >= 99.9, "%s: %s" % (column, short(row)))
            between(min(row[column] for row in side), 99.9, 100 + SCHEDULER_MS, "the best " + column)
        for row in side:
            equal((row["syn_rtx"] or 0, row["synack_rtx"] or 0, row["retrans"]), (0, 0, 0), short(row))


@test("50 ms each way, with packets: HS_MS is what tcpdump says in the same place")
def delay_packets():
    tcpdump = need("tcpdump")
    network = Network("delay 50ms", "delay 50ms")
    dump = Process(network.there + [tcpdump, "-Z", "root", "-l", "-n", "-tt", "-S", "-i", "there", "tcp"])
    wait_for(lambda: "listening on" in dump.err, "tcpdump", LIMIT)
    server, client = network.transfer(["-i", "here"], ["-i", "there"])
    payload(server, client)
    wait_for(lambda: len(handshakes(dump.out)) == COUNT, "tcpdump to print", LIMIT)
    dump.signal(signal.SIGINT)
    dump.wait(LIMIT)
    seen = handshakes(dump.out)
    for row in client:
        between(row["hs_ms"] - seen[row["lport"]], -0.002, 0.002, "HS_MS beside tcpdump's: " + short(row))
    for row in server:
        check(row["hs_ms"] >= 99.9, "HS_MS: " + short(row))


@test("5 % loss: RETRANS of the sender is the same by packets and by the kernel's counters")
def loss():
    network = Network("delay 10ms loss 5%", "delay 10ms")
    counted = 0
    for options in ([], ["-i", "here"]):
        server, client = network.transfer(options, [])
        payload(server, client)
        # Resent SYN/ACKs are not data: the kernel's counter has both.
        counted += sum(row["tx_retrans"] or 0 for row in server)
        if options:
            for row in server:
                equal(row["tx_retrans"], row["retrans"] - (row["rx_retrans"] or 0), short(row))
    check(counted > 0, "segments of %d bytes were lost and resent: %d" % (2 * COUNT * BYTES, counted))


@test("reordering without loss: out of order is counted, and every byte once")
def reorder():
    network = Network("delay 20ms reorder 25% 50%", "")
    server, client = network.transfer([], ["-i", "there"])
    payload(server, client)
    check(sum(row["ooo"] or 0 for row in client) > 0, "OOO: " + "\n".join(short(row) for row in client))


@test("a server that accepts late: QUEUE_MS is its sleep, HS_MS the network's round trip")
def queue():
    network = Network("delay 50ms", "delay 50ms")
    port, go = scratch("port"), scratch("go")
    server = Trace([], [MKCONN, "limit=%d" % LIMIT, "listen=%s:0" % HERE, "port-file=" + port, "wait-file=" + go, "accept",
                        "recv-all", "close"])
    wait_for(lambda: os.path.exists(port), "the server", LIMIT)
    client = Process(network.there + [MKCONN, "connect=%s:@%s" % (HERE, port), "say=connected", "wait-file=" + go, "send=10",
                                      "close"])
    wait_for(lambda: "connected" in client.out, "the handshake", LIMIT)
    wait_for(lambda: "ESTAB" in must(["ss", "-tn"]), "the connection here", LIMIT)
    began = time.monotonic()
    must(["sleep", "0.5"])
    open(go, "w", encoding="ascii").close()
    row, = server.finish(limit=LIMIT)
    # The wait began before ss listed the connection, and ended after the sleep.
    between(row["queue_ms"], 490, (time.monotonic() - began) * 1000 + 5000, "QUEUE_MS: " + short(row))
    check(row["hs_ms"] >= 99.9, "HS_MS: " + short(row))


if __name__ == "__main__":
    if not os.environ.get("CONNTRACE_VM"):
        skip_all("only in the virtual machine of make check-vm")
    need("ip", "tc", "nsenter", "unshare", "ss")
    main()
