#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""With packets: times of the handshake, what was resent, reasons, and bytes that agree with the kernel's."""
import os
import re
import signal
import subprocess
import sys
import time

import at_once
import lib
from lib import (CONNTRACE, MKCONN, Process, Trace, between, capturing, check, enter_namespace, equal, find_row,
                 firewall, firewall_count, firewall_off, mkconn, must, need, packet_sockets, read_file,
                 read_truth, recorded, require, run, scratch, short, short_timeouts, sockets_settled, test, wait_file,
                 wait_for)

EXCHANGE = ["listen=127.0.0.1:0", "fork=1", "accept4", "recv=1000", "send=50000", "recv-all", "close", "done",
            "connect=self", "send=1000", "recv=50000", "close"]
# Connects to itself hundreds of times a second until it is ended.
BUSY = """
import socket, time
listener, end = socket.create_server(("127.0.0.1", 0)), time.monotonic() + 100
while time.monotonic() < end:
    client = socket.create_connection(listener.getsockname())
    listener.accept()[0].close()
    client.close()
    time.sleep(0.002)
"""
# So many connections to itself, one after the other, that live so long.
BRIEF = """
import socket, sys, time
listener = socket.create_server(("127.0.0.1", 0))
for i in range(int(sys.argv[1])):
    client = socket.create_connection(listener.getsockname())
    served = listener.accept()[0]
    time.sleep(float(sys.argv[2]))
    served.close()
    client.close()
"""
SYN, SYN_ACK = "tcp flags & (syn | ack) == syn", "tcp flags & (syn | ack) == (syn | ack)"


def lose(what, count):
    """A rule that counts what comes and loses the first so many."""
    return "%s counter name seen numgen inc mod 1000000 lt %d drop" % (what, count)


def scenario(words, options=("-i", "lo"), **keywords):
    """Runs a mkconn scenario with packets. Return: rows, truth by direction."""
    truth = scratch("truth")
    trace = Trace(options, [MKCONN, "truth=" + truth] + list(words), **keywords)
    rows = trace.finish(limit=40)
    return rows, {t["dir"]: t for t in read_truth(truth)}


@test("handshake times, bytes and packets of both ends")
def exchange():
    for address in ("127.0.0.1", "[::1]"):
        rows, truth = scenario([word.replace("127.0.0.1", address) for word in EXCHANGE])
        equal(len(rows), 2, "rows")
        row = {way: find_row(rows, truth[way]) for way in truth}
        for way, fact in truth.items():
            one = row[way]
            equal((one["result"], one["rx_bytes"], one["tx_bytes"]), ("ok", fact["rx_bytes"], fact["tx_bytes"]),
                  "RESULT, bytes of " + short(one))
            check(set("skw") <= set(one["seen"]), "all three sources in SEEN: " + one["seen"])
            for column in ("hs_ms", "hs_net_ms", "hs_ack_ms", "rx_pkts", "tx_pkts", "rx_wire", "tx_wire"):
                check(one[column] is not None and one[column] >= 0, "%s is known: %r" % (column.upper(), one[column]))
            between(one["hs_ms"], one["hs_net_ms"] + one["hs_ack_ms"] - 0.0021,
                    one["hs_net_ms"] + one["hs_ack_ms"] + 0.0021, "HS_MS is HS_NET_MS + HS_ACK_MS")
            equal((one["syn_rtx"], one["synack_rtx"], one["retrans"]), (0, 0, 0), "nothing resent")
            # The payload and headers of 54 bytes at least (the SYN may lack options), and not much more.
            between(one["rx_wire"], one["rx_bytes"] + 54 * one["rx_pkts"] - 66, one["rx_bytes"] + 120 * one["rx_pkts"],
                    "RX_WIRE of " + short(one))
        equal((row["in"]["rx_pkts"], row["in"]["tx_pkts"], row["in"]["rx_wire"], row["in"]["tx_wire"]),
              (row["out"]["tx_pkts"], row["out"]["rx_pkts"], row["out"]["tx_wire"], row["out"]["rx_wire"]),
              "what one end sends the other receives")
        equal(row["in"]["hs_ms"], row["out"]["hs_ms"], "the handshake is one for both ends")
        check(row["in"]["queue_ms"] is not None, "QUEUE_MS is known")
        equal((row["in"]["close"], row["out"]["close"]), ("rfin", "lfin"), "CLOSE")
        # The whole handshake lies within the call.
        called = (truth["out"]["call_ns"] - truth["out"]["begin_ns"]) / 1e6
        between(row["out"]["hs_ms"], 0, called + 1, "HS_MS within connect(2)")


