#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A watched program sees, does and ends as an unwatched one: each scenario with and without conntrace, in each mode.

Without ALL=1 in the environment the modes take turns.
"""
import os
import select
import signal
import socket
import subprocess
import sys
import time

from lib import (CONNTRACE, MKCONN, Process, attach, check, enter_namespace, equal, facts_of, firewall, firewall_off,
                 main, need, read_truth, require, run, scratch, short_timeouts, status_field, sysctl, tasks, test, tracer_of,
                 wait_file, wait_for)
from modes import FILTERED, THREADS, UNTRACED, Play, compare, modes, play, play_at_once, some_modes, written

DENY = os.path.join(os.path.dirname(MKCONN), "deny")
HERE = "127.0.0.1"

# What a program can find out about itself, a line each.
WORLD = r"""
import ctypes, os, resource, sys
print("argv", sys.argv[1:])
print("environ", sorted(os.environ.items()))
print("cwd", os.getcwd(), "umask %o" % os.umask(0o22), "groups", sorted(os.getgroups()))
print("leads", os.getsid(0) == os.getpgrp())
print("scheduling", os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0), sorted(os.sched_getaffinity(0)))
libc = ctypes.CDLL(None)
value = ctypes.c_int(77)
for name, number in (("death signal", 2), ("subreaper", 37)):
    libc.prctl(number, ctypes.byref(value), 0, 0, 0)
    print(name, value.value)
for name, number in (("dumpable", 3), ("keep caps", 7), ("securebits", 27), ("timer slack", 30), ("huge pages", 42)):
    print(name, libc.prctl(number, 0, 0, 0, 0))
print("io priority", libc.syscall(252 if os.uname().machine == "x86_64" else 31, 1, 0))
print("personality", libc.personality(0xffffffff))
for name in sorted(n for n in dir(resource) if n.startswith("RLIMIT_")):
    print(name, resource.getrlimit(getattr(resource, name)))
NECESSARY = ("Pid", "Tgid", "Ngid", "PPid", "TracerPid", "NSpid", "NStgid", "NSpgid", "NSsid", "NoNewPrivs", "Seccomp",
             "Seccomp_filters", "FDSize", "voluntary_ctxt_switches", "nonvoluntary_ctxt_switches", "State", "Kthread")
for line in open("/proc/self/status"):
    name, value = line.strip().split(":", 1)
    if name not in NECESSARY and not name.startswith(("Vm", "Rss")):
        if name in ("SigBlk", "SigIgn", "SigCgt"):
            value = "%x" % (int(value, 16) & ~(3 << 31))    # 32 and 33 are the C library's own
        print(name, value.strip())
for name in ("oom_score_adj", "coredump_filter", "cgroup", "loginuid", "uid_map"):
    try:
        print(name, open("/proc/self/" + name).read().strip())
    except OSError as error:
        print(name, error.errno)
for name in sorted(os.listdir("/proc/self/ns")):
    print(name, os.readlink("/proc/self/ns/" + name))
auxv = open("/proc/self/auxv", "rb").read()
for at in range(0, len(auxv), 16):
    key = int.from_bytes(auxv[at:at + 8], sys.byteorder)
    if key in (11, 12, 13, 14, 17, 23):
        print("auxv", key, int.from_bytes(auxv[at + 8:at + 16], sys.byteorder))
print("children", open("/proc/self/task/%d/children" % os.getpid()).read())
try:
    os.waitpid(-1, os.WNOHANG)
    print("a child")
except ChildProcessError:
    print("no child")
for name in sorted(os.listdir("/proc/self/fd"), key=int):
    try:
        flags = open("/proc/self/fdinfo/" + name).read().split("\n")[1]
        target = os.readlink("/proc/self/fd/" + name)
        print("fd", name, target if target.startswith("/dev") else target.split(":")[0].split("-")[-1], flags)
    except FileNotFoundError:
        pass
"""

# Signals a program gets, and what they interrupt.
SIGNALS = r"""
import ctypes, errno, os, select, signal, socket, threading, time
got = []
for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGPIPE, signal.SIGURG, signal.SIGWINCH,
               signal.SIGCONT, signal.SIGTSTP, signal.SIGRTMIN + 3):
    signal.signal(number, lambda number, frame: got.append(number))
