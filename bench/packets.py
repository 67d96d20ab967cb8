# SPDX-License-Identifier: GPL-2.0-or-later
"""What packets cost: savefiles beside libpcap, tcptrace and tshark; how the cost goes with the number of packets and of
connections; memory; a flood of attempts; packets as fast as tcpdump can take them."""
import json
import os
import signal
import statistics
import subprocess
import time

# pylint: disable=import-error
from lib import CONNTRACE, TOP_BUILD, Process, Skip, must, need, read_file, require, scratch, wait_for

HELPERS = os.path.join(TOP_BUILD, "tests/helpers")
MKPCAP = os.path.join(HELPERS, "mkpcap")
BLAST = os.path.join(HELPERS, "blast")
EMPTYLOOP = os.path.join(HELPERS, "emptyloop")
BUFFER_KIB = 8192
FRAMES = 120000
MILLION_KIB = 450 * 1024    # measured: 430 MiB; the packet process takes 4
SENDERS = {"v0": "v1", "lo": "lo"}    # by the interface where one listens


def storm(connections, packets_per, interleave):
    return [MKPCAP, "--storm", str(connections), "--packets-per", str(packets_per), "--interleave", str(interleave)]


class Done:
    """A command that has ended: seconds it took, processor seconds of it and its children, largest resident size."""

    def __init__(self, command, source=None, out=subprocess.DEVNULL):
        begin = time.monotonic()
        feeder = subprocess.Popen(source, stdout=subprocess.PIPE) if source else None
        process = subprocess.Popen(command, stdin=feeder.stdout if feeder else subprocess.DEVNULL, stdout=out,
                                   stderr=subprocess.DEVNULL)
        if feeder:
            feeder.stdout.close()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.seconds = time.monotonic() - begin
        self.cpu = usage.ru_utime + usage.ru_stime
        self.kib = usage.ru_maxrss
        if feeder:
            feeder.wait()
        require(process.returncode == 0, "%s: status %d" % (" ".join(command), process.returncode))


def conntrace(words, source=None):
    """Return: the run, its rows and its accounts.

    Rows that come by the million are left out, or this script would grow, and the kernel takes its size at the start
    for that of what it starts.
    """
    path = scratch("rows")
    done = Done([CONNTRACE, "-j", "-o", path] + words, source)
    with open(path, encoding="ascii") as file:
        rows = [json.loads(line) for number, line in enumerate(file) if number < 10000 or "summary" in line]
    os.unlink(path)
    return done, rows[:-1], rows[-1]["summary"]


def savefile(rounds):
    """The times of whole runs over one file in the page cache."""
    connections, packets_per, interleave = 200000, 12, 5000
    path = scratch("pcap")
    Done(storm(connections, packets_per, interleave) + ["-o", path])
    rows = scratch("rows")
    with open(path, "rb") as file:
        while file.read(1 << 20):
            pass
    candidates = [
        ("an empty loop over libpcap", [EMPTYLOOP, path]),
        ("conntrace -r FILE", [CONNTRACE, "-r", path]),
        ("conntrace -r FILE -z conns --format=json", [CONNTRACE, "-r", path, "-z", "conns", "-j", "-o", rows]),
    ]
    for name, words in (("tcptrace", ["-q", path]), ("tshark", ["-n", "-q", "-z", "conv,tcp", "-r", path])):
        try:
            candidates.append((name + " " + " ".join(words[:-1]).replace(" -r", ""), [need(name)] + words))
        except Skip as reason:
            print("  %s: %s" % (name, reason))
    print("A savefile of %d packets, %d connections, %d at a time\n  %-44s %9s %6s %15s %9s" % (
        connections * packets_per, connections, interleave, "", "seconds", "ratio", "lowest highest", "us/packet"))
    times = {name: [] for name, _ in candidates}
    for number in range(rounds):
        for name, command in candidates if number % 2 == 0 else reversed(candidates):
            # Giving up the pages of the round before would count as work of this one.
            if os.path.exists(rows):
                os.unlink(rows)
            times[name].append(Done(command).seconds)
    base = times[candidates[0][0]]
    for name, _ in candidates:
        ratios = sorted(one / empty for one, empty in zip(times[name], base))
        median = statistics.median(times[name])
        print("  %-44s %9.3f %6.2f %7.2f %7.2f %9.3f" % (name, median, statistics.median(ratios), ratios[0], ratios[-1],
                                                        median / connections / packets_per * 1e6))
    Done(candidates[2][1])
    with open(rows, "rb") as file:
        count = sum(1 for _ in file) - 1
    require(count == connections, "%d rows" % count)
    for ours in candidates[1:3]:
        for other in candidates[3:]:
            print("  %s is %.1f times as fast as %s" % (ours[0], statistics.median(
                b / a for a, b in zip(times[ours[0]], times[other[0]])), other[0]))
    os.unlink(path)
    os.unlink(rows)
    print()


