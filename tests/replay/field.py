#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Conversations as they occur in the field, each in every way that frames are captured: the row is what was sent."""
import json
import os
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../live"))
from frames import ACK, FIN, PSH, RST, SYN, Capture, Talk, ethernet, fragments, fragments6, ipv4, ipv6  # noqa: E402
from lib import CONNTRACE, equal, main, scratch, test  # noqa: E402

MAC = b"\2\0\0\0\0\1\2\0\0\0\0\2"


def kind_of(packet):
    return b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\0"


def vlans(*tags):
    return lambda packet: MAC + b"".join(struct.pack(">HH", kind, tag) for kind, tag in tags) + kind_of(packet) + packet


def udp(port, inner):
    return struct.pack(">HHHH", 49152, port, 8 + len(inner), 0) + inner


def outer(protocol, payload, version=4):
    if version == 6:
        return ethernet(ipv6("2001:db8::1", "2001:db8::2", payload, protocol))
    return ethernet(ipv4("203.0.113.1", "203.0.113.2", payload, protocol))


def options6(*kinds):
    """IPv6 extension headers of eight bytes before the payload."""
    def wrap(packet):
        if packet[0] >> 4 == 4:
            return ethernet(packet)
        head, body, following = packet[:40], packet[40:], packet[6]
        for kind in reversed(kinds):
            body = bytes([following, 0]) + b"\1\4\0\0\0\0" + body if kind != 43 else bytes([following, 0, 4, 0, 0, 0, 0, 0]) + body
            following = kind
        return ethernet(head[:4] + struct.pack(">HB", len(body), following) + head[7:] + body)
    return wrap


def mpls(*labels):
    return lambda packet: MAC + b"\x88\x47" + b"".join(
        struct.pack(">I", label << 12 | (at == len(labels) - 1) << 8 | 64) for at, label in enumerate(labels)) + packet


def pppoe(packet):
    inner = (b"\0\x57" if packet[0] >> 4 == 6 else b"\0\x21") + packet
    return MAC + b"\x88\x64" + struct.pack(">BBHH", 0x11, 0, 7, len(inner)) + inner


def null(order):
    return lambda packet: struct.pack(order + "I", 30 if packet[0] >> 4 == 6 else 2) + packet


# name, link type, how a packet is framed, further options
WRAPS = (
    ("Ethernet", 1, ethernet, []),
    ("VLAN", 1, vlans((0x8100, 10)), []),
    ("QinQ", 1, vlans((0x88a8, 10), (0x8100, 20)), []),
    ("three VLANs", 1, vlans((0x9100, 10), (0x8100, 20), (0x8100, 30)), []),
    ("priority tag", 1, vlans((0x8100, 0xe000)), []),
    ("PPPoE", 1, pppoe, []),
    ("PPPoE in a VLAN", 1, lambda packet: MAC + b"\x81\0\0\7" + pppoe(packet)[12:], []),
    ("MPLS", 1, mpls(16), []),
    ("MPLS stack", 1, mpls(16, 17, 18), []),
    ("802.2 SNAP", 1, lambda packet: MAC + struct.pack(">H", 8 + len(packet)) + b"\xaa\xaa\x03\0\0\0" + kind_of(packet) + packet, []),
    ("trailer", 1, lambda packet: ethernet(packet) + bytes(6), []),
    ("cooked", 113, lambda packet: struct.pack(">HHH8s", 3, 1, 6, MAC[:8]) + kind_of(packet) + packet, []),
    ("cooked with VLAN", 113, lambda packet: struct.pack(">HHH8sHH", 3, 1, 6, MAC[:8], 0x8100, 9) + kind_of(packet) + packet, []),
    ("cooked 2", 276, lambda packet: kind_of(packet) + struct.pack(">HIHBB8s", 0, 3, 1, 3, 6, MAC[:8]) + packet, []),
    ("raw", 101, lambda packet: packet, []),
    ("raw, as BSD numbers it", 12, lambda packet: packet, []),
    ("null", 0, null("<"), []),
    ("null, other order", 0, null(">"), []),
    ("loop", 108, null(">"), []),
    ("PPP", 9, lambda packet: (b"\0\x57" if packet[0] >> 4 == 6 else b"\0\x21") + packet, []),
    ("HDLC", 104, lambda packet: b"\x0f\0" + kind_of(packet) + packet, []),
    ("extension headers", 1, options6(0, 60), []),
    ("routing header", 1, options6(0, 43, 60), []),
    ("IP in IP", 1, lambda packet: outer(41 if packet[0] >> 4 == 6 else 4, packet), ["--decapsulate=ipip"]),
    ("IP in IPv6", 1, lambda packet: outer(41 if packet[0] >> 4 == 6 else 4, packet, 6), ["--decapsulate=ipip"]),
    ("GRE", 1, lambda packet: outer(47, b"\0\0" + kind_of(packet) + packet), ["--decapsulate=gre"]),
    ("GRE with key and number", 1, lambda packet: outer(47, b"\x30\0" + kind_of(packet) + bytes(8) + packet),
     ["--decapsulate=gre"]),
    ("GRE with Ethernet", 1, lambda packet: outer(47, b"\0\0\x65\x58" + ethernet(packet)), ["--decapsulate=gre"]),
    ("VXLAN", 1, lambda packet: outer(17, udp(4789, b"\x08\0\0\0\0\0\x2a\0" + ethernet(packet))), ["--decapsulate=vxlan"]),
    ("VXLAN with VLAN", 1, lambda packet: outer(17, udp(4789, b"\x08\0\0\0\0\0\x2a\0" + vlans((0x8100, 4))(packet))),
     ["--decapsulate=vxlan"]),
    ("Geneve", 1, lambda packet: outer(17, udp(6081, b"\x01\0\x65\x58\0\0\x2a\0" + bytes(4) + ethernet(packet))),
     ["--decapsulate=geneve"]),
    ("Geneve over IPv6", 1, lambda packet: outer(17, udp(6081, b"\0\0\x65\x58\0\0\x2a\0" + ethernet(packet)), 6),
     ["--decapsulate=all"]),
)


