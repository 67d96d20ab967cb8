#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What carries a conversation does not change what is said of it (TAP).

Each scenario is written over IPv4 and IPv6, behind each link layer, with VLAN tags, in each kind of savefile, cut behind
the headers, and with the ends in the other order. The rows must be those of the plain file but for addresses and the
bytes that headers take, and each TCP frame of the file is in a row or left out for a reason.
"""
import json
import os
import struct
import sys

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"),
                os.path.dirname(os.path.abspath(__file__))]
import cli
import frames
from frames import ACK, FIN, PSH, RST, SYN

BEGIN = 1700000000 * 10**9
MSS = b"\2\4\x05\xb4"
US = 1000
MS = 1000 * US


class Scenario:
    """Segments, and datagrams, with their times in nanoseconds."""

    def __init__(self):
        self.frames, self.now, self.ident, self.seq = [], 0, [100, 900], [1000, 5000]
        self.window = 64240

    def say(self, side, flags, payload=0, after=10 * MS, seq=None, options=b"", **how):
        """@seq: not the next number, so that the next one stays what it is."""
        self.now += after
        number = self.seq[side] if seq is None else seq
        self.ident[side] += 1
        answer = self.seq[1 - side] if flags & ACK else 0
        if seq is None:
            self.seq[side] += payload + bool(flags & (SYN | FIN))
        self.frames.append(dict({"ns": self.now, "side": side, "flags": flags, "seq": number, "ack": answer,
                                 "payload": payload, "options": options, "ident": self.ident[side], "ttl": 64, "tag": 0,
                                 "window": self.window}, **how))

    def datagram(self, after):
        self.now += after
        self.frames.append({"ns": self.now, "udp": True, "side": 0, "ttl": 64, "tag": 0, "ident": 1})

    def twice(self, after=20 * US, **changes):
        """Each frame is captured once more, @after."""
        copies = [dict(frame, ns=frame["ns"] + after, **changes) for frame in self.frames]
        self.frames = sorted(self.frames + copies, key=lambda frame: frame["ns"])
        return self

    def open(self):
        self.say(0, SYN, options=MSS)
        self.say(1, SYN | ACK, options=MSS)
        self.say(0, ACK)
        return self

    def talk(self):
        self.say(0, PSH | ACK, 300)
        self.say(1, ACK)
        self.say(1, PSH | ACK, 1400)
        self.say(0, ACK)
        return self

    def close(self, first=0):
        self.say(first, FIN | ACK)
        self.say(1 - first, FIN | ACK)
        self.say(first, ACK)
        return self


def whole():
    return Scenario().open().talk().close()


def server_closes():
    return Scenario().open().talk().close(1)


def reset(side):
    scenario = Scenario().open().talk()
    scenario.say(side, RST | ACK)
    return scenario


def refused():
    scenario = Scenario()
    scenario.say(0, SYN, options=MSS)
    scenario.say(1, RST | ACK, seq=0)
    return scenario


def syn_again():
    scenario = Scenario()
    scenario.say(0, SYN, options=MSS)
    scenario.say(0, SYN, options=MSS, seq=1000, after=1000 * MS)
    scenario.say(1, SYN | ACK, options=MSS)
    scenario.say(1, SYN | ACK, options=MSS, seq=5000, after=1000 * MS)
    scenario.say(0, ACK)
    return scenario.talk().close()


def first_segment_again():
    scenario = Scenario().open()
    scenario.say(0, PSH | ACK, 300)
    scenario.say(0, PSH | ACK, 300, seq=1001, after=220 * MS)
    scenario.say(1, ACK)
    return scenario.talk().close()


def out_of_order():
    scenario = Scenario().open()
    scenario.say(0, ACK, 500, seq=1501)
    scenario.say(1, ACK, after=0)
    scenario.say(0, ACK, 500, after=US)
    scenario.seq[0] = 2001
    scenario.say(1, ACK)
    return scenario.close()


def fin_again():
    scenario = Scenario().open().talk()
    scenario.say(0, FIN | ACK)
    scenario.say(0, FIN | ACK, seq=scenario.seq[0] - 1, after=250 * MS)
    scenario.say(1, FIN | ACK)
    scenario.say(0, ACK)
    return scenario


def half_closed():
    scenario = Scenario().open()
    scenario.say(1, FIN | ACK)
    scenario.say(0, ACK)
    for _ in range(3):
        scenario.say(0, PSH | ACK, 700)
        scenario.say(1, ACK)
    scenario.say(0, FIN | ACK)
    scenario.say(1, ACK)
    return scenario


def closed_at_once():
    scenario = Scenario().open().talk()
    ack = scenario.seq[0]
    scenario.say(0, FIN | ACK)
    scenario.say(1, FIN | ACK, ack=ack, after=US)
    scenario.say(0, ACK)
    scenario.say(1, ACK)
    return scenario


def large_frames():
    """Segmentation offload: frames of several segments, one of which is sent again as it was."""
    scenario = Scenario().open()
    scenario.say(0, PSH | ACK, 4 * 1460)
    scenario.say(0, PSH | ACK, 4 * 1460, seq=1001, after=220 * MS)
    scenario.say(1, ACK)
    scenario.say(1, PSH | ACK, 40 * 1460 + 7)
    scenario.say(0, ACK)
    return scenario.close()


def window_closed():
    scenario = Scenario().open().talk()
    scenario.window = 0
    scenario.say(1, ACK)
    scenario.window = 64240
    scenario.say(0, ACK, 0, seq=scenario.seq[0] - 1, after=300 * MS)
    scenario.say(1, ACK)
    return scenario.talk().close()


def goes_on_after_reset():
    scenario = Scenario().open().talk()
    scenario.say(1, RST, seq=scenario.seq[1])
    return scenario.talk().talk().close()


def no_answer():
    scenario = Scenario()
    scenario.say(0, SYN, options=MSS)
    for _ in range(5):
        scenario.datagram(8000 * MS)
    return scenario


def begins_late():
    scenario = Scenario()
    scenario.seq = [70000, 90000]
    return scenario.talk().talk().close()


SCENARIOS = {
    "whole": whole, "the server closes": server_closes, "the client resets": lambda: reset(0),
    "the server resets": lambda: reset(1), "refused": refused, "SYN and SYN/ACK sent again": syn_again,
    "first segment sent again": first_segment_again, "out of order": out_of_order, "FIN sent again": fin_again,
    "half closed": half_closed, "closed at once": closed_at_once, "large frames": large_frames,
    "window closed": window_closed, "goes on after a reset": goes_on_after_reset, "no answer": no_answer,
    "begins late": begins_late,
    "captured twice": lambda: whole().twice(), "captured before and behind a router": lambda: whole().twice(ttl=63),
    "captured in two VLANs": lambda: whole().twice(tag=9),
    "captured twice, with a segment sent again": lambda: first_segment_again().twice(ttl=63),
    "captured twice, FIN sent again": lambda: fin_again().twice(),
    "captured twice, reset": lambda: reset(1).twice(),
}


# ---- how it is written --------------------------------------------------------------------------------------------------

def packet_of(frame, v6, swapped):
    ends = [("192.0.2.1", 40000), ("192.0.2.2", 80)]
    if swapped:
        ends = [("192.0.2.9", 40000), ("192.0.2.2", 80)]
    if v6:
        ends = [(address.replace("192.0.2.", "2001:db8::"), port) for address, port in ends]
    (source, sport), (target, dport) = ends if frame["side"] == 0 else ends[::-1]
    wrap = frames.ipv6 if v6 else frames.ipv4
    if "udp" in frame:
        return wrap(source, target, struct.pack(">HHHH", 9, 9, 8, 0), protocol=17, ttl=64)
    segment = frames.tcp(sport, dport, frame["seq"], frame["ack"], frame["flags"], b"\xff" * frame["payload"],
                         window=frame["window"], options=frame["options"])
    # No two segments have the same check sum by chance, nor do copies differ in it.
    segment = segment[:16] + struct.pack(">H", frame["ident"] * 7 & 0xffff) + segment[18:]
    return wrap(source, target, segment, ident=frame["ident"], ttl=frame["ttl"])


def pppoe(packet, kind, trailer=b""):
    return 0x8864, struct.pack(">BBHHH", 0x11, 0, 7, len(packet) + 2, 0x57 if kind == 0x86dd else 0x21) + packet + trailer


def pppoe_padded(packet, kind):
    """The length of IP counts the zeros that pad the frame, and that of PPPoE does not (RFC 2516, 4)."""
    longer = packet[:2] + struct.pack(">H", len(packet) + 6) + packet[4:]
    if kind == 0x86dd:
        longer = packet[:4] + struct.pack(">H", len(packet) - 40 + 6) + packet[6:]
    return pppoe(longer, kind, bytes(6))


def mpls(packet, _):
    return 0x8847, struct.pack(">II", 16 << 12 | 64, 17 << 12 | 1 << 8 | 64) + packet


def in_ip(protocol, head, port=None):
    """A tunnel of IPv4; @head: of an IP packet of this EtherType in it; @port: of UDP."""
    def wrap(packet, kind):
        inner = head(kind) + packet
        if port:
            inner = struct.pack(">HHHH", 50000, port, 8 + len(inner), 0) + inner
        return 0x0800, frames.ipv4("198.51.100.1", "198.51.100.2", inner, protocol=protocol)
    return wrap


def ethernet_of(kind):
    return b"\2\0\0\0\0\3\2\0\0\0\0\4" + struct.pack(">H", kind)


gre = in_ip(47, lambda kind: struct.pack(">HH", 0, kind))
vxlan = in_ip(17, lambda kind: b"\x08\0\0\0\0\0\5\0" + ethernet_of(kind), 4789)
geneve = in_ip(17, lambda kind: b"\0\0\x65\x58\0\0\5\0" + ethernet_of(kind), 6081)


def framed(packet, link, tags, out, wrap=None, tag_type=0x8100):
    kind = 0x86dd if packet[0] >> 4 == 6 else 0x0800
    v6 = kind == 0x86dd
    if wrap:
        kind, packet = wrap(packet, kind)
    head = struct.pack(">H", kind)
    for tag in tags:
        head = struct.pack(">HH", tag_type, tag) + head
    if link == 1:
        return b"\2\0\0\0\0\1\2\0\0\0\0\2" + head + packet
    if link == 113:
        return struct.pack(">HHH8s", 4 if out else 0, 1, 6, b"\2\0\0\0\0\1\0\0") + head + packet
    if link == 276:
        return head[:2] + struct.pack(">HIHBB8s", 0, 3, 1, 4 if out else 0, 6, b"\2\0\0\0\0\1\0\0") + head[2:] + packet
    if link in (0, 108):
        return struct.pack("<I" if link == 0 else ">I", 30 if v6 else 2) + packet
    if link == 9:
        return b"\xff\3" + struct.pack(">H", 0x57 if v6 else 0x21) + packet
    if link == 239:
        size = 4 + len(packet)
        return struct.pack(">BBH", 10 if v6 else 2, 0, 0) + struct.pack("<HH", size, 9) + packet + bytes(-size % 4)
    if link in (105, 127):
        radio = b"\0\0\x08\0\0\0\0\0" if link == 127 else b""
        return radio + b"\x08\1\0\0" + b"\2\0\0\0\0\1" * 3 + b"\0\0\xaa\xaa\3\0\0\0" + head + packet
    return packet


def pcap(records, link, order="<", nano=True, snaplen=262144):
    unit = 1 if nano else 1000
    parts = [struct.pack(order + "IHHiIII", 0xa1b23c4d if nano else 0xa1b2c3d4, 2, 4, 0, 0, snaplen, link)]
    for ns, data in records:
        parts.append(struct.pack(order + "IIII", ns // 10**9, ns % 10**9 // unit, len(data[:snaplen]), len(data)))
        parts.append(data[:snaplen])
    return b"".join(parts)


def block(order, kind, body):
    body += bytes(-len(body) % 4)
    size = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + size + body + size


def pcapng(records, link, order="<", snaplen=262144):
    parts = [block(order, 0x0a0d0d0a, struct.pack(order + "IHHq", 0x1a2b3c4d, 1, 0, -1)),
             block(order, 1, struct.pack(order + "HHIHHB3xHH", link, 0, snaplen, 9, 1, 9, 0, 0))]
    for ns, data in records:
        parts.append(block(order, 6, struct.pack(order + "IIIII", 0, ns >> 32, ns & 0xffffffff, len(data[:snaplen]),
                                                 len(data)) + data[:snaplen]))
    return b"".join(parts)


def snoop(records, _, snaplen=262144):
    """RFC 1761; its times are microseconds."""
    parts = [b"snoop\0\0\0" + struct.pack(">II", 2, 4)]
    for ns, data in records:
        body = data[:snaplen] + bytes(-len(data[:snaplen]) % 4)
        parts.append(struct.pack(">IIIIII", len(data), len(data[:snaplen]), 24 + len(body), 0, ns // 10**9,
                                 ns % 10**9 // 1000) + body)
    return b"".join(parts)


def two_interfaces(records, link):
    """Each frame on the interface of its direction, one in nanoseconds and one in microseconds since a later time."""
    parts = [block("<", 0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1)),
             block("<", 1, struct.pack("<HHIHHB3xHH", link, 0, 0, 9, 1, 9, 0, 0)),
             block("<", 1, struct.pack("<HHIHHB3xHHqHH", link, 0, 0, 9, 1, 6, 14, 8, 1600000000, 0, 0))]
    for ns, data in records:
        sent = data[6:12] == b"\2\0\0\0\0\2"
        units = (ns - 1600000000 * 10**9) // 1000 if sent else ns
        parts.append(block("<", 6, struct.pack("<IIIII", sent, units >> 32, units & 0xffffffff, len(data), len(data)) + data))
    return b"".join(parts)


def written(scenario, v6=False, link=1, tags=(), swapped=False, to=pcap, wrap=None, tag_type=0x8100, **how):
    records = []
    for frame in scenario.frames:
        all_tags = ((frame["tag"],) if frame["tag"] else ()) + tags
        records.append((BEGIN + frame["ns"], framed(packet_of(frame, v6, swapped), link, all_tags, frame["side"] == 1, wrap,
                                                        tag_type)))
    return to(records, link, **how)


WAYS = {
    "IPv6": {"v6": True}, "the greater address opens": {"swapped": True}, "in a VLAN": {"tags": (7,)},
    "in two VLAN tags, IPv6": {"tags": (7, 8), "v6": True}, "microseconds": {"nano": False},
    "big-endian": {"order": ">"}, "big-endian, microseconds, IPv6": {"order": ">", "nano": False, "v6": True},
    "pcapng": {"to": pcapng}, "pcapng, big-endian, IPv6": {"to": pcapng, "order": ">", "v6": True},
    "cooked": {"link": 113}, "cooked, version 2": {"link": 276}, "cooked, version 2, IPv6, pcapng":
        {"link": 276, "to": pcapng, "v6": True}, "raw": {"link": 101}, "cut behind the headers": {"snaplen": 66},
    "cut behind the headers, IPv6, in a VLAN": {"snaplen": 90, "v6": True, "tags": (7,)},
    "in a provider's VLAN": {"tags": (7,), "tag_type": 0x88a8}, "MPLS": {"wrap": mpls}, "PPPoE": {"wrap": pppoe},
    "PPPoE in two VLAN tags, IPv6": {"wrap": pppoe, "v6": True, "tags": (7, 8)}, "PPPoE, padded": {"wrap": pppoe_padded},
    "PPPoE, padded, IPv6": {"wrap": pppoe_padded, "v6": True}, "PPPoE, padded, cut": {"wrap": pppoe_padded, "snaplen": 74},
    "BSD loopback": {"link": 0}, "OpenBSD loopback, IPv6": {"link": 108, "v6": True}, "PPP": {"link": 9},
    "NFLOG": {"link": 239}, "NFLOG, IPv6": {"link": 239, "v6": True}, "802.11": {"link": 105},
    "802.11 and radiotap, IPv6": {"link": 127, "v6": True}, "raw IPv4": {"link": 228},
    "raw IPv6": {"link": 229, "v6": True}, "snoop": {"to": snoop}, "snoop, cut": {"to": snoop, "snaplen": 66},
    "pcapng of two interfaces": {"to": two_interfaces},
    "GRE": {"wrap": gre, "options": ("--decapsulate=all",)}, "GRE, IPv6": {"wrap": gre, "v6": True, "options": ("--decapsulate=all",)},
    "VXLAN": {"wrap": vxlan, "options": ("--decapsulate=all",)},
    "Geneve in a VLAN, IPv6": {"wrap": geneve, "v6": True, "tags": (7,), "options": ("--decapsulate=all",)},
}
COMMON = list(WAYS).index("in a provider's VLAN")
# Where a tag has no place.
UNTAGGED = (0, 9, 101, 105, 108, 127, 228, 229, 239)
# Where headers have other lengths, or addresses are others.
OTHER = ("laddr", "raddr", "peer", "server", "client", "cid", "rx_wire", "tx_wire", "netns")


def read(test, data, options=()):
    done = test.run("-r", test.path("variant.pcap", data), "-z", "conns", "-j", *options)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return [{key: value for key, value in row.items() if key not in OTHER} for row in rows if "summary" not in row], \
        rows[-1]["summary"] if rows else None


def difference(rows, plain):
    if len(rows) != len(plain):
        return ["%d rows, not %d" % (len(rows), len(plain))]
    return ["%s: %s, not %s" % (key, row.get(key), value) for row, other in zip(rows, plain)
            for key, value in other.items() if row.get(key) != value]


def unexplained(scenario, rows, summary):
    count = sum("udp" not in frame for frame in scenario.frames)
    counted = sum(row["rx_pkts"] + row["tx_pkts"] for row in rows) + sum(summary["left_out"].values())
    return [] if count == counted == summary["tcp_frames"] else \
        ["%d frames, %d counted of %d, %s" % (count, counted, summary["tcp_frames"], summary["left_out"])]


def main():
    test = cli.Cli()
    for turn, (name, make) in enumerate(SCENARIOS.items()):
        scenario = make()
        plain, summary = read(test, written(scenario))
        wrong = unexplained(scenario, plain, summary)
        for number, (way, how) in enumerate(WAYS.items()):
            # The rarer ones by turns; with ALL=1 in the environment each with each.
            if number >= COMMON and (number + turn) % 3 and not os.environ.get("ALL"):
                continue
            # Without a place for a tag it would be another scenario.
            if how.get("link") in UNTAGGED and any(frame["tag"] for frame in scenario.frames):
                continue
            how = dict(how)
            options = how.pop("options", ())
            rows, summary = read(test, written(scenario, **how), options)
            wrong += ["%s: %s" % (way, fault) for fault in
                      difference(rows, plain) + unexplained(scenario, rows, summary)]
        test.say(name + ", however it is carried", wrong)
    test.end()


main()