@test("QUEUE_MS: from the end of the handshake to accept(2)")
def queue():
    port, go = scratch("port"), scratch("go")
    truth = scratch("truth")
    trace = Trace(["-i", "lo"], [MKCONN, "truth=" + truth, "listen=127.0.0.1:0", "port-file=" + port, "wait-file=" + go,
                                 "accept", "recv-all", "close"])
    client = mkconn(["connect=127.0.0.1:@" + port, "send=10", "close"])
    equal(client.wait(), 0, "the client's end")
    time.sleep(0.2)    # this is what is measured
    open(go, "w", encoding="ascii").close()
    rows = trace.finish()
    fact, asked = read_truth(truth)[0], client.truth()[0]
    row = find_row(rows, fact)
    between(row["queue_ms"], (fact["begin_ns"] - asked["call_ns"]) / 1e6 - 1,
            (fact["call_ns"] - asked["begin_ns"]) / 1e6 + 1, "QUEUE_MS of " + short(row))
    equal((row["rx_bytes"], row["tx_bytes"]), (10, 0), "bytes that came before accept")


def port_for(rule):
    """A server outside the trace, and a firewall rule about its port. Return: server, port."""
    port = scratch("port")
    server = mkconn(["listen=127.0.0.1:0", "port-file=" + port, "accept", "recv-all", "close"])
    number = wait_file(port)
    firewall(rule.replace("PORT", number))
    return server, number


@test("SYN lost: SYN_RTX counts those resent, HS_MS begins with the first")
def syn_lost():
    server, port = port_for(lose("tcp dport PORT " + SYN, 1))
    rows, truth = scenario(["connect=127.0.0.1:" + port, "send=5", "close"])
    server.wait()
    equal(len(rows), 1, "rows")
    row = find_row(rows, truth["out"])
    equal((row["result"], row["syn_rtx"], row["synack_rtx"], row["tx_bytes"]), ("ok", firewall_count() - 1, 0, 5),
          "RESULT, SYN_RTX, SYNACK_RTX, TX_BYTES of " + short(row))
    between(row["hs_ms"], 900, 3000, "HS_MS of " + short(row))
    between(row["hs_net_ms"], 900, 3000, "HS_NET_MS of " + short(row))
    firewall_off()


@test("SYN/ACK lost: SYNACK_RTX counts those resent")
def syn_ack_lost():
    port, truth = scratch("port"), scratch("truth")
    trace = Trace(["-i", "lo"], [MKCONN, "truth=" + truth, "listen=127.0.0.1:0", "port-file=" + port, "accept",
                                 "recv-all", "close"])
    number = wait_file(port)
    firewall(lose("tcp sport %s %s" % (number, SYN_ACK), 2))
    client = mkconn(["connect=127.0.0.1:" + number, "send=5", "close"])
    client.wait()
    rows = trace.finish()
    row = find_row(rows, read_truth(truth)[0])
    equal((row["result"], row["synack_rtx"], row["rx_bytes"]), ("ok", firewall_count() - 1, 5),
          "RESULT, SYNACK_RTX, RX_BYTES of " + short(row))
    firewall_off()


@test("no answer at all: one row, timeout, SYN_RTX exact, no handshake time")
def no_answer():
    short_timeouts()
    for words in (["connect=127.0.0.1:7", "close"], ["nonblock", "connect=127.0.0.1:7", "poll", "so-error", "close"],
                  ["connect=[::1]:7", "close"]):
        firewall("tcp dport 7 counter name seen drop")
        rows, truth = scenario(words)
        equal(len(rows), 1, "rows")
        row = find_row(rows, truth["out"])
        equal(tuple(row[name] for name in ("result", "errno", "syn_rtx", "hs_ms", "hs_net_ms", "tx_pkts", "rx_pkts")),
              ("timeout", "ETIMEDOUT", firewall_count() - 1, None, None, firewall_count(), 0),
              "RESULT, ERRNO, SYN_RTX, HS_MS, HS_NET_MS, TX_PKTS, RX_PKTS of " + short(row))
    firewall_off()


