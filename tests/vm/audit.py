#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--audit-log with records that a kernel made: the same connections as conntrace reports of the same programs.

Without auditd(8) the kernel prints its records, and dmesg(1) is the log. Its buffer is small, so close(2) is not in the
rule. A process is seen if it was started after audit was first switched on.
"""
import os
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../live"))
from lib import (CONNTRACE, MKCONN, Skip, Trace, check, equal, main, need, parse_rows, run, scratch, skip_all, test, write_file)

LIMIT = 240
NETLINK_AUDIT = 9
AUDIT_SET, AUDIT_ADD_RULE, AUDIT_DEL_RULE, NLMSG_ERROR = 1001, 1011, 1012, 2
FILTER_EXIT, ALWAYS, FIELD_ARCH, EQUAL = 4, 2, 11, 0x40000000
# The architecture and its numbers of calls (linux/audit.h, asm/unistd.h).
ARCHES = {"x86_64": (0xc000003e, {"socket": 41, "connect": 42, "accept": 43, "bind": 49, "listen": 50, "accept4": 288}),
          "aarch64": (0xc00000b7, {"socket": 198, "connect": 203, "accept": 202, "bind": 200, "listen": 201, "accept4": 242})}


class Audit:
    """The kernel's audit, switched on with a rule for some calls, and off again."""

    def __init__(self):
        try:
            self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_AUDIT)
            self.ask(AUDIT_SET, self.status(1))
        except OSError as error:
            raise Skip("no audit in this kernel: %s" % error)
        arch, numbers = ARCHES[os.uname().machine]
        mask = [0] * 64
        for number in numbers.values():
            mask[number // 32] |= 1 << number % 32
        fields = [FIELD_ARCH] + [0] * 63
        values = [arch] + [0] * 63
        operators = [EQUAL] + [0] * 63
        self.rule = struct.pack("<3I64I64I64I64II", FILTER_EXIT, ALWAYS, 1, *mask, *fields, *values, *operators, 0)
        self.ask(AUDIT_ADD_RULE, self.rule)

    @staticmethod
    def status(enabled):
        """Enabled, and room for records: mask, enabled, failure, pid, rate limit, backlog limit and what is not set."""
        return struct.pack("<10I", 0x1 | 0x10, enabled, 0, 0, 0, 8192, 0, 0, 0, 0)

    def ask(self, kind, payload):
        self.socket.send(struct.pack("<IHHII", 16 + len(payload), kind, 0x5, 1, 0) + payload)
        while True:
            answer = self.socket.recv(65536)
            if struct.unpack_from("<H", answer, 4)[0] == NLMSG_ERROR:
                error = struct.unpack_from("<i", answer, 16)[0]
                if error:
                    raise OSError(-error, os.strerror(-error))
                return

    def end(self):
        self.ask(AUDIT_DEL_RULE, self.rule)
        self.ask(AUDIT_SET, self.status(0))
        self.socket.close()


def key(row):
    """A connection as both know it: a log has no local port of a connect, and no outcome of one that did not wait."""
    return tuple(str(part) for part in (row["pid"], row["comm"], row["dir"], row["raddr"], row["rport"], row["result"], row["fd"]))


def exchange(address, count):
    return [MKCONN, "truth=" + scratch("truth"), "listen=%s:0" % address, "fork=1", "count=%d" % count, "connect=self", "send=10",
            "recv-all", "close", "done", "done", "count=%d" % count, "accept", "recv=10", "send=20", "close", "done", "join"]


@test("dmesg is the log: each connection over IPv4 and IPv6, accepted, opened and refused, with its owner")
def real():
    with open("/proc/sys/kernel/printk_ratelimit", "w", encoding="ascii") as file:
        file.write("0\n")
    run([need("dmesg"), "--clear"])
    audit = Audit()
    wanted = []
    try:
        for words in (exchange("127.0.0.1", 5), exchange("[::1]", 5),
                      [MKCONN, "truth=" + scratch("truth"), "connect=127.0.0.1:7", "close", "connect=[::1]:9", "close"]):
            wanted += [key(row) for row in Trace([], words).finish(limit=LIMIT)]
    finally:
        audit.end()
    log = scratch("log")
    write_file(log, run([need("dmesg")]).out)
    result = run([CONNTRACE, "-j", "-z", "conns", "--audit-log", log], limit=LIMIT)
    pids = {row[0] for row in wanted}
    found = [key(row) for row in parse_rows(result.out) if str(row["pid"]) in pids]
    equal(len(wanted), 22, "connections by conntrace")
    equal(sorted(found), sorted(wanted), "connections by audit and by conntrace; %s" % result.err)
    check("counted as TCP" not in result.err or "lost" in result.err, "sockets of unknown kind: " + result.err)


if __name__ == "__main__":
    if not os.environ.get("CONNTRACE_VM"):
        skip_all("only in the virtual machine of make check-vm")
    main()
