#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--via=perf: each connect(2) of processes that are not stopped, as an ordinary user."""
import collections
import os
import re
import signal
import socket
import subprocess
import sys
import time

import at_once
import lib
from lib import (CONNTRACE, MKCONN, Process, Skip, as_nobody, by_perf, check, equal, free_port, need, read_truth, run, scratch, short,
                 status_field, test, tracer_of, wait_file, wait_for, write_file)
from watched import Target, finish


def server(address="127.0.0.1"):
    port = scratch("port")
    words = ["limit=150", "listen=%s:0" % address, "backlog=512", "port-file=" + port, "forever", "accept4", "recv-all", "close", "done"]
    return Process([MKCONN] + words), int(wait_file(port))


class Client(Target):
    """A mkconn that begins when line() is called."""

    def __init__(self, words, **keywords):
        super().__init__(["wait-stdin"] + list(words), listen=None, stdin=subprocess.PIPE, **keywords)


OLDER = """
import socket, sys
stream, datagram = socket.socket(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
print("ready", flush=True)
sys.stdin.readline()
datagram.connect(("127.0.0.1", int(sys.argv[1])))
stream.connect_ex(("127.0.0.1", int(sys.argv[1])))
sys.stdin.readline()
"""
KEYS = ("dir", "pid", "tid", "fd", "raddr", "rport")


def identity(row, with_errno=True):
    """What a breakpoint reports."""
    return tuple(row[key] for key in KEYS) + ((row["errno"] or "0",) if with_errno else ())


def compare(rows, truth):
    """A row for each connection, and no other."""
    got, wanted = collections.Counter(map(identity, rows)), collections.Counter(map(identity, truth))
    check(got == wanted, "too many: %s; missing: %s" % (list((got - wanted).items())[:5], list((wanted - got).items())[:5]))
    equal(rows.summary["lost"]["ring"], 0, "lost records")
    equal(rows.summary["stops"], 0, "stops")


def need_all_reports(rows):
    """Skips the test where storms of other programs of this host have left no room for the ends of its sockets."""
    if rows.summary["lost"]["netlink"] != 0:
        raise Skip("the kernel's reports were lost: %s" % rows.summary["lost"])


def play(words, target=Client, options=(), **keywords):
    """Return: the rows and the truth of a client that ends."""
    client = target(words, **keywords)
    trace = by_perf([client.pid], options)
    client.line()
    equal(client.wait(), 0, "the client's end")
    return trace.finish(), client.truth()


@test("threads that connect, a third refused: each with process, thread, descriptor, errno and address")
def short_ones():
    _, port = server()
    refused = free_port()
    rows, truth = play(["threads=4", "count=50", "connect=127.0.0.1:%d" % port, "close", "connect=127.0.0.1:%d" % port, "close",
                        "connect=127.0.0.1:%d" % refused, "close", "done", "done", "join"])
    equal(len(truth), 600, "connections")
    compare(rows, truth)
    equal({row["seen"] for row in rows} - {"h", "kh"}, set(), "evidence")
    # The name is read after the first record: a program that has ended before conntrace got the processor has none.
    for row in rows:
        if not check(row["comm"] in ("mkconn", None) and (row["result"] == "ok") == (row["rport"] == port), short(row)):
            break


BOTH = """
import socket, sys
listener = socket.create_server(("127.0.0.1", 0), backlog=64)
print("ready", flush=True)
sys.stdin.readline()
for _ in range(20):
    client = socket.create_connection(listener.getsockname())
    served = listener.accept()[0]
    client.close()
    served.close()
"""


@test("both ends are the target's: two rows each, and the count of those without owner does not suffer")
def both_ends():
    program = Process(as_nobody() + [sys.executable, "-c", BOTH], stdin=subprocess.PIPE)
    wait_for(lambda: program.out == "ready\n", "the program to start")
    trace = by_perf([program.pid])
    program.line()
    equal(program.wait(), 0, "its end")
    rows = trace.finish()
    equal(collections.Counter(row["dir"] for row in rows), {"in": 20, "out": 20}, "rows")
    # Other programs of this host have some, too.
    check(0 <= rows.summary["too_short"] < 1 << 32, "connections without owner: %d" % rows.summary["too_short"])


