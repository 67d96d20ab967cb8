#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The live screen of --top, driven by keys in a pseudo terminal, on a program whose traffic is known."""
import os
import re
import signal
import subprocess
import sys
import time

import at_once
import lib
from lib import CONNTRACE, check, equal, between, require, test

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../cli"))
import terminal  # noqa: E402

RECORDING = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../replay/nginx-top.ev")
CONNS = 5
# Sends 1000 bytes ten times a second on each of its connections to itself; on the first one three times as many.
TRAFFIC = """
import os, socket, sys, time
server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen(100)
count = int(sys.argv[1])
ours = []
for i in range(count):
    client = socket.create_connection(server.getsockname())
    served = server.accept()[0]
    ours.append((client, served))
open(sys.argv[2], "w").write("%d ready" % os.getpid())
while True:
    for i, (client, served) in enumerate(ours):
        size = 3000 if i == 0 else 1000
        client.sendall(b"x" * size)
        left = size
        while left:
            left -= len(served.recv(left))
    if len(sys.argv) > 3:
        one = socket.create_connection(server.getsockname())
        other = server.accept()[0]
        one.close()
        other.close()
    time.sleep(0.1)
"""

_terminals = []


def traffic(*more, before=()):
    """A process that talks to itself. Return: its PID."""
    ready = lib.scratch("ready")
    process = lib.Process(list(before) + [sys.executable, "-c", TRAFFIC, CONNS, ready] + list(more))
    lib.wait_for(lambda: lib.read_file(ready).endswith("ready"), "the traffic")
    return process.pid


def top(words, before=(), **how):
    screen = terminal.Terminal(list(before) + [CONNTRACE, "--top"] + [str(word) for word in words], **how)
    _terminals.append(screen)
    return screen


def done():
    while _terminals:
        _terminals.pop().close()


def rows(screen):
    """Cells of the rows between the titles and the sums."""
    lines = screen.screen.text().splitlines()
    return [line.split() for line in lines[3:] if line.startswith("127.")]


def number(text):
    units = {"k": 1e3, "M": 1e6, "G": 1e9}
    return float(text[:-1]) * units[text[-1]] if text[-1] in units else float(text)


def in_test(function):
    def run():
        try:
            function()
        except TimeoutError as error:
            raise lib.Failure(str(error)) from None
        finally:
            done()
    return run


def rate(row):
    """Bytes a second in the direction of the traffic."""
    return number(row[5] if row[2] == "in" else row[6])


@test("an ordinary user's: a row per connection with its process, direction, rates and bytes; q prints the report")
@in_test
def shows():
    pid = traffic(before=lib.as_nobody())
    screen = top(["--via=ptrace", "-p", pid], before=lib.as_nobody())
    screen.wait_text("%d open" % (2 * CONNS))
    # The rate of a second is there after some more; on a busy machine the traffic may lose its turn for one.
    screen.wait_for(lambda _: rows(screen) and all("-" not in row[5:7] and 7000 <= rate(row) <= 36000
                                                   for row in rows(screen)), "rates of 7 to 36 kB/s")
    got = rows(screen)
    equal(len(got), 2 * CONNS, "rows")
    equal(sorted(row[2] for row in got), ["in"] * CONNS + ["out"] * CONNS, "directions")
    equal({row[3] for row in got}, {"ESTAB"}, "states")
    for row in got:
        check(row[1].startswith("python"), "process of %s" % row)
        equal(row[6] if row[2] == "in" else row[5], "0", "the other way of %s" % row)
    # The largest first: the one that sends three times as much, both its ends.
    check(number(got[0][5]) + number(got[0][6]) > 2 * (number(got[2][5]) + number(got[2][6])), "order: %s" % got)
    check("TOTAL" in screen.screen.line(22), "sums")
    screen.keys("q")
    equal(screen.wait(), 0, "exit status")
    check(screen.is_restored(), "terminal not restored")
    screen.wait_text(r"^127\.0\.0\.1 +out +\d+ +%d " % CONNS)
    check(re.search(r"conntrace: .* %d connections" % (2 * CONNS), screen.screen.text()), "accounts")


