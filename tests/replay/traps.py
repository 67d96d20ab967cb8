#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Captures that older programs are known to misread: what each connection must come out as (TAP)."""
import json
import os
import re
import subprocess
import sys

BUILD = os.environ.get("top_builddir", ".")
CONNTRACE = os.environ.get("CONNTRACE", os.path.join(BUILD, "conntrace"))
MKPCAP = os.path.join(BUILD, "tests/helpers/mkpcap")

V4 = "flow a 198.51.100.1 40000 192.0.2.1 80\n"
V6 = "flow a 2001:db8::1 40000 2001:db8::2 80\n"
OPEN = "+0 a > S seq 100 mss 1460 wscale 7%(o)s\n+0.01 a < SA seq 500 ack 101 mss 1460 wscale 7%(i)s\n" \
       "+0.02 a > A seq 101 ack 501%(o)s\n"
DATA = "+0.1 a > PA seq 101 ack 501 len 700%(o)s\n+0.01 a < PA seq 501 ack 801 len 1300%(i)s\n+0 a > A seq 801 ack 1801%(o)s\n"
CLOSE = "+0.01 a > FA seq 801 ack 1801%(o)s\n+0 a < FA seq 1801 ack 802%(i)s\n+0.01 a > A seq 802 ack 1802%(o)s\n"
WHOLE = OPEN + DATA + CLOSE
PLAIN = {"o": "", "i": ""}

# What a connection of WHOLE is, seen from the side that accepts.
GOOD = {"dir": "in", "result": "ok", "rx_bytes": 700, "tx_bytes": 1300, "hs_ms": 30.0, "hs_net_ms": 10.0, "hs_ack_ms": 20.0,
        "syn_rtx": 0, "synack_rtx": 0, "retrans": 0, "close": "rfin", "state": "closed", "rx_pkts": 6, "tx_pkts": 3,
        "rx_fin": 1, "tx_fin": 1, "rx_rst": 0, "tx_rst": 0, "lport": 80, "rport": 40000}
PENDING = {"result": "pending", "rx_bytes": 0, "tx_bytes": 0, "hs_ms": None, "errno": None}


def good(**changed):
    return dict(GOOD, **changed)


def syns(*delays):
    return "".join("+%s a > S seq 100\n" % delay for delay in delays)


def shifted(script, client, server):
    """The same conversation with initial sequence numbers further on."""
    lines = []
    for line in script.splitlines():
        ours, theirs = (server, client) if "<" in line else (client, server)
        line = re.sub(r"\bseq (\d+)", lambda match: "seq %d" % (int(match[1]) + ours), line)
        lines.append(re.sub(r"\back (\d+)", lambda match: "ack %d" % (int(match[1]) + theirs), line))
    return "\n".join(lines) + "\n"


def tagged(script, *tags):
    """Each line in the VLAN of its direction, the first end's first."""
    return "".join("vlan %s\n%s\n" % (tags["<" in line] if len(tags) > 1 else tags[0], line)
                   for line in script.splitlines())


def in_vlans(*scripts):
    """Scripts of (VLAN, conversation), a frame of each in turn."""
    return "".join("vlan %s\n%s\n" % (tag, line) for lines in zip(*(
        [(tag, line) for line in script.splitlines()] for tag, script in scripts)) for tag, line in lines)


SAME = (WHOLE % PLAIN).replace("+0.1 ", "+0.01 ")
OTHER = shifted(SAME, 776000, 994000)
REFUSED = "+0.01 a > S seq 777000\n+0.01 a < RA seq 0 ack 777001\n"

