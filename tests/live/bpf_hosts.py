#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--via=bpf, as root: a container seen from its host, the capabilities that are enough, and many connections a second.

    bpf_hosts.py play        (played by the tests) at each line of its input connects to itself
    bpf_hosts.py keep        (played by the tests) has connections to itself, and at each line makes more, or closes some
"""
import os
import resource
import signal
import socket
import subprocess
import sys

import lib
from control_groups import Group, roots
from lib import (CONNTRACE, NOBODY, STORM, Process, Trace, by_bpf, check, equal, main, need, run, scratch, short, test, unshared,
                 wait_file, wait_for)

COUNT = 20
# Of both ends together the BPF programs have 16,384 in their first table.
KEPT = 8400
CLOSED_AT_ONCE = KEPT // 4


def play():
    listener = socket.create_server(("127.0.0.1", 0))
    print(os.getpid(), flush=True)
    for _ in sys.stdin:
        for _ in range(COUNT):
            client = socket.create_connection(listener.getsockname())
            served, _ = listener.accept()
            client.sendall(bytes(10))
            served.recv(10, socket.MSG_WAITALL)
            served.sendall(bytes(20))
            client.recv(20, socket.MSG_WAITALL)
            client.close()
            served.recv(1)
            served.close()
        print("done", flush=True)


def keep():
    resource.setrlimit(resource.RLIMIT_NOFILE, (2 * KEPT + 100, 2 * KEPT + 100))
    listener = socket.create_server(("127.0.0.1", 0))
    kept = []

    def more():
        for _ in range(KEPT // 2):
            kept.append((socket.create_connection(listener.getsockname()), listener.accept()[0]))
            kept[-1][0].sendall(bytes(10))
            kept[-1][1].recv(10, socket.MSG_WAITALL)
    more()
    print(os.getpid(), flush=True)
    for number, _ in enumerate(sys.stdin):
        if number == 0:
            more()
        else:
            for client, served in kept[-CLOSED_AT_ONCE:]:
                client.close()
                served.recv(1)
                served.close()
            del kept[-CLOSED_AT_ONCE:]
        print("done", flush=True)


def player(before=(), role="play"):
    """Return: the process that was started for it, and the PID that it has for itself."""
    process = Process(list(before) + [sys.executable, os.path.abspath(__file__), role], stdin=subprocess.PIPE)
    return process, int(wait_for(lambda: process.out.endswith("\n") and process.out, "the player"))


def connects(process):
    process.popen.stdin.write(b"\n")
    process.popen.stdin.flush()
    wait_for(lambda: process.out.endswith("done\n"), "the player's connections")


def look_at(rows, pid, what):
    rows = [row for row in rows if row["pid"] == pid]
    for way, rx, tx in (("in", 10, 20), ("out", 20, 10)):
        found = [row for row in rows if row["dir"] == way]
        equal(len(found), COUNT, "rows %s, %s" % (way, what))
        for row in found:
            equal((row["result"], row["tid"], row["rx_bytes"], row["tx_bytes"], row["netns"]),
                  ("ok", pid, rx, tx, os.stat("/proc/%d/ns/net" % pid).st_ino), what + ": " + short(row))
            check(row["comm"].startswith("python") and row["fd"] > 2, what + ": " + short(row))


@test("a container of its own PIDs, network, mounts and users, seen from its host: -p, --all, --cgroup and --container")
def container():
    words = unshared("-Urpfnm", "--mount-proc") + ["sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    name = "docker-%s.scope" % ("c0" * 32)
    with Group(name, roots()[-1]) as group:
        inside, own = player(["sh", "-c", 'echo $$ >%s/cgroup.procs && exec "$@"' % group.path, "sh"] + words)
        pid = lib.children(inside.pid)[0]
        check(pid != own, "the same number outside and inside: %d" % pid)
        ways = (["-p", str(pid)], ["--all"], ["--cgroup=" + group.inner], ["--container=c0c0"])
        traces = [by_bpf((), words=words) for words in ways]
        connects(inside)
        for words, trace in zip(ways, traces):
            look_at(trace.interrupt(), pid, " ".join(words))


@test("CAP_BPF and CAP_PERFMON are enough, also for processes of others; without one of them that one is named")
def capabilities():
    def with_only(*names):
        sets = ",".join("+" + name for name in names)
        return [need("setpriv"), "--reuid=%d" % NOBODY, "--regid=%d" % NOBODY, "--clear-groups", "--inh-caps=" + sets,
                "--ambient-caps=" + sets, "--"]
    target, pid = player()
    words = ["-p", str(pid)]
    trace = lib.watch((), ["--via=bpf"], before=with_only("bpf", "perfmon"), words=words)
    connects(target)
    look_at(trace.interrupt(), pid, "with both")
    for has, lacks in (("bpf", "CAP_PERFMON"), ("perfmon", "CAP_BPF"), ("net_raw", "CAP_BPF and CAP_PERFMON")):
        result = run(with_only(has) + [CONNTRACE, "--via=bpf"] + words)
        equal((result.status, result.err), (1, "conntrace: BPF is not permitted: run conntrace as root, or give it %s\n" %
                                            lacks), "with %s alone" % has)
    result = run([need("setpriv"), "--bounding-set=-bpf,-sys_admin", "--inh-caps=-all", "--", CONNTRACE, "--via=bpf"] + words)
    equal((result.status, result.err), (1, "conntrace: BPF is not permitted: root has no CAP_BPF\n"), "root without it")


@test("a ladder without packets: every change of the state, with its error, and a retransmission")
def states():
    script = '''
import select, socket, struct
listener = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(listener.getsockname())
served, _ = listener.accept()
client.shutdown(socket.SHUT_WR)
served.recv(1)
served.close()
client.recv(1)
client.close()
socket.socket().connect_ex(("127.0.0.1", 1))
full = socket.create_server(("127.0.0.1", 0), backlog=0)
first = socket.create_connection(full.getsockname())
second = socket.socket()
second.setblocking(False)
second.connect_ex(full.getsockname())
while second.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)[2] == 0:
    select.select([], [], [], 0.02)
'''
    lines = lib.parse_rows(lib.must([CONNTRACE, "--via=bpf", "--ladder=all", "--format=json", "--", sys.executable, "-c", script]))
    ladders = {}
    for line in lines:
        check(line["what"] in ("call", "state"), str(line))
        ladders.setdefault(line["conn"], []).append(
            (line["lstate"], line["errno"]) if line["what"] == "state" else line["call"])
    found = [[entry for entry in ladder if not isinstance(entry, str) or entry == "retransmit"] for ladder in ladders.values()]
    for wanted in ([("SYN_SENT", None), ("ESTABLISHED", None), ("FIN_WAIT1", None), ("FIN_WAIT2", None), ("TIME_WAIT", None)],
                   [("CLOSE_WAIT", None), ("LAST_ACK", None), ("closed", None)],
                   [("SYN_SENT", None), ("closed", "ECONNREFUSED")]):
        check(wanted in found, "%s of %s" % (wanted, found))
    check(any(ladder[:2] == [("SYN_SENT", None), "retransmit"] for ladder in found), str(found))


@test("the whole host, thousands of connections a second: all are counted, or the loss is; memory stays")
def rate():
    connections = 9000
    port = scratch("port")
    server = Process([STORM, "server", "port-file=" + port, "connections=%d" % connections])
    port = wait_file(port)
    trace = Trace(["--via=bpf", "--all", "--debug=sources", "--by=pid", "--dir=in", "--lport=" + port], report="peers")
    wait_for(lambda: "debug: events" in trace.err, "conntrace to watch")

    def resident_kib():
        return int(lib.status_field(trace.pid, "VmRSS").split()[0])
    lib.must([STORM, "client", "port=" + port, "connections=%d" % (connections // 3)])
    before = resident_kib()
    lib.must([STORM, "client", "port=" + port, "connections=%d" % (connections - connections // 3)])
    equal(server.wait(), 0, "the server")
    after = resident_kib()
    rows = trace.interrupt()
    # Another network namespace may use the same port.
    seen, lost = sum(row["conns"] for row in rows if row["pid"] == server.pid), rows.summary["lost"]["ring"]
    check(seen == connections if lost == 0 else connections - lost <= seen <= connections, "%d seen, %d lost" % (seen, lost))
    check(after - before < 16384, "%d KiB, and then %d KiB" % (before, after))


@test("more sockets than the first table of the programs has room for, from before the run and made in it")
def second_table():
    process, pid = player(role="keep")
    trace = by_bpf([pid], ["--by=dir"], report="peers")

    def ask(wanted):
        """conntrace reads what the ring has before the next many records come."""
        def sums():
            trace.signal(signal.SIGUSR1)
            found = {row["dir"]: (row["conns"], row["open"]) for row in trace.rows()[-2:]}
            return found == {"in": wanted, "out": wanted}
        wait_for(sums, "%d connections, %d of them open" % wanted)
    ask((KEPT // 2, KEPT // 2))
    for left in [KEPT] + [KEPT - number * CLOSED_AT_ONCE for number in range(1, 5)]:
        process.popen.stdin.write(b"\n")
        process.popen.stdin.flush()
        ask((KEPT, left))
    process.popen.stdin.close()
    equal(process.wait(), 0, "its end: " + process.err)
    rows = {row["dir"]: row for row in trace.finish()[-2:]}
    equal([(rows[way]["conns"], rows[way]["ok"], rows[way]["rx_bytes"], rows[way]["tx_bytes"]) for way in ("in", "out")],
          [(KEPT, KEPT, 10 * KEPT, 0), (KEPT, KEPT, 0, 10 * KEPT)], "sums")


if __name__ == "__main__":
    if sys.argv[1:] == ["play"]:
        play()
    elif sys.argv[1:] == ["keep"]:
        keep()
    else:
        lib.need_bpf()
        main()
