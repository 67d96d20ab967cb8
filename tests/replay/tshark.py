#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The same numbers as tshark(1) for every public capture: conv,tcp by connection, endpoints,tcp by the other side's
address and port, io,stat by interval (TAP).

Where they differ the reason is listed here; an unused reason is an error. ALL=1 takes every capture
instead of each tenth.
"""
import collections
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys

BUILD = os.environ.get("top_builddir", ".")
CONNTRACE = os.environ.get("CONNTRACE", os.path.join(BUILD, "conntrace"))
CAPTURES = os.environ.get("CONNTRACE_CAPTURES") or "/nonexistent"
SAMPLE = 1 if os.environ.get("ALL", "") not in ("", "0") else 10
NO_CAPTURES = {"LICENSES", "truth"}

# One interface counts time in 1/256 s, and what it counted is half a million years; nanoseconds in 64 bits reach 292.
NO_TIME = "frames with a broken time, centuries after the others, which is none with conntrace"
# The headers are whole but for their options: ends, flags, numbers and lengths are there (pcap: caplen < len).
CUT = "tshark gives up segments whose options were not captured before it counts them"
# Each fragment is a frame of its own on the wire (RFC 791, 3.2).
FRAGMENTS = "tshark counts the frame that completes a fragmented segment, conntrace each"
COPIES = "tshark counts frames that were captured once more, for which conntrace has COPIES"
CONV = {
    "arkime/80211http.pcap": COPIES,
    "arkime/wireshark-retrans.pcap": COPIES,
    "tcpdump/pptp.pcap": COPIES,
    "arkime/tcpseq_synthetic.pcap": "tshark takes two frames of port 0 for a conversation, which no socket has (RFC 6335, 6)",
    "derived/get_snap54.pcap": CUT,
    # Neither is wrong: DUR_S of a failure is how long it took to know, so that of a refused one goes up to the RST, too.
    "derived/icmp_unreachable.pcap": "the ICMP error that ends an attempt is the last sign of it, not its last segment",
    "pcapplusplus/frag_http_req.pcap": FRAGMENTS,
    "pcapplusplus/pcapng-example.pcapng": NO_TIME,
    # The segment goes no further than the destination of its IPv6 header, where it is discarded.
    "zeek/chksums__ip6-route0-tcp-good-chksum.pcap": "tshark shows the last stop of a routing header of type 0, which no node may follow (RFC 5095, 3)",
    "zeek/ipv4__fragmented-syn.pcap": FRAGMENTS,
    "zeek/tcp__truncated-header.pcap": CUT,
}
ENDPOINTS = {name: CONV[name] for name in (
    "arkime/80211http.pcap", "arkime/wireshark-retrans.pcap", "tcpdump/pptp.pcap",
    "derived/get_snap54.pcap", "pcapplusplus/frag_http_req.pcap", "zeek/chksums__ip6-route0-tcp-good-chksum.pcap",
    "zeek/ipv4__fragmented-syn.pcap", "zeek/tcp__truncated-header.pcap")}
QUOTED = "tshark counts the SYN that an ICMP error quotes, too"
CLIPPED = "a record is shorter than the datagram in it says, and tshark clips the payload"
# tshark makes an interval for every 0.2 s of the centuries in it, until memory is gone.
NO_IO = {"pcapplusplus/pcapng-example.pcapng": NO_TIME}
IO = {
    "arkime/80211http.pcap": COPIES,
    "arkime/wireshark-retrans.pcap": COPIES,
    "tcpdump/pptp.pcap": COPIES,
    "arkime/tcpseq_synthetic.pcap": CONV["arkime/tcpseq_synthetic.pcap"],
    "derived/icmp_unreachable.pcap": QUOTED,
    "pcapsql/nflog-ebtables.pcapng": QUOTED,
    "suricata-verify/ipv6-kill-router-gateway__kill_router6.pcap": QUOTED,
    "zeek/tcp__reassembly.pcap": CLIPPED,
}

SIZE = r"(\d+) (bytes|kB|MB)"
ROW = re.compile(r"(\S+):(\d+)\s+<-> (\S+):(\d+)\s+(\d+) " + SIZE + r"\s+(\d+) " + SIZE + r"\s+\d+ \d+ \w+\s+-?[\d.]+\s+(-?[\d.]+)$")
UNITS = {"bytes": 1, "kB": 1000, "MB": 1000000}

# Address, port; frames and bytes altogether, sent, received.
ENDPOINT = re.compile(r"(\S+)\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s*$")

Conversation = collections.namedtuple("Conversation", "first frames size unit frames_back size_back unit_back duration")


def conversations(text):
    """What tshark says, by pair of ends."""
    found = collections.defaultdict(list)
    for line in text.splitlines():
        match = ROW.match(line)
        if match:
            one, one_port, two, two_port, back, size_back, unit_back, there, size, unit, duration = match.groups()
            ends = (one, int(one_port)), (two, int(two_port))
            found[tuple(sorted(ends))].append(Conversation(ends[0], int(there), int(size), unit, int(back),
                                                           int(size_back), unit_back, float(duration)))
    return found


def connections(rows):
    found = collections.defaultdict(list)
    for row in rows:
        if row.get("report") == "conns":
            ends = (row["laddr"], row["lport"]), (row["raddr"], row["rport"])
            found[tuple(sorted(ends))].append(row)
    return found


def fits(size, shown, unit):
    """tshark has been rounding since 3.6."""
    return abs(size - shown * UNITS[unit]) < UNITS[unit]


def is_same(theirs, ours):
    there, back = ("tx", "rx") if theirs.first == (ours["laddr"], ours["lport"]) else ("rx", "tx")
    return ((theirs.frames, theirs.frames_back) == (ours[there + "_pkts"], ours[back + "_pkts"])
            and fits(ours[there + "_wire"], theirs.size, theirs.unit)
            and fits(ours[back + "_wire"], theirs.size_back, theirs.unit_back)
            and ours["dur_s"] is not None and abs(theirs.duration - ours["dur_s"]) < 0.00011)


def compare_conv(text, rows):
    theirs, ours = conversations(text), connections(rows)
    wrong = []
    for ends in sorted(set(theirs) | set(ours)):
        left = list(ours.get(ends, []))
        for one in theirs.get(ends, []):
            match = [row for row in left if is_same(one, row)]
            if match:
                left.remove(match[0])
            else:
                wrong.append("only tshark: %s %s" % (ends, one))
        wrong += ["only conntrace: %s %d %d frames, %d %d bytes, %s s" % (
            ends, row["tx_pkts"], row["rx_pkts"], row["tx_wire"], row["rx_wire"], row["dur_s"]) for row in left]
    return wrong


def compare_endpoints(text, rows):
    """--by=peer,rport: the other sides, but those that are a side here in another connection."""
    here = {(row["laddr"], row["lport"]) for row in rows if row.get("report") == "conns"}
    ours = {(row["peer"], row["rport"]): (row["rx_pkts"], row["rx_wire"], row["tx_pkts"], row["tx_wire"])
            for row in rows if row.get("report") == "peers"}
    theirs = {}
    for match in filter(None, map(ENDPOINT.match, text.splitlines())):
        theirs[match.group(1), int(match.group(2))] = tuple(int(match.group(i)) for i in range(5, 9))
    return ["%s:%s: tshark %s, conntrace %s" % (*end, theirs.get(end), ours[end])
            for end in sorted(ours) if end not in here and theirs.get(end) != ours[end]]


def compare_ends_here(text, rows, by_port):
    """--by=lport: the ends here where all are of one address, but those that are the other side somewhere."""
    addresses = {row["laddr"] for row in rows if row.get("report") == "conns"}
    there = {(row["raddr"], row["rport"]) for row in rows if row.get("report") == "conns"}
    theirs = {(found.group(1), int(found.group(2))): tuple(int(found.group(i)) for i in range(5, 9))
              for found in filter(None, map(ENDPOINT.match, text.splitlines()))}
    wrong = []
    for row in by_port if len(addresses) == 1 else []:
        if row.get("report") != "peers":
            continue
        end = min(addresses), row["lport"]
        ours = row["tx_pkts"], row["tx_wire"], row["rx_pkts"], row["rx_wire"]
        if end not in there and theirs.get(end) != ours:
            wrong.append("%s:%s here: tshark %s, conntrace %s" % (*end, theirs.get(end), ours))
    return wrong


def compare_io(text, rows):
    """Frames and bytes, payload and SYN segments, interval by interval."""
    theirs = []
    for line in text.splitlines():
        match = re.match(r"\|\s*[\d.]+ <>\s*[\w.]+\s*\|(.*)\|$", line)
        if match:
            theirs.append([int(number) for number in re.findall(r"\d+", match.group(1))])
    if not theirs:
        return []               # without a duration tshark prints no row
    ours = [[row["frames"], row["bytes"], row["sum(payload)"], row["count(syn)"]]
            for row in rows if row.get("report") == "io,stat"]
    # tshark has no row for an end that falls on a border.
    while len(ours) > len(theirs) and not any(ours[-1]):
        ours.pop()
    return ["row %d: tshark %s, conntrace %s" % (i, theirs[i:i + 1], ours[i:i + 1])
            for i in range(max(len(theirs), len(ours))) if theirs[i:i + 1] != ours[i:i + 1]]


def run(argv):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
    # For a cut file both return 1 or 2, after all that could be read; after a signal there is no result.
    if done.returncode < 0:
        raise RuntimeError("%s ended by signal %d" % (argv[0], -done.returncode))
    return done.stdout


def compare(name):
    path = os.path.join(CAPTURES, name)
    whole = json.loads((run([CONNTRACE, "-q", "-r", path, "-j", "-z", "io,stat,0"]).splitlines() or ['{"dur_s": 0}'])[0])
    # At most forty rows, and borders that frames hardly fall on.
    interval = "%.3f" % max(0.213, (whole["dur_s"] or 0) / 39.7)
    fields = "SUM(tcp.len)tcp.len", "COUNT(tcp.flags.syn)tcp.flags.syn==1&&tcp.flags.ack==0"
    io = [] if name in NO_IO else ["-z", "io,stat,%s,,%s,%s" % (interval, *fields)]
    text = run(["tshark", "-n", "-q", "-r", path, *io, "-z", "conv,tcp", "-z", "endpoints,tcp"])
    output = run([CONNTRACE, "-q", "-r", path, "--decapsulate=all", "-j", "-z",
                  "io,stat,%s,,SUM(payload),COUNT(syn)" % interval, "-z", "conv,tcp", "-z", "peers", "--by=peer,rport"])
    rows = [json.loads(line) for line in output.splitlines()]
    alone = run([CONNTRACE, "-q", "-r", path, "--decapsulate=all", "-j", "-z", "conv,tcp", "-z", "peers", "--by=lport"])
    others = [json.loads(line) for line in alone.splitlines()]
    conv = compare_conv(text, rows) + [
        "with io,stat besides it is another: %s" % row for row in others
        if row.get("report") == "conns" and row not in rows]
    endpoints = compare_endpoints(text, rows) + compare_ends_here(text, rows, others)
    return name, conv, endpoints, compare_io(text, rows) if io else []


def main():
    if not os.path.isdir(CAPTURES):
        print("1..0 # SKIP no public captures (CONNTRACE_CAPTURES names their folder)")
        return
    if not shutil.which("tshark"):
        print("1..0 # SKIP no tshark here")
        return
    names = sorted(os.path.join(folder, name) for folder in os.listdir(CAPTURES)
                   if folder not in NO_CAPTURES and os.path.isdir(os.path.join(CAPTURES, folder))
                   for name in os.listdir(os.path.join(CAPTURES, folder)))[::SAMPLE]
    count = failed = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for name, conv, endpoints, io in pool.map(compare, names):
            for what, wrong, reasons in (("conv,tcp", conv, CONV), ("endpoints,tcp", endpoints, ENDPOINTS),
                                         ("io,stat", io, IO)):
                count += 1
                if reasons is IO and name in NO_IO:
                    print("ok %d - %s of %s # SKIP tshark cannot: %s" % (count, what, name, NO_IO[name]))
                    continue
                known = name in reasons
                failed += bool(wrong) != known
                print("%s %d - %s of %s%s" % ("ok" if bool(wrong) == known else "not ok", count, what, name,
                                              ": not equal, for " + reasons[name] if known and wrong else ""))
                if known and not wrong:
                    print("# equal, so the reason why it is not is wrong: " + reasons[name])
                for line in [] if known else wrong[:10]:
                    print("# " + line)
    print("1..%d" % count)
    sys.exit(failed > 0)


main()
