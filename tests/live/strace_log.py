#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--strace-log: the calls of a log that strace wrote, alone and joined to a savefile of the same time."""
import os
import signal

from lib import (CONNTRACE, MKCONN, Process, Trace, check, enter_namespace, equal, find_row, main, must, need,
                 packet_sockets, parse_rows, read_truth, run, scratch, short, test, wait_for, write_file)

CALLS = "trace=%net,%process,close,dup,dup2,dup3,fcntl"
EXCHANGE = ["listen=127.0.0.1:0", "fork=1", "accept4", "recv=1000", "send=50000", "recv-all", "close", "done",
            "connect=self", "send=1000", "recv=50000", "close"]


def ended(pcap):
    """How many connections of the savefile are over."""
    result = run([CONNTRACE, "-q", "-j", "-z", "conns", "-r", pcap])
    return sum('"close":null' not in line or '"refused"' in line for line in result.out.splitlines() if '"pid"' in line)


def logged(words, options=(), connections=1):
    """Plays a scenario under strace, with a capture of so many connections. Return: log, savefile, truth."""
    pcap, log, truth = scratch("pcap"), scratch("log"), scratch("truth")
    recorder = Process([need("dumpcap"), "-q", "-i", "lo", "-P", "-w", pcap])
    wait_for(lambda: os.path.exists(pcap) and packet_sockets() >= 1, "dumpcap to listen")
    must([need("strace"), "-f", "-ttt", "-T", "-e", CALLS, "-o", log] + list(options) +
         [MKCONN, "truth=" + truth] + list(words))
    # A capture is written with a delay, and what is not at its end is lost.
    wait_for(lambda: ended(pcap) >= connections, "the packets in the savefile")
    recorder.signal(signal.SIGINT)
    recorder.wait()
    return log, pcap, read_truth(truth)


@test("alone: process, peer, outcome and errno; no bytes, because they are unknown")
def alone():
    log, _, truth = logged(EXCHANGE)
    rows = Trace(["--strace-log", log]).finish()
    equal(len(rows), 2, "rows")
    for fact in truth:
        row = find_row(rows, dict(fact, lport=None))
        equal((row["pid"], row["fd"], row["result"], row["comm"], row["seen"]),
              (fact["pid"], fact["fd"], "ok", "mkconn", "s"), short(row))
        equal((row["rx_bytes"], row["cookie"], row["hs_ms"]), (None, None, None), "what no call tells")


@test("joined to the packets: both ends with their processes, bytes, handshake")
def joined():
    for options in ((), ("-yy",)):
        log, pcap, truth = logged(EXCHANGE, options)
        rows = Trace(["--strace-log", log, "-r", pcap]).finish()
        equal(len(rows), 2, "rows with %s" % (options,))
        for fact in truth:
            row = find_row(rows, fact)
            equal((row["pid"], row["fd"], row["rx_bytes"], row["tx_bytes"], row["seen"]),
                  (fact["pid"], fact["fd"], fact["rx_bytes"], fact["tx_bytes"], "sw"), short(row))
            check(row["hs_ms"] is not None and row["hs_ms"] >= 0, "HS_MS of " + short(row))
        # The accept returns behind the handshake, on the same clock.
        check(find_row(rows, [t for t in truth if t["dir"] == "in"][0])["queue_ms"] is not None, "QUEUE_MS")


@test("accept, accept4, IPv6, NULL addresses, four threads: all eight, by peer")
def eight():
    words = ["listen=[::]:0", "threads=1", "accept", "close", "accept4", "close", "done", "threads=1", "accept-null", "close",
             "accept4-null", "close", "done", "threads=1", "accept", "close", "accept4", "close", "done", "threads=1",
             "accept4", "close", "accept-null", "close", "done", "count=8", "connect=self", "recv-all", "close", "done", "join"]
    log, pcap, truth = logged(words, ("-yy",), 8)
    rows = Trace(["--strace-log", log, "-r", pcap, "--dir", "in"]).finish()
    equal(len(rows), 8, "accepted")
    equal({row["pid"] for row in rows}, {truth[0]["pid"]}, "the process, though threads accepted")
    equal(len({row["rport"] for row in rows}), 8, "each with its peer")


@test("failures: refused at once and later")
def failures():
    log, pcap, _ = logged(["connect=127.0.0.1:7", "close", "nonblock", "connect=127.0.0.1:8", "poll", "so-error", "close",
                           "udp=127.0.0.1:9"], (), 2)
    for options in ([], ["-r", pcap]):
        rows = Trace(["--strace-log", log] + options).finish()
        equal(sorted((row["rport"], row["result"], row["errno"]) for row in rows),
              [(7, "refused", "ECONNREFUSED"), (8, "refused", "ECONNREFUSED")], "rows with %s" % options)


@test("lines of several threads in between, resumed; what is no log, cut or lacks something: said, with the line")
def lines():
    log = scratch("log")
    head = "4711 1700000000.000001 socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 3 <0.000010>\n"
    write_file(log, head + '4711 1700000000.100000 connect(3, {sa_family=AF_INET, sin_port=htons(80), '
               'sin_addr=inet_addr("192.0.2.1")}, 16 <unfinished ...>\n'
               '4712 1700000000.200000 accept(4,  <unfinished ...>\n'
               '4711 1700000000.350000 <... connect resumed>) = 0 <0.250000>\n'
               '4712 1700000000.400000 <... accept resumed>{sa_family=AF_INET6, sin6_port=htons(4000), sin6_flowinfo=htonl(0), '
               'inet_pton(AF_INET6, "2001:db8::1", &sin6_addr), sin6_scope_id=0}, [28]) = 0 <0.200000>\n'
               '4712 1700000000.500000 --- SIGCHLD {si_signo=SIGCHLD} ---\n4711 1700000001.000000 close(3) = 0 <0.000001>\n')
    rows = Trace(["--strace-log", log]).finish()
    equal(sorted((row["dir"], row["raddr"], row["rport"], row["fd"], row["tid"], row["connect_ms"], row["dur_s"])
                 for row in rows),
          [("in", "2001:db8::1", 4000, 0, 4712, None, 0), ("out", "192.0.2.1", 80, 3, 4711, 250, 0.900001)], "rows")
    for text, said in (("nonsense\n", ":1: "), (head + "4711 12:00:01 close(3) = 0\n", ":2: "),
                       (head + '4711 1700000000.1 connect(3, {sa_family=AF_INET, sin_port=htons(80), '
                        'sin_addr=inet_addr("192.0.2.1")}, 16) = 0\n', ":2: ")):
        write_file(log, text)
        result = run([CONNTRACE, "--strace-log", log])
        equal(result.status, 1, "exit status for %r" % text)
        check(said in result.err and "strace -f -ttt -T" in result.err, "line and remedy: " + result.err)
    write_file(log, '4711 1700000000.1 connect(9, {sa_family=AF_INET, sin_port=htons(53), '
               'sin_addr=inet_addr("192.0.2.1")}, 16) = 0 <0.1>\n')
    result = run([CONNTRACE, "-j", "--strace-log", log])
    check("1 connect(2) call" in result.err and "-yy" in result.err, "left out, and said: " + result.err)
    equal(parse_rows(result.out), [], "rows of sockets of unknown kind")


if __name__ == "__main__":
    enter_namespace()
    main()
