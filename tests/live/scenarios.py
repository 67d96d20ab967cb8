# SPDX-License-Identifier: GPL-2.0-or-later
"""The scenarios of matrix.py: who does what, and what the rows must say of it."""
import collections
import re
import socket

import deaths
import lib
from lib import MKCONN

MODES = ("launched", "attached", "diag", "perf", "bpf")
TRACED = MODES[:2]
# Where the sockets are sampled.
SAMPLED = MODES[2:4]
# "perf" takes a kernel that allows it, "bpf" root: perf_scenarios.py and bpf.py play them.
AS_USER = MODES[:3]
SECTIONS = (("births", "Births"), ("processes", "Processes and programs"), ("passed", "Descriptors that travel"),
            ("deaths", "Deaths"), ("never", "Never a row"))
SCENARIOS = []
NO_CALLS = "no call is seen: the listener gives the owner of the connection, and the kernel's counters the rest."
WATCHED = {"tid/fd/last_pid": NO_CALLS, "rx_bytes/tx_bytes/close/state": "closing is not watched, and destroy events do "
           "not always show it; the end of a process is known by its FIN, as `lfin`."}
FORKED = "a child that lives between two samples may accept on the listener of the known process: the one that " \
         "accepted is reported only if it is proven, the holder of the connection is LAST_PID."
HELD = "held open until conntrace has reported it, because a connection that no listener of the target accepts is found " \
       "by samples (`--look-ms`); shorter ones are counted, as tests/live/diag.py proves."
NO_OUTCOME = "only the program gets the outcome of an attempt: RESULT is `unknown` and ERRNO `-`."
OUTCOMES = "timed out|by ICMP|given up|an attempt under way"
NOT_BY_LOOKING = {
    "refused|unreachable by a route|no route": "an attempt that fails at once is over before a sample.",
    "^(reset before a byte was sent|linger 0, then exit); the accepting": "a connection that the other side resets at once is "
    "over before a sample, and its final counters lack the port of the other end.",
    "no-io-uring": "it is an error with `--via=diag`, which stops no call and so refuses none.",
    "^another network namespace": "sockets and destroy events of another network namespace are not listed for this one; "
    "it is entered with CAP_SYS_ADMIN if all processes are there, else conntrace says so (tests/live/diag_namespace.py).",
}
NOT_BY_BREAKPOINTS = {name: why.replace("--via=diag", "--via=perf") for name, why in NOT_BY_LOOKING.items()} | {
    "refused|unreachable by a route|no route": "the program of the scenario makes it in the first moment after execve(2), which "
    "has no breakpoints; of a program that runs already each is a row with its errno (tests/live/perf.py).",
    "^a Go ": "a program of Go makes its system calls itself, and is refused.",
}
NOT_BY_BPF = {
    "MPTCP": "the counters of MPTCP sockets are not read by BPF, so their bytes are `-`.",
    "no-io-uring": "it is an error with `--via=bpf`, which stops no call and so refuses none.",
}
BOTH = ("127.0.0.1", "[::1]")


class Scenario:
    """One scenario.

    traced: the words (mkconn.c) of the traced program; older: of programs beside it that begin before it; others: of
    those that begin with it. {address} is the address family's loopback address, {port} a file with a port, {path}
    more files. expected: what rows must say beside or instead of what the program knew, a dictionary, or a function of
    the truth; a tuple allows any of its members. unknown: {mode: {columns: why}}, columns that may be unknown.
    count: connections. judge: a function of the stage, rows and truth, instead of the comparison.
    """
    ANY = object()

    def __init__(self, section, name, traced="", others=(), older=(), expected=None, unknown=None, count=1, status=0,
                 addresses=BOTH, modes=TRACED, absent="", options="", judge=None, program=None, command=None,
                 keywords=None, meanwhile=None, values=None,
                 setup=None, begins_before=False,
                 after=None, not_watched=""):
        self.section, self.name, self.traced = section, name, traced
        self.not_watched = not_watched
        self.is_watchable = (traced.startswith("serve ") or self.listens_first(traced, others) and not program) and \
            not (judge or command or keywords or status)
        self.others = [others] if isinstance(others, str) else others
        self.older = [older] if isinstance(older, str) else older
        self._expected, self.unknown, self.count, self.status = expected or {}, unknown or {}, count, status
        self.addresses, self.modes, self.absent, self.options, self.judge = addresses, modes, absent, options, judge
        self.program = program or (lambda: MKCONN)
        self.command = command or (lambda stage, argv: argv)
        self.keywords = keywords or (lambda stage: {})
        self.meanwhile = meanwhile or (lambda stage, trace: None)
        self.values = values or (lambda stage: {})
        self.after = after or (lambda stage: None)
        self.begins_before = begins_before
        self.setup = setup or (lambda stage: None)
        # What a listener of the target accepts is its own however short; anything else is held open until it is seen.
        self.is_held = not self.is_watchable or self.has_children() or bool(not_watched)
        SCENARIOS.append(self)

    @staticmethod
    def listens_first(traced, others):
        """Whether it waits for others. Then it can be watched before they begin, without stops."""
        return others and traced.split("port-file={port}")[0].strip() in ("listen={address}:0", "fastopen listen={address}:0")

    def expected(self, fact):
        return self._expected(fact) if callable(self._expected) else self._expected

    def unknown_of(self, mode):
        """{columns: why}"""
        if mode == "bpf":
            return {}
        if mode not in SAMPLED:
            return self.unknown.get(mode, {})
        unknown = {} if self.section == "never" else dict(WATCHED)
        if self.has_children() or "unshare" in self.name or "namespace" in self.name or self.name.startswith("vfork"):
            unknown["pid"] = FORKED
        if mode == "perf" and self.name.startswith("a listener received"):
            unknown["pid"] = FORKED
        if re.search(OUTCOMES, self.name):
            unknown["result/errno/laddr/syn_rtx"] = NO_OUTCOME
        return unknown

    def unknown_columns(self, mode):
        return {column for columns in self.unknown_of(mode) for column in columns.split("/")}

    def modes_played(self):
        return self.modes + tuple(mode for mode in SAMPLED if not self.why_not_sampled(mode)) + (
            () if self.why_not_bpf() else ("bpf",))

    def why_not_sampled(self, mode):
        """None: it is played."""
        for names, why in (NOT_BY_LOOKING if mode == "diag" else NOT_BY_BREAKPOINTS).items():
            if re.search(names, self.name):
                return why
        return None

    def why_not_bpf(self):
        """None: it is played."""
        for names, why in NOT_BY_BPF.items():
            if re.search(names, self.name):
                return why
        return None

    def why_absent(self, mode):
        if mode == "bpf":
            return self.why_not_bpf()
        return self.why_not_sampled(mode) if mode in SAMPLED else self.absent

    def has_children(self):
        return any(word in self.traced for word in ("fork", "clone="))


