#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""doc/SOURCES.md: one nginx and its clients, reported by each source that works here: the same connections per peer, and the
columns that the document says.

    tests/live/sources.py --write     prints the document, with the sources that work here
"""
import json
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../vm"))
import lib
from lib import (CONNTRACE, HERE, THERE, Process, Trace, attach, check, enter_namespace, equal, main, must, need, need_all,
                 other_host, read_file, require, scratch, test, wait_for, watch, write_file)

LIMIT = 240
PORT, BACKEND, CLOSED = 8080, 9000, 9
GETS = 4
PLACES = ("loopback", "network")
REPORT = ["-z", "peers"]
DOCUMENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../doc/SOURCES.md")
CONFIG = """
daemon off; master_process off; pid %(top)s/pid; error_log %(top)s/error.log crit;
events { worker_connections 64; }
http {
    access_log off; %(paths)s keepalive_timeout 0;
    server {
        listen %(address)s:%(port)d;
        location / { return 200 "a line\\n"; }
        location /up { proxy_pass http://%(peer)s:%(backend)d; }
        location /refused { proxy_pass http://%(peer)s:%(closed)d; }
    }
}
"""
# In the other network namespace it is a process of its own: one request after the other, and the server that nginx asks.
CLIENT = """
import socket, sys, threading
nginx, own, port, backend, gets = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])
listener = socket.create_server((own, backend))
def answer():
    connection = listener.accept()[0]
    connection.recv(4096)
    connection.sendall(b"HTTP/1.0 200 OK\\r\\nContent-Length: 3\\r\\n\\r\\nyes")
    while connection.recv(4096):
        pass
    connection.close()
thread = threading.Thread(target=answer, daemon=True)
thread.start()
for path, wanted in [("/", b"200")] * gets + [("/up", b"200"), ("/refused", b"502")]:
    connection = socket.create_connection((nginx, port), source_address=(own, 0))
    connection.sendall(b"GET %s HTTP/1.0\\r\\n\\r\\n" % path.encode())
    whole = b""
    while piece := connection.recv(4096):
        whole += piece
    connection.close()
    assert whole.split()[1] == wanted, whole
