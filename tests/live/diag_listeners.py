#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--via=diag: ports that change their owner between two samples. The owner of a connection is right, or unknown and counted.

    diag_listeners.py serve|orphan|young        (played by the tests) does what the lines on stdin say
"""
import os
import signal
import socket
import struct
import subprocess
import sys
import time

from lib import (Process, Trace, attach, capturing, check, enter_namespace, equal, fill, free_port, main, need, read_file,
                 require, short, status_field, test, wait_for, watch)
from watched import finish

LOOPBACK = "127.0.0.1"


def serve_lines():
    """listen ADDRESS PORT [port] [v6only] | serve COUNT [reset] | stop"""
    listener = None
    for line in sys.stdin:
        words = line.split()
        if words[0] == "listen":
            family = socket.AF_INET6 if ":" in words[1] else socket.AF_INET
            listener = socket.socket(family, socket.SOCK_STREAM)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT if "port" in words else socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, "v6only" in words)
            listener.bind((words[1], int(words[2])))
            listener.listen(128)
        elif words[0] == "stop":
            listener.close()
        for _ in range(int(words[1]) if words[0] == "serve" else 0):
            served, peer = listener.accept()
            served.recv(10, socket.MSG_WAITALL)
            if "reset" in words:
                served.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                served.send(bytes(20))
                served.recv(1)
            served.close()
            os.write(1, b"%d\n" % peer[1])
        os.write(1, b"done\n")


class Deaths:
    """What the kernel tells of the sockets that die: a little late, and the processors not in turn."""

    def __init__(self):
        self.netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 4)
        self.netlink.bind((0, 1 | 4))    # of IPv4 and of IPv6
        self.ends = []

    def are_told(self, peers, listeners):
        """Have connections with these peers' ports died, and so many sockets that had a port and no peer?"""
        try:
            while True:
                self.ends.append(struct.unpack_from("!HH", self.netlink.recv(8192), 20))
        except BlockingIOError:
            pass
        return (set(peers) <= {peer for _, peer in self.ends} and
                sum(port != 0 and peer == 0 for port, peer in self.ends) >= listeners)


class Server(Process):
    all = []

    def __init__(self, before=()):
        super().__init__(list(before) + [sys.executable, os.path.abspath(__file__), "serve"], stdin=subprocess.PIPE)
        wait_for(lambda: status_field(self.pid, "Name").startswith(("python", "unshare")), "the program to start")
        self.said = self.stops = 0
        Server.all.append(self)

    def tell(self, line):
        self.said += 1
        self.stops += line == "stop"
        self.popen.stdin.write(line.encode() + b"\n")
        self.popen.stdin.flush()

    def done(self):
        wait_for(lambda: self.out.count("done\n") >= self.said, "the server to have done it (%s)" % self.err)

    def do(self, line):
        self.tell(line)
        self.done()

    def accepted(self):
        """The clients' ports."""
        return [int(line) for line in self.out.split() if line != "done"]


