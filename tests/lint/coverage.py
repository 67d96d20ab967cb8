#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""doc/COVERAGE.md is what the scenarios say of themselves."""
import os
import subprocess
import sys

import lint


def main():
    tap = lint.Tap()
    done = subprocess.run([sys.executable, os.path.join(lint.TOP, "tests/live/matrix.py"), "--coverage"],
                          capture_output=True, text=True, check=False)
    fact, kept = done.stdout.splitlines(), lint.read("doc/COVERAGE.md").splitlines()
    wrong = [line for line in fact + kept if (line in fact) != (line in kept)]
    if fact != kept:
        wrong.append("doc/COVERAGE.md is not what tests/live/matrix.py --coverage prints: make coverage writes it")
    tap.say("the table of scenarios is up to date", wrong + done.stderr.splitlines())
    tap.end()


main()
