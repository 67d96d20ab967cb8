#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""FIRST_MS and XFER_MS against the segments of the public captures as tshark reads them: from the opener's last byte
before an answer to its first byte, and from there to the last new byte before the opener sends more (TAP). ALL=1 takes every capture instead of each fourth."""
import collections
import json
import os
import subprocess
import sys

from public import Comparison, captures

BUILD = os.environ.get("top_builddir", ".")
CONNTRACE = os.environ.get("CONNTRACE", os.path.join(BUILD, "conntrace"))
SAMPLE = 1 if os.environ.get("ALL", "") not in ("", "0") else 4

# What differs, and why.
DIFFERENCES = {}


def ours(path):
    """Return: ends of each connection that has the time, and microseconds of both; how histogram,FIRST_MS counts them."""
    done = subprocess.run([CONNTRACE, "-q", "-j", "-z", "conns", "-z", "histogram,FIRST_MS", "-r", path],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60, check=False)
    rows = [json.loads(line) for line in done.stdout.decode("utf-8", "replace").splitlines()]
    conns = [row for row in rows if row["report"] == "conns" and row["first_ms"] is not None]
    counted = sum(row["count"] for row in rows if row["report"] != "conns" and row["from_ms"] is not None)
    return collections.Counter((row["client"], row["server"], round(row["first_ms"] * 1000), round(row["xfer_ms"] * 1000)) for row in conns), counted


def theirs(path):
    """The same of segments: who opened is known by a SYN, and a segment without new bytes does not count."""
    fields = ["tcp.stream", "frame.time_epoch", "ip.src", "ipv6.src", "ip.dst", "ipv6.dst", "tcp.srcport", "tcp.dstport", "tcp.len",
              "tcp.flags.syn", "tcp.flags.ack", "tcp.seq", "tcp.nxtseq"]
    done = subprocess.run(["tshark", "-r", path, "-n", "-Y", "tcp && !icmp && !icmpv6", "-T", "fields", "-E", "occurrence=l"] +
                          [word for name in fields for word in ("-e", name)],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=120, check=False)
    streams = {}
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        number, when, src4, src6, dst4, dst6, port, to, length, syn, ack, seq, after = line.split("\t")
        stream = streams.setdefault(number, {"opener": None, "asked": None, "wait": None, "first": None, "last": None,
                                             "over": False, "seen": {}})
        source, receiver = (src6 or src4, port), (dst6 or dst4, to)
        if syn in ("1", "True") and stream["opener"] is None:
            ends = (receiver, source) if ack in ("1", "True") else (source, receiver)
            stream["opener"], stream["ends"] = ends[0], (ends[0][0], ends[1][0])
        first, end = int(seq or 0), int(after or 0)
        spans = stream["seen"].setdefault(source, [])
        for low, high in sorted(spans):
            first = high if low <= first < high else first
        if int(length or 0) == 0 or end <= first:
            continue
        spans.append((first, end))
        # Nanoseconds: a float does not hold them since the epoch.
        now = int(when.split(".")[0]) * 10 ** 6 + int(when.split(".")[1][:6])
        if source == stream["opener"]:
            stream["over"] = stream["first"] is not None
            stream["asked"] = now
        elif stream["opener"] and stream["first"] is None:
            stream["first"] = stream["last"] = now
            stream["wait"] = now - stream["asked"] if stream["asked"] is not None else None
        elif stream["opener"] and not stream["over"]:
            stream["last"] = now
    return collections.Counter(stream["ends"] + (stream["wait"], stream["last"] - stream["first"])
                               for stream in streams.values() if stream["wait"] is not None)


def main():
    comparison = Comparison()
    for path, name in captures(SAMPLE):
        (got, counted), wanted = ours(path), theirs(path)
        if got or wanted:
            comparison.say(name, got == wanted and counted == sum(got.values()), DIFFERENCES.get(name),
                           ["only ours: %s; only tshark's: %s; %d in the histogram" % (
                               dict(got - wanted), dict(wanted - got), counted)])
    return comparison.end()


if __name__ == "__main__":
    sys.exit(main())
