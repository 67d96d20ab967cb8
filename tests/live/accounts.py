#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the accounts say of processes: who is not watched and why, who ended, what a reload made, and what the start recommends."""
import os
import signal
import socket
import sys
import time

import at_once
from lib import (CONNTRACE, MKCONN, TOP_BUILD, Process, Skip, Trace, attach, between, built, capturing, check, enter_namespace,
                 equal, must, parse_rows, requested, run, scratch, short, test, wait_for, watch)

MASTER = """
import os, signal, socket, sys, time
listening = socket.create_server(("127.0.0.1", 0))
def worker():
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        while True:
            time.sleep(60)
    return pid
old = worker()
def reload(*_):
    new = worker()
    os.kill(old, signal.SIGTERM)
    print(new, flush=True)
signal.signal(signal.SIGHUP, reload)
print(old, flush=True)
while True:
    signal.pause()
"""


def last(text):
    return parse_rows(text).summary


def pid_number(master, index):
    """The PID of its worker number index."""
    wait_for(lambda: len(master.out.splitlines()) > index, "the worker")
    return int(master.out.splitlines()[index])


@test("a reload of a master that is not watched is announced and reported, with the PIDs")
def reloaded():
    master = Process([sys.executable, "-c", MASTER])
    old = pid_number(master, 0)
    for via in ("ptrace", "diag"):
        trace = Process([CONNTRACE, "--via=" + via, "-d", "60", "-p", str(old)])
        wait_for(lambda: "PID %d is a child of " % old in trace.err, "the announcement")
        check("-p %d" % master.pid in trace.err, "what to type: " + trace.err)
        if via == "ptrace":
            trace.signal(signal.SIGINT)
            equal(trace.wait(), 0, "status")
            check("meanwhile" not in trace.err, "nothing was made: " + trace.err)
    master.signal(signal.SIGHUP)
    new = pid_number(master, 1)
    equal(trace.wait(), 0, "status")
    check("(PID %d) started 1 process during the run that was not watched: %d\n" % (master.pid, new) in trace.err, trace.err)
    check("all watched processes ended after " in trace.err and " of 60.0 s; " in trace.err, "its reason: " + trace.err)
    # With the master there is nothing to announce.
    both = run([CONNTRACE, "--via=ptrace", "-p", str(new), "-p", str(master.pid), "-d", "0.2"])
    check("is a child of" not in both.err, both.err)


@test("which of the processes given are not watched, and why")
def unwatched():
    sleeper = Process(["sleep", "60"])
    gone = Process(["true"])
    gone.wait()
    for via in ("ptrace", "diag"):
        words = [CONNTRACE, "--via=" + via, "-d", "0.2", "-p", "%d,%d" % (sleeper.pid, gone.pid)]
        done = run(words)
        check("1 of the 2 given processes not watched (" in done.err and "PID %d" % gone.pid in done.err, done.err)
        fact = last(run(words + ["-j"]).out)
        equal((fact["targets"], fact["unwatched"]), (2, 1), "in JSON")
        check("neither made nor accepted" in fact["reason"], fact)


@test("all watched processes ended before the time was over")
def ended():
    sleeper = Process(["sleep", "60"])
    trace = Process([CONNTRACE, "--via=ptrace", "-p", str(sleeper.pid), "-d", "60"])
    wait_for(lambda: "attached" in trace.err, "the attachment")
    sleeper.signal(signal.SIGTERM)
    sleeper.wait()
    equal(trace.wait(), 0, "status")
    check("all watched processes ended after " in trace.err and " of 60.0 s" in trace.err, trace.err)


@test("the start recommends what works for the target")
def recommended():
    sleeper = Process(["sleep", "60"])
    here = run([CONNTRACE, "--via=ptrace", "-p", str(sleeper.pid), "-d", "0.1"])
    check("--via=diag does not stop it" in here.err, here.err)
    elsewhere = Process(["unshare", "-n", "sleep", "60"])
    wait_for(lambda: must(["cat", "/proc/%d/comm" % elsewhere.pid]) == "sleep\n", "the program")
    there = run([CONNTRACE, "--via=ptrace", "-p", str(elsewhere.pid), "-d", "0.1"])
    check("slower" in there.err and "--via=diag" not in there.err, there.err)


