#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How connections end: who ended them, and bytes exact to the byte, whichever end is traced."""
import errno
import os
import platform
import socket
import subprocess
import sys

from lib import (ENDED, MKCONN, Process, Trace, between, check, enter_namespace, equal, find_row, main, mkconn, need, read_truth,
                 require, scratch, short, test, wait_file, wait_for)

ANY = object()      # not decided by the scenario


class End:
    """What one end does once connected, and what its row must say.

    After a reset the kernel's counters are incomplete: a reset with linger 0 clears them, and a socket that was
    reset cannot be distinguished from one that got a FIN. There a column may be unknown, not wrong. close may be two words
    of which both are true, "exit|lrst".
    """

    def __init__(self, words, close, rx, tx, status=0):
        self.words, self.close, self.rx, self.tx, self.status = words.split(), close, rx, tx, status
        self.reset = "rst" in close or "linger0" in self.words


# name, the accepting end, the connecting end
SCENARIOS = (
    ("nothing sent",
     End("recv-all close", "rfin", 0, 0), End("close", "lfin", 0, 0)),
    ("the client closes first",
     End("recv-all close", "rfin", 1000, 0), End("send=1000 close", "lfin", 0, 1000)),
    ("the server closes first",
     End("recv=100 send=5000 close", "lfin", 100, 5000), End("send=100 recv-all close", "rfin", 5000, 100)),
    ("the client shuts down, the server answers, both close",
     End("recv-all send=777 close", "rfin", 100, 777), End("send=100 shutdown recv-all close", "lfin", 777, 100)),
    ("the server shuts down and reads on",
     End("send=10 shutdown recv-all close", "lfin", 999, 10), End("recv-all send=999 close", "rfin", 10, 999)),
    ("shutdown of both ways",
     End("recv-all close", "rfin", 31, 0), End("send=31 shutdown-both close", "lfin", 0, 31)),
    ("megabytes both ways",
     End("recv=3000000 send=5000001 recv-all close", "rfin", 3000000, 5000001),
     End("send=3000000 recv=5000001 close", "lfin", 5000001, 3000000)),
    ("the client resets",
     End("recv=10 send=1 wait-hup close", "rrst", 10, 1), End("send=10 recv=1 rst", "lrst", 1, 10)),
    ("the server resets",
     End("recv=10 send=3 recv=1 rst", "lrst", 11, 3), End("send=10 recv=3 send=1 wait-hup close", "rrst", 3, 11)),
    ("reset before a byte was sent",
     End("wait-hup close", "rrst", 0, 0), End("rst", "lrst", 0, 0)),
    ("linger 0, then exit",
     End("wait-hup close", "rrst", 0, 0), End("linger0 exit=0", "exit|lrst", 0, 0)),
    ("data, then linger 0 and exit",
     End("recv=10 send=1 wait-hup close", "rrst", 10, 1), End("send=10 recv=1 linger0 exit=0", "exit|lrst", 1, 10)),
    ("closed with unread data: a reset, and unread data are counted",
     End("wait-bytes=5000 close", "lrst", 5000, 0), End("send=5000 wait-hup close", "rrst", 0, 5000)),
    ("exit with the connection open",
     End("recv-all close", "rfin", 50, 0), End("send=50 exit=6", "exit", 0, 50, 6)),
    ("the client is killed",
     End("recv-all close", "rfin", 51, 0), End("send=51 kill9", "exit", 0, 51, -9)),
    ("the server is killed",
     End("recv=10 send=20 kill9", "exit", 10, 20, -9), End("send=10 recv-all close", "rfin", 20, 10)),
    ("dup2 over it",
     End("recv-all close", "rfin", 12, 0), End("send=12 dup2-over", "lfin", 0, 12)),
    ("close_range",
     End("recv-all close", "rfin", 13, 0), End("send=13 close-range", "lfin", 0, 13)),
    ("closed by exec",
     End("recv-all close", "rfin", 14, 0), End("send=14 exec say=lives", "lfin", 0, 14)),
    ("sent to one who has closed",
     End("recv-all send=100 wait-hup close", "rrst", 8, 100), End("send=8 close", "lrst|lfin", ANY, 8)),
)