# ---- conversations ----------------------------------------------------------------------------------------------

def plain(talk):
    talk.open()
    talk.up(PSH | ACK, b"q" * 100)
    talk.down(PSH | ACK, b"a" * 1000)
    talk.up(ACK)
    talk.close()


def only_up(talk):
    """A tap in one direction: the acknowledgements are those of the frames that are not there."""
    talk.up(SYN)
    talk.seq[1] += 1
    talk.up(ACK)
    talk.up(PSH | ACK, b"q" * 100)
    talk.seq[1] += 1000
    talk.up(ACK)
    talk.up(FIN | ACK)
    talk.seq[1] += 1
    talk.up(ACK)


def only_down(talk):
    talk.seq[0] += 1
    talk.down(SYN | ACK)
    talk.seq[0] += 100
    talk.down(PSH | ACK, b"a" * 1000)
    talk.seq[0] += 1
    talk.down(FIN | ACK)


def middle(talk):
    talk.up(PSH | ACK, b"q" * 100)
    talk.down(PSH | ACK, b"a" * 1000)
    talk.up(ACK)


def keepalives(talk):
    talk.open()
    talk.up(PSH | ACK, b"q" * 10)
    talk.down(ACK)
    for _ in range(3):
        talk.up(ACK, seq=talk.seq[0] - 1, after=75)
        talk.down(ACK)
    talk.up(ACK, b"q", seq=talk.seq[0] - 1, after=75)
    talk.down(ACK)
    talk.close()


def zero_window(talk):
    talk.open()
    talk.down(PSH | ACK, b"a" * 500)
    talk.capture.packet(closed_window(talk))
    talk.down(ACK, b"a", seq=talk.seq[1], after=0.3)
    talk.capture.packet(closed_window(talk))
    talk.up(ACK, after=0.2)
    talk.down(PSH | ACK, b"a" * 500)
    talk.up(ACK)
    talk.close()


def closed_window(talk):
    packet = bytearray(talk.packet(0, ACK))
    at = 40 if packet[0] >> 4 == 6 else 20
    packet[at + 14:at + 16] = b"\0\0"
    return bytes(packet)


def both_open(talk):
    talk.up(SYN)
    talk.down(SYN)
    talk.up(SYN | ACK, seq=talk.seq[0] - 1)
    talk.down(SYN | ACK, seq=talk.seq[1] - 1)
    talk.up(PSH | ACK, b"q" * 7)
    talk.down(PSH | ACK, b"a" * 9)
    talk.up(ACK)
    talk.close()


def both_close(talk):
    talk.open()
    talk.up(PSH | ACK, b"q" * 5)
    talk.down(ACK)
    before = talk.seq[0]
    talk.up(FIN | ACK)
    talk.down(FIN | ACK, ack=before)
    talk.up(ACK)
    talk.down(ACK)


def rst_with_data(talk):
    talk.open()
    talk.up(PSH | ACK, b"q" * 5)
    talk.down(RST | ACK, b"go away")


