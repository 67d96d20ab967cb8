# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of the command line share: running conntrace, judging how it ended, a small savefile, TAP."""
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile

TOP = os.path.abspath(os.environ.get("top_srcdir", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")))
BUILD = os.path.abspath(os.environ.get("top_builddir", os.path.join(TOP, "build")))
CONNTRACE = os.path.join(BUILD, "conntrace")
LIMIT = 60
HINT = "Try 'conntrace --help'.\n"


class Cli:
    """Runs conntrace in a folder of its own and prints TAP."""

    def __init__(self):
        self.count = self.failed = 0
        self.folder = tempfile.mkdtemp(prefix="conntrace-cli-")

    def path(self, name, content=None):
        """A path in the folder; the file is written when there is content."""
        path = os.path.join(self.folder, name)
        if content is not None:
            with open(path, "wb") as file:
                file.write(content)
        return path

    def run(self, *words, **how):
        """Runs conntrace; standard input is empty by default."""
        how.setdefault("stdin", subprocess.DEVNULL)
        how.setdefault("stdout", subprocess.PIPE)
        how.setdefault("stderr", subprocess.PIPE)
        command = [CONNTRACE] + [str(word) for word in words]
        try:
            return subprocess.run(command, timeout=LIMIT, check=False, text=True, cwd=self.folder,
                                  errors="backslashreplace", **how)
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(command, "none after %d s" % LIMIT, "", "")

    def say(self, name, complaints):
        self.count += 1
        self.failed += bool(complaints)
        print("%sok %d - %s" % ("not " if complaints else "", self.count, name.replace("#", "number ")))
        for complaint in complaints:
            for line in str(complaint).splitlines():
                print("# " + line)

    def equal(self, name, got, wanted):
        self.say(name, [] if got == wanted else ["got    %r" % (got,), "wanted %r" % (wanted,)])

    def skip(self, name, reason):
        self.count += 1
        print("ok %d - %s # SKIP %s" % (self.count, name, reason))

    def expect(self, name, done, status, stderr=(), stdout=None, lines=None):
        """Status, every string of stderr contained in it, stdout a string to be found in it ("" means it is empty)."""
        wrong = []
        if done.returncode != status:
            wrong.append("exit status %s, should be %s" % (done.returncode, status))
        wrong += ["stderr lacks: " + part for part in stderr if part not in done.stderr]
        if stdout == "" and done.stdout:
            wrong.append("stdout should be empty: " + done.stdout[:200])
        if stdout and stdout not in done.stdout:
            wrong.append("stdout lacks: " + stdout)
        if lines is not None and done.stderr.count("\n") != lines:
            wrong.append("stderr should have %d lines" % lines)
        if wrong and done.stderr:
            wrong.append("stderr: " + done.stderr[:600])
        self.say(name, wrong)

    def usage(self, words, part):
        """A wrong word: status 2, nothing on stdout, one line that says why and the hint at --help."""
        done = self.run(*words)
        wrong = [] if done.stderr.endswith(HINT) else ["no hint at --help at the end"]
        if done.returncode != 2:
            wrong.append("exit status %s, should be 2" % done.returncode)
        if done.stdout:
            wrong.append("stdout should be empty")
        if not done.stderr.startswith("conntrace: "):
            wrong.append("stderr should begin with conntrace:")
        if part not in done.stderr:
            wrong.append("stderr lacks: " + part)
        if done.stderr.count("\n") != 2:
            wrong.append("stderr should have two lines")
        self.say("usage: " + " ".join(words), wrong + (["stderr: " + done.stderr] if wrong else []))

    def end(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        print("1..%d" % self.count)
        sys.exit(1 if self.failed else 0)


def segment(source, target, sport, dport, seq, ack, flags, payload=b"", options=b""):
    """An Ethernet frame with IPv4 and TCP; the length of options is a multiple of four."""
    tcp = struct.pack(">HHIIBBHHH", sport, dport, seq, ack, 5 + len(options) // 4 << 4, flags, 64240, 0, 0) + options + payload
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 1, 0, 64, 6, 0, bytes(source), bytes(target))
    return b"\0" * 12 + b"\x08\0" + ip + tcp


def pcap(frames, begin=1700000000):
    """A savefile; frames are a millisecond apart."""
    content = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1)
    for index, frame in enumerate(frames):
        content += struct.pack("<IIII", begin, index * 1000, len(frame), len(frame)) + frame
    return content


def scenario():
    """A connection from 192.0.2.7 to port 80 that succeeds, one that is refused."""
    here, there, fin, syn, rst, ack = (192, 0, 2, 1), (192, 0, 2, 7), 1, 2, 4, 16
    good = [segment(there, here, 40000, 80, 100, 0, syn), segment(here, there, 80, 40000, 500, 101, syn | ack),
            segment(there, here, 40000, 80, 101, 501, ack), segment(there, here, 40000, 80, 101, 501, ack, b"hello"),
            segment(here, there, 80, 40000, 501, 106, ack | fin, b"goodbye"),
            segment(there, here, 40000, 80, 106, 509, ack | fin), segment(here, there, 80, 40000, 509, 107, ack)]
    bad = [segment(there, here, 40001, 81, 100, 0, syn), segment(here, there, 81, 40001, 0, 101, rst | ack)]
    return pcap(good + bad)


def signalled(name):
    """What subprocess says of a process that a signal ended."""
    return -int(signal.Signals[name])


if __name__ == "__main__":
    print("1..0 # SKIP what the tests beside it share, no test")