@test("datagram and Unix sockets are no connections")
def others():
    _, port = server()
    rows, truth = play(["count=20", "udp=127.0.0.1:%d" % port, "unix=/nowhere", "done", "connect=127.0.0.1:%d" % port, "close"])
    equal(len(truth), 1, "connections")
    compare(rows, truth)


@test("a socket from before the run: its attempt is a row if the errno shows that it is of TCP, else that is said")
def older():
    client = Process(as_nobody() + [sys.executable, "-c", OLDER, str(free_port())], stdin=subprocess.PIPE)
    wait_for(lambda: client.out == "ready\n", "the program to start")
    trace = by_perf([client.pid])
    client.line()
    wait_for(lambda: "socket from before the run" in trace.err, "the notice")
    client.line()
    equal(client.wait(), 0, "the client's end")
    rows = trace.finish()
    equal([(row["result"], row["errno"], row["fd"]) for row in rows], [("refused", "ECONNREFUSED", 3)], "rows")


@test("children that are born under watch, with sockets of their own")
def children():
    _, port = server()
    rows, truth = play(["fork=5", "count=10", "connect=127.0.0.1:%d" % port, "close", "done", "done", "join"])
    equal((len(truth), len({fact["pid"] for fact in truth})), (50, 5), "connections and processes")
    compare(rows, truth)


@test("connections that stay are one row each, with the local port and the counters of the samples")
def staying():
    _, port = server()
    client = Client(["count=20", "connect=127.0.0.1:%d" % port, "send=10", "keep", "done", "wait-stdin"])
    trace = by_perf([client.pid], ["--look-ms=20"])
    client.line()

    def rows_of_all():
        trace.signal(signal.SIGUSR1)
        text = lib.read_file(trace.rows_path)
        rows = [row for row in map(lib.json.loads, text[:text.rfind("\n") + 1].splitlines()) if "summary" not in row][-20:]
        return rows if len(rows) == 20 and all(row["lport"] and row["tx_bytes"] == 10 for row in rows) else None
    rows = wait_for(rows_of_all, "the samples to find them")
    equal({row["seen"] for row in rows}, {"kh"}, "evidence")
    equal(len({row["lport"] for row in rows}), 20, "local ports")
    client.line()
    equal(client.wait(), 0, "the client's end")
    equal(len(trace.finish()[-20:]), 20, "rows")


@test("connects that do not wait: a row each; the outcome is by the end of the sockets, or by SO_ERROR")
def not_waiting():
    # Failed attempts of other programs to the same address would leave the outcome open.
    _, port = server("127.0.3.1")
    refused = free_port()
    rows, truth = play(["nonblock", "count=40", "connect=127.0.3.1:%d" % port, "poll", "so-error", "close",
                        "connect=127.0.0.1:%d" % refused, "poll", "so-error", "close", "done"])
    need_all_reports(rows)
    equal((len(rows), len(truth)), (80, 80), "rows and connections: %s" % [short(row) for row in rows[:3]])
    equal(collections.Counter(identity(row, False) for row in rows), collections.Counter(identity(fact, False) for fact in truth), "rows")
    for row in rows:
        wanted = ("0", "ok", "kh") if row["rport"] == port else ("ECONNREFUSED", "refused", "h")
        if not check((row["errno"], row["result"], row["seen"][:len(wanted[2])]) == wanted, short(row) + " " + row["seen"]):
            break


@test("a short connection alone with its peer has its local port and its bytes")
def alone():
    # The socket goes on for as long as its peer is open, and without an owner while the program has closed it: so the peer is first.
    _, port = server("127.0.3.2")
    rows, truth = play(["nonblock", "connect=127.0.3.2:%d" % port, "poll", "so-error", "send=10", "shutdown", "recv-all", "close"])
    need_all_reports(rows)
    equal([(row["result"], row["lport"], row["tx_bytes"]) for row in rows], [("ok", truth[0]["lport"], 10)], "rows")


