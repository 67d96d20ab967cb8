#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What diag.py plays as an ordinary user, in user and network namespaces of an ordinary user; and with packets."""
import socket
import subprocess
import sys

import diag    # pylint: disable=unused-import
import lib
from lib import Process, check, enter_namespace, equal, main, need, short, test, wait_for, watch
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


if __name__ == "__main__":
    enter_namespace()
    main()
