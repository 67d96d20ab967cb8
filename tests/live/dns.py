#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""NAME on an interface: answers of DNS pass the capture filter, also one that is made of options."""
import sys

from lib import Trace, enter_namespace, equal, main, test

# Asks for a name, answers itself from port 53 of UDP, or of TCP with an argument, and connects to the address.
PROGRAM = """
import socket, struct, sys
kind = socket.SOCK_STREAM if sys.argv[1] == "tcp" else socket.SOCK_DGRAM
labels = b"\\x03www\\x07example\\0"
answer = (struct.pack(">HHHHHH", 1, 0x8180, 1, 1, 0, 0) + labels + struct.pack(">HH", 1, 1) +
          b"\\xc0\\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + socket.inet_aton("127.0.0.9"))
with socket.socket(socket.AF_INET, kind) as server, socket.socket(socket.AF_INET, kind) as client:
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", 53))
    if kind == socket.SOCK_STREAM:
        server.listen()
        client.connect(("127.0.0.1", 53))
        served = server.accept()[0]
        served.sendall(struct.pack(">H", len(answer)) + answer)
        client.recv(512)
        served.close()
    else:
        client.bind(("127.0.0.1", 0))
        server.sendto(answer, client.getsockname())
        client.recv(512)
with socket.create_server(("127.0.0.9", 0)) as listener, socket.create_connection(listener.getsockname()) as client:
    listener.accept()[0].close()
    client.recv(1)
"""


def names(kind, *options):
    trace = Trace(["-i", "lo", "-O", "NAME,DIR,RADDR,RPORT", "--dir=out", *options], [sys.executable, "-c", PROGRAM, kind])
    return [row["name"] for row in trace.finish() if row["raddr"] == "127.0.0.9"]


@test("the name of an answer over UDP")
def over_udp():
    equal(names("udp"), ["www.example"], "names")


@test("the same with a filter of peers, of which the resolver is none")
def narrow():
    equal(names("udp", "--peer=127.0.0.9"), ["www.example"], "names")
    equal(names("udp", "--peer=127.0.0.9", "-4"), ["www.example"], "names of IPv4")


@test("an answer over TCP")
def over_tcp():
    equal(names("tcp"), ["www.example"], "names")


@test("a packet filter of the user is not changed")
def filtered():
    equal(names("udp", "--filter=tcp"), [None], "names")


if __name__ == "__main__":
    enter_namespace()
    main()