def point(connections, packets_per, interleave, rounds):
    """Processor time of one packet in nanoseconds, the start of the program left out."""
    costs = []
    for _ in range(rounds):
        start = Done([CONNTRACE, "-q", "-r", "-"], storm(1, 7, 1)).cpu
        done, rows, accounts = conntrace(["-r", "-"], storm(connections, packets_per, interleave))
        require(sum(row["ok"] for row in rows) == connections and accounts["packets"] == connections * packets_per,
                "not every packet was counted: %s" % accounts)
        costs.append((done.cpu - start) / connections / packets_per * 1e9)
    return statistics.median(costs), done.kib


def curve(rounds, most):
    """The processor time of a packet as packets and connections get more, through a pipe."""
    print("Processor time of a packet, both processes, through a pipe (12 packets a connection)")
    print("  %12s %12s %12s %10s %12s" % ("packets", "connections", "at a time", "ns/packet", "largest KiB"))
    for exponent in range(5, most + 1):
        connections = 10 ** exponent // 12
        print("  %12d %12d %12d %10.0f %12d" % ((connections * 12, connections, 5000) + point(
            connections, 12, 5000, rounds if exponent < 8 else 1)))
    for exponent in range(1, 7):
        print("  %12d %12d %12d %10.0f %12d" % ((12 * 10 ** 6, 10 ** 6, 10 ** exponent) + point(
            10 ** 6, 12, 10 ** exponent, rounds)))
    print("""  A thousand connections stay in the cache of a processor (L2), a million do not in any: each packet then
  fetches its record from memory, of which what is done ahead hides a part. Those that have ended are kept for
  up to 60 seconds by the packets' clock, 8192 of them, and more for two seconds.
""")


def limits():
    """What a million connections take, and a flood that is ten times as large as the table."""
    print("A million connections at once")
    for report in ("peers", "conns"):
        done, rows, accounts = conntrace(["-z", report, "-r", "-"], storm(10 ** 6, 7, 10 ** 6))
        count = sum(row["ok"] for row in rows) if report == "peers" else accounts["connections"]
        require(count == 10 ** 6 and accounts["lost"]["table"] == 0, "%d connections: %s" % (count, accounts))
        print("  conntrace -z %-40s %6.0f MiB, %.1f s" % (report, done.kib / 1024, done.seconds))
    # None of them has ended: each is a record of the tracker until it is a row.
    done, _, accounts = conntrace(["-z", "conns", "-r", "-"], storm(10 ** 6, 1, 10 ** 6))
    require(accounts["connections"] == 10 ** 6 and accounts["lost"]["table"] == 0, str(accounts))
    require(done.kib < MILLION_KIB, "a million open connections took %d KiB" % done.kib)
    print("  conntrace -z %-40s %6.0f MiB, %.1f s" % ("conns, all open at the end", done.kib / 1024, done.seconds))
    done, rows, accounts = conntrace(["-r", "-"], storm(10 ** 7, 1, 1))
    pending = sum(row["pending"] for row in rows)
    require(pending == 10 ** 7 and accounts["connections"] == 10 ** 7 and accounts["lost"]["table"] == 9 * 10 ** 6,
            "the flood: %d pending, %s" % (pending, accounts))
    print("  a flood of ten million SYNs, all counted, nine million given up: %.0f MiB, %.1f s\n" % (
        done.kib / 1024, done.seconds))


