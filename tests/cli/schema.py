#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--schema: keys of connections in JSON by the names of Zeek, of the Elastic Common Schema and of OpenTelemetry."""
import calendar
import glob
import json
import os
import time

import cli

# The names that exist, of those that a connection and a process can have, each with the page that has it.
PUBLIC = {}
with open(os.path.join(cli.TOP, "tests/cli/schema-names.tsv"), encoding="ascii") as listed:
    for entry in list(listed)[2:]:
        PUBLIC.setdefault(entry.split("\t")[0], set()).add(entry.split("\t")[1])
# Where the opener is: name of the column in a row whose other side opened, and in one whose local side did.
ROLES = {"id.orig_h": ("raddr", "laddr"), "id.orig_p": ("rport", "lport"), "id.resp_h": ("laddr", "raddr"),
         "id.resp_p": ("lport", "rport"), "orig_bytes": ("rx_bytes", "tx_bytes"), "resp_bytes": ("tx_bytes", "rx_bytes"),
         "orig_pkts": ("rx_pkts", "tx_pkts"), "resp_pkts": ("tx_pkts", "rx_pkts")}
for opener, acceptor in (("source", "destination"), ("client", "server")):
    ROLES.update({opener + ".ip": ROLES["id.orig_h"], acceptor + ".ip": ROLES["id.resp_h"],
                  opener + ".address": ROLES["id.orig_h"], acceptor + ".address": ROLES["id.resp_h"],
                  opener + ".port": ROLES["id.orig_p"], acceptor + ".port": ROLES["id.resp_p"],
                  opener + ".bytes": ROLES["orig_bytes"], acceptor + ".bytes": ROLES["resp_bytes"],
                  opener + ".packets": ROLES["orig_pkts"], acceptor + ".packets": ROLES["resp_pkts"]})
SAME = {"ts": "start", "proto": "proto", "duration": "dur_s", "community_id": "cid", "destination.domain": "host",
        "network.transport": "proto", "network.community_id": "cid", "process.pid": "pid", "process.thread.id": "tid",
        "process.name": "comm", "process.executable": "exe", "process.command_line": "cmdline",
        "process.parent.pid": "ppid", "process.parent.name": "parent", "user.id": "uid", "user.name": "user",
        "container.id": "container", "network.local.address": "laddr", "network.local.port": "lport",
        "network.peer.address": "raddr", "network.peer.port": "rport", "process.executable.name": "comm",
        "process.executable.path": "exe", "process.parent_pid": "ppid", "process.linux.cgroup": "cgroup",
        "tls.next_protocol": "alpn"}


def nanoseconds(word):
    """Of "2023-11-14T22:13:20.123456789Z", or of seconds since the epoch as JSON has them."""
    if word is None:
        return None
    if "T" in word:
        whole, rest = word.rstrip("Z").split(".")
        return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) * 10 ** 9 + int(rest)
    return int(word.replace(".", ""))


def wanted(name, row):
    """The value that a key must have, by the row with the usual names."""
    if name.startswith("conntrace."):
        return row[name[len("conntrace."):]]
    if name in SAME:
        return row[SAME[name]]
    if name in ROLES:
        return None if row["dir"] is None else row[ROLES[name][row["dir"] == "out"]]
    if name == "network.direction":
        return {"in": "ingress", "out": "egress", None: None}[row["dir"]]
    if name == "network.type":
        return None if row["raddr"] is None else "ipv6" if ":" in row["raddr"] else "ipv4"
    return None


def rows(done):
    """Numbers stay text, or those with nine decimals would be rounded."""
    return [json.loads(line, parse_float=str) for line in done.stdout.splitlines()]


def main():
    test = cli.Cli()
    recordings = sorted(glob.glob(os.path.join(cli.TOP, "tests", "replay", "golden", "*.ev")))
    for path in recordings:
        for words in (["-z", "conns"], ["--events"]):
            plain = rows(test.run("-q", "--replay", path, "-j", *words))
            for schema, names in PUBLIC.items():
                done = test.run("-q", "--replay", path, "-j", "--schema=" + schema, *words)
                wrong = [] if len(plain) == len(rows(done)) > 0 else [done.stdout, done.stderr]
                for row, usual in zip(rows(done), plain):
                    for name, value in row.items():
                        if not name.startswith("conntrace.") and name not in names:
                            wrong.append("%s has no %s" % (schema, name))
                        elif name in ("@timestamp", "event.start", "event.end"):
                            end = "end" if name == "event.end" else "start"
                            wrong += [] if nanoseconds(value) == nanoseconds(usual[end]) else [name, value]
                        elif name == "event.duration":
                            span = None if usual["dur_s"] is None else nanoseconds(usual["end"]) - nanoseconds(usual["start"])
                            wrong += [] if value == span else [name, value, span]
                        elif value != wanted(name, usual):
                            wrong.append("%s: %r, wanted %r" % (name, value, wanted(name, usual)))
                    # No value is lost.
                    missing = set(usual) - {SAME.get(name, name[len("conntrace."):]) for name in row}
                    wrong += ["%s is nowhere" % name for name in missing]
                test.say("%s of %s, %s" % (schema, os.path.basename(path), words[-1]), wrong[:5])
    done = test.run("-q", "--replay", recordings[0], "-j", "--schema=conntrace", "-z", "conns")
    usual = test.run("-q", "--replay", recordings[0], "-j", "-z", "conns")
    test.say("the own names are the default", [] if done.stdout == usual.stdout != "" else [done.stderr])
    for words, says in ((["-z", "conns"], "does nothing without --format=json"), (["-j"], "and connections: -z conns"),
                        (["-j", "-z", "conns", "-O", "PID"], "cannot go with --columns")):
        test.expect("no effect: %s" % " ".join(words), test.run("--replay", recordings[0], "--schema=ecs", *words), 2, [says])
    test.expect("unknown names", test.run("--replay", recordings[0], "-j", "-z", "conns", "--schema=foo"), 2, ["zeek"])
    test.end()


main()
