#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What ends a run: -c after exactly so many connections, -d after its time, and a reader that goes away."""
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time

import at_once
from lib import (CONNTRACE, MKCONN, Process, Trace, between, built, check, enter_namespace, equal, must, packet_sockets,
                 TOP_BUILD, need, parse_rows, read_file, run, scratch, status_field, test, tracer_of, wait_file, wait_for)

# More than the slack of a busy machine, less than any of the waits that these tests are about.
SLACK_SEC = 1.8
EVENTS = ["--events", "-z", "conns", "--format=json"]


MKPCAP = os.path.join(TOP_BUILD, "tests/helpers/mkpcap")


class Server:
    """A mkconn that accepts for ever, and clients that connect one after the other until they are stopped."""

    def __init__(self):
        port_file = scratch("port")
        self.process = Process([MKCONN, "listen=127.0.0.1:0", "port-file=" + port_file, "forever", "accept", "recv-all",
                                "close", "done"])
        self.port = int(wait_file(port_file))
        self.over = False
        self.thread = threading.Thread(target=self.clients, daemon=True)

    def clients(self):
        while not self.over:
            socket.create_connection(("127.0.0.1", self.port)).close()
            time.sleep(0.01)

    def start(self):
        self.thread.start()

    def end(self):
        self.over = True
        if self.thread.ident:
            self.thread.join(20)


def modes(server):
    """The words of a run, and a function: does it watch?"""
    pid = str(server.process.pid)
    return ((["--via=ptrace", "-p", pid], lambda trace: tracer_of(server.process.pid) > 0),
            (["--via=diag", "--debug=sources", "-p", pid], lambda trace: "debug: events" in trace.err),
            (["-i", "lo", "--dir=in"], lambda trace: packet_sockets() > 0),
            (["-i", "lo", "--via=ptrace", "-p", pid], lambda trace: tracer_of(server.process.pid) > 0))


def lines(text):
    return [line for line in text.splitlines() if '"summary"' not in line]


@test("-c N: each report has N connections, however many end at the same time")
def count():
    for wanted in (1, 5):
        server = Server()
        try:
            server.start()
            for words, _ in modes(server):
                rows = scratch("rows")
                must([CONNTRACE, "-q", "-H", "-c", wanted, "-o", rows] + EVENTS + words)
                equal(len(lines(read_file(rows))), 2 * wanted, "rows of %s -c %d" % (words, wanted))
                rows = scratch("rows")
                must([CONNTRACE, "-q", "-c", wanted, "--format=json", "-o", rows] + words)
                fact = parse_rows(read_file(rows))
                equal(sum(row["conns"] for row in fact), wanted, "CONNS of %s -c %d" % (words, wanted))
                equal(sum(row["open"] for row in fact), 0, "OPEN of %s -c %d" % (words, wanted))
                out = must([CONNTRACE, "-q", "-H", "-c", wanted, "--events=handshakes"] + words)
                equal(len(out.splitlines()), wanted, "handshakes of %s -c %d" % (words, wanted))
        finally:
            server.end()


@test("-c N of a launched command and of files")
def count_others():
    recording, rows = scratch("ev"), scratch("rows")
    server = Server()
    try:
        client = [MKCONN, "count=8", "connect=127.0.0.1:%d" % server.port, "close", "done"]
        must([CONNTRACE, "-q", "-o", "/dev/null", "--record=" + recording, "--"] + client)
        for number in range(1, 5):
            trace = Trace(["-c", number], client + ["wait-file=/nonexistent"])
            equal(trace.wait(), -15, "the command is sent SIGTERM")
            equal(len(trace.rows()), number, "rows of a launched one")
            must([CONNTRACE, "-c", number, "--replay=" + recording, "-o", rows] + EVENTS)
            equal(len(lines(read_file(rows))), 2 * number, "rows of a recording")
    finally:
        server.end()


@test("-c 1 ends as soon as the connection has, not when nothing late can come any more")
def count_one():
    server = Server()
    try:
        for words, watches in modes(server):
            trace = Process([CONNTRACE, "-q", "-c", "1"] + words)
            wait_for(lambda: watches(trace), "conntrace to watch")
            wait_for(lambda: status_field(trace.pid, "State")[:1] == "S", "it to wait")

            def has_ended():
                # The first ones may come before its filter is in place.
                nonlocal began
                began = time.monotonic()
                socket.create_connection(("127.0.0.1", server.port)).close()
                while time.monotonic() - began < SLACK_SEC and trace.alive():
                    time.sleep(0.01)
                return not trace.alive()
            began = 0
            wait_for(has_ended, "%s to end %g seconds after a connection" % (words, SLACK_SEC), 10)
            equal(trace.wait(), 0, "status of %s; %s" % (words, trace.err))
    finally:
        server.end()


