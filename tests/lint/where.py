#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""doc/WHERE.md and doc/INTERNALS.md name files that exist, and HACKING.md has the tree of src."""
import os
import re

import lint

TASKS = 10


def missing(text):
    """Files in backquotes that are not below the top."""
    names = set(re.findall(r"`((?:src|tests|doc|man|completions)/[\w./-]+\.?\w*)`", text))
    return ["%s does not exist" % name for name in sorted(names) if not os.path.exists(os.path.join(lint.TOP, name))]


def unknown_sources(text):
    """Files of src in backquotes, by any part of their path, that are none."""
    known = ["/" + path for path in lint.files(".c", ".h", ".def") if path.startswith("src/")]
    names = set(re.findall(r"`([\w/]+\.(?:c|h|def))`", text))
    return ["%s does not exist" % name for name in sorted(names) if not any(path.endswith("/" + name) for path in known)]


def tree():
    """The folders of src, as `git ls-files src | sed 's:/[^/]*$::' | sort -u` prints them."""
    return sorted({os.path.dirname(path) for path in lint.files(".c", ".h", ".def", ".am") if path.startswith("src/")})


def main():
    tap = lint.Tap()
    where = lint.read("doc/WHERE.md")
    rows = [line for line in where.splitlines() if line.startswith("| ") and "---" not in line][1:]
    tap.say("WHERE has %d tasks" % TASKS, [] if len(rows) == TASKS else ["%d" % len(rows)])
    tap.say("its files exist", missing(where))
    tap.say("the files of INTERNALS exist", unknown_sources(lint.read("doc/INTERNALS.md")))
    shown = re.findall(r"^    (src(?:/\w+)*)$", lint.read("HACKING.md"), re.MULTILINE)
    tap.say("HACKING has the tree of src", [] if shown == tree() else ["it has %s, wanted %s" % (shown, tree())])
    tap.end()


main()
