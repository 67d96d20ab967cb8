#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What payload says in reports: -z http,tree and tls,tree of a capture that was counted by hand, and HOST (TAP)."""
import os
import subprocess
import sys
import tempfile

BUILD = os.environ.get("top_builddir", ".")
CONNTRACE = os.environ.get("CONNTRACE", os.path.join(BUILD, "conntrace"))
MKPCAP = os.path.join(BUILD, "tests/helpers/mkpcap")

# A ClientHello with nothing but a server name.
HELLO = r"\x16\x03\x01\x00\x40\x01\x00\x00\x3c\x03\x03" + "0" * 32 + \
    r"\x00\x00\x02\x13\x01\x01\x00\x00\x11\x00\x00\x00\x0d\x00\x0b\x00\x00\x08" + "name.tls"
SAID = (
    ("a", 0, r"GET /x HTTP/1.1\r\nHost: one.example\r\n\r\n", r"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ("a", 1, r"POST /x HTTP/1.1\r\nHost: one.example\r\nContent-Length: 0\r\n\r\n", r"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"),
    # Another host than the one without its port, a query that is kept, a target in absolute form.
    ("a", 1, r"GET /x?q=1 HTTP/1.1\r\nHost: one.example:80\r\n\r\n", r"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"),
    ("b", 2, r"GET /x HTTP/1.0\r\n\r\n", r"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ("b", 1, r"GET http://two.example/abs HTTP/1.1\r\nHost: two.example\r\n\r\n", None),
    ("c", 0, HELLO, None),
)
# Seconds that the answer before took, and that this one takes.
WAITS = ((0, 0.02), (0.02, 0.2), (0.2, 0.01), (0.01, 0.05), (0.05, 0), (0, 0))
# Five requests in five seconds. The one without a host has no row in tshark. The answer of the last one was not captured.
HTTP = """\
HOST PATH COUNT ANSWERS ERRORS RATE PERCENT ANSWER_MS ANSWER_P95_MS ANSWER_MAX_MS
* * 5 4 2 1.000 100.000 35.000 200.000 200.000
one.example * 2 2 1 0.400 40.000 110.000 200.000 200.000
one.example /x 2 2 1 0.400 100.000 110.000 200.000 200.000
- * 1 1 0 0.200 20.000 50.000 50.000 50.000
- /x 1 1 0 0.200 100.000 50.000 50.000 50.000
one.example:80 * 1 1 1 0.200 20.000 10.000 10.000 10.000
one.example:80 /x?q=1 1 1 1 0.200 100.000 10.000 10.000 10.000
two.example * 1 - - 0.200 20.000 - - -
two.example http://two.example/abs 1 - - 0.200 100.000 - - -
"""
TLS = """\
HOST PATH COUNT ANSWERS ERRORS RATE PERCENT
* * 1 - - - 100.000
name.tls * 1 - - - 100.000
"""


def script():
    flows = {"a": ("192.0.2.1 40000 192.0.2.2 80", [101, 501]), "b": ("2001:db8::1 40001 2001:db8::2 80", [101, 501]),
             "c": ("192.0.2.1 40002 192.0.2.2 443", [101, 501])}
    text = "time 1700000000\n"
    for name, (ends, _) in flows.items():
        text += "flow %s %s\n+0 %s > S seq 100\n+0 %s < SA seq 500 ack 101\n+0 %s > A seq 101 ack 501\n" % (
            name, ends, name, name, name)
    for (name, after, asked, answered), wait in zip(SAID, WAITS):
        # The answer takes its time of the pause before the next request.
        numbers, delay = flows[name][1], after - wait[0]
        for way, said in enumerate((asked, answered)):
            if said is not None:
                text += "+%g %s %s PA seq %d ack %d text %s\n" % (delay, name, "><"[way], numbers[way], numbers[1 - way], said)
                numbers[way] += len(said.encode().decode("unicode_escape"))
                delay = wait[1]
    return text


# HOST is printed in every form on request, and a recording contains it for later requests.
HOSTS = ["name.tls", "one.example", "two.example"]
ASKING = (["-z", "conns", "-O", "HOST"], ["--by=host", "-O", "HOST"], ["-z", "histogram,HS_MS,host"])


def conntrace(words, capture):
    return subprocess.run([CONNTRACE, "-q", "--format=raw", "-H", *words], input=capture, capture_output=True, timeout=30,
                          check=False)


def trees(capture):
    for report, wanted in (("http,tree", HTTP), ("http_req,tree", HTTP), ("tls,tree", TLS)):
        done = subprocess.run([CONNTRACE, "-q", "-r", "-", "--format=raw", "-z", report], input=capture, capture_output=True,
                              timeout=30, check=False)
        yield report, done.stdout.decode() == wanted, done


def hosts(capture):
    with tempfile.TemporaryDirectory(prefix="conntrace-") as folder:
        record = os.path.join(folder, "record.ev")
        done = conntrace(["-r", "-", "--record=" + record, "-z", "groups"], capture)
        yield "a run that shows no HOST is recorded", done.returncode == 0, done
        for source in (["-r", "-"], ["--replay=" + record]):
            for words in ASKING:
                done = conntrace(source + words, capture)
                # "-" of a connection without one is no name, nor are the edges of a histogram.
                found = {line.split()[0] for line in done.stdout.decode().splitlines() if line.strip()}
                yield "HOST by %s" % " ".join([source[0].split("=")[0], *words]), sorted(found - {"-"}) == HOSTS, done


def main():
    failed = 0
    capture = subprocess.run([MKPCAP], input=script().encode(), stdout=subprocess.PIPE, check=True, timeout=10).stdout
    number = 0
    for number, (name, good, done) in enumerate([*trees(capture), *hosts(capture)], 1):
        print("%sok %d - %s" % ("" if good else "not ", number, name))
        if not good:
            failed += 1
            print("".join("# %s\n" % line for line in (done.stdout + done.stderr).decode().splitlines()), end="")
    print("1..%d" % number)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
