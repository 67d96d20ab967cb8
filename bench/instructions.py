# SPDX-License-Identifier: GPL-2.0-or-later
"""Instructions of fixed work, compared with those of an earlier run: they do not depend on what else the machine does."""
import os
import platform
import re

# pylint: disable=import-error
from lib import TOP_BUILD, Skip, must, need, read_file, scratch, write_file

WORK = os.path.join(TOP_BUILD, "tests/helpers/work")
MKPCAP = os.path.join(TOP_BUILD, "tests/helpers/mkpcap")
CONNECTIONS, PACKETS_PER = 5000, 12
KINDS = {    # what is counted, and how often it is done
    "decode": ("a packet, from the savefile to the event", CONNECTIONS * PACKETS_PER),
    "tracker": ("a packet, from the event to the connection", CONNECTIONS * PACKETS_PER),
    "peers": ("a connection, in the report peers", CONNECTIONS),
    "json": ("a connection, as a row in JSON", CONNECTIONS),
    "table": ("a connection, as a row of a table", CONNECTIONS),
}
TOLERANCE = 0.03
# The functions of the C library are chosen by the processor: those that all have.
SAME_LIBRARY = {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-AVX,-AVX512F,-AVX512VL,-AVX512BW,-ERMS,-FSRM,-BMI2,-RTM"}


def build():
    """The figures of another one can't be compared."""
    return "%s, %s" % (platform.machine(), must([WORK, "--build"]).strip())


def count(kind, path):
    # add_share() is the other thread that writes rows in JSON.
    out = must([need("valgrind"), "--tool=callgrind", "--toggle-collect=measured", "--toggle-collect=add_share",
                "--callgrind-out-file=/dev/null",
                "--log-file=" + path + ".log", WORK, kind, path], env=dict(os.environ, **SAME_LIBRARY), limit=300)
    assert out.split()[0] == str(CONNECTIONS * PACKETS_PER), out
    return int(re.search(r"Collected : (\d+)", read_file(path + ".log")).group(1))


def counts():
    path = scratch("pcap")
    must([MKPCAP, "--storm", str(CONNECTIONS), "--packets-per", str(PACKETS_PER), "--interleave", "500", "-o", path])
    return {kind: count(kind, path) for kind in KINDS}


def stored(path):
    """Lines of "BUILD: KIND NUMBER". Return: numbers by kind by build."""
    figures = {}
    for line in read_file(path).splitlines():
        if not line.startswith("#"):
            name, words = line.split(": ")
            kind, number = words.split()
            figures.setdefault(name, {})[kind] = int(number)
    return figures


def store(path):
    figures = dict(stored(path), **{build(): counts()})
    write_file(path, "# SPDX-License-Identifier: GPL-2.0-or-later\n" + "".join(
        "%s: %s %d\n" % (name, kind, number) for name in sorted(figures) for kind, number in figures[name].items()))


def compare(path):
    """Return: the exit status."""
    try:
        need("valgrind")
    except Skip as reason:
        print("skipped: %s\n0 passed, 0 failed, 1 skipped" % reason)
        return 0
    before = stored(path).get(build())
    if before is None:
        print("skipped: %s has no figures of %s, but of %s\n0 passed, 0 failed, 1 skipped" % (
            path, build(), "; ".join(stored(path)) or "nothing"))
        return 0
    worse = 0
    print("Instructions for one of each, %s\n  %-45s %9s %9s %8s" % (build(), "", "stored", "now", "change"))
    for kind, now in counts().items():
        what, times = KINDS[kind]
        change = now / before[kind] - 1
        note = ""
        if change > TOLERANCE:
            worse += 1
            note = "  more than %.0f %% worse" % (TOLERANCE * 100)
        elif change < -TOLERANCE:
            note = "  better: --store writes the new figures"
        print("  %-45s %9.0f %9.0f %+7.1f %%%s" % (what, before[kind] / times, now / times, change * 100, note))
    print("%d passed, %d failed, 0 skipped" % (len(KINDS) - worse, worse))
    return 1 if worse else 0
