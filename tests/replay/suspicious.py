#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What makes a connection suspicious: one connection for each reason, and some that have none (TAP)."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
import cli

BUILD = os.environ.get("top_builddir", ".")
CONNTRACE = os.environ.get("CONNTRACE", os.path.join(BUILD, "conntrace"))
MKPCAP = os.path.join(BUILD, "tests/helpers/mkpcap")

OPEN = """
flow %(f)s 198.51.100.1 %(port)d 192.0.2.1 80
+0 %(f)s > S seq 100
+0.001 %(f)s < SA seq 500 ack 101
+0.001 %(f)s > A seq 101 ack 501
"""
CLOSE = """
+0.001 %(f)s > AF seq %(seq)d ack 501
+0.001 %(f)s < AF seq 501 ack %(fin)d
+0.001 %(f)s > A seq %(fin)d ack 502
"""

# name, what happens, WHY of --suspicious as it is without thresholds
SCENARIOS = (
    ("clean", OPEN + "+0.1 %(f)s > A seq 101 ack 501 len 10\n+0.001 %(f)s < A seq 501 ack 111\n" + CLOSE, None),
    ("refused", "flow %(f)s 198.51.100.1 %(port)d 192.0.2.1 80\n+0 %(f)s > S seq 100\n+0.01 %(f)s < RA seq 0 ack 101\n",
     ["failed"]),
    # A RST by the opener, after the SYN/ACK.
    ("scanned", "flow %(f)s 198.51.100.1 %(port)d 192.0.2.1 80\n+0 %(f)s > S seq 100\n+0.01 %(f)s < SA seq 500 ack 101\n"
     "+0.01 %(f)s > R seq 101\n", ["failed", "reset"]),
    ("reset", OPEN + "+0.1 %(f)s < RA seq 501 ack 101\n", ["reset"]),
    # One side has closed, the other answers with a RST: that is how many close.
    ("half-closed", OPEN + "+0.1 %(f)s < AF seq 501 ack 101\n+0.01 %(f)s > A seq 101 ack 502\n+0.01 %(f)s > R seq 101\n",
     None),
    # What was sent after the FIN is answered with a RST and lost: a connection kept alive that the other side had closed.
    ("kept-alive", OPEN + "+0.1 %(f)s > A seq 101 ack 501 len 10\n+0.01 %(f)s < A seq 501 ack 111 len 9\n"
     "+0.01 %(f)s > A seq 111 ack 510\n+1 %(f)s < AF seq 510 ack 111\n+0.01 %(f)s > A seq 111 ack 511\n"
     "+1 %(f)s > A seq 111 ack 511 len 10\n+0.01 %(f)s < R seq 511\n", ["reset"]),
    ("syn", "flow %(f)s 198.51.100.1 %(port)d 192.0.2.1 80\n+0 %(f)s > S seq 100\n+1 %(f)s > S seq 100\n"
     "+0.001 %(f)s < SA seq 500 ack 101\n+0.001 %(f)s > A seq 101 ack 501\n" + CLOSE.replace("%(seq)d", "101").replace(
         "%(fin)d", "102"), ["syn-rtx"]),
    ("synack", "flow %(f)s 198.51.100.1 %(port)d 192.0.2.1 80\n+0 %(f)s > S seq 100\n+0.001 %(f)s < SA seq 500 ack 101\n"
     "+1 %(f)s < SA seq 500 ack 101\n+0.001 %(f)s > A seq 101 ack 501\n" + CLOSE.replace("%(seq)d", "101").replace(
         "%(fin)d", "102"), ["syn-rtx"]),
    # Resent after 0.3 s, and after 1.2 s.
    ("resent-soon", OPEN + "+0.1 %(f)s > A seq 101 ack 501 len 10\n+0.3 %(f)s > A seq 101 ack 501 len 10\n"
     "+0.001 %(f)s < A seq 501 ack 111\n" + CLOSE, None),
    ("resent-late", OPEN + "+0.1 %(f)s > A seq 101 ack 501 len 10\n+1.2 %(f)s > A seq 101 ack 501 len 10\n"
     "+0.001 %(f)s < A seq 501 ack 111\n" + CLOSE, ["retrans"]),
    # In two steps: the second copy is 1.1 s after the original, 0.8 s after the first copy.
    ("resent-twice", OPEN + "+0.1 %(f)s > A seq 101 ack 501 len 10\n+0.3 %(f)s > A seq 101 ack 501 len 10\n"
     "+0.8 %(f)s > A seq 101 ack 501 len 10\n+0.001 %(f)s < A seq 501 ack 111\n" + CLOSE, ["retrans"]),
    # Keep-alives are no resent data.
    ("keep-alive", OPEN + "+0.1 %(f)s > A seq 101 ack 501 len 10\n+0.001 %(f)s < A seq 501 ack 111\n"
     "+20 %(f)s > A seq 110 ack 501 len 1\n+0.001 %(f)s < A seq 501 ack 111\n" + CLOSE, None),
    ("fragments", OPEN + "+0.1 %(f)s > A seq 101 ack 501 len 10 frag\n+0.001 %(f)s < A seq 501 ack 111\n" + CLOSE,
     ["frag"]),
    # The opener has lost its memory: another SYN while the first connection lives. Two rows.
    ("again", OPEN + "+1 %(f)s > S seq 70000\n+0.001 %(f)s < SA seq 90000 ack 70001\n+0.001 %(f)s > A seq 70001 ack 90001\n"
     "+0.001 %(f)s > AF seq 70001 ack 90001\n+0.001 %(f)s < AF seq 90001 ack 70002\n+0.001 %(f)s > A seq 70002 ack 90002\n",
     ["dup"]),
    # The same ports after a proper end are nothing.
    ("reused", OPEN + CLOSE.replace("%(seq)d", "101").replace("%(fin)d", "102") +
     "+1 %(f)s > S seq 70000\n+0.001 %(f)s < SA seq 90000 ack 70001\n+0.001 %(f)s > A seq 70001 ack 90001\n"
     "+0.001 %(f)s > AF seq 70001 ack 90001\n+0.001 %(f)s < AF seq 90001 ack 70002\n+0.001 %(f)s > A seq 70002 ack 90002\n",
     None),
    # Half closed and then left, more than 30 s before the end.
    ("left", OPEN + "+0.1 %(f)s < AF seq 501 ack 101\n+0.01 %(f)s > A seq 101 ack 502\n", ["idle"]),
    ("silent", OPEN + "+1000 %(f)s > A seq 101 ack 501 len 10\n+0.001 %(f)s < A seq 501 ack 111\n" + CLOSE, ["idle"]),
    # Still open at the end of the file, but heard of lately.
    ("alive", OPEN, None),
)