@test("a static program for musl")
def musl():
    _, port = server()
    program = lib.MUSL()
    truth = scratch("truth")
    client = Process(as_nobody() + [program, "truth=" + truth, "wait-stdin", "count=50", "connect=127.0.0.1:%d" % port, "close",
                                    "connect=127.0.0.1:%d" % free_port(), "close", "done"], stdin=subprocess.PIPE)
    wait_for(lambda: status_field(client.pid, "Name") == "mkconn-musl", "the program to start")
    trace = by_perf([client.pid])
    client.line()
    equal(client.wait(), 0, "the client's end")
    compare(trace.finish(), read_truth(truth))


# A listener that is shared with a process that is not watched. Each line on stdin is that many connections to accept; a
# word before it starts a thread that accepts them.
SHARED = """
import os, socket, sys, threading
listener = socket.create_server(("127.0.0.1", 0), backlog=64)
print(listener.getsockname()[1], flush=True)
reading, writing = os.pipe()
if os.fork():
    os.close(reading)
    for line in sys.stdin:
        os.write(writing, line.encode())
    os.close(writing)
    os.wait()
    sys.exit()
os.close(writing)

def serve(count):
    for _ in range(count):
        served = listener.accept()[0]
        served.recv(100)
        served.sendall(b"hello")
        served.close()
print(os.getpid(), flush=True)
for line in os.fdopen(reading):
    how, count = line.split()
    if how == "thread":
        thread = threading.Thread(target=serve, args=[int(count)])
        thread.start()
        thread.join()
    else:
        serve(int(count))
"""


@test("a listener that is shared with a process that is not watched: accepts by breakpoints, before and after the first thread")
def shared_listener():
    program = Process(as_nobody() + [sys.executable, "-c", SHARED], stdin=subprocess.PIPE)
    wait_for(lambda: program.out.count("\n") == 2, "the program to start")
    port, pid = map(int, program.out.split())
    trace = by_perf([pid])
    peers = []

    def tell(line):
        program.popen.stdin.write(line.encode() + b"\n")
        program.popen.stdin.flush()

    def connect(how, count):
        tell("%s %d" % (how, count))
        for _ in range(count):
            # Each has an address of its own, because a port may be used again before the first one is read.
            with socket.create_connection(("127.0.0.1", port), source_address=("127.0.1.%d" % (len(peers) + 1), 0)) as client:
                peers.append(client.getsockname()[:2])
                client.sendall(b"0123456789")
                equal(client.recv(100), b"hello", "the answer")
    connect("serve", 30)
    tell("thread 0")
    wait_for(lambda: "has its first thread" in trace.err, "the notice")
    connect("thread", 30)
    connect("serve", 5)
    program.popen.stdin.close()
    equal(program.wait(), 0, "the program's end")
    rows = trace.finish()
    equal(rows.summary["accepted_unfound"], 0, "calls without a row")
    equal(sorted((row["raddr"], row["rport"]) for row in rows), sorted(peers), "peers")
    for row in rows:
        # The breakpoints have been set again.
        # It may be unproven whether a FIN is among the bytes.
        if not check((row["dir"], row["pid"], row["rx_bytes"] or 10, row["tx_bytes"], row["lport"], row["seen"]) ==
                     ("in", pid, 10, 5, port, "khg") and row["fd"] > 2, short(row) + " " + row["seen"]):
            break
    equal([len({row["tid"] for row in rows}), sum(row["tid"] == pid for row in rows)], [2, 35], "threads")


