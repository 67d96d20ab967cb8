#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Each entry of "Behaviour that changed" in NEWS.md ends with what restores the former behaviour, in brackets.

That is "[none]" or text with an option. Options in backquotes there are options of src/cli/options.def.
"""
import re

import lint

SECTION = "### Behaviour that changed"


def entries(text):
    """The entries of the section, each in one line."""
    section = re.split(r"^#", text.partition(SECTION + "\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    return [" ".join(entry.split()) for entry in re.split(r"^\* ", section, flags=re.MULTILINE)[1:]]


def complaint(entry, long, letters):
    """What is wrong with an entry, or None."""
    end = re.search(r" \[([^\[\]]+)\]$", entry)
    if not end:
        return "ends with neither [OPTION] nor [none]"
    if end[1] == "none":
        return None
    options = re.findall(r"`(?:--([\w-]+)|-(\w))[^`]*`", end[1])
    if not options:
        return "[%s] names no option" % end[1]
    unknown = [name or letter for name, letter in options if name not in long and letter not in letters]
    return "[%s]: no such option: %s" % (end[1], ", ".join(unknown)) if unknown else None


def main():
    tap = lint.Tap()
    table = lint.read("src/cli/options.def")
    long = set(re.findall(r'^OPTION\([^,]+, "([\w-]+)"', table, re.MULTILINE))
    letters = set(re.findall(r"^OPTION\('(\w)'", table, re.MULTILINE))
    found = entries(lint.read("NEWS.md"))
    wrong = [(entry, complaint(entry, long, letters)) for entry in found]
    tap.say("there are entries and options", [] if len(found) > 5 and long and letters else ["%d entries" % len(found)])
    tap.say("each entry ends with what restores the former behaviour",
            ["%s...: %s" % (entry[:60], what) for entry, what in wrong if what])
    tap.end()


main()
