#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What diag.py plays as an ordinary user, in user and network namespaces of an ordinary user; and with packets."""
import os
import socket
import subprocess
import sys

import diag    # pylint: disable=unused-import
import lib
from lib import MKCONN, Process, check, enter_namespace, equal, main, need, short, test, wait_for, watch
from watched import SERVE, Target, finish


@test("packets join connections of processes that are not stopped")
def packets():
    target = Target(SERVE)
    trace = watch([target.pid], ["-i", "lo"])
    target.serve(20)
    rows = finish(trace)
    equal(len(rows), 20, "rows (%s)" % rows.summary)
    for row in rows:
        equal((row["rx_bytes"], row["tx_bytes"], row["pid"], row["result"], row["dir"], "w" in row["seen"],
               "k" in row["seen"]), (10, 20, target.pid, "ok", "in", True, True), short(row))
    wait_for(lambda: target.alive(), "the target lives")


MOVER = r"""
import ctypes, fcntl, os, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
home = os.open("/proc/self/ns/net", os.O_RDONLY)

def serve(name):
    listener = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(listener.getsockname())
    server, _ = listener.accept()
    client.send(bytes(10))
    client.close()
    server.recv(100)
    server.close()
    listener.close()
    print(name, flush=True)

kept = socket.create_server(("127.0.0.1", 0))
print(kept.getsockname()[1], flush=True)
assert sys.stdin.readline()
assert libc.unshare(0x40000000) == 0
# Its loopback interface, up: by no child, which might have accepted (SIOCSIFFLAGS, IFF_UP).
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh14x", b"lo", 1))
serve("away")
# What was opened at home stays there.
server, _ = kept.accept()
server.recv(100)
server.close()
print("kept", flush=True)
assert sys.stdin.readline()
assert libc.setns(home, 0x40000000) == 0
print("home", flush=True)
server, _ = kept.accept()
server.recv(100)
server.close()
sys.stdin.readline()
"""


@test("a process that goes into another network namespace: what it had is seen on, what it opens there is not, and it is said")
def departs():
    target = Process([sys.executable, "-c", MOVER], stdin=subprocess.PIPE)
    port = int(wait_for(lambda: target.out.strip(), "its port"))
    trace = watch([target.pid], before=[])

    def visit():
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(bytes(10))
            client.shutdown(socket.SHUT_WR)
            equal(client.recv(1), b"", "an end")

    target.line()
    visit()
    wait_for(lambda: "kept" in target.out, "it to serve from there")
    wait_for(lambda: "PID %d is in another network namespace now" % target.pid in trace.err, "conntrace to say so")
    target.line()
    wait_for(lambda: "home" in target.out, "its return")
    visit()
    target.line()
    equal(target.wait(), 0, "the target's end: " + target.err)
    rows = {row["cookie"]: row for row in trace.finish()}.values()
    equal([(row["lport"], row["dir"]) for row in rows], [(port, "in")] * 2, "rows")
    # Unknown if the machine was too busy for its counters to be read in time.
    check({row["rx_bytes"] for row in rows} <= {10, None}, "RX_BYTES")
    # Whether a process that has ended had a child is unknown.
    check({row["pid"] for row in rows} <= {target.pid, None}, "PID")
    equal(trace.err.count("another network namespace"), 1, "sentences: " + trace.err)


@test("a child in another network namespace: it is said")
def child_departs():
    need("unshare")
    target = Process(["sh", "-c", "read line; unshare -n sleep 100 & read line; kill $!"], stdin=subprocess.PIPE)
    trace = watch([target.pid], before=[])
    target.line()
    child = wait_for(lambda: lib.children(target.pid), "the child")[0]
    wait_for(lambda: "PID %d is in another network namespace now" % child in trace.err, "conntrace to say so")
    target.line()
    equal(list(trace.finish()), [], "rows")


def inside(pid):
    return [need("nsenter"), "--net=/proc/%d/ns/net" % pid, "--"]


def far_target():
    return Target(SERVE, before=[need("unshare"), "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"])


@test("processes in another network namespace, which may be entered: their connections, with all that diag shows")
def entered():
    target = far_target()
    trace = watch([target.pid])
    client = Process(inside(target.pid) + [MKCONN, "count=20", "connect=127.0.0.1:%d" % target.port, "send=10", "recv=20", "close",
                                           "done"])
    equal(client.wait(), 0, "the client's end")
    wait_for(lambda: len(target.truth()) >= 20, "the server to close them")
    netns = os.stat("/proc/%d/ns/net" % target.pid).st_ino
    rows = finish(trace)
    equal([(row["dir"], row["lport"], row["rx_bytes"], row["tx_bytes"], row["pid"], row["netns"]) for row in rows],
          [("in", target.port, 10, 20, target.pid, netns)] * 20, "rows (%s)" % rows.summary)
    equal(rows.summary["too_short"], 0, "too short")
    check("PID %d is in another network namespace: sockets of that namespace are watched" % target.pid in trace.err, trace.err)


@test("one process here and one in another network namespace: the former is watched, the latter refused")
def only_one():
    far, near = far_target(), Target(SERVE)
    trace = watch([far.pid, near.pid])
    near.serve(5)
    rows = finish(trace)
    equal({(row["lport"], row["pid"]) for row in rows}, {(near.port, near.pid)}, "rows")
    check("cannot watch PID %d" % far.pid in trace.err, trace.err)


if __name__ == "__main__":
    enter_namespace()
    main()
