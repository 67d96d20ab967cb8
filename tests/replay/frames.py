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


def ipv6(source, target, payload, protocol=6, ttl=64, **_):
    return struct.pack(">IHBB16s16s", 6 << 28, len(payload), protocol, ttl, socket.inet_pton(socket.AF_INET6, source),
                       socket.inet_pton(socket.AF_INET6, target)) + payload


def ethernet(packet):
    return b"\2\0\0\0\0\1\2\0\0\0\0\2" + (b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\0") + packet


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

    def packet(self, side, flags, payload=b"", seq=None, ack=None, options=b"", **ip):
        client, cport, server, sport = self.ends
        number = self.seq[side] if seq is None else seq
        answer = (self.seq[1 - side] if ack is None else ack) if flags & ACK else 0
        ports = (cport, sport) if side == 0 else (sport, cport)
        if seq is None:
            self.seq[side] += len(payload) + bool(flags & (SYN | FIN))
        segment = tcp(*ports, number, answer, flags, payload, options=options)
        wrap = ipv6 if ":" in client else ipv4
        return wrap(*((client, server) if side == 0 else (server, client)), segment, **ip)

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


def fragments6(packet, size, ident):
    """An IPv6 packet in pieces of @size bytes of payload, a multiple of 8."""
    head, body = packet[:40], packet[40:]
    return [head[:4] + struct.pack(">HBB", 8 + len(body[at:at + size]), 44, head[7]) + head[8:] +
            struct.pack(">BBHI", head[6], 0, at | (at + size < len(body)), ident) + body[at:at + size]
            for at in range(0, len(body), size)]


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


# ---- counting, from what the standards say ----------------------------------------------------------------------

VLAN = (0x8100, 0x88a8, 0x9100)
EXTENSIONS = (0, 43, 60, 135, 139, 140, 51)


def has_tcp_ip(data, depth=0):
    """Does an IP packet carry TCP: a segment or a piece of one, as it is or in a tunnel?"""
    if depth > 4 or len(data) < 20:
        return False
    if data[0] >> 4 == 4:
        size = (data[0] & 15) * 4
        total = struct.unpack(">H", data[2:4])[0]
        if size < 20 or len(data) < size or 0 < total < size:
            return False
        protocol, rest = data[9], data[size:total or None]
        later = struct.unpack(">H", data[6:8])[0] & 0x1fff
    elif data[0] >> 4 == 6 and len(data) >= 40:
        length, protocol, rest, later = struct.unpack(">H", data[4:6])[0], data[6], data[40:], 0
        rest = rest[:length] if length else rest
    else:
        return False
    while (data[0] >> 4 == 6 and protocol in EXTENSIONS) or protocol in (44, 51):
        if len(rest) < 8:
            return False
        if protocol == 44:
            later = struct.unpack(">H", rest[2:4])[0] >> 3
            if later:
                return rest[0] == 6
            size = 8
        else:
            size = (rest[1] + 2) * 4 if protocol == 51 else (rest[1] + 1) * 8
        if len(rest) < size:
            return False
        protocol, rest = rest[0], rest[size:]
    if protocol == 6:
        return True
    return not later and has_tcp_tunnel(protocol, rest, depth)


def has_tcp_tunnel(protocol, rest, depth):
    if protocol in (4, 41):
        return has_tcp_ip(rest, depth + 1)
    if protocol == 47 and len(rest) >= 4:
        flags, kind = struct.unpack(">HH", rest[:4])
        size = 4 + 4 * (bool(flags & 0x8000) + bool(flags & 0x2000) + bool(flags & 0x1000))
        if flags & 7 == 1 and kind == 0x880b and flags & 0x1000:
            return has_tcp_ppp(rest[size + 4 * bool(flags & 0x80):], depth + 1)
        if flags & 0x4007:
            return False
        return has_tcp_ethernet(rest[size:], depth + 1) if kind == 0x6558 else has_tcp_type(kind, rest[size:], depth + 1)
    if protocol == 17 and len(rest) >= 16:
        port = struct.unpack(">H", rest[2:4])[0]
        if port in (4789, 8472) and rest[8] & 8:
            return has_tcp_ethernet(rest[16:], depth + 1)
        if port == 6081 and rest[8] >> 6 == 0:
            kind, inner = struct.unpack(">H", rest[10:12])[0], rest[16 + (rest[8] & 63) * 4:]
            return has_tcp_ethernet(inner, depth + 1) if kind == 0x6558 else has_tcp_type(kind, inner, depth + 1)
    return False


def has_tcp_ppp(data, depth=0):
    if data[:1] == b"\xff":
        data = data[2:]
    if data[:1] and data[0] & 1:
        return data[0] in (0x21, 0x57) and has_tcp_ip(data[1:], depth)
    return data[:2] in (b"\0\x21", b"\0\x57") and has_tcp_ip(data[2:], depth)


def has_tcp_type(kind, data, depth=0):
    """@kind: an EtherType."""
    while kind in VLAN and len(data) >= 4:
        kind, data = struct.unpack(">H", data[2:4])[0], data[4:]
    if kind in (0x0800, 0x86dd):
        return has_tcp_ip(data, depth)
    if kind in (0x8847, 0x8848):
        while len(data) >= 4 and not data[2] & 1:
            data = data[4:]
        return has_tcp_ip(data[4:], depth)
    if kind == 0x8864 and len(data) >= 6 and data[1] == 0:
        return has_tcp_ppp(data[6:], depth)
    if kind <= 1500 and data[:3] == b"\xaa\xaa\x03" and len(data) >= 8:
        return has_tcp_type(struct.unpack(">H", data[6:8])[0], data[8:], depth)
    return False


def has_tcp_ethernet(data, depth=0):
    return len(data) >= 14 and has_tcp_type(struct.unpack(">H", data[12:14])[0], data[14:], depth)


# By the numbers that savefiles have for link types; what is missing is not counted.
LINKS = {
    0: lambda data: has_tcp_ip(data[4:]), 108: lambda data: has_tcp_ip(data[4:]),
    1: has_tcp_ethernet,
    9: has_tcp_ppp, 50: has_tcp_ppp,
    12: has_tcp_ip, 14: has_tcp_ip, 101: has_tcp_ip, 228: has_tcp_ip, 229: has_tcp_ip,
    113: lambda data: len(data) >= 16 and has_tcp_type(struct.unpack(">H", data[14:16])[0], data[16:]),
    276: lambda data: len(data) >= 20 and has_tcp_type(struct.unpack(">H", data[:2])[0], data[20:]),
}


def frames_of(data):
    """Each frame of a savefile with its link type; of what is damaged, those before the damage."""
    magic = data[:4]
    if magic == b"\x0a\x0d\x0d\x0a":
        yield from frames_of_pcapng(data)
        return
    orders = {b"\xa1\xb2\xc3\xd4": ">", b"\xa1\xb2\x3c\x4d": ">", b"\xd4\xc3\xb2\xa1": "<", b"\x4d\x3c\xb2\xa1": "<"}
    order = orders.get(magic)
    if order is None or len(data) < 24:
        return
    link, at = struct.unpack(order + "I", data[20:24])[0] & 0xffff, 24
    while at + 16 <= len(data):
        size = struct.unpack(order + "I", data[at + 8:at + 12])[0]
        if at + 16 + size > len(data):
            return
        yield link, data[at + 16:at + 16 + size]
        at += 16 + size


def frames_of_pcapng(data):
    at, order, links = 0, "<", []
    while at + 12 <= len(data):
        if data[at:at + 4] == b"\x0a\x0d\x0d\x0a":
            order = "<" if data[at + 8:at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            links = []
        kind, size = struct.unpack(order + "II", data[at:at + 8])
        body = data[at + 8:at + size - 4]
        if size < 12 or at + size > len(data):
            return
        if kind == 1:
            links.append(struct.unpack(order + "H", body[:2])[0])
        elif kind in (2, 6):
            number = struct.unpack(order + ("I" if kind == 6 else "H"), body[:4 if kind == 6 else 2])[0]
            captured = struct.unpack(order + "I", body[12:16])[0]
            if number >= len(links) or captured > len(body) - 20:
                return
            yield links[number], body[20:20 + captured]
        elif kind == 3 and links:
            yield links[0], body[4:4 + struct.unpack(order + "I", body[:4])[0]]
        at += size


def tcp_frames(path):
    """How many frames of a savefile carry TCP; None when it has a link type that is not known here."""
    count = 0
    for link, data in frames_of(opened(path)):
        if link not in LINKS:
            return None
        count += LINKS[link](data)
    return count
