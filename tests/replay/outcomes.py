#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What became of attempts and connections in a file, by the times of all its frames, in their order or not (TAP)."""
import json
import os
import sys

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"),
                os.path.dirname(os.path.abspath(__file__))]
import cli
import frames
from frames import ACK, FIN, PSH, RST, SYN


def rows_of(test, capture, *words):
    done = test.run("-r", test.path("file.pcap", capture.bytes()), "-z", "conns", "-j", *words)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return [line for line in lines if "summary" not in line], [line["summary"] for line in lines if "summary" in line][0]


def expect(test, name, capture, wanted, *words, **left_out):
    """@wanted: for each row the columns that must be so."""
    rows, summary = rows_of(test, capture, *words)
    wrong = ["%d rows, %d are right" % (len(rows), len(wanted))] if len(rows) != len(wanted) else []
    for row, right in zip(rows, wanted):
        wrong += ["%s: %s, right is %s" % (key, row[key], value) for key, value in right.items() if row[key] != value]
    wrong += ["left out: %s" % summary["left_out"] for key, value in left_out.items() if summary["left_out"][key] != value]
    test.say(name, wrong)


def udp(capture, after):
    capture.packet(frames.ipv4("192.0.2.9", "192.0.2.8", b"\0\7\0\7\0\x0c\0\0time", protocol=17), after=after)


def attempts(test):
    for after, result in ((29, "pending"), (31, "timeout")):
        capture = frames.Capture()
        frames.Talk(capture).up(SYN)
        udp(capture, after)
        expect(test, "a SYN, and then only UDP, %d s later" % after, capture, [{"result": result}])
        expect(test, "also if a filter rejects it, %d s later" % after, capture, [{"result": result}], "tcp")
    for after, result in ((1, "pending"), (40, "timeout")):
        capture = frames.Capture()
        frames.Talk(capture, cseq=100).up(SYN)
        frames.Talk(capture, cseq=70000).open(after=3)
        udp(capture, after)
        expect(test, "an attempt whose ports another one takes, and %d s more" % after, capture,
               [{"result": result}, {"result": "ok"}], "--sort=START")


def out_of_order(test):
    for order in ((0, 1, 2, 3, 4), (2, 0, 1, 3, 4), (1, 0, 4, 3, 2), (4, 3, 2, 1, 0), (0, 1, 4, 2, 3), (3, 0, 1, 2, 4)):
        capture = frames.Capture()
        talk = frames.Talk(capture)
        packets = [talk.packet(0, SYN), talk.packet(1, SYN | ACK), talk.packet(0, ACK),
                   talk.packet(0, PSH | ACK, b"hello"), talk.packet(1, ACK)]
        for number in order:
            capture.packet(packets[number], at=1 + 0.01 * number)
        rows, _ = rows_of(test, capture)
        spans = {key: value for key, value in rows[0].items()
                 if (key.endswith("_ms") or key == "dur_s") and value is not None and value < 0}
        wrong = ["negative: %s" % spans] if spans else []
        wrong += ["%d rows" % len(rows)] if len(rows) != 1 else []
        # Where the SYN or what answers it comes first, at least nothing false is said.
        wrong += ["hs_ms %s" % rows[0]["hs_ms"]] if rows[0]["hs_ms"] not in (20.0, None) else []
        wrong += ["no hs_ms"] if rows[0]["hs_ms"] is None and order[0] == 0 else []
        test.say("frames in the order %s" % (order,), wrong)


def resent(test):
    capture = frames.Capture()
    talk = frames.Talk(capture)
    talk.open()
    talk.up(PSH | ACK, b"hello")
    talk.up(FIN | ACK)
    for after in (0.2, 0.4, 1.6):
        talk.up(FIN | ACK, seq=106, after=after)
    talk.down(FIN | ACK)
    talk.up(ACK)
    expect(test, "a FIN that comes again is resent", capture, [{"rx_retrans": 3, "retrans": 3, "rx_fin": 4,
                                                               "why": ["retrans"]}])
    capture = frames.Capture()
    talk = frames.Talk(capture)
    talk.open()
    for _ in range(3):
        talk.up(FIN | PSH | ACK, b"hello", seq=101, after=0.3)
    expect(test, "with payload it counts once", capture, [{"rx_retrans": 2, "rx_fin": 3}])


def resets(test):
    capture = frames.Capture()
    talk = frames.Talk(capture)
    talk.open()
    talk.down(RST | ACK)
    for _ in range(10):
        talk.up(PSH | ACK, b"hello", after=20)
        talk.down(PSH | ACK, b"hello")
    expect(test, "a RST that its sender knows nothing of", capture,
           [{"rx_pkts": 12, "tx_pkts": 12, "close": None, "rx_bytes": 50, "tx_bytes": 50}])
    capture = frames.Capture()
    talk = frames.Talk(capture)
    talk.open()
    talk.down(RST | ACK)
    for _ in range(3):
        talk.up(PSH | ACK, b"hello", after=0.1)
    expect(test, "one that the other side has not heard of", capture, [{"close": "lrst", "rx_pkts": 5, "tx_pkts": 2}])


