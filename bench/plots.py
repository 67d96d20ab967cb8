# SPDX-License-Identifier: GPL-2.0-or-later
"""Plots of what one of each costs as there are more of them: packets, connections, peers, processes, threads."""
import json
import math
import statistics
import sys

# pylint: disable=import-error
from lib import CONNTRACE, read_file, require, scratch
from packets import Done, point, storm

FLAT = 2    # the dearest costs at most so many times the cheapest: the band of a plot
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 560, 180, 70, 20, 34, 36


def own_seconds(words, source=None):
    """Processor seconds of conntrace alone, and its summary."""
    rows = scratch("rows")
    Done([CONNTRACE, "-j", "-o", rows] + words, source)
    summary = json.loads(read_file(rows).splitlines()[-1])["summary"]
    return summary["cpu_s"], summary


def each(count, measure, rounds):
    """Nanoseconds for one of @count, without what one alone takes."""
    return max(0, statistics.median(measure(count) - measure(1) for _ in range(rounds))) / count * 1e9


def grouped(count):
    seconds, summary = own_seconds(["-z", "peers", "--by=peer,rport", "-r", "-"], storm(count, 7, min(count, 1000)))
    require(summary["connections"] == count, "%d connections: %s" % (count, summary))
    return seconds


def launched(script, count):
    return own_seconds(["--", sys.executable, "-c", script, str(count)])[0]


# All are there at once; each makes one call that is traced.
PROCESSES = """
import os, socket, sys
ready, go = os.pipe(), os.pipe()
for _ in range(int(sys.argv[1])):
    if os.fork() == 0:
        socket.socket().connect_ex(("127.0.0.1", 1))
        os.write(ready[1], b".")
        os.read(go[0], 1)
        os._exit(0)
for _ in range(int(sys.argv[1])):
    os.read(ready[0], 1)
os.write(go[1], b"." * int(sys.argv[1]))
for _ in range(int(sys.argv[1])):
    os.wait()
"""
THREADS = """
import socket, sys, threading
threading.stack_size(65536)
count = int(sys.argv[1])
barrier = threading.Barrier(count)
def work():
    socket.socket().connect_ex(("127.0.0.1", 1))
    barrier.wait()
threads = [threading.Thread(target=work) for _ in range(count)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def curves(rounds, most):
    """Return: title, unit of the horizontal axis, points (how many, nanoseconds each)."""
    yield "a packet of a savefile", "packets", [
        (10 ** n, point(10 ** n // 12, 12, 5000, rounds)[0]) for n in range(5, most + 1)]
    yield "a packet, by connections at a time", "connections at a time", [
        (10 ** n, point(200000, 12, 10 ** n, rounds)[0]) for n in range(1, 6)]
    yield "a connection, each of another peer", "peers", [
        (10 ** n, each(10 ** n, grouped, rounds)) for n in range(3, most)]
    yield "a launched process with one connect", "processes at once", [
        (n, each(n, lambda count: launched(PROCESSES, count), rounds)) for n in (10, 100, 1000, 4000)]
    yield "a thread with one connect", "threads at once", [
        (n, each(n, lambda count: launched(THREADS, count), rounds)) for n in (10, 100, 1000, 5000)]


def nice_time(ns):
    return "%.0f ns" % ns if ns < 10000 else "%.0f us" % (ns / 1000)


def count_text(count):
    power = math.log10(count)
    return "10^%d" % power if power > 4 and power == int(power) else "{:,}".format(count)


def draw(number, title, unit, points):
    """One plot, as lines of SVG: horizontally powers of ten, vertically from zero."""
    top = number * HEIGHT
    low, high = math.log10(points[0][0]), math.log10(points[-1][0])
    most = max(cost for _, cost in points) * 1.15 or 1
    least = min(cost for _, cost in points)

    def at(count, cost):
        x = LEFT + (math.log10(count) - low) / ((high - low) or 1) * (WIDTH - LEFT - RIGHT)
        return x, top + TOP + (1 - cost / most) * (HEIGHT - TOP - BOTTOM)

    floor = at(points[0][0], 0)[1]
    band = at(points[0][0], min(least * FLAT, most))[1], at(points[0][0], least)[1]
    yield '<text class="title" x="%d" y="%d">%s</text>' % (LEFT, top + 20, title)
    yield '<rect class="band" x="%d" y="%.1f" width="%d" height="%.1f"/>' % (
        LEFT, band[0], WIDTH - LEFT - RIGHT, band[1] - band[0])
    yield '<path class="axis" d="M%d %d V%.1f H%d"/>' % (LEFT, top + TOP, floor, WIDTH - RIGHT)
    yield '<text class="right" x="%d" y="%.1f">%s</text>' % (LEFT - 6, at(*points[0])[1] + 4, nice_time(points[0][1]))
    yield '<polyline points="%s"/>' % " ".join("%.1f,%.1f" % at(*one) for one in points)
    for count, cost in points:
        x, y = at(count, cost)
        yield '<circle cx="%.1f" cy="%.1f" r="3"><title>%s %s: %s</title></circle>' % (
            x, y, count_text(count), unit, nice_time(cost))
        yield '<text class="middle" x="%.1f" y="%.1f">%s</text>' % (x, floor + 15, count_text(count))
    yield '<text class="right" x="%d" y="%.1f">%s</text>' % (WIDTH - RIGHT, floor + 29, unit)


STYLE = """text{font:12px sans-serif;fill:#222}.title{font-weight:bold}.right{text-anchor:end}.middle{text-anchor:middle}
polyline{fill:none;stroke:#1f5fa8;stroke-width:2}circle{fill:#1f5fa8}.axis{fill:none;stroke:#888}.band{fill:#e4edf7}"""


def plots(path, rounds, most):
    """Writes the page and prints the figures."""
    body = []
    print("Processor time of one of each")
    for number, (title, unit, points) in enumerate(curves(rounds, most)):
        body += draw(number, title, unit, points)
        costs = [cost for _, cost in points]
        print("  %-40s %s; dearest/cheapest %.1f" % (title, ", ".join(
            "%s: %s" % (count_text(count), nice_time(cost)) for count, cost in points), max(costs) / max(min(costs), 1)))
        sys.stdout.flush()
    height = 5 * HEIGHT
    with open(path, "w", encoding="ascii") as file:
        file.write('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d">\n'
                   "<!-- SPDX-License-Identifier: GPL-2.0-or-later -->\n<title>What one of each costs</title>\n"
                   '<style>%s</style>\n<rect width="100%%" height="100%%" fill="#fff"/>\n%s\n</svg>\n' % (
                       WIDTH, height, WIDTH, height, STYLE, "\n".join(body)))
    print()
