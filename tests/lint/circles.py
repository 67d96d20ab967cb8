#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Files use each other one way: no file is used, directly or through others, by what it uses itself.

A file uses another if its object needs a function or variable that the other's object defines. A circle that has to
stay is a line "circle FOLDER/{NAME,NAME}: REASON" in the exceptions; fewer files of it may be left.
"""
import os
import re
import subprocess

import lint


def uses(objects):
    """Path of a source: the paths of those that it uses, each with the names. @objects: path of the source, object."""
    done = subprocess.run(["nm", "-A"] + list(objects.values()), capture_output=True, text=True, check=True)
    source_of = {place: path for path, place in objects.items()}
    defined, needed = {}, {path: set() for path in objects}
    for line in done.stdout.splitlines():
        place, _, rest = line.partition(":")
        match = re.match(r"[0-9a-f ]+ ([A-Z]) (\w+)$", rest)
        if match and match[1] == "U":
            needed[source_of[place]].add(match[2])
        elif match and match[2] != "main":
            defined[match[2]] = source_of[place]
    found = {path: {} for path in objects}
    for path, names in needed.items():
        for name in sorted(names):
            if defined.get(name, path) != path:
                found[path].setdefault(defined[name], []).append(name)
    return found


def circles(graph):
    """The strongly connected components of more than one file (Tarjan)."""
    index, low, stack, found = {}, {}, [], []

    def visit(path):
        index[path] = low[path] = len(index)
        stack.append(path)
        for other in graph[path]:
            if other not in index:
                visit(other)
                low[path] = min(low[path], low[other])
            elif other in stack:
                low[path] = min(low[path], index[other])
        if low[path] == index[path]:
            at = stack.index(path)
            if len(stack) - at > 1:
                found.append(sorted(stack[at:]))
            del stack[at:]

    for path in sorted(graph):
        if path not in index:
            visit(path)
    return found


def members(what):
    """src/run/{session,session_end}: the paths."""
    match = re.match(r"(.*)/\{(.*)\}$", what)
    return {"%s/%s.c" % (match[1], name) for name in match[2].split(",")} if match else set()


def main():
    tap = lint.Tap()
    exceptions = lint.Exceptions("circle")
    objects = {path: os.path.join(lint.BUILD, path[:-1] + "o") for path in lint.files(".c") if path.startswith("src/")}
    objects = {path: place for path, place in objects.items() if os.path.isfile(place)}
    graph = uses(objects) if objects else {}
    wrong = []
    for circle in circles(graph):
        if any(set(circle) <= members(what) and exceptions.allow(what) for what in exceptions.known):
            continue
        for path in circle:
            wrong += ["%s uses %s: %s" % (path, other, ", ".join(names))
                      for other, names in sorted(graph[path].items()) if other in circle]
    tap.say("there are objects to look at", [] if len(objects) > 5 else ["only %d in %s" % (len(objects), lint.BUILD)])
    tap.say("no files use each other in a circle", wrong + exceptions.unused())
    tap.end()


main()