SERVER = "listen={address}:0 port-file={port} "
CLIENT = "connect={address}:@{port} "
# The other side of most scenarios: it waits for the end, or makes it.
SERVE = SERVER + "accept recv-all close"
CALL = CLIENT + "send=10 close"

# --- births --------------------------------------------------------------------------------------------------------

for how in ("accept", "accept4", "accept-null", "accept4-null", "accept-short", "accept4-short"):
    Scenario("births", {"accept-null": "accept without room for the address (NULL)",
                     "accept4-null": "accept4 without room for the address (NULL)",
                     "accept-short": "accept with room for four bytes of the address",
                     "accept4-short": "accept4 with room for four bytes of the address"}.get(how, how),
          SERVER + how + " recv-all send=20 close", CLIENT + "send=10 shutdown recv-all close")
Scenario("births", "accept on descriptor 0", "listen={address}:0 port-file={port} free=0 accept recv-all close", CALL,
      expected={"fd": 0})
Scenario("births", "25 threads blocked in accept on one listener",
      SERVER + "threads=25 accept4 recv-all close done join", "threads=25 " + CALL + " done", count=25)
Scenario("births", "four workers forked before they accept",
      SERVER + "fork=4 count=5 accept recv=10 send=5 recv-all close done done join",
      "threads=4 count=5 " + CLIENT + "send=10 recv=5 close done done", count=20)


def end_workers(stage, _):
    lib.wait_for(lambda: len(lib.read_truth(stage.truth_path)) >= stage.scenario.count, "all to be served")
    lib.touch(stage.path("done"))


Scenario("births", "three workers with a SO_REUSEPORT listener each",
      "fork=3 reuseport listen={address}:7000 port-file={port} forever accept recv-all close done done "
      "wait-file={path[done]} exit=0", "threads=3 count=4 " + CALL + " done done", count=12, meanwhile=end_workers)

Scenario("births", "connect, blocking", CLIENT + "send=10 close", SERVE)
Scenario("births", "connect, non-blocking, asked by SO_ERROR", "nonblock " + CLIENT + "poll so-error send=10 close", SERVE)
Scenario("births", "connect, non-blocking, never asked", "nonblock " + CLIENT + "poll send=10 close", SERVE)
Scenario("births", "connect, non-blocking, asked by connect", "nonblock " + CLIENT + "poll connect-again send=10 close",
      SERVE)
Scenario("births", "connect of a bound socket", "bind={address}:7001 " + CALL, SERVE, expected={"lport": 7001})


REFUSED = {"result": "refused", "errno": "ECONNREFUSED", "rx_bytes": 0, "tx_bytes": 0}
UNASKED = {"result": ("refused", "unknown"), "errno": ("ECONNREFUSED", None)}
Scenario("births", "connect refused, blocking", "connect={address}:9 close", expected=REFUSED)
Scenario("births", "connect refused, non-blocking, asked", "nonblock connect={address}:9 poll so-error close",
      expected=REFUSED)
Scenario("births", "connect refused, non-blocking, never asked", "nonblock connect={address}:9 poll close",
      expected=REFUSED)


def blackhole(stage):
    lib.short_timeouts()
    lib.firewall("tcp dport 7 drop")


TIMEOUT = {"result": "timeout", "errno": "ETIMEDOUT", "syn_rtx": 1}
Scenario("births", "connect timed out, blocking", "connect={address}:7 close", setup=blackhole, expected=TIMEOUT)
Scenario("births", "connect timed out, non-blocking, asked", "nonblock connect={address}:7 poll so-error close",
      setup=blackhole, expected=TIMEOUT)
