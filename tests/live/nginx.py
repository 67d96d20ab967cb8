#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A real nginx with four workers, clients on four addresses that count their own bytes: the sums must be exact."""
import collections
import os
import re
import signal
import socket
import threading

from lib import (CONNTRACE, Process, attach, check, enter_namespace, equal, main, must, need, parse_rows, read_file,
                 require, scratch, short, test, tracer_of, wait_for, watch, write_file)

CLIENTS = ["127.0.0.%d" % n for n in range(1, 5)]
REQUESTS = 2000                                 # of all clients together
SIZES = (0, 1, 1000, 65536, 200001)
PORT = 8080                                     # in a namespace of its own

CONFIG = """
daemon off;
worker_processes 4;
pid %(top)s/pid;
error_log %(top)s/error.log;
%(user)s
events { worker_connections 512; }
http {
    access_log off;
    %(paths)s
    keepalive_requests 100000;
    server { listen 127.0.0.1:%(port)d; root %(top)s/html; }
}
"""


class Nginx:
    """The files of an nginx of our own."""

    def __init__(self):
        self.top = scratch("nginx")
        os.makedirs(self.top + "/html")
        for size in SIZES:
            write_file("%s/html/%d" % (self.top, size), "x" * size)
        paths = "\n".join("%s_temp_path %s/%s;" % (name, self.top, name)
                          for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        user = "user root root;" if os.getuid() == 0 else ""
        config = write_file(self.top + "/conf", CONFIG % {"top": self.top, "user": user, "paths": paths, "port": PORT})
        self.argv = [need("nginx"), "-p", self.top, "-c", config]

    def master(self):
        return int(read_file(self.top + "/pid"))

    def workers(self):
        return [int(p) for p in must(["ps", "-o", "pid=", "--ppid", str(self.master())]).split()]

    def wait(self):
        """Until the four workers accept."""
        wait_for(lambda: read_file(self.top + "/pid") and len(self.workers()) == 4, "nginx's workers")


class Client(threading.Thread):
    """So many requests from one address; counts what it sent and received."""

    # Each port once: when a port is used again, what the kernel knew of the first connection may be gone.
    next_port = dict.fromkeys(CLIENTS, 20000)

    def __init__(self, address, requests, per_connection):
        super().__init__(daemon=True)
        self.address, self.requests, self.per_connection = address, requests, per_connection
        self.connections = self.sent = self.received = self.wrong = 0
        self.error = None

    def run(self):
        try:
            done = 0
            while done < self.requests:
                source = (self.address, self.next_port[self.address])
                self.next_port[self.address] += 1
                with socket.create_connection(("127.0.0.1", PORT), 20, source) as connection:
                    self.connections += 1
                    for number in range(min(self.per_connection, self.requests - done)):
                        last = number + 1 == self.per_connection or done + 1 == self.requests
                        self.request(connection, SIZES[done % len(SIZES)], last and self.per_connection == 1)
                        done += 1
        except OSError as error:
            self.error = "%s: %s" % (self.address, error)

    def request(self, connection, size, close):
        text = "GET /%d HTTP/1.1\r\nHost: test\r\n%s\r\n" % (size, "Connection: close\r\n" if close else "")
        connection.sendall(text.encode())
        self.sent += len(text)
        answer = b""
        head = -1
        while head < 0 or len(answer) < head + size or close:
            piece = connection.recv(65536)
            if not piece:
                break
            answer += piece
            self.received += len(piece)
            if head < 0 and b"\r\n\r\n" in answer:
                head = answer.index(b"\r\n\r\n") + 4
        if not re.match(rb"HTTP/1.1 200 ", answer) or len(answer) != head + size:
            self.wrong += 1


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
    known = set(workers) | ({None} if watched else set())    # nobody knows which worker accepted a short one
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


@test("launched, a connection for each of 2000 requests")
def launched_close():
    launched(1)


@test("launched, keep-alive")
def launched_keep():
    launched(25)


@test("attached, a connection for each of 2000 requests")
def attached_close():
    attached(1)


@test("attached, keep-alive")
def attached_keep():
    attached(25)


@test("watched without stopping it, a connection for each of 2000 requests")
def watched_close():
    watched(1)


@test("watched without stopping it, keep-alive")
def watched_keep():
    watched(25)


if __name__ == "__main__":
    enter_namespace()
    main()
