#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Attaching to running processes as an ordinary user, and letting them go unharmed."""
import json
import os
import signal
import subprocess

import lib
from lib import (CONNTRACE, MKCONN, Process, Trace, as_nobody, attach, check, equal, facts_of, find_row, main, mkconn,
                 need, read_file, run, scratch, short, status_field, tasks, test, tracer_of, wait_file,
                 wait_for)

SERVE = ["forever", "accept4", "recv=10", "send=20", "recv-all", "close", "done"]


class Server(Process):
    """A mkconn of an ordinary user that serves until the test ends."""

    def __init__(self, words=SERVE, listen="127.0.0.1:0", **keywords):
        self.truth_path, port = scratch("truth"), scratch("port")
        super().__init__(as_nobody() + [MKCONN, "truth=" + self.truth_path, "listen=" + listen, "port-file=" + port] +
                         list(words), **keywords)
        self.port = int(wait_file(port))
        self.waiting()

    def waiting(self):
        """Until every thread sleeps in a call."""
        wait_for(lambda: all(status_field(self.pid, "State", task)[:1] == "S" for task in tasks(self.pid)),
                 "the server to wait")

    def truth(self):
        return [json.loads(line) for line in read_file(self.truth_path).splitlines()]

    def serve(self, count=1):
        """So many connections are made, served and closed."""
        before = len(self.truth())
        client = mkconn(["count=%d" % count, "connect=127.0.0.1:%d" % self.port, "send=10", "recv=20", "close", "done"])
        equal(client.wait(), 0, "the client's end")
        truth = client.truth()
        equal([(t["result"], t["rx_bytes"]) for t in truth], [("ok", 20)] * count, "what the clients got")
        wait_for(lambda: len(self.truth()) >= before + count, "the server to close them")


def served(server, rows, count):
    """The rows are the server's connections, exactly."""
    truth = [t for t in server.truth() if t["rport"] in {row["rport"] for row in rows}]
    equal((len(rows), len(truth)), (count, count), "rows, connections")
    for fact in truth:
        row = find_row(rows, fact)
        equal((row["dir"], row["result"], row["rx_bytes"], row["tx_bytes"], row["pid"], row["tid"], row["fd"]),
              ("in", "ok", 10, 20, fact["pid"], fact["tid"], fact["fd"]), short(row))


def let_go(server):
    """The target runs on, untraced, and serves."""
    check(server.alive(), "the target lives")
    wait_for(lambda: tracer_of(server.pid) == 0, "the target to be let go")
    server.serve(2)


@test("attached, traced, let go by SIGINT, SIGTERM and SIGHUP: exit status 0, the target serves on")
def detach():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        server = Server()
        trace = attach([server.pid])
        server.serve(20)
        trace.signal(number)
        served(server, trace.finish(), 20)
        let_go(server)


@test("several processes: unquoted operands, commas, newlines, -p repeated")
def several():
    servers = [Server() for _ in range(3)]
    a, b, c = (str(server.pid) for server in servers)
    for words in (["-p", a, b, c], ["-p", "%s,%s,%s" % (a, b, c)], ["-p", "%s\n%s %s\n" % (a, b, c)],
                  ["-p", a, "-p", b, "-p", c]):
        trace = attach([server.pid for server in servers], words=words)
        for server in servers:
            server.serve(3)
        rows = trace.interrupt()
        equal(sorted((row["pid"], row["lport"]) for row in rows),
              sorted((server.pid, server.port) for server in servers for _ in range(3)), "PID, LPORT with %s" % words)


@test("all threads of a process are attached to")
def threads():
    server = Server(["threads=4"] + SERVE)
    trace = attach([server.pid])
    server.serve(40)
    rows = trace.interrupt()
    served(server, rows, 40)
    check({row["tid"] for row in rows} <= set(tasks(server.pid)), "TID names threads")
    let_go(server)


@test("workers forked before and after are traced")
def forks():
    server = Server(["fork=2"] + SERVE + ["done", "wait-stdin", "fork=1"] + SERVE + ["done"], stdin=subprocess.PIPE)
    workers = lib.children(server.pid)
    trace = attach([server.pid] + workers)
    server.serve(10)
    server.line()
    wait_for(lambda: len(lib.children(server.pid)) == 3, "the third worker")
    third = (set(lib.children(server.pid)) - set(workers)).pop()
    check(tracer_of(third) in tasks(trace.pid), "a thread of conntrace traces the new worker")
    for worker in workers:
        os.kill(worker, signal.SIGSTOP)    # the third must do it
    wait_for(lambda: all(status_field(w, "State")[:1] in "Tt" for w in workers), "the others to stop")
    server.serve(5)
    for worker in workers:
        os.kill(worker, signal.SIGCONT)
    rows = trace.interrupt()
    served(server, rows, 15)
    check(len([row for row in rows if row["pid"] == third]) >= 5, "the third worker's rows")
    let_go(server)


