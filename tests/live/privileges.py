#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What conntrace may still do once it watches, as /proc/PID/status says, and what that is of no hindrance to."""
import os
import signal
import sys

from lib import (CONNTRACE, Process, check, children, enter_namespace, equal, main, read_file, scratch, status_field,
                 tasks, test, wait_for)

DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, KILL, NET_ADMIN, SYS_PTRACE = 1 << 1, 1 << 2, 1 << 3, 1 << 5, 1 << 12, 1 << 19
PROC = SYS_PTRACE | DAC_READ_SEARCH
TARGET = PROC | NET_ADMIN | KILL


def capabilities(pid, task=None):
    return {int(status_field(pid, field, task) or "-1", 16) for field in ("CapPrm", "CapEff")}


def in_user_namespace():
    return read_file("/proc/self/uid_map").split() != ["0", "0", "4294967295"]


def settles(options, kept):
    """Runs it until it has given up all but @kept; then it must end as always."""
    trace = Process([CONNTRACE, "-q", "-o", "/dev/null"] + options)
    wait_for(lambda: capabilities(trace.pid) == {kept} or not trace.alive(), "%s to keep %#x: %s" % (
        options, kept, capabilities(trace.pid)))
    # The thread that waits for signals needs none. On a busy machine it begins after the first one is ready.
    wait_for(lambda: all(capabilities(trace.pid, task) in ({kept}, {0}) for task in tasks(trace.pid)) or
             not trace.alive(), "each thread with %s to keep %#x or nothing" % (options, kept))
    # This is given up after the capabilities.
    wait_for(lambda: not trace.alive() or (status_field(trace.pid, "NoNewPrivs"), int(status_field(trace.pid, "CapBnd"), 16)) == ("1", kept),
             "no new privileges, and nothing else that it could get, with %s" % options)
    trace.signal(signal.SIGINT)
    equal(trace.wait(), 0, "exit status with %s (%s)" % (options, trace.err))


@test("each way to watch keeps what it needs, in all its threads, and nothing else")
def kept():
    fifo, metrics, rows = scratch("fifo"), scratch("metrics"), scratch("rows")
    os.mkfifo(fifo)
    ends = KILL if in_user_namespace() else 0
    target = Process(["sleep", "60"])
    with open(fifo, "r+b", buffering=0):
        for options, mask in ((["-r", fifo], ends), (["--replay", fifo], 0), (["-i", "lo"], PROC | ends),
                              (["-r", fifo, "--metrics=" + metrics], ends | DAC_OVERRIDE | FOWNER),
                              (["-i", "lo", "-o", rows, "--append"], PROC | ends | DAC_OVERRIDE),
                              (["-p", target.pid], TARGET), (["--via=diag", "-p", target.pid], TARGET)):
            settles(options, mask)


@test("a command keeps what its user has")
def command():
    script = "import sys; print(open('/proc/self/status').read(), flush=True); sys.stdin.readline()"
    trace = Process([CONNTRACE, "-q", "-o", "/dev/null", "-i", "lo", "--", sys.executable, "-c", script], stdin=-1)
    wait_for(lambda: "CapBnd" in trace.out, "the command")
    own = {line.split(":")[0]: line.split()[1] for line in read_file("/proc/self/status").splitlines() if "Cap" in line}
    fact = {line.split(":")[0]: line.split()[1] for line in trace.out.splitlines() if line.startswith("Cap")}
    equal(fact, own, "its capabilities")
    equal(capabilities(trace.pid), {TARGET}, "conntrace's")
    trace.line()
    equal(trace.wait(), 0, "exit status (%s)" % trace.err)


@test("a stopped packet process ends with conntrace, also when that is killed")
def leash():
    fifo = scratch("fifo")
    os.mkfifo(fifo)
    with open(fifo, "r+b", buffering=0):
        for options in (["-r", fifo], ["-i", "lo"]):
            for number, status in ((signal.SIGINT, None), (signal.SIGKILL, -9)):
                trace = Process([CONNTRACE, "-q", "-o", "/dev/null"] + options)
                packet = wait_for(lambda run=trace: [pid for pid in children(run.pid)
                                                     if status_field(pid, "Seccomp") == "2"], "the packet process")[0]
                os.kill(packet, signal.SIGSTOP)
                trace.signal(number)
                if status is not None:
                    equal(trace.wait(), status, "exit status")
                else:
                    trace.wait()
                wait_for(lambda pid=packet: status_field(pid, "State")[:1] in ("", "Z"), "the packet process to end")


if __name__ == "__main__":
    enter_namespace()
    main()
