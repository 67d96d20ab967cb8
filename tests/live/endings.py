#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Thousands of connections that end in random ways: every number is what both ends know, or unknown.

    endings.py server PORT-FILE TRUTH COUNT       endings.py client PORT-FILE TRUTH COUNT        (played by the tests)

Both ends draw the same plan from the number that the client sends first: how many bytes go each way, who ends it, and
how. No side ends it before the data that were sent have arrived, so each byte counts at both ends. ALL=1 plays more of them.
"""
import fcntl
import os
import random
import socket
import struct
import sys
import termios
import threading
import time

from lib import (ALL, CONNTRACE, Process, as_nobody, attach, check, enter_namespace, equal, main, parse_rows, read_file, require,
                 scratch, short, status_field, test, wait_file, wait_for, watch)

SIOCOUTQ = termios.TIOCOUTQ
TCP_CLOSE = 7    # in tcp_info
COUNT = 1000 if ALL else 300
THREADS = 6
HOWS = ["close", "shutdown", "half", "linger0", "unread", "both"]
LIMIT_SEC = 90


class Plan:
    def __init__(self, number):
        draw = random.Random(number)
        size = lambda: draw.choice([0, 1, 100, draw.randrange(3000), draw.randrange(30000)])
        self.sent = {"client": size() + 4, "server": size()}
        self.ender = draw.choice(["client", "server"])
        self.other = "server" if self.ender == "client" else "client"
        self.how = draw.choice(HOWS)
        self.hold = draw.choice([0, 0, 0, 0.002, 0.02])
        self.more = draw.randrange(1, 5000) if self.how in ("half", "unread") else 0
        self.total = dict(self.sent)
        self.total[self.other] += self.more


def wait_count(connection, request, wanted):
    """Until so many bytes are in a queue, or the other side has reset the connection."""
    end = time.monotonic() + 20
    while struct.unpack("i", fcntl.ioctl(connection, request, b"\0\0\0\0"))[0] != wanted:
        if connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == TCP_CLOSE:
            return
        if time.monotonic() > end:
            raise TimeoutError("a queue does not become %d long" % wanted)
        time.sleep(0)


def receive(connection, count):
    while count > 0:
        got = len(connection.recv(count))
        if got == 0:
            raise EOFError("too little came")
        count -= got


def receive_all(connection):
    try:
        while connection.recv(65536):
            pass
    except ConnectionResetError:
        pass


def send(connection, count):
    # Sending nothing would tell of a RST that has come.
    if count > 0:
        connection.sendall(bytes(count))
    wait_count(connection, SIOCOUTQ, 0)


def end_it(connection, plan):
    """What the one does that ends it."""
    if plan.how == "unread":
        wait_count(connection, termios.FIONREAD, plan.more)
    if plan.how == "linger0":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if plan.how in ("shutdown", "half"):
        connection.shutdown(socket.SHUT_WR)
        receive_all(connection)
    connection.close()


def see_end(connection, plan):
    """What the other does."""
    if plan.how == "unread":
        connection.sendall(bytes(plan.more))
    if plan.how != "both":
        receive_all(connection)
    if plan.how == "half":
        send(connection, plan.more)
    connection.close()


def play(role, connection, number, port):
    """Return: the line of truth."""
    if role == "client":
        connection.sendall(struct.pack("!I", number))
        plan = Plan(number)
        send(connection, plan.sent["client"] - 4)
        receive(connection, plan.sent["server"])
    else:
        number = struct.unpack("!I", connection.recv(4, socket.MSG_WAITALL))[0]
        plan = Plan(number)
        receive(connection, plan.sent["client"] - 4)
        send(connection, plan.sent["server"])
    time.sleep(plan.hold)    # so that some live until they are looked at
    if role == plan.ender:
        end_it(connection, plan)
    else:
        see_end(connection, plan)
    return "%d %d\n" % (port, number)


def serve(listener, truth):
    while True:
        connection, peer = listener.accept()
        os.write(truth, play("server", connection, None, peer[1]).encode())


def call(port, truth, numbers):
    for number in numbers:
        connection = socket.create_connection(("127.0.0.1", port))
        os.write(truth, play("client", connection, number, connection.getsockname()[1]).encode())


def role_main(role, port_file, truth_path, count):
    """One thread for each of THREADS connections at a time; the server ends on request."""
    truth = os.open(truth_path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o666)
    sys.stdin.readline()
    if role == "server":
        listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        with open(port_file + ".new", "w", encoding="ascii") as file:
            file.write(str(listener.getsockname()[1]))
        os.rename(port_file + ".new", port_file)
        threads = [threading.Thread(target=serve, args=(listener, truth), daemon=True) for _ in range(THREADS)]
    else:
        port = int(wait_file(port_file))
        first = random.SystemRandom().randrange(1 << 30)
        threads = [threading.Thread(target=call, args=(port, truth, range(first + n, first + count, THREADS)))
                   for n in range(THREADS)]
    for thread in threads:
        thread.start()
    if role == "server":
        sys.stdin.readline()
        os._exit(0)
    for thread in threads:
        thread.join()


def words(role, port_file, truth):
    return [sys.executable, os.path.abspath(__file__), role, port_file, truth, str(COUNT)]


def ended(role, plan):
    """CLOSE and STATE as they must be, if they are known."""
    reset = plan.how in ("linger0", "unread")
    if plan.how == "both":
        return ("lfin", "rfin"), "closed"
    return (("l" if plan.ender == role else "r") + ("rst" if reset else "fin"),), "reset" if reset else "closed"


def compare(role, rows, truth_path):
    """Each row of the traced one against its plan."""
    truth, twice = {}, set()
    for line in read_file(truth_path).splitlines():
        port, number = map(int, line.split())
        if port in truth:
            twice.add(port)
        truth[port] = Plan(number)
    key, known = ("lport" if role == "client" else "rport"), {"rx_bytes": 0, "tx_bytes": 0, "close": 0, "state": 0}
    other = "server" if role == "client" else "client"
    counted = rows.summary["too_short"]
    rows = [row for row in rows if row[key] in truth]
    check(len(rows) + counted >= COUNT, "%d rows, %d counted as too short" % (len(rows), counted))
    require(len(truth) + len(twice) <= COUNT and len(truth) > COUNT // 2, "truth of %d connections" % len(truth))
    for row in rows:
        plan = truth[row[key]]
        if row[key] in twice:
            continue
        closes, state = ended(role, plan)
        good = (row["dir"] in ("out" if role == "client" else "in", None) and row["result"] == "ok" and
                row["rx_bytes"] in (plan.total[other], None) and row["tx_bytes"] in (plan.total[role], None) and
                row["close"] in closes + (None,) and row["state"] in (state, None))
        check(good, "%s by %s, %s sent: %s" % (plan.how, plan.ender, plan.total, short(row)))
        for name in known:
            known[name] += row[name] is not None
    print("# %s: of %d rows known: %s" % (role, len(rows), known))


def storm(traced, how):
    """how(argv) starts the traced end, or how(pid) watches it."""
    port_file = scratch("port")
    truths = {role: scratch("truth") for role in ("server", "client")}
    processes, trace = {}, None
    for role in ("server", "client"):
        argv = words(role, port_file, truths[role])
        if role == traced and how == "launched":
            rows = scratch("rows")
            processes[role] = Process([CONNTRACE, "-z", "conns", "--format=json", "-o", rows, "--"] + argv, stdin=-1)
            continue
        processes[role] = Process(as_nobody() + argv, stdin=-1)
        if role == traced:
            wait_for(lambda pid=processes[role].pid: status_field(pid, "Name").startswith("python"), "python")
            trace = watch([processes[role].pid]) if how == "diag" else attach([processes[role].pid])
    for role in ("server", "client"):
        processes[role].line()
    equal(processes["client"].wait(LIMIT_SEC), 0, "the client's end (%s)" % processes["client"].err)
    wait_for(lambda: len(read_file(truths["server"]).splitlines()) >= COUNT, "the server's truth")
    processes["server"].line()
    equal(processes["server"].wait(LIMIT_SEC), 0, "the server's end (%s)" % processes["server"].err)
    rows = parse_rows(read_file(rows)) if trace is None else trace.finish(limit=LIMIT_SEC)
    check(not any(rows.summary["lost"].values()), "lost: %s" % rows.summary)
    compare(traced, rows, truths[traced])


for _how in ("diag", "launched", "attached"):
    for _role in ("server", "client"):
        test("%s, %s" % (_how, _role))(lambda role=_role, how=_how: storm(role, how))


if __name__ == "__main__":
    if len(sys.argv) == 5 and sys.argv[1] in ("server", "client"):
        role_main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        enter_namespace()
        main()
