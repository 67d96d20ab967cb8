# SPDX-License-Identifier: GPL-2.0-or-later
"""A terminal for programs with a screen: a pseudo terminal, and the part of ECMA-48 that curses sends to an xterm."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

# One element of the input of a terminal: a sequence, a control character, or text.
SEQUENCE = re.compile(r"\x1b\[([?>=]?)([\d;:]*)([@-~])|\x1b\]([^\x07\x1b]*)(?:\x07|\x1b\\)|\x1b[()]([\w])|\x1b([=>78MDEc])"
                  r"|([\x00-\x1a\x1c-\x1f])|([^\x00-\x1f\x1b]+)")


class Screen:
    """The contents of a terminal after its input."""

    def __init__(self, width, height):
        self.modes = set()       # private ones, as 1049 (the other screen) and 25 (the cursor)
        self.bold = set()        # places that are not plain: (y, x)
        self.rest = ""
        self.resize(width, height)

    def resize(self, width, height):
        self.width, self.height = width, height
        self.lines = [[" "] * width for _ in range(height)]
        self.x = self.y = 0
        self.top, self.bottom = 0, height - 1
        self.last = " "

    def text(self):
        return "\n".join("".join(line).rstrip() for line in self.lines)

    def line(self, y):
        return "".join(self.lines[y]).rstrip()

    def feed(self, text):
        self.rest += text
        while self.rest:
            match = SEQUENCE.match(self.rest)
            # A sequence may be cut in the middle of what was read.
            if not match or (match.end() == len(self.rest) and match.group(0) == "\x1b"):
                if len(self.rest) > 200:
                    raise ValueError("the terminal does not know %r" % self.rest[:40])
                return
            self.rest = self.rest[match.end():]
            private, numbers, final, _, charset, escape, control, plain = match.groups()
            if final:
                self.sequence(private, [int(n) if n else 0 for n in re.split("[;:]", numbers)], final)
            elif plain:
                for character in plain:
                    self.put(character)
            elif control:
                self.control(control)
            elif escape == "M":
                self.scroll(-1) if self.y == self.top else self.go(self.y - 1, self.x)
            elif charset is None and escape is None:
                pass

    def go(self, y, x):
        self.y, self.x = max(0, min(y, self.height - 1)), max(0, min(x, self.width - 1))

    def put(self, character):
        if self.x >= self.width:
            self.x = 0
            self.newline()
        self.lines[self.y][self.x] = self.last = character
        self.x += 1

    def newline(self):
        if self.y == self.bottom:
            self.scroll(1)
        else:
            self.y = min(self.y + 1, self.height - 1)

    def scroll(self, by):
        for _ in range(abs(by)):
            if by > 0:
                del self.lines[self.top]
                self.lines.insert(self.bottom, [" "] * self.width)
            else:
                del self.lines[self.bottom]
                self.lines.insert(self.top, [" "] * self.width)

    def control(self, character):
        if character == "\n":
            self.newline()
        elif character == "\r":
            self.x = 0
        elif character == "\b":
            self.x = max(0, self.x - 1)

    def wipe(self, begin, end):
        for place in range(begin, end):
            self.lines[place // self.width][place % self.width] = " "

    def sequence(self, private, numbers, final):
        first = numbers[0]
        one = max(1, first)
        here = self.y * self.width + min(self.x, self.width - 1)
        line = self.lines[self.y]
        if private:
            if final == "h":
                self.modes |= set(numbers)
            elif final == "l":
                self.modes -= set(numbers)
            if 1049 in numbers:
                self.wipe(0, self.width * self.height)
        elif final in "Hf":
            self.go(one - 1, max(1, (numbers + [0])[1]) - 1)
        elif final == "G":
            self.go(self.y, one - 1)
        elif final == "d":
            self.go(one - 1, self.x)
        elif final in "ABCD":
            self.go(self.y + {"A": -one, "B": one}.get(final, 0), self.x + {"C": one, "D": -one}.get(final, 0))
        elif final == "J":
            self.wipe(here if first == 0 else 0, here + 1 if first == 1 else self.width * self.height)
        elif final == "K":
            self.wipe(here if first == 0 else self.y * self.width,
                      here + 1 if first == 1 else (self.y + 1) * self.width)
        elif final == "X":
            self.wipe(here, min(here + one, (self.y + 1) * self.width))
        elif final == "b":
            for _ in range(one):
                self.put(self.last)
        elif final == "P":
            self.lines[self.y] = (line[:self.x] + line[self.x + one:] + [" "] * self.width)[:self.width]
        elif final == "@":
            self.lines[self.y] = (line[:self.x] + [" "] * one + line[self.x:])[:self.width]
        elif final == "r":
            self.top, self.bottom = one - 1, ((numbers + [0])[1] or self.height) - 1
            self.go(0, 0)
        elif final in "LM":
            top, self.top = self.top, self.y
            self.scroll(-one if final == "L" else one)
            self.top = top
        elif final in "ST":
            self.scroll(one if final == "S" else -one)
        elif final not in "mhltcnq":
            raise ValueError("the terminal does not know %r %r" % (numbers, final))


class Terminal:
    """A program on a pseudo terminal of its own, whose controlling terminal it is."""

    def __init__(self, argv, width=80, height=24, term="xterm", **how):
        self.screen = Screen(width, height)
        self.received = ""       # all input of the terminal
        self.master, slave = pty.openpty()
        self.set_size(width, height)
        self.before = termios.tcgetattr(slave)
        given = how.pop("environment", {})
        environment = {**os.environ, "TERM": term, "LC_ALL": "C.UTF-8", **given}
        for name in "COLUMNS", "LINES", "NO_COLOR":
            if name not in given:
                environment.pop(name, None)
        streams = {name: how.pop(name, slave) for name in ("stdin", "stdout", "stderr")}

        def control():
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        self.process = subprocess.Popen([str(word) for word in argv], env=environment, preexec_fn=control,
                                        pass_fds=(slave,), **streams, **how)
        self.slave = slave       # stays open: input is not lost at the end of the program

    def set_size(self, width, height):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def resize(self, width, height):
        self.read(0)
        self.screen.resize(width, height)
        self.set_size(width, height)

    def read(self, limit):
        """Reads input within the limit, until it pauses."""
        while select.select([self.master], [], [], limit)[0]:
            text = os.read(self.master, 65536).decode("utf-8", "replace")
            self.received += text
            self.screen.feed(text)
            limit = 0.02

    def wait_for(self, condition, what, limit=60):
        """Reads until condition(screen text) is true. Return: what it said."""
        end = time.monotonic() + limit
        while True:
            self.read(0.05)
            got = condition(self.screen.text())
            if got:
                return got
            if time.monotonic() > end:
                raise TimeoutError("waited in vain for %s; the screen:\n%s" % (what, self.screen.text()))

    def wait_received(self, pattern, limit=60):
        """Reads until the input matches."""
        return self.wait_for(lambda _: re.search(pattern, self.received), repr(pattern), limit)

    def wait_text(self, pattern, limit=60):
        """Reads until a line matches. Return: the match."""
        return self.wait_for(lambda text: re.search(pattern, text, re.MULTILINE), repr(pattern), limit)

    def keys(self, keys):
        os.write(self.master, keys.encode())

    def wait(self, limit=60):
        """Return: its exit status."""
        end = time.monotonic() + limit
        while self.process.poll() is None and time.monotonic() < end:
            self.read(0.05)
        self.read(0.05)
        return self.process.poll()

    def modes(self):
        return termios.tcgetattr(self.slave)

    def is_restored(self):
        """Is the terminal as it was: its modes, the screen, the cursor?"""
        self.read(0.1)
        return (self.modes() == self.before and 1049 not in self.screen.modes and
                (25 in self.screen.modes or "\x1b[?25l" not in self.received))

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait(10)
        os.close(self.master)
        os.close(self.slave)


if __name__ == "__main__":
    print("1..0 # SKIP what the tests beside it share, no test")