# Listens; accepts nothing, or what has been accepted stays open.
DEAF = ("import socket, sys, time\ns = socket.create_server(('127.0.0.1', 0), backlog=1000)\n"
        "print(s.getsockname()[1], flush=True)\ntime.sleep(600)")


def took(words, address=None):
    """How long a run was that has a limit; meanwhile connections are made that are not accepted."""
    trace = Trace(words)
    wait_for(lambda: packet_sockets() > 0 or "-i" not in words or not trace.alive(), "conntrace to capture")
    # The kernel has them in any state it can, when the time is over.
    while trace.alive():
        if address:
            client = socket.create_connection(address)
            client.send(b"x")
            client.close()
        time.sleep(0.2)
    return float(trace.finish().summary["duration_s"])


@test("-d SEC ends in time, also with a connection that its opener closed and that is not accepted")
def duration():
    deaf = Process([sys.executable, "-c", DEAF])
    wait_for(lambda: deaf.out.endswith("\n"), "the port")
    address = ("127.0.0.1", int(deaf.out))
    for words in (["-p", deaf.pid], ["--via=diag", "-p", deaf.pid], ["-i", "lo"], ["-i", "lo", "-p", deaf.pid]):
        seconds = []
        # One that waits for nothing tells whether the machine has the time.
        while not seconds or (seconds[-1] > 2.5 + SLACK_SEC and len(seconds) < 4 and took(["-d", "0.1"] + words) > 1.1):
            seconds.append(took(["-d", "2.5", "--rport=!1"] + words, address))
        if len(seconds) == 4 and seconds[-1] > 2.5 + SLACK_SEC:
            print("# the machine is too busy for %s: %s seconds" % (words, seconds))
            continue
        between(seconds[-1], 2.5, 2.5 + SLACK_SEC, "seconds of %s" % words)


@test("-d SEC begins when the processes are watched, however long attaching takes")
def attached_late():
    target = Process(["sleep", "1000"])
    trace = [need("strace"), "-qq", "-f", "-o", "/dev/null", "-e", "trace=socket", "-e", "inject=socket:delay_enter=1000000:when=1"]
    result = run(trace + [CONNTRACE, "-j", "-d", "1", "--via=diag", "-p", str(target.pid)])
    report = json.loads(result.out.splitlines()[-1])["summary"]
    check(float(report["duration_s"]) >= 1.9, "seconds with one of attaching: %s" % report)


# Forks, and talks to itself, without end.
RESTLESS = """
import os, socket, threading, time
server = socket.create_server(("127.0.0.1", 0), backlog=100)
def forks():
    while True:
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        time.sleep(0.005)
def serves():
    while True:
        server.accept()[0].close()
for each in forks, serves:
    threading.Thread(target=each, daemon=True).start()
while True:
    with socket.create_connection(server.getsockname()) as client:
        client.recv(1)
    print("served", flush=True)
    time.sleep(0.002)
"""


@test("-d SEC by diag ends while the target forks and serves on")
def restless():
    target = Process([sys.executable, "-c", RESTLESS])
    wait_for(lambda: target.out, "the target to serve")
    for _ in range(3):
        Trace(["--via=diag", "-d", "0.5", "-p", target.pid], report="peers").finish()
    target.signal(signal.SIGKILL)


PRELOAD = built("preload_tracer.so", ["gcc", "-D_GNU_SOURCE", "-shared", "-fPIC"], ["preload_tracer.c"])


@test("no socket event is lost because conntrace itself waits for a processor")
def waits_for_processor():
    one = {min(os.sched_getaffinity(0))}
    trace = Trace(["-i", "lo", "-d", "0.1"], env=dict(os.environ, LD_PRELOAD=PRELOAD(), PRELOAD_PROCESSOR_MS="1100"),
                  preexec_fn=lambda: os.sched_setaffinity(0, one))
    equal(trace.finish().summary["lost"]["netlink"], 0, "lost")


@test("too few descriptors are no lack of the kernel")
def descriptors():
    target = Process(["sleep", "60"])
    result = run([CONNTRACE, "--via=diag", "-d", "1", "-p", target.pid], preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8)))
    equal(result.status, 1, "exit status")
    check("ulimit -n" in result.err and "CONFIG" not in result.err, result.err)
    # Enough for the sockets, and not for files of /proc.
    result = run([CONNTRACE, "--via=diag", "-d", "1", "-p", target.pid], preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (10, 10)))
    check("ulimit -n" in result.err and "no such process" not in result.err, result.err)


