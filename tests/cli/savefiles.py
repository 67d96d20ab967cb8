#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Savefiles as they come: compressed, of several link types, with unknown link types, in both byte orders."""
import bz2
import csv
import gzip
import json
import lzma
import os
import shutil
import struct
import subprocess

import cli

MKPCAP = os.path.join(cli.BUILD, "tests", "helpers", "mkpcap")
OPEN = "+0.01 %s > S seq 1\n+0.01 %s < SA seq 5 ack 2\n+0.01 %s > A seq 2 ack 6\n"
MIXED = ("flow a 192.0.2.1 1000 192.0.2.2 80\nflow b 2001:db8::1 1001 2001:db8::2 443\n"
         "link ethernet\n+0 a > S seq 1\nlink sll\n+0.01 a < SA seq 5 ack 2\nlink raw\n+0.01 a > A seq 2 ack 6\n"
         "link null\n" + OPEN % (("b",) * 3))


def made(test, name, script, *words):
    path = test.path(name)
    subprocess.run([MKPCAP, *words, "-o", path], input=script, text=True, check=True, timeout=cli.LIMIT)
    return path


def results(done):
    """RPORT and RESULT of each row."""
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return sorted((row["rport"], row["result"], row["hs_ms"]) for row in rows if "summary" not in row)


def several_link_types(test):
    wanted = [(1000, "ok", 20.0), (1001, "ok", 20.0)]
    for order in ("little", "big"):
        for unit in ("us", "ns"):
            path = made(test, "mixed.pcapng", MIXED, "-f", "pcapng", "-e", order, "-t", unit)
            done = test.run("-r", path, "-z", "conns", "-j")
            test.say("four link types in one pcapng, %s-endian, %s" % (order, unit),
                     [] if results(done) == wanted and done.returncode == 0 else [done.stdout, done.stderr])
    done = test.run("-r", path, "-z", "conns", "-j", "tcp", "port", "80")
    test.say("a filter is made for each of them", [] if results(done) == wanted[:1] else [done.stdout, done.stderr])
    done = test.run("-r", path, "-z", "conns", "-j", "tcp", "and", "not", "src", "net", "192.0.2.0/24")
    test.say("also for IPv6 in another system's loopback frames", [] if results(done) == wanted[1:] else
             [done.stdout, done.stderr])
    done = test.run("-r", path, "ether", "host", "02:02:02:02:02:02")
    test.expect("a filter that one of them cannot have", done, 1, ["filter \"ether host"])


def rows_of(done):
    """All that the rows say, without the accounts."""
    return [line for line in done.stdout.splitlines() if '"summary"' not in line]


# Each connection is open while the others go on; a step is 10 ms.
TALK = ["%s > S seq 1", "%s < SA seq 5 ack 2", "%s > A seq 2 ack 6", "%s > PA seq 2 ack 6 len 9 ipid 4",
        "%s < A seq 6 ack 11", "%s > FA seq 11 ack 6", "%s < FA seq 6 ack 12", "%s > A seq 12 ack 7"]
FLOWS = "".join("flow %s 192.0.2.%d 1000 192.0.2.9 80\n" % (name, i) for i, name in enumerate("abc", 1))


def script(order):
    """Frames as (step, link, connection, line), written in this order."""
    return FLOWS + "".join("link %s\ntime %.3f\n+0 %s\n" % (link, 1700000000 + step * 0.01, line % name)
                           for step, link, name, line in order)