Scenario("births", "connect timed out, non-blocking, never asked", "nonblock connect={address}:7 poll close",
      setup=blackhole, expected={"result": ("timeout", "unknown"), "errno": ("ETIMEDOUT", None), "syn_rtx": 1})


def unreachable(_):
    lib.must(["ip", "route", "replace", "unreachable", "203.0.113.0/24"])
    lib.must(["ip", "-6", "route", "replace", "unreachable", "2001:db8::/32"])


Scenario("births", "connect unreachable by a route", "connect={far}:9 close", setup=unreachable,
      expected={"result": "error", "errno": "EHOSTUNREACH"},
      values=lambda stage: {"far": "203.0.113.1" if stage.address == BOTH[0] else "[2001:db8::1]"})
Scenario("births", "connect unreachable, no route at all", "nonblock connect={far}:9 close",
      expected={"result": "error", "errno": "ENETUNREACH"},
      values=lambda stage: {"far": "203.0.113.1" if stage.address == BOTH[0] else "[2001:db8::1]"})


def rejected(_):
    lib.firewall("tcp dport 8 meta nfproto ipv4 reject with icmp type host-unreachable",
                 "tcp dport 8 meta nfproto ipv6 reject with icmpv6 type addr-unreachable")


Scenario("births", "connect unreachable by ICMP", "connect={address}:8 close", setup=rejected,
      expected={"result": "unreach", "errno": "EHOSTUNREACH"})

ABORT = {"result": "abort", "errno": None}
Scenario("births", "connect given up by close", "nonblock connect={address}:7 abandon", setup=blackhole, expected=ABORT)
Scenario("births", "connect given up by exit", "nonblock connect={address}:7 exit=3", setup=blackhole, expected=ABORT,
      status=3)
Scenario("births", "connect given up by kill -9", "nonblock connect={address}:7 kill9", setup=blackhole, expected=ABORT,
      status=-9)
Scenario("births", "connect given up by connect(AF_UNSPEC)", "nonblock connect={address}:7 disconnect",
      setup=blackhole, expected=ABORT)


def slow_answer(_):
    """The first SYN is lost: an answer takes a second."""
    lib.firewall("tcp dport 7002 counter name seen drop")


def answer(stage, _):
    lib.wait_for(lambda: lib.firewall_count() >= 1, "the first SYN")
    lib.firewall_off()


SLOW = "listen={address}:7002 port-file={port} accept recv-all close"
Scenario("births", "connect interrupted (EINTR), then waited for by poll",
      "interrupt=100 " + CLIENT + "poll so-error send=10 close", older=SLOW, setup=slow_answer, meanwhile=answer)
Scenario("births", "connect interrupted (EINTR), then called again",
      "interrupt=100 " + CLIENT + "connect-again send=10 close", older=SLOW, setup=slow_answer, meanwhile=answer)
Scenario("births", "connect interrupted and restarted (SA_RESTART)", "interrupt-restart=100 " + CLIENT + "send=10 close",
      older=SLOW, setup=slow_answer, meanwhile=answer)
Scenario("births", "connect called again while under way (EALREADY)",
      "nonblock " + CLIENT + "connect-again poll so-error send=10 close", older=SLOW, setup=slow_answer,
      meanwhile=answer)

Scenario("births", "a refused socket connects again", "connect={address}:9 again " + CLIENT + "send=10 close", SERVE,
      count=2, expected=lambda fact: REFUSED if fact["rport"] == 9 else {})
Scenario("births", "connect(AF_UNSPEC), then connect again", CLIENT + "send=10 recv=5 disconnect " + CLIENT +
      "send=11 recv=5 close", SERVER + "count=2 accept recv=10 send=5 wait-hup close done", count=2,
      # The server leaves a byte unread, so it resets what the client has closed.
      expected=lambda fact: {"close": ("lfin", "rrst", None), "state": lib.ENDED + ("reset", None)}
      if fact["tx_bytes"] == 11 else {})
Scenario("births", "an attempt under way, connect(AF_UNSPEC), then connect again",
      "nonblock connect={address}:7 disconnect " + CLIENT + "poll so-error send=11 close", SERVE, setup=blackhole,
      count=2, expected=lambda fact: ABORT if fact["rport"] == 7 else {})


def fast_open(_):
    lib.sysctl("net.ipv4.tcp_fastopen", 3)


FAST_SERVE = "fastopen " + SERVER + "count=3 accept recv=10 send=5 close done"
for how in ("sendto", "sendmsg", "sendmmsg"):
    Scenario("births", "TCP Fast Open by %s, without and with a cookie" % how,
          "count=3 fast=%s:10 " % how + CLIENT + "recv-all close done", older=FAST_SERVE, setup=fast_open, count=3)
Scenario("births", "TCP Fast Open by sendto, non-blocking",
      "nonblock count=2 fast=sendto:0 " + CLIENT + "poll so-error send=10 recv-all close done",
      older="fastopen " + SERVER + "count=2 accept recv=10 send=5 close done", setup=fast_open, count=2)
