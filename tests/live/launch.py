#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A launched command: its end is conntrace's end, and it finds the same world as without conntrace."""
import os
import pty
import pwd
import re
import resource
import select
import signal
import sys

import lib
from lib import (CONNTRACE, MKCONN, NOBODY, Process, Skip, Trace, as_nobody, check, equal, facts_of, find_row, launch,
                 main, need, read_file, read_truth, require, run, scratch, short, status_field, test, wait_file,
                 wait_for, write_file)

QUIET = [CONNTRACE, "-q", "-o", "/dev/null", "--"]

# Prints what a process inherits; the two runs that are compared differ in conntrace only.
INHERITED = r"""
import os, resource, sys
print("argv", sys.argv[1:])
print("environ", sorted(os.environ.items()))
print("cwd", os.getcwd(), "umask", "%o" % os.umask(0o22), "groups", sorted(os.getgroups()))
print("group and session", os.getpgrp(), os.getsid(0))
print("priority", os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0))
print("ids", os.getresuid(), os.getresgid())
for name in sorted(n for n in dir(resource) if n.startswith("RLIMIT_")):
    print(name, resource.getrlimit(getattr(resource, name)))
for line in open("/proc/self/status"):
    if line.split(":")[0] in ("SigBlk", "SigIgn", "SigCgt", "ShdPnd", "CapInh", "CapPrm", "CapEff", "CapBnd",
                              "CapAmb", "CoreDumping", "THP_enabled", "Cpus_allowed"):
        name, value = line.split(":")
        if name.startswith("Sig"):
            # Signals 32 and 33 are the C library's own and change as soon as a program has threads.
            value = "%x" % (int(value, 16) & ~(3 << 31))
        print(name, value.strip())
for name in sorted(os.listdir("/proc/self/fd"), key=int):
    try:
        print("fd", name, os.readlink("/proc/self/fd/" + name), open("/proc/self/fdinfo/" + name).read().split("\n")[1])
    except FileNotFoundError:
        pass
"""


@test("the command's exit status is conntrace's")
def exit_status():
    for status in (0, 1, 3, 125, 255):
        equal(run(QUIET + ["sh", "-c", "exit %d" % status]).status, status, "exit status")


@test("a command killed by a signal: conntrace dies by the same")
def killed():
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGSEGV, signal.SIGUSR1, signal.SIGPIPE):
        result = run(QUIET + ["sh", "-c", "kill -%d $$; sleep 10" % number],
                     preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)))
        equal(result.status, -number, "status for signal %d" % number)


@test("not found is 127, not executable 126, each with a message that names it")
def cannot_run():
    text = write_file(scratch("text"), "no program\n", 0o644)
    for command, status in (("/nonexistent/command", 127), ("command-that-is-nowhere", 127), (text, 126),
                            ("/etc", 126)):
        result = run([CONNTRACE, "--", command], env=dict(os.environ, PATH="/usr/bin:/bin"))
        equal(result.status, status, "status for %s" % command)
        check(command in result.err, "stderr names %s: %r" % (command, result.err))


@test("standard input, output and error are the command's own, byte for byte")
def stdio():
    text = "one\ntwo\0three" * 5000
    result = run(QUIET + ["sh", "-c", "cat; echo oops >&2"], stdin=text)
    check(result.out == text, "stdout: %d bytes, wanted %d" % (len(result.out), len(text)))
    equal(result.err, "oops\n", "stderr")


@test("words behind the command are the command's, with or without --")
def words():
    for options in (["--"], []):
        result = run([CONNTRACE, "-q", "-o", "/dev/null"] + options + ["printf", "%s,", "-p", "1", "--json", "-z", ""])
        equal(result.out, "-p,1,--json,-z,,", "words")


