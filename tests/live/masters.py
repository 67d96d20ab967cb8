#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--via=diag of workers whose master holds the listening socket too: theirs, or unknown and counted.

It is watched as the workers' user, who may not inspect the master, and as root, who may.

    masters.py master KIND        (played by the tests) root listens, a child gives up its rights and serves
"""
import ctypes
import os
import signal
import socket
import sys
import time

from lib import (NOBODY, Process, as_nobody, attach, check, equal, main, need, read_file, require, short, skip_all, status_field, test,
                 wait_for, watch)
from watched import finish
from webserver import CLIENTS, PORT, Client, Nginx

LOOPBACK = "127.0.0.1"
INSIDE = "CONNTRACE_TEST_MASTERS"
ROUNDS = 8


# ---- masters ------------------------------------------------------------------------

def serve(listener, who, count=-1):
    while count:
        served, peer = listener.accept()
        served.recv(10, socket.MSG_WAITALL)
        served.sendall(bytes(20))
        os.write(1, b"%s %d\n" % (who, peer[1]))
        served.close()
        count -= 1


def play_master(kind):
    """Lines on stdin: a number of connections that the master, or what KIND says, accepts while the worker is stopped."""
    listener = socket.create_server((LOOPBACK, 0), backlog=128, reuse_port=kind == "reuseport")
    worker = os.fork()
    if worker == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        ctypes.CDLL(None).prctl(4, 1)    # PR_SET_DUMPABLE, as nginx does
        ctypes.CDLL(None).prctl(1, 9)    # PR_SET_PDEATHSIG: it ends with its master
        serve(listener, b"worker")
    if kind == "reuseport":
        address = listener.getsockname()
        listener.close()
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(address)
        listener.listen(128)
    os.write(1, b"%d %d\n" % (worker, listener.getsockname()[1]))
    if kind in ("child", "orphan"):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            if kind == "orphan" and os.fork():
                os._exit(0)
            os.close(write)
            while True:
                serve(listener, b"other", int(os.read(read, 10)))
        if kind == "orphan":
            os.waitpid(child, 0)
    for line in sys.stdin:
        if kind in ("child", "orphan"):
            os.write(write, line.encode())
        elif kind == "busy":
            time.sleep(0.01)
        else:
            serve(listener, b"other", int(line))


# ---- tests --------------------------------------------------------------------------

class Master(Process):
    def __init__(self, kind):
        super().__init__([sys.executable, os.path.abspath(__file__), "master", kind], stdin=-1)
        self.worker, self.port = map(int, wait_for(lambda: self.out.partition("\n")[1] and self.out.split()[:2], "its worker"))

    def tell(self, count):
        self.popen.stdin.write(b"%d\n" % count)
        self.popen.stdin.flush()

    def accepted(self, who):
        return [int(words[1]) for words in map(str.split, self.out.splitlines()) if words[0] == who]


def call(port, count, pause=0.0):
    for _ in range(count):
        with socket.create_connection((LOOPBACK, port), 10) as client:
            client.sendall(bytes(10))
            while client.recv(100):
                pass
        time.sleep(pause)


def is_shown(trace, port):
    """Makes a connection. Return: whether the report has any: the first ones may have been accepted while the master began to wait."""
    try:
        with socket.create_connection((LOOPBACK, port), 10, ("127.0.0.9", 0)) as client:
            client.sendall(bytes(10))
            while client.recv(100):
                pass
    except ConnectionResetError:
        pass
    os.kill(trace.pid, signal.SIGUSR1)
    return '"laddr":' in read_file(trace.rows_path)


def by_master(master, count):
    """Connections that the worker does not accept, because it is stopped for the time."""
    os.kill(master.worker, signal.SIGSTOP)
    wait_for(lambda: status_field(master.worker, "State")[:1] == "T", "the worker to stop")
    master.tell(count)
    call(master.port, count)
    os.kill(master.worker, signal.SIGCONT)


def is_reported(shown, made, summary):
    """Whether all are shown or counted. Beside a heavy load the kernel is late with its reports, and the summary says so."""
    return shown + summary["too_short"] >= made or summary["lost"]["netlink"] is None


def compare(trace, master):
    """No row is of a connection that others accepted; all are shown or counted."""
    rows = finish(trace)
    # Each report has them again; a port may have been used twice.
    summary, rows = rows.summary, list({row["cookie"]: row for row in rows}.values())
    own, foreign = master.accepted("worker"), master.accepted("other")
    shown = {row["rport"] for row in rows}
    require(not shown & set(foreign), "rows of what others accepted: %s" % [short(row) for row in rows if row["rport"] in foreign])
    check(shown <= set(own), "rows that are not of the worker: %s" % [short(row) for row in rows if row["rport"] not in own])
    check(is_reported(len(rows), len(own), summary), "counted: %s" % summary)
    for row in rows:
        equal((row["dir"], row["pid"] in (master.worker, None), row["rx_bytes"], row["tx_bytes"]), ("in", True, 10, 20), short(row))
    return rows


def nginx_rows(nginx, way):
    """A run while clients call. Return: its rows, and what is wrong with those of the peers."""
    trace = way(nginx.workers(), ["-z", "peers"])
    wait_for(lambda: is_shown(trace, PORT), "the first row")
    clients = [Client(address, 30, 1) for address in CLIENTS]
    for client in clients:
        client.start()
    for client in clients:
        client.join(60)
        require(not client.is_alive() and not client.error, "a client failed: %s" % client.error)
    rows = trace.interrupt()
    peers = {row["peer"]: row for row in rows if row.get("report") == "peers"}
    found = {client.address: [(peers.get(client.address) or {}).get(key) for key in ("port", "conns", "ok", "rx_bytes", "tx_bytes")]
             for client in clients}
    wanted = {client.address: [PORT, client.connections, client.connections, client.sent, client.received] for client in clients}
    return rows, "" if found == wanted else "got %s, wanted %s, accounts %s" % (found, wanted, rows.summary)


@test("nginx whose master is root's, watched as its workers' user: every connection")
def workers():
    nginx = Nginx("nobody nogroup")
    server = Process(nginx.argv)
    nginx.wait()
    wait_for(lambda: {status_field(pid, "Uid").split()[0] for pid in nginx.workers()} == {str(NOBODY)}, "the workers' user")
    # On a busy machine samples may come too late for some of the connections, which are counted.
    for way, rounds in ((watch, ROUNDS), (attach, 1)):
        for _ in range(rounds):
            rows, wrong = nginx_rows(nginx, way)
            if not wrong:
                break
            check(rows.summary["too_short"], wrong)
        check(not wrong, wrong)
        equal({row["comm"] for row in rows if row.get("report") == "conns"}, {"nginx"}, "COMM")
        wait_for(lambda: {status_field(pid, "TracerPid") for pid in nginx.workers()} == {"0"}, "the workers to be let go")
    os.kill(nginx.master(), signal.SIGQUIT)
    equal(server.wait(), 0, "nginx's exit status")


def is_complete(master, pids, before):
    """Whether a run shows each connection of the worker with its PID."""
    trace = watch(pids, before=before)
    wait_for(lambda: is_shown(trace, master.port), "the first row")
    earlier = len(master.accepted("worker"))
    call(master.port, 20)
    rows = compare(trace, master)
    return {row["rport"] for row in rows if row["pid"] == master.worker} >= set(master.accepted("worker")[earlier:])


def complete(chosen, before=None):
    # On a busy machine samples may come too late for some of the connections, which are counted.
    for _ in range(ROUNDS):
        master = Master("waits")
        if is_complete(master, chosen(master), before):
            return
        master.end()
    check(False, "in none of %d rounds all were shown" % ROUNDS)


@test("a master that only waits: every connection, with the PID of the only worker")
def waits():
    complete(lambda master: [master.worker])


@test("the same as root, who may inspect the master")
def waits_for_root():
    complete(lambda master: [master.worker], ())


@test("the master that only waits is watched, too: every connection, with the PID of the worker")
def both():
    complete(lambda master: [master.pid], ())


def taken(kind, before=None):
    master = Master(kind)
    trace = watch([master.worker], before=before)
    call(master.port, 5, 0.05)
    for _ in range(3):
        by_master(master, 5)
        call(master.port, 5, 0.05)
    compare(trace, master)


@test("a master that accepts now and then: nothing of that is the worker's")
def accepts():
    taken("accepts")
    taken("accepts", ())


@test("another child of the master that accepts: nothing of that is the worker's")
def sibling():
    taken("child")
    taken("child", ())


@test("an orphan of the master's that accepts: nothing of that is the worker's")
def orphan():
    taken("orphan")
    taken("orphan", ())


@test("master and worker are watched, and both accept: a PID that is shown is right")
def both_accept():
    master = Master("child")
    trace = watch([master.pid], before=())
    for _ in range(4):
        call(master.port, 5, 0.02)
        by_master(master, 5)
    own, foreign = set(master.accepted("worker")), set(master.accepted("other"))
    check(own and foreign, "both accept: %s" % master.out)
    for row in finish(trace):
        check(row["pid"] is None or (row["pid"] == master.worker) == (row["rport"] in own), "a wrong PID: %s" % short(row))


@test("a master that runs all the time: what it may have accepted is counted")
def busy():
    for before in (None, ()):
        master = Master("busy")
        trace = watch([master.worker], before=before)
        for _ in range(30):
            master.tell(0)
            call(master.port, 1)
            time.sleep(0.02)
        compare(trace, master)


@test("a service of root that shares the port by SO_REUSEPORT: none is guessed")
def reuseport():
    master = Master("reuseport")
    trace = watch([master.worker])
    master.tell(-1)
    call(master.port, 40, 0.01)
    check(master.accepted("other") and master.accepted("worker"), "both accept: %s" % master.out)
    compare(trace, master)


@test("a /proc that hides the master: nothing is guessed, and the reason is given")
def hidden():
    master = Master("waits")
    hide = [need("unshare"), "-m", "sh", "-c", 'mount -t proc -o hidepid=2 proc /proc && exec "$@"', "sh"]
    trace = watch([master.worker], before=hide + as_nobody())
    call(master.port, 5)
    rows = trace.interrupt()
    # On a busy machine a look may find one with the worker.
    equal({row["pid"] for row in rows} - {master.worker}, set(), "processes")
    check(is_reported(len(rows), 5, rows.summary), "accounts: %s" % rows.summary)
    check(rows or "may hold the listening socket" in rows.summary["reason"], "reason: %r" % rows.summary["reason"])


if __name__ == "__main__":
    if sys.argv[1:2] == ["master"]:
        play_master(sys.argv[2])
    elif os.getuid() != 0:
        skip_all("not root")
    elif INSIDE not in os.environ:
        # A network and a /proc of its own, which hides nothing.
        os.environ[INSIDE] = "1"
        try:
            os.execvp("unshare", ["unshare", "-nm", "sh", "-c", 'ip link set lo up && mount -t proc proc /proc && exec "$@"', "sh",
                                  sys.executable] + sys.argv)
        except OSError:
            skip_all("no unshare(1)")
    else:
        main()