# name, script, options, what its connections must be, in the order of their beginning
TRAPS = [
    ("ECN is asked for in the SYN", V4 + WHOLE.replace("S seq 100", "SEW seq 100").replace("SA seq 500", "SAE seq 500")
     % PLAIN, [], [good()]),
    ("IPv6 has bytes", V6 + WHOLE % PLAIN, [], [good()]),
    ("IPv6 with a hop-by-hop header", V6 + WHOLE % {"o": " hop", "i": " hop"}, [], [good()]),
    ("a VLAN tag", V4 + "vlan 7\n" + WHOLE % PLAIN, [], [good()]),
    ("two VLAN tags", V6 + "vlan 100 7\n" + WHOLE % PLAIN, [], [good()]),
    ("the same ends in two VLANs", V4 + in_vlans((10, SAME), (20, OTHER)), [],
     [{"result": "ok", "rx_bytes": 700, "tx_bytes": 1300, "retrans": 0, "syn_rtx": 0, "close": "rfin", "rx_pkts": 6},
      {"result": "ok", "rx_bytes": 700, "tx_bytes": 1300, "retrans": 0, "syn_rtx": 0, "close": "rfin", "rx_pkts": 6}]),
    ("the same ends in a VLAN and without one", V4 + in_vlans(("none", SAME), (20, OTHER)), [],
     [{"result": "ok", "rx_bytes": 700, "tx_bytes": 1300, "retrans": 0}] * 2),
    ("in VLANs inside two others", V4 + in_vlans(("100 7", SAME), ("200 7", OTHER)), [],
     [{"result": "ok", "rx_bytes": 700, "retrans": 0}] * 2),
    ("refused in one VLAN while it goes on in the other", V4 + "vlan 10\n" + OPEN % PLAIN + "vlan 20\n" + REFUSED +
     "vlan 10\n" + DATA % PLAIN + CLOSE % PLAIN, [], [good(), {"result": "refused", "rx_bytes": 0}]),
    ("another tag each way is one connection", V4 + tagged(WHOLE % PLAIN, 10, 20), [], [good(copies=0)]),
    ("another priority in the tag is the same VLAN", V4 + "vlan 7\n" + OPEN % PLAIN + "vlan %d\n" % (3 << 13 | 7) +
     DATA % PLAIN + CLOSE % PLAIN, [], [good()]),
    ("copies in another VLAN are one connection", V4 + "".join(
        "vlan 10\n%s ipid %d\nvlan 20\n+0.00001 %s ipid %d ttl 63\n" % (line, i, line.split(" ", 1)[1], i)
        for i, line in enumerate((WHOLE % PLAIN).splitlines(), 1)), [],
     [{"rx_bytes": 700, "tx_bytes": 1300, "retrans": 0, "rx_pkts": 6, "tx_pkts": 3, "copies": 9}]),
    ("the next connection in the same VLAN", V4 + "vlan 10\n" + SAME + "+1 a > S seq 900000\n", [],
     [{"result": "ok", "rx_bytes": 700}, {"result": "pending"}]),
    ("Linux cooked, version 1", V4 + "link sll\n" + WHOLE % PLAIN, [], [good()]),
    ("Linux cooked, version 2", V6 + "link sll2\n" + WHOLE % PLAIN, [], [good()]),
    ("four SYN to a port that drops them are one time-out", V4 + syns(0, 1, 2, 4) + "flow b 10.0.0.1 1 10.0.0.2 2\n"
     "+31 b > S seq 1\n", [], [dict(PENDING, result="timeout", syn_rtx=3, rx_pkts=4), dict(PENDING, syn_rtx=0)]),
    ("--timeout says when an attempt has failed", V4 + syns(0, 1) + "flow b 10.0.0.1 1 10.0.0.2 2\n+6 b > S seq 1\n",
     ["--timeout=5"], [dict(PENDING, result="timeout", syn_rtx=1), PENDING]),
    ("and it has not before", V4 + syns(0, 1) + "flow b 10.0.0.1 1 10.0.0.2 2\n+6 b > S seq 1\n",
     ["--timeout=7"], [PENDING, PENDING]),
    ("resent later than the time-out is the same attempt", V4 + syns(0, 40, 80) + "flow b 10.0.0.1 1 10.0.0.2 2\n"
     "+31 b > S seq 1\n", [], [dict(PENDING, result="timeout", syn_rtx=2, rx_pkts=3), PENDING]),
    ("resent later than the time-out, and answered", V4 + syns(0, 40) +
     "+0.01 a < SA seq 500 ack 101\n+0.02 a > A seq 101 ack 501\n", [],
     [{"result": "ok", "syn_rtx": 1, "hs_ms": 40030.0, "hs_net_ms": 40010.0, "hs_ack_ms": 20.0}]),
    ("pending at the end is no success", V4 + syns(0) + "+0.01 a < SA seq 500 ack 101\n", [],
     [dict(PENDING, synack_rtx=0, hs_net_ms=10.0)]),
    ("both ends have one address", "flow a 127.0.0.1 40000 127.0.0.1 80\n" + WHOLE % PLAIN, [], [good()]),
    ("segments larger than the MTU", V4 + OPEN % PLAIN + "+0 a > A seq 101 ack 501 len 7240\n"
     "+0 a > A seq 7341 ack 501 len 62000 tso\n+0 a < A seq 501 ack 69341\n", [],
     [{"result": "ok", "rx_bytes": 69240, "rx_wire": 62 + 3 * 54 + 69240, "retrans": 0}]),
    ("a SYN/ACK three times is not established", V4 + syns(0) + "+0.01 a < SA seq 500 ack 101\n" * 3, [],
     [dict(PENDING, synack_rtx=2)]),
    ("reset, then the same port again", V4 + OPEN % PLAIN + "+0.1 a < R seq 501\n" +
     OPEN.replace("100", "9000").replace("101", "9001").replace("500", "7000").replace("501", "7001") % PLAIN, [],
     [{"result": "ok", "close": "lrst", "tx_rst": 1}, {"result": "ok", "close": None, "state": "ESTABLISHED"}]),
    ("closed, then the same port again", V4 + WHOLE % PLAIN +
     OPEN.replace("100", "9000").replace("101", "9001").replace("500", "7000").replace("501", "7001") % PLAIN, [],
     [good(), {"result": "ok", "close": None, "rx_bytes": 0}]),
    ("an option of length 0", V4 + "+0 a > S seq 100 hex 02000000\n+0.01 a < SA seq 500 ack 101\n"
     "+0.02 a > A seq 101 ack 501\n", [], [{"result": "ok", "hs_ms": 30.0}]),
    ("who opens has the lower port", "flow a 198.51.100.1 7 192.0.2.1 40000\n" + WHOLE % PLAIN, [],
     [good(lport=40000, rport=7)]),
    ("begins in the middle", V4 + DATA % PLAIN, [],
     [{"dir": None, "result": "ok", "rx_bytes": None, "tx_bytes": None, "rx_pkts": 2, "tx_pkts": 1, "hs_ms": None}]),
    ("only who opens was captured", V4 + "+0 a > S seq 100\n+0.03 a > A seq 101 ack 501\n+0 a > PA seq 101 ack 501 len 9\n"
     "+0.1 a > A seq 110 ack 601\n", [], [{"dir": "in", "result": "unknown", "rx_bytes": 9, "tx_bytes": None, "tx_pkts": 0}]),
    ("only who accepts was captured", V4 + "+0 a < SA seq 500 ack 101\n+0.1 a < PA seq 501 ack 110 len 9\n", [],
     [{"dir": "in", "tx_bytes": 9, "rx_bytes": None, "rx_pkts": 0, "hs_ms": None}]),
    # On "any" a forwarded packet is seen coming in on one interface and going out on the other.
    ("each packet on two interfaces", V4 + "link sll2\n" + "".join(
        line + " ipid %d if 2 in\n" % i + "+0.0001 " + line.split(" ", 1)[1] + " ipid %d if 3 out\n" % i
        for i, line in enumerate((WHOLE % PLAIN).splitlines(), 1)), [], [good(hs_ms=30.2, hs_net_ms=10.1, hs_ack_ms=20.1)]),
    ("each packet on two interfaces, the second behind a long queue", V4 + "link sll2\n" + OPEN % {
        "o": " ipid 1 if 2 in\n+0.05 a > S seq 100 mss 1460 wscale 7 ipid 1 if 3 out", "i": " ipid 1 if 3 in"} +
     "+0 a > A seq 101 ack 501 len 100 ipid 3 if 2 in\n" + "".join(
         "+0 a > A seq %d ack 501 len 100 ipid %d if 2 in\n" % (201 + i * 100, i + 4) for i in range(20)) + "".join(
             "+0.001 a > A seq %d ack 501 len 100 ipid %d if 3 out\n" % (101 + i * 100, i + 3) for i in range(21)),
     [], [{"rx_bytes": 2100, "retrans": 0, "syn_rtx": 0}]),
    ("resent and each packet on two interfaces", V4 + "link sll2\n" + "".join(
        line + " ipid %d if 2 in\n" % i + "+0.0001 " + line.split(" ", 1)[1] + " ipid %d if 3 out\n" % i
        for i, line in enumerate((OPEN % PLAIN + "+0 a > A seq 101 ack 501 len 9\n+0.3 a > A seq 101 ack 501 len 9\n"
                                  "+0 a < A seq 501 ack 110\n").splitlines(), 1)), [],
     [{"rx_bytes": 9, "retrans": 1, "rx_pkts": 4, "tx_pkts": 2}]),
    ("moved to another interface after the handshake", V4 + "link sll2\n" + "".join(
        line + " ipid %d if 2 in\n" % i + "+0.0001 " + line.split(" ", 1)[1] + " ipid %d if 3 out\n" % i
        for i, line in enumerate((OPEN % PLAIN).splitlines(), 1)) + "".join(
            line + " if 3 in ipid 9\n" for line in (DATA % PLAIN + CLOSE % PLAIN).splitlines()), [],
     [{"rx_bytes": 700, "tx_bytes": 1300, "close": "rfin", "rx_pkts": 6, "tx_pkts": 3}]),
    ("really sent twice on one interface", V4 + "link sll2\n" + OPEN % {"o": " if 2", "i": " if 2"} +
     "+0 a > PA seq 101 ack 501 len 9 if 2 ipid 1\n+0.0001 a > PA seq 101 ack 501 len 9 if 2 ipid 2\n", [],
     [{"rx_bytes": 9, "retrans": 1, "rx_pkts": 4}]),
    ("each frame four times on a router captured as cooked", V4 + "link sll\n" + "".join(
        line + " ipid %d in\n" % i + "".join("+0.00001 %s ipid %d%s\n" % (line.split(" ", 1)[1], i, how)
                                              for how in (" in", " out ttl 63", " out ttl 63"))
        for i, line in enumerate((OPEN % PLAIN + DATA % PLAIN + CLOSE % PLAIN).splitlines(), 1)), [],
     [{"rx_bytes": 700, "tx_bytes": 1300, "retrans": 0, "syn_rtx": 0, "rx_pkts": 6, "tx_pkts": 3, "copies": 27}]),
    ("bytes are exact", V4 + OPEN % PLAIN + "".join("+0.001 a > A seq %d ack 501 len 60001\n" % (101 + i * 60001)
                                                    for i in range(400)) + "+0 a < A seq 501 ack %d\n" % (101 + 400 * 60001),
     [], [{"rx_bytes": 24000400, "rx_pkts": 402}]),
    ("one forged number is not gigabytes", V4 + OPEN % PLAIN + "+0 a > A seq 3000000000 ack 501 len 9\n" + DATA % PLAIN, [],
     [{"rx_bytes": 700, "tx_bytes": 1300}]),
    ("a forged RST ends nothing", V4 + OPEN % PLAIN + "+0 a > R seq 3000000000\n" + DATA % PLAIN + CLOSE % PLAIN, [],
     [{"rx_bytes": 700, "tx_bytes": 1300, "close": "rfin", "rx_rst": 1, "state": "closed"}]),
    ("nor does one in the window that its sender did not mean", V4 + OPEN % PLAIN + "+0 a > R seq 700\n+0 a < A seq 501 ack 101\n" +
     DATA % PLAIN + CLOSE % PLAIN, [],
     [{"rx_bytes": 700, "tx_bytes": 1300, "close": "rfin", "rx_rst": 1, "state": "closed", "why": None}]),
    ("nor after a minute", V4 + OPEN % PLAIN + "+0 a > R seq 700\n+0 a < A seq 501 ack 101\n+60 a < A seq 501 ack 101\n" +
     DATA % PLAIN + CLOSE % PLAIN, [], [{"rx_bytes": 700, "tx_bytes": 1300, "close": "rfin", "state": "closed"}]),
    ("it does if nothing follows", V4 + OPEN % PLAIN + "+0 a > R seq 700\n+0 a < A seq 501 ack 101\n", [],
     [{"close": "rrst", "state": "reset", "why": ["reset"]}]),
    ("and if the port is used again", V4 + OPEN % PLAIN + "+0 a > R seq 700\n" +
     OPEN.replace("100", "9000").replace("101", "9001").replace("500", "7000").replace("501", "7001") % PLAIN, [],
     [{"close": "rrst", "state": "reset", "why": ["reset"]}, {"result": "ok", "close": None, "why": None}]),
    ("keep-alives are not resent", V4 + OPEN % PLAIN + DATA % PLAIN +
     ("+75 a > A seq 800 ack 1801\n+0.01 a < A seq 1801 ack 801\n" * 3), [],
     [{"keepalive": 3, "retrans": 0, "rx_bytes": 700, "tx_bytes": 1300}]),
    ("nor before the first byte", V4 + OPEN % PLAIN + "+75 a > A seq 100 ack 501\n+75 a > A seq 100 ack 501 len 1\n", [],
     [{"keepalive": 2, "retrans": 0, "rx_bytes": 0}]),
    ("a last byte that was not acknowledged is retransmitted", V4 + OPEN % PLAIN + DATA % PLAIN +
     "+1 a > PA seq 801 ack 1801 len 1\n" * 2 + "+0 a < A seq 1801 ack 802\n", [],
     [{"keepalive": 0, "retrans": 1, "rx_bytes": 701}]),
    ("probes of a closed window are not resent", V4 + OPEN % PLAIN + "+0 a < A seq 501 ack 101 win 0\n" +
     "+1 a > A seq 101 ack 501 len 1\n+0 a < A seq 501 ack 101 win 0\n" * 2 +
     "+1 a < A seq 501 ack 101 win 99\n+0 a > PA seq 101 ack 501 len 50\n+0 a < A seq 501 ack 151\n", [],
     [{"keepalive": 0, "retrans": 0, "rx_bytes": 50, "zerowin": 3}]),
    ("a probe that was taken is payload", V4 + OPEN % PLAIN + "+0 a < A seq 501 ack 101 win 0\n" +
     "+1 a > A seq 101 ack 501 len 1\n+0 a < A seq 501 ack 102 win 99\n", [], [{"retrans": 0, "rx_bytes": 1}]),
    ("what was sent and not captured is unknown", V4 + OPEN % PLAIN + "+0 a > A seq 801 ack 501\n", [],
     [{"rx_bytes": None, "tx_bytes": 0}]),
    ("a forged FIN is not the end of the bytes", V4 + OPEN % PLAIN + "+0 a > FA seq 301 ack 501\n" + DATA % PLAIN +
     CLOSE % PLAIN, [], [{"rx_bytes": 700, "tx_bytes": 1300, "state": "closed"}]),
    ("the same number again, long after the end", V4 + WHOLE % PLAIN + "+9 a > S seq 100\n+0.01 a < SA seq 9 ack 101\n" +
     "+0.02 a > A seq 101 ack 10\n", [], [good(), {"result": "ok", "hs_ms": 30.0, "syn_rtx": 0, "rx_pkts": 2}]),
    ("a SYN that came late after the end", V4 + WHOLE % PLAIN + "+0.1 a > S seq 100\n", [],
     [good(syn_rtx=1, rx_pkts=7)]),
    ("a zero window", V4 + OPEN % PLAIN + DATA % PLAIN + "+1 a < A seq 1801 ack 801 win 0\n+1 a < A seq 1801 ack 801 win 9\n",
     [], [{"zerowin": 1}]),
    ("a SYN/ACK lost, the SYN resent with other options", V4 + syns(0) + "+1 a > S seq 100 mss 536\n" +
     "+0.01 a < SA seq 500 ack 101\n+0.02 a > A seq 101 ack 501\n", [],
     [{"result": "ok", "syn_rtx": 1, "synack_rtx": 0, "hs_ms": 1030.0, "hs_net_ms": 1010.0}]),
    ("reset by who opened is not refused", V4 + syns(0) + "+0.01 a < SA seq 500 ack 101\n+0 a > R seq 101\n", [],
     [{"result": "reset", "close": "rrst"}]),
    ("both opened at once", V4 + "+0 a > S seq 100\n+0.001 a < S seq 500\n+0.01 a > SA seq 100 ack 501\n"
     "+0.001 a < SA seq 500 ack 101\n", [], [{"result": "ok", "hs_ms": 12.0, "syn_rtx": 0}]),
    ("Fast Open", V4 + "+0 a > S seq 100 len 50\n+0.01 a < SA seq 500 ack 151 len 70\n+0.01 a > A seq 151 ack 571\n", [],
     [{"result": "ok", "rx_bytes": 50, "tx_bytes": 70, "hs_ms": 20.0}]),
]

