#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The same live traffic, watched at the same time by conntrace and by the tools people come from: tcptrack, tshark,
tcptrace, and tcpdump's filter (in dumpcap, because tcpdump gives up a user that a namespace does not have). The same counts where theirs are right; what they get wrong is still wrong there and right here."""
import json
import os
import re
import signal
import socket
import sys
import threading
import time

from lib import (CONNTRACE, Process, check, enter_namespace, equal, firewall, firewall_off, main, need, run, scratch,
                 short_timeouts, test, wait_for)

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../cli"))
import terminal  # noqa: E402

# Which connections there are: plain IPv4 ones, a talking one of each family, refused ones, one without answer.
PLAIN, TALK, REFUSED, DROPPED_PORT = 3, 40, 2, 9999
CONNECTIONS = PLAIN + 2 + REFUSED + 1
SENT, ANSWERED, SMALL = 20000, 300, 10


class Server:
    """Answers the first bytes, and reads on until the other side closes."""

    def __init__(self, family, address):
        self.listener = socket.socket(family)
        self.listener.bind((address, 0))
        self.listener.listen(20)
        self.name = self.listener.getsockname()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            threading.Thread(target=self.serve, args=(self.listener.accept()[0],), daemon=True).start()

    @staticmethod
    def serve(served):
        if served.recv(1):
            served.sendall(b"a" * ANSWERED)
        while served.recv(65536):
            pass
        served.close()


def read_exactly(client, count):
    while count > 0:
        count -= len(client.recv(count))


# The kernel gives it to no other connection.
PROBE_PORT = 1023


def fail_to_connect(address, timeout, port=0):
    client = socket.socket()
    if port:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        client.bind(("127.0.0.1", port))
    client.settimeout(timeout)
    try:
        client.connect(address)
    except OSError:
        pass
    client.close()


class Traffic:
    """The traffic of one test. While it waits in the middle two connections send ten bytes ten times a second."""

    def __init__(self):
        self.four, self.six = Server(socket.AF_INET, "127.0.0.1"), Server(socket.AF_INET6, "::1")

    def begin(self):
        for _ in range(PLAIN):
            client = socket.create_connection(self.four.name)
            client.sendall(b"q" * SENT)
            read_exactly(client, ANSWERED)
            client.close()
        unused = socket.socket()
        unused.bind(("127.0.0.1", 0))
        for _ in range(REFUSED):
            fail_to_connect(unused.getsockname(), 5)
        fail_to_connect(("127.0.0.1", DROPPED_PORT), 2.5)    # a SYN, and after a second another

    def talk(self, look):
        """Two connections, one of each family, until look() is content."""
        both = [socket.create_connection(server.name[:2]) for server in (self.four, self.six)]
        sent, end = 0, time.monotonic() + 15
        for client in both:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while (sent < TALK * SMALL or not look(both)) and time.monotonic() < end:
            for client in both:
                client.sendall(b"t" * SMALL)
                if sent == 0:
                    read_exactly(client, ANSWERED)
            sent += SMALL
            time.sleep(0.1)
        for client in both:
            client.close()
        return sent


def tcptrack_rows(screen):
    """State and speed by the client's port."""
    rows = {}
    for line in screen.screen.text().splitlines():
        found = re.match(r" ?(?:\S+:(\d+)) +(?:\S+:\d+ +)?([A-Z_|-]+) +\d+s +\*? *(-?[\d.]+ \S*B/s)", line)
        if found:
            rows[int(found.group(1))] = (found.group(2), found.group(3))
    return rows


def seen_by(text, pattern):
    return sorted(sum(int(number) for number in row) for row in re.findall(pattern, text, re.MULTILINE))