pid = os.getpid()
for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGURG, signal.SIGTSTP, signal.SIGCONT, signal.SIGRTMIN + 3):
    for _ in range(20):
        os.kill(pid, number)
        signal.pthread_kill(threading.get_ident(), number)
counts = {int(n): got.count(n) for n in set(got)}
print("counts", sorted(counts.items()))
reader, writer = os.pipe()
os.close(reader)
try:
    os.write(writer, b"x")
except BrokenPipeError:
    print("EPIPE", signal.SIGPIPE in got)
# Queued and blocked ones, with their origin.
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGRTMIN + 3])
for _ in range(3):
    os.kill(pid, signal.SIGUSR1)
    os.kill(pid, signal.SIGRTMIN + 3)
for _ in range(4):
    info = signal.sigtimedwait([signal.SIGUSR1, signal.SIGRTMIN + 3], 2)
    print("waited", info.si_signo, info.si_code, info.si_pid == pid)
print("left", signal.sigtimedwait([signal.SIGUSR1, signal.SIGRTMIN + 3], 0))
# What a timer interrupts: seen below Python, which would go on by itself.
libc = ctypes.CDLL(None, use_errno=True)
for restart in (False, True):
    def handler(number, frame):
        got.append(number)
    signal.signal(signal.SIGALRM, handler)
    signal.siginterrupt(signal.SIGALRM, not restart)
    reader, writer = os.pipe()
    buffer = ctypes.create_string_buffer(1)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    begin = time.monotonic()
    print("poll", libc.poll(None, 0, 200 if restart else 5000), errno.errorcode.get(ctypes.get_errno()))
    print("in time", time.monotonic() - begin < 2)
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen()
signal.siginterrupt(signal.SIGALRM, True)
signal.setitimer(signal.ITIMER_REAL, 0.05)
ctypes.set_errno(0)
print("accept", libc.accept(listener.fileno(), None, None), errno.errorcode.get(ctypes.get_errno()))
client = socket.create_connection(listener.getsockname())
server, _ = listener.accept()
signal.setitimer(signal.ITIMER_REAL, 0.05)
ctypes.set_errno(0)
print("recv", libc.recv(server.fileno(), buffer, 1, 0), errno.errorcode.get(ctypes.get_errno()))
client.send(b"u", socket.MSG_OOB)
"""

# A parent that listens to every word about its children.
PARENT = r"""
import os, signal, sys, time
seen = []
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])

def next_change(pid):
    # SIGCHLD is not queued: one may stand for two, so the change itself is asked for; it must be announced, though.
    info = signal.sigtimedwait([signal.SIGCHLD], 5)
    return info is not None

def child(action):
    pid = os.fork()
    if pid == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
        action()
        os._exit(99)
    return pid

def report(what, pid):
    options = os.WEXITED | os.WSTOPPED | os.WCONTINUED
    announced = next_change(pid)
    peek = os.waitid(os.P_PID, pid, options | os.WNOWAIT)
    again = os.waitid(os.P_PID, pid, options)
    print(what, announced, peek.si_code, peek.si_status, peek.si_uid, (again.si_code, again.si_status) ==
          (peek.si_code, peek.si_status), peek.si_pid == pid, flush=True)

report("exit", child(lambda: os._exit(7)))
report("kill", child(lambda: os.kill(os.getpid(), signal.SIGKILL)))
report("term", child(lambda: os.kill(os.getpid(), signal.SIGTERM)))

going, go = os.pipe()

def stopper():
    os.kill(os.getpid(), signal.SIGSTOP)
    os.read(going, 1)
    os.kill(os.getpid(), signal.SIGTSTP)
    os._exit(3)

pid = child(stopper)
report("stopped", pid)
os.kill(pid, signal.SIGCONT)
report("continued", pid)
os.write(go, b"x")
# An orphaned process group does not stop for SIGTSTP; whether ours is one is not the question here.
info = os.waitid(os.P_PID, pid, os.WEXITED | os.WSTOPPED)
if info.si_code == os.CLD_STOPPED:
    os.kill(pid, signal.SIGCONT)
    info = os.waitid(os.P_PID, pid, os.WEXITED)
