#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The manual pages: commands that survive copying from a PDF, short paragraphs, EXAMPLES before OPTIONS."""
import os
import re
import shutil
import subprocess

import lint

LONGEST = 8
# Screens that a test writes are not copied into a shell.
GENERATED = re.compile(r'^\.\\" (?:screen begin|ladder\.py)[^\n]*\n\.Bd -literal\n.*?^\.Ed$', re.DOTALL | re.MULTILINE)
LITERAL = re.compile(r"^\.Bd -literal[^\n]*\n(.*?)^\.Ed$", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"^\.[DQ]l ((?:[^\n]*\\\n)*[^\n]*)$", re.MULTILINE)
# Lists of short lines, tables and displays: each line is read by itself.
NO_PARAGRAPH = re.compile(r'^\.Bl (?:-column [^\n]*|[^\n]*-compact)\n.*?^\.El$|^\.Bd -literal[^\n]*\n.*?^\.Ed$',
                          re.DOTALL | re.MULTILINE)


def commands(page):
    """Quotes and dashes of commands are escaped: groff(1) prints plain ones as typographic characters."""
    text = GENERATED.sub("", lint.read(page))
    found = COMMAND.findall(text) + [line for block in LITERAL.findall(text) for line in block.splitlines()]
    return ["%s: %s" % (page, line) for line in found if re.search(r"(?<!\\)[-'`~^]", line)]


def paragraphs(page):
    text = NO_PARAGRAPH.sub("", lint.read(page))
    done = subprocess.run(["mandoc", "-T", "ascii", "-O", "width=80"], input=text, capture_output=True, text=True, check=False)
    plain = re.sub(".\b", "", done.stdout)
    return ["%s: %d lines: %s" % (page, len(lines), lines[0].strip()) for lines in
            (part.strip("\n").splitlines() for part in re.split(r"\n\s*\n", plain)) if len(lines) > LONGEST]


def order(page):
    sections = re.findall(r"^\.Sh (.*)$", lint.read(page), re.MULTILINE)
    if "OPTIONS" not in sections or sections.index("EXAMPLES") < sections.index("OPTIONS"):
        return []
    return ["%s: %s" % (page, " ".join(sections))]


def main():
    tap = lint.Tap()
    pages = lint.files(".1", ".5", ".8")
    tap.say("quotes and dashes of commands are escaped", sum(map(commands, pages), []))
    tap.say("EXAMPLES precedes OPTIONS", sum(map(order, pages), []) if pages else ["no page"])
    if shutil.which("mandoc") is None:
        tap.skip("no paragraph is longer than %d lines" % LONGEST, "mandoc is not installed")
    else:
        tap.say("no paragraph is longer than %d lines" % LONGEST, sum(map(paragraphs, pages), []))
    tap.end()


main()
