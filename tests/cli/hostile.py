#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Whatever a message quotes, it is one line of printable ASCII: every option, operand, file and answer of conntrace."""
import os
import re
import socket
import subprocess
import sys

import cli

# ESC [, a newline, a carriage return, DEL, C1 as a byte and as UTF-8, a right-to-left override, a line separator, bytes
# that are no UTF-8, and one that would be cut in two.
EVIL = b"a\x1b[31mb\nc\rd\x7fe\x9bf\xc2\x9bg\xe2\x80\xaeh\xe2\x80\xa8i\xff\xc0j\xe2\x80"
FINE = re.compile(rb"[\x20-\x7e\n]*")


def options():
    """Each option with an argument, by its long name."""
    with open(os.path.join(cli.TOP, "src/cli/options.def"), encoding="utf-8") as file:
        return re.findall(r'^OPTION\([^,]+, "([^"]+)", "', file.read(), re.MULTILINE)


def run(test, words, **how):
    command = [cli.CONNTRACE.encode()] + words
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          cwd=test.folder, timeout=cli.LIMIT, check=False, **how)


def complaints(done, lines=None):
    wrong = []
    for name, text in (("stderr", done.stderr), ("stdout", done.stdout)):
        if not FINE.fullmatch(text):
            wrong.append("%s: %r" % (name, text[:400]))
    if lines is not None and done.stderr.count(b"\n") > lines:
        wrong.append("%d lines: %r" % (done.stderr.count(b"\n"), done.stderr[:400]))
    return wrong


def words(test):
    names = options()
    test.say("options with an argument are found", [] if len(names) > 40 else [names])
    wrong = []
    for name in names:
        for value in (EVIL, b"/proc/nonexistent/" + EVIL, b"80," + EVIL):
            # Both lines of a usage error: the message and the hint.
            done = run(test, [b"--%s=%s" % (name.encode(), value), b"-r", b"nosuch"])
            wrong += ["--%s: %s" % (name, each) for each in complaints(done, 2)]
    test.say("each option's argument", wrong)
    wrong = []
    for given in ([b"--" + EVIL], [b"-" + EVIL], [b"-p", EVIL], [b"-i", b"lo", EVIL], [b"-i", EVIL], [b"-r", EVIL],
                  [b"-r", b"nosuch", EVIL], [b"--", EVIL], [b"--via=diag", b"--", b"/proc/nonexistent/" + EVIL],
                  [b"--", b"./" + EVIL], [b"--events=messages:" + EVIL, b"-r", b"nosuch"], [b"-u", EVIL, b"--", b"true"],
                  [b"-p", b"1", EVIL], [b"-r", b"nosuch", b"-o", EVIL + b"/" + EVIL], [b"--pid=" + EVIL * 60]):
        wrong += ["%r: %s" % (given[:2], each) for each in complaints(run(test, given), 3)]
    test.say("operands, unknown options, commands", wrong)


def files(test):
    name = os.path.join(test.folder.encode(), EVIL)
    wrong = []
    for content, given in ((b"no capture at all, but longer than its header is", [b"-r"]), (b"junk\n", [b"--replay"]),
                           (EVIL + b"\n" + EVIL, [b"--replay"]), (EVIL + b"\n" + EVIL, [b"--strace-log"]),
                           (b"1 1700000000.0 connect(3, " + EVIL + b") = 0\n", [b"--strace-log"])):
        with open(name, "wb") as file:
            file.write(content)
        done = run(test, given + [name])
        wrong += ["%s: %s" % (given, each) for each in complaints(done)]
        for output in (b"-o", b"--record", b"--metrics"):
            wrong += ["%s %s: %s" % (given, output, each) for each in complaints(run(test, given + [name, output, name]), 1)]
    test.say("names of files and what is in them", wrong)
    os.mkdir(name + b"d")
    wrong = []
    for given in ([b"-r", name + b"d"], [b"-r", b"nosuch", b"-o", name + b"d"], [b"-r", b"nosuch", b"--metrics", name + b"d"],
                  [b"-r", b"nosuch", b"--record", name + b"d"], [b"-i", b"lo", b"-d", b"0.01", b"--control", name + b"d"]):
        wrong += complaints(run(test, given), 2)
    test.say("directories instead of files", wrong)


