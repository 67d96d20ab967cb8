#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs by BPF, as root: the whole host, losses, the way that is chosen, and that nothing stays in the kernel."""
import json
import os
import resource
import signal
import subprocess
import sys

import lib
from lib import (CONNTRACE, MKCONN, NOBODY, STORM, Process, Skip, Trace, by_bpf, check, equal, find_row, main, mkconn, need,
                 read_truth, run, scratch, test, tracer_of, wait_file, wait_for)


def server(words, truth):
    port = scratch("port")
    process = Process([MKCONN, "truth=" + truth, "listen=127.0.0.1:0", "port-file=" + port] + words)
    return process, wait_file(port)


def whole(options=("--all",)):
    """conntrace that watches the whole host, and has begun."""
    trace = Trace(["--debug=sources"] + list(options))
    wait_for(lambda: "debug: events" in trace.err or not trace.alive(), "conntrace to watch")
    lib.require(trace.alive(), "conntrace ended: " + trace.err)
    return trace


TALKS = """
import socket
listening = socket.create_server(("127.0.0.1", 0))
print("listens", flush=True)
while True:
    with socket.create_connection(listening.getsockname()), listening.accept()[0]:
        pass
"""

# Of each connection of TALKS.
FRAMES = 8


@test("the whole host: both ends of every connection, with their processes; nothing of conntrace's own")
def all_processes():
    trace = whole()
    truths = [scratch("truth"), scratch("truth")]
    accepting, port = server(["count=20", "accept4", "recv-all", "send=20", "close", "done"], truths[0])
    calling = mkconn(["truth=" + truths[1], "count=20", "connect=127.0.0.1:" + port, "send=10", "shutdown", "recv-all", "close",
                      "done"])
    equal((accepting.wait(), calling.wait()), (0, 0), "their ends")
    rows = trace.interrupt()
    for truth, way, moved in ((truths[0], "in", (10, 20)), (truths[1], "out", (20, 10))):
        facts = read_truth(truth)
        equal(len(facts), 20, "connections")
        for fact in facts:
            row = find_row(rows, fact)
            equal((row["dir"], row["pid"], row["tid"], row["fd"], row["rx_bytes"], row["tx_bytes"]),
                  (way, fact["pid"], fact["tid"], fact["fd"]) + moved, "row")
    equal([row for row in rows if row["pid"] == trace.pid], [], "rows of conntrace")
    equal(rows.summary["lost"]["ring"], 0, "lost")


@test("--via=bpf and --top alone are the whole host, too; with something to watch --all is an error")
def bare():
    for options in (["--via=bpf"], ["--top"]):
        trace = whole(options)
        accepting, port = server(["accept", "recv-all", "close"], scratch("truth"))
        equal(mkconn(["connect=127.0.0.1:" + port, "send=10", "close"]).wait(), 0, "the client")
        accepting.wait()
        rows = trace.interrupt()
        if options == ["--via=bpf"]:
            equal(len([row for row in rows if row["lport"] == int(port)]), 1, "rows")
    for options in (["--all", "-p", "1"], ["--all", "--", "true"], ["--all", "--via=ptrace"]):
        equal(run([CONNTRACE] + options).status, 2, "exit status of %s" % options)


@test("the whole host with -i: packets join the rows of both ends")
def all_and_packets():
    trace = whole(["--all", "-i", "lo"])
    lib.capturing(trace)
    accepting, port = server(["count=5", "accept4", "recv-all", "send=20", "close", "done"], scratch("truth"))
    calling = mkconn(["count=5", "connect=127.0.0.1:" + port, "send=10", "shutdown", "recv-all", "close", "done"])
    equal((accepting.wait(), calling.wait()), (0, 0), "their ends")
    rows = [row for row in trace.interrupt() if int(port) in (row["lport"], row["rport"])]
    equal(sorted((row["dir"], row["pid"], row["rx_bytes"], row["tx_bytes"]) for row in rows),
          sorted([("in", accepting.pid, 10, 20)] * 5 + [("out", calling.pid, 20, 10)] * 5), "rows")
    for row in rows:
        check({"b", "w"} <= set(row["seen"]) and row["rx_pkts"] >= 4 and row["tx_pkts"] >= 4, "%s" % row)


