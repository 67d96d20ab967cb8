#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""TLS_MS, TLS_VERSION and ALPN against the handshakes of the public captures as tshark reads them (TAP)."""
import collections
import json
import os
import statistics
import subprocess
import sys

from public import Comparison, captures

BUILD = os.environ.get("top_builddir", ".")
CONNTRACE = os.environ.get("CONNTRACE", os.path.join(BUILD, "conntrace"))
NAMES = {0x300: "ssl3", 0x301: "1.0", 0x302: "1.1", 0x303: "1.2", 0x304: "1.3"}

# What differs, and why.
DIFFERENCES = {
    "zeek/pppoe-over-qinq.pcap": "tshark has the frame that ends a record, 2 us after the one that begins it",
}


def ours(path):
    done = subprocess.run([CONNTRACE, "-q", "-j", "-z", "conns", "-r", path], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, timeout=60, check=False)
    rows = [json.loads(line) for line in done.stdout.decode("utf-8", "replace").splitlines()]
    return collections.Counter((row["tls_version"], row["alpn"], None if row["tls_ms"] is None else
                                round(row["tls_ms"] * 1000)) for row in rows if row["tls_version"] is not None)


def theirs(path):
    """The same of records: a ClientHello, a ServerHello, then application data of the first one's side."""
    fields = ["tcp.stream", "frame.time_epoch", "tcp.srcport", "tls.handshake.type", "tls.record.content_type",
              "tls.record.opaque_type", "tls.handshake.version", "tls.handshake.extensions.supported_version",
              "tls.handshake.extensions_alpn_str"]
    done = subprocess.run(["tshark", "-r", path, "-n", "-o", "tls.desegment_ssl_application_data:FALSE", "-Y", "tls && tcp",
                           "-T", "fields", "-E", "aggregator=;"] + [word for name in fields for word in ("-e", name)],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=120, check=False)
    streams = {}
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        number, when, port, kinds, content, opaque, legacy, version, alpn = line.split("\t")
        stream = streams.setdefault(number, {})
        now, kinds = int(when.split(".")[0]) * 10 ** 9 + int(when.split(".")[1]), kinds.split(";")
        if "1" in kinds and "hello" not in stream:
            stream["hello"] = (port, now)
        if "2" in kinds and "version" not in stream:
            stream["version"] = NAMES[int((version or legacy).split(";")[0], 16)]
            stream["alpn"] = alpn or None
        if "version" in stream and "hello" in stream and stream["hello"][0] == port and "data" not in stream and \
                "23" in (content + ";" + opaque).split(";"):
            stream["data"] = (now - stream["hello"][1]) // 1000
    return collections.Counter((stream["version"], stream["alpn"], stream.get("data")) for stream in streams.values()
                               if "version" in stream)


def rows_of(path, *words):
    done = subprocess.run([CONNTRACE, "-q", "-j", "-r", path, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          timeout=60, check=False)
    return [json.loads(line) for line in done.stdout.decode("utf-8", "replace").splitlines()]


def folded(path, spans):
    """What differs between TLS_MS of connections, and the same in a group and in a histogram."""
    keys = ("tls_ms", "tls_p95_ms", "tls_max_ms")
    ranked = [statistics.median(spans)] + [sorted(spans)[-(-len(spans) * percent // 100) - 1] for percent in (95, 100)]
    group = rows_of(path, "--by=proto", "-O", "TLS_MS,TLS_P95_MS,TLS_MAX_MS")
    bins = [row for row in rows_of(path, "-z", "histogram,TLS_MS") if row["from_ms"] is not None]
    inside = [sum(row["from_ms"] <= span < row["to_ms"] for span in spans) for row in bins]
    # The median of an even number is the mean of two, rounded.
    is_near = len(group) == 1 and all(abs(group[0][key] - wanted) < 0.0011 for key, wanted in zip(keys, ranked))
    wrong = [] if is_near else ["group %s of %s" % (group, spans)]
    return wrong + ([] if inside == [row["count"] for row in bins] and sum(inside) == len(spans) else ["histogram %s" % bins])


def main():
    comparison = Comparison()
    for path, name in captures(1):
        got = ours(path)
        if got or name in DIFFERENCES:
            wanted = theirs(path)
            comparison.say(name, got == wanted, DIFFERENCES.get(name),
                           ["only ours: %s; only tshark's: %s" % (dict(got - wanted), dict(wanted - got))])
        spans = [row["tls_ms"] for row in rows_of(path, "-z", "conns") if row.get("tls_ms") is not None]
        if spans:
            wrong = folded(path, spans)
            comparison.say(name + ", folded", not wrong, None, wrong)
    return comparison.end()


if __name__ == "__main__":
    sys.exit(main())