thread.join()
"""


class Scene:
    """An nginx that has not been started, and its peer on this host or on another one."""

    def __init__(self, place):
        self.place = place
        self.inside = other_host() if place == "network" else []
        self.device = "here" if self.inside else "lo"
        self.address, self.peer = (HERE, THERE) if self.inside else ("127.0.0.1", "127.0.0.2")
        self.top = scratch("nginx")
        os.makedirs(self.top)
        paths = " ".join("%s_temp_path %s/%s;" % (name, self.top, name) for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        config = write_file(self.top + "/conf", CONFIG % {"top": self.top, "paths": paths, "address": self.address, "port": PORT,
                                                          "peer": self.peer, "backend": BACKEND, "closed": CLOSED})
        self.argv = [need("nginx"), "-p", self.top, "-c", config]

    def wait(self):
        # In LISTEN: connections of the nginx before it are in TIME_WAIT.
        wait_for(lambda: ":%04X 00000000:0000 0A" % PORT in read_file("/proc/net/tcp"), "nginx", LIMIT)

    def pid(self):
        """Of nginx, whoever has started it."""
        return int(read_file(self.top + "/pid"))

    def start(self):
        nginx = Process(self.argv)
        self.wait()
        return nginx

    def visit(self):
        """The clients come, one after the other, until nginx has ended all connections."""
        client = Process(self.inside + [sys.executable, "-c", CLIENT, self.address, self.peer, str(PORT), str(BACKEND), str(GETS)])
        equal(client.wait(LIMIT), 0, "the clients: " + client.err)

    def stop(self):
        os.kill(self.pid(), signal.SIGQUIT)

    def launched(self, options):
        trace = Trace(options + REPORT, self.argv)
        self.wait()
        self.visit()
        self.stop()
        return trace.finish(limit=LIMIT)

    def attached(self, begin):
        nginx = self.start()
        trace = begin(nginx.pid)
        self.visit()
        self.stop()
        return trace.finish(limit=LIMIT)

    def replayed(self, option, path):
        return Trace([option, path] + REPORT).finish(limit=LIMIT)


# ---- the sources ------------------------------------------------------------------------

def by_packets(scene):
    nginx = scene.start()
    trace = Trace(["-i", scene.device, "--filter", "tcp"] + REPORT)
    wait_for(lambda: any("Seccomp:\t2" in read_file("/proc/%d/status" % pid) for pid in lib.children(trace.pid)),
             "the packet process", LIMIT)
    scene.visit()
    scene.stop()
    nginx.wait(LIMIT)
    trace.signal(signal.SIGINT)
    return trace.finish(limit=LIMIT)


def by_strace_log(scene):
    log = scratch("log")
    strace = Process([need("strace"), "-f", "-ttt", "-T", "-yy", "-e", "trace=%net,%process,close,dup,dup2,dup3,fcntl", "-o", log] + scene.argv)
    scene.wait()
    scene.visit()
    scene.stop()
    strace.wait(LIMIT)
    return scene.replayed("--strace-log", log)


def by_audit(scene):
    return scene.launched(["--via=audit"])


def by_audit_log(scene):
    from kernel_audit import Logged    # pylint: disable=import-outside-toplevel
    logged = Logged()
    try:
        nginx = scene.start()
        scene.visit()
        scene.stop()
        nginx.wait(LIMIT)
    finally:
        log = logged.end()
    return scene.replayed("--audit-log", log)


def by_stap(script):
    def rows(scene):
        from stap_script import Script    # pylint: disable=import-outside-toplevel
        nginx = scene.start()
        module = Script(script, "events=1")
        scene.visit()
        scene.stop()
        nginx.wait(LIMIT)
        module.finish()
        return scene.replayed("--replay", module.path)
    return rows


SOURCES = {
    "launched": ("conntrace -- nginx", lambda scene: scene.launched([])),
    "ptrace": ("--via=ptrace -p PID", lambda scene: scene.attached(lambda pid: attach([pid], REPORT, runner=[]))),
    "bpf": ("--via=bpf -p PID", lambda scene: scene.attached(lambda pid: lib.by_bpf([pid], REPORT))),
    "diag": ("--via=diag -p PID", lambda scene: scene.attached(lambda pid: watch([pid], REPORT, before=()))),
    "perf": ("--via=perf -p PID", lambda scene: scene.attached(lambda pid: watch([pid], ["--via=perf"] + REPORT, before=()))),
    "packets": ("-i INTERFACE", by_packets),
    "audit": ("--via=audit -- nginx", by_audit),
    "audit log": ("--audit-log=FILE", by_audit_log),
    "strace log": ("--strace-log=FILE", by_strace_log),
    "stap": ("conntrace.stp, --replay=FILE", by_stap("conntrace_stp")),
    "stap tcp": ("conntrace-tcp.stp, --replay=FILE", by_stap("conntrace_tcp_stp")),
}

# These change the kernel's state, or need modules for it: they are played in the virtual machine of make check-vm, and nothing else.
IN_MACHINE = ("audit", "audit log", "stap", "stap tcp")

# What these know depends on time: of their rows, the number is compared.
SAMPLED = ("diag", "perf")

# ---- what each knows --------------------------------------------------------------------

KINDS = ("accepted", "opened", "refused")
# The same in each row, or made of other columns.
PLAIN = ("report end peer port server client proto cid group seen conn user laddr raddr dir why rx_least tx_least").split()


def kind_of(scene, row):
    """Of nginx's end of a connection; None of the clients' end, which a source of the whole host has, too."""
    if row["dir"] == "in" and (row["laddr"], row["lport"]) == (scene.address, PORT):
        return "accepted"
    if row["dir"] == "out" and row["raddr"] in (scene.peer, None) and row["rport"] in (BACKEND, CLOSED, None) and row["lport"] != PORT:
        return {BACKEND: "opened", CLOSED: "refused", None: "unnamed"}[row["rport"]]
    return None


def observed(scene, rows):
    """Return: kind: its number of connections in the peers report, and the columns that all its rows have."""
    found = {}
    conns = [row for row in rows if row["report"] == "conns"]
    peers = [row for row in rows if row["report"] == "peers"]
    for kind, number in (("accepted", PORT), ("opened", BACKEND), ("refused", CLOSED)):
        mine = [row for row in conns if kind_of(scene, row) == kind]
        count = sum(row["conns"] for row in peers if (row["dir"], row["port"], row["peer"]) == (
            "in" if kind == "accepted" else "out", number, scene.peer))
        known = [column for column in (mine[0] if mine else ()) if column not in PLAIN and all(row[column] is not None for row in mine)]
        found[kind] = (count, known)
    return found


# Why a source does not know a column. The first that fits is the reason; * is any of the kind.
WIRE = ("first_ms xfer_ms rx_pkts tx_pkts copies rx_wire tx_wire rx_retrans ooo zerowin keepalive rx_fin tx_fin rx_rst tx_rst gap_ms "
        "host icmp").split()
OWNER = "pid tid comm exe uid fd ppid parent cmdline cgroup last_pid last_comm".split()
PROC = "ppid parent cmdline cgroup".split()
REASONS = (
    ("only frames show it (`-i`)", "launched ptrace bpf diag perf audit", WIRE),
    ("a frame has no process: its owner is looked up in /proc while the connection is open", "packets", OWNER),
    ("only a system call shows it", "packets", ["connect_ms", "queue_ms", "errno"]),
    ("no sample has seen a connection as short as these: what is known are the counters of its end, see COVERAGE.md",
     "diag perf", None),
    ("a record of audit is made at the call, and the counters of sockets that are closed before they are read are unknown: one "
     "that ends within milliseconds may have them or not", "audit", None),
    ("a log of calls has no counters of sockets; with `-r` the packets have them", "audit+log strace+log", None),
    ("the output of the script has calls and no counters", "stap", None),
    ("the output of the script has counters and calls, and nothing of /proc", "stap+tcp", None),
    ("the kernel's counters do not have it, or not after the handshake", "launched ptrace bpf packets", None),
)
HEAD = """# What each source sees

