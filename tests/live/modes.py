# SPDX-License-Identifier: GPL-2.0-or-later
"""A program run without conntrace and in each way conntrace can watch it; what it said and how it ended.

It is started behind a gate, in all of them, so that it can be attached to before it begins.
"""
import functools
import itertools
import os
import subprocess

from lib import ALL, CONNTRACE, Process, attach, equal, run, scratch, status_field, wait_for, watch

GATE = ["sh", "-c", 'read line <&9; exec 9<&-; exec "$@"', "sh"]
GATE_FD = 9
UNTRACED = "untraced"
LAUNCHED = {"launched": [], "launched --watch-close": ["--watch-close"], "launched --no-filter": ["--no-filter"],
            "launched --via=diag": ["--via=diag"]}
FILTERED = ("launched", "launched --watch-close")
ATTACHED = ("attached", "attached --via=diag")


# So many threads, each with a connection, all there at once.
THREADS = r"""
import os, socket, sys, threading
COUNT = int(sys.argv[1])
threading.stack_size(1 << 18)
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(4096)
there = threading.Barrier(COUNT + 1)
done = []

def client(number):
    with socket.socket() as connection:
        connection.settimeout(100)
        connection.connect(listener.getsockname())
        there.wait(100)
        connection.sendall(b"%d\n" % number)
        done.append(int(connection.makefile().readline()))

threads = [threading.Thread(target=client, args=(number,)) for number in range(COUNT)]
for thread in threads:
    thread.start()
accepted = [listener.accept()[0] for _ in range(COUNT)]
there.wait(100)
for connection in accepted:
    connection.sendall(connection.makefile().readline().encode())
    connection.close()
for thread in threads:
    thread.join()
print(len(done), sum(done), flush=True)
os._exit(42)
"""


@functools.lru_cache(None)
def has_diag():
    """Can this conntrace watch without ptrace?"""
    with subprocess.Popen(["sleep", "10"]) as target:
        try:
            result = run([CONNTRACE, "-q", "-o", "/dev/null", "--via=diag", "-d", "0.01", "-p", str(target.pid)])
            return result.status == 0 and status_field(target.pid, "TracerPid") == "0"
        finally:
            target.kill()


def modes():
    """The names of all ways to watch."""
    return [mode for mode in list(LAUNCHED) + list(ATTACHED) if "diag" not in mode or has_diag()]


_turn = itertools.count()


def some_modes():
    """The names of a way to launch and of one to watch from outside, other ones with each call; with ALL=1 all."""
    if ALL:
        return modes()
    turn, launched = next(_turn), [mode for mode in modes() if mode in LAUNCHED]
    attached = [mode for mode in modes() if mode in ATTACHED]
    return [launched[turn % len(launched)], attached[turn // len(launched) % len(attached)]]


class Play:
    """One program, begun; .process is it (or the conntrace that launched it), .trace who watches from outside."""

    def __init__(self, mode, argv, **keywords):
        self.mode = mode
        self.trace = None
        gate_out, self.gate = os.pipe()
        before = [CONNTRACE, "-q", "-o", "/dev/null"] + LAUNCHED[mode] + ["--"] if mode in LAUNCHED else []
        prepare = keywords.pop("preexec_fn", None)

        def set_up():
            os.dup2(gate_out, GATE_FD, inheritable=True)
            if prepare:
                prepare()
        try:
            # Whatever descriptor the pipe got, the program does not.
            self.process = Process(before + GATE + list(argv), preexec_fn=set_up,
                                   pass_fds=[GATE_FD] + list(keywords.pop("pass_fds", [])), **keywords)
        finally:
            os.close(gate_out)
        if mode.startswith("attached"):
            self.begin_watching("diag" in mode)

    def begin_watching(self, by_diag):
        pid = self.process.pid
        wait_for(lambda: status_field(pid, "State")[:1] == "S" and status_field(pid, "Name") == "sh", "the gate")
        self.trace = watch([pid], before=[]) if by_diag else attach([pid], ["-q"], runner=[])

    def begin(self):
        os.write(self.gate, b"\n")
        os.close(self.gate)
        return self

    def end(self, limit=90):
        """Return: its exit status, what it said on stdout, and on stderr."""
        status = self.process.wait(limit)
        if self.trace:
            equal(self.trace.wait(limit), 0, "conntrace's own status, %s: %s" % (self.mode, self.trace.err))
        return status, self.process.out, self.process.err


def play(mode, argv, limit=90, **keywords):
    return Play(mode, argv, **keywords).begin().end(limit)


def play_at_once(argvs, mode_of=lambda key: key):
    """Programs, by keys that tell their modes, all at once, because they wait for time-outs. Return: what each said, by key."""
    plays = {key: Play(mode_of(key), argv) for key, argv in argvs.items()}
    for each in plays.values():
        each.begin()
    return {key: each.end() for key, each in plays.items()}


def compare(argv, what, chosen=None, limit=90, change=lambda seen: seen, **keywords):
    """The program says and does the same in some_modes(), or those chosen, as it does untraced."""
    wanted = change(play(UNTRACED, argv, limit, **keywords))
    for mode in chosen or some_modes():
        equal(change(play(mode, argv, limit, **keywords)), wanted, "%s, %s" % (what, mode))
    return wanted


def written(text, name):
    """A program for python3 in a file."""
    path = scratch(name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path