@test("frames that pass while the programs are loaded are not called those of other processes")
def before():
    # It alone has connections, from before the run until after it.
    storm = Process([sys.executable, "-c", TALKS])
    wait_for(lambda: storm.out, "the storm")
    for options in (["--via=bpf", "-p", str(storm.pid)], ["--all"], ["--via=ptrace", "-p", str(storm.pid)]):
        rows = whole(options + ["-i", "lo"]).interrupt()
        left = rows.summary["left_out"]
        # A connection of the moment when the watch begins or ends may be half seen.
        check(left["unclaimed"] <= 2 * FRAMES, "frames of other processes, %s: %s" % (options, left))
        check(left["early"] > 2 * FRAMES or "--via=ptrace" in options, "frames of before, %s: %s" % (options, left))
    storm.signal(signal.SIGTERM)
    storm.wait()


@test("what the ring has no room for is counted: conntrace is stopped while 30,000 connections pass")
def losses():
    port = scratch("port")
    storm = Process([STORM, "server", "port-file=" + port, "connections=30000", "limit=60"])
    number = wait_file(port)
    trace = by_bpf([storm.pid])
    os.kill(trace.pid, signal.SIGSTOP)
    lib.must([STORM, "client", "port=" + number, "connections=30000", "threads=2", "sources=127.0.0.1,127.0.0.2",
              "limit=60"], limit=90)
    storm.wait(60)
    os.kill(trace.pid, signal.SIGCONT)
    rows = trace.finish(limit=60)
    lost = rows.summary["lost"]["ring"]
    check(lost > 0, "lost: %s" % rows.summary)
    check(rows.summary["connections"] < 30000, "connections: %s" % rows.summary)
    # Without the last record of a connection its end is unknown, and no number is invented.
    for row in rows:
        check((row["rx_bytes"], row["tx_bytes"]) in ((100, 200), (None, None), (100, None), (None, 200)), "bytes: %s" % row)


@test("what the ring has room for is read to the end, also when the run is ended before: 8,500 connections")
def backlog():
    port = scratch("port")
    storm = Process([STORM, "server", "port-file=" + port, "connections=8500", "limit=60"])
    number = wait_file(port)
    trace = by_bpf([storm.pid])
    os.kill(trace.pid, signal.SIGSTOP)
    lib.must([STORM, "client", "port=" + number, "connections=8500", "threads=2", "sources=127.0.0.1,127.0.0.2",
              "limit=60"], limit=90)
    trace.signal(signal.SIGINT)
    os.kill(trace.pid, signal.SIGCONT)
    rows = trace.finish(limit=60)
    storm.wait(60)
    equal((len(rows), rows.summary["lost"]["ring"]), (8500, 0), "rows, lost: %s" % rows.summary)
    equal({(row["rx_bytes"], row["tx_bytes"], row["state"]) for row in rows}, {(100, 200, "closed")}, "rows")


def packets_come_by_interrupts():
    """As from a network card: what is sent to this host interrupts the other processors, whatever they do."""
    if os.cpu_count() < 2:
        raise Skip("one processor")
    place = scratch("sys")
    os.mkdir(place)
    script = "mount -t sysfs none %s && echo %x >%s/class/net/lo/queues/rx-0/rps_cpus" % (
        place, (1 << min(os.cpu_count(), 32)) - 1, place)
    result = run([need("unshare"), "-m", "sh", "-c", script])
    if result.status:
        raise Skip("no receive packet steering: " + result.err.strip())


