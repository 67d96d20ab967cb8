#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every way a connection is born and dies: known scenarios, each played in each mode and held against its rows.

The scenarios stand in scenarios.py. Each is played in a network namespace of its own, so that several run at once. Without
words all are played; words choose scenarios by their names. --coverage prints doc/COVERAGE.md instead, --serial plays
one after the other. With ALL=1 in the environment each is played in each mode over IPv4 and over IPv6; without, in one
mode over one of them, by turns.
"""
import os
import re
import signal
import subprocess
import sys
import threading
import time

import at_once
import lib
import network_cases
from lib import ALL, MKCONN, Trace, attach, check, equal, find_row, main, mkconn, read_truth, require, scratch, short, test
from scenarios import AS_USER, HELD, MODES, SAMPLED, SECTIONS, SCENARIOS

AT_ONCE = 4
# How processes that run are watched.
BEGIN = {"attached": attach, "diag": lib.watch, "bpf": lib.by_bpf, "perf": lib.by_perf}


# --- playing -----------------------------------------------------------------------------------------------------

class Paths:
    """{path[NAME]} in a scenario's words."""

    def __init__(self, stage):
        self.stage = stage

    def __getitem__(self, name):
        return self.stage.path(name)


BIRTH = re.compile(r"(?:accept(?:4|-null|4-null|-short|4-short)?|connect=\S+|take|take-cloexec)$")
OWNER = re.compile(r"debug: time=\S+ type=owner .*?local=\S*:(\d+) remote=\S*:(\d+) .*pid=")


class Holds:
    """Releases held connections (hold=PREFIX) when conntrace has reported their owner."""

    def __init__(self, prefix, trace):
        self.prefix, self.trace, self.over = prefix, trace, threading.Event()
        self.thread = threading.Thread(target=self.let_go, daemon=True)
        self.thread.start()

    def let_go(self):
        with open(self.trace.err_path, encoding="utf-8", errors="replace") as said:
            rest = ""
            while not self.over.is_set():
                rest += said.read()
                lines = rest.split("\n")
                rest = lines.pop()
                for fact in filter(None, map(OWNER.search, lines)):
                    lib.touch("%s.%s-%s" % (self.prefix, *fact.groups()))
                time.sleep(0.005)

    def end(self):
        self.over.set()
        self.thread.join()


def held(argv, prefix):
    """Words of a program that holds each connection when it is born."""
    if "call" in argv:
        return argv + ["hold=" + prefix]
    words = []
    for word in argv:
        words.append(word)
        if BIRTH.match(word):
            words.append("hold=" + prefix)
    return words


def ready(argv, path, port_path):
    """Words of a program that waits, when it listens and has made that file, for a line."""
    if "serve" in argv:
        return argv + ["ready=" + path]
    words = " ".join(argv)
    return words.replace("port-file=" + port_path, "port-file=%s touch=%s wait-stdin" % (port_path, path), 1).split()


class Stage:
    """Where one scenario is played: one mode, one address family."""

    def __init__(self, scenario, mode, address):
        self.scenario, self.mode, self.address = scenario, mode, address
        self.truth_path, self.port_path = scratch("truth"), scratch("port")
        self.paths = {}
        self.others = []
        self.channel = self.listener = self.connected = None

    def path(self, name):
        """A file that the scenario's programs share."""
        return self.paths.setdefault(name, scratch(name))

    def words(self, words):
        """A scenario's words with its places filled in."""
        return [word.format(address=self.address, port=self.port_path, path=Paths(self), **self.scenario.values(self))
                for word in words.split()]

    def start(self):
        """Plays it; Return: rows, truth of the traced program."""
        scenario = self.scenario
        scenario.setup(self)
        traced = self.words(scenario.traced)
        others = self.others
        before = [mkconn(self.words(words), **scenario.keywords(self)) for words in scenario.older]
        for process in before:
            self.ready(process)
        argv = scenario.command(self, [scenario.program(), "truth=" + self.truth_path] + traced)
        holds = None
        if scenario.begins_before and self.mode != "launched":
            target = lib.Process(argv, stdin=subprocess.PIPE, **scenario.keywords(self))
            others += [mkconn(self.words(words), **scenario.keywords(self)) for words in scenario.others]
            lib.wait_file(self.path("before"))
            self.ready(target)
            trace = BEGIN[self.mode]([target.pid])
            target.line()
        elif self.mode in SAMPLED and scenario.is_held:
            target = lib.Process(["sh", "-c", 'read line; exec "$@"', "sh"] + held(argv, self.path("hold")),
                                 stdin=subprocess.PIPE, **scenario.keywords(self))
            self.ready(target)
            trace = BEGIN[self.mode]([target.pid], ["--debug=events"])
            holds = Holds(self.path("hold"), trace)
            target.line()
        elif self.mode in SAMPLED:
            path = self.path("before")
            target = lib.Process(ready(argv, path, self.port_path), stdin=subprocess.PIPE)
            lib.wait_file(path)
            trace = BEGIN[self.mode]([target.pid])
            target.line()
        elif self.mode == "launched":
            trace = Trace(scenario.options.split(), argv, **scenario.keywords(self))
            target = None
        else:
            target = lib.Process(["sh", "-c", 'read line; exec "$@"', "sh"] + argv, stdin=subprocess.PIPE,
                                 **scenario.keywords(self))
            self.ready(target)
            trace = BEGIN[self.mode]([target.pid])
            target.line()
        if not others:
            others += [mkconn(self.words(words), **scenario.keywords(self)) for words in scenario.others]
        scenario.meanwhile(self, trace)
        # A run that ends by -d ends the command by SIGTERM.
        status = -signal.SIGTERM if "-d" in scenario.options else scenario.status
        rows = trace.finish(0 if target else status, 40)
        scenario.after(self)
        if holds:
            holds.end()
        if target:
            equal(target.wait(), scenario.status, "the target's end")
        for other in others + before:
            other.wait()
        return rows, read_truth(self.truth_path)

    @staticmethod
    def ready(process):
        lib.wait_for(lambda: lib.status_field(process.pid, "State")[:1] == "S" or not process.alive(),
                     "%s to wait" % process.argv)


