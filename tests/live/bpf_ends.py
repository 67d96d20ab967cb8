#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--via=bpf: how attempts fail, and how connections end that no FIN ends; as root, where BPF is permitted.

    bpf_ends.py connect HOW PORT | bpf_ends.py talk HOW PORT        (played by the tests) clients of the other host
"""
import errno
import os
import select
import socket
import subprocess
import sys
import time

import lib
from lib import THERE, Process, Skip, by_bpf, equal, main, must, need, other_host, run, scratch, short, test, wait_file, wait_for

ECHO = os.path.join(os.path.dirname(os.path.abspath(__file__)), "rejected.py")
# What answers the SYN to each port, and what the program reads as the error.
ANSWERS = (
    ("icmp type net-unreachable", "unreach", "ENETUNREACH"),
    ("icmp type host-unreachable", "unreach", "EHOSTUNREACH"),
    ("icmp type prot-unreachable", "unreach", "ENOPROTOOPT"),
    ("icmp type port-unreachable", "refused", "ECONNREFUSED"),
    ("icmp type admin-prohibited", "unreach", "EHOSTUNREACH"),
    ("tcp reset", "refused", "ECONNREFUSED"),
)
# What the client does, what happens to what it sends, its error, and STATE, CLOSE and WHY.
ENDS = (
    ("user-timeout", "input", "drop", "ETIMEDOUT", ("closed", None, ["timeout"])),
    ("retries", "input", "drop", "ETIMEDOUT", ("closed", None, ["timeout"])),
    ("retries", "input", "reject with icmp type host-unreachable", "EHOSTUNREACH", ("closed", None, ["timeout"])),
    ("retries", "output", "drop", "ETIMEDOUT", ("closed", None, ["timeout"])),
    ("keep-alive", "input", "drop", "ETIMEDOUT", ("reset", "lrst", ["reset", "kernel"])),
    ("retries", "input", "reject with tcp reset", "ECONNRESET", ("reset", "rrst", ["reset"])),
    # It may come from the peer, for all that the socket knows.
    ("retries", "output", "reject with tcp reset", "ECONNRESET", ("reset", None, ["reset"])),
)


def say(error):
    print("end", errno.errorcode.get(error, error), flush=True)


def connect(how, port):
    """Without waiting; SO_ERROR or connect(2) tells how it ended."""
    sys.stdin.readline()
    client = socket.socket()
    client.setblocking(False)
    error = client.connect_ex((THERE, port))
    if error == errno.EINPROGRESS:
        poll = select.poll()
        poll.register(client, select.POLLOUT)
        poll.poll()
        error = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if how == "ask" else errno.EALREADY
    while error == errno.EALREADY:
        time.sleep(0.01)
        error = client.connect_ex((THERE, port))
    say(error)
    client.close()


def talk(how, port):
    client = socket.create_connection((THERE, port))
    if how == "user-timeout":
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1000)
    if how == "keep-alive":
        client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT):
            client.setsockopt(socket.IPPROTO_TCP, option, 1)
    client.sendall(b"hello")
    client.recv(5, socket.MSG_WAITALL)
    print("connected", client.getsockname()[1], flush=True)
    sys.stdin.readline()
    error = 0
    try:
        if how != "keep-alive":
            client.sendall(b"again")
        client.recv(5)
    except OSError as failure:
        error = failure.errno
    say(error)
    client.close()


def set_rules(before, hook, rules):
    result = run(before + [need("nft"), "-f", "-"], stdin="table inet %s {\n chain %s {\n  type filter hook %s priority 0;\n%s }\n}\n" % (
        hook, hook, hook, "".join("  %s\n" % rule for rule in rules)))
    if result.status:
        raise Skip("nft cannot do this here: " + result.err.strip().splitlines()[0])


def client_of(*words):
    return Process([sys.executable, os.path.abspath(__file__)] + [str(word) for word in words], stdin=subprocess.PIPE)


def release(clients, errors):
    for client in clients:
        client.line()
    equal([client.wait() for client in clients], [0] * len(clients), "their ends")
    equal([client.out.split()[-1] for client in clients], list(errors), "the errors that the programs got")


@test("an attempt that does not wait and that ICMP or a RST ends: RESULT and ERRNO as the program reads them")
def attempts():
    inside = other_host()
    # Each is answered, and at once.
    must(inside + ["sh", "-c", "echo 0 >/proc/sys/net/ipv4/icmp_ratelimit"])
    set_rules(inside, "input", ["tcp dport %d reject with %s" % (7000 + at, answer[0]) for at, answer in enumerate(ANSWERS)])
    played = [(how, at) for how in ("ask", "again") for at in range(len(ANSWERS))]
    clients = [client_of("connect", how, 7000 + at) for how, at in played]
    trace = by_bpf([client.pid for client in clients])
    release(clients, [ANSWERS[at][2] for _, at in played])
    rows = sorted((row["pid"], row["rport"], row["result"], row["errno"], row["state"]) for row in trace.finish())
    equal(rows, sorted((client.pid, 7000 + at) + ANSWERS[at][1:] + ("closed",) for client, (_, at) in zip(clients, played)),
          "rows")


@test("a connection that is given up, by data or keep-alive, is closed by timeout or reset; a RST made here is not the peer's")
def given_up():
    inside, port = other_host(), scratch("port")
    lib.sysctl("net.ipv4.tcp_retries2", 2)
    Process(inside + [sys.executable, ECHO, "echo", port])
    clients = [client_of("talk", end[0], wait_file(port)) for end in ENDS]
    wait_for(lambda: all("connected" in client.out for client in clients), "the connections")
    ports = [int(client.out.split()[1]) for client in clients]
    trace = by_bpf([client.pid for client in clients])
    for hook, before in (("input", inside), ("output", [])):
        set_rules(before, hook, ["tcp sport %d %s" % (ports[at], end[2]) for at, end in enumerate(ENDS) if end[1] == hook])
    release(clients, [end[3] for end in ENDS])
    rows = {row["lport"]: row for row in trace.finish()}
    for at, end in enumerate(ENDS):
        row = rows[ports[at]]
        equal((row["state"], row["close"], row["why"], row["rx_bytes"]), end[4] + (5,), "%s: %s" % (end[:3], short(row)))


if __name__ == "__main__":
    if sys.argv[1:2] == ["connect"]:
        connect(sys.argv[2], int(sys.argv[3]))
    elif sys.argv[1:2] == ["talk"]:
        talk(sys.argv[2], int(sys.argv[3]))
    else:
        lib.need_bpf()
        lib.enter_namespace(flags="-n")
        main()