# Every code there is, and one more. On Linux all of them end an attempt, but for fragmentation needed (RFC 1191).
for code in range(17):
    ends = code not in (4, 16)
    TRAPS.append(("ICMP unreachable, code %d" % code, V4 + syns(0) + "+0.01 a > icmp 3/%d seq 100\n" % code, [],
                  [{"result": "unreach" if ends else "pending", "icmp": "4:3/%d" % code if ends else None}]))
for code in range(8):
    TRAPS.append(("ICMPv6 unreachable, code %d" % code, V6 + syns(0) + "+0.01 a > icmp 1/%d seq 100\n" % code, [],
                  [{"result": "unreach", "icmp": "6:1/%d" % code}]))
for version, flow, hard in (("ICMP", V4, ("11/0", "12/0", "12/2")), ("ICMPv6", V6, ("3/0", "3/1", "4/0", "4/2"))):
    for each in hard:
        TRAPS.append(("%s %s is an end" % (version, each), flow + syns(0) + "+0.01 a > icmp %s seq 100\n" % each, [],
                      [{"result": "unreach", "icmp": flow[7:8].replace("1", "4").replace("2", "6") + ":" + each}]))
    # In a file of several queues an answer may stand before the question.
    TRAPS.append(("%s %s before the SYN" % (version, hard[0]), flow + "+1 a > icmp %s seq 100\n" % hard[0] + syns("0.00001"), [],
                  [{"result": "unreach", "hs_ms": None}]))
    TRAPS.append(("%s long before the SYN is about another one" % version,
                  flow + "+1 a > icmp %s seq 100\n" % hard[0] + syns(1), [], [{"result": "pending", "icmp": None}]))
