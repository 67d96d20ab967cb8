# SPDX-License-Identifier: GPL-2.0-or-later
"""Control groups of a test's own."""
import os

import lib
from lib import Skip, read_file, wait_for

ROOTS = ("/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified", "/sys/fs/cgroup")


class Group:
    """A control group of this test."""

    def __init__(self, name, root):
        self.slice = root + "/conntrace-%d.slice" % os.getpid()
        self.path, self.inner = self.slice + "/" + name, "/conntrace-%d.slice/%s" % (os.getpid(), name)

    def __enter__(self):
        os.makedirs(self.path)
        return self

    def __exit__(self, *_):
        lib.end_processes()
        wait_for(lambda: not read_file(self.path + "/cgroup.procs"), "the group to be empty")
        os.rmdir(self.path)
        os.rmdir(self.slice)


def roots():
    """Of control groups of version 1, and of version 2."""
    found = [root for root in ROOTS if os.access(root + "/cgroup.procs", os.W_OK)]
    if not found or os.geteuid() != 0:
        raise Skip("only root can make a control group here")
    return found
