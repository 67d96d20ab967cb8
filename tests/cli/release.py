#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""make release-check: a tree that is a release passes, and each fault is found. Packages name the libraries of configure.ac."""
import os
import re
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


# What configure.ac asks pkg-config for, and its packages of Debian and Alpine.
LIBRARIES = {"audit": ("libaudit-dev", "audit-dev"), "auparse": ("libauparse-dev", "audit-dev"), "cmocka": ("libcmocka-dev", "cmocka-dev"),
             "libbpf": ("libbpf-dev", "libbpf-dev"), "liblz4": ("liblz4-dev", "lz4-dev"), "libmnl": ("libmnl-dev", "libmnl-dev"),
             "libpcap": ("libpcap-dev", "libpcap-dev"), "libseccomp": ("libseccomp-dev", "libseccomp-dev"),
             "libzstd": ("libzstd-dev", "zstd-dev"), "ncursesw": ("libncurses-dev", "ncurses-dev"), "zlib": ("zlib1g-dev", "zlib-dev")}
PACKAGES = (("packaging/conntrace.spec", r"^BuildRequires: +pkgconfig\((.*)\)", 0), ("packaging/debian/control", r"^ +(\S+-dev)\b", 1),
            ("packaging/APKBUILD", r"[\s\"]([\w+-]+-dev)\b", 2))


def libraries(test):
    """The packages are built with all libraries that configure.ac looks for, and no other."""
    with open(os.path.join(cli.TOP, "configure.ac"), encoding="utf-8") as file:
        asked = re.findall(r"(?:PKG_CHECK_MODULES\(\[\w+\]|^CONNTRACE_COMPRESSION\(\[\w+\]), \[(\w+)", file.read(), re.M)
    test.equal("libraries of configure.ac", sorted(asked), sorted(LIBRARIES))
    for path, pattern, which in PACKAGES:
        with open(os.path.join(cli.TOP, path), encoding="utf-8") as file:
            named = set(re.findall(pattern, file.read(), re.M))
        test.equal("libraries of " + path, sorted(named), sorted({((name,) + packages)[which] for name, packages in LIBRARIES.items()}))


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
    libraries(test)
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