@test("packets interrupt the programs, and nothing is lost: both ends of 3,000 connections of eight threads")
def interrupted():
    packets_come_by_interrupts()
    port = scratch("port")
    storm = Process([STORM, "server", "port-file=" + port, "connections=3000", "limit=60"])
    number = wait_file(port)
    client = Process(["sh", "-c", 'read go && exec "$@"', "sh", STORM, "client", "port=" + number, "connections=3000",
                      "threads=8", "sources=127.0.0.1,127.0.0.2", "limit=60"], stdin=subprocess.PIPE)
    trace = by_bpf([storm.pid, client.pid])
    client.line()
    equal((client.wait(90), storm.wait(60)), (0, 0), "their ends")
    rows = trace.finish(limit=60)
    equal(rows.summary["lost"]["ring"], 0, "lost")
    ends = [(row["dir"], row["rx_bytes"], row["tx_bytes"], row["pid"]) for row in rows]
    equal({end: ends.count(end) for end in set(ends)},
          {("in", 100, 200, storm.pid): 3000, ("out", 200, 100, client.pid): 3000}, "ends")


@test("killed by SIGKILL it leaves no program in the kernel, and the process runs on")
def killed():
    bpftool = need("bpftool")

    def programs():
        listed = json.loads(lib.must([bpftool, "-j", "prog", "show"]) or "[]")
        return {each["id"] for each in listed if each.get("name") in ("set_state", "destroyed", "returned")}
    before = programs()
    accepting, port = server(["accept", "recv-all", "close"], scratch("truth"))
    trace = by_bpf([accepting.pid])
    mine = programs() - before
    check(len(mine) >= 3, "programs of conntrace: %s" % mine)
    trace.signal(signal.SIGKILL)
    equal(trace.wait(), -signal.SIGKILL, "its end")
    wait_for(lambda: not mine & programs(), "the programs to vanish")
    equal(mkconn(["connect=127.0.0.1:" + port, "send=10", "close"]).wait(), 0, "the client")
    equal(accepting.wait(), 0, "the server")


@test("attached as root: BPF by itself, which the first line says; the process is not traced")
def chosen():
    truth = scratch("truth")
    accepting, port = server(["accept", "recv-all", "close"], truth)
    trace = Trace(["-p", str(accepting.pid)])
    wait_for(lambda: "attached by" in trace.err or not trace.alive(), "conntrace to watch")
    check("attached by bpf: no process is stopped" in trace.err, trace.err)
    equal(tracer_of(accepting.pid), 0, "TracerPid")
    equal(mkconn(["connect=127.0.0.1:" + port, "send=10", "close"]).wait(), 0, "the client")
    rows = trace.finish()
    row = find_row(rows, read_truth(truth)[0])
    equal((row["rx_bytes"], row["tx_bytes"], row["close"]), (10, 0, "rfin"), "row")
    check("b" in row["seen"], row["seen"])


@test("without the rights: an error that says what is missing, and --check says it too; attached it is ptrace")
def not_permitted():
    as_nobody = ["setpriv", "--reuid=%d" % NOBODY, "--regid=%d" % NOBODY, "--clear-groups", "--", CONNTRACE]
    result = run(as_nobody + ["--via=bpf", "--", "true"])
    equal(result.status, 125, "exit status")
    check("BPF is not permitted: run conntrace as root" in result.err, result.err)
    lines = [line for line in run(as_nobody + ["--check"]).out.splitlines() if "--via=bpf" in line]
    check(len(lines) == 1 and lines[0].startswith("no ") and "CAP_BPF" in lines[0], str(lines))


@test("too few descriptors, too little memory: an error that names the limit, and not the kernel")
def limited():
    target = Process(["sleep", "60"])
    for limit, most, option in ((resource.RLIMIT_NOFILE, 16, "ulimit -n"), (resource.RLIMIT_NOFILE, 20, "ulimit -n"),
                                (resource.RLIMIT_AS, 30 << 20, "ulimit -v")):
        result = run([CONNTRACE, "--via=bpf", "-d", "1", "-p", target.pid], preexec_fn=lambda: resource.setrlimit(limit, (most, most)))
        equal(result.status, 1, "exit status (%s)" % result.err)
        check(option in result.err and "Linux 5" not in result.err, result.err)


