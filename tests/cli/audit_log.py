#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--audit-log: the same calls in every form of a log give the same rows; what a log cannot contain is unknown."""
import gzip
import json
import os
import subprocess

import audit_records as audit
import cli

COLUMNS = "RADDR,RPORT,LPORT,DIR,RESULT,PID,COMM,EXE,FD,SEEN"
UTC = dict(os.environ, TZ="UTC", LC_ALL="C")


def rows(test, *words, **how):
    """The rows of -z conns, sorted, and how conntrace ended."""
    done = test.run(*words, "-z", "conns", "-O", COLUMNS, "-H", "--format=raw", env=UTC, **how)
    return sorted(line.split() for line in done.stdout.splitlines()), done


def forms(test):
    for name, form in audit.FORMS.items():
        for arch in ("x86_64", "aarch64", "i386"):
            log = test.path("form.log", audit.text(form(audit.scenario(arch))))
            found, done = rows(test, "--audit-log", log)
            wrong = [] if found == audit.truth() else ["found %s" % row for row in found]
            if done.returncode != 0 or "left out" in done.stderr or "counted as TCP" in done.stderr:
                wrong.append("status %s: %s" % (done.returncode, done.stderr))
            test.say("%s, %s" % (name, arch), wrong)


def values(test, log):
    """Each value that the log has is exact, every other one is unknown."""
    done = test.run("--audit-log", log, "-j", "-z", "conns", env=UTC)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    first = [row for row in found if row.get("fd") == 3][0]
    accepted = [row for row in found if row.get("fd") == 9][0]
    unknown = ("connect_ms", "hs_ms", "queue_ms", "rx_bytes", "tx_bytes", "tid", "cookie", "netns", "syn_rtx", "rtt_ms")
    wrong = ["%s is %s" % (key, row[key]) for row in (first, accepted) for key in unknown if row[key] is not None]
    if (first["start"], first["end"], first["dur_s"], first["uid"]) != (1700000000.123, 1700000002.123, 2, 1000):
        wrong.append("times and owner: %s" % first)
    if (accepted["start"], accepted["dur_s"], accepted["laddr"], accepted["uid"]) != (1700000000.3, None, None, 33):
        wrong.append("the accepted one: %s" % accepted)
    test.say("values", wrong)


def summaries(test, log):
    done = test.run("--audit-log", log, "--by", "peer,dir,port,comm", "-O", "PEER,DIR,PORT,COMM,CONNS,OK,FAIL,UNKNOWN", "-H",
                    "--format=raw", env=UTC)
    wanted = ["192.0.2.1 out 443 client 2 1 0 1", "198.51.100.7 in 80 nginx 2 2 0 0",
              "2001:db8::1 out 8080 Web\\x20Content 1 0 1 0"]
    test.say("per peer and process", [] if sorted(done.stdout.splitlines()) == wanted else [done.stdout, done.stderr])
    done = test.run("--audit-log", log, "--record", test.path("events"), "-q", env=UTC)
    again = test.run("--replay", test.path("events"), "-z", "conns", "-O", COLUMNS, "-H", "--format=raw", env=UTC)
    found = sorted(line.split() for line in again.stdout.splitlines())
    test.say("recorded and replayed", [] if found == audit.truth() else [found, again.stderr])


def files(test):
    """Rotated files in any order, compressed, on standard input."""
    lines = audit.raw(audit.scenario())
    third = len(lines) // 3
    pieces = [lines[:third], lines[third:2 * third], lines[2 * third:]]
    paths = [test.path(name) for name in ("audit.log.2", "audit.log.1.gz", "audit.log")]
    test.path("audit.log.2", audit.text(pieces[0]))
    test.path("audit.log.1.gz", gzip.compress(audit.text(pieces[1])))
    test.path("audit.log", audit.text(pieces[2]))
    for order in ((2, 1, 0), (0, 1, 2), (1, 2, 0)):
        words = [word for index in order for word in ("--audit-log", paths[index])]
        found, done = rows(test, *words)
        test.say("rotated, given as %s" % (order,), [] if found == audit.truth() else [found, done.stderr])
    whole = test.path("whole.log", audit.text(lines))
    with open(whole, encoding="latin1") as stdin:
        found, done = rows(test, "--audit-log=-", stdin=stdin)
    test.say("standard input", [] if found == audit.truth() else [found, done.stderr])
    with subprocess.Popen(["sh", "-c", "cat %s %s" % (paths[0], test.path("tail"))], stdout=subprocess.PIPE) as pipe:
        test.path("tail", audit.text(pieces[1] + pieces[2]))
        found, done = rows(test, "--audit-log", "-", stdin=pipe.stdout)
    test.say("a pipe", [] if found == audit.truth() else [found, done.stderr])
    with open(whole, "rb") as file:
        content = file.read()
    cut = test.path("cut.gz", gzip.compress(content)[:-20])
    done = test.run("--audit-log", cut, env=UTC)
    test.expect("a compressed file that is cut off", done, 1, ["cut.gz", "cut off"], stdout="192.0.2.1")
    test.expect("one file twice", test.run("--audit-log", whole, "--audit-log", whole), 1, ["same file"], "")
    test.expect("no such file", test.run("--audit-log", "missing"), 1, ["\"missing\" cannot be read", "auditd"], "")
    test.expect("a folder", test.run("--audit-log", test.folder), 1, ["directory"], "")
    test.expect("another kind of file", test.run("--audit-log", test.path("other", b"hello\nworld\n")), 1,
                ["no record of audit in 2 lines"])
    test.expect("an empty file", test.run("--audit-log", test.path("empty", b"")), 0, ["the log contains no TCP connection"])
    test.expect("output over a log", test.run("--audit-log", whole, "-o", whole), 1, ["would overwrite"])
    for words in (["--audit-log", whole, "--strace-log", whole], ["--audit-log", whole, "--replay", whole],
                  ["--audit-log", whole, "-p", "1"]):
        test.usage(words, "cannot go with")


