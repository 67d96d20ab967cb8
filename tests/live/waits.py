#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Parents that learn of a child's end by pidfd and ask without blocking find it, and its status, as without a tracer."""
import os

from lib import ALL, CONNTRACE, Skip, TOP_BUILD, Trace, check, enter_namespace, equal, main, must, test

WAITS = os.path.join(TOP_BUILD, "tests/helpers/waits")
HOWS = ("exit", "holding", "shared", "threads", "leader", "kill", "execs", "vfork", "nowait")
COUNT = 50 if ALL else 20
RIGHT = "missed 0 wrong 0\n"


def play(options):
    for how in HOWS:
        equal(must([CONNTRACE, "-q", "-o", "/dev/null"] + options + ["--", WAITS, how, COUNT]), RIGHT, how)


@test("untraced: pidfds and waitid(2) do here what the others rely on")
def untraced():
    if not hasattr(os, "pidfd_open"):
        raise Skip("this Python does not know pidfd_open(2)")
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError as error:
        raise Skip("pidfd_open(2): %s" % error) from None
    equal(must([WAITS, "exit", COUNT]), RIGHT, "exit")


@test("launched under the filter: each end is found at once, with its status")
def launched():
    play([])


@test("the same without the filter")
def unfiltered():
    play(["--no-filter"])


@test("who was let go at its end has its row all the same: closed by exit, unless others hold the connection")
def rows():
    for how, wanted in (("holding", "exit"), ("shared", None)):
        trace = Trace(["--dir=out"], [WAITS, how, "5"])
        rows = trace.finish()
        equal(len(rows), 5 if how == "holding" else 1, "rows of %s" % how)
        for row in rows:
            check(row["result"] == "ok" and (wanted is None or row["close"] == wanted), "%s: %s" % (how, row))
        equal(trace.out, RIGHT, how)


if __name__ == "__main__":
    enter_namespace()
    main()
