#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows of sums add up, whatever was read: each row in itself, and all rows of a report to the same connections (TAP).

Read are the recordings of golden/ and, of the captures in the folder CONNTRACE_CAPTURES, as many small ones as fit
into some seconds, spread over all; all of them with --all or ALL=1.
"""
import glob
import json
import os
import subprocess
import sys
import time

SOURCE = os.environ.get("top_srcdir", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
CONNTRACE = os.environ.get("CONNTRACE", os.path.join(os.environ.get("top_builddir", "."), "conntrace"))
FAILURES = ("refused", "reset", "timeout", "unreach", "abort", "error")
ALL = "--all" in sys.argv or os.environ.get("ALL", "") not in ("", "0")
SMALL, SECONDS = (10_000_000, 0) if ALL else (300_000, 10)
BYS = ("peer,dir,port", "result", "dir,comm", "cidr/16")


def fault_of(row):
    """Return: what does not add up in a row, or None."""
    if row["fail"] != sum(row[name] for name in FAILURES):
        return "FAIL is not the sum of its kinds"
    if row["conns"] != row["ok"] + row["fail"] + row["pending"] + row["unknown"]:
        return "CONNS is not OK + FAIL + PENDING + UNKNOWN"
    for figure in ("hs_ms", "queue_ms"):
        values = [row[figure], row[figure.replace("_ms", "_p95_ms")], row[figure.replace("_ms", "_max_ms")]]
        if None not in values and values != sorted(values):
            return "median, percentile and maximum of %s are not in order" % figure
    return None


def report(words, *options):
    done = subprocess.run([CONNTRACE, "-q", "-j"] + words + list(options), stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, timeout=120, check=False)
    return [json.loads(line) for line in done.stdout.decode("utf-8", "replace").splitlines()]


def faults(words):
    """Return: (rows looked at, what is wrong with them)"""
    conns, wrong, count = report(words, "-z", "conns"), [], 0
    for by in BYS:
        rows = report(words, "-z", "peers", "--by=" + by)
        wrong += ["%s: %r" % (fault_of(row), row) for row in rows if fault_of(row)]
        count += len(rows)
        for result in FAILURES + ("ok", "pending", "unknown"):
            listed = sum(row["result"] == result for row in conns)
            if sum(row[result] for row in rows) != listed:
                wrong.append("--by=%s has not %d connections that are %s" % (by, listed, result))
    for choice in ("--only=failed", "--only=reset,syn-rtx", "--dir=in", "--limit=1") if ALL else ("--only=failed",):
        rows = report(words, "-z", "peers", choice)
        wrong += ["%s with %s: %r" % (fault_of(row), choice, row) for row in rows if fault_of(row)]
    rows = report(words, "-z", "groups", "--group=low:RX@*:0-1023", "--group=low:TX@*:0-1023")
    wrong += ["%s: %r" % (fault_of(row), row) for row in rows if fault_of(row)]
    return count + len(rows), wrong


def captures():
    """Small captures, every part of the collection early, and the cases of CONNTRACE_CASES."""
    folders = [os.environ[name] for name in ("CONNTRACE_CASES", "CONNTRACE_CAPTURES") if os.environ.get(name)]
    found = sorted(path for folder in folders for path in glob.glob(os.path.join(folder, "**", "*"), recursive=True)
                   if path.endswith((".pcap", ".pcapng", ".cap", ".pcap.gz", ".ev")) and os.path.getsize(path) < SMALL)
    step = max(1, len(found) // 64)
    return [path for first in range(step) for path in found[first::step]]


def main():
    recordings = sorted(glob.glob(os.path.join(SOURCE, "tests", "replay", "golden", "*.ev")))
    begun, failed, read, rows_read, wrong = time.monotonic(), 0, 0, 0, []
    print("1..%d" % (len(recordings) + 1))
    for number, path in enumerate(recordings, 1):
        count, found = faults(["--replay=" + path])
        print("%s %d - %s" % ("ok" if count and not found else "not ok", number, os.path.basename(path)))
        for fault in found:
            print("# " + fault)
        failed += bool(found) or not count
    for path in captures():
        if not ALL and time.monotonic() - begun > SECONDS:
            break
        count, found = faults(["--replay=" + path if path.endswith(".ev") else "-r" + path])
        read, rows_read = read + 1, rows_read + count
        wrong += ["%s: %s" % (path, fault) for fault in found]
    if not os.environ.get("CONNTRACE_CAPTURES"):
        print("ok %d - captures # SKIP CONNTRACE_CAPTURES names no folder" % (len(recordings) + 1))
        return 1 if failed else 0
    print("%s %d - %d captures, %d rows" % ("ok" if rows_read and not wrong else "not ok", len(recordings) + 1, read, rows_read))
    for fault in wrong[:20]:
        print("# " + fault)
    return 1 if failed or wrong or not rows_read else 0


if __name__ == "__main__":
    sys.exit(main())