Scenario("births", "TCP Fast Open by TCP_FASTOPEN_CONNECT",
      "count=3 fast=connect:0 " + CLIENT + "send=10 poll recv-all close done", older=FAST_SERVE, setup=fast_open, count=3)
Scenario("births", "TCP Fast Open refused", "fast=sendto:10 connect={address}:9 close", expected=REFUSED)
Scenario("births", "TCP Fast Open accepted", FAST_SERVE, "count=3 fast=sendto:10 " + CLIENT + "recv-all close done",
      setup=fast_open, count=3)



def child_ends(stage, _):
    """While the SYN waits for its answer a child ends: SIGCHLD, which the program ignores."""
    lib.wait_file(stage.path("first"))
    lib.firewall("tcp flags & (syn|ack) == syn|ack counter name seen drop")
    lib.touch(stage.path("second"))
    lib.wait_for(lambda: lib.firewall_count() >= 1, "the answer to be lost")
    lib.touch(stage.path("end"))
    lib.wait_file(stage.path("ending"))
    lib.firewall_off()


def sent_once(stage, rows, _truth):
    lib.equal([(row["result"], row["tx_bytes"]) for row in rows], [("ok", 10)] * 2, "rows")
    lib.equal([fact["rx_bytes"] for fact in stage.others[0].truth()], [10, 10], "what the other side got")


Scenario("births", "TCP Fast Open by sendto, disturbed by a signal that the program ignores: sent once",
      "fast=sendto:10 " + CLIENT + "recv-all close fork=1 wait-file={path[end]} touch={path[ending]} done "
      "touch={path[first]} wait-file={path[second]} fast=sendto:10 " + CLIENT + "recv-all close join",
      "fastopen " + SERVER + "count=2 accept recv=10 shutdown recv-all close done", setup=fast_open, meanwhile=child_ends,
      judge=sent_once)

Scenario("births", "TCP Fast Open by TCP_FASTOPEN_CONNECT, disturbed by a signal that the program ignores: sent once",
      "fast=connect:0 " + CLIENT + "send=10 recv-all close fork=1 wait-file={path[end]} touch={path[ending]} done "
      "touch={path[first]} wait-file={path[second]} fast=connect:0 " + CLIENT + "send=10 recv-all close join",
      "fastopen " + SERVER + "count=2 accept recv=10 shutdown recv-all close done", setup=fast_open, meanwhile=child_ends,
      judge=sent_once)
Scenario("births", "self-connect", "bind={address}:7003 connect={address}:7003 send=10 recv=10 close",
      expected={"lport": 7003, "close": Scenario.ANY, "state": Scenario.ANY})


def crossing(_):
    lib.firewall("tcp dport {{ 7004, 7005 }} tcp flags syn counter name seen drop".replace("{{", "{").replace("}}", "}"))


def cross(_stage, _trace):
    lib.wait_for(lambda: lib.firewall_count() >= 2, "both SYNs")
    lib.firewall_off()


Scenario("births", "simultaneous open",
      "fork=1 bind={address}:7004 connect={address}:7005 send=10 recv=20 close done fork=1 bind={address}:7005 "
      "connect={address}:7004 send=20 recv=10 close done join", setup=crossing, meanwhile=cross, count=2,
      expected={"close": Scenario.ANY, "dir": "out"})

# --- processes -------------------------------------------------------------------------------------------------------

Scenario("processes", "accept by raw syscall(2)", "by=syscall " + SERVER + "accept recv-all send=20 close",
      CLIENT + "send=10 shutdown recv-all close")
Scenario("processes", "connect by raw syscall(2)", "by=syscall " + CALL, SERVE)
for flags in ("plain", "files", "fs,files,io,sysvsem", "vm", "vm,files,fs", "vm,vfork", "vm,vfork,files",
              "vm,sighand,files,fs", "clone3", "clone3,files", "parent"):
    Scenario("processes", "clone with the flags " + flags.replace(",", ", "),
          SERVER + "clone=" + flags + " accept recv-all close done join accept recv-all close",
          "count=2 " + CALL + " done", count=2) if flags != "parent" else None
for flags in ("untraced", "clone3,untraced", "vm,files,untraced"):
    Scenario("processes", "clone with the flags " + flags.replace(",", ", ") + ": traced all the same",
          SERVER + "clone=" + flags + " accept recv-all close done join accept recv-all close",
          "count=2 " + CALL + " done", count=2)
Scenario("processes", "vfork, then exec", SERVER + "vfork accept recv-all close done join accept recv-all close",
      "count=2 " + CALL + " done", count=2)
Scenario("processes", "exec from a thread that does not lead its group",
      SERVER + "threads=1 exec accept recv-all close", CALL)
Scenario("processes", "exec from a thread, with a connection open",
      SERVER + "threads=1 accept recv=5 exec recv-all close", CLIENT + "send=5 send=10 close",
      expected=lambda fact: {"rx_bytes": 15})


BORN_UNSEEN = "its begin was not seen, so shutdown(2) may have been called before, and then the counters alone " \
              "do not show the side that closed first."
OWN = "listen={address}:0 fork=1 accept recv-all close done connect=self send=10 close join"


def no_rows(_stage, rows, _truth):
    lib.equal(rows, [], "rows")