def judge(rows, fact, end):
    row = find_row(rows, fact)
    text = " of " + short(row)
    equal(row["result"], "ok", "RESULT" + text)
    for column, wanted in (("rx_bytes", end.rx), ("tx_bytes", end.tx), ("close", end.close)):
        if wanted is not ANY and not (end.reset and row[column] is None):
            check(row[column] in (wanted.split("|") if column == "close" else [wanted]),
                  "%s%s: got %r, wanted %s" % (column.upper(), text, row[column], wanted))
    if not (end.reset and row["state"] is None):
        # A RST that only a mini socket has sent is not seen.
        check(row["state"] in (("reset",) * end.reset + ENDED * (not end.reset or "lfin" in end.close)), "STATE" + text)
    begin, known = fact["begin_ns"] / 1e9, fact["outcome_ns"] / 1e9
    between(row["start"], begin - 0.05, known + 0.05, "START" + text)
    check(row["start"] <= row["end"], "START before END" + text)
    between(row["dur_s"], row["end"] - row["start"] - 2e-6, row["end"] - row["start"] + 2e-6, "DUR_S" + text)


def one_traced(server, client, address, traced):
    """One end is traced, the other is not."""
    port, truth = scratch("port"), scratch("truth")
    words = {"server": ["listen=%s:0" % address, "port-file=" + port, "accept4"] + server.words,
             "client": ["connect=%s:@%s" % (address, port)] + client.words}
    # "cloexec" makes the sockets made behind it close-on-exec; only the scenario of exec has an exec.
    words = {who: ["cloexec"] + w if "exec" in w else w for who, w in words.items()}
    other = mkconn(words["client" if traced == "server" else "server"])
    trace = Trace([], [MKCONN, "truth=" + truth] + words[traced])
    end = server if traced == "server" else client
    rows = trace.finish(end.status)
    equal(other.wait(), (client if traced == "server" else server).status, "the other end's end")
    equal(len(rows), 1, "rows")
    fact = read_truth(truth)
    equal(len(fact), 1, "connections in the truth")
    judge(rows, fact[0], end)


def both_traced(server, client, address):
    truth = scratch("truth")
    words = ["listen=%s:0" % address] + (["cloexec"] if "exec" in client.words else [])
    trace = Trace([], [MKCONN, "truth=" + truth] + words + ["fork=1", "accept4"] + server.words +
                  ["done", "fork=1", "connect=self"] + client.words + ["done", "join"])
    rows = trace.finish()
    equal(len(rows), 2, "rows")
    fact = {t["dir"]: t for t in read_truth(truth)}
    judge(rows, fact["in"], server)
    judge(rows, fact["out"], client)


def tell(name, server, client):
    @test("%s: server traced" % name)
    def _():
        one_traced(server, client, "127.0.0.1", "server")

    @test("%s: client traced" % name)
    def _():
        one_traced(server, client, "127.0.0.1", "client")

    @test("%s: both traced, IPv6" % name)
    def _():
        both_traced(server, client, "[::1]")


for scenario in SCENARIOS:
    tell(*scenario)


@test("nothing is held: the other side sees the end while the traced program lives on")
def not_held():
    for words, seen in ((["close"], "remote"), (["shutdown"], "remote"), (["rst"], "remote-reset"),
                        (["dup2-over"], "remote")):
        port, done = scratch("port"), scratch("done")
        server = mkconn(["listen=127.0.0.1:0", "port-file=" + port, "accept", "recv=10", "send=1", "wait-hup",
                         "touch=" + done, "close"])
        trace = Trace([], [MKCONN, "connect=127.0.0.1:@" + port, "send=10", "recv=1"] + words + ["wait-stdin"],
                      stdin=subprocess.PIPE)
        wait_for(lambda d=done: os.path.exists(d), "the other side to see the end after %s" % words)
        check(trace.alive(), "the traced program still runs")
        server.wait()
        equal(server.truth()[0]["first_end"], seen, "what the other side saw after %s" % words)
        trace.line()
        trace.finish()


