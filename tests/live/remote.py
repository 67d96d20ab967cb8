#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A peer on another host, whose own counters are unavailable: an unproven number is unknown, not wrong by its FIN, and at least
what is known for certain.

The other host is a second network namespace at the end of a veth pair.
"""
import os
import sys

from lib import (HERE, MKCONN, Process, Trace, built, check, enter_namespace, equal, main, must, need_all, other_host, scratch,
                 test, wait_file)

COUNT = 40
FEW = 5
SENT = 100

# what the traced server does, what the client does, CLOSE when close(2) is watched
SCENARIOS = (
    ("the peer closes first", "recv-all close", "send=100 close", ("rfin",)),
    ("the server closes first, the peer then", "recv=100 close", "send=100 recv-all close", ("lfin",)),
    # The RST goes to the TIME_WAIT socket, and removes it: it is not seen, or nothing shows what the end was.
    ("the server closes first, the peer answers with a reset", "recv=100 close", "send=100 wait-hup rst", ("lfin", "rrst", None)),
    ("the server closes first, the peer goes on sending", "recv=100 close", "send=100 wait-hup send=7 close",
     ("lfin", "lrst", None)),
)


PRELOAD = built("preload_tracer.so", ["gcc", "-D_GNU_SOURCE", "-shared", "-fPIC"], ["preload_tracer.c"])

# A process for each connection, which makes no call that is a stop, and ends with its connection open, which is its own
# by then.
CHILDREN = """
import os, socket, sys
listening = socket.create_server((sys.argv[1], 0), backlog=128)
with open(sys.argv[2] + ".new", "w") as port:
    port.write(str(listening.getsockname()[1]))
os.rename(sys.argv[2] + ".new", sys.argv[2])
closed, closing = os.pipe()
for _ in range(int(sys.argv[3])):
    served = listening.accept()[0]
    if os.fork() == 0:
        served.recv(int(sys.argv[4]), socket.MSG_WAITALL)
        served.send(bytes(20))
        served.recv(1)
        os.read(closed, 1)
        os._exit(0)
    served.close()
    os.write(closing, b".")
    os.wait()
"""


def resets_sent(inside):
    """RSTs that the kernel of the other host has sent since it exists."""
    names, values = [line.split() for line in must(inside + ["cat", "/proc/net/snmp"]).splitlines()
                     if line.startswith("Tcp:")]
    return int(values[names.index("OutRsts")])


def play(inside, server, client, options):
    port = scratch("port")
    trace = Trace(options, [MKCONN, "listen=%s:0" % HERE, "port-file=" + port, "count=%d" % COUNT, "accept"] +
                  server.split() + ["done"])
    wait_file(port)
    peer = Process(inside + [MKCONN, "count=%d" % COUNT, "connect=%s:@%s" % (HERE, port)] + client.split() + ["done"])
    rows = trace.finish()
    # Whether it could send all it wanted is not its own decision here.
    check(peer.wait() in (0, 2), "the peer's end")
    equal(len(rows), COUNT, "rows")
    return rows


def scenario(name, server, client, ended):
    @test(name + ": unknown or exact, and exact when close(2) is watched")
    def fact():
        inside = other_host()
        for row in play(inside, server, client, []):
            check(row["rx_bytes"] in (SENT, None), "rx_bytes %s" % row["rx_bytes"])
            check(row["close"] in ended + (None,), "close %s" % row["close"])
            check(row["rx_least"] in ((SENT,) if row["rx_bytes"] is not None else (SENT - 1, SENT)),
                  "rx_least %s of %s" % (row["rx_least"], row["rx_bytes"]))
            check(row["tx_bytes"] == 0 and row["tx_least"] == 0, "tx_bytes %s, tx_least %s" % (row["tx_bytes"], row["tx_least"]))
        before = resets_sent(inside)
        rows = play(inside, server, client, ["--watch-close"])
        # An ACK that another one overtook reaches a socket that has ended. The answer, a RST, removes the TIME_WAIT socket.
        unknown = sum(row["close"] is None for row in rows)
        check(None in ended or unknown <= resets_sent(inside) - before, "%d rows without CLOSE" % unknown)
        for row in rows:
            equal((row["rx_bytes"], row["rx_least"]), (SENT, SENT), "rx_bytes and rx_least")
            check(row["close"] in ended + (None,), "close %s" % row["close"])


@test("the peer closes first, and then the child that has the connection ends: exact")
def ends_of_children():
    inside, port = other_host(), scratch("port")
    # A child is gone long before the tracer has reported its end.
    slow = dict(os.environ, LD_PRELOAD=PRELOAD(), PRELOAD_SLOW_MS="50")
    trace = Trace([], [sys.executable, "-c", CHILDREN, HERE, port, str(FEW), str(SENT)], env=slow)
    wait_file(port)
    peer = Process(inside + [MKCONN, "count=%d" % FEW, "connect=%s:@%s" % (HERE, port), "send=%d" % SENT, "recv=20", "close",
                             "done"])
    rows = trace.finish()
    equal(peer.wait(), 0, "the peer's end")
    equal([(row["rx_bytes"], row["close"]) for row in rows], [(SENT, "rfin")] * FEW, "RX_BYTES, CLOSE")


if __name__ == "__main__":
    enter_namespace()
    need_all("ip", "nsenter", "unshare")
    for words in SCENARIOS:
        scenario(*words)
    main()
