#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The same connections, watched in each way: each way says the same of how they ended, or that it is unknown.

A process under watch plays one side of each scenario, the test the other one, on another host. What runs beside watches
the same traffic at the same time; as root --via=bpf and --via=perf do, too.
"""
import ctypes
import os
import signal
import socket
import struct
import subprocess
import sys
import threading

import at_once
from lib import (CONNTRACE, HERE, THERE, Process, Trace, attach, by_bpf, by_perf, capturing, check, enter_namespace, equal, must,
                 need, need_all, other_host, require, run, scratch, short, status_field, test, wait_for, watch)

# The process under watch: it executes the lines that it reads, and answers each.
PLAYER = r"""
import ctypes, os, socket, struct, sys, time
def dial(port, wait=None):
    s = socket.socket()
    s.settimeout(wait)
    try:
        s.connect((sys.argv[1], port))
    except OSError:
        pass
    return s
def fill(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 200000)
    s.setblocking(False)
    try:
        while True:
            s.send(bytes(65536))
    except BlockingIOError:
        s.setblocking(True)
def read_all(s):
    try:
        while s.recv(1000):
            pass
    except ConnectionError:
        pass
def wait_closed(s):
    while s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != 7:
        time.sleep(0.001)
def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()
def exit_with(s):
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.read(read_end, 1)
        os._exit(0)
    s.close()
    os.write(write_end, b"x")
    os.waitpid(pid, 0)
print("ready", flush=True)
for line in sys.stdin:
    exec(line)
    print("done", flush=True)
"""
TCP_CLOSE, TCP_CLOSE_WAIT = 7, 8
CLONE_NEWNET = 0x40000000
# Ways that see all packets of a connection whose SYN leaves this host.
BY_PACKETS = ("bpf -i any", "launched -i any", "launched -i here", "-i any", "-i here", "-r")


class Play:
    """Both sides: here() lets the process under watch do something with its socket s; peer is the other side's."""

    def __init__(self, player, inside):
        self.player, self.inside, self.lines, self.key, self.peer = player, inside, 0, None, None
        self.used = set()

    def there(self, function):
        """function() in the network namespace of the other host: its sockets belong to that one."""
        result = []

        def act():
            with open(self.inside[1].split("=")[1], "rb") as file:
                if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET) == 0:
                    result.append(function())
        thread = threading.Thread(target=act)
        thread.start()
        thread.join()
        require(result, "the other host does nothing")
        return result[0]

    def here(self, line):
        self.player.popen.stdin.write(line.encode() + b"\n")
        self.player.popen.stdin.flush()
        self.lines += 1
        wait_for(lambda: self.player.out.count("done") >= self.lines, line)

    def bound(self):
        """A socket of the other host, with a small buffer; its port, which no other one has, names the scenario."""
        while True:
            bound = self.there(socket.socket)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            bound.bind((THERE, 0))
            self.key = bound.getsockname()[1]
            if self.key not in self.used:
                self.used.add(self.key)
                return bound
            bound.close()

    def open(self):
        with self.bound() as listener:
            listener.listen()
            self.here("s = dial(%d)" % self.key)
            self.peer = listener.accept()[0]
        self.greet()

    def accept(self):
        self.here("listener = socket.create_server((sys.argv[2], 0)); print(listener.getsockname()[1], flush=True)")
        port = int(self.player.out.split()[-2])
        self.peer = self.bound()
        self.peer.connect((HERE, port))
        self.here("s = listener.accept()[0]; listener.close()")
        self.greet()

    def attempt(self):
        """Nothing listens on the port."""
        self.bound().close()

    def greet(self):
        self.here("s.sendall(b'hello')")
        self.peer.recv(5, socket.MSG_WAITALL)
        self.peer.sendall(b"hello")
        self.here("s.recv(5, socket.MSG_WAITALL)")

    def reset(self):
        self.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.peer.close()

    def half_close(self):
        self.peer.shutdown(socket.SHUT_WR)

    def send(self):
        self.peer.sendall(b"more")

    def take(self):
        """More has come to the peer, which does not read it."""
        self.peer.recv(4, socket.MSG_PEEK | socket.MSG_WAITALL)

    def close(self):
        self.peer.close()

    def see_fin(self):
        self.see(TCP_CLOSE_WAIT)

    def see_rst(self):
        self.see(TCP_CLOSE)

    def see(self, state):
        wait_for(lambda: self.peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == state, "state %d" % state)

    def rule(self, before, hook, action):
        must(before + [need("nft"), "-f", "-"], stdin="table inet own {\n chain own {\n  type filter hook %s priority 0;\n"
             "  tcp dport %d %s\n }\n}\n" % (hook, self.key, action))

    def play(self, scenario):
        """A step is a method of this class, or a line for the process."""
        getattr(self, scenario.begin)()
        if scenario.rule:
            before = self.inside if scenario.rule[0] == "input" else []
            self.rule(before, *scenario.rule)
        for step in scenario.steps:
            if hasattr(self, step):
                getattr(self, step)()
            else:
                self.here(step.replace("PORT", str(self.key)))
        if scenario.rule:
            must(before + ["nft", "delete", "table", "inet", "own"])


