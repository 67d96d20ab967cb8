#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A small savefile in every form of output, its recording replayed, and the line for awk that users copy."""
import csv
import io
import json
import re
import signal
import subprocess

import cli


def rows(text):
    """Rows of JSON Lines, without the accounts."""
    return [row for row in map(json.loads, text.splitlines()) if "summary" not in row]


def forms(test, good):
    """What both connections are, whatever they are written as."""
    truth = {"192.0.2.7 40000 80": ["ok", "5", "7"], "192.0.2.7 40001 81": ["refused", "0", "0"]}
    columns = "RADDR,RPORT,LPORT,RESULT,RX_BYTES,TX_BYTES"
    readers = {
        "table": lambda text: [line.split() for line in text.splitlines()],
        "raw": lambda text: [line.split(" ") for line in text.splitlines()],
        "tsv": lambda text: [line.split("\t") for line in text.splitlines()],
        "csv": lambda text: list(csv.reader(io.StringIO(text))),
        "json": lambda text: [[str(value) for value in row.values()] for row in rows(text)],
    }
    for form, reader in readers.items():
        done = test.run("-r", good, "-z", "conns", "-O", columns, "-H", "--format", form)
        found = {" ".join(row[:3]): row[3:] for row in reader(done.stdout)}
        test.say("--format=%s" % form, [] if found == truth and done.returncode == 0 else [found, done.stderr])


FRAMES = ("packets", "malformed", "tcp_frames")
CALLS = ("accept_failed", "accept_failures", "unaccepted")
QUEUES = ("accept_waiting", "accept_queues_full", "accept_shared")
OWNERS = ["too_short", "too_short_failed"]
LOG = ["log_lines"]
STRACE = b"""\
7 1700000000.000100 socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 3 <0.000010>
7 1700000000.000200 connect(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("192.0.2.1")}, 16) = 0 <0.010000>
7 1700000000.100000 close(3) = 0 <0.000010>
"""


def accounts(done):
    """What is null in the summary, and what of left_out."""
    summary = json.loads(done.stdout.splitlines()[-1])["summary"]
    return ({key for key, value in summary.items() if value is None},
            {key for key, value in summary["left_out"].items() if value is None})


def without_source(test, good):
    """Numbers that a way to watch has no source of are unknown, and not 0."""
    costs = {"reason", "advice", "packet_peak_kib", "listen_overflows"}
    by_packets = {"fragment", "malformed", "tunnel", "filtered"}
    by_segments = {"copy", "late", "unclaimed", "early", "hidden"}
    log = test.path("strace.log", STRACE)
    ways = {
        "-r": (["-r", good, "--record", "of-file"], {*CALLS, *QUEUES, *OWNERS, *LOG}, set()),
        "--replay of a savefile": (["--replay", "of-file"], {*FRAMES, *CALLS, *QUEUES, *LOG, "disordered", "timeless"}, by_packets),
        "--strace-log": (["--strace-log", log, "--record", "of-calls"],
                         {*FRAMES, *QUEUES, "unaccepted", *OWNERS, "both_ends", "disordered", "timeless", "syn_resent"},
                         by_packets | by_segments),
        "--replay of calls": (["--replay", "of-calls"], {*FRAMES, *QUEUES, *LOG, "both_ends", "disordered", "timeless", "syn_resent"},
                              by_packets | by_segments),
        "-r --strace-log": (["-r", good, "--strace-log", log], {*QUEUES, "unaccepted", *OWNERS, "syn_resent"}, set()),
    }
    for name, (words, wanted, wanted_left) in ways.items():
        nulls, left = accounts(test.run(*words, "-j"))
        test.say("unknown in the accounts, %s" % name, [] if (nulls - costs, left) == (wanted, wanted_left) else
                 [sorted(nulls - costs ^ wanted), sorted(left ^ wanted_left)])
    text = test.run("--replay", "of-calls").stderr
    test.say("the packets of a run without are -", [] if text.endswith(" stops, - packets\n") else [text])


CUT = STRACE + b"""7 1700000000.200000 read(4, "", 2) = 0 <0.000010>
7 1700000000.300000 --- SIGCHLD {} ---

8 1700000000.400000 <... accept resumed>{sa_family=AF_UNIX}, [2]) = 4 <0.010000>
7 1700000000.500000 connect(9, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("192.0.2.1")}, 16) = 0 <0.010000>
7 1700000000.600000 socket(AF_INET
7 17000"""


def unused_lines(test):
    """Each line of a log of strace that is not used is counted by its reason; one that is cut at the end is no failure."""
    done = test.run("--strace-log", test.path("cut.log", CUT), "-j")
    found = json.loads(done.stdout.splitlines()[-1])["summary"]
    wanted = {"other": 2, "foreign": 1, "damaged": 2, "numberless": 0, "long": 0, "apart": 1, "addressless": 0, "kindless": 1}
    test.say("lines of a log of strace that are not used", [] if (found["log_lines"], found["log_unused"], found["connections"],
             done.returncode) == (10, wanted, 1, 0) else [found, done.stderr])
    test.expect("in words, too", test.run("--strace-log", "cut.log"), 0,
                ["10 lines of the log (not used: 2 of other calls or records, 1 of another form, 2 cut or damaged, 1 without "
                 "the other line of their call, 1 of sockets that may not be TCP)"])