TRAPS.append(("an opener that retransmits after an ICMP error continues", V4 + syns(0) + "+0.01 a > icmp 11/0 seq 100\n" + syns(1), [],
              [{"result": "pending", "icmp": None, "syn_rtx": 1}]))
TRAPS.append(("and may be answered after all", V4 + syns(0) + "+0.01 a > icmp 3/1 seq 100\n" + syns(1) +
              "+0.01 a < SA seq 500 ack 101\n+0.02 a > A seq 101 ack 501\n", [],
              [{"result": "ok", "icmp": None, "syn_rtx": 1, "hs_net_ms": 1020.0, "hs_ms": 1040.0}]))
for version, flow, soft in (("ICMP", V4, ("4/0", "5/0", "11/1")), ("ICMPv6", V6, ("2/0", "137/0"))):
    for each in soft:
        TRAPS.append(("%s %s is no end" % (version, each), flow + syns(0) + "+0.01 a > icmp %s seq 100\n" % each, [],
                      [{"result": "pending", "icmp": None}]))
    TRAPS.append(("%s about another number" % version, flow + syns(0) + "+0.01 a > icmp %s seq 101\n" %
                  ("3/1" if version == "ICMP" else "1/3"), [], [{"result": "pending", "icmp": None}]))
    TRAPS.append(("%s about another port" % version, flow + "flow b" + flow[6:].replace("40000", "40001") + syns(0) +
                  "+0.01 b > icmp %s seq 100\n" % ("3/1" if version == "ICMP" else "1/3"), [],
                  [{"result": "pending", "icmp": None}]))


