#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Recordings, savefiles and logs of strace with times and counters at the ends of their types: every report is made (TAP).

A build with --enable-sanitizers ends at the first sum that overflows. Any build must end by itself, with the same
number of connections as with the true times, and with no time span below 0. ALL=1 makes every report of each file; else
they take turns, three to a file.
"""
import json
import os
import re
import struct
import subprocess
import sys

BUILD = os.environ.get("top_builddir", ".")
SOURCE = os.environ.get("top_srcdir", ".")
CONNTRACE = os.environ.get("CONNTRACE", os.path.join(BUILD, "conntrace"))
MKPCAP = os.path.join(BUILD, "tests/helpers/mkpcap")
SECOND = 10 ** 9
LAST, FIRST = 2 ** 63 - 1, -2 ** 63
MOST = 2 ** 60          # bytes of a counter
LONG = "315360000"  # ten years, the longest there is
REPORTS = [["-z", "conns", "-z", "peers", "-z", "groups", "-z", "http,tree", "-z", "histogram,HS_MS", "-z", "io,stat,0",
            "-z", "io,stat,0.001", "-z", "io,stat," + LONG, "--gap-ms=1", "--long-ms=86400000"],
           ["-z", "io,stat," + LONG, "-z", "io,stat,1", "--align"],
           ["-z", "io,stat,%d" % 2 ** 28, "--format=plot"],
           ["--events", "--time=delta"],
           ["--events=handshakes", "--time=relative", "--timeout=86400"],
           ["--ladder=full", "--time=delta"],
           ["--live", "--time=relative"], ["--ladder", "--time=relative", "--suspicious"],
           ["--top", "--speed=" + LONG, "-d", "0.05"]]
SPANS = ["dur_s", "connect_ms", "hs_ms", "hs_net_ms", "hs_ack_ms", "queue_ms", "rtt_ms", "minrtt_ms", "gap_ms"]

ALL = os.environ.get("ALL", "") not in ("", "0")

count = 0
failed = 0
last_error = b""


def check(name, wrong):
    global count, failed
    count += 1
    failed += bool(wrong)
    print("%sok %d - %s" % ("not " if wrong else "", count, name))
    for line in wrong[:8]:
        print("# " + line)


def run(source, data, *options):
    done = subprocess.run([CONNTRACE, "-q", *options, source, "-"], input=data, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60, env=dict(os.environ, TZ="Asia/Kolkata", TERM="dumb"))
    global last_error
    last_error = done.stderr
    wrong = []
    if done.returncode not in (0, 1) or b"runtime error" in done.stderr or b"Sanitizer" in done.stderr:
        wrong = ["%s ends with %d" % (" ".join(options), done.returncode)] + done.stderr.decode(errors="replace").splitlines()[:3]
    return done.stdout.decode(), wrong


def conns(source, data):
    out, wrong = run(source, data, "-j", "-z", "conns")
    return [row for row in map(json.loads, out.splitlines()) if "lport" in row], wrong


def every_report(name, source, data, wanted):
    """@wanted: how many connections there are, None if that is not known."""
    rows, wrong = conns(source, data)
    if wanted is not None and len(rows) != wanted:
        wrong.append("%d connections, not %d" % (len(rows), wanted))
    wrong += ["%s is %r" % (key, row[key]) for row in rows for key in SPANS if row[key] is not None and row[key] < 0]
    # What a log of strace tells is no traffic, and it is not played.
    reports = REPORTS if source != "--strace-log" else REPORTS[1:-1]
    for options in reports if ALL else reports[count % 3::3]:
        wrong += run(source, data, *options)[1]
    check(name, wrong)


def decimal(time_ns):
    size = abs(time_ns)
    return "%s%d.%09d" % ("-" if time_ns < 0 else "", size // SECOND, size % SECOND)


def times_of(text):
    found = re.findall(r"time=(\d+)\.(\d{9})", text)
    return [int(seconds) * SECOND + int(fraction) for seconds, fraction in found]


def retimed(text, change):
    """The recording with each time given to @change."""
    def shift(match):
        return "%s=%s" % (match.group(1), decimal(change(int(match.group(2)) * SECOND + int(match.group(3)))))
    return re.sub(r"(?<= )(\w+)=(\d+)\.(\d{9})(?= |$)|(?<![ \w])(time)=(\d+)\.(\d{9})",
                  lambda match: shift(match) if match.group(1) else
                  "time=" + decimal(change(int(match.group(5)) * SECOND + int(match.group(6)))), text, flags=re.M)


def counters_at(text, value):
    return re.sub(r"\b(bytes_\w+|\w+_us|\w+_ms|\w*retrans|\w*segs_\w+|[rw]queue|notsent_bytes|count)=\d+",
                  lambda match: "%s=%d" % (match.group(1), value if "bytes_" in match.group(1) else min(value, 2 ** 31 - 1)), text)


def recordings():
    folder = os.path.join(SOURCE, "tests/replay/golden")
    for name in sorted(os.listdir(folder)):
        if name.endswith(".ev"):
            with open(os.path.join(folder, name)) as file:
                yield name, file.read()


def replayed():
    for name, text in recordings():
        whole = len(conns("--replay", text.encode())[0])
        times = times_of(text)
        first, last = min(times), max(times)
        # What is moved as a whole is the same, where the run ends as where it begins.
        every_report("%s ends where time ends" % name, "--replay", retimed(text, lambda at: at - last + LAST).encode(), whole)
        every_report("%s is as old as can be" % name, "--replay", retimed(text, lambda at: at - first + FIRST).encode(), None)
        half = (first + last) // 2
        every_report("%s lasts as long as time" % name, "--replay",
                     retimed(text, lambda at: at - first if at < half else at - last + LAST).encode(), None)
        ends = [FIRST, LAST, -1, 0, 1, LAST - 1, FIRST + 1]
        every_report("%s jumps from end to end" % name, "--replay",
                     retimed(text, lambda at: ends[at // 7 % len(ends)]).encode(), None)
        every_report("%s has counters as large as can be" % name, "--replay", counters_at(text, MOST).encode(), None)
        if not re.search(r"bytes_\w+=\d", text):
            continue
        wrong = run("--replay", counters_at(text, MOST + 1).encode())[1]
        check("%s has counters that none can have: refused" % name,
              wrong + ["nothing is said"] * (b"is more than any counter tells" not in last_error))


SCRIPT = """flow a 198.51.100.1 40000 192.0.2.1 80
flow b 198.51.100.1 40001 192.0.2.1 81
+0 a > S seq 100 mss 1460
+1 a > S seq 100 mss 1460
+0.01 a < SA seq 500 ack 101 mss 1460
+0.02 a > A seq 101 ack 501
+0.1 a > PA seq 101 ack 501 len 700
+0.1 a > PA seq 101 ack 501 len 700
+0 b > S seq 7
+0.01 a > FA seq 801 ack 501
+0 a < FA seq 501 ack 802
+0.01 a > A seq 802 ack 502
"""


def savefiles():
    made = subprocess.run([MKPCAP, "-f", "pcapng"], input=SCRIPT.encode(), stdout=subprocess.PIPE, check=True, timeout=10).stdout

    def stamped(stamps):
        """Enhanced packet blocks (type 6) have their time, in two halves, behind the number of the interface."""
        out, at, number = bytearray(made), 0, 0
        while at + 12 <= len(out):
            kind, length = struct.unpack_from("<II", out, at)
            if kind == 6:
                stamp = stamps(number)
                struct.pack_into("<II", out, at + 12, stamp >> 32 & 0xffffffff, stamp & 0xffffffff)
                number += 1
            at += length
        return bytes(out)

    most = 9 * 10 ** 18 - 10 ** 9
    for name, stamps in (("all at the last moment", lambda number: most - 9 + number),
                         ("from the first moment to the last", lambda number: number if number < 5 else most - 9 + number),
                         ("back and forth", lambda number: [0, most, 1, 2 ** 63, 2 ** 64 - 1][number % 5]),
                         ("as large as 64 bits are", lambda number: 2 ** 64 - 1)):
        every_report("a savefile: " + name, "-r", stamped(stamps), 2)


def straced():
    line = '12 %s connect(3<TCP:[127.0.0.1:5->127.0.0.1:80]>, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("127.0.0.1")}, 16) = 0 <%s>\n'
    for at, lasted in (("9223372036.854775807",) * 2, ("9223372036.854775807", "0.000001"), ("86400.000000", "9223372036.854775807")):
        every_report("a log: at %s for %s s" % (at, lasted), "--strace-log", (line % (at, lasted)).encode(), 1)


def main():
    replayed()
    savefiles()
    straced()
    print("1..%d" % count)
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