KILLED = """
import socket, subprocess, sys
listener = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(listener.getsockname())
server, _ = listener.accept()
client.sendall(b"q" * 1000)
server.recv(2000)
subprocess.run([sys.argv[1], "-K", "src", "127.0.0.1", "sport", "=", str(client.getsockname()[1])], stdout=subprocess.DEVNULL)
for end in client, server:
    try:
        end.recv(1)
    except OSError as error:
        print(error.errno, flush=True)
    end.close()
"""


@test("killed by the administrator (ss -K): a RST of this host at the one end, never the other side's")
def killed_from_outside():
    for options, proven in (([], False), (["--watch-close"], True), (["-i", "lo"], True)):
        trace = Trace(options, [sys.executable, "-c", KILLED, need("ss")])
        rows = trace.finish()
        require(str(errno.ECONNABORTED) in trace.out, "this kernel cannot destroy sockets")
        by_dir = {row["dir"]: row for row in rows}
        what = " with %s" % options
        for side, close, why in (("out", "lrst", ["reset", "kernel"]), ("in", "rrst", ["reset"])):
            row = by_dir[side]
            equal((row["result"], row["state"]), ("ok", "reset"), "RESULT and STATE of %s%s" % (side, what))
            check(row["close"] == close or not proven and row["close"] is None, "CLOSE of %s%s: %r" % (side, what, row["close"]))
            check(row["why"] == why or not proven and row["why"] == ["reset"], "WHY of %s%s: %r" % (side, what, row["why"]))


@test("a listener's port is free once the traced program has closed it")
def listener_free():
    port, closed = scratch("port"), scratch("closed")
    # exec with close-on-exec has no hold on a listener; dup2 over descriptor 3 closes it.
    client = mkconn(["connect=127.0.0.1:@" + port, "recv-all", "close"])
    trace = Trace([], ["sh", "-c", '"$0" listen=127.0.0.1:0 port-file=%s accept send=5 close; touch %s; read line'
                       % (port, closed), MKCONN], stdin=subprocess.PIPE)
    number = int(wait_file(port))
    wait_file(closed)
    client.wait()
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", number))
        again.listen()
    trace.line()
    trace.finish()


@test("open when the command is done with but not ended: bytes so far, still open")
def still_open():
    port = scratch("port")
    server = mkconn(["listen=127.0.0.1:0", "port-file=" + port, "accept", "recv=100", "send=300", "wait-hup", "close"])
    trace = Trace(["-d", "2"], [MKCONN, "connect=127.0.0.1:@" + port, "send=100", "recv=300", "wait-stdin"],
                  stdin=subprocess.PIPE)
    wait_for(lambda: os.path.exists(trace.rows_path) and trace.rows(), "the report after -d")
    rows = trace.rows()
    equal(len(rows), 1, "rows")
    equal((rows[0]["result"], rows[0]["rx_bytes"], rows[0]["tx_bytes"], rows[0]["state"]),
          ("ok", 300, 100, "ESTABLISHED"), short(rows[0]))
    trace.end()
    server.wait()


# Resets connections with SO_LINGER; the other end, which is not watched, has sent as many bytes as it received.
RESETS = """
import socket, struct, sys
port, count, calls = map(int, sys.argv[1:])
for number in range(1, count + 1):
    client = socket.create_connection(("127.0.0.1", port))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.sendall(b"x" * number)
    for _ in range(calls):
        client.getsockname()
    client.recv(number, socket.MSG_WAITALL)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
"""
ECHO = """
import socket
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    served = listener.accept()[0]
    try:
        while piece := served.recv(1000):
            served.sendall(piece)
    except OSError:
        pass
    served.close()
"""


