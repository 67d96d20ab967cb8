# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of --via=diag share: programs of an ordinary user that are watched, and what they know themselves."""
from lib import (MKCONN, Process, as_nobody, equal, mkconn, read_truth, scratch, status_field, wait_file, wait_for)

SERVE = ["forever", "accept4", "recv=10", "send=20", "recv-all", "close", "done"]


class Target(Process):
    """A mkconn of an ordinary user; with listen= its port is known."""

    def __init__(self, words, listen="127.0.0.1:0", before=(), **keywords):
        self.truth_path = scratch("truth")
        argv = list(before) + as_nobody() + [MKCONN, "truth=" + self.truth_path]
        if listen:
            port = scratch("port")
            argv += ["listen=" + listen, "port-file=" + port]
        super().__init__(argv + list(words), **keywords)
        self.port = int(wait_file(port)) if listen else None
        # Before it is the program, it is another user's.
        wait_for(lambda: status_field(self.pid, "Name") == "mkconn", "the program to start")

    def truth(self):
        return read_truth(self.truth_path)

    def serve(self, count):
        """So many connections are made, served and closed."""
        before = len(self.truth())
        address = "127.0.0.1:%d" % self.port
        client = mkconn(["count=%d" % count, "connect=" + address, "send=10", "recv=20", "close", "done"])
        equal(client.wait(), 0, "the client's end")
        wait_for(lambda: len(self.truth()) >= before + count, "the server to close them")


def finish(trace):
    """SIGINT. Return: the rows; no process was stopped."""
    rows = trace.interrupt()
    equal(rows.summary["stops"], 0, "stops")
    return rows