@test("what the kernel measures of a connection that has ended: as sock_diag(7) had it while it was open")
def measures():
    port = scratch("port")
    process = Process([MKCONN, "truth=" + scratch("truth"), "listen=127.0.0.1:0", "port-file=" + port, "accept4",
                       "recv=100000", "send=100000", "recv=1", "wait-stdin", "recv-all", "close"], stdin=subprocess.PIPE)
    number = wait_file(port)
    trace = by_bpf([process.pid])
    client = mkconn(["connect=127.0.0.1:" + number, "send=100000", "recv=100000", "send=1", "wait-stdin", "shutdown",
                     "recv-all", "close"], stdin=subprocess.PIPE)

    def one():
        trace.signal(signal.SIGUSR1)
        return [row for row in trace.rows() if row["rx_bytes"] == 100001 and row["tx_bytes"] == 100000]
    wait_for(one, "the bytes to arrive")
    before = one()[-1]
    for each in (client, process):
        each.line()
    equal((client.wait(), process.wait()), (0, 0), "their ends")
    row = trace.finish()[-1]
    equal(row["state"], "closed", "row")
    check(before["mss"] and before["cwnd"] and before["cc"] and before["rttvar_ms"] and before["busy_ms"] is not None,
          "%s" % before)
    for name in ("mss", "cc", "rwnd_ms", "sndbuf_ms", "notsent", "unread"):
        equal(row[name], before[name], name)
    # The acknowledgement of the FIN is one more sample.
    check(row["cwnd"] >= before["cwnd"] and row["busy_ms"] >= before["busy_ms"] and row["rttvar_ms"] and row["rate_bps"],
          "%s" % row)


@test("an attempt whose SYN is resent shows that while it waits, and its process is killed: in a recording")
def resent():
    lib.firewall("tcp dport 9 counter name seen drop")
    record = scratch("record")
    calling = Process([MKCONN, "wait-stdin", "connect=127.0.0.1:9"], stdin=subprocess.PIPE)
    trace = by_bpf([calling.pid], ["--record", record])
    calling.line()

    def events(*words):
        return [line for line in lib.read_file(record).splitlines() if all(" %s " % word in line for word in words)]
    wait_for(lambda: any(line.split()[3] == "02" and int(line.split()[6], 16) > 0 for line in
                         lib.read_file("/proc/net/tcp").splitlines()[1:]), "the second SYN")
    calling.signal(signal.SIGKILL)
    equal(calling.wait(), -signal.SIGKILL, "its end")
    row = trace.finish()[-1]
    check(row["syn_rtx"] >= 1 and row["rport"] == 9 and row["close"] == "exit", "%s" % row)
    check(events("total_retrans=1", "reason=look"), "the event of the second SYN: " + lib.read_file(record))
    # It is killed in connect(2), which is no disconnection by that call.
    equal((len(events("kind=exit")), len(events("kind=close"))), (1, 0), "ends: " + lib.read_file(record))


@test("a process that is gone is refused, and the others are watched")
def gone():
    done = subprocess.Popen(["true"])
    done.wait()
    accepting, port = server(["accept", "recv-all", "close"], scratch("truth"))
    trace = by_bpf([done.pid, accepting.pid])
    equal(mkconn(["connect=127.0.0.1:" + port, "send=10", "close"]).wait(), 0, "the client")
    rows = trace.finish()
    equal(len(rows), 1, "rows")
    check("no such process" in trace.err, trace.err)


if __name__ == "__main__":
    lib.need_bpf()
    lib.enter_namespace(flags="-n")
    main()
