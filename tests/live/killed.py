#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""conntrace killed by SIGKILL at a random moment: attached targets serve on, launched ones are gone, all of them.

ROUNDS in the environment says how often.
"""
import os
import random
import signal
import threading
import time

from lib import (CONNTRACE, MKCONN, Process, Skip, check, enter_namespace, equal, main, need_all, require, scratch,
                 status_field, test, tracer_of, wait_file, wait_for)
from modes import has_diag
from webserver import CLIENTS, Client, Nginx

ROUNDS = int(os.environ.get("ROUNDS", "10"))
# The longest that is waited before killing: longer than opening and attaching take.
MOMENT_SEC = 0.1
# A process with this in its environment belongs to the tree.
MARK = "CONNTRACE_TEST_TREE"
# A tree: threads, forks, a program in the background, one in a session of its own.
TREE = ('"$0" listen=127.0.0.1:0 threads=2 forever connect=self send=1 keep close accept recv=1 close done done join & '
        '"$0" listen=127.0.0.1:0 fork=2 wait-file=/nonexistent done join & setsid "$0" wait-file=/nonexistent & '
        'sh -c "while :; do :; done" & touch "$1"; while :; do (:); done')


class Load(threading.Thread):
    """A client that sends requests until it is stopped; .requests is their number, .errors the failures."""

    def __init__(self, address, per_connection):
        super().__init__(daemon=True)
        self.address, self.per_connection = address, per_connection
        self.requests, self.errors = 0, []
        self.over = False

    def run(self):
        while not self.over and not self.errors:
            # The server closes first, so the ports may be used again.
            if Client.next_port[self.address] > 60000:
                Client.next_port[self.address] = 20000
            client = Client(self.address, 20, self.per_connection)
            client.run()
            self.requests += 20
            if client.error or client.wrong:
                self.errors.append("%s, %d wrong answers" % (client.error, client.wrong))


def serves_on(loads, what):
    """The server answers further requests, and no request has failed; the load ends."""
    served = sum(each.requests for each in loads)
    wait_for(lambda: sum(each.requests for each in loads) > served + 100, "nginx to serve on")
    for each in loads:
        each.over = True
    for each in loads:
        each.join(60)
        equal(each.errors, [], "what went wrong, " + what)


def unharmed(pids):
    """They have no tracer and are not stopped."""
    return all(tracer_of(pid) == 0 and status_field(pid, "State")[:1] not in ("T", "t", "Z", "")
               for pid in pids)


def killed_under_load(options):
    nginx = Nginx()
    server = Process(nginx.argv)
    nginx.wait()
    pids = [nginx.master()] + nginx.workers()
    loads = [Load(address, (1, 10)[number % 2]) for number, address in enumerate(CLIENTS)]
    for each in loads:
        each.start()
    seed = random.randrange(1 << 30)
    moments = random.Random(seed)
    for number in range(ROUNDS):
        trace = Process([CONNTRACE, "-q", "-o", "/dev/null", "--via=ptrace"] + options + ["-p"] +
                        [str(pid) for pid in pids])
        time.sleep(moments.uniform(0, MOMENT_SEC))
        trace.signal(signal.SIGKILL)
        equal(trace.wait(), -signal.SIGKILL, "conntrace's end in round %d" % number)
        wait_for(lambda: unharmed(pids), "nginx to be let go, round %d, seed %d" % (number, seed))
        require(not any(each.errors for each in loads),
                "round %d, seed %d: %s" % (number, seed, [each.errors for each in loads]))
    serves_on(loads, "seed %d" % seed)
    equal([nginx.master()] + nginx.workers(), pids, "nginx's processes")
    os.kill(nginx.master(), signal.SIGQUIT)
    equal(server.wait(), 0, "nginx's exit status")


@test("attached to nginx under load, killed %d times: every request is served" % ROUNDS)
def attached():
    killed_under_load([])


@test("the same with --via=diag")
def attached_diag():
    if not has_diag():
        raise Skip("no --via=diag in this conntrace")
    killed_under_load(["--via=diag"])


def members(mark):
    """The living processes of a tree, also of those with another parent by now."""
    found = []
    for name in os.listdir("/proc"):
        try:
            with open("/proc/%s/environ" % name, "rb") as file:
                if name.isdigit() and ("%s=%s\0" % (MARK, mark)).encode() in file.read():
                    found.append(int(name))
        except OSError:
            pass
    return found


@test("launched, killed %d times: the whole tree is gone, also what was just being born" % ROUNDS)
def launched():
    seed = random.randrange(1 << 30)
    moments = random.Random(seed)
    for number in range(ROUNDS):
        mark, begun = "%d-%d" % (os.getpid(), number), scratch("begun")
        trace = Process([CONNTRACE, "-q", "-o", "/dev/null", "--", "sh", "-c", TREE, MKCONN, begun],
                        env=dict(os.environ, **{MARK: mark}))
        # Some rounds right from the start.
        if number % 4:
            wait_file(begun)
        time.sleep(moments.uniform(0, MOMENT_SEC / 2))
        trace.signal(signal.SIGKILL)
        equal(trace.wait(), -signal.SIGKILL, "conntrace's end")
        try:
            wait_for(lambda: not members(mark), "the tree to be gone, round %d, seed %d" % (number, seed))
        finally:
            for pid in members(mark):
                check(False, "PID %d (%s) is left" % (pid, status_field(pid, "Name")))
                os.kill(pid, signal.SIGKILL)


# The command ends at once; what it leaves forks, has threads, and starts programs.
DAEMON = ('setsid sh -c \'"$0" wait-file=/nonexistent & "$0" threads=2 wait-file=/nonexistent done join & touch "$1"; '
          'while :; do (:); done\' "$0" "$1" & '
          'while [ ! -e "$1" ]; do sleep 0.01; done; exit 0')


def daemon_left(options, mark):
    """conntrace, whose command has ended and left a daemon."""
    begun = scratch("begun")
    trace = Process([CONNTRACE, "-q", "-o", "/dev/null"] + options + ["--", "sh", "-c", DAEMON, MKCONN, begun],
                    env=dict(os.environ, **{MARK: mark}))
    wait_file(begun)
    return trace


def end_tree(mark):
    for pid in members(mark):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


@test("launched, a daemon is left, killed %d times at random moments: nothing of it is left" % ROUNDS)
def daemon():
    seed = random.randrange(1 << 30)
    moments = random.Random(seed)
    for number in range(ROUNDS):
        mark = "%d-daemon-%d" % (os.getpid(), number)
        trace = daemon_left([], mark)
        # Also where conntrace is about to end the daemon, or to say who is left.
        time.sleep(moments.choice([0, moments.uniform(0, 0.6)]))
        if number % 3 == 0:
            trace.signal(signal.SIGTERM)
        trace.signal(signal.SIGKILL)
        trace.wait()
        try:
            wait_for(lambda: not members(mark), "the daemon to be gone, round %d, seed %d" % (number, seed))
        finally:
            end_tree(mark)


@test("the same without the filter and with --via=diag: it runs on")
def daemon_unfiltered():
    for number in range(max(2, ROUNDS // 10)):
        for options in (["--no-filter"], ["--via=diag"]):
            mark = "%d-free-%d" % (os.getpid(), number)
            trace = daemon_left(options, mark)
            trace.signal(signal.SIGKILL)
            trace.wait()
            try:
                wait_for(lambda: members(mark) and unharmed(members(mark)[:2]), "the daemon to be let go")
                check(len(members(mark)) >= 2, "of the daemon with %s lives: %s" % (options, members(mark)))
            finally:
                while members(mark):
                    end_tree(mark)


@test("launched with --no-filter, killed: what was launched runs on")
def launched_unfiltered():
    nginx = Nginx()
    for number in range(max(2, ROUNDS // 10)):
        trace = Process([CONNTRACE, "-q", "-o", "/dev/null", "--no-filter", "--"] + nginx.argv)
        nginx.wait()
        pids = [nginx.master()] + nginx.workers()
        loads = [Load(address, 1) for address in CLIENTS]
        for each in loads:
            each.start()
        wait_for(lambda: sum(each.requests for each in loads) >= 100, "the load")
        trace.signal(signal.SIGKILL)
        trace.wait()
        wait_for(lambda: unharmed(pids), "nginx to be let go, round %d" % number)
        serves_on(loads, "round %d" % number)
        os.kill(pids[0], signal.SIGQUIT)
        wait_for(lambda: not any(os.path.exists("/proc/%d" % pid) for pid in pids), "nginx's end")


if __name__ == "__main__":
    enter_namespace()
    need_all("nginx")
    main()