@test("a SYN that this host's own packet filter drops: a row with its process, with -i any")
def dropped_here():
    must([need("nft"), "add table ip own; add chain ip own out { type filter hook output priority 0; }; "
          "add rule ip own out tcp dport 9 drop"])
    lib.sysctl("net.ipv4.tcp_syn_retries", 6)
    client = mkconn(["nonblock", "connect=127.0.0.1:9", "wait-stdin"], stdin=subprocess.PIPE)
    rows = Trace(["-i", "any", "-d", "3"]).finish()
    must([need("nft"), "delete table ip own"])
    equal([(row["result"], row["state"], row["dir"], row["pid"], row["comm"], row["tx_pkts"]) for row in rows
           if row["rport"] == 9], [("pending", "SYN_SENT", "out", client.pid, "mkconn", None)], "rows")
    client.line()
    client.wait()


@test("refused and unreachable: the reason from the wire, ICMP as TYPE/CODE")
def reasons():
    cases = (("127.0.0.1", "reject with tcp reset", "refused", "ECONNREFUSED", None),
             ("127.0.0.1", "reject with icmp type host-unreachable", "unreach", "EHOSTUNREACH", "4:3/1"),
             ("127.0.0.1", "reject with icmp type net-unreachable", "unreach", "ENETUNREACH", "4:3/0"),
             ("127.0.0.1", "reject with icmp type admin-prohibited", "unreach", "EHOSTUNREACH", "4:3/13"),
             ("[::1]", "reject with tcp reset", "refused", "ECONNREFUSED", None),
             ("[::1]", "reject with icmpv6 type no-route", "unreach", "ENETUNREACH", "6:1/0"),
             ("[::1]", "reject with icmpv6 type admin-prohibited", "unreach", "EACCES", "6:1/1"))
    for address, rule, result, errno, icmp in cases:
        firewall("tcp dport 8 meta nfproto %s %s" % ("ipv4" if "." in address else "ipv6", rule))
        for words in (["connect=%s:8" % address, "close"], ["nonblock", "connect=%s:8" % address, "poll", "close"]):
            rows, truth = scenario(words)
            row = find_row(rows, truth["out"])
            if "poll" not in words:
                equal(truth["out"]["errno"], errno, "the error that the program got: " + rule)
                equal(row["errno"], errno, "ERRNO: " + rule)
            equal((row["result"], row["icmp"]), (result, icmp), "RESULT, ICMP with '%s' and %s" % (rule, words[0]))
    firewall_off()


@test("data lost: RETRANS counts the resent segments, bytes are counted once")
def data_lost():
    server, port = port_for(lose("tcp dport PORT tcp flags psh", 2))
    rows, truth = scenario(["connect=127.0.0.1:" + port, "send=100", "shutdown", "recv-all", "close"])
    server.wait()
    equal(server.truth()[0]["rx_bytes"], 100, "what the server got")
    row = find_row(rows, truth["out"])
    resent = firewall_count() - 1
    equal((row["tx_bytes"], row["tx_retrans"], row["rx_retrans"]), (100, resent, 0),
          "TX_BYTES, TX_RETRANS, RX_RETRANS of " + short(row))
    firewall_off()


def deaths(words_in, words_out):
    return ["listen=127.0.0.1:0", "fork=1", "accept4"] + words_in.split() + ["done", "fork=1", "connect=self"] + \
        words_out.split() + ["done", "join"]


@test("who ended it: FIN and RST from either side, as on the wire")
def ends():
    for words_in, words_out, close_in, close_out in (
            ("recv-all close", "send=9 close", "rfin", "lfin"),
            ("recv=9 send=3 close", "send=9 recv-all close", "lfin", "rfin"),
            ("recv=9 send=1 wait-hup close", "send=9 recv=1 rst", "rrst", "lrst"),
            ("recv=9 send=3 recv=1 rst", "send=9 recv=3 send=1 wait-hup close", "lrst", "rrst"),
            ("wait-bytes=9 close", "send=9 wait-hup close", "lrst", "rrst")):
        rows, truth = scenario(deaths(words_in, words_out))
        row = {way: find_row(rows, truth[way]) for way in truth}
        equal((row["in"]["close"], row["out"]["close"]), (close_in, close_out),
              "CLOSE of '%s', '%s'" % (words_in, words_out))
        state = "reset" if "rst" in close_in else "closed"
        equal((row["in"]["state"], row["out"]["state"]), (state, state), "STATE of '%s', '%s'" % (words_in, words_out))
        equal((row["in"]["rx_bytes"], row["in"]["tx_bytes"]), (row["out"]["tx_bytes"], row["out"]["rx_bytes"]),
              "what one end sends the other receives: '%s', '%s'" % (words_in, words_out))