@test("connections from before: p in SEEN, their direction and all their bytes")
def existing():
    server = Server(["accept4", "recv=100", "send=200", "keep", "accept4", "recv=100", "send=200", "recv-all", "close",
                     "wait-stdin"], stdin=subprocess.PIPE)
    stays = mkconn(["connect=127.0.0.1:%d" % server.port, "send=100", "recv=200", "wait-stdin"], stdin=subprocess.PIPE)
    stays_port = wait_for(lambda: established(server.port, stays.pid), "the first connection")
    ends = mkconn(["connect=127.0.0.1:%d" % server.port, "send=100", "recv=200", "wait-stdin", "send=55", "close"],
                  stdin=subprocess.PIPE)
    wait_for(lambda: established(server.port, ends.pid), "the second connection")
    server.waiting()
    trace = attach([server.pid])
    ends.line()
    ends.wait()
    fact = wait_for(server.truth, "the second connection's end")[0]
    rows = trace.interrupt()
    equal(len(rows), 2, "rows")
    second = find_row(rows, fact)
    first = [row for row in rows if row is not second][0]
    for row in rows:
        check("p" in (row["seen"] or ""), "SEEN of " + short(row))
        equal((row["dir"], row["lport"], row["pid"], row["result"]), ("in", server.port, server.pid, "ok"), short(row))
    equal((second["rx_bytes"], second["tx_bytes"], second["state"]), (155, 200, "closed"), short(second))
    equal((first["rx_bytes"], first["tx_bytes"], first["rport"], first["state"]), (100, 200, stays_port, "ESTABLISHED"),
          short(first))


def established(port, pid):
    """The local port of this process's established connection to a port of 127.0.0.1, once it has moved its bytes."""
    for line in read_file("/proc/%d/net/tcp" % pid).splitlines()[1:]:
        words = line.split()
        if words[2] == "0100007F:%04X" % port and words[3] == "01":
            inode = "socket:[%s]" % words[9]
            if any(os.readlink("/proc/%d/fd/%s" % (pid, fd)) == inode for fd in os.listdir("/proc/%d/fd" % pid)
                   if fd not in ("0", "1", "2")) and status_field(pid, "State")[:1] == "S":
                return int(words[1].split(":")[1], 16)
    return None


@test("conntrace killed: the target serves on")
def killed():
    server = Server(["threads=2"] + SERVE)
    trace = attach([server.pid])
    server.serve(3)
    trace.signal(signal.SIGKILL)
    equal(trace.wait(), -signal.SIGKILL, "conntrace's end")
    let_go(server)


@test("the target ends: so does conntrace, with status 0 and the report")
def target_ends():
    server = Server(["accept4", "recv=10", "send=20", "recv-all", "close", "exit=7"])
    trace = attach([server.pid])
    server.serve(1)
    equal(server.wait(), 7, "the target's own end")
    served(server, trace.finish(0), 1)
    server = Server()
    trace = attach([server.pid])
    server.serve(1)
    server.signal(signal.SIGKILL)
    equal(server.wait(), -signal.SIGKILL, "the target's own end")
    served(server, trace.finish(0), 1)


@test("a stopped target stays stopped when attached and detached, and continues at SIGCONT")
def stopped():
    server = Server()
    server.signal(signal.SIGSTOP)
    wait_for(lambda: status_field(server.pid, "State")[:1] == "T", "the target to stop")
    trace = Trace(["--via=ptrace", "-p", str(server.pid)], before=as_nobody())
    wait_for(lambda: tracer_of(server.pid), "attaching")
    client = mkconn(["connect=127.0.0.1:%d" % server.port, "send=10", "touch=" + (sent := scratch("sent")), "recv=20",
                     "close"])
    wait_file(sent)
    wait_for(lambda: status_field(client.pid, "State")[:1] == "S", "the client to wait")
    # Being attached to wakes it for a moment, but not to go on.
    wait_for(lambda: status_field(server.pid, "State")[:1] in ("T", "t"), "the target to be stopped still")
    check(client.alive(), "it does not serve")
    server.signal(signal.SIGCONT)
    equal(client.wait(), 0, "served once continued")
    wait_for(server.truth, "the server to close it")
    server.signal(signal.SIGSTOP)
    wait_for(lambda: status_field(server.pid, "State")[:1] in "Tt", "the target to stop again")
    served(server, trace.interrupt(), 1)
    wait_for(lambda: tracer_of(server.pid) == 0, "the target to be let go")
    equal(status_field(server.pid, "State")[:1], "T", "stopped after being let go")
    server.signal(signal.SIGCONT)
    let_go(server)