I386 = lib.built("mkconn-i386", ["gcc", "-m32", "-idirafter", "/usr/include/x86_64-linux-gnu", "-D_GNU_SOURCE", "-pthread"], lib.MKCONN_SOURCES)
GO = lib.built("scenario-go", ["go", "build"], ["scenario.go"])

for title, words, program in (("an i386 program", "", I386), ("an i386 program, by socketcall(2)", "by=socketcall ", I386),
                              ("an i386 program, by the direct calls", "by=syscall ", I386), ("a static musl program", "", lib.MUSL)):
    Scenario("processes", title + ": accept and connect", words + OWN, count=2, program=program)
    Scenario("processes", title + ": non-blocking connect, refused", words + "nonblock connect={address}:9 poll so-error close",
          program=program, expected=REFUSED)
    Scenario("processes", title + ": Fast Open, threads, fork, half-close",
          words + "fastopen " + SERVER + "fork=2 count=2 accept recv-all send=20 close done done "
          "threads=2 count=2 fast=sendto:10 connect=self shutdown recv-all close done done join", program=program, count=8, setup=fast_open)
Scenario("processes", "a Go server under a storm of SIGURG", "serve {address} {port} 20",
      ("threads=20 " + CLIENT + "send=10 shutdown recv-all close done"), program=GO, count=20)
Scenario("processes", "a Go client under a storm of SIGURG", "call {address} {port} 20",
      (SERVER + "threads=20 accept recv-all send=20 close done"), program=GO, count=20)

URING_SERVED = (CLIENT + "count=5 send=10 shutdown recv-all close done").replace(CLIENT + "count=5", "count=5 " + CLIENT)
LOOKING = "direct descriptors are found in the list of all sockets of the host, which is read for at most a tenth of the " \
          "time; a connection accepted meanwhile is `u` in SEEN and known by its final counters alone."


def found_or_not(stage, rows, _truth):
    """Direct, so that only the kernel's list of all sockets has it: right or not there, unless it waits to be found.

    Without waiting it may be found with data under way, when the counters do not tell who opened it.
    """
    waits = stage.mode in SAMPLED
    lib.check(all((row["tx_bytes"], row["comm"]) == (10, "uring") and row["dir"] in ("out", "out" if waits else None) and
                  row["rx_bytes"] in (20, None if waits else 20) for row in rows) and len(rows) in (1, 1 if waits else 0),
              "rows: " + " ".join(map(lib.short, rows)))


Scenario("processes", "io_uring: accept, receive, send, close", "serve {address} {port} 5 fd", URING_SERVED, count=5,
      program=lib.URING, expected={"tid": None}, unknown={mode: {"close/state": BORN_UNSEEN} for mode in TRACED})
Scenario("processes", "io_uring: connect, send, shutdown, receive, close", "call {address} {port} 5 fd",
      SERVER + "count=5 accept recv-all send=20 close done", count=5, program=lib.URING, expected={"tid": None},
      unknown={mode: {"close/state": BORN_UNSEEN} for mode in TRACED})
Scenario("processes", "io_uring, direct descriptors: accept, receive, send, close", "serve {address} {port} 5 direct",
      URING_SERVED, count=5, program=lib.URING, expected={"tid": None, "fd": None},
      unknown={mode: {"close/state": BORN_UNSEEN, "pid/rx_bytes": LOOKING} for mode in TRACED})
Scenario("processes", "io_uring, direct descriptors: connect, send, shutdown, receive, close",
      "call {address} {port} 1 direct", SERVER + "accept recv-all send=20 close", program=lib.URING, judge=found_or_not,
      unknown={mode: {"the row": LOOKING} for mode in TRACED})
Scenario("processes", "`--no-io-uring`: a program that has nothing else ends", "serve {address} {port} 1 fd", program=lib.URING,
      options="--no-io-uring", status=77, modes=("launched",), judge=no_rows,
      absent="a filter cannot be installed in a running process.")

NO_COUNTERS = "destroy events do not report MPTCP sockets, so their counters (Linux 6.5) are read at close(2), if that is " \
              "a stop (`--watch-close`)."
NO_FINS = "destroy events do not report MPTCP sockets, and the effect of close(2) is unknown at its entry."
MPTCP = dict(expected={"proto": "mptcp"}, unknown={"launched": {"rx_bytes/tx_bytes/close/state": NO_COUNTERS},
                                                   "attached": {"close/state": NO_FINS}})
Scenario("processes", "MPTCP on both sides: PROTO is mptcp", "mptcp " + OWN, count=2, **MPTCP)
Scenario("processes", "MPTCP: several connections of one listener, each with its own ends",
      "mptcp " + SERVER + "count=3 accept recv-all send=20 close done",
      "mptcp count=3 " + CLIENT + "send=10 shutdown recv-all close done", count=3, **MPTCP)
Scenario("processes", "MPTCP, megabytes both ways, open when the process ends", "mptcp " + SERVER +
      "accept recv=3000000 send=5000001 recv=1 exit=0",
      "mptcp " + CLIENT + "send=3000000 recv=5000001 send=1 recv-all close",
      expected={"proto": "mptcp", "close": ("exit", None), "state": Scenario.ANY})
