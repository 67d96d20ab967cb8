# SPDX-License-Identifier: GPL-2.0-or-later
"""What logs cost: the same connections in a log of audit and in one of strace, and the bytes that are read in a second."""
import os
import statistics

# pylint: disable=import-error
from lib import require, scratch
from packets import conntrace

CONNECTIONS = 200000
BEGIN = 1700000000


def audit_lines(number):
    """One connection of 100 processes to 1,000 peers: socket, connect, close."""
    process, peer = 1000 + number % 100, number % 1000
    body = ("success=yes exit=%%d a0=%%x a1=%%x a2=10 a3=0 items=0 ppid=1 pid=%d auid=4294967295 uid=33 gid=33 euid=33 suid=33 fsuid=33 "
            "egid=33 sgid=33 fsgid=33 tty=(none) ses=4294967295 comm=\"client\" exe=\"/usr/bin/client\" subj=unconfined key=\"net\"" % process)
    for offset, (call, words, result) in enumerate(((41, (2, 1), 3), (42, (3, 0), 0), (3, (3, 0), 0))):
        stamp = "msg=audit(%d.%03d:%d):" % (BEGIN + number // 1000, number % 1000, 3 * number + offset + 1)
        yield "type=SYSCALL %s arch=c000003e syscall=%d %s\n" % (stamp, call, body % ((result,) + words))
        if call == 42:
            yield "type=SOCKADDR %s saddr=020001BB0A00%04X0000000000000000\n" % (stamp, peer)
        yield "type=PROCTITLE %s proctitle=\"client\"\n" % stamp


def strace_lines(number):
    process, peer = 1000 + number % 100, number % 1000
    words = ("socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 3",
             "connect(3, {sa_family=AF_INET, sin_port=htons(443), sin_addr=inet_addr(\"10.0.%d.%d\")}, 16) = 0" % divmod(peer, 256),
             "close(3) = 0")
    for offset, text in enumerate(words):
        yield "%d %d.%03d%03d %s <0.000012>\n" % (process, BEGIN + number // 1000, number % 1000, offset, text)


def logs(rounds):
    """Processor time of all processes of conntrace, as bytes in a second of it."""
    print("Logs of %d connections, each with socket, connect and close" % CONNECTIONS)
    for option, lines in (("--audit-log", audit_lines), ("--strace-log", strace_lines)):
        path = scratch("log")
        with open(path, "w", encoding="ascii") as file:
            for number in range(CONNECTIONS):
                file.writelines(lines(number))
        size = os.path.getsize(path)
        costs = []
        for _ in range(rounds):
            done, rows, _ = conntrace([option, path])
            require(sum(row["ok"] for row in rows) == CONNECTIONS, "%s: %s" % (option, rows[:3]))
            costs.append(done)
        seconds = statistics.median(done.seconds for done in costs)
        cpu = statistics.median(done.cpu for done in costs)
        print("  conntrace %-14s %6.1f MB in %5.2f s, %5.2f s CPU: %4.0f MB/s, %4.0f MB in a second of CPU, %d KiB" % (
            option, size / 1e6, seconds, cpu, size / 1e6 / seconds, size / 1e6 / cpu, max(done.kib for done in costs)))
        os.unlink(path)
    print()
