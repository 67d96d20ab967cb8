#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Time lines of connections as they are drawn, in every width and form (TAP).

With --update the expected screens, and those in the manual page and README.md, are written; read the difference.
"""
import difflib
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
import cli

BUILD = os.environ.get("top_builddir", ".")
TOP = os.environ.get("top_srcdir", ".")
CONNTRACE = os.environ.get("CONNTRACE", os.path.join(BUILD, "conntrace"))
MKPCAP = os.path.join(BUILD, "tests/helpers/mkpcap")
FOLDER = os.path.join(TOP, "tests/replay/expected")
CALLS = os.path.join(TOP, "tests/replay/golden/both-ends.ev")
UPDATE = "--update" in sys.argv
ENVIRONMENT = dict(os.environ, TZ="UTC", TERM="xterm")
ENVIRONMENT.pop("NO_COLOR", None)
# File, place of the screen in it, and the backslash as the file writes it.
PLACES = (
    ("man/conntrace.1", r'(\.\\" ladder\.py keeps this true\n\.Bd -literal\n)(.*?)(\.Ed\n)', "\\e"),
    ("README.md", r"(<!-- ladder begin[^\n]*\n```\n)(.*?)(```\n<!-- ladder end)", "\\"),
)

TEST = cli.Cli()
say = TEST.say


def conntrace(*options, capture=None):
    done = subprocess.run([CONNTRACE, "-q", *options], input=capture, capture_output=True, env=ENVIRONMENT, timeout=60,
                          check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def on_terminal(columns, *options):
    """What is printed on a terminal of so many columns."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 25, columns, 0, 0))
    child = subprocess.Popen([CONNTRACE, "-q", *options], stdin=subprocess.DEVNULL, stdout=follower, env=ENVIRONMENT)
    os.close(follower)
    text = b""
    while True:
        try:
            got = os.read(leader, 65536)
        except OSError:
            break
        if not got:
            break
        text += got
    child.wait(60)
    os.close(leader)
    return text.decode().replace("\r\n", "\n")


def expect(name, printed, most):
    """The screen is the expected one and no line of it is wider than most."""
    path = os.path.join(FOLDER, name + ".txt")
    if UPDATE:
        with open(path, "w", encoding="utf-8") as file:
            file.write(printed)
    with open(path, encoding="utf-8") as file:
        wanted = file.read()
    wrong = list(difflib.unified_diff(wanted.splitlines(), printed.splitlines(), "expected", "printed", lineterm=""))
    plain = re.sub(r"\033\[\d*m", "", printed)
    wrong += ["wider than %d: %s" % (most, line) for line in plain.splitlines() if len(line) > most]
    say(name, wrong)


def expect_on_terminal(name, columns, *options):
    try:
        printed = on_terminal(columns, *options)
    except OSError as error:
        if str(error) != "out of pty devices":
            raise
        TEST.skip(name, "no pseudo terminal here")
        return
    expect(name, printed, columns)


def documents(printed):
    """The screen in the documents is the first connection of the expected one."""
    screen = printed.split("\n\n")[0].rstrip("\n") + "\n"
    for name, place, backslash in PLACES:
        path, place = os.path.join(TOP, name), re.compile(place, re.DOTALL)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        match = place.search(text)
        if UPDATE and match:
            # A line that begins with a dot or a quote would be a command of mdoc(7). No line of a ladder does.
            text = text[:match.start(2)] + screen.replace("\\", backslash) + text[match.end(2):]
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            match = place.search(text)
        shown = match.group(2).replace(backslash, "\\") if match else ""
        say("the screen in %s" % name, list(difflib.unified_diff(shown.splitlines(), screen.splitlines(), name, "printed",
                                                                 lineterm="")))


def every_call():
    """Each call that a recording can hold has its name in a ladder, but those that say something of a descriptor only, and
    what the kernel decided of an attempt, which this is not."""
    with open(os.path.join(TOP, "src/model/event_fields.c"), encoding="utf-8") as file:
        words = re.findall(r'"([^"]+)"', re.search(r"kind_words\[\] = \{(.*?)\};", file.read(), re.DOTALL)[1])
    lines = ["conntrace-events 1", "time=1700000000.000000001 type=run origin=k run_netns=7"]
    # Before those that end the connection.
    words.sort(key=lambda word: word not in ("state", "retransmit"))
    for second, word in enumerate(["accept"] + words):
        lines.append("time=17000000%02d.000000000 type=call origin=s local=127.0.0.1:80 remote=127.0.0.2:4000 netns=7 kind=%s cookie=5 "
                     "pid=77 tid=77 fd=5%s" % (second, word, " argument=8" if word == "state" else ""))
    recording = ("\n".join(lines) + "\n").encode()
    wrong = []
    for columns in (72, 80, 140):
        status, drawn, scenario = conntrace("--replay=-", "--ladder=all", capture=recording)
        wrong += [] if status == 0 and "connect(5, AF_UNSPEC)" in drawn else ["%d: %s%s" % (status, drawn, scenario)]
    status, rows, scenario = conntrace("--replay=-", "--ladder=all", "-j", capture=recording)
    rows = [json.loads(line) for line in rows.splitlines() if '"conn"' in line]
    calls = {row.get("call") for row in rows} | {"state" for row in rows
                                                 if (row["what"], row.get("lstate")) == ("state", "CLOSE_WAIT")}
    wrong += ["status %d: %s" % (status, scenario)] * (status != 0) + ["no %s: %s" % (word, calls) for word in words
                                                                    if word not in calls | {"connect-other", "take", "outcome",
                                                                                     "gone"}]
    say("each call has a word", wrong)


