#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules that can be checked by reading: licence, blanks, width, length, calls that are not allowed."""
import re

import lint

WIDTH = 120
FILE_LINES = 600
FUNCTION_LINES = 60
# Unbounded, locale-dependent or silent about errors; src/base has the replacement.
BAD_CALLS = r"\b(sprintf|vsprintf|strcpy|strcat|strncpy|strncat|gets|atoi|atol|atoll|atof|strtok|system|popen)\s*\("
RAW_ALLOCATION = r"(?<![\w.>])(malloc|calloc|realloc|reallocarray|strdup|strndup|asprintf|vasprintf)\s*\("
PRIVATE_PATH = re.compile(r"(?<![\w.$)}*-])/(?:home|root|work|mnt|srv|Users)/\w")
# Metaphors that hid what was meant; a plain word says it (HACKING.md, Language).
BANNED = re.compile(r"\b(?:%s)\b" % "|".join((
    "ey" + "es", "mou" + "th", "testi" + "mony", "wit" + "ness", "ver" + "dict", "k" + "in", "stran" + "ger",
    "last" + " word", "to" + "ld", "sto" + "ry", "an" + "ew")), re.IGNORECASE)
# Recorded output, and words of the captures.
NOT_OURS = ("tests/replay/expected/", "tests/replay/golden/", "tests/fuzz/")
MARKS = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
FUNCTION = re.compile(r"^(?!static const|struct|enum|union|typedef|#)[a-z][^;=]*?\b(\w+)\([^;{]*\)\s*\n\{\n(.*?)^\}",
                      re.MULTILINE | re.DOTALL)


def code(text):
    """C without comments and strings, the lines kept."""
    def blank(match):
        return "\n" * match.group(0).count("\n") or '""'
    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.DOTALL)


def each_line(paths, judge):
    wrong = []
    for path in paths:
        for number, line in enumerate(lint.read(path).split("\n"), 1):
            complaint = judge(path, line)
            if complaint:
                wrong.append("%s:%d: %s" % (path, number, complaint))
    return wrong


def blanks(path, line):
    if line != line.rstrip():
        return "blank at the end of the line"
    if path.endswith((".c", ".h")):
        if re.match(r" {8}", line) or re.match(r"\t* +\t", line):
            return "indented with blanks"
        if len(line.expandtabs(8)) > WIDTH:
            return "wider than %d columns" % WIDTH
    return None


def calls(paths, pattern, exceptions):
    wrong = []
    for path in paths:
        for number, line in enumerate(code(lint.read(path)).split("\n"), 1):
            for match in re.finditer(pattern, line):
                if not exceptions.allow("%s:%s" % (path, match.group(1))):
                    wrong.append("%s:%d: %s()" % (path, number, match.group(1)))
    return wrong


def lengths(paths):
    long_files, long_functions = lint.Exceptions("file-length"), lint.Exceptions("function-length")
    wrong_files, wrong_functions = [], []
    for path in paths:
        text = lint.read(path)
        count = text.count("\n")
        if count > FILE_LINES and not long_files.allow(path):
            wrong_files.append("%s: %d lines, %d are allowed" % (path, count, FILE_LINES))
        for match in FUNCTION.finditer(text):
            count = match.group(2).count("\n")
            if count > FUNCTION_LINES and not long_functions.allow("%s:%s" % (path, match.group(1))):
                wrong_functions.append("%s: %s() has %d lines, %d are allowed" % (path, match.group(1), count,
                                                                               FUNCTION_LINES))
    return wrong_files + long_files.unused(), wrong_functions + long_functions.unused()


def spdx(paths):
    wrong = []
    for path in paths:
        if path.endswith((".md", ".txt")):
            continue
        head = lint.read(path).split("\n")[:2]
        if not any("SPDX-License-Identifier: GPL-2.0-or-later" in line for line in head):
            wrong.append("%s: no SPDX line in the first two lines" % path)
    return wrong


def banned(path, line):
    del path
    found = BANNED.search(line)
    return found and "\"%s\" is not plain" % found.group()


def main():
    tap = lint.Tap()
    every = lint.files()
    source = [path for path in lint.files(".c", ".h", ".def") if path.startswith("src/")]
    bad, raw = lint.Exceptions("call"), lint.Exceptions("allocation")
    tap.say("every file names its licence", spdx(every))
    tap.say("blanks and width", each_line(every, blanks))
    tap.say("every file ends with one newline",
            [path for path in every if not lint.read(path).endswith("\n") or lint.read(path).endswith("\n\n")])
    tap.say("no path of a developer's machine",
            each_line(every, lambda path, line: PRIVATE_PATH.search(line) and "a private path"))
    tap.say("nothing is left for later", each_line([path for path in every if not path.endswith("lint/text.py")],
                                                   lambda path, line: MARKS.search(line) and "a mark for later"))
    tap.say("plain words", each_line([path for path in every if not path.startswith(NOT_OURS)], banned))
    tap.say("no call that cannot be used safely", calls(source, BAD_CALLS, bad) + bad.unused())
    tap.say("allocation only through base/xalloc.h",
            calls([path for path in source if not path.startswith("src/base/xalloc.")], RAW_ALLOCATION, raw)
            + raw.unused())
    files, functions = lengths(source)
    tap.say("no file is longer than %d lines" % FILE_LINES, files)
    tap.say("no function is longer than %d lines" % FUNCTION_LINES, functions)
    tap.end()


main()