def run(*words):
    done = subprocess.run([CONNTRACE, "-r", "-", "-z", "conns", "-j"] + list(words), input=CAPTURE, capture_output=True,
                          timeout=30, check=False)
    if done.returncode != 0:
        print("# " + done.stderr.decode())
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def names_of(rows):
    return {SCENARIOS[row["rport"] - 40000][0] for row in rows if "rport" in row}


def main():
    tap = cli.Cli()
    rows = [row for row in run("-O", "RPORT,WHY,STATE") if "rport" in row]
    why = {}
    for row in rows:
        why.setdefault(SCENARIOS[row["rport"] - 40000][0], []).append(row["why"])
    for name, _, wanted in SCENARIOS:
        tap.equal("WHY of %s" % name, why[name], [wanted] * (2 if name in ("again", "reused") else 1))
    suspicious = {name for name, _, reasons in SCENARIOS if reasons}
    rows = run("--suspicious")
    tap.equal("--suspicious shows those, and no other", names_of(rows), suspicious)
    tap.equal("their number", len(rows) - 1, len(suspicious) + 1)
    summary = rows[-1]["summary"]
    tap.equal("the accounts: how many there were, how many are shown", (summary["connections"], summary["shown"]),
              (len(SCENARIOS) + 2, len(suspicious) + 1))
    tap.equal("the accounts: why", {word: count for word, count in summary["why"].items() if count},
              {"failed": 2, "reset": 3, "syn-rtx": 2, "retrans": 2, "frag": 1, "dup": 2, "idle": 2})
    for word in ("failed", "reset", "syn-rtx", "frag", "dup", "idle"):
        tap.equal("--only=" + word, names_of(run("--only=" + word)),
                  {name for name, _, reasons in SCENARIOS if reasons and word in reasons})
    tap.equal("each RST is counted, also one that is no reason", [row["rx_rst"] for row in run("-O", "RPORT,RX_RST")
              if row.get("rport") == 40000 + [name for name, _, _ in SCENARIOS].index("half-closed")], [1])
    tap.equal("--only=retrans: any resent segment", names_of(run("--only=retrans")),
              {"resent-soon", "resent-late", "resent-twice"})
    tap.equal("--only=retrans --retrans-ms", names_of(run("--only=retrans", "--retrans-ms=1150")), {"resent-late"})
    tap.equal("resent exactly so late", names_of(run("--only=retrans", "--retrans-ms=1200")), {"resent-late"})
    tap.equal("resent a millisecond too soon", names_of(run("--only=retrans", "--retrans-ms=1201")), set())
    tap.equal("--retrans-ms=0: off", names_of(run("--only=retrans", "--retrans-ms=0")), set())
    tap.equal("--only=open", names_of(run("--only=open")), {"left", "alive"})
    tap.equal("--only=slow", names_of(run("--only=slow")), {"syn", "synack"})
    tap.equal("--only=slow --slow-ms", names_of(run("--only=slow", "--slow-ms=1001.5")), {"syn", "synack"})
    tap.equal("--slow-ms: longer is meant", names_of(run("--only=slow", "--slow-ms=1002")), set())
    tap.equal("--only=gap --gap-ms", names_of(run("--only=gap", "--gap-ms=1100")), {"resent-late", "keep-alive", "silent"})
    tap.equal("--only=long --long-ms", names_of(run("--only=long", "--long-ms=500000")), {"silent", "left"})
    tap.equal("--suspicious --long-ms", names_of(run("--suspicious", "--long-ms=20000")) - suspicious, {"keep-alive"})
    tap.equal("--only=idle --idle-ms", names_of(run("--only=idle", "--idle-ms=15000")), {"keep-alive", "silent", "left"})
    tap.equal("--idle-ms=0: off", names_of(run("--only=idle", "--idle-ms=0")), set())
    tap.equal("--only=frag,dup: either", names_of(run("--only=frag,dup")), {"fragments", "again"})
    rows = run("-z", "groups", "--only=failed", "-z", "peers")
    tap.equal("groups count all, peers those chosen",
              ([row["conns"] for row in rows if row.get("group") == "RX"],
               [(row["conns"], row["fail"]) for row in rows if row.get("report") == "peers"]),
              ([len(SCENARIOS) + 2], [(2, 2)]))
    done = subprocess.run([CONNTRACE, "-r", "-", "--suspicious", "-z", "conns", "-O", "WHY", "-H"], input=CAPTURE,
                          capture_output=True, timeout=30, check=False)
    tap.equal("text: comma separated", "failed,reset" in done.stdout.decode().split(), True)
    tap.equal("text: the accounts", "20 connections (2 with retransmitted SYN; -O +SYN_RTX), 13 shown (2 failed, 3 reset, 2 syn-rtx, 2 retrans, 1 frag, 2 dup, "
              "2 idle), " in done.stderr.decode(), True)
    tap.end()


def script():
    # The long ones come first, so that the capture ends soon after the others.
    order = sorted(range(len(SCENARIOS)), key=lambda i: SCENARIOS[i][0] not in ("left", "silent"))
    order.sort(key=lambda i: SCENARIOS[i][0] == "alive")
    text = "link ethernet\ntime 1700000000\n"
    for index in order:
        seq = 111 if "len 10" in SCENARIOS[index][1] else 101
        text += SCENARIOS[index][1] % {"f": "f%d" % index, "port": 40000 + index, "seq": seq, "fin": seq + 1}
    return text


CAPTURE = subprocess.run([MKPCAP, "-t", "ns"], input=script().encode(), stdout=subprocess.PIPE, check=True).stdout
main()