WIRE_COLUMNS = ("result", "rx_bytes", "tx_bytes", "rx_pkts", "tx_pkts", "rx_wire", "tx_wire", "syn_rtx", "synack_rtx",
                "retrans", "close", "state")


def by_opener(rows):
    """Rows as (port of the opener): columns, seen from the opener's side."""
    mirror = {"rx": "tx", "tx": "rx", "lf": "rf", "rf": "lf", "lr": "rr", "rr": "lr"}
    result = {}
    for row in rows:
        if row["dir"] == "in":
            row = dict(row, lport=row["rport"], rport=row["lport"],
                       **{mirror[name[:2]] + name[2:]: row[name] for name in WIRE_COLUMNS if name[:2] in ("rx", "tx")})
            if row["close"]:
                row["close"] = mirror[row["close"][:2]] + row["close"][2:]
        result[row["lport"]] = {name: row[name] for name in WIRE_COLUMNS}
    return result


@test("a savefile gives the rows that the live capture gave")
def savefile():
    pcap = scratch("pcap")
    # Not tcpdump: as the only user of its namespace it cannot become the other one it wants to be.
    recorder = Process([need("dumpcap"), "-q", "-i", "lo", "-P", "-w", pcap])
    wait_for(lambda: os.path.exists(pcap) and packet_sockets() >= 1, "dumpcap to listen")
    firewall("tcp dport 8 reject with tcp reset")
    live = Trace(["-i", "lo"])
    capturing(live)
    for words in (deaths("recv-all close", "send=100000 close"),
                  deaths("recv=9 send=300000 close", "send=9 recv-all close"),
                  deaths("recv=9 send=1 wait-hup close", "send=9 recv=1 rst"), ["connect=127.0.0.1:8", "close"],
                  ["listen=[::]:0", "fork=1", "accept", "recv-all", "close", "done", "connect=self", "send=77",
                   "close"]):
        require(mkconn(words).wait() == 0, "a scenario that is not traced")
    sockets_settled()
    recorded(pcap)
    rows_live = live.interrupt()
    recorder.signal(signal.SIGINT)
    recorder.wait()
    rows_file = Trace(["-r", pcap]).finish()
    one, other = by_opener(rows_live), by_opener(rows_file)
    equal(len(rows_file), 5, "connections in the savefile")
    equal(sorted(one), sorted(other), "ports of the openers")
    for port in sorted(set(one) & set(other)):
        equal(other[port], one[port], "savefile and live, opener's port %d" % port)
    equal([row for row in rows_file if row["pid"] is not None], [], "rows of a savefile with a process")
    firewall_off()


@test("each packet counts once, though two captures see it")
def once():
    for options in (["-i", "lo"], ["-i", "any"], ["-i", "lo", "-i", "any"]):
        port, truth = scratch("port"), scratch("truth")
        trace = Trace(options, [MKCONN, "truth=" + truth, "listen=127.0.0.1:0", "port-file=" + port,
                                "wait-file=" + port + ".go", "accept4", "recv=100", "send=200", "recv-all", "close"])
        number = wait_file(port)
        firewall("tcp dport %s counter name seen" % number, "tcp sport %s counter name seen" % number)
        client = mkconn(["touch=%s.go" % port, "connect=127.0.0.1:" + number, "send=100", "recv=200", "close"])
        client.wait()
        row = find_row(trace.finish(), read_truth(truth)[0])
        equal((row["rx_bytes"], row["tx_bytes"], row["retrans"]), (100, 200, 0), "bytes with %s" % options)
        equal(row["rx_pkts"] + row["tx_pkts"], firewall_count(), "packets with %s" % options)
    firewall_off()


