#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A real nginx with four workers, clients on four addresses that count their own bytes: the sums must be exact."""
import collections
import os
import signal

from lib import (ALL, CONNTRACE, Process, attach, check, enter_namespace, equal, main, need, parse_rows, read_file, require,
                 scratch, short, test, tracer_of, wait_for, watch)
from webserver import CLIENTS, PORT, Client, Nginx

REQUESTS = 2000 if ALL else 600                           # of all clients together


def open_connections():
    """How many of nginx's ends are neither listening nor in TIME_WAIT."""
    lines = [line.split() for line in read_file("/proc/net/tcp").splitlines()[1:]]
    return len([words for words in lines if words[1].endswith(":%04X" % PORT) and words[3] not in ("0A", "06")])


def load(per_connection):
    """All clients at once, until nginx has closed the last connection. Return: the clients."""
    clients = [Client(address, REQUESTS // len(CLIENTS), per_connection) for address in CLIENTS]
    for client in clients:
        client.start()
    for client in clients:
        client.join(60)
        require(not client.is_alive() and not client.error, "a client failed: %s" % client.error)
        equal(client.wrong, 0, "wrong answers")
    wait_for(lambda: open_connections() == 0, "nginx to close")
    return clients


def judge(rows, clients, workers, per_connection, watched=False):
    peers = {row["peer"]: row for row in rows if row.get("report") == "peers"}
    conns = [row for row in rows if row.get("report") == "conns"]
    equal(sorted(peers), CLIENTS, "peers")
    for client in clients:
        row = peers.get(client.address) or {}
        equal(client.connections, -(-REQUESTS // len(CLIENTS) // per_connection), "connections the client made")
        for column, wanted in (("conns", client.connections), ("ok", client.connections), ("fail", 0),
                               ("rx_bytes", client.sent), ("tx_bytes", client.received), ("dir", "in"), ("port", PORT)):
            equal(row.get(column), wanted, "%s of %s" % (column.upper(), client.address))
        mine = [conn for conn in conns if conn["peer"] == client.address]
        equal(len(mine), client.connections, "rows of " + client.address)
        sums = (sum(c["rx_bytes"] or 0 for c in mine), sum(c["tx_bytes"] or 0 for c in mine))
        if not equal(sums, (client.sent, client.received), "sums of the rows of " + client.address):
            kinds = collections.Counter((c["rx_bytes"], c["tx_bytes"]) for c in mine)
            for c in mine:
                check(kinds[c["rx_bytes"], c["tx_bytes"]] >= 10, "a rare one: " + short(c))
    known = set(workers) | ({None} if watched else set())    # the worker that accepted a short one is unknown
    check({conn["pid"] for conn in conns} <= known, "every connection is a worker's")
    equal({conn["comm"] for conn in conns}, {"nginx"}, "COMM")


OPTIONS = ["-z", "peers", "-z", "conns", "--format=json"]


def launched(per_connection):
    nginx, out = Nginx(), scratch("rows")
    trace = Process([CONNTRACE] + OPTIONS + ["-o", out, "--"] + nginx.argv)
    nginx.wait()
    workers = nginx.workers()
    clients = load(per_connection)
    os.kill(nginx.master(), signal.SIGQUIT)
    equal(trace.wait(), 0, "exit status (%s)" % trace.err)
    judge(parse_rows(read_file(out)), clients, workers, per_connection)


def attached(per_connection):
    nginx = Nginx()
    server = Process(nginx.argv)
    nginx.wait()
    pids = [nginx.master()] + nginx.workers()
    trace = attach(pids, ["-z", "peers"], words=["-p"] + [str(pid) for pid in pids])
    clients = load(per_connection)
    rows = trace.interrupt()
    check(server.alive(), "nginx lives on")
    judge(rows, clients, pids, per_connection)
    load(per_connection)
    os.kill(nginx.master(), signal.SIGQUIT)
    equal(server.wait(), 0, "nginx's exit status")


def watched(per_connection):
    nginx = Nginx()
    server = Process(nginx.argv)
    nginx.wait()
    trace = watch([nginx.master()], ["-z", "peers"])    # the workers are found
    clients = load(per_connection)
    equal({tracer_of(pid) for pid in [nginx.master()] + nginx.workers()}, {0}, "TracerPid")
    rows = trace.interrupt()
    equal((rows.summary["stops"], rows.summary["unattributed"]), (0, 0), "stops, not attributed")
    judge(rows, clients, nginx.workers(), per_connection, watched=True)
    os.kill(nginx.master(), signal.SIGQUIT)
    equal(server.wait(), 0, "nginx's exit status")


@test("launched, a connection for each request")
def launched_close():
    launched(1)


@test("launched, keep-alive")
def launched_keep():
    launched(25)


@test("attached, a connection for each request")
def attached_close():
    attached(1)


@test("attached, keep-alive")
def attached_keep():
    attached(25)


@test("watched without stopping it, a connection for each request")
def watched_close():
    watched(1)


@test("watched without stopping it, keep-alive")
def watched_keep():
    watched(25)


if __name__ == "__main__":
    enter_namespace()
    main()