print("end", info.si_code, info.si_status)

def threads_then_exec():
    import threading
    threading.Thread(target=time.sleep, args=(0.05,)).start()
    os.execvp("sh", ["sh", "-c", "exit 11"])

report("exec from threads", child(threads_then_exec))
while signal.sigtimedwait([signal.SIGCHLD], 0):
    pass
# waitpid(-1), the shell's loop, WNOHANG in between.
pids = {child(lambda number=number: os._exit(number)): number for number in range(20)}
ends = {}
while pids:
    pid, status = os.waitpid(-1, os.WUNTRACED)
    ends[pids.pop(pid)] = os.waitstatus_to_exitcode(status)
print("loop", sorted(ends.items()))
try:
    os.waitpid(-1, 0)
except ChildProcessError:
    print("no more")
# A handler that counts, one child after the other.
count = 0
def handler(number, frame):
    global count
    count += 1
signal.signal(signal.SIGCHLD, handler)
while signal.sigtimedwait([signal.SIGCHLD], 0):
    pass
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
for number in range(15):
    before = count
    pid = child(lambda: os._exit(0))
    end = time.monotonic() + 5
    while count == before and time.monotonic() < end:
        time.sleep(0.001)
    os.waitpid(pid, 0)
print("handler", count)
# Ignored: no child is left to wait for.
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
child(lambda: os._exit(1))
try:
    os.waitpid(-1, 0)
    print("a zombie")
except ChildProcessError:
    print("reaped by itself")
