#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--ladder --format=mermaid: diagrams that keep to the grammar and to their length, whatever the names are."""
import json
import os
import re
import subprocess
import sys

import cli
from html import HOSTILE, scene
from recording import Recording

# Text without what has a meaning in Mermaid but entities, and without the word "end" (sequenceDiagram.jison).
TEXT = r"(?:[-A-Za-z0-9 ./()\[\]=,?!@+^]|#\d+;)+"
LINES = (r"participant [PLR] as " + TEXT, r"Note over (?:L,R|P,R|R): " + TEXT, r"(?:P->>L|L-->>P|L->>R|R->>L|R-xL|L-xR): " + TEXT)


def diagrams(text):
    """Return: the diagrams, and what is not one."""
    found = re.findall(r"```mermaid\n(.*?)```\n", text, re.S)
    rest = re.sub(r"```mermaid\n.*?```\n", "", text, flags=re.S).strip()
    return found, [rest] if rest else []


def grammar(found):
    wrong = []
    for diagram in found:
        lines = diagram.splitlines()
        wrong += ["begins with " + lines[0]] if lines[0] != "sequenceDiagram" else []
        for line in lines[1:]:
            if not any(re.fullmatch("    " + form, line) for form in LINES) or re.search(r"\bend\b", line, re.I):
                wrong.append(line)
    return wrong[:10]


def long_one():
    """A connection whose diagram is far too long: hundreds of requests, and retransmissions."""
    recording = Recording()
    recording.process(77, "end")
    recording.accepted(0, 77, ("192.0.2.1", 80), ("198.51.100.1", 20000), size=400000, resent=60, host="end", path="/a;b#c:d")
    return recording


PARSE = """import mermaid from 'mermaid';
import {readFileSync} from 'fs';
for (const text of JSON.parse(readFileSync(0, 'utf8')))
  console.log(await mermaid.parse(text).then(found => found.diagramType, error => 'wrong: ' + error.message.split('\\n')[1]));
"""


def by_mermaid(test, found):
    """Mermaid itself, where CONNTRACE_MERMAID names a folder in which "npm install mermaid" was run."""
    name, folder = "Mermaid itself accepts them all, and not a wrong one", os.environ.get("CONNTRACE_MERMAID")
    if not folder:
        test.skip(name, "CONNTRACE_MERMAID names no folder with Mermaid")
        return
    done = subprocess.run(["node", "--input-type=module", "-e", PARSE], input=json.dumps(found + ["sequenceDiagram\n    L->>R without colon\n"]),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, cwd=folder, timeout=60, check=False)
    types = done.stdout.splitlines()
    wrong = [one for one in types[:-1] if one != "sequence"] + ([] if types[-1:] and types[-1].startswith("wrong: ") else types[-1:])
    test.say(name, wrong[:5] + ([] if len(types) == len(found) + 1 else ["%d answers" % len(types)]))


def main():
    test = cli.Cli()
    drawn = []
    hostile = test.path("hostile.ev", scene(hostile=True).text())
    done = test.run("-q", "--replay", hostile, "--ladder=all", "--format=mermaid")
    found, wrong = diagrams(done.stdout)
    test.say("each connection has a diagram in a fence", wrong + ([] if len(found) == 67 and done.returncode == 0 else ["%d" % len(found)]))
    test.say("hostile names keep to the grammar", grammar(found))
    drawn += found
    test.say("names are in it, as entities", [] if "#60;/script#62;#60;script" in done.stdout and all(
        name not in done.stdout for name in HOSTILE if not name.isalnum() and not name.startswith("__") and name != "constructor") else ["they are not"])
    long = test.path("long.ev", long_one().text())
    for most in (500, 2000, 20000):
        done = test.run("-q", "--replay", long, "--ladder=all", "--format=mermaid", "--ladder-chars=%d" % most)
        found, wrong = diagrams(done.stdout)
        diagram = found[0] if found else ""
        drawn += found
        segments = sum(int(number) for number in re.findall(r"Note over L,R: (\d+) segment", diagram))
        wrong += [] if len(diagram) <= most else ["%d characters" % len(diagram)]
        wrong += [] if ("SYN ACK" in diagram and "FIN ACK" in diagram) or most < 1000 else ["the handshake or the end is not in it"]
        wrong += [] if segments > 100 or most > 10000 else ["%d segments are counted" % segments]
        test.say("at most %d characters, what is folded is counted" % most, wrong + grammar(found))
    default = test.run("-q", "--replay", long, "--ladder=all", "--format=mermaid").stdout
    test.say("2,000 is the default", [] if default == test.run("-q", "--replay", long, "--ladder=all", "--format=mermaid",
                                                             "--ladder-chars=2000").stdout else ["another length"])
    both = Recording()
    both.process(77, "server")
    both.process(78, "client")
    both.opened_too(1000000, 78, ("127.0.0.1", 80), ("127.0.0.1", 40001), 4000000)
    both.accepted(1000000, 77, ("127.0.0.1", 80), ("127.0.0.1", 40001))
    words = ["-q", "--replay", test.path("both.ev", both.text()), "--ladder=all"]
    found, wrong = diagrams(test.run(*words, "--format=mermaid").stdout)
    text = test.run(*words).stdout
    wrong += [] if "    Note over R: connect(3) by the other side, pid 78\n" in found[0] and "    P->>L: connect(3)\n" in found[1] else found
    wrong += [] if text.count("by the other side, pid 78") == 2 else [text]
    test.say("a connect(2) of the other side is not drawn as the server's", wrong + grammar(found))
    calls = test.path("calls.ev", scene(3, packets=False).text())
    found, wrong = diagrams(test.run("-q", "--replay", calls, "--ladder=all", "--format=mermaid").stdout)
    test.say("without packets, calls", wrong + grammar(found) + ([] if "accept() = 5" in found[-1] else found))
    by_mermaid(test, drawn + found)
    for words, part in ((["-z", "conns"], "--format=mermaid is for --ladder only"), (["--ladder=all", "-z", "conns"], "is for --ladder only"),
                        (["--live"], "is for --ladder only")):
        test.expect(" ".join(words), test.run("--replay", calls, "--format=mermaid", *words), 2, [part])
    test.expect("the length alone", test.run("--replay", calls, "--ladder", "--ladder-chars=600"), 2, ["--ladder --format=mermaid"])
    test.expect("too few", test.run("--replay", calls, "--ladder", "--format=mermaid", "--ladder-chars=100"), 2, ["--ladder-chars"])
    return test.end()


if __name__ == "__main__":
    sys.exit(main())
