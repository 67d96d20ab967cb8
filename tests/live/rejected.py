#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A packet filter of this host rejects what it sends or gets: a reset of this host, of whichever way to watch can know it.

    rejected.py echo PORT-FILE | rejected.py call PORT        (played by the tests) the peer, and the client that is watched
"""
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading

import at_once
from lib import (HERE, THERE, Process, Skip, Trace, attach, capturing, check, enter_namespace, equal, must, need,
                 need_all, other_host, read_file, run, scratch, short, test, wait_file, wait_for, watch)


def answer(served):
    try:
        while piece := served.recv(1000):
            served.sendall(piece)
    except OSError as error:
        print(error.strerror, flush=True)
    served.close()


def echo(port_file):
    """Answers what comes. What is rejected on its way here leaves connections that never end."""
    listener = socket.create_server((THERE, 0))
    with open(port_file + ".new", "w", encoding="ascii") as file:
        file.write(str(listener.getsockname()[1]))
    os.rename(port_file + ".new", port_file)
    while True:
        threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()


def call(port):
    """Five bytes each way, and on request five more, which do not arrive."""
    client = socket.create_connection((THERE, port))
    client.sendall(b"hello")
    client.recv(5, socket.MSG_WAITALL)
    print("connected from %d" % client.getsockname()[1], flush=True)
    sys.stdin.readline()
    try:
        client.sendall(b"again")
        if client in select.select([client, sys.stdin], [], [])[0]:
            client.recv(5)
    except OSError as error:
        print(error.strerror, flush=True)
    sys.stdin.readline()
    client.close()


def reject(hook, rule):
    result = run([need("nft"), "-f", "-"], stdin="table inet own {\n chain own {\n  type filter hook %s priority 0;\n"
                 "  %s reject with tcp reset\n }\n}\n" % (hook, rule))
    if result.status:
        raise Skip("nft cannot do this here: " + result.err.strip().splitlines()[0])


# how it is watched, what makes the RST visible
WAYS = (("launched", []), ("launched", ["-i", "any"]), ("launched", ["-i", "here"]), ("attached", []),
        ("attached", ["-i", "any"]), ("diag", []), ("diag", ["-i", "any"]), ("host", ["-i", "any"]), ("host", ["-i", "here"]))


def begin(way, options, port):
    """Return: the client, the run that watches it."""
    words = [sys.executable, os.path.abspath(__file__), "call", str(port)]
    if way == "launched":
        trace = Trace(options, words, stdin=subprocess.PIPE)
        return trace, trace
    client = Process(["sh", "-c", 'read go && exec "$@"', "sh"] + words, stdin=subprocess.PIPE)
    if way == "attached":
        trace = attach([client.pid], options, runner=[])
    elif way == "diag":
        trace = watch([client.pid], options + ["--look-ms=2"], before=[])
    else:
        trace = Trace(options)
    if options:
        capturing(trace)
    client.line()
    return client, trace


def is_sampled(trace, port):
    trace.signal(signal.SIGUSR1)
    rows = [json.loads(line) for line in read_file(trace.rows_path).splitlines(keepends=True) if line.endswith("\n")]
    return any(row.get("lport") == port for row in rows)


def play(hook, rule, ended):
    """Return: [way, options, row]. ended: what the client or the peer says of the second five bytes."""
    inside, port_file, fact = other_host(), scratch("port"), []
    peer = Process(inside + [sys.executable, os.path.abspath(__file__), "echo", port_file])
    port = int(wait_file(port_file))
    for count, (way, options) in enumerate(WAYS):
        client, trace = begin(way, options, port)
        wait_for(lambda client=client: "connected" in client.out, "the connection")
        here = int(client.out.split()[2])
        if way == "diag":
            # A sample has found its process once a report contains it.
            wait_for(lambda trace=trace, here=here: is_sampled(trace, here), "a sample of the connection")
        reject(hook, rule % port)
        client.line()
        who = client if hook == "output" else peer
        wait_for(lambda who=who, count=count: who.out.count(ended) > (0 if who is client else count), "the end")
        if trace is client:
            client.line()
            rows = trace.finish()
        else:
            client.line()
            client.wait()
            rows = trace.interrupt() if way == "host" else trace.finish()
        must(["nft", "delete", "table", "inet", "own"])
        # Each report that was requested contains it, too.
        mine = [row for row in rows if row["lport"] == here][-1 if way == "diag" else 0:]
        equal(len(mine), 1, "%s %s: rows %s; %s" % (way, options, [short(row) for row in rows], rows.summary))
        fact.append((way, options, mine[0]))
    return fact


@test("what this host sends is rejected: it made the RST, and if that is not seen CLOSE is unknown")
def sent():
    for way, options, row in play("output", "ip daddr " + THERE + " tcp dport %d", "reset"):
        fact = "%s %s: %s %s" % (way, options, short(row), row["why"])
        equal((row["laddr"], row["result"], row["state"], row["tx_bytes"]), (HERE, "ok", "reset", 5), fact)
        check(row["rx_bytes"] in (5, None), fact)
        if "any" in options:
            equal((row["close"], row["why"]), ("lrst", ["reset", "kernel"]), fact)
        else:
            equal((row["close"], row["why"]), (None, ["reset"]), fact)


@test("what comes is rejected: the RST goes to the peer, and the socket here knows nothing of it")
def received():
    for way, options, row in play("input", "ip saddr " + THERE + " tcp sport %d", "reset"):
        fact = "%s %s: %s %s" % (way, options, short(row), row["why"])
        # Without a process to ask about, all that came by is what was received.
        asked = "k" in row["seen"]
        equal((row["laddr"], row["result"], row["rx_bytes"], row["tx_bytes"]), (HERE, "ok", 5 if asked else 10, 10), fact)
        check(asked or way == "host", fact)
        if options:
            equal((row["close"], row["state"], "kernel" in row["why"]), ("lrst", "reset", asked), fact)
        else:
            equal(row["close"], "lfin", fact)


BEHIND = "198.18.1.2"
ATTEMPT = """
import socket, sys
client = socket.socket()
client.settimeout(float(sys.argv[2]))
try:
    client.connect((sys.argv[1], 9))
