#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--redact: none of the secrets of a recording is in any output, and pseudonyms are the same everywhere."""
import itertools
import json

import cli
from recording import MS, Recording

ADDRESSES = ["203.0.113.5", "198.51.100.7", "2001:db9::1", "2001:db9::7"]
SECRETS = {
    "addr": ADDRESSES,
    "host": ["shop.secret", "db.secret"],
    "path": ["/opt/hush", "/system.slice/quiet", "/hush/orders/"],
    "comm": ["mumd", "whisper"],
    "args": ["pass=xyzzy"],
    # A control group names it, too.
    "unit": ["quiet.service"],
}
COOKIE = "session=plugh"
REPORTS = (["-z", "peers", "--by=peer,comm,exe,unit,parent,cgroup,host,user,cidr/24", "-z", "conns", "-z", "groups",
            "--group=A:RX@*:80", "-z", "http,tree", "-z", "histogram,HS_MS", "-z", "io,stat,1", "--ladder=all", "--events"],
           ["-z", "peers", "-N", "--ladder=full", "--live"], ["--events=messages:Cookie:X-Id", "-z", "conns", "--debug=events"],
           ["--events=messages:*"])
DIAGRAMS = (["--ladder=all"], "mermaid")
FORMATS = ("table", "raw", "json", "csv", "tsv")
ALL_COLUMNS = "+" + ",".join(("EXE", "UNIT", "CGROUP", "CONTAINER", "CMDLINE", "PARENT", "HOST", "USER", "UID", "CID", "COOKIE",
                              "LAST_COMM", "ALPN", "BEGAN"))


def secret_recording():
    recording = Recording()
    recording.process(77, "mumd", exe="/opt/hush/" + "x" * 150 + "/m", cgroup="/system.slice/quiet.service",
                      parent="1 whisper", cmdline="m --pass=xyzzy")
    for number in range(4):
        recording.accepted(10 * MS + number * MS, 77, ("203.0.113.5", 80), ("198.51.100.7", 40001 + number),
                           path="/hush/orders/%s/%d" % ("y" * 40, number), host="shop.secret", resent=1,
                           fields="Cookie: %s\nX-Id: plugh\n" % COOKIE)
    recording.refused(50 * MS, 77, ("2001:db9::1", 50001), ("2001:db9::7", 443))
    recording.accepted(60 * MS, 77, ("127.0.0.1", 80), ("127.0.0.1", 40001), path="/", host="db.secret")
    return recording


def outputs(test, path, more=(), forms=FORMATS):
    """Yields the words of each run, and everything it wrote."""
    for words, form in itertools.chain(itertools.product(REPORTS, forms), [DIAGRAMS], ((["-z", "conns", "--schema=" + name], "json")
                                                                           for name in ("zeek", "ecs", "otel"))):
        columns = ["-O", ALL_COLUMNS] if "conns" in words and "--schema" not in words[-1] else []
        record, metrics, page = test.path("out.ev"), test.path("out.prom"), test.path("out.html")
        done = test.run("--replay", path, "--format=" + form, "--record", record, "--metrics", metrics, "--html", page, "--html-title=pass=xyzzy", *words, *columns, *more)
        text = done.stdout + done.stderr
        for name in (record, metrics, page):
            with open(name, encoding="utf-8", errors="replace") as file:
                text += file.read()
        yield words + ["--format=" + form], done.returncode, text


def kinds_found(text):
    return {kind for kind, words in SECRETS.items() if any(word in text for word in words)} | (
        {"fields"} if COOKIE in text or "plugh" in text else set())


