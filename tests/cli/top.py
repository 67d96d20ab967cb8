#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--top on files: the screens in the manual and in README.md, playing at any speed, and the progress of a long run.

The screens show a recording of a real nginx after it was played. They are equal to the present screen, except for
numbers that depend on the time of the last update. With --update they are written.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import time

import cli
import terminal

RECORDING = os.path.join(cli.TOP, "tests/replay/nginx-top.ev")
SIZE = (73, 22)


def shape(text):
    """Lines without their order, with N for numbers of all kinds, but addresses as they are."""
    lines = []
    for line in text.strip().splitlines():
        # The bars of the last minute.
        line = re.sub(r"^(RX +\S+) .*(TX +\S+).*", r"\1 \2", line)
        words = [re.sub(r"^[\d:.]*\d[kMG%]?s?$", lambda word: word[0] if word[0].count(".") == 3 else "N", word)
                 for word in line.split()]
        lines.append(" ".join(words))
    return sorted(line for line in lines if line)


def played():
    """The screen when the recording has been played."""
    screen = terminal.Terminal([cli.CONNTRACE, "--top", "--replay", RECORDING], *SIZE,
                               environment={"LC_ALL": "C"})
    try:
        screen.wait_text("^ END", 30)
        return screen.screen.text() + "\n"
    finally:
        screen.close()


def in_manual(text):
    return "".join(("\\&" if line[:1] in ".'" else "") + line.replace("\\", "\\e") + "\n"
                   for line in text.splitlines())


# File, place of the screen in it, and how the file writes a screen.
PLACES = (
    ("man/conntrace.1", r'(\.\\" screen begin[^\n]*\n\.Bd -literal\n)(.*?)(\.Ed\n\.\\" screen end)', in_manual),
    ("README.md", r"(<!-- live screen begin[^\n]*\n```\n)(.*?)(```\n<!-- live screen end)", str),
)


def documents(test):
    screen = played()
    for name, place, written in PLACES:
        path, place, got = os.path.join(cli.TOP, name), re.compile(place, re.DOTALL), written(screen)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        if "--update" in sys.argv:
            with open(path, "w", encoding="utf-8") as file:
                file.write(place.sub(lambda match, got=got: match.group(1) + got + match.group(3), text))
            continue
        match = place.search(text)
        shown, now = shape(match.group(2) if match else ""), shape(got)
        test.say("the screen in %s" % name, ["only in the file: " + line for line in shown if line not in now]
                 + ["only on the screen: " + line for line in now if line not in shown])
    if "--update" in sys.argv:
        sys.exit(0)


def playing(test):
    wrong = []
    screen = terminal.Terminal([cli.CONNTRACE, "--top", "--speed=0.01", "--replay", RECORDING])
    try:
        screen.wait_text(r" x0\.01 ")
        # Nothing has happened yet; ten times twice as fast is ten times as fast as it was.
        screen.keys("+" * 10)
        screen.wait_text(r" x10\.2 ")
        screen.wait_text("^ END")
        if not re.search(r"38 seen, 11 failed", screen.screen.line(0)):
            wrong.append("not all was seen: " + screen.screen.line(0))
        # One connection, and what its program did.
        screen.keys("\x1b[B\r")
        screen.wait_text("^ START ")
        screen.wait_text(r"accept\(\) = \d+")
        screen.keys("qq")
        if screen.wait() != 0:
            wrong.append("status %s" % screen.process.returncode)
        if not screen.is_restored():
            wrong.append("terminal not restored")
        screen.wait_text("^PEER .*CONNS")
    except TimeoutError as error:
        wrong.append(error)
    finally:
        screen.close()
    test.say("keys change the speed of a file, and its end stays on the screen", wrong)

    wrong = []
    screen = terminal.Terminal([cli.CONNTRACE, "--top", "--replay", RECORDING])
    try:
        screen.wait_text("5 open")
        screen.keys("p")
        screen.wait_text("^ PAUSED")
        clock = screen.screen.line(0)
        screen.read(0.7)
        screen.keys("p")
        screen.wait_text("^ nginx-top.ev")
        if int(screen.screen.line(0).split("0:00:0")[1][0]) > int(clock.split("0:00:0")[1][0]) + 1:
            wrong.append("it went on: %r, %r" % (clock, screen.screen.line(0)))
        screen.keys("q")
        if screen.wait() != 0 or "38 connections" in screen.screen.text():
            wrong.append("what was not played is in the report:\n" + screen.screen.text())
    except TimeoutError as error:
        wrong.append(error)
    finally:
        screen.close()
    test.say("a pause stops a file, and the report is of what was played", wrong)