def several_files(test):
    frames = [(step * 3 + i, link, name, line) for step, line in enumerate(TALK)
              for i, (name, link) in enumerate(zip("abc", ("ethernet", "sll", "raw")))]
    together = made(test, "together.pcapng", script(frames), "-f", "pcapng")
    wanted = rows_of(test.run("-r", together, "-z", "conns", "-j"))
    test.say("three connections in one file", [] if len(wanted) == 3 else wanted)
    names = [made(test, "part-%s.pcap" % name, script([frame for frame in frames if frame[2] == name]),
                  "-t", unit, "-e", order)
             for name, unit, order in (("a", "us", "little"), ("b", "ns", "big"), ("c", "us", "big"))]
    with open(names[2], "rb") as file, gzip.open(names[2] + ".gz", "wb") as packed:
        packed.write(file.read())
    names[2] += ".gz"
    for order in (names, names[::-1]):
        done = test.run(*(word for name in order for word in ("-r", name)), "-z", "conns", "-j")
        test.say("as one from three files of other kinds, in order of time",
                 [] if rows_of(done) == wanted and json.loads(done.stdout.splitlines()[-1])["summary"]["disordered"] == 0
                 else [done.stdout, done.stderr])
    # Connections between them are reported once, and continue in the next file.
    halves = [made(test, "half-%d.pcap" % i, script([(step, "ethernet", name, line) for step, _, name, line in frames
                                                       if (step < 11) == (i == 0)])) for i in range(2)]
    whole = made(test, "whole.pcap", script([(step, "ethernet", name, line) for step, _, name, line in frames]))
    whole = rows_of(test.run("-r", whole, "-z", "conns", "-j"))
    done = test.run("-r", halves[1], "-r", halves[0], "-z", "conns", "-j")
    test.say("connections go on in the next file", [] if rows_of(done) == whole else [done.stdout, whole])
    with open(halves[0], "ab") as joined, open(halves[1], "rb") as more:
        joined.write(more.read())
    done = test.run("-r", halves[0], "-z", "conns", "-j")
    test.say("and in one that cat(1) joined to it", [] if rows_of(done) == whole else [done.stdout, done.stderr])
    test.expect("a file that is damaged does not spoil the others",
                test.run("-r", names[0], "-r", cli.__file__, "-z", "conns", "-H", "-O", "LADDR,RESULT"), 1,
                ["neither pcap"], "192.0.2")
    test.expect("the same file twice", test.run("-r", names[0], "-r", "./" + os.path.basename(names[0])), 1,
                ["is the same file as"])
    test.usage(["-r", names[0], names[1]], "each savefile needs its own -r: -r %s -r %s" % (names[0], names[1]))
    test.usage(["-r", names[0], "not-there.pcap"], "each savefile needs its own -r")
    test.usage(["-r", names[0], "portt 80"], "packet filter \"portt 80\"")
    return frames, wanted


def not_in_order(test):
    frames, wanted = several_files(test)
    # As programs write that capture on several interfaces: what each had, one after the other.
    batches = [frame for link in ("ethernet", "sll", "raw") for frame in frames if frame[1] == link]
    path = made(test, "batches.pcapng", script(batches), "-f", "pcapng")
    done = test.run("-r", path, "-z", "conns", "-j")
    test.say("frames of several interfaces are put in order", [] if rows_of(done) == wanted else [done.stdout])
    done = test.run("-r", "-", "-z", "conns", "-j", stdin=open(path, "rb"))
    test.say("also from a stream", [] if rows_of(done) == wanted else [done.stdout])
    path = made(test, "late.pcap", script([(step, "ethernet", name, line) for step, _, name, line in batches]))
    done = test.run("-r", path, "-z", "conns", "-j")
    summary = json.loads(done.stdout.splitlines()[-1])["summary"]
    test.say("what one interface has in another order is counted", [] if summary["disordered"] == 14 else [summary])
    test.expect("in words, too", test.run("-r", path), 0, ["(14 of them not in order of time)"])


def far_times(test):
    """A time that does not fit is no time, and that is said; the rows have all the rest."""
    for second, timeless in ((8999999990, 0), (9000000000, 3), (9300000000, 3), (1 << 33, 0)):
        path = made(test, "far.pcapng", FLOWS + "link raw\ntime %d\n+0 a > S seq 1\n+0.5 a < SA seq 9 ack 2\n"
                    "+0.5 a > A seq 2 ack 10\n" % second, "-f", "pcapng")
        done = test.run("-r", path, "-z", "conns", "-j")
        summary, rows = json.loads(done.stdout.splitlines()[-1])["summary"], [json.loads(row) for row in rows_of(done)]
        test.say("frames of second %d" % second,
                 [] if summary["timeless"] == timeless and [(row["result"], row["start"], row["hs_ms"]) for row in rows] ==
                 [("ok", None if timeless else second, None if timeless else 1000)] else [summary, rows])
    test.expect("in words, too", test.run("-r", made(test, "far.pcapng", FLOWS + "link raw\ntime 9000000000\n"
                                                     "+0 a > S seq 1\n", "-f", "pcapng")), 0, ["(1 of them without a time)"])


