#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Signals that are ignored at the start, and a second SIGINT, which ends the program wherever it is."""
import array
import fcntl
import os
import signal
import socket
import subprocess
import sys
import termios
import time

from lib import (CONNTRACE, Process, Trace, between, built, capturing, check, enter_namespace, equal, main, packet_sockets,
                 read_file, require, run, savefile, scratch, status_field, test, tracer_of, wait_for)

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]


def is_pending(pid, number):
    pending = int(status_field(pid, "ShdPnd") or "0", 16) | int(status_field(pid, "SigPnd") or "0", 16)
    return pending >> (number - 1) & 1


def send(process, number):
    """One signal, which has been taken when this returns."""
    process.signal(number)
    wait_for(lambda: not process.alive() or not is_pending(process.pid, number), "the signal to be taken")


def again(trace, number=signal.SIGINT):
    """A second request to end: what the same process sends within 20 ms is the first one still."""
    time.sleep(0.05)
    trace.signal(number)


def with_ignored(*numbers):
    def ignore():
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
    return ignore


def modes():
    """The words of a run, and a function: has it begun?"""
    target = Process(SLEEPER)
    wait_for(lambda: status_field(target.pid, "Name").startswith("python"), "the target")
    pid = str(target.pid)
    diag = ["--via=diag", "--debug=sources", "-p", pid]
    return ((["--via=ptrace", "-p", pid], lambda trace: tracer_of(target.pid) == trace.pid or tracer_of(target.pid) > 0),
            (diag, lambda trace: "debug: events" in trace.err),
            (["-i", "lo"], lambda trace: packet_sockets() > 0),
            (["--no-filter", "--"] + SLEEPER, lambda trace: has_child(trace.pid)),
            (["--"] + SLEEPER, lambda trace: has_child(trace.pid)))


def has_child(pid):
    return run(["pgrep", "-P", str(pid), "python"]).status == 0


@test("SIGHUP that is ignored at the start (nohup) ends no run; SIGINT and SIGTERM do, ignored or not")
def ignored():
    for words, has_begun in modes():
        for number in (signal.SIGINT, signal.SIGTERM):
            trace = Process([CONNTRACE, "-q", "-o", "/dev/null"] + words,
                            preexec_fn=with_ignored(signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM))
            wait_for(lambda: has_begun(trace) or not trace.alive(), "%s to begin: %s" % (words, trace.err))
            for _ in range(3):
                trace.signal(signal.SIGHUP)
            trace.signal(signal.SIGQUIT)
            trace.signal(signal.SIGUSR1)
            wait_for(lambda: not is_pending(trace.pid, signal.SIGUSR1), "SIGUSR1 to be taken")
            check(trace.alive(), "%s lives after SIGHUP; stderr: %s" % (words, trace.err))
            send(trace, number)
            if "--" in words:
                # The command ignores both, as it would without conntrace.
                again(trace, number)
            status = trace.wait()
            check(status in (0, -number), "status of %s: %s" % (words, status))


def waiting(pipe):
    """Number of unread bytes."""
    count = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, count)
    return count[0]


def is_stuck(trace):
    """It sleeps, and nothing more comes though more is to come."""
    before = waiting(trace.popen.stdout)
    for _ in range(20):
        time.sleep(0.01)
        if status_field(trace.pid, "State")[:1] != "S" or waiting(trace.popen.stdout) != before:
            return False
    return before > 0


def twice(trace, what, statuses=(-signal.SIGINT,)):
    send(trace, signal.SIGINT)
    began = time.monotonic()
    again(trace)
    check(trace.wait() in statuses, "status of %s: %d; %s" % (what, trace.wait(), trace.err))
    between(time.monotonic() - began, 0, 5, "seconds after the second SIGINT, %s" % what)


@test("timeout(1) sends its signal twice, to the process and to its group: that is one request, and the report is printed")
def one_request():
    tried = 0
    for _ in range(30):
        trace = Trace(["-i", "lo"])
        capturing(trace)
        began = time.monotonic()
        for _ in range(2):
            try:
                send(trace, signal.SIGTERM)
            except ProcessLookupError:
                break
        took = time.monotonic() - began
        status, rows = trace.wait(), read_file(trace.rows_path)
        if took < 0.01:
            tried += 1
            check(status == 0 and '"summary"' in rows, "status %d, rows: %s" % (status, rows))
        if tried == 5:
            break
    require(tried > 0, "two signals within 10 ms")