def refusal(words, before=()):
    """conntrace that can attach to nothing. Return: its Result."""
    result = run(list(before) + [CONNTRACE] + words, limit=60)
    equal(result.status, 1, "exit status of %s (%s)" % (words, result.err.strip()))
    return result


@test("cannot attach: the message names the process and the reason, exit status 1")
def cannot():
    gone = subprocess.Popen(["true"])
    gone.wait()
    result = refusal(["-p", str(gone.pid)])
    check(str(gone.pid) in result.err and "no such process" in result.err.lower(), result.err)
    if as_nobody():
        others = Process(["sleep", "60"])
        result = refusal(["-p", str(others.pid)], as_nobody())
        check(str(others.pid) in result.err and ("user" in result.err or "root" in result.err), result.err)
    server = Server()
    strace = Process(as_nobody() + [need("strace"), "-f", "-o", "/dev/null", "-p", str(server.pid)])
    wait_for(lambda: tracer_of(server.pid), "strace to attach")
    result = refusal(["--via=ptrace", "-p", str(server.pid)], as_nobody())
    check(str(server.pid) in result.err and str(tracer_of(server.pid)) in result.err and "traced" in result.err,
          "names the other tracer: " + result.err)
    # One that can be traced is enough.
    other = Server()
    trace = attach([other.pid], words=["-p", str(server.pid), str(gone.pid), str(other.pid)])
    other.serve(2)
    rows = trace.interrupt()
    served(other, rows, 2)
    check(str(server.pid) in trace.err and str(gone.pid) in trace.err, "both are warned of: " + trace.err)
    strace.signal(signal.SIGINT)
    strace.wait()
    let_go(server)


@test("its own ancestors and itself are refused")
def ancestors():
    result = refusal([], ["sh", "-c", '"$0" --via=ptrace -p $$; exit $?'])
    check("inside" in result.err, result.err)


@test("not a PID: exit status 2, the word quoted")
def wrong_words():
    for word in ("abc", "0", "-5", "1x", "99999999999", "1,,x"):
        result = run([CONNTRACE, "-p", word], limit=60)
        equal(result.status, 2, "exit status for %r (%s)" % (word, result.err.strip()))
        check(word.split(",")[-1] in result.err, "the word is quoted: " + result.err)


@test("what the target sees is what it sees without conntrace")
def unharmed():
    facts = []
    for traced in (False, True):
        server = Server(["threads=2", "count=10", "accept4", "recv=10", "send=20", "recv-all", "close", "done", "done",
                         "join", "nonblock", "connect=127.0.0.1:1", "poll", "so-error", "close", "exit=5"])
        trace = attach([server.pid]) if traced else None
        server.serve(20)
        status = server.wait()
        if trace:
            rows = trace.finish()
            equal(len(rows), 21, "rows")
        facts.append((status, server.err, facts_of(server.truth())))
    equal(facts[1], facts[0], "the scenario")


@test("let go while connections end: what the rows say is true, or unknown, never stale")
def let_go_at_once():
    for _ in range(10):
        server = Server()
        trace = attach([server.pid])
        client = mkconn(["count=5", "connect=127.0.0.1:%d" % server.port, "send=10", "recv=20", "close", "done"])
        client.wait()
        rows = trace.interrupt()
        equal(len(rows), 5, "rows")
        for row in rows:
            # The client is gone, so all that will ever move has moved.
            check(row["rx_bytes"] in (10, None) and row["tx_bytes"] in (20, None), short(row))
        server.end()


@test("-d ends an attached run: status 0, the target serves on")
def duration():
    server = Server()
    trace = attach([server.pid], ["-d", "1.5"])
    server.serve(4)
    served(server, trace.finish(0), 4)
    let_go(server)


if __name__ == "__main__":
    main()