except OSError as error:
    print(repr(error), flush=True)
client.close()
"""


def behind():
    """Another host, beyond the one at the end of the cable, which becomes a router. Return: how to run a command there."""
    router = other_host()
    holder = Process(["unshare", "-n", "sh", "-c", "ip link set lo up && echo ready && exec sleep 600"])
    wait_for(lambda: "ready" in holder.out, "the namespace behind")
    inside = ["nsenter", "--net=/proc/%d/ns/net" % holder.pid, "--"]
    must(router + ["ip", "link", "add", "out", "type", "veth", "peer", "name", "far", "netns", str(holder.pid)])
    must(router + ["sh", "-c", "ip addr add 198.18.1.1/24 dev out && ip link set out up && "
                   "echo 1 >/proc/sys/net/ipv4/ip_forward"])
    must(inside + ["sh", "-c", "ip addr add %s/24 dev far && ip link set far up && ip route add default via 198.18.1.1"
                   % BEHIND])
    run(["ip", "route", "delete", "198.18.1.0/24"])
    must(["ip", "route", "add", "198.18.1.0/24", "via", THERE])
    return router


def treat(hook, rule, router=()):
    """What becomes of a SYN to port 9, at a router or on this host."""
    result = run(list(router) + [need("nft"), "-f", "-"], stdin="table inet own {\n chain own {\n  type filter hook %s "
                 "priority 0;\n  tcp dport 9 %s\n }\n}\n" % (hook, rule))
    if result.status:
        raise Skip("nft cannot do this here: " + result.err.strip().splitlines()[0])


def attempt(way, options, address):
    """Return: the rows of an attempt of half a second."""
    words = [sys.executable, "-c", ATTEMPT, address, "0.5"]
    if way == "launched":
        return Trace(options, words).finish()
    client = Process(["sh", "-c", 'read go && exec "$@"', "sh"] + words, stdin=subprocess.PIPE)
    if way == "attached":
        trace = attach([client.pid], options, runner=[])
    else:
        trace = watch([client.pid], options + ["--look-ms=2"], before=[]) if way == "diag" else Trace(options)
    if options:
        capturing(trace)
    client.line()
    client.wait()
    return trace.interrupt() if way == "host" else trace.finish()


@test("a SYN that this host drops or rejects: a row with its outcome, and not one of the peer's")
def attempted():
    other_host()
    for rule, outcome in (("drop", ("abort", None)), ("reject with tcp reset", ("refused", "ECONNREFUSED")),
                          ("reject with icmp type host-unreachable", ("unreach", "EHOSTUNREACH")),
                          ("reject with icmp type port-unreachable", ("refused", "ECONNREFUSED"))):
        treat("output", rule)
        ways = [way for way in WAYS if way[1] != ["-i", "here"]]
        for way, options in ways if rule == "drop" else ways[:2] + ways[-1:]:
            rows = attempt(way, options, THERE)
            fact = "%s, %s %s: %s; %s" % (rule, way, options, [short(row) for row in rows], rows.summary)
            if way == "diag" and not rows:
                # It was over before the first sample with its socket.
                equal(rows.summary["too_short"], 1, fact)
                continue
            # Of a dropped one only its program knows; a port that is unreachable is a refusal where no packets are.
            is_traced = way not in ("diag", "host")
            if "port-unreachable" in rule and not is_traced:
                outcome = ("unreach", "ECONNREFUSED")
            known = is_traced or (options and rule != "drop")
            equal([(row["result"], row["errno"]) for row in rows], [outcome if known else ("unknown", None)], fact)
            equal((rows[0]["raddr"], rows[0]["rport"], rows[0]["rx_pkts"] or 0), (THERE, 9, int("tcp" in rule and
                  bool(options))), fact)
            check(rows[0]["close"] in ("lrst", None), fact)
        must(["nft", "delete", "table", "inet", "own"])


@test("a router drops the SYN, or answers it by a RST: the program gave up, or was refused, in each way to watch")
def beyond():
    router = behind()
    ways = [way for way in WAYS if way[0] == "launched" or (way[0] in ("diag", "host") and way[1])]
    for rule, result, errno, closes in (("drop", "abort", None, (None,)),
                                           # The router speaks in the name of the host behind it.
                                           ("reject with tcp reset", "refused", "ECONNREFUSED", (None, "rrst"))):
        treat("forward", rule, router)
        for way, options in ways:
            rows = [row for row in attempt(way, options, BEHIND) if row["rport"] == 9]
            fact = "%s, %s %s: %s" % (rule, way, options, [short(row) for row in rows])
            if way == "diag" and not rows:
                # It was over before a sample found its process.
                continue
            # How long an attempt waited is read too late on a busy machine.
            doubted = way in ("diag", "host") and result == "abort" and [row["result"] for row in rows] == ["unknown"]
            equal([(row["dir"], row["result"], row["errno"]) for row in rows],
                  [("out", "unknown" if doubted else result, errno)], fact)
            check(all(row["close"] in closes and "kernel" not in (row["why"] or []) for row in rows), fact)
        must(router + ["nft", "delete", "table", "inet", "own"])


if sys.argv[1:2] == ["echo"]:
    echo(sys.argv[2])
elif sys.argv[1:2] == ["call"]:
    call(int(sys.argv[2]))
else:
    enter_namespace()
    need_all("ip", "nsenter", "unshare", "nft")
    at_once.main(4)
