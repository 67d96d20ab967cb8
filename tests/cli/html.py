#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--html: a page of one file that has the figures of the reports, asks for nothing and runs nothing of others."""
import base64
import hashlib
import json
import os
import re
import signal
import stat
import struct
import subprocess
import sys
import time

import cli
from recording import MS, Recording

HOSTILE = ("</script><script>window.hacked=1</script>", "<img src=x onerror=window.hacked=1>", "<!--<script>", "${alert(1)}", "__proto__",
           "constructor", "\" onload=\"window.hacked=1", "javascript:window.hacked=1", "\x1b[2J\u2028\u202e", "&lt;b&gt;")


def scene(count=60, packets=True, hostile=False):
    """Connections of a server, some slow, some failed; @hostile: names that try to become markup."""
    recording = Recording(packets)
    names = HOSTILE if hostile else ("shop.example",)
    recording.process(77, names[0][:15], exe=names[1 % len(names)], cmdline=names[2 % len(names)], parent="1 " + names[3 % len(names)][:12],
                      cgroup="/" + names[0])
    recording.process(78, names[1 % len(names)][:15])
    for number in range(count):
        name = names[number % len(names)]
        recording.accepted(number * 7 * MS, 77, ("192.0.2.1", 80), ("198.51.100.%d" % (number % 20 + 1), 20000 + number), queue_ms=number % 90,
                           wait_ms=number % 50 + 1, size=2000 + number * 10, path="/" + name[:40], host=name[:40],
                           method="GET" if not hostile else names[number % len(names)][:8].strip(), status=500 if number % 9 == 4 else 200,
                           resent=number % 11 == 3)
    for number in range(count // 10 + 1):
        recording.refused(number * 31 * MS, 78, ("192.0.2.1", 40000 + number), ("203.0.113.9", 443))
    return recording


def shop():
    """What the pictures of README.md show: a full accept queue, refused connections, a peer that loses segments."""
    recording = Recording()
    recording.process(77, "nginx", exe="/usr/sbin/nginx")
    recording.process(78, "appd", exe="/usr/bin/appd")
    recording.process(79, "jobs", exe="/usr/bin/jobs")
    port = 20000
    for number in range(48):
        port += 1
        recording.accepted(number * 180 * MS, 77, ("192.0.2.1", 443), ("198.51.100.%d" % (2 + number % 6), port), hs_ms=(2, 9, 20, 60)[number % 4],
                           queue_ms=1, wait_ms=(5, 20, 90, 300)[number * 7 % 4], xfer_ms=(2, 5, 200)[number * 5 % 3],
                           size=(300, 9000, 60000)[number * 11 % 3], path="/items/%d" % number, host="www.shop.example",
                           status=500 if number % 19 == 3 else 200, resent=2 if number % 17 == 5 else 0)
    for number in range(30):
        port += 1
        recording.accepted(4000 * MS + number * 20 * MS, 78, ("127.0.0.1", 8080), ("127.0.0.1", port), hs_ms=1, queue_ms=20 + number * 16,
                           wait_ms=40, xfer_ms=1, size=12000, path="/api/items/%d" % number, host="api.shop.example")
    for number in range(18):
        port += 1
        recording.refused(number * 480 * MS, 79, ("127.0.0.1", port), ("127.0.0.1", 6379))
    return recording


class Page:
    """The parts of a page."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.text = file.read()
        self.scripts = re.findall(r"<script([^>]*)>(.*?)</script>", self.text, re.S)
        self.style = re.search(r"<style>(.*?)</style>", self.text, re.S).group(1)
        self.policy = re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', self.text).group(1)
        self.data = json.loads(self.scripts[0][1])

    def rows(self, kind):
        columns = self.data[kind[:-1] + "_columns"]
        return [dict(zip(columns, row)) for row in self.data[kind]]


def make(test, recording, *more):
    path, page = test.path("run.ev", recording.text()), test.path("run.html")
    done = test.run("-q", "--replay", path, "--html", page, "-j", "-z", "peers", "-z", "conns", *more)
    return done, Page(page), [json.loads(line) for line in done.stdout.splitlines()]


def digest(text):
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def structure(page):
    """What is wrong with the form of a page."""
    wrong = []
    urls = set(re.findall(r"\w+://[^\s\"'<>\\]*", page.text)) - {"http://www.w3.org/2000/svg"}
    wrong += ["URL " + url for url in urls]
    body = page.text.replace(page.scripts[0][1], "").replace(page.scripts[1][1], "")
    wrong += ["%s in the markup" % word for word in (" src=", " href=", " onerror", " style=", "@import", "url(") if word in body]
    wrong += ["%s in the script" % word for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(",
                                                     "fetch(", "XMLHttpRequest", "import(") if word in page.scripts[1][1]]
    wrong += ["%d scripts" % len(page.scripts)] if [kind for kind, _ in page.scripts] != [' type="application/json" id="data"', ""] else []
    wrong += ["the data have a < or >"] if re.search("[<>&]", page.scripts[0][1]) else []
    wanted = "default-src 'none'; base-uri 'none'; form-action 'none'; script-src %s; style-src %s" % (
        digest(page.scripts[1][1]), digest(page.style))
    wrong += ["policy is " + page.policy] if page.policy != wanted else []
    return wrong


def figures(page, rows):
    """What differs from the reports of the same run."""
    wrong, peers = [], [row for row in rows if row.get("report") == "peers"]
    conns = {row["conn"]: row for row in rows if row.get("report") == "conns"}
    for name, total in zip(page.data["total_columns"], page.data["totals"]):
        values = [row[name] for row in peers]
        want = None if None in values else sum(values)
        wrong += ["%s is %s, not %s" % (name, total, want)] if total != want else []
    shown = {(row["peer"], row["dir"], row["port"]): {name: value / 1000 if name.endswith("_ms") and value is not None else value
                                                      for name, value in row.items()} for row in page.rows("peers")}
    for row in peers:
        mine = shown.get((row["peer"], row["dir"], row["port"]))
        wrong += ["%s: %s is %s, not %s" % (row["peer"], name, mine[name], row[name]) for name in mine or () if name not in ("first", "last")
                  and mine[name] != row[name]]
    for row in page.rows("conns"):
        base = page.data["base"]
        for name, value in row.items():
            wanted = conns[row["conn"]][name]
            value = value / 1000 if name.endswith("_ms") and value is not None else value
            if name in ("began", "end") and wanted is not None:
                value, wanted = round(value, -1), round((wanted - base) * 10 ** 6, -1)
            wrong += ["#%d: %s is %s, not %s" % (row["conn"], name, value, wanted)] if value != wanted else []
    return wrong[:10]


def usr1(test):
    """On SIGUSR1 the page is there while the run goes on."""
    page = test.path("live.html")
    process = subprocess.Popen([cli.CONNTRACE, "-q", "--html", page, "--", "sh", "-c", "kill -USR1 $PPID; read line"], stdin=subprocess.PIPE,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    until = time.monotonic() + cli.LIMIT
    while not os.path.exists(page) and process.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    was_there = os.path.exists(page) and process.poll() is None
    process.stdin.close()
    errors = process.stderr.read().decode("utf-8", "replace")
    process.wait()
    return [] if was_there and process.returncode in (0, 1) and Page(page).data["conns"] == [] else ["%s %s" % (process.returncode, errors)]


def selective(test):
    """A server's bytes with holes, across the wrap of its numbers: the newest range of each ACK is in the graph, relative as ACK is."""
    here, there, first = (192, 0, 2, 1), (192, 0, 2, 7), 2 ** 32 - 300

    def sent(offset):
        return cli.segment(here, there, 80, 40000, (first + offset) % 2 ** 32, 101, 0x18, b"x" * 100)

    def acked(offset, *ranges):
        pairs = b"".join(struct.pack(">II", *[(first + at) % 2 ** 32 for at in pair]) for pair in ranges)
        return cli.segment(there, here, 40000, 80, 101, (first + offset) % 2 ** 32, 0x10,
                           options=struct.pack(">BBBB", 1, 1, 5, 2 + len(pairs)) + pairs if pairs else b"")
    frames = [cli.segment(there, here, 40000, 80, 100, 0, 2), cli.segment(here, there, 80, 40000, first - 1, 101, 0x12), acked(0),
              sent(0), sent(200), acked(100, (200, 300)), sent(400), acked(100, (400, 500), (200, 300)), sent(100), acked(300, (400, 500)),
              sent(300), acked(500)]
    done = test.run("-q", "-r", test.path("holes.pcap", cli.pcap(frames)), "--html", test.path("run.html"))
    graphs = Page(test.path("run.html")).data["graphs"]
    got = [graph["sack"] for graph in graphs]
    equal = [[5, 201, 301, 7, 401, 501, 9, 401, 501]]
    test.say("what is acknowledged selectively is in the graph", [] if done.returncode == 0 and got == equal else [done.stderr, got])


def peak(test, *words):
    """Largest resident size of a run, its helper processes apart, in KiB."""
    child = subprocess.Popen([cli.CONNTRACE, "-q", "-o", test.path("rows")] + list(words), cwd=test.folder)
    return os.wait4(child.pid, 0)[2].ru_maxrss


def memory(test):
    """40,000 connections of as many peers, each with six frames."""
    path = test.path("many.pcap")
    first, second = bytes.fromhex("45000028000040004006") + bytes(2), bytes((192, 0, 2, 1))
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 101))
        for number in range(40000):
            peer, port, us = struct.pack(">I", 0x0a000001 + number), struct.pack(">H", 1024 + number), number * 100
            for inward, seq, ack, flags in ((1, 1, 0, 2), (0, 1, 2, 18), (1, 2, 2, 16), (0, 2, 2, 17), (1, 2, 3, 17), (0, 3, 3, 16)):
                ends = (peer + second + port + b"\0\x50") if inward else (second + peer + b"\0\x50" + port)
                us += 5
                file.write(struct.pack("<IIII", 1700000000 + us // 1000000, us % 1000000, 40, 40) + first + ends + struct.pack(
                    ">IIBBHI", seq, ack, 0x50, flags, 64000, 0))
    plain, page = peak(test, "-r", path), peak(test, "-r", path, "--html", test.path("many.html"))
    size = os.path.getsize(test.path("many.html"))
    return ["%d KiB, and %d with it; %d bytes" % (plain, page, size)] if page - plain > 64 << 10 or size > 5000000 else []


