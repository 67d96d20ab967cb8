#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets that a savefile tells no time of (simple packets of pcapng): no time, no span, no time-out comes of them (TAP)."""
import json
import os
import subprocess
import sys

BUILD = os.environ.get("top_builddir", ".")
CONNTRACE = os.environ.get("CONNTRACE", os.path.join(BUILD, "conntrace"))
MKPCAP = os.path.join(BUILD, "tests/helpers/mkpcap")

FLOWS = "flow a 198.51.100.1 40000 192.0.2.1 80\nflow b 198.51.100.1 40001 192.0.2.1 81\nflow c 198.51.100.1 40002 192.0.2.1 82\n"
WHOLE = """+0 a > S seq 100 mss 1460%(t)s
+1 a > S seq 100 mss 1460%(t)s
+0.01 a < SA seq 500 ack 101 mss 1460%(t)s
+0.02 a > A seq 101 ack 501%(t)s
+0.1 a > PA seq 101 ack 501 len 700%(t)s
+0.1 a > PA seq 101 ack 501 len 700%(t)s
+0.01 a < PA seq 501 ack 801 len 1300%(t)s
+0.01 a > FA seq 801 ack 1801%(t)s
+0 a < FA seq 1801 ack 802%(t)s
+0.01 a > A seq 802 ack 1802%(t)s
"""
TIMELESS = {"t": " notime"}
# Of every column that tells a time or a span.
TIMES = ["start", "end", "dur_s", "connect_ms", "hs_ms", "hs_net_ms", "hs_ack_ms", "queue_ms", "rtt_ms", "minrtt_ms", "gap_ms"]
UNKNOWN = dict.fromkeys(TIMES)

count = 0
failed = 0


def check(name, got, wanted):
    """Each key of wanted must be so in got."""
    global count, failed
    wrong = ["%s is %r, not %r" % (key, got.get(key), value) for key, value in wanted.items() if got.get(key) != value]
    count += 1
    failed += bool(wrong)
    print("%sok %d - %s" % ("not " if wrong else "", count, name))
    for line in wrong:
        print("# " + line)


def run(script, *options):
    capture = subprocess.run([MKPCAP, "-f", "pcapng"], input=(FLOWS + script).encode(), stdout=subprocess.PIPE, check=True,
                             timeout=10)
    done = subprocess.run([CONNTRACE, "-q", "-r", "-", *options], input=capture.stdout, stdout=subprocess.PIPE, check=True,
                          timeout=10, env=dict(os.environ, TZ="UTC"))
    return done.stdout.decode()


def rows(script, *options):
    found = [json.loads(line) for line in run(script, "-j", *options).splitlines()]
    return [row for row in found if "summary" not in row]


def main():
    whole = WHOLE % TIMELESS
    conns = rows(whole, "-z", "conns")
    check("one connection", {"rows": len(conns)}, {"rows": 1})
    check("its times are unknown", conns[0], UNKNOWN)
    check("what needs no time is known", conns[0],
          {"result": "ok", "dir": "in", "syn_rtx": 1, "rx_bytes": 700, "tx_bytes": 1300, "retrans": 1, "state": "closed",
           "close": "rfin", "why": ["syn-rtx"]})
    check("peers", rows(whole, "-z", "peers")[0],
          {"conns": 1, "fail": 0, "hs_ms": None, "hs_p95_ms": None, "hs_max_ms": None, "rtt_ms": None, "dur_s": None, "rate": None,
           "first": None, "last": None, "rx_bytes": 700})
    check("groups", [row for row in rows(whole, "-z", "groups") if row["group"] == "RX"][0], {"ok": 1, "fail": 0, "hs_ms": None, "first": None})
    check("io,stat of the whole", rows(whole, "-z", "io,stat,0")[0], {"start": None, "dur_s": None, "frames": 10})
    check("io,stat by interval", {"rows": rows(whole, "-z", "io,stat,1")}, {"rows": []})
    check("a table", {"first": run(whole, "-z", "conns", "-H").split()[0]}, {"first": "-"})
    ladder = run(whole, "--ladder=all").splitlines()
    check("a ladder has no time", {"lines": [line for line in ladder[1:] if line and not line.lstrip().startswith("-")]},
          {"lines": []})
    entries = rows(whole, "--ladder=full")
    check("nor have its entries", {"times": {row["time"] for row in entries}, "some": len(entries) > 8},
          {"times": {None}, "some": True})

    # With one packet of many, all times of its connection are unknown, and those of the others are not.
    mixed = (WHOLE % {"t": ""}).replace("len 1300", "len 1300 notime") + "+0 b > S seq 7\n+0.5 b < RA seq 0 ack 8\n"
    by_port = {row["lport"]: row for row in rows(mixed, "-z", "conns")}
    check("one packet without a time", by_port[80], dict(UNKNOWN, rx_bytes=700, tx_bytes=1300, retrans=1))
    check("and another connection", by_port[81], {"result": "refused", "dur_s": 0.5})

    # A SYN without a time is never as old as a time-out; it does not keep others from being so, nor make them so.
    waiting = "+0 a > S seq 100 notime\n+0 b > S seq 7\n+200 c > S seq 9\n+0 a > S seq 100 notime\n"
    by_port = {row["lport"]: row for row in rows(waiting, "-z", "conns")}
    check("an attempt without times", by_port[80], dict(UNKNOWN, result="pending", syn_rtx=1))
    check("one that timed out", by_port[81], {"result": "timeout"})
    check("one that has just begun", by_port[82], {"result": "pending"})

    # What was recorded is read back as it was.
    recorded = os.path.join(BUILD, "tests", "timeless.%d.ev" % os.getpid())
    run(mixed, "--record", recorded)
    again = subprocess.run([CONNTRACE, "-q", "-j", "-z", "conns", "--replay", recorded], stdout=subprocess.PIPE, check=True,
                           timeout=10)
    os.unlink(recorded)
    by_port = {row["lport"]: row for row in map(json.loads, again.stdout.decode().splitlines()) if "lport" in row}
    check("replayed", by_port[80], dict(UNKNOWN, rx_bytes=700, tx_bytes=1300))
    print("1..%d" % count)
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