SPLIT = """
import os, socket, sys
listener = socket.create_server(("127.0.0.1", 0), backlog=64)
pids = [os.getpid()]
go = [os.pipe() for _ in range(2)]
for number in range(2):
    if os.fork() == 0:
        for _ in iter(lambda: os.read(go[number][0], 1), b"."):
            served = listener.accept()[0]
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", int(sys.argv[1])))
            while client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                pass
            client.close()
            served.sendall(str(os.getpid()).encode())
            served.close()
        os._exit(0)
print(listener.getsockname()[1], flush=True)
for line in sys.stdin:
    os.write(go[int(line)][1], b"x")
for _, writing in go:
    os.write(writing, b".")
for _ in go:
    os.wait()
"""


@test("watched processes share a listener: each accepted connection has its process, and a refused attempt its errno")
def split_listener():
    refused = free_port()
    program = Process(as_nobody() + [sys.executable, "-c", SPLIT, str(refused)], stdin=subprocess.PIPE)
    wait_for(lambda: program.out.endswith("\n"), "the program to start")
    trace = by_perf([program.pid])
    pids = {}
    for number in range(20):
        program.popen.stdin.write(b"%d\n" % (number % 2))
        program.popen.stdin.flush()
        with socket.create_connection(("127.0.0.1", int(program.out)), source_address=("127.0.1.%d" % (number + 1), 0)) as client:
            pids[client.getsockname()[0]] = int(client.recv(100))
    program.popen.stdin.close()
    equal(program.wait(), 0, "its end")
    rows = trace.finish()
    equal(len(set(pids.values())), 2, "processes that accept")
    equal({row["raddr"]: row["pid"] for row in rows if row["dir"] == "in"}, pids, "processes")
    if not is_partial(trace):
        equal([(row["rport"], row["result"], row["errno"]) for row in rows if row["dir"] == "out"],
              [(refused, "refused", "ECONNREFUSED")] * 20, "attempts")


UNDUMPABLE = """
import ctypes, socket, sys
if ctypes.CDLL(None).prctl(4, 0, 0, 0, 0) == 0:
    print("ready", flush=True)
sys.stdin.readline()
"""


@test("a given process that may not be watched is named and counted, and the others are watched")
def one_refused():
    port = free_port()
    hidden = Process(as_nobody() + [sys.executable, "-c", UNDUMPABLE], stdin=subprocess.PIPE)
    wait_for(lambda: hidden.out == "ready\n", "the program to start")
    client = Client(["count=10", "connect=127.0.0.1:%d" % port, "close", "done"])
    trace = by_perf([hidden.pid, client.pid])
    client.line()
    equal(client.wait(), 0, "the client's end")
    hidden.line()
    rows = trace.finish()
    compare(rows, client.truth())
    check("PID %d" % hidden.pid in trace.err and "not dumpable" in trace.err, trace.err)
    equal(rows.summary["unwatched"], 1, "processes that were not watched")


ALONE = """
import socket
listener = socket.create_server(("127.0.0.1", 0), backlog=64)
print(listener.getsockname()[1], flush=True)
for _ in range(20):
    served = listener.accept()[0]
    served.recv(10)
    served.close()
    client = socket.socket()
    client.setblocking(False)
    client.connect_ex(("127.0.0.1", 1))
    client.close()
"""


def is_partial(trace):
    """Whether the code that the program takes was known by its first accept(2) only, as under Yama."""
    return "did not include connect(2)" in trace.err


@test("TID is asked for: what a listener of its own accepts has thread and descriptor, and a notice says what is unknown then")
def asked():
    program = Process(as_nobody() + [sys.executable, "-c", ALONE])
    wait_for(lambda: program.out.endswith("\n"), "the program to start")
    trace = by_perf([program.pid], ["-O", "+TID"])
    for number in range(20):
        if number == 19:
            wait_for(lambda: "no breakpoint left for getsockopt(2)" in trace.err or is_partial(trace), "the notice")
        with socket.create_connection(("127.0.0.1", int(program.out))) as client:
            client.sendall(b"0123456789")
    equal(program.wait(), 0, "its end")
    rows = trace.finish()
    equal([(row["pid"], row["tid"]) for row in rows if row["dir"] == "in"], [(program.pid, program.pid)] * 20, "rows")