@test("launched: what SO_LINGER and close(2) directly behind it reset has its bytes and CLOSE, and costs few stops")
def linger():
    other = Process([sys.executable, "-c", ECHO])
    port, stops = int(wait_for(lambda: other.out.split(), "the port")[0]), []
    for calls in (0, 100):
        rows = Trace([], [sys.executable, "-c", RESETS, port, 20, calls]).finish()
        rows.sort(key=lambda row: row["tx_bytes"] or 0)
        equal([(row["rx_bytes"], row["tx_bytes"], row["close"], row["state"]) for row in rows],
              [(number, number, "lrst", "reset") for number in range(1, 21)], "rows")
        stops.append(rows.summary["stops"])
    # The option is set early, too: four calls are stopped for, and of the 100 behind them none.
    between(stops[1] - stops[0], -stops[0], 100, "stops for 20 times 100 calls, beside %d" % stops[0])


# Connections that inherit SO_LINGER of their listener, or have it since before connect(2), and are closed long afterwards.
INHERITS = """
import ctypes, os, signal, socket, struct, sys, threading
how, count = sys.argv[1], int(sys.argv[2])
reset = (socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

def serve():
    for _ in range(count // 4):
        served = listener.accept()[0]
        served.recv(100, socket.MSG_WAITALL)
        served.sendall(b"y" * 50)
        os.getpid(), os.getppid(), os.getpid(), os.getppid(), os.getpid()
        served.close()

if how == "opener":
    for _ in range(count):
        client = socket.socket()
        client.setsockopt(*reset)
        client.connect(("127.0.0.1", int(sys.argv[3])))
        client.sendall(b"y" * 50)
        client.recv(50, socket.MSG_WAITALL)
        client.close()
    sys.exit(0)
listener = socket.create_server(("127.0.0.1", 0))
listener.setsockopt(*reset)
if how == "own filter":  # returns SECCOMP_RET_ALLOW
    code = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0x7fff0000))
    filter = struct.pack("HxxxxxxP", 1, ctypes.addressof(code))
    ctypes.CDLL(None).prctl(22, 2, ctypes.c_char_p(filter))
print(listener.getsockname()[1], flush=True)
if how == "signals":
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
if how == "threads":
    threads = [threading.Thread(target=serve) for _ in range(4)]
    [thread.start() for thread in threads], [thread.join() for thread in threads]
elif how == "processes":
    children = []
    for _ in range(4):
        children.append(os.fork())
        if children[-1] == 0:
            serve()
            os._exit(0)
    [os.waitpid(child, 0) for child in children]
else:
    [serve() for _ in range(4)]
signal.setitimer(signal.ITIMER_REAL, 0)
"""


def ask(port, count):
    """Clients of INHERITS."""
    for _ in range(count):
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"x" * 100)
            client.recv(50, socket.MSG_WAITALL)
            try:
                client.recv(1)
            except ConnectionResetError:
                pass


@test("launched: what an inherited SO_LINGER resets has its bytes, with threads, processes and signals; own filters stay alone")
def inherited():
    knows = platform.machine() == "x86_64"
    for how in ("alone", "threads", "processes", "signals", "own filter"):
        trace = Trace([], [sys.executable, "-c", INHERITS, how, 20])
        ask(int(wait_for(lambda trace=trace: trace.out.split(), "the port")[0]), 20)
        rows = trace.finish()
        equal(len(rows), 20, how)
        equal({(row["rx_bytes"], row["tx_bytes"], row["close"]) for row in rows},
              {(100, 50, "lrst") if knows and how != "own filter" else (None, None, None)}, how)
        equal(rows.summary["inexact"], 0 if knows and how != "own filter" else 20, "inexact, " + how)
    other = Process([sys.executable, "-c", ECHO])
    port = int(wait_for(lambda: other.out.split(), "the port")[0])
    rows = Trace([], [sys.executable, "-c", INHERITS, "opener", 20, port]).finish()
    equal([(row["rx_bytes"], row["tx_bytes"]) for row in rows], [(50, 50) if knows else (None, None)] * 20, "opener")



if __name__ == "__main__":
    enter_namespace()
    main()