class Scenario:
    """close, state and why are the truth; closes, results: other words that are right where no packets are."""

    def __init__(self, begin, steps, close, state, why, results=("ok",), errno="0", rule=None, icmp=None):
        self.begin, self.steps, self.rule, self.icmp = begin, steps, rule, icmp
        self.close, self.state, self.why, self.results, self.errno = close, state, set(why), results, errno
        self.name = "%s: %s%s" % (begin, "; ".join(steps), " (%s)" % " ".join(rule) if rule else "")

    def is_kept_in(self):
        """Whether its SYN does not leave this host."""
        return self.rule and self.rule[0] == "output"

    def judge(self, way, row):
        """Which words of the row are wrong."""
        wrong, packets = [], way in BY_PACKETS and not self.is_kept_in()
        if row["result"] not in self.results[:1 if packets else None] + (() if packets else ("unknown",)):
            # Neither a file nor what is read late on a busy machine shows that it was given up.
            if self.results[0] != "abort" or way not in ("-r", "-i any", "-i here"):
                wrong.append("result")
        if row["errno"] not in (self.errno, None):
            wrong.append("errno")
        if row["close"] not in ((self.close,) if isinstance(self.close, (str, type(None))) else self.close):
            if packets or row["close"] is not None:
                wrong.append("close")
        if row["state"] != self.state and (packets or row["state"] is not None) and row["result"] not in ("pending", "unknown"):
            wrong.append("state")
        why = set(row["why"] or ()) & {"failed", "reset", "kernel", "timeout"}    # of its end
        if not why <= self.why or (packets and why != self.why and row["result"] not in ("pending", "unknown")):
            wrong.append("why")
        if row["icmp"] not in (self.icmp, None):
            wrong.append("icmp")
        return wrong


def ended(*steps, close, why=None, begins=("open",), state=None):
    by_rst = close.endswith("rst") if isinstance(close, str) else False
    why = ("reset",) if why is None and by_rst else why or ()
    return [Scenario(begin, steps, close, state or ("reset" if by_rst else "closed"), why) for begin in begins]


def failed(step, result, errno, rule=None, close=None, why=(), icmp=None, others=()):
    return [Scenario("attempt", (step,), close, "closed", ("failed",) + why, (result,) + others, errno, rule, icmp)]