# A grandchild that a subreaper inherits.
signal.signal(signal.SIGCHLD, signal.SIG_DFL)
import ctypes
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
reader, writer = os.pipe()
pid = child(lambda: os.fork() or (os.read(reader, 1), os._exit(5)))
print("middle", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
os.write(writer, b"x")
pid, status = os.waitpid(-1, 0)
print("grandchild", os.waitstatus_to_exitcode(status))
# vfork, as posix_spawn does it.
pid = os.posix_spawn("/bin/sh", ["sh", "-c", "exit 12"], os.environ)
print("spawned", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""

# The kernel's strict mode: read, write, exit, sigreturn and nothing else.
STRICT = r"""
import ctypes, os
libc = ctypes.CDLL(None)
libc.prctl(22, 1, 0, 0, 0)
libc.write(1, b"strict\n", 7)
libc.getppid()
libc.write(1, b"alive\n", 6)
"""

REFUSED = "connect=%s:1" % HERE
AT_ONCE = 4
SCENARIOS = {
    "accept in all ways": ["listen=127.0.0.1:0", "fork=4", "connect=self", "send=5", "recv-all", "close", "done",
                           "accept", "recv=5", "close", "accept4", "recv=5", "close",
                           "accept-null", "recv=5", "close", "accept4-null", "recv=5", "close", "join"],
    "IPv6": ["listen=[::1]:0", "connect=self", "send=5", "keep", "accept", "recv=5", "close"],
    "both families": ["listen=[::]:0", "fork=1", "accept", "recv-all", "send=9", "close", "done", "connect=self",
                      "send=70000", "shutdown", "recv=9", "close", "join"],
    "refused": [REFUSED, "close", "nonblock", REFUSED, "poll", "so-error", "close", "block", REFUSED, "close"],
    "timed out": ["connect=127.0.0.1:7", "close", "nonblock", "connect=127.0.0.1:7", "poll", "so-error", "close"],
    "unreachable": ["connect=198.51.100.1:9", "close", "nonblock", "connect=198.51.100.1:9", "close"],
    "abandoned": ["nonblock", "connect=127.0.0.1:7", "abandon"],
    "abandoned by exit": ["nonblock", "connect=127.0.0.1:7", "exit=5"],
    "other sockets": ["udp=127.0.0.1:9", "unix=/nonexistent", REFUSED, "close"],
    "half closed": ["listen=127.0.0.1:0", "fork=1", "accept", "recv-all", "send=3", "shutdown-both", "close", "done",
                    "connect=self", "send=100000", "shutdown", "recv-all", "close", "join"],
    "reset by the peer": ["listen=127.0.0.1:0", "fork=1", "accept", "recv=10", "rst", "done", "connect=self", "send=10",
                          "recv-all", "send=10", "close", "join"],
    "unread at close": ["listen=127.0.0.1:0", "fork=1", "accept", "wait-bytes=10", "close", "done", "connect=self",
                        "send=10", "recv-all", "close", "join"],
    "ways to close": ["listen=127.0.0.1:0", "fork=1", "count=3", "accept", "recv-all", "close", "done", "done",
                      "connect=self", "send=1", "close", "connect=self", "send=1", "dup2-over", "connect=self", "send=1",
                      "close-range", "join"],
    "threads and forks": ["listen=127.0.0.1:0", "threads=3", "connect=self", "send=70000", "recv-all", "close", "done",
                          "fork=2", "accept4", "recv=70000", "send=5", "close", "done", "accept-null", "recv=70000",
                          "send=5", "close", "join"],
    "exec": ["listen=127.0.0.1:0", "connect=self", "exec", "send=3", "cloexec", "keep", "accept", "recv=3", "close",
             "exit=9"],
    "connected again": ["listen=127.0.0.1:0", REFUSED, "again", "connect=self", "send=3", "disconnect", "connect=self", "send=4", "close", "accept",
                        "recv=3", "close", "accept", "recv=4", "close"],
    "moved": ["listen=127.0.0.1:0", "fork=1", "count=4", "accept4", "recv=5", "send=2", "recv-all", "close", "done", "done",
              "connect=self", "moved=dup", "send=5", "recv=2", "close", "connect=self", "moved=dup2", "send=5", "recv=2",
              "close", "connect=self", "moved=fcntl-cloexec", "send=5", "recv=2", "close", "connect=self", "moved=pidfd",
              "send=5", "recv=2", "close", "join"],
    "passed": ["listen=127.0.0.1:0", "channel", "fork=1", "take-cloexec", "recv=10", "send=20", "recv-all", "close", "done",
               "fork=1", "connect=self", "send=15", "recv=20", "close", "done", "accept", "recv=5", "pass", "join"],
    "passed, inherited by accident": ["listen=127.0.0.1:0", "channel", "fork=1", "take", "recv=10", "send=20", "recv-all",
                                      "exit=0", "done", "fork=1", "connect=self", "send=15", "recv=20", "close", "done",
                                      "accept", "recv=5", "pass", "join"],
    "Fast Open": ["fastopen", "listen=127.0.0.1:0", "fork=1", "count=6", "accept", "recv=10", "send=5", "recv-all", "close",
                  "done", "done", "count=3", "fast=sendto:10", "connect=self", "recv=5", "close", "done", "count=3",
                  "fast=connect:0", "connect=self", "send=10", "recv=5", "close", "done", "join"],
    "killed": ["listen=127.0.0.1:0", "connect=self", "kill9"],
    "raised": ["listen=127.0.0.1:0", "connect=self", "raise=15"],
}


@test("each scenario ends the same: results, errnos, bytes, who ended it, exit status")
def scenarios():
    firewall("tcp dport 7 drop")
    short_timeouts()
    sysctl("net.ipv4.tcp_fastopen", 3)
    run(["ip", "route", "add", "unreachable", "198.51.100.0/24"])
    # Several at once, because some wait for time-outs.
    names = list(SCENARIOS)
    for first in range(0, len(names), AT_ONCE):
        truth = {(name, mode): scratch("truth") for name in names[first:first + AT_ONCE]
                 for mode in [UNTRACED] + some_modes()}
        said = play_at_once({key: [MKCONN, "truth=" + path] + SCENARIOS[key[0]] for key, path in truth.items()},
                            lambda key: key[1])
        seen = {key: said[key] + (facts_of(read_truth(path)),) for key, path in truth.items()}
        for (name, mode), what in seen.items():
            wanted = seen[name, UNTRACED]
            check(wanted[3], "%s is a scenario: %r" % (name, wanted))
            equal(what, wanted, "%s, %s" % (name, mode))
    firewall_off()


@test("the program finds the same world: environment, descriptors, limits, masks, priorities, namespaces, no child")
def world():
    null = os.open("/dev/null", os.O_RDWR)
    program = [sys.executable, written(WORLD, "world"), "-a", "b c"]

    def odd():
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE):
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, [signal.SIGUSR1, signal.SIGTERM, signal.SIGCHLD, signal.SIGRTMIN])
        os.nice(3)
        os.sched_setaffinity(0, {0})
        os.setsid()

    def found(mode, prepare):
        status, out, err = play(mode, program, preexec_fn=prepare, restore_signals=False, pass_fds=[null])
        require(status == 0, err)
        return out.splitlines()

    for prepare in (None, odd):
        untraced = found(UNTRACED, prepare)
        for mode in some_modes():
            traced = found(mode, prepare)
            for before, after in zip(untraced, traced):
                equal(after, before, mode)
            equal(len(traced), len(untraced), "lines, " + mode)
    os.close(null)