def late(test):
    capture = frames.Capture()
    talk = frames.Talk(capture)
    talk.open()
    talk.close()
    udp(capture, 61)
    talk.up(FIN | ACK, seq=101)
    expect(test, "what comes a minute after the end is late", capture, [{"rx_pkts": 4, "tx_pkts": 2}], late=1)


def far_out_of_order(test):
    """All of one side stands before all of the other one, as mergecap(1) -a leaves it."""
    for first in (0, 1):
        for count in (1, 50):
            capture = frames.Capture()
            sides = ([], [])
            for i in range(count):
                talk = frames.Talk(capture, cport=2000 + i)
                segments = ((0, SYN), (1, SYN | ACK), (0, ACK), (0, PSH | ACK, b"x" * 70), (1, PSH | ACK, b"y" * 90),
                            (0, ACK), (0, FIN | ACK), (1, FIN | ACK), (0, ACK))
                for number, (side, *segment) in enumerate(segments):
                    sides[side].append((i + 0.01 * number, talk.packet(side, *segment)))
            for when, packet in sides[first] + sides[1 - first]:
                capture.packet(packet, at=when)
            right = {"result": "ok", "syn_rtx": 0, "synack_rtx": 0, "retrans": 0, "rx_bytes": 70, "tx_bytes": 90,
                     "rx_pkts": 6, "tx_pkts": 3, "hs_ms": 20.0, "state": "closed", "why": None}
            expect(test, "one side behind the other, %d connections, side %d first" % (count, first), capture,
                   [right] * count, "--sort=RPORT")


def pieces_again(test):
    """A datagram in many pieces, each captured twice."""
    capture = frames.Capture()
    talk = frames.Talk(capture)
    talk.open()
    pieces = frames.fragments(talk.packet(0, PSH | ACK, b"x" * 600, ident=7), 64)
    for piece in pieces:
        capture.packet(piece, after=0.00001)
        capture.packet(piece, after=0.00001)
    expect(test, "the pieces of a datagram twice", capture,
           [{"rx_bytes": 600, "rx_pkts": 2 + len(pieces), "retrans": 0, "copies": len(pieces)}], copy=len(pieces))
    capture = frames.Capture()
    talk = frames.Talk(capture)
    talk.open()
    for ident in (7, 8):
        for piece in frames.fragments(talk.packet(0, PSH | ACK, b"x" * 600, seq=101, ident=ident), 64):
            capture.packet(piece, after=0.00001)
    expect(test, "one that is sent again has another identification", capture,
           [{"rx_bytes": 600, "rx_retrans": 1, "copies": 0}], copy=0)


def in_large_frames(test):
    """Segments joined by offload: retransmitted ones are counted if the SYN gave their size, and others always."""
    for opened, size, resent in ((True, 14600, 10), (True, 1460, 1), (False, 14600, None), (False, 1460, 1)):
        capture = frames.Capture()
        talk = frames.Talk(capture)
        if opened:
            for side, flags in ((0, SYN), (1, SYN | ACK)):
                packet = talk.packet(side, flags)
                head = packet[:2] + b"\0\x2c" + packet[4:32] + b"\x60" + packet[33:]
                capture.packet(head + b"\2\4\x05\xb4")
            talk.up(ACK)
        else:
            talk.seq = [101, 501]
        for i in range(5):
            talk.up(PSH | ACK, b"x" * 14600, ident=10 + i)
        talk.down(ACK)
        capture.packet(talk.packet(0, PSH | ACK, b"x" * size, seq=101, ident=20), after=0.3)
        talk.down(ACK)
        expect(test, "%d bytes sent again in one frame, the SYN %s" % (size, "seen" if opened else "not seen"), capture,
               [{"rx_retrans": resent, "tx_retrans": 0, "retrans": resent}])


def begun_before(test):
    """Captures without a SYN: RX_BYTES and TX_BYTES are unknown, and the bytes that were acknowledged are the least."""
    server = ["--local=192.0.2.2"]
    for first in (None, 400, 1000000):
        capture = frames.Capture()
        talk = frames.Talk(capture, cseq=2000000)
        if first is not None:
            # An old segment: of this connection, or of an earlier use of the ports.
            talk.up(ACK, seq=2000000 - first)
        for _ in range(3):
            talk.up(PSH | ACK, bytes(100))
            talk.down(ACK)
        talk.down(PSH | ACK, bytes(50))
        talk.close()
        rows, _ = rows_of(test, capture, *server)
        row = rows[0]
        wrong = ["exact: %s %s" % (row["rx_bytes"], row["tx_bytes"])] if (row["rx_bytes"], row["tx_bytes"]) != (None, None) else []
        if row["rx_least"] != 299:
            wrong.append("RX_LEAST %s" % row["rx_least"])
        if row["tx_least"] != 49:
            wrong.append("TX_LEAST %s" % row["tx_least"])
        test.say("no SYN in the capture, first segment %s before the others" % first, wrong)


def main():
    test = cli.Cli()
    in_large_frames(test)
    attempts(test)
    out_of_order(test)
    far_out_of_order(test)
    pieces_again(test)
    resent(test)
    resets(test)
    late(test)
    begun_before(test)
    test.end()


main()