SCENARIO = "flow a 192.0.2.7 40000 192.0.2.1 80\nflow b 2001:db8::7 40001 2001:db8::1 81\n" \
        "+0 a > S seq 100\n+0.01 a < SA seq 500 ack 101\n+0.01 a > A seq 101 ack 501\n" \
        "+2 b > S seq 100\n+0.01 b < RA seq 0 ack 101\n"


def savefile(test):
    """A savefile is played at its own speed, and stays on the screen when it has ended."""
    path, wrong = test.path("own-speed.pcap"), []
    subprocess.run([os.path.join(cli.BUILD, "tests/helpers/mkpcap"), "-o", path], input=SCENARIO, text=True, check=True,
                   timeout=cli.LIMIT)
    screen = terminal.Terminal([cli.CONNTRACE, "--top", "--keep=60", "-r", path])
    try:
        screen.wait_text(r"^192\.0\.2\.7:40000 .* in +ESTAB")
        began = time.monotonic()
        if " 1 open, 1 seen, 0 failed" not in screen.screen.line(0):
            wrong.append("at once it shows " + screen.screen.line(0))
        screen.wait_text(r"^\[2001:db8::7\]:40001 .* in +refused")
        if not 1 < time.monotonic() - began < 10:
            wrong.append("two seconds of the file took %.1f s" % (time.monotonic() - began))
        screen.wait_text("^ END")
        if not re.search(r"^192\.0\.2\.7:40000 .* in +ESTAB", screen.screen.text(), re.MULTILINE):
            wrong.append("it is not there at the end:\n" + screen.screen.text())
        screen.keys("q")
        if screen.wait() != 0:
            wrong.append("status %s" % screen.process.returncode)
        screen.wait_text("^192.0.2.7 +in +80 +1 +0 ")
    except TimeoutError as error:
        wrong.append(error)
    finally:
        screen.close()
    test.say("a savefile is played at its own speed, and stays on the screen", wrong)


LOG = """77 1700000000.000100 execve("/bin/x", ["x"], 0x0 /* 0 vars */) = 0 <0.000100>
77 1700000000.100000 socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 3 <0.000010>
77 1700000000.200000 connect(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("192.0.2.1")}, 16) = -1 ECONNREFUSED (Connection refused) <0.001000>
77 1700000000.300000 close(3) = 0 <0.000010>
77 1700000000.400000 +++ exited with 0 +++
"""


def every_file(test):
    """Each kind of file that can be read can be shown, under its name."""
    wrong = []
    with open(test.path("own.log"), "w", encoding="utf-8") as file:
        file.write(LOG)
    for option, path in (("--strace-log", test.path("own.log")), ("--replay", RECORDING)):
        screen = terminal.Terminal([cli.CONNTRACE, "--top", "--keep=60", option, path] +
                                   ["--speed=1000"] * (option == "--replay"))
        try:
            screen.wait_text("^ END +" + os.path.basename(path)[:8])
            screen.keys("q")
            if screen.wait() != 0:
                wrong.append("%s: status %s" % (option, screen.process.returncode))
        except TimeoutError as error:
            wrong.append(error)
        finally:
            screen.close()
    test.say("--top with --strace-log and --replay has the file in its title", wrong)


