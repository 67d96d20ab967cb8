#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""conntrace crashes: it says so, and a launched command goes on to its end all the same."""
import ctypes
import os
import platform
import random
import re
import signal
import time

from lib import (CONNTRACE, MKCONN, Process, Skip, WAIT_SEC, built, check, enter_namespace, equal, main, packet_sockets, require,
                 scratch, status_field, test, tracer_of, wait_file, wait_for, write_file)

# The longest that is waited before a crash: the scenario takes longer.
MOMENT_SEC = 0.2
TGKILL = {"x86_64": 234, "aarch64": 131}
# Children, threads, connections, a program in the background, a signal that it catches; what it prints is what it saw.
SCENARIO = """trap "echo caught" USR1
"$0" listen=127.0.0.1:0 port-file="$1.port" count=40 accept recv-all send=7 close done &
server=$!
echo up >"$1"
while [ ! -e "$2" ]; do sleep 0.01; done
for i in 1 2 3 4; do
	"$0" count=10 connect=127.0.0.1:@"$1.port" send=5 shutdown recv-all close done || echo failed
done
kill -USR1 $$
wait $server || echo server failed
(echo child; exit 4)
echo $?
setsid sh -c 'sleep 0.3; echo left >"$0"' "$1.left" &
exit 9
"""
PRELOAD = built("preload_tracer.so", ["gcc", "-D_GNU_SOURCE", "-shared", "-fPIC"], ["preload_tracer.c"])
OUT = "caught\nchild\n4\n"


def kill_thread(pid, tid, number):
    """To that thread, as a fault of its own comes to it."""
    if platform.machine() not in TGKILL:
        raise Skip("no number of tgkill(2) for this machine here")
    require(ctypes.CDLL(None, use_errno=True).syscall(TGKILL[platform.machine()], pid, tid, number) == 0,
            "tgkill: %s" % os.strerror(ctypes.get_errno()))


def can_crash():
    with open(CONNTRACE, "rb") as file:
        if b"__asan_init" in file.read():
            raise Skip("the sanitizers have handlers of their own")


class Scenario:
    """conntrace and the command, which waits for a file before it continues."""

    def __init__(self, options=(), **keywords):
        can_crash()
        self.begun, self.go = scratch("begun"), scratch("go")
        self.trace = Process([CONNTRACE, "-q", "-o", "/dev/null"] + list(options) +
                             ["--", "sh", "-c", SCENARIO, MKCONN, self.begun, self.go], **keywords)
        wait_file(self.begun)
        wait_file(self.begun + ".port")

    def tracer(self):
        """The tracing thread."""
        for task in os.listdir("/proc/%d/task" % self.trace.pid):
            for child in self.children():
                if tracer_of(child) == int(task):
                    return int(task)
        return 0

    def children(self):
        with open("/proc/%d/task/%d/children" % (self.trace.pid, self.trace.pid), encoding="ascii") as file:
            found = [int(pid) for pid in file.read().split()]
        for task in os.listdir("/proc/%d/task" % self.trace.pid):
            with open("/proc/%d/task/%s/children" % (self.trace.pid, task), encoding="ascii") as file:
                found += [int(pid) for pid in file.read().split()]
        return found

    def goes_on(self, number, what):
        write_file(self.go, "")
        equal(self.trace.wait(3 * WAIT_SEC), -number, "conntrace's end, %s" % what)
        equal(self.trace.out, OUT, "what the command did, %s" % what)
        check(os.path.exists(self.begun + ".left"), "what it left ended before conntrace did, %s" % what)


@test("the main thread crashes: that is said, and a filtered command does all that it would have done")
def main_thread():
    for number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSYS):
        for options in ((), ("-i", "lo")) if number == signal.SIGSEGV else ((),):
            scenario = Scenario(options)
            kill_thread(scenario.trace.pid, scenario.trace.pid, number)
            wait_for(lambda: "crashed" in scenario.trace.err, "the message")
            check(re.search(r"conntrace: crashed \(version [^,]+, %s.*main thread at .*goes on unwatched" % number.name,
                            scenario.trace.err), "the message: %r" % scenario.trace.err)
            equal(scenario.trace.err.count("\n"), 1, "lines on stderr")
            scenario.goes_on(number, number.name)