def inherited(before, ignored=(), blocked=()):
    def prepare():
        for number in ignored:
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    out = scratch("inherited")
    extra = os.open("/dev/zero", os.O_RDONLY)
    try:
        with open(out, "wb") as stdout, open("/dev/null", "r+b") as null:
            process = Process(before + [sys.executable, "-c", INHERITED, "-a", "b c"], stdin=null, stdout=stdout,
                              preexec_fn=prepare, pass_fds=[extra], restore_signals=False)
            require(process.wait() == 0, process.err)
    finally:
        os.close(extra)
    # Each run has output files of its own.
    return re.sub(r"/\d+-(inherited|err) ", r"/\1 ", read_file(out)).splitlines()


@test("arguments, environment, descriptors, signal mask and dispositions, limits and identity are unchanged")
def world():
    for ignored, blocked in (((), ()), ((signal.SIGINT, signal.SIGHUP, signal.SIGPIPE, signal.SIGCHLD), ()),
                             ((), (signal.SIGUSR1, signal.SIGTERM, signal.SIGCHLD, signal.SIGRTMIN))):
        without, traced = inherited([], ignored, blocked), inherited(QUIET, ignored, blocked)
        for before, after in zip(without, traced):
            if not before.startswith("environ"):
                equal(after, before, "ignored %s, blocked %s" % (ignored, blocked))
            else:
                # The shell's own _ names what was started.
                check(after == before, "environment: %s\nwithout conntrace: %s" % (after, before))
        equal(len(traced), len(without), "number of lines:\n%s\n---\n%s\n" % ("\n".join(without), "\n".join(traced)))


