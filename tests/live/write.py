#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""-w on an interface: the packets of watched processes only, with their names, during the run, and on a slow disk."""
import os
import struct
import subprocess
import sys

import lib
from lib import CONNTRACE, Trace, check, enter_namespace, equal, main, must, read_file, require, scratch, test, wait_for

SECTION, INTERFACE, STATISTICS, PACKET = 0x0a0d0d0a, 1, 5, 6
# A server that answers each client with so many bytes, until it is ended; it writes its port.
SERVER = """
import socket, sys
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    served = listener.accept()[0]
    served.recv(1000)
    served.sendall(bytes(int(sys.argv[1])))
    served.close()
"""
# A client of it, so many times; then it makes a file, and waits for the end of its input.
CLIENT = """
import socket, sys
for i in range(int(sys.argv[2])):
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as client:
        client.sendall(b"hello")
        while client.recv(1 << 20):
            pass
open(sys.argv[3], "w").close()
sys.stdin.read()
"""


def blocks(content):
    """(type, body) of each block of a pcapng file, which ends with one."""
    at, found = 0, []
    while at < len(content):
        kind, length = struct.unpack_from("=II", content, at)
        check(at + length <= len(content) and length % 4 == 0, "a block is cut at %d of %d" % (at, len(content)))
        found.append((kind, content[at + 8:at + length - 4]))
        at += length
    return found


def packets(path):
    """The bytes and the comment of each packet."""
    with open(path, "rb") as file:
        content = file.read()
    found = []
    for kind, body in blocks(content):
        if kind == PACKET:
            caplen = struct.unpack_from("=12xI", body)[0]
            place = body.find(b"conntrace: ", 20 + caplen)
            size = struct.unpack_from("=H", body, place - 2)[0]
            found.append((body[20:20 + caplen], body[place:place + size].decode()))
    return found


def server(size):
    process = lib.Process([sys.executable, "-c", SERVER, str(size)])
    wait_for(lambda: process.out.endswith("\n"), "the server's port")
    return process, process.out.strip()


def client(port, times):
    """The words of a client, and the file that it makes when it has got everything."""
    path = scratch("finished")
    return [sys.executable, "-c", CLIENT, port, str(times), path], path


@test("packets of the watched process, with its name, and of no other; the file is read again with it")
def watched():
    process, port = server(3000)
    other = lib.Process(client(port, 50)[0])
    path, again = scratch("pcapng"), scratch("again")
    trace = Trace(["-i", "lo", "-w", path], client(port, 5)[0])
    rows = trace.finish()
    found = packets(path)
    ports = {row["lport"] for row in rows}
    equal(len(rows), 5, "rows")
    for data, comment in found:
        ends = struct.unpack_from(">HH", data, 34)
        check(ports & set(ends), "ports %s are of no row" % (ends,))
        way = "sent" if ends[0] in ports else "received"
        equal(comment, "conntrace: pid=%d comm=%s dir=out %s" % (rows[0]["pid"], rows[0]["comm"].replace(" ", "\\x20"), way),
              "a comment")
    equal(len(found), sum(row["rx_pkts"] + row["tx_pkts"] for row in rows), "packets")
    with open(path, "rb") as file:
        names = [body[12:14] for kind, body in blocks(file.read()) if kind == INTERFACE]
    equal(names, [b"lo"], "names of the interfaces")
    must([CONNTRACE, "-q", "-r", path, "-z", "conns", "-j", "-o", again])
    read = lib.parse_rows(read_file(again))
    keys = ("lport", "rport", "dir", "pid", "comm", "rx_bytes", "tx_bytes", "result")
    equal(sorted([row[key] for key in keys] for row in read), sorted([row[key] for key in keys] for row in rows), "rows read")
    other.end()
    process.end()


@test("the file has packets during the run, and ends with the statistics of the interface")
def during():
    process, port = server(10)
    path = scratch("pcapng")
    trace = Trace(["-i", "lo", "-w", path], client(port, 3)[0], stdin=subprocess.PIPE)

    def has_packets():
        require(trace.alive(), "conntrace ended: %s" % trace.err)
        return os.path.exists(path) and os.path.getsize(path) > 0 and len(packets(path)) >= 3 * 7
    wait_for(has_packets, "packets in the file")
    trace.popen.stdin.close()
    trace.finish()
    with open(path, "rb") as file:
        kinds = [kind for kind, _ in blocks(file.read())]
    equal([kinds[0], kinds[1], kinds[-1]], [SECTION, INTERFACE, STATISTICS], "blocks")
    process.end()


@test("a reader that does not read delays the command nowhere; what is written is whole, the rest is counted")
def slow():
    process, port = server(40 << 20)
    words, finished = client(port, 3)
    trace = lib.Process([CONNTRACE, "-i", "lo", "-w", "-", "-o", "/dev/null", "--", *words], stdout=subprocess.PIPE)
    wait_for(lambda: os.path.exists(finished), "the command to get everything before it is read")
    content = trace.popen.stdout.read()
    equal(trace.wait(), 0, "exit status")
    count = sum(kind == PACKET for kind, _ in blocks(content))
    check("%d packets written" % count in trace.err, "%d packets, but %s" % (count, trace.err))
    process.end()


if __name__ == "__main__":
    enter_namespace()
    main()
