#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Rooms include only rooms to their left; each source includes its own header first.

Sources do not know each other, except that all may ask source/procfs who somebody is.
"""
import os
import re

import lint

ROOMS = ["base", "model", "source", "merge", "track", "report"]
ANY_INCLUDE = re.compile(r'^\s*#\s*include\s+([<"][^>"]+)[>"]', re.MULTILINE)


def room(path):
    """The rank of a path below src/; files beside the rooms belong to main, to the right of all."""
    first = path.split("/")[0]
    return ROOMS.index(first) if first in ROOMS else len(ROOMS)


def included(path):
    """The headers of ours that a file includes: in quotes, or, because the compiler finds them so too, in brackets."""
    names = ANY_INCLUDE.findall(lint.read(path))
    return [name[1:] for name in names if name[0] == '"' or os.path.isfile(os.path.join(lint.TOP, "src", name[1:]))]


def climbing(paths, exceptions):
    wrong = []
    for path in paths:
        inner = path[len("src/"):]
        for header in included(path):
            if header == "config.h" or exceptions.allow("%s:%s" % (path, header)):
                continue
            where = os.path.join(lint.TOP, "src", header)
            if not os.path.isfile(where):
                wrong.append('%s: "%s" is not a path below src/' % (path, header))
            elif room(header) > room(inner):
                wrong.append('%s: "%s" is to its right' % (path, header))
            elif header.startswith("source/") and inner.startswith("source/"):
                mine, theirs = inner.split("/")[1], header.split("/")[1]
                if "." not in theirs and theirs not in (mine, "procfs"):
                    wrong.append('%s: "%s" is another source' % (path, header))
    return wrong + exceptions.unused()


def own_header_first(paths):
    wrong = []
    for path in paths:
        header = path[len("src/"):-1] + "h"
        if path.endswith(".c") and os.path.isfile(os.path.join(lint.TOP, "src", header)):
            includes = [name for name in ANY_INCLUDE.findall(lint.read(path)) if name != '"config.h']
            if not includes or includes[0] != '"' + header:
                wrong.append("%s: \"%s\" is not the first include" % (path, header))
    return wrong


def main():
    tap = lint.Tap()
    paths = [path for path in lint.files(".c", ".h", ".def") if path.startswith("src/")]
    tap.say("there are sources to look at", [] if len(paths) > 10 else ["only %d" % len(paths)])
    tap.say("no room includes a room to its right", climbing(paths, lint.Exceptions("include")))
    tap.say("each source includes its own header first", own_header_first(paths))
    tap.end()


main()
