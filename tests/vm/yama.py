#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Yama's ptrace_scope, 0 to 3, set for real. Scope 3 stays until the machine ends, so this file is the last one."""
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../live"))
from lib import (CONNTRACE, MKCONN, Process, as_nobody, check, equal, main, parse_rows, run, skip_all, test, tracer_of,
                 wait_for)

SCOPE = "/proc/sys/kernel/yama/ptrace_scope"
QUIET = [CONNTRACE, "-q"]
LIMIT = 120


def set_scope(number):
    with open(SCOPE, "w", encoding="ascii") as file:
        file.write("%d\n" % number)
    with open(SCOPE, encoding="ascii") as file:
        equal(int(file.read()), number, SCOPE)


def sleeper():
    target = Process(as_nobody() + ["sleep", "600"])
    wait_for(lambda: os.path.basename(os.readlink("/proc/%d/exe" % target.pid)) == "sleep", "the program to run")
    return target


def launch(who):
    return run(who + QUIET + ["-z", "conns", "--format=json", "--", MKCONN, "listen=127.0.0.1:0", "fork=1", "connect=self",
                              "send=10", "close", "done", "accept", "recv-all", "close", "join"], limit=LIMIT)


def attach(who, target, options=("--via=ptrace",)):
    return run(who + QUIET + list(options) + ["-d", "0.2", "-p", str(target.pid)], limit=LIMIT)


def refused(result, status, words, what):
    equal(result.status, status, "exit status, %s (%s)" % (what, result.err))
    for word in words:
        check(word in result.err, "%s says %r: %s" % (what, word, result.err))


def allowed(result, what):
    equal(result.status, 0, "exit status, %s (%s)" % (what, result.err))


def checked(who):
    """Return: what --check says of each ability, and its reason."""
    lines = run(who + [CONNTRACE, "--check"], limit=LIMIT).out.splitlines()
    return ["\n".join(lines[at:at + 2]) for at, line in enumerate(lines) if "trace a command" in line or "attach to" in line]


def diag_works(target, what):
    """Looking at sockets is no tracing (PTRACE_MODE_READ), so Yama has no say."""
    allowed(attach(as_nobody(), target, ["--via=diag"]), "diag, " + what)


@test("scope 0: launching and attaching work for an ordinary user")
def scope_0():
    set_scope(0)
    target = sleeper()
    allowed(launch(as_nobody()), "launch")
    allowed(attach(as_nobody(), target), "attach")
    diag_works(target, "scope 0")


@test("scope 1: an ordinary user launches, and attaches to nothing else; root and diag do")
def scope_1():
    set_scope(1)
    target = sleeper()
    result = launch(as_nobody())
    allowed(result, "launch")
    equal(len(parse_rows(result.out)), 2, "rows of the launched command")
    refused(attach(as_nobody(), target), 1, ["ptrace_scope is 1", "launch the program with conntrace"], "attach")
    allowed(attach([], target), "attach by root")
    diag_works(target, "scope 1")
    launching, attaching = checked(as_nobody())
    check("Yama" not in launching and "Yama allows descendants only" in attaching, "--check: %s" % [launching, attaching])


@test("scope 2: an ordinary user traces nothing, launched or not; root and diag work")
def scope_2():
    set_scope(2)
    target = sleeper()
    refused(launch(as_nobody()), 125, ["ptrace_scope is 2"], "launch")
    refused(attach(as_nobody(), target), 1, ["ptrace_scope is 2"], "attach")
    allowed(launch([]), "launch by root")
    allowed(attach([], target), "attach by root")
    diag_works(target, "scope 2")
    for answer in checked(as_nobody()):
        check("Yama allows CAP_SYS_PTRACE only" in answer, "--check: " + answer)


@test("scope 3: no process may trace, root included, and no message blames a container; diag works")
def scope_3():
    set_scope(3)
    target = sleeper()
    for who in (as_nobody(), []):
        refused(launch(who), 125, ["until the next boot"], "launch")
        refused(attach(who, target), 1, ["until the next boot"], "attach")
        for answer in checked(who):
            check("until the next boot" in answer and "container" not in answer, "--check: " + answer)
    diag_works(target, "scope 3")
    check(target.alive() and tracer_of(target.pid) == 0, "the target lives, untraced")
    target.signal(signal.SIGTERM)


if __name__ == "__main__":
    if not os.environ.get("CONNTRACE_VM"):
        skip_all("only in the virtual machine of make check-vm")
    if not os.path.exists(SCOPE):
        skip_all("this kernel has no Yama")
    main()
