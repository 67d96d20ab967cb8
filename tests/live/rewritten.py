#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Addresses that the kernel rewrites: by NAT on this host, where packets of one direction carry other ports than the socket.

    rewritten.py PORT OTHER        (played by the tests) a server on PORT and its client, which asks for OTHER
"""
import os
import socket
import sys

from lib import Trace, check, enter_namespace, equal, free_port, main, need, run, short, Skip, test

LOOPBACK = "127.0.0.1"


def play(port, asked):
    listener = socket.create_server((LOOPBACK, port))
    client = socket.create_connection((LOOPBACK, asked))
    served, _ = listener.accept()
    client.sendall(bytes(1000))
    served.recv(1000, socket.MSG_WAITALL)
    served.sendall(bytes(3000))
    client.recv(3000, socket.MSG_WAITALL)
    client.close()
    served.recv(1)
    served.close()


def redirect(asked, port):
    nft = need("nft")
    run([nft, "delete", "table", "ip", "nat"])
    result = run([nft, "-f", "-"], stdin="table ip nat {\n chain out {\n  type nat hook output priority -100;\n"
                 "  tcp dport %d redirect to :%d\n }\n}\n" % (asked, port))
    if result.status:
        raise Skip("nft cannot do this here: " + result.err.strip().splitlines()[0])


@test("REDIRECT on this host: bytes and CLOSE are the kernel's, and no packets are counted as none")
def redirected():
    port, asked = free_port(), free_port()
    redirect(asked, port)
    ends = {}
    for options in ([], ["-i", "lo"], ["--watch-close", "-i", "lo"], ["--no-filter"]):
        rows = Trace(options, [sys.executable, os.path.abspath(__file__), str(port), str(asked)]).finish(limit=40)
        equal(sorted(row["dir"] for row in rows), ["in", "out"], "rows with %s" % options)
        for row in rows:
            equal((row["result"], row["lport" if row["dir"] == "in" else "rport"]),
                  ("ok", port if row["dir"] == "in" else asked), short(row))
            received, sent = (1000, 3000) if row["dir"] == "in" else (3000, 1000)
            equal(row["tx_bytes"], sent, "sent: " + short(row))
            # Whether the FIN of a peer that closed first is counted, the peer's socket would tell, if it had these ends.
            check(row["rx_bytes"] in (received, None if row["dir"] == "in" else received), "received: " + short(row))
            for packets in ("rx_pkts", "tx_pkts", "rx_wire", "tx_wire"):
                check(row[packets] != 0, "%s of %s" % (packets, short(row)))
            ends.setdefault(row["dir"], set()).add(row["close"])
    equal(ends["out"], {"lfin"}, "who ended it, as the client sees it")
    check(ends["in"] <= {"rfin", None}, "who ended it, as the server sees it: %s" % ends["in"])


if len(sys.argv) == 3 and sys.argv[1].isdigit():
    play(int(sys.argv[1]), int(sys.argv[2]))
else:
    enter_namespace()
    main()
