# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes savefiles frame by frame, and counts TCP frames in any savefile, without a line of the program's code."""
import gzip
import socket
import struct

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
BEGIN = 1700000000


def tcp(sport, dport, seq, ack, flags, payload=b"", window=64240, options=b""):
    options += b"\1" * (-len(options) % 4)
    return struct.pack(">HHIIBBHHH", sport, dport, seq & 0xffffffff, ack & 0xffffffff, (5 + len(options) // 4) << 4,
                       flags, window, 0, 0) + options + payload


def ipv4(source, target, payload, protocol=6, ident=0, place=0, ttl=64):
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), ident & 0xffff, place, ttl, protocol, 0,
                       socket.inet_aton(source), socket.inet_aton(target)) + payload


def ethernet(packet):
    return b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0" + packet


class Capture:
    """A pcap file in memory; times are seconds since its beginning."""

    def __init__(self, link=1):
        self.parts = [struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 262144, link)]
        self.time = 0.0

    def frame(self, data, after=0.001, length=None, at=None):
        """@after: seconds since the frame before; @length: on the wire, if not all of it was captured."""
        self.time = self.time + after if at is None else at
        units = BEGIN * 10**9 + round(self.time * 10**9)
        self.parts.append(struct.pack("<IIII", units // 10**9, units % 10**9, len(data), length or len(data)) + data)

    def packet(self, packet, **how):
        self.frame(ethernet(packet), **how)

    def bytes(self):
        return b"".join(self.parts)


class Talk:
    """A connection in a Capture: the client's and the server's segments, each numbered where the one before ended."""

    def __init__(self, capture, client="192.0.2.1", cport=1000, server="192.0.2.2", sport=80, cseq=100, sseq=500):
        self.capture = capture
        self.ends = (client, cport, server, sport)
        self.seq = [cseq, sseq]

    def packet(self, side, flags, payload=b"", seq=None, ack=None, **ip):
        client, cport, server, sport = self.ends
        number = self.seq[side] if seq is None else seq
        answer = (self.seq[1 - side] if ack is None else ack) if flags & ACK else 0
        ports = (cport, sport) if side == 0 else (sport, cport)
        if seq is None:
            self.seq[side] += len(payload) + bool(flags & (SYN | FIN))
        segment = tcp(*ports, number, answer, flags, payload)
        return ipv4(*((client, server) if side == 0 else (server, client)), segment, **ip)

    def up(self, flags, payload=b"", after=0.001, **how):
        self.capture.packet(self.packet(0, flags, payload, **how), after=after)

    def down(self, flags, payload=b"", after=0.001, **how):
        self.capture.packet(self.packet(1, flags, payload, **how), after=after)

    def open(self, after=0.001):
        self.up(SYN, after=after)
        self.down(SYN | ACK)
        self.up(ACK)

    def close(self):
        self.up(FIN | ACK)
        self.down(FIN | ACK)
        self.up(ACK)


def fragments(packet, size):
    """An IPv4 packet in pieces of @size bytes of payload, a multiple of 8."""
    head, body = packet[:20], packet[20:]
    ident = struct.unpack(">H", head[4:6])[0]
    pieces = []
    for begin in range(0, len(body), size):
        piece = body[begin:begin + size]
        more = 0x2000 if begin + size < len(body) else 0
        pieces.append(ipv4(socket.inet_ntoa(head[12:16]), socket.inet_ntoa(head[16:20]), piece, ident=ident,
                           place=begin // 8 | more))
    return pieces


def opened(path):
    with open(path, "rb") as file:
        data = file.read()
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