def printed(script, *options):
    capture = subprocess.run([MKPCAP], input=script.encode(), stdout=subprocess.PIPE, check=True, timeout=10)
    run = subprocess.run([CONNTRACE, "-q", "-r", "-", *options], input=capture.stdout, stdout=subprocess.PIPE, check=True,
                         timeout=10, env=dict(os.environ, TZ="UTC"))
    return run.stdout.decode().splitlines()


def rows(script, options):
    return [row for row in map(json.loads, printed(script, "-z", "conns", "-j", "--sort", "START", *options))
            if "summary" not in row]


# One comes about after a resent SYN and a resent SYN/ACK, one is refused, one never answered, one undecided at the end.
HANDSHAKES = "time 1700000000\nflow a 198.51.100.1 40000 192.0.2.1 80\nflow b 198.51.100.2 40001 192.0.2.1 81\n" \
    "flow c 2001:db8::1 40002 2001:db8::2 80\nflow d 198.51.100.3 40003 192.0.2.1 80\n+0 a > S seq 100\n+1 a > S seq 100\n+0.01 a < SA seq 500 ack 101\n" \
    "+1 a < SA seq 500 ack 101\n+0.02 a > A seq 101 ack 501\n+0.1 b > S seq 100\n+0.01 b < RA seq 0 ack 101\n" \
    "+0.1 c > S seq 100\n+2 c > S seq 100\n+35 d > S seq 100\n"
