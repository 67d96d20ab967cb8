#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A server here and its clients on another host: each number is what a capture there has, or unknown where network_cases.py
says so; and the same with the clients on this host.

The other host is a second network namespace at the end of a veth pair. Without ALL=1 or NETWORK=1 in the environment each case is
played with clients on the other host, over one address family by turns.
"""
import collections
import os
import signal
import struct

import at_once
import lib
from lib import (ALL, HERE, HERE6, MKCONN, Process, Trace, attach, by_bpf, enter_namespace, equal, need, need_all, other_host,
                 require, scratch, short, test, wait_file, wait_for, watch)
from network_cases import AS_USER, CASES, COLUMNS, COUNT, PLACES


class Capture:
    """dumpcap in the clients' network namespace; the payload of each connection by its frames."""

    def __init__(self, inside, device):
        self.path = scratch("pcap")
        self.dumpcap = Process(inside + [need("dumpcap"), "-q", "-P", "-i", device, "-f", "tcp", "-w", self.path])
        wait_for(lambda: "File: " in self.dumpcap.err or not self.dumpcap.alive(), "dumpcap to listen")
        require(self.dumpcap.alive(), "dumpcap: " + self.dumpcap.err)

    def payload(self, port):
        """Return: {client's port: (bytes to the server, bytes to the client)} so far."""
        sums = collections.defaultdict(lambda: [0, 0])
        with open(self.path, "rb") as file:
            data = file.read()
        at = 24
        while at + 16 <= len(data) and at + 16 + int.from_bytes(data[at + 8:at + 12], "little") <= len(data):
            frame = data[at + 30:at + 16 + int.from_bytes(data[at + 8:at + 12], "little")]
            at += 30 + len(frame)
            if frame[0] >> 4 == 4:
                start, end = 4 * (frame[0] & 15), int.from_bytes(frame[2:4], "big")
            else:
                start, end = 40, 40 + int.from_bytes(frame[4:6], "big")
            source, target = struct.unpack_from("!HH", frame, start)
            length = end - start - 4 * (frame[start + 12] >> 4)
            if target == port:
                sums[source][0] += length
            elif source == port:
                sums[target][1] += length
        return {peer: tuple(pair) for peer, pair in sums.items()}

    def settled(self, port, moved):
        """The same when it is complete: what dumpcap holds back is written soon, and lost when it ends before."""
        wait_for(lambda: sorted(self.payload(port).values()) == [moved] * COUNT, "the payload of %d connections" % COUNT, 10)
        self.dumpcap.signal(signal.SIGINT)
        return self.payload(port)


def play(case, mode, place, six):
    """Return: the rows of the run, and the payload of the capture."""
    inside = other_host() if place == "network" else []
    address = {("network", False): HERE, ("network", True): "[%s]" % HERE6, ("loopback", False): "127.0.0.1",
               ("loopback", True): "[::1]"}[place, six]
    capture = Capture(inside, "there" if inside else "lo")
    port_path, go = scratch("port"), scratch("go")
    words = [MKCONN, "listen=%s:0" % address, "port-file=" + port_path, "wait-file=" + go, "count=%d" % COUNT, "accept"] + \
        case.server.split() + ["done"]
    if mode in ("launched", "watch-close"):
        server, trace = None, Trace(["--watch-close"] if mode == "watch-close" else [], words)
        port = int(wait_file(port_path))
    else:
        server = Process(words)
        port = int(wait_file(port_path))
        trace = {"attached": attach, "diag": watch, "bpf": by_bpf}[mode]([server.pid])
    lib.touch(go)
    client = Process(inside + [MKCONN, "count=%d" % COUNT, "connect=%s:%d" % (address, port)] + case.client.split() + ["done"])
    equal(client.wait(), 0, "the client's end")
    rows = [row for row in trace.finish() if row["dir"] == "in"]
    return rows, capture.settled(port, case.moved)


def compare(case, mode, place, six):
    rows, payload = play(case, mode, place, six)
    equal(len(rows), COUNT, "rows")
    allowed = case.unknown(mode, place)
    for row in rows:
        rx, tx = payload[row["rport"]]
        what = "%s, %s, %s: %s" % (mode, place, "IPv6" if six else "IPv4", short(row))
        for column, wanted in (("rx_bytes", rx), ("tx_bytes", tx), ("result", "ok"), ("close", case.ended), ("retrans", 0)):
            require(row[column] == wanted or (row[column] is None and column in allowed), "%s is not %r; %s" % (column, wanted, what))
        require(row["rx_bytes"] == rx or row["rx_least"] in (rx - 1, rx, None), "RX_LEAST %r; %s" % (row["rx_least"], what))
        require(None not in [row[column] for column in COLUMNS if column not in allowed],
                "unknown %s; %s" % ([c for c in COLUMNS if c not in allowed and row[c] is None], what))
    print("# unknown: %s" % (" ".join("%s(%d)" % (column, sum(row[column] is None for row in rows)) for column in COLUMNS
                                      if any(row[column] is None for row in rows)) or "nothing"))


def scenario(case, mode, place, six):
    @test("%s, %s, %s, %s" % (case.name, mode, place, "IPv6" if six else "IPv4"))
    def fact():
        compare(case, mode, place, six)


def play_modes(modes):
    need_all("ip", "nsenter", "unshare", "dumpcap")
    number = 0
    for each in CASES:
        for way in modes:
            for where in PLACES:
                number += 1
                for version in (False, True):
                    if ALL or os.environ.get("NETWORK") or (where == "network" and version == bool(number // 2 % 2)):
                        scenario(each, way, where, version)
    at_once.main(4)


if __name__ == "__main__":
    enter_namespace()
    play_modes(AS_USER)
