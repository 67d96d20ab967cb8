#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Connections whose segments come in IP fragments, in any order, are as many as there are (TAP)."""
import json
import os
import sys

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"),
                os.path.dirname(os.path.abspath(__file__))]
import cli
import frames
from frames import ACK, FIN, PSH, SYN

CONNECTIONS = 300


def fragmented(order):
    """As many connections at a time; each segment in two fragments or more, put in @order."""
    capture = frames.Capture()
    talks = [frames.Talk(capture, cport=1000 + i) for i in range(CONNECTIONS)]
    ident = 0
    for side, flags, payload in ((0, SYN, b""), (1, SYN | ACK, b""), (0, ACK, b""), (0, PSH | ACK, b"x" * 100),
                                 (1, ACK, b""), (0, FIN | ACK, b""), (1, FIN | ACK, b""), (0, ACK, b"")):
        for talk in talks:
            ident += 1
            for piece in order(frames.fragments(talk.packet(side, flags, payload, ident=ident), 16)):
                capture.packet(piece, after=0.0001)
    return capture.bytes()


def main():
    test = cli.Cli()
    orders = (("in order", list), ("last first", lambda pieces: pieces[::-1]),
              ("the first one last", lambda pieces: pieces[1:] + pieces[:1]))
    for name, order in orders:
        path = test.path("fragments.pcap", fragmented(order))
        for words in ([], ["-z", "io,stat,0"]):
            done = test.run("-r", path, "-z", "conns", "-j", *words)
            rows = [row for row in map(json.loads, done.stdout.splitlines()) if "laddr" in row]
            right = [row for row in rows if row["result"] == "ok" and row["rx_bytes"] == 100 and row["tx_bytes"] == 0]
            test.say("%d connections in fragments, %s %s" % (CONNECTIONS, name, " ".join(words)),
                     [] if len(rows) == len(right) == CONNECTIONS
                     else ["%d rows, %d of them right" % (len(rows), len(right)), done.stderr])
    test.end()


main()