def progress(test):
    words = [cli.CONNTRACE, "--speed=2", "--replay", RECORDING]
    wrong = []
    with open(os.path.join(test.folder, "out"), "wb") as out:
        screen = terminal.Terminal(words, stdout=out)
        try:
            screen.wait_text(r"^\d+ % read, \d+ packets/s, \d+:\d\d left$")
            if screen.wait() != 0:
                wrong.append("status %s" % screen.process.returncode)
            if "conntrace: reading %s; Ctrl-C ends" % RECORDING not in screen.received.replace("\r\n", ""):
                wrong.append("it does not say what it reads:\n" + screen.received)
            if "read," in screen.screen.text():
                wrong.append("it is still there:\n" + screen.screen.text())
        except TimeoutError as error:
            wrong.append(error)
        finally:
            screen.close()
    test.say("on a terminal a long run says how far it is, and wipes that", wrong)
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    test.say("in a pipe it does not", ["%r" % done.stderr] if "% read" in done.stderr or "\r" in done.stderr else [])


def size_limit(test):
    """A limit of the size of files, where a file is to be written: a message, and the terminal back."""
    for words in (["-j", "-o", "limited"], ["--record=limited"], ["--metrics=limited"]):
        wrong = []
        path = test.path("limited")
        screen = terminal.Terminal(["sh", "-c", 'ulimit -f 0 && exec "$@"', "sh", cli.CONNTRACE, "--top", "--speed=100",
                                    "--replay", RECORDING] + [word.replace("limited", path) for word in words])
        try:
            # --record ends the run by itself.
            screen.wait_for(lambda text: " END" in text or screen.process.poll() is not None, "the end", 30)
            if screen.process.poll() is None:
                screen.keys("q")
            if screen.wait() != 1:
                wrong.append("status %s" % screen.process.returncode)
            if "File too large" not in screen.received:
                wrong.append("it does not say why: %r" % screen.received[-300:])
            if not screen.is_restored():
                wrong.append("terminal not restored")
        except TimeoutError as error:
            wrong.append(error)
        finally:
            screen.close()
        test.say("--top %s beyond ulimit -f" % words[-1], wrong)


class Notes(cli.Cli):
    """What a part says, for another process to print."""

    def __init__(self):
        super().__init__()
        self.said = []

    def say(self, name, complaints):
        self.said.append((name, [str(complaint) for complaint in complaints], None))

    def skip(self, name, reason):
        self.said.append((name, [], reason))


def begin(part):
    """A child that runs a part. Return: where it writes what it has to say."""
    reader, writer = os.pipe()
    if os.fork():
        os.close(writer)
        return reader
    test = Notes()
    try:
        part(test)
    except OSError as error:
        if str(error) == "out of pty devices":
            test.skip(part.__name__, "no pseudo terminal here")
        else:
            test.say(part.__name__, [repr(error)])
    with open(writer, "w", encoding="utf-8") as file:
        json.dump(test.said, file)
    shutil.rmtree(test.folder, ignore_errors=True)
    os._exit(0)


def main():
    test = cli.Cli()
    if "--update" in sys.argv:
        documents(test)
    # They wait for what is played, so all at once.
    for reader in [begin(part) for part in (documents, playing, savefile, every_file, progress, size_limit)]:
        with open(reader, encoding="utf-8") as file:
            text = file.read()
        os.wait()
        for name, complaints, reason in json.loads(text or '[["a part", ["it died"], null]]'):
            if reason:
                test.skip(name, reason)
            else:
                test.say(name, complaints)
    test.expect("without a screen --top -j would be neither lines nor JSON", test.run("--top", "-j", "true"), 2,
                stderr=["--top would mix plain lines"], stdout="")
    test.expect("with -o it is both, each for itself", test.run("--top", "-j", "-o", "rows", "true"), 0,
                stdout="no connection yet")
    test.expect("--keep needs --top", test.run("--keep=3", "-r", "x"), 2, stderr=["--keep does nothing without"])
    test.expect("--speed needs a file", test.run("--speed=3", "-i", "lo"), 2, stderr=["--speed does nothing without"])
    test.expect("--speed=0 is refused", test.run("--speed=0", "-r", "x"), 2, stderr=['--speed "0" is not allowed'])
    test.expect("--keep=-1 is refused", test.run("--keep=-1", "--top", "-r", "x"), 2, stderr=['--keep "-1"'])
    test.expect("--top into a pipe prints plain lines", test.run("--top", "--speed=100", "--replay", RECORDING), 0,
                stdout="TOTAL")
    test.end()


main()
