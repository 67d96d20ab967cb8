#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""make release-check: a tree that is a release passes, and each fault is found."""
import os
import shutil
import subprocess
import sys

import cli

CHECK = os.path.join(cli.TOP, "packaging/release-check")
FILES = ("configure.ac", "NEWS.md", "packaging/conntrace.spec", "packaging/APKBUILD", "packaging/debian/changelog")
RELEASE = (("NEWS.md", "(not released)", "(2027-02-03)"), ("packaging/debian/changelog", "UNRELEASED", "unstable"))
FAULTS = (("NEWS.md", "(2027-02-03)", "(not released)", "no day of release"), ("NEWS.md", "(2027-02-03)", "(soon)", "no day of release"),
          ("packaging/conntrace.spec", "Version:", "Version: 9.9\n#", "conntrace.spec: version 9.9"),
          ("packaging/APKBUILD", "pkgver=", "pkgver=9.9\n#", "APKBUILD: version 9.9"),
          ("configure.ac", "[conntrace], [", "[conntrace], [9.", "NEWS.md: version"),
          ("packaging/debian/changelog", "unstable", "UNRELEASED", "UNRELEASED"),
          ("man/conntrace.1", ".Dd February 3, 2027", ".Dd February 2, 2027", "man/conntrace.1: .Dd"))


def change(folder, path, old, new):
    path = os.path.join(folder, path)
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace(old, new, 1))
    return old in text


def check(folder):
    return subprocess.run([sys.executable, CHECK, folder], capture_output=True, text=True, timeout=cli.LIMIT, check=False)


def main():
    test = cli.Cli()
    folder = os.path.join(test.folder, "tree")
    for path in FILES:
        os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
        shutil.copyfile(os.path.join(cli.TOP, path), os.path.join(folder, path))
    os.makedirs(os.path.join(folder, "man"))
    for name in ("conntrace.1", "conntrace-fields.5"):
        with open(os.path.join(folder, "man", name), "w", encoding="utf-8") as file:
            file.write(".Dd February 3, 2027\n")
    for words in RELEASE:
        change(folder, *words)
    done = check(folder)
    test.say("a release", [] if (done.returncode, done.stdout) == (0, "") else [done.stdout, done.stderr])
    for path, old, new, said in FAULTS:
        there = change(folder, path, old, new)
        done = check(folder)
        change(folder, path, new, old)
        test.say("%s: %s" % (path, said), [] if there and done.returncode == 1 and said in done.stdout else [there, done.stdout, done.stderr])
    test.end()


if __name__ == "__main__":
    main()
