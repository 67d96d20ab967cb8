#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Many connections at once: how much memory they take, and who has to leave when there is no more of it."""
import json
import os
import subprocess

import cli

MKPCAP = os.path.join(cli.BUILD, "tests/helpers/mkpcap")
# Calls of strace -f -ttt -T -yy, long after all packets.
LOG = "".join("7 %d.000001 connect(3<TCP:[%d]>, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(\"192.0.2.77\")}, 16)"
              " = -1 ECONNREFUSED (Connection refused) <0.000001>\n" % (1800000000 + number, number) for number in range(5000))
# What a million of them may take together.
BYTES_EACH = 512 * 1024 * 1024 // 1000000


def storm(path, connections, packets, interleave):
    """A savefile of so many connections, so many at a time; with one packet each they are attempts without an answer."""
    subprocess.run([MKPCAP, "--storm", str(connections), "--packets-per", str(packets), "--interleave", str(interleave),
                    "-o", path], check=True, timeout=60)
    return path


def run(path, *words):
    """Return: rows, accounts and largest resident size in bytes of conntrace -r @path."""
    with subprocess.Popen([cli.CONNTRACE, "-r", path, "-j", *words], stdout=subprocess.PIPE, text=True) as process:
        lines = [json.loads(line) for line in process.stdout]
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return lines[:-1], lines[-1].get("summary"), usage.ru_maxrss * 1024


def total(rows, key):
    return sum(row[key] for row in rows)


def memory(test):
    """The whole of what a connection takes, by two runs that differ in nothing but their number."""
    with open(cli.CONNTRACE, "rb") as file:
        if b"__asan_init" in file.read():
            test.skip("a million connections below 512 MiB", "built with a sanitizer, which needs memory of its own")
            return
    path = test.path("storm.pcap")
    sizes, problems = {}, []
    # Both larger than this script, whose size the kernel takes for conntrace's own until it has grown beyond it; and the
    # table, a power of two, is as full as with a million.
    for count in (125000, 250000):
        rows, accounts, sizes[count] = run(storm(path, count, 7, count))
        if total(rows, "ok") != count or accounts["lost"]["table"] != 0:
            problems.append([rows, accounts])
        os.unlink(path)
    each = (sizes[250000] - sizes[125000]) // 125000
    if each > BYTES_EACH:
        problems.append("%d bytes for each connection, %d are allowed" % (each, BYTES_EACH))
    print("# %d bytes for each connection" % each)
    test.say("a million connections below 512 MiB", problems)


def flood(test):
    """Attempts of as many different ends as there are packets: each is counted, and memory has a bound."""
    path = storm(test.path("flood.pcap"), 100000, 1, 1)
    rows, accounts, _ = run(path, "--max-connections=1000")
    seen = {key: total(rows, key) for key in ("conns", "ok", "fail", "pending")}
    good = seen == {"conns": 100000, "ok": 0, "fail": 0, "pending": 100000}
    test.say("a flood of attempts is counted whole", [] if good else [seen])
    good = accounts["connections"] == 100000 and accounts["packets"] == 100000 and accounts["lost"]["table"] == 99000
    test.say("who had to leave is counted", [] if good else [accounts])


def finished_first(test):
    """Those that have ended leave before any that has not, and nothing is lost by that."""
    path = storm(test.path("turns.pcap"), 10000, 12, 50)
    rows, accounts, _ = run(path, "--max-connections=100")
    good = total(rows, "ok") == 10000 and accounts["lost"]["table"] == 0 and accounts["connections"] == 10000
    test.say("finished ones leave first", [] if good else [rows, accounts])


def so_many_packets(test):
    """--packets=N: N of them, and not one more, whatever looks at them."""
    path = storm(test.path("few.pcap"), 100, 12, 7)
    wrong = []
    for count in (1, 7, 1199, 1200, 5000):
        taken = min(count, 1200)
        rows, accounts, _ = run(path, "--packets=%d" % count, "-z", "conns", "-z", "io,stat,0")
        fact = [sum(row["rx_pkts"] + row["tx_pkts"] for row in rows if row["report"] == "conns"),
                sum(row["frames"] for row in rows if row["report"] == "io,stat"), accounts["packets"],
                run(path, "--packets=%d" % count)[1]["packets"]]
        if fact != [taken] * 4:
            wrong.append("--packets=%d: %s" % (count, fact))
    # A log of calls is read to its end, though the packets beside it end before.
    log = test.path("calls.log", LOG.encode())
    for words in ([], ["--packets=1"], ["--packets=5000"]):
        rows = run(path, "--strace-log", log, "-z", "conns", *words)[0]
        if sum(row["raddr"] == "192.0.2.77" for row in rows) != 5000:
            wrong.append("with a log, %s: %d rows" % (words, len(rows)))
    # What the filter leaves out does not count.
    done = run(path, "--packets=100", "--filter", "tcp[tcpflags] & tcp-syn != 0", "-z", "conns")
    if done[1]["packets"] != 100 or total(done[0], "rx_pkts") + total(done[0], "tx_pkts") != 100:
        wrong.append(done)
    test.say("so many packets, and not one more", wrong)


def main():
    test = cli.Cli()
    so_many_packets(test)
    memory(test)
    flood(test)
    finished_first(test)
    test.end()


main()
