#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""tests/run itself: nothing that went wrong may look as if it had passed."""
import os
import sys

from lib import check, equal, main, run, scratch, test, write_file

RUN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../run")

# name, what a shell script does, passed, failed, skipped
PROGRAMS = (
    ("passes", "echo 1..2; echo 'ok 1 - one'; echo 'ok 2 - two'", 2, 0, 0),
    ("fails", "echo 1..2; echo ok 1; echo 'not ok 2 - two'; echo '# because'; exit 1", 1, 1, 0),
    ("skips one", "echo 1..2; echo ok 1; echo 'ok 2 # SKIP not here'", 1, 0, 1),
    ("skips as cmocka does", "echo 1..1; echo 'not ok 1 # SKIP test_name'", 0, 0, 1),
    ("skips all", "echo '1..0 # SKIP no root'", 0, 0, 1),
    ("tests nothing", "echo 1..0", 0, 1, 0),
    ("has no plan", "echo ok 1", 1, 1, 0),
    ("says nothing", ":", 0, 1, 0),
    ("stops early", "echo 1..3; echo ok 1; exit 0", 1, 1, 0),
    ("says too much", "echo 1..1; echo ok 1; echo ok 2", 2, 1, 0),
    ("dies", "echo 1..2; echo ok 1; kill -SEGV $$", 1, 1, 0),
    ("hangs", "echo 1..1; echo ok 1; exec sleep 60", 1, 1, 0),
    ("bails out", "echo 1..1; echo 'Bail out! no memory'; echo ok 1", 1, 1, 0),
    ("fails silently", "echo 1..1; echo ok 1; exit 9", 1, 1, 0),
    ("miscounts", "echo 1..2; echo ok 1; echo ok 3", 2, 1, 0),
)


def program(text):
    return write_file(scratch("program"), "#!/bin/sh\n" + text + "\n", 0o755)


@test("passed, failed and skipped are told apart, whatever a program does")
def tally():
    for name, text, passed, failed, skipped in PROGRAMS:
        result = run([sys.executable, RUN, "--timeout=1", program(text)])
        equal(result.out.splitlines()[-1], "%d passed, %d failed, %d skipped" % (passed, failed, skipped),
              "last line for one that " + name)
        equal(result.status, 1 if failed else 0, "exit status for one that " + name)


@test("the sum of all is the last line, and failures are shown with their comments")
def together():
    result = run([sys.executable, RUN, "--timeout=1"] + [program(text) for _, text, _, _, _ in PROGRAMS])
    sums = [sum(p[column] for p in PROGRAMS) for column in (2, 3, 4)]
    equal(result.out.splitlines()[-1], "%d passed, %d failed, %d skipped" % tuple(sums), "last line")
    check("not ok 2 - two" in result.out and "# because" in result.out, "the failure is shown: " + result.out)


@test("a missing program and no program are failures")
def missing():
    for words in (["/nonexistent/program"], []):
        result = run([sys.executable, RUN] + words)
        equal((result.status, result.out.splitlines()[-1]), (1, "0 passed, 1 failed, 0 skipped"), "for %s" % words)


if __name__ == "__main__":
    main()
