#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""An address that this host gets or loses while packets are captured (DHCP, a VPN, a container): directions stay right."""
import os
import socket

from lib import (THERE, Process, Trace, capturing, equal, enter_namespace, main, must, need_all, other_host, requested,
                 scratch, short, test, wait_file)

ADDED = {socket.AF_INET: ("198.18.0.77", THERE, "198.18.0.77/24"),
         socket.AF_INET6: ("fd00::77", "fd00::2", "fd00::77/64")}

# Connects to an address, and answers one connection.
OTHER = """
import os, socket, sys
address, own, port_file = sys.argv[1:4]
with socket.create_connection((address, int(sys.argv[4]))) as client:
    client.sendall(b"x" * 7)
    client.recv(1)
listener = socket.create_server((own, 0), family=socket.AF_INET6 if ":" in own else socket.AF_INET)
with open(port_file + ".new", "w") as file:
    file.write(str(listener.getsockname()[1]))
os.rename(port_file + ".new", port_file)
served = listener.accept()[0]
while served.recv(100):
    pass
"""


def talk(trace, family, inside):
    """A connection from the other host to the new address, then one from it. Both last until their process is known.

    Return: the rows that are right.
    """
    own, there, _ = ADDED[family]
    port_file = scratch("port")
    listener = socket.create_server((own, 0), family=family)
    port = listener.getsockname()[1]
    other = Process(inside + ["python3", "-c", OTHER, own, there, port_file, str(port)])
    served, peer = listener.accept()
    served.recv(7, socket.MSG_WAITALL)
    served.sendall(b".")
    number = int(wait_file(port_file))
    client = socket.socket(family)
    client.bind((own, 0))
    client.connect((there, number))
    client.sendall(b"x" * 5)
    here = client.getsockname()[1]
    requested(trace, lambda rows: {row["lport"] for row in rows if row["laddr"] == own and row["pid"] is not None} >= {port, here},
              "the process of both")
    for one in (client, served, listener):
        one.close()
    equal(other.wait(), 0, "the other host: " + other.err)
    return [("in", own, port, there, peer[1], 7), ("out", own, here, there, number, 5)]


@test("addresses that come and go while packets are captured: which end is ours, and whose")
def changed():
    inside = other_host()
    must(["ip", "address", "add", "fd00::1/64", "dev", "here", "nodad"])
    must(inside + ["ip", "address", "add", "fd00::2/64", "dev", "there", "nodad"])
    for interface in ("here", "any"):
        for family, (own, _, word) in ADDED.items():
            trace = Trace(["-i", interface])
            capturing(trace)
            must(["ip", "address", "add", word, "dev", "here"] + (["nodad"] if family == socket.AF_INET6 else []))
            wanted = talk(trace, family, inside)
            must(["ip", "address", "delete", word, "dev", "here"])
            # Each report that was requested has its own rows, also one that was requested last and came after the end.
            rows = {(row["laddr"], row["lport"], row["rport"]): row for row in trace.interrupt()
                    if own in (row["laddr"], row["raddr"])}.values()
            fact = "%s, %s: %s" % (interface, own, [short(row) for row in rows])
            ends = [[row[name] for name in ("dir", "laddr", "lport", "raddr", "rport")] +
                    [row["rx_bytes" if row["dir"] == "in" else "tx_bytes"]] for row in rows]
            equal(sorted(map(tuple, ends)), sorted(wanted), fact)
            equal({row["pid"] for row in rows}, {os.getpid()}, fact)


enter_namespace()
need_all("ip", "nsenter", "unshare")
main()
