#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a file offers to others is called after the file, its family, or its room.

dissect_frame() is in dissect.c; wire_feed() in wire.c, and wire_result() may be in wire_settle.c beside it;
report_summary() may be anywhere in report/.
"""
import os
import re
import subprocess

import lint


def prefixes(path):
    """What the names in a file may begin with: wire_settle, wire (if there is a wire.h beside it), track."""
    folder, name = os.path.split(path)
    words = name[:-2].split("_")
    stems = ["_".join(words[:count]) for count in range(1, len(words) + 1)]
    found = [stem for stem in stems if os.path.isfile(os.path.join(lint.TOP, folder, stem + ".h"))]
    return found + [name[:-2], os.path.basename(folder)]


def symbols(path):
    done = subprocess.run(["nm", "-g", "--defined-only", path], capture_output=True, text=True, check=True)
    # Type letters T D B R: what the linker shows to other files. Sanitizers add names that begin with "_".
    return [line.split()[-1] for line in done.stdout.splitlines() if re.match(r"[0-9a-f]+ [TDBRW] [a-z]", line)]


def main():
    tap = lint.Tap()
    exceptions = lint.Exceptions("name")
    wrong, seen = [], 0
    for path in (path for path in lint.files(".c") if path.startswith("src/")):
        built = os.path.join(lint.BUILD, path[:-1] + "o")
        if not os.path.isfile(built):
            continue
        seen += 1
        for symbol in symbols(built):
            if symbol != "main" and not any(symbol == stem or symbol.startswith(stem + "_") for stem in prefixes(path)) \
                    and not exceptions.allow("%s:%s" % (path, symbol)):
                wrong.append("%s: %s() should begin with %s_" % (path, symbol, prefixes(path)[0]))
    tap.say("there are objects to look at", [] if seen > 5 else ["only %d in %s" % (seen, lint.BUILD)])
    tap.say("public names begin with the name of their file", wrong + exceptions.unused())
    tap.end()


main()
