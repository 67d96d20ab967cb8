#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Groups of connections in a capture that was counted by hand (TAP)."""
import csv
import io
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
import cli

BUILD = os.environ.get("top_builddir", ".")
CONNTRACE = os.environ.get("CONNTRACE", os.path.join(BUILD, "conntrace"))
MKPCAP = os.path.join(BUILD, "tests/helpers/mkpcap")

# Cooked frames say which way they went: "in" the other side is the opener where the first end is 198.51.100.*
SCRIPT = """
link sll
time 1700000000
# 1 RX ok
flow a 198.51.100.1 40001 192.0.2.1 80
+0 a > S seq 100 in
+0.001 a < SA seq 500 ack 101 out
+0.001 a > A seq 101 ack 501 in
+0.001 a > A seq 101 ack 501 len 10 in
# 2 RX ok after two resent SYN, ECN
flow b 198.51.100.2 40002 192.0.2.1 80
+0 b > SEW seq 100 in
+1 b > SEW seq 100 in
+2 b > SEW seq 100 in
+0.001 b < SA seq 500 ack 101 out
+0.001 b > A seq 101 ack 501 in
# 3 RX ok after a resent SYN/ACK, port 443
flow c 198.51.100.3 40003 192.0.2.1 443
+0 c > S seq 100 in
+0.001 c < SA seq 500 ack 101 out
+1 c < SA seq 500 ack 101 out
+0.001 c > A seq 101 ack 501 in
# 4 RX refused
flow d 198.51.100.4 40004 192.0.2.1 81
+0 d > S seq 100 in
+0.001 d < RA seq 0 ack 101 out
# 5 RX the opener resets after the SYN/ACK
flow e 198.51.100.5 40005 192.0.2.1 80
+0 e > S seq 100 in
+0.001 e < SA seq 500 ack 101 out
+0.001 e > R seq 101 in
# 6 TX ok, a resent SYN
flow f 192.0.2.1 50001 198.51.100.9 5432
+0 f > S seq 100 out
+1 f > S seq 100 out
+0.001 f < SA seq 500 ack 101 in
+0.001 f > A seq 101 ack 501 out
# 7 TX unreachable, prohibited by an administrator
flow g 192.0.2.1 50002 198.51.100.10 5432
+0 g > S seq 100 out
+0.001 g > icmp 3/13 seq 100
# 8 TX IPv6 ok
flow h 2001:db8::1 50003 2001:db8:9::9 5432
+0 h > S seq 100 out
+0.001 h < SA seq 500 ack 101 in
+0.001 h > A seq 101 ack 501 out
# 9 TX times out, resent three times
flow i 192.0.2.1 50004 198.51.100.11 5432
+0 i > S seq 100 out
+1 i > S seq 100 out
+2 i > S seq 100 out
+4 i > S seq 100 out
# 10 RX from a scanner that is excluded
flow j 203.0.113.66 666 192.0.2.1 80
+0 j > S seq 100 in
+0.001 j < SA seq 500 ack 101 out
+0.001 j > A seq 101 ack 501 in
# 11 older than the capture: the opener is unknown
flow k 198.51.100.12 40012 192.0.2.1 80
+0 k > A seq 101 ack 501 len 5 in
+0.001 k < A seq 501 ack 106 len 5 out
# 12 RX still undecided at the end, 40 s later
flow l 198.51.100.13 40013 192.0.2.1 80
+40 l > S seq 100 in
"""

RULES = ["--group=web:RX@*:80:https", "--group=web:in@198.51.100.0/24:80", "--group=db:tx@198.51.100.0/24:5432,[2001:db8:9::/48]:*",
         "--group=:RX@203.0.113.66:*", "--group=none:RX@10.0.0.0/8:*"]

NAMES = "GROUP CONNS OK DUP_SYN DUP_SYNACK FAIL TIMEOUT REFUSED RESET UNREACH ABORT PENDING ERROR UNKNOWN".split()
#         conns ok syn ack fail tout refu rese unre abor pend error unkn
BY_HAND = {"RX": (6, 3, 1, 1, 2, 0, 1, 1, 0, 0, 1, 0, 0), "TX": (4, 2, 1, 0, 2, 1, 0, 0, 1, 0, 0, 0, 0),
           "web": (5, 3, 1, 1, 1, 0, 0, 1, 0, 0, 1, 0, 0), "db": (4, 2, 1, 0, 2, 1, 0, 0, 1, 0, 0, 0, 0),
           "none": (0,) * 13}


def run(*words):
    done = subprocess.run([CONNTRACE, "-q", "-r", "-"] + list(words), input=CAPTURE, capture_output=True, timeout=30,
                          check=False)
    if done.returncode != 0:
        print("# " + done.stderr.decode())
    return done.stdout.decode()


def table_of(rows):
    return {row[0]: tuple(int(cell) for cell in row[1:]) for row in rows}


def main():
    tap = cli.Cli()
    lines = [line.split() for line in run("-z", "groups", *RULES).splitlines()]
    tap.equal("the columns", lines[0], NAMES)
    tap.equal("the table as counted by hand", table_of(lines[1:]), BY_HAND)
    tap.equal("groups come in the order of the command line", [row[0] for row in lines[1:]], list(BY_HAND))
    tap.equal("raw", [line.split(" ") for line in run("-z", "groups", "--format=raw", *RULES).splitlines()], lines)
    for form, separator in (("csv", ","), ("tsv", "\t")):
        text = run("-z", "groups", "--format=" + form, *RULES)
        tap.equal(form, list(csv.reader(io.StringIO(text), delimiter=separator)), lines)
    rows = [json.loads(line) for line in run("-z", "groups", "-j", *RULES).splitlines()]
    tap.equal("JSON", {row["group"]: tuple(row[name.lower()] for name in NAMES[1:]) for row in rows if "group" in row},
              BY_HAND)
    conns = [json.loads(line) for line in run("-z", "conns", "-j", *RULES).splitlines()]
    tap.equal("GROUP of each connection", {row["rport"]: row["group"] for row in conns if "rport" in row and row["dir"] != "out"},
              {40001: ["RX", "web"], 40002: ["RX", "web"], 40003: ["RX", "web"], 40004: ["RX"], 40005: ["RX", "web"],
               666: None, 40012: None, 40013: ["RX", "web"]})
    by = [json.loads(line) for line in run("--by=group", "-j", *RULES).splitlines()]
    tap.equal("--by=group: the same, and a row of those in no group",
              {row["group"]: row["conns"] for row in by if "group" in row},
              {"RX": 6, "TX": 4, "web": 5, "db": 4, None: 2})
    by = [json.loads(line) for line in run("--by=group,port", "-j", *RULES).splitlines()]
    tap.equal("--by=group,port", {(row["group"], row["port"]): row["conns"] for row in by if row.get("group") == "web"},
              {("web", 80): 4, ("web", 443): 1})
    tap.equal("--sort and --columns", [line.split() for line in
                                       run("-z", "groups", "--sort=CONNS:desc,GROUP", "-O", "GROUP,CONNS", "-H", *RULES).splitlines()],
              [["RX", "6"], ["web", "5"], ["TX", "4"], ["db", "4"], ["none", "0"]])
    tap.equal("RX and TX always exist", [line.split()[:2] for line in run("-z", "groups", "-H").splitlines()],
              [["RX", "7"], ["TX", "4"]])
    tap.end()


CAPTURE = subprocess.run([MKPCAP, "-t", "ns"], input=SCRIPT.encode(), capture_output=True, check=True).stdout
main()
