#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tables that an enumeration indexes are complete: each member has an entry, and the length is asserted.

A member without a word is a NULL pointer for the first who prints it. Two kinds of table are known: those whose
entries name their member ([CALL_CLOSE] = "close"), and those of words in the order of the enumeration. The first need
an entry for each member; the length of both is asserted by TABLE_COVERS(), or walked by sizeof.
"""
import re

import lint

COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
ENUM = re.compile(r"\benum\s*(\w*)\s*\{([^}]*)\}")
TABLE = re.compile(r"(?:^|[\s*}])(\w+)((?:\[[^\]]*\])+) = \{")
DESIGNATOR = re.compile(r"(?:^|[{,\s])\[(\w+)(?:##\w+)?\]\s*=")
WORDS = re.compile(r"^\s*(?:NULL|\"[^\"]*\"|\w+\(\))\s*(?:,|$)")


def enumerations():
    """Member name: the list of all members of its enumeration."""
    found = {}
    for path in lint.files(".c", ".h"):
        if not path.startswith("src/"):
            continue
        for name, body in ENUM.findall(COMMENT.sub("", lint.read(path))):
            members = [word.split("=")[0].strip() for word in body.split(",") if word.strip()]
            for member in members:
                found[member] = members
    return found


def body_of(text, start):
    """What stands between the brace before start and the one that closes it."""
    depth, at = 1, start
    while depth and at < len(text):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        at += 1
    return text[start:at - 1]


def check(path, text, enums, exceptions, seen):
    """What is wrong with the tables of one file."""
    wrong = []
    for match in TABLE.finditer(text):
        name, body = match[1], body_of(text, match.end())
        named = [word for word in DESIGNATOR.findall(body) if word in enums]
        generated = "#include" in body
        is_words = "char *" in text[text.rfind("\n", 0, match.start(1)):match.start(1)] and '"' in body
        if generated or not (named or is_words):
            continue
        end = match.end() + len(body)
        asserted = "TABLE_COVERS(%s, " % name in text[end:end + 200] or re.search(r"(?:sizeof|WORDS)\(%s\)" % name, text)
        seen.append("%s:%s" % (path, name))
        if exceptions.allow("%s:%s" % (path, name)):
            continue
        if not asserted:
            wrong.append("%s: the length of %s[] is not asserted (TABLE_COVERS)" % (path, name))
        if named:
            missing = [member for member in enums[named[0]] if member not in named and not member.endswith("_NUM")]
            if missing:
                wrong.append("%s: %s[] has nothing for %s" % (path, name, ", ".join(missing)))
    return wrong


def main():
    tap = lint.Tap()
    exceptions = lint.Exceptions("table")
    enums, seen, wrong = enumerations(), [], []
    for path in lint.files(".c"):
        if path.startswith("src/"):
            wrong += check(path, COMMENT.sub("", lint.read(path)), enums, exceptions, seen)
    holed = 'static const char *const names[] = {[CALL_ACCEPT] = "accept", [CALL_EXIT] = "exit"};'
    found = check("x.c", holed, enums, exceptions, [])
    tap.say("a table with a hole is found", [] if len(found) == 2 and "CALL_CLOSE" in found[1] else found + ["not found"])
    tap.say("there are tables to look at", [] if len(seen) >= 40 else ["only %d" % len(seen)])
    tap.say("each member of an enumeration has its entry in each table", wrong + exceptions.unused())
    tap.end()


main()