UNSEEN = """
import ctypes, socket, sys
libc = ctypes.CDLL(None)
libc.accept4.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int]
listener = socket.create_server(("127.0.0.1", 0), backlog=64)
print(listener.getsockname()[1], flush=True)

def serve(fd):
    served = socket.socket(fileno=fd)
    served.recv(10)
    served.close()
for line in sys.stdin:
    if line == "libc\\n":
        served = listener.accept()[0]
        serve(served.detach())
    elif line == "null\\n":
        serve(libc.accept4(listener.fileno(), None, None, 0))
    else:
        serve(libc.syscall(288, listener.fileno(), None, None, 0))
"""


@test("what a program accepts without the C library is counted, and marked, also where the calls do not show the peers")
def unseen_accepts():
    if os.uname().machine != "x86_64":
        raise Skip("x86-64 only")
    programs = [Process(as_nobody() + [sys.executable, "-c", UNSEEN], stdin=subprocess.PIPE) for _ in range(2)]
    for program in programs:
        wait_for(lambda program=program: program.out.endswith("\n"), "the program to start")
    traces = [by_perf([program.pid], ["-O", "+TID"]) for program in programs]
    begun = time.monotonic()
    wait_for(lambda: time.monotonic() - begun > 1.2, "the first second, which is not compared")
    for program, how in zip(programs, ("libc", "null")):
        for word in [how] * 5 + ["syscall"] * 3:
            program.popen.stdin.write(word.encode() + b"\n")
            program.popen.stdin.flush()
            with socket.create_connection(("127.0.0.1", int(program.out))) as client:
                client.sendall(b"0123456789")
                equal(client.recv(10), b"", "the end")
        program.popen.stdin.close()
        equal(program.wait(), 0, "its end")
    for how, trace in zip(("libc", "null"), traces):
        rows = trace.finish()
        need_all_reports(rows)
        equal((len(rows), rows.summary["accepted_unseen"]), (8, 3), "%s: rows, and those that passed no breakpoint" % how)
        equal(sum("g" in row["seen"] for row in rows), 3, "%s: marked rows" % how)
        if how == "libc":
            equal({("g" in row["seen"], row["tid"] is None) for row in rows}, {(True, True), (False, False)}, "marks and threads")


@test("a process that executes another program: that is said, and nothing is invented")
def executes():
    _, port = server()
    client = Client(["connect=127.0.0.1:%d" % port, "close", "exec", "connect=127.0.0.1:%d" % port, "close", "wait-stdin",
                     "connect=127.0.0.1:%d" % port, "close", "wait-stdin"])
    trace = by_perf([client.pid])
    client.line()
    wait_for(lambda: "was started by execve(2)" in trace.err, "the notice")
    client.line()
    wait_for(lambda: len(client.truth()) == 3, "the connections")
    client.line()
    equal(client.wait(), 0, "the client's end")
    rows, truth = trace.finish(), client.truth()
    got, wanted = collections.Counter(map(identity, rows)), collections.Counter(map(identity, truth))
    check(len(rows) >= 2 and got - wanted == collections.Counter(), "%d rows, too many: %s; %s" % (len(rows), got - wanted, trace.err))
    # The first row is from before.
    equal([("g" in row["seen"]) for row in rows], [False] + [True] * (len(rows) - 1), "marks of rows that others may be missing beside")
    equal(rows.summary["gaps"], 1, "processes of which connections may be missing")


@test("a child that executes another program gets breakpoints of its own, and its parent keeps those it has")
def executed_children():
    _, port = server()
    go = scratch("go")
    words = ["connect=127.0.0.1:%d" % port, "close"]
    client = Client(["vfork", "wait-file=" + go, "count=20"] + words + ["done", "done"] + words + ["join"] + words)
    trace = by_perf([client.pid])
    client.line()
    wait_for(lambda: "was started by execve(2)" in trace.err, "the notice")
    lib.touch(go)
    equal(client.wait(), 0, "the client's end")
    rows, truth = trace.finish(), client.truth()
    equal((len(truth), len({fact["pid"] for fact in truth})), (22, 2), "connections and processes")
    compare(rows, truth)