def main():
    file = os.path.join(os.environ.get("TMPDIR", "/tmp"), "conntrace-ladder-%d.pcap" % os.getpid())
    try:
        subprocess.run([MKPCAP, "-o", file, os.path.join(FOLDER, "lossy.cap")], check=True)
        screens(file)
    finally:
        if os.path.exists(file):
            os.unlink(file)
    TEST.end()


# One of several processes accepted it, and only its last counters are known.
COUNTED = b"""conntrace-events 1
time=1.000000000 type=run origin=k has_destroy=1
time=1.200000000 type=process origin=k pid=-1 text=nginx
time=1.100000000 type=owner origin=k local=192.0.2.1:80 remote=192.0.2.2:4000 cookie=1 pid=-1 fd=-1 born=1
time=1.100000000 type=info origin=k local=192.0.2.1:80 remote=192.0.2.2:4000 reason=destroy cookie=1 bytes_acked=241 \
bytes_received=80 bytes_sent=240 state=7 listener=1
"""


def counted():
    wanted = ["#1 in 192.0.2.1:80 < 192.0.2.2:4000  nginx[-]  ok  rx - tx 240", "    none of its calls or segments was seen"]
    got = conntrace("--replay=/dev/stdin", "--ladder=all", capture=COUNTED)[1].splitlines()
    say("of what only counters tell there is a head, and no number for an unknown PID", [] if got == wanted else got)


def screens(file):
    counted()
    read = ("-r", file)
    suspicious = conntrace(*read, "--ladder")[1]
    expect("suspicious", suspicious, 99)
    documents(suspicious)
    expect("all-context", conntrace(*read, "--ladder=all", "--context=1", "--time=clock")[1], 99)
    expect("full", conntrace(*read, "--ladder=full", "--rport=41022", "--time=relative")[1], 99)
    expect("live", conntrace(*read, "--live", "--lport=81")[1], 106)
    expect_on_terminal("wide", 140, *read, "--ladder", "--color=never")
    expect_on_terminal("narrow", 72, *read, "--ladder", "--color=never")
    expect_on_terminal("color", 80, *read, "--ladder=all", "--rport=41022")
    expect("calls", conntrace("--replay", CALLS, "--ladder=all")[1], 99)
    expect("raw", conntrace(*read, "--ladder=all", "--format=raw", "--rport=41023", "--time=epoch")[1], 400)
    rows = [json.loads(line) for line in conntrace(*read, "--ladder=all", "-j")[1].splitlines()]
    entries = [row for row in rows if "conn" in row]
    say("JSON: each segment is in one row",
        [] if sum(row["segments"] or 0 for row in entries) == 33 else ["%d" % sum(row["segments"] for row in entries)])
    resent = [row for row in entries if row["judged"] and "resent" in row["judged"].split(",")]
    say("JSON: what was resent, and how much later",
        [] if [(row["payload"], row["later_ms"]) for row in resent] == [(0, 1003.218), (1448, 216.52)] else
        ["%s" % [(row["payload"], row["later_ms"]) for row in resent]])
    said = [(row["from"], row["message"], row["method"], row["target"], row["status"], row["host"]) for row in entries
            if row["what"] == "message"]
    say("JSON: what was said", [] if said == [
        ("remote", "hello", None, None, None, "www.example.net"),
        ("remote", "request", "GET", "/some/where/that/has/a/very/long/name/because/nobody/..", None, "www.example.net"),
        ("local", "answer", None, None, 404, None)] else ["%s" % (said,)])
    every_call()
    both = conntrace(*read, "--ladder=all", "-z", "conns", "-j")[1].splitlines()
    reports = [json.loads(line).get("report") for line in both]
    say("with a report besides, rows say whose they are, and the report comes last",
        [] if reports.count("conns") == 4 and reports[0] == "ladder" and reports[-1] == "conns" else ["%s" % reports])
    for words, part in ((["--ladder=some"], "suspicious, all and full"), (["--context=-1"], "whole number"),
                        (["--live=1"], "takes no argument")):
        status, _, scenario = conntrace(*read, *words)
        say("%s is refused" % words[0], [] if status == 2 and part in scenario else ["%d %s" % (status, scenario)])


main()
