#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Ladders of real programs: calls, segments and states stand on one time line, in their order."""
import os
import re
import signal

from lib import (CONNTRACE, MKCONN, Process, capturing, check, enter_namespace, equal, firewall, firewall_off, main,
                 mkconn, must, need, require, run, scratch, test, wait_file, wait_for, write_file)

SIZE = 300000
CONFIG = """
daemon off;
worker_processes 1;
pid %(top)s/pid;
error_log %(top)s/error.log;
%(user)s
events { worker_connections 64; }
http {
    access_log off;
    %(paths)s
    server { listen 127.0.0.1:8080; root %(top)s/html; }
}
"""


def in_order(text, patterns):
    """Lines that match these patterns come in this order."""
    lines = text.splitlines()
    at = 0
    for pattern in patterns:
        found = [i for i in range(at, len(lines)) if re.search(pattern, lines[i])]
        if not found:
            check(False, "no line /%s/ after line %d of\n%s" % (pattern, at, text))
            return
        at = found[0] + 1
    check(True, "all lines in their order")


def nginx():
    top = scratch("nginx")
    os.makedirs(top + "/html")
    write_file(top + "/html/file", "x" * SIZE)
    paths = "\n".join("%s_temp_path %s/%s;" % (name, top, name)
                      for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    user = "user root root;" if os.getuid() == 0 else ""
    config = write_file(top + "/conf", CONFIG % {"top": top, "user": user, "paths": paths})
    server = Process([need("nginx"), "-p", top, "-c", config])
    wait_for(lambda: "8080" in must(["ss", "-Hltn"]), "nginx listens")
    return server


@test("curl fetches a file from nginx")
def fetch():
    server = nginx()
    done = run([CONNTRACE, "-q", "-i", "lo", "--ladder=all", "--watch-close", "--", need("curl"), "-s", "-o", "/dev/null",
                "http://127.0.0.1:8080/file"])
    equal(done.status, 0, "exit status")
    require(done.out.startswith("#1 out 127.0.0.1:"), "the head: " + done.out[:100])
    head = done.out.splitlines()[0]
    check(re.search(r"> 127\.0\.0\.1:8080  curl\[\d+\] fd \d+  ok  hs [\d.]+ [um]s  rx 30\d+ tx \d+$", head), head)
    in_order(done.out, [r"connect\(\d+\)  ", r"SYN_SENT  \|-----S-+>\| SYN_RCVD    seq 0 win \d+ <mss \d+",
                        r"ESTABLISHED  \|<-A--S-+\|", r"\|--A-+>\| ESTABLISHED ack 1$",
                        r"\|~+>\| +GET /file Host: 127\.0\.0\.1:8080$", r"\|<~+\| +HTTP 200$",
                        r":  \d+ segments?, \d+ bytes", r"FIN_WAIT1  \|--A---F-+>\| CLOSE_WAIT",
                        r"TIME_WAIT  \|<-A---F-+\| LAST_ACK", r"\|--A-+>\| CLOSED"])
    in_order(done.out, [r"connect\(\d+\)  ", r"connect\(\d+\) = -1 .*EINPROGRESS", r"SO_ERROR 0", r"close\(\d+\)"])
    check(all(len(line) < 100 for line in done.out.splitlines()), "under 100 columns")
    server.end()


@test("the whole host: messages of a connection with both ends here are shown once, at once")
def said_once():
    server = nginx()
    trace = Process([CONNTRACE, "-q", "-i", "lo", "--live"])
    capturing(trace)
    must([need("curl"), "-s", "-o", "/dev/null", "http://127.0.0.1:8080/none"])
    wait_for(lambda: "HTTP 404" in trace.out, "the answer")
    trace.signal(signal.SIGINT)
    equal(trace.wait(), 0, "exit status")
    equal((trace.out.count("GET /none Host: "), trace.out.count("HTTP 404")), (1, 1), "how often\n" + trace.out)
    server.end()


@test("the same from the calls alone")
def calls():
    server = nginx()
    done = run([CONNTRACE, "-q", "--ladder=all", "--watch-close", "--", need("curl"), "-s", "-o", "/dev/null",
                "http://127.0.0.1:8080/file"])
    in_order(done.out, [r"^#1 out .* curl\[\d+\]", r"connect\(\d+\)  ", r"connect\(\d+\) = -1 .*EINPROGRESS",
                        r"SO_ERROR 0", r"close\(\d+\)"])
    check("-->" not in done.out, "no segments")
    server.end()


@test("connect(2) with AF_UNSPEC is shown as that call, and as no close(2)")
def disconnected():
    done = run([CONNTRACE, "-q", "--ladder=all", "--", MKCONN, "listen=127.0.0.1:0", "fork=1", "accept", "recv-all", "done",
                "connect=self", "send=100", "disconnect"])
    equal(done.status, 0, "exit status")
    in_order(done.out, [r"^#\d+ out ", r"connect\(\d+\) = 0", r"connect\(\d+, AF_UNSPEC\)"])
    check("close(" not in done.out, done.out)


@test("both ends traced, as it happens: each segment once, each call of each end")
def live():
    done = run([CONNTRACE, "-q", "-i", "lo", "--live", "--", MKCONN, "listen=127.0.0.1:0", "fork=1", "accept4",
                "recv=100", "send=100", "recv-all", "close", "done", "connect=self", "send=100", "recv=100", "close"])
    equal(done.status, 0, "exit status")
    in_order(done.out, [r"^#\d+ out .* mkconn", r"connect\(\d+\)  ", r"connect\(\d+\) = 0"])
    # The segments are those of the end that accepts.
    in_order(done.out, [r"^#\d+ in .* mkconn", r"SYN_RCVD  \|<----S-", r"accept\(\) = \d+"])
    equal(len(re.findall(r"\|(?:-----S-+>|<----S-+)\|", done.out)), 1, "one SYN\n" + done.out)
    equal(len(re.findall(r"\|(?:--A--S-+>|<-A--S-+)\|", done.out)), 1, "one SYN/ACK\n" + done.out)
    equal(len(re.findall(r"len 100", done.out)), 2, "two segments with data\n" + done.out)


@test("a refused connection is suspicious, an ordinary one is not")
def suspicious():
    done = run([CONNTRACE, "-q", "-i", "lo", "--ladder", "--", MKCONN, "listen=127.0.0.1:0", "fork=1", "accept4",
                "recv=100", "close", "done", "connect=self", "send=100", "close", "connect=127.0.0.1:9"])
    heads = [line for line in done.out.splitlines() if line.startswith("#")]
    equal(len(heads), 1, "connections\n" + done.out)
    check(re.search(r"> 127\.0\.0\.1:9  mkconn.*\s+refused\s+ECONNREFUSED\s+.*why: failed",
                    " ".join(done.out.splitlines()[:2])), done.out)
    in_order(done.out, [r"connect\(\d+\)  ", r"-S-", r"CLOSED  \|<-A-R-+\| CLOSED",
                        r"connect\(\d+\) = -1 .*ECONNREFUSED"])


SCENARIO = ["listen=127.0.0.1:0", "fork=1", "count=3", "accept4", "recv-all", "close", "done", "done", "count=3",
         "connect=self", "send=1000", "close", "done", "connect=127.0.0.1:9", "join"]


@test("without packets: live, the suspicious one with context, and unknown values are -")
def without_packets():
    live_ = run([CONNTRACE, "-q", "--live", "--", MKCONN] + SCENARIO).out
    # A child that ends at that very moment interrupts it.
    again = len(re.findall(r"connect\(\d+\) = \? .*interrupted", live_))
    for pattern, count in ((r"^#\d+ out ", 4), (r"^#\d+ in ", 3), (r"accept\(\) = \d+", 3), (r"connect\(\d+\)  ", 4 + again),
                           (r"connect\(\d+\) = 0", 3), (r"connect\(\d+\) = -1 .*ECONNREFUSED", 1)):
        equal(len(re.findall(pattern, live_, re.MULTILINE)), count, pattern + "\n" + live_)
    shown = run([CONNTRACE, "-q", "--ladder", "--context=3", "--", MKCONN] + SCENARIO).out
    equal(len(re.findall("^#", shown, re.MULTILINE)), 1, "connections\n" + shown)
    # The kernel takes its address back from a socket that could not connect, and leaves the port; if the connect(2) was
    # interrupted, the address has been seen.
    here = r"(-|127\.0\.0\.1)" if "interrupted" in shown else "-"
    check(re.search(r"^#\d+ out " + here + r":\d+ > 127\.0\.0\.1:9 .*refused", shown), shown)
    check("why: failed" in shown, shown)
    for text in live_, shown:
        check(not re.search(r"-->|<--|seq|SYN_SENT|0\.0\.0\.0", text), "something of the wire\n" + text)
    for via in ("ptrace", "diag"):
        rows = run([CONNTRACE, "-q", "--via=" + via, "--ladder=all", "--format=csv", "--", MKCONN] + SCENARIO).out.splitlines()
        segments = [row for row in rows[1:] if ",segment," in row]
        equal(segments, [], "segments by " + via)


@test("a connect(2) that a signal interrupts, and that is made again")
def interrupted():
    port = scratch("port")
    server = mkconn(["listen=127.0.0.1:0", "port-file=" + port, "accept", "recv-all", "close"])
    number = wait_file(port)
    firewall("tcp dport %s tcp flags & (syn | ack) == syn numgen inc mod 1000000 lt 1 drop" % number)
    done = run([CONNTRACE, "-q", "--live", "--", MKCONN, "interrupt-restart=100", "connect=127.0.0.1:" + number, "send=10",
                "close"])
    firewall_off()
    server.wait()
    in_order(done.out, [r"connect\(\d+\)  ", r"connect\(\d+\) = \? .*interrupted", r"connect\(\d+\)  ",
                        r"connect\(\d+\) = 0"])
    check("= -1" not in done.out, done.out)


if __name__ == "__main__":
    enter_namespace()
    main()
