# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's audit, for the tests: what auditctl(8) would say and do."""
import os
import socket
import struct

from lib import Skip, need, run, scratch, write_file

NETLINK_AUDIT = 9
AUDIT_GET, AUDIT_SET, AUDIT_ADD_RULE, AUDIT_DEL_RULE, AUDIT_LIST_RULES = 1000, 1001, 1011, 1012, 1013
NLMSG_ERROR, NLMSG_DONE = 2, 3
STATUS_ENABLED, STATUS_FAILURE = 1, 2
STATUS_BACKLOG_LIMIT = 0x10
FILTER_TASK, NEVER, FILTER_EXCLUDE, MSGTYPE, SYSCALL, EQUAL = 1, 0, 5, 12, 1300, 0x40000000
FILTER_EXIT, ALWAYS, FIELD_ARCH, PID = 4, 2, 11, 0
# The architecture and its numbers of calls (linux/audit.h, asm/unistd.h).
ARCHES = {"x86_64": (0xc000003e, {"socket": 41, "connect": 42, "accept": 43, "bind": 49, "listen": 50, "accept4": 288}),
          "aarch64": (0xc00000b7, {"socket": 198, "connect": 203, "accept": 202, "bind": 200, "listen": 201, "accept4": 242})}


class Audit:
    """The kernel's audit as auditctl(8) sees it."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_AUDIT)

    def ask(self, kind, payload, wanted):
        """Return: the payloads of the answers of kind @wanted, up to the end of a list or the only one."""
        self.socket.send(struct.pack("<IHHII", 16 + len(payload), kind, 0x5, 1, 0) + payload)
        answers = []
        while True:
            answer = self.socket.recv(65536)
            found = struct.unpack_from("<H", answer, 4)[0]
            if found == NLMSG_ERROR:
                error = struct.unpack_from("<i", answer, 16)[0]
                if error:
                    raise OSError(-error, os.strerror(-error))
                if wanted is None:
                    return answers
            elif found == NLMSG_DONE:
                return answers
            else:
                answers.append(answer[16:])
                if found == AUDIT_GET:
                    return answers

    def status(self):
        """Return: enabled, failure, rate limit and backlog limit."""
        values = struct.unpack_from("<6I", self.ask(AUDIT_GET, b"", AUDIT_GET)[0])
        return values[1], values[2], values[4], values[5]

    def rules(self):
        return self.ask(AUDIT_LIST_RULES, b"", AUDIT_LIST_RULES)

    def calls(self):
        """The rules that record calls: not those that only say that audit was switched off before (process 0)."""
        return [rule for rule in self.rules() if (PID, 0) not in self.fields(rule)]

    @staticmethod
    def fields(rule):
        """The numbers of fields of a rule and their values, as in struct audit_rule_data."""
        count = struct.unpack_from("<I", rule, 8)[0]
        return list(zip(struct.unpack_from("<%dI" % count, rule, 268), struct.unpack_from("<%dI" % count, rule, 524)))

    def set(self, mask, enabled=0, failure=1, backlog_limit=0):
        self.ask(AUDIT_SET, struct.pack("<10I", mask, enabled, failure, 0, 0, backlog_limit, 0, 0, 0, 0), None)

    @staticmethod
    def rule(where, action, field=None, value=0, calls=None):
        mask = [0xffffffff] * 64
        if calls is not None:
            mask = [0] * 64
            for number in calls:
                mask[number // 32] |= 1 << number % 32
        return struct.pack("<3I64I64I64I64II", where, action, 1 if field else 0, *mask, field or 0, *[0] * 63, value, *[0] * 63,
                           EQUAL if field else 0, *[0] * 63, 0)

    def add(self, rule):
        self.ask(AUDIT_ADD_RULE, rule, None)

    def remove(self, rule):
        self.ask(AUDIT_DEL_RULE, rule, None)


NEVER_TASK = Audit.rule(FILTER_TASK, NEVER)
EXCLUDE = Audit.rule(FILTER_EXCLUDE, NEVER, MSGTYPE, SYSCALL)


class Logged:
    """The calls of connections in the kernel's own log, while it exists; dmesg(1) has it.

    Without auditd(8) the kernel prints its records. Its buffer is small, so close(2) is not in the rule. A process is seen if
    it was started after audit was first switched on.
    """

    def __init__(self):
        with open("/proc/sys/kernel/printk_ratelimit", "w", encoding="ascii") as file:
            file.write("0\n")
        run([need("dmesg"), "--clear"])
        arch, numbers = ARCHES[os.uname().machine]
        self.rule = Audit.rule(FILTER_EXIT, ALWAYS, FIELD_ARCH, arch, numbers.values())
        try:
            self.audit = Audit()
            self.audit.set(STATUS_ENABLED | STATUS_BACKLOG_LIMIT, enabled=1, backlog_limit=8192)
        except OSError as error:
            raise Skip("no audit in this kernel: %s" % error) from None
        self.audit.add(self.rule)

    def end(self):
        """Return: the path of the log."""
        self.audit.remove(self.rule)
        self.audit.set(STATUS_ENABLED)
        return write_file(scratch("log"), run([need("dmesg")]).out)