Scenario("processes", "an MPTCP client that falls back to TCP: PROTO is mptcp", "mptcp " + CALL, SERVE, **MPTCP)
Scenario("processes", "an MPTCP listener that accepts plain TCP: PROTO is tcp",
      "mptcp " + SERVER + "accept recv-all send=20 close", CLIENT + "send=10 shutdown recv-all close",
      expected={"proto": "tcp"})

FAR = "destroy events do not come from another network namespace, and a launched command is not stopped at close(2) " \
      "without `--watch-close`."
FAR_CLOSE = "destroy events do not come from another network namespace, and the effect of close(2), a FIN or a RST, " \
            "is unknown at its entry."


Scenario("processes", "another network namespace", OWN,
      command=lambda stage, argv: ["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"] + argv, count=2,
      unknown={"launched": {"rx_bytes/tx_bytes/close/state": FAR}, "attached": {"close/state": FAR_CLOSE}})
Scenario("processes", "another PID namespace: PID in the namespace of conntrace", OWN,
      command=lambda stage, argv: lib.unshared("-pf") + argv, count=2)
Scenario("processes", "another mount namespace", OWN, command=lambda stage, argv: lib.unshared("-m") + argv, count=2)
Scenario("processes", "another user namespace", OWN, command=lambda stage, argv: lib.unshared("-U") + argv, count=2)
Scenario("processes", "targets that talk to each other: a row each", OWN, count=2)

# --- descriptors that travel -----------------------------------------------------------------------------------------

for how in ("dup", "dup2", "dup3", "fcntl", "fcntl-cloexec", "pidfd"):
    name = {"fcntl": "fcntl(F_DUPFD)", "fcntl-cloexec": "fcntl(F_DUPFD_CLOEXEC)", "pidfd": "pidfd_getfd"}.get(how, how)
    Scenario("passed", "duplicated by %s, the first closed" % name,
          SERVER + "accept recv=10 moved=%s send=20 recv-all close" % how,
          CLIENT + "send=10 recv=20 send=5 shutdown recv-all close")
    Scenario("passed", "duplicated by %s, then exit" % name,
          CLIENT + "send=10 moved=%s recv=20 exit=0" % how,
          SERVER + "accept recv=10 send=20 recv-all close")


def channel(stage):
    """Both ends of a Unix socket, for programs that are not related."""
    if not stage.channel:
        stage.channel = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    return stage.channel


def inherit_both(stage):
    return {"pass_fds": [end.fileno() for end in channel(stage)]}


def ends(stage):
    return {"here": channel(stage)[0].fileno(), "there": channel(stage)[1].fileno()}


def either(fact):
    """Who used it last shows only if he is seen to use it."""
    return {"last_pid": (fact["last_pid"], None)}


Scenario("passed", "passed by SCM_RIGHTS between two targets",
      SERVER + "channel fork=1 take recv=10 send=20 recv-all close done accept recv=5 pass join",
      CLIENT + "send=15 recv=20 close", expected=either)
Scenario("passed", "passed by SCM_RIGHTS with MSG_CMSG_CLOEXEC: LAST_PID is the receiver",
      SERVER + "channel fork=1 take-cloexec recv=10 send=20 recv-all close done accept recv=5 pass join",
      CLIENT + "send=15 recv=20 close")
Scenario("passed", "passed by SCM_RIGHTS and open at the receiver's exit",
      SERVER + "channel fork=1 take recv=10 send=20 recv-all exit=0 done accept recv=5 pass join",
      CLIENT + "send=15 recv=20 close")
UNSEEN = "recvmsg(2) is a stop only with MSG_CMSG_CLOEXEC, so that programs that receive data alone run at full speed; a " \
         "descriptor received without it is found when the process ends, if it is still open."
FROM_OTHER = dict(others=(SERVER + "accept recv=5 channel-fd={here} pass", CLIENT + "send=15 recv=20 close"),
                  keywords=inherit_both, values=ends,
                  expected=lambda fact: {"pid": fact["last_pid"], "last_pid": None, "tid": None, "fd": Scenario.ANY},
                  unknown={mode: {"close/state": BORN_UNSEEN} for mode in TRACED})
Scenario("passed", "received by SCM_RIGHTS from a process that is not traced, MSG_CMSG_CLOEXEC",
      "channel-fd={there} take-cloexec recv=10 send=20 recv-all close", **FROM_OTHER)
Scenario("passed", "received by SCM_RIGHTS from a process that is not traced, open at exit",
      "channel-fd={there} take recv=10 send=20 recv-all exit=0", **FROM_OTHER)
Scenario("passed", "received by SCM_RIGHTS from a process that is not traced, closed",
      "channel-fd={there} take recv=10 send=20 recv-all close", modes=("attached",), absent=UNSEEN, **FROM_OTHER)
Scenario("passed", "a listener received by SCM_RIGHTS",
      "channel-fd={there} take-listener accept recv-all close", (SERVER + "channel-fd={here} pass-listener", CALL),
      keywords=inherit_both, values=ends)


