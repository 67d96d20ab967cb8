#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Terminal job control: Ctrl-Z, fg, bg and Ctrl-C in a shell, of programs that are watched and of conntrace itself."""
import os
import pty
import re
import select
import signal
import sys
import termios

from lib import (CONNTRACE, Process, check, equal, main, need, require, scratch, status_field, tasks, test,
                 wait_for, write_file)

QUIET = [CONNTRACE, "-q", "-o", "/dev/null"]
PROMPT = "PROMPT> "
LAUNCHED = ([], ["--watch-close"], ["--no-filter"])
# Says each word it reads back, and how it ends.
ECHO = 'echo pid $$ ready; while read word; do echo got:$word; [ "$word" = end ] && exit 5; done; exit 6'
# Counts the SIGTSTP it gets, and goes on.
STUBBORN = """import os, signal, sys, time
signal.signal(signal.SIGTSTP, lambda number, frame: os.write(1, b"caught\\n"))
print("ready", flush=True)
while not os.path.exists(sys.argv[1]):
    time.sleep(0.02)
sys.exit(7)"""


class Terminal:
    """bash on a terminal of its own."""

    def __init__(self):
        bash = need("bash")
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(bash, ["bash", "--norc", "--noprofile", "-i"],
                      dict(os.environ, PS1=PROMPT, TERM="dumb", HISTFILE="", INPUTRC="/dev/null"))
        attributes = termios.tcgetattr(self.fd)
        attributes[3] &= ~termios.ECHO
        termios.tcsetattr(self.fd, termios.TCSANOW, attributes)
        self.output = ""
        self.expect(re.escape(PROMPT))
        # Line editing would switch the echo on again.
        self.type("set +o emacs +o vi; stty -echo", PROMPT)

    def expect(self, pattern, limit=60):
        """Reads until the pattern comes. Return: what came up to there."""
        while True:
            found = re.search(pattern, self.output)
            if found:
                text, self.output = self.output[:found.end()], self.output[found.end():]
                return text
            ready, _, _ = select.select([self.fd], [], [], limit)
            require(ready, "%r did not come on the terminal, only %r" % (pattern, self.output))
            try:
                piece = os.read(self.fd, 4096)
            except OSError:
                piece = b""
            require(piece, "the terminal closed before %r: %r" % (pattern, self.output))
            self.output += piece.decode(errors="replace")

    def type(self, text, pattern, end="\n"):
        os.write(self.fd, (text + end).encode())
        return self.expect(pattern if pattern != PROMPT else re.escape(PROMPT))

    def key(self, letter, pattern):
        return self.type(chr(ord(letter) & 31), pattern, "")

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def command(argv):
    return " ".join("'%s'" % word.replace("'", "'\\''") for word in argv)


def pid_in(text):
    return int(re.search(r"pid (\d+) ready", text).group(1))


def is_stopped(pid):
    return all(status_field(pid, "State", task)[:1] in "Tt" for task in tasks(pid))


def session(before):
    """The same keys for all; Return: what the shell and the program said."""
    terminal = Terminal()
    said = []
    try:
        pid = pid_in(terminal.type(command(before + ["sh", "-c", ECHO]), "ready"))
        terminal.type("one", "got:one")
        for turn in range(5):
            text = terminal.key("Z", re.escape(PROMPT))
            said.append(re.sub(r"\s+", " ", text.split("Stopped")[0])[-20:])
            check("Stopped" in text, "the shell says that it stopped: %r" % text)
            wait_for(lambda: is_stopped(pid), "the program to stop")
            terminal.type("fg", r"sh.*\n")
            terminal.type("turn%d" % turn, "got:turn%d" % turn)
        # In the background it stops when it reads, and the shell says so.
        terminal.key("Z", re.escape(PROMPT))
        terminal.type("bg", PROMPT)
        wait_for(lambda: is_stopped(pid), "the program to stop for reading")
        wait_for(lambda: "Stopped" in terminal.type("jobs", PROMPT), "the shell to say so")
        terminal.type("fg", r"sh.*\n")
        terminal.type("two", "got:two")
        terminal.type("end", PROMPT)
        said.append(re.search(r"st=\d+", terminal.type("echo st=$?", r"st=\d+")).group())
        terminal.expect(re.escape(PROMPT))
        # Ctrl-C of a stopped and continued one.
        pid = pid_in(terminal.type(command(before + ["sh", "-c", ECHO]), "ready"))
        terminal.key("Z", re.escape(PROMPT))
        terminal.type("fg", r"sh.*\n")
        # The shell says so before it does: a key that came first would be its own.
        wait_for(lambda: os.tcgetpgrp(terminal.fd) == os.getpgid(pid) and not is_stopped(pid), "the program to go on")
        terminal.key("C", re.escape(PROMPT))
        said.append(re.search(r"st=\d+", terminal.type("echo st=$?", r"st=\d+")).group())
    finally:
        terminal.close()
    return said