<!-- Written by tests/live/sources.py --write; it compares the rows that each source has with this page. -->

One nginx and its clients, reported by each source. %d requests come one after the other; for one of them nginx asks another
server, and for one it is refused by a port without a listener. All connections end within milliseconds: a source that
samples has no easier ones. *Loopback*: the clients are on this host. *Network*: they are in another network namespace, at the
end of a veth pair. `conntrace --check` says which sources work on this host, and what the others lack.

## Connections per peer

CONNS of `conntrace -z peers`: accepted by nginx, opened by it, and refused; the same on loopback and on a network.

| source | options | accepted | opened | refused |
| --- | --- | --- | --- | --- |
"""
MIDDLE = """
diag counts outgoing connections that no sample has seen, in its summary: too short to be seen. perf has a row for each, with its
process; nginx keeps the address in memory that a sample of the stack does not have, so the peer is `-`.

## Columns

*Of*: the connections for which any source has a value. `yes`: each of their rows has one; `accepted`, `opened`, `refused`: each
row of these has one; a place: only there. A number is the reason why it is `-`, for other rows and places or for all. What a
source knows in some runs only is not in the table. Columns that depend on the traffic (HOST, ALPN) are left out. FIELDS.md has
the meaning of the values.

"""


def kinds_of(cells, column):
    """The kinds and places for which any source knows a column."""
    return {(kind, place) for (_, place), found in cells.items() for kind in KINDS if column in found[kind][1]}


def reason(source, column):
    for number, (_, sources, columns) in enumerate(REASONS, 1):
        if source.replace(" ", "+") in sources.split() and (columns is None or column in columns):
            return "(%d)" % number
    raise ValueError("no reason why %s does not know %s" % (source, column))


def cell(cells, source, column, applies):
    known = {(kind, place) for kind, place in applies if column in cells[source, place][kind][1]}
    if known == applies:
        return "yes"
    parts = []
    same = {kind for kind in KINDS if {(kind, place) for place in PLACES if (kind, place) in applies} <= known and
            any((kind, place) in applies for place in PLACES)}
    parts = [kind for kind in KINDS if kind in same]
    for place in PLACES:
        kinds = [kind for kind in KINDS if (kind, place) in known and kind not in same]
        if kinds:
            parts.append("%s on %s" % ("/".join(kinds), place))
    return " ".join([", ".join(parts)] * bool(parts) + [reason(source, column)])


def document(cells):
    """Return: the text of doc/SOURCES.md. @cells: (source, place): what observed() returns."""
    text = HEAD % (GETS + 2)
    for source, (options, _) in SOURCES.items():
        counts = [[cells[source, place][kind][0] for kind in KINDS] for place in PLACES]
        text += "| %s | `%s` | %s |\n" % (source, options, " | ".join(
            str(one) if one == other else "%d, %d" % (one, other) for one, other in zip(*counts)))
    text += MIDDLE + "| column | of | %s |\n| --- | --- |%s\n" % (" | ".join(SOURCES), " --- |" * len(SOURCES))
    columns = {column for found in cells.values() for kind in KINDS for column in found[kind][1]}
    order = [words.split()[1].lower() for words in must([CONNTRACE, "--list-columns"]).splitlines() if words.startswith("conns ")]
    alike = {}
    for column in sorted(columns - {"host"}, key=order.index):
        applies = kinds_of(cells, column)
        kinds = "all" if len({kind for kind, _ in applies}) == len(KINDS) else ", ".join(kind for kind in KINDS if kind in dict(applies))
        line = " | ".join([kinds] + [cell(cells, source, column, applies) for source in SOURCES])
        alike.setdefault(line, []).append(column.upper())
    for line, names in alike.items():
        text += "| %s | %s |\n" % (" ".join(names), line)
    text += "\n## Why not\n\n" + "".join("%d. %s.\n" % (number, words) for number, (words, _, _) in enumerate(REASONS, 1))
    return text


def written():
    """Return: what the document says: {source: {kind: CONNS on each place}}, {(source, column): (kinds that have it, cell)}."""
    counts, columns, head = {}, {}, []
    for line in read_file(DOCUMENT).splitlines():
        words = [word.strip() for word in line.strip("|").split("|")]
        if len(words) == 5 and words[0] in SOURCES:
            counts[words[0]] = {kind: [int(one) for one in text.split(", ")] for kind, text in zip(KINDS, words[2:])}
        elif words[0] == "column":
            head = words[2:]
        elif head and len(words) == len(head) + 2:
            kinds = KINDS if words[1] == "all" else words[1].split(", ")
            columns.update({(source, column): (kinds, text) for column in words[0].lower().split()
                            for source, text in zip(head, words[2:])})
    return counts, columns


def said(text, kind, place):
    """Does a cell say that each row of this kind has a value?"""
    return text == "yes" or any(kind in part.split()[0].split("/") and (" on " not in part or part.split()[2] == place)
                                for part in text.split(" (")[0].split(", ") if not part.startswith("("))


def play(source, place):
    scene = Scene(place)
    return observed(scene, SOURCES[source][1](scene))


def compare(source, place):
    counts, columns = written()
    found = play(source, place)
    wrong = []
    for kind in KINDS:
        said_counts = counts.get(source, {}).get(kind, [None])
        equal(found[kind][0], said_counts[PLACES.index(place) % len(said_counts)], "CONNS of %s connections" % kind)
        applies = [column for (one, column), (kinds, text) in columns.items() if one == source and kind in kinds and
                   said(text, kind, place)]
        if source in SAMPLED:
            continue
        wrong += ["%s of %s" % (column, kind) for column in applies if column not in found[kind][1] and found[kind][0] > 0]
    if not check(not wrong and source in counts, "unknown, though the document has it: %s" % wrong):
        check(False, "DATA " + json.dumps([source, place, found]))


def write():
    """Prints the document: what FILES of lines "DATA ..." have, and for other sources what works here."""
    cells = {}
    for path in sys.argv[2:]:
        for line in read_file(path).splitlines():
            if "DATA [" in line:
                source, place, found = json.loads(line.partition("DATA ")[2])
                earlier = cells.setdefault((source, place), found)
                # What not every run knows, depends on time.
                cells[source, place] = {kind: (found[kind][0], [column for column in found[kind][1] if column in earlier[kind][1]])
                                        for kind in KINDS}
    for source in SOURCES:
        for place in PLACES:
            if (source, place) not in cells:
                require(source not in IN_MACHINE, "the lines DATA of make check-vm are needed for " + source)
                cells[source, place] = play(source, place)
                lib.end_processes()
    print(document(cells), end="")


for _source in SOURCES:
    for _place in PLACES if (_source in IN_MACHINE) == bool(os.environ.get("CONNTRACE_VM")) else ():
        test("%s, %s" % (_source, _place))(lambda source=_source, place=_place: compare(source, place))


if __name__ == "__main__":
    if os.geteuid() != 0:
        lib.skip_all("needs root")
    enter_namespace(flags="-n")
    need_all("ip", "nsenter", "unshare", "nginx")
    if sys.argv[1:2] == ["--write"]:
        write()
    else:
        main()
