#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Each process of a run killed by SIGKILL, or the packet process frozen by SIGSTOP, at a random moment, in each way to watch.

ROUNDS in the environment says how many are killed, FREEZES how many are frozen. Unless given, with ALL=1 each way has one
turn, else every second has; then those that root alone may try have theirs, too. What came of them is counted and printed.
"""
import collections
import os
import random
import signal
import sys
import time

from lib import (ALL, CONNTRACE, Process, check, children, enter_namespace, equal, main, read_file, require, run as lib_run, savefile,
                 scratch, status_field, test, tracer_of, wait_file, wait_for)

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../cli"))
import terminal  # noqa: E402

# Talks to itself until the file is gone; the first line of the file is its PID.
TALKS = """
import os, socket, sys, time
listening = socket.create_server(("127.0.0.1", 0))
with open(sys.argv[1] + ".new", "w") as file:
    file.write("%d\\n" % os.getpid())
os.rename(sys.argv[1] + ".new", sys.argv[1])
while os.path.exists(sys.argv[1]):
    client = socket.create_connection(listening.getsockname())
    served = listening.accept()[0]
    client.sendall(b"x" * 100)
    left = 100
    while left:
        left -= len(served.recv(left))
    client.close()
    served.close()
    time.sleep(0.04)
"""
# The words of each way; TARGET is an attached process, COMMAND a launched one, FILE a pipe with a savefile that goes on.
WAYS = {
    "launched": ["--", "COMMAND"],
    "launched -i": ["-i", "lo", "--", "COMMAND"],
    "launched diag -i": ["--via=diag", "-i", "lo", "--", "COMMAND"],
    "attached": ["--via=ptrace", "-p", "TARGET"],
    "attached -i": ["-i", "lo", "--via=ptrace", "-p", "TARGET"],
    "diag": ["--via=diag", "-p", "TARGET"],
    "diag -i": ["--via=diag", "-i", "lo", "-p", "TARGET"],
    "-i": ["-i", "lo"],
    "-r": ["-r", "FILE"],
    "--top launched -i": ["--top", "-i", "lo", "--", "COMMAND"],
    "--top attached -i": ["--top", "-i", "lo", "--via=ptrace", "-p", "TARGET"],
    "--top diag -i": ["--top", "--via=diag", "-i", "lo", "-p", "TARGET"],
    "--top -i": ["--top", "-i", "lo"],
    "--top -r": ["--top", "-r", "FILE"],
}
# Those that need more rights than a test has everywhere: the words that try it.
MORE_WAYS = {
    "--via=bpf": {
        "launched bpf": ["--via=bpf", "--", "COMMAND"],
        "bpf": ["--via=bpf", "-p", "TARGET"],
        "bpf -i": ["--via=bpf", "-i", "lo", "-p", "TARGET"],
        "bpf all -i": ["--all", "-i", "lo"],
        "--top bpf -i": ["--top", "--via=bpf", "-i", "lo", "-p", "TARGET"],
        "--top bpf all": ["--top"],
    },
    "--via=perf": {
        "perf": ["--via=perf", "-p", "TARGET"],
        "perf -i": ["--via=perf", "-i", "lo", "-p", "TARGET"],
        "--top perf -i": ["--top", "--via=perf", "-i", "lo", "-p", "TARGET"],
    },
    # Audit is the whole host's: only a virtual machine is killed with it, and with nothing else.
    "--via=audit": {
        "launched audit": ["--via=audit", "--", "COMMAND"],
        "launched audit -i": ["--via=audit", "-i", "lo", "--", "COMMAND"],
        "audit": ["--via=audit", "-p", "TARGET"],
        "audit -i": ["--via=audit", "-i", "lo", "-p", "TARGET"],
        "audit all -i": ["--via=audit", "--all", "-i", "lo"],
        "--top audit -i": ["--top", "--via=audit", "-i", "lo", "-p", "TARGET"],
    },
}
IN_MACHINE = bool(os.environ.get("CONNTRACE_VM"))
# These end a launched command with them.
FILTERED = ("launched", "launched -i", "--top launched -i")
# The longest that is waited before killing: while it is opened, or later.
MOMENTS_SEC = (0.1, 1)
# The ways are opened at once, which takes long beside other work.
OPENED_SEC = 240
outcomes = collections.Counter()


def lives(pid):
    return status_field(pid, "State")[:1] not in ("", "Z", "X")


class Run:
    """conntrace in one of the ways, with whom it watches."""

    def __init__(self, way):
        self.way, self.words, self.file = way, [], scratch("talks")
        self.target = self.screen = self.trace = self.pipe = self.process = None
        for word in WAYS[way]:
            if word == "TARGET":
                self.process = Process([sys.executable, "-c", TALKS, self.file])
                self.target = int(wait_file(self.file))
                word = str(self.target)
            elif word == "FILE":
                # A writer that stays keeps the reading going.
                word = scratch("fifo")
                os.mkfifo(word)
                self.pipe = os.open(word, os.O_RDWR)
                with open(savefile(20), "rb") as file:
                    os.write(self.pipe, file.read())
            self.words += [sys.executable, "-c", TALKS, self.file] if word == "COMMAND" else [word]
        self.is_launched = "launched" in way
        # Without packets there is something left to watch.
        self.goes_on = self.target is not None or self.is_launched or "all" in way
        self.has_packets = "-i" in way or "-r" in way
        if "--top" in way:
            with open(os.devnull, "r+b") as nothing:
                # The command may not write to the terminal.
                streams = {"stdout": nothing, "stderr": nothing} if self.is_launched else {}
                self.screen = terminal.Terminal([CONNTRACE] + self.words, **streams)
            self.pid = self.screen.process.pid
        else:
            self.trace = Process([CONNTRACE, "-q", "-o", "/dev/null"] + self.words)
            self.pid = self.trace.pid
        if self.is_launched:
            wait_for(lambda: (self.screen and self.screen.read(0.05)) or os.path.exists(self.file) or not self.alive(),
                     "the command: " + way)
            require(os.path.exists(self.file), "%s ended: %s" % (way, self.said()))
            self.target = int(read_file(self.file))

    def alive(self):
        return (self.screen or self.trace).process.poll() is None if self.screen else self.trace.alive()

    def family(self, pid=None):
        """The processes that are conntrace's own, and not the command."""
        found = []
        for child in children(pid or self.pid):
            if child != self.target and status_field(child, "Name").startswith("conntrace"):
                found += [child] + self.family(child)
        return found

    def packet(self):
        """The packet process, once it runs behind its filter."""
        found = [pid for pid in self.family() if (status_field(pid, "Name"), status_field(pid, "Seccomp")) == ("conntrace-pkt", "2")]
        return found[0] if found else None

    def wait_process(self, find, what):
        """The PID that find() returns. The terminal is read meanwhile, and a run that has ended is waited for no longer."""
        def seen():
            if self.screen:
                self.screen.read(0)
            require(self.alive(), "%s ended: %s" % (what, self.said()[-300:]))
            return find()
        return wait_for(seen, what, OPENED_SEC)

    def worker(self):
        """Of --top: the child that does the work."""
        found = [pid for pid in children(self.pid) if status_field(pid, "Name") == "conntrace" and pid != self.packet()]
        return found[0] if found else None

    def wait(self):
        return self.screen.wait() if self.screen else self.trace.wait()

    def said(self):
        return self.screen.received if self.screen else self.trace.err

    def target_goes_on(self, what):
        wait_for(lambda: tracer_of(self.target) == 0 and status_field(self.target, "State")[:1] in ("S", "R"),
                 "the target to be let go, " + what)

    def stop_target(self):
        if os.path.exists(self.file):
            os.unlink(self.file)

    def end(self):
        self.stop_target()
        if self.screen:
            self.screen.close()
        if self.pipe is not None:
            os.close(self.pipe)
        if self.target:
            wait_for(lambda: not lives(self.target), "the target's end")


