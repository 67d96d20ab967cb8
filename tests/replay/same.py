#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The same savefile, the same answer, and no frame is unexplained (TAP).

Each capture is read with all reports at once, a few events at a time, many, and
numbers by chance: every byte of the output must be the same. RX_PKTS and
TX_PKTS over all rows, and the frames that are in no row for a reason that the
accounts name, are the TCP frames of the file, which are counted here without
the program. ALL=1 takes every public capture and case instead of a few
captures, and reads each of the project's own, whose answer once depended on
scheduling, ten times with a slow reader and a slow writer as well.
"""
import glob
import json
import os
import subprocess
import sys
import time

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"),
                os.path.dirname(os.path.abspath(__file__))]
import cli
import forged
import frames
from frames import ACK, FIN, PSH, RST, SYN

ALL = os.environ.get("ALL", "") not in ("", "0")
CAPTURES = os.environ.get("CONNTRACE_CAPTURES", os.path.join(cli.TOP, "..", "shared", "captures"))
CASES = os.environ.get("CONNTRACE_CASES") or "/nonexistent"
REPORTS = ["-j", "--events", "-z", "conns", "-z", "peers", "-z", "groups", "-z", "io,stat,1", "-z", "http,tree",
           "-z", "tls,tree", "-z", "histogram,HS_MS", "--ladder=all"]
BATCHES = ["1", "7", "256", "1024", "4000:1", "300:2"] if ALL else ["1", "1000:1"]
# Every how many public captures one is read, in a run that takes a few.
SAMPLE = 24
# What a run costs is not the same twice.
COSTS = ("duration_s", "cpu_s", "peak_kib", "packet_peak_kib")


# ---- captures whose answer once depended on when what was read -----------------------------------------------------

def goes_on_after_reset():
    """A forged RST, and a conversation that continues for minutes, with pauses."""
    capture = frames.Capture()
    talk = frames.Talk(capture)
    talk.open()
    talk.down(RST | ACK)
    for i in range(1200):
        talk.up(PSH | ACK, b"0123456789", after=70 if i % 400 == 399 else 0.24)
        talk.down(PSH | ACK, b"0123456789", after=0.01)
    return capture


def one_way():
    """Only one direction was captured, in flows that pause for minutes, each among others that do not."""
    capture = frames.Capture()
    talks = [frames.Talk(capture, cport=2000 + i) for i in range(40)]
    for turn in range(60):
        for number, talk in enumerate(talks):
            if turn % (1 + number % 7) == 0:
                talk.up(PSH | ACK, b"x" * 100, after=0.2)
    return capture


def one_way_after_reset():
    capture = frames.Capture()
    talks = [frames.Talk(capture, cport=2000 + i) for i in range(20)]
    for turn in range(100):
        for number, talk in enumerate(talks):
            talk.up(RST | ACK if turn == 20 + number else PSH | ACK, b"" if turn == 20 + number else b"x" * 100,
                    after=30 if turn % 33 == number else 0.05)
    return capture


def requests():
    """Very many connections at a time, of one request and its answer each."""
    capture = frames.Capture()
    talks = [frames.Talk(capture, client="10.0.%d.%d" % (i // 200, i % 200 + 1), cport=1024 + i) for i in range(4000)]
    steps = [lambda talk, i: talk.up(SYN), lambda talk, i: talk.down(SYN | ACK), lambda talk, i: talk.up(ACK),
             lambda talk, i: talk.up(PSH | ACK, b"GET /%d HTTP/1.1\r\nHost: www%d.example\r\n" % (i, i % 9)),
             lambda talk, i: talk.up(PSH | ACK, b"\r\n"),
             lambda talk, i: talk.down(PSH | ACK, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
             lambda talk, i: talk.up(FIN | ACK), lambda talk, i: talk.down(FIN | ACK), lambda talk, i: talk.up(ACK)]
    for step in steps:
        for i, talk in enumerate(talks):
            capture.time += 0.0001
            step(talk, i)
    return capture


def late_packets():
    """Segments that come again long after the end of their connections, and new ones on the same ports."""
    capture = frames.Capture()
    for i in range(30):
        talk = frames.Talk(capture, cport=3000 + i)
        talk.open(after=3)
        talk.up(PSH | ACK, b"hello")
        talk.close()
    for i in range(30):
        talk = frames.Talk(capture, cport=3000 + i, cseq=107, sseq=502)
        talk.down(FIN | ACK, seq=501, after=2)
        talk.up(ACK, seq=107)
        if i % 3 == 0:
            frames.Talk(capture, cport=3000 + i, cseq=900000).open(after=0.5)
    return capture


def in_fragments():
    """More datagrams are in pieces at a time than there is room for, and some pieces never come."""
    capture = frames.Capture()
    pieces = []
    for i in range(3000):
        talk = frames.Talk(capture, cport=1024 + i)
        packet = talk.packet(0, PSH | ACK, b"x" * 60, ident=i + 1)
        pieces.append(frames.fragments(packet, 16))
    for turn in (2, 1, 0, 3):
        for i, each in enumerate(pieces):
            if (i + turn) % 11:
                capture.packet(each[turn], after=0.0001)
    return capture


def all_reasons():
    """Something of each kind that is in no row."""
    capture = frames.Capture()
    talk = frames.Talk(capture)
    talk.open()
    inner = talk.packet(0, PSH | ACK, b"in a tunnel")
    capture.packet(frames.ipv4("198.51.100.1", "198.51.100.2", inner, protocol=4))
    capture.packet(frames.fragments(talk.packet(0, PSH | ACK, b"x" * 40, ident=5), 16)[1])
    capture.packet(frames.ipv4("192.0.2.1", "192.0.2.2", b"\1\2\3\4"))
    capture.packet(frames.ipv4("192.0.2.1", "192.0.2.2", b"\0\7\0\7\0\x0c\0\0dns?", protocol=17), after=100)
    other = frames.Talk(capture, cport=1001, sport=443)
    other.open()
    other.close()
    return capture


def swapped_times():
    """The frames of several queues, one of them behind the others by more than a moment."""
    capture = frames.Capture()
    for i in range(200):
        begin = i * 0.7
        talk = frames.Talk(capture, cport=4000 + i)
        for number, side, flags in ((1, 1, SYN | ACK), (0, 0, SYN), (3, 1, FIN | ACK), (2, 0, ACK)):
            capture.packet(talk.packet(side, flags, seq=(100, 500)[side] + (number > 1), ack=(501, 101)[side]),
                           at=begin + number * 0.1 - (40 if i % 5 == 4 else 0) + 50)
    return capture


OWN = {function.__name__: function for function in (goes_on_after_reset, one_way, one_way_after_reset, requests,
                                                    late_packets, in_fragments, all_reasons, swapped_times)}
OWN["forged_and_again"] = forged.capture


# ---- the property ----------------------------------------------------------------------------------------------------

def without_costs(text):
    lines = text.splitlines()
    for i, line in enumerate(lines):
        if line.startswith('{"summary"'):
            summary = json.loads(line)
            for cost in COSTS:
                summary["summary"].pop(cost)
            lines[i] = json.dumps(summary)
    return lines


def difference(one, other):
    for number, (a, b) in enumerate(zip(one, other)):
        if a != b:
            return ["line %d:" % number, a[:600], b[:600]]
    return ["%d lines and %d" % (len(one), len(other))]


def read(path, *words):
    done = subprocess.run([cli.CONNTRACE, "-r", path, *REPORTS, *words], capture_output=True, text=True,
                          errors="backslashreplace", timeout=120, check=False)
    # A damaged file has an exit status; the text behind it says how, each time alike.
    return without_costs(done.stdout) + [done.stderr, str(done.returncode)]


def unexplained(counted, lines):
    """What is wrong with the sums of one run. counted: TCP frames of the file, None unknown."""
    rows = [json.loads(line) for line in lines if line.startswith('{"report":"conns"')]
    summaries = [json.loads(line)["summary"] for line in lines if line.startswith('{"summary"')]
    if not summaries:
        return []
    summary = summaries[0]
    in_rows = sum(row["rx_pkts"] + row["tx_pkts"] for row in rows)
    left = sum(summary["left_out"].values())
    wrong = []
    if counted is not None and counted != summary["tcp_frames"]:
        wrong.append("%d TCP frames are in the file, %d were counted" % (counted, summary["tcp_frames"]))
    if in_rows + left - summary["both_ends"] != summary["tcp_frames"]:
        wrong.append("%d in rows and %d left out are not %d" % (in_rows, left, summary["tcp_frames"]))
    if summary["left_out"]["unclaimed"] or summary["left_out"]["hidden"]:
        wrong.append("frames are missing: %s" % summary["left_out"])
    return wrong


def is_same(test, name, path):
    first = read(path)
    wrong = unexplained(frames.tcp_frames(path), first)
    for batch in BATCHES:
        other = read(path, "--debug=batch:" + batch)
        if other != first:
            wrong += ["another answer %s at a time" % batch] + difference(first, other)
    test.say("the same whatever is read at a time: " + name, wrong)
    return first


def slow_read(path, number):
    """One run with a writer, a reader, or both, that take their time."""
    with open(path, "rb") as file:
        data = file.read()
    with subprocess.Popen([cli.CONNTRACE, "-r", "-", *REPORTS], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as process:
        child = os.fork()
        if child == 0:
            process.stdout.close()
            size = len(data) // 20 + 1 if number % 3 != 1 else len(data)
            for at in range(0, len(data), size):
                process.stdin.write(data[at:at + size])
                process.stdin.flush()
                time.sleep(0.02 if number % 3 != 1 else 0)
            os._exit(0)
        process.stdin.close()
        parts = []
        while True:
            part = os.read(process.stdout.fileno(), 65536)
            if not part:
                break
            parts.append(part)
            if number % 3 and len(parts) < 20:
                time.sleep(0.03)
        os.waitpid(child, 0)
        status = process.wait()
    return without_costs(b"".join(parts).decode("utf-8", "backslashreplace")) + ["", str(status)]


def main():
    test = cli.Cli()
    for name, function in OWN.items():
        path = test.path(name + ".pcap", function().bytes())
        first = is_same(test, name, path)
        wrong = []
        for number in range(10 if ALL else 1):
            other = slow_read(path, number)
            if other != first[:-2] + ["", first[-1]]:
                wrong += ["run %d is another" % number] + difference(first, other)
        test.say("the same however slow: " + name, wrong)
    public = sorted(glob.glob(os.path.join(CAPTURES, "*", "*.*pcap*")) + glob.glob(os.path.join(CAPTURES, "*", "*.cap")))
    for path in public if ALL else public[::SAMPLE]:
        is_same(test, os.path.relpath(path, CAPTURES), path)
    for path in sorted(glob.glob(os.path.join(CASES, "*.pcap*"))) if ALL else []:
        is_same(test, os.path.basename(path), path)
    if not public:
        test.skip("public captures", "CONNTRACE_CAPTURES names no folder with some")
    test.end()


if __name__ == "__main__":
    main()