def long_lines(test):
    """A line of strace that is too long is counted and not kept, and one without an end does not outlast SIGTERM."""
    begin = b'7 1700000000.300000 write(4, "'
    short = test.run("--strace-log", test.path("short.log", STRACE), "-j")
    done = test.run("--strace-log", test.path("long.log", STRACE + begin + b"a" * (64 << 20) + b"\n" + STRACE), "-j")
    plain, found = (json.loads(each.stdout.splitlines()[-1])["summary"] for each in (short, done))
    got = (found["log_lines"], found["log_unused"]["long"], found["connections"], done.returncode)
    grown = found["peak_kib"] - plain["peak_kib"]
    test.say("a line of 64 MiB is counted and takes no memory",
             [] if got == (2 * plain["log_lines"] + 1, 1, 2, 0) and grown < 16 << 10 else [got, grown, done.stderr])
    test.expect("an endless line that is not one of strace", test.run("--strace-log=/dev/zero"), 1, ["/dev/zero:1: ", "is expected"])
    for name, is_endless in (("that comes on and on", True), ("that does not come to its end", False)):
        child = subprocess.Popen([cli.CONNTRACE, "--strace-log=-", "-j"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
        child.stdin.write(begin + b"a" * (4 << 20))  # more than a pipe holds: it is read
        more = subprocess.Popen(["cat", "/dev/zero"], stdout=child.stdin, stderr=subprocess.DEVNULL) if is_endless else None
        child.send_signal(signal.SIGTERM)
        try:
            wrong = [] if child.wait(cli.LIMIT) == 0 else ["status %d" % child.returncode]
        except subprocess.TimeoutExpired:
            child.kill()
            wrong = ["it goes on"]
        if more is not None:
            more.wait(cli.LIMIT)
        child.stdin.close()
        said = child.stdout.read().decode()
        long = json.loads(said.splitlines()[-1])["summary"]["log_unused"]["long"] if said else None
        test.say("SIGTERM and a line %s" % name, wrong + ([] if long == 1 else [said]))


def main():
    test = cli.Cli()
    good = test.path("good.pcap", cli.scenario())
    forms(test, good)
    without_source(test, good)
    unused_lines(test)
    long_lines(test)
    whole = test.run("-r", good, "-z", "conns", "-z", "peers", "-j", "--record", "events")
    again = test.run("--replay", "events", "-z", "conns", "-z", "peers", "-j")
    test.say("a recording replayed gives the same rows",
             [] if rows(whole.stdout) == rows(again.stdout) and len(rows(whole.stdout)) == 4 else
             [whole.stdout, again.stdout, again.stderr])
    with open(good, "rb") as file:
        piped = test.run("-r", "-", "-z", "conns", "-z", "peers", "-j", stdin=file)
    test.say("a savefile on standard input gives the same rows",
             [] if rows(whole.stdout) == rows(piped.stdout) else [piped.stdout, piped.stderr])
    done = subprocess.run("%s -r %s -q | awk '$5 > 0' | awk 'NR > 1 { print $1, $3 }'" % (cli.CONNTRACE, good), shell=True,
                          capture_output=True, text=True, timeout=cli.LIMIT, check=False)
    test.say("the fifth column is FAIL", [] if done.stdout == "192.0.2.7 81\n" else [done.stdout, done.stderr])
    done = test.run("-r", good, "-H", "port", "80")
    test.say("operands are a packet filter", [] if done.stdout.count("\n") == 1 and " 80 " in done.stdout else [done.stdout])
    done = test.run("-r", good, "-H", "--lport", "!80")
    test.say("connections are filtered", [] if done.stdout.count("\n") == 1 and " 81 " in done.stdout else [done.stdout])
    for style in ("csv", "tsv", "raw"):
        tables = test.run("-r", good, "--format=" + style, "-z", "conns", "-z", "peers").stdout.replace("\r", "").split("\n\n")
        alone = [test.run("-r", good, "--format=" + style, "-z", name).stdout.replace("\r", "") for name in ("conns", "peers")]
        test.say("each table in %s has titles, a blank line between" % style,
                 [] if [table.rstrip("\n") + "\n" for table in tables] == alone else [tables, alone])
    unknown = test.run("-r", good, "--format=csv", "-z", "conns").stdout
    for null in ("", "NULL", "not, known"):
        quoted = '"%s"' % null if "," in null else null
        done = test.run("-r", good, "--format=csv", "-z", "conns", "--null=" + null)
        wanted = re.sub(r"(?<![^,\n])-(?![^,\r\n])", quoted, unknown)
        test.say("--null=%s replaces unknown values alone" % null,
                 [] if done.stdout == wanted and wanted != unknown else [done.stdout, done.stderr, wanted])
    done = test.run("-r", good, "--events", "-j", "-q")
    test.say("--events alone prints no report", [] if len(rows(done.stdout)) == 2 else [done.stdout])
    test.end()


main()
