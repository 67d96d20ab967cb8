#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--expect and --learn: lines and exit statuses, for launched commands, recordings, savefiles and losses."""
import json
import os
import socket

import lib
from lib import CONNTRACE, MKCONN, check, equal, main, read_file, run, scratch, test

MKPCAP = os.path.join(os.path.dirname(MKCONN), "mkpcap")
EXPECTED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "replay", "expected")
LOST = "%s type=lost origin=k where=netlink count=3\n"


def refused_port():
    """A port without a listener."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def command(status=0):
    """A command with one connection that is refused."""
    return ["sh", "-c", '"$0" "$1"; exit %d' % status, MKCONN, "connect=127.0.0.1:%d" % refused_port()]


def expect(rules, words, options=()):
    return run([CONNTRACE] + ["--expect=" + rule for rule in rules] + list(options) + words)


@test("a broken rule is a line and status 3, kept ones are neither; the command's own failure comes first")
def launched():
    for rules, code, status, lines in ((["no other out"], 0, 3, 1), (["no fail", "no other"], 0, 3, 1), (["no in"], 0, 0, 0),
                                       (["out to 127.0.0.0/8 refused; no other"], 0, 0, 0), (["no fail"], 5, 5, 1),
                                       (["no in"], 5, 5, 0), (["out ok"], 0, 3, 1), (["out by mkconn\nno other"], 0, 0, 0)):
        words = command(code)
        result = expect(rules, ["--"] + words)
        equal((result.status, len(result.out.splitlines())), (status, lines), "status and lines of %s: %s" % (rules, result))
        if lines:
            port = words[-1].split(":")[1]
            check(result.out.startswith(rules[0]) and "> 127.0.0.1:%s mkconn[" % port in result.out and
                  result.out.endswith("] refused\n"), "line: " + result.out)
            check("1 broke a rule" in result.err, "summary: " + result.err)


@test("in JSON a line is an object, and the summary counts; beside a table the lines are on standard error")
def formats():
    result = expect(["no fail"], ["--"] + command(), ["-j"])
    lines = [json.loads(line) for line in result.out.splitlines()]
    equal((len(lines), lines[0]["broken"]["rule"], lines[0]["broken"]["result"], lines[0]["broken"]["comm"]),
          (2, "no fail", "refused", "mkconn"), "lines")
    equal((lines[1]["summary"]["broken"], lines[1]["summary"]["unproven"], result.status), (1, 0, 3), "summary")
    result = expect(["no fail"], ["--"] + command(), ["-z", "conns", "--format=csv"])
    equal((len(result.out.splitlines()), result.status), (2, 3), "rows: " + result.out)
    check("no fail: out " in result.err, "line: " + result.err)
    result = expect(["no fail"], ["--"] + command(), ["-j", "--redact=comm"])
    check("mkconn" not in result.out and '"comm":"' in result.out, "redacted: " + result.out)
    summary = json.loads(run([CONNTRACE, "-j", "--"] + command()).out.splitlines()[-1])["summary"]
    check("broken" not in summary, "summary without rules: %s" % summary)


@test("what --learn prints is kept when it is fed back, live, from a file of rules, and for a recording and a savefile")
def learned():
    rules, record, capture = scratch("rules"), scratch("ev"), scratch("pcap")
    words = command()
    lib.must([CONNTRACE, "-q", "--learn", "-o", rules, "--record", record, "--"] + words)
    equal(read_file(rules).splitlines(), ["out to %s by mkconn refused" % words[-1].split("=")[1], "no other"], "rules")
    result = expect(["@" + rules], ["-q", "--"] + words)
    equal((result.status, result.out), (0, ""), "fed back: %s" % result.err)
    equal(lib.must([CONNTRACE, "-q", "--learn", "--replay", record]), read_file(rules), "learned from the recording")
    equal(expect(["@" + rules], ["-q", "--replay", record]).status, 0, "the recording")
    equal(expect(["no out"], ["-q", "--replay", record]).status, 3, "the recording, forbidden")
    # Of connections from before the savefile, who opened them is not known.
    lib.must([MKPCAP, "-o", capture, os.path.join(EXPECTED, "lossy.cap")])
    text = lib.must([CONNTRACE, "-q", "--learn", "-r", capture])
    with open(rules, "w", encoding="ascii") as file:
        file.write(text)
    result = expect(["@" + rules], ["-q", "-r", capture])
    equal((result.status, result.out), (0, ""), "the savefile: %s %s" % (text, result.err))
    objects = [json.loads(line) for line in lib.must([CONNTRACE, "-j", "--learn", "-r", capture]).splitlines()]
    equal([line["rule"] for line in objects[:-1]], text.splitlines(), "in JSON")


@test("what was not observed is not proven, which is status 1; a rule that was broken all the same is status 3")
def unproven():
    record = scratch("ev")
    lib.must([CONNTRACE, "-q", "--record", record, "--"] + command())
    stamp = read_file(record).splitlines()[-1].split()[0]
    with open(record, "a", encoding="ascii") as file:
        file.write(LOST % stamp)
    result = expect(["no in"], ["--replay", record])
    equal(result.status, 1, "after a loss: " + result.err)
    check("not everything that --expect is about was observed" in result.err, result.err)
    equal(expect(["no fail"], ["--replay", record]).status, 3, "broken, and a loss")
    equal(run([CONNTRACE, "-q", "--replay", record]).status, 0, "without rules")


@test("rules that are none, files that are none, and a screen are usage errors")
def refused():
    empty = scratch("rules")
    with open(empty, "w", encoding="ascii") as file:
        file.write("# nothing\n")
    for options in (["--expect="], ["--expect=nope"], ["--expect=@" + empty], ["--expect=@/nonexistent"], ["--expect=@/"],
                    ["--expect=ok", "--top"], ["--learn", "--top"], ["--learn", "--redact"]):
        result = run([CONNTRACE] + options + ["--", "true"])
        equal(result.status, 2, "status of %s: %s" % (options, result.err))


main()