@test("the same counts as tcptrack, tshark, tcptrace and a filter for SYN on the same live traffic, and their known wrong answers")
def together():
    need("tcptrack", "tshark", "tcptrace", "dumpcap")
    short_timeouts()
    firewall("tcp dport %d drop" % DROPPED_PORT)
    traffic, capture, attempts, theirs = Traffic(), scratch("capture.pcap"), scratch("attempts.pcap"), scratch("tshark.pcap")
    recipe = "tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn"
    here = Process([CONNTRACE, "-i", "lo", "-j", "-z", "conns"])
    tools = [Process(["tshark", "-n", "-q", "-i", "lo", "-f", "tcp", "-F", "pcap", "-w", theirs]),
             Process(["dumpcap", "-P", "-q", "-i", "lo", "-f", "tcp", "-w", capture]),
             Process(["dumpcap", "-P", "-q", "-i", "lo", "-f", recipe, "-w", attempts])]
    screen = terminal.Terminal(["tcptrack", "-r", "60", "-i", "lo"], height=100)
    try:
        for tool in tools:
            wait_for(lambda tool=tool: re.search("Capturing on|File:", tool.err), " ".join(tool.argv))
        screen.wait_text("Unpaused")
        # Each tool has begun when it has seen an attempt.
        for _ in range(50):
            fail_to_connect(("127.0.0.1", 1), 1, PROBE_PORT)
            screen.read(0.1)
            if all([os.path.exists(path) and os.path.getsize(path) > 24 for path in (capture, attempts, theirs)] +
                   [tcptrack_rows(screen)]):
                break
        begun = time.time()
        traffic.begin()
        ports = {}

        def look(both):
            screen.read(0.05)
            ports.update({"four": both[0].getsockname()[1], "six": both[1].getsockname()[1]})
            rows = tcptrack_rows(screen)
            return all(port in rows and rows[port][1] != "0 B/s" for port in ports.values())
        sent = traffic.talk(look)
        on_screen = tcptrack_rows(screen)
        screen.read(1)
        later = tcptrack_rows(screen)
    finally:
        firewall_off()
        screen.keys("q")
        screen.wait()
        screen.close()
    fail_to_connect(("127.0.0.1", 1), 1, PROBE_PORT)
    for process in tools + [here]:
        process.signal(signal.SIGINT)
    for process in tools + [here]:
        equal(process.wait(20), 0, "status of " + process.argv[0])
    rows = [json.loads(line) for line in here.out.splitlines() if "summary" not in line]
    outs = [row for row in rows if row["dir"] == "out" and row["start"] >= begun and row["rport"] != 1]
    equal(len(outs), CONNECTIONS, "connections, the opener's ends")
    result = sorted(row["result"] for row in outs)
    equal((result.count("ok"), result.count("refused"), len(result)), (PLAIN + 2, REFUSED, CONNECTIONS), "outcomes")
    fact = {row["lport"]: row for row in outs}
    # Who moved what, exactly.
    equal(sorted((row["tx_bytes"], row["rx_bytes"]) for row in outs if row["result"] == "ok"),
          sorted([(SENT, ANSWERED)] * PLAIN + [(sent, ANSWERED)] * 2), "bytes")
    lost = [row for row in outs if row["rport"] == DROPPED_PORT]
    # Given up between one and two times the last interval after the last SYN: by whom is unknown.
    equal((len(lost), lost[0]["result"] in ("timeout", "abort", "unknown"), lost[0]["syn_rtx"] > 0), (1, True, True),
          "the attempt without an answer")

    ports_of = set(fact)
    frames = sorted(row["rx_pkts"] + row["tx_pkts"] for row in outs)
    # At its end a live tshark does not always count what it has captured last.
    counted = run(["tshark", "-n", "-q", "-r", theirs, "-z", "conv,tcp"]).out
    conversations = [(int(port), int(left) + int(right)) for port, left, right in re.findall(
        r"^\S+:(\d+) +<-> \S+ +(\d+) +\d+ \w+ +(\d+) ", counted, re.MULTILINE)]
    equal(sorted(count for port, count in conversations if port in ports_of), frames, "tshark conv,tcp: frames")
    text = run(["tcptrace", "-n", "-l", capture]).out
    blocks = re.split(r"^TCP connection \d+:", text, flags=re.MULTILINE)[1:]
    traced = {int(re.search(r"host \w+: +\S+:(\d+)", block).group(1)):
              sum(map(int, re.search(r"^ *total packets: +(\d+) +total packets: +(\d+)", block, re.MULTILINE).groups()))
              for block in blocks}
    equal(sorted(count for port, count in traced.items() if port in ports_of), frames, "tcptrace: frames")

    # tcpdump's recipe counts each SYN again, and none of IPv6.
    got = run(["tshark", "-n", "-r", attempts, "-T", "fields", "-e", "tcp.srcport"]).out
    equal(len([port for port in got.split() if int(port) in ports_of]), CONNECTIONS - 1 + lost[0]["syn_rtx"], "tcpdump's recipe: packets")
    # tcpeek and miruo open a session by SYN alone and know no IPv6.
    got = run(["tshark", "-n", "-r", capture, "-Y", "ip && tcp.flags == 0x002", "-T", "fields", "-e", "tcp.srcport"]).out
    equal(len({int(port) for port in got.split()} & ports_of), CONNECTIONS - 1, "sessions by IPv4 SYN alone")

    # tcptrack has a row for each, and a speed below zero for the one that talks by IPv6.
    equal(sorted(port for port in on_screen if port in ports_of), sorted(ports_of), "tcptrack: rows")
    equal(on_screen[ports["four"]][0], "ESTABLISHED", "tcptrack: state")
    check(not on_screen[ports["four"]][1].startswith("-"), "tcptrack: speed of IPv4 %s" % (on_screen[ports["four"]],))
    check(on_screen[ports["six"]][1].startswith("-"), "tcptrack: speed of IPv6 %s" % (on_screen[ports["six"]],))
    equal(later[ports["four"]][0], "CLOSED", "tcptrack: state after the end")


enter_namespace()
main()