@test("the accounts count what the tables show")
def filtered():
    truth = scratch("truth")
    words = [MKCONN, "truth=" + truth, "listen=127.0.0.1:0", "fork=1", "count=3", "accept4", "close", "done", "done",
             "count=3", "connect=self", "recv-all", "close", "done"]
    done = run([CONNTRACE, "--dir=in", "--"] + words)
    check(" s, 3 connections, 3 more excluded by options, " in done.err, done.err)
    fact = last(run([CONNTRACE, "--dir=in", "-j", "--"] + words).out)
    equal((fact["connections"], fact["unmatched"], fact["reason"]), (3, 3, None), "in JSON")
    done = run([CONNTRACE, "--lport=1", "--"] + words)
    check("no connection matched the options; 6 did not\n" in done.err, done.err)


def queried(trace, port, count):
    """Waits until so many connections to the port are known."""
    requested(trace, lambda rows: len({row["rport"] for row in rows if row["dir"] == "in" and row["lport"] == port}) == count,
              "the accept queue to be queried")


def last_report(rows):
    """Rows of the last report: each that was requested has its own."""
    return list({(row["dir"], row["laddr"], row["lport"], row["rport"]): row for row in rows}.values())


HUNG = """
import socket, sys
server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen(2)
print(server.getsockname()[1], flush=True)
sys.stdin.readline()
clients = []
for number in range(3):
    client = socket.create_connection(server.getsockname())
    client.sendall(bytes(10))
    clients.append(client)
more = socket.socket()
more.setblocking(False)
more.connect_ex(server.getsockname())
print("connected", flush=True)
sys.stdin.readline()
if len(sys.argv) > 1:
    server.accept()
"""


PRELOAD = built("preload_tracer.so", ["gcc", "-D_GNU_SOURCE", "-shared", "-fPIC"], ["preload_tracer.c"])


def hung(way):
    # The kernel's answers are read late, as on a busy machine.
    slow = dict(os.environ, LD_PRELOAD=PRELOAD(), PRELOAD_ANSWER_MS="800") if way == "late, slow" else None
    for accepts in ([], ["accepts"]):
        words = [sys.executable, "-c", HUNG] + accepts
        if way == "launched":
            server = trace = Trace([], words, stdin=-1)
        else:
            server = Process(words, stdin=-1)
        wait_for(lambda server=server: server.out, "the port")
        port = int(server.out.split()[0])
        options = ["-i", "lo"] if way == "-i lo" else []
        if way in ("attached", "-i lo"):
            trace = attach([server.pid], options, runner=[])
        server.line()
        wait_for(lambda server=server: "connected" in server.out, "the connections")
        if "late" in way:
            # More than two ticks of the kernel, in which it counts the age of connections, and more than a query takes on
            # a busy machine.
            time.sleep(0.5)
            trace = attach([server.pid], options, runner=[], env=slow)
        queried(trace, port, 3)
        server.line()
        rows = trace.finish()
        fact, rows = rows.summary, last_report(rows)
        waiting = [row for row in rows if row["dir"] == "in" and row["lport"] == port]
        what = "%s %s: %s %s" % (way, accepts, [short(row) for row in rows], fact)
        equal(len(waiting), 3, what)
        equal({row["result"] for row in waiting}, {"ok"}, what)
        equal(sorted(row["pid"] is not None for row in waiting), [False, False, bool(accepts)], what)
        equal({"p" in row["seen"] for row in waiting}, {"late" in way}, what)
        # On a busy machine the fourth one repeats its SYN while the first is accepted, and then waits, too.
        more = sum(row["dir"] == "out" and row["rport"] == port and row["result"] == "ok" for row in rows) - 3 if accepts else 0
        between(fact["unaccepted"], 2 if accepts else 3, 2 + more if accepts else 3, "never accepted, " + what)
        equal(fact["accept_queues_full"], 1, what)


for each_way in ("launched", "attached", "-i lo", "late", "late, slow"):
    test("connections that a hung server never accepts are rows and in the accounts, and so is its full queue; %s" % each_way)(
        lambda way=each_way: hung(way))


# Ends with a connection whose other side reads nothing.
LEAVES = """
import socket, sys
client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
client.setblocking(False)
try:
    while True:
        client.send(bytes(65536))
except BlockingIOError:
    pass
"""