@test("the tracing thread crashes: the same")
def tracing_thread():
    for number in (signal.SIGSEGV, signal.SIGABRT):
        scenario = Scenario()
        kill_thread(scenario.trace.pid, wait_for(scenario.tracer, "the tracing thread"), number)
        wait_for(lambda: "crashed" in scenario.trace.err, "the message")
        check("another thread" in scenario.trace.err and "goes on unwatched" in scenario.trace.err,
              "the message: %r" % scenario.trace.err)
        scenario.goes_on(number, number.name)


@test("it crashes at random moments of a busy tree: each command does all that it would have done")
def busy():
    seed = random.randrange(1 << 30)
    moments = random.Random(seed)
    for number in range(6):
        scenario = Scenario()
        tracer = wait_for(scenario.tracer, "the tracing thread")
        write_file(scenario.go, "")
        time.sleep(moments.uniform(0, MOMENT_SEC))
        require(scenario.trace.alive(), "the scenario is too short")
        kill_thread(scenario.trace.pid, scenario.trace.pid if number % 2 else tracer, signal.SIGSEGV)
        scenario.goes_on(signal.SIGSEGV, "turn %d, seed %d" % (number, seed))


@test("it crashes while it reads a socket: a duplicate of the descriptor does not keep the connection open")
def reading():
    slow = dict(os.environ, LD_PRELOAD=PRELOAD(), PRELOAD_COUNTERS_MS="50")
    for number in range(2):
        scenario = Scenario(env=slow)
        write_file(scenario.go, "")
        # The tracing thread sleeps for most of the time.
        time.sleep(0.1 + 0.02 * number)
        kill_thread(scenario.trace.pid, scenario.trace.pid, signal.SIGSEGV)
        wait_for(lambda: not scenario.trace.alive(), "the end of a connection that conntrace has open", limit=30)
        scenario.goes_on(signal.SIGSEGV, "turn %d" % number)


@test("it crashes twice: that is said, and the command is killed with it")
def twice():
    scenario = Scenario()
    tracer = wait_for(scenario.tracer, "the tracing thread")
    shell = scenario.children()[0]
    kill_thread(scenario.trace.pid, scenario.trace.pid, signal.SIGSEGV)
    wait_for(lambda: "crashed" in scenario.trace.err, "the message")
    kill_thread(scenario.trace.pid, tracer, signal.SIGSEGV)
    equal(scenario.trace.wait(), -signal.SIGSEGV, "conntrace's end")
    check("crashed once more; what runs under its filter is killed" in scenario.trace.err, scenario.trace.err)
    wait_for(lambda: status_field(shell, "State")[:1] in ("", "Z"), "the command's end")


@test("those that do not need it run on: attached ones, launched ones without the filter")
def others():
    for options in (["--no-filter"], ["--via=diag"]):
        scenario = Scenario(options)
        scenario.trace.signal(signal.SIGSEGV)
        equal(scenario.trace.wait(), -signal.SIGSEGV, "conntrace's end, %s" % options)
        check("watched processes run on" in scenario.trace.err, scenario.trace.err)
        write_file(scenario.go, "")
        wait_for(lambda: os.path.exists(scenario.begun + ".left"), "the command's end")
        equal(scenario.trace.out, OUT, "what the command did, %s" % options)
    target = Process([MKCONN, "wait-file=/nonexistent"])
    for options in (["-p", target.pid], ["--via=diag", "-p", target.pid], ["-i", "lo"]):
        trace = Process([CONNTRACE, "-q", "-o", "/dev/null", "--debug=sources"] + options)
        wait_for(lambda: "debug: events" in trace.err and (options[0] != "-i" or packet_sockets()), "conntrace")
        trace.signal(signal.SIGABRT)
        equal(trace.wait(), -signal.SIGABRT, "conntrace's end")
        check("crashed" in trace.err, "that is said: %r" % trace.err)
        wait_for(lambda: tracer_of(target.pid) == 0 and packet_sockets() == 0, "all to be let go")
        check(target.alive() and status_field(target.pid, "State")[:1] in "RS", "the target lives: %r %s" % (
            target.err, status_field(target.pid, "State")))


if __name__ == "__main__":
    enter_namespace()
    main()
