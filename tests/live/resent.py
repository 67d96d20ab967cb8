#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""RETRANS over a link that loses packets, against the count that the sender's own kernel has (tcpi_total_retrans).

    resent.py send|receive ADDRESS        (played by the tests) one side of a transfer; the sender says what it resent
"""
import json
import os
import socket
import struct
import sys

from lib import (HERE, THERE, Process, Skip, Trace, capturing, check, enter_namespace, equal, main, need, other_host, run,
                 test, wait_for)

SIZE = 1500000
TOTAL_RETRANS = 100    # where struct tcp_info of linux/tcp.h has it


def resent(connected):
    info = connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return struct.unpack_from("I", info, TOTAL_RETRANS)[0]


def play_send(address):
    """Listens, sends, and says how many segments it resent once the other side has everything."""
    listener = socket.create_server((address, 0))
    print(listener.getsockname()[1], flush=True)
    served, _ = listener.accept()
    before = resent(served)
    served.sendall(bytes(SIZE))
    served.recv(1)
    print(json.dumps({"resent": resent(served) - before, "handshake": before}), flush=True)
    served.close()


def play_receive(address, port):
    client = socket.create_connection((address, port))
    left = SIZE
    while left:
        left -= len(client.recv(65536))
    client.sendall(b"y")
    client.recv(1)
    client.close()


def lose(before):
    """Each thirtieth packet with data is dropped where it arrives, behind the capture."""
    result = run(before + [need("nft"), "-f", "-"], stdin="table inet lossy {\n chain in {\n"
                 "  type filter hook input priority 0;\n  tcp flags & (syn | fin | rst) == 0 meta length > 200 "
                 "numgen inc mod 30 0 drop\n }\n}\n")
    if result.status:
        raise Skip("nft cannot do this here: " + result.err.strip().splitlines()[0])


def words(*what):
    return [sys.executable, os.path.abspath(__file__)] + [str(word) for word in what]


@test("the traced side sends: TX_RETRANS is the kernel's count, with packets and without")
def sends():
    inside = other_host()
    lose(inside)
    for options in ([], ["-i", "here"]):
        out = os.pipe()
        trace = Trace(options, words("send", HERE), stdout=out[1])
        os.close(out[1])
        with os.fdopen(out[0], encoding="ascii") as fact:
            port = int(fact.readline())
            peer = Process(inside + words("receive", HERE, port))
            truth = json.loads(fact.readline())
            equal(peer.wait(60), 0, "the peer's end")
            rows = trace.finish()
        check(truth["resent"] > 0, "something was lost: %s" % truth)
        equal([row["tx_retrans"] for row in rows], [truth["resent"]], "TX_RETRANS with %s" % options)
        equal([row["retrans"] for row in rows], [truth["resent"]], "RETRANS with %s" % options)


@test("the other side sends: RX_RETRANS is what its kernel counts, frames of several segments too")
def receives():
    inside = other_host()
    lose([])
    sender = Process(inside + words("send", THERE))
    port = int(wait_for(lambda: sender.out.strip(), "the sender"))
    trace = Trace(["-i", "here"], words("receive", THERE, port))
    equal(sender.wait(60), 0, "the sender's end")
    rows = trace.finish()
    truth = json.loads(sender.out.splitlines()[1])
    check(truth["resent"] > 0, "something was lost: %s" % truth)
    equal([row["rx_retrans"] for row in rows], [truth["resent"]], "RX_RETRANS")


@test("no target, packets of this host: RETRANS of either direction is what the sender's kernel counts")
def whole_host():
    inside = other_host()
    for local, options in ((True, ["-i", "here"]), (False, ["-i", "any"])):
        run(inside + [need("nft"), "delete", "table", "inet", "lossy"])
        lose(inside if local else [])
        trace = Trace(options)
        capturing(trace)
        sender = Process(([] if local else inside) + words("send", HERE if local else THERE))
        port = int(wait_for(lambda sender=sender: sender.out.strip(), "the sender"))
        peer = Process((inside if local else []) + words("receive", HERE if local else THERE, port))
        equal((sender.wait(60), peer.wait(60)), (0, 0), "the ends of both")
        truth = json.loads(sender.out.splitlines()[1])
        check(truth["resent"] > 0, "something was lost: %s" % truth)
        rows = [(row["dir"], row["tx_retrans"], row["rx_retrans"], row["retrans"]) for row in trace.interrupt()]
        wanted = ("in", truth["resent"], 0) if local else ("out", 0, truth["resent"])
        equal(rows, [wanted + (truth["resent"],)], "RETRANS with %s" % options)


if sys.argv[1:2] == ["send"]:
    play_send(sys.argv[2])
elif sys.argv[1:2] == ["receive"]:
    play_receive(sys.argv[2], int(sys.argv[3]))
else:
    enter_namespace()
    need("ip", "nsenter", "unshare")
    main()