def listener(stage):
    """A listener that the program inherits, as a service manager hands it over."""
    if not stage.listener:
        stage.listener = socket.create_server((stage.address.strip("[]"), 0), family=socket.AF_INET6
                                              if ":" in stage.address else socket.AF_INET)
        with open(stage.port_path, "w", encoding="ascii") as file:
            file.write(str(stage.listener.getsockname()[1]))
    return stage.listener


Scenario("passed", "a listener inherited over exec (socket activation)",
      "adopt-listener={listener} count=3 accept recv-all close done", "count=3 " + CALL + " done", count=3,
      keywords=lambda stage: {"pass_fds": [listener(stage).fileno()]},
      values=lambda stage: {"listener": listener(stage).fileno()})


def connected(stage):
    """A connection that the program inherits, as a server of inetd does."""
    if not stage.connected:
        stage.client = socket.create_connection(listener(stage).getsockname()[:2])
        stage.connected = listener(stage).accept()[0]
        stage.client.sendall(bytes(10))
    return stage.connected


def hang_up(stage, _):
    stage.connected.close()
    stage.client.shutdown(socket.SHUT_WR)
    stage.client.recv(100)
    stage.client.close()


Scenario("passed", "a connection inherited over exec (inetd): p in SEEN",
      "adopt={connected}:in:0:0:0:0:{connected} recv-all send=20 close",
      keywords=lambda stage: {"pass_fds": [connected(stage).fileno()]},
      values=lambda stage: {"connected": connected(stage).fileno()}, meanwhile=hang_up,
      expected=lambda fact: {"pid": fact["last_pid"], "last_pid": None, "tid": None, "seen": ("skp", "kp")},
      unknown={"launched": {"close/state": BORN_UNSEEN}})
Scenario("passed", "shared by fork: the parent and two children close it, the last of three goes on",
      SERVER + "accept recv=10 fork=2 drop done join fork=1 wait-file={path[go]} send=20 recv-all close done drop "
      "touch={path[go]} join", CLIENT + "send=10 recv=20 close", expected=either)
Scenario("passed", "shared by fork: the last of three ends by exit", SERVER + "accept recv=10 fork=2 drop done join "
      "fork=1 wait-file={path[go]} send=20 exit=0 done drop touch={path[go]} join", CLIENT + "send=10 recv-all close")
# The parent may close it before the end of the child is known: then it is unknown who ended it.
Scenario("passed", "shared by fork: a child exits with it, the parent goes on and closes",
      CLIENT + "send=10 clone=plain done join recv=20 close", SERVER + "accept recv=10 send=20 recv-all close",
      expected={"close": ("lfin", None)})
Scenario("passed", "shared by fork: a child exits with it, the parent goes on and exits",
      CLIENT + "send=10 clone=plain done join recv=20 exit=0", SERVER + "accept recv=10 send=20 recv-all close")

NEVER_OLDER = "the command did not run before conntrace."
OLDER = dict(begins_before=True, modes=("attached",), absent=NEVER_OLDER)
Scenario("births", "a listener older than the run", SERVER + "touch={path[before]} wait-stdin accept recv-all close",
      CLIENT + "send=10 close", **OLDER)
Scenario("births", "a connection accepted before the run: p in SEEN",
      SERVER + "accept recv=10 send=20 touch={path[before]} wait-stdin recv=5 send=6 recv-all close",
      CLIENT + "send=10 recv=20 send=5 recv=6 close", expected={"tid": None, "seen": "skp"}, **OLDER)
Scenario("births", "a connection opened before the run: p in SEEN",
      CLIENT + "send=10 recv=20 touch={path[before]} wait-stdin send=5 recv=6 close",
      SERVER + "accept recv=10 send=20 recv=5 send=6 recv-all close", expected={"tid": None, "seen": "skp"}, **OLDER)
Scenario("births", "an attempt begun before the run",
      "nonblock connect={address}:7002 touch={path[before]} wait-stdin poll so-error send=10 close", older=SLOW,
      setup=slow_answer, meanwhile=answer, expected={"tid": None, "seen": "skp"}, **OLDER)

# --- deaths ----------------------------------------------------------------------------------------------------------

WIPED = "a reset clears the kernel's counters, and their values before it are known only if close(2) is a stop " \
        "(`--watch-close`)."


def closes(end):
    """Without packets it is not always proven that the other side, and not this host's kernel, has made a reset."""
    words = tuple(end.close.split("|"))
    return words + (None,) * ("rrst" in words or words == ("lrst", "lfin"))


def states(end):
    """A RST that only a mini socket has sent is not seen."""
    if end.close == "lrst|lfin":
        return lib.ENDED + ("reset", None)
    return "reset" if end.reset else lib.ENDED + ("reset",) * ("wait-hup" in end.words)


for name, server, client in deaths.SCENARIOS:
    for side, end, other in (("accepting", server, client), ("connecting", client, server)):
        words = {server: SERVER + "accept4 ", client: CLIENT}
        words = {who: ("cloexec " if "exec" in who.words else "") + first + " ".join(who.words)
                 for who, first in words.items()}
        Scenario("deaths", "%s; the %s side traced" % (name, side), words[end], words[other], status=end.status,
              expected=lambda fact, end=end: dict(
                  {column: value for column, value in (("rx_bytes", end.rx), ("tx_bytes", end.tx))
                   if value is not deaths.ANY},
                  close=closes(end), state=states(end)),
              unknown={"launched": {"rx_bytes/tx_bytes/close/state": WIPED}} if end.reset else None,
              not_watched=WIPED if end.reset else "")
