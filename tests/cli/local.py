#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The local side of a savefile: --local, the keys laddr, server and client, and the line that names them."""
import collections
import csv
import io
import json
import os
import shutil
import subprocess

import cli

MKPCAP = os.path.join(cli.BUILD, "tests", "helpers", "mkpcap")
OPEN = ["%s > S seq 1", "%s < SA seq 5 ack 2", "%s > A seq 2 ack 6", "%s > FA seq 2 ack 6", "%s < FA seq 6 ack 3",
        "%s > A seq 3 ack 7"]
REFUSED = ["%s > S seq 1", "%s < RA seq 0 ack 2"]
# Client, server, port, what happens; two clients of the third server.
TALKS = [("10.0.0.9", "192.0.2.1", 80, OPEN), ("10.0.0.9", "192.0.2.2", 80, REFUSED),
         ("10.0.0.9", "192.0.2.2", 80, REFUSED), ("10.0.0.9", "192.0.2.3", 443, OPEN)]
SECOND = ("10.0.0.8", "192.0.2.3", 443, OPEN)


def made(test, name, talks):
    """A savefile of one connection after another."""
    lines = ["flow f%d %s %d %s %d" % (i, client, 1000 + i, server, port)
             for i, (client, server, port, _) in enumerate(talks)]
    for i, talk in enumerate(talks):
        lines += ["+0.01 " + line % ("f%d" % i) for line in talk[3]]
    path = test.path(name)
    subprocess.run([MKPCAP, "-o", path], input="\n".join(lines) + "\n", text=True, check=True, timeout=cli.LIMIT)
    return path


def rows(done):
    """The rows of JSON, and the summary."""
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return found[:-1], found[-1]["summary"]


def by_tshark(path):
    """(server, port): attempts and RST from there, of segments as tshark reads them."""
    done = subprocess.run(["tshark", "-r", path, "-T", "fields", "-e", "ip.src", "-e", "ip.dst", "-e", "tcp.srcport",
                           "-e", "tcp.dstport", "-e", "tcp.flags.syn", "-e", "tcp.flags.ack", "-e", "tcp.flags.reset"],
                          stdout=subprocess.PIPE, text=True, check=True, timeout=cli.LIMIT)
    found = collections.defaultdict(lambda: [0, 0])
    for line in done.stdout.splitlines():
        source, to, source_port, port, *flags = line.split("\t")
        syn, ack, reset = (flag in ("1", "True") for flag in flags)
        if syn and not ack:
            found[to, int(port)][0] += 1
        if reset:
            found[source, int(source_port)][1] += 1
    return {server: tuple(numbers) for server, numbers in found.items()}


def one_client(test, path):
    done = test.run("-r", path)
    test.expect("the summary names --local for the savefile of a client", done, 0,
                ["conntrace: 10.0.0.9 is an end of all 4 connections; with --local=10.0.0.9 the peers are the other"])
    found, summary = rows(test.run("-r", path, "-j"))
    test.say("without it nothing changes by itself, and JSON has the line as advice",
             [] if sorted((row["peer"], row["dir"], row["conns"]) for row in found) ==
             [("10.0.0.9", "in", 1), ("10.0.0.9", "in", 3)] and "--local=10.0.0.9 " in summary["advice"] else
             [found, summary["advice"]])
    done = test.run("-r", path, "--local=10.0.0.0/8", "-j")
    found, summary = rows(done)
    test.say("with it the servers are peers", [] if sorted(
        (row["peer"], row["dir"], row["port"], row["conns"], row["fail"]) for row in found) ==
             [("192.0.2.1", "out", 80, 1, 0), ("192.0.2.2", "out", 80, 2, 2), ("192.0.2.3", "out", 443, 1, 0)] and
             summary["advice"] is None else [done.stdout])
    if shutil.which("tshark") is None:
        test.skip("as tshark counts them", "no tshark")
    else:
        ours = {(row["peer"], row["port"]): (row["conns"], row["refused"]) for row in found}
        test.say("as tshark counts them", [] if ours == by_tshark(path) else [ours, by_tshark(path)])
    record = test.path("marked.ev")
    test.run("-r", path, "--local=10.0.0.9", "--record", record)
    plain = test.path("plain.ev")
    test.run("-r", path, "--record", plain)
    for name, words in (("a recording has the sides", [record]),
                        ("--local applies to a recording without them", [plain, "--local=10.0.0.9"])):
        again, _ = rows(test.run("--replay", *words, "-j"))
        test.say(name, [] if again == found else [again])
    found, _ = rows(test.run("-r", path, "--local=0.0.0.0/0,!192.0.2.0/24", "-j"))
    test.say("exclusions count", [] if {row["dir"] for row in found} == {"out"} else found)
    found, _ = rows(test.run("-r", path, "--local=10.0.0.9,192.0.2.1", "-z", "conns", "-j"))
    test.say("two local sides are two rows", [] if sorted(
        (row["laddr"], row["dir"]) for row in found if "192.0.2.1" in (row["laddr"], row["raddr"])) ==
             [("10.0.0.9", "out"), ("192.0.2.1", "in")] else found)
    found, _ = rows(test.run("-r", path, "--local=198.51.100.1", "-z", "conns", "-j"))
    test.say("and no local side is that of the accepting end", [] if
             {row["dir"] for row in found} == {"in"} else found)