@test("an address of the interface that is not its first one: who opened is known as for the first")
def second_address():
    must([need("ip"), "address", "add", "192.0.2.1/32", "dev", "lo"])
    trace = Trace(["-i", "lo"], report="groups")
    capturing(trace)
    require(mkconn(["listen=192.0.2.1:0", "fork=1", "accept", "recv-all", "close", "done", "connect=self", "send=10",
                    "close", "connect=192.0.2.1:1", "close"]).wait() == 0, "a scenario that is not traced")
    equal({row["group"]: (row["ok"], row["refused"]) for row in trace.interrupt()}, {"RX": (1, 1), "TX": (1, 1)},
          "OK, REFUSED by group")
    must(["ip", "address", "del", "192.0.2.1/32", "dev", "lo"])


@test("without tracing: the owner is also reported of connections that live a few milliseconds")
def brief():
    # Where the machine is too busy for looks that soon, longer ones show it.
    for count, seconds in ((40, 0.02), (20, 0.2), (8, 2)):
        trace = Trace(["-i", "lo"])
        capturing(trace)
        program = Process([sys.executable, "-c", BRIEF, str(count), str(seconds)])
        require(program.wait(120) == 0, "the connections that are not traced failed: " + program.err)
        rows = trace.interrupt()
        equal(len(rows), 2 * count, "rows, one for each end")
        check({row["pid"] for row in rows} <= {None, program.pid}, "processes of %s" % rows.summary)
        known = sum(row["pid"] is not None for row in rows)
        if known >= count:
            return
    check(False, "of %d only %d are known: %s" % (2 * count, known, rows.summary))


SHORTEST = """
import socket
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    accepted, _ = listener.accept()
    accepted.recv(9)
    accepted.close()
"""
CALLER = """
import socket, sys
for i in range(int(sys.argv[2])):
    client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    client.send(b"123456789")
    client.recv(1)
    client.close()
"""


@test("without tracing: connections too short for any look are of the process that alone has held their listener")
def through_listener():
    server = Process([sys.executable, "-c", SHORTEST])
    port = wait_for(lambda: server.out.strip(), "its port")
    # A machine that is so busy that the kernel reports the ends of sockets after seconds has a second and third try.
    for _ in range(3):
        trace = Trace(["-i", "lo"])
        capturing(trace)
        caller = Process([sys.executable, "-c", CALLER, port, "200"])
        require(caller.wait(120) == 0, "the connections that are not traced failed: " + caller.err)
        rows = trace.interrupt()
        owners = [row["pid"] for row in rows if row["dir"] == "in"]
        check(len(owners) == 200 and set(owners) <= {None, server.pid}, "owners %s: %s" % (owners, rows.summary))
        if None not in owners:
            return
    check(False, "%d of 200 without a process: %s" % (owners.count(None), rows.summary))


@test("--packets ends the run, and its command, though more packets come all the time")
def so_many():
    for options in (["-i", "lo"], ["-i", "lo", "-i", "any"], ["-i", "lo", "--ladder"]):
        # It was ended by a signal, and its status shows that.
        rows = Trace(options + ["--packets=50"], [sys.executable, "-c", BUSY]).finish(-signal.SIGTERM, 90)
        equal(rows.summary["packets"], 50, "packets with %s" % options)


@test("the packet process dies: the run goes on without packets, and says so")
def packet_process_dies():
    begun, truth = scratch("begun"), scratch("truth")
    trace = Trace(["-i", "lo"], [MKCONN, "truth=" + truth, "touch=" + begun, "wait-stdin", "listen=127.0.0.1:0",
                                 "fork=1", "accept4", "recv-all", "close", "done", "connect=self", "send=10", "close",
                                 "join"],
                  stdin=subprocess.PIPE)
    wait_file(begun)
    children = lib.children(trace.pid)
    packet = [pid for pid in children if not read_file("/proc/%d/cmdline" % pid).startswith(MKCONN)]
    equal(len(packet), 1, "packet processes")
    os.kill(packet[0], signal.SIGKILL)
    trace.line()
    equal(trace.wait(), 1, "exit status: the command's success does not hide it")
    rows = trace.rows()
    equal(rows.summary["lost"]["packet_process"], None, "the summary says so")
    equal((len(rows), len(read_truth(truth))), (2, 2), "rows, connections")
    for fact in read_truth(truth):
        row = find_row(rows, fact)
        equal((row["rx_bytes"], row["tx_bytes"]), (fact["rx_bytes"], fact["tx_bytes"]), "bytes")
        equal((row["rx_pkts"], row["tx_pkts"], row["rx_wire"], row["tx_wire"]), (None,) * 4, "packets")
    check("packet" in trace.err, "it says so: " + trace.err)


