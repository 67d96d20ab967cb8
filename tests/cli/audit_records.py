# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls as the records of the kernel's audit, in every form in which logs keep them.

The forms follow auditd(8), auditd.conf(5) (log_format), ausearch(8), journalctl(1), dmesg(1) and the plugin for syslog.
"""
import json
import re
import socket
import struct
import time

ARCHES = {"x86_64": 0xc000003e, "i386": 0x40000003, "aarch64": 0xc00000b7}
NUMBERS = {
    "x86_64": {"socket": 41, "connect": 42, "accept": 43, "bind": 49, "listen": 50, "accept4": 288, "close": 3, "openat": 257,
               "dup": 32, "shutdown": 48, "sendto": 44, "clone": 56, "execve": 59},
    "aarch64": {"socket": 198, "connect": 203, "accept": 202, "bind": 200, "listen": 201, "accept4": 242, "close": 57,
                "openat": 56, "dup": 23, "shutdown": 210, "sendto": 206, "clone": 220, "execve": 221},
    "i386": {"close": 6, "openat": 295, "dup": 41, "clone": 120, "execve": 11},
}
SOCKETCALL = {"socket": 1, "bind": 2, "connect": 3, "listen": 4, "accept": 5, "sendto": 11, "shutdown": 13, "accept4": 18}
ERRORS = {111: ("ECONNREFUSED", "Connection refused"), 115: ("EINPROGRESS", "Operation now in progress"),
          101: ("ENETUNREACH", "Network is unreachable"), 2: ("ENOENT", "No such file or directory")}
GARBAGE = b"\x7f\x00\xde\xad\xbe\xef\x00\x01"
BEGIN = 1700000000


def address(ip, port):
    """A socket address as in memory; sin_zero is not cleared."""
    if ":" in ip:
        return struct.pack("<H", 10) + struct.pack(">H", port) + bytes(4) + socket.inet_pton(socket.AF_INET6, ip) + bytes(4)
    return struct.pack("<H", 2) + struct.pack(">H", port) + socket.inet_pton(socket.AF_INET, ip) + GARBAGE


def unix(path):
    return struct.pack("<H", 1) + path + b"\0" + GARBAGE


class Call:
    """A call: what its records say."""

    def __init__(self, name, pid, args, result, saddr=None, comm="client", exe="/usr/bin/client", ms=0, uid=1000, arch="x86_64",
                 wait=0):
        self.name, self.pid, self.args, self.result, self.saddr = name, pid, args, result, saddr
        self.comm, self.exe, self.ms, self.uid, self.arch, self.wait = comm, exe, ms, uid, arch, wait
        self.serial = 0


def quoted(text):
    """As the kernel writes a string that others chose (audit_log_untrustedstring)."""
    if re.search(r'["\x00-\x20\x7f-\xff]', text):
        return text.encode("latin1").hex().upper()
    return '"%s"' % text


def raw_fields(call):
    """The records of a call: type, fields, fields that the enriched form adds."""
    is_old = call.arch == "i386" and call.name in SOCKETCALL
    number = 102 if is_old else NUMBERS[call.arch][call.name]
    args = [SOCKETCALL[call.name], 0xffbc1230, 0, 0] if is_old else list(call.args) + [0] * (4 - len(call.args))
    body = ("arch=%x syscall=%d success=%s exit=%d a0=%x a1=%x a2=%x a3=%x items=0 ppid=1 pid=%d auid=4294967295 uid=%d "
            "gid=%d euid=%d suid=%d fsuid=%d egid=%d sgid=%d fsgid=%d tty=(none) ses=4294967295 comm=%s exe=%s "
            "subj=unconfined key=(null)" %
            ((ARCHES[call.arch], number, "yes" if call.result >= 0 else "no", call.result) + tuple(args) +
             (call.pid,) + (call.uid,) * 8 + (quoted(call.comm), quoted(call.exe))))
    names = 'ARCH=%s SYSCALL=%s AUID="unset" UID="u%d" GID="u%d" EUID="u%d"' % (
        call.arch, "socketcall" if is_old else call.name, call.uid, call.uid, call.uid)
    records = [("SYSCALL", body, names)]
    if is_old:
        records.append(("SOCKETCALL", "nargs=%d " % len(call.args) +
                        " ".join("a%d=%x" % item for item in enumerate(call.args)), None))
    if call.saddr is not None:
        records.append(("SOCKADDR", "saddr=" + call.saddr.hex().upper(), "SADDR=" + said_address(call.saddr, "saddr_fam")))
    records.append(("PROCTITLE", "proctitle=" + quoted(call.comm + "\0-x"), None))
    return records


def said_address(saddr, family):
    kind = struct.unpack("<H", saddr[:2])[0]
    if kind == 2:
        return "{ %s=inet laddr=%s lport=%d }" % (family, socket.inet_ntop(socket.AF_INET, saddr[4:8]),
                                                  struct.unpack(">H", saddr[2:4])[0])
    if kind == 10:
        return "{ %s=inet6 laddr=%s lport=%d }" % (family, socket.inet_ntop(socket.AF_INET6, saddr[8:24]),
                                                   struct.unpack(">H", saddr[2:4])[0])
    return "{ %s=local path=/run/x }" % family


def interpreted_fields(call, family):
    """The records as ausearch -i has them: names instead of numbers."""
    is_old = call.arch == "i386" and call.name in SOCKETCALL
    records = []
    for kind, body, _ in raw_fields(call):
        if kind == "SYSCALL":
            body = re.sub("arch=[0-9a-f]+", "arch=" + call.arch, body)
            body = re.sub("syscall=[0-9]+", "syscall=" + ("socketcall" if is_old else call.name), body)
            if call.result < 0:
                body = re.sub("exit=-[0-9]+", "exit=%s(%s)" % ERRORS[-call.result], body)
            body = re.sub(r"\b(a[0-3])=([0-9a-f]+)", r"\1=0x\2", body)
            if is_old:
                body = re.sub("a0=0x[0-9a-f]+", "a0=" + call.name, body)
            elif call.name == "socket":
                body = re.sub("a0=0x2 ", "a0=inet ", re.sub("a0=0xa ", "a0=inet6 ", body))
                body = re.sub("a1=0x1 ", "a1=SOCK_STREAM ", re.sub("a1=0x2 ", "a1=SOCK_DGRAM ", body))
            body = re.sub(r"\b([a-z]*[ug]id)=[0-9]+", r"\1=user", body)
            body = re.sub("comm=[^ ]+ exe=[^ ]+", lambda _: "comm=%s exe=%s" % (call.comm, call.exe), body)
        elif kind == "SOCKADDR":
            body = "saddr=" + said_address(call.saddr, family)
        elif kind == "PROCTITLE":
            body = "proctitle=%s -x" % call.comm
        records.append((kind, body))
    return records


def stamp(call):
    return "%d.%03d:%d" % (BEGIN + call.ms // 1000, call.ms % 1000, call.serial)


TYPES = {"SYSCALL": 1300, "SOCKETCALL": 1304, "SOCKADDR": 1306, "PROCTITLE": 1327}


def raw(calls, line="type=%(name)s msg=audit(%(stamp)s): %(body)s", without=()):
    return [line % {"name": kind, "number": TYPES[kind], "stamp": stamp(call), "body": body, "clock": clock(call)}
            for call in calls for kind, body, _ in raw_fields(call) if kind not in without]


def enriched(calls, separator):
    lines = []
    for call in calls:
        for kind, body, more in raw_fields(call):
            lines.append("type=%s msg=audit(%s): %s%s" % (kind, stamp(call), body, separator + more if more else ""))
    return lines


def calls_of(calls):
    """The call of each record."""
    return [call for call in calls for _ in raw_fields(call)]


def journal_entry(call, line):
    """As systemd-journald takes a record from audit (journald-audit.c), with fields of other kinds around."""
    return json.dumps({"PRIORITY": "5", "_TRANSPORT": "audit", "_HOSTNAME": "web1.example", "MESSAGE": line,
                       "SYSLOG_IDENTIFIER": ["audit", "x}"], "_AUDIT_TYPE": str(TYPES[line.split(" ")[0]]),
                       "_AUDIT_ID": str(call.serial), "_SOURCE_REALTIME_TIMESTAMP": str((BEGIN * 1000 + call.ms) * 1000),
                       "_MORE": {"x": None}, "__CURSOR": None})


def clock(call):
    return time.strftime("%b %d %H:%M:%S", time.gmtime(BEGIN + call.ms // 1000))


def ausearch(calls, date="%m/%d/%Y %H:%M:%S", family="saddr_fam"):
    """ausearch -i in a time zone that is UTC: from the last record to the first, behind a line of dashes."""
    lines = []
    for call in calls:
        lines.append("----")
        when = "%s.%03d:%d" % (time.strftime(date, time.gmtime(BEGIN + call.ms // 1000)), call.ms % 1000, call.serial)
        lines += ["type=%s msg=audit(%s) : %s " % (kind, when, body)
                  for kind, body in reversed(interpreted_fields(call, family))]
    return lines


def ausearch_plain(calls):
    """ausearch without -i: the same order, and the time of the event in a line of its own."""
    lines = []
    for call in calls:
        lines += ["----", "time->" + time.asctime(time.gmtime(BEGIN + call.ms // 1000))]
        lines += list(reversed(raw([call])))
    return lines


def interleaved(calls):
    """Events of several processes at once: the records of each stay in order."""
    queues = [raw([call]) for call in calls]
    lines = []
    while any(queues):
        active = [queue for queue in queues if queue][:3]
        for queue in active:
            lines.append(queue.pop(0))
    return lines


FORMS = {
    "raw": raw,
    "without PROCTITLE": lambda calls: raw(calls, without=("PROCTITLE",)),
    "with EOE": lambda calls: [line for call in calls for line in
                               raw([call], without=("PROCTITLE",)) + ["type=EOE msg=audit(%s): " % stamp(call)]],
    "enriched": lambda calls: enriched(calls, "\x1d"),
    "enriched, the separator lost": lambda calls: enriched(calls, ""),
    "ausearch": ausearch_plain,
    "ausearch -i": ausearch,
    "ausearch -i of the locale C": lambda calls: ausearch(calls, "%m/%d/%y %H:%M:%S"),
    "ausearch -i with dots": lambda calls: ausearch(calls, "%d.%m.%Y %H:%M:%S"),
    "ausearch -i, year first": lambda calls: ausearch(calls, "%Y-%m-%d %H:%M:%S"),
    "ausearch -i, former names": lambda calls: ausearch(calls, family="fam"),
    "node=": lambda calls: raw(calls, "node=web1.example type=%(name)s msg=audit(%(stamp)s): %(body)s"),
    "dmesg": lambda calls: raw(calls, "[   12.345678] audit: type=%(number)d audit(%(stamp)s): %(body)s"),
    "syslog of the kernel": lambda calls: raw(calls, "%(clock)s web1 kernel: type=%(number)d audit(%(stamp)s): %(body)s"),
    "journalctl -k": lambda calls: raw(calls, "%(clock)s web1 kernel: audit: type=%(number)d audit(%(stamp)s): %(body)s"),
    "journalctl -o json": lambda calls: list(map(journal_entry, calls_of(calls), raw(calls, "%(name)s %(body)s"))),
    "journalctl -k -o json": lambda calls: [json.dumps({"_TRANSPORT": "kernel", "MESSAGE": line}) for line in raw(
        calls, "audit: type=%(number)d audit(%(stamp)s): %(body)s")],
    "with a byte order mark": lambda calls: [b"\xef\xbb\xbf".decode("latin1") + raw(calls)[0]] + raw(calls)[1:],
    "audispd": lambda calls: raw(calls, "%(clock)s web1 audispd: type=%(name)s msg=audit(%(stamp)s): %(body)s"),
    "audisp-syslog": lambda calls: raw(calls, "%(clock)s web1 audisp-syslog[7]: node=web1 type=%(name)s "
                                              "msg=audit(%(stamp)s): %(body)s"),
    "UNKNOWN[]": lambda calls: raw(calls, "type=UNKNOWN[%(number)d] msg=audit(%(stamp)s): %(body)s"),
    "grep of several files": lambda calls: ["/var/log/audit/audit.log.2:" + line for line in raw(calls)],
    "grep -n": lambda calls: ["%d:%s" % pair for pair in enumerate(raw(calls), 1)],
    "zgrep -n of several files": lambda calls: ["audit.log.1.gz:%d:%s" % pair for pair in enumerate(ausearch(calls), 1)],
    "interleaved": interleaved,
    "with carriage returns": lambda calls: [line + "\r" for line in raw(calls)],
}


def numbered(calls):
    """Serial numbers, in the order in which the calls returned."""
    for index, call in enumerate(calls):
        call.serial = 4000 + index
    return calls


def scenario(arch="x86_64"):
    """Connections of three programs over IPv4 and IPv6, beside calls that are none."""
    client, web, server = {"pid": 4711}, {"pid": 4712, "comm": "Web Content", "exe": "/opt/my web/bin"}, {
        "pid": 500, "comm": "nginx", "exe": "/usr/sbin/nginx", "uid": 33}
    calls = [
        Call("socket", args=(2, 1, 6), result=6, ms=10, **server),
        Call("bind", args=(6, 0x7ffc, 16), result=0, saddr=address("0.0.0.0", 80), ms=11, **server),
        Call("listen", args=(6, 511), result=0, ms=12, **server),
        Call("openat", args=(0xffffff9c, 0x5555), result=-2, ms=13, **client) if arch != "i386" else
        Call("close", args=(99,), result=0, ms=13, **client),
        Call("socket", args=(2, 1, 6), result=3, ms=100, **client),
        Call("connect", args=(3, 0x7ffc, 16), result=0, saddr=address("192.0.2.1", 443), ms=123, **client),
        Call("socket", args=(2, 2, 0), result=4, ms=130, **client),
        Call("connect", args=(4, 0x7ffc, 16), result=0, saddr=address("192.0.2.53", 53), ms=131, **client),
        Call("socket", args=(10, 1, 6), result=5, ms=200, **web),
        Call("connect", args=(5, 0x7ffc, 28), result=-111, saddr=address("2001:db8::1", 8080), ms=201, **web),
        Call("accept", args=(6, 0x7ffc, 0x7ff8), result=9, saddr=address("198.51.100.7", 40000), ms=300, **server),
        Call("accept4", args=(6, 0x7ffc, 0x7ff8), result=10, saddr=address("198.51.100.7", 40001), ms=310, **server),
        Call("connect", args=(7, 0x7ffc, 110), result=0, saddr=unix(b"/run/nscd"), ms=311, **client),
        Call("socket", args=(2, 1 | 0o4000, 6), result=8, ms=400, **client),
        Call("connect", args=(8, 0x7ffc, 16), result=-115, saddr=address("192.0.2.1", 443), ms=401, **client),
        Call("close", args=(3,), result=0, ms=2123, **client),
    ]
    for call in calls:
        call.arch = arch
    return numbered(calls)


def truth():
    """What conntrace -O RADDR,RPORT,LPORT,DIR,RESULT,PID,COMM,EXE,FD,SEEN says of it, sorted."""
    client = ["4711", "client", "/usr/bin/client"]
    server = ["500", "nginx", "/usr/sbin/nginx"]
    return sorted([
        ["192.0.2.1", "443", "-", "out", "ok"] + client + ["3", "a"],
        ["192.0.2.1", "443", "-", "out", "unknown"] + client + ["8", "a"],
        ["2001:db8::1", "8080", "-", "out", "refused", "4712", "Web\\x20Content", "/opt/my\\x20web/bin", "5", "a"],
        ["198.51.100.7", "40000", "80", "in", "ok"] + server + ["9", "a"],
        ["198.51.100.7", "40001", "80", "in", "ok"] + server + ["10", "a"],
    ])


def text(lines):
    return ("\n".join(lines) + "\n").encode("latin1")