def servers(test, path):
    done = test.run("-r", path)
    test.expect("the summary names --by=server,port for several servers on one port", done, 0,
                ["several servers have port 80; with --by=server,port each has a row"])
    for words in (["--local=10.0.0.0/8"], []):
        done = test.run("-r", path, "--by=server,port", "--sort=SERVER:desc", "--format=csv", "-O",
                        "SERVER,PORT,CONNS,FAIL", *words)
        found = list(csv.reader(io.StringIO(done.stdout)))[1:]
        test.say("each server has its row%s" % (" with --local" if words else ""), [] if found == [
            ["192.0.2.3", "443", "2", "0"], ["192.0.2.2", "80", "2", "2"], ["192.0.2.1", "80", "1", "0"]] and
                 "--by=" not in done.stderr else [done.stdout, done.stderr])
        found, _ = rows(test.run("-r", path, "--by=client", "-j", *words))
        test.say("and each client%s" % (" with --local" if words else ""), [] if sorted(
            (row["client"], row["conns"]) for row in found) == [("10.0.0.8", 1), ("10.0.0.9", 4)] else found)
        found, _ = rows(test.run("-r", path, "-z", "conns", "-j", *words))
        test.say("as each connection says%s" % (" with --local" if words else ""), [] if sorted(
            (row["client"], row["server"]) for row in found) == sorted(talk[:2] for talk in TALKS + [SECOND]) else
                 found)
    found, _ = rows(test.run("-r", path, "--by=laddr", "--local=10.0.0.8", "-j"))
    test.say("the local side is a key", [] if sorted((row["laddr"], row["conns"]) for row in found) == [
        ("10.0.0.8", 1), ("192.0.2.1", 1), ("192.0.2.2", 2), ("192.0.2.3", 1)] else found)
    done = test.run("-r", path, "-z", "conns")
    test.say("a report without rows of peers has no advice", [] if "--by=" not in done.stderr else [done.stderr])


def reasons(test, path):
    for words, last in ((["--only=failed"], "WHY"), (["--suspicious", "-z", "conns"], "WHY"),
                        (["--suspicious", "--events"], "WHY"), (["-z", "conns"], "COMM"), ([], "COMMS"),
                        (["-z", "groups"], "UNKNOWN"), (["--suspicious", "-O", "LPORT"], "COMMS")):
        words = [word if word != "LPORT" else "CONNS,COMMS" for word in words]
        done = test.run("-r", path, "--format=tsv", *words)
        lines = [line.split("\t") for line in done.stdout.splitlines()]
        test.say("the last column of %s is %s" % (" ".join(words) or "no option", last),
                 [] if lines and lines[0][-1] == last and (last != "WHY" or lines[1][-1] == "failed") else
                 [done.stdout, done.stderr])
    found, _ = rows(test.run("-r", path, "--by=server", "-j"))
    test.say("JSON has it in each row", [] if {row["server"]: row["why"] for row in found}["192.0.2.2"] == ["failed"] and
             found[0].keys() >= {"why"} else found)


def usage(test, path):
    test.expect("processes have a local side", test.run("--local=10.0.0.0/8", "true"), 2,
                ["--local does nothing without packets alone"])
    test.expect("a wrong network", test.run("-r", path, "--local=10.0.0.1/8"), 2, ["has host bits set", "--local"])


def main():
    test = cli.Cli()
    one = made(test, "one.pcap", TALKS)
    two = made(test, "two.pcap", TALKS + [SECOND])
    one_client(test, one)
    servers(test, two)
    reasons(test, two)
    usage(test, one)
    test.end()


main()