def on_terminal(argv, typed):
    """Runs argv on a terminal of its own; typed is [(text to wait for, bytes to type then)]. Return: status, output."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(argv[0], argv)
    output = ""
    try:
        for text, answer in list(typed) + [(None, b"")]:
            while text is None or text not in output:
                ready, _, _ = select.select([terminal], [], [], 60)
                require(ready, "nothing came on the terminal: %r" % output)
                try:
                    piece = os.read(terminal, 4096).decode(errors="replace")
                except OSError:    # EIO: the other side is gone
                    piece = ""
                if not piece:
                    require(text is None, "the terminal closed before %r: %r" % (text, output))
                    break
                output += piece
            os.write(terminal, answer)
        _, status = os.waitpid(pid, 0)
        return os.waitstatus_to_exitcode(status), output
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise
    finally:
        os.close(terminal)


@test("SIGINT from the terminal goes to the command, which is waited for")
def terminal_sigint():
    rows = scratch("rows")
    conntrace = [CONNTRACE, "-z", "conns", "-o", rows, "--"]
    status, output = on_terminal(conntrace + ["sh", "-c", 'trap "echo caught; exit 7" INT; echo ready; while :; do '
                                              'sleep 0.1; done'], [("ready", b"\x03")])
    check("caught" in output, "the command got the signal: %r" % output)
    equal(status, 7, "exit status")
    check("RADDR" in read_file(rows), "the report was printed: %r" % read_file(rows))
    # One that ignores it runs on, and so does conntrace.
    status, output = on_terminal(conntrace + ["sh", "-c", 'trap "" INT; echo ready; read line; echo "read $line"; '
                                              'exit 5'], [("ready", b"\x03"), ("^C", b"word\n")])
    check("read word" in output, "the command ran on: %r" % output)
    equal(status, 5, "exit status")
    status, output = on_terminal(conntrace + ["sh", "-c", "echo ready; exec sleep 20"], [("ready", b"\x03")])
    equal(status, -signal.SIGINT, "status when the command died of it")


@test("threads, children and exec'd programs are followed")
def followed():
    rows, truth = launch(["listen=127.0.0.1:0", "threads=1", "connect=self", "close", "done", "join",
                          "fork=1", "connect=self", "close", "done", "join", "count=2", "accept", "close", "done",
                          "exec", "connect=self", "close", "accept4", "close"])
    equal(len(truth), 6, "connections in the scenario")
    equal(len(rows), 6, "rows")
    for fact in truth:
        row = find_row(rows, fact)
        equal((row["pid"], row["tid"], row["fd"], row["comm"]), (fact["pid"], fact["tid"], fact["fd"], "mkconn"),
              "pid, tid, fd, comm of " + short(row))
    check(len({fact["pid"] for fact in truth}) == 2 and len({fact["tid"] for fact in truth}) == 3, "3 threads, 2 pids")


@test("a program started by a shell is named, not the shell")
def names():
    truth = scratch("truth")
    trace = Trace([], ["sh", "-c", '"$0" truth=%s listen=127.0.0.1:0 connect=self close; exec "$0" truth=%s '
                       'listen=127.0.0.1:0 connect=self close' % (truth, truth), MKCONN])
    rows = trace.finish()
    equal([row["comm"] for row in rows if row["dir"] == "out"], ["mkconn", "mkconn"], "comm")
    equal({row["exe"] for row in rows if row["dir"] == "out"}, {MKCONN}, "exe")


@test("what the command leaves running is followed to its end")
def background():
    truth, begun = scratch("truth"), scratch("begun")
    trace = Trace([], ["sh", "-c", '"$0" truth=%s touch=%s wait-stdin listen=127.0.0.1:0 connect=self send=10 close '
                       '<&3 & exec 3<&-; exit 3' % (truth, begun), MKCONN], **piped_as_3())
    trace.popen.stdin.close()
    rows = trace.finish(3)
    fact = read_truth(truth)
    equal([t["result"] for t in fact], ["ok"], "the scenario of the one in the background")
    equal([row["result"] for row in rows if row["dir"] == "out"], ["ok"], "its rows")


def piped_as_3():
    """Standard input, a pipe, as descriptor 3 too."""
    import subprocess
    return {"stdin": subprocess.PIPE, "preexec_fn": lambda: os.dup2(0, 3, inheritable=True), "close_fds": False}


@test("many short-lived children, while packets are captured too: the run ends when they have")
def short_lived():
    # The first stop and the end of a child may be reported before its parent's fork.
    script = "for j in 1 2 3 4 5 6 7 8; do (i=0; while [ $i -lt 60 ]; do (:); i=$((i + 1)); done) & done; wait; exit 9"
    in_namespace = ["unshare", "-Urn", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    options = ["-i", "lo"] if run(in_namespace + ["true"]).status == 0 else []
    result = run((in_namespace if options else []) + QUIET[:-1] + options + ["--", "sh", "-c", script], limit=60)
    equal(result.status, 9, "exit status (%s)" % result.err)


@test("--no-follow: a child's connections are not shown, and the child is not harmed")
def no_follow():
    rows, truth = launch(["listen=127.0.0.1:0", "fork=1", "connect=self", "send=10", "close", "done", "join",
                          "connect=self", "close"], ["--no-follow"])
    equal([t["result"] for t in truth], ["ok", "ok"], "what the scenario says")
    equal(truth[0]["tx_bytes"], 10, "what the child sent")
    mine = [row for row in rows if row["pid"] == truth[1]["pid"]]
    equal(len(mine), 1, "rows of the command itself")
    equal([row for row in rows if row["pid"] == truth[0]["pid"]], [], "rows of its child")


@test("stopped and continued, as without conntrace")
def stopped():
    ready = scratch("ready")
    trace = Trace([], ["sh", "-c", "echo $$ > %s.new; mv %s.new %s; read line; exit 4" % (ready, ready, ready)],
                  **piped_as_3())
    pid = int(wait_file(ready))
    os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: status_field(pid, "State")[:1] in ("T", "t"), "the command to stop")
    trace.line()
    # It is "t" for the tracer first, which resumes it into the stop; not stopped, it would end.
    wait_for(lambda: status_field(pid, "State")[:1] in ("T", "t"), "the command to stay stopped")
    check(trace.alive(), "it stays stopped")
    os.kill(pid, signal.SIGCONT)
    trace.finish(4)


@test("conntrace killed: the launched command is killed too, with --no-filter it survives")
def tracer_killed():
    for options, survives in (([], False), (["--no-filter"], True)):
        ready, after = scratch("ready"), scratch("after")
        trace = Trace(options, [MKCONN, "listen=127.0.0.1:0", "port-file=" + ready, "fork=1",
                                "touch=" + after + ".fork", "wait-stdin", "connect=self", "touch=" + after, "done",
                                "wait-stdin"], **piped_as_3())
        wait_file(after + ".fork")
        children = lib.children(trace.pid)
        require(len(children) >= 1, "no child of conntrace")
        trace.signal(signal.SIGKILL)
        equal(trace.wait(), -signal.SIGKILL, "conntrace's end")
        try:
            trace.line()
            trace.line()
        except BrokenPipeError:
            check(not survives, "there is no reader any more")
        if survives:
            wait_for(lambda: os.path.exists(after), "the command to make its connection")
        else:
            wait_for(lambda: all(status_field(p, "State")[:1] in ("", "Z", "X") for p in children),
                     "the command's end")
            check(not os.path.exists(after), "it did nothing afterwards")


@test("-u runs the command as another user")
def other_user():
    if os.getuid() != 0:
        raise Skip("only root can become another user")
    for name in (pwd.getpwuid(NOBODY).pw_name, str(NOBODY)):
        result = run([CONNTRACE, "-q", "-o", "/dev/null", "-u", name, "--", "sh", "-c",
                      "id -u; id -g; id -G; grep ^Cap /proc/self/status"])
        equal(result.status, 0, "exit status (%s)" % result.err)
        lines = result.out.split("\n")
        equal(lines[0], str(NOBODY), "uid")
        check(lines[1] not in ("0", "") and "0" not in lines[2].split(), "no group of root's: %r" % lines[1:3])
        check("CapEff:\t0000000000000000" in lines, "no capabilities: %r" % lines)
    equal(run([CONNTRACE, "-u", "no-such-user", "--", "true"]).status, 2, "status for a user that is not")


@test("an ordinary user needs nothing more")
def ordinary():
    truth = scratch("truth")
    rows = scratch("rows")
    result = run(as_nobody() + [CONNTRACE, "-z", "conns", "--format=json", "-o", rows, "--", MKCONN, "truth=" + truth,
                                "listen=127.0.0.1:0", "fork=1", "accept4", "recv-all", "close", "done", "connect=self",
                                "send=1000", "close"])
    equal(result.status, 0, "exit status (%s)" % result.err)
    check(read_file(rows).count('"ok"') >= 2, "both ends in the rows: " + read_file(rows))


@test("the same scenarios end in the same way with and without conntrace")
def differential():
    port = "127.0.0.1:1"
    scenarios = {
        "refused": ["connect=" + port, "close", "nonblock", "connect=" + port, "poll", "so-error", "close"],
        "other sockets": ["udp=127.0.0.1:9", "unix=/nonexistent", "connect=" + port],
        "threads and forks": ["listen=127.0.0.1:0", "threads=3", "connect=self", "send=70000", "recv-all", "close",
                              "done", "fork=2", "accept4", "recv=70000", "send=5", "close", "done", "accept-null",
                              "recv=70000", "send=5", "close"],
        "reset": ["listen=127.0.0.1:0", "fork=1", "accept", "recv=10", "rst", "done", "connect=self", "send=10",
                  "recv-all", "send=10", "close"],
        "exec": ["listen=127.0.0.1:0", "connect=self", "exec", "send=3", "cloexec", "keep", "accept", "recv=3", "close",
                 "exit=9"],
        "killed": ["listen=127.0.0.1:0", "connect=self", "kill9"],
    }
    for name, words in scenarios.items():
        seen = []
        for before in ([], QUIET):
            truth = scratch("truth")
            result = run(before + [MKCONN, "truth=" + truth] + words)
            seen.append((result.status, result.out, result.err, facts_of(read_truth(truth))))
        equal(seen[1], seen[0], name)


if __name__ == "__main__":
    need("sh")
    main()