def play_orphan():
    """A server sends more than its client reads and ends; what is left dies when the client does."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        port = listener.getsockname()[1]
        if os.fork() == 0:
            served, _ = listener.accept()
            fill(served)
            os._exit(0)
        client = socket.create_connection((LOOPBACK, port))
        os.wait()
    print(port, flush=True)
    sys.stdin.readline()
    client.close()
    sys.stdin.readline()


def play_young(pause):
    """A listener as old as @pause when its connections come."""
    listener = socket.create_server((LOOPBACK, 0))
    time.sleep(pause)
    for _ in range(20):
        client = socket.create_connection(listener.getsockname())
        served, _ = listener.accept()
        client.sendall(bytes(10))
        served.recv(10)
        served.sendall(bytes(100))
        served.close()
        while client.recv(200):
            pass
        client.close()


def call(count, port, address=LOOPBACK):
    """Connections one after the other, each until its end."""
    for _ in range(count):
        with socket.create_connection((address, port), 10) as client:
            try:
                client.sendall(bytes(10))
                while client.recv(100):
                    client.shutdown(socket.SHUT_WR)
            except ConnectionResetError:
                pass


def serve(server, count, port, address=LOOPBACK, how=""):
    """Each connection until the kernel has reported its end, but of a reset, whose socket has no peer by then."""
    before, deaths = len(server.accepted()), Deaths()
    server.tell("serve %d %s" % (count, how))
    call(count, port, address)
    server.done()
    if not how:
        wait_for(lambda: deaths.are_told(server.accepted()[before:], 0), "the kernel to tell of the ends")
    deaths.netlink.close()


def watched(target):
    """conntrace, which watches the target and, so that it can be known that it has looked, one more."""
    port, anchor = free_port(), Server()
    anchor.do("listen 127.0.0.1 %d" % port)
    trace = watch([target.pid, anchor.pid])
    trace.anchor, trace.anchor_port = anchor, port
    return trace


def looked(trace):
    """Until conntrace has looked once more."""
    known, due = len(trace.anchor.accepted()), 0

    def is_told():
        nonlocal due
        # On a busy machine a connection may be too short to find its owner, and is counted only.
        if time.monotonic() >= due:
            serve(trace.anchor, 1, trace.anchor_port)
            due = time.monotonic() + 2
        os.kill(trace.pid, signal.SIGUSR1)
        text = read_file(trace.rows_path)
        return any('"rport":%d,' % peer in text for peer in trace.anchor.accepted()[known:])
    wait_for(is_told, "it to look again")


def serve_certain(trace, target, port, address=LOOPBACK):
    """Four connections, once those of this listener are certain. Return: their clients' ports."""
    def is_certain():
        before = len(target.accepted())
        serve(target, 1, port, address)
        looked(trace)
        return '"rport":%d,' % target.accepted()[before] in read_file(trace.rows_path)
    wait_for(is_certain, "connections to be certain")
    before = len(target.accepted())
    serve(target, 4, port, address)
    return target.accepted()[before:]


def asleep(trace, does, waits=True):
    """Events between two samples that are reported before the second one."""
    looked(trace)
    os.kill(trace.pid, signal.SIGSTOP)
    wait_for(lambda: status_field(trace.pid, "State")[:1] == "T", "conntrace to stop")
    stops, served = sum(server.stops for server in Server.all), {p for s in Server.all for p in s.accepted()}
    deaths = Deaths()
    does()
    stops = sum(server.stops for server in Server.all) - stops
    peers = {p for s in Server.all for p in s.accepted()} - served if waits else ()
    wait_for(lambda: deaths.are_told(peers, stops), "the kernel to tell of all that died")
    deaths.netlink.close()
    os.kill(trace.pid, signal.SIGCONT)
    # While final counters from before may arrive nothing is certain.
    for _ in range(6):
        looked(trace)


def compare(trace, target, others, certain):
    """None is another's, all are shown or counted, and those of @certain are shown. Return: the rows of the last report."""
    rows = finish(trace)
    summary, rows = rows.summary, [row for row in rows if row["lport"] != trace.anchor_port]
    theirs, foreign = target.accepted(), {port for other in others for port in other.accepted()}
    last = {row["rport"]: row for row in rows}
    require(not set(last) & foreign, "not the target's: %s" % [short(last[port]) for port in set(last) & foreign])
    for row in last.values():
        equal((row["dir"], row["pid"] in (target.pid, None), row["rx_bytes"], row["tx_bytes"]), ("in", True, 10, 20),
              short(row))
    check(set(certain) <= set(last), "%d of %d that are surely the target's" % (len(set(certain) & set(last)), len(certain)))
    missing = [port for port in theirs if port not in last]
    check(summary["too_short"] >= len(missing), "%d of %d not shown, %s" % (len(missing), len(theirs), summary))
    return last


def play(scene, first):
    """A target that listens and serves, a scene between two looks, and the target serves again."""
    port = free_port()
    target = Server()
    for line in first:
        target.do(line % port)
    trace = watched(target)
    certain = serve_certain(trace, target, port)
    others = []
    asleep(trace, lambda: scene(target, others, port))
    return compare(trace, target, others, certain + serve_certain(trace, target, port))


def another(others, line):
    others.append(Server())
    others[-1].do(line)
    return others[-1]


def lent(line):
    """The target listens by @line, but for a while another program does, on one address."""
    def scene(target, others, port):
        target.do("stop")
        other = another(others, "listen 127.0.0.1 %d" % port)
        serve(other, 7, port)
        other.do("stop")
        target.do(line % port)
        serve(target, 3, port)
    play(scene, [line])