def ip(protocol, payload, source=b"\x0a\0\0\1", destination=b"\x0a\0\0\2"):
    return struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0) + source + destination + payload


def pcap(frames):
    """A savefile of Ethernet frames, a millisecond apart."""
    return struct.pack("<IHHIIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1) + b"".join(
        struct.pack("<IIII", 1700000000, i * 1000, len(frame), len(frame)) + frame for i, frame in enumerate(frames))


def hidden(test):
    """What a filter does not see, or what only --decapsulate shows, is named with the word to write."""
    segment = ip(6, struct.pack(">HHIIBBHHH", 1000, 80, 1, 0, 0x50, 2, 1000, 0, 0))
    ethernet = bytes(12)
    wrapped = {
        "vlan and ": b"\x81\0\0\7\x08\0" + segment,
        "vlan and vlan and ": b"\x88\xa8\0\1\x81\0\0\7\x08\0" + segment,
        "mpls and ": b"\x88\x47\0\1\1\x40" + segment,
        "pppoes and ": b"\x88\x64\x11\0\0\1" + struct.pack(">H", len(segment) + 2) + b"\0\x21" + segment,
        "vlan and pppoes and ": b"\x81\0\0\7\x88\x64\x11\0\0\1" + struct.pack(">H", len(segment) + 2) +
                                b"\0\x21" + segment,
    }
    for words, frame in wrapped.items():
        path = test.path("hidden.pcap", pcap([ethernet + frame] * 3))
        test.expect("a filter that looks before " + words, test.run("-r", path, "port", "80"), 0,
                    ["no packet passed the filter; 3 that did not are TCP segments ", 'write "%s(port 80)"' % words])
        done = test.run("-r", path, "-z", "conns", "-j", words + "(port 80)")
        test.say("and with these words it sees them", [] if len(results(done)) == 1 else [done.stdout, done.stderr])
        done = test.run("-r", path)
        test.say("without a filter there is nothing to say", [done.stderr] if "filter" in done.stderr else [])
    test.expect("other ports are none of it",
                test.run("-r", test.path("plain.pcap", pcap([ethernet + b"\x08\0" + segment])), "port", "81"), 0,
                ["no packet passed the capture filter"], lines=2)
    tunnels = {
        "ipip": ip(4, segment),
        "gre": ip(47, b"\0\0\x08\0" + segment),
        "vxlan": ip(17, struct.pack(">HHHH", 5, 4789, 16 + 14 + len(segment), 0) + b"\x08\0\0\0\0\0\7\0" + bytes(12) +
                    b"\x08\0" + segment),
        "geneve": ip(17, struct.pack(">HHHH", 5, 6081, 16 + len(segment), 0) + b"\0\0\x08\0\0\0\7\0" + segment),
    }
    for name, packet in tunnels.items():
        path = test.path(name + ".pcap", pcap([ethernet + b"\x08\0" + packet] * 2))
        test.expect("all TCP is inside " + name, test.run("-r", path), 0,
                    ["no TCP segment was seen outside of tunnels, and 2 in ", "--decapsulate=" + name])
        test.expect("also where a filter left it out", test.run("-r", path, "port", "80"), 0,
                    ["--decapsulate=%s, and choose by --lport" % name])
        done = test.run("-r", path, "--decapsulate=" + name, "-z", "conns", "-j")
        test.say("and that shows it", [] if len(results(done)) == 1 and "tunnel" not in done.stderr else [done.stderr])