def doubts(test):
    """What the log leaves open is said, with its number."""
    here = {"pid": 7, "comm": "x", "exe": "/x"}
    calls = audit.numbered([
        audit.Call("connect", args=(3, 0, 16), result=0, saddr=audit.address("192.0.2.1", 80), ms=0, **here),
        audit.Call("connect", args=(3, 0, 16), result=0, saddr=audit.address("192.0.2.2", 80), ms=1000, **here),
        audit.Call("connect", args=(3, 0, 16), result=0, saddr=audit.address("192.0.2.2", 80), ms=2000, **here),
        audit.Call("connect", args=(4, 0, 16), result=-115, saddr=audit.address("192.0.2.3", 80), ms=3000, **here),
        audit.Call("connect", args=(4, 0, 16), result=0, saddr=audit.address("192.0.2.3", 80), ms=3100, **here),
        audit.Call("connect", args=(5, 0, 16), result=0, saddr=audit.address("192.0.2.4", 0), ms=3200, **here),
        audit.Call("accept4", args=(9, 0, 0), result=6, ms=4000, **here),
        audit.Call("connect", args=(6, 0, 16), result=-111, ms=4100, **here)])
    lines = audit.raw(calls) + ["audit: audit_lost=3 audit_rate_limit=0 audit_backlog_limit=64",
                                "audit: audit_lost=9 audit_rate_limit=0 audit_backlog_limit=64",
                                "Nov 14 22:13:20 web1 audit[7]: SYSCALL arch=c000003e syscall=42 success=yes exit=0 a0=3",
                                "type=SYSCALL msg=audit(1700000009.000:9): arch=c000003e syscall=42 success=yes exit=0",
                                "type=SYSCALL msg=audit(17000", "x" * 600000]
    done = test.run("--audit-log", test.path("doubts.log", audit.text(lines)), "-z", "conns", "-O", "RADDR,RESULT", "-H",
                    "--format=raw")
    found = sorted(line.split() for line in done.stdout.splitlines())
    wanted = [["192.0.2.1", "ok"], ["192.0.2.2", "ok"], ["192.0.2.2", "ok"], ["192.0.2.3", "ok"]]
    test.say("sockets of unknown kind: each connection once", [] if found == wanted else [found, done.stderr])
    test.expect("and that it is said", done, 0,
                ["4 connect(2) calls of the audit log are counted as TCP", "2 calls of the audit log are left out",
                 "1 records are left out: without the number", "1 records of the audit log are left out: they were cut",
                 "1 lines of the audit log are left out", "7 records or more were lost"])


def descriptors(test):
    """Copies of descriptors, forks, calls that failed: an end is known only when it is sure."""
    here = {"pid": 7, "comm": "x", "exe": "/x"}
    peer = audit.address("192.0.2.1", 80)
    calls = audit.numbered([
        audit.Call("socket", args=(2, 1, 6), result=3, ms=0, **here),
        audit.Call("connect", args=(3, 0, 16), result=0, saddr=peer, ms=10, **here),
        audit.Call("dup", args=(3,), result=4, ms=20, **here), audit.Call("close", args=(3,), result=0, ms=30, **here),
        audit.Call("socket", args=(2, 1, 6), result=5, ms=100, **here),
        audit.Call("connect", args=(5, 0, 16), result=0, saddr=peer, ms=110, **here),
        audit.Call("clone", args=(0x11,), result=8, ms=120, **here), audit.Call("close", args=(5,), result=0, ms=130, **here),
        audit.Call("socket", args=(2, 1, 6), result=6, ms=200, **here),
        audit.Call("connect", args=(6, 0, 16), result=0, saddr=peer, ms=210, **here),
        audit.Call("clone", args=(0x10f00,), result=9, ms=215, **here),
        audit.Call("close", args=(6,), result=0, ms=1210, **here)])
    done = test.run("--audit-log", test.path("fds.log", audit.text(audit.raw(calls))), "-z", "conns", "-O", "FD,DUR_S", "-H",
                    "--format=raw")
    found = sorted(line.split() for line in done.stdout.splitlines())
    wanted = [["3", "-"], ["5", "-"], ["6", "1.000000"]]
    test.say("ends of copied descriptors are unknown", [] if found == wanted else [found, done.stderr])


def main():
    test = cli.Cli()
    if "without libauparse" in test.run("--version").stdout:
        log = test.path("raw.log", audit.text(audit.raw(audit.scenario())))
        test.expect("refused with the remedy", test.run("--audit-log", log), 1, ["libauparse-dev"], "")
    else:
        forms(test)
        log = test.path("raw.log", audit.text(audit.raw(audit.scenario())))
        values(test, log)
        summaries(test, log)
        files(test)
        doubts(test)
        descriptors(test)
    test.end()


if __name__ == "__main__":
    main()