BOTH = ("open", "accept")
DIAL = "s = dial(PORT, 5); s.close()"
SCENARIOS = (
    ended("s.close()", "see_fin", "close", close="lfin", begins=BOTH) +
    ended("close", "read_all(s); s.close()", close="rfin", begins=BOTH) +
    ended("exit_with(s)", "see_fin", "close", close=("exit", "lfin"), begins=BOTH) +
    # A RST of either side.
    ended("reset(s)", "see_rst", "close", close="lrst", begins=BOTH) +
    ended("ctypes.CDLL(None).connect(s.fileno(), bytes(16), 16); s.close()", "see_rst", "close", close="lrst") +
    ended("send", "s.recv(4, socket.MSG_PEEK | socket.MSG_WAITALL); s.close()", "see_rst", "close", close="lrst") +
    ended("reset", "read_all(s); s.close()", close="rrst", begins=BOTH) +
    ended("reset", "wait_closed(s); s.close()", close="rrst") +
    ended("s.sendall(b'more')", "take", "close", "read_all(s); s.close()", close="rrst") +
    # After a FIN.
    ended("s.shutdown(socket.SHUT_WR)", "see_fin", "reset", "read_all(s); s.close()", close="rrst", why=()) +
    ended("half_close", "read_all(s); reset(s)", "see_rst", "close", close="lrst", why=(), begins=BOTH) +
    # The program has closed it, and the kernel still sends, or waits for the peer.
    ended("fill(s); s.close()", "reset", close="rrst", begins=BOTH) +
    ended("fill(s); s.close()", "close", close="rrst") +
    ended("fill(s); exit_with(s)", "reset", close="rrst", begins=BOTH) +
    ended("fill(s); s.shutdown(socket.SHUT_WR); s.close()", "reset", close="rrst") +
    ended("half_close", "read_all(s); fill(s); s.close()", "reset", close="rrst", begins=BOTH) +
    # Attempts.
    failed(DIAL, "refused", "ECONNREFUSED", close="rrst") +
    failed("s = dial(PORT); s.close()", "refused", "ECONNREFUSED", close="rrst") +
    failed("s = dial(PORT, 0); wait_closed(s); s.close()", "refused", "ECONNREFUSED", close="rrst") +
    failed("s = dial(PORT, 0.1); s.close()", "abort", None, ("input", "drop")) +
    failed(DIAL, "refused", "ECONNREFUSED", ("input", "reject with tcp reset"), close="rrst") +
    failed(DIAL, "unreach", "EHOSTUNREACH", ("input", "reject with icmp type host-unreachable"), icmp="4:3/1") +
    # Only packets distinguish it from a RST.
    failed(DIAL, "unreach", "ECONNREFUSED", ("input", "reject with icmp type port-unreachable"), icmp="4:3/3",
           others=("refused",)) +
    # The packet filter of this host.
    failed("s = dial(PORT, 0.1); s.close()", "abort", None, ("output", "drop")) +
    failed(DIAL, "refused", "ECONNREFUSED", ("output", "reject with tcp reset"), close="lrst", why=("kernel",)) +
    failed(DIAL, "unreach", "EHOSTUNREACH", ("output", "reject with icmp type admin-prohibited"), icmp="4:3/13") +
    failed(DIAL, "unreach", "ECONNREFUSED", ("output", "reject with icmp type port-unreachable"), icmp="4:3/3",
           others=("refused",)))


def words():
    return [sys.executable, "-c", PLAYER, THERE, HERE]


def play_all(player, inside):
    """Return: the scenarios by the peer's port."""
    play, names = Play(player, inside), {}
    for scenario in SCENARIOS:
        play.play(scenario)
        names[play.key] = scenario
    player.popen.stdin.close()
    return names


def compare(way, rows, names, each=True):
    """each: each connection has a row."""
    for key, scenario in names.items():
        mine = [row for row in rows if row["rport"] == key and row["raddr"] == THERE]
        text = "%s, %s: %s" % (way, scenario.name, ["%s %s" % (short(row), row["why"]) for row in mine])
        check(len(mine) == 1 or (not each and not mine), text)
        for row in mine:
            equal(scenario.judge(way, row), [], text)