CLOSES = {"local": "lfin", "remote": "rfin", "remote-reset": "rrst", None: "exit"}


def wanted_close(fact):
    """Who ended it, by what the program knew."""
    if fact["how"] in ("rst", "disconnect"):
        return "lrst"
    return CLOSES[fact["first_end"]]


def seen_by_looking(scenario, mode, wanted, fact, row):
    """What is wanted of a row whose connection was only looked at."""
    if "moved=" in scenario.traced:
        del wanted["fd"]    # whichever it had when it was looked at
    if row["pid"] is None:
        wanted["last_pid"] = (fact["last_pid"], None)    # who holds it
    close = wanted.get("close")
    if close == "exit" or isinstance(close, tuple) and "exit" in close:
        wanted["close"] = ("exit", "lfin")    # a FIN of either side
    if row["result"] == "unknown" and "result" in scenario.unknown_columns(mode):
        del wanted["result"]
        wanted["laddr"] = scenario.ANY    # the program has forgotten it, a look has not
    if isinstance(wanted.get("seen"), (str, tuple)):
        wanted["seen"] = "kp"
    if mode == "perf":
        if wanted.get("laddr", "") is None:
            wanted["laddr"] = scenario.ANY    # likewise
        row["seen"] = row["seen"].replace("h", "").replace("g", "") or "k"


def seen_by_programs(scenario, wanted, fact, row):
    """What is wanted of a row by BPF."""
    check("b" in row["seen"], "SEEN of %s" % short(row))
    check(row["comm"], "COMM of %s" % short(row))
    row["seen"] = row["seen"].replace("b", "")
    if wanted.get("tid", "") is None:
        wanted["tid"] = (None, fact["pid"])    # by io_uring: the thread that has entered the ring
    if wanted.get("laddr", "") is None:
        wanted["laddr"] = (None, fact["raddr"])    # the program has forgotten it, the kernel had it before
    if scenario.section == "passed":
        # The process that closes it last, which may be the sender.
        wanted["last_pid"] = (wanted["last_pid"] if not isinstance(wanted["last_pid"], tuple) else fact["last_pid"], None)


def compare(scenario, mode, row, fact):
    """Row and truth, field by field. What the scenario says of a column goes before what the program knew."""
    wanted = {key: fact[key] for key in ("pid", "tid", "fd", "dir", "raddr", "rport", "result", "errno", "rx_bytes",
                                         "tx_bytes") if key in fact}
    if fact["errno"] == "":
        wanted["errno"] = "0"
    if fact.get("lport"):
        # A connect that failed has forgotten its address.
        wanted.update(laddr=None if fact["laddr"] in ("0.0.0.0", "::") else fact["laddr"], lport=fact["lport"])
    if fact["result"] == "ok":
        wanted["close"] = wanted_close(fact)
        wanted["state"] = "reset" if wanted["close"].endswith("rst") else lib.ENDED
    wanted["last_pid"] = fact["last_pid"] if fact["last_pid"] != fact["pid"] else None
    if fact["result"] in ("abort", "pending"):
        wanted["errno"] = None
    wanted.update(scenario.expected(fact))
    unknown = scenario.unknown_columns(mode)
    if mode in SAMPLED:
        seen_by_looking(scenario, mode, wanted, fact, row)
    if mode == "bpf":
        seen_by_programs(scenario, wanted, fact, row)
    name = short(row)
    for column, value in wanted.items():
        if row[column] is None and column in unknown or value is scenario.ANY:
            continue
        if isinstance(value, tuple):
            check(row[column] in value, "%s: got %r, wanted one of %r in %s" % (column.upper(), row[column], value, row))
        else:
            equal(row[column], value, "%s of %s" % (column.upper(), name))