@test("a filter narrows what the wire says, and only that")
def filtered():
    rows, truth = scenario(EXCHANGE, ["-i", "lo", "--filter", "port 1"])
    for fact in truth.values():
        row = find_row(rows, fact)
        equal((row["rx_bytes"], row["tx_bytes"]), (fact["rx_bytes"], fact["tx_bytes"]), "bytes, by the kernel")
        check("w" not in row["seen"], "SEEN without wire: " + row["seen"])
        equal((row["rx_pkts"], row["tx_pkts"], row["rx_wire"]), (None, None, None), "packets")
    result = run([CONNTRACE, "-i", "lo", "--filter", "no such words", "--", "true"])
    equal(result.status, 2, "exit status of a wrong filter")
    check("no such words" in result.err, "the filter is quoted: " + result.err)


@test("an interface that is not there, or no permission: exit status 1 and a message that names it")
def no_interface():
    result = run([CONNTRACE, "-i", "nosuch0"])
    equal(result.status, 1, "exit status")
    check("nosuch0" in result.err, result.err)
    check(re.search(r"; there are: .*\blo\b", result.err), "it names those that are there: " + result.err)
    if os.getuid() == 0:
        setpriv = need("setpriv")
        result = run([setpriv, "--bounding-set=-all", "--inh-caps=-all", CONNTRACE, "-i", "lo", "-d", "1"])
        equal(result.status, 1, "exit status without capabilities")
        check("CAP_NET_RAW" in result.err or "root" in result.err, result.err)


@test("--promisc, -B and --snaplen reach the kernel; without them nothing is promiscuous")
def capture_options():
    ip, ss = need("ip", "ss")

    def kernel(*options):
        process = Process([CONNTRACE, "-q", "-i", "lo", *options])
        wait_for(lambda: "ring_rx" in run([ss, "-0", "-e", "-n"]).out, "the capture")
        sockets, link = run([ss, "-0", "-e", "-n"]).out, run([ip, "-d", "link", "show", "lo"]).out
        process.signal(signal.SIGINT)
        equal(process.wait(), 0, "exit status")
        blocks, length, frame = map(int, re.search(r"blk_size:(\d+),blk_nr:(\d+),frm_size:(\d+)", sockets).groups())
        return int(re.search(r"promiscuity (\d+)", link).group(1)), blocks * length, frame

    promiscuous, size, frame = kernel()
    equal(promiscuous, 0, "promiscuity")
    between(size, 8192 * 1024, 8192 * 1024 * 1.1, "bytes of the buffer")
    between(frame, 256, 400, "bytes for a packet")
    promiscuous, size, frame = kernel("--promisc", "-B", "1024", "--snaplen=128")
    equal(promiscuous, 1, "promiscuity with --promisc")
    between(size, 1024 * 1024, 1024 * 1024 * 1.1, "bytes of a buffer of 1024 KiB")
    between(frame, 128, 255, "bytes for a packet of 128")


def machine():
    """What a run might change and leave changed."""
    settings = {}
    for folder, _, names in os.walk("/proc/sys/net"):
        for name in names:
            try:
                settings[os.path.join(folder, name)] = read_file(os.path.join(folder, name))
            except OSError:
                pass    # some are only for writing
    return must([need("nft"), "list", "ruleset"]), must([need("ip"), "-d", "link"]), settings


@test("firewall, interfaces and settings of the network are as they were, during the run and afterwards")
def nothing_changed():
    firewall("tcp dport 8 reject with tcp reset")
    before = machine()
    check(len(before[2]) > 50, "settings were read: %d" % len(before[2]))
    trace = Trace(["-i", "lo"], [MKCONN] + EXCHANGE + ["wait-stdin"], stdin=subprocess.PIPE)
    capturing(trace)
    equal(machine(), before, "during the run")
    trace.line()
    trace.finish()
    equal(machine(), before, "afterwards")
    firewall_off()


if __name__ == "__main__":
    enter_namespace()
    at_once.main(4)