@test("Ctrl-Z, fg, bg, reading in the background, Ctrl-C: as without conntrace")
def ctrl_z():
    wanted = session([])
    equal(wanted[-2:], ["st=5", "st=130"], "without conntrace")
    for options in LAUNCHED:
        equal(session(QUIET + options + ["--"]), wanted, " ".join(["launched"] + options))


@test("a program that catches Ctrl-Z is not stopped by conntrace's standing still")
def caught():
    program = write_file(scratch("program"), STUBBORN)
    for options in LAUNCHED:
        terminal = Terminal()
        try:
            end = scratch("end")
            terminal.type(command(QUIET + options + ["--", sys.executable, program, end]), "ready")
            for _ in range(3):
                terminal.key("Z", "caught")
            write_file(end, "")
            text = terminal.expect(re.escape(PROMPT))
            check("Stopped" not in text, "the shell saw no stop: %r" % text)
            equal(re.search(r"st=\d+", terminal.type("echo st=$?", r"st=\d+")).group(), "st=7", "exit status")
        finally:
            terminal.close()


# Leaves the process group of the terminal.
APART = """import os, sys, time
os.setsid() if sys.argv[1] == "setsid" else os.setpgid(0, 0)
print("pid", os.getpid(), "ready", flush=True)
time.sleep(600)"""


@test("Ctrl-Z, fg and Ctrl-C reach a command that has left the process group of the terminal")
def apart():
    program = write_file(scratch("program"), APART)
    for how, options in (("setsid", []), ("setsid", ["--via=diag"]), ("setpgid", []), ("setpgid", ["--no-filter"])):
        terminal = Terminal()
        try:
            pid = pid_in(terminal.type(command(QUIET + options + ["--", sys.executable, program, how]), "ready"))
            # In a session of its own nothing would continue it, and the kernel ignores the signal.
            if how == "setpgid":
                text = terminal.key("Z", re.escape(PROMPT))
                check("Stopped" in text, "the shell says that it stopped: %r" % text)
                wait_for(lambda: is_stopped(pid), "the program to stop")
                terminal.type("fg", r"program.*\n")
                wait_for(lambda: os.tcgetpgrp(terminal.fd) == os.getpgid(int(status_field(pid, "PPid"))) and
                         not is_stopped(pid), "the program to go on")
            terminal.key("C", re.escape(PROMPT))
            equal(re.search(r"st=\d+", terminal.type("echo st=$?", r"st=\d+")).group(), "st=130", how + ": exit status")
            check(not os.path.exists("/proc/%d" % pid), "%s: the program has ended" % how)
        finally:
            terminal.close()


@test("Ctrl-Z at an attached conntrace does not make the target stand still")
def attached():
    target = Process([sys.executable, "-c", "import time\nwhile True:\n  print('alive', flush=True)\n  time.sleep(0.02)"])
    terminal = Terminal()
    try:
        terminal.type(command([CONNTRACE, "-o", "/dev/null", "--via=ptrace", "-p", str(target.pid)]), "watching")
        terminal.key("Z", "not stopped")
        before = len(target.out)
        wait_for(lambda: len(target.out) > before + 50, "the target to go on")
        terminal.key("C", re.escape(PROMPT))
        check(target.alive(), "the target lives")
    finally:
        terminal.close()


if __name__ == "__main__":
    main()