@test("--via=diag counts a full accept queue and what waits in it, and a socket that has lost its process and lives on")
def sampled():
    server = Process(["python3", "-c", HUNG], stdin=-1)
    wait_for(lambda: server.out, "the port")
    trace = watch([server.pid], before=[])
    server.line()
    wait_for(lambda: "connected" in server.out, "the connections")
    fact = trace.interrupt().summary
    equal((fact["accept_waiting"], fact["accept_queues_full"], fact["unaccepted"]), (3, 1, None), "the queue")
    listener = socket.create_server(("127.0.0.1", 0))
    trace = watch([server.pid], ["--look-ms=60000"], before=[])
    equal(Process(["python3", "-c", LEAVES, listener.getsockname()[1]]).wait(), 0, "the client")
    fact = trace.interrupt().summary
    check(fact["too_short"] > 0, "the orphan: %s" % fact)


def bound(family, address, *options):
    """Return: a socket bound to the address; options: (level, name, value)."""
    server = socket.socket(family)
    for option in options:
        server.setsockopt(*option)
    server.bind(address)
    return server


REUSE = (socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
ONLY6 = (socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
# Listens as its arguments say, with a descriptor too few for accept(2).
TWIN = """
import os, resource, socket, sys
family, host, port, reuse = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4] == "reuse"
server = socket.socket(family)
if reuse:
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
if family == socket.AF_INET6:
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(not reuse))
server.bind((host, port))
server.listen()
print("listens", flush=True)
sys.stdin.readline()
resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))), resource.getrlimit(7)[1]))
try:
    server.settimeout(5)
    server.accept()
except OSError as error:
    print(os.strerror(error.errno), flush=True)
sys.stdin.readline()
"""


@test("what waits at another process's listener on the same port is in no row and has no accept error; a shared one counts")
def twins():
    # the other's socket, the target's, where connections go to: of the target, of the other, of either
    six, four, port = socket.AF_INET6, socket.AF_INET, 24100
    cases = (((four, "127.0.0.2"), (four, "127.0.0.1", ""), ("127.0.0.1",), ("127.0.0.2",), ()),
             ((four, "127.0.0.2", REUSE), (four, "0.0.0.0", "reuse"), ("127.0.0.1",), ("127.0.0.2",), ()),
             ((four, "0.0.0.0"), (six, "::", ""), ("::1",), ("127.0.0.1",), ()),
             ((six, "::", ONLY6), (four, "0.0.0.0", ""), ("127.0.0.1",), ("::1",), ()),
             ((four, "0.0.0.0", REUSE), (six, "::", "reuse"), ("::1",), ("127.0.0.1",), ()),
             ((six, "::", REUSE, ONLY6), (six, "::", "reuse"), ("127.0.0.1",), (), ("::1",)),
             ((four, "127.0.0.1", REUSE), (four, "127.0.0.1", "reuse"), (), (), ("127.0.0.1",)))
    for other, mine, own, others, either in cases:
        port += 1
        beside = bound(other[0], (other[1], port), *other[2:])
        beside.listen()
        server = Process([sys.executable, "-c", TWIN, int(mine[0]), mine[1], port, mine[2]], stdin=-1)
        wait_for(lambda server=server: "listens" in server.out, "the listener")
        trace = attach([server.pid], runner=[])
        clients = [socket.create_connection((address, port)) for address in own + others + either]
        if own:
            server.line()
            wait_for(lambda server=server: "Too many open files" in server.out, "accept(2) to fail")
        # Where the target has none of them, the query at the end is the only one that counts.
        queried(trace, port, len(own))
        rows = trace.interrupt()
        summary, rows = rows.summary, last_report(rows)
        what = "%s %s: %s %s" % (other, mine, [short(row) for row in rows], summary)
        equal([(row["laddr"], row["errno"]) for row in rows], [(address, "EMFILE") for address in own], what)
        equal((summary["accept_waiting"], summary["accept_shared"]),
              (summary["accept_waiting"] if either else len(own), len(either)), what)
        for each in clients + [beside]:
            each.close()
        server.signal(signal.SIGKILL)


# Its accept(2) fails for want of a descriptor.
REFUSING = """
import os, resource, socket, sys
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
sys.stdin.readline()
clients = [socket.create_connection(server.getsockname()) for _ in range(3)]
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))), hard))
for _ in range(3):
    try:
        server.accept()
    except OSError as error:
        print(os.strerror(error.errno), flush=True)
print("refused", flush=True)
sys.stdin.readline()
if len(sys.argv) > 1:
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    accepted = [server.accept() for _ in range(3)]
    sys.stdin.readline()
"""


@test("an accept(2) that fails is in the rows of what it did not take: error with the errno, pending while it may yet")
def refused_accepts():
    for way, words, report, wanted in (("launched", [], "conns", ["error EMFILE"] * 3),
                                       ("launched", ["accepts"], "conns", ["ok 0"] * 3),
                                       ("attached", [], "conns", ["error EMFILE"] * 3),
                                       ("-i lo", [], "conns", ["error EMFILE"] * 3),
                                       ("attached", ["waits"], "peers", [(3, 0, 0, 3)]),
                                       ("launched", [], "peers", [(3, 0, 3, 0)])):
        argv = ["python3", "-c", REFUSING] + words
        if way == "launched":
            server = trace = Trace([], argv, stdin=-1, report=report)
        else:
            server = Process(argv, stdin=-1)
        port = int(wait_for(lambda server=server: server.out.split(), "the port")[0])
        if way != "launched":
            trace = attach([server.pid], ["-i", "lo"] if way == "-i lo" else [], runner=[], report=report)
            if way == "-i lo":
                capturing(trace)
        server.line()
        wait_for(lambda server=server: "refused" in server.out, "accept(2) to fail")
        if report == "conns":
            queried(trace, port, 3)
        else:
            requested(trace, lambda rows: any((row["dir"], row["port"], row["conns"]) == ("in", port, 3) for row in rows), "the query")
        if words != ["waits"]:
            server.line()
        if words == ["accepts"]:
            server.line()
        rows = trace.interrupt() if words == ["waits"] else trace.finish()
        rows = [row for row in rows if row["dir"] == "in" and row["lport" if report == "conns" else "port"] == port]
        rows = last_report(rows) if report == "conns" else rows[-1:]
        fact = "%s %s %s: %s" % (way, words, report, rows)
        if report == "conns":
            equal(["%s %s" % (row["result"], row["errno"]) for row in rows], wanted, fact)
        else:
            equal([tuple(row[name] for name in ("conns", "ok", "fail", "pending")) for row in rows], wanted, fact)


OLD = """
import socket, sys, time
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname())
accepted = server.accept()[0]
client.send(b"x" * 1000)
accepted.recv(1000)
print("ready", flush=True)
time.sleep(60)
"""


@test("connections that are older than the run are counted as such, because their bytes are")
def older():
    target = Process([sys.executable, "-c", OLD])
    wait_for(lambda: "ready" in target.out, "the connection")
    for via in ("ptrace", "diag"):
        words = [CONNTRACE, "--via=" + via, "-d", "0.2", "-p", str(target.pid)]
        done = run(words)
        check(", 2 older than the run (bytes of their whole life), " in done.err, done.err)
        rows = parse_rows(run(words + ["-j"]).out)
        equal((rows.summary["older"], sorted(row["rx_bytes"] for row in rows)), (2, [0, 1000]), "in JSON")


# A listening socket that parent and child hold; the child accepts.
SHARED = """
import os, socket, time
listening = socket.create_server(("127.0.0.1", 0))
child = os.fork()
if child:
    print(child, listening.getsockname()[1], flush=True)
# A parent that runs may have accepted.
while child and not os.waitpid(child, os.WNOHANG)[0]:
    time.sleep(0.0005)
while True:
    taken = listening.accept()[0]
    taken.recv(1)
    taken.close()
"""


def talk(port):
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.send(b"x")
        client.recv(1)


@test("an empty table has its reason: another process holds the listening socket, too")
def another_holds():
    parent = Process([sys.executable, "-c", SHARED])
    wait_for(lambda: "\n" in parent.out, "the server: " + parent.err)
    child, port = [int(word) for word in parent.out.split()]
    # Now and then a look finds one that lives long enough to be the child's, or the parent has not run.
    for _ in range(10):
        trace = Process([CONNTRACE, "--via=diag", "--debug=sources", "-p", str(child)])
        wait_for(lambda: "debug: events" in trace.err, "conntrace to watch: " + trace.err)
        talk(port)
        trace.signal(signal.SIGINT)
        equal(trace.wait(), 0, "status")
        if " 0 connections" in trace.err:
            break
    check("PID %d (python3) holds the listening socket 127.0.0.1 port %d too and is not watched, and has run" % (parent.pid, port)
          in trace.err, trace.err)
    check("neither made nor accepted" not in trace.err, "that is not known: " + trace.err)


# A connection that stays open, for mkpcap.
PLAIN = """flow f 198.51.100.1 4000 192.0.2.1 80
+0 f > S seq 1
+0.1 f < SA seq 1 ack 2
+0.1 f > A seq 2 ack 2
"""


@test("each report without a row has its reason")
def reasons():
    recording, log, capture = scratch("ev"), scratch("log"), scratch("pcap")
    must([CONNTRACE, "-q", "-o", "/dev/null", "--record=" + recording, "--", "true"])
    must([os.path.join(TOP_BUILD, "tests/helpers/mkpcap"), "-o", capture], stdin=PLAIN)
    with open(log, "w", encoding="ascii"):
        pass
    for words, reason in ((["--replay=" + recording], "the recording contains no TCP connection"),
                          (["--strace-log=" + log], "the log contains no TCP connection"),
                          (["-r", capture, "--ladder"], "no connection is suspicious; --ladder=all shows all"),
                          (["-r", capture, "--ladder=all"], None), (["-r", capture, "--events"], None),
                          (["-r", capture, "--events=messages"], "no HTTP message and no TLS ClientHello was seen"),
                          (["-r", capture, "--rport=99"], "no connection matched"),
                          (["-r", capture, "--only=failed"], "none of 1 connection is shown by --only"),
                          (["-r", capture, "--filter=udp"], "no packet passed the capture filter"),
                          (["--", "true"], "the command neither made nor accepted a TCP connection")):
        done = run([CONNTRACE] + words)
        equal(len(done.err.splitlines()), 2 if reason else 1, "%s: %s" % (words, done.err))
        check(done.err.startswith("conntrace: " + (reason or "")), "%s: %s" % (words, done.err))


@test("an empty table has its reason: no process has the name that was given")
def no_process():
    for words, said in ((["--comm=nothing-has-it"], '--comm="nothing-has-it";'),
                        (["--unit=none", "--cgroup=/none"], '--unit="none.service" and the other options;')):
        done = run([CONNTRACE, "--via=diag", "-d", "0.1"] + words)
        check("no process that runs is chosen by " + said in done.err, "%s: %s" % (words, done.err))
    target = Process(["sleep", "600"])
    with open("/proc/%d/comm" % target.pid, encoding="ascii") as name:
        done = run([CONNTRACE, "--via=diag", "-d", "0.1", "--comm=" + name.read().strip()])
    check("is chosen by" not in done.err, done.err)


@test("an empty table has its reason: what a SYN was sent for is in no packet")
def no_syn():
    if run(["ip", "link", "add", "quiet", "type", "veth", "peer", "name", "other"]).status:
        raise Skip("no interface can be made here (veth)")
    must(["ip", "addr", "add", "192.0.2.1/24", "dev", "quiet"])
    must(["ip", "link", "set", "quiet", "up"])
    elsewhere = "that never left this host or went through another interface"
    reasons = {(): elsewhere, ("--rport=4444",): elsewhere, ("--rport=80",): None, ("--dir=in",): None,
               ("port", "4444"): "that the capture filter leaves out or that never left this host"}
    for options, reason in reasons.items():
        # Without an answer to ARP the kernel gives an attempt up after three seconds.
        with socket.socket() as waiting:
            waiting.setblocking(False)
            waiting.connect_ex(("192.0.2.2", 4444))
            done = run([CONNTRACE, "-d", "0.2", "-i", "lo"] + list(options))
        if reason:
            check("waits for the answer to 1 SYN (to 192.0.2.2 port 4444) " + reason in done.err,
                  "%s: %s" % (options, done.err))
        else:
            said = "no packet passed the capture filter" if "--rport=80" in options else "no packet came"
            # On a busy machine the errors of the attempts before may come meanwhile (ICMP).
            check("SYN" not in done.err and (said in done.err or "no TCP connection of interest" in done.err), "%s: %s" % (options, done.err))


enter_namespace()
at_once.main(4)
