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
V4, V6 = {}, {"client": "2001:db8::1", "server": "2001:db8::2"}
TIMES = b"\1\1\x08\x0a" + bytes(8)


def fragmented(order, size=16, ends=V4, connections=CONNECTIONS, options=b""):
    """As many connections at a time; each segment in fragments of @size, put in @order."""
    capture = frames.Capture()
    talks = [frames.Talk(capture, cport=1000 + i, **ends) for i in range(connections)]
    ident = 0
    for side, flags, payload in ((0, SYN, b""), (1, SYN | ACK, b""), (0, ACK, b""), (0, PSH | ACK, b"x" * 100),
                                 (1, ACK, b""), (0, FIN | ACK, b""), (1, FIN | ACK, b""), (0, ACK, b"")):
        for talk in talks:
            ident += 1
            packet = talk.packet(side, flags, payload, ident=ident, options=options)
            pieces = frames.fragments6(packet, size, ident) if ends else frames.fragments(packet, size)
            for piece in order(pieces):
                capture.packet(piece, after=0.0001)
    return capture.bytes()


def tiny(test, orders):
    """Pieces of 8 bytes, which is the least: the header is in several, and each of them counts as a frame."""
    for ends in (V4, V6):
        for options in (b"", TIMES):
            for name, order in orders:
                data = fragmented(order, 8, ends, 20, options)
                done = test.run("-r", test.path("tiny.pcap", data), "-z", "conns", "-j")
                rows = [json.loads(line) for line in done.stdout.splitlines()]
                summary, total = rows.pop()["summary"], sum(1 for _ in frames.frames_of(data))
                found = {(row["result"], row["rx_bytes"], row["tx_bytes"], row["copies"], row["retrans"]) for row in rows}
                count = sum(row["rx_pkts"] + row["tx_pkts"] for row in rows)
                test.say("fragments of 8 bytes, IPv%d, %d bytes of options, %s" % (6 if ends else 4, len(options), name),
                         [] if (len(rows), found, count) == (20, {("ok", 100, 0, 0, 0)}, total) and
                         not any(summary["left_out"].values())
                         else ["%d rows, %s, %d frames of %d, %s" % (len(rows), found, count, total, summary["left_out"])])


def too_many(test):
    """More pieces before the first one than are kept: the rest counts as fragments, and no byte count is wrong."""
    capture = frames.Capture()
    talk = frames.Talk(capture)
    talk.open()
    for piece in frames.fragments(talk.packet(0, PSH | ACK, b"x" * 1400, ident=9), 8)[::-1]:
        capture.packet(piece, after=0.0001)
    talk.down(ACK)
    talk.close()
    data = capture.bytes()
    done = test.run("-r", test.path("many.pcap", data), "-z", "conns", "-j")
    row, summary = [json.loads(line) for line in done.stdout.splitlines()]
    left = summary["summary"]["left_out"]
    test.say("more fragments of a datagram than are kept",
             [] if row["rx_bytes"] == 1400 and left["fragment"] > 0 and sum(left.values()) == left["fragment"] and
             row["rx_pkts"] + row["tx_pkts"] + left["fragment"] == sum(1 for _ in frames.frames_of(data))
             else [done.stdout])


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
    tiny(test, orders)
    too_many(test)
    test.end()


main()
