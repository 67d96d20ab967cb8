# SPDX-License-Identifier: GPL-2.0-or-later
"""What the lints share: the files of the project, the list of exceptions, and TAP."""
import os
import sys

TOP = os.path.abspath(os.environ.get("top_srcdir", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")))
BUILD = os.path.abspath(os.environ.get("top_builddir", os.path.join(TOP, "build")))
ROOTS = ("src", "tests", "contrib", "man", "completions", "doc", "bench", ".ci")
TOP_FILES = ("README.md", "HACKING.md", "NEWS.md", "SECURITY.md", "SUPPORT.md", "Makefile.am", "configure.ac", "autogen.sh", "quickstart")
# Test data: whatever bytes a test needs.
DATA = ("/corpus/", "/data/", "/golden/", "/expected/", "/recordings/")
# Also the programs of the kernel as a tarball has them.
BUILT = (".skel.h", ".o", ".a", ".Po", ".pyc", ".trs", ".log", "~")


def files(*endings):
    """The project's own files as paths relative to its top, sorted; all of them without endings."""
    found = [name for name in TOP_FILES if os.path.isfile(os.path.join(TOP, name))]
    for root in ROOTS:
        for folder, folders, names in os.walk(os.path.join(TOP, root)):
            folders[:] = [name for name in folders if name not in (".deps", "__pycache__", ".libs")]
            found += [os.path.relpath(os.path.join(folder, name), TOP) for name in names]
    found = [path for path in found if not path.endswith(BUILT) and not any(part in "/" + path for part in DATA)
             and os.path.basename(path) != ".dirstamp" and not is_program(path)]
    return sorted(path for path in found if not endings or path.endswith(tuple(endings)))


def is_program(path):
    """Was it built in place? Programs of an in-tree build are no sources."""
    with open(os.path.join(TOP, path), "rb") as file:
        return file.read(4) == b"\x7fELF"


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        return file.read()


class Exceptions:
    """The lines "KIND WHAT: REASON" of tests/lint/exceptions; an unused one is an error too."""

    def __init__(self, kind):
        self.kind = kind
        self.known = {}
        self.used = set()
        for line in read("tests/lint/exceptions").splitlines():
            if line.startswith(kind + " "):
                what, _, reason = line[len(kind) + 1:].partition(": ")
                self.known[what] = reason

    def allow(self, what):
        if self.known.get(what):
            self.used.add(what)
            return True
        return False

    def unused(self):
        return ["exception not needed: %s %s" % (self.kind, what) for what in sorted(set(self.known) - self.used)]


class Tap:
    """Collects results; say() prints one, end() the plan."""

    def __init__(self):
        self.count = self.failed = 0

    def say(self, name, complaints):
        self.count += 1
        print("%sok %d - %s" % ("not " if complaints else "", self.count, name))
        for complaint in complaints:
            print("# " + complaint)
        self.failed += bool(complaints)

    def skip(self, name, reason):
        self.count += 1
        print("ok %d - %s # SKIP %s" % (self.count, name, reason))

    def end(self):
        print("1..%d" % self.count)
        sys.exit(1 if self.failed else 0)


if __name__ == "__main__":
    print("1..0 # SKIP what the tests beside it share, no test")