def main_killed(run, victim, what):
    """The process that the shell knows, or with --top the one that does the work."""
    family = run.family()
    os.kill(victim, signal.SIGKILL)
    equal(run.wait(), -signal.SIGKILL, "conntrace's end, " + what)
    wait_for(lambda: not any(lives(pid) for pid in family), "its other processes to be gone, " + what)
    if run.screen:
        # The process that is left gives it back.
        wait_for(run.screen.is_restored, "the terminal to be given back, " + what)
    if run.way in FILTERED:
        wait_for(lambda: not lives(run.target), "the command to be gone, " + what)
        return "all gone"
    if run.target:
        run.target_goes_on(what)
        return "target goes on"
    return "all gone"


def blind(run, what, why):
    """The packet process has gone: conntrace ends with 1, or goes on and ends with 1."""
    if not run.goes_on and not run.screen:
        equal(run.wait(), 1, "exit status, %s: %s" % (what, run.said()))
        check(why in run.said(), "%s is said, %s: %s" % (why, what, run.said()))
        return "ended with 1"
    if run.trace:
        wait_for(lambda: why in run.said() or not run.trace.alive(), "the message, " + what)
    check(run.target is None or lives(run.target), "the target lives on, " + what)
    if run.is_launched:
        run.stop_target()
    elif run.trace:
        run.trace.signal(signal.SIGINT)
    if run.screen:
        # What the command does is its own: it is left to end.
        wait_for(lambda: not run.is_launched or not lives(run.target) or run.screen.read(0.1), "the command's end, " + what)
        end = time.monotonic() + 30
        while run.screen.process.poll() is None and time.monotonic() < end:
            run.screen.keys("q")
            run.screen.read(0.2)
    equal(run.wait(), 1, "exit status, %s: %s" % (what, run.said()[-300:]))
    if run.screen:
        wait_for(run.screen.is_restored, "the terminal to be given back, " + what)
    if run.target and not run.is_launched:
        run.target_goes_on(what)
    return "went on, ended with 1"