@test("attached, by samples, by BPF, by breakpoints, by packets, and of a savefile, all at the same time")
def beside():
    inside = other_host()
    player = Process(words(), stdin=subprocess.PIPE)
    wait_for(lambda: "ready" in player.out, "the player")
    capture = scratch("capture")
    traces = {"attached": attach([player.pid], runner=[]), "diag": watch([player.pid], ["--look-ms=2"], before=[]),
              "-i any": Trace(["-i", "any"]), "-i here": Trace(["-i", "here"])}
    if "--via=bpf" in PERMITTED:
        traces.update({"bpf": by_bpf([player.pid]), "bpf -i any": by_bpf([player.pid], ["-i", "any"])})
    if "--via=perf" in PERMITTED:
        traces["perf"] = by_perf([player.pid], before=[])
    for way, trace in traces.items():
        if "-i" in way:
            capturing(trace)
    dump = dumping(capture)
    names = play_all(player, inside)
    equal(player.wait(), 0, "the player's end")
    wait_for(lambda: has_all(capture, names), "the capture")
    dump.signal(signal.SIGINT)
    dump.wait()
    for way, trace in traces.items():
        rows = trace.interrupt() if way in ("-i any", "-i here") else trace.finish()
        compare(way, rows, {key: scenario for key, scenario in names.items()
                            if not (way == "-i here" and scenario.is_kept_in())}, way in ("attached", "bpf", "bpf -i any"))
    compare("-r", read(capture).finish(), {key: scenario for key, scenario in names.items() if not scenario.is_kept_in()})


def dumping(capture):
    dump = Process([need("dumpcap"), "-q", "-i", "here", "-w", capture, "-f", "tcp or icmp"])
    wait_for(lambda: "File:" in dump.err, "dumpcap")
    return dump


def read(capture):
    return Trace(["-r", capture, "--local=" + HERE])


def has_all(capture, names):
    """The last packet of dumpcap may be written in part."""
    trace = read(capture)
    trace.wait()
    there = {row["rport"] for row in trace.rows()}
    return all(scenario.is_kept_in() or key in there for key, scenario in names.items())


def launched(options):
    inside = other_host()
    trace = Trace(options, words(), stdin=subprocess.PIPE)
    if options:
        capturing(trace)
    names = play_all(trace, inside)
    compare(" ".join(["launched"] + options), trace.finish(), names)


RACES = 30
GOODBYE = "s = dial(%d); s.sendall(b'bye'); s.shutdown(socket.SHUT_WR); read_all(s); s.close()"


@test("launched: both sides close at the same time, and CLOSE is what the packets say, or unknown, but for FINs that cross")
def goodbye():
    inside, capture = other_host(), scratch("capture")
    dump = dumping(capture)
    trace = Trace([], words(), stdin=subprocess.PIPE)
    play, names = Play(trace, inside), {}
    for _ in range(RACES):
        with play.bound() as listener:
            listener.listen()
            names[play.key] = SCENARIOS[0]
            thread = threading.Thread(target=answer_goodbye, args=(listener,))
            thread.start()
            play.here(GOODBYE % play.key)
            thread.join()
    trace.popen.stdin.close()
    rows = trace.finish()
    wait_for(lambda: has_all(capture, names), "the capture")
    dump.signal(signal.SIGINT)
    dump.wait()
    wire = {row["rport"]: row["close"] for row in read(capture).finish()}
    equal(sorted(row["rport"] for row in rows), sorted(names), "connections")
    # A FIN that has come to the interface, but not to the socket before its own, is first in packets alone.
    wrong = [short(row) for row in rows if row["close"] not in (wire[row["rport"]], None)]
    check(len(wrong) <= RACES // 4, wrong)


def answer_goodbye(listener):
    with listener.accept()[0] as peer:
        peer.recv(3, socket.MSG_WAITALL)


for _options in ([], ["-i", "any"], ["-i", "here"]):
    test(" ".join(["launched"] + _options))(lambda options=_options: launched(options))

enter_namespace(flags="-n" if os.geteuid() == 0 else "-Urn")
PERMITTED = [word for line in run([CONNTRACE, "--check"]).out.splitlines() if line.startswith("yes") for word in line.split()]
need_all("ip", "nsenter", "nft")
at_once.main(4)