# For each line that it reads, connects to itself and closes; ends by the line "end".
CLOSING = """
import socket, sys
server = socket.create_server(("127.0.0.1", 0))
print("ready", flush=True)
for line in sys.stdin:
    if line.strip() == "end":
        break
    client = socket.create_connection(server.getsockname())
    served = server.accept()[0]
    client.sendall(b"x" * 1000)
    served.recv(1000, socket.MSG_WAITALL)
    client.close()
    served.close()
    print("done", flush=True)
"""


@test("what closed stays in the sums and folds; an idle process is not one that has ended")
@in_test
def remembers():
    program = lib.write_file(lib.scratch(), CLOSING)
    idle, ending = [subprocess.Popen([sys.executable, program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                    for _ in range(2)]
    try:
        for process in idle, ending:
            equal(process.stdout.readline(), "ready\n", "the program")
        screen = top(["--via=ptrace", "--keep=0.1", "-p", idle.pid, "-p", ending.pid], width=100)
        screen.wait_text(" 0 open, 0 seen")
        for process in (idle, ending) * 2:
            process.stdin.write("go\n")
            process.stdin.flush()
            equal(process.stdout.readline(), "done\n", "the program")
        ending.communicate("end\n")
        # Both ends of four connections; they leave the list.
        screen.wait_for(lambda text: "TOTAL  0 open, 8 closed" in text and not rows(screen), "an empty list")
        check(re.search(r"^TOTAL .* 4\.0k +4\.0k ", screen.screen.text(), re.MULTILINE), "bytes of the sums")
        screen.keys("t")
        screen.wait_text(r"^127\.0\.0\.1 .* 8 +8 .*8 closed|^127\.0\.0\.1 .* 8 +8 .*closed")
        screen.keys("t")
        screen.wait_text(r"\[%d\].* 4 +4 .* idle " % idle.pid)
        screen.wait_text(r"\[%d\].* 4 +4 .* ended " % ending.pid)
        screen.keys("t")
        screen.wait_text(r"^python.* 8 +8 .*closed")
        screen.keys("q")
        equal(screen.wait(), 0, "exit status")
    finally:
        for process in idle, ending:
            process.stdin.close()
            process.wait()


@test("--sort: a title of the screen or a column of reports; the report at the end is sorted by what it has")
@in_test
def sorted_by():
    pid = traffic()
    screen = top(["--via=ptrace", "--sort=RX/s:asc,TX_BYTES:desc", "-p", pid])
    screen.wait_text(r"by RX/s reversed")
    screen.wait_text(r".RX/s TX/s")
    screen.keys("q")
    equal(screen.wait(), 0, "exit status")
    screen = top(["--via=ptrace", "--sort=FAIL", "-p", pid])
    screen.wait_text(r"^PEER .*CONNS")
    screen.wait_text(r"by FAIL ")
    screen.keys("q")
    equal(screen.wait(), 0, "exit status")
    for words in (["--top", "--sort=RX/S:up"], ["--top", "--sort=RX/m"], ["--sort=RX/s"]):
        done_ = lib.run([CONNTRACE] + words + ["-p", str(pid)])
        equal(done_.status, 2, "exit status with %s" % words)
        check("--sort: no " in done_.err, "message with %s: %s" % (words, done_.err))


@test("keys: sort, fold, filter, details, units, pause, keep, help")
@in_test
def keys():
    pid = traffic()
    screen = top(["--via=ptrace", "-p", pid], width=120, height=30)
    screen.wait_text("%d open" % (2 * CONNS))
    screen.keys("t")
    screen.wait_for(lambda text: "CONNS" in text and len(rows(screen)) == 1, "one peer")
    screen.keys("t")
    screen.wait_text(r"^PROCESS .*CONNS")
    screen.keys("t")
    screen.wait_text(r"^PROGRAM .*CONNS")
    screen.keys("t")
    screen.wait_text(r"^UNIT .*CONNS")
    screen.keys("t/ in \n")
    screen.wait_text("1-%d of %d .* /" % (CONNS, CONNS))
    equal({row[4] for row in rows(screen)}, {"in"}, "filtered directions")
    screen.keys("/\x15\n")
    screen.wait_text("of %d " % (2 * CONNS))
    screen.keys("s")
    screen.wait_text("^sorted by BYTES")
    screen.keys("<<<<")
    screen.wait_text("^sorted by RETRANS: retransmitted segments")
    screen.keys("S")
    screen.wait_text("by RETRANS reversed")
    screen.keys("u")
    screen.wait_text("B/s 1024")
    screen.keys("u")
    screen.wait_text("bit/s$")
    screen.keys("p")
    screen.wait_text("^ PAUSED")
    before = screen.screen.text()
    screen.read(1)
    equal(screen.screen.text(), before, "screen that stands still")
    screen.keys("p")
    screen.wait_for(lambda text: "PAUSED" not in text, "the end of the pause")
    screen.keys("r7.5\n")
    screen.wait_text("^closed connections stay for 7.5 s")
    screen.keys("?")
    screen.wait_text("^ Keys")
    screen.keys("x\x1b[B\x1b[B\r")
    screen.wait_text("^ START ")
    check("handshake" in screen.screen.text() or "before the run" in screen.screen.text(), "scenario")
    screen.keys("\x1b")
    screen.wait_text("^TOTAL")
    # Esc lets go of the chosen row.
    screen.keys("\x1b")
    screen.keys("q")
    equal(screen.wait(), 0, "exit status")
    check(screen.is_restored(), "terminal not restored")


@test("connections shorter than a look are counted and stay for --keep")
@in_test
def short():
    pid = traffic("short")
    screen = top(["--keep=3", "--via=ptrace", "-p", pid], height=100)
    screen.wait_text("closed")
    time.sleep(3)
    screen.read(0.6)
    closed = [row for row in rows(screen) if row[3] == "closed"]
    # Ten a second for three seconds, both ends.
    between(len(closed), 20, 80, "closed ones on the screen")
    seen = int(re.search(r"(\d+) seen", screen.screen.line(0)).group(1))
    check(seen > len(closed) + CONNS, "seen: %d" % seen)


@test("whatever ends it gives the terminal back")
@in_test
def ends():
    pid = traffic()
    for number_, status in ((signal.SIGSEGV, -11), (signal.SIGABRT, -6), (signal.SIGBUS, -7), (signal.SIGQUIT, -3),
                            (signal.SIGTERM, 0), (signal.SIGINT, 0), (signal.SIGHUP, 0)):
        screen = top(["--via=ptrace", "-p", pid])
        screen.wait_text("open")
        check(not screen.is_restored(), "the screen was never there")
        screen.process.send_signal(number_)
        equal(screen.wait(), status, "status after %s" % number_.name)
        check(screen.is_restored(), "terminal not restored after %s" % number_.name)
    for number_ in (signal.SIGVTALRM, signal.SIGPOLL, signal.SIGPWR, signal.SIGRTMIN + 5):
        screen = top(["--via=diag", "-p", pid])
        screen.wait_text("open")
        screen.process.send_signal(number_)
        equal(screen.wait(), -number_, "status after %s" % number_)
        check(screen.is_restored(), "terminal not restored after %s" % number_)
    screen = top(["--via=ptrace", "-p", pid])
    screen.wait_text("open")
    screen.keys("\x03")
    equal(screen.wait(), 0, "status after Ctrl-C")
    check(screen.is_restored(), "terminal not restored after Ctrl-C")


def state_of(pid):
    return lib.status_field(pid, "State")[:1]


def job(words, then):
    """conntrace as a job of a shell, brought to the front; then what the shell does. Return: the terminal."""
    screen = terminal.Terminal(["bash", "-mc", "%s --top %s & echo child $!; fg >/dev/null; echo back $?; %s" % (
        CONNTRACE, words, then)])
    _terminals.append(screen)
    return screen


def lives(pid):
    """It makes system calls and is not stopped."""
    before = lib.switches(pid, pid)
    lib.wait_for(lambda: lib.switches(pid, pid) > before + 5, "the target to go on")
    # Each of its calls is a short stop of a traced process.
    lib.wait_for(lambda: state_of(pid) not in "Tt", "the target to be running")


GO_ON = "read x; fg >/dev/null; echo back $?; "


@test("Ctrl-Z gives the shell its prompt while the attached target goes on")
@in_test
def attached():
    pid = traffic()
    screen = job("--via=ptrace -p %d" % pid, GO_ON * 2)
    screen.wait_text("%d open" % (2 * CONNS))
    front = int(re.search(r"child (\d+)", screen.received).group(1))
    screen.keys("\x1a")
    screen.wait_text("^back 148")
    check(1049 not in screen.screen.modes and 25 in screen.screen.modes, "the screen is still there")
    lib.wait_for(lambda: state_of(front) == "T", "the job to stop")
    lives(pid)
    # Continued in the background it has nothing to do on the terminal, and stops again.
    fact = len(screen.received)
    os.kill(front, signal.SIGCONT)
    lib.wait_for(lambda: state_of(front) == "T", "the job to stop again")
    screen.read(0.7)
    equal(screen.received[fact:], "", "what it writes in the background")
    screen.keys("\n")
    screen.wait_text("%d open" % (2 * CONNS))
    # SIGSTOP cannot be refused, but it is not the tracer that stops.
    os.kill(front, signal.SIGSTOP)
    screen.wait_received("back 147")
    fact = len(screen.received)
    lives(pid)
    screen.read(0.7)
    equal(screen.received[fact:], "", "what it writes on the shell's terminal")
    screen.screen.resize(80, 24)
    screen.keys("\n")
    screen.wait_text("%d open" % (2 * CONNS))
    screen.keys("q")
    screen.wait_text("^back 0")
    check(re.search(r"conntrace: .* %d connections" % (2 * CONNS), screen.received), "accounts")
    check(1049 not in screen.screen.modes and 25 in screen.screen.modes, "the screen is still there at the end")


@test("a run that ends while its job is stopped prints its report, and the job ends")
@in_test
def ends_stopped():
    pid = traffic()
    # Bash does not wait(1) for a job that is stopped.
    screen = job("--via=ptrace -p %d" % pid, "while kill -0 $!; do read -t 0.1 x; done 2>/dev/null; wait $!; echo gone $?; ")
    screen.wait_text("%d open" % (2 * CONNS))
    screen.keys("\x1a")
    screen.wait_text("^back 148")
    os.kill(pid, signal.SIGKILL)
    screen.wait_text("^gone 0")
    check(re.search(r"conntrace: .* %d connections" % (2 * CONNS), screen.received), "accounts")


@test("started in the background it leaves the terminal's modes alone until it has the terminal")
@in_test
def background():
    pid = traffic()
    screen = terminal.Terminal(["bash", "-mc", "%s --top -p %d & read x; echo $!; fg >/dev/null; echo back $?" % (
        CONNTRACE, pid)])
    _terminals.append(screen)
    before, front, seen, end = screen.modes(), 0, [], time.monotonic() + lib.WAIT_SEC
    while not front or state_of(front) != "T":
        require(time.monotonic() < end, "the job does not stop")
        # Often, since a shell must not come at the wrong moment either.
        seen += [modes for modes in (screen.modes() for _ in range(500)) if modes != before]
        children = lib.read_file("/proc/%d/task/%d/children" % (screen.process.pid, screen.process.pid)).split()
        front = int(children[0]) if children else 0
    equal(seen, [], "the terminal's modes")
    equal(screen.received, "", "its input")
    screen.keys("\n")
    screen.wait_text("%d open" % (2 * CONNS))
    screen.keys("q")
    screen.wait_text("^back 0")
    check(screen.is_restored(), "terminal not restored")


@test("Ctrl-Z stops a launched command as it would without; kill -9 of the job ends all of it")
@in_test
def launched():
    program, ready, out = lib.write_file(lib.scratch(), TRAFFIC), lib.scratch("ready"), lib.scratch("out")
    screen = job("-- %s %s %d %s >%s 2>&1" % (sys.executable, program, CONNS, ready, out), GO_ON)
    screen.wait_text("%d open" % (2 * CONNS))
    front = int(re.search(r"child (\d+)", screen.received).group(1))
    command = int(lib.read_file(ready).split()[0])
    screen.keys("\x1a")
    screen.wait_text("^back 148")
    lib.wait_for(lambda: state_of(command) in "Tt", "the command to stop")
    before = lib.switches(command, command)
    screen.read(0.5)
    equal(lib.switches(command, command), before, "what the stopped command does")
    screen.keys("\n")
    screen.wait_text("%d open" % (2 * CONNS))
    lives(command)
    os.kill(front, signal.SIGKILL)
    screen.wait_received("back 137")
    lib.wait_for(lambda: not os.path.exists("/proc/%d" % command), "the command to end")
    lib.wait_for(screen.is_restored, "the terminal to be given back")


@test("Ctrl-Z gives the terminal back until it is continued; so does SIGSTOP")
@in_test
def stops():
    # The kernel stops no group whose parent is not in the same session: so there is a shell with job control.
    go_on = "fg >/dev/null; echo back $?; read x; "
    screen = terminal.Terminal(["bash", "-mc", "%s --top --speed=0.5 --replay %s & echo child $!; %s%s%s" % (
        CONNTRACE, RECORDING, go_on, go_on, go_on)])
    _terminals.append(screen)
    screen.wait_text("5 open")
    screen.keys("\x1a")
    screen.wait_text("^back 148")
    check(1049 not in screen.screen.modes, "the screen is still there")
    check(25 in screen.screen.modes, "no cursor")
    screen.keys("\n")
    screen.wait_text("5 open")
    child = int(re.search(r"child (\d+)", screen.received).group(1))
    os.kill(child, signal.SIGSTOP)
    screen.wait_received("back 147")
    screen.screen.resize(80, 24)    # whatever was on it is not believed
    screen.keys("\n")
    screen.wait_text("5 open")
    screen.keys("q")
    screen.wait_text("^back 0")
    check(1049 not in screen.screen.modes and 25 in screen.screen.modes, "the screen is still there at the end")


# A shell that brings a job in the background to the foreground, when the job is about to stop for being there.
FOREGROUND = r"""
import os, signal, sys, time
job = os.fork()
if job == 0:
    os.setpgid(0, 0)
    os.execv(sys.argv[1], sys.argv[1:])
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
def field(pid, name):
    for line in open("/proc/%s/status" % pid):
        if line.startswith(name + ":"):
            return line.split(":")[1].strip()
def children():
    return open("/proc/%d/task/%d/children" % (job, job)).read().split()
def is_asked():
    return int(field(job, "ShdPnd"), 16) & 1 << signal.SIGUSR2 - 1
while os.getpgid(job) != job or not children():
    pass
os.kill(job, signal.SIGSTOP)
_, status = os.waitpid(job, os.WUNTRACED)
child, end = children()[0], time.monotonic() + 3
# It stops its child before it stops, and may have been held between being asked and that.
while not is_asked() and field(child, "State")[0] != "T" and time.monotonic() < end:
    time.sleep(0.001)
if not is_asked():
    print("too late", flush=True)
    os.kill(job, signal.SIGKILL)
    os._exit(1)
print("about to stop", flush=True)
os.tcsetpgrp(0, job)
os.kill(job, signal.SIGCONT)
_, status = os.waitpid(job, os.WUNTRACED)
print("it stopped" if os.WIFSTOPPED(status) else "ended %d" % os.waitstatus_to_exitcode(status), flush=True)
"""


@test("a job that comes to the foreground before it has stopped for the background does not stop")
@in_test
def foreground_in_time():
    screen = None
    # Now and then it stops before it can be held.
    for _ in range(50):
        screen = terminal.Terminal([sys.executable, "-c", FOREGROUND, CONNTRACE, "--top", "--speed=0.5", "--replay", RECORDING])
        _terminals.append(screen)
        screen.wait_received("too late|about to stop")
        if "about" in screen.received:
            break
    require("about" in screen.received, "it always stopped too soon")
    screen.wait_for(lambda text: "5 open" in text or "it stopped" in text, "the screen")
    check("it stopped" not in screen.received, "it stopped, and no process continues it")
    screen.keys("q")
    screen.wait_received("ended 0")


@test("it follows the terminal's size from 40 to 300 columns, and a storm of changes")
@in_test
def resizes():
    pid = traffic()
    screen = top(["--via=ptrace", "-p", pid])
    screen.wait_text("%d open" % (2 * CONNS))
    for width, height in ((40, 10), (300, 60), (80, 24), (120, 12)):
        screen.resize(width, height)
        screen.wait_text("^TOTAL")
        screen.wait_for(lambda _, h=height: screen.screen.line(h - 2).startswith("TOTAL"), "the last lines")
    screen.resize(30, 4)
    screen.wait_text("30x4: needs 40x6")
    for i in range(300):
        screen.set_size(20 + i % 200, 2 + i % 50)
        screen.process.send_signal(signal.SIGWINCH)
    screen.resize(100, 20)
    screen.keys("\x0c")
    screen.wait_for(lambda _: screen.screen.line(18).startswith("TOTAL"), "the last lines after a storm")
    check(screen.process.poll() is None, "it has ended")
    screen.keys("q")
    equal(screen.wait(), 0, "exit status")
    check(screen.is_restored(), "terminal not restored")


@test("at most four redraws a second")
@in_test
def redraws():
    pid = traffic()
    for words in ([], ["-I", "0.1"]):
        screen = top(words + ["--via=ptrace", "-p", pid])
        screen.wait_text("open")
        screen.read(0.5)
        bursts, last, end = 0, 0, time.monotonic() + 3
        while time.monotonic() < end:
            before = len(screen.received)
            screen.read(0.01)
            if len(screen.received) > before:
                bursts += time.monotonic() - last > 0.1
                last = time.monotonic()
        between(bursts, 3, 12, "redraws in three seconds with %s" % words)
        screen.keys("q")
        equal(screen.wait(), 0, "exit status")


@test("a command must not write on the screen; redirected it runs as always")
@in_test
def commands():
    program = [sys.executable, "-c", TRAFFIC, CONNS, lib.scratch("ready")]
    screen = top(["--"] + program)
    equal(screen.wait(), 2, "exit status")
    screen.wait_text("--top needs the terminal")
    check("1049h" not in screen.received, "there was a screen")
    done()
    out, err = lib.scratch("out"), lib.scratch("err")
    with open(out, "wb") as stdout, open(err, "wb") as stderr:
        screen = top(["--"] + program, stdout=stdout, stderr=stderr)
        screen.wait_text("%d open" % (2 * CONNS))
        screen.keys("q")
        # -d, -c and q end a command, which cannot go on under its filter.
        equal(screen.wait(), -signal.SIGTERM, "exit status")
    check(screen.is_restored(), "terminal not restored")
    check("PEER" in lib.read_file(out), "no report: %r" % lib.read_file(out))
    check("conntrace: " in lib.read_file(err), "no accounts: %r" % lib.read_file(err))
    done()
    with open(out, "wb") as stdout:
        screen = top(["--", "sh", "-c", "read x || echo nothing to read; exit 3"], stdout=stdout, stderr=stdout)
        equal(screen.wait(), 3, "exit status of a command that reads")
    check("nothing to read" in lib.read_file(out), "its standard input was the terminal")


@test("without a terminal, or a dumb one, plain lines")
@in_test
def plain():
    pid = traffic()
    done_ = lib.run([CONNTRACE, "--top", "-I", "0.5", "-d", "2", "--via=ptrace", "-p", pid], env=dict(os.environ, COLUMNS="120"))
    equal(done_.status, 0, "exit status")
    between(len(re.findall("^TOTAL", done_.out, re.MULTILINE)), 2, 5, "times the rows were printed")
    check(re.search(r"^PEER +LOCAL", done_.out, re.MULTILINE), "as wide as COLUMNS")
    check("\x1b" not in done_.out, "escape sequences")
    screen = top(["-I", "0.5", "--limit=2", "-d", "2", "--via=ptrace", "-p", pid], term="dumb")
    screen.wait_received('TERM="dumb" cannot move its cursor; printing plain lines')
    equal(screen.wait(), 0, "exit status")
    check("\x1b" not in screen.received, "escape sequences on a dumb terminal")
    # Ctrl-Z is answered as without --top.
    lines, screen = screen, top(["--via=ptrace", "-p", pid], term="dumb")
    screen.wait_received("TOTAL")
    screen.keys("\x1a")
    screen.wait_received("not stopped, because the watched process would hang")
    screen.keys("\x03")
    equal(screen.wait(), 0, "exit status after Ctrl-C")
    blocks = re.findall(r"^PEER .*?^TOTAL", lines.received.replace("\r", ""), re.MULTILINE | re.DOTALL)
    check(blocks and all(block.count("\n127.") <= 2 for block in blocks), "--limit: %s" % blocks[:1])
    screen = top(["-d", "1", "--via=ptrace", "-p", pid], term="unheard-of")
    screen.wait_received("is an unknown terminal type")
    equal(screen.wait(), 0, "exit status with an unknown terminal")


@test("colour only where it is wanted")
@in_test
def colors():
    pid = traffic()
    for words, environment, wanted in (([], {}, False), (["--color=always"], {"NO_COLOR": "1"}, True),
                                       (["--color=never"], {}, False), ([], {"NO_COLOR": "1"}, False)):
        server = "import socket\ns = socket.socket()\ns.bind(('127.0.0.1', 0))\nc = socket.socket()\n" \
                 "import time\nwhile True:\n c.connect_ex(s.getsockname()); time.sleep(0.2)\n"
        failing = lib.Process([sys.executable, "-c", server])
        screen = top(words + ["--via=ptrace", "-p", failing.pid], term="xterm-256color", environment=environment)
        screen.wait_text("refus")
        screen.read(0.3)
        red = re.search(r"\x1b\[(?:[\d;]*;)?31[;m]", screen.received) is not None
        equal(red, wanted if words or environment else True, "red with %s %s" % (words, environment))
        done()
    # States and directions in colors that are readable on light and dark, which not all terminals have.
    for term, environment, wanted in (("xterm-256color", {}, {"28", "31", "130"}), ("xterm", {}, set()),
                                      ("vt100", {}, set()), ("xterm-256color", {"NO_COLOR": "1"}, set())):
        screen = top(["--via=ptrace", "-p", pid], term=term, environment=environment)
        screen.wait_text("^TOTAL +%d open" % (2 * CONNS))
        equal(set(re.findall(r"\x1b\[(?:[\d;]*;)?38;5;(\d+)", screen.received)), wanted, "colors of %s" % term)
        screen.keys("q")
        equal(screen.wait(), 0, "exit status")
        done()


at_once.main(4)
