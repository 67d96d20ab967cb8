#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The zsh completion in zsh itself: values, and values after commas."""
import os
import pty
import select
import shutil
import sys
import time

import cli

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../completions")
SETUP = "PS1= PS2= RPS1=; unsetopt zle_bracketed_paste; autoload -U compinit; fpath=(%s $fpath); compinit -u -D; LISTMAX=1000; echo rea''dy\n"
# What is typed, and what comes behind it.
CASES = (
    ("conntrace --only=failed,sy", "failed,syn-rtx"), ("conntrace --only failed,re", "retrans"), ("conntrace --by=peer,po", "peer,port"),
    ("conntrace --redact=addr,ho", "addr,host"), ("conntrace --decapsulate=gre,vx", "gre,vxlan"), ("conntrace --metrics-by=program,u", "program,unit"),
    ("conntrace -O START,CONNEC", "START,CONNECT_"), ("conntrace --sort=PEER,FAI", "PEER,FAIL"), ("conntrace --via=a", "audit"),
)


class Zsh:
    """A zsh on a terminal of its own."""

    def __init__(self):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            path = os.path.dirname(os.path.abspath(cli.CONNTRACE)) + ":" + os.environ["PATH"]
            os.execvpe("zsh", ["zsh", "-f", "-i"], dict(os.environ, TERM="dumb", PATH=path, LC_ALL="C"))
        self.type(SETUP % os.path.abspath(FOLDER))
        self.seen("ready\r\n")

    def type(self, text):
        os.write(self.fd, text.encode())

    def seen(self, text, limit=30):
        """Whether the text comes. Return: what came instead, None if it did."""
        got, end = "", time.monotonic() + limit
        while text not in got:
            if not select.select([self.fd], [], [], max(0, end - time.monotonic()))[0]:
                return got
            try:
                got += os.read(self.fd, 65536).decode("utf-8", "replace")
            except OSError:
                return got
        return None

    def complete(self, line, wanted):
        # The second tab lists what is possible; Ctrl-U empties the line.
        self.type(line + "\t\t")
        wrong = self.seen(wanted)
        self.type("\x15 echo no''thing\n")
        self.seen("nothing\r\n")
        return wrong

    def end(self):
        self.type("exit\n")
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def main():
    test = cli.Cli()
    if shutil.which("zsh") is None:
        test.skip("completion in zsh", "zsh is not installed")
        return test.end()
    shell = Zsh()
    for line, wanted in CASES:
        wrong = shell.complete(line, wanted)
        test.say("\"%s\" offers %s" % (line, wanted), [] if wrong is None else [wrong[-300:]])
    shell.end()
    return test.end()


if __name__ == "__main__":
    sys.exit(main())
