#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a launched command leaves running: it is named, signals and -d reach it, or it is let go."""
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

import at_once
from lib import (CONNTRACE, Process, Skip, between, check, equal, need, require, scratch, status_field,
                 test, wait_file, wait_for, write_file)

# Leaves two daemons in a session of their own, which note the signals they get, and ends.
DAEMONS = """import os, signal, sys, time
log, obeys = sys.argv[1], sys.argv[2] == "obeys"
if os.fork():
    while not os.path.exists(log):
        time.sleep(0.01)
    os._exit(3)
os.setsid()
if os.fork():
    os._exit(0)
second = os.fork() == 0
def caught(number, frame):
    with open(log, "a") as file:
        file.write("%d got %s\\n" % (os.getpid(), signal.Signals(number).name))
    if obeys:
        os._exit(0)
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
    signal.signal(number, caught)
with open(log, "a") as file:
    file.write("%d up\\n" % os.getpid())
while os.getppid():
    time.sleep(0.05 if second else 0.04)
"""
LEFT = "left running"


def lives(pid):
    """A zombie without a waiting parent, as in many containers, has ended."""
    return status_field(pid, "State")[:1] not in ("", "Z", "X")


class Daemons:
    """conntrace and the daemons of its command."""

    def __init__(self, options=(), obeys=True, runner=None):
        self.log = scratch("log")
        argv = [CONNTRACE, "-q", "-o", "/dev/null"] + list(options) + [
            "--", sys.executable, "-c", DAEMONS, self.log, "obeys" if obeys else "stays"]
        self.trace = (runner or Process)(argv)
        wait_for(lambda: self.text().count(" up\n") == 2, "the daemons: %s" % self.trace.err)
        self.pids = [int(line.split()[0]) for line in self.text().splitlines() if line.endswith(" up")]

    def text(self):
        try:
            with open(self.log, encoding="ascii") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def alive(self):
        return [pid for pid in self.pids if lives(pid)]

    def got(self):
        """The signals that each got, sorted."""
        return sorted(line.split()[2] for line in self.text().splitlines() if " got " in line)

    def end(self):
        for pid in self.alive():
            os.kill(pid, signal.SIGKILL)


def alone(daemons):
    """The command has ended, and that was said."""
    wait_for(lambda: LEFT in daemons.trace.err, "conntrace to say who is left: %s" % daemons.trace.err)
    for pid in daemons.pids:
        check("(PID %d)" % pid in daemons.trace.err, "PID %d in %r" % (pid, daemons.trace.err))
    check("kill %d" % daemons.trace.pid in daemons.trace.err, "how to end it: %r" % daemons.trace.err)


@test("a command that leaves daemons behind: who they are is said, and one signal to conntrace reaches each of them")
def each_signal():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        daemons = Daemons()
        try:
            alone(daemons)
            daemons.trace.signal(number)
            equal(daemons.trace.wait(), 3, "the command's status after %s" % number.name)
            equal(daemons.got(), ["SIGTERM"] * 2, "what they got after %s" % number.name)
            check("SIGKILL" in daemons.trace.err, "SIGKILL is announced: %r" % daemons.trace.err)
        finally:
            daemons.end()


@test("-d reaches them, too, and ends them as soon as they end")
def duration():
    daemons = Daemons(["-d", "5"])
    try:
        equal(daemons.trace.wait(), 3, "the command's status")
        equal(daemons.got(), ["SIGTERM"] * 2, "what they got")
    finally:
        daemons.end()


@test("those that do not end by SIGTERM get SIGKILL ten seconds later, and at once by a second signal")
def stubborn():
    daemons = Daemons(obeys=False)
    try:
        alone(daemons)
        daemons.trace.signal(signal.SIGTERM)
        began = time.monotonic()
        wait_for(lambda: daemons.got() == ["SIGTERM"] * 2, "the daemons to get it")
        wait_for(lambda: not daemons.alive(), "their end")
        between(time.monotonic() - began, 9.5, 15, "seconds until they were killed")
        equal(daemons.trace.wait(), 3, "the command's status")
    finally:
        daemons.end()
    daemons = Daemons(obeys=False)
    try:
        alone(daemons)
        daemons.trace.signal(signal.SIGTERM)
        wait_for(lambda: daemons.got() == ["SIGTERM"] * 2, "the daemons to get it")
        began = time.monotonic()
        daemons.trace.signal(signal.SIGINT)
        equal(daemons.trace.wait(), 3, "the command's status")
        between(time.monotonic() - began, 0, 5, "seconds after a second signal")
        wait_for(lambda: not daemons.alive(), "their end")
    finally:
        daemons.end()


