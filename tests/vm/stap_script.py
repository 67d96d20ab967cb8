# SPDX-License-Identifier: GPL-2.0-or-later
"""The modules of contrib/stap that tests/vm/stap-modules has made, because a compiler takes very long in an emulated machine."""
import os
import signal

from lib import Process, equal, must, need, read_file, scratch, wait_for

LIMIT = 240
MODULES = os.path.join(os.path.abspath(os.environ.get("top_builddir", ".")), "tests/vm/stap", os.uname().release)


class Script:
    """A module that runs, its output in a file."""

    def __init__(self, name, *words, options=()):
        self.path = scratch("stap")
        must([need("cp"), os.path.join(MODULES, name + ".ko"), "/tmp/"])
        self.process = Process([need("staprun"), "-o", self.path] + list(options) + ["/tmp/%s.ko" % name] + list(words))
        wait_for(lambda: not self.process.alive() or
                 (os.path.exists(self.path) and ("all probes" in read_file(self.path) or "START" in read_file(self.path))),
                 "the module of " + name, LIMIT)

    def finish(self, by_itself=False):
        if not by_itself:
            self.process.signal(signal.SIGINT)
        equal(self.process.wait(LIMIT), 0, "exit status of staprun: " + self.process.err)
        return read_file(self.path)
