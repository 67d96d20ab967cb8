#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a file offers to others is called after the file, its family, or a folder that it is in.

dissect_frame() is in dissect.c; wire_feed() in wire.c, and wire_result() may be in wire_settle.c beside it;
report_summary() may be anywhere below report/.
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
    return found + [name[:-2]] + folder.split("/")[1:]


def symbols(paths):
    """Return: for each object the names that it offers. One nm(1) for all: starting it takes longer than its work."""
    done = subprocess.run(["nm", "-A", "-g", "--defined-only"] + paths, capture_output=True, text=True, check=True)
    found = {path: [] for path in paths}
    for line in done.stdout.splitlines():
        path, _, rest = line.partition(":")
        # Type letters T D B R: what the linker shows to other files. Sanitizers add names that begin with "_".
        if re.match(r"[0-9a-f]+ [TDBRW] [a-z]", rest):
            found[path].append(rest.split()[-1])
    return found


def main():
    tap = lint.Tap()
    exceptions = lint.Exceptions("name")
    wrong = []
    built = {path: os.path.join(lint.BUILD, path[:-1] + "o") for path in lint.files(".c") if path.startswith("src/")}
    built = {path: place for path, place in built.items() if os.path.isfile(place)}
    found = symbols(list(built.values())) if built else {}
    for path, place in built.items():
        for symbol in found[place]:
            if symbol != "main" and not any(symbol == stem or symbol.startswith(stem + "_") for stem in prefixes(path)) \
                    and not exceptions.allow("%s:%s" % (path, symbol)):
                wrong.append("%s: %s() should begin with %s_" % (path, symbol, prefixes(path)[0]))
    tap.say("there are objects to look at", [] if len(built) > 5 else ["only %d in %s" % (len(built), lint.BUILD)])
    tap.say("public names begin with the name of their file", wrong + exceptions.unused())
    tap.end()


main()