def listens(process):
    """tcpdump says so; conntrace's packet process is confined then."""
    if "listening on" in process.err:
        return True
    with open("/proc/%d/task/%d/children" % (process.pid, process.pid), encoding="ascii") as file:
        children = file.read().split()
    return any("Seccomp:\t2" in read_file("/proc/%s/status" % child) for child in children)


def received(interface):
    with open("/proc/net/dev", encoding="ascii") as table:
        return [int(line.split()[2]) for line in table if line.split()[0] == interface + ":"][0]


def captured(command, interface, path, rate, seconds=1):
    """Lets @command listen while frames pass. Return: the process, ended, how many frames came, how fast they went."""
    listener = Process(command)
    wait_for(lambda: listens(listener), command[0] + " to listen")
    repeat = max(1, round(rate * seconds / FRAMES))
    before = received(interface)
    sent, speed = must([BLAST, SENDERS[interface], path, str(rate), str(repeat)], limit=60).split()
    time.sleep(0.5)
    listener.signal(signal.SIGINT)
    require(listener.wait(30) == 0, "%s failed: %s" % (command[0], listener.err))
    # The kernel may have had no room for some before anybody could look at them (net.core.netdev_max_backlog).
    return listener, min(int(sent), received(interface) - before), float(speed)


def tcpdump_loses(interface, path, rate):
    command = [need("tcpdump"), "-Z", "root", "-i", interface, "-B", str(BUFFER_KIB), "-s256", "-w", "/dev/null", "tcp"]
    listener, came, speed = captured(command, interface, path, rate)
    words = listener.err.split()
    # On lo each frame is received twice, and once of them left out.
    dropped, got = int(words[words.index("dropped") - 2]), int(words[words.index("received") - 2])
    # Packets in the buffer at its end stay there and count as received. A rate below the given one means that the
    # sender is at its limit.
    return dropped > 0 or got < came or speed < 0.95 * rate


def conntrace_loses(interface, path, rate):
    rows = scratch("rows")
    command = [CONNTRACE, "-i", interface, "-B", str(BUFFER_KIB), "-j", "-o", rows, "tcp"]
    _, came, _ = captured(command, interface, path, rate)
    with open(rows, encoding="ascii") as file:
        accounts = [json.loads(line) for line in file][-1]["summary"]
    lost = accounts["lost"]
    # A loss is said: what was not seen was counted.
    require(accounts["packets"] + lost["capture_kernel"] >= came, "%d packets came: %s" % (came, accounts))
    return lost["capture_kernel"] + lost["packet_queue"]


def live(rounds=5):
    """At the highest rate at which tcpdump loses nothing, conntrace loses nothing either."""
    must(["ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1"])
    for name in ("v0", "v1"):
        must(["ip", "link", "set", name, "up"])
    path = scratch("pcap")
    Done(storm(FRAMES // 12, 12, 1000) + ["-o", path])
    print("Live: the highest rate at which tcpdump -w /dev/null -B %d loses nothing in a second" % BUFFER_KIB)
    for interface in ("v0", "lo"):
        rate, step = 50000, 2.0
        while step > 1.05:
            if tcpdump_loses(interface, path, rate * step):
                step = step ** 0.5
            else:
                rate *= step
        lost = [conntrace_loses(interface, path, rate) for _ in range(rounds)]
        print("  %-4s %9.0f packets/s; conntrace at that rate lost in %d runs: %s" % (
            "veth" if interface == "v0" else interface, rate, rounds, " ".join(map(str, lost))))
    print()
