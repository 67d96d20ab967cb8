#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The columns of the table, of --list-columns and of the manual page are the same, and mean the same.

    tests/lint/columns.py --update

writes those of src/report/rows/columns.def into the manual page.
"""
import os
import re
import subprocess
import sys
import textwrap

import lint

SECTIONS = {"COLUMNS OF A CONNECTION": "CONN", "KEYS OF A GROUP": "KEY", "FIGURES OF A GROUP": "GROUP",
            "COLUMNS OF REQUESTS": "TREE", "COLUMNS OF A MESSAGE": "MESSAGE"}


def from_table():
    found = {}
    for kind, name, text in re.findall(r'^(CONN|PART|KEY|GROUP|TREE|MESSAGE)_COLUMN\((?:[a-z_]+, )?(\w+), \w+, "[^"]*",\s*((?:"[^"]*"\s*)+),',
                                       lint.read("src/report/rows/columns.def"), re.MULTILINE):
        found.setdefault("CONN" if kind == "PART" else kind, []).append((name, "".join(re.findall(r'"([^"]*)"', text))))
    return found


def from_manual():
    found = {}
    kind = None
    for line in lint.read("man/conntrace-fields.5").splitlines():
        if line.startswith((".Sh", ".Ss")):
            kind = SECTIONS.get(line[4:])
        elif kind and line.startswith(".It Cm "):
            found.setdefault(kind, []).append((line[7:], ""))
        elif kind and not line.startswith(".") and found.get(kind):
            name, text = found[kind][-1]
            found[kind][-1] = (name, (text + " " + line).strip())
    return found


def update_manual():
    lines, table = [], from_table()
    is_replaced = False
    for line in lint.read("man/conntrace-fields.5").splitlines():
        if line.startswith((".Sh", ".Ss")):
            kind = SECTIONS.get(line[4:])
        if line == ".El":
            is_replaced = False
        if not is_replaced:
            lines.append(line)
        if line.startswith(".Bl") and kind:
            is_replaced = True
            for name, text in table[kind]:
                lines.append(".It Cm " + name)
                for sentence in re.split(r"(?<=\w\.) ", text):
                    lines += textwrap.wrap(sentence, 80, break_on_hyphens=False)
    with open(os.path.join(lint.TOP, "man/conntrace-fields.5"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def from_program():
    done = subprocess.run([os.path.join(lint.BUILD, "conntrace"), "--list-columns"], capture_output=True, text=True,
                          check=False)
    found = {}
    for line in done.stdout.splitlines()[1:]:
        report, name, _, _, text = line.split(None, 4)
        kind = {"conns": "CONN", "tree": "TREE", "messages": "MESSAGE"}.get(report) or (
            "KEY" if text.startswith("key: ") else "GROUP")
        found.setdefault(kind, []).append((name, text[5:] if kind == "KEY" else text))
    return found


def differences(theirs, ours):
    wrong = []
    for kind, columns in ours.items():
        known = theirs.get(kind, [])
        for name, text in columns:
            if name not in dict(known):
                wrong.append("%s of %s is missing" % (name, kind))
            elif dict(known)[name].split() != text.split():
                wrong.append("%s of %s means something else: %s" % (name, kind, dict(known)[name]))
        wrong += ["%s of %s does not exist" % (name, kind) for name, _ in known if name not in dict(columns)]
        if not wrong and [name for name, _ in known] != [name for name, _ in columns]:
            wrong.append("the order of %s is another" % kind)
    return wrong


def main():
    if sys.argv[1:] == ["--update"]:
        update_manual()
        return
    tap = lint.Tap()
    table = from_table()
    lines = re.findall(r"^(?:CONN|PART|KEY|GROUP|TREE|MESSAGE)_COLUMN\(", lint.read("src/report/rows/columns.def"), re.MULTILINE)
    tap.say("every line of columns.def is understood",
            [] if len(lines) == sum(map(len, table.values())) > 80 else ["%d lines" % len(lines)])
    tap.say("--list-columns tells what columns.def says", differences(from_program(), table))
    tap.say("the manual page tells what columns.def says", differences(from_manual(), table))
    tap.say("doc/FIELDS.md names every column of a connection",
            ["%s is missing" % name for name, _ in table["CONN"]
             if not re.search(r"\b%s\b" % name, lint.read("doc/FIELDS.md"))])
    tap.end()


main()