@test("a port that another program had for a while, between two looks")
def taken_over():
    lent("listen 127.0.0.1 %d")


@test("a port of all addresses, of which another program had one between two looks")
def narrower():
    lent("listen 0.0.0.0 %d")


@test("a port that another program took and keeps: nothing of it is the target's")
def kept():
    port = free_port()
    target, others = Server(), []
    target.do("listen 127.0.0.1 %d" % port)
    trace = watched(target)
    certain = serve_certain(trace, target, port)

    def scene():
        serve(target, 2, port)
        target.do("stop")
        another(others, "listen :: %d" % port)
        serve(others[0], 7, port)
    asleep(trace, scene)
    serve(others[0], 7, port)
    compare(trace, target, others, certain)


@test("a target takes a port over from another program")
def handed_to_target():
    port = free_port()
    target, other = Server(), Server()
    other.do("listen 127.0.0.1 %d" % port)
    trace = watched(target)
    serve(other, 3, port)

    def scene():
        serve(other, 2, port)
        other.do("stop")
        target.do("listen 0.0.0.0 %d" % port)
        serve(target, 7, port)
    asleep(trace, scene)
    compare(trace, target, [other], serve_certain(trace, target, port))


@test("SO_REUSEPORT shared with another program for a while, between two looks")
def shared_unseen():
    def scene(target, others, port):
        other = another(others, "listen 127.0.0.1 %d port" % port)
        # The kernel's choice is unknown: both accept until there are two for each.
        with_both(target, other, port)
        other.do("stop")
    play(scene, ["listen 127.0.0.1 %d port"])


def with_both(target, other, port):
    clients = []
    for _ in range(40):
        clients.append(socket.create_connection((LOOPBACK, port), 10))
        clients[-1].sendall(bytes(10))
        clients[-1].shutdown(socket.SHUT_WR)
    waiting = {server: 0 for server in (target, other)}
    inodes = {os.stat("/proc/%d/fd/3" % server.pid).st_ino: server for server in waiting}
    for line in subprocess.run([need("ss"), "-Htlne", "sport", "= :%d" % port], stdout=subprocess.PIPE, check=True,
                               timeout=10).stdout.decode().splitlines():
        inode = next(int(word[4:]) for word in line.split() if word.startswith("ino:"))
        waiting[inodes[inode]] = int(line.split()[1])
    equal(sum(waiting.values()), 40, "connections that wait")
    for server, count in waiting.items():
        server.do("serve %d" % count)
    for client in clients:
        client.close()


@test("SO_REUSEPORT shared with another program all the time: counted, none is guessed")
def shared():
    port = free_port()
    target, other = Server(), Server()
    for server in (target, other):
        server.do("listen 127.0.0.1 %d port" % port)
    trace = watched(target)
    with_both(target, other, port)
    compare(trace, target, [other], [])


@test("one listener for both families: each connection with its own")
def dual_stack():
    port = free_port()
    target = Server()
    target.do("listen :: %d" % port)
    trace = watched(target)
    certain = serve_certain(trace, target, port) + serve_certain(trace, target, port, "::1")
    last = compare(trace, target, [], certain)
    equal(sorted(last[peer]["raddr"] for peer in certain if peer in last), [LOOPBACK] * 4 + ["::1"] * 4, "RADDR")
    equal({row["laddr"] == row["raddr"] for row in last.values()}, {True}, "LADDR is of the same family")


@test("a listener for IPv6 alone, and another program's for IPv4 on the same port, which is not watched")
def v6_only():
    port = free_port()
    target, others = Server(), []
    target.do("listen :: %d v6only" % port)
    trace = watched(target)
    certain = serve_certain(trace, target, port, "::1")

    def scene():
        other = another(others, "listen 0.0.0.0 %d" % port)
        serve(other, 7, port)
        other.do("stop")
    asleep(trace, scene)
    compare(trace, target, others, certain + serve_certain(trace, target, port, "::1"))