def main():
    test = cli.Cli()
    for name, recording in (("with packets", scene()), ("without packets", scene(packets=False)), ("hostile names", scene(hostile=True))):
        done, page, rows = make(test, recording)
        wrong = [done.stderr] if done.returncode != 0 else []
        test.say(name + ": one file without URL, policy by hashes, data that parse", wrong + structure(page))
        test.say(name + ": sums and values are those of the reports, and unknown stays null", figures(page, rows))
        constants = re.findall(r"<tr><td>(.*?)<td>", page.text)
        test.say(name + ": the table is there without the script", [] if len(constants) == len(page.data["peers"]) > 0 else [constants])
    info = os.stat(test.path("run.html"))
    test.say("only its owner may read it", [] if stat.S_IMODE(info.st_mode) == 0o600 else [oct(info.st_mode)])
    with open(test.path("run.html"), "rb") as file:
        first = file.read()
    make(test, scene(hostile=True))
    with open(test.path("run.html"), "rb") as file:
        test.say("the same input gives the same bytes", [] if file.read() == first else ["they differ"])
    titled = make(test, scene(20), "--html-title", HOSTILE[0])[1]
    test.say("a title is text", structure(titled) + ([] if "<title>&lt;/script&gt;" in titled.text else ["it is not escaped"]))

    size = len(make(test, Recording())[1].text.encode())
    test.say("an empty run has at most 60 kB", [] if size <= 60000 else ["%d bytes" % size])
    thousand = make(test, scene(909))[1]
    size = len(thousand.text.encode())
    test.say("1,000 connections have at most 300 kB", [] if size <= 300000 and len(thousand.data["conns"]) == 1000 else ["%d bytes" % size])
    done, many, rows = make(test, scene(2300))
    failed = sum(1 for row in rows if row.get("report") == "conns" and row["result"] == "refused")
    kept = many.rows("conns")
    wrong = [] if len(kept) == 2000 and many.data["conns_dropped"] == 2300 // 10 + 2301 - 2000 else ["%d rows" % len(kept)]
    wrong += [] if sum(row["result"] == "refused" for row in kept) == failed else ["a failure was dropped"]
    wrong += [] if len(many.data["ladders"]) == 40 and len(many.data["graphs"]) == 8 else ["ladders or graphs"]
    with open(cli.CONNTRACE, "rb") as file:
        if b"__asan_init" in file.read():
            test.skip("the page takes at most 64 MiB", "built with a sanitizer, which needs memory of its own")
        else:
            test.say("the page takes at most 64 MiB", memory(test))
    test.say("beyond 2,000 connections those that stand out stay, and the others are counted", wrong + figures(many, rows))

    done, page, rows = make(test, scene(), "--only=failed")
    test.say("--only chooses for the page, too", figures(page, rows) + ([] if all(row["result"] == "refused" for row in page.rows("conns")) else [
        "another result"]))
    selective(test)
    test.say("SIGUSR1 writes it during the run", usr1(test))
    test.expect("a folder", test.run("--replay", test.path("run.ev"), "--html", "/"), 1, ["is not a regular file"])
    test.expect("no such folder", test.run("--replay", test.path("run.ev"), "--html", "/nonexistent/x.html"), 1, ["cannot write the page"])
    test.expect("an input", test.run("--replay", test.path("run.ev"), "--html", test.path("run.ev")), 1, ["would overwrite"])
    test.expect("a title alone", test.run("--replay", test.path("run.ev"), "--html-title=x"), 2, ["--html=FILE"])
    return test.end()


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.exit(main())
