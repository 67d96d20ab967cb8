#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Points of the graphs of --html against tshark: (sequence number, payload) of each segment of the same connection, and which
of them tshark calls retransmissions (TAP). ALL=1 takes every capture instead of each sixth."""
import collections
import json
import os
import re
import subprocess
import sys
import tempfile

from public import Comparison, captures

BUILD = os.environ.get("top_builddir", ".")
CONNTRACE = os.environ.get("CONNTRACE", os.path.join(BUILD, "conntrace"))
SAMPLE = 1 if os.environ.get("ALL", "") not in ("", "0") else 6
RESENT, PART, FRAGMENT = 2, 4, 128

# What differs, and why.
DIFFERENCES = {
    "suricata-verify/bug-4376__syn_retransmit_with_ts.pcap": "a segment that was seen before is out of order for tshark, as it came within 3 ms",
    "zeek/smtp.pcap": "a segment that overlaps one seen before is out of order for tshark",
    "zeek/pppoe-over-qinq.pcap": "two segments that are sent again after 1.5 s are out of order for tshark",
    "zeek/tcp__reassembly.pcap": "a frame was cut before it was captured: IP and the other side's ACK say 1,448 bytes, tshark counts the 1,440 left",
}


def ours(path):
    """Return: by both ends the points [side is the opener's or not, seq, len] and of those what was resent."""
    with tempfile.TemporaryDirectory() as folder:
        page = os.path.join(folder, "x.html")
        done = subprocess.run([CONNTRACE, "-q", "-j", "-z", "conns", "--html", page, "-r", path], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, timeout=60, check=False)
        # tshark counts copies of frames as retransmissions.
        copied = {row["conn"] for row in map(json.loads, done.stdout.splitlines()) if row["copies"] != 0}
        with open(page, encoding="utf-8") as file:
            data = json.loads(re.search(r'id="data">(.*?)</script>', file.read(), re.S)[1])
    rows = {row[0]: dict(zip(data["conn_columns"], row)) for row in data["conns"]}
    found = {}
    for graph in data["graphs"]:
        row, numbers = rows.get(graph["id"]), graph["p"]
        points = [numbers[i:i + 8] for i in range(0, len(numbers), 8)]
        # Numbers count from the SYN, if there is one; fragments count their own part.
        has_syns = {point[1] for point in points if point[2] & 2} == {0, 1}
        if row is None or row["conn"] in copied or graph["cut"] or not has_syns or any(point[7] & FRAGMENT for point in points):
            continue
        ends = ((row["laddr"], row["lport"]), (row["raddr"], row["rport"]))
        key = ends, ends[points[0][1]]
        found[key] = (collections.Counter((ends[point[1]], point[3], point[4]) for point in points if not point[2] & 4),
                      collections.Counter((ends[point[1]], point[3], point[4]) for point in points if point[7] & (RESENT | PART) and point[4]))
    return found


def theirs(path, wanted):
    fields = ["tcp.stream", "ip.src", "ipv6.src", "ip.dst", "ipv6.dst", "tcp.srcport", "tcp.dstport", "tcp.seq", "tcp.len", "tcp.flags.reset",
              "tcp.analysis.retransmission", "tcp.analysis.fast_retransmission", "tcp.analysis.spurious_retransmission"]
    done = subprocess.run(["tshark", "-r", path, "-n", "-Y", "tcp && !icmp && !icmpv6", "-T", "fields", "-E", "occurrence=l"] +
                          [word for name in fields for word in ("-e", name)],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=120, check=False)
    streams = collections.defaultdict(lambda: [None, collections.Counter(), collections.Counter()])
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        stream, src4, src6, dst4, dst6, port, to, seq, length, reset, *again = line.split("\t")
        source, target = (src6 or src4, int(port)), (dst6 or dst4, int(to))
        found = streams[stream]
        found[0] = found[0] or source
        found[0:1] = [found[0]]
        if reset not in ("1", "True"):
            found[1][(source, int(seq), int(length or 0))] += 1
        if any(again) and int(length or 0):
            found[2][(source, int(seq), int(length or 0))] += 1
        found.append(target) if len(found) == 3 else None
    made = collections.defaultdict(list)
    for opener, points, resent, target in (value for value in streams.values() if len(value) == 4):
        made[frozenset((opener, target))].append((points, resent))
    return {key: made[frozenset(key[0])] for key in wanted}


def main():
    comparison = Comparison()
    for path, name in captures(SAMPLE):
        got = ours(path)
        if not got:
            continue
        wanted, wrong = theirs(path, got), []
        for key, (points, resent) in got.items():
            if len(wanted[key]) != 1:
                continue
            if points != wanted[key][0][0]:
                wrong.append("%s: only ours %s, only theirs %s" % (key[0], list((points - wanted[key][0][0]).items())[:3],
                                                                   list((wanted[key][0][0] - points).items())[:3]))
            elif resent != wanted[key][0][1]:
                wrong.append("%s: resent only ours %s, only theirs %s" % (key[0], list((resent - wanted[key][0][1]).items())[:3],
                                                                          list((wanted[key][0][1] - resent).items())[:3]))
        comparison.say(name, not wrong, DIFFERENCES.get(name), wrong[:3])
    return comparison.end()


if __name__ == "__main__":
    sys.exit(main())