@test("a new listener whose connections are all reset before the first look at it: they are the target's")
def reset_at_once():
    port = free_port()
    target = Server()
    trace = watched(target)

    def scene():
        target.do("listen 127.0.0.1 %d" % port)
        serve(target, 6, port, how="reset")
    asleep(trace, scene, waits=False)    # such have no peer when they die
    rows = [row for row in finish(trace) if row["lport"] == port]
    rows = list({row["cookie"]: row for row in rows}.values())
    equal([(row["dir"], row["pid"], row["rport"], row["rx_bytes"], row["tx_bytes"]) for row in rows],
          [("in", target.pid, None, None, None)] * 6, "rows")


@test("the same port in another network namespace: nothing of that is seen, nothing else is taken for it")
def elsewhere():
    port = free_port()
    target = Server()
    target.do("listen 127.0.0.1 %d" % port)
    inside = Server([need("unshare"), "-n", "sh", "-c", 'ip link set lo up; exec "$@"', "sh"])
    both = watched(target)
    wait_for(lambda: os.readlink("/proc/%d/ns/net" % inside.pid) != os.readlink("/proc/self/ns/net"), "its namespace")
    inside.do("listen 127.0.0.1 %d" % port)
    compare(both, target, [inside], serve_certain(both, target, port))


@test("what a server that has ended left dying is not its successor's, by diag and by ptrace")
def orphan():
    for way in (watch, attach):
        old = Process([sys.executable, os.path.abspath(__file__), "orphan"], stdin=subprocess.PIPE)
        port = int(wait_for(lambda: old.out.strip(), "the connection to lose its process"))
        target = Server()
        target.do("listen 127.0.0.1 %d" % port)
        trace = way([target.pid])
        serve(target, 2, port)
        deaths = Deaths()
        old.line()
        wait_for(lambda: deaths.are_told([], 0) or len(deaths.ends) >= 2, "both ends of the orphan to die")
        serve(target, 2, port)
        rows = [row for row in (finish(trace) if way is watch else trace.interrupt())]
        equal(sorted(row["rport"] for row in rows if row["pid"] == target.pid), sorted(target.accepted()),
              "the peers of the target's rows")
        check(all(row["rport"] in target.accepted() for row in rows), "rows: %s" % [short(row) for row in rows])
        old.line()
        target.end()


@test("a server that is watched from its start: all its connections, however young its listener is")
def young():
    whole = [(10, 100)] * 20
    for pause in (0, 0.05, 0.2, 0.6):
        # On a busy machine a look may come too late for 20 connections of a moment: then there are fewer rows, and the
        # others are counted.
        for _ in range(10):
            trace = Trace(["--via=diag"], [sys.executable, os.path.abspath(__file__), "young", str(pause)])
            found = trace.finish()
            # A look that comes in time shows the client's end, too.
            rows = [(row["rx_bytes"], row["tx_bytes"]) for row in found if row["dir"] == "in"]
            check(set(rows) <= set(whole), "rows of a server that was %g s old: %s" % (pause, rows))
            check(len(rows) + found.summary["too_short"] >= len(whole), "%d rows, accounts: %s" % (
                len(rows), found.summary))
            if not rows:
                check("is unknown" in found.summary["reason"], "reason: %r" % found.summary["reason"])
            if rows == whole:
                break
        equal(rows, whole, "rows of a server that was %g s old" % pause)


@test("packets give the remote port of connections that their owner resets, which the kernel has forgotten")
def resets_with_packets():
    server, port, deaths, clients = Server(), free_port(), Deaths(), []
    server.do("listen 127.0.0.1 %d" % port)
    trace = watch([server.pid], ["-i", "lo"], before=[])
    capturing(trace)
    server.tell("serve 3 reset")
    for _ in range(3):
        with socket.create_connection((LOOPBACK, port)) as client:
            clients.append(client.getsockname()[1])
            client.send(bytes(10))
            try:
                client.recv(1)
            except ConnectionResetError:
                pass
    server.done()
    wait_for(lambda: deaths.are_told([], 3), "the kernel to report the ends")
    rows = trace.interrupt()
    equal([(row["dir"], row["rport"], row["rx_bytes"], row["close"], row["pid"]) for row in rows],
          [("in", client, 10, "lrst", server.pid) for client in clients], "rows: %s" % rows.summary)
    server.end()


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        serve_lines()
    elif sys.argv[1:] == ["orphan"]:
        play_orphan()
    elif len(sys.argv) == 3 and sys.argv[1] == "young":
        play_young(float(sys.argv[2]))
    else:
        enter_namespace()
        main()