@test("signals: as many, from the same, interrupting the same")
def signals():
    compare([sys.executable, written(SIGNALS, "signals")], "signals")


@test("a parent hears the same of its children: SIGCHLD, WNOWAIT, WUNTRACED, WCONTINUED, waitpid(-1), subreaper, vfork")
def parent():
    status, out, err = compare([sys.executable, written(PARENT, "parent")], "the parent")
    equal((status, "reaped by itself" in out, "spawned 12" in out), (0, True, True), "untraced: %r %r" % (out, err))


@test("a parent outside hears the same of the program: stopped, continued, ended")
def outside():
    heard = {}
    for mode in [UNTRACED] + [m for m in modes() if m.startswith("attached")]:
        # It lives until it was heard to go on: of a zombie waitid(2) tells nothing else.
        scenario = Play(mode, [sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGSTOP); input(); "
                            "os._exit(6)"], stdin=subprocess.PIPE)
        scenario.begin()
        pid, heard[mode] = scenario.process.pid, []
        options = os.WEXITED | os.WSTOPPED | os.WCONTINUED
        for number in (signal.SIGCONT, None):
            info = os.waitid(os.P_PID, pid, options | os.WNOWAIT)
            heard[mode].append((info.si_code, info.si_status))
            if number is None:
                break
            os.waitid(os.P_PID, pid, options & ~os.WEXITED)
            os.kill(pid, number)
            info = os.waitid(os.P_PID, pid, os.WCONTINUED)
            heard[mode].append((info.si_code, info.si_status))
            scenario.process.line()
        equal(scenario.end()[0], 6, "exit status, " + mode)
        equal(heard[mode], heard[UNTRACED], mode)


@test("a FIN leaves at close, while the program lives on")
def fin_in_time():
    rounds = 100
    for mode in some_modes():
        port = scratch("port")
        server = Play(mode, [MKCONN, "listen=127.0.0.1:0", "port-file=" + port, "count=%d" % rounds, "accept4", "recv=1",
                             "close", "done", "accept", "close"]).begin()
        number = int(wait_file(port))
        late = 0
        for _ in range(rounds):
            with socket.create_connection((HERE, number), 10) as client:
                client.sendall(b"x")
                begin = time.monotonic()
                ready, _, _ = select.select([client], [], [], 5)
                require(ready and client.recv(1) == b"", "no FIN within 5 s, " + mode)
                late += time.monotonic() - begin > 0.5
        equal(late, 0, "FINs that took more than half a second, " + mode)
        socket.create_connection((HERE, number), 10).close()
        equal(server.end()[0], 0, mode)


@test("a listener's port is free as soon as it is closed")
def port_free():
    text = ("import socket\nport = 0\nfor _ in range(100):\n  s = socket.socket()\n  s.bind(('127.0.0.1', port))\n"
            "  port = s.getsockname()[1]\n  s.listen()\n  s.close()\nprint('free')\n")
    equal(compare([sys.executable, "-c", text], "binding again")[1], "free\n", "untraced")


def is_stopped(pid):
    """A stop of a traced thread may be one of its tracer's: several looks tell."""
    time.sleep(0.001)
    return all(status_field(pid, "State", task)[:1] in "Tt" for task in tasks(pid))