def in_unknown_tunnels(test):
    """What --decapsulate does not take off is named."""
    segment = ip(6, struct.pack(">HHIIBBHHH", 1000, 80, 1, 0, 0x50, 2, 1000, 0, 0))
    ethernet = bytes(12) + b"\x08\0"
    udp = lambda port, payload: ip(17, struct.pack(">HHHH", 5, port, 8 + len(payload), 0) + payload)
    tunnels = {
        "GTP-U": udp(2152, b"\x30\xff" + struct.pack(">HI", len(segment), 7) + segment),
        "L2TP": udp(1701, b"\0\2\0\1\0\1\xff\3\0\x21" + segment),
        "ESP": ip(50, b"\0\0\0\1\0\0\0\1" + bytes(40)),
        "WireGuard": udp(51820, b"\4\0\0\0" + bytes(60)),
        "Teredo": udp(3544, b"\x60" + bytes(60)),
        "Ethernet in IP": ip(97, b"\x30\0" + ethernet + segment),
        "VXLAN-GPE": udp(4790, b"\x0c\0\0\1\0\0\7\0" + segment),
        "MPLS in UDP": udp(6635, b"\0\1\1\x40" + segment),
    }
    for name, packet in tunnels.items():
        path = test.path("unknown.pcap", pcap([ethernet + packet] * 2))
        for words in [], ["--decapsulate=all"], ["port", "80"]:
            test.expect("all is inside %s %s" % (name, " ".join(words)), test.run("-r", path, *words), 0,
                        ["no TCP segment was seen; 2 of the frames are " + name, "does not look"])
    # What helps is named before what does not.
    path = test.path("both.pcap", pcap([ethernet + tunnels["GTP-U"]] * 3 + [ethernet + ip(4, segment)]))
    test.expect("one of several kinds can be taken off", test.run("-r", path), 0, ["--decapsulate=ipip"])
    path = test.path("and-tcp.pcap", pcap([ethernet + tunnels["GTP-U"], ethernet + segment]))
    done = test.run("-r", path)
    test.say("where there is a segment nothing is said of tunnels", [done.stderr] if "GTP" in done.stderr else [])


def networks_left_out(test):
    flows = "flow a 192.0.2.1 1000 198.51.100.1 80\nflow b 203.0.113.1 1001 198.51.100.1 80\n"
    path = made(test, "networks.pcap", flows + OPEN % (("a",) * 3) + OPEN % (("b",) * 3))
    for words in (["port 80 and not net 192.0.2.0/24"], ["--peer=!192.0.2.0/24"]):
        done = test.run("-r", path, "-z", "conns", "-j", *words)
        test.say("a network is left out by " + words[0],
                 [] if results(done) == [(1001, "ok", 20.0)] else [done.stdout, done.stderr])


def which_way(test):
    script = "flow a 192.0.2.1 1000 192.0.2.2 80\n+0 a > S seq 1 in\n+0.01 a < SA seq 5 ack 2 out\n"
    made(test, "ethernet.pcap", script)
    test.usage(["-r", "ethernet.pcap", "inbound"], "not supported on")
    test.usage(["-r", "ethernet.pcap", "-z", "io,stat,0,inbound"], "not supported on")
    path = made(test, "sll.pcap", "link sll\n" + script)
    done = test.run("-r", path, "-z", "conns", "-O", "RX_PKTS,TX_PKTS", "-H", "--format=raw", "inbound")
    test.say("where they say it, it is known", [] if done.stdout == "1 0\n" else [done.stdout, done.stderr])


def cut_short(test):
    path = made(test, "short.pcap", "flow a 192.0.2.1 1000 192.0.2.2 80\nsnaplen 53\n" + OPEN % (("a",) * 3))
    done = test.run("-r", path, "-z", "conns", "-j")
    test.say("packets cut before the end of the TCP header are no connection, and that is said",
             [] if results(done) == [] and json.loads(done.stdout)["summary"]["malformed"] == 3
             else [done.stdout, done.stderr])
    test.expect("in words, too", test.run("-r", path), 0, ["3 packets (3 of them cut or malformed)"])


