#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""-N: a name server that is silent, slow or partly silent does not hold up the end; names that come in time are shown."""
import os
import re
import signal
import socket
import struct
import sys
import threading
import time

import at_once
from lib import (CONNTRACE, Process, Skip, between, built, check, enter_namespace, equal, packet_sockets, require, run,
                 savefile, scratch, test, wait_for, write_file)

# Three seconds are waited in all, see names.h; the rest is for a busy machine.
WAIT_SEC = 3
SLACK_SEC = 4


class NameServer(threading.Thread):
    """Answers PTR questions with "host-N.test", N the first number of the address, after a while; or says nothing."""

    def __init__(self, answers, delay=0.0):
        super().__init__(daemon=True)
        self.answers, self.delay, self.asked = answers, delay, 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))
        self.start()

    def run(self):
        while True:
            try:
                question, peer = self.socket.recvfrom(512)
            except OSError:
                return
            if not question:
                return
            self.asked += 1
            number = question[13:13 + question[12]].decode()
            if self.answers(number):
                threading.Timer(self.delay, self.answer, (question, number, peer)).start()

    def answer(self, question, number, peer):
        name = b"".join(bytes([len(word)]) + word.encode() for word in ("host-" + number, "test")) + b"\0"
        end = question.index(b"\0", 12) + 5
        try:
            self.socket.sendto(question[:2] + struct.pack("!HHHHH", 0x8180, 1, 1, 0, 0) + question[12:end] +
                               struct.pack("!HHHIH", 0xc00c, 12, 1, 60, len(name)) + name, peer)
        except OSError:
            pass

    def end(self):
        self.socket.sendto(b"", self.socket.getsockname())
        self.join()
        self.socket.close()


def with_server(argv):
    """The words that run a program whose name server is here."""
    configuration = write_file(scratch("resolv.conf"), "nameserver 127.0.0.1\noptions timeout:5 attempts:2\n")
    switch = write_file(scratch("nsswitch.conf"), "hosts: files dns\npasswd: files\ngroup: files\nservices: files\n")
    words = ["unshare", "-m", "sh", "-c", 'mount --bind "$0" /etc/resolv.conf && '
             '{ [ ! -e /etc/nsswitch.conf ] || mount --bind "$1" /etc/nsswitch.conf; } && shift && exec "$@"',
             configuration, switch]
    if run(words + ["true"]).status:
        raise Skip("no mount namespace with a resolv.conf of its own here")
    return words + argv


def rows_of(options):
    began = time.monotonic()
    result = run(with_server([CONNTRACE, "-q", "-N", "-H"] + options), limit=60)
    equal(result.status, 0, "status of %s; %s" % (options, result.err))
    return sorted(result.out.split()), time.monotonic() - began, result.err


@test("a name server that is silent: three seconds in all, numbers, and a line that says so")
def silent():
    server = NameServer(lambda number: False)
    try:
        for report in ("conns", "peers"):
            rows, took, err = rows_of(["-z", report, "-O", "RADDR" if report == "conns" else "PEER", "-r",
                                       savefile(40, 40)])
            equal(rows, sorted("10.0.0.%d" % number for number in range(2, 42)), "numbers")
            between(took, 0, WAIT_SEC + SLACK_SEC, "seconds with a silent server, %s" % report)
            check("shown by number" in err, "that is said: %r" % err)
        require(server.asked > 0, "the server was not asked")
    finally:
        server.end()


@test("it answers: all names are there, also when each answer takes a while")
def answers():
    for delay in (0, 0.2):
        server = NameServer(lambda number: True, delay)
        try:
            rows, _, err = rows_of(["-z", "conns", "-O", "RADDR", "-r", savefile(30, 30)])
            equal(rows, sorted("host-%d.test" % number for number in range(2, 32)), "names")
            equal(err, "", "stderr")
        finally:
            server.end()


@test("one of them has no answer: the others have their names")
def partly():
    server = NameServer(lambda number: number != "20")
    try:
        rows, _, err = rows_of(["-z", "conns", "-O", "RADDR", "-r", savefile(30, 30)])
        equal(rows,
              sorted(["10.0.0.20"] + ["host-%d.test" % number for number in range(2, 32) if number != 20]), "names")
        check("shown by number" in err, err)
    finally:
        server.end()


@test("a live run with a silent server ends in time, and at once by a second SIGINT")
def live():
    server, listener = NameServer(lambda number: False), socket.create_server(("127.0.0.1", 0))
    try:
        for twice in (False, True):
            trace = Process(with_server([CONNTRACE, "-q", "-N", "-i", "lo", "--dir=in"]))
            wait_for(lambda: packet_sockets() > 0, "conntrace to capture")
            asked = server.asked
            client = socket.create_connection(listener.getsockname())
            trace.signal(signal.SIGINT)
            began = time.monotonic()
            if twice:
                wait_for(lambda: server.asked > asked or not trace.alive(), "the question")
                began = time.monotonic()
                trace.signal(signal.SIGINT)
            check(trace.wait() in (0, -signal.SIGINT), "status")
            between(time.monotonic() - began, 0, 2 if twice else WAIT_SEC + SLACK_SEC, "seconds until its end")
            client.close()
    finally:
        server.end()


PRELOAD = built("preload_names.so", ["gcc", "-D_GNU_SOURCE", "-shared", "-fPIC"], ["preload_names.c"])
REFUSED = [sys.executable, "-ISc", "import socket; socket.socket().connect_ex(('127.0.0.1', 80))"]


@test("a silent service for users and services: each three seconds, numbers, and lines that say so")
def users_and_services():
    environment = dict(os.environ, LD_PRELOAD=PRELOAD())
    for form in ([], ["--json"]):
        began = time.monotonic()
        result = run([CONNTRACE, "-q", "-H", "-N", "-z", "conns", "-O", "USER,RPORT"] + form + ["--"] + REFUSED,
                     limit=60, env=environment)
        took = time.monotonic() - began
        equal(result.status, 0, "status; %s" % result.err)
        row = result.out.split("\n")[0]
        equal(row.replace(" ", ""), '{"user":"%d","rport":80}' % os.getuid() if form else
              "%d80" % os.getuid(), "row")
        between(took, WAIT_SEC, (1 if form else 2) * WAIT_SEC + SLACK_SEC, "seconds with a silent service")
        for what in ["users"] if form else ["users", "services"]:
            check("1 %s is shown by number" % what[:-1] in result.err, "%s are counted: %r" % (what, result.err))


@test("no thread to ask for names: nothing is waited for, and the line names the limits")
def no_thread():
    # Those for signals and of the tracer can be started.
    environment = dict(os.environ, LD_PRELOAD=PRELOAD(), PRELOAD_THREADS="2")
    result = run([CONNTRACE, "-q", "-H", "-N", "-z", "conns", "-O", "USER,RPORT", "--"] + REFUSED, env=environment)
    equal((result.status, result.out.split()), (0, [str(os.getuid()), "80"]), "status and row; %s" % result.err)
    for what in "user", "service":
        check(re.search(r"1 %s is shown by number, because no thread can be started: .*ulimit -u" % what, result.err),
              "%s: %r" % (what, result.err))


@test("names of a user and of a service that come are shown, and nothing is said")
def users_named():
    result = run(with_server([CONNTRACE, "-q", "-H", "-N", "-z", "conns", "-O", "USER,RPORT", "--"] + REFUSED))
    equal((result.out.split(), result.err), (["root" if os.getuid() == 0 else str(os.getuid()), "http"], ""), "row")


if __name__ == "__main__":
    enter_namespace()
    at_once.main(4)
