#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--lport and the like narrow what the kernel captures, and let through what may be of the connections they want."""
import json
import signal
import socket
import struct

from lib import (CONNTRACE, Process, Skip, check, children, enter_namespace, equal, main, need, run, status_field, test,
                 wait_for)

HERE, THERE = socket.inet_aton("192.0.2.1"), socket.inet_aton("192.0.2.2")
SYN = 2


def ethernet(content, *tags, kind=0x0800):
    for tag in reversed(tags):
        content = struct.pack(">HH", 7, kind) + content
        kind = tag
    return b"\x02" + b"\0" * 4 + b"\x02" + b"\x02" + b"\0" * 4 + b"\x01" + struct.pack(">H", kind) + content


def ipv4(protocol, payload, fragment=0):
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, fragment, 64, protocol, 0, THERE, HERE) + payload


def syn(sport, dport):
    return struct.pack(">HHIIBBHHH", sport, dport, 1000, 0, 5 << 4, SYN, 64240, 0, 0)


def frames():
    """What is wanted of --lport=80, and what else there is."""
    quoted = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40, 1, 0, 64, 6, 0, HERE, THERE) + syn(80, 4000)[:8]
    wanted = [ethernet(ipv4(6, syn(4001, 80))), ethernet(ipv4(6, syn(4002, 80)), 0x8100),
              ethernet(ipv4(6, syn(4003, 80)), 0x88a8, 0x8100), ethernet(ipv4(6, syn(80, 4004))),
              ethernet(ipv4(6, b"x" * 64, 0x0003)), ethernet(ipv4(1, b"\x03\x03" + b"\0" * 6 + quoted))]
    others = [ethernet(ipv4(6, syn(port, 81))) for port in range(5000, 5200)]
    others += [ethernet(ipv4(17, struct.pack(">HHHH", 80, 80, 8, 0)))] * 50
    others += [ethernet(ipv4(1, b"\x08" + b"\0" * 7))] * 50
    return wanted, others


def captured(*options):
    """The accounts of a capture of them all."""
    trace = Process([CONNTRACE, "-i", "narrow1", "-z", "conns", "-j", *options])
    # With its filter, which the packet process has set before it is confined.
    wait_for(lambda: [pid for pid in children(trace.pid) if status_field(pid, "Seccomp") == "2"] or not trace.alive(),
             "conntrace to capture")
    sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sender.bind(("narrow0", 0))
    wanted, others = frames()
    for frame in others[::2] + wanted + others[1::2]:
        sender.send(frame)
    sender.close()
    trace.signal(signal.SIGINT)
    equal(trace.wait(), 0, "exit status: " + trace.err)
    rows = [json.loads(line) for line in trace.out.splitlines()]
    return rows[:-1], rows[-1]["summary"]


@test("of 306 packets the 6 that may be of port 80 are captured: tagged ones, a fragment and an error too")
def counted():
    need("ip")
    made = run(["ip", "link", "add", "narrow0", "type", "veth", "peer", "name", "narrow1"])
    if made.status != 0:
        raise Skip("no veth here: " + made.err.strip())
    # A host that speaks by itself would be counted.
    run(["sh", "-c", "for i in narrow0 narrow1; do echo 1 >/proc/sys/net/ipv6/conf/$i/disable_ipv6; "
                     "ip link set $i arp off up; done"])
    wanted, others = frames()
    for options, packets, ports in ((["--lport=80"], len(wanted), {80}),
                                    (["--lport=80", "--filter", "tcp or vlan"], 5, {80}),
                                    (["--rport=80"], len(wanted), {4004}),
                                    ([], len(wanted) + len(others) - 50, None),
                                    (["-6"], 0, set()), (["--peer=192.0.2.7"], 2, set())):
        rows, summary = captured(*options)
        equal(summary["packets"], packets, "packets with %s" % options)
        if ports is not None:
            check({row["lport"] for row in rows} <= ports, "rows with %s: %s" % (options, rows))
    rows, _ = captured("--lport=80")
    equal(sorted(row["rport"] for row in rows), [4001, 4002, 4003], "connections to port 80")
    run(["ip", "link", "del", "narrow0"])


if __name__ == "__main__":
    enter_namespace()
    main()