@test("the limit of open files that a program may raise is no limit of conntrace, and stays that of a command")
def soft_limit():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    shell = ["sh", "-c", "ulimit -Sn; ulimit -Hn"]
    for words in ([], ["--no-filter"], ["--via=diag"]):
        result = run([CONNTRACE, "-q", "-o", "/dev/null"] + words + ["--"] + shell,
                     preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (7, hard)))
        equal((result.status, result.out.split()), (0, ["7", str(hard).replace("-1", "unlimited")]), "limits of a command, %s: %r" % (words, result))


@test("a reader that goes away ends the run, though nothing more is to be written")
def reader():
    server = Server()
    try:
        for words, watches in modes(server):
            trace = Process([CONNTRACE, "-q", "--events"] + words, stdout=subprocess.PIPE)
            wait_for(lambda: watches(trace), "conntrace to watch")
            trace.popen.stdout.close()
            equal(trace.wait(5), 0, "status of %s" % words)
        trace = Process([CONNTRACE, "-q", "-I", "600", "--via=ptrace", "-p", server.process.pid], stdout=subprocess.PIPE)
        trace.popen.stdout.close()
        equal(trace.wait(5), 0, "status with -I")
        # These are for another purpose.
        for words in (["--record=" + scratch("ev")], ["--metrics=" + scratch("prom")], ["-o", scratch("rows")]):
            trace = Process([CONNTRACE, "-q", "-d", "1", "--via=ptrace", "-p", server.process.pid] + words, stdout=subprocess.PIPE)
            began = time.monotonic()
            trace.popen.stdout.close()
            equal(trace.wait(), 0, "status of %s" % words)
            check(time.monotonic() - began > 0.9, "%s went on" % words)
        marker = scratch("marker")
        trace = Process([CONNTRACE, "-q", "--", "sh", "-c", "sleep 0.5; touch " + marker + "; exit 3"],
                        stdout=subprocess.PIPE)
        trace.popen.stdout.close()
        equal(trace.wait(), 3, "a command is not ended by it")
        check(os.path.exists(marker), "the command did all")
    finally:
        server.end()


# A connection, and others so many seconds after it.
ONE = "".join("flow f%(n)d 198.51.100.1 4%(n)04d 192.0.2.1 80\n" % {"n": n} for n in range(4))
TALK = "+%g f%d > S seq 1\n+0 f%d < SA seq 1 ack 2\n+0 f%d > A seq 2 ack 2\n+0 f%d > FA seq 2 ack 2\n+0 f%d < FA seq 2 ack 3\n+0 f%d > A seq 3 ack 3\n"


def capture(*pauses):
    script = ONE + "".join(TALK % (pause, *[number] * 6) for number, pause in enumerate(pauses))
    return subprocess.run([MKPCAP], input=script.encode(), stdout=subprocess.PIPE, check=True).stdout


@test("-c 1 of a pipe ends two seconds of its time after the connection, and no sooner")
def count_pipe():
    for pauses, ends in (((0, 1, 0.5), False), ((0, 1, 1.5), True)):
        for words in ([], ["--events"]):
            trace = Process([CONNTRACE, "-q", "-c", "1", "-H", "-r", "-"] + words, stdin=subprocess.PIPE)
            os.write(trace.popen.stdin.fileno(), capture(*pauses))
            if ends:
                equal(trace.wait(), 0, "status of %s; %s" % (words, trace.err))
            else:
                wait_for(lambda: status_field(trace.pid, "State")[:1] == "S", "it to wait")
                check(trace.alive(), "%s waits for what may be late" % words)
                trace.popen.stdin.close()
                equal(trace.wait(), 0, "status of %s; %s" % (words, trace.err))
            equal(len(trace.out.splitlines()), 1, "rows of %s" % words)


@test("a reader that goes away ends the reading of a pipe that has nothing more to read")
def reader_of_pipe():
    for words in (["--events"], ["--ladder=all"], []):
        trace = Process([CONNTRACE, "-q", "-r", "-"] + words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        os.write(trace.popen.stdin.fileno(), capture(0, 1))
        trace.popen.stdout.close()
        equal(trace.wait(), 0, "status of %s" % words)
        trace.popen.stdin.close()


if __name__ == "__main__":
    enter_namespace()
    at_once.main(4)
