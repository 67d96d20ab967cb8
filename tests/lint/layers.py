#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Rooms include only rooms below them; each source includes its own header first.

Sources do not know each other, and of the rooms of reports all may know report/rows only.
"""
import os
import re

import lint

ROOMS = ["base", "model", "system", "source", "track", "report", "cli", "run"]
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*|\"[^\"\n]*\"", re.DOTALL)
ANY_INCLUDE = re.compile(r'^\s*#\s*include\s+([<"][^>"]+)[>"]', re.MULTILINE)


def room(path):
    """The rank of a path below src/; main.c is above all rooms."""
    first = path.split("/")[0]
    return ROOMS.index(first) if first in ROOMS else len(ROOMS)


def inner_room(path):
    """source/ptrace of source/ptrace/stop.c; None for a file that all of source/ have in common, and in other rooms."""
    parts = path.split("/")
    return "/".join(parts[:2]) if parts[0] in ("source", "report") and len(parts) == 3 else None


def is_beside(header, inner):
    """Is a header in another folder of the same room? The list of reports in report/ itself is above its folders."""
    if room(header) != room(inner) or inner_room(header) in (inner_room(inner), "report/rows"):
        return False
    if header.startswith("report/"):
        return inner_room(inner) is not None
    return inner_room(header) is not None


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
                wrong.append('%s: "%s" is above it' % (path, header))
            elif is_beside(header, inner):
                wrong.append('%s: "%s" is beside it' % (path, header))
    return wrong + exceptions.unused()


def climbing_names(paths):
    """A .def file has no includes, but names functions: those of a file that its own room may not include."""
    ranks = {}
    for path in paths:
        if path.endswith(".h"):
            stem, rank = os.path.basename(path)[:-2], room(path[len("src/"):])
            ranks[stem] = min(rank, ranks.get(stem, rank))
    wrong = []
    for path in [path for path in paths if path.endswith(".def")]:
        for name in sorted(set(re.findall(r"\b([a-z]\w*)\(", COMMENT.sub("", lint.read(path))))):
            words = name.split("_")
            stems = [stem for stem in ("_".join(words[:count]) for count in range(len(words), 0, -1)) if stem in ranks]
            if stems and ranks[stems[0]] > room(path[len("src/"):]):
                wrong.append("%s: %s() is above it" % (path, name))
    return wrong


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
    tap.say("no room includes a room above it or beside it", climbing(paths, lint.Exceptions("include")))
    tap.say("no .def names a function of a room above it", climbing_names(paths))
    tap.say("each source includes its own header first", own_header_first(paths))
    tap.end()


main()