AGAIN = "the TIME_WAIT socket or close(2) shows whether the peer's FIN is in the count, and the former is gone when the " \
        "ports are used again (`--watch-close`)."


def all_served(stage, _):
    lib.wait_for(lambda: len(stage.others[0].out.splitlines()) == 8, "all to be served")
    lib.touch(stage.path("go"))


def all_exited(stage, rows, _truth):
    lib.equal(sorted((row["dir"], row["result"], row["rx_bytes"], row["tx_bytes"], row["close"]) for row in rows),
              [("in", "ok", 10, 20, "lfin" if stage.mode in SAMPLED else "exit")] * 8, "rows")
    lib.equal(len({(row["rport"], row["tid"], row["fd"]) for row in rows}), 8, "ports, threads, descriptors")
    lib.check(all(row["raddr"] == stage.address.strip("[]") for row in rows), "RADDR")


Scenario("deaths", "exit_group with eight threads, each with a connection open",
      SERVER + "threads=8 accept recv=10 send=20 wait-file={path[never]} done wait-file={path[go]} exit=4",
      "threads=8 " + CLIENT + "send=10 recv=20 say=served wait-hup close done", status=4, judge=all_exited,
      meanwhile=all_served)
Scenario("deaths", "the main thread has ended, another goes on, accepts and closes",
      SERVER + "threads=1 accept recv-all close done thread-exit", CALL)
Scenario("deaths", "the main thread has ended, another goes on and exits with it open",
      SERVER + "threads=1 accept recv=10 send=5 exit=0 done thread-exit", CLIENT + "send=10 recv-all close")


def idle(stage, trace):
    """Until all has moved; then the run ends and the connection lives on."""
    lib.wait_file(stage.path("idle"))
    if stage.mode != "launched":
        trace.signal(lib.signal.SIGINT)


def still_open(_stage, rows, _truth):
    lib.equal([(row["dir"], row["result"], row["rx_bytes"], row["tx_bytes"], row["state"], row["close"], row["fd"])
               for row in rows], [("in", "ok", 10, 20, "ESTABLISHED", None, 4)], "rows")


Scenario("deaths", "idle, and still open when the run ends",
      SERVER + "accept recv=10 send=20 touch={path[idle]} wait-hup close",
      CLIENT + "send=10 recv=20 wait-file={path[over]} close", meanwhile=idle, judge=still_open, options="-d 1",
      after=lambda stage: lib.touch(stage.path("over")))


def same_ports(stage, rows, _truth):
    # Watched without being stopped, one that begins and ends between two looks of a busy machine is counted only.
    missed = min(rows.summary["too_short"], 4) if stage.mode in SAMPLED else 0
    lib.between(len(rows), 5 - missed, 5, "rows")
    lib.equal([(row["lport"], row["raddr"], row["rport"], row["result"], row["tx_bytes"]) for row in rows],
              [(rows[0]["lport"], stage.address.strip("[]"), 7006, "ok", 20)] * len(rows), "rows")
    lib.equal(len({row["cookie"] for row in rows}), len(rows), "cookies")
    # Who closed first shows in TIME_WAIT or in a look at close(2), and the former is gone once the port is used again.
    for row in rows:
        lib.check(row["rx_bytes"] in (10, None) and row["close"] in ("lfin", None), lib.short(row))


Scenario("deaths", "the same pair of ports used again at once, five times",
      SERVER + "count=5 accept recv=10 send=20 close done",
      "count=5 bind={address}:7006 " + CLIENT + "send=10 recv-all close done", judge=same_ports,
      unknown={"launched": {"rx_bytes/close": AGAIN}})


def never_mixed(stage, rows, _truth):
    """Two threads close each other's descriptors: a row may not know, but never has another connection's numbers."""
    # The kernel may give a client the port of an earlier one.
    clients = collections.Counter(fact["lport"] for fact in lib.read_truth(stage.path("clients")))
    lib.equal(len(rows), 100, "rows")
    lib.equal(collections.Counter(row["rport"] for row in rows if row["rport"]) - clients, collections.Counter(),
              "ports more often than the clients had them")
    for row in rows:
        lib.check((row["rport"] is not None and row["rx_bytes"] in (0, 10, None)) or "?" in row["seen"], lib.short(row))


Scenario("deaths", "two threads that close each other's descriptors: contradictions are shown, nothing is mixed up",
      SERVER + "threads=2 count=50 accept forget-it free=4 free=5 done done join".replace("forget-it", "lose"),
      "truth={path[clients]} count=100 " + CLIENT + "send=10 wait-hup close done", judge=never_mixed)

# --- never -----------------------------------------------------------------------------------------------------------


Scenario("never", "connect of a UDP socket", "udp={address}:9", judge=no_rows)
Scenario("never", "connect of a Unix socket", "unix=/nonexistent", judge=no_rows)
Scenario("never", "descriptors passed that are no TCP sockets", "channel channel fork=1 take-listener done pass-listener",
      judge=no_rows) if False else None