def main():
    test = cli.Cli()
    path = test.path("secret.ev", secret_recording().text())
    wrong, found = [], set()
    for words, status, text in outputs(test, path):
        found |= kinds_found(text)
        wrong += [] if status == 0 else ["%s: status %s" % (words, status)]
    wanted = set(SECRETS) | {"fields"}
    test.say("without it all of them are found", wrong + sorted(wanted - found))

    wrong = []
    for words, status, text in outputs(test, path, ["--redact"]):
        wrong += ["%s: status %s" % (words, status)] if status else []
        wrong += ["%s: %s" % (words, ", ".join(sorted(kinds_found(text))))] if kinds_found(text) else []
    test.say("with it none is in any report of any format, nor in recordings, metrics and details", wrong[:20])

    wrong = []
    for kind in sorted(wanted - {"fields", "unit"}):
        text = "".join(text for _, _, text in outputs(test, path, ["--redact=" + kind], ["json"]))
        seen = kinds_found(text)
        wrong += ["%s: found %s" % (kind, sorted(seen))] if seen | {"unit"} != wanted - {kind, "fields"} else []
    test.say("each kind hides its own, and header fields", wrong)

    first, second = test.path("first.ev"), test.path("second.ev")
    shown = test.run("--redact", "-q", "--replay", path, "--record", first, "-j", "-z", "conns", "-z", "peers", "-z", "http,tree")
    again = test.run("--redact", "-q", "--replay", path, "--record", second, "-j", "-z", "conns", "-z", "peers", "-z", "http,tree")
    with open(first, encoding="ascii") as one, open(second, encoding="ascii") as other:
        test.say("the same input gives the same pseudonyms", [] if one.read() == other.read() and shown.stdout == again.stdout
                 else ["recordings or reports differ"])
    rows = [json.loads(line) for line in shown.stdout.splitlines()]
    conns = [row for row in rows if row.get("report") == "conns"]
    clear = [json.loads(line) for line in test.run("-q", "--replay", path, "-j", "-z", "conns").stdout.splitlines()]
    wrong = []
    for name in ("laddr", "raddr", "exe", "comm", "host", "parent", "unit", "cmdline"):
        pairs = {(before[name], after[name]) for before, after in zip(clear, conns)}
        if len({pair[0] for pair in pairs}) != len(pairs) or len({pair[1] for pair in pairs}) != len(pairs):
            wrong.append("%s is not one to one: %s" % (name, sorted(map(str, pairs))))
    for before, after in zip(clear, conns):
        wrong += ["%s changed" % name for name in ("lport", "rport", "result", "rx_bytes", "pid", "start", "conn", "hs_ms")
                  if before[name] != after[name]]
        wrong += ["%s is %s" % (name, after[name]) for name in ("cookie", "cid", "uid") if after[name] is not None]
        if before["laddr"].startswith("127.") and after["laddr"] != before["laddr"]:
            wrong.append("loopback became " + after["laddr"])
    test.say("pseudonyms are one to one; ports and loopback stay; cookie, community id and UID are unknown",
             wrong + (["%d and %d rows" % (len(clear), len(conns))] if len(clear) != len(conns) or not conns else []))

    replayed = test.run("-q", "--replay", first, "-j", "-z", "conns", "-z", "http,tree")
    both = [json.loads(line) for line in replayed.stdout.splitlines()]
    same = [[{key: row[key] for key in ("laddr", "raddr", "lport", "rport", "result", "comm", "parent", "host", "rx_bytes", "pid")}
             for row in some if row.get("report") == "conns"] for some in (rows, both)]
    paths = [sorted((row["host"], row["path"], row["count"]) for row in some if row.get("report") == "http,tree")
             for some in (rows, both)]
    test.say("a redacted recording replays to the redacted report", [] if same[0] == same[1] and paths[0] == paths[1] and paths[0]
             else [same, paths])
    test.expect("packets are not redacted", test.run("--redact", "-w", test.path("x.pcapng"), "-r", path), 2,
                ["--redact cannot go with --write"])
    test.expect("a wrong word", test.run("--redact=addr,foo", "--replay", path), 2, ['"foo"', "addr, host, path, comm, user and args"])
    return test.end()


if __name__ == "__main__":
    raise SystemExit(main())
