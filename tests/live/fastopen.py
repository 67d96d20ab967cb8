#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""TCP Fast Open on blocking sockets: the data of the SYN are sent once in every mode."""
import os
import select
import socket
import sys
import time

import at_once
import lib
from lib import (Process, Skip, Trace, attach, check, enter_namespace, equal, firewall, firewall_count, firewall_off,
                 require, scratch, sysctl, test, touch, wait_file, wait_for)
from modes import written

HERE = "127.0.0.1"
DATA = 10
# The ways to send first, each in a process of its own that a child of its own disturbs.
PROGRAM = r"""
import ctypes, os, socket, sys, threading, time
port, end, ways = int(sys.argv[1]), sys.argv[2], sys.argv[3].split(",")
libc = ctypes.CDLL(None, use_errno=True)
data = bytes(10)
TCP_FASTOPEN_CONNECT, MSG_FASTOPEN = 30, 0x20000000

def file():
    fd = os.memfd_create("data")
    os.write(fd, data)
    os.lseek(fd, 0, 0)
    return fd

def pipe():
    out, into = os.pipe()
    os.write(into, data)
    return out

def in_thread(s):
    thread = threading.Thread(target=s.send, args=(data,))
    thread.start()
    thread.join()

def in_child(s):
    pid = os.fork()
    if pid == 0:
        disturb()
        s.send(data)
        os._exit(0)
    os.waitpid(pid, 0)

def after_calls(s):
    s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    s.setblocking(False)
    s.setblocking(True)
    other = socket.socket()
    other.connect_ex(("127.0.0.1", 1))
    other.close()
    os.close(os.dup(s.fileno()))
    s.send(data)

def write(s):
    assert libc.write(s.fileno(), data, 10) == 10

WAYS = {"MSG_FASTOPEN": lambda s: s.sendto(data, MSG_FASTOPEN, ("127.0.0.1", port)),
        "send": lambda s: s.send(data), "sendmsg": lambda s: s.sendmsg([data]), "write": write,
        "writev": lambda s: os.writev(s.fileno(), [data]), "sendfile": lambda s: os.sendfile(s.fileno(), file(), 0, 10),
        "splice": lambda s: os.splice(pipe(), s.fileno(), 10), "a thread": in_thread, "a child": in_child,
        "after other calls": after_calls}

def disturb():
    # Its end is a signal that is ignored.
    if os.fork() == 0:
        while not os.path.exists(end):
            time.sleep(0.005)
        os._exit(0)

def play(way):
    s = socket.socket()
    if way != "MSG_FASTOPEN":
        s.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1)
        s.connect(("127.0.0.1", port))
    if way != "a child":
        disturb()
    WAYS[way](s)
    s.shutdown(socket.SHUT_WR)
    s.recv(1)

play("MSG_FASTOPEN")    # gets the cookie
print("ready", flush=True)
sys.stdin.readline()
pids = []
for way in ways:
    pids.append(os.fork())
    if pids[-1] == 0:
        play(way)
        os._exit(0)
sys.exit(max(os.waitpid(pid, 0)[1] for pid in pids))
"""
WAYS = ("MSG_FASTOPEN", "send", "sendmsg", "write", "writev", "sendfile", "splice", "a thread", "a child",
        "after other calls")


def listening():
    sysctl("net.ipv4.tcp_fastopen", 3)
    listener = socket.create_server((HERE, 0), backlog=64)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 64)
    return listener


def served(listener):
    """Return: how many bytes came on one connection."""
    require(select.select([listener], [], [], lib.WAIT_SEC)[0], "no connection came")
    with listener.accept()[0] as connection:
        connection.settimeout(lib.WAIT_SEC)
        count = 0
        while part := connection.recv(100):
            count += len(part)
    return count


