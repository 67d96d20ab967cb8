#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a file offers to others is called after the file: dissect_frame() is in dissect.c."""
import os
import re
import subprocess

import lint


def symbols(path):
    done = subprocess.run(["nm", "-g", "--defined-only", path], capture_output=True, text=True, check=True)
    # Type letters T D B R: what the linker shows to other files. Sanitizers add names that begin with "_".
    return [line.split()[-1] for line in done.stdout.splitlines() if re.match(r"[0-9a-f]+ [TDBRW] [a-z]", line)]


def main():
    tap = lint.Tap()
    exceptions = lint.Exceptions("name")
    wrong, seen = [], 0
    for path in (path for path in lint.files(".c") if path.startswith("src/")):
        stem = os.path.basename(path)[:-2]
        built = os.path.join(lint.BUILD, path[:-1] + "o")
        if not os.path.isfile(built):
            continue
        seen += 1
        for symbol in symbols(built):
            if not symbol.startswith(stem + "_") and symbol not in (stem, "main") and \
                    not exceptions.allow("%s:%s" % (path, symbol)):
                wrong.append("%s: %s() should begin with %s_" % (path, symbol, stem))
    tap.say("there are objects to look at", [] if seen > 5 else ["only %d in %s" % (seen, lint.BUILD)])
    tap.say("public names begin with the name of their file", wrong + exceptions.unused())
    tap.end()


main()
