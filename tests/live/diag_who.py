#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--via=diag: the process of several that accepted a connection is reported when it is proven, and else is unknown."""
import os
import subprocess
import sys

from lib import (MKCONN, Process, as_nobody, check, equal, main, mkconn, must, require, scratch, short,
                 status_field, test, wait_for, watch)
from watched import SERVE, Target, finish

ONE = ["accept4", "recv=10", "send=20", "recv-all", "close"]
EXE = os.path.realpath(MKCONN)
ROUNDS = 8


def serve(target, count, threads=1):
    """So many connections are made, and served. Return: what the server knows of them, by the client's port."""
    before = len(target.truth())
    client = mkconn(["threads=%d" % threads, "count=%d" % (count // threads), "connect=127.0.0.1:%d" % target.port,
                     "send=10", "recv=20", "close", "done", "done", "join"])
    equal(client.wait(), 0, "the client's end")
    wait_for(lambda: len(target.truth()) >= before + count, "the server to close them")
    return {fact["rport"]: fact for fact in target.truth()[before:]}


def compare(rows, truth, acceptor=None):
    """Every row has the right PID or none, and so name and executable. Return: how many PIDs are known, and bytes.

    A child that has come and gone may have had another name than its parent, so these are unknown with the PID. Where the machine is busy, so are
    the bytes of a connection that was not looked at in time, and what begins and ends between two looks has no row: it is counted.
    """
    require(len(rows) <= len(truth), "%d rows of %d connections" % (len(rows), len(truth)))
    check(len(rows) + rows.summary["too_short"] >= len(truth), "%d rows of %d, too short: %d" % (
        len(rows), len(truth), rows.summary["too_short"]))
    known = counted = 0
    for row in rows:
        fact = truth.get(row["rport"])
        require(fact is not None, "no process accepted " + short(row))
        pid = acceptor or fact["pid"]
        known += row["pid"] is not None
        if not check(row["pid"] in (pid, None), "accepted by %d: %s" % (pid, short(row))):
            break
        counted += None not in (row["rx_bytes"], row["tx_bytes"])
        if not check((row["dir"], row["lport"]) == ("in", fact["lport"]) and row["rx_bytes"] in (10, None) and
                     row["tx_bytes"] in (20, None) and row["comm"] in ("mkconn", None) and row["exe"] in (EXE, None), "%s, exe %s" % (short(row), row["exe"])):
            break
    print("# PID of %d of %d connections, bytes of %d" % (known, len(truth), counted))
    return known, counted


def play(words, count=200, acceptor=False, threads=1, least=0):
    """So many PIDs are known at least, and nine of ten connections with their bytes: on a busy machine it takes several times."""
    for _ in range(ROUNDS):
        target = Target(words)
        trace = watch([target.pid])
        truth = serve(target, count, threads)
        known, counted = compare(finish(trace), truth, target.pid if acceptor else None)
        if known >= least and counted >= count * 9 // 10:
            return
        target.end()
    check(False, "in none of %d rounds enough was known" % ROUNDS)


@test("children that accept once and end, in turn with their parent")
def short_children():
    play(["forever"] + ONE + ["fork=1"] + ONE + ["done", "join", "done"])


@test("children that accept once and end, while their parent accepts too")
def beside():
    play(["forever", "fork=2"] + ONE + ["done"] + ONE + ["join", "done"], 300, threads=3)


ORPHANS = """
import os, socket, sys
server = socket.create_server(("127.0.0.1", 0))
def one():
    served, peer = server.accept()
    os.write(1, b"%d %d\\n" % (os.getpid(), peer[1]))
    served.recv(100)
    served.send(bytes(20))
    served.close()
sys.stdin.readline()
os.write(1, b"%d %d\\n" % (0, server.getsockname()[1]))
while True:
    one()
    if os.fork() == 0:
        if os.fork() == 0:
            one()
        os._exit(0)
    os.wait()
"""


@test("a grandchild whose parent has gone accepts")
def orphans():
    target = Process(as_nobody() + [sys.executable, "-c", ORPHANS], stdin=subprocess.PIPE)
    wait_for(lambda: status_field(target.pid, "Name").startswith("python"), "the program to start")
    trace = watch([target.pid])
    target.line()
    port = int(wait_for(lambda: target.out, "its port").split()[1])
    must([MKCONN, "count=200", "connect=127.0.0.1:%d" % port, "send=10", "recv=20", "close", "done"])
    truth = {int(peer): int(pid) for pid, peer in map(str.split, target.out.splitlines()[1:])}
    rows = finish(trace)
    check(len(rows) + rows.summary["too_short"] >= 200, "%d rows, %s" % (len(rows), rows.summary))
    for row in rows:
        check(row["pid"] in (truth[row["rport"]], None), "accepted by %d: %s" % (truth[row["rport"]], short(row)))


@test("children by vfork and exec")
def new_images():
    play(["forever"] + ONE + ["vfork"] + ONE + ["done", "join", "done"])


@test("a parent accepts, its children serve and end")
def served_by_children():
    play(["forever", "accept4", "fork=1", "recv=10", "send=20", "recv-all", "close", "done", "drop", "join", "done"],
         acceptor=True)


@test("a server that has no children: its PID, but for the last ones of others' births")
def alone():
    play(SERVE, least=200)


@test("children that are not followed: none of their connections is the target's")
def not_followed():
    target = Target(["forever"] + ONE + ["fork=1"] + ONE + ["done", "join", "done"])
    trace = watch([target.pid], ["--no-follow"])
    truth = serve(target, 200)
    rows = finish(trace)
    for row in rows:
        check(row["pid"] in (None, target.pid) and truth[row["rport"]]["pid"] == target.pid, short(row))
    check(len(rows) + rows.summary["too_short"] >= 200, "%d rows, %s" % (len(rows), rows.summary))


@test("connections that wait to be accepted when they are seen")
def queued():
    go = scratch("go")
    target = Target(["wait-file=" + go, "fork=1", "count=10"] + ONE + ["done", "done", "join"] + SERVE)
    client = mkconn(["threads=20", "connect=127.0.0.1:%d" % target.port, "send=10", "recv=20", "close", "done", "join"])
    waiting = lambda: must(["ss", "-Htn", "state", "established", "sport", "= :%d" % target.port]).splitlines()
    wait_for(lambda: len(waiting()) == 20, "connections in the queue")
    trace = watch([target.pid])
    os.close(os.open(go, os.O_CREAT | os.O_WRONLY, 0o644))
    equal(client.wait(), 0, "the client's end")
    wait_for(lambda: len(target.truth()) >= 20, "the server to close them")
    rows = finish(trace)
    compare(rows, {fact["rport"]: fact for fact in target.truth()})
    equal(len(rows), 20, "rows")
    equal({"p" in row["seen"] for row in rows}, {True}, "older than the run")


if __name__ == "__main__":
    main()
