#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""FIRST_MS against the segments of the public captures as tshark reads them: from the opener's last byte before an
answer to its first byte (TAP). ALL=1 takes every capture instead of each fourth."""
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
    """Return: ends of each connection that has the time, and its microseconds; how histogram,FIRST_MS counts them."""
    done = subprocess.run([CONNTRACE, "-q", "-j", "-z", "conns", "-z", "histogram,FIRST_MS", "-r", path],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60, check=False)
    rows = [json.loads(line) for line in done.stdout.decode("utf-8", "replace").splitlines()]
    conns = [row for row in rows if row["report"] == "conns" and row["first_ms"] is not None]
    counted = sum(row["count"] for row in rows if row["report"] != "conns" and row["from_ms"] is not None)
    return collections.Counter((row["client"], row["server"], round(row["first_ms"] * 1000)) for row in conns), counted


def theirs(path):
    """The same of segments: who opened is known by a SYN, and a segment without new bytes does not count."""
    fields = ["tcp.stream", "frame.time_epoch", "ip.src", "ipv6.src", "ip.dst", "ipv6.dst", "tcp.srcport", "tcp.dstport", "tcp.len",
              "tcp.flags.syn", "tcp.flags.ack", "tcp.seq", "tcp.nxtseq"]
    done = subprocess.run(["tshark", "-r", path, "-n", "-Y", "tcp && !icmp && !icmpv6", "-T", "fields", "-E", "occurrence=l"] +
                          [word for name in fields for word in ("-e", name)],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=120, check=False)
    streams, found = {}, collections.Counter()
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        number, when, src4, src6, dst4, dst6, port, to, length, syn, ack, seq, after = line.split("\t")
        stream = streams.setdefault(number, {"opener": None, "asked": None, "done": False, "next": {}})
        source, receiver = (src6 or src4, port), (dst6 or dst4, to)
        if syn in ("1", "True") and stream["opener"] is None:
            ends = (receiver, source) if ack in ("1", "True") else (source, receiver)
            stream["opener"], stream["ends"] = ends[0], (ends[0][0], ends[1][0])
        is_new = int(length or 0) > 0 and int(after or 0) > stream["next"].get(source, 0)
        if not is_new:
            continue
        stream["next"][source] = int(after)
        if source == stream["opener"]:
            stream["asked"] = when
        elif stream["opener"] and not stream["done"]:
            stream["done"] = True
            if stream["asked"]:
                # Nanoseconds: a float does not hold them since the epoch.
                spans = [int(time.split(".")[0]) * 10 ** 6 + int(time.split(".")[1][:6]) for time in (stream["asked"], when)]
                found[stream["ends"] + (spans[1] - spans[0],)] += 1
    return found


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