def http():
    """A request whose target and host hold all of it that HTTP lets pass."""
    here, there, syn, ack, fin = (192, 0, 2, 1), (192, 0, 2, 7), 2, 16, 1
    evil = EVIL.replace(b"\n", b"").replace(b"\r", b"")
    request = b"GET /" + evil + b" HTTP/1.1\r\nHost: " + evil + b"\r\nUser-Agent: " + evil + b"\r\n\r\n"
    return cli.pcap([cli.segment(there, here, 40000, 80, 100, 0, syn), cli.segment(here, there, 80, 40000, 500, 101, syn | ack),
                     cli.segment(there, here, 40000, 80, 101, 501, ack, request),
                     cli.segment(here, there, 80, 40000, 501, 101 + len(request), ack | fin),
                     cli.segment(there, here, 40000, 80, 101 + len(request), 502, ack | fin),
                     cli.segment(here, there, 80, 40000, 502, 102 + len(request), ack)])


def rows(test):
    test.path("http.pcap", http())
    group = EVIL.replace(b":", b"").replace(b"\n", b"").decode("latin-1").encode("utf-8")
    wrong = []
    for given in ([b"-z", b"conns", b"-O", b"+HOST"], [b"-z", b"http,tree"], [b"--events=messages:User-Agent"], [b"--ladder=all"],
                  [b"--live"], [b"--by", b"host", b"-z", b"peers"], [b"--top"]):
        for form in (b"table", b"raw", b"csv", b"tsv", b"json"):
            if form != b"table" and given[0] in (b"--top", b"--live"):
                continue
            done = run(test, [b"-r", b"http.pcap", b"--format=" + form] + given)
            # CSV's lines end in CR LF, and TSV's fields in tabs.
            done.stdout = done.stdout.replace(b"\r\n", b"\n")
            if form == b"tsv":
                done.stdout = done.stdout.replace(b"\t", b" ")
            if form == b"json":
                # Letters may stay, what is obeyed or not seen may not.
                bad = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
                if bad.search(done.stdout.decode("utf-8")):
                    wrong.append("%s %s: %r" % (given, form, done.stdout))
                continue
            wrong += ["%s %s: %s" % (given, form, each) for each in complaints(done)]
            if not done.stdout:
                wrong.append("%s %s: nothing: %s" % (given, form, done.stderr))
    test.say("what applications say, in each report and form", wrong)
    done = run(test, [b"-r", b"http.pcap", b"-q", b"-o", b"/dev/null", b"--metrics=m.prom", b"--group=" + group + b":RX@*:80"])
    text = ""
    if os.path.exists(test.path("m.prom")):
        with open(test.path("m.prom"), encoding="utf-8") as file:
            text = file.read()
    bad = re.findall("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e]", text)
    test.say("labels of metrics", ([] if not bad else [repr(bad)]) + complaints(done) +
             ([] if text or done.returncode == 2 else ["none: %r" % done.stderr]))


def process(test):
    """A process of that name, by its open connection."""
    script = "import socket, sys\nlistener = socket.create_server(('127.0.0.1', 0))\n" \
             "client = socket.create_connection(listener.getsockname())\nserver = listener.accept()[0]\n" \
             "open('/proc/self/comm', 'wb').write(%r[:15])\n" % EVIL + "client.sendall(b'x')\nserver.recv(1)\n"
    wrong = []
    for given in ([b"-z", b"conns"], [b"-z", b"peers"], [b"--ladder=all"], [b"--live"], [b"--debug=events,sources"]):
        wrong += complaints(run(test, given + [b"--", sys.executable.encode(), b"-c", script.encode()]))
    test.say("the name of a process", wrong)


def main():
    test = cli.Cli()
    socket.setdefaulttimeout(cli.LIMIT)
    words(test)
    files(test)
    rows(test)
    process(test)
    test.end()


main()
