#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""contrib/sql: its ten questions to connections that are known have the answers that are computed of these here."""
import collections
import math
import os
import re
import shutil
import subprocess

import cli

SQL = os.path.join(cli.TOP, "contrib/sql")
BEGIN = 1700000000
DAY = 86400
PROGRAMS = {10: "web", 11: "worker", 20: "nginx", 21: "db"}
Conn = collections.namedtuple("Conn", "at client server port opener acceptor result hs queue up down retrans reset open known")


def made():
    """Connections of two hosts in three days: some refused, some reset, some open."""
    conns = []
    for n in range(60):
        server, port, acceptor = (("192.0.2.20", 443, 20), ("192.0.2.21", 5432, 21))[n % 2]
        conns.append(Conn(at=BEGIN + n * 3600, client="192.0.2.%d" % (1 + n % (3 if n < 40 else 7)), server=server, port=port,
                          opener=10 + n % 3 % 2, acceptor=acceptor, result="refused" if n % 10 == 7 else "ok", hs=1 + n * 7 % 50,
                          queue=4 * (n % 6), up=100 + n, down=1000 * n, retrans=n % 4 if n % 5 == 0 else 0,
                          reset=("owner", "peer")[n % 2] if n % 12 in (3, 8) else None, open=n % 20 == 16, known=n % 20 != 6))
    return conns


def info(local, remote, reason, cookie, state, hs=-1, queue=-1, sent=0, got=0, retrans=0, is_in=False, reset="unseen"):
    return ("type=info origin=k local=%s remote=%s reason=%s cookie=%d bytes_acked=%d bytes_received=%d bytes_sent=%d bytes_retrans=0 "
            "rtt_us=%d min_rtt_us=%d last_data_sent_ms=%d total_retrans=%d state=%d listener=%d fin=%s reset=%s uid=0" % (
                local, remote, reason, cookie, sent + (not is_in) + (state == 7 and reset == "unseen"),
                got + (state == 7 and reset == "unseen"), sent, hs * 1000 if hs > 0 else -1, hs * 1000 if hs > 0 else -1, queue, retrans, state,
                is_in, "received" if state == 7 and reset == "unseen" else "not-received", reset))


def events(conns):
    """What both hosts report of them, as --record writes it."""
    lines = ["conntrace-events 1", "time=- type=run origin=k has_destroy=2 syn_retries=-1"]
    lines += ["time=%d.000000000 type=process origin=s pid=%d uid=0 text=%s" % (BEGIN, pid, name) for pid, name in PROGRAMS.items()]
    for n, c in enumerate(conns):
        out, into, ports = 2 * n + 1, 2 * n + 2, ("%s:%d" % (c.client, 20000 + n), "%s:%d" % (c.server, c.port))
        ends = "local=%s remote=%s" % ports

        def add(ms, text, at=c.at):
            lines.append("time=%d.%03d000000 %s" % (at, ms, text))
        add(100, "type=call origin=s remote=%s kind=connect-begin begin=%d.100000000 pid=%d tid=%d fd=5 uid=0" % (ports[1], c.at, c.opener, c.opener))
        add(200, "type=call origin=s %s kind=connect-end begin=- cookie=%d pid=%d tid=%d fd=5 error=%d uid=0" % (
            ends, out, c.opener, c.opener, 0 if c.result == "ok" else 111))
        if c.result != "ok":
            continue
        if c.known:    # of the others, the calls alone are
            add(200, info(*ports, "connect", out, 1, hs=c.hs))
        add(300, "type=call origin=s local=%s remote=%s kind=accept begin=- cookie=%d pid=%d tid=%d fd=6 uid=0" % (
            ports[1], ports[0], into, c.acceptor, c.acceptor))
        if c.known:
            add(300, info(ports[1], ports[0], "accept", into, 1, hs=c.hs, queue=c.queue, is_in=True))
        if c.known and not c.open:
            other = {"owner": "peer", "peer": "owner", None: "unseen"}[c.reset]
            add(900, info(*ports, "destroy", out, 7, sent=c.up, got=c.down, retrans=c.retrans, reset=other))
            add(900, info(ports[1], ports[0], "destroy", into, 7, sent=c.down, got=c.up, is_in=True, reset=c.reset or "unseen"))
    order = sorted(range(2, len(lines)), key=lambda number: lines[number].split()[0])
    return "\n".join(lines[:2] + [lines[number] for number in order]) + "\n"


def percentile(values):
    return sorted(values)[math.ceil(0.95 * len(values)) - 1]


def grouped(items):
    groups = collections.defaultdict(list)
    for key, value in items:
        groups[key].append(value)
    return groups


