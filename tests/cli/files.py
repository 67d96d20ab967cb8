#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A small savefile in every form of output, its recording replayed, and the line for awk that users copy."""
import csv
import io
import json
import subprocess

import cli


def rows(text):
    """Rows of JSON Lines, without the accounts."""
    return [row for row in map(json.loads, text.splitlines()) if "summary" not in row]


def forms(test, good):
    """What both connections are, whatever they are written as."""
    truth = {"192.0.2.7 40000 80": ["ok", "5", "7"], "192.0.2.7 40001 81": ["refused", "0", "0"]}
    columns = "RADDR,RPORT,LPORT,RESULT,RX_BYTES,TX_BYTES"
    readers = {
        "table": lambda text: [line.split() for line in text.splitlines()],
        "raw": lambda text: [line.split(" ") for line in text.splitlines()],
        "tsv": lambda text: [line.split("\t") for line in text.splitlines()],
        "csv": lambda text: list(csv.reader(io.StringIO(text))),
        "json": lambda text: [[str(value) for value in row.values()] for row in rows(text)],
    }
    for form, reader in readers.items():
        done = test.run("-r", good, "-z", "conns", "-O", columns, "-H", "--format", form)
        found = {" ".join(row[:3]): row[3:] for row in reader(done.stdout)}
        test.say("--format=%s" % form, [] if found == truth and done.returncode == 0 else [found, done.stderr])


def main():
    test = cli.Cli()
    good = test.path("good.pcap", cli.story())
    forms(test, good)
    whole = test.run("-r", good, "-z", "conns", "-z", "peers", "-j", "--record", "events")
    again = test.run("--replay", "events", "-z", "conns", "-z", "peers", "-j")
    test.say("a recording replayed gives the same rows",
             [] if rows(whole.stdout) == rows(again.stdout) and len(rows(whole.stdout)) == 4 else
             [whole.stdout, again.stdout, again.stderr])
    with open(good, "rb") as file:
        piped = test.run("-r", "-", "-z", "conns", "-z", "peers", "-j", stdin=file)
    test.say("a savefile on standard input gives the same rows",
             [] if rows(whole.stdout) == rows(piped.stdout) else [piped.stdout, piped.stderr])
    done = subprocess.run("%s -r %s -q | awk '$5 > 0' | awk 'NR > 1 { print $1, $3 }'" % (cli.CONNTRACE, good), shell=True,
                          capture_output=True, text=True, timeout=cli.LIMIT, check=False)
    test.say("the fifth column is FAIL", [] if done.stdout == "192.0.2.7 81\n" else [done.stdout, done.stderr])
    done = test.run("-r", good, "-H", "port", "80")
    test.say("operands are a packet filter", [] if done.stdout.count("\n") == 1 and " 80 " in done.stdout else [done.stdout])
    done = test.run("-r", good, "-H", "--lport", "!80")
    test.say("connections are filtered", [] if done.stdout.count("\n") == 1 and " 81 " in done.stdout else [done.stdout])
    done = test.run("-r", good, "--events", "-j", "-q")
    test.say("--events alone prints no report", [] if len(rows(done.stdout)) == 2 else [done.stdout])
    test.end()


main()
