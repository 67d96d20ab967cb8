#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The screen in README.md is what the demo prints, but for numbers that differ from run to run."""
import os
import re
import subprocess

import cli

MKCONN = os.path.join(cli.BUILD, "tests/helpers/mkconn")


def shape(text):
    """Lines without their order, as words without their numbers: 127.0.0.2 stays, 0.017 and 09:11:00.5 do not."""
    lines = []
    for line in text.strip().splitlines():
        words = [re.sub(r"^[\d:.]*\d$", lambda word: word[0] if word[0].count(".") == 3 else "N", word)
                 for word in line.split()]
        lines.append(" ".join(words))
    return sorted(line for line in lines if line)


def main():
    test = cli.Cli()
    with open(os.path.join(cli.TOP, "README.md"), encoding="utf-8") as file:
        match = re.search(r"<!-- screen begin[^>]*-->\n+```\n(.*?)```\n+<!-- screen end -->", file.read(), re.DOTALL)
    done = subprocess.run([os.path.join(cli.TOP, "contrib/demo.sh"), cli.CONNTRACE, MKCONN, "-z", "peers", "-z", "conns"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    test.expect("the demo runs", done, 0, stdout="127.0.0.3")
    shown = shape(match.group(1)) if match else []
    # The accounts at the end are on standard error, and vary most.
    shown = [line for line in shown if not line.startswith(("$ ", "conntrace: "))]
    printed = shape(done.stdout)
    test.say("README.md shows what it prints", ["only in README.md: " + line for line in shown if line not in printed]
             + ["only printed: " + line for line in printed if line not in shown])
    test.end()


main()