HANDSHAKE_LINES = [
    "START DIR LADDR LPORT RADDR RPORT RESULT HS_MS RX_BYTES TX_BYTES RETRANS DUR_S PID COMM SYN_RTX SYNACK_RTX",
    "22:13:20.000000 in 192.0.2.1 80 198.51.100.1 40000 ok 2030.000 0 0 0 2.030000 - - 1 1",
    "22:13:22.130000 in 192.0.2.1 81 198.51.100.2 40001 refused - 0 0 0 0.010000 - - 0 0",
    "22:13:22.240000 in 2001:db8::2 80 2001:db8::1 40002 timeout - 0 0 0 2.000000 - - 1 0",
    "22:13:59.240000 in 192.0.2.1 80 198.51.100.3 40003 pending - 0 0 0 0.000000 - - 0 0"]


def handshakes():
    """--events=handshakes has what a line of tcpeek has."""
    lines = sorted(" ".join(line.split()) for line in printed(HANDSHAKES, "--events=handshakes"))
    return [] if lines == sorted(HANDSHAKE_LINES) else lines


def main():
    failed = 0
    for number, (name, script, options, wanted) in enumerate(TRAPS, 1):
        found = rows(script, options)
        wrong = [] if len(found) == len(wanted) else ["%d connections, not %d" % (len(found), len(wanted))]
        for got, expected in zip(found, wanted):
            wrong += ["%s is %s, not %s" % (key, got[key], value) for key, value in expected.items() if got[key] != value]
        print("%sok %d - %s" % ("not " if wrong else "", number, name))
        for line in wrong:
            print("# " + line)
        failed += bool(wrong)
    wrong = handshakes()
    print("%sok %d - a line of each handshake" % ("not " if wrong else "", len(TRAPS) + 1))
    for line in wrong:
        print("# " + line)
    failed += bool(wrong)
    print("1..%d" % (len(TRAPS) + 1))
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
