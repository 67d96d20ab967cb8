#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Each scenario of matrix.py with and without conntrace: what its programs find and report, and how they end, is the same.

A shell before the program tells the environment, descriptors, masks and limits it is given; then the program tells its
truth: results, errnos, bytes, addresses, descriptors, who ended it. The programs at the other end tell theirs. Ports,
times and process numbers differ from play to play and are left out. Words choose scenarios by their names. With ALL=1 in
the environment each scenario is played in each mode; without, every third one (matrix.py has them all) in one, by turns.
"""
import os
import re
import subprocess
import sys

import at_once
import lib
import matrix
from lib import CONNTRACE, attach, equal, mkconn, read_truth, require, status_field, wait_for
from modes import UNTRACED, has_diag
from scenarios import BOTH, SCENARIOS

# harm.py plays some in the other ways to launch.
LAUNCHED = ("launched", "launched --watch-close")
GATE = """read line
export -p
echo /proc/self/fd/*
umask
ulimit -a
while read -r name value; do
	case $name in Sig[BI]*|ShdPnd:|Cap*|Groups:|Cpus_allowed:) echo "$name $value" ;; esac
done </proc/self/status
exec "$@"
"""
NOT_COMPARED = {
    "^`--no-io-uring`": "it is about a call that conntrace is asked to refuse: unwatched, the program waits for ever.",
    "^two threads that close each other's descriptors": "what each thread gets is a matter of chance.",
}
# Every how many scenarios one is played, in a run that takes a few.
SAMPLE = 3
# Which worker or thread gets which descriptor number is a matter of chance.
ANY_FD = re.compile(r"\b(threads|fork|clone)=")
FACTS = ("dir", "result", "errno", "io_errno", "first_end", "how", "rx_bytes", "tx_bytes", "laddr", "raddr")


class Unwatched:
    """Stands for conntrace in a run without it."""

    @staticmethod
    def signal(_number):
        """Does nothing."""


def facts(truth, with_fd):
    """What of a truth is the same in each play."""
    return sorted([str(fact.get(key)) for key in FACTS + (("fd",) if with_fd else ())] +
                  ["port" if fact.get(key) else "no port" for key in ("lport", "rport")] for fact in truth)


class Scene(matrix.Stage):
    """One scenario played once; .start() returns what there is to compare, by its name."""

    def __init__(self, scenario, mode, address):
        # idle() detaches from all processes.
        super().__init__(scenario, "launched" if mode in LAUNCHED + (UNTRACED,) else mode, address)
        self.way = mode

    def watcher(self, pid):
        """Who watches it from outside, there and ready."""
        if self.way == "attached":
            return attach([pid], ["-q"])
        return lib.watch([pid]) if self.way == "diag" else None

    def start(self):
        scenario = self.scenario
        scenario.setup(self)
        before = [mkconn(self.words(words), **scenario.keywords(self)) for words in scenario.older]
        for process in before:
            self.ready(process)
        argv = scenario.command(self, [scenario.program(), "truth=" + self.truth_path] + self.words(scenario.traced))
        watching = [CONNTRACE, "-q", "-o", "/dev/null"] + self.way.split()[1:] + ["--"] if self.way in LAUNCHED else []
        target = lib.Process(watching + ["sh", "-c", GATE, "sh"] + argv, stdin=subprocess.PIPE, **scenario.keywords(self))
        trace = None
        if not scenario.begins_before:
            if not watching:
                wait_for(lambda: status_field(target.pid, "Name") == "sh", "the gate")
                self.ready(target)
            trace = self.watcher(target.pid)
        target.line()
        self.others += [mkconn(self.words(words), **scenario.keywords(self)) for words in scenario.others]
        if scenario.begins_before:
            lib.wait_file(self.path("before"))
            if not watching:
                self.ready(target)
            trace = self.watcher(target.pid)
            target.line()
        scenario.meanwhile(self, trace or Unwatched)
        scenario.after(self)
        seen = {"exit status": target.wait(40), "stdout": target.out, "stderr": own_words(target.err)}
        if trace:
            equal(trace.wait(40), 0, "conntrace's own status: " + trace.err)
        seen["what the program knows"] = facts(read_truth(self.truth_path), not ANY_FD.search(scenario.traced))
        for number, other in enumerate(before + self.others, 1):
            seen["exit status of other program %d" % number] = other.wait(40)
            seen["what other program %d knows" % number] = facts(other.truth(), not ANY_FD.search(" ".join(other.argv)))
        return seen


def own_words(text):
    """What the program itself wrote: a conntrace that launched it writes its notes beside."""
    return [line for line in text.splitlines() if not line.startswith("conntrace: ")]


def modes(number):
    """Those that the scenario of that number is played in."""
    every = LAUNCHED + (("attached", "diag") if has_diag() else ("attached",))
    # The address family takes turns with each scenario, these with every second.
    return every if matrix.ALL else every[number // 2 % len(every):][:1]


def compare(scenario, number):
    address, wanted = BOTH[number % 2], None
    for mode in (UNTRACED,) + modes(number):
        at_once.own_network()
        seen = Scene(scenario, mode, address).start()
        lib.end_processes()
        if wanted is None:
            wanted = seen
            require("/proc/self/fd/0" in seen["stdout"], "the shell reported nothing: %r" % seen)
            equal(seen["exit status"], scenario.status, "unwatched, exit status; stderr: %s" % seen["stderr"])
            # Without a connection, none is reported.
            require(scenario.section == "never" or any(fact for what, fact in seen.items() if "knows" in what),
                    "no program reported anything: %r" % seen)
            continue
        equal(list(seen), list(wanted), "what there is to compare, %s" % mode)
        for what, value in seen.items():
            equal(value, wanted[what], "%s, %s" % (what, mode))


def main():
    lib.enter_namespace()
    if not os.access(CONNTRACE, os.X_OK):
        lib.skip_all("no conntrace at %s" % CONNTRACE)
    scenarios = [scenario for scenario in SCENARIOS if not any(re.search(names, scenario.name) for names in NOT_COMPARED)]
    scenarios = [scenario for scenario in scenarios if len(sys.argv) < 2 or any(word in scenario.name for word in sys.argv[1:])]
    # The matrix has both families in each scenario; here they take turns.
    tests = [(scenario.name, lambda scenario=scenario, number=number: compare(scenario, number))
             for number, scenario in enumerate(scenarios)]
    if not matrix.ALL and len(sys.argv) < 2:
        tests = tests[::SAMPLE]
    sys.exit(1 if at_once.play_all(tests, matrix.AT_ONCE) else 0)


if __name__ == "__main__":
    main()
