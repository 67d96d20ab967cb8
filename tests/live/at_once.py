# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs tests of one script at the same time, each in a process and, where the script has one, a network namespace of its own.

For tests that wait most of the time. What they share is what the script has made before main().
"""
import ctypes
import fcntl
import gc
import os
import select
import signal
import socket
import struct
import sys
import time

import lib

LIMIT_SEC = 150
CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS, IFF_UP = 0x8914, 1


def own_network():
    """A network namespace with a loopback interface and nothing else, for this process and its children."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    # As ip-link(8) does it; there are hundreds of these namespaces.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))


class Player:
    """A child that runs one test and writes TAP's lines without number."""

    def __init__(self, number, name, function):
        self.number, self.name, self.text, self.begin = number, name, b"", time.monotonic()
        self.read_end, write_end = os.pipe()
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.read_end)
            os.setpgid(0, 0)
            os._exit(self.play(function, write_end))
        os.close(write_end)

    @staticmethod
    def play(function, write_end):
        lib._scratch = None
        failures, skipped = lib._failures, None
        try:
            if os.environ.get(lib.IN_NAMESPACE):
                own_network()
            skipped = lib.play(function)
        except Exception as error:  # pylint: disable=broad-except
            failures.append(lib.where(error))
        text = "".join("# %s\n" % line for failure in failures[:lib.SHOWN_FAILURES] for line in failure.splitlines())
        if not failures and skipped:
            text = "SKIP " + skipped
        os.write(write_end, text.encode())
        if lib._scratch:
            lib.shutil.rmtree(lib._scratch, True)
        return 1 if failures else 0

    def read(self):
        """Return: has it ended?"""
        part = os.read(self.read_end, 65536)
        self.text += part
        if part:
            return False
        os.close(self.read_end)
        self.failed = os.waitpid(self.pid, 0)[1] != 0
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        return True

    def say(self):
        text = self.text.decode(errors="replace")
        skip = " # " + text if text.startswith("SKIP") else ""
        print("%s %d - %s%s" % ("not ok" if self.failed else "ok", self.number, self.name, skip))
        if self.failed:
            print(text or "# it died or took too long", end="" if text.endswith("\n") else "\n")
        sys.stdout.flush()
        return self.failed


def play_all(tests, at_once):
    """tests: (name, function), played at_once at a time. Return: how many failed."""
    waiting = list(enumerate(tests, 1))
    playing, ended, fact, failed = [], {}, 1, 0
    print("1..%d" % len(tests))
    # A collection would write to each page that a child shares with this process.
    gc.freeze()
    while waiting or playing:
        while waiting and len(playing) < at_once:
            number, (name, function) = waiting.pop(0)
            playing.append(Player(number, name, function))
        ready = select.select([player.read_end for player in playing], [], [], 1)[0]
        for player in list(playing):
            if time.monotonic() - player.begin > LIMIT_SEC:
                os.kill(player.pid, signal.SIGKILL)
            if player.read_end in ready and player.read():
                playing.remove(player)
                ended[player.number] = player
        while fact in ended:
            failed += ended.pop(fact).say()
            fact += 1
    return failed


def main(at_once):
    """lib.main(), with so many tests at a time."""
    sys.exit(1 if play_all(lib.chosen(), at_once) else 0)