@test("conntrace is killed again and again: the program goes on, and its breakpoints are free")
def killed():
    _, port = server()
    client = Client(["forever", "connect=127.0.0.1:%d" % port, "close", "wait-stdin", "done"])
    connections = 0

    def connect():
        nonlocal connections
        connections += 1
        client.line()
        wait_for(lambda: len(client.truth()) == connections, "the client to go on")
    for _ in range(5):
        trace = by_perf([client.pid])
        connect()
        os.kill(trace.pid, signal.SIGKILL)
        equal(trace.wait(), -signal.SIGKILL, "the end of conntrace")
        connect()
    trace = by_perf([client.pid])
    connect()
    equal(tracer_of(client.pid), 0, "its tracer")
    compare(finish(trace), client.truth()[-1:])


@test("what it cannot watch is refused, with the reason")
def refusals():
    result = run(as_nobody() + [CONNTRACE, "--via=perf", "--", "true"])
    equal(result.status, 2, "exit status with a command")
    check("--via=ptrace misses nothing" in result.err, result.err)
    equal(run(as_nobody() + [CONNTRACE, "--via=perf", "--all"]).status, 2, "exit status with --all")
    result = run(as_nobody() + [CONNTRACE, "--via=perf", "-p", "4194304"])
    equal(result.status, 1, "exit status without a process")
    check("no such process" in result.err, result.err)
    source = write_file(scratch("static.c"), "#include <unistd.h>\nint main(void) { pause(); return 0; }\n")
    program = scratch("static")
    if run([need("gcc"), "-static", "-s", "-o", program, source]).status == 0:
        os.chmod(program, 0o755)
        process = Process(as_nobody() + [program])
        wait_for(lambda: os.path.basename(program)[:15] == status_field(process.pid, "Name"), "the program to start")
        result = run(as_nobody() + [CONNTRACE, "--via=perf", "-p", str(process.pid)])
        equal(result.status, 1, "exit status of a program without symbols")
        check("--via=perf cannot work" in result.err and "no place where connect(2) returns" in result.err, result.err)


DIRECT = """
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
int main(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	long result;

	connect(-1, (struct sockaddr *)&address, sizeof(address));
	__asm__ volatile("syscall" : "=a"(result) : "0"(42), "D"(-1), "S"(&address), "d"(16) : "rcx", "r11", "memory");
	pause();
	return (int)result;
}
"""


@test("a program with a connect(2) of its own beside the C library's is refused, and the next best way is taken without --via")
def direct_calls():
    if os.uname().machine != "x86_64":
        raise Skip("x86-64 only")
    source, program = write_file(scratch("direct.c"), DIRECT), scratch("direct")
    equal(run([need("gcc"), "-O1", "-o", program, source]).status, 0, "exit status of gcc")
    os.chmod(program, 0o755)
    process = Process(as_nobody() + [program])
    wait_for(lambda: os.path.basename(program)[:15] == status_field(process.pid, "Name") and
             status_field(process.pid, "State")[:1] == "S", "the program to start")
    result = run(as_nobody() + [CONNTRACE, "--via=perf", "-p", str(process.pid)])
    equal(result.status, 1, "exit status")
    check("makes system calls itself" in result.err and os.path.basename(program) in result.err, result.err)
    result = run(as_nobody() + [CONNTRACE, "-d", "0.1", "-p", str(process.pid)])
    check("attached by perf" not in result.err, result.err)


