#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--audit-log: the same calls in every form of a log give the same rows; what a log cannot contain is unknown."""
import gzip
import json
import os
import signal
import struct
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
    has_gzip = "gzip" in test.run("--version").stdout
    lines = audit.raw(audit.scenario())
    third = len(lines) // 3
    pieces = [lines[:third], lines[third:2 * third], lines[2 * third:]]
    paths = [test.path(name) for name in ("audit.log.2", "audit.log.1.gz", "audit.log")]
    test.path("audit.log.2", audit.text(pieces[0]))
    test.path("audit.log.1.gz", gzip.compress(audit.text(pieces[1])) if has_gzip else audit.text(pieces[1]))
    test.path("audit.log", audit.text(pieces[2]))
    for order in ((2, 1, 0), (0, 1, 2), (1, 2, 0)):
        words = [word for index in order for word in ("--audit-log", paths[index])]
        found, done = rows(test, *words)
        test.say("rotated, given as %s" % (order,), [] if found == audit.truth() else [found, done.stderr])
    whole = test.path("whole.log", audit.text(lines))
    with open(whole, encoding="latin1") as stdin:
        found, done = rows(test, "--audit-log=-", stdin=stdin)
    test.say("standard input", [] if found == audit.truth() else [found, done.stderr])
    tail = test.path("tail", audit.text(pieces[1] + pieces[2]))
    with subprocess.Popen(["cat", paths[0], tail], stdout=subprocess.PIPE) as pipe:
        found, done = rows(test, "--audit-log", "-", stdin=pipe.stdout)
    test.say("a pipe", [] if found == audit.truth() else [found, done.stderr])
    with open(whole, "rb") as file:
        content = file.read()
    if has_gzip:
        cut = test.path("cut.gz", gzip.compress(content)[:-20])
        done = test.run("--audit-log", cut, env=UTC)
        test.expect("a compressed file that is cut off", done, 1, ["cut.gz", "cut off"], stdout="192.0.2.1")
    test.expect("one file twice", test.run("--audit-log", whole, "--audit-log", whole), 1, ["same file"], "")
    test.expect("no such file", test.run("--audit-log", "missing"), 1, ["\"missing\" cannot be read", "auditd"], "")
    test.expect("a folder", test.run("--audit-log", test.folder), 1, ["directory"], "")
    test.expect("another kind of file", test.run("--audit-log", test.path("other", b"hello\nworld\n")), 1,
                ["no record of audit in 2 lines"])
    wide = test.path("utf16", "\ufefftype=SYSCALL".encode("utf-16-le"))
    test.expect("a text of another system", test.run("--audit-log", wide), 1, ["utf16\": it is text in UTF-16; iconv"])
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
                                "type=SYSCALL msg=audit(17000", "type=SYSCALL msg=audit(1700000009.500:10): arch=c00000",
                                "type=USER_LOGIN msg=audit(1700000009.600:11): pid=1 uid=0", "no record",
                                "type=SYSCALL msg=audit(1700000009.700:12): arch=c000003e syscall=44 success=yes exit=9 a0=3",
                                "type=SOCKADDR msg=audit(1700000009.700:12): saddr=" + audit.address("192.0.2.9", 53).hex(),
                                "x" * 600000]
    done = test.run("--audit-log", test.path("doubts.log", audit.text(lines)), "-z", "conns", "-O", "RADDR,RESULT", "-H",
                    "--format=raw")
    found = sorted(line.split() for line in done.stdout.splitlines())
    wanted = [["192.0.2.1", "ok"], ["192.0.2.2", "ok"], ["192.0.2.2", "ok"], ["192.0.2.3", "ok"]]
    test.say("sockets of unknown kind: each connection once", [] if found == wanted else [found, done.stderr])
    test.expect("and that it is said", done, 0,
                ["4 connect(2) calls of the audit log are counted as TCP", "2 calls of the audit log are left out",
                 "1 records are left out: without the number", "3 records of the audit log are left out: they were cut",
                 "1 lines of the audit log are left out", "7 records or more were lost"])
    found = json.loads(test.run("--audit-log", "doubts.log", "-j").stdout.splitlines()[-1])["summary"]
    wanted = {"other": 2, "foreign": 1, "damaged": 3, "numberless": 1, "long": 1, "apart": 1, "addressless": 2, "kindless": 0}
    test.say("lines that are not used", [] if (found["log_lines"], found["log_unused"]) == (len(lines), wanted) else [found, lines])


