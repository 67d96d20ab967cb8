#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""tests/run itself: nothing that went wrong may look as if it had passed."""
import os
import signal
import sys

from lib import Process, check, equal, main, read_file, run, scratch, test, wait_for, write_file

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


@test("passed, failed and skipped are distinguished for every program")
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


LACKING = """
import sys
sys.path.insert(0, %r)
import lib

def openpty():
    raise OSError("out of pty devices")

for number, call in enumerate((
        lambda: lib.must(["no-such-program"]), lambda: lib.Process(["no-such-program"]),
        lambda: lib.need("sh", "no-such-program"), lambda: lib.unshared("--no-such-namespace"), openpty,
        lambda: lib.must(["/no/such/program"]), lambda: lib.must(["false"]))):
    lib.test("number %%d" %% number)(call)
lib.main()
"""


@test("what a system lacks is a reason to skip, by its name; what is wrong is none")
def lacking():
    path = write_file(scratch("lacking.py"), LACKING % os.path.dirname(os.path.abspath(__file__)))
    result = run([sys.executable, path])
    lines = [line for line in result.out.splitlines() if not line.startswith("#")]
    wanted = ["no no-such-program here"] * 3 + ["unshare --no-such-namespace: ", "no pseudo terminal here"]
    equal(len(lines), 8, "lines of %r" % result)
    for number, (line, reason) in enumerate(zip(lines[1:], wanted), 1):
        check(line.startswith("ok %d - number %d # SKIP %s" % (number, number - 1, reason)), line)
    equal([line.split(" - ")[0] for line in lines[6:]], ["not ok 6", "not ok 7"], "what is wrong")


def two_that_meet():
    """Programs that pass only if they run at the same time, the first ending last."""
    first, second, third = (scratch(name) for name in ("first", "second", "third"))
    meet = "echo 1..1; touch %s; until [ -e %s ]; do sleep 0.01; done; %s; echo ok 1"
    return [program(meet % (first, second, "until [ -e %s ]; do sleep 0.01; done" % third)),
            program(meet % (second, first, "touch " + third))]


@test("programs run side by side, and their results stand in the order of the list")
def side_by_side():
    pair = two_that_meet()
    result = run([sys.executable, RUN, "--timeout=10", "-j2"] + pair)
    equal([line.split()[1].rstrip(":") for line in result.out.splitlines()[:-1]], pair, "order of " + result.out)
    equal((result.status, result.out.splitlines()[-1]), (0, "2 passed, 0 failed, 0 skipped"), "for -j2")
    result = run([sys.executable, RUN, "--timeout=1", "-j1"] + two_that_meet())
    equal(result.out.splitlines()[-1], "1 passed, 1 failed, 0 skipped", "for -j1, the first waiting for the second")
    equal(run([sys.executable, RUN, "-j0"] + pair).status, 2, "exit status for -j0")


@test("a script that asks for it runs by itself, after the others")
def alone():
    log = scratch("log")
    body = "echo 1..1; echo begin %s >>" + log + "; sleep 0.2; echo end %s >>" + log + "; echo ok 1"
    names = ("lonely", "a", "b")
    paths = [program(("# tests/run: alone\n" if name == "lonely" else "") + body % (name, name)) for name in names]
    result = run([sys.executable, RUN, "-j3"] + paths)
    equal(result.status, 0, "exit status")
    equal(read_file(log).splitlines()[-2:], ["begin lonely", "end lonely"], "the end of what happened")
    equal([line.split()[1].rstrip(":") for line in result.out.splitlines()[:-1]], paths[1:] + paths[:1], "order")


@test("an interrupted run ends what it started and starts no more")
def interrupted():
    for number in (signal.SIGINT, signal.SIGTERM):
        started = [scratch("pid") for _ in range(3)]
        paths = [program("echo 1..1; echo $$ >%s.new; mv %s.new %s; exec sleep 60" % ((path,) * 3)) for path in started]
        runner = Process([sys.executable, RUN, "-j2"] + paths)
        pids = [int(wait_for(lambda path=path: read_file(path).strip(), path)) for path in started[:2]]
        runner.signal(number)
        check(runner.wait() != 0, "an interrupted run is no success")
        for pid in pids:
            wait_for(lambda pid=pid: not os.path.exists("/proc/%d" % pid), "process %d to be gone" % pid)
        check(not os.path.exists(started[2]), "the third was started")


if __name__ == "__main__":
    main()
