#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""-z io,stat in a capture that was counted by hand, its wrong words, its picture (TAP)."""
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

# Frames are 14 + 20 + 20 bytes, 4 more with mss.
SCRIPT = """
time 1700000000
flow a 192.0.2.1 40001 192.0.2.2 80
flow b 192.0.2.1 40002 192.0.2.2 81
+0 a > S seq 100 mss 1460
+0.010 a < SA seq 500 ack 101 mss 1460
+0.001 a > A seq 101 ack 501
+0.100 a > AP seq 101 ack 501 len 100
+0.300 a > AP seq 101 ack 501 len 100
+0.012 a < A seq 501 ack 201 win 0
# the second and the third interval are empty
+2.600 b > S seq 100 mss 1460
+0.001 b < RA seq 0 ack 101
+0.100 a < AP seq 501 ack 201 len 1000
+0.002 a < AP seq 1301 ack 201 len 400
+0.100 a > R seq 201
"""

TEST = cli.Cli()
say, equal = TEST.say, TEST.equal


def conntrace(*options, **environment):
    done = subprocess.run([CONNTRACE, "-q", *options], stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
                          env=dict(os.environ, TZ="UTC", **environment), check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def table(read, report, *options):
    rows = list(csv.reader(io.StringIO(conntrace(*read, "--format=csv", "-z", report, *options)[1])))
    return rows[0], rows[1:]


def numbers(read):
    head, rows = table(read, "io,stat,1")
    equal("header", head, ["START", "DUR_S", "FRAMES", "BYTES"])
    equal("an interval a row, the empty ones too, the last one as long as it is",
          rows, [["1700000000.000000000", "1.000000", "6", str(58 + 58 + 54 + 154 + 154 + 54)],
                 ["1700000001.000000000", "1.000000", "0", "0"], ["1700000002.000000000", "1.000000", "0", "0"],
                 ["1700000003.000000000", "0.226000", "5", str(58 + 54 + 1054 + 454 + 54)]])
    head, rows = table(read, "io,stat,0,,tcp port 80,COUNT(syn)tcp port 81,SUM(payload),SUM(resent),MIN(payload),"
                             "MAX(payload),AVG(payload),COUNT(rst),COUNT(zerowin),COUNT(synack),FRAMES()udp,BYTES()tcp,"
                             "COUNT(resent),MAX(len)")
    equal("names of columns", head[2:], ["FRAMES", "BYTES", "FRAMES[tcp_port_80]", "BYTES[tcp_port_80]",
                                         "COUNT(syn)[tcp_port_81]", "SUM(payload)", "SUM(resent)", "MIN(payload)",
                                         "MAX(payload)", "AVG(payload)", "COUNT(rst)", "COUNT(zerowin)",
                                         "COUNT(synack)", "FRAMES[udp]", "BYTES[tcp]", "COUNT(resent)", "MAX(len)"])
    equal("functions and filters", rows, [["1700000000.000000000", "3.226000", "11", "2206", "9", "2094", "1", "1600",
                                           "300", "100", "1000", "400.000", "2", "1", "1", "0", "2206", "2", "1054"]])
    _, rows = table(read, "io,stat,1,MIN(rtt_ms),MAX(payload),SUM(payload)", "--lport=81")
    equal("only connections that are wanted; of nothing there is no least, but a sum",
          rows, [["1700000003.023000000", "0.001000", "-", "-", "0"]])
    rows = [json.loads(line) for line in conntrace(*read, "-j", "-z", "io,stat,2", "-z", "conns", "-z", "io,stat,0,tcp")[1]
            .splitlines()]
    equal("several reports, in the order asked for",
          [row["report"] for row in rows], ["io,stat", "io,stat", "conns", "conns", "io,stat"])
    equal("JSON", (rows[0]["frames"], rows[-1]["frames[tcp]"], rows[-1]["bytes[tcp]"]), (6, 11, 2206))
    for reports in (["io,stat,0", "io,stat,0"], ["io,stat,0", "peers"], ["peers", "io,stat,0", "io,stat,0,tcp"]):
        out = conntrace(*read, *(word for report in reports for word in ("-z", report)))[1]
        equal("a blank line between tables: %s" % reports, (out.count("\n\n"), out[0]), (len(reports) - 1, out.strip()[0]))
    status, out, err = conntrace(*read, "-z", "io,stat,0.00001")
    equal("many rows are printed", (status, len(out.splitlines())), (0, 322602))


# Three stretches are missing at the same time, and only two are remembered: the first segment fills a hole that is
# forgotten, so whether its bytes had been seen is not known.
HOLES = """
time 1700000000
flow a 192.0.2.1 40001 192.0.2.2 80
+0 a > S seq 100
+0.01 a < SA seq 500 ack 101
+0.01 a > A seq 101 ack 501
+0.01 a > AP seq 201 ack 501 len 100
+0.01 a > AP seq 401 ack 501 len 100
+0.01 a > AP seq 601 ack 501 len 100
+1 a > AP seq 101 ack 501 len 100
+1 a > AP seq 301 ack 501 len 100
+1 a > AP seq 401 ack 501 len 100
"""


def holes(read):
    _, rows = table(read, "io,stat,1,SUM(payload),SUM(resent),SUM(rx_bytes)")
    equal("what was seen before is unknown when a hole was forgotten",
          [row[2:] for row in rows], [["300", "0", "300"], ["100", "-", "-"], ["100", "0", "100"], ["100", "-", "-"]])


def refused(read):
    for word, part in (("io,stat", "lacks the interval"), ("io,stat,0.0000001", "seconds from 0.000001"),
                       ("io,stat,-1", '"-1" is not an interval'), ("io,stat,1,tcp prt 80", '"tcp prt 80": can'),
                       ("io,stat,1,SUM(nothing)", "fields are len"), ("io,stat,1,LOAD(len)", "functions are COUNT"),
                       ("io,stat,1,SUM(len", "closing parenthesis"), ("io,stat,1,tcp,tcp", "twice"),
                       ("io,stat,1,FRAMES(len)", "take no field"),
                       ("io,stat,1," + ",".join("port %d" % n for n in range(1, 40)), "too many"),
                       ("io,stats,1", 'does not know "io,stats,1"')):
        status, _, err = conntrace(*read, "-z", word)
        say("%s is refused" % word[:40], [] if status == 2 and part in err else [status, err])
    for options, part in ((["-z", "io,stat,1,tcp", "--", "true"], "without packets"),
                          ([*read, "-z", "conns", "--format=plot"], "--format=plot is for -z io,stat"),
                          ([*read, "--format=plot"], "--format=plot is for -z io,stat")):
        status, _, err = conntrace(*options)
        say("%s is refused" % " ".join(options[-2:]), [] if status == 2 and part in err else [status, err])


PICTURE = """\
SUM(payload): most 1400, each bar 1.000 s
      1.3K │                                                   █████████████████
           │                                                   █████████████████
           │                                                   █████████████████
           │                                                   █████████████████
           │                                                   █████████████████
           │                                                   █████████████████
           │▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂                                  █████████████████
         0 │█████████████████                                  █████████████████
            22:13:20.000000                                      22:13:23.226000
"""


# The last segment would be in row 90 million.
FAR_APART = ("flow a 192.0.2.7 40000 192.0.2.1 80\n+0 a > S seq 100\n+0.01 a < SA seq 500 ack 101\n"
             "+90000 a > A seq 101 ack 501\n")


def uncounted(read):
    """What there would be too many rows for is counted in the accounts, in text and in JSON."""
    done = subprocess.run([CONNTRACE, *read, "-q", "-j", "-z", "io,stat,0.001"], capture_output=True, text=True, check=False)
    summary = json.loads(done.stdout.splitlines()[-1])["summary"]
    equal("uncounted, JSON", summary["io_stat_uncounted"], 1)
    done = subprocess.run([CONNTRACE, *read, "-q", "-z", "io,stat,0.001"], capture_output=True, text=True, check=False)
    equal("uncounted, text", "lost 1 frames or connections in no row of io,stat" in done.stderr, True)


def main():
    file = os.path.join(os.environ.get("TMPDIR", "/tmp"), "conntrace-io-%d.pcap" % os.getpid())
    try:
        subprocess.run([MKPCAP, "-o", file], input=SCRIPT, text=True, check=True)
        read = ("-r", file)
        numbers(read)
        subprocess.run([MKPCAP, "-o", file], input=HOLES, text=True, check=True)
        holes(read)
        subprocess.run([MKPCAP, "-o", file], input=FAR_APART, text=True, check=True)
        uncounted(read)
        subprocess.run([MKPCAP, "-o", file], input=SCRIPT, text=True, check=True)
        refused(read)
        picture = conntrace(*read, "-z", "io,stat,1,SUM(payload)", "--format=plot", LC_ALL="C.UTF-8")[1]
        equal("a picture", picture, PICTURE)
        plain = conntrace(*read, "-z", "io,stat,1,SUM(payload)", "--format=plot", LC_ALL="C")[1]
        say("without UTF-8 in number signs", [] if plain.isascii() and plain.count("#") == 17 * 8 + 17 * 2 else [plain])
    finally:
        if os.path.exists(file):
            os.unlink(file)
    TEST.end()


main()