@test("without --via perf is taken where it shows all that is asked for, and the line says what is unknown; else why not")
def by_itself():
    ready = "print('ready', flush=True); input()"
    programs = [Process(as_nobody() + [sys.executable, "-c", code + ready], stdin=subprocess.PIPE) for code in
                ("", "import subprocess; subprocess.Popen(['sleep', '60']);",
                 "import os, time; os.fork() or (os.fork() or os.execlp('sleep', 'sleep', '60'), time.sleep(60));")]
    shell = Process(as_nobody() + ["sh", "-c", "echo ready; read line; true"], stdin=subprocess.PIPE)
    for program in programs + [shell]:
        wait_for(lambda program=program: "ready" in program.out or not program.alive(), "the programs to start")
    plain, parent, grandparent = programs

    def comms(pid):
        """The names of its descendants."""
        children = lib.read_file("/proc/%s/task/%s/children" % (pid, pid)).split()
        return [status_field(int(child), "Name") for child in children] + [name for child in children for name in comms(child)]
    wait_for(lambda: "sleep" in comms(parent.pid) and "sleep" in comms(grandparent.pid), "the children")

    def said(process, *options):
        return run(as_nobody() + [CONNTRACE, "-d", "0.1"] + list(options) + ["-p", str(process.pid)]).err
    for options in ([], ["-z", "conns", "--sort=RPORT", "-O", "+GROUP"], ["--only=failed,open"], ["--by=pid,port,result"]):
        err = said(plain, *options)
        check("attached by perf" in err and "QUEUE_MS" in err and "RESULT if" in err and "--via=ptrace" in err and "OVERHEAD" in err, (options, err))
    # Where Yama does not let ptrace do it, the message is another one.
    for process, options, reason in (
            (plain, ["-z", "conns", "-O", "PEER,TID"], "does not know TID"), (plain, ["-z", "conns", "-O", "+FD"], "does not know FD"),
            (plain, ["--sort=queue_ms:desc"], "does not know QUEUE_MS"), (plain, ["--by=lport"], "does not know LPORT"),
            (plain, ["-O", "+rx_bytes"], "does not know RX_BYTES"), (plain, ["--watch-close"], "these options"),
            (plain, ["--only=failed,slow"], "these options"), (plain, ["-z", "io,stat,1"], "these options"),
            (shell, [], "is a shell"), (parent, [], "has executed other programs"), (grandparent, [], "has executed other programs")):
        err = said(process, *options)
        check("attached by perf" not in err and ("attached by ptrace" not in err or "--via=perf " in err and reason in err),
              (options, reason, err))


@test("where breakpoints do not work, the line of the way that is taken says why, and what it costs")
def not_working():
    sleeper = Process(as_nobody() + ["sleep", "600"])
    wait_for(lambda: status_field(sleeper.pid, "Name") == "sleep", "the program to start")
    denied = [os.path.join(os.path.dirname(MKCONN), "deny"), "perf_event_open=EACCES", "--"]
    err = run(as_nobody() + denied + [CONNTRACE, "-d", "0.1", "-p", str(sleeper.pid)]).err
    # Where Yama does not let ptrace do it, the message is another one.
    check("attached by ptrace" not in err or ("--via=perf cannot work here: perf_event_open(2) is not allowed" in err and
                                              "a fifth of its speed" in err and "OVERHEAD" in err), err)


@test("breakpoints that another program takes at the last moment: without --via ptrace is taken, with --via=perf the run ends")
def taken_meanwhile():
    strace = lib.need("strace")
    sleeper = Process(as_nobody() + ["sleep", "600"])
    wait_for(lambda: status_field(sleeper.pid, "Name") == "sleep", "the program to start")

    def tried(inject, *options):
        log = scratch("calls")
        result = run(as_nobody() + [strace, "-f", "-o", log, "-e", "trace=perf_event_open"] + inject +
                     [CONNTRACE, "-d", "0.1", "-p", str(sleeper.pid)] + list(options))
        return result, [line.split()[0] for line in lib.read_file(log).splitlines() if "perf_event_open(" in line]

    def taken(*options):
        """The last calls are those that set the breakpoints for good."""
        result, calls = tried([], *options)
        if result.status != 0 or not ("attached by perf" in result.err or options):
            raise Skip("breakpoints are not taken here: " + result.err)
        last = calls.count(max(set(calls), key=calls.count)) - 3
        return tried(["-e", "inject=perf_event_open:error=ENOSPC:when=%d+" % last], *options)[0]
    for options in ([], ["--via=perf"]):
        result = taken(*options)
        check("--via=perf cannot work: the breakpoints of PID %d are in use" % sleeper.pid in result.err, result.err)
        # Where Yama does not let ptrace do it, the message is another one.
        check(("attached by ptrace" in result.err) == (not options) or "permitted" in result.err, result.err)
        check(result.status == (1 if options else 0) or "permitted" in result.err, "exit status %d: %s" % (result.status, result.err))
    check(sleeper.alive() and tracer_of(sleeper.pid) == 0, "it sleeps on")