def challenge(talk):
    """A RST that is only in the window: challenged, and the talk goes on."""
    talk.open()
    talk.up(PSH | ACK, b"q" * 5)
    talk.down(ACK)
    talk.up(RST, seq=talk.seq[0] + 100)
    talk.down(ACK)
    talk.up(PSH | ACK, b"q" * 6)
    talk.down(PSH | ACK, b"a" * 3)
    talk.up(ACK)
    talk.close()


def fast_open(talk):
    talk.up(SYN, b"GET /", options=b"\x22\x0a" + bytes(8))
    talk.down(SYN | ACK)
    talk.down(PSH | ACK, b"a" * 50)
    talk.up(ACK)
    talk.close()


def fast_open_ignored(talk):
    """The data of the SYN was not taken, and is sent again."""
    talk.up(SYN, b"GET /", options=b"\x22\x0a" + bytes(8))
    talk.seq[0] -= 5
    talk.down(SYN | ACK)
    talk.up(PSH | ACK, b"GET /")
    talk.down(PSH | ACK, b"a" * 50)
    talk.up(ACK)
    talk.close()


def urgent(talk):
    talk.open()
    talk.up(0x20 | PSH | ACK, b"q" * 3)
    talk.down(ACK)
    talk.close()


def doubled(talk):
    """Each segment is sent again at once, with another identification."""
    talk.open()
    for number in range(5):
        begin = talk.seq[0]
        talk.up(PSH | ACK, b"q" * 10)
        talk.up(PSH | ACK, b"q" * 10, seq=begin, after=0.3 + number / 100, ident=1000 + number) if "." in talk.ends[0] else None
        talk.down(ACK)
    talk.close()


def out_of_order(talk):
    talk.open()
    begin = talk.seq[0]
    talk.seq[0] += 30
    for part in (2, 0, 1):
        talk.up(PSH | ACK, b"q" * 10, seq=begin + 10 * part)
    talk.down(ACK)
    talk.close()


def clock_back(talk):
    talk.open()
    talk.up(PSH | ACK, b"q" * 100)
    talk.down(PSH | ACK, b"a" * 20, after=-5)
    talk.up(ACK)
    talk.close()


def half_open(talk):
    """The peer has forgotten it: its answer is a RST with the acknowledged number."""
    talk.open()
    talk.up(PSH | ACK, b"q" * 10)
    talk.down(RST, seq=talk.seq[1])


def scan(talk):
    talk.up(SYN)
    talk.down(RST | ACK)


def rst_alone(talk):
    talk.seq[0] += 1
    talk.down(RST | ACK, seq=0)


def backscatter(talk):
    talk.seq[0] += 1
    talk.down(SYN | ACK)
    talk.down(SYN | ACK, seq=talk.seq[1] - 1, after=1)


def syn_scan(talk):
    talk.up(SYN)
    talk.down(SYN | ACK)
    talk.up(RST)


def late_syn(talk):
    """The SYN is captured behind its answer."""
    talk.seq[0] += 1
    talk.down(SYN | ACK)
    talk.up(SYN, seq=talk.seq[0] - 1, after=0)
    talk.up(ACK)
    talk.up(PSH | ACK, b"q" * 4)
    talk.down(ACK)
    talk.close()


def late_refused(talk):
    talk.seq[0] += 1
    talk.down(RST | ACK, seq=0)
    talk.up(SYN, seq=talk.seq[0] - 1, after=0)


def after_close(talk):
    """Data after the FIN: answered by a RST."""
    talk.open()
    talk.up(PSH | ACK, b"q" * 10)
    talk.down(FIN | ACK)
    talk.up(PSH | ACK, b"q" * 10)
    talk.down(RST, seq=talk.seq[1])


# conversation, RESULT, RX_BYTES, TX_BYTES, CLOSE, STATE of the side that was connected to
TALKS = (
    (plain, "ok", 100, 1000, "rfin", "closed"),
    (only_up, "unknown", 100, None, "rfin", "CLOSE_WAIT"),
    (only_down, "unknown", None, 1000, "lfin", "FIN_WAIT1"),
    (middle, "ok", None, None, None, "ESTABLISHED"),
    (keepalives, "ok", 10, 0, "rfin", "closed"),
    (zero_window, "ok", 0, 1000, "rfin", "closed"),
    (both_open, "ok", 7, 9, "rfin", "closed"),
    (both_close, "ok", 5, 0, "rfin", "closed"),
    (rst_with_data, "ok", 5, 0, "lrst", "reset"),
    (challenge, "ok", 11, 3, "rfin", "closed"),
    (fast_open, "ok", 5, 50, "rfin", "closed"),
    (fast_open_ignored, "ok", 5, 50, "rfin", "closed"),
    (urgent, "ok", 3, 0, "rfin", "closed"),
    (doubled, "ok", 50, 0, "rfin", "closed"),
    (out_of_order, "ok", 30, 0, "rfin", "closed"),
    (clock_back, "ok", 100, 20, "rfin", "closed"),
    (half_open, "ok", 10, 0, "lrst", "reset"),
    (scan, "refused", 0, 0, "lrst", "closed"),
    (rst_alone, "refused", 0, 0, "lrst", "closed"),
    (backscatter, "unknown", None, 0, None, None),
    (syn_scan, "reset", 0, 0, "rrst", "reset"),
    (late_syn, "ok", 4, 0, "rfin", "closed"),
    (late_refused, "refused", 0, 0, "lrst", "closed"),
    (after_close, "ok", 20, 0, "lrst", "reset"),
)


