#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What -p names: a thread is its process, children that exist already are reported, sockets without a connection are none.

    named.py thread|sockets|master        (played by the tests) does what the lines on stdin say
"""
import os
import signal
import socket
import struct
import subprocess
import sys
import threading

from lib import Process, Trace, as_nobody, attach, check, equal, main, read_file, require, test, wait_for, watch

LOOPBACK = "127.0.0.1"
WAYS = (attach, watch)


def play_thread():
    """Prints the number of its second thread, which then tries port 1 when it is asked to."""
    go = threading.Event()

    def second():
        print(threading.get_native_id(), flush=True)
        go.wait()
        socket.socket().connect_ex((LOOPBACK, 1))
    thread = threading.Thread(target=second)
    thread.start()
    sys.stdin.readline()
    with socket.create_server((LOOPBACK, 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        served, _ = listener.accept()
        sys.stdin.readline()    # until a look has seen it
        client.close()
        served.close()
    go.set()
    thread.join()


def play_sockets():
    """Holds TCP sockets of each kind that is no connection, and connects two of them later."""
    listener = socket.create_server((LOOPBACK, 0))
    fresh, bound, failed, ended = (socket.socket() for _ in range(4))
    bound.bind((LOOPBACK, 0))
    failed.connect_ex((LOOPBACK, 1))
    ended.connect(listener.getsockname())
    served, _ = listener.accept()
    served.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    served.close()
    six = socket.socket(socket.AF_INET6)
    print("ready", flush=True)
    sys.stdin.readline()
    for client in (bound, fresh):
        client.connect(listener.getsockname())
        served, _ = listener.accept()
        client.send(bytes(100))
        served.recv(100)
        sys.stdin.readline()
        client.close()
        served.close()
    del failed, ended, six


def play_master():
    """A listener and two children that hold it, one with a child of its own, as prefork servers are made."""
    listener = socket.create_server((LOOPBACK, 0))
    for depth in (0, 1):
        if os.fork() == 0:
            if depth == 1 and os.fork() == 0:
                depth = 2
            print(os.getpid(), flush=True)
            sys.stdin.read()
            os._exit(0)
    print(os.getpid(), flush=True)
    sys.stdin.read()
    listener.close()


class Played(Process):
    def __init__(self, what):
        super().__init__(as_nobody() + [sys.executable, os.path.abspath(__file__), what], stdin=subprocess.PIPE)

    def received(self, lines=1):
        return wait_for(lambda: len(self.out.splitlines()) >= lines and self.out.split(), "the program's words")


@test("-p with the number of a thread watches its process: PID is the process, TID the thread, by ptrace and by diag")
def by_thread():
    for way in WAYS:
        program = Played("thread")
        tid = int(program.received()[0])
        trace = way([program.pid], ["-O", "PID,TID,RPORT,RESULT"], words=["-p", "%d,%d" % (tid, tid)])
        program.line()
        if way is watch:
            wait_for(lambda: trace.signal(signal.SIGUSR1) or '"pid":' in read_file(trace.rows_path), "a look at it")
        program.line()
        equal(program.wait(), 0, "its end")
        rows = trace.finish()
        check("%d is a thread of PID %d (python3)" % (tid, program.pid) in trace.err, "the notice: " + trace.err)
        # Which process has accepted may be unknown without a call (--via=diag).
        pids = {row["pid"] for row in rows} - ({None} if way is watch else set())
        check(pids == {program.pid}, "PIDs of %s" % rows)
        if way is attach:
            equal(sorted((row["tid"] == tid, row["rport"] == 1) for row in rows),
                  [(False, False), (False, False), (True, True)], "who did what in %s" % rows)


@test("sockets that are not connected, failed to be, or were reset are no connections; what becomes of them later is")
def no_connections():
    for way in WAYS:
        program = Played("sockets")
        program.received()
        trace = way([program.pid])
        for _ in range(3):
            program.line()
        equal(program.wait(), 0, "its end")
        rows = trace.finish()
        unknown = [row for row in rows if row["raddr"] is None or row["dir"] is None]
        equal(unknown, [], "rows without ends")
        if way is attach:
            equal(sorted((row["dir"], row["rx_bytes"], row["tx_bytes"]) for row in rows),
                  [("in", 100, 0)] * 2 + [("out", 0, 100)] * 2, "rows")


@test("-p of a master says which children exist already and what to type; once they are named, or alone, nothing")
def master():
    program = Played("master")
    family = [int(word) for word in program.received(4)]
    children = sorted(pid for pid in family if pid != program.pid)
    for options, words, wanted in ((["--via=ptrace"], [program.pid], True), (["--via=diag", "--no-follow"], [program.pid], True),
                                   (["--via=diag"], [program.pid], False), (["--via=ptrace"], family, False),
                                   (["--via=ptrace"], [children[-1]], None)):
        trace = Trace(options + ["-d", "0.2", "-p"] + [str(pid) for pid in words], before=as_nobody())
        trace.finish()
        fact = [line for line in trace.err.splitlines() if "children with sockets already" in line]
        equal(len(fact), 1 if wanted else 0, "notices of %s %s: %s" % (options, words, trace.err))
        if fact:
            check("PID %d (python3) has 3 children" % program.pid in fact[0], fact[0])
            named = fact[0].split("conntrace -p ")[1].split(",")
            equal(named[0], str(program.pid), "the first of " + fact[0])
            equal(sorted(map(int, named[1:])), children, "the children in " + fact[0])
    program.popen.stdin.close()
    require(program.wait() == 0, "the master's end")


if len(sys.argv) > 1 and sys.argv[1] in ("thread", "sockets", "master"):
    globals()["play_" + sys.argv[1]]()
else:
    main()