def compressed(test):
    scenario = cli.scenario()
    versions = test.run("-V").stdout
    ways = [("gzip", "gz", gzip.compress)]
    for tool, ending in (("zstd", "zst"), ("lz4", "lz4")):
        ways.append((tool, ending, shutil.which(tool) and (lambda data, tool=tool: subprocess.run(
            [tool, "-c", "-q"], input=data, stdout=subprocess.PIPE, check=True, timeout=cli.LIMIT).stdout)))
    for name, ending, compress in ways:
        if name not in versions or not compress:
            test.skip("compressed by " + name, "not built in" if compress else "no " + name)
            continue
        plain = test.run("-r", test.path("plain.pcap", scenario), "-z", "conns", "-j", "-q").stdout
        # Two pieces compressed on their own and joined are one file.
        data = compress(scenario[:100]) + compress(scenario[100:])
        path = test.path("file.pcap." + ending, data)
        done = test.run("-r", path, "-z", "conns", "-j", "-q")
        test.say("compressed by " + name, [] if done.stdout == plain and done.returncode == 0 and plain.count("\n") == 2
                 else [done.stdout, done.stderr])
        with open(path, "rb") as file:
            done = test.run("-r", "-", "-z", "conns", "-j", "-q", stdin=file)
        test.say("compressed by %s, on standard input" % name, [] if done.stdout == plain else [done.stdout, done.stderr])
        done = test.run("-r", test.path("cut." + ending, data[:-3]), "-z", "conns", "-j")
        test.expect("compressed by %s, cut off" % name, done, 1, ["\"%s\": cut off: " % test.path("cut." + ending)])
        broken = bytearray(compress(scenario))
        broken[len(broken) // 2] ^= 0xff
        broken[len(broken) // 2 + 1] ^= 0xff
        done = test.run("-r", test.path("broken." + ending, bytes(broken)), "-z", "conns", "-j")
        test.expect("compressed by %s, damaged" % name, done, 1, ["\"%s\": " % test.path("broken." + ending)])
    for name, compress, command in (("xz", lzma.compress, "xzcat"), ("bzip2", bz2.compress, "bzcat")):
        done = test.run("-r", test.path("other." + name, compress(scenario)))
        test.expect("compressed by %s is refused with the remedy" % name, done, 1,
                    ["compressed by %s" % name, command + " FILE | conntrace -r -"], "")


def many_rows(test):
    """Two threads write a long report in JSON: as many rows, in the same order, as the one that writes it in CSV."""
    path = test.path("storm.pcap")
    subprocess.run([MKPCAP, "--storm", "6000", "--packets-per", "8", "--interleave", "100", "-o", path], check=True,
                   timeout=cli.LIMIT)
    words = ["-r", path, "-z", "conns", "--sort=RPORT,RADDR", "--group=web:RX@10.0.0.0/8:80"]
    done = test.run(*words, "-j")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    found = [[row["raddr"], str(row["rport"]), row["cid"], ",".join(row["group"])] for row in rows[:-1]]
    other = test.run(*words, "--format=csv", "--columns=RADDR,RPORT,CID,GROUP", "-H")
    wanted = list(csv.reader(other.stdout.splitlines()))
    test.say("6000 rows in JSON are those in CSV",
             [] if len(found) == 6000 and found == wanted else [str(len(found)), str(len(wanted)), done.stderr])


def main():
    test = cli.Cli()
    several_link_types(test)
    not_in_order(test)
    far_times(test)
    hidden(test)
    in_unknown_tunnels(test)
    networks_left_out(test)
    which_way(test)
    cut_short(test)
    done = subprocess.run(["sh", "-c", 'exec "$@" <&-', "sh", cli.CONNTRACE, "-r", "-"], capture_output=True,
                          timeout=cli.LIMIT, check=False)
    test.say("closed standard input is an empty one", [] if done.returncode == 1 and b"empty" in done.stderr
             else [done.stderr.decode()])
    compressed(test)
    many_rows(test)
    usb = bytearray(cli.scenario())
    usb[20] = 189
    test.expect("an unknown link type", test.run("-r", test.path("usb.pcap", bytes(usb))), 1,
                ["link type USB_LINUX (189) is not understood; "], "", 1)
    test.end()


main()
