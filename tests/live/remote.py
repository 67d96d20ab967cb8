#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A peer on another host, whose own counters are unavailable: an unproven number is unknown, not wrong by its FIN, and at least
what is known for certain.

The other host is a second network namespace at the end of a veth pair.
"""
from lib import (HERE, MKCONN, Process, Trace, check, enter_namespace, equal, main, need_all, other_host, scratch, test,
                 wait_file)

COUNT = 40
SENT = 100

# what the traced server does, what the client does, who ended it
SCENARIOS = (
    ("the peer closes first", "recv-all close", "send=100 close", "rfin"),
    ("the server closes first, the peer then", "recv=100 close", "send=100 recv-all close", "lfin"),
    # The peer's answer to the server's FIN removes the TIME_WAIT socket that would have shown it.
    ("the server closes first, the peer answers with a reset", "recv=100 close", "send=100 wait-hup rst", "lfin"),
    ("the server closes first, the peer goes on sending", "recv=100 close", "send=100 wait-hup send=7 close", "lfin"),
)


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
            check(row["close"] in (ended, None), "close %s" % row["close"])
            check(row["rx_least"] in ((SENT,) if row["rx_bytes"] is not None else (SENT - 1, SENT)),
                  "rx_least %s of %s" % (row["rx_least"], row["rx_bytes"]))
            check(row["tx_bytes"] == 0 and row["tx_least"] == 0, "tx_bytes %s, tx_least %s" % (row["tx_bytes"], row["tx_least"]))
        for row in play(inside, server, client, ["--watch-close"]):
            equal((row["rx_bytes"], row["rx_least"], row["close"]), (SENT, SENT, ended), "rx_bytes, rx_least and close")


if __name__ == "__main__":
    enter_namespace()
    need_all("ip", "nsenter", "unshare")
    for words in SCENARIOS:
        scenario(*words)
    main()