def packet_killed(run, victim, what):
    os.kill(victim, signal.SIGKILL)
    # conntrace has waited for it, and so noticed: a file that is played is not read ahead.
    wait_for(lambda: (run.screen and run.screen.read(0.05)) or not os.path.exists("/proc/%d" % victim), "it to be missed, " + what)
    return blind(run, what, "packet process")


def add_ways():
    """Where every way has a turn, those that work here, too; in the machine those of audit, and no others."""
    if IN_MACHINE:
        WAYS.clear()
    for words, ways in MORE_WAYS.items() if ALL or IN_MACHINE else ():
        if ("audit" in words) != IN_MACHINE:
            continue
        # Breakpoints are for processes that run.
        target = ["-d", "0.1", "-p", str(os.getpid())] if "perf" in words else ["--", "true"]
        if lib_run([CONNTRACE, "-q", words] + target).status == 0:
            WAYS.update(ways)
        else:
            print("# not here: " + words)


def kinds():
    """Each way, and which of its processes is killed."""
    found = [(way, "main") for way in WAYS]
    found += [(way, "packet") for way in WAYS if "-i" in way or "-r" in way]
    return found + [(way, "child") for way in WAYS if "--top" in way]


if __name__ == "__main__":
    # BPF is for the first user namespace.
    enter_namespace(flags="-n" if (ALL or IN_MACHINE) and os.geteuid() == 0 else "-Urn")
    add_ways()
STEP = 1 if ALL or IN_MACHINE or "ROUNDS" in os.environ else 2
ROUNDS = int(os.environ.get("ROUNDS", len(kinds()) // STEP))
FREEZABLE = [way for way in WAYS if "-i" in way or "-r" in way]
FREEZES = int(os.environ.get("FREEZES", len(FREEZABLE)))


def said_counts():
    for (way, victim, outcome), count in sorted(outcomes.items()):
        print("# %d times %s, %s: %s" % (count, way, victim, outcome))
    outcomes.clear()


@test("%d times SIGKILL to main, packet process or the child of --top: each outcome is as the manual says" % ROUNDS)
def kill():
    seed = random.randrange(1 << 30)
    moments = random.Random(seed)
    for number in range(ROUNDS):
        way, kind = kinds()[(seed % STEP + number * STEP) % len(kinds())]
        what = "%s of %s, round %d, seed %d" % (kind, way, number, seed)
        run = Run(way)
        try:
            if kind == "packet":
                victim = run.wait_process(run.packet, "the packet process, " + what)
            elif kind == "child":
                victim = run.wait_process(run.worker, "the child, " + what)
            else:
                victim = run.pid
            time.sleep(moments.uniform(0, moments.choice(MOMENTS_SEC)))
            outcome = (packet_killed if kind == "packet" else main_killed)(run, victim, what)
            outcomes[way, kind, outcome] += 1
        finally:
            run.end()
    said_counts()


@test("%d times SIGSTOP of the packet process: it is given up after five seconds" % FREEZES)
def freeze():
    seed = random.randrange(1 << 30)
    moments = random.Random(seed)
    for first in range(0, FREEZES, len(FREEZABLE)):
        runs = [Run(way) for way in FREEZABLE[:FREEZES - first]]
        try:
            packets = [run.wait_process(run.packet, "the packet process of " + run.way) for run in runs]
            time.sleep(moments.uniform(0, moments.choice(MOMENTS_SEC)))
            for packet in packets:
                os.kill(packet, signal.SIGSTOP)
            for run, packet in zip(runs, packets):
                what = "frozen: %s, seed %d" % (run.way, seed)
                if run.trace is None:
                    wait_for(lambda: run.screen.read(0.1) or not lives(packet), "the packet process to be given up, " + what)
                outcome = blind(run, what, "was stopped")
                wait_for(lambda: not lives(packet), "the packet process to be gone, " + what)
                outcomes[run.way, "frozen", outcome] += 1
        finally:
            for run in runs:
                run.end()
    said_counts()


if IN_MACHINE:
    @test("the next run leaves no rule of audit behind, neither those of killed runs, and audit is off again")
    def leftovers():
        sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../vm"))
        from kernel_audit import Audit    # pylint: disable=import-outside-toplevel
        audit = Audit()
        result = lib_run([CONNTRACE, "--via=audit", "--", "true"])
        equal((result.status, audit.rules(), audit.status()[0]), (0, [], 0), "status, rules and enabled: " + result.err)


if __name__ == "__main__":
    main()