@test("--check shows what the host allows, and with -p the way that would be taken, and why")
def checked():
    sleeper = Process(as_nobody() + ["sleep", "600"])
    wait_for(lambda: status_field(sleeper.pid, "Name") == "sleep", "the program to start")
    lines = run(as_nobody() + [CONNTRACE, "--check", "-p", str(sleeper.pid)]).out.splitlines()
    line = [line for line in lines if "--via=perf;" in line][0]
    for number in (r"perf_event_paranoid -?\d", r"ptrace_scope \d", r"[34] breakpoints free", r"ulimit -n \d", r"mlock_kb \d",
                   r"ulimit -l [\du]"):
        check(re.search(number, line), (number, line))
    check("yes  watch the given processes (-p takes --via=perf)" in lines, lines)
    lines = run(as_nobody() + [CONNTRACE, "--check", "-O", "+FD", "-p", str(sleeper.pid)]).out.splitlines()
    check("no   watch the given processes by --via=perf: it does not know FD of each connection" in lines, lines)
    check([line for line in lines if "watch PID %d (-p takes --via=ptrace)" % sleeper.pid in line], lines)
    check(sleeper.alive() and status_field(sleeper.pid, "State")[:1] == "S" and tracer_of(sleeper.pid) == 0, "it sleeps on")


@test("each process that uses io_uring is named, also when two are found at once")
def rings():
    programs = []
    for number in (1, 2):
        port = scratch("port%d" % number)
        programs.append(Process(as_nobody() + [lib.URING(), "truth=" + scratch("truth%d" % number), "serve", "127.0.0.1", port, "1",
                                               "fd"]))
        lib.wait_file(port)
    trace = by_perf([program.pid for program in programs])
    trace.interrupt()
    for program in programs:
        check("PID %d (uring) uses io_uring(7)" % program.pid in trace.err, trace.err)


LATE = """
import ctypes, socket, sys
socket.socket().connect_ex(("127.0.0.1", 1))
print("ready", flush=True)
sys.stdin.readline()
socket.socket().connect_ex(("127.0.0.1", 1))
print("uring", ctypes.CDLL(None).syscall(425, 8, ctypes.create_string_buffer(120)), flush=True)
sys.stdin.readline()
socket.socket().connect_ex(("127.0.0.1", 1))
"""


@test("an io_uring that is made during the run is found: a notice, the letter g in the row, and a number in the summary")
def late_ring():
    program = Process(as_nobody() + [sys.executable, "-c", LATE], stdin=subprocess.PIPE)
    wait_for(lambda: "ready" in program.out, "the program to start")
    trace = by_perf([program.pid])
    program.line()
    wait_for(lambda: "uring" in program.out, "its io_uring")
    if "uring -1" in program.out:
        raise Skip("io_uring_setup(2) is not allowed here")
    wait_for(lambda: "PID %d (" % program.pid in trace.err and "uses io_uring(7)" in trace.err, "the notice")
    program.line()
    equal(program.wait(), 0, "its end")
    rows = trace.finish()
    # The first one may have been complete before.
    equal([row["pid"] for row in rows], [program.pid] * 2, "rows")
    equal(rows[1]["seen"], "hg", "evidence")
    equal(rows.summary["gaps"], 1, "processes of which connections may be missing")


if __name__ == "__main__":
    lib.need_perf()
    at_once.main(3)