@test("a second SIGINT ends at once while a report is written to a pipe without a reader")
def blocked_report():
    for words in (["-z", "conns"], ["--events"], ["-z", "conns", "--format=json"], ["-z", "conns", "-j", "--events"]):
        trace = Process([CONNTRACE, "-q", "-r", savefile(4000)] + words, stdout=subprocess.PIPE)
        wait_for(lambda: waiting(trace.popen.stdout) >= 30000 and is_stuck(trace), "the pipe to be full")
        send(trace, signal.SIGINT)
        check(trace.alive(), "the first one is heeded only")
        again(trace)
        equal(trace.wait(), -signal.SIGINT, "status of %s" % words)
        trace.popen.stdout.close()


@test("the same while lines of a live run are written to it")
def blocked_run():
    server = socket.create_server(("127.0.0.1", 0), backlog=64)
    trace = Process([CONNTRACE, "-q", "-i", "lo", "--events"], stdout=subprocess.PIPE)
    capturing(trace)
    # A small pipe is full sooner.
    fcntl.fcntl(trace.popen.stdout, 1031, 4096)

    def is_full():
        for _ in range(20):
            client = socket.create_connection(server.getsockname())
            server.accept()[0].close()
            client.close()
        return waiting(trace.popen.stdout) >= 3900
    wait_for(is_full, "the pipe to be full")
    twice(trace, "a blocked run")
    trace.popen.stdout.close()


PRELOAD = built("preload_tracer.so", ["gcc", "-D_GNU_SOURCE", "-shared", "-fPIC"], ["preload_tracer.c"])


@test("the same when it comes between the first one and the report")
def between_both():
    # It has read the first one, and is slow to begin with the report.
    slow = dict(os.environ, LD_PRELOAD=PRELOAD(), PRELOAD_SIGNAL_MS="900")
    trace = Process([CONNTRACE, "-q", "-i", "lo", "-z", "conns"], stdout=subprocess.PIPE, env=slow)
    capturing(trace)
    fcntl.fcntl(trace.popen.stdout, 1031, 4096)
    server = socket.create_server(("127.0.0.1", 0), backlog=64)
    for _ in range(100):
        client = socket.create_connection(server.getsockname())
        server.accept()[0].close()
        client.close()
    send(trace, signal.SIGINT)
    time.sleep(0.3)
    began = time.monotonic()
    again(trace)
    check(trace.wait() == -signal.SIGINT, "status")
    between(time.monotonic() - began, 0, 5, "seconds after the second SIGINT")
    trace.popen.stdout.close()


@test("the same while the file to be read is a FIFO without a writer")
def blocked_opening():
    fifo = scratch("fifo")
    os.mkfifo(fifo)
    target = Process(SLEEPER)
    for words in (["-r", fifo], ["--via=ptrace", "-p", str(target.pid), "-o", fifo], ["--replay=" + fifo]):
        trace = Process([CONNTRACE, "-q"] + words)
        wait_for(lambda: not trace.alive() or status_field(trace.pid, "SigBlk") != "0000000000000000", "the start")
        if not trace.alive():
            continue
        # What does not open it before there is something to read, or write, is ended by the first one.
        twice(trace, words, (-signal.SIGINT, 0))


@test("a single SIGTERM ends within a while what opens a FIFO that never gets its other end")
def given_up():
    target = str(Process(SLEEPER).pid)
    runs = []
    for words in (["-r", "FIFO"], ["-r", savefile(4), "-o", "FIFO"], ["-r", savefile(4), "--record", "FIFO"], ["-p", target, "-o", "FIFO"],
                  ["-p", target, "-i", "lo", "-w", "FIFO"], ["--replay", "FIFO"], ["--strace-log", "FIFO"]):
        fifo = scratch("fifo")
        os.mkfifo(fifo)
        runs.append(Process([CONNTRACE, "-q"] + [fifo if word == "FIFO" else word for word in words]))
    for trace in runs:
        wait_for(lambda: not trace.alive() or status_field(trace.pid, "SigBlk") != "0000000000000000", "the start")
        send(trace, signal.SIGTERM)
    for trace in runs:
        check(trace.wait() in (-signal.SIGTERM, 0), "status of %s: %d; %s" % (trace.argv, trace.wait(), trace.err))


@test("a command that does not end when it is asked to is killed at once by a second SIGINT")
def stubborn():
    ready = scratch("ready")
    trace = Process([CONNTRACE, "-q", "-o", "/dev/null", "--", "sh", "-c",
                     'trap "" INT; echo $$ >"$0"; while :; do sleep 0.05; done', ready])
    wait_for(lambda: os.path.exists(ready) and os.path.getsize(ready), "the command")
    with open(ready, encoding="ascii") as file:
        pid = int(file.read())
    send(trace, signal.SIGINT)
    check(trace.alive() and status_field(pid, "State")[:1] not in ("", "Z"), "the command decides for itself")
    again(trace)
    trace.wait()
    wait_for(lambda: status_field(pid, "State")[:1] in ("", "Z"), "the command's end")


if __name__ == "__main__":
    enter_namespace()
    main()
