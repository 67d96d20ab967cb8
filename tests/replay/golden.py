#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Recordings of real runs, replayed: the same report as ever (TAP).

golden/NAME.ev was written by --record, golden/NAME.json is what it must give;
--update writes the latter, for an intended change.
"""
import glob
import json
import os
import subprocess
import sys

SOURCE = os.environ.get("top_srcdir", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
BUILD = os.environ.get("top_builddir", ".")
CONNTRACE = os.environ.get("CONNTRACE", os.path.join(BUILD, "conntrace"))


def replay(path):
    """Return: what conntrace prints of a recording."""
    result = subprocess.run([CONNTRACE, "-q", "--replay", path, "-j", "-z", "conns", "-z", "peers"],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False)
    text = result.stdout.decode("utf-8", "replace")
    return text if result.returncode == 0 else text + "exit status %d\n" % result.returncode


def fits(row):
    """Whether handshake and wait in the queue lie between BEGAN and END."""
    known = row.get("began") is not None and row["end"] is not None
    spent_ms = (row.get("hs_ms") or 0) + (row.get("queue_ms") or 0)
    return not known or row["began"] <= row["start"] and spent_ms <= (row["end"] - row["began"]) * 1000 + 0.001


def main():
    recordings = sorted(glob.glob(os.path.join(SOURCE, "tests", "replay", "golden", "*.ev")))
    if "--update" in sys.argv:
        for path in recordings:
            with open(path[:-2] + "json", "w", encoding="utf-8") as file:
                file.write(replay(path))
        return 0
    failed = 0
    print("1..%d" % len(recordings))
    for number, path in enumerate(recordings, 1):
        with open(path[:-2] + "json", encoding="utf-8") as file:
            wanted = file.read()
        got = replay(path)
        unfit = [line for line in got.splitlines() if line.startswith("{") and not fits(json.loads(line))]
        is_same = got == wanted and not unfit
        print("%s %d - %s" % ("ok" if is_same else "not ok", number, os.path.basename(path)))
        for line in unfit:
            print("# does not fit between BEGAN and END: " + line)
        if not is_same:
            failed += 1
            for line in got.splitlines():
                if line not in wanted.splitlines():
                    print("# now: " + line)
            for line in wanted.splitlines():
                if line not in got.splitlines():
                    print("# was: " + line)
    return 1 if failed or not recordings else 0


if __name__ == "__main__":
    sys.exit(main())
