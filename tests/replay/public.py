# SPDX-License-Identifier: GPL-2.0-or-later
"""What the comparisons of public captures with tshark share: the captures, and TAP with known differences."""
import glob
import os
import shutil
import sys

CAPTURES = os.environ.get("CONNTRACE_CAPTURES") or "/nonexistent"


def captures(step):
    """Path and name of every step-th capture. Without captures or tshark the script is skipped."""
    paths = sorted(path for path in glob.glob(os.path.join(CAPTURES, "*", "*"))
                   if path.endswith((".pcap", ".pcapng", ".cap")))[::step]
    missing = "no captures: set CONNTRACE_CAPTURES" if not paths else "no tshark" if not shutil.which("tshark") else None
    if missing:
        print("1..0 # SKIP " + missing)
        sys.exit(0)
    return [(path, os.path.relpath(path, CAPTURES)) for path in paths]


class Comparison:
    """Results one by one. A known difference that is there no more is a failure, too."""

    def __init__(self):
        self.number = self.failed = 0

    def say(self, what, equal, why, details=()):
        """why: the reason of a known difference, or None; details: lines that are shown if it is another one."""
        self.number += 1
        right = equal != (why is not None)
        self.failed += not right
        print("%sok %d - %s%s" % ("" if right else "not ", self.number, what, ": " + why if why else ""))
        if right:
            return
        for line in ["equal by now"] if equal else details:
            print("# " + line)

    def end(self):
        """Return: the exit status."""
        print("1..%d" % self.number)
        return int(self.failed > 0)