def modes(scenario, played=AS_USER):
    """Those that a scenario is played in: all, or one, the next one in the next scenario."""
    every = [mode for mode in scenario.modes_played() if mode in played]
    return every if ALL or not every else [every[SCENARIOS.index(scenario) % len(every)]]


def addresses(scenario, mode):
    """Those that a scenario is played with: all, or one, another one when the modes have had their turns."""
    if ALL:
        return scenario.addresses
    turn = SCENARIOS.index(scenario) // len(AS_USER) + scenario.modes_played().index(mode)
    return [scenario.addresses[turn % len(scenario.addresses)]]


def play(scenario, mode):
    for address in addresses(scenario, mode):
        stage = Stage(scenario, mode, address)
        rows, truth = stage.start()
        judge = scenario.judge
        if judge:
            judge(stage, rows, truth)
            continue
        equal(len(truth), scenario.count, "connections in the truth")
        equal(len(rows), scenario.count, "rows: " + " ".join(short(row) for row in rows))
        for fact in truth:
            expected = {key: value for key, value in scenario.expected(fact).items() if isinstance(value, (int, str))}
            compare(scenario, mode, find_row(rows, dict(fact, **expected)), fact)


# --- the table ---------------------------------------------------------------------------------------------------

HEAD = """# What is seen

<!-- Written by tests/live/matrix.py --coverage; a test compares it with the scenarios. -->

Each row is a scenario whose truth is known: a program plays it, and the rows of conntrace are compared
field by field: process, thread, descriptor, direction, addresses, result, errno, bytes, and the side that ended it; over
IPv4 and IPv6.
*Launched* is `conntrace -- COMMAND`, *attached* is `conntrace --via=ptrace -p PID`, *diag* is `conntrace --via=diag -p PID`,
which stops no process, *perf* is `conntrace --via=perf -p PID`, and *bpf* `conntrace -p PID` as root.

`ok`: every field is right. Fields after it may be `-` in that mode, but not wrong, for the reason of that number. A
number alone: the scenario is not played in that mode, for that reason.

Each scenario is also played without conntrace, and the results of its programs are the same (tests/live/unharmed.py,
which names the two that depend on chance or on conntrace itself).
"""


def coverage():
    notes, lines = [], [HEAD]
    for section, title in SECTIONS:
        lines += ["## " + title, "", "| scenario | " + " | ".join(MODES) + " |", "| --- |" + " --- |" * len(MODES)]
        for scenario in SCENARIOS:
            if scenario.section != section:
                continue
            cells = []
            for mode in MODES:
                cell = "ok"
                if mode in SAMPLED and scenario.is_held and not scenario.begins_before and scenario.section != "never":
                    cell += ", held (%d)" % note(notes, HELD) if not scenario.why_not_sampled(mode) else ""
                if mode not in scenario.modes_played():
                    cell = "(%d)" % note(notes, scenario.why_absent(mode))
                    cells.append(cell)
                    continue
                for columns, why in scenario.unknown_of(mode).items():
                    cell += "; %s (%d)" % (columns.upper(), note(notes, why))
                cells.append(cell)
            lines.append("| %s | %s |" % (scenario.name, " | ".join(cells)))
        lines.append("")
    lines += network_cases.coverage()
    if notes:
        lines += ["## Why not", ""] + ["%d. %s" % (number, why) for number, why in enumerate(notes, 1)] + [""]
    return "\n".join(lines)


def note(notes, why):
    if why not in notes:
        notes.append(why)
    return notes.index(why) + 1


def play_modes(played, arguments):
    """Plays the scenarios in these modes. Return: the exit status."""
    chosen = [word for word in arguments if not word.startswith("--")]
    tests = [("%s, %s" % (scenario.name, mode), lambda scenario=scenario, mode=mode: play(scenario, mode))
             for scenario in SCENARIOS for mode in (scenario.modes_played() if chosen else modes(scenario, played))
             if mode in played and (not chosen or any(word in scenario.name or word == mode for word in chosen))]
    return 1 if at_once.play_all(tests, 1 if "--serial" in arguments else AT_ONCE) else 0


if __name__ == "__main__":
    if "--coverage" in sys.argv[1:]:
        print(coverage(), end="")
        sys.exit(0)
    lib.enter_namespace()
    sys.exit(play_modes(AS_USER, sys.argv[1:]))