def rows_of(data, options=()):
    path = scratch("pcap")
    with open(path, "wb") as file:
        file.write(data)
    out = subprocess.run([CONNTRACE, "-r", path, "-j", "-z", "conns", "-q", *options], capture_output=True, text=True, timeout=60)
    equal((out.returncode, out.stderr), (0, ""), "conntrace -r")
    return [json.loads(line) for line in out.stdout.splitlines() if "summary" not in line]


# Where all are in one file, a port names the conversation; the numbers wrap around in it.
FIRST_PORT, CSEQ, SSEQ = 2000, 0xfffffffa, 0xffffff80
COLUMNS = ("dir", "result", "rx_bytes", "tx_bytes", "close", "state")


class Framed(Capture):
    """frame(packet) makes a frame, or several."""

    def __init__(self, link, frame):
        super().__init__(link)
        self.framing = frame

    def packet(self, packet, **how):
        framed = self.framing(packet)
        for frame in [framed] if isinstance(framed, bytes) else framed:
            self.frame(frame, **how)


def compare(capture, six, options=(), talks=TALKS):
    wanted = {}
    for at, (talk, *facts) in enumerate(talks):
        ends = {"client": "2001:db8::a", "server": "2001:db8::b"} if six else {}
        capture.time += 1
        talk(Talk(capture, cport=FIRST_PORT + at, cseq=CSEQ, sseq=SSEQ + at, **ends))
        wanted[FIRST_PORT + at] = (talk.__name__, [[None if talk is middle else "in"] + facts])
    rows = rows_of(capture.bytes(), options)
    for port, (name, facts) in wanted.items():
        equal([[row[column] for column in COLUMNS] for row in rows if row["rport"] == port], facts, name)
    equal(len(rows), len(wanted), "rows")


for _name, _link, _frame, _options in WRAPS:
    for _six in ((False, True) if "header" not in _name else (True,)):
        test("%s, IPv%d" % (_name, 6 if _six else 4))(
            lambda link=_link, frame=_frame, options=_options, six=_six: compare(Framed(link, frame), six, options))


@test("each packet in IP fragments")
def in_fragments():
    compare(Framed(101, lambda packet: fragments(packet, 24)), False)
    ident = iter(range(1 << 20))
    compare(Framed(101, lambda packet: fragments6(packet, 24, next(ident))), True)


class Cut(Framed):
    def __init__(self, length):
        super().__init__(1, ethernet)
        self.length = length

    def frame(self, data, length=None, **how):
        super().frame(data[:self.length], length=length or len(data), **how)


@test("frames that are cut behind the TCP header, or within its options")
def cut():
    for length in (54, 58, 60, 96):
        compare(Cut(length), False)
    compare(Cut(74), True)


@test("more bytes than there are sequence numbers")
def wraps():
    """Large segments that were cut, both ways; the file is small."""
    capture = Cut(54)
    talk = Talk(capture, cseq=CSEQ, sseq=SSEQ)
    talk.open()
    sizes, each = (200000, 60000), 48000
    for _ in range(each):
        for side, size in enumerate(sizes):
            packet = bytearray(talk.packet(side, PSH | ACK))
            packet[2:4] = struct.pack(">H", 40 + size if size < 65000 else 0)
            capture.frame(ethernet(bytes(packet)), length=54 + size)
            talk.seq[side] += size
    talk.up(ACK)
    talk.down(ACK)
    talk.close()
    rows = rows_of(capture.bytes())
    equal([[row[column] for column in ("rx_bytes", "tx_bytes", "rx_pkts", "tx_pkts", "retrans", "close")] for row in rows],
          [[sizes[0] * each, sizes[1] * each, each + 5, each + 3, 0, "rfin"]], "the row")


main()
