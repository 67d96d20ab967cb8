#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every header compiles alone, and twice in one file, and has the guard its path asks for; examples of HOWTOs compile.

A header that a source of the same name includes first, as layers.py requires it, has been compiled alone by the build.
"""
import os
import re
import shlex
import subprocess
import tempfile

import lint


def guard(path):
    return "CONNTRACE_" + re.sub(r"[^A-Z0-9]", "_", path.upper().replace("SRC/", "", 1))


def flags():
    """The flags of the build, so that libraries outside the standard places are found."""
    found = []
    makefile = os.path.join(lint.BUILD, "Makefile")
    if os.path.isfile(makefile):
        with open(makefile, encoding="utf-8") as file:
            for line in file:
                if re.match(r"[A-Z]+_CFLAGS = ", line) and not line.startswith(("AM_", "WARN_", "SANITIZE_")):
                    found += [word for word in shlex.split(line.split("=", 1)[1]) if word.startswith(("-I", "-D"))]
    return found


def complaints(cc, folder, path, text):
    """What the compiler says of a file below src with this text; @folder may have headers beside."""
    name = os.path.join(folder, "text.c")
    with open(name, "w", encoding="utf-8") as file:
        file.write(text)
    done = subprocess.run(cc + ["-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I" + folder,
                                "-I" + os.path.join(lint.TOP, "src"), "-I" + lint.BUILD] + flags() + [name],
                          capture_output=True, text=True, check=False)
    return ["%s:" % path] + done.stderr.splitlines()[:5] if done.returncode != 0 else []


def compile_headers(paths, cc):
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        for path in paths:
            wrong += complaints(cc, folder, path,
                                '#include "%s"\n' % os.path.join(lint.TOP, path) * 2 + "extern int nothing;\n")
    return wrong


def compile_examples(cc):
    """The whole files in the HOWTOs; a header is written where its guard asks for it."""
    wrong, count = [], 0
    with tempfile.TemporaryDirectory() as folder:
        for path in lint.files(".md"):
            for block in re.findall(r"^```c\n(/[/*] SPDX.*?)^```$", lint.read(path), re.MULTILINE | re.DOTALL):
                count += 1
                header = re.match(r".*\n#ifndef CONNTRACE_([A-Z_]+)_H\n", block)
                if header:
                    name = os.path.join(folder, header.group(1).lower().replace("_", "/") + ".h")
                    os.makedirs(os.path.dirname(name))
                    with open(name, "w", encoding="utf-8") as file:
                        file.write(block)
                wrong += complaints(cc, folder, path, block)
    return wrong if count >= 3 else wrong + ["%d examples were found" % count]


def main():
    tap = lint.Tap()
    paths = [path for path in lint.files(".h") if path.startswith("src/")]
    tap.say("every header has the guard its path asks for",
            ["%s: should be guarded by %s" % (path, guard(path)) for path in paths
             if not re.search(r"#ifndef %s\n#define %s\n" % (guard(path), guard(path)), lint.read(path))])
    cc = shlex.split(os.environ.get("CC", "cc"))
    try:
        subprocess.run(cc + ["--version"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        tap.skip("every header compiles alone and twice", "no compiler %s" % cc[0])
        tap.skip("the examples of the HOWTOs compile", "no compiler %s" % cc[0])
    else:
        # Those of the programs in the kernel are compiled for BPF.
        others = [path for path in paths if not path.endswith(".bpf.h") and not os.path.isfile(
            os.path.join(lint.TOP, path[:-1] + "c"))]
        tap.say("every header compiles alone and twice", compile_headers(others, cc))
        tap.say("the examples of the HOWTOs compile", compile_examples(cc))
    tap.end()


main()