def answers(conns):
    """Return: of each question the rows, unordered, with numbers as numbers."""
    ok = [c for c in conns if c.result == "ok"]
    name = PROGRAMS.get
    ends = [("out", c.server, c.port, c) for c in conns] + [("in", c.client, c.port, c) for c in ok]
    newest = max(c.at for c in conns)
    known = [c for c in ok if c.known]
    ended = [c for c in known if not c.open]
    moved = grouped([(name(c.opener), (c.down, c.up)) for c in ended] + [(name(c.acceptor), (c.up, c.down)) for c in ended])
    holes = collections.Counter(name(pid) for c in ok if not c.known for pid in (c.opener, c.acceptor))
    resent = grouped((c.server, c.retrans) for c in ended if c.retrans)
    minutes = collections.Counter((c.port, c.at // 60 * 60) for c in ok)
    first = {port: min(minute for (one, minute), count in minutes.items() if one == port and
                       count == max(n for (other, _), n in minutes.items() if other == port)) for port, _ in minutes}
    return [
        [key + (len(found),) for key, found in grouped(((name(c.opener), c.server, c.port, "refused", "ECONNREFUSED"), c)
                                                       for c in conns if c.result != "ok").items()],
        [key + (len(found), percentile(found)) for key, found in grouped(((name(c.opener), name(c.acceptor), c.port), c.hs)
                                                                        for c in known).items()],
        [key + (len(found),) for key, found in grouped(((way, peer, port), c.at) for way, peer, port, c in ends).items()
         if min(found) + 0.3 > newest + 0.3 - DAY],
        [key + (len(set(found)), len(found)) for key, found in grouped(((c.server, c.port, name(c.acceptor)), c.client) for c in ok).items()],
        [(key, sum(rx for rx, _ in found), sum(tx for _, tx in found), holes[key]) for key, found in moved.items()],
        [key + (len(found), percentile(found), max(found)) for key, found in
         grouped(((c.server, c.port, name(c.acceptor)), c.queue) for c in known).items()],
        [(key, sum(found), len(found)) for key, found in resent.items()],
        [key + (len(found),) for key, found in grouped(((c.server, c.port, "server" if c.reset == "owner" else "client"), c)
                                                       for c in ended if c.reset for _ in "io").items()],
        [row for c in known if c.open for row in (("out", c.server, c.port, name(c.opener)), ("in", c.client, c.port, name(c.acceptor)))],
        [(port, first[port], minutes[port, first[port]]) for port in first],
    ]


def simplified(number, row):
    """The columns that are compared: times of the events are not, and UNIT is unknown."""
    if number == 2:
        row = row[:3] + row[4:]
    if number == 4:
        row = row[:1] + row[2:]
    if number == 8:
        row = row[:4]
    return tuple(float(word) if word.replace(".", "", 1).isdigit() else word for word in row)


def sqlite3(folder, question):
    """Asks conns.db of the folder. Return: the CompletedProcess, with columns separated by tabs."""
    return subprocess.run(["sqlite3", "-separator", "\t", os.path.join(folder, "conns.db")], input=question, cwd=folder,
                          capture_output=True, text=True, timeout=cli.LIMIT, check=False)


def load(folder):
    return sqlite3(folder, ".read " + os.path.join(SQL, "load.sql"))


def in_file(path):
    """The statements of a file, each with its comment."""
    with open(path, encoding="utf-8") as file:
        return file.read().split(";\n")[:-1]


def check_types(test):
    """contrib/clickhouse: each key has a type, and what is kept has each."""
    listed = test.run("--list-columns").stdout.splitlines()
    keys = {words[1].lower(): words[3] for words in (line.split() for line in listed) if words[0] == "conns"}
    statements = in_file(os.path.join(cli.TOP, "contrib/clickhouse/schema.sql"))
    types = dict(re.findall(r"`?(\w+)`? ((?:Nullable|Array)\([^,()]*(?:\([^()]*\))?\))", next(s for s in statements if "EXISTS conns_in" in s)))
    wanted = {"time": "Nullable(Decimal(38, 9))", "string": "Nullable(String)", "strings": "Array(String)", "number": "Nullable(Float64)"}
    complaints = ["no type: " + key for key in keys if key not in types]
    complaints += ["no such key: " + key for key in types if key not in keys and key not in ("machine", "report")]
    for key, kind in keys.items():
        integers = ("Nullable(UInt16)", "Nullable(UInt64)")
        if key in types and types[key] not in {"integer": integers}.get(kind, integers if key == "cookie" else (wanted.get(kind),)):
            complaints.append("%s is %s, but %s" % (key, kind, types[key]))
    for name in ("EXISTS conns ENGINE", "EXISTS conns_of_in"):
        kept = re.findall(r"\w+", next(s for s in statements if name in s).split("SELECT")[1].split("FROM")[0])
        complaints += ["%s: no %s" % (name, key) for key in keys if key not in kept]
    test.say("contrib/clickhouse/schema.sql has each key with its type", complaints)


def main():
    test = cli.Cli()
    check_types(test)
    if shutil.which("sqlite3") is None:
        test.skip("contrib/sql", "no sqlite3 here")
        test.end()
        return
    conns = made()
    done = test.run("--replay", test.path("events", events(conns).encode()), "-j", "-z", "conns", "-o", os.path.join(test.folder, "conns.json"))
    test.expect("rows", done, 0)
    loaded = load(test.folder)
    test.say("load.sql", [loaded.stderr] if loaded.returncode or loaded.stderr else [])
    questions = in_file(os.path.join(SQL, "questions.sql"))
    test.say("ten questions", [] if len(questions) == 10 else [len(questions)])
    for number, (question, wanted) in enumerate(zip(questions, answers(conns))):
        asked = sqlite3(test.folder, question)
        got = [simplified(number, line.split("\t")) for line in asked.stdout.splitlines()]
        right = sorted(tuple(float(word) if isinstance(word, (int, float)) else word for word in row) for row in wanted)
        title = [line[3:] for line in question.splitlines() if line.startswith("-- %d." % (number + 1))]
        test.say((title or ["no title"])[0], [] if sorted(got) == right and wanted and not asked.stderr else
                 ["got %s" % sorted(got), "right is %s" % right, asked.stderr])
    test.end()


if __name__ == "__main__":
    main()