@test("stopped and continued by others, a hundred times, at any moment")
def stop_and_go():
    for mode in some_modes():
        port = scratch("port")
        pid_file = scratch("pid")
        server = Play(mode, ["sh", "-c", 'echo $$ > %s.new; mv %s.new %s; exec "$@"' % ((pid_file,) * 3), "sh", MKCONN,
                             "listen=127.0.0.1:0", "port-file=" + port, "threads=2", "count=100", "accept4", "recv=1",
                             "send=1", "recv-all", "close", "done", "done", "join", "exit=4"]).begin()
        number, pid = int(wait_file(port)), int(wait_file(pid_file))
        for turn in range(100):
            os.kill(pid, signal.SIGSTOP)
            if turn % 10 == 0:
                wait_for(lambda: all(is_stopped(pid) for _ in range(10)), "the program to stop, " + mode)
            clients = [socket.create_connection((HERE, number), 10) for _ in range(2)]
            for client in clients:
                client.sendall(b"x")
            if turn % 10 == 0:
                check(not select.select(clients, [], [], 0.02)[0], "it serves although it is stopped, " + mode)
            os.kill(pid, signal.SIGCONT)
            for client in clients:
                client.settimeout(10)
                check(client.recv(1), "an answer, " + mode)
                client.close()
        equal(server.end()[0], 4, "exit status, " + mode)


@test("a program with a stricter filter of its own: refused calls are refused, strict mode kills where it would")
def own_filter():
    for calls in (["connect=EACCES"], ["accept4=EPERM", "getsockopt=ENOSYS"], ["close=EIO"]):
        argv = [DENY] + calls + ["--", MKCONN, "limit=2", "listen=127.0.0.1:0", "connect=self", "send=5", "keep",
                                 "accept4", "recv=5", "close"]
        chosen = some_modes()
        said = play_at_once({mode: argv for mode in [UNTRACED] + chosen})
        for mode in chosen:
            equal(said[mode], said[UNTRACED], "with %s, %s" % (calls, mode))
    # A process under a filter has no strict mode any more (seccomp(2)), so not where conntrace has set one.
    unfiltered = [mode for mode in modes() if mode not in FILTERED]
    seen = compare([sys.executable, written(STRICT, "strict")], "strict mode", unfiltered)
    equal(seen[:2], (-signal.SIGKILL, "strict\n"), "untraced")


@test("150 threads, attached in the middle and all the time: none is starved")
def many_threads():
    program = [sys.executable, written(THREADS, "threads"), "150"]
    equal(compare(program, "150 threads", limit=150)[:2], (42, "150 11175\n"), "untraced")
    target = Process(program)
    wait_for(lambda: len(os.listdir("/proc/%d/task" % target.pid)) > 50, "50 threads")
    trace = Process([CONNTRACE, "-q", "-o", "/dev/null", "--via=ptrace", "-p", str(target.pid)])
    equal((target.wait(60), target.out), (42, "150 11175\n"), "attached in the middle")
    # It may have come too late.
    check(trace.wait(60) in (0, 1), "conntrace's status: " + trace.err)


@test("let go in the middle: nothing is interrupted, descriptors and threads are what they were")
def let_go():
    port = scratch("port")
    server = Process([MKCONN, "listen=127.0.0.1:0", "port-file=" + port, "threads=4", "forever", "accept4", "recv=1",
                      "send=1", "recv-all", "close", "done", "done", "join"])
    number = int(wait_file(port))
    wait_for(lambda: len(os.listdir("/proc/%d/task" % server.pid)) == 5, "its threads")
    before = sorted(os.listdir("/proc/%d/fd" % server.pid))
    for _ in range(10):
        trace = attach([server.pid])
        for _ in range(5):
            with socket.create_connection((HERE, number), 10) as client:
                client.sendall(b"x")
                check(client.recv(1), "an answer")
        trace.interrupt()
        wait_for(lambda: tracer_of(server.pid) == 0, "it to be let go")
    wait_for(lambda: sorted(os.listdir("/proc/%d/fd" % server.pid)) == before, "its descriptors to be the same")
    equal(len(os.listdir("/proc/%d/task" % server.pid)), 5, "threads")
    equal(status_field(server.pid, "Seccomp"), "0", "no filter is left in it")
    check(server.alive(), "it lives")


if __name__ == "__main__":
    enter_namespace()
    main()