# It does not end by SIGTERM, but after a while.
SLOW = """import signal, time
signal.signal(signal.SIGTERM, lambda *_: None)
end = time.monotonic() + 3
while time.monotonic() < end:
    time.sleep(0.1)
"""


@test("a run whose limit is over sleeps until its command has ended")
def sleeps():
    reader, gone = os.pipe()
    os.close(reader)
    for words, out in (([], None), (["-I", "0.1"], None), (["-z", "io,stat,0.1"], None), (["-I", "0.1"], gone)):
        run = subprocess.Popen([CONNTRACE, "-q", "-d", "0.4"] + words + ["--", sys.executable, "-c", SLOW],
                               stdout=subprocess.DEVNULL if out is None else out, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(run.pid, 0)
        run.returncode = os.waitstatus_to_exitcode(status)
        # A loop that does not wait takes most of the other 2.6 s.
        between(usage.ru_utime + usage.ru_stime, 0, 1.2, "seconds of processor time, %s, reader gone: %s" %
                (words, out is not None))
    os.close(gone)


@test("without the filter they run on, unharmed, when the run ends; so they do with --via=diag")
def let_go():
    for options in (["--no-filter"], ["--no-filter", "-d", "5"]):
        daemons = Daemons(options)
        try:
            if "-d" not in options:
                alone(daemons)
                daemons.trace.signal(signal.SIGTERM)
            equal(daemons.trace.wait(), 3, "the command's status")
            check("left run on" in daemons.trace.err, "that is said: %r" % daemons.trace.err)
            equal(daemons.alive(), daemons.pids, "who runs on (%s)" % options)
            wait_for(lambda: all(status_field(pid, "TracerPid") == "0" for pid in daemons.pids), "them to be let go")
            equal(daemons.got(), [], "what they got")
        finally:
            daemons.end()


@test("--via=diag says that it lost what was orphaned between two looks")
def orphans():
    daemons = Daemons(["--via=diag", "--look-ms=10000"])
    try:
        wait_for(lambda: LEFT in daemons.trace.err, "conntrace to say so: %r" % daemons.trace.err)
        if "is not watched" in daemons.trace.err:
            equal(daemons.trace.wait(), 3, "the command's status")
        else:
            # A look came between.
            daemons.trace.signal(signal.SIGTERM)
            equal(daemons.trace.wait(), 3, "the command's status")
        equal(daemons.alive(), daemons.pids, "who runs on")
        for pid in daemons.pids:
            check("(PID %d)" % pid in daemons.trace.err, "PID %d in %r" % (pid, daemons.trace.err))
    finally:
        daemons.end()


class OnTerminal:
    """A program on a terminal of its own, in the foreground."""

    def __init__(self, argv):
        self.argv = argv
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execv(argv[0], [str(word) for word in argv])
        self.err = ""

    def read(self, pattern, limit=20):
        end = time.monotonic() + limit
        while not re.search(pattern, self.err):
            ready, _, _ = select.select([self.fd], [], [], max(0, end - time.monotonic()))
            require(ready, "%r did not come on the terminal: %r" % (pattern, self.err))
            self.err += os.read(self.fd, 4096).decode(errors="replace")

    def wait(self):
        end = time.monotonic() + 20
        while time.monotonic() < end:
            # A terminal keeps unread output, and its writer waits.
            if select.select([self.fd], [], [], 0.02)[0]:
                try:
                    self.err += os.read(self.fd, 4096).decode(errors="replace")
                except OSError:
                    pass
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                os.close(self.fd)
                return os.waitstatus_to_exitcode(status)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        require(False, "it did not end: %r" % self.err)
        return None


# A server with a worker, as nginx is one: both end when the server gets SIGTERM.
# SIGTERM in between would leave the worker.
WORKER = """import os, signal, sys, time
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
worker = os.fork()
if worker == 0:
    while True:
        time.sleep(60)
with open(sys.argv[1], "w") as file:
    file.write("%d %d" % (os.getpid(), worker))
def caught(number, frame):
    os.kill(worker, signal.SIGKILL)
    os.waitpid(worker, 0)
    os._exit(0)
signal.signal(signal.SIGTERM, caught)
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
while True:
    time.sleep(60)
"""


@test("a command that has ended with all its workers by -d has left nothing running")
def left_nothing():
    for way in (["--via=diag"], ["--no-filter"], []):
        pids = scratch("pids")
        trace = Process([CONNTRACE, "-q", "-o", "/dev/null", "-d", "0.6"] + way +
                        ["--", sys.executable, "-c", WORKER, pids])
        trace.wait(60)
        # Other programs that run at the same time may leave daemons, and these may be named.
        for pid in read(pids).split():
            check("PID %s)" % pid not in trace.err, "with %s: %s" % (way, trace.err))
        check("--via=diag" in way or "PID" not in trace.err, "with %s: %s" % (way, trace.err))


# Makes a daemon by two forks, as the parent of neither.
OTHERS = """import os, sys, time
if os.fork():
    os.wait()
    os._exit(0)
os.setsid()
if os.fork() == 0:
    print(os.getpid(), flush=True)
    time.sleep(60)
os._exit(0)
"""


@test("a daemon of another program is at most named as one that the command may have left")
def of_others():
    log = scratch("log")
    trace = Process([CONNTRACE, "-q", "-o", "/dev/null", "--via=diag", "--", "sh", "-c",
                     'echo up >$0; while [ -e $0 ]; do sleep 0.02; done; exit 4', log])
    wait_file(log)
    other = Process([sys.executable, "-c", OTHERS])
    pid = int(wait_for(lambda: other.out.split(), "the daemon")[0])
    try:
        other.wait()
        os.unlink(log)
        equal(trace.wait(), 4, "the command's status")
        named = "(PID %d)" % pid in trace.err
        check(not named or "may have left running" in trace.err and "nothing proves" in trace.err, trace.err)
        check("but left running" not in trace.err, trace.err)
        check(lives(pid), "the daemon runs on")
    finally:
        os.kill(pid, signal.SIGKILL)


@test("Ctrl-C on the terminal ends the run when only daemons are left, which the terminal does not reach")
def terminal():
    daemons = Daemons(runner=OnTerminal)
    try:
        daemons.trace.read(LEFT)
        os.write(daemons.trace.fd, b"\3")
        equal(daemons.trace.wait(), 3, "the command's status")
        equal(daemons.got(), ["SIGTERM"] * 2, "what they got")
    finally:
        daemons.end()


@test("SIGHUP is passed on to a running command as often as it comes; what ends soon after the command is not named")
def passed_on():
    log, stop = scratch("log"), scratch("stop")
    trace = Process([CONNTRACE, "-q", "-o", "/dev/null", "--", "sh", "-c",
                     'trap "echo hup >>$0" HUP; echo up >>$0; sleep 0.01 & while [ ! -e $1 ]; do sleep 0.02; done; exit 4',
                     log, stop])
    for count in range(3):
        wait_for(lambda: read(log).count("\n") == count + 1, "the signal")
        trace.signal(signal.SIGHUP)
    wait_for(lambda: read(log) == "up\nhup\nhup\nhup\n", "the signals: %r" % read(log))
    write_file(stop, "")
    equal(trace.wait(), 4, "the command's status")
    equal(trace.err, "", "stderr")


def read(path):
    try:
        with open(path, encoding="ascii") as file:
            return file.read()
    except FileNotFoundError:
        return ""


@test("real daemons: %s" % "nginx, memcached, redis-server")
def real():
    port, directory = 23700, scratch("d")
    os.mkdir(directory)
    os.chmod(directory, 0o777)
    configuration = write_file(os.path.join(directory, "nginx.conf"), (
        "pid %s/nginx.pid; error_log stderr; events {}\nhttp { access_log off; server { listen 127.0.0.1:%d; } }\n"
        % (directory, port)))
    commands = {
        "nginx": ["-p", directory, "-c", configuration, "-e", directory + "/error.log"],
        "memcached": ["-d", "-u", "nobody", "-l", "127.0.0.1", "-p", port + 1, "-P", directory + "/memcached.pid"],
        "redis-server": ["--daemonize", "yes", "--port", port + 2, "--dir", directory, "--save", "",
                         "--pidfile", directory + "/redis.pid"],
    }
    found = 0
    for name, words in commands.items():
        try:
            program = need(name)
        except Skip:
            continue
        found += 1
        trace = Process([CONNTRACE, "-q", "-o", "/dev/null", "--", program] + words)
        wait_for(lambda: LEFT in trace.err or not trace.alive(), "%s to leave its daemon: %s" % (name, trace.err))
        require(trace.alive(), "%s ended: %s" % (name, trace.err))
        pids = [int(pid) for pid in re.findall(r"\(PID (\d+)\)", trace.err)]
        check(pids and name[:5] in trace.err, "who is left of %s: %r" % (name, trace.err))
        trace.signal(signal.SIGINT)
        equal(trace.wait(), 0, "status of %s" % name)
        # They are let go at their exit stop: the kernel may still have work to do for them.
        wait_for(lambda: not any(lives(pid) for pid in pids), "the end of %s" % name)
    if not found:
        raise Skip("none of %s here" % ", ".join(commands))


if __name__ == "__main__":
    at_once.main(4)