def interrupted(test):
    """The lines of a log that has not come to its end are not counted: their number is unknown."""
    child = subprocess.Popen([cli.CONNTRACE, "--audit-log=-", "-j"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL)
    child.stdin.write(b"foreign\n" * (1 << 17))  # more than a pipe holds: it is read
    child.send_signal(signal.SIGTERM)
    try:
        child.wait(cli.LIMIT)
    except subprocess.TimeoutExpired:
        child.kill()
    child.stdin.close()
    found = json.loads(child.stdout.read().splitlines()[-1])["summary"]
    test.equal("lines of a log that did not come to its end",
               (child.wait(cli.LIMIT), found["log_lines"], set(found["log_unused"].values())), (0, None, {None}))


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


def handshake(us, here, there, sport, dport, refused=False):
    """The frames of a handshake, or of a refusal, with their times in microseconds."""
    syn, rst, ack = 2, 4, 16
    frames = [cli.segment(here, there, sport, dport, 100, 0, syn)]
    if refused:
        frames.append(cli.segment(there, here, dport, sport, 0, 101, rst | ack))
    else:
        frames += [cli.segment(there, here, dport, sport, 500, 101, syn | ack), cli.segment(here, there, sport, dport, 101, 501, ack),
                   cli.segment(here, there, sport, dport, 101, 501, ack, b"x" * (sport % 100))]
    return [(us + 200 * index, frame) for index, frame in enumerate(frames)]


def savefile(test, name, timed, ahead_us=0):
    content = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1)
    for us, frame in sorted(timed):
        us += ahead_us
        content += struct.pack("<IIII", audit.BEGIN + us // 1000000, us % 1000000, len(frame), len(frame)) + frame
    return test.path(name, content)


def joined(test):
    """With the packets of the same time each connection has both; what may be of two processes has none."""
    me, server, other, peer = (192, 0, 2, 9), (192, 0, 2, 1), (192, 0, 2, 2), (198, 51, 100, 7)
    one, two = {"pid": 7, "comm": "x", "exe": "/x"}, {"pid": 8, "comm": "y", "exe": "/y"}
    calls = []

    def connect(ms, fd, ip, result=0, port=80, **who):
        calls.extend([audit.Call("socket", args=(2, 1, 6), result=fd, ms=ms - 1, **who),
                      audit.Call("connect", args=(fd, 0, 16), result=result, saddr=audit.address(ip, port), ms=ms, **who)])

    connect(100, 3, "192.0.2.1", **one)
    connect(1100, 4, "192.0.2.1", result=-115, **one)
    connect(2100, 5, "192.0.2.2", result=-111, **two)
    connect(3100, 6, "192.0.2.1", **one)
    connect(3101, 7, "192.0.2.1", **one)
    connect(4100, 8, "192.0.2.1", **one)
    connect(4101, 9, "192.0.2.1", **two)
    # A call that waited: its records come last, with the time of its entry.
    calls.append(audit.Call("accept4", args=(9, 0, 0), result=10, saddr=audit.address("198.51.100.7", 40001), ms=50, **two))
    calls.append(audit.Call("accept4", args=(9, 0, 0), result=11, saddr=audit.address("198.51.100.7", 40002), ms=6100, **two))
    log = test.path("join.log", audit.text(audit.raw(audit.numbered(calls))))
    frames = (handshake(103000, me, server, 50001, 80) + handshake(1101000, me, server, 50002, 80) +
              handshake(2104000, me, other, 50003, 80, True) + handshake(3102500, me, server, 50004, 80) +
              handshake(3103500, me, server, 50005, 80) + handshake(4102000, me, server, 50006, 80) +
              handshake(4103000, me, server, 50007, 80) + handshake(5000000, peer, me, 40001, 8080) +
              handshake(6000000, peer, me, 40002, 8080))
    columns = "FD,PID,RADDR,RPORT,LPORT,RESULT,SEEN,RX_BYTES,TX_BYTES,HS_MS,QUEUE_MS,CONNECT_MS,START"
    words = ["--audit-log", log, "-z", "conns", "-O", columns, "-H", "--format=raw", "--time=epoch"]
    done = test.run("-r", savefile(test, "join.pcap", frames), *words)
    found = sorted((line.split() for line in done.stdout.splitlines()), key=lambda row: int(row[0]))
    begin = str(audit.BEGIN)[:-1]
    wanted = [["3", "7", "192.0.2.1", "80", "50001", "ok", "wa", "0", "1", "0.400", "-", "-", begin + "0.103000000"],
              ["4", "7", "192.0.2.1", "80", "50002", "ok", "wa", "0", "2", "0.400", "-", "-", begin + "1.101000000"],
              ["5", "8", "192.0.2.2", "80", "50003", "refused", "wa", "0", "0", "-", "-", "-", begin + "2.104000000"],
              ["6", "7", "192.0.2.1", "80", "50004", "ok", "wa", "0", "4", "0.400", "-", "-", begin + "3.102500000"],
              ["7", "7", "192.0.2.1", "80", "50005", "ok", "wa", "0", "5", "0.400", "-", "-", begin + "3.103500000"],
              ["8", "7", "192.0.2.1", "80", "-", "ok", "a", "-", "-", "-", "-", "-", begin + "4.100000000"],
              ["9", "8", "192.0.2.1", "80", "-", "ok", "a", "-", "-", "-", "-", "-", begin + "4.101000000"],
              ["10", "8", "198.51.100.7", "40001", "8080", "ok", "wa", "1", "0", "0.400", "-", "-", begin + "5.000000000"],
              ["11", "8", "198.51.100.7", "40002", "8080", "ok", "wa", "2", "0", "0.400", "-", "-", begin + "6.000000000"]]
    test.say("joined to packets", [] if found == wanted else ["found  %s\nwanted %s" % pair for pair in zip(found, wanted)
                                                              if pair[0] != pair[1]] + [done.stderr])
    test.expect("how many, and the difference of the clocks", done, 0,
                ["packets of 7 of 9 connections of the audit log were found", "SYN segments come 3.000 ms after the calls",
                 "2 SYN segments may be of several processes"])
    recorded = test.run("-r", test.path("join.pcap"), *words, "--record", test.path("join.events"))
    again = test.run("--replay", test.path("join.events"), *words[2:])
    test.say("recorded and replayed", [] if again.stdout == recorded.stdout == done.stdout else [again.stdout, again.stderr])
    done = test.run("-r", savefile(test, "ahead.pcap", frames, 3600000000), *words)
    test.expect("clocks that differ by an hour", done, 0,
                ["packets of 2 of 9 connections", "SYN segments come 3600003.000 ms after the calls",
                 "the clocks of log and packets differ"])
    done = test.run("-r", savefile(test, "behind.pcap", frames, -40000), *words)
    test.expect("clocks that differ by less", done, 0, ["SYN segments come 37.000 ms before the calls", "the clocks of log and"])


def main():
    test = cli.Cli()
    if "without libaudit" in test.run("--version").stdout:
        log = test.path("raw.log", audit.text(audit.raw(audit.scenario())))
        test.expect("refused with the remedy", test.run("--audit-log", log), 1, ["libauparse-dev"], "")
    else:
        forms(test)
        log = test.path("raw.log", audit.text(audit.raw(audit.scenario())))
        values(test, log)
        summaries(test, log)
        files(test)
        doubts(test)
        interrupted(test)
        descriptors(test)
        joined(test)
    test.end()


if __name__ == "__main__":
    main()