class Scene:
    """The program with its cookie, before it opens the connections that matter; their answers are held up."""

    def __init__(self, ways, before=()):
        self.ways, self.listener, self.end_path = ways, listening(), scratch("end")
        argv = [sys.executable, written(PROGRAM, "program"), str(self.listener.getsockname()[1]), self.end_path,
                ",".join(ways)]
        self.process = Process(list(before) + argv, stdin=lib.subprocess.PIPE)
        equal(served(self.listener), DATA, "bytes, undisturbed")
        wait_for(lambda: "ready" in self.process.out or not self.process.alive(), "the cookie")

    def begin(self):
        firewall("tcp flags & (syn|ack) == syn|ack counter name seen drop")
        self.process.line()
        wait_for(lambda: firewall_count() >= len(self.ways), "the answers to be lost")

    def disturb(self):
        """Children end while the sends sleep."""
        before = len(self.sleepers())
        require(before >= len(self.ways), "%d processes" % before)
        touch(self.end_path)
        wait_for(lambda: len(self.sleepers()) <= before - len(self.ways), "the disturbers to end")

    def sleepers(self):
        """Living processes of the namespace that play."""
        return [pid for pid in os.listdir("/proc") if pid.isdigit() and
                self.end_path in lib.read_file("/proc/%s/cmdline" % pid) and
                lib.status_field(int(pid), "State")[:1] not in "Z"]

    def finish(self, what):
        """what is said when it fails; None: it may."""
        touch(self.end_path)
        firewall_off()
        bytes_got = [served(self.listener) for _ in self.ways]
        if what:
            equal(bytes_got, [DATA] * len(self.ways), "bytes, " + what)
        equal(self.process.wait(), 0, "the program's end")
        self.listener.close()


def rows_are_right(rows, count):
    """The program does not report its own port: the data that were sent are enough."""
    rows = [row for row in rows if row["rport"] != 1]
    equal([(row["result"], row["tx_bytes"], row["errno"]) for row in rows], [("ok", DATA, "0")] * count, "rows")


@test("disturbed by a signal that it ignores: untraced, launched, attached, each way to send first")
def disturbed():
    scene = Scene(WAYS)
    scene.begin()
    scene.disturb()
    scene.finish("untraced")
    for options in ([], ["--watch-close"], ["--no-filter"]):
        rows = scratch("rows")
        scene = Scene(WAYS, [lib.CONNTRACE, "-q", "-z", "conns", "-j", "-o", rows, *options, "--"])
        scene.begin()
        scene.disturb()
        scene.finish("launched %s" % options)
        rows_are_right(lib.parse_rows(lib.read_file(rows)), len(WAYS) + 1)
    scene = Scene(WAYS)
    trace = attach([scene.process.pid])
    scene.begin()
    scene.disturb()
    scene.finish("attached")
    rows_are_right(trace.finish(), len(WAYS))


def attach_meanwhile():
    """Return: was it early enough, that is before the first answer came again?"""
    scene = Scene(("MSG_FASTOPEN", "send", "sendfile"))
    begin = time.monotonic()
    scene.begin()
    # Those that have a child to disturb them.
    pids = [int(pid) for pid in scene.sleepers() if int(pid) != scene.process.pid and
            lib.read_file("/proc/%s/task/%s/children" % (pid, pid)).strip()]
    equal(len(pids), 3, "processes that send")
    trace = Trace(["--via=ptrace", "-p", ",".join(map(str, pids))], before=lib.as_nobody())
    # It is there and waits for the handshakes.
    wait_for(lambda: len(os.listdir("/proc/%d/task" % trace.pid)) > 1, "the tracing thread")
    firewall_off()
    early = time.monotonic() - begin < 0.9
    scene.finish("attached meanwhile" if early else None)
    # They may have ended by the time their handshakes are over.
    check(trace.wait() in (0, 1), "conntrace's status: " + trace.err)
    return early


@test("attached to while the answer is awaited")
def attached_meanwhile():
    if not any(attach_meanwhile() for _ in range(5)):
        raise Skip("this machine is too slow: five times the answer came again before conntrace was there")


@test("a launched program stops at every call only until it has sent")
def runs_freely():
    program = ("import os, socket, sys\n"
               "s = socket.socket()\ns.setsockopt(socket.IPPROTO_TCP, 30, 1)\ns.connect(('127.0.0.1', int(sys.argv[1])))\n"
               "s.send(bytes(10))\n"
               "for _ in range(5000):\n  os.getppid()\n"
               "s.close()\n")
    listener = listening()
    stops = []
    for _ in range(2):
        trace = Trace([], [sys.executable, "-c", program, str(listener.getsockname()[1])])
        equal(served(listener), DATA, "bytes")
        stops.append(trace.finish().summary["stops"])
    # The first one has no cookie: its connect(2) waits for the handshake.
    check(max(stops) < 1000, "stops of a program that makes thousands of other calls: %r" % stops)
    check(stops[1] < stops[0] + 20, "stops without and with a cookie: %r" % stops)


if __name__ == "__main__":
    enter_namespace()
    at_once.main(4)
