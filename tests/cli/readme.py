#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The screen in README.md is what the demo prints, but for numbers that differ from run to run.

With --update the screen is written from the present output of the demo.
"""
import os
import re
import subprocess
import sys

import cli

SCREEN = re.compile(r"(<!-- screen begin[^>]*-->\n+```\n)(.*?)(```\n+<!-- screen end -->)", re.DOTALL)
MKCONN = os.path.join(cli.BUILD, "tests/helpers/mkconn")


def shape(text):
    """Lines without their order, as words without their numbers: 127.0.0.2 stays, 0.017 and 09:11:00.5 do not."""
    lines = []
    for line in text.strip().splitlines():
        words = [re.sub(r"^[\d:.]*\d$", lambda word: word[0] if word[0].count(".") == 3 else "N", word)
                 for word in line.split()]
        lines.append(" ".join(words))
    return sorted(line for line in lines if line)


def demo():
    return subprocess.run([os.path.join(cli.TOP, "contrib/demo.sh"), cli.CONNTRACE, MKCONN, "-z", "peers", "-z", "conns"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)


def update(path, text, done):
    screen = "$ conntrace -z peers -z conns -- ./server\n" + done.stdout + done.stderr
    with open(path, "w", encoding="utf-8") as file:
        file.write(SCREEN.sub(lambda match: match.group(1) + screen + match.group(3), text))


def main():
    path = os.path.join(cli.TOP, "README.md")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    done = demo()
    if "--update" in sys.argv:
        update(path, text, done)
        return
    test = cli.Cli()
    test.expect("the demo runs", done, 0, stdout="127.0.0.3")
    match = SCREEN.search(text)
    shown = shape(match.group(2)) if match else []
    shown = [line for line in shown if not line.startswith("$ ")]
    printed = shape(done.stdout + done.stderr)
    test.say("README.md shows what it prints", ["only in README.md: " + line for line in shown if line not in printed]
             + ["only printed: " + line for line in printed if line not in shown])
    test.end()


main()
